"""`capture`: from a real decision to a fixture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Frame, complain, frame, say
from beleg.cli.named import Erp, MessageOrFile, case_of, mail_file, stored_message

if TYPE_CHECKING:
    from beleg.orchestrator import Decision
    from beleg.scenario import Scenario

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
    from beleg.capture import CaptureFailed, captured, masked, save
    from beleg.errors import InputError

    if seed is not None and not mask:
        raise InputError("--seed goes with --mask")
    one = frame(context)
    path = None if output == PRINTED else Path(output)
    settings = one.settings.rules()
    try:
        if (raw := mail_file(message, erp)) is not None:
            scenario, decision = _of_file(one, raw, erp, title)
            if mask:
                scenario, decision = masked(scenario, decision, one.installed, title=title, seed=seed)
        else:
            stored = stored_message(one, message)
            found = captured(
                one.workspace.decided_case(stored), one.workspace.engine, stored.name,
                title=title, mask=mask, seed=seed,
            )  # fmt: skip
            scenario, decision = found.scenario, found.decision
            for note in found.notes:
                complain(f"note: {note}")
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
