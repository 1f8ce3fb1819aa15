"""Who asks: a token of the API, and what its scopes allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from beleg.people import User
from beleg.web.site import site_of

_bearer = HTTPBearer(auto_error=False, description="A token made by `beleg user token`")


@dataclass(frozen=True)
class Caller:
    """The person whose token a request carries, and the scopes that it has."""

    user: User
    scopes: frozenset[str]


def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Whoever asks. Raises HTTPException 401 without a token that is good."""
    found = site_of(request).people.token(given.credentials) if given else None
    if found is None:
        fault = "this token is not known, has expired or was revoked" if given else "a token is needed"
        raise HTTPException(401, f"{fault}; send Authorization: Bearer beleg_…", {"WWW-Authenticate": "Bearer"})
    return Caller(*found)


def needs(scope: str) -> Callable[..., Caller]:
    """A dependency: a token with this scope, of a person who may use mail."""

    def allowed(found: Annotated[Caller, Depends(caller)]) -> Caller:
        if scope not in found.scopes:
            raise HTTPException(403, f"this token lacks the scope {scope!r}")
        if not found.user.mail and scope != "admin":
            raise HTTPException(403, f"the profile of {found.user.name} does not allow to use mail")
        return found

    return allowed


Reading = Annotated[Caller, Depends(needs("read"))]
Correcting = Annotated[Caller, Depends(needs("correct"))]
Administering = Annotated[Caller, Depends(needs("admin"))]
