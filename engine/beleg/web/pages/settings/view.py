"""What the pages of the area share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.responses import Response

from beleg.accounts import Account, Accounts, Direction
from beleg.accounts.servers import Servers, ServerView
from beleg.web.render import page
from beleg.web.sessions import Visitor

MAIL = "/settings/mail"
ACCOUNTS = f"{MAIL}/accounts"


def settings_page(request: Request, visitor: Visitor, template: str, *, fault: str | None, **values: Any) -> Response:
    """A page of the area; with a fault, it says so."""
    status = 400 if fault else 200
    return page(request, visitor, template, status=status, fault=fault, when=when, ACCOUNTS=ACCOUNTS, **values)


def when(seconds: int | None) -> datetime | None:
    """A stored time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def serving(accounts: Accounts) -> ServerView | None:
    """The mail server of another make that serves the company; None: Beleg's own accounts do."""
    servers = Servers(accounts)
    name = servers.active()
    return servers.settings_view(name) if name in servers.available() else None


def missing(accounts: Accounts, server: ServerView | None) -> list[Direction]:
    """Of which directions an account is still missing: none that fetches where another server has the mail."""
    return [each for each in accounts.missing() if each == "out" or server is None]


def going(accounts: Collection[Account], removed: Collection[int]) -> list[Account]:
    """What goes with the accounts that are to be removed: they, and those of their names that send."""
    names = {each.name.casefold() for each in accounts if each.id in removed and each.direction == "in"}
    return [
        each
        for each in accounts
        if each.id in removed or (each.direction == "out" and each.name.casefold() in names)
    ]  # fmt: skip
