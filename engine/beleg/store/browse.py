"""Looking records up for a person: by name, by number, by address."""

from __future__ import annotations

from sqlalchemy import Connection, select

from beleg.record import Record, RecordRef
from beleg.store.directory import load
from beleg.store.tables import record, record_key


def named(connection: Connection, text: str) -> list[RecordRef]:
    """The record that is written so (`order:O-81`), retired or not; nothing when there is none."""
    type_, colon, id_ = text.strip().partition(":")
    if not colon:
        return []
    query = select(record.c.type, record.c.id).where(record.c.type == type_, record.c.id == id_)
    return [RecordRef(*row) for row in connection.execute(query)]


def carrying(connection: Connection, entry: str, most: int = 100) -> list[RecordRef]:
    """The live records that carry an index entry, a document through its customer too; at most `most`."""
    query = (
        select(record_key.c.type, record_key.c.id)
        .where(record_key.c.entry == entry)
        .distinct()
        .order_by(record_key.c.type, record_key.c.id)
        .limit(most)
    )
    return [RecordRef(*row) for row in connection.execute(query)]


def load_one(connection: Connection, ref: RecordRef) -> tuple[Record | None, bool]:
    """A record, and whether the ERP no longer has it."""
    query = select(record.c.data, record.c.retired).where(record.c.type == ref.type, record.c.id == ref.id)
    row = connection.execute(query).first()
    return (load(row.data), row.retired) if row else (None, True)
