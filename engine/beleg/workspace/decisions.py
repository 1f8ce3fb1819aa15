"""Decisions: making them, and reading what they depended on."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from beleg.case import Case, DecidedCase, StoredMail
from beleg.deciding import BATCH, Deciding
from beleg.errors import NotFound
from beleg.gather import gather
from beleg.message import parse
from beleg.orchestrator import Decision, StepFailed
from beleg.record import RecordRef
from beleg.store import journal
from beleg.store.journal import Entry
from beleg.store.mails import Mails, PastDecision, StoredMessage
from beleg.trace import Trace, digest
from beleg.workspace.ignoring import Ignoring

if TYPE_CHECKING:
    from beleg.why_not import WhatIf


@dataclass
class AssignReport:
    """What a batch of decisions did: how many, how many with an assignment, and what failed."""

    decided: int = 0
    assigned: int = 0
    failed: list[str] = field(default_factory=list)


class Decisions(Ignoring):
    """What the steps decide on stored messages."""

    def assign(self, rows: Sequence[int], progress: Callable[[int], None] = lambda count: None) -> AssignReport:
        """Run the steps on messages, in batches of a hundred to a transaction. A message on which a step fails keeps
        what it had, and the rest goes on."""
        report = AssignReport()
        with uncollected():
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                with self.database.begin() as connection:
                    Mails(connection).hold(batch)
                    made, failed = self._assign(connection, batch)
                self._described = True
                report.decided += len(made)
                report.assigned += sum(1 for decision in made.values() if decision.trace.assigned)
                report.failed += map(str, failed)
                progress(len(batch))
        return report

    def _assign(self, connection: Connection, rows: Sequence[int]) -> tuple[dict[int, Decision], list[StepFailed]]:
        """Decide messages, earlier ones that never were first, and store the decisions; say what failed."""
        made: dict[int, Decision] = {}
        clean = set()
        failed = []
        for turn in Deciding(connection, self.engine, self.ignore_list(connection), rows).turns():
            for each in turn.decided:
                made[each.stored.row] = each.decision
                if not each.before:
                    clean.add(each.stored.row)
            if turn.failed:
                failed.append(turn.failed)
        mails = Mails(connection)
        if not self._described:
            mails.describe(self.engine.ruleset)
        mails.store(made.items(), clean, self.step_types)
        return made, failed

    def undecided(self) -> list[int]:
        """The row numbers of the messages that were never decided, oldest first."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).rows(undecided=True)

    def everything(self) -> list[int]:
        """The row numbers of all messages, oldest first."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).rows()

    def open(self, row: int) -> tuple[Trace, str]:
        """What opening a message does: decide it where it never was; then its trace and digest. Raises StepFailed."""
        with self.database.begin(write=False) as connection:
            if found := Mails(connection).decision(row):
                return found
        with self.database.begin() as connection:
            mails = Mails(connection)
            mails.hold([row])
            if not (found := mails.decision(row)):
                _, failed = self._assign(connection, [row])
                if failed:
                    raise failed[0]
                found = mails.decision(row)
            if found is None:
                raise NotFound(f"message {row} was not decided")
        self._described = True
        return found

    def history(self, row: int) -> list[PastDecision | Entry]:
        """What became of a message, in order: its decisions, and what people did on it."""
        with self.database.begin(write=False) as connection:
            decisions = Mails(connection).past(row)
            acts = journal.of_message(connection, row)
        return sorted([*decisions, *acts], key=lambda each: _moment(each.at))

    def decision_at(self, id_: int) -> tuple[Trace, str]:
        """The trace of an earlier decision, by its number, and its digest. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            found = Mails(connection).decision_at(id_)
        if found is None:
            raise NotFound(f"there is no decision {id_}")
        return found

    def clause_counts(self, since: date) -> dict[str, Counter[str]]:
        """Of each day since a date (in UTC; `2026-03-01`), on how many messages each clause held: of the decisions that
        count today, those made on that day."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).clause_counts(since.isoformat())

    def standing(self, row: int) -> list[RecordRef]:
        """The records that stand on a message now."""
        with self.database.begin(write=False) as connection:
            return list(dict.fromkeys(each.record for each in Mails(connection).assignments(row) if each.stands))

    def case(self, mail: StoredMessage | bytes, near: Collection[RecordRef] = ()) -> Case:
        """All that the decision on a message depends on, taken out of the database, with what is `near` these records:
        see `gather`. Raises StepFailed."""
        with self.database.begin(write=False) as connection:
            return gather(connection, self.engine, self.ignore_list(connection), mail, near)

    def what_if(self, message: StoredMessage, mark: str) -> WhatIf | None:
        """What would come out of a decided message without the evidence that decided. None where no evidence did, and
        where the stored decision (its digest is `mark`) is not the one that comes out now."""
        from beleg.why_not import what_if

        case = self.case(message)
        trace = case.decide(self.engine).trace
        return what_if(case, trace, self.engine) if digest(trace) == mark else None

    def decided_case(self, stored: StoredMessage) -> DecidedCase:
        """A message, decided where it never was, with all that the decision depends on. Raises StepFailed."""
        trace, _ = self.open(stored.row)
        raw, around = self.mails_around(stored)
        waiting = sum(not each.decided and _before(each.date, stored.date) for each, _ in around)
        return DecidedCase(trace, self.case(stored), raw, tuple(mail for _, mail in around), waiting)

    def mails_around(self, mail: StoredMessage | bytes) -> tuple[bytes, list[tuple[StoredMessage, StoredMail]]]:
        """The bytes of a mail, and the other messages of its thread, oldest first, with theirs and what stands on
        each."""
        with self.database.begin(write=False) as connection:
            mails = Mails(connection)
            if isinstance(mail, bytes):
                around = mails.thread_of(parse(mail, self.rules.limits))
            else:
                around, _ = mails.around(mail)
            around.sort(key=lambda each: (each[0].date is None, each[0].date, each[0].row))
            raws = mails.raw([each.row for each, _ in around] + ([] if isinstance(mail, bytes) else [mail.row]))
            found = [(each, StoredMail(raws[each.row], tied.assignments)) for each, tied in around]
            return mail if isinstance(mail, bytes) else raws[mail.row], found


def _moment(at: str) -> datetime:
    try:
        return datetime.fromisoformat(at)
    except ValueError:  # a decision without a run
        return datetime.min.replace(tzinfo=UTC)


def _before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one < other)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's search for reference cycles: a batch makes many objects and no cycles, and looking through them
    again and again took a tenth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
