"""The rules as they are installed: steps, tables, clauses; who tests them, and how often each held of late."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.explain.rules import RuleReader
from beleg.orchestrator import StepFailed
from beleg.plugins import Installed
from beleg.ruletest.coverage import Covered, coverage
from beleg.ruletest.scope import scope
from beleg.scenario import find, load, run
from beleg.web.jobs import EVERYBODY, Job, Progress
from beleg.web.render import page, see
from beleg.web.sessions import Admin, SignedIn
from beleg.web.site import Site, site_of

router = APIRouter()

DAYS = 30
"""Of how many days the chart tells."""
HEIGHT = 22
"""Of the tallest bar of a chart."""


@dataclass(frozen=True)
class Tested:
    """What the scenarios of the folder reach, and what of them could not be used."""

    clauses: Mapping[str, Covered]
    scenarios: int
    unusable: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """How often a clause held in the last days: in all, on which day most often, and the bars as x, y and height."""

    total: int
    most: int
    day: date | None
    bars: tuple[tuple[int, int, int], ...]


@router.get("/rules")
def rules(request: Request, visitor: SignedIn) -> Response:
    """The page."""
    site = site_of(request)
    workspace = site.workspace
    explainer = site.explainers[visitor.language.code]
    installed = workspace.installed
    reader = RuleReader(
        installed, explainer.phrases, {step.name: explainer.label(step.name) for step in installed.steps}
    )
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    counts = workspace.clause_counts(days[0])
    job = _coverage(site)
    return page(
        request,
        visitor,
        "rules.html",
        ruleset=workspace.engine.ruleset,
        steps=reader.steps(),
        frame=reader.frame(),
        installed=installed,
        folder=site.scenarios,
        job=job,
        told=visitor.language.tell(job.error) if job and job.error else None,
        tested=job.result if job else None,
        charts={clause: _chart(clause, counts, days) for clause in installed.clauses},
        days=DAYS,
        height=HEIGHT,
    )


@router.post("/rules/coverage")
def again(request: Request, visitor: Admin) -> Response:
    """Run the scenarios anew."""
    site = site_of(request)
    with _starting:
        if site.coverage is None or not site.coverage.under_way:
            site.coverage = None
    return see("/rules")


_starting = threading.Lock()


def _coverage(site: Site) -> Job | None:
    """The run of the scenarios under the rules of this process: one for all, started by the first who asks."""
    if site.scenarios is None:
        return None
    with _starting:
        if site.coverage is None:
            work = partial(_test, site.scenarios, site.workspace.installed)
            try:
                site.coverage = site.jobs.start(EVERYBODY, "rules.coverage", None, work)
            except InputError:
                return None  # too much is under way; whoever looks next may have more luck
        return site.coverage.now()


def _test(folder: Path, installed: Installed, progress: Progress) -> Tested:
    files = list(find([folder]))
    outcomes = []
    unusable = []
    for done, file in enumerate(files):
        progress("scenarios", done, len(files))
        try:
            for scenario in load(file, installed):
                outcomes.append(run(scenario, installed))
        except (InputError, StepFailed) as error:
            unusable.append(str(error))
    covered = coverage(outcomes, scope(installed))
    return Tested({each.clause: each for each in covered}, len(outcomes), tuple(unusable))


def _chart(clause: str, counts: Mapping[str, Counter[str]], days: list[date]) -> Chart:
    each_day = [counts.get(day.isoformat(), Counter())[clause] for day in days]
    most = max(each_day)
    heights = [-(-count * HEIGHT // most) if most else 0 for count in each_day]
    bars = tuple((4 * place, HEIGHT - height, height) for place, height in enumerate(heights) if height)
    return Chart(sum(each_day), most, days[each_day.index(most)] if most else None, bars)
