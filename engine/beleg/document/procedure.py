"""How a document of any type is found: by address, by address and number, by two numbers.

It exists once. A document type says its name, its priority, which standing types skip its step and what follows it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from beleg.clause import Clause
from beleg.directory import LISTED, Group
from beleg.document.clauses import document_clauses
from beleg.document.rules import ADDRESS, TWO_REFERENCES
from beleg.evidence import FoundAddress, FoundNumber
from beleg.lookup import NOTHING, Hits, Interest
from beleg.record import RecordRef
from beleg.rulebook import Rule, check_outcome, with_rules
from beleg.stages import CONTENT, PARTICIPANTS, AddressStep, Look, Ruling
from beleg.step import Context, FollowUp
from beleg.trace import At, Candidates, Check, Naming

TWO = "two_references"


NO_TWO_NUMBERS = Look.nothing("candidates")
NO_DOCUMENT = Look.nothing("candidates", "by_reference")


class DocumentStep(AddressStep):
    """The step of one document type: `DocumentStep("order", priority=200, skipped_by=("order",))`.

    `type` is both the step's name and the record type. `skipped_by` defaults to the type itself. `rules` are added to
    the table that decides on one address, for this type alone: it gets a copy, `order.address`. Raises RuleError,
    TypeError.
    """

    table = ADDRESS
    tables = (ADDRESS, TWO_REFERENCES)
    stage_order = (PARTICIPANTS, CONTENT, TWO)

    def __init__(
        self,
        type: str,
        *,
        priority: int,
        skipped_by: Sequence[str] | None = None,
        follow_ups: Sequence[FollowUp] = (),
        rules: Sequence[Rule] = (),
    ) -> None:
        self.name = self.type = type
        self.priority = priority
        if isinstance(skipped_by, str):
            raise TypeError(f"skipped_by is a list of record types, such as [{skipped_by!r}], and no text")
        self.skipped_by = (type,) if skipped_by is None else tuple(skipped_by)
        self.follow_ups = tuple(follow_ups)
        self._group = Group(type)
        if rules:
            own = replace(ADDRESS, name=f"{type}.address")
            for rule in rules:
                check_outcome(own, rule)
            self.table = with_rules(own, rules, type)
            self.tables = (self.table, TWO_REFERENCES)

    def clauses(self) -> Sequence[Clause]:
        """See `Step.clauses`."""
        return document_clauses(self.name)

    def interest(self) -> Interest:
        """See `Step.interest`."""
        return Interest((self._group,), numbers=True)

    def look(self, address: FoundAddress, context: Context) -> Look:
        """The documents that carry the address, and which of them the numbers of the mail name."""
        hits = context.lookup.by_address(address.key, self._group)
        if not hits.total:
            return NO_DOCUMENT
        if hits.total < 2:
            return self._look(hits, NOTHING, {"by_reference": 0})
        numbers = []
        singled_out = set()
        for number, both in context.lookup.numbers_with(address.key, self._group):
            numbers.append(self._naming(number, both))
            if both.total == 1:
                singled_out.add(both.ids[0])
        named = Hits(tuple(singled_out), len(singled_out))
        return self._look(hits, named, {"by_reference": int(named.total == 1)}, tuple(numbers))

    def try_stage(self, stage: str, context: Context) -> Generator[Check, None, bool]:
        """See `AddressStep.try_stage`."""
        if stage != TWO:
            return (yield from super().try_stage(stage, context))
        ruling = self._two_references(context)
        yield ruling.credited()
        return ruling.record is not None

    def _two_references(self, context: Context) -> Ruling:
        """Documents on which two numbers of the content occur."""
        numbers = _distinct(context.content_numbers)
        if not numbers:
            return self.rule(TWO, TWO_REFERENCES, NO_TWO_NUMBERS, context)
        hits = context.lookup.by_two_numbers([number.key for number in numbers], self._group)
        on = [(number, context.lookup.by_number(number.key, self._group)) for number in numbers]
        namings = tuple(self._naming(number, found) for number, found in on if found.total)
        return self.rule(TWO, TWO_REFERENCES, self._look(hits, NOTHING, {}, namings), context)

    def _look(self, hits: Hits, named: Hits, counts: dict[str, int], numbers: tuple[Naming, ...] = ()) -> Look:
        picks = {}
        if hits.total == 1:
            picks["only"] = RecordRef(self.name, hits.ids[0])
        if named.total == 1:
            picks["referenced"] = RecordRef(self.name, named.ids[0])
        return Look({"candidates": hits.total, **counts}, picks, Candidates(self._refs(hits), hits.total), numbers)

    def _naming(self, number: FoundNumber, hits: Hits) -> Naming:
        return Naming(number.text, At(*number.place), self._refs(hits), hits.total)

    def _refs(self, hits: Hits) -> tuple[str, ...]:
        return tuple(f"{self.name}:{id_}" for id_ in hits.ids[:LISTED])


def _distinct(numbers: Sequence[FoundNumber]) -> list[FoundNumber]:
    """Each number once, at its first place."""
    first: dict[str, FoundNumber] = {}
    for number in numbers:
        first.setdefault(number.key, number)
    return list(first.values())
