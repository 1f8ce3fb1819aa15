"""Editing several accounts at once: of all of them, only the chosen fields change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from beleg.accounts import Account
from beleg.errors import InputError
from beleg.web.pages.settings.accounts import show
from beleg.web.pages.settings.entered import AccountForm, Line, spoken
from beleg.web.pages.settings.view import ACCOUNTS, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of

router = APIRouter()

FIELDS = {
    "in": ("host", "port", "security", "auth", "provider", "user", "password", "active", "after", "delete_too"),
    "out": ("host", "port", "security", "auth", "provider", "user", "password", "active", "senders"),
}
"""What can be changed of several accounts; with `after` go the days."""


class SeveralForm(AccountForm):
    """The form: which accounts, and which fields to `change`."""

    account: Sequence[int] = ()
    change: Sequence[Line] = ()


@router.get(f"{ACCOUNTS}/several")
def several(request: Request, visitor: Admin, account: Annotated[Sequence[int], Query()] = ()) -> Response:
    """The form."""
    try:
        accounts = _accounts(request, account)
    except InputError as error:
        return show(request, visitor, fault=visitor.language.tell(error))
    first = accounts[0]
    return _shown(request, visitor, accounts, SeveralForm(**AccountForm.of(first).model_dump()))


@router.post(f"{ACCOUNTS}/several")
def change(request: Request, visitor: Admin, form: Annotated[SeveralForm, Form()]) -> Response:
    """Change them, all or none."""
    site = site_of(request)
    accounts = _accounts(request, form.account)
    direction = accounts[0].direction
    try:
        names = [name for name in FIELDS[direction] if name in form.change]
        if not names:
            raise InputError("Choose at least one field to change.")
        fields = form.some(names + (["days"] if "after" in names else []), site.accounts, direction)
        fields.pop("protocol", None)
        site.accounts.change_many([each.id for each in accounts], visitor.name, **fields)
    except InputError as error:
        return _shown(request, visitor, accounts, form, fault=visitor.language.tell(error))
    return see(f"{ACCOUNTS}?done=changed")


def _accounts(request: Request, ids: Sequence[int]) -> list[Account]:
    """The accounts, all of one direction. Raises InputError, NotFound."""
    accounts = [site_of(request).accounts.account(id_) for id_ in dict.fromkeys(ids)]
    if not accounts:
        raise InputError("Select the accounts first.")
    if len({each.direction for each in accounts}) > 1:
        raise InputError("Select accounts that fetch mail, or accounts that send it, not both.")
    return accounts


def _shown(
    request: Request, visitor: Visitor, accounts: Sequence[Account], form: SeveralForm, *, fault: str | None = None
) -> Response:
    site = site_of(request)
    direction = accounts[0].direction
    protocols = spoken(site.accounts, direction)
    return settings_page(
        request, visitor, "settings_several.html", fault=fault,
        accounts=accounts,
        direction=direction,
        form=form,
        fields_of=FIELDS[direction],
        protocol=next((each for each in protocols if each.name == accounts[0].protocol), None),
        providers=site.accounts.links.providers(),
    )  # fmt: skip
