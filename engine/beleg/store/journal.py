"""The journal: what people did, and when. Append-only; the database itself refuses to delete or change an entry.

Only the payload of an entry can be changed: it may name a person, who may have it erased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from beleg.store.tables import journal

Payload = dict[str, Any]
"""What an act was about (`about`), what was there before and after it (`before`, `after`), and a person's `note`; what
an act has none of is left out. Values are what JSON can say."""


class Entry(NamedTuple):
    """One act of a person: `act` is its name (`assignment.add`), `at` the time in UTC (ISO 8601), `message` the row
    number of the message that it was on."""

    id: int
    at: str
    who: str
    act: str
    message: int | None
    payload: Payload


def moment() -> str:
    """The time of an act, as the journal has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append(
    connection: Connection, at: str, who: str, act: str, message: int | None = None, payload: Mapping[str, Any] = {}
) -> int:
    """Write down an act, in the transaction that does it; returns the number of the entry."""
    values = {"at": at, "who": who, "act": act, "message": message, "payload": _encode(dict(payload)).decode()}
    return int(connection.execute(_APPEND, values).scalar_one())


def append_each(connection: Connection, at: str, who: str, act: str, payloads: Mapping[int, Payload]) -> None:
    """Write down one act on several messages, by row number, in the transaction that does it. One round trip."""
    if payloads:
        written = ((row, _encode(payload).decode()) for row, payload in payloads.items())
        values = [{"at": at, "who": who, "act": act, "message": row, "payload": text} for row, text in written]
        connection.execute(insert(journal), values)


def of_message(connection: Connection, row: int) -> list[Entry]:
    """What was done on a message, in order."""
    return _entries(connection.execute(_LISTED.where(journal.c.message == row).order_by(journal.c.id)))


def of_act(connection: Connection, act: str) -> list[Entry]:
    """All entries of one act, in order. Reads the whole journal."""
    return _entries(connection.execute(_LISTED.where(journal.c.act == act).order_by(journal.c.id)))


def newest(connection: Connection, count: int = 50, before: int | None = None) -> list[Entry]:
    """The newest entries, the latest first; those older than the entry `before`, where it is given."""
    query = _LISTED if before is None else _LISTED.where(journal.c.id < before)
    return _entries(connection.execute(query.order_by(journal.c.id.desc()).limit(count)))


def redact(connection: Connection, change: Callable[[Entry], Payload | None]) -> int:
    """Give entries another payload: `change` is asked for each and says None where its stays. Returns how many were
    changed. Reads the journal in batches, so it may be long."""
    changed = 0
    last = 0
    while rows := _entries(connection.execute(_AFTER, {"b_last": last})):
        last = rows[-1].id
        values = [
            {"b_id": each.id, "payload": _encode(payload).decode()}
            for each in rows
            if (payload := change(each)) is not None and payload != each.payload
        ]
        if values:
            connection.execute(_REDACT, values)
        changed += len(values)
    return changed


def _entries(rows: Any) -> list[Entry]:
    return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.id, row.at, row.who, row.act, row.message, _decode(row.payload))


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Payload).decode
_BATCH = 500
_APPEND = insert(journal).returning(journal.c.id)
_LISTED = select(journal.c.id, journal.c.at, journal.c.who, journal.c.act, journal.c.message, journal.c.payload)
_AFTER = _LISTED.where(journal.c.id > bindparam("b_last")).order_by(journal.c.id).limit(_BATCH)
_REDACT = update(journal).where(journal.c.id == bindparam("b_id")).values(payload=bindparam("payload"))
