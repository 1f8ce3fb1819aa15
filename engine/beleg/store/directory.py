"""The directory over the database: three statements, each one round trip, whatever the number of keys.

SQLite takes lists as JSON (`json_each`), PostgreSQL as arrays (`unnest`). A range of the index is read no further
than a lookup lists or counts, so an address with 100,000 orders costs what one with fifty does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from beleg.directory import COUNTED, LISTED, Group, Pair, Shared
from beleg.record import Link, Record, RecordRef, Reference

_FIND_SQLITE = text(
    f"""
    SELECT k.value, json_extract(g.value, '$[0]'), json_extract(g.value, '$[1]'),
      (SELECT json_group_array(id) FROM (
        SELECT DISTINCT r.id FROM record_key r
        WHERE r.entry = k.value AND r.type = json_extract(g.value, '$[0]') AND r.facet = json_extract(g.value, '$[1]')
        ORDER BY r.id LIMIT {LISTED + 1}))
    FROM json_each(:entries) k CROSS JOIN json_each(:groups) g
    WHERE EXISTS (SELECT 1 FROM record_key r WHERE r.entry = k.value)
    """
)
_FIND_POSTGRES = text(
    f"""
    SELECT k.entry, g.type, g.facet, (SELECT json_agg(id) FROM (
        SELECT DISTINCT r.id FROM record_key r
        WHERE r.entry = k.entry AND r.type = g.type AND r.facet = g.facet
        ORDER BY r.id LIMIT {LISTED + 1}) found)
    FROM unnest(CAST(:entries AS text[])) AS k(entry)
    CROSS JOIN unnest(CAST(:types AS text[]), CAST(:facets AS text[])) AS g(type, facet)
    WHERE EXISTS (SELECT 1 FROM record_key r WHERE r.entry = k.entry)
    """
)
_SHARED_IDS = f"""
    SELECT DISTINCT a.id FROM record_key a
    WHERE a.entry = {{entry}} AND a.type = {{type}} AND a.facet = {{facet}}
      AND ({{other}} IS NULL OR EXISTS (
        SELECT 1 FROM record_key b
        WHERE b.entry = {{other}} AND b.type = a.type AND b.facet = a.facet AND b.id = a.id))
    ORDER BY a.id LIMIT {COUNTED + 1}
"""
_SHARE_SQLITE = text(
    f"""
    SELECT p.key, (SELECT json_group_array(id) FROM ({
        _SHARED_IDS.format(
            entry="json_extract(p.value, '$[2]')", type="json_extract(p.value, '$[0]')", facet="json_extract(p.value, '$[1]')", other="(json_extract(p.value, '$[3]'))"
        )
    }))
    FROM json_each(:pairs) p
    """
)
_SHARE_POSTGRES = text(
    f"""
    SELECT p.n - 1, (SELECT json_agg(id) FROM ({
        _SHARED_IDS.format(entry="p.entry", type="p.type", facet="p.facet", other="p.other")
    }) found)
    FROM unnest(CAST(:types AS text[]), CAST(:facets AS text[]), CAST(:entries AS text[]), CAST(:others AS text[]))
      WITH ORDINALITY AS p(type, facet, entry, other, n)
    """
)
_RECORDS = """
    WITH wanted AS ({wanted})
    SELECT r.data FROM record r JOIN (
        SELECT type, id FROM wanted
        UNION
        SELECT l.target_type, l.target_id FROM record_link l JOIN wanted w ON l.type = w.type AND l.id = w.id
    ) named ON r.type = named.type AND r.id = named.id
    WHERE NOT r.retired
"""
_RECORDS_SQLITE = text(
    _RECORDS.format(wanted="SELECT json_extract(value, '$[0]') AS type, json_extract(value, '$[1]') AS id FROM json_each(:refs)")
)
_RECORDS_POSTGRES = text(
    _RECORDS.format(
        wanted="SELECT * FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) AS w(type, id)"
    )
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


_json = msgspec.json.encode
_stored = msgspec.json.Decoder(_Stored).decode
_ids: Callable[[str | bytes], list[str]] = msgspec.json.Decoder(list[str]).decode


def dump(record: Record) -> bytes:
    """A record as it is stored."""
    return _json(
        _Stored(
            tuple(record.ref),
            record.number,
            record.label,
            record.status,
            record.addresses,
            tuple(tuple(reference) for reference in record.references),
            tuple((link.role, tuple(link.target)) for link in record.links),
        )
    )


def load(data: bytes) -> Record:
    """A record from how it is stored."""
    row = _stored(data)
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
        self._sqlite = connection.dialect.name == "sqlite"

    def find(
        self, entries: Collection[str], groups: Sequence[Group]
    ) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        asked = groups or (Group("", ""),)  # with no group at all, an entry must still come out as known
        if self._sqlite:
            rows = self._ask(_FIND_SQLITE, entries=_text(list(entries)), groups=_text(asked))
        else:
            rows = self._ask(
                _FIND_POSTGRES,
                entries=list(entries),
                types=[group.type for group in asked],
                facets=[group.facet for group in asked],
            )
        found: dict[str, dict[Group, Sequence[str]]] = {}
        for entry, type_, facet, ids in rows:
            by_group = found.setdefault(entry, {})
            if ids and (listed := _ids(ids) if isinstance(ids, str) else ids):
                by_group[Group(type_, facet)] = listed
        return found

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        if self._sqlite:
            flat = [(pair.group.type, pair.group.facet, pair.entry, pair.other) for pair in pairs]
            rows = self._ask(_SHARE_SQLITE, pairs=_text(flat))
        else:
            rows = self._ask(
                _SHARE_POSTGRES,
                types=[pair.group.type for pair in pairs],
                facets=[pair.group.facet for pair in pairs],
                entries=[pair.entry for pair in pairs],
                others=[pair.other for pair in pairs],
            )
        answers = {}
        for number, ids in rows:
            listed = _ids(ids) if isinstance(ids, str) else ids or []
            answers[pairs[number]] = Shared(len(listed), tuple(listed[: LISTED + 1]))
        return answers

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        if self._sqlite:
            rows = self._ask(_RECORDS_SQLITE, refs=_text(list(refs)))
        else:
            rows = self._ask(
                _RECORDS_POSTGRES, types=[ref.type for ref in refs], ids=[ref.id for ref in refs]
            )
        records = (load(data) for (data,) in rows)
        return {record.ref: record for record in records}

    def _ask(self, statement: Any, **parameters: Any) -> Sequence[Any]:
        return self._connection.execute(statement, parameters).fetchall()


def _text(value: Any) -> str:
    return _json(value).decode()
