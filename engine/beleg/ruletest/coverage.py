"""Which clauses held in at least one scenario, and which never."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from beleg.ruletest.scope import Scope
from beleg.scenario import Outcome


@dataclass(frozen=True)
class Covered:
    """One clause: its step and stage (empty where the clause has none), in how many scenarios it held, and the title
    of the first of them."""

    clause: str
    step: str
    stage: str
    scenarios: int
    example: str | None


def coverage(outcomes: Iterable[Outcome], scope: Scope) -> list[Covered]:
    """Each clause of the registry, in the order of the steps and, within a step, of the registry."""
    held: dict[str, list[str]] = {}
    for outcome in outcomes:
        for clause in dict.fromkeys(outcome.clauses):
            held.setdefault(clause, []).append(outcome.scenario.title)
    order = {step.name: place for place, step in enumerate(scope.installed.steps)}
    covered = [
        _covered(clause.id, held.get(clause.id, []))
        for clause in scope.installed.clauses.values()
        if scope.clause(clause)
    ]
    stages = {stage: place for place, stage in reversed(list(enumerate((one.step, one.stage) for one in covered)))}
    return sorted(
        covered,
        key=lambda one: (order.get(one.step, -1), _STAGES.get(one.stage, 0), stages[one.step, one.stage]),
    )


_STAGES = {"": -1, "follow": 1}
"""What a step's clauses of no stage are about comes before its stages, the follow-ups after them."""


def _covered(clause: str, titles: list[str]) -> Covered:
    step, *stage, _ = clause.split(".")
    return Covered(clause, step, ".".join(stage), len(titles), titles[0] if titles else None)
