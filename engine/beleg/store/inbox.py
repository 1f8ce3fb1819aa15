"""The inbox: messages by what became of them and by their words, a page at a time.

A page's positions come from indexes alone; only then is anything read of its messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, text

from beleg.assignment import Origin
from beleg.errors import InputError
from beleg.record import RecordRef
from beleg.store.batch import Statement
from beleg.store.directory import load
from beleg.store.mails import Mails, StoredMessage
from beleg.store.pages import Page, Place, Position, keyset, page
from beleg.store.words import Search
from beleg.trace import Trace

Filter = Literal["all", "assigned", "partly", "ambiguous", "nothing", "corrected", "undecided"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
COUNTED = 1_000
"""How far messages are counted; one more means 'more than 1,000'."""
LOOKED_AT = 500
"""How many messages are looked at themselves for the words of a search before the index of words is asked."""
SORTED = 5_000
"""How many found messages are sorted; of more, SQLite walks the list and asks for each whether it is among them."""


class Standing(NamedTuple):
    """A record that stands on a message: `number` and `label` as the ERP has them, `gone` where it no longer does."""

    ref: RecordRef
    origin: Origin
    number: str | None
    label: str | None
    gone: bool


class InboxRow(NamedTuple):
    """A message of the list, the records that stand on it, and its newest trace."""

    message: StoredMessage
    records: tuple[Standing, ...]
    trace: Trace | None


def inbox(
    connection: Connection, filter_: Filter, search: Search | None, cursor: str | None, limit: int
) -> Page[InboxRow]:
    """A page of messages, the newest first. At most six round trips. Raises InputError."""
    if filter_ not in FILTERS:
        raise InputError(f"messages are filtered by {', '.join(FILTERS)}, not by {filter_!r}")

    def read(place: Place, count: int) -> Sequence[Position]:
        if search is None:
            return _positions(connection, _WHERE[filter_], place, count)
        return _found(connection, _WHERE[filter_], search, place, count)

    found = page(read, cursor, limit)
    rows = [position.row for position in found.rows]
    mails = Mails(connection)
    records = standing(connection, rows)
    decisions = mails.decisions(rows)
    traces = mails.traces(decisions.values())
    return found.of(
        [
            InboxRow(each, records[each.row], traces[decisions[each.row].id] if each.row in decisions else None)
            for each in mails.get(rows)
        ]
    )


def counts(connection: Connection) -> dict[Filter, int]:
    """How many messages each filter leaves; 1,001 means more than 1,000. One round trip."""
    row = connection.execute(_COUNTS).one()
    return dict(zip(FILTERS, row, strict=True))


def standing(connection: Connection, rows: Collection[int]) -> dict[int, tuple[Standing, ...]]:
    """The records that stand on some messages, each once, by row number. One round trip."""
    found: dict[int, dict[RecordRef, Standing]] = defaultdict(dict)
    for row in _STANDING.run(connection, rows=[(str(row),) for row in rows]):
        ref = RecordRef(row.record_type, row.record_id)
        number, label, gone = None, None, True
        if row.data is not None:
            record = load(row.data)
            number, label, gone = record.number, record.label, bool(row.retired)
        one = Standing(ref, row.origin, number, label, gone)
        found[row.message].setdefault(ref, one)
    return {row: tuple(found[row].values()) for row in rows}


def _positions(connection: Connection, where: str, place: Place, count: int, **more: Any) -> list[Position]:
    condition, order, parameters = keyset(place)
    query = text(f"SELECT date, id FROM message WHERE {where} AND {condition} ORDER BY {order} LIMIT :count")
    return [Position(*row) for row in connection.execute(query, {**parameters, **more, "count": count})]


def _found(connection: Connection, where: str, search: Search, place: Place, count: int) -> list[Position]:
    """What is found among the next few hundred, where a page is full of a common word at once; beyond them by the index
    of words, which says quickly where a rare one is."""
    if not search.terms:
        return []
    sqlite = connection.dialect.name == "sqlite"
    has, parameters = _has_words(search) if sqlite else (_IN_VECTOR, {"query": search.tsquery()})
    last = _nth(connection, where, place, LOOKED_AT)
    within = f"{where} AND EXISTS (SELECT 1 FROM message_words w WHERE {has})"
    if last:
        end = ">=" if place.older else "<="
        within += f" AND (date, id) {end} (:last_date, :last_id)"
        parameters |= {"last_date": last.date, "last_id": last.row}
    found = _positions(connection, within, place, count, **parameters)
    if len(found) == count or last is None:
        return found
    if sqlite:
        return among(connection, _MATCHING_FTS, where, place, count, query=search.match())
    return among(connection, _MATCHING_VECTOR, where, place, count, query=search.tsquery())


def among(
    connection: Connection, matching: str, where: str, place: Place, count: int, **parameters: Any
) -> list[Position]:
    """The first so many positions from a place on of the messages whose row numbers the statement `matching` gives."""
    if connection.dialect.name == "sqlite":
        some = text(f"SELECT count(*) FROM ({matching} LIMIT {SORTED + 1})")
        if connection.execute(some, parameters).scalar_one() > SORTED:
            # The plus keeps SQLite from reading each of them by its id, and sorting.
            return _positions(connection, f"{where} AND +id IN ({matching})", place, count, **parameters)
    return _sorted(connection, matching, where, place, count, **parameters)


def _nth(connection: Connection, where: str, place: Place, number: int) -> Position | None:
    condition, order, parameters = keyset(place)
    query = text(f"SELECT date, id FROM message WHERE {where} AND {condition} ORDER BY {order} LIMIT 1 OFFSET :skipped")
    row = connection.execute(query, {**parameters, "skipped": number - 1}).first()
    return Position(*row) if row else None


def _sorted(
    connection: Connection, matching: str, where: str, place: Place, count: int, **parameters: Any
) -> list[Position]:
    """All that match, sorted."""
    cross = "CROSS JOIN" if connection.dialect.name == "sqlite" else "JOIN"
    condition, order, more = keyset(place)
    query = text(
        f"WITH matching (row) AS MATERIALIZED ({matching}) SELECT date, id FROM matching {cross} message "
        f"ON id = matching.row WHERE {where} AND {condition} ORDER BY {order} LIMIT :count"
    )
    return [Position(*row) for row in connection.execute(query, {**parameters, **more, "count": count})]


def _has_words(search: Search) -> tuple[str, dict[str, Any]]:
    """The same as FTS5 would answer, from the text of one message: to ask FTS5 about one is as slow as about all."""
    parameters = {f"text{n}": each for n, each in enumerate(search.texts())}
    fields = ("subject", "addresses", "content")
    each = (
        "(" + " OR ".join(f"instr(' ' || w.{field} || ' ', :{name})" for field in fields) + ")" for name in parameters
    )
    return " AND ".join(["w.rowid = message.id", *each]), parameters


_WHERE: dict[Filter, str] = {
    "all": "true",
    "assigned": "state = 'assigned'",
    "partly": "state = 'partly'",
    "ambiguous": "state = 'ambiguous'",
    "nothing": "state = 'nothing'",
    "corrected": "corrected = true",
    "undecided": "decided = false",
}
_COUNTS = text(
    "SELECT "
    + ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM message WHERE {where} LIMIT {COUNTED + 1}) AS counted)"
        for where in _WHERE.values()
    )
)
_IN_VECTOR = "w.message = message.id AND w.words @@ CAST(:query AS tsquery)"
_MATCHING_VECTOR = "SELECT message FROM message_words WHERE words @@ CAST(:query AS tsquery)"
_MATCHING_FTS = "SELECT rowid FROM message_words WHERE message_words MATCH :query"
_STANDING = Statement(
    """
    SELECT a.message, a.record_type, a.record_id, a.origin, s.data, s.retired
    FROM {rows} r {cross} assignment a ON a.message = CAST(r.row AS BIGINT)
    LEFT JOIN record s ON s.type = a.record_type AND s.id = a.record_id
    WHERE a.removed_by IS NULL ORDER BY a.id
    """,
    rows="row",
)
