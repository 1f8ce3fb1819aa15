"""What the pages of the area share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.responses import Response

from beleg.accounts import Account
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


def going(accounts: Collection[Account], removed: Collection[int]) -> list[Account]:
    """What goes with the accounts that are to be removed: they, and those of their names that send."""
    names = {each.name.casefold() for each in accounts if each.id in removed and each.direction == "in"}
    return [
        each
        for each in accounts
        if each.id in removed or (each.direction == "out" and each.name.casefold() in names)
    ]  # fmt: skip
