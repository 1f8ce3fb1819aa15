"""What belongs to mail accounts: `group list`, `set`; `signature list`, `set`, `remove`; `arrival list`, `set`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Json, Lang, frame, person, say, say_json, say_table

if TYPE_CHECKING:
    from beleg.accounts import Accounts, Signature

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
NewName = Annotated[str | None, typer.Option("--name", help="Another name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Groups, which are made with mail accounts.", no_args_is_help=True)
    group.command("list")(list_groups)
    group.command("set")(set_group)
    app.add_typer(group, name="group")
    signature = typer.Typer(help="Signatures, which stand below what is written.", no_args_is_help=True)
    signature.command("list")(list_signatures)
    signature.command("set")(set_signature)
    signature.command("remove")(remove_signature)
    app.add_typer(signature, name="signature")
    arrival = typer.Typer(help="Where mail goes that arrives on an account.", no_args_is_help=True)
    arrival.command("list")(list_arrival)
    arrival.command("set")(set_arrival)
    app.add_typer(arrival, name="arrival")


# --- groups ------------------------------------------------------------------------------------------------------


def list_groups(context: typer.Context, as_json: Json = False) -> None:
    """List the groups with their addresses, which are the From of what is sent for them, and are never evidence."""
    accounts = frame(context).accounts
    signatures = {each.id: each.name for each in accounts.signatures()}
    if as_json:
        for each in accounts.groups():
            say_json(asdict(each))
        return
    rows = [(each.name, each.address, signatures.get(each.signature or 0, "-")) for each in accounts.groups()]
    say_table(("name", "address", "signature"), rows)


def set_group(
    context: typer.Context,
    name: Name,
    new_name: NewName = None,
    address: Annotated[str | None, typer.Option("--address", help="Another address.")] = None,
    signature: Annotated[
        str | None, typer.Option("--signature", help="The name of its default signature; '' is none.")
    ] = None,
    by: By = None,
) -> None:
    """Change a group; what is not given stays."""
    from beleg.errors import InputError

    accounts = frame(context).accounts
    group = accounts.group(name)
    fields: dict[str, Any] = {}
    if new_name is not None:
        fields["name"] = new_name
    if address is not None:
        fields["address"] = address
    if signature is not None:
        fields["signature"] = _signature(accounts, signature).id if signature else None
    if not fields:
        raise InputError("nothing to change was given; beleg group set --help lists what can be")
    after = accounts.change_group(group.id, person(by), **fields)
    say(f"{after.name} <{after.address}> changed" if after != group else f"{after.name} is so already")
    if after.address != group.address:
        say("Decisions that are stored stay as they are; beleg assign --all --again makes them anew.")


# --- signatures --------------------------------------------------------------------------------------------------


def list_signatures(context: typer.Context, as_json: Json = False) -> None:
    """List the signatures."""
    accounts = frame(context).accounts
    if as_json:
        for each in accounts.signatures():
            say_json(asdict(each))
        return
    for each in accounts.signatures():
        say(each.name)
        for line in each.text.splitlines():
            say(f"    {line}")


def set_signature(
    context: typer.Context,
    name: Name,
    new_name: NewName = None,
    text: Annotated[str | None, typer.Option("--text", help="Its text.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A file with its text; - is standard input.")
    ] = None,
    by: By = None,
) -> None:
    """Change a signature, or make one where there is none of this name."""
    from beleg.errors import InputError, NotFound

    accounts = frame(context).accounts
    if text is not None and file is not None:
        raise InputError("give --text or --file, not both")
    given = text if file is None else _text_of(file)
    try:
        before = _signature(accounts, name)
    except NotFound:
        if given is None or new_name is not None:
            raise
        made = accounts.save_signature(None, name, given, person(by))
        say(f"signature {made.name} made")
        return
    if given is None and new_name is None:
        raise InputError("nothing to change was given: give --text, --file or --name")
    values = (new_name or before.name, before.text if given is None else given)
    after = accounts.save_signature(before.id, *values, person(by))
    say(f"signature {after.name} changed")


def remove_signature(context: typer.Context, name: Name, by: By = None) -> None:
    """Remove a signature; groups whose default it was have none then."""
    accounts = frame(context).accounts
    found = _signature(accounts, name)
    having = [each.name for each in accounts.groups() if each.signature == found.id]
    accounts.remove_signature(found.id, person(by))
    say(f"signature {found.name} removed" + (f"; no default signature now: {', '.join(having)}" if having else ""))


# --- where mail goes that arrives --------------------------------------------------------------------------------


def list_arrival(context: typer.Context, as_json: Json = False, lang: Lang = None) -> None:
    """List the rules for what arrives: to which group, open or done, to whom."""
    from beleg.accounts import ARRIVAL

    one = frame(context)
    language = one.language(lang)
    rules = one.accounts.arrival_rules()
    accounts = {each.id: each.name for each in one.accounts.accounts("in")}
    if as_json:
        for rule in rules.values():
            say_json({**rule._asdict(), "name": ARRIVAL.say(language, {"name": accounts[rule.account]})})
        return
    groups = {each.id: each.name for each in one.accounts.groups()}
    people = {each.id: each.name for each in one.people.users()}
    rows = [
        (
            ARRIVAL.say(language, {"name": accounts[rule.account]}),
            groups[rule.group],
            rule.work,
            people.get(rule.owner, "-") if rule.owner else "pool",
        )
        for rule in rules.values()
    ]
    say_table(("rule", "group", "state", "to"), rows)


def set_arrival(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account that fetches.")],
    group: Annotated[str | None, typer.Option("--group", help="The group that its mail goes to.")] = None,
    work: Annotated[str | None, typer.Option("--work", help="Whether mail arrives open or done.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="The user who gets it; '' is the pool.")] = None,
    by: By = None,
) -> None:
    """Change where mail goes that arrives on an account; what is not given stays. Stored mail stays where it is."""
    from beleg.errors import InputError

    one = frame(context)
    rule = one.accounts.arrival_rules()[one.accounts.account(account).id]
    fields: dict[str, Any] = {}
    if group is not None:
        fields["group"] = one.accounts.group(group).id
    if work is not None:
        fields["work"] = work
    if owner is not None:
        fields["owner"] = one.people.user(owner).id if owner else None
    if not fields:
        raise InputError("nothing to change was given; beleg arrival set --help lists what can be")
    one.accounts.change_arrival_rule(rule._replace(**fields), person(by))
    say(f"what arrives on {account} is handled so from now on")


def _signature(accounts: Accounts, name: str) -> Signature:
    """The signature of this name. Raises NotFound."""
    from beleg.errors import NotFound

    key = " ".join(name.split()).casefold()
    for each in accounts.signatures():
        if each.name.casefold() == key:
            return each
    raise NotFound("there is no signature %(name)r", name=name)


def _text_of(file: Path) -> str:
    from beleg.errors import InputError, Where

    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the text can't be read: {error}", Where(str(file))) from None
