"""People who may sign in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, SecretStr, StringConstraints

from beleg.people import User
from beleg.web.api.access import Administering, Anyone
from beleg.web.api.fields import TEXT, Given, LanguageCode, UserNumber
from beleg.web.api.shapes import Answer, Role, Scope
from beleg.web.site import site_of

router = APIRouter(tags=["users"])

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=TEXT)]
Address = Annotated[str, StringConstraints(max_length=320, pattern=TEXT)]
Password = Annotated[SecretStr, Field(min_length=10, max_length=1000, description="10 to 1,000 characters")]


class UserSeen(Answer):
    """A person who may sign in."""

    id: int
    name: str
    address: str
    """His e-mail address, which is ignored as evidence; empty where he has none."""
    role: Role
    language: LanguageCode | None
    """Null: that of the browser, or of the site."""
    mail: bool
    """Whether he may use mail at all."""
    active: bool
    """Whether he may sign in, and his tokens count."""
    created: str
    """In UTC (ISO 8601)."""


class Me(Answer):
    """Whose token it is, and what it allows now."""

    user: UserSeen
    scopes: list[Scope]


class Users(Answer):
    """All users, by name."""

    items: list[UserSeen]


class NewUser(Given):
    """A user to be."""

    name: Name = Field(examples=["Erika Braun"])
    password: Password
    address: Address = Field("", examples=["erika@firma.example"])
    role: Role = "support"
    language: LanguageCode | None = None
    mail: bool = True


class ChangedUser(Given):
    """What is to change of a user; what is left out stays."""

    name: Name | None = None
    address: Address | None = None
    role: Role | None = None
    language: LanguageCode | None = Field(None, description="null: that of the browser, or of the site")
    mail: bool | None = None
    active: bool | None = None


class NewPassword(Given):
    """Another password."""

    password: Password


@router.get("/me", operation_id="getMe", summary="Show whose token this is")
def me(caller: Anyone) -> Me:
    """Whose token it is, and what it allows now."""
    return Me.model_validate({"user": _seen(caller.user), "scopes": sorted(caller.scopes)})


@router.get("/users", operation_id="listUsers", summary="List users")
def list_(request: Request, caller: Administering) -> Users:
    """All users, by name."""
    return Users(items=[_seen(each) for each in site_of(request).people.users()])


@router.post("/users", operation_id="addUser", summary="Add a user", status_code=201)
def add(request: Request, body: NewUser, caller: Administering) -> UserSeen:
    """A new user. 400 where the name is taken."""
    user = site_of(request).people.add(
        body.name, body.password.get_secret_value(), address=body.address, role=body.role, language=body.language,
        mail=body.mail, by=caller.name,
    )  # fmt: skip
    return _seen(user)


@router.get("/users/{user}", operation_id="showUser", summary="Show a user")
def show(request: Request, user: UserNumber, caller: Administering) -> UserSeen:
    """A user."""
    return _seen(site_of(request).people.user(user))


@router.patch("/users/{user}", operation_id="changeUser", summary="Change a user")
def change(request: Request, user: UserNumber, body: ChangedUser, caller: Administering) -> UserSeen:
    """Change a user; what is left out stays. One who is made inactive is signed out everywhere. 400 where no active
    admin would be left."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    # Of the fields only the language may be nothing; null leaves the others as they are.
    fields = {name: value for name, value in given.items() if value is not None or name == "language"}
    return _seen(site_of(request).people.change(user, caller.name, **fields))


@router.put(
    "/users/{user}/password",
    operation_id="setPassword",
    summary="Set a password",
    status_code=204,
    response_class=Response,
)
def password(request: Request, user: UserNumber, body: NewPassword, caller: Administering) -> None:
    """Give a user another password: he is signed out everywhere. His tokens stay."""
    site_of(request).people.set_password(user, body.password.get_secret_value(), caller.name)


def _seen(user: User) -> UserSeen:
    return UserSeen.model_validate(user, from_attributes=True)
