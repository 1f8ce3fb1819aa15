"""A person's hand: `add`, `remove`, `ignore`."""

from __future__ import annotations

from typing import Annotated

import typer

from beleg.cli.frame import By, Json, Lang, frame, person, say, say_json, say_table
from beleg.cli.named import MESSAGE, record_ref

Message = Annotated[str, typer.Argument(metavar="MESSAGE", help=MESSAGE)]
Ref = Annotated[str, typer.Argument(metavar="TYPE:ID", help="The record, for example order:O-81.")]
Entries = Annotated[
    list[str], typer.Argument(metavar="ENTRY", help="Addresses; on the blacklist also domains and *.wildcards.")
]
List = Annotated[str, typer.Option("--list", help="blacklist, users or groups.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(add)
    app.command()(remove)
    ignore = typer.Typer(help="Addresses that never count as evidence.", no_args_is_help=True)
    ignore.command("add")(ignore_add)
    ignore.command("remove")(ignore_remove)
    ignore.command("list")(ignore_list)
    app.add_typer(ignore, name="ignore")


def add(context: typer.Context, message: Message, record: Ref, by: By = None, lang: Lang = None) -> None:
    """Assign a record to a message by hand; what follows from it is assigned at once."""
    one = frame(context)
    ref = record_ref(record)
    found = one.workspace.find_message(message)
    made = one.workspace.add(found.row, ref, person(by))
    phrases = one.explainer(lang).phrases
    if not made:
        say(f"{phrases.record(str(ref))} stands on message {found.row} by hand already")
    for each in made:
        say(f"{phrases.record(str(each.record))} assigned to message {found.row} ({each.origin})")


def remove(
    context: typer.Context,
    message: Message,
    record: Ref,
    by: By = None,
    keep_derived: Annotated[
        bool, typer.Option("--keep-derived", help="Leave what was derived from the record.")
    ] = False,
    lang: Lang = None,
) -> None:
    """Remove a record from a message by hand; no later run makes it again."""
    one = frame(context)
    ref = record_ref(record)
    found = one.workspace.find_message(message)
    phrases = one.explainer(lang).phrases
    for each in one.workspace.remove(found.row, ref, person(by), derived=not keep_derived):
        say(f"{phrases.record(str(each))} removed from message {found.row}")


def ignore_add(context: typer.Context, entries: Entries, list_: List = "blacklist", by: By = None) -> None:
    """Ignore addresses from now on."""
    _change(context, entries, list_, person(by), adding=True)


def ignore_remove(context: typer.Context, entries: Entries, list_: List = "blacklist", by: By = None) -> None:
    """Let addresses count again."""
    _change(context, entries, list_, person(by), adding=False)


def _change(context: typer.Context, entries: list[str], list_: str, by: str, *, adding: bool) -> None:
    from beleg.errors import InputError
    from beleg.ignore import ENTRY_LISTS

    if list_ not in ENTRY_LISTS:
        raise InputError(f"--list is one of {', '.join(ENTRY_LISTS)}, not {list_!r}")
    workspace = frame(context).workspace
    changed = workspace.ignore(list_, entries, by) if adding else workspace.unignore(list_, entries, by)
    for entry in entries:
        done = ("added to" if adding else "taken off") if entry in changed else ("already on" if adding else "not on")
        say(f"{entry}  {done} the list {list_}")
    if changed:
        say("Decisions that are stored stay as they are; beleg assign --all --again makes them anew.")


def ignore_list(context: typer.Context, as_json: Json = False) -> None:
    """List the ignored addresses."""
    from beleg.ignore import ENTRY_LISTS

    found = frame(context).workspace.ignored()
    rows = [(name, entry) for name in ENTRY_LISTS for entry in getattr(found, name)]
    if as_json:
        for name, entry in rows:
            say_json({"list": name, "entry": entry})
    else:
        say_table(("list", "entry"), rows)
