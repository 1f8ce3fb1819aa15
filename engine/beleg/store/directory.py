"""The directory over the database: three statements, each one round trip, whatever the number of keys.

A range of the index is read no further than a lookup lists or counts, so an address with 100,000 orders costs
what one with fifty does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from beleg.directory import COUNTED, LISTED, Group, Pair, Shared
from beleg.record import Link, Record, RecordRef, Reference
from beleg.store.batch import Statement, as_list

# Nearly every entry has a few records at most: these are read as they stand, in one range each. Only where an
# entry has more rows than a lookup lists is each group read for itself, with a limit.
_FIND = Statement(
    f"""
    WITH asked AS MATERIALIZED (
      SELECT entry, (
        SELECT count(*) FROM (
          SELECT 1 FROM record_key r WHERE r.entry = e.entry LIMIT {LISTED + 2}) counted
      ) AS times FROM {{entries}} e
    )
    SELECT a.entry, r.type, r.facet, r.id, NULL
    FROM asked a {{cross}} record_key r ON r.entry = a.entry
    WHERE a.times BETWEEN 1 AND {LISTED + 1}
    UNION ALL
    SELECT a.entry, g.type, g.facet, NULL, (
      SELECT {{array}}(id) FROM (
        SELECT DISTINCT r.id FROM record_key r
        WHERE r.entry = a.entry AND r.type = g.type AND r.facet = g.facet
        ORDER BY r.id LIMIT {LISTED + 1}) found)
    FROM asked a {{cross}} {{groups}} g ON true
    WHERE a.times > {LISTED + 1}
    """,
    entries="entry",
    groups="type facet",
)
_SOME, _MANY = (
    "(SELECT count(*) FROM (SELECT 1 FROM record_key r WHERE r.entry = {entry} AND r.type = p.type "
    f"AND r.facet = p.facet LIMIT {limit + 1}) counted)"
    for limit in (LISTED, COUNTED)
)
_SOME_OF_ONE, _SOME_OF_OTHER = (_SOME.format(entry=entry) for entry in ("p.entry", "p.other"))
_MANY_OF_ONE, _MANY_OF_OTHER = (_MANY.format(entry=entry) for entry in ("p.entry", "p.other"))
_ALONE = "r.entry = p.walked AND r.type = p.type AND r.facet = p.facet"
# Of two entries the rarer one is walked, and the other one looked up for each of its records (by a subquery
# that PostgreSQL can't make a join of: it would walk both).
_SHARE = Statement(
    f"""
    WITH asked AS MATERIALIZED (
      SELECT p.*, CASE
        WHEN p.other IS NULL OR {_SOME_OF_ONE} <= {LISTED} THEN 0
        WHEN {_SOME_OF_OTHER} <= {LISTED} THEN 1
        WHEN {_MANY_OF_OTHER} < {_MANY_OF_ONE} THEN 1
        ELSE 0 END AS turned
      FROM {{pairs}} p
    ), pair AS MATERIALIZED (
      SELECT number, type, facet,
        CASE WHEN turned = 1 THEN other ELSE entry END AS walked,
        CASE WHEN turned = 1 THEN entry ELSE other END AS looked_up
      FROM asked
    )
    SELECT p.number,
      CASE WHEN p.looked_up IS NULL THEN (
        SELECT count(*) FROM (
          SELECT DISTINCT r.id FROM record_key r WHERE {_ALONE} LIMIT {COUNTED + 1}) counted) END,
      CASE WHEN p.looked_up IS NULL THEN (
        SELECT {{array}}(id) FROM (
          SELECT DISTINCT r.id FROM record_key r WHERE {_ALONE} ORDER BY r.id LIMIT {LISTED + 1}) found)
      ELSE (
        SELECT {{array}}(id) FROM (
          SELECT DISTINCT r.id FROM record_key r
          WHERE {_ALONE} AND (
            SELECT o.id FROM record_key o
            WHERE o.entry = p.looked_up AND o.type = r.type AND o.facet = r.facet AND o.id = r.id
            LIMIT 1) IS NOT NULL
          ORDER BY r.id LIMIT {COUNTED + 1}) found) END
    FROM pair p
    """,
    pairs="number type facet entry other",
)
_RECORDS = Statement(
    """
    WITH wanted AS MATERIALIZED (SELECT type, id FROM {refs} r),
    named AS MATERIALIZED (
      SELECT type, id FROM wanted
      UNION
      SELECT l.target_type, l.target_id
      FROM wanted w {cross} record_link l ON l.type = w.type AND l.id = w.id
    )
    SELECT r.data FROM named n {cross} record r ON r.type = n.type AND r.id = n.id WHERE NOT r.retired
    """,
    refs="type id",
)


class _Stored(msgspec.Struct, omit_defaults=True):
    """How a record is written in `record.data`."""

    ref: tuple[str, str]
    number: str | None = None
    label: str | None = None
    status: str | None = None
    addresses: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, tuple[str, str]], ...] = ()


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Stored).decode


def dump(record: Record) -> bytes:
    """A record as it is stored."""
    return _encode(
        _Stored(
            record.ref,
            record.number,
            record.label,
            record.status,
            record.addresses,
            record.references,
            record.links,
        )
    )


def load(data: bytes) -> Record:
    """A record from how it is stored."""
    row = _decode(data)
    return Record(
        RecordRef(*row.ref),
        row.number,
        row.label,
        row.status,
        row.addresses,
        tuple(Reference(*pair) for pair in row.references),
        tuple(Link(role, RecordRef(*target)) for role, target in row.links),
    )


class SqlDirectory:
    """See `beleg.directory.Directory`. Lives as long as the connection that it is given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        # With no group at all, an entry with many records must still come out as known.
        asked = groups or (Group("", ""),)
        rows = _FIND.run(self._connection, entries=[(entry,) for entry in entries], groups=asked)
        wanted = set(groups)
        found: dict[str, dict[Group, list[str]]] = {}
        for entry, type_, facet, id_, ids in rows:
            by_group = found.setdefault(entry, {})
            group = Group(type_, facet)
            if group not in wanted:
                continue
            if id_ is None:
                if listed := as_list(ids):
                    by_group[group] = listed
            else:
                by_group.setdefault(group, []).append(id_)
        # A document that has an address through two customers is there twice.
        return {
            entry: {group: sorted(set(ids)) for group, ids in by_group.items()} for entry, by_group in found.items()
        }

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        rows = _SHARE.run(
            self._connection,
            pairs=[(str(n), *pair.group, pair.entry, pair.other) for n, pair in enumerate(pairs)],
        )
        answers = {}
        for number, total, ids in rows:
            listed = as_list(ids)
            answers[pairs[int(number)]] = Shared(len(listed) if total is None else total, tuple(listed[: LISTED + 1]))
        return answers

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        records = (load(data) for (data,) in _RECORDS.run(self._connection, refs=refs))
        return {record.ref: record for record in records}
