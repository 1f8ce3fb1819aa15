"""A message as it is looked at: its decision, what stands on it and by whom, its thread, what was done on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from beleg.assignment import Assignment
from beleg.errors import NotFound
from beleg.ignore import OWN_KINDS
from beleg.keys import address_key
from beleg.message import Message, parse
from beleg.message.structure import header_fields
from beleg.outcome import OpenStep, open_steps
from beleg.record import Record, RecordRef
from beleg.store import SqlDirectory, journal
from beleg.store.handling import Handled, handled
from beleg.store.mails import Mails, PastDecision, StoredMessage
from beleg.thread import newcomers
from beleg.trace import Trace
from beleg.workspace.decisions import Decisions

MOST_EARLIER = 50
"""Of how many earlier mails the participants are read; of a longer thread nobody is said to be new to it."""


@dataclass(frozen=True)
class Opened:
    """All that there is to a message. `decision` and `trace` are of the decision that is looked at: the newest, unless
    another was asked for; None where there is none. `decisions` are all, in order. `own` is what stands on it and was
    removed from it; `by` tells who set a record by hand. `earlier` and `later` are the other mails of the thread.
    `records` are those of the ERP that stand, were removed or are left open; `handled` is what people do with it."""

    message: StoredMessage
    raw: bytes
    parsed: Message
    decision: PastDecision | None
    trace: Trace | None
    decisions: tuple[PastDecision, ...]
    own: tuple[Assignment, ...]
    by: Mapping[RecordRef, str]
    earlier: tuple[ThreadMail, ...]
    later: tuple[ThreadMail, ...]
    newcomers: tuple[str, ...]
    open_steps: tuple[OpenStep, ...]
    records: Mapping[RecordRef, Record]
    journal: tuple[journal.Entry, ...]
    handled: Handled

    @property
    def standing(self) -> list[str]:
        """The names of the records that stand on it now."""
        return list(dict.fromkeys(str(each.record) for each in self.own if each.stands))

    @property
    def is_newest(self) -> bool:
        """Whether the decision that is looked at is the one that counts."""
        return self.decision is None or self.decision == self.decisions[-1]


class ThreadMail(NamedTuple):
    """Another mail of the thread, and what stands on it."""

    message: StoredMessage
    records: tuple[RecordRef, ...]


class Reading(Decisions):
    """Looking at messages."""

    def look(self, row: int, decision_id: int | None = None, *, decide: bool = True) -> Opened:
        """A message with all that a person is shown of it; where it never was decided, `decide` it. `decision_id` asks
        for an earlier decision. The round trips are as many, however long the thread. Raises NotFound, StepFailed."""
        found = self._look(row, decision_id)
        if decide and not found.decisions:
            self.open(row)
            found = self._look(row, decision_id)
        return found

    def message(self, row: int) -> StoredMessage:
        """A message as a list has it. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            return _stored(connection, row)

    def mail(self, row: int) -> tuple[StoredMessage, bytes]:
        """A message and its bytes. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            return _stored(connection, row), Mails(connection).raw([row])[row]

    def trace(self, row: int, decision_id: int | None = None) -> Trace:
        """The trace of a decision on a message, of the newest unless another is asked for. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            _stored(connection, row)
            mails = Mails(connection)
            return _trace(mails, _chosen(mails.past(row), decision_id, row))

    def _look(self, row: int, decision_id: int | None) -> Opened:
        with self.database.begin(write=False) as connection:
            stored = _stored(connection, row)
            mails = Mails(connection)
            around, own = mails.around(stored)
            thread = [ThreadMail(each, _standing(tied.assignments)) for each, tied in around]
            thread.sort(key=lambda each: (each.message.date is None, each.message.date, each.message.row))
            raw = mails.raw([row])[row]
            parsed = parse(raw, self.rules.limits)
            earlier = [each for each in thread if _before(each.message, stored)]
            decisions = mails.past(row)
            chosen = _chosen(decisions, decision_id, row) if decisions or decision_id is not None else None
            trace = _trace(mails, chosen) if chosen else None
            open_ = open_steps(trace, [str(ref) for ref in _standing(own)], self.step_types) if trace else ()
            refs = {each.record for each in own} | {RecordRef.parse(name) for each in open_ for name in each.candidates}
            return Opened(
                stored,
                raw,
                parsed,
                chosen,
                trace,
                tuple(decisions),
                own,
                mails.set_by(row),
                tuple(earlier),
                tuple(each for each in thread if each not in earlier),
                _newcomers(connection, parsed, trace, [each.message for each in earlier]) if trace else (),
                open_,
                SqlDirectory(connection).records(refs) if refs else {},
                tuple(journal.of_message(connection, row)),
                handled(connection, [row])[row],
            )


def _stored(connection: Connection, row: int) -> StoredMessage:
    found = Mails(connection).get([row]) if 0 < row < 2**62 else []
    if not found:
        raise NotFound("there is no message %(row)s", row=str(row))
    return found[0]


def _standing(assigned: Sequence[Assignment]) -> tuple[RecordRef, ...]:
    return tuple(dict.fromkeys(each.record for each in assigned if each.stands))


def _before(one: StoredMessage, other: StoredMessage) -> bool:
    return one.date is not None and (other.date is None or one.date < other.date)


def _chosen(decisions: Sequence[PastDecision], decision_id: int | None, row: int) -> PastDecision:
    for each in reversed(decisions):
        if decision_id in (None, each.id):
            return each
    if decision_id is None:
        raise NotFound("message %(row)s has no decision", row=str(row))
    raise NotFound("message %(row)s has no decision %(number)s", row=str(row), number=str(decision_id))


def _trace(mails: Mails, chosen: PastDecision) -> Trace:
    found = mails.decision_at(chosen.id)
    assert found  # read in this transaction
    return found[0]


def _newcomers(
    connection: Connection, parsed: Message, trace: Trace, earlier: Sequence[StoredMessage]
) -> tuple[str, ...]:
    """The senders that had no part in the thread before, but for users and groups of the company."""
    own = {seen.key for seen in trace.addresses if seen.ignored_as in OWN_KINDS}
    senders = {each.key for each in parsed.participants if each.field == "From"} - own
    # Mostly he wrote before; only where he did not do the earlier mails have to be read.
    senders -= {address_key(each.sender) for each in earlier if each.sender}
    if not senders or not earlier or len(earlier) > MOST_EARLIER:
        return ()
    raws = Mails(connection).raw([each.row for each in earlier])
    return newcomers(senders, [_participants(raws[each.row]) for each in earlier])


def _participants(raw: bytes) -> set[str]:
    fields, _ = header_fields(raw)
    return {address_key(box.address) for boxes in fields.values() for box in boxes if box.address is not None}
