"""What the tools for rule owners cost: why-not, replay and capture, on the real mails and the ERP world of `ham.py`.

    python benchmarks/tools.py              # a table in Markdown

Each is measured without the start of the program: a why-not takes the case out of the database and searches with the
default limits; a replay compares all mails with their stored decisions under another setting; a capture writes the
file, loads it back and runs it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median, quantiles

import ham

from beleg import RecordRef
from beleg.capture import masked, save, scenario_of
from beleg.plugins import installed
from beleg.replay import replay, select
from beleg.store import Database
from beleg.store.mails import Selection
from beleg.why_not import why_not
from beleg.workspace import Workspace

QUESTIONS = 400
CAPTURES = 100


def prepared(folder: Path, raws: Sequence[bytes]) -> Workspace:
    """A database with the world and the mails, all decided."""
    workspace = Workspace(Database(f"sqlite:///{folder / 'beleg.db'}"), installed())
    workspace.database.upgrade()
    workspace.import_records(ham.world(raws))
    workspace.ignore("blacklist", ham.ignored(raws))
    workspace.import_mail((raw, "easy-ham-1") for raw in raws)
    return workspace


def questions(workspace: Workspace, world: Sequence[RecordRef]) -> Iterator[tuple[int, RecordRef]]:
    """Messages and records to ask for: by turns one that was a candidate and was dropped, where the decision has any,
    one that stands on another message, and any record at all."""
    rng = Random(2)
    rows = workspace.everything()
    for turn in range(QUESTIONS):
        row = rng.choice(rows)
        trace = workspace.open(row)[0]
        standing = {each.record for each in trace.assigned}
        seen = {name for check in trace.checks() if check.candidates for name in check.candidates.listed} - standing
        if turn % 2 == 0 and seen:
            yield row, RecordRef.parse(rng.choice(sorted(seen)))
        else:
            yield row, rng.choice(world)


def measure_why_not(workspace: Workspace, world: Sequence[RecordRef]) -> None:
    """Print the latencies of the questions, and what was answered."""
    times, kinds, found, stopped = [], Counter[str](), 0, 0
    asked = list(questions(workspace, world))
    messages = {row: workspace.find_message(str(row)) for row, _ in asked}
    for row, ref in asked:
        began = time.perf_counter()
        case = workspace.case(messages[row], [ref])
        answer = why_not(case, ref, workspace.engine)
        times.append((time.perf_counter() - began) * 1000)
        kinds[answer.lost.kind] += 1
        found += bool(answer.changes)
        stopped += not answer.complete
    tell(f"why-not, {len(times)} questions", times)
    note(f"Change found: {found}; stopped early: {stopped}; " + ", ".join(f"{k}: {n}" for k, n in kinds.items()))


def measure_capture(workspace: Workspace, folder: Path) -> None:
    """Print what it takes to capture mails, and to mask them."""
    rows = Random(3).sample(workspace.everything(), CAPTURES)
    times: dict[str, list[float]] = {"capture": [], "capture --mask": []}
    for row in rows:
        stored = workspace.find_message(str(row))
        for what, taken in times.items():
            began = time.perf_counter()
            case = workspace.case(stored)
            decision = case.decide(workspace.engine)
            raw, around = workspace.mails_around(stored)
            scenario = scenario_of(case, raw, [mail for _, mail in around], decision)
            if what == "capture --mask":
                scenario, decision = masked(scenario, decision, workspace.installed, title="masked")
            save(scenario, decision, workspace.installed, folder / "case.yaml", force=True)
            taken.append((time.perf_counter() - began) * 1000)
    for what, taken in times.items():
        tell(f"{what}, {CAPTURES} mails", taken)


def measure_replay(workspace: Workspace, rounds: int = 3) -> None:
    """Print how many mails a second are replayed, by one process and by two, under a setting that changes some."""
    rules = replace(workspace.rules, on_conflict="abstain")
    candidate = Workspace(workspace.database, workspace.installed, rules)
    selected = select(candidate, Selection())
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for jobs, seen in speeds.items():
            began = time.perf_counter()
            changes = replay(candidate, selected, jobs=jobs)
            seen.append(len(changes) / (time.perf_counter() - began))
    kinds = Counter(change.kind for change in changes)
    for jobs, seen in speeds.items():
        print(f"| replay, {len(selected):,} mails, jobs: {jobs} | {median(seen):,.0f} mails/s | | |")
    note("Replayed: " + ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items())))


def note(text: str) -> None:
    """Tell what is not part of the table."""
    print(text, file=sys.stderr, flush=True)


def tell(what: str, times: Sequence[float]) -> None:
    """Print a row of milliseconds."""
    p95 = quantiles(times, n=20)[-1]
    print(f"| {what} | {median(times):,.1f} ms | {p95:,.1f} ms | {max(times):,.1f} ms |", flush=True)


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description="Measure the tools for rule owners.")
    parser.add_argument("--mails", type=Path, default=ham.EASY_HAM, help="folder of real mails, one to a file")
    parser.add_argument("--times", type=int, default=1, help="each mail so often, with another Message-ID each time")
    options = parser.parse_args()
    raws = ham.mails(options.mails)
    world = [record.ref for record in ham.world(raws)]
    more = [other(raw, turn) for turn in range(1, options.times) for raw in raws]
    with tempfile.TemporaryDirectory() as name:
        workspace = prepared(Path(name), raws + more)
        print("| What | median | 95th percentile | maximum |\n| --- | ---: | ---: | ---: |")
        measure_why_not(workspace, world)
        measure_capture(workspace, Path(name))
        measure_replay(workspace)


def other(raw: bytes, turn: int) -> bytes:
    """The same mail once more, in threads of its own."""
    return re.sub(rb"(?im)^((?:message-id|in-reply-to|references):.*?<)", rb"\g<1>%d." % turn, raw)


if __name__ == "__main__":
    main()
