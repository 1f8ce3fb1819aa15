"""People who may sign in: `user add`, `list`, `set`, `password`, `token`, `tokens`, `revoke`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Json, complain, frame, person, say, say_json, say_table
from beleg.cli.password import PasswordStdin, given_password

if TYPE_CHECKING:
    from beleg.people import Token

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name that he signs in with.")]
Address = Annotated[str | None, typer.Option("--address", help="His e-mail address, which is ignored from then on.")]
Role = Annotated[str | None, typer.Option("--role", help="support: read and correct; admin: settings and users, too.")]
Language = Annotated[str | None, typer.Option("--lang", help="His language: en or de; '' is that of the settings.")]
Mail = Annotated[bool | None, typer.Option("--mail/--no-mail", help="Whether he may see mail at all.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    user = typer.Typer(help="People who may sign in.", no_args_is_help=True)
    user.command("add")(add)
    user.command("list")(list_)
    user.command("set")(set_)
    user.command("password")(password)
    user.command("token")(token)
    user.command("tokens")(tokens)
    user.command("revoke")(revoke)
    app.add_typer(user, name="user")


def add(
    context: typer.Context,
    name: Name,
    address: Address = None,
    role: Role = None,
    lang: Language = None,
    mail: Mail = None,
    password_stdin: PasswordStdin = False,
    by: By = None,
) -> None:
    """Let someone sign in. Asks for his password, twice."""
    people = frame(context).people
    fields = _given(address=address, role=role, lang=lang, mail=mail)
    user = people.add(name, given_password(password_stdin, twice=True), **fields, by=person(by))
    say(f"{user.name} may sign in (role {user.role})")
    if not any(each.role == "admin" and each.active for each in people.users()):
        complain("note: nobody is an admin, so nobody can manage users on the page; beleg user add --role admin")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """List who may sign in."""
    users = frame(context).people.users()
    if as_json:
        for each in users:
            say_json(asdict(each))
        return
    rows = [
        (
            each.name,
            each.role,
            "active" if each.active else "inactive",
            each.address or "-",
            each.language or "-",
            "mail" if each.mail else "no mail",
            each.created[:10],
        )
        for each in users
    ]
    say_table(("name", "role", "state", "address", "language", "mail", "since"), rows)


def set_(
    context: typer.Context,
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    address: Address = None,
    role: Role = None,
    lang: Language = None,
    mail: Mail = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Whether he may sign in.")] = None,
    by: By = None,
) -> None:
    """Change a user; what is not given stays. Who is made inactive is signed out at once."""
    from beleg.errors import InputError

    fields = _given(name=new_name, address=address, role=role, lang=lang, mail=mail, active=active)
    if not fields:
        raise InputError("nothing to change was given; beleg user set --help lists what can be")
    people = frame(context).people
    before = people.user(name)
    after = people.change(before.id, person(by), **fields)
    say(f"{after.name} changed" if after != before else f"{after.name} is so already")
    if before.address != after.address:
        say("Decisions that are stored stay as they are; beleg assign --all --again makes them anew.")


def password(context: typer.Context, name: Name, password_stdin: PasswordStdin = False, by: By = None) -> None:
    """Give a user another password; he is signed out everywhere. Asks for it, twice."""
    people = frame(context).people
    user = people.user(name)
    people.set_password(user.id, given_password(password_stdin, twice=True), person(by))
    say(f"{user.name} has another password, and is signed out everywhere")


def token(
    context: typer.Context,
    name: Name,
    token_name: Annotated[str, typer.Option("--name", help="What the token is for.")],
    scope: Annotated[list[str], typer.Option("--scope", help="read, correct or admin; several times for several.")],
    days: Annotated[int | None, typer.Option("--days", min=1, max=36_500, help="When it expires; never.")] = None,
    by: By = None,
) -> None:
    """Make a token of the API for a user, and print it. It can't be shown again."""
    people = frame(context).people
    expires = int(time.time()) + days * 86_400 if days else None
    _, secret = people.new_token(people.user(name).id, token_name, scope, expires=expires, by=person(by))
    say(secret)


def tokens(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """List a user's tokens, without what can't be shown again."""
    people = frame(context).people
    found = people.tokens(people.user(name).id)
    if as_json:
        for each in found:
            say_json(asdict(each))
        return
    rows = [(str(each.id), each.name, " ".join(each.scopes), each.created[:10], _expires(each)) for each in found]
    say_table(("id", "name", "scopes", "since", "expires"), rows)


def revoke(
    context: typer.Context,
    name: Name,
    token_id: Annotated[int, typer.Argument(metavar="TOKEN_ID", help="Its id, as beleg user tokens lists it.")],
    by: By = None,
) -> None:
    """Let a token of a user end at once."""
    people = frame(context).people
    user = people.user(name)
    token = people.revoke(user.id, token_id, person(by))
    say(f"token {token_id} ({token.name}) of {user.name} revoked")


def _given(*, lang: str | None, **fields: Any) -> dict[str, Any]:
    """The fields that an option was given for."""
    given = {name: value for name, value in fields.items() if value is not None}
    return given if lang is None else {**given, "language": lang or None}


def _expires(token: Token) -> str:
    if token.expires is None:
        return "never"
    day = time.strftime("%Y-%m-%d", time.gmtime(token.expires))
    return day if token.expires > time.time() else f"{day} (expired)"
