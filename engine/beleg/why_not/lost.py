"""Where on the way of a decision a record was lost, read from the trace."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from beleg.assignment import removals
from beleg.case import Case
from beleg.directory import address_entry
from beleg.frame_clauses import LIMIT
from beleg.keys import address_key, reference_key
from beleg.plugins import Installed
from beleg.record import CUSTOMER, Record, RecordRef
from beleg.stages import CONTENT, PARTICIPANTS
from beleg.step import Step
from beleg.trace import At, Check, StepTrace, Trace, decisive
from beleg.why_not.answer import Carried, Gate, Lost, Numbered
from beleg.why_not.edits import numbers_of, occurrences


def locate(case: Case, trace: Trace, ref: RecordRef, installed: Installed) -> Lost:
    """Where the record was lost in the decision that the trace tells of."""
    name = str(ref)
    if outcome := next((each for each in trace.assigned if each.record == name), None):
        facts = {"origin": outcome.origin, "clause": outcome.clause or ""}
        by, check = trace.assigning(name) or ("", None)
        return Lost("assigned", by, check, facts=facts)
    if ref not in case.directory.all():
        return Lost("retired")
    step = installed.step_for(ref.type)
    ended = next((found for each in trace.steps if (found := _end(each, installed))), None)
    if removal := removals(case.own).get(ref):
        facts = {"by": removal.by, "on": removal.at}
        return Lost("removed", step.name if step else "", ended[1] if ended else _removing(trace, name), facts=facts)
    if ended:
        return Lost("inherited" if ended[1].verdict == "assigned" else "removal_inherited", *ended)
    if limit := next((check for check in trace.checks() if check.clause == LIMIT), None):
        return Lost("limit", check=limit)
    followed = _not_followed(case, trace, ref)
    ran = next((each for each in trace.steps if step and each.step == step.name), None)
    if step is None or ran is None:
        return Lost("not_followed", *followed) if followed else Lost("no_step")
    lost = _in_step(case, ran, step, ref)
    return replace(lost, more=(*lost.more, followed[1])) if followed else lost


def _end(ran: StepTrace, installed: Installed) -> tuple[str, Check] | None:
    """The step's check that ended the assignment: no later step ran."""
    ends = next((each.ends for each in installed.steps if each.name == ran.step), frozenset())
    return next(((ran.step, check) for check in ran.checks if check.verdict in ends), None)


def _removing(trace: Trace, name: str) -> Check | None:
    """The check that would have assigned the record, had no person removed it."""
    return next((check for check in trace.checks() if check.verdict == "removed" and name in check.kept), None)


def _not_followed(case: Case, trace: Trace, ref: RecordRef) -> tuple[str, Check] | None:
    """The follow-up that points at the record and was not made."""
    for step in trace.steps:
        for check in step.checks:
            if check.stage == "follow" and not check.held:
                source = case.directory.all().get(RecordRef.parse(check.about))
                if source is not None and ref in source.targets(check.facts["role"]):
                    return step.step, check
    return None


def _in_step(case: Case, ran: StepTrace, step: Step, ref: RecordRef) -> Lost:
    if skipped := next((check for check in ran.checks if check.verdict == "skipped"), None):
        return Lost("skipped", step.name, skipped)
    dropped = [check for check in ran.checks if check.stage != "follow" and _dropped(case, check, ref)]
    if dropped:
        return Lost("dropped", step.name, dropped[0], tuple(dropped[1:]))
    interest = step.interest()
    by_numbers = interest is not None and interest.numbers
    won = next((check for check in ran.checks if check.assigned or check.verdict == "removed"), None)
    if won is not None and _would_come(case, ran, won, ref, by_numbers):
        return Lost("not_reached", step.name, won)
    return Lost("never_candidate", step.name, facts={"by": "numbers" if by_numbers else "address"})


def _dropped(case: Case, check: Check, ref: RecordRef) -> bool:
    """Whether the record was a candidate of the check, and was not left. (With `on_conflict` "abstain" one that an
    address led to is lost only where the stage is a conflict.)"""
    if check.candidates is None or str(ref) in check.kept:
        return False
    if str(ref) in check.candidates.listed:
        return True
    if check.candidates.total <= len(check.candidates.listed):
        return False
    if not check.at:
        return len(_content_numbers(case, ref)) >= 2
    return address_entry(address_key(check.about)) in case.directory.entries(case.directory.all()[ref])


