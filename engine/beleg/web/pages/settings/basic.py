"""Basic settings: which mail server serves the company, how one of another make is reached, and what is still
missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, SecretStr, StringConstraints
from starlette.responses import Response

from beleg.accounts.servers import ServerFields, Servers, ServerView
from beleg.errors import InputError, NotFound
from beleg.mailserver import NO_SECRET
from beleg.web.pages.settings import checking
from beleg.web.pages.settings.entered import Line
from beleg.web.pages.settings.view import MAIL, missing, serving, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Text

router = APIRouter()

SERVERS = f"{MAIL}/servers"


class ServerForm(BaseModel):
    """What is typed of a server; `unlocked`: the warning was read, so user name and password may change. `act` and
    `check` as in `AccountForm`."""

    address: Line = ""
    user: Line = ""
    password: SecretStr = NO_SECRET
    client_id: Line = ""
    server_name: Line = ""
    authorities: Annotated[str, StringConstraints(max_length=60_000)] = ""
    allow_private: bool = False
    allow_redirects: bool = False
    managed: bool = False
    unlocked: bool = False
    act: Line = "save"
    check: Line = ""

    @classmethod
    def of(cls, view: ServerView) -> ServerForm:
        """What is stored."""
        names = [name for name in cls.model_fields if hasattr(view, name)]
        return cls(**{name: getattr(view, name) for name in names})

    def fields(self, *, locked: bool) -> ServerFields:
        """All that is said; where user name and password are locked they are not there."""
        values = ServerFields(
            address=self.address, client_id=self.client_id, server_name=self.server_name, authorities=self.authorities,
            allow_private=self.allow_private, allow_redirects=self.allow_redirects, managed=self.managed,
        )  # fmt: skip
        if not locked:
            values["user"] = self.user
            values["password"] = self.password if self.password.get_secret_value() else None
        return values


@router.get("/settings")
def settings(visitor: Admin) -> Response:
    """The settings have one area."""
    return see(MAIL)


@router.get(MAIL)
def basic(request: Request, visitor: Admin, done: str = "") -> Response:
    """Which server serves the company."""
    return _basic(request, visitor, done=done)


@router.post(f"{MAIL}/server")
def use(request: Request, visitor: Admin, server: Text = "") -> Response:
    """Let another one serve the company; none is Beleg's own."""
    try:
        Servers(site_of(request).accounts).use(server or None, visitor.name)
    except InputError as error:
        return _basic(request, visitor, fault=visitor.language.tell(error))
    return see(f"{MAIL}?done=used")


@router.get(f"{SERVERS}/{{name}}")
def server(
    request: Request, visitor: Admin, name: str, check: str = "", unlock: bool = False, done: str = ""
) -> Response:
    """How one is set up."""
    view = _view(request, name)
    form = ServerForm.of(view).model_copy(update={"unlocked": unlock})
    return _server(request, visitor, view, form, check=check, done=done)


@router.post(f"{SERVERS}/{{name}}")
def change(request: Request, visitor: Admin, name: str, form: Annotated[ServerForm, Form()]) -> Response:
    """Store what was typed; or try it."""
    site = site_of(request)
    view = _view(request, name)
    servers = Servers(site.accounts)
    locked = view.managed and not form.unlocked
    if locked:
        form = form.model_copy(update={"user": view.user, "password": NO_SECRET})
    try:
        if form.check and not form.password.get_secret_value():
            form = form.model_copy(update={"password": _typed_before(request, visitor, form.check)})
        fields = form.fields(locked=locked)
        if form.act == "check":
            path = request.url.path
            id_ = checking.begin(site, visitor, path, form, lambda: servers.check(name, **fields))
            return see(f"{path}?check={id_}")
        servers.save(name, visitor.name, unlocked=form.unlocked, **fields)
    except InputError as error:
        return _server(request, visitor, view, form, fault=visitor.language.tell(error))
    return see(f"{SERVERS}/{name}?done=saved")


def _typed_before(request: Request, visitor: Visitor, check: str) -> SecretStr:
    try:
        entered: ServerForm = checking.typed(site_of(request), visitor, request.url.path, check)
    except NotFound:
        raise InputError("Enter the password again: it was kept for the check only.") from None
    return entered.password


def _view(request: Request, name: str) -> ServerView:
    return Servers(site_of(request).accounts).settings_view(name)


def _basic(request: Request, visitor: Visitor, *, done: str = "", fault: str | None = None) -> Response:
    site = site_of(request)
    servers = Servers(site.accounts)
    views: Mapping[str, Any] = {name: servers.settings_view(name) for name in servers.available()}
    users = [each for each in site.people.users() if each.active]
    return settings_page(
        request, visitor, "settings_mail.html", fault=fault,
        servers=views,
        active=servers.active(),
        missing=missing(site.accounts, serving(site.accounts)),
        idle=[each for each in site.accounts.accounts() if not each.active],
        users=len(users),
        mail_users=sum(each.mail for each in users),
        done=done,
    )  # fmt: skip


def _server(
    request: Request,
    visitor: Visitor,
    view: ServerView,
    form: ServerForm,
    *,
    check: str = "",
    done: str = "",
    fault: str | None = None,
) -> Response:
    found = checking.found(site_of(request), visitor, request.url.path, check)
    if found:
        form = found[1]
    return settings_page(
        request, visitor, "settings_server.html", fault=fault,
        server=view,
        form=form,
        locked=view.managed and not form.unlocked,
        kept=bool(found and found[1].password.get_secret_value()),
        check=found[0] if found else None,
        done=done,
    )  # fmt: skip
