"""What a person sets and removes by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from beleg.assignment import Assignment, removals
from beleg.directory import Directory
from beleg.errors import NotFound
from beleg.orchestrator.follow import follow
from beleg.record import Record, RecordRef
from beleg.store import SqlDirectory, journal
from beleg.store.mails import Mails
from beleg.workspace.base import Base, now

ADDED, REMOVED = "assignment.add", "assignment.remove"
"""The acts in the journal: `about` the record, with what stood `before` and `after`."""


class Corrections(Base):
    """A person's hand."""

    def add(self, row: int, ref: RecordRef, by: str, *, note: str | None = None) -> list[Assignment]:
        """A person assigns a record; its follow-ups are made at once. Returns what was added (nothing when the record
        already stands by hand). Raises NotFound where the ERP has no such record."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            mails.hold([row])
            directory = SqlDirectory(connection)
            record = directory.records([ref]).get(ref)
            if record is None:
                raise NotFound("the ERP has no record %(record)s", record=str(ref))
            own = mails.assignments(row)
            standing = {each.record: each for each in own if each.stands}
            if ref in standing and standing[ref].origin == "manual":
                return []
            if ref in standing:
                mails.forget(row, ref)
            made = [Assignment(ref, "manual")]
            made += self._follow(record, [*standing, ref], own, directory)
            mails.assign(row, made, by)
            mails.settle([row], self.step_types)
            after = [*standing, *(each.record for each in made)]
            self._journal(connection, by, ADDED, row, ref, standing, after, note)
            return made

    def _follow(
        self, record: Record, standing: Sequence[RecordRef], own: Sequence[Assignment], directory: Directory
    ) -> Iterator[Assignment]:
        step = self.installed.step_for(record.ref.type)
        if step is None or not step.follow_ups:
            return
        near = directory.records([record.ref])
        for result in follow(step, record, standing, removals(own), lambda target: target in near):
            if result.record:
                yield Assignment(result.record, "derived", str(record.ref), clause=result.check.clause)

    def remove(
        self, row: int, ref: RecordRef, by: str, *, derived: bool = True, note: str | None = None
    ) -> list[RecordRef]:
        """A person removes a record from a message, with what was derived from it unless `derived` is False. Returns
        what was removed. Raises NotFound where it does not stand there."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            mails.hold([row])
            standing = [each for each in mails.assignments(row) if each.stands]
            if ref not in {each.record for each in standing}:
                raise NotFound("%(record)s does not stand on this message", record=str(ref))
            refs = [ref]
            if derived:
                refs += [e.record for e in standing if e.origin == "derived" and e.source == str(ref)]
            mails.remove(row, list(dict.fromkeys(refs)), by, now())
            mails.settle([row], self.step_types)
            before = [each.record for each in standing]
            after = [each for each in before if each not in refs]
            self._journal(connection, by, REMOVED, row, ref, before, after, note)
            return refs

    @staticmethod
    def _journal(
        connection: Connection,
        by: str,
        act: str,
        row: int,
        ref: RecordRef,
        before: Iterable[RecordRef],
        after: Iterable[RecordRef],
        note: str | None,
    ) -> None:
        payload: journal.Payload = {"about": str(ref)}
        payload |= {when: list(dict.fromkeys(map(str, refs))) for when, refs in (("before", before), ("after", after))}
        if note:
            payload["note"] = note
        journal.append(connection, journal.moment(), by, act, row, payload)
