"""Deciding and explaining: `assign`, `explain`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from beleg.cli.frame import Frame, Json, Lang, frame, progress, say, say_json, say_lines
from beleg.cli.mail import tell_failures

MESSAGE = "A row number, a Message-ID, or the beginning of a sha256."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(assign)
    app.command()(explain)


def assign(
    context: typer.Context,
    messages: Annotated[list[str] | None, typer.Argument(metavar="[MESSAGE]...", help=MESSAGE)] = None,
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
    message: Annotated[str, typer.Argument(metavar="MESSAGE|FILE", help=f"{MESSAGE} Or a mail file.")],
    erp: Annotated[
        list[Path] | None, typer.Option("--erp", help="ERP file to decide a mail file by, instead of the database.")
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Explain a decision. A stored message is decided if it never was; a file is decided on the spot, and nothing is
    written."""
    from beleg.errors import InputError
    from beleg.trace import digest, encode

    one = frame(context)
    explainer = one.explainer(lang)
    path = Path(message)
    if os.path.isfile(message):  # unlike Path.is_file, of a Message-ID too long for a file name it says no
        trace = _decide_file(one, path, erp).trace
        mark = digest(trace)
    elif erp:
        raise InputError(f"--erp goes with a mail file, and there is no file {message!r}")
    else:
        workspace = one.workspace
        trace, mark = workspace.open(workspace.find_message(message).row)
    if as_json:
        say(encode(trace).decode())
    else:
        say_lines(explainer.lines(trace, mark))


def _decide_file(one: Frame, path: Path, erp: list[Path] | None) -> Any:
    from beleg.errors import InputError, Where

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(str(path))) from None
    if not erp:
        return one.workspace.decide_file(raw)
    from beleg.directory import MemoryDirectory
    from beleg.ignore import IgnoreList
    from beleg.importer import read_files
    from beleg.message import parse
    from beleg.orchestrator import Engine

    rules = one.settings.rules()
    directory = MemoryDirectory(read_files(erp, one.installed.types), one.installed.types)
    return Engine(one.installed, rules).decide(parse(raw, rules.limits), directory, IgnoreList())
