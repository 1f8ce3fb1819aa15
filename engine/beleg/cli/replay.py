"""What would change: `replay`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Frame, Lang, frame, progress, say, say_json, say_lines

if TYPE_CHECKING:
    from beleg.replay import Change, Report
    from beleg.replay.text import Wording
    from beleg.settings import Settings
    from beleg.store.mails import Selection
    from beleg.workspace import Workspace

Names = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    context: typer.Context,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Take rules and plugins from this settings file.")
    ] = None,
    disable: Annotated[Names, typer.Option("--disable", metavar="PLUGIN", help="Switch a plugin off.")] = None,
    enable: Annotated[Names, typer.Option("--enable", metavar="PLUGIN", help="Switch a plugin on.")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Compare with this settings file, not with stored decisions."),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Mails of this day (UTC) and later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Mails of this day (UTC) and earlier.")] = None,
    mailbox: Annotated[str | None, typer.Option(help="Mails that were imported by this path.")] = None,
    folder: Annotated[str | None, typer.Option(help="Mails of this folder or mbox, and below.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Mails with all these words.")] = None,
    jobs: Annotated[int, typer.Option(help="How many processes.")] = 1,
    allow: Annotated[
        Names, typer.Option("--allow", metavar="KIND:STEP", help="Changes that are meant: gained:order, lost:*.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Explanations that change count, too.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Store the new decisions of what changed.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page to send around.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line a message.")] = False,
    lang: Lang = None,
) -> None:
    """Decide stored mails anew, write nothing, and compare with the stored decisions.

    Exit code 0 nothing changed; 1 other records stand somewhere, and no --allow covers it; 2 wrong usage; 3 failure.
    """
    from beleg.errors import InputError
    from beleg.replay import Allowed, check_jobs, rulesets, select, sum_up
    from beleg.replay import replay as run

    if apply and baseline:
        raise InputError("--apply stores what is compared with stored decisions; leave out --baseline")
    if search is not None and not search.split():
        raise InputError("--search needs a word")
    one = frame(context)
    selection = _selection(since, until, mailbox, folder)
    candidate = _candidate(one, settings, disable or [], enable or [])
    check_jobs(candidate.database, jobs)
    compared = _workspace(one, _load(baseline), baseline) if baseline else None
    others = rulesets(candidate)
    sets = [candidate.engine.ruleset, *([compared.engine.ruleset] if compared else others.values())]
    steps = [step.name for each in sets for step in each.steps]
    allowed = [Allowed.parse(each, steps) for each in allow or ()]
    wording = _wording(one, candidate, lang)
    rows = select(candidate, selection)
    with progress("replaying", len(rows)) as advance:
        changes = run(candidate, rows, compared, (search or "").split(), jobs=jobs, progress=advance)
    known = {each.id: each for each in sets}
    report = sum_up(changes, candidate.engine.ruleset, known, allowed, two_configurations=compared is not None)
    _tell(report, changes, wording, html, as_json=as_json)
    if apply:
        _apply(candidate, changes, wording, as_json=as_json)
    if code := report.exit_code(strict=strict):
        raise typer.Exit(code)


# --- what is replayed ------------------------------------------------------------------------------------------------


def _selection(since: str | None, until: str | None, mailbox: str | None, folder: str | None) -> Selection:
    from beleg.errors import InputError
    from beleg.store.mails import Selection

    first, last = _day("--since", since), _day("--until", until)
    if first and last and first > last:
        raise InputError(f"--since {since} is later than --until {until}")
    # As the paths were stored: without a slash at the end or a ./ before it.
    box, place = (str(Path(name)) if name else name for name in (mailbox, folder))
    return Selection(first, last and last + timedelta(days=1), box, place)


def _day(option: str, text: str | None) -> datetime | None:
    from beleg.errors import InputError

    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"{option} is a day as in 2026-03-31, not {text!r}") from None


# --- by which rules --------------------------------------------------------------------------------------------------


def _load(file: Path) -> Settings:
    from beleg.settings import load

    return load(file)


def _candidate(one: Frame, file: Path | None, disable: Sequence[str], enable: Sequence[str]) -> Workspace:
    from beleg.errors import InputError, unknown_key
    from beleg.plugins import available

    if not (file or disable or enable):
        return one.workspace
    names = available()
    for option, given in (("--disable", disable), ("--enable", enable)):
        for name in given:
            if name not in names:
                fault = unknown_key(name, names, "there is no plugin")
                raise InputError(f"{option}: {fault}")
    if both := sorted({*disable} & {*enable}):
        raise InputError(f"{both[0]!r} is named by --disable and by --enable")
    settings = _load(file) if file else one.settings
    off = ({*settings.disabled_plugins} - {*enable}) | {*disable}
    return _workspace(one, settings.model_copy(update={"disabled_plugins": sorted(off)}), file)


def _workspace(one: Frame, settings: Settings, file: Path | None) -> Workspace:
    """The workspace on the database of now, under other settings."""
    from beleg.errors import InputError, Where
    from beleg.plugins import PluginError, installed
    from beleg.workspace import Workspace

    try:
        having = installed(settings.disabled_plugins, disabled_steps=settings.disabled_steps)
    except PluginError as error:
        raise InputError(str(error), Where(str(file)) if file else None) from error
    return Workspace(one.open(), having, settings.rules())


# --- what came of it -------------------------------------------------------------------------------------------------


def _wording(one: Frame, candidate: Workspace, language: str | None) -> Wording:
    from beleg.explain.phrases import Phrases
    from beleg.replay.text import Wording

    return Wording(Phrases(candidate.installed.types, one.language(language)))


def _tell(report: Report, changes: Sequence[Change], wording: Wording, html: Path | None, *, as_json: bool) -> None:
    from beleg.errors import InputError, Where
    from beleg.replay.page import page
    from beleg.replay.text import lines

    if html:
        try:
            html.write_text(page(report, wording), encoding="utf-8")
        except OSError as error:
            raise InputError(f"the page can't be written: {error.strerror}", Where(str(html))) from None
    if as_json:
        for change in changes:
            say_json(change)
    else:
        say_lines(lines(report, wording))


def _apply(candidate: Workspace, changes: Sequence[Change], wording: Wording, *, as_json: bool) -> None:
    from beleg.cli.mail import tell_failures
    from beleg.replay import OUTCOMES

    rows = [change.row for change in changes if change.kind in (*OUTCOMES, "explanation")]
    with progress("storing", len(rows)) as advance:
        report = candidate.assign(rows, advance)
    if not as_json:
        say(wording.say("stored", count=report.decided))
    tell_failures(report.failed)
