"""Deciding and explaining: `assign`, `explain`, `why-not`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Json, Lang, frame, progress, say, say_json, say_lines
from beleg.cli.mail import tell_failures
from beleg.cli.named import MESSAGE, Erp, MessageOrFile, case_of, mail_file, record_ref, stored_message
from beleg.record import RecordRef

if TYPE_CHECKING:
    from beleg.record import RecordType


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(assign)
    app.command()(explain)
    app.command("why-not")(why_not)


def assign(
    context: typer.Context,
    messages: Annotated[list[str] | None, typer.Argument(metavar="MESSAGE", help=MESSAGE)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All messages that were never decided.")] = False,
    again: Annotated[bool, typer.Option("--again", help="With --all: those that were decided, too.")] = False,
    as_json: Json = False,
) -> None:
    """Run the steps on messages. A run takes away what earlier runs made, and never undoes a person."""
    from beleg.errors import InputError

    if bool(messages) == all_:
        raise InputError("name the messages to assign, or give --all")
    if again and not all_:
        raise InputError("--again goes with --all (a message that is named is run again in any case)")
    workspace = frame(context).workspace
    if messages:
        rows = [workspace.find_message(name).row for name in messages]
    else:
        rows = workspace.everything() if again else workspace.undecided()
    with progress("assigning", len(rows)) as advance:
        report = workspace.assign(rows, advance)
    if as_json:
        say_json({"decided": report.decided, "assigned": report.assigned, "failed": report.failed})
    else:
        say(f"{report.decided} messages decided, {report.assigned} of them with an assignment")
    tell_failures(report.failed)


def explain(
    context: typer.Context,
    message: MessageOrFile,
    erp: Erp = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Explain a decision. A stored message is decided if it never was; a file is decided on the spot, and nothing is
    written."""
    from beleg.explain import what_if_line
    from beleg.trace import digest, encode
    from beleg.why_not import what_if

    one = frame(context)
    explainer = one.explainer(lang)
    standing = None
    if (raw := mail_file(message, erp)) is not None:
        case, engine = case_of(one, raw, erp)
        trace = case.decide(engine).trace
        mark = digest(trace)
        without = None if as_json else what_if(case, trace, engine)
    else:
        workspace = one.workspace
        found = stored_message(one, message)
        trace, mark = workspace.open(found.row)
        without = None if as_json else workspace.what_if(found, mark)
        standing = [str(ref) for ref in workspace.standing(found.row)]
    if as_json:
        say(encode(trace).decode())
    else:
        turned = what_if_line(explainer, without) if without else None
        say_lines(explainer.lines(trace, mark, what_if=turned, standing=standing))


def why_not(
    context: typer.Context,
    message: MessageOrFile,
    record: Annotated[str, typer.Argument(metavar="TYPE:ID", help="The record, for example order:O-81.")],
    max_edits: Annotated[int, typer.Option(min=1, help="How many edits a change may be made of.")] = 2,
    seconds: Annotated[float, typer.Option(min=0, help="How long to look for changes.")] = 5.0,
    erp: Erp = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Say where a record was lost, and the smallest changes that would have assigned it, each executed on a copy of
    the world. Exit code 1 when no change is found."""
    from beleg.errors import NotFound
    from beleg.explain import why_not_lines
    from beleg.why_not import why_not as ask

    one = frame(context)
    explainer = one.explainer(lang)
    ref = record_ref(record)
    stored = None
    if (raw := mail_file(message, erp)) is not None:
        case, engine = case_of(one, raw, erp, [ref])
    else:
        found = stored_message(one, message)
        stored = one.workspace.open(found.row)[1]
        case, engine = one.workspace.case(found, [ref]), one.workspace.engine
    known = ref in case.directory.all() or (not erp and one.workspace.record_known(ref))
    if not known:
        raise NotFound(f"the ERP has no record {ref}{_hint_at_type(ref, one.installed.types)}")
    answer = ask(case, ref, engine, max_edits=max_edits, seconds=seconds, stored=stored)
    if as_json:
        say_json(answer)
    else:
        say_lines(why_not_lines(explainer, answer))
    if answer.lost.kind != "assigned" and not answer.changes:
        raise typer.Exit(1)


def _hint_at_type(ref: RecordRef, types: Mapping[str, RecordType]) -> str:
    """`; did you mean order:O-81?`, where the type is none but nearly one."""
    from difflib import get_close_matches

    near = [] if ref.type in types else get_close_matches(ref.type.lower(), types, 1)
    return f"; did you mean {RecordRef(near[0], ref.id)}?" if near else ""