def _content_numbers(case: Case, ref: RecordRef) -> set[str]:
    """The numbers of the content that the record bears."""
    keys = case.directory.all()[ref].reference_keys()
    return {number.key for number in occurrences(case) if number.in_content and number.key in keys}


def _would_come(case: Case, ran: StepTrace, won: Check, ref: RecordRef, by_numbers: bool) -> bool:
    """Whether an address that counts and was no longer asked, or two numbers, lead to the record."""
    entries = case.directory.entries(case.directory.all()[ref])
    asked = {address_key(check.about) for check in ran.checks if check.at}
    for found in (*case.evidence.participants, *case.evidence.content):
        if found.key not in asked and address_entry(found.key) in entries and not case.ignored.entry_for(found.key):
            return True
    return by_numbers and won.stage in (PARTICIPANTS, CONTENT) and len(_content_numbers(case, ref)) >= 2


# --- what leads to the record, and what the mail has of it -------------------------------------------------------


def addresses_of(case: Case, trace: Trace, ref: RecordRef) -> tuple[Carried, ...]:
    """The addresses that lead to the record, and where the mail has them."""
    record = case.directory.all().get(ref)
    if record is None:
        return ()
    seen = {each.key: each for each in trace.addresses if not each.repeated}
    found: dict[str, Carried] = {}
    for owner in (record, *_customers(case, record)):
        for address in owner.addresses:
            key = address_key(address)
            via = None if owner is record else str(owner.ref)
            here = seen.get(key)
            carried = Carried(address, via, here.at, here.ignored, here.ignored_as) if here else Carried(address, via)
            found.setdefault(key, carried)
    return tuple(found.values())


def _customers(case: Case, record: Record) -> Iterator[Record]:
    for target in record.targets(CUSTOMER):
        if customer := case.directory.all().get(target):
            yield customer


def numbers_named(case: Case, ref: RecordRef) -> tuple[Numbered, ...]:
    """The reference numbers of the record, and where the mail names them."""
    record = case.directory.all().get(ref)
    if record is None:
        return ()
    named = {number.key: number.place for number in numbers_of(case)}
    found: dict[str, Numbered] = {}
    for number in record.numbers():
        if key := reference_key(number):
            place = named.get(key)
            found.setdefault(key, Numbered(number, At(*place) if place else None))
    return tuple(found.values())


# --- what it would still have had to pass ------------------------------------------------------------------------


def gates(trace: Trace, ref: RecordRef, lost: Lost, installed: Installed) -> tuple[Gate, ...]:
    """The clauses of the record's step that assign, from the stage on in which it was lost; before them, where the step
    was not come to, the one by which it would have been skipped."""
    step = installed.step_for(ref.type)
    if step is None or lost.kind in ("assigned", "retired"):
        return ()
    found = []
    if step.skipped_by and step.name not in {ran.step for ran in trace.steps}:
        found.append(Gate(f"{step.name}.skipped", " or ".join(f"{type_} stands" for type_ in step.skipped_by), True))
    done = _stages_before(lost, trace) if lost.kind in ("dropped", "not_reached") else ()
    rules = {(table.name, rule.name): rule for table in step.tables for rule in installed.tables[table.name].rules}
    for clause in installed.clauses:
        owner, _, rest = clause.partition(".")
        stage, _, name = rest.partition(".")
        if owner != step.name or not name or stage in done:
            continue
        # A table that is named after a stage is that stage's own.
        named = sorted((not table.endswith(f".{stage}"), table) for table, rule_name in rules if rule_name == name)
        if named and (rule := rules[named[0][1], name]).then.startswith("assign"):
            found.append(Gate(clause, rule.when))
    return tuple(found)


def _stages_before(lost: Lost, trace: Trace) -> list[str]:
    """The stages of the step that were over when the record was lost."""
    ran = next(each for each in trace.steps if each.step == lost.step)
    stages = list(dict.fromkeys(check.stage for check in ran.checks))
    return stages[: stages.index(lost.check.stage)] if lost.check else []


def why_nothing(trace: Trace, type_: str, installed: Installed) -> str:
    """The clause that says why a decision assigned nothing of a type: that of the decisive check of its step, else of
    the last one; of all checks where the step did not run."""
    step = installed.step_for(type_)
    checks = [check for ran in trace.steps if step and ran.step == step.name for check in ran.checks]
    last = (checks or list(trace.checks()))[-1:]
    found = decisive(checks) or next(iter(last), None)
    return found.clause if found else ""
