"""Where on the way of a decision a record was lost, read from the trace."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from beleg.assignment import removals
from beleg.case import Case
from beleg.directory import address_entry, reference_entry
from beleg.frame_clauses import LIMIT
from beleg.keys import address_key, reference_key
from beleg.plugins import Installed
from beleg.record import CUSTOMER, Record, RecordRef
from beleg.stages import CONTENT, PARTICIPANTS
from beleg.step import Step
from beleg.trace import At, Check, StepTrace, Trace
from beleg.whynot.answer import Carried, Gate, Lost, Numbered
from beleg.whynot.edits import numbers_of


def locate(case: Case, trace: Trace, ref: RecordRef, installed: Installed) -> Lost:
    """Where the record was lost in the decision that the trace tells of."""
    name = str(ref)
    if outcome := next((each for each in trace.assigned if each.record == name), None):
        facts = {"origin": outcome.origin, "clause": outcome.clause or ""}
        for ran_step in trace.steps:
            for check in ran_step.checks:
                if name in check.assigned:
                    return Lost("assigned", ran_step.step, check, facts=facts)
        return Lost("assigned", facts=facts)
    if ref not in case.directory.all():
        return Lost("retired")
    step = installed.step_for(ref.type)
    ran = {each.step: each for each in trace.steps}
    removal = removals(case.own).get(ref)
    for each in trace.steps:
        for check in each.checks:
            if check.clause == LIMIT:
                return Lost("limit", check=check)
            if _ends(each, check, installed):
                return Lost("inherited" if check.verdict == "assigned" else "removal_inherited", each.step, check)
    if removal is not None:
        facts = {"by": removal.by, "on": removal.at}
        return Lost("removed", step.name if step else "", _removing(ran, step, name), facts=facts)
    followed = _not_followed(case, trace, ref)
    if step is None or step.name not in ran:
        return Lost("not_followed", *followed) if followed else Lost("no_step")
    lost = _in_step(case, ran[step.name], step, ref)
    return replace(lost, more=(*lost.more, followed[1])) if followed else lost


def _ends(step: StepTrace, check: Check, installed: Installed) -> bool:
    return any(check.verdict in each.ends for each in installed.steps if each.name == step.step)


def _removing(ran: dict[str, StepTrace], step: Step | None, name: str) -> Check | None:
    checks = ran[step.name].checks if step is not None and step.name in ran else ()
    return next((check for check in checks if check.verdict == "removed" and name in check.kept), None)


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
    first = ran.checks[0]
    if first.verdict == "skipped":
        return Lost("skipped", step.name, first)
    dropped = [check for check in ran.checks if check.stage != "follow" and _was_candidate(case, check, ref)]
    if dropped:
        return Lost("dropped", step.name, dropped[0], tuple(dropped[1:]))
    won = next((check for check in ran.checks if check.assigned or check.verdict == "removed"), None)
    if won is not None and won.stage != "follow" and _would_come(case, ran, won, ref):
        return Lost("not_reached", step.name, won)
    interest = step.interest()
    return Lost("never_candidate", step.name, facts={"by": "numbers" if interest and interest.numbers else "address"})


def _was_candidate(case: Case, check: Check, ref: RecordRef) -> bool:
    if check.candidates is None:
        return False
    if str(ref) in check.candidates.listed:
        return True
    if check.candidates.total <= len(check.candidates.listed) or not check.at:
        return False
    return address_entry(address_key(check.about)) in case.directory.entries(case.directory.all()[ref])


def _would_come(case: Case, ran: StepTrace, won: Check, ref: RecordRef) -> bool:
    """Whether an address that counts and was no longer asked, or two numbers, lead to the record."""
    entries = case.directory.entries(case.directory.all()[ref])
    asked = {address_key(check.about) for check in ran.checks if check.at}
    counting = [
        found.key
        for found in (*case.evidence.participants, *case.evidence.content)
        if case.ignored.entry_for(found.key) is None
    ]
    if any(address_entry(key) in entries for key in counting if key not in asked):
        return True
    numbers = [n for n in numbers_of(case) if n.place.part != "subject" and reference_entry(n.key) in entries]
    return won.stage in (PARTICIPANTS, CONTENT) and len(numbers) >= 2


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
    for number in (record.number or "", *(reference.number for reference in record.references)):
        if key := reference_key(number):
            place = named.get(key)
            found.setdefault(key, Numbered(number, At(*place) if place else None))
    return tuple(found.values())


# --- what it would still have had to pass ------------------------------------------------------------------------


def gates(trace: Trace, ref: RecordRef, lost: Lost, installed: Installed) -> tuple[Gate, ...]:
    """The clauses of the record's step that assign, from the stage on in which it was lost."""
    step = installed.step_for(ref.type)
    if step is None or lost.kind in ("assigned", "retired"):
        return ()
    done = []
    if lost.check is not None and lost.kind in ("dropped", "not_reached") and lost.check.stage:
        ran = next(each for each in trace.steps if each.step == step.name)
        stages = dict.fromkeys(check.stage for check in ran.checks if check.stage)
        done = list(stages)[: list(stages).index(lost.check.stage)]
    skips = []
    if lost.kind in ("inherited", "removal_inherited", "limit") and step.skipped_by:
        skips = [Gate(f"{step.name}.skipped", " and ".join(f"no {type_} stands" for type_ in step.skipped_by))]
    rules = {(t.name, r.name): r for table in step.tables for t in [installed.tables[table.name]] for r in t.rules}
    found = []
    for clause in installed.clauses:
        owner, _, rest = clause.partition(".")
        stage, _, name = rest.partition(".")
        if owner != step.name or not name or stage in done:
            continue
        named = [(table, rule) for (table, rule_name), rule in rules.items() if rule_name == name]
        # A table that is named after a stage is that stage's own.
        named.sort(key=lambda each: not each[0].endswith(f".{stage}"))
        if named and named[0][1].then.startswith("assign"):
            found.append(Gate(clause, named[0][1].when))
    return (*skips, *found)


def why_nothing(trace: Trace, type_: str, installed: Installed) -> str:
    """The clause that says why a decision assigned nothing of a type."""
    step = installed.step_for(type_)
    for ran in trace.steps:
        if step is not None and ran.step == step.name:
            for verdict in ("conflict", "removed", "ambiguous"):
                if found := next((check for check in ran.checks if check.verdict == verdict), None):
                    return found.clause
            return ran.checks[-1].clause
    return trace.steps[-1].checks[-1].clause if trace.steps else ""
