"""Tokens of the API on pages: what the page of a user and one's own profile share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Form, Request

from beleg.errors import InputError
from beleg.people import SCOPES, Token, User
from beleg.people.entered import ALLOWED
from beleg.web.sessions import Visitor
from beleg.web.site import site_of

Text = Annotated[str, Form(max_length=2000)]
Scopes = Annotated[Sequence[str], Form()]
LONGEST = 36_500
"""Days that a token lasts at most, where it ends at all."""


def make_token(request: Request, visitor: Visitor, user: User, name: str, scopes: Sequence[str], days: str) -> str:
    """A new token; returns its secret. Raises InputError."""
    expires = None
    if text := days.strip():
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= LONGEST):
            raise InputError("A token lasts 1 to %(most)s days.", most=LONGEST)
        expires = int(time.time()) + int(text) * 86_400
    _, secret = site_of(request).people.new_token(user.id, name, scopes, expires=expires, by=visitor.name)
    return secret


def token_values(request: Request, user: User, secret: str | None = None) -> dict[str, Any]:
    """What the list of a user's tokens shows."""
    tokens = site_of(request).people.tokens(user.id)
    allowed = [scope for scope in SCOPES if scope in ALLOWED[user.role]]
    return {"tokens": tokens, "scopes": allowed, "secret": secret, "expired": _expired}


def _expired(token: Token) -> bool:
    return token.expires is not None and token.expires <= time.time()
