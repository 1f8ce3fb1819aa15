"""What a person sets and removes by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from beleg.assignment import Assignment, removals
from beleg.directory import Directory
from beleg.errors import NotFound
from beleg.orchestrator.follow import follow
from beleg.record import Record, RecordRef
from beleg.store import SqlDirectory
from beleg.store.mails import Mails
from beleg.workspace.base import Base, now


class Corrections(Base):
    """A person's hand."""

    def add(self, row: int, ref: RecordRef, by: str) -> list[Assignment]:
        """A person assigns a record; its follow-ups are made at once. Returns what was added (nothing when the record
        already stands by hand). Raises NotFound where the ERP has no such record."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            directory = SqlDirectory(connection)
            record = directory.records([ref]).get(ref)
            if record is None:
                raise NotFound(f"the ERP has no record {ref}")
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

    def remove(self, row: int, ref: RecordRef, by: str, *, derived: bool = True) -> list[RecordRef]:
        """A person removes a record from a message, with what was derived from it unless `derived` is False. Returns
        what was removed. Raises NotFound where it does not stand there."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            standing = [each for each in mails.assignments(row) if each.stands]
            if ref not in {each.record for each in standing}:
                raise NotFound(f"{ref} does not stand on this message")
            refs = [ref]
            if derived:
                refs += [e.record for e in standing if e.origin == "derived" and e.source == str(ref)]
            mails.remove(row, list(dict.fromkeys(refs)), by, now())
            mails.settle([row], self.step_types)
            return refs
