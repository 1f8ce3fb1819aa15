"""Who asks: a token of the API, and what its scopes allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from beleg.people import User
from beleg.web.site import site_of

SCHEME = "token"
"""The name of the security scheme in the OpenAPI document."""
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name=SCHEME,
    description="A token of a person, made by `beleg user token` or by `POST /users/{user}/tokens`. It has some of the "
    "scopes `read` (see mail, records, rules), `correct` (assign, remove, decide again) and `admin` (users, ignored "
    "addresses), and never allows more than the role of its person does.",
)


@dataclass(frozen=True)
class Caller:
    """The person whose token a request carries, and the scopes that it has."""

    user: User
    scopes: frozenset[str]

    @property
    def name(self) -> str:
        """Who does it, for the journal: the person, as when he uses the page."""
        return self.user.name


def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Whoever asks. Raises HTTPException 401 without a token that is good."""
    found = site_of(request).people.token(given.credentials) if given else None
    if found is None:
        fault = "this token is not known, has expired or was revoked" if given else "a token is needed"
        raise HTTPException(401, f"{fault}; send Authorization: Bearer beleg_…", {"WWW-Authenticate": "Bearer"})
    return Caller(*found)


@dataclass(frozen=True)
class Needs:
    """A dependency: a token with this scope, of a person who may use mail (which who manages need not)."""

    scope: str

    def __call__(self, found: Annotated[Caller, Depends(caller)]) -> Caller:
        """The caller, if he may. Raises HTTPException 403."""
        if self.scope not in found.scopes:
            raise HTTPException(403, f"this token lacks the scope {self.scope!r}")
        if not found.user.mail and self.scope != "admin":
            raise HTTPException(403, f"the profile of {found.user.name} does not allow to use mail")
        return found


Anyone = Annotated[Caller, Depends(caller)]
Reading = Annotated[Caller, Depends(Needs("read"))]
Correcting = Annotated[Caller, Depends(Needs("correct"))]
Administering = Annotated[Caller, Depends(Needs("admin"))]
