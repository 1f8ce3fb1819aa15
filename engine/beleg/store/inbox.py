"""The inbox: messages by what became of them, by what people do with them, and by their words, a page at a time.

A page's positions come from indexes alone; only then is anything read of its messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, TextClause, text

from beleg.assignment import Origin
from beleg.errors import InputError
from beleg.record import RecordRef
from beleg.store.batch import Statement
from beleg.store.criteria import Criteria
from beleg.store.directory import load
from beleg.store.handling import Handled, handled
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
    """A message of the list, the records that stand on it, its newest trace, and what people do with it."""

    message: StoredMessage
    records: tuple[Standing, ...]
    trace: Trace | None
    handled: Handled


class Where(NamedTuple):
    """A condition on the table `message`, and its parameters."""

    sql: str
    parameters: dict[str, Any]


EVERYTHING = Criteria()


def inbox(
    connection: Connection,
    filter_: Filter,
    search: Search | None,
    cursor: str | None,
    limit: int,
    criteria: Criteria = EVERYTHING,
    me: int | None = None,
) -> Page[InboxRow]:
    """A page of messages, the newest first; `me` is the number of the person who looks. The criteria's `text` and
    `outgoing` are the caller's. At most seven round trips. Raises InputError."""
    where = matching(connection, filter_, criteria, me)

    def read(place: Place, count: int) -> Sequence[Position]:
        if search is not None:
            return _found(connection, where, search, place, count)
        if criteria.tags:
            return among(connection, _TAGGED, where.sql, place, count, **where.parameters)
        return _positions(connection, where.sql, place, count, **where.parameters)

    found = page(read, cursor, limit)
    rows = [position.row for position in found.rows]
    mails = Mails(connection)
    records = standing(connection, rows)
    decisions = mails.decisions(rows)
    traces = mails.traces(decisions.values())
    acts = handled(connection, rows)
    return found.of(
        [
            InboxRow(
                each,
                records[each.row],
                traces[decisions[each.row].id] if each.row in decisions else None,
                acts[each.row],
            )
            for each in mails.get(rows)
        ]
    )


def counts(connection: Connection, criteria: Criteria = EVERYTHING, me: int | None = None) -> dict[Filter, int]:
    """How many messages each filter leaves of those that meet the criteria; 1,001 means more than 1,000. One round
    trip."""
    row = _counted(connection, [matching(connection, each, criteria, me, str(n)) for n, each in enumerate(FILTERS)])
    return dict(zip(FILTERS, row, strict=True))


def count_each(connection: Connection, wanted: Sequence[Criteria], me: int | None = None) -> list[int | None]:
    """How many messages, or mails that are written, meet each of some criteria; 1,001 means more than 1,000, None: the
    criteria search for words, and to count what has them takes too long. One round trip for a hundred."""
    found: list[int | None] = [None] * len(wanted)
    numbers = [n for n, each in enumerate(wanted) if not each.text]
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        places = [
            _written(wanted[n], str(n)) if wanted[n].outgoing else matching(connection, "all", wanted[n], me, str(n))
            for n in some
        ]
        tables = ["outgoing" if wanted[n].outgoing else "message" for n in some]
        for n, count in zip(some, _counted(connection, places, tables), strict=True):
            found[n] = count
    return found


def matching(
    connection: Connection, filter_: Filter, criteria: Criteria, me: int | None = None, mark: str = ""
) -> Where:
    """The messages of a filter that meet the criteria; `mark` ends the names of its parameters. Raises InputError."""
    states = {_filter(each) for each in (filter_, criteria.state)} - {"all"}
    owner = me if criteria.owner == "me" else criteria.owner
    few = criteria.deleted or criteria.spam or criteria.topic is not None or owner not in (None, "pool")
    in_group = criteria.group is not None and criteria.work is not None
    # The plus keeps SQLite from an index that would have to be sorted, or that does not know the state: it walks the
    # one that is in order.
    plus = "+" if connection.dialect.name == "sqlite" and (states or not (few or in_group)) else ""
    found = [_WHERE[each] for each in sorted(states)]
    found.append("deleted = true" if criteria.deleted else "deleted = false")
    values: dict[str, Any] = {}

    def add(condition: str, **value: Any) -> None:
        found.append(condition)
        values.update({f"{name}{mark}": each for name, each in value.items()})

    if criteria.group is not None:
        add(f"{plus}mail_group = :mail_group{mark}", mail_group=criteria.group)
    if criteria.work is not None:
        add(f"work = :work{mark}", work=criteria.work)
    if criteria.owner == "pool":
        add("owner IS NULL")
    elif criteria.owner is not None:
        add(f"{plus}owner = :owner{mark}", owner=owner)
    if criteria.spam is not None:
        add(f"{plus}spam > 0 AND {plus}spam = :spam{mark}" if criteria.spam else "spam = 0", spam=criteria.spam)
    if criteria.topic is not None:
        add(f"{plus}topic IN ({_BELOW.format(mark=mark)})", topic=criteria.topic)
    for n, tag in enumerate(criteria.tags):
        name = f"tag{n}_{mark}" if mark else f"tag{n}"
        add(f"EXISTS (SELECT 1 FROM message_tag t WHERE t.message = message.id AND t.tag = :{name})")
        values[name] = tag
    return Where(" AND ".join(found), values)


