"""Mail accounts: `account list`, `show`, `add`, `set`, `activate`, `deactivate`, `remove`, `check`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Frame, Json, Lang, frame, person, say, say_json, say_table
from beleg.cli.password import PasswordStdin, given_password

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beleg.accounts import Account, Direction, Link

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Names of accounts.")]
Out = Annotated[
    bool | None, typer.Option("--out/--in", help="The account of this name that sends, or the one that fetches.")
]
Protocol = Annotated[str | None, typer.Option("--protocol", help="What it speaks, if not pop3 or smtp.")]
Host = Annotated[str | None, typer.Option("--host", help="The server's name or address.")]
Port = Annotated[int | None, typer.Option("--port", help="Its port; left out, the usual one of the connection.")]
Security = Annotated[
    str | None, typer.Option("--security", help="How the connection is protected: plain, starttls or tls.")
]
Auth = Annotated[
    str | None, typer.Option("--auth", help="How it signs in: login, apop (not to send), oauth2, none (only to send).")
]
User = Annotated[str | None, typer.Option("--user", help="The user name that it signs in with.")]
Provider = Annotated[str | None, typer.Option("--provider", help="With oauth2: whose link it signs in with.")]
After = Annotated[
    str | None,
    typer.Option("--after", help="On the server, after fetching: keep, delete, or later (after --days)."),
]
Days = Annotated[int | None, typer.Option("--days", help="With --after later: after how many days it is deleted.")]
DeleteToo = Annotated[
    bool | None,
    typer.Option("--delete-too/--no-delete-too", help="Delete mail on the server when it is deleted in Beleg."),
]
Sender = Annotated[
    list[str] | None,
    typer.Option("--sender", help="Whose mail it sends: an address, several times for several, or * for all."),
]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Whether it is used.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    account = typer.Typer(help="Mail accounts, which fetch mail and send it.", no_args_is_help=True)
    account.command("list")(list_)
    account.command("show")(show)
    account.command("add")(add)
    account.command("set")(set_)
    account.command("activate")(activate)
    account.command("deactivate")(deactivate)
    account.command("remove")(remove)
    account.command("check")(check)
    app.add_typer(account, name="account")


# --- looking -----------------------------------------------------------------------------------------------------


def list_(context: typer.Context, as_json: Json = False, lang: Lang = None) -> None:
    """List the accounts: whether they work, when they last did, and what went wrong."""
    one = frame(context)
    language = one.language(lang)
    links = one.accounts.links.states()
    found = one.accounts.accounts()
    if as_json:
        for each in found:
            say_json(_told(each, _link(one, links, each)))
        return
    rows = [
        (
            each.name,
            "fetches" if each.direction == "in" else "sends",
            f"{each.host}:{each.port}",
            _state(each, _link(one, links, each)),
            _moment(each.succeeded),
            _moment(each.due) if each.active and not each.halted else "-",
            _moment(each.failed) if each.error else "-",
        )
        for each in found
    ]
    say_table(("name", "does", "server", "state", "last success", "next", "last error"), rows)
    for each in found:
        if each.error:
            say(f"{each.name} ({'fetches' if each.direction == 'in' else 'sends'}): {each.error[language]}")
    for link in one.accounts.links.reminders():
        say(f"The link of {link.user} with {link.provider} ends on {_moment(link.ends)}: renew it before.")
    for direction in one.accounts.missing():
        say(f"No account {'fetches' if direction == 'in' else 'sends'} mail yet: beleg account add {direction} NAME")


def show(context: typer.Context, name: Name, out: Out = None, as_json: Json = False, lang: Lang = None) -> None:
    """Show an account; never its password."""
    one = frame(context)
    language = one.language(lang)
    (account,) = _named(one, [name], out)
    link = _link(one, one.accounts.links.states(), account)
    if as_json:
        say_json(_told(account, link))
        return
    for title, value in _rows(one, account, link, language):
        say(f"{title.ljust(15)} {value}")


def _rows(one: Frame, account: Account, link: Link | None, language: str) -> Iterable[tuple[str, str]]:
    yield "name", account.name
    yield "state", _state(account, link)
    yield "server", f"{account.host}:{account.port} ({account.protocol}, {account.security})"
    signed = f"{account.auth} {account.provider}".strip()
    yield "signs in", f"{account.user or '-'} ({signed}{', with a password' if account.has_secret else ''})"
    if link is not None:
        yield "link", link.state + (f", until {_moment(link.ends)}" if link.ends else "")
        if link.error:
            yield "", link.error[language]
    if account.direction == "in":
        kept = {"keep": "kept", "delete": "deleted", "later": f"deleted after {account.days} days"}[account.after]
        yield "on the server", kept + ("; deleted when it is deleted in Beleg" if account.delete_too else "")
        if account.group is not None:
            group = one.accounts.group(account.group)
            yield "group", f"{group.name} <{group.address}>"
    else:
        yield "senders", ", ".join(account.senders) or "-"
    yield "last success", _moment(account.succeeded)
    if account.active and not account.halted:
        yield "next", _moment(account.due)
    if account.error:
        yield "last error", f"{_moment(account.failed)}: {account.error[language]}"


# --- changing ----------------------------------------------------------------------------------------------------


def add(
    context: typer.Context,
    direction: Annotated[str, typer.Argument(metavar="in|out", help="in: it fetches mail; out: it sends mail.")],
    name: Name,
    preset: Annotated[
        str | None, typer.Option("--preset", help="Take server and sign-in of a provider: google, microsoft.")
    ] = None,
    protocol: Protocol = None,
    host: Host = None,
    port: Port = None,
    security: Security = None,
    auth: Auth = None,
    user: User = None,
    provider: Provider = None,
    after: After = None,
    days: Days = None,
    delete_too: DeleteToo = None,
    sender: Sender = None,
    active: Active = None,
    group_address: Annotated[
        str | None, typer.Option("--group-address", help="in: the group's address, where the user name is none.")
    ] = None,
    out_host: Annotated[str | None, typer.Option("--out-host", help="in: the server that mail is sent by.")] = None,
    out_port: Annotated[int | None, typer.Option("--out-port", help="in: its port.")] = None,
    out_security: Annotated[str | None, typer.Option("--out-security", help="in: its connection.")] = None,
    password_stdin: PasswordStdin = False,
    by: By = None,
) -> None:
    """Make an account. With one that fetches come its group, signature, filters, the rule for what arrives, and an
    account of its name that sends. Asks for the password, where one is needed."""
    from beleg.accounts.accounts import USUAL
    from beleg.accounts.providers import preset as preset_of

    accounts = frame(context).accounts
    way = _direction(direction)
    fields: dict[str, Any] = {}
    sends: dict[str, Any] = {}
    if preset is not None:
        fields, sends = preset_of(preset, way)
    fields |= _given(
        protocol=protocol, host=host, port=port, security=security, auth=auth, user=user, provider=provider,
        after=after, days=days, delete_too=delete_too, senders=sender, active=active,
    )  # fmt: skip
    sends |= _given(host=out_host, port=out_port, security=out_security)
    spoken = accounts.spoken(way, protocol or USUAL[way])
    if fields.get("auth", spoken.auths[0]) in ("login", "apop"):
        fields["password"] = _secret(given_password(password_stdin))
    who = person(by)
    made = accounts.add(way, who, group_address=group_address, sends=sends, name=name, **fields)  # type: ignore[arg-type]  # checked there
    say(f"account {made.name} made: {_does(made)}, {'active' if made.active else 'inactive'}")
    if way == "in":
        assert made.group is not None
        group = accounts.group(made.group)
        sending = accounts.account(made.name, "out")
        say(f"with it: an account {sending.name} that {_does(sending)}, {'active' if sending.active else 'inactive'}")
        say(f"         the group {group.name} <{group.address}>, its signature, its filters, and where mail arrives")
        say(f"Mail of the group is sent from its address; for another: beleg group set {group.name!r} --address")
    if made.auth == "oauth2":
        say(f"Link it with its provider, then check and activate it: beleg account link {made.name!r}")
    elif not made.active:
        say(f"Check it, then activate it: beleg account check {made.name!r}; beleg account activate {made.name!r}")


def set_(
    context: typer.Context,
    names: Names,
    out: Out = None,
    new_name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    protocol: Protocol = None,
    host: Host = None,
    port: Port = None,
    security: Security = None,
    auth: Auth = None,
    user: User = None,
    provider: Provider = None,
    after: After = None,
    days: Days = None,
    delete_too: DeleteToo = None,
    sender: Sender = None,
    active: Active = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for another password.")] = False,
    password_stdin: PasswordStdin = False,
    by: By = None,
) -> None:
    """Change one account, or several in the same way; what is not given stays."""
    from beleg.errors import InputError

    one = frame(context)
    fields = _given(
        name=new_name, protocol=protocol, host=host, port=port, security=security, auth=auth, user=user,
        provider=provider, after=after, days=days, delete_too=delete_too, senders=sender, active=active,
    )  # fmt: skip
    found = _named(one, names, out)
    if password or password_stdin:
        fields["password"] = _secret(given_password(password_stdin))
    if not fields:
        raise InputError("nothing to change was given; beleg account set --help lists what can be")
    for each in one.accounts.change_many([each.id for each in found], person(by), **fields):
        say(f"{each.name} changed ({_does(each)})")


def activate(context: typer.Context, names: Names, out: Out = None, by: By = None) -> None:
    """Use accounts from now on: what fetches and what sends by this name, unless --in or --out says which."""
    _switch(context, names, out, by, active=True)


def deactivate(context: typer.Context, names: Names, out: Out = None, by: By = None) -> None:
    """Use accounts no more, until they are activated: both of this name, unless --in or --out says which."""
    _switch(context, names, out, by, active=False)


def _switch(context: typer.Context, names: list[str], out: bool | None, by: str | None, *, active: bool) -> None:
    one = frame(context)
    found = [each for name in names for each in _all_named(one, name, out)]
    for each in one.accounts.change_many([each.id for each in found], person(by), active=active):
        say(f"{each.name} is {'active' if active else 'inactive'} ({_does(each)})")


def remove(
    context: typer.Context,
    names: Names,
    out: Out = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    by: By = None,
) -> None:
    """Remove accounts; with one that fetches goes the one of its name that sends. Their mail, groups and filters stay.
    Asks first."""
    from beleg.errors import InputError

    one = frame(context)
    found = _named(one, names, out)
    going = {each.id: each for each in found}
    for each in found:
        if each.direction == "in":
            going |= {twin.id: twin for twin in one.accounts.accounts("out") if twin.name == each.name}
    if not yes:
        for each in going.values():
            say(f"{each.name} ({_does(each)}) would go{'; it is active' if each.active else ''}")
        say("Mail that was fetched, groups, signatures and filters stay. Mail on the servers is not touched.")
        if not sys.stdin.isatty():
            raise InputError("nothing was removed; --yes removes them")
        if not typer.confirm("Remove?"):
            raise InputError("nothing was removed")
    for each in one.accounts.remove([each.id for each in found], person(by)):
        say(f"{each.name} removed ({_does(each)})")


# --- trying ------------------------------------------------------------------------------------------------------


def check(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The account; left out, the options say all.")
    ] = None,
    out: Out = None,
    protocol: Protocol = None,
    host: Host = None,
    port: Port = None,
    security: Security = None,
    auth: Auth = None,
    user: User = None,
    provider: Provider = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a password, and use it.")] = False,
    password_stdin: PasswordStdin = False,
    lang: Lang = None,
) -> None:
    """Try an account's settings step by step, or what they would be with these options. Changes no settings, and
    nothing on the server; a stored account that waited for a person is tried again where all is well. Ends with 1
    where something failed."""
    from beleg.mailserver import MailServerError

    one = frame(context)
    language = one.language(lang)
    fields = _given(
        protocol=protocol, host=host, port=port, security=security, auth=auth, user=user, provider=provider
    )  # fmt: skip
    account = _named(one, [name], out)[0] if name is not None else None
    if password or password_stdin:
        fields["password"] = _secret(given_password(password_stdin))
    direction: Direction = account.direction if account else "out" if out else "in"
    if account is None:
        fields |= {"name": "new"}
    well = True
    try:
        for step in one.accounts.check(direction, account.id if account else None, **fields):
            said = step.said.say(language, step.values)
            said = f"{said} ({step.server})" if step.server else said
            say(f"{'✓' if step.ok else '✗'} {step.title.say(language)}: {said}")
            well = step.ok
    except MailServerError as error:
        say(f"✗ {error.say(language)}")
        well = False
    if not well:
        raise typer.Exit(1)


# --- within ------------------------------------------------------------------------------------------------------


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that an option was given for."""
    return {name: value for name, value in fields.items() if value is not None}


