"""The accounts as lists: what fetches mail and what sends it, and how each fares. Removing is staged: what is removed
stands in the page's address, and is deleted when that page is saved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from beleg.accounts import Account
from beleg.accounts.servers import Servers, ServerView
from beleg.errors import InputError, NotFound
from beleg.mailserver import MailServerError
from beleg.web.pages.settings.view import ACCOUNTS, going, missing, serving, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of

router = APIRouter()

SELECTED = "selected"
PATIENCE = 3.0
"""For how many seconds the page waits for each answer of a mail server of another make."""
Ids = Annotated[Sequence[int], Query()]
Chosen = Annotated[Sequence[int], Form()]
Word = Annotated[str, Form(max_length=40)]


@router.get(ACCOUNTS)
def listed(
    request: Request,
    visitor: Admin,
    removed: Ids = (),
    account: Ids = (),
    remove: str = "",
    done: str = "",
    about: int = 0,
) -> Response:
    """The lists; `remove` takes one, or those that are selected, from them."""
    if remove:
        return see(address([*removed, *_meant(remove, account)]))
    return show(request, visitor, removed, done=done, about=about)


@router.post(ACCOUNTS)
def save(request: Request, visitor: Admin, removed: Chosen = ()) -> Response:
    """Delete what was taken from the lists."""
    accounts = site_of(request).accounts
    there = [each.id for each in accounts.accounts() if each.id in removed]
    accounts.remove(there, visitor.name)
    return see(f"{ACCOUNTS}?done=removed")


@router.post(f"{ACCOUNTS}/switch")
def switch(
    request: Request, visitor: Admin, on: Word = "", off: Word = "", account: Chosen = (), removed: Chosen = ()
) -> Response:
    """Activate or deactivate one, or those that are selected."""
    try:
        ids = _meant(on or off, account)
        site_of(request).accounts.change_many(ids, visitor.name, active=bool(on))
    except InputError as error:
        return show(request, visitor, removed, fault=visitor.language.tell(error))
    return see(address(removed, done="on" if on else "off"))


def address(removed: Collection[int] = (), **parameters: str) -> str:
    """The address of the lists with what is taken from them."""
    query = urlencode([*(("removed", id_) for id_ in dict.fromkeys(removed)), *parameters.items()])
    return f"{ACCOUNTS}?{query}" if query else ACCOUNTS


def show(
    request: Request,
    visitor: Visitor,
    removed: Collection[int] = (),
    *,
    done: str = "",
    about: int = 0,
    fault: str | None = None,
) -> Response:
    """The lists, after something was done or could not be."""
    site = site_of(request)
    accounts = site.accounts.accounts()
    gone = going(accounts, removed)
    left = [each for each in accounts if each not in gone]
    links = site.accounts.links
    server = serving(site.accounts)
    return settings_page(
        request, visitor, "settings_accounts.html", fault=fault,
        fetching=[each for each in left if each.direction == "in"],
        sending=[each for each in left if each.direction == "out"],
        full={way for way in ("in", "out") if _count(accounts, way) >= site.accounts.settings.limit},
        limit=site.accounts.settings.limit,
        removed=[each.id for each in gone if each.id in removed],
        gone=gone,
        undo={each.id: address([id_ for id_ in removed if id_ != each.id]) for each in gone if each.id in removed},
        server=server,
        there=_there(request, visitor, server),
        missing=missing(site.accounts, server),
        done=done,
        about=_about(request, accounts, about),
        links=links.states(),
        whose=links.whose,
        ending=links.reminders(),
    )  # fmt: skip


def _meant(which: str, selected: Sequence[int]) -> list[int]:
    """The accounts that a button means. Raises InputError where none is selected."""
    if which == SELECTED and not selected:
        raise InputError("Select the accounts first.")
    if which == SELECTED:
        return list(selected)
    return [int(which)] if which.isascii() and which.isdigit() and len(which) < 10 else []


def _there(request: Request, visitor: Visitor, server: ServerView | None) -> dict[str, Any]:
    """The accounts that a mail server of another make keeps, or why they can't be shown."""
    if server is None:
        return {}
    try:
        return {"accounts": Servers(site_of(request).accounts).accounts_there(PATIENCE)}
    except MailServerError as error:
        return {"fault": error.say(visitor.language.code)}
    except (InputError, NotFound) as error:  # no key; another one was chosen meanwhile
        return {"fault": visitor.language.tell(error)}


def _count(accounts: Collection[Account], direction: str) -> int:
    return sum(each.direction == direction for each in accounts)


def _about(request: Request, accounts: Collection[Account], id_: int) -> dict[str, object]:
    """What was just made: the account, and its group."""
    found = next((each for each in accounts if each.id == id_), None)
    groups = site_of(request).accounts.groups() if found and found.group else []
    return {"account": found, "group": next((each for each in groups if found and each.id == found.group), None)}
