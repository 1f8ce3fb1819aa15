"""Decisions on messages: storing them, and what was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress

from sqlalchemy import bindparam, insert, select, text, update

from beleg.orchestrator import Decision
from beleg.orchestrator.inputs import encode
from beleg.orchestrator.ruleset import RuleSet
from beleg.orchestrator.ruleset import decode as decode_ruleset
from beleg.outcome import state_of
from beleg.store.batch import Statement
from beleg.store.mails.assigned import Assigned
from beleg.store.mails.model import NO_TYPES, PastDecision, StepTypes, StoredDecision
from beleg.store.mails.packing import packed, unpacked
from beleg.store.mails.rows import columns_of
from beleg.store.tables import assignment, decision, message, ruleset
from beleg.trace import Trace, decode, encode_with_digest


class Decided(Assigned):
    """Decisions, with their traces and the rule sets that made them."""

    def store(
        self,
        decisions: Iterable[tuple[int, Decision]],
        clean: Collection[int] = (),
        step_types: StepTypes = NO_TYPES,
    ) -> None:
        """Store decisions: what earlier runs made goes, what these made comes, each with its trace and its state.
        `clean` are rows of messages known to have no assignment yet."""
        decided, made, traces = [], [], []
        for row, each in decisions:
            standing = {outcome.record for outcome in each.trace.assigned}
            decided.append({"b_id": row, "b_state": state_of(each.trace, standing, step_types)})
            run = each.trace.run
            data, mark = encode_with_digest(each.trace)
            traces.append(
                {
                    "message": row,
                    "at": run.time if run else "",
                    "digest": mark,
                    "ruleset": run.ruleset if run else "",
                    "trace": packed(data),
                    "inputs": encode(each.seen.inputs()) if each.seen else None,
                    "clauses": clauses_of(each.trace),
                }
            )
            made += [columns_of(row, one) for one in each.made]
        if not decided:
            return
        if stale := [{"b_id": each["b_id"]} for each in decided if each["b_id"] not in clean]:
            self._db.execute(_FORGET, stale)
        if made:
            self._db.execute(insert(assignment), made)
        self._db.execute(insert(decision), traces)
        self._db.execute(_DECIDED, decided)

    def settle(self, rows: Collection[int], step_types: StepTypes) -> None:
        """Work out anew the state of some messages, and whether a person corrected them: from their newest traces and
        what stands on them now. Three round trips to read, and one to write."""
        tied = self.assignments_of(rows)
        decisions = self.decisions(rows)
        traces = self.traces(decisions.values())
        values = []
        for row in rows:
            made = tied[row]
            trace = traces[decisions[row].id] if row in decisions else None
            standing = {str(each.record) for each in made if each.stands}
            values.append(
                {
                    "b_id": row,
                    "b_state": state_of(trace, standing, step_types) if trace else None,
                    "b_corrected": any(each.removed or each.origin == "manual" for each in made),
                }
            )
        if values:
            self._db.execute(_SETTLE, values)

    def describe(self, made_by: RuleSet) -> None:
        """Store what is behind the id of a rule set, unless it is stored."""
        _DESCRIBE.run(self._db, rulesets=[(made_by.id, made_by.encoded.decode())])

    def rulesets(self) -> dict[str, RuleSet]:
        """The rule sets that are stored, by id, as far as this Beleg can read them."""
        found = {}
        for id_, description in self._db.execute(select(ruleset.c.id, ruleset.c.description)):
            with suppress(ValueError):
                found[id_] = decode_ruleset(description)
        return found

    def decisions(self, rows: Collection[int]) -> dict[int, StoredDecision]:
        """The newest decision of each of these messages, by row number, without its trace. One round trip."""
        found = _DECISIONS.run(self._db, rows=[(str(row),) for row in rows])
        return {row: StoredDecision(*more) for row, *more in found}

    def traces(self, decisions: Collection[StoredDecision]) -> dict[int, Trace]:
        """The traces of some decisions, by their ids. One round trip."""
        return self.traces_of([each.id for each in decisions])

    def traces_of(self, ids: Collection[int]) -> dict[int, Trace]:
        """The same, given the ids of the decisions."""
        found = _TRACES.run(self._db, rows=[(str(id_),) for id_ in ids])
        return {id_: decode(unpacked(data)) for id_, data in found}

    def decision(self, row: int) -> tuple[Trace, str] | None:
        """The newest trace of a message and its digest; None when it was never decided."""
        found = self._db.execute(
            select(decision.c.trace, decision.c.digest)
            .where(decision.c.message == row)
            .order_by(decision.c.id.desc())
            .limit(1)
        ).first()
        return (decode(unpacked(found.trace)), found.digest) if found else None

    def past(self, row: int) -> list[PastDecision]:
        """All decisions of a message, in order. One round trip."""
        query = select(decision.c.id, decision.c.at, decision.c.ruleset, decision.c.digest, decision.c.trace)
        rows = self._db.execute(query.where(decision.c.message == row).order_by(decision.c.id))
        return [
            PastDecision(id_, at, made_by, mark, decode(unpacked(data)).assigned)
            for id_, at, made_by, mark, data in rows
        ]

    def decision_at(self, id_: int) -> tuple[Trace, str] | None:
        """The trace of a decision and its digest; None where there is none of this number."""
        found = self._db.execute(select(decision.c.trace, decision.c.digest).where(decision.c.id == id_)).first()
        return (decode(unpacked(found.trace)), found.digest) if found else None

    def clause_counts(self, since: str) -> dict[str, Counter[str]]:
        """Of each day (`2026-03-01`) since a time, how many of the decisions that count today held each clause. One
        round trip."""
        days: dict[str, Counter[str]] = {}
        for day, clauses, times in self._db.execute(_CLAUSES, {"since": since}):
            counted = days.setdefault(day, Counter())
            for clause in clauses.split():
                counted[clause] += times
        return dict(sorted(days.items()))


_DECISIONS = Statement(
    """
    SELECT d.message, d.id, d.digest, d.ruleset, d.inputs
    FROM {rows} r {cross} decision d ON d.id = (
      SELECT max(n.id) FROM decision n WHERE n.message = CAST(r.row AS BIGINT))
    """,
    rows="row",
)
_TRACES = Statement("SELECT d.id, d.trace FROM {rows} r {cross} decision d ON d.id = CAST(r.row AS BIGINT)", rows="row")
_CLAUSES = text(
    """
    SELECT substr(d.at, 1, 10), d.clauses, count(*) FROM decision d
    WHERE d.at >= :since AND d.clauses IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM decision newer WHERE newer.message = d.message AND newer.id > d.id)
    GROUP BY 1, 2
    """
)
_DESCRIBE = Statement(
    "INSERT INTO ruleset (id, description) SELECT id, description FROM {rulesets} b WHERE true ON CONFLICT DO NOTHING",
    rulesets="id description",
)
# What an earlier run made: automatic, inherited, and what was derived from a record that no person set.
_FORGET = text(
    """
    DELETE FROM assignment WHERE message = :b_id AND removed_by IS NULL AND (
      origin IN ('automatic', 'inherited') OR (origin = 'derived' AND NOT EXISTS (
        SELECT 1 FROM assignment set_by_hand WHERE set_by_hand.message = assignment.message
          AND set_by_hand.origin = 'manual'
          AND set_by_hand.record_type || ':' || set_by_hand.record_id = assignment.source)))
    """
)
_STATED = update(message).where(message.c.id == bindparam("b_id"))
_DECIDED = _STATED.values(decided=True, state=bindparam("b_state"))
_SETTLE = _STATED.values(state=bindparam("b_state"), corrected=bindparam("b_corrected"))


def clauses_of(trace: Trace) -> str:
    """The clauses that held, each once, as they are stored."""
    return " ".join(dict.fromkeys(trace.held()))
