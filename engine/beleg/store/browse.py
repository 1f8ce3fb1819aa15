"""Looking records up for a person: by name, by number, by address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from beleg.assignment import Assignment
from beleg.directory import COUNTED, Group
from beleg.record import CUSTOMER, Record, RecordRef
from beleg.store.batch import Statement
from beleg.store.directory import load
from beleg.store.inbox import among
from beleg.store.mails import Mails, StoredMessage
from beleg.store.pages import Page, Place, Position, page
from beleg.store.tables import record, record_key, record_link
from beleg.trace import Trace

LINKS = 100
"""How many links of a record are read in each direction."""


def named(connection: Connection, text: str) -> list[RecordRef]:
    """The record that is written so (`order:O-81`), retired or not; nothing when there is none."""
    type_, colon, id_ = text.strip().partition(":")
    return with_id(connection, id_, [type_]) if colon else []


def with_id(connection: Connection, id_: str, types: Collection[str]) -> list[RecordRef]:
    """The records of these types that have this id, retired or not."""
    query = select(record.c.type, record.c.id).where(record.c.type.in_(types), record.c.id == id_)
    return [RecordRef(*row) for row in connection.execute(query.order_by(record.c.type))]


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


# One row more than is counted: an entry that has it is read group by group, each no further than is counted.
_HOLDERS = Statement(
    f"""
    SELECT e.entry, r.type, r.id FROM {{entries}} e {{cross}} record_key r ON r.entry = e.entry
    WHERE (SELECT count(*) FROM (
      SELECT 1 FROM record_key c WHERE c.entry = e.entry LIMIT {COUNTED + 2}) counted) <= {COUNTED + 1}
    """,
    entries="entry",
)
_CROWD = Statement(
    f"""
    SELECT DISTINCT r.type, r.id FROM {{entries}} e {{cross}} record_key r ON r.entry = e.entry
    WHERE r.type = :type AND r.facet = :facet ORDER BY r.id LIMIT {COUNTED + 1}
    """,
    entries="entry",
)


def holders(
    connection: Connection, entries: Collection[str], known: Collection[str], crowded: Collection[tuple[str, Group]]
) -> set[RecordRef]:
    """Every live record that carries one of these index entries; of a crowded entry and group (more than are counted)
    the first that are counted, by id; at least one of each `known` entry. One round trip, and one for each that is
    crowded."""
    found: set[RecordRef] = set()
    crowds = set(known)
    for entry, type_, id_ in _HOLDERS.run(connection, entries=[(entry,) for entry in sorted(entries)]):
        found.add(RecordRef(type_, id_))
        crowds.discard(entry)
    for entry in sorted(crowds):
        found.update(carrying(connection, entry, 1))
    for entry, group in sorted(crowded):
        if entry in crowds:
            rows = _CROWD.run(connection, entries=[(entry,)], type=group.type, facet=group.facet)
            found.update(RecordRef(*row) for row in rows)
    return found


def documents_of(connection: Connection, customers: Collection[RecordRef]) -> set[RecordRef]:
    """The records that point at one of these customers; of each type the first that are counted, by id."""
    found: set[RecordRef] = set()
    for ref in customers:
        link = record_link.c
        place = func.row_number().over(partition_by=link.type, order_by=link.id).label("place")
        is_his = (link.target_type == ref.type, link.target_id == ref.id, link.role == CUSTOMER)
        numbered = select(link.type, link.id, place).where(*is_his).subquery()
        query = select(numbered.c.type, numbered.c.id).where(numbered.c.place <= COUNTED + 1)
        found.update(RecordRef(*row) for row in connection.execute(query))
    return found


class Tied(NamedTuple):
    """A message that a record stands on: how it came to stand there, and the newest trace of the message."""

    message: StoredMessage
    assignment: Assignment
    trace: Trace | None


def communication(
    connection: Connection, ref: RecordRef, cursor: str | None, limit: int, *, newest_first: bool
) -> Page[Tied]:
    """A page of the messages that a record stands on: its *Kommunikation*. At most five round trips. Raises
    InputError."""

    def read(place: Place, count: int) -> Sequence[Position]:
        return among(connection, _OF_RECORD, "true", place, count, **ref._asdict())

    found = page(read, cursor, limit, newest_first=newest_first)
    rows = [position.row for position in found.rows]
    mails = Mails(connection)
    tied = mails.assignments_of(rows)
    decisions = mails.decisions(rows)
    traces = mails.traces(decisions.values())
    letters = []
    for each in mails.get(rows):
        own = next(one for one in tied[each.row] if one.stands and one.record == ref)
        letters.append(Tied(each, own, traces[decisions[each.row].id] if each.row in decisions else None))
    return found.of(letters)


def message_counts(connection: Connection, refs: Collection[RecordRef]) -> dict[RecordRef, int]:
    """On how many messages each of these records stands; 1,001 means more than 1,000. One round trip."""
    return {RecordRef(type_, id_): count for type_, id_, count in _MESSAGES.run(connection, refs=refs)}


class Linked(NamedTuple):
    """A link of a record: its role, the record at the other end (None where the ERP never had it), and whether that is
    gone."""

    role: str
    ref: RecordRef
    record: Record | None
    gone: bool


def links(connection: Connection, ref: RecordRef, most: int = LINKS) -> tuple[list[Linked], list[Linked]]:
    """What a record points at, and what points at it: of each at most so many, by role and name. Two round trips."""
    found = []
    for query in (_LINKS, _LINKED_BY):
        rows = connection.execute(query, {**ref._asdict(), "most": most})
        found.append(
            [
                Linked(role, RecordRef(type_, id_), None if data is None else load(data), data is None or bool(retired))
                for role, type_, id_, data, retired in rows
            ]
        )
    return found[0], found[1]


_OF_RECORD = (
    "SELECT message FROM assignment WHERE record_type = :type AND record_id = :id AND removed_by IS NULL "
    "GROUP BY message"
)
_MESSAGES = Statement(
    f"""
    SELECT r.type, r.id, (SELECT count(*) FROM (
      SELECT DISTINCT a.message FROM assignment a
      WHERE a.record_type = r.type AND a.record_id = r.id AND a.removed_by IS NULL LIMIT {COUNTED + 1}) AS counted)
    FROM {{refs}} r
    """,
    refs="type id",
)
_LINKS = text(
    "SELECT l.role, l.target_type, l.target_id, r.data, r.retired FROM record_link l "
    "LEFT JOIN record r ON r.type = l.target_type AND r.id = l.target_id "
    "WHERE l.type = :type AND l.id = :id ORDER BY 1, 2, 3 LIMIT :most"
)
_LINKED_BY = text(
    "SELECT l.role, l.type, l.id, r.data, r.retired FROM record_link l "
    "LEFT JOIN record r ON r.type = l.type AND r.id = l.id "
    "WHERE l.target_type = :type AND l.target_id = :id ORDER BY 1, 2, 3 LIMIT :most"
)


def load_one(connection: Connection, ref: RecordRef) -> tuple[Record | None, bool]:
    """A record, and whether the ERP no longer has it."""
    query = select(record.c.data, record.c.retired).where(record.c.type == ref.type, record.c.id == ref.id)
    row = connection.execute(query).first()
    return (load(row.data), row.retired) if row else (None, True)
