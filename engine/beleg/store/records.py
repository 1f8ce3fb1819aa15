"""Taking ERP records into the mirror: upsert, retire, and the upkeep of the lookup index.

An import is one transaction, in batches, so that a million records need no more memory than a thousand. A record that
is unchanged costs one comparison. Index entries that a document has through its customer are written at the end, for
what this import changed on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from beleg.directory import address_entry, reference_entry
from beleg.record import CUSTOMER, Record, RecordRef, RecordType
from beleg.store.directory import dump, load
from beleg.store.tables import import_run, record, record_key, record_link

BATCH = 500
_KEY = ("entry", "type", "facet", "id", "via")


@dataclass
class ImportReport:
    """What an import did, counted; `dangling` are links whose target the mirror does not have (the first 100)."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    types: set[str] = field(default_factory=set)
    dangling_count: int = 0
    dangling: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many records the files held."""
        return self.new + self.changed + self.unchanged


def import_records(
    connection: Connection,
    records: Iterable[Record],
    types: Mapping[str, RecordType],
    *,
    files: str = "",
    prune: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> ImportReport:
    """Take records in: new ones added, known ones updated in place, retired ones revived. `prune` retires the
    records of the imported types that were not among them. The caller's transaction makes it all or nothing."""
    run = connection.execute(
        insert(import_run).values(at=datetime.now(UTC).isoformat(), files=files).returning(import_run.c.id)
    ).scalar_one()
    writer = _Writer(connection, types, run)
    source = iter(records)
    while batch := list(islice(source, BATCH)):
        writer.take(batch)
        progress(len(batch))
    if prune:
        writer.prune()
    writer.lend_addresses()
    writer.find_dangling()
    return writer.report


class _Writer:
    def __init__(self, connection: Connection, types: Mapping[str, RecordType], run: int) -> None:
        self._db = connection
        self._types = types
        self._run = run
        self.report = ImportReport()
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        # The same method on two classes that share no base which has it.
        upsert: Any = dialect.insert(record)
        self._upsert = upsert.on_conflict_do_update(
            index_elements=["type", "id"],
            set_={name: upsert.excluded[name] for name in ("facet", "data", "retired", "seen", "changed")},
        )
        ignore: Any = dialect.insert(record_key)
        self._add_keys = ignore.on_conflict_do_nothing()
        links: Any = dialect.insert(record_link)
        self._add_links = links.on_conflict_do_nothing()

    def take(self, batch: list[Record]) -> None:
        # Of two rows with one id in a batch the last one counts, as it would in two batches.
        incoming = {each.ref: each for each in batch}
        old = self._stored(incoming)
        fresh: list[Record] = []
        replaced: list[Record] = []
        seen = []
        for ref, each in incoming.items():
            self.report.types.add(ref.type)
            before = old.get(ref)
            data = dump(each)
            if before is None:
                self.report.new += 1
                fresh.append(each)
            elif before.data == data and before.facet == self._facet(each) and not before.retired:
                self.report.unchanged += 1
                seen.append({"b_type": ref.type, "b_id": ref.id})
                continue
            else:
                self.report.changed += 1
                fresh.append(each)
                if not before.retired:
                    replaced.append(load(before.data))
        self.report.unchanged += len(batch) - len(incoming)
        if seen:
            self._db.execute(
                update(record)
                .where(record.c.type == bindparam("b_type"), record.c.id == bindparam("b_id"))
                .values(seen=self._run),
                seen,
            )
        if replaced:
            self._take_out(replaced, {ref: row.facet for ref, row in old.items()})
        if fresh:
            self._write(fresh)

    def _stored(self, refs: Iterable[RecordRef]) -> dict[RecordRef, Any]:
        rows = self._db.execute(
            select(record.c.type, record.c.id, record.c.facet, record.c.data, record.c.retired).where(
                tuple_(record.c.type, record.c.id).in_([tuple(ref) for ref in refs])
            )
        )
        return {RecordRef(row.type, row.id): row for row in rows}

    def _facet(self, each: Record) -> str:
        declared = self._types.get(each.ref.type)
        return declared.facet(each.status) if declared else ""

    def _write(self, records: list[Record]) -> None:
        rows = [
            {
                "type": each.ref.type,
                "id": each.ref.id,
                "facet": self._facet(each),
                "data": dump(each),
                "retired": False,
                "seen": self._run,
                "changed": self._run,
            }
            for each in records
        ]
        self._db.execute(self._upsert, rows)
        if keys := [key for each in records for key in self._own_keys(each, self._facet(each))]:
            self._db.execute(self._add_keys, keys)
        links = [
            {"type": e.ref.type, "id": e.ref.id, "role": link.role, "target_type": link.target.type,
             "target_id": link.target.id}
            for e in records
            for link in dict.fromkeys(e.links)
        ]  # fmt: skip
        if links:
            self._db.execute(self._add_links, links)

    @staticmethod
    def _own_keys(each: Record, facet: str) -> Iterator[dict[str, str]]:
        entries = [*map(address_entry, each.address_keys()), *map(reference_entry, each.reference_keys())]
        for entry in sorted(entries):
            yield dict(zip(_KEY, (entry, each.ref.type, facet, each.ref.id, ""), strict=True))

    def _take_out(self, records: list[Record], facets: Mapping[RecordRef, str]) -> None:
        """Take records as they were out of index and links, with what they lent and what was lent to them."""
        keys = [key for each in records for key in self._own_keys(each, facets[each.ref])]
        lenders = {target for each in records for target in each.targets(CUSTOMER)}
        lent = {ref: load(row.data).address_keys() for ref, row in self._stored(lenders).items()} if lenders else {}
        for each in records:
            for target in each.targets(CUSTOMER):
                for key in sorted(lent.get(target, ())):
                    values = (address_entry(key), each.ref.type, facets[each.ref], each.ref.id, str(target))
                    keys.append(dict(zip(_KEY, values, strict=True)))
        if keys:
            where = [record_key.c[name] == bindparam(f"b_{name}") for name in _KEY]
            self._db.execute(
                record_key.delete().where(*where), [{f"b_{k}": v for k, v in key.items()} for key in keys]
            )
        borrowed = [
            {"b_entry": address_entry(key), "b_via": str(each.ref)}
            for each in records
            for key in sorted(each.address_keys())
        ]
        if borrowed:
            where = [record_key.c.entry == bindparam("b_entry"), record_key.c.via == bindparam("b_via")]
            self._db.execute(record_key.delete().where(*where), borrowed)
        self._db.execute(
            record_link.delete().where(
                record_link.c.type == bindparam("b_type"), record_link.c.id == bindparam("b_id")
            ),
            [{"b_type": each.ref.type, "b_id": each.ref.id} for each in records],
        )

    def prune(self) -> None:
        """Retire what the files no longer hold: no candidates, their numbers unknown; what was assigned stays."""
        gone = select(record.c.type, record.c.id, record.c.facet, record.c.data).where(
            record.c.type.in_(sorted(self.report.types)), ~record.c.retired, record.c.seen != self._run
        )
        while rows := self._db.execute(gone.limit(BATCH)).fetchall():
            self._take_out(
                [load(row.data) for row in rows], {RecordRef(row.type, row.id): row.facet for row in rows}
            )
            self._db.execute(
                update(record)
                .where(record.c.type == bindparam("b_type"), record.c.id == bindparam("b_id"))
                .values(retired=True, changed=self._run),
                [{"b_type": row.type, "b_id": row.id} for row in rows],
            )
            self.report.retired += len(rows)

    def lend_addresses(self) -> None:
        """Write the entries that documents have through their customers, where either side changed."""
        self._db.execute(_LENDERS_DROP)
        self._db.execute(_LENDERS_CREATE)
        self._db.execute(_LENDERS_FILL, {"run": self._run, "role": CUSTOMER})
        last = ("", "")
        while rows := self._db.execute(_LENDERS_NEXT, {"type": last[0], "id": last[1], "batch": BATCH}).fetchall():
            lent = [
                {
                    "entry": address_entry(key),
                    "via": f"{row.type}:{row.id}",
                    "type": row.type,
                    "id": row.id,
                    "role": CUSTOMER,
                    "all": int(row.changed == self._run),
                    "run": self._run,
                }
                for row in rows
                for key in sorted(load(row.data).address_keys())
            ]
            if lent:
                self._db.execute(_LEND, lent)
            last = (rows[-1].type, rows[-1].id)
        self._db.execute(_LENDERS_DROP)

    def find_dangling(self) -> None:
        """Find the links of changed records whose target the mirror does not have."""
        parameters = {"run": self._run}
        self.report.dangling_count = self._db.execute(
            text(f"SELECT count(*) {_DANGLING}"), parameters
        ).scalar_one()
        rows = self._db.execute(
            text(
                f"SELECT s.type, s.id, l.role, l.target_type, l.target_id {_DANGLING} "
                "ORDER BY s.type, s.id, l.role, l.target_type, l.target_id LIMIT 100"
            ),
            parameters,
        )
        self.report.dangling = [(f"{r[0]}:{r[1]}", r[2], f"{r[3]}:{r[4]}") for r in rows]


