"""Taking ERP records into the mirror: upsert, retire, and the upkeep of the lookup index.

An import is one transaction, in batches, so that a million records need no more memory than a thousand. A
record that is unchanged costs one comparison. Index entries that a document has through its customer are
written at the end, for what this import changed on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from beleg.directory import address_entry, reference_entry
from beleg.record import CUSTOMER, Record, RecordRef, RecordType
from beleg.store.batch import Statement
from beleg.store.database import alone
from beleg.store.directory import dump, load
from beleg.store.find import label_entry, label_words
from beleg.store.tables import import_run, record

BATCH = 500


@dataclass
class ImportReport:
    """What an import did, counted; `dangling` are the links that point at nothing because of it (the first
    100): those of new and changed records, and those of all records to what it retired."""

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
    records of the imported types that were not among them. The caller's transaction makes it all or
    nothing."""
    alone(connection, "import")
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


@dataclass(slots=True)
class _Change:
    """A record that the mirror holds otherwise, or not yet: as it was filed, and as it comes (None: it
    goes)."""

    ref: RecordRef
    old: Record | None = None
    old_facet: str = ""
    new: Record | None = None
    new_facet: str = ""
    data: bytes = b""


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

    def take(self, batch: Sequence[Record]) -> None:
        # Of two rows with one id in a batch the last one counts, as it would in two batches.
        incoming = {each.ref: each for each in batch}
        self.report.unchanged += len(batch) - len(incoming)
        stored = self._stored(incoming)
        changes: list[_Change] = []
        seen: list[RecordRef] = []
        for ref, each in incoming.items():
            self.report.types.add(ref.type)
            before = stored.get(ref)
            data, facet = dump(each), self._facet(each)
            if before is None:
                self.report.new += 1
                changes.append(_Change(ref, new=each, new_facet=facet, data=data))
            elif before.data != data or before.facet != facet or before.retired:
                self.report.changed += 1
                old = None if before.retired else load(before.data)
                changes.append(_Change(ref, old, before.facet, each, facet, data))
            else:
                self.report.unchanged += 1
                seen.append(ref)
        if seen:
            _SEEN.run(self._db, refs=seen, run=self._run)
        self._take_out(changes)
        self._write(changes)

    def _stored(self, refs: Collection[RecordRef]) -> dict[RecordRef, Any]:
        return {RecordRef(row.type, row.id): row for row in _STORED.run(self._db, refs=refs)}

    def _facet(self, each: Record) -> str:
        declared = self._types.get(each.ref.type)
        return declared.facet(each.status) if declared else ""

    def _write(self, changes: Sequence[_Change]) -> None:
        coming = [(each, each.new) for each in changes if each.new]
        if not coming:
            return
        rows = [
            {
                "type": each.ref.type,
                "id": each.ref.id,
                "facet": each.new_facet,
                "data": each.data,
                "retired": False,
                "seen": self._run,
                "changed": self._run,
            }
            for each, _ in coming
        ]
        self._db.execute(self._upsert, rows)
        if keys := [key for each, new in coming for key in _own_keys(new, each.new_facet)]:
            _ADD_KEYS.run(self._db, keys=sorted(keys))
        if links := [(*new.ref, link.role, *link.target) for _, new in coming for link in new.links]:
            _ADD_LINKS.run(self._db, links=sorted(links))

    def _take_out(self, changes: Iterable[_Change]) -> None:
        """Take records as they were out of index and links, with what they lent and what was lent to them."""
        going = [(each, each.old) for each in changes if each.old]
        if not going:
            return
        keys = [key for each, old in going for key in _own_keys(old, each.old_facet)]
        lenders = {target for _, old in going for target in old.targets(CUSTOMER)}
        lent = {ref: sorted(load(row.data).address_keys()) for ref, row in self._stored(lenders).items()}
        for each, old in going:
            for target in old.targets(CUSTOMER):
                for key in lent.get(target, ()):
                    keys.append((address_entry(key), each.ref.type, each.old_facet, each.ref.id, str(target)))
        if keys:
            _DROP_KEYS.run(self._db, keys=keys)
        lost = [
            (address_entry(key), str(each.ref))
            for each, old in going
            for key in old.address_keys() - (each.new.address_keys() if each.new else frozenset())
        ]
        if lost:
            _DROP_LENT.run(self._db, lent=lost)
        _DROP_LINKS.run(self._db, refs=[each.ref for each, _ in going])

    def prune(self) -> None:
        """Retire what the files no longer hold: no candidates, its numbers unknown; what was assigned
        stays."""
        place = tuple_(record.c.type, record.c.id)
        gone = (
            select(record.c.type, record.c.id, record.c.facet, record.c.data)
            .where(
                record.c.type.in_(sorted(self.report.types)),
                ~record.c.retired,
                record.c.seen != self._run,
                place > tuple_(bindparam("type"), bindparam("id")),
            )
            .order_by(record.c.type, record.c.id)
            .limit(BATCH)
        )
        last = RecordRef("", "")
        while rows := self._db.execute(gone, last._asdict()).fetchall():
            changes = [_Change(RecordRef(row.type, row.id), load(row.data), row.facet) for row in rows]
            self._take_out(changes)
            self._db.execute(_RETIRE, [{"b_type": row.type, "b_id": row.id, "run": self._run} for row in rows])
            self.report.retired += len(rows)
            last = changes[-1].ref

    def lend_addresses(self) -> None:
        """Write the entries that documents have through their customers, where either side changed."""
        self._db.execute(_LENDERS_DROP)
        self._db.execute(_LENDERS_CREATE)
        self._db.execute(_LENDERS_FILL, {"run": self._run, "role": CUSTOMER})
        last = RecordRef("", "")
        while rows := self._db.execute(_LENDERS_NEXT, {**last._asdict(), "batch": BATCH}).fetchall():
            lent = [
                (
                    address_entry(key),
                    row.type,
                    row.id,
                    f"{row.type}:{row.id}",
                    str(int(row.changed == self._run)),
                )
                for row in rows
                for key in load(row.data).address_keys()
            ]
            if lent:
                _LEND.run(self._db, lent=sorted(lent), run=self._run, role=CUSTOMER)
            last = RecordRef(rows[-1].type, rows[-1].id)
        self._db.execute(_LENDERS_DROP)

    def find_dangling(self) -> None:
        """Find the links that point at nothing since this import."""
        parameters = {"run": self._run}
        self.report.dangling_count = self._db.execute(_DANGLING_COUNT, parameters).scalar_one()
        if self.report.dangling_count:
            rows = self._db.execute(_DANGLING_FIRST, parameters)
            self.report.dangling = [(f"{r[0]}:{r[1]}", r[2], f"{r[3]}:{r[4]}") for r in rows]


