"""The two questions: why not this record, and what if the decisive evidence were not there."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from beleg.assignment import kept_on_rerun
from beleg.case import Case
from beleg.evidence import Evidence
from beleg.keys import address_key, reference_key
from beleg.orchestrator import Engine
from beleg.record import RecordRef
from beleg.trace import Check, Trace, digest
from beleg.why_not.answer import Change, Edit, WhatIf, WhyNot
from beleg.why_not.edits import apply_to_mail, apply_to_world, conflicting, relevant, vocabulary, without_numbers
from beleg.why_not.lost import addresses_of, gates, locate, numbers_named, why_nothing

MAX_EDITS = 2
SECONDS = 5.0


def why_not(
    case: Case,
    ref: RecordRef,
    engine: Engine,
    *,
    max_edits: int = MAX_EDITS,
    seconds: float = SECONDS,
    stored: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> WhyNot:
    """Why the record does not stand on the case's message, and every minimal change of at most `max_edits` edits that
    assigns it, as far as `seconds` allow.

    The case must hold what is near the record (`Workspace.case(…, near=[ref])`). A record that it does not hold is one
    that the ERP no longer has. `stored` is the digest of the stored decision. Raises StepFailed.
    """
    until = clock() + seconds
    trace = case.decide(engine).trace
    mark = digest(trace)
    record = case.directory.all().get(ref)
    lost = locate(case, trace, ref, engine.installed)
    edits: list[Edit] = []
    search = _Search(case, ref, mark, engine, until, clock)
    if record is not None and lost.kind != "assigned":
        edits = vocabulary(case, record, engine.installed, max_edits)
        search.case = relevant(case)
        search.run(edits, max_edits)
    return WhyNot(
        str(ref),
        trace.message,
        mark,
        stored if stored != mark else None,
        lost,
        addresses_of(case, trace, ref),
        numbers_named(case, ref),
        gates(trace, ref, lost, engine.installed),
        tuple(search.changes),
        max_edits,
        len(edits),
        search.tried,
        search.complete,
    )


def what_if(case: Case, trace: Trace, engine: Engine) -> WhatIf | None:
    """What comes out of the case without the evidence that decided its first assignment: an address, the numbers that
    singled one record out, or what stands on the earlier message. None where nothing was decided, but set by hand.
    `trace` is the case's own. Raises StepFailed."""
    found = _first_assigning(trace)
    if found is None:
        return None
    step, check = found
    record = check.assigned[0]
    singled_out = bool(check.counts.get("by_reference"))
    naming = [n for n in check.numbers if (n.total == 1 if singled_out else set(check.kept) & set(n.on))]
    deciding = tuple(dict.fromkeys(n.number for n in naming))
    if any(each.name == step and each.origin == "inherited" for each in engine.installed.steps):
        gone = WhatIf(record, message=check.about)
        thread = tuple(replace(m, assignments=()) if m.name == check.about else m for m in case.thread)
        changed = replace(case, thread=thread)
    elif deciding and (singled_out or not check.at):
        gone = WhatIf(record, numbers=deciding, at=naming[0].at)
        changed = replace(case, evidence=without_numbers(case, set(map(reference_key, deciding))))
    else:
        gone = WhatIf(record, address=check.about, at=check.at)
        changed = replace(case, evidence=_without_address(case, address_key(check.about)))
    after = changed.decide(engine).trace
    decides = _first_assigning(after)
    return WhatIf(
        gone.record,
        gone.address,
        gone.numbers,
        gone.message,
        gone.at,
        tuple(each.record for each in after.assigned),
        decides[1].clause if decides else why_nothing(after, RecordRef.parse(record).type, engine.installed),
    )


def _first_assigning(trace: Trace) -> tuple[str, Check] | None:
    """The first step that assigned a record, and the check that did it."""
    ran = ((step.step, check) for step in trace.steps for check in step.checks)
    return next(((step, check) for step, check in ran if check.assigned and check.stage != "follow"), None)


def _without_address(case: Case, key: str) -> Evidence:
    evidence = case.evidence
    lists = (evidence.participants, evidence.content, evidence.repeated)
    participants, content, repeated = (tuple(each for each in found if each.key != key) for found in lists)
    return replace(evidence, participants=participants, content=content, repeated=repeated)


@dataclass
class _Search:
    """Executes sets of edits in order of size until all were, or time is over.

    A trace shows all that a decision looked at. So an edit that leaves the whole trace as it is touched nothing of it,
    and a set of none but such edits comes out as no edit at all: it need not be executed.
    """

    case: Case
    ref: RecordRef
    mark: str
    engine: Engine
    until: float
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.changes: list[Change] = []
        self.tried = 0
        self.complete = True
        self._found: dict[int, list[frozenset[int]]] = defaultdict(list)
        self._idle: set[int] = set()

    def run(self, edits: Sequence[Edit], max_edits: int) -> None:
        for size in range(1, min(max_edits, len(edits)) + 1):
            for places, case in self._sets(self.case, edits, size, ()):
                self.tried += 1
                if self._assigns(case):
                    self._found[places[-1]].append(frozenset(places))
                    self.changes.append(self._change(case, [edits[place] for place in places]))
                elif size == 1 < max_edits and digest(case.decide(self.engine).trace) == self.mark:
                    self._idle.update(places)
            if not self.complete:
                return

    def _sets(
        self, case: Case, edits: Sequence[Edit], size: int, chosen: tuple[int, ...]
    ) -> Iterator[tuple[tuple[int, ...], Case]]:
        """Each set of `size` edits that is to be executed, and the case with them made; `case` is the one with those
        made that were chosen and are not of the mail."""
        for place in range(chosen[-1] + 1 if chosen else 0, len(edits)):
            places = (*chosen, place)
            if any(conflicting(edits[each], edits[place]) or conflicting(edits[place], edits[each]) for each in chosen):
                continue
            if any(found.issubset(places) for found in self._found.get(place, ())):
                continue
            if len(places) == size and self._idle.issuperset(places):
                continue
            if self.clock() >= self.until:
                self.complete = False
                return
            changed = case if edits[place].in_mail else apply_to_world(case, edits[place])
            if len(places) == size:
                yield places, apply_to_mail(changed, [edits[each] for each in places if edits[each].in_mail])
            else:
                yield from self._sets(changed, edits, size, places)

    def _assigns(self, case: Case) -> bool:
        made = case.decide(self.engine, trace=False).made
        return any(each.record == self.ref and each.stands for each in (*kept_on_rerun(case.own), *made))

    def _change(self, case: Case, edits: Sequence[Edit]) -> Change:
        trace = case.decide(self.engine).trace
        outcome = next(each for each in trace.assigned if each.record == str(self.ref))
        return Change(tuple(edits), outcome.clause, outcome.origin, tuple(each.record for each in trace.assigned))
