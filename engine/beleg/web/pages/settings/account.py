"""The form of one account, new or stored: filling it from a preset, checking what was typed, saving."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.accounts import Account, Direction
from beleg.accounts.providers import PRESETS
from beleg.errors import InputError, NotFound
from beleg.web.pages.settings import checking
from beleg.web.pages.settings.entered import AccountForm, spoken
from beleg.web.pages.settings.view import ACCOUNTS, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import Site, site_of

router = APIRouter()

Typed = Annotated[AccountForm, Form()]


@router.get(f"{ACCOUNTS}/new/{{direction}}")
def blank(request: Request, visitor: Admin, direction: Direction, preset: str = "", check: str = "") -> Response:
    """The form of a new account."""
    protocols = spoken(site_of(request).accounts, direction)
    usual = AccountForm(auth=protocols[0].auths[0] if protocols else "login", senders="*" if direction == "out" else "")
    return _shown(request, visitor, direction, None, usual.preset(preset, direction), preset=preset, check=check)


@router.post(f"{ACCOUNTS}/new/{{direction}}")
def add(request: Request, visitor: Admin, direction: Direction, form: Typed) -> Response:
    """Store a new account, and what it brings; or try what was typed."""
    accounts = site_of(request).accounts
    try:
        form = _whole(request, visitor, form)
        if form.act == "check":
            return _check(request, visitor, direction, None, form)
        fields = form.fields(accounts, direction)
        if direction == "out":
            made = accounts.add("out", visitor.name, **fields)
        else:
            address = form.address.strip() or None
            sends = form.sends(accounts)
            made = accounts.add("in", visitor.name, group_address=address, sends=sends, **fields)
    except InputError as error:
        return _shown(request, visitor, direction, None, form, fault=visitor.language.tell(error))
    return see(f"{ACCOUNTS}?done=added&about={made.id}")


@router.get(f"{ACCOUNTS}/{{id_}}")
def stored(request: Request, visitor: Admin, id_: int, preset: str = "", check: str = "", done: str = "") -> Response:
    """The form of an account."""
    account = _account(site_of(request), id_)
    form = AccountForm.of(account).preset(preset, account.direction)
    return _shown(request, visitor, account.direction, account, form, preset=preset, check=check, done=done)


@router.post(f"{ACCOUNTS}/{{id_}}")
def change(request: Request, visitor: Admin, id_: int, form: Typed) -> Response:
    """Store what was typed; or try it."""
    site = site_of(request)
    account = _account(site, id_)
    try:
        form = _whole(request, visitor, form)
        if form.act == "check":
            return _check(request, visitor, account.direction, account, form)
        site.accounts.change(id_, visitor.name, **form.fields(site.accounts, account.direction))
    except InputError as error:
        fault = visitor.language.tell(error)
        return _shown(request, visitor, account.direction, account, form, fault=fault)
    return see(f"{ACCOUNTS}?done=changed&about={id_}")


def _account(site: Site, id_: int) -> Account:
    return site.accounts.account(id_)


def _whole(request: Request, visitor: Visitor, form: AccountForm) -> AccountForm:
    """With the password that was typed for a check: a page never has it, so it comes back without. Raises InputError
    where it is no longer kept."""
    if not form.check or form.password.get_secret_value():
        return form
    try:
        before = checking.typed(site_of(request), visitor, request.url.path, form.check)
    except NotFound:
        raise InputError("Enter the password again: it was kept for the check only.") from None
    return form.model_copy(update={"password": before.password})


def _check(
    request: Request, visitor: Visitor, direction: Direction, account: Account | None, form: AccountForm
) -> Response:
    site = site_of(request)

    def steps() -> Any:
        fields = form.fields(site.accounts, direction)
        fields["name"] = fields["name"].strip() or "–"  # no server asks for it
        return site.accounts.check(direction, account.id if account else None, **fields)

    return see(f"{request.url.path}?check={checking.begin(site, visitor, request.url.path, form, steps)}")


def _shown(
    request: Request,
    visitor: Visitor,
    direction: Direction,
    account: Account | None,
    form: AccountForm,
    *,
    preset: str = "",
    check: str = "",
    done: str = "",
    fault: str | None = None,
) -> Response:
    site = site_of(request)
    found = checking.found(site, visitor, request.url.path, check)
    if found:
        form = found[1]
    protocols = spoken(site.accounts, direction)
    protocol = next((each for each in protocols if each.name == form.protocol), protocols[0] if protocols else None)
    providers = site.accounts.links.providers()
    tips = next((each.tips for each in providers if each.name == form.provider and form.auth == "oauth2"), ())
    accounts = site.accounts
    return settings_page(
        request, visitor, "settings_account.html", fault=fault,
        direction=direction,
        account=account,
        form=form,
        kept=bool(found and found[1].password.get_secret_value()),
        check=found[0] if found else None,
        protocols=protocols,
        protocol=protocol,
        providers=providers,
        presets=[each for each in PRESETS.values() if each.fetching],
        preset=preset,
        tips=[each.say(visitor.language.code) for each in (PRESETS[preset].tips if preset in PRESETS else tips)],
        full=account is None and len(accounts.accounts(direction)) >= accounts.settings.limit,
        limit=accounts.settings.limit,
        link=accounts.links.state(account) if account and account.auth == "oauth2" else None,
        group=accounts.group(account.group) if account and account.group else None,
        done=done,
    )  # fmt: skip