def own_entries(each: Record) -> set[str]:
    """The entries by which a record is found, but for those that are lent to it."""
    return {entry for entry, *_ in _own_keys(each, "")}


def _own_keys(each: Record, facet: str) -> Iterator[tuple[str, str, str, str, str]]:
    """The index entries that a record has by itself."""
    for key in each.address_keys():
        yield address_entry(key), each.ref.type, facet, each.ref.id, ""
    for key in each.reference_keys():
        yield reference_entry(key), each.ref.type, facet, each.ref.id, ""
    yield from _label_keys(each, facet)


def _label_keys(each: Record, facet: str) -> Iterator[tuple[str, str, str, str, str]]:
    for word in label_words(each):
        yield label_entry(word), each.ref.type, facet, each.ref.id, ""


def index_labels(connection: Connection, records: Iterable[tuple[Record, str]]) -> None:
    """Write the words of labels into the index, where they are missing: of records, each with its facet."""
    if keys := [key for each, facet in records for key in _label_keys(each, facet)]:
        _ADD_KEYS.run(connection, keys=sorted(keys))


_KEY = "entry type facet id via"
_LINK = "type id role target_type target_id"
_STORED = Statement(
    "SELECT r.type, r.id, r.facet, r.data, r.retired FROM {refs} b {cross} record r ON r.type = b.type AND r.id = b.id",
    refs="type id",
)
_SEEN = Statement("UPDATE record SET seen = :run WHERE (type, id) IN (SELECT type, id FROM {refs} b)", refs="type id")
_ADD_KEYS = Statement(
    "INSERT INTO record_key (entry, type, facet, id, via) "
    "SELECT entry, type, facet, id, via FROM {keys} b WHERE true ON CONFLICT DO NOTHING",
    keys=_KEY,
)
_DROP_KEYS = Statement(
    "DELETE FROM record_key WHERE (entry, type, facet, id, via) IN (SELECT entry, type, facet, id, via FROM {keys} b)",
    keys=_KEY,
)
_DROP_LENT = Statement(
    "DELETE FROM record_key WHERE (entry, type, facet, id, via) IN "
    "(SELECT k.entry, k.type, k.facet, k.id, k.via FROM {lent} b "
    "{cross} record_key k ON k.entry = b.entry AND k.via = b.via)",
    lent="entry via",
)
_ADD_LINKS = Statement(
    "INSERT INTO record_link (type, id, role, target_type, target_id) "
    "SELECT type, id, role, target_type, target_id FROM {links} b WHERE true ON CONFLICT DO NOTHING",
    links=_LINK,
)
_DROP_LINKS = Statement(
    "DELETE FROM record_link WHERE (type, id, role, target_type, target_id) IN "
    "(SELECT l.type, l.id, l.role, l.target_type, l.target_id FROM {refs} b "
    "{cross} record_link l ON l.type = b.type AND l.id = b.id)",
    refs="type id",
)
_RETIRE = (
    update(record)
    .where(record.c.type == bindparam("b_type"), record.c.id == bindparam("b_id"))
    .values(retired=True, changed=bindparam("run"))
)
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
    SELECT r.type, r.id, r.data, r.changed
    FROM beleg_lender b JOIN record r ON r.type = b.type AND r.id = b.id
    WHERE NOT r.retired AND (b.type, b.id) > (:type, :id) ORDER BY b.type, b.id LIMIT :batch
    """
)
_LEND = Statement(
    """
    INSERT INTO record_key (entry, type, facet, id, via)
    SELECT b.entry, s.type, s.facet, s.id, b.via FROM {lent} b
      {cross} record_link l ON l.target_type = b.type AND l.target_id = b.id AND l.role = :role
      {cross} record s ON s.type = l.type AND s.id = l.id
      WHERE NOT s.retired AND (b.whole = '1' OR s.changed = :run)
    ON CONFLICT DO NOTHING
    """,
    lent="entry type id via whole",
)
_DANGLING = """
    SELECT l.type, l.id, l.role, l.target_type, l.target_id
    FROM record s JOIN record_link l ON l.type = s.type AND l.id = s.id
    WHERE s.changed = :run AND NOT EXISTS (
      SELECT 1 FROM record t WHERE t.type = l.target_type AND t.id = l.target_id AND NOT t.retired)
    UNION
    SELECT l.type, l.id, l.role, l.target_type, l.target_id
    FROM record t JOIN record_link l ON l.target_type = t.type AND l.target_id = t.id
    WHERE t.changed = :run AND t.retired
"""
_DANGLING_COUNT = text(f"SELECT count(*) FROM ({_DANGLING}) AS dangling")
_DANGLING_FIRST = text(
    f"SELECT * FROM ({_DANGLING}) AS dangling ORDER BY type, id, role, target_type, target_id LIMIT 100"
)
