"""Comparing two decisions on one message: what stands otherwise, by which clause before and now, and because of what.

Pure: how the decisions were come by is `beleg.replay.run`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from beleg.frame_clauses import FRAME
from beleg.orchestrator.inputs import Changed, Part
from beleg.trace import Check, Trace, decisive

Kind = Literal["same", "explanation", "gained", "lost", "other", "undecided", "failed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""`same`: the same records stand, by the same way. `explanation`: the same records stand, by another way. `undecided`
and `failed` are not compared: nothing was decided before, or a step fails now."""
OUTCOMES: tuple[Kind, ...] = ("gained", "lost", "other")
"""The kinds in which other records stand."""
Cause = Literal["rules", Part, "inputs_unknown", "unexplained"]
CAUSES: tuple[Cause, ...] = ("rules", *get_args(Part), "inputs_unknown", "unexplained")
"""`rules`: another rule set (rules, settings, plugins). `inputs_unknown`: an older Beleg decided, which stored no
inputs. `unexplained`: neither, which a pure decision rules out."""

NO_STEP = "(no step)"
"""In place of a clause: there is no such step on that side."""
NO_CHECK = "(no check)"
"""In place of a clause: the step ran and asked nothing."""
BY_HAND = "(by hand)"
"""In place of a clause: a person set the record."""


class Change(msgspec.Struct, frozen=True):
    """What became of one message. `before` and `after` are the records that stand; `from_` and `to` the clauses; `step`
    the one that gave the record or gave it before; `changed` names records, addresses and numbers that differ."""

    row: int
    message_id: str | None
    subject: str
    kind: Kind
    causes: tuple[Cause, ...] = ()
    changed: tuple[str, ...] = ()
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    step: str | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    digest_before: str | None = None
    digest_after: str | None = None
    ruleset_before: str | None = None
    ruleset_after: str | None = None
    error: str | None = None


class Side(NamedTuple):
    """One of two decisions: its trace, the records that stand by it, and the steps of its rule set (None: unknown)."""

    trace: Trace
    records: Sequence[str]
    steps: Collection[str] | None = None


class Verdict(NamedTuple):
    """How two decisions differ."""

    kind: Kind
    from_: str | None = None
    to: str | None = None
    step: str | None = None


def compare(before: Side, after: Side) -> Verdict:
    """The kind of a change between two decisions whose traces differ, with the clauses and the step."""
    lost = [record for record in before.records if record not in after.records]
    gained = [record for record in after.records if record not in before.records]
    if not lost and not gained:
        # The settings are noted in a trace; where nothing else differs, nothing reads otherwise.
        if _without_settings(before.trace) == _without_settings(after.trace):
            return Verdict("same")
        return Verdict("explanation", *_first_difference(before.trace.held(), after.trace.held()))
    if not lost:
        clause, step, check = _reason(after.trace, gained[0])
        return Verdict("gained", _why_not(before, step, check), clause, step)
    was, step, check = _reason(before.trace, lost[0])
    if not gained:
        return Verdict("lost", was, _why_not(after, step, check), step)
    clause, step, _ = _reason(after.trace, gained[0])
    return Verdict("other", was, clause, step)


def causes(rules_differ: bool, inputs: Sequence[Changed] | None) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """Why two decisions with different traces differ, and the names of what changed. `inputs` is None where the inputs
    of the one before are unknown."""
    found: list[Cause] = ["rules"] if rules_differ else []
    if inputs is None:
        found.append("inputs_unknown")
    else:
        found += [part for part, _ in inputs]
    names = tuple(name for _, names in inputs or () for name in names)
    return tuple(found) or ("unexplained",), names


def _without_settings(trace: Trace) -> Trace:
    return replace(trace, settings={}, run=None)


def _first_difference(before: Sequence[str], after: Sequence[str]) -> tuple[str | None, str | None]:
    """The first clauses that held on one side and not at that place on the other."""
    for one, other in zip(before, after, strict=False):
        if one != other:
            return one, other
    shorter = min(len(before), len(after))
    return next(iter(before[shorter:]), None), next(iter(after[shorter:]), None)


def _reason(trace: Trace, record: str) -> tuple[str, str, Check | None]:
    """The clause by which a record stands, the step, and the check where the step made it in this run."""
    if assigning := trace.assigning(record):
        step, check = assigning
        return check.clause, step, check
    for outcome in trace.assigned:
        if outcome.record == record and outcome.clause:
            return outcome.clause, outcome.clause.partition(".")[0], None
    return BY_HAND, BY_HAND, None


def _why_not(side: Side, step: str, check: Check | None) -> str:
    """The clause by which a step did not make the record that `check` makes on the other side."""
    steps = {each.step: each.checks for each in side.trace.steps}
    if step not in steps:
        if side.steps is not None and step not in side.steps:
            return NO_STEP
        ended = steps.get(FRAME) or (side.trace.steps[-1].checks if side.trace.steps else ())
        return ended[-1].clause if ended else NO_CHECK
    checks = steps[step]
    followed = [each for each in checks if each.stage == "follow"]
    if check is not None and check.stage == "follow":
        for each in followed:
            if each.clause == check.clause:
                return _named(each)
    own = [each for each in checks if each.stage != "follow"]
    found = decisive(own) or next(iter(own[-1:]), None)
    return _named(found) if found else NO_CHECK


def _named(check: Check) -> str:
    """The clause; of a follow-up that was not made, with the reason."""
    reason = check.facts.get("reason")
    return f"{check.clause} ({reason})" if reason and not check.held else check.clause
