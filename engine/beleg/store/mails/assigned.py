"""What stands on messages, and what a person sets and removes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import delete, insert, select, update

from beleg.assignment import Assignment
from beleg.record import RecordRef
from beleg.store.batch import Statement
from beleg.store.mails.mailbox import Mailbox
from beleg.store.mails.model import StoredMessage
from beleg.store.mails.rows import ASSIGNED, LISTED, assignment_of, columns_of, message_of
from beleg.store.tables import assignment, message


class Assigned(Mailbox):
    """Assignments of messages."""

    def assignments_of(self, rows: Collection[int]) -> dict[int, list[Assignment]]:
        """What stands on some messages and was removed from them, by row number. One round trip."""
        tied: dict[int, list[Assignment]] = {row: [] for row in rows}
        for each in _TIED.run(self._db, rows=[(str(row),) for row in rows]):
            tied[each.message].append(assignment_of(each))
        return tied

    def assignments(self, row: int) -> tuple[Assignment, ...]:
        """What stands on a message and was removed from it."""
        rows = self._db.execute(select(*ASSIGNED).where(assignment.c.message == row).order_by(assignment.c.id))
        return tuple(assignment_of(each) for each in rows)

    def set_by(self, row: int) -> dict[RecordRef, str]:
        """Who set the records that stand on a message by hand."""
        query = select(assignment.c.record_type, assignment.c.record_id, assignment.c.made_by).where(
            assignment.c.message == row, assignment.c.origin == "manual", assignment.c.removed_by.is_(None)
        )
        return {RecordRef(type_, id_): by for type_, id_, by in self._db.execute(query) if by}

    def communication(self, ref: RecordRef) -> list[tuple[StoredMessage, Assignment]]:
        """The messages that a record stands on, oldest first: its *Kommunikation*."""
        rows = self._db.execute(
            select(*LISTED, *ASSIGNED)
            .join(assignment, assignment.c.message == message.c.id)
            .where(
                assignment.c.record_type == ref.type,
                assignment.c.record_id == ref.id,
                assignment.c.removed_by.is_(None),
            )
            .order_by(message.c.date, message.c.id, assignment.c.id)
        )
        return [(message_of(row), assignment_of(row)) for row in rows]

    def forget(self, row: int, ref: RecordRef) -> None:
        """Take away a standing assignment that a person is about to make his own."""
        self._db.execute(
            delete(assignment).where(
                assignment.c.message == row,
                assignment.c.record_type == ref.type,
                assignment.c.record_id == ref.id,
                assignment.c.removed_by.is_(None),
            )
        )

    def assign(self, row: int, made: Iterable[Assignment], by: str) -> None:
        """Add assignments that a person made, or that follow from one."""
        if values := [{**columns_of(row, one), "made_by": by} for one in made]:
            self._db.execute(insert(assignment), values)

    def remove(self, row: int, refs: Collection[RecordRef], by: str, at: str) -> None:
        """Mark the standing assignments of these records as removed by a person."""
        for ref in refs:
            self._db.execute(
                update(assignment)
                .where(
                    assignment.c.message == row,
                    assignment.c.record_type == ref.type,
                    assignment.c.record_id == ref.id,
                    assignment.c.removed_by.is_(None),
                )
                .values(removed_by=by, removed_at=at)
            )


_TIED = Statement(
    """
    SELECT a.message, a.record_type, a.record_id, a.origin, a.source, a.clause, a.removed_by, a.removed_at
    FROM {rows} r {cross} assignment a ON a.message = CAST(r.row AS BIGINT) ORDER BY a.id
    """,
    rows="row",
)
