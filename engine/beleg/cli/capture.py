"""`capture`: from a real decision to a fixture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Frame, complain, frame, say
from beleg.cli.named import Erp, MessageOrFile, case_of, mail_file, stored_message

if TYPE_CHECKING:
    from datetime import datetime

    from beleg.orchestrator import Decision
    from beleg.scenario import Scenario
    from beleg.trace import Trace

PRINTED = "-"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(capture)


def capture(
    context: typer.Context,
    message: MessageOrFile,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The scenario file; - prints it.")],
    mask: Annotated[
        bool, typer.Option("--mask", help="Put stand-ins in the place of names, addresses, numbers and texts.")
    ] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="With --mask: the same stand-ins on every run.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The scenario's title.")] = None,
    erp: Erp = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write the decision on a message as a scenario: the mail, its thread, and the records that mattered. It is run at
    once, and written only if it decides the same."""
    from beleg.capture import CaptureFailed, masked, save
    from beleg.errors import InputError

    if seed is not None and not mask:
        raise InputError("--seed goes with --mask")
    one = frame(context)
    if (raw := mail_file(message, erp)) is not None:
        scenario, decision = _of_file(one, raw, erp, title)
    else:
        scenario, decision = _of_stored(one, message, title)
    path = None if output == PRINTED else Path(output)
    settings = one.settings.rules()
    try:
        if mask:
            scenario, decision = masked(scenario, decision, one.installed, title=title, seed=seed)
        saved = save(scenario, decision, one.installed, path, settings=settings, force=force)
    except CaptureFailed as error:
        complain(str(error))
        raise typer.Exit(1) from None
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(saved.text)
        return
    say(f"{path} written; records: {len(scenario.records)}, other mails of the thread: {len(scenario.mailbox)}")
    for name in saved.beside:
        say(f"{path.parent / name} written: a mail that is long, or that YAML can't hold")
    what = "the whole trace" if saved.same_trace else "records, origins and clauses"
    say(f"It was run, and decides the same: {what}.")


def _of_file(one: Frame, raw: bytes, erp: list[Path] | None, title: str | None) -> tuple[Scenario, Decision]:
    from beleg.capture import scenario_of

    case, engine = case_of(one, raw, erp)
    if erp:
        case = case.reduced(engine)
    around = [] if erp else one.workspace.mails_around(raw)[1]
    decision = case.decide(engine)
    return scenario_of(case, raw, [mail for _, mail in around], decision, title), decision


def _of_stored(one: Frame, name: str, title: str | None) -> tuple[Scenario, Decision]:
    from beleg.capture import scenario_of

    workspace = one.workspace
    stored = stored_message(one, name)
    trace, _ = workspace.open(stored.row)
    case = workspace.case(stored)
    decision = case.decide(workspace.engine)
    if _outcome(trace) != _outcome(decision.trace):
        complain(
            f"note: the stored decision on {stored.name} is another ({_told(trace)}) than the records, the thread and "
            f"the rules of now give ({_told(decision.trace)}); the file says what they give now"
        )
    raw, around = workspace.mails_around(stored)
    if waiting := sum(not each.decided and _before(each.date, stored.date) for each, _ in around):
        complain(f"note: {waiting} earlier messages of the thread were never decided; nothing stands on them here")
    return scenario_of(case, raw, [mail for _, mail in around], decision, title), decision


def _before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one < other)


def _outcome(trace: Trace) -> object:
    return sorted((outcome.record, outcome.origin) for outcome in trace.assigned), trace.held()


def _told(trace: Trace) -> str:
    from beleg.capture import outcome_of

    return f"{outcome_of(trace)}; {', '.join(trace.held()) or 'no clause'}"