def _filter(name: str) -> Filter:
    if name not in FILTERS:
        raise InputError(f"messages are filtered by {', '.join(FILTERS)}, not by {name!r}")
    return name


def _written(criteria: Criteria, mark: str) -> Where:
    """The mails that are written and meet the criteria."""
    states = {"draft": "state = 'draft'", "failed": "state IN ('failed', 'unclear')"}
    found = [states[criteria.outgoing or "draft"], "deleted = false"]
    if criteria.group is None:
        return Where(" AND ".join(found), {})
    return Where(" AND ".join([*found, f"mail_group = :mail_group{mark}"]), {f"mail_group{mark}": criteria.group})


def _counted(connection: Connection, places: Sequence[Where], tables: Sequence[str] = ()) -> Sequence[int]:
    tables = tables or ["message"] * len(places)
    query = _counting(tuple((table, each.sql) for table, each in zip(tables, places, strict=True)))
    values = {name: value for each in places for name, value in each.parameters.items()}
    return tuple(connection.execute(query, values).one())


@lru_cache(64)
def _counting(places: tuple[tuple[str, str], ...]) -> TextClause:
    return text(
        "SELECT "
        + ", ".join(
            f"(SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT {COUNTED + 1}) AS counted)"
            for table, where in places
        )
    )


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


def _found(connection: Connection, wanted: Where, search: Search, place: Place, count: int) -> list[Position]:
    """What is found among the next few hundred, where a page is full of a common word at once; beyond them by the index
    of words, which says quickly where a rare one is."""
    if not search.terms:
        return []
    sqlite = connection.dialect.name == "sqlite"
    where, values = wanted
    has, parameters = _has_words(search) if sqlite else (_IN_VECTOR, {"query": search.tsquery()})
    parameters |= values
    last = _nth(connection, wanted, place, LOOKED_AT)
    within = f"{where} AND EXISTS (SELECT 1 FROM message_words w WHERE {has})"
    if last:
        end = ">=" if place.older else "<="
        within += f" AND (date, id) {end} (:last_date, :last_id)"
        parameters |= {"last_date": last.date, "last_id": last.row}
    found = _positions(connection, within, place, count, **parameters)
    if len(found) == count or last is None:
        return found
    if sqlite:
        return among(connection, _MATCHING_FTS, where, place, count, query=search.match(), **values)
    return among(connection, _MATCHING_VECTOR, where, place, count, query=search.tsquery(), **values)


def among(
    connection: Connection, matching: str, where: str, place: Place, count: int, **parameters: Any
) -> list[Position]:
    """The first so many positions from a place on of the messages whose row numbers the statement `matching` gives."""
    if connection.dialect.name == "sqlite":
        some = text(f"SELECT count(*) FROM ({matching} LIMIT {SORTED + 1})")
        named = {name: value for name, value in parameters.items() if f":{name}" in matching}
        if connection.execute(some, named).scalar_one() > SORTED:
            # The plus keeps SQLite from reading each of them by its id, and sorting.
            return _positions(connection, f"{where} AND +id IN ({matching})", place, count, **parameters)
    return _sorted(connection, matching, where, place, count, **parameters)


def _nth(connection: Connection, where: Where, place: Place, number: int) -> Position | None:
    condition, order, parameters = keyset(place)
    query = text(
        f"SELECT date, id FROM message WHERE {where.sql} AND {condition} ORDER BY {order} LIMIT 1 OFFSET :skipped"
    )
    row = connection.execute(query, {**parameters, **where.parameters, "skipped": number - 1}).first()
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
_AT_ONCE = 100
"""How many criteria are counted in one statement."""
_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT CAST(:topic{mark} AS INTEGER) UNION "
    "SELECT topic.id FROM topic JOIN below ON topic.parent = below.id) SELECT id FROM below"
)
_TAGGED = "SELECT message FROM message_tag WHERE tag = :tag0"
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
