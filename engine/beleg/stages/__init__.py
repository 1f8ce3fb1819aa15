"""The two stages that try addresses in order: `participants`, then `content`.

Every step that looks records up by address shares them: what one address decides is the step's own table; the order
of the addresses, `on_conflict`, and a person's removals are the same for all (RULES.md sections 3, 5 and 7).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from msgspec.structs import replace

from beleg.evidence import FoundAddress
from beleg.record import RecordRef
from beleg.rulebook import Rulebook, Table
from beleg.rulebook import Verdict as Ruled
from beleg.step import Context, Step
from beleg.trace import At, Candidates, Check, Naming, RuleSeen, Verdict

PARTICIPANTS, CONTENT = "participants", "content"

VERDICTS: dict[str, Verdict] = {
    "assign": "assigned",
    "nothing": "nothing_found",
    "ambiguous": "ambiguous",
    "removed": "removed",
}
"""The verdict of each action. The action is what stands before the colon in a rule's `then`; behind it, `assign:PICK`
names which of the records that a `Look` offers is assigned."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one address (or a whole stage) leads to: the counts that the table reads, the records that a rule may
    assign (`picks`, by the name in the rule's `then`), the candidates, and the numbers that name some of them."""

    counts: Mapping[str, int]
    picks: Mapping[str, RecordRef]
    candidates: Candidates
    numbers: tuple[Naming, ...] = ()
    shared: bool = False

    @classmethod
    def nothing(cls, *counts: str) -> Look:
        """A look at nothing: no candidate, and these counts are 0. A step makes it once and returns it for every
        address that leads to no record; what the table says of it is then worked out once, too."""
        return cls(dict.fromkeys(counts, 0), {}, Candidates((), 0), shared=True)


class Ruling(NamedTuple):
    """What a table concluded from a look: the check, and the record that it leads to, removed by a person or not."""

    check: Check
    record: RecordRef | None = None
    removed: bool = False

    def credited(self) -> Check:
        """The check, as the one that assigns the record; as it is when a person removed that."""
        if self.record is None or self.removed:
            return self.check
        return replace(self.check, assigned=(str(self.record),))


class AddressStep(Step):
    """A step that tries the addresses of the participants, then those of the content.

    A subclass names the table that decides on one address (`table`) and says what the address leads to (`look`).
    One with a further stage adds its name to `stage_order` and answers for it in `try_stage`.
    """

    table: Table
    stage_order: tuple[str, ...] = (PARTICIPANTS, CONTENT)
    """The stages in the order they are tried, each when none before it led to a record."""

    @cached_property
    def _known(self) -> dict[tuple[str, str], tuple[Look, Rulebook, Check]]:
        return {}

    @cached_property
    def _seen(self) -> dict[tuple[str, int], tuple[Ruled, tuple[RuleSeen, ...]]]:
        return {}

    def look(self, address: FoundAddress, context: Context) -> Look:
        """What the address leads to."""
        raise NotImplementedError

    def run(self, context: Context) -> Iterator[Check]:
        """See `Step.run`."""
        for stage in self.stage_order:
            done = yield from self.try_stage(stage, context)
            if done:
                return

    def try_stage(self, stage: str, context: Context) -> Generator[Check, None, bool]:
        """Try the addresses of one stage; return whether the step ends here."""
        if stage not in (PARTICIPANTS, CONTENT):
            raise NotImplementedError(f"{type(self).__name__}.try_stage does not know the stage {stage!r}")
        addresses = context.participants if stage == PARTICIPANTS else context.content
        if not addresses:
            yield self._plain_check(stage, "no_address", "addresses == 0", "nothing_found", {"addresses": 0})
            return False
        rulings = (self._address(stage, address, context) for address in addresses)
        if context.settings.on_conflict == "first":
            for ruling in rulings:
                yield ruling.credited()
                if ruling.record:
                    return True
            return False
        return (yield from self._all_addresses(stage, list(rulings)))

    def _all_addresses(self, stage: str, rulings: Sequence[Ruling]) -> Generator[Check, None, bool]:
        """`on_conflict = "abstain"`: every address writes its clause; only one record among them all counts."""
        led_to = dict.fromkeys(ruling.record for ruling in rulings if ruling.record)
        credited = next((r for r in rulings if r.record), None) if len(led_to) == 1 else None
        for ruling in rulings:
            yield ruling.credited() if ruling is credited else ruling.check
        if len(led_to) > 1:
            listed = tuple(sorted(str(record) for record in led_to))
            yield replace(
                self._plain_check(stage, "conflict", "records > 1", "conflict", {"records": len(led_to)}),
                candidates=Candidates(listed, len(listed)),
            )
        return credited is not None

    def _plain_check(self, stage: str, clause: str, when: str, verdict: Verdict, counts: dict[str, int]) -> Check:
        rule = RuleSeen(f"{self.name}.{stage}.{clause}", "held", when, "beleg")
        return Check(verdict, (rule,), stage=stage, counts=counts)

    def _address(self, stage: str, address: FoundAddress, context: Context) -> Ruling:
        place = address.place
        return self.rule(stage, self.table, self.look(address, context), context, address.text, At(*place))

    def rule(
        self, stage: str, table: Table, look: Look, context: Context, about: str = "", at: At | None = None
    ) -> Ruling:
        """Let the table decide on a look.

        Where a rule would assign a record that a person removed from the message, the table decides again with
        the count `removed` at 1, so that the clause `removed` stands in that rule's place.
        """
        if not look.shared:
            return self._decide(stage, table, look, context, about, at)
        known = self._known.get((stage, table.name))
        if known is None or known[0] is not look or known[1] is not context.rulebook:
            check = self._decide(stage, table, look, context, "", None).check
            self._known[stage, table.name] = known = (look, context.rulebook, check)
        return Ruling(replace(known[2], about=about, at=at))

    def _decide(self, stage: str, table: Table, look: Look, context: Context, about: str, at: At | None) -> Ruling:
        counts = {**look.counts, "removed": 0}
        verdict = context.rulebook.decide(table.name, counts)
        action, _, pick = verdict.rule.then.partition(":")
        record = look.picks.get(pick) if action == "assign" else None
        facts: dict[str, str] = {}
        if record is not None and (removal := context.removed.get(record)):
            counts["removed"] = 1
            verdict = context.rulebook.decide(table.name, counts)
            action = verdict.rule.then.partition(":")[0]
            facts = {"record": str(record), "by": removal.by, "on": removal.at}
        check = Check(
            VERDICTS[action],
            self._rules_seen(stage, verdict),
            stage=stage,
            about=about,
            at=at,
            counts=counts,
            candidates=look.candidates if look.candidates.total else None,
            kept=(str(record),) if record is not None else (),
            numbers=look.numbers,
            facts=facts,
        )
        return Ruling(check, record, bool(facts))

    def _rules_seen(self, stage: str, verdict: Ruled) -> tuple[RuleSeen, ...]:
        # The rule book remembers its verdicts, so the same ones come again and again.
        seen = self._seen.get((stage, id(verdict)))
        if seen is None or seen[0] is not verdict:
            prefix = f"{self.name}.{stage}."
            rules = tuple(
                RuleSeen(prefix + one.rule.name, one.result, one.rule.when, one.rule.source)
                for one in verdict.evaluations
            )
            self._seen[stage, id(verdict)] = seen = (verdict, rules)
        return seen[1]
