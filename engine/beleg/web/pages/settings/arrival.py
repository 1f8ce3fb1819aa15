"""The rules "Incoming: [name]": to which group, in which state, to whom mail goes that arrives on an account."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.accounts import ARRIVAL, ArrivalRule
from beleg.accounts.model import Work
from beleg.errors import InputError
from beleg.web.pages.settings.view import MAIL, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Text

router = APIRouter()

ARRIVING = f"{MAIL}/arrival"


@router.get(ARRIVING)
def listed(request: Request, visitor: Admin, done: int = 0) -> Response:
    """All rules."""
    return _shown(request, visitor, done=done)


@router.post(f"{ARRIVING}/{{id_}}")
def change(
    request: Request,
    visitor: Admin,
    id_: int,
    group: Annotated[int, Form()] = 0,
    work: Text = "",
    owner: Text = "",
    topic: Text = "",
) -> Response:
    """Change the rule of an account."""
    rule = ArrivalRule(id_, group, cast(Work, work), _id(owner), _id(topic))
    try:
        site_of(request).accounts.change_arrival_rule(rule, visitor.name)
    except InputError as error:
        return _shown(request, visitor, fault=visitor.language.tell(error))
    return see(f"{ARRIVING}?done={id_}#rule-{id_}")


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _shown(request: Request, visitor: Visitor, *, done: int = 0, fault: str | None = None) -> Response:
    site = site_of(request)
    rules = site.accounts.arrival_rules()
    accounts = [each for each in site.accounts.accounts("in") if each.id in rules]
    code = visitor.language.code
    return settings_page(
        request, visitor, "settings_arrival.html", fault=fault,
        rules=[(rules[each.id], each, ARRIVAL.say(code, {"name": each.name})) for each in accounts],
        groups=site.accounts.groups(),
        topics=site.accounts.topics(),
        people=[each for each in site.people.users() if each.active and each.mail],
        done=done,
    )  # fmt: skip
