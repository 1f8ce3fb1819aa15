"""A mail server of another make: `server show`, `set`, `check`, `use`, `read`; what it keeps is `server_items`."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli import server_items
from beleg.cli.frame import By, Json, Lang, complain, frame, person, say, say_json, say_table
from beleg.cli.password import PasswordStdin, given_password

if TYPE_CHECKING:
    from pydantic import SecretStr

    from beleg.accounts.servers import Servers, ServerView

Name = Annotated[str, typer.Argument(metavar="NAME", help="The mail server, for example greyhound.")]
Address = Annotated[str | None, typer.Option("--address", help="Its host, or its https URL.")]
UserName = Annotated[str | None, typer.Option("--user", help="The user that signs in there.")]
AskPassword = Annotated[bool, typer.Option("--password", help="Ask for the password on the terminal.")]
ClientId = Annotated[str | None, typer.Option("--client-id", help="How Beleg names itself there; made if left out.")]
ServerName = Annotated[str | None, typer.Option("--server-name", help="The name in the certificate, if another.")]
Authorities = Annotated[
    Path | None, typer.Option("--authorities", metavar="FILE", help="Certificate authorities that are trusted, PEM.")
]
Private = Annotated[
    bool | None, typer.Option("--allow-private/--no-private", help="Private and loopback addresses may be reached.")
]
Redirects = Annotated[bool | None, typer.Option("--allow-redirects/--no-redirects", help="Redirects are followed.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="How long a request may take.")]
Managed = Annotated[
    bool | None,
    typer.Option("--managed/--not-managed", help="The provider manages the account: lock name and password."),
]
Unlock = Annotated[
    bool, typer.Option("--unlock", help="Change user name or password though the provider manages the account.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    server = typer.Typer(help="A mail server of another make (GREYHOUND).", no_args_is_help=True)
    server.command("show")(show)
    server.command("set")(set_)
    server.command("check")(check)
    server.command("use")(use)
    server.command("read")(read)
    server_items.register(server)
    app.add_typer(server, name="server")


def show(context: typer.Context, as_json: Json = False, lang: Lang = None) -> None:
    """Show which mail server serves the company, and how each is set up. Never a password."""
    servers = _servers(context)
    views = [servers.settings_view(name) for name in servers.available()]
    language = frame(context).language(lang)
    if as_json:
        for each in views:
            say_json(_told(each, language))
        return
    if servers.active() is None:
        say("Beleg's own accounts serve the company.")
    rows = [
        (
            each.name,
            "active" if each.active else "inactive" if each.saved else "not set up",
            each.address or "-",
            each.user or "-",
            "managed" if each.managed else "-",
            str(each.mails),
            each.error[language] if each.error else "-",
        )
        for each in views
    ]
    say_table(("server", "state", "address", "user", "managed", "mails", "error"), rows)


def set_(
    context: typer.Context,
    name: Name,
    address: Address = None,
    user: UserName = None,
    password_stdin: PasswordStdin = False,
    ask: AskPassword = False,
    client_id: ClientId = None,
    server_name: ServerName = None,
    authorities: Authorities = None,
    private: Private = None,
    redirects: Redirects = None,
    seconds: Seconds = None,
    managed: Managed = None,
    unlock: Unlock = False,
    by: By = None,
) -> None:
    """Set up a mail server; what is not given stays."""
    fields = _given(
        address=address,
        user=user,
        password=_password(password_stdin, ask),
        client_id=client_id,
        server_name=server_name,
        authorities=_pem(authorities),
        allow_private=private,
        allow_redirects=redirects,
        seconds=seconds,
        managed=managed,
    )
    view = _servers(context).save(name, person(by), unlocked=unlock, **fields)
    say(f"{view.name}: {view.user} at {view.address}, client id {view.client_id}")
    if not view.has_secret:
        complain("note: no password is stored; beleg server set --password asks for it")


def check(
    context: typer.Context,
    name: Name,
    address: Address = None,
    user: UserName = None,
    password_stdin: PasswordStdin = False,
    ask: AskPassword = False,
    as_json: Json = False,
    lang: Lang = None,
) -> int:
    """Try the settings, step by step; changes nothing. Exit code 1: one of the steps failed."""
    language = frame(context).language(lang)
    fields = _given(address=address, user=user, password=_password(password_stdin, ask))
    good = True
    for each in _servers(context).check(name, **fields):
        good = good and each.ok
        said = each.said.say(language, each.values) + (f" ({each.server})" if each.server else "")
        if as_json:
            say_json({"step": each.what, "ok": each.ok, "said": said})
        else:
            say(f"{'ok  ' if each.ok else 'FAIL'}  {each.title.say(language)}: {said}")
    return 0 if good else 1


def use(context: typer.Context, name: Name, by: By = None) -> None:
    """Let this mail server serve the company; "beleg" is Beleg's own."""
    wanted = None if name == "beleg" else name
    _servers(context).use(wanted, person(by))
    say(f"{name} serves the company" if wanted else "Beleg's own accounts serve the company")


def read(context: typer.Context, as_json: Json = False, lang: Lang = None) -> int:
    """Read what is new on the mail server that serves the company. Exit code 3: it was broken off."""
    report = _servers(context).read(time.time())
    language = frame(context).language(lang)
    if report.busy:
        complain("another process is reading already")
        return 0
    if as_json:
        told = {name: value for name, value in vars(report).items() if name not in ("skipped", "error", "busy")}
        skipped = {item: error.say(language) for item, error in report.skipped.items()}
        say_json({**told, "skipped": skipped, "error": report.error.say(language) if report.error else None})
    else:
        say(
            f"{report.new} new, {report.known} known, {report.marked} marks changed, {report.groups} groups, "
            f"{report.decided} decided, {report.written} contacts written"
        )
        for item, error in report.skipped.items():
            complain(f"mail {item}: {error.say(language)}")
        for each in report.failed:
            complain(each)
    if report.error:
        complain(report.error.say(language))
        return 3
    return 0


def _servers(context: typer.Context) -> Servers:
    from beleg.accounts.servers import Servers

    return Servers(frame(context).accounts)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _told(view: ServerView, language: str) -> dict[str, Any]:
    told = asdict(view)
    told["title"] = view.title.say(language)
    for name in ("limits", "requirements"):
        told[name] = [each.say(language) for each in getattr(view, name)]
    return told


def _password(from_stdin: bool, ask: bool) -> SecretStr | None:
    if not from_stdin and not ask:
        return None
    from pydantic import SecretStr

    return SecretStr(given_password(from_stdin))


def _pem(file: Path | None) -> str | None:
    from beleg.errors import InputError, Where

    if file is None:
        return None
    try:
        return file.read_text(encoding="ascii")
    except FileNotFoundError:
        raise InputError("there is no such file", Where(str(file))) from None
    except UnicodeDecodeError:
        raise InputError("this is no certificate in PEM form", Where(str(file))) from None
