"""What follows from an assigned record (RULES.md section 5): made by a run, and when a person assigns by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from beleg.record import Record, RecordRef
from beleg.step import FollowUp, Step
from beleg.trace import Check, RuleSeen

WHEN = {
    "always": "targets >= 1",
    "first": "targets >= 1 and others == 0",
    "single": "targets == 1",
}


@dataclass(frozen=True, slots=True)
class Followed:
    """One follow-up's check, and the record to add (None when nothing is added)."""

    check: Check
    record: RecordRef | None


def follow(
    step: Step,
    record: Record,
    standing: Collection[RecordRef],
    removed: Collection[RecordRef],
    exists: Callable[[RecordRef], bool],
) -> Iterator[Followed]:
    """Each follow-up of `record`, which the message has just been assigned to, in the step's order.

    `standing` and `removed` are the records that stand on the message (with `record`) and that a person removed.
    """
    added: set[RecordRef] = set()
    for follow_up in step.follow_ups:
        result = _one(step, follow_up, record, {*standing, *added}, removed, exists)
        if result.record:
            added.add(result.record)
        yield result


def _one(
    step: Step,
    follow_up: FollowUp,
    record: Record,
    standing: Collection[RecordRef],
    removed: Collection[RecordRef],
    exists: Callable[[RecordRef], bool],
) -> Followed:
    targets = record.targets(follow_up.role)
    counts = {"targets": len(targets)}
    facts = {"source": str(record.ref), "role": follow_up.role}
    if follow_up.when == "first":
        others = {ref for ref in (*standing, *removed) if ref.type == record.ref.type and ref != record.ref}
        counts["others"] = len(others)
    target = targets[0] if targets else None
    reason = ""
    if target is None:
        reason = "none"
    elif follow_up.when == "single" and len(targets) > 1:
        reason = "several"
    elif counts.get("others"):
        reason = "not_first"
    elif target in removed:
        reason = "removed"
    elif target not in standing and not exists(target):
        reason = "missing"
    if target is not None and len(targets) == 1:
        facts["record"] = str(target)
    if reason:
        facts["reason"] = reason
    rule = RuleSeen(
        f"{step.name}.follow.{follow_up.role}", "not_held" if reason else "held", WHEN[follow_up.when], "beleg"
    )
    made = target if not reason and target not in standing else None
    return Followed(
        Check(
            "nothing_found" if reason else "assigned",
            (rule,),
            stage="follow",
            about=str(record.ref),
            counts=counts,
            kept=() if reason or target is None else (str(target),),
            assigned=(str(made),) if made else (),
            facts=facts,
        ),
        made,
    )
