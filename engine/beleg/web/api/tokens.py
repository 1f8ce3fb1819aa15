"""Tokens of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, Field

from beleg.people import Token
from beleg.web.api.access import Administering
from beleg.web.api.fields import Given, TokenNumber, UserNumber
from beleg.web.api.shapes import Answer, Scope
from beleg.web.api.users import Name
from beleg.web.site import site_of

router = APIRouter(tags=["users"])


class TokenSeen(Answer):
    """A token, without its secret."""

    id: int
    name: str
    """What it is for."""
    scopes: list[Scope]
    created: str
    """In UTC (ISO 8601)."""
    expires: datetime | None
    """Null: never."""


class TokenMade(TokenSeen):
    """A new token."""

    secret: str
    """What requests carry. It can't be shown again."""


class Tokens(Answer):
    """The tokens of a user, expired ones too."""

    items: list[TokenSeen]


class NewToken(Given):
    """A token to be."""

    name: Name = Field(description="what it is for", examples=["ERP"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)] = Field(examples=[["read"]])
    expires: AwareDatetime | None = Field(None, description="null: never", examples=["2031-01-01T00:00:00Z"])


@router.get("/users/{user}/tokens", operation_id="listTokens", summary="List the tokens of a user")
def list_(request: Request, user: UserNumber, caller: Administering) -> Tokens:
    """The tokens of a user, expired ones too."""
    return Tokens(items=[TokenSeen.model_validate(_fields(each)) for each in site_of(request).people.tokens(user)])


@router.post("/users/{user}/tokens", operation_id="addToken", summary="Make a token for a user", status_code=201)
def add(request: Request, user: UserNumber, body: NewToken, caller: Administering) -> TokenMade:
    """A token, with its secret, which is shown this once. 400 where it would allow more than the role of the user."""
    expires = int(body.expires.timestamp()) if body.expires else None
    made, secret = site_of(request).people.new_token(user, body.name, body.scopes, expires=expires, by=caller.name)
    return TokenMade.model_validate({**_fields(made), "secret": secret})


@router.delete(
    "/users/{user}/tokens/{token}",
    operation_id="revokeToken",
    summary="Revoke a token",
    status_code=204,
    response_class=Response,
)
def revoke(request: Request, user: UserNumber, token: TokenNumber, caller: Administering) -> None:
    """Let a token end now."""
    site_of(request).people.revoke(user, token, caller.name)


def _fields(token: Token) -> dict[str, object]:
    expires = datetime.fromtimestamp(token.expires, UTC) if token.expires is not None else None
    return {
        "id": token.id, "name": token.name, "scopes": list(token.scopes), "created": token.created, "expires": expires
    }  # fmt: skip
