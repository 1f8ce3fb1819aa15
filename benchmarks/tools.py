"""What the tools for rule owners cost: why-not, on the real mails and the ERP world of `ham.py`.

    python benchmarks/tools.py              # a table in Markdown

Each question is asked as `beleg why-not` asks it, without the start of the program: the case is taken out of the
database, the search runs with its default limits.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median, quantiles

import ham

from beleg import RecordRef
from beleg.plugins import installed
from beleg.store import Database
from beleg.whynot import why_not
from beleg.workspace import Workspace

QUESTIONS = 400


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
    p95 = quantiles(times, n=20)[-1]
    print(f"| why-not, {len(times)} questions | {median(times):,.1f} ms | {p95:,.1f} ms | {max(times):,.1f} ms |")
    print(f"\nChange found: {found}; stopped early: {stopped}; " + ", ".join(f"{k}: {n}" for k, n in kinds.items()))


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description="Measure the tools for rule owners.")
    parser.add_argument("--mails", type=Path, default=ham.EASY_HAM, help="folder of real mails, one to a file")
    raws = ham.mails(parser.parse_args().mails)
    with tempfile.TemporaryDirectory() as name:
        workspace = prepared(Path(name), raws)
        print("| What | median | 95th percentile | maximum |\n| --- | ---: | ---: | ---: |")
        measure_why_not(workspace, [record.ref for record in ham.world(raws)])


if __name__ == "__main__":
    main()
