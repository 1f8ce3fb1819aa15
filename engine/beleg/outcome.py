"""What came of a decision, in a word, given the records that stand now; and the candidates that it left open.

A person may have set or removed records since, so both are worked out from the trace and from what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, get_args

import msgspec

from beleg.record import RecordRef
from beleg.trace import StepTrace, Trace, Verdict, decisive

State = Literal["undecided", "assigned", "partly", "ambiguous", "nothing"]
STATES: tuple[State, ...] = get_args(State)

OPEN: tuple[Verdict, ...] = ("ambiguous", "conflict")
"""The verdicts that leave it to a person which record is meant."""


class OpenStep(msgspec.Struct, frozen=True):
    """A step that found several records and assigned none of them, and no record of its type stands: the candidates
    (`order:O-81`; those of the check that says why first), and how many there are in all (1,001: more than 1,000)."""

    step: str
    type: str
    candidates: tuple[str, ...]
    total: int


def state_of(trace: Trace | None, standing: Collection[str], step_types: Mapping[str, str | None]) -> State:
    """What came of the decision, for the records (`order:O-81`) that stand on the message now.

    undecided  there is no decision (`trace` is None)
    assigned   something stands, and no step left open what of its type is meant
    partly     something stands, but a step left open what of its type is meant, and nothing of that type stands
    ambiguous  nothing stands, and a step left it open
    nothing    nothing stands, and no step left anything open

    `step_types` maps the name of each step to the record type that it assigns.
    """
    if trace is None:
        return "undecided"
    open_ = next(_open(trace, standing, step_types), None) is not None
    if standing:
        return "partly" if open_ else "assigned"
    return "ambiguous" if open_ else "nothing"


def open_steps(trace: Trace, standing: Collection[str], step_types: Mapping[str, str | None]) -> tuple[OpenStep, ...]:
    """The steps that left it to a person which record is meant, in their order, each with its candidates, but for those
    that a person removed from the message before the decision."""
    removed = {each.record for each in trace.removed}
    found = []
    for step, types in _open(trace, standing, step_types):
        checks = (check for check in step.checks if check.verdict in OPEN)
        conflict_first = sorted(checks, key=lambda check: check.verdict != "conflict")
        candidates = [check.candidates for check in conflict_first if check.candidates]
        listed = tuple(dict.fromkeys(name for each in candidates for name in each.listed if name not in removed))
        total = max((len(listed), *(each.total for each in candidates if each.total > len(each.listed))))
        found.append(OpenStep(step.step, min(types, default=""), listed, total))
    return tuple(found)


def _open(
    trace: Trace, standing: Collection[str], step_types: Mapping[str, str | None]
) -> Iterator[tuple[StepTrace, set[str]]]:
    """The steps that ended without an answer, and the record types that would be one, none of which stands."""
    there = {RecordRef.parse(name).type for name in standing}
    for step in trace.steps:
        if any(check.assigned for check in step.checks):
            continue
        check = decisive(step.checks)
        if check is None or check.verdict not in OPEN:
            continue
        type_ = step_types.get(step.step)
        listed = check.candidates.listed if check.candidates else ()
        types = {type_} if type_ else {RecordRef.parse(name).type for name in listed}
        if not types & there:
            yield step, types
