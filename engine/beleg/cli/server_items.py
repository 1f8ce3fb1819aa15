"""What the mail server of another make that serves the company keeps: `server list`, `add`, `change`, `remove`, `try`,
`link`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Json, Lang, complain, frame, person, say, say_json, say_table
from beleg.cli.password import PasswordStdin, given_password

if TYPE_CHECKING:
    from beleg.accounts.servers import Servers
    from beleg.mailserver import ItemKind

_ACCOUNT = ("name", "host", "port", "security", "auth", "user", "active")
FIELDS: Mapping[ItemKind, Sequence[str]] = {
    "incoming": (*_ACCOUNT, "protocol", "after", "days", "delete_too"),
    "outgoing": (*_ACCOUNT, "senders"),
    "group": ("name", "address"),
    "signature": ("name", "text", "html", "group"),
    "filter": ("name", "shows", "group", "parent"),
}
"""What can be given as FIELD=VALUE; see `beleg.mailserver.ItemKind`."""
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_PAUSE = 1.0
"""Seconds between two questions how far a link is."""

Kind = Annotated[str, typer.Argument(metavar="KIND", help="incoming, outgoing, group, signature or filter.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id there, as beleg server list shows it.")]
Given = Annotated[list[str], typer.Argument(metavar="FIELD=VALUE", help="For example host=pop.example.com active=yes.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="For example active=yes.")]
AskPassword = Annotated[bool, typer.Option("--password", help="Ask for the account's password on the terminal.")]
Security = Annotated[str, typer.Option("--security", help="How the connection is protected: plain, starttls or tls.")]
OutSecurity = Annotated[str, typer.Option("--out-security", help="The connection of the account that sends.")]


def register(server: typer.Typer) -> None:
    """Add the commands to `beleg server`."""
    server.command("list")(list_)
    server.command("add")(add)
    server.command("change")(change)
    server.command("remove")(remove)
    server.command("try")(try_)
    server.command("link")(link)


def list_(context: typer.Context, kind: Kind, as_json: Json = False) -> None:
    """List what the mail server that serves the company keeps of a kind. Never a password."""
    found = _servers(context).items(_kind(kind))
    if as_json:
        for each in found:
            say_json({**each.fields, "id": each.id, "name": each.name})
        return
    say_table(("id", "name", "fields"), [(each.id, each.name, _line(each.fields)) for each in found])


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")],
    host: Annotated[str, typer.Option("--host", help="The server that mail is fetched from.")],
    user: Annotated[str, typer.Option("--user", help="The user name of both accounts.")],
    out_host: Annotated[str, typer.Option("--out-host", help="The server that mail is sent by.")],
    port: Annotated[int | None, typer.Option("--port", help="Left out, the usual one of the connection.")] = None,
    security: Security = "tls",
    auth: Annotated[str, typer.Option("--auth", help="How it signs in: login, apop or oauth2.")] = "login",
    after: Annotated[str, typer.Option("--after", help="After fetching: keep, delete, or later.")] = "keep",
    days: Annotated[int | None, typer.Option("--days", help="With --after later: after how many days.")] = None,
    out_port: Annotated[int | None, typer.Option("--out-port", help="Left out, the usual one.")] = None,
    out_security: OutSecurity = "tls",
    address: Annotated[str | None, typer.Option("--address", help="The group's, where the user name is none.")] = None,
    signature: Annotated[str, typer.Option("--signature", help="The text of its signature.")] = "",
    active: Annotated[bool, typer.Option("--active", help="Both accounts are active at once.")] = False,
    password_stdin: PasswordStdin = False,
    by: By = None,
    lang: Lang = None,
) -> int:
    """Make an account there that fetches, one that sends, a group, a signature and filters; says what a person has to
    do there. Exit code 3: something failed; what was made is deleted again, as far as that server can."""
    from beleg.accounts.servers import NewAccount

    language = frame(context).language(lang)
    sender = address or user
    both: dict[str, Any] = {"user": user, "active": active}
    servers = _servers(context)
    # mypy reads the two words as any text.
    spoken = {way: servers.accounts.spoken(way, each).ports for way, each in (("in", "pop3"), ("out", "smtp"))}  # type: ignore[arg-type]
    incoming = {
        **both, "protocol": "pop3", "host": host, "security": _security(security), "auth": auth, "after": after,
        "port": port or spoken["in"][_security(security)], **({"days": days} if days is not None else {}),
    }  # fmt: skip
    outgoing = {
        **both, "host": out_host, "security": _security(out_security), "senders": [sender],
        "auth": "oauth2" if auth == "oauth2" else "login", "port": out_port or spoken["out"][_security(out_security)],
    }  # fmt: skip
    if auth != "oauth2":
        secret = _secret(password_stdin)
        incoming["secret"] = outgoing["secret"] = secret
    created = servers.new_account(NewAccount(name, sender, incoming, outgoing, signature, language), person(by))
    if created.error:
        complain(created.error.say(language))
    for kind, id_, made in created.made:
        say(f"{'left' if created.error else 'made'}: {kind} {id_} {made}")
    for sentence in created.left:
        say(f"by hand: {sentence.say(language)}")
    return 3 if created.error else 0


def change(
    context: typer.Context,
    kind: Kind,
    id_: Id,
    given: Changes = None,
    ask: AskPassword = False,
    password_stdin: PasswordStdin = False,
    by: By = None,
) -> None:
    """Change fields of one; the rest stays."""
    from beleg.errors import InputError

    which = _kind(kind)
    fields = _fields(which, given or [], ask, password_stdin)
    if not fields:
        raise InputError(f"nothing to change was given: FIELD=VALUE, where FIELD is one of {', '.join(FIELDS[which])}")
    _servers(context).change_item(which, id_, person(by), fields)
    say(f"{kind} {id_} changed: {', '.join('password' if each == 'secret' else each for each in fields)}")


def remove(
    context: typer.Context,
    kind: Kind,
    id_: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    by: By = None,
) -> None:
    """Delete one on that server. Asks first."""
    from beleg.errors import InputError, NotFound

    servers, which = _servers(context), _kind(kind)
    found = next((each for each in servers.items(which) if each.id == id_), None)
    if found is None:
        raise NotFound(f"that server keeps no {kind} {id_}; beleg server list {kind} lists what it keeps")
    if not yes:
        say(f"{kind} {id_} ({found.name}) would be deleted on that server.")
        if not sys.stdin.isatty():
            raise InputError("nothing was removed; --yes removes it")
        if not typer.confirm("Remove?"):
            raise InputError("nothing was removed")
    servers.remove_item(which, id_, person(by))
    say(f"{kind} {id_} ({found.name}) removed")


def try_(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="incoming or outgoing.")],
    given: Given,
    ask: AskPassword = False,
    password_stdin: PasswordStdin = False,
    lang: Lang = None,
) -> int:
    """Let that server try the settings of an account; stores nothing. Exit code 1: it failed."""
    which = _kind(kind)
    language = frame(context).language(lang)
    steps = _servers(context).check_account(which, _fields(which, given, ask, password_stdin))
    for each in steps:
        said = each.said.say(language, each.values) + (f" ({each.server})" if each.server else "")
        say(f"{'✓' if each.ok else '✗'} {each.title.say(language)}: {said}")
    return 0 if all(each.ok for each in steps) else 1


def link(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The provider's mail server: outlook.office365.com.")],
    kind: Annotated[str, typer.Option("--kind", help="incoming or outgoing.")] = "incoming",
    redirect: Annotated[
        str | None, typer.Option("--redirect", help="Where the provider sends the browser; left out, that server.")
    ] = None,
    wait: Annotated[int, typer.Option("--wait", min=1, max=3600, help="How many seconds to wait for it.")] = 300,
    lang: Lang = None,
) -> int:
    """Link an account there with its provider (OAuth2): prints the address to open, and waits until it is done. Exit
    code 1: it failed, or was not done in time."""
    servers, which = _servers(context), _kind(kind)
    begun = servers.begin_link(which, host, redirect or _own(servers), frame(context).language(lang))
    say(f"Open this address in a browser, and sign in: {begun.url}")
    sys.stdout.flush()
    until = time.monotonic() + wait
    while (state := servers.link_state(which, begun)) in ("pending", "none") and time.monotonic() < until:
        time.sleep(min(_PAUSE, max(0.0, until - time.monotonic())))
    if state == "finished":
        say("linked")
        return 0
    complain("linking failed" if state == "failed" else f"not linked after {wait} seconds; begin again")
    return 1


# --- within ------------------------------------------------------------------------------------------------------


def _servers(context: typer.Context) -> Servers:
    from beleg.accounts.servers import Servers

    return Servers(frame(context).accounts)


def _own(servers: Servers) -> str:
    """The https URL of the server itself."""
    address = servers.settings_view(servers.active() or "").address
    return address if "://" in address else f"https://{address}"


def _kind(text: str) -> ItemKind:
    from beleg.errors import InputError

    for each in FIELDS:
        if each == text:
            return each
    raise InputError(f"a mail server keeps no {text!r}: it is one of {', '.join(FIELDS)}")


def _security(text: str) -> Any:
    from beleg.errors import InputError

    if text not in ("plain", "starttls", "tls"):
        raise InputError(f"a connection is plain, starttls or tls, not {text!r}")
    return text


def _fields(kind: ItemKind, given: Sequence[str], ask: bool, from_stdin: bool) -> dict[str, Any]:
    """The fields that FIELD=VALUE say, and the password. Raises InputError."""
    from beleg.errors import InputError

    fields: dict[str, Any] = {}
    for each in given:
        name, parted, text = each.partition("=")
        if name in ("secret", "password"):
            raise InputError("a password is no argument, which others could see: --password or --password-stdin")
        if not parted or name not in FIELDS[kind]:
            raise InputError(f"{each!r} is no FIELD=VALUE, where FIELD is one of {', '.join(FIELDS[kind])}")
        fields[name] = _value(name, text)
    if ask or from_stdin:
        if kind not in ("incoming", "outgoing"):
            raise InputError(f"a {kind} has no password")
        fields["secret"] = _secret(from_stdin)
    return fields


def _value(name: str, text: str) -> Any:
    from beleg.errors import InputError

    if name in ("active", "delete_too"):
        if text.lower() not in _TRUTH:
            raise InputError(f"{name} is yes or no, not {text!r}")
        return _TRUTH[text.lower()]
    if name in ("port", "days"):
        if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65_535 and len(text) < 6):
            raise InputError(f"{name} is a number, not {text!r}")
        return int(text)
    if name == "senders":
        return [each.strip() for each in text.split(",") if each.strip()]
    return (text or None) if name in ("group", "parent") else text


def _secret(from_stdin: bool) -> Any:
    from pydantic import SecretStr

    return SecretStr(given_password(from_stdin))


def _line(fields: Mapping[str, Any]) -> str:
    """Fields in one line, without the name and what is empty."""
    told = {name: value for name, value in fields.items() if name not in ("name", "secret") and value not in ("", None)}
    return " ".join(f"{name}={_text(value)}" for name, value in told.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ",".join(value) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split())
