"""Rows of the tables of mail, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from beleg.assignment import Assignment, Origin, Removal
from beleg.message import Message
from beleg.record import RecordRef
from beleg.store.mails.model import StoredMessage
from beleg.store.tables import NO_DATE, assignment, message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 500
"""How many values one statement is given where they are parameters of their own."""
LISTED = [
    message.c.id, message.c.sha256, message.c.message_id, message.c.date, message.c.subject, message.c.sender,
    message.c.thread, message.c.decided, message.c.bytes_sha256, message.c.sender_name, message.c.state,
    message.c.corrected,
]  # fmt: skip
ASSIGNED = [
    assignment.c.record_type, assignment.c.record_id, assignment.c.origin, assignment.c.source,
    assignment.c.clause, assignment.c.removed_by, assignment.c.removed_at,
]  # fmt: skip


def sender_of(parsed: Message) -> tuple[str, str]:
    """The address of the first sender and his display name; empty where there is none."""
    return next(((p.address, p.name) for p in parsed.participants if p.field == "From"), ("", ""))


def to_number(date: datetime | None) -> int:
    """A date as microseconds since 1970 UTC."""
    return NO_DATE if date is None else (date - _EPOCH) // timedelta(microseconds=1)


def to_date(number: int) -> datetime | None:
    """The date of such a number."""
    return None if number == NO_DATE else _EPOCH + timedelta(microseconds=number)


def chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def message_of(row: Any) -> StoredMessage:
    return StoredMessage(
        row.id,
        row.sha256,
        row.message_id,
        to_date(row.date),
        row.subject,
        row.sender,
        row.thread,
        bool(row.decided),
        row.bytes_sha256,
        row.sender_name,
        row.state,
        bool(row.corrected),
    )


def assignment_of(row: Any) -> Assignment:
    origin: Origin = row.origin
    removal = Removal(row.removed_by, row.removed_at or "") if row.removed_by is not None else None
    return Assignment(RecordRef(row.record_type, row.record_id), origin, row.source, removal, row.clause)


def columns_of(row: int, each: Assignment) -> dict[str, Any]:
    return {
        "message": row,
        "record_type": each.record.type,
        "record_id": each.record.id,
        "origin": each.origin,
        "source": each.source,
        "clause": each.clause,
        "made_by": None,
    }