_LENDERS_DROP = text("DROP TABLE IF EXISTS beleg_lender")
_LENDERS_CREATE = text(
    "CREATE TEMPORARY TABLE beleg_lender (type TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (type, id))"
)
_LENDERS_FILL = text(
    """
    INSERT INTO beleg_lender
    SELECT l.target_type, l.target_id FROM record s
      JOIN record_link l ON l.type = s.type AND l.id = s.id AND l.role = :role
      WHERE s.changed = :run
    UNION
    SELECT t.type, t.id FROM record t WHERE t.changed = :run AND EXISTS (
      SELECT 1 FROM record_link l WHERE l.target_type = t.type AND l.target_id = t.id AND l.role = :role)
    """
)
_LENDERS_NEXT = text(
    """
    SELECT r.type, r.id, r.data, r.changed FROM beleg_lender b JOIN record r ON r.type = b.type AND r.id = b.id
    WHERE NOT r.retired AND (b.type, b.id) > (:type, :id) ORDER BY b.type, b.id LIMIT :batch
    """
)
_LEND = text(
    """
    INSERT INTO record_key (entry, type, facet, id, via)
    SELECT :entry, s.type, s.facet, s.id, :via FROM record_link l
      JOIN record s ON s.type = l.type AND s.id = l.id
      WHERE l.target_type = :type AND l.target_id = :id AND l.role = :role AND NOT s.retired
        AND (:all = 1 OR s.changed = :run)
    ON CONFLICT DO NOTHING
    """
)
_DANGLING = """
    FROM record s JOIN record_link l ON l.type = s.type AND l.id = s.id
    WHERE s.changed = :run AND NOT EXISTS (
      SELECT 1 FROM record t WHERE t.type = l.target_type AND t.id = l.target_id AND NOT t.retired)
"""
