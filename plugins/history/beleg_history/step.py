"""The earlier messages of the thread, oldest first: the first with an assignment, or a removal, decides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from beleg import Candidates, Check, Clause, Context, RuleSeen, Step, ThreadMessage
from beleg_history.clauses import CLAUSES
from beleg_history.rules import MESSAGE


class HistoryStep(Step):
    """Adopts what stands on the oldest earlier message that has anything; adopts a removal just the same."""

    name = "history"
    priority = 100
    tables = (MESSAGE,)
    ends = frozenset(("assigned", "removed"))
    origin = "inherited"
    labels: ClassVar[Mapping[str, str]] = {"en": "history", "de": "Verlauf"}

    def clauses(self) -> Sequence[Clause]:
        """See `Step.clauses`."""
        return CLAUSES

    def run(self, context: Context) -> Iterator[Check]:
        """See `Step.run`."""
        for message in context.earlier:
            check = self._look_at(message, context)
            yield check
            if check.verdict in self.ends:
                return
        rule = RuleSeen("history.nothing", "held", "otherwise", "beleg_history")
        yield Check("nothing_found", (rule,), counts={"earlier": len(context.earlier)})

    def _look_at(self, message: ThreadMessage, context: Context) -> Check:
        standing = dict.fromkeys(a.record for a in message.assignments if a.stands)
        removed = {a.record: a.removed for a in message.assignments if a.removed and a.origin != "manual"}
        counts = {"standing": len(standing), "removed": len(removed)}
        verdict = context.rulebook.decide(MESSAGE.name, counts)
        adopted = tuple(str(record) for record in standing if record not in context.removed)
        facts = {"date": message.date.isoformat() if message.date else "", "subject": message.subject}
        listed = standing if standing else removed
        if verdict.rule.then == "adopt_removal":
            facts["record"] = ", ".join(str(record) for record in removed)
            facts["by"] = ", ".join(dict.fromkeys(removal.by for removal in removed.values()))
            facts["on"] = ", ".join(dict.fromkeys(removal.at for removal in removed.values()))
        adopts = verdict.rule.then == "adopt"
        return Check(
            "assigned" if adopts else "removed" if verdict.rule.then == "adopt_removal" else "next",
            tuple(
                RuleSeen(f"history.{one.rule.name}", one.result, one.rule.when, one.rule.source)
                for one in verdict.evaluations
            ),
            about=message.name,
            counts=counts,
            candidates=Candidates(tuple(map(str, listed))[:50], len(listed)) if listed else None,
            kept=adopted if adopts else (),
            assigned=adopted if adopts else (),
            facts=facts,
        )
