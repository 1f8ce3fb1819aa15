"""The people: who may sign in, what each may do, and tokens of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.people import ROLES, User
from beleg.web.render import page, see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Scopes, Text, make_token, token_values

router = APIRouter()

Ticked = Annotated[bool, Form()]


@router.get("/users")
def listed(request: Request, visitor: Admin) -> Response:
    """All people."""
    return _listed(request, visitor)


@router.post("/users")
def add(
    request: Request,
    visitor: Admin,
    name: Text = "",
    password: Text = "",
    address: Text = "",
    role: Text = ROLES[0],
    language: Text = "",
    mail: Ticked = False,
) -> Response:
    """A new user."""
    fields: dict[str, Any] = {"address": address, "role": role, "language": language or None, "mail": mail}
    try:
        made = site_of(request).people.add(name, password, **fields, by=visitor.name)
    except InputError as error:
        entered = {"name": name, **fields}
        return _listed(request, visitor, entered=entered, fault=visitor.language.tell(error))
    return see(f"/users/{made.id}?done=added")


@router.get("/users/{id_}")
def shown(request: Request, visitor: Admin, id_: int, done: str = "") -> Response:
    """One user."""
    return _shown(request, visitor, site_of(request).people.user(id_), done=done)


@router.post("/users/{id_}")
def change(
    request: Request,
    visitor: Admin,
    id_: int,
    name: Text = "",
    address: Text = "",
    role: Text = "",
    language: Text = "",
    mail: Ticked = False,
    active: Ticked = False,
) -> Response:
    """Change a user."""

    def changed() -> None:
        site_of(request).people.change(
            id_, visitor.name, name=name, address=address, role=role, language=language or None, mail=mail,
            active=active,
        )  # fmt: skip

    return _done(request, visitor, id_, changed, "changed")


@router.post("/users/{id_}/password")
def password(request: Request, visitor: Admin, id_: int, password: Text = "") -> Response:
    """Give a user another password."""
    people = site_of(request).people
    return _done(request, visitor, id_, lambda: people.set_password(id_, password, visitor.name), "password")


@router.post("/users/{id_}/sign-out")
def sign_out(request: Request, visitor: Admin, id_: int) -> Response:
    """End all sessions of a user."""
    people = site_of(request).people
    return _done(request, visitor, id_, lambda: people.sign_out_everywhere(id_, visitor.name), "signed_out")


@router.post("/users/{id_}/tokens")
def new_token(
    request: Request, visitor: Admin, id_: int, name: Text = "", scopes: Scopes = (), days: Text = ""
) -> Response:
    """A token of the API for a user; its secret is in this answer alone."""
    user = site_of(request).people.user(id_)
    try:
        secret = make_token(request, visitor, user, name, scopes, days)
    except InputError as error:
        return _shown(request, visitor, user, fault=visitor.language.tell(error))
    return _shown(request, visitor, user, secret=secret)


@router.post("/users/{id_}/tokens/{token}/revoke")
def revoke(request: Request, visitor: Admin, id_: int, token: int) -> Response:
    """Let a token of a user end."""
    site_of(request).people.revoke(id_, token, visitor.name)
    return see(f"/users/{id_}?done=revoked")


def _done(request: Request, visitor: Visitor, id_: int, act: Callable[[], object], done: str) -> Response:
    """Do it, and show the user; or why it can't be done."""
    user = site_of(request).people.user(id_)
    try:
        act()
    except InputError as error:
        return _shown(request, visitor, user, fault=visitor.language.tell(error))
    return see(f"/users/{id_}?done={done}")


_EMPTY = {"name": "", "address": "", "role": ROLES[0], "language": None, "mail": True}


def _listed(
    request: Request, visitor: Visitor, *, entered: dict[str, Any] = _EMPTY, fault: str | None = None
) -> Response:
    users = site_of(request).people.users()
    return page(
        request, visitor, "users.html", status=400 if fault else 200,
        users=users, roles=ROLES, entered=entered, fault=fault,
    )  # fmt: skip


def _shown(
    request: Request,
    visitor: Visitor,
    user: User,
    *,
    done: str = "",
    fault: str | None = None,
    secret: str | None = None,
) -> Response:
    return page(
        request, visitor, "user.html", status=400 if fault else 200,
        user=user, roles=ROLES, done=done, fault=fault, **token_values(request, user, secret),
    )  # fmt: skip
