"""Mail servers of another make (GREYHOUND): which one serves the company, and how it is reached."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field, SecretStr, StringConstraints

from beleg.accounts.servers import Servers, ServerView
from beleg.errors import InputError
from beleg.web.api.access import Administering
from beleg.web.api.accounts import Checked, Trouble, moment, step_seen
from beleg.web.api.fields import TEXT, Given, Lang
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import site_of

router = APIRouter(tags=["accounts"])

ServerName = Annotated[
    str, Path(min_length=1, max_length=100, pattern=TEXT, description="Its name.", examples=["greyhound"])
]
_Line = Annotated[str, StringConstraints(max_length=1000, pattern=TEXT)]


class ServerSeen(Answer):
    """A mail server of another make, without its password."""

    name: str
    title: str
    limits: list[str]
    """What can't be done there through Beleg."""
    requirements: list[str]
    saved: bool
    """Settings were entered."""
    active: bool
    """It serves the company, instead of Beleg's own accounts."""
    managed: bool
    """The provider manages the account: user name and password are locked."""
    address: str
    user: str
    has_password: bool
    client_id: str
    server_name: str
    authorities: str
    allow_private: bool
    allow_redirects: bool
    seconds: float
    error: Trouble | None
    succeeded: datetime | None
    due: datetime | None
    halted: bool
    mails: int
    """How many of its mails were read."""


class MailServers(Answer):
    """The mail servers of another make that are installed."""

    items: list[ServerSeen]
    active: str | None
    """Which one serves the company; null: Beleg's own accounts do."""


class _Settings(Given):
    address: _Line | None = Field(None, description="a host, or an https URL", examples=["mail.example.com"])
    user: _Line | None = None
    password: Annotated[SecretStr, Field(max_length=1000, description="never given back")] | None = None
    client_id: _Line | None = None
    server_name: _Line | None = Field(None, description="the name in the certificate, where it is another")
    authorities: Annotated[str, StringConstraints(max_length=50_000, pattern=TEXT)] | None = Field(
        None, description="certificates in PEM that are trusted besides the system's"
    )
    allow_private: bool | None = None
    allow_redirects: bool | None = None
    seconds: Annotated[float, Field(ge=1, le=600)] | None = None


class ChangedServer(_Settings):
    """What is to change; what is left out or null stays. The password is given again where the address changes."""

    managed: bool | None = None
    unlocked: bool = Field(False, description="change user name or password though the provider manages the account")


class ToCheckServer(_Settings):
    """Settings to try, where they differ from those that are stored."""


class Serving(Given):
    """Which mail server serves the company."""

    name: Annotated[str, StringConstraints(max_length=100, pattern=TEXT)] | None = Field(
        description="null: Beleg's own accounts", examples=["greyhound"]
    )


@router.get("/mail-servers", operation_id="listMailServers", summary="List mail servers of another make")
def list_(request: Request, caller: Administering, lang: Lang) -> MailServers:
    """Those that are installed, and which one serves the company."""
    return _all(Servers(site_of(request).accounts), lang.code(caller))


@router.put(
    "/mail-servers/active", operation_id="useMailServer", summary="Choose the mail server", responses=responses(404)
)
def use(request: Request, body: Serving, caller: Administering, lang: Lang) -> MailServers:
    """Let one serve the company, or Beleg's own accounts. 400 where it is not set up yet."""
    servers = Servers(site_of(request).accounts)
    servers.use(body.name, caller.name)
    return _all(servers, lang.code(caller))


@router.patch("/mail-servers/{server}", operation_id="changeMailServer", summary="Set a mail server up")
def change(request: Request, server: ServerName, body: ChangedServer, caller: Administering, lang: Lang) -> ServerSeen:
    """Store how it is reached. 400 where user name or password are locked."""
    servers = Servers(site_of(request).accounts)
    given = _given(body)
    unlocked = given.pop("unlocked", False)
    if not given:
        raise InputError("nothing to change was given")
    return _told(servers.save(server, caller.name, unlocked=unlocked, **given), lang.code(caller))


@router.post("/mail-servers/{server}/check", operation_id="checkMailServer", summary="Check a mail server")
def check(request: Request, server: ServerName, body: ToCheckServer, caller: Administering, lang: Lang) -> Checked:
    """Reach it, check TLS and version, sign in, step by step. Changes nothing."""
    found = Servers(site_of(request).accounts).check(server, **_given(body))
    steps = [step_seen(each, lang.code(caller)) for each in found]
    return Checked(ok=all(each.ok for each in steps), steps=steps)


def _given(body: Given) -> dict[str, Any]:
    return {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}


def _all(servers: Servers, language: str) -> MailServers:
    items = [_told(servers.settings_view(name), language) for name in servers.available()]
    return MailServers(items=items, active=servers.active())


def _told(view: ServerView, language: str) -> ServerSeen:
    error = None
    if view.fault and view.error:
        error = Trouble(fault=view.fault, text=view.error[language], at=moment(view.failed))
    return ServerSeen(
        name=view.name, title=view.title.say(language), limits=[each.say(language) for each in view.limits],
        requirements=[each.say(language) for each in view.requirements], saved=view.saved, active=view.active,
        managed=view.managed, address=view.address, user=view.user, has_password=view.has_secret,
        client_id=view.client_id, server_name=view.server_name, authorities=view.authorities,
        allow_private=view.allow_private, allow_redirects=view.allow_redirects, seconds=view.seconds, error=error,
        succeeded=moment(view.succeeded), due=moment(view.due), halted=view.halted, mails=view.mails,
    )  # fmt: skip