def _secret(password: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(password)


def _direction(text: str) -> Direction:
    from beleg.errors import InputError

    if text == "in":
        return "in"
    if text == "out":
        return "out"
    raise InputError(f"an account goes in (it fetches) or out (it sends), not {text!r}")


def _all_named(one: Frame, name: str, out: bool | None) -> list[Account]:
    """The accounts of this name, those that fetch first. Raises NotFound."""
    from beleg.errors import NotFound

    found = []
    ways: tuple[Direction, ...] = ("in", "out") if out is None else ("out",) if out else ("in",)
    for way in ways:
        try:
            found.append(one.accounts.account(name, way))
        except NotFound:
            if way == ways[-1] and not found:
                raise
    return found


def _named(one: Frame, names: list[str], out: bool | None) -> list[Account]:
    """The account of each name: the one that fetches, where there are both and nothing else is said."""
    return [_all_named(one, name, out)[0] for name in names]


def _link(one: Frame, links: Any, account: Account) -> Link | None:
    """The link that an account signs in with; None where it signs in otherwise."""
    if account.auth != "oauth2":
        return None
    from beleg.accounts import Link

    return links.get(one.accounts.links.whose(account)) or Link(account.provider, account.user)


_LINK = {"none": "not linked", "again": "link again", "consent": "an administrator at the provider must agree"}


def _state(account: Account, link: Link | None) -> str:
    words = ["active" if account.active else "inactive"]
    if link is not None and link.state != "linked":
        words.append(_LINK[link.state])
    elif account.halted:
        words.append("waits for a person")
    return ", ".join(words)


def _does(account: Account) -> str:
    way = "fetches from" if account.direction == "in" else "sends by"
    return f"{way} {account.host}:{account.port}"


def _told(account: Account, link: Link | None) -> dict[str, Any]:
    return {**asdict(account), "link": asdict(link) if link else None}


def _moment(at: int | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
