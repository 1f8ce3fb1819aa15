"""How a step asks the ERP: records by address, by reference number, by name. Steps see nothing else of it.

One index serves every type: a *key* is an address or a reference number in canonical form (`beleg.keys`), and
leads to the live records that carry it, a document through its customer too. A hot key (a marketplace relay
with 100,000 orders) never loads its records: a lookup lists the first `LISTED` by id, and what is counted
beyond is asked for separately, up to `COUNTED`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import NamedTuple, Protocol

from beleg.record import CUSTOMER, Record, RecordRef, RecordType

LISTED = 50
"""How many records a lookup lists by name."""
COUNTED = 1_000
"""How far records are counted; beyond it is 'more than 1,000'."""


class Group(NamedTuple):
    """The records of one type that are counted together: documents all (`facet` ''), contacts by status."""

    type: str
    facet: str = ""


def address_entry(key: str) -> str:
    """The index key of an address; the mark keeps addresses and numbers apart in the one index."""
    return "@" + key


def reference_entry(key: str) -> str:
    """The index key of a reference number."""
    return "#" + key


class Pair(NamedTuple):
    """Asks for the records of a group that carry both entries (or, with `other` None, for their count)."""

    group: Group
    entry: str
    other: str | None = None


class Shared(NamedTuple):
    """The answer to a `Pair`: how many there are, up to `COUNTED` + 1, and the first `LISTED` + 1 ids."""

    total: int
    ids: tuple[str, ...]


class Directory(Protocol):
    """The ERP as the engine sees it. Each method is one round trip, whatever the number of arguments."""

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """For each index entry that any live record (of any type) carries: of each group with records that
        carry it their ids, ascending, at most `LISTED` + 1. An entry missing from the answer is unknown."""

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """How many records carry the entry, or both entries, of each pair."""

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """The live records of these names, and the live records that they point at."""


class AskedAhead:
    """A directory that was asked for many messages at once: what it was told to `ask` costs no round trip again.
    For decisions in a batch, while the records do not change."""

    def __init__(self, directory: Directory, groups: Sequence[Group]) -> None:
        self._directory = directory
        self._groups = tuple(groups)
        self._asked: set[str] = set()
        self._found: dict[str, Mapping[Group, Sequence[str]]] = {}
        self._sole: set[RecordRef] = set()
        self._records: Mapping[RecordRef, Record] = {}

    def ask(self, entries: Collection[str]) -> None:
        """Ask for these entries now, and for each record that one of them alone leads to; forget what was asked before.
        Two round trips."""
        self._asked = set(entries)
        self._found = dict(self._directory.find(self._asked, self._groups)) if entries else {}
        self._sole = {
            RecordRef(group.type, ids[0])
            for by_group in self._found.values()
            for group, ids in by_group.items()
            if len(ids) == 1
        }
        self._records = self._directory.records(self._sole) if self._sole else {}

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        if tuple(groups) != self._groups or not self._asked.issuperset(entries):
            return self._directory.find(entries, groups)
        return {entry: self._found[entry] for entry in entries if entry in self._found}

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        return self._directory.share(pairs)

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        if not self._sole.issuperset(refs):
            return self._directory.records(refs)
        return with_targets(self._records, refs)


def with_targets(records: Mapping[RecordRef, Record], refs: Collection[RecordRef]) -> dict[RecordRef, Record]:
    """Of some records those of these names, and those that they point at."""
    wanted = dict.fromkeys(refs)
    for ref in refs:
        if record := records.get(ref):
            wanted |= dict.fromkeys(link.target for link in record.links)
    return {ref: records[ref] for ref in wanted if ref in records}


class MemoryDirectory:
    """A directory over records held in memory: for scenarios, for a file of records, and as the public fake.

    `types` says which facets count (see `RecordType.facet`); a type that is not among them has none.
    """

    def __init__(self, records: Iterable[Record], types: Mapping[str, RecordType]) -> None:
        self._types = types
        self._records = {record.ref: record for record in records}
        index: dict[str, dict[Group, set[str]]] = defaultdict(lambda: defaultdict(set))
        for record in self._records.values():
            group = self.group(record)
            for entry in self.entries(record):
                index[entry][group].add(record.ref.id)
        self._index = {entry: {group: sorted(ids) for group, ids in groups.items()} for entry, groups in index.items()}

    def changed(self, changes: Mapping[RecordRef, Record | None]) -> MemoryDirectory:
        """A copy in which these records are as given, or (None) do not exist. The cost is that of copying two
        dictionaries, whatever the records."""
        copy = object.__new__(MemoryDirectory)
        copy._types, copy._records, copy._index = self._types, dict(self._records), dict(self._index)
        for ref, record in changes.items():
            if record is None:
                copy._records.pop(ref, None)
            else:
                copy._records[ref] = record
        # A document is found by its customer's addresses, so what points at a changed customer changes with it.
        touched = set(changes)
        for ref in changes:
            touched |= self.documents_of(ref)
        for ref in touched:
            copy._reindex(ref, self._records.get(ref), self)
        return copy

    def _reindex(self, ref: RecordRef, before: Record | None, source: MemoryDirectory) -> None:
        after = self._records.get(ref)
        old = {(entry, source.group(before)) for entry in source.entries(before)} if before else set()
        new = {(entry, self.group(after)) for entry in self.entries(after)} if after else set()
        for entry, group in old ^ new:
            groups = dict(self._index.get(entry, {}))
            ids = set(groups.pop(group, ()))
            ids = ids | {ref.id} if (entry, group) in new else ids - {ref.id}
            if ids:
                groups[group] = sorted(ids)
            if groups:
                self._index[entry] = groups
            else:
                self._index.pop(entry, None)

    def documents_of(self, customer: RecordRef) -> Set[RecordRef]:
        """The records that point at a customer, and so carry his addresses."""
        return self._documents.get(customer, frozenset())

    @cached_property
    def _documents(self) -> Mapping[RecordRef, set[RecordRef]]:
        """By customer, the documents that point at him."""
        found: dict[RecordRef, set[RecordRef]] = defaultdict(set)
        for record in self._records.values():
            for customer in record.targets(CUSTOMER):
                found[customer].add(record.ref)
        return found

    def group(self, record: Record) -> Group:
        """The group that a record counts in."""
        declared = self._types.get(record.ref.type)
        return Group(record.ref.type, declared.facet(record.status) if declared else "")

    def entries(self, record: Record) -> set[str]:
        """The index entries that lead to a record of this directory."""
        addresses = set(record.address_keys())
        for target in record.targets(CUSTOMER):
            if customer := self._records.get(target):
                addresses |= customer.address_keys()
        return {*map(address_entry, addresses), *map(reference_entry, record.reference_keys())}

    def carrying(self, entries: Iterable[str], most: int | None = None) -> set[RecordRef]:
        """The records that any of these index entries leads to; of each entry and group the first `most` by id."""
        groups = (item for entry in entries for item in self._index.get(entry, {}).items())
        return {RecordRef(group.type, id_) for group, ids in groups for id_ in ids[:most]}

    def all(self) -> Mapping[RecordRef, Record]:
        """Every record, in the order given."""
        return self._records

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        return {
            entry: {group: found[group][: LISTED + 1] for group in groups if group in found}
            for entry in entries
            if (found := self._index.get(entry)) is not None
        }

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        return {pair: self._share(pair) for pair in pairs}

    def _share(self, pair: Pair) -> Shared:
        ids = self._ids(pair.entry, pair.group)
        if pair.other is not None:
            few, many = sorted((ids, self._ids(pair.other, pair.group)), key=len)
            ids = [id_ for id_ in few if many[bisect_left(many, id_, hi=len(many) - 1)] == id_]
        return Shared(min(len(ids), COUNTED + 1), tuple(ids[: LISTED + 1]))

    def _ids(self, entry: str, group: Group) -> list[str]:
        return self._index.get(entry, {}).get(group, [])

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        return with_targets(self._records, refs)


def count_total(totals: Iterable[int]) -> int:
    """The sum of counts that each go to `COUNTED` + 1, itself counted no further."""
    return min(sum(totals), COUNTED + 1)
