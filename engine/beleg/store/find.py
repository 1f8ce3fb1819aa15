"""Searching records for a person: by name, number, address, and the words of the label.

The words are entries of the lookup index with a mark of their own (`~`), so one range of the index holds all records
with a word that begins so. Decisions never ask for them: they ask for whole addresses and numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Literal, NamedTuple

from sqlalchemy import Connection, text

from beleg.directory import address_entry, reference_entry
from beleg.keys import address_key, reference_key
from beleg.record import Record, RecordRef
from beleg.store.batch import Statement
from beleg.store.browse import named, with_id
from beleg.store.directory import load
from beleg.store.words import words

How = Literal["name", "number", "address", "label"]
LABEL_WORDS = 8
"""How many words of a label are indexed."""
_CONSIDERED = 1_000
"""How many records of one range of the index are looked at."""
_MARK = "~"


class FoundRecord(NamedTuple):
    """A record that was found, by what, and whether the ERP no longer has it."""

    record: Record
    how: How
    gone: bool


def label_words(record: Record) -> list[str]:
    """The words by which a record is found: the first of its label, each once."""
    return list(dict.fromkeys(islice(words(record.label or ""), LABEL_WORDS)))


def label_entry(word: str) -> str:
    """The index key of a word of a label."""
    return _MARK + word


def records(
    connection: Connection, text_: str, types: Collection[str] | None, limit: int, all_types: Collection[str]
) -> list[FoundRecord]:
    """See `Workspace.search_records`. A handful of round trips: one for each way and each word."""
    wanted = sorted(types) if types is not None else None
    found: dict[RecordRef, FoundRecord] = {}
    for how, refs in _ways(connection, text_, wanted, sorted(all_types)):
        loaded = _load(connection, refs)
        for ref in refs:
            if ref in loaded and (wanted is None or ref.type in wanted):
                found.setdefault(ref, FoundRecord(loaded[ref][0], how, loaded[ref][1]))
            if len(found) == limit:
                return list(found.values())
    return list(found.values())


def _ways(
    connection: Connection, text_: str, types: list[str] | None, all_types: list[str]
) -> Iterator[tuple[How, list[RecordRef]]]:
    """The records that are found in each way, the likeliest first."""
    yield "name", named(connection, text_)
    yield "name", with_id(connection, text_.strip(), all_types)  # all: the key of records begins with the type
    number, address = reference_key(text_), address_key(text_.strip())
    if number:
        yield "number", _beginning(connection, reference_entry(number), types)
    if address and " " not in address:
        yield "address", _beginning(connection, address_entry(address), types)
    asked = list(dict.fromkeys(islice(words(text_), LABEL_WORDS)))
    if asked:
        yield "label", _with_words(connection, asked, types)


def _beginning(connection: Connection, entry: str, types: list[str] | None) -> list[RecordRef]:
    """The records with this entry of the index, then those with one that begins so; those before others that carry
    it by themselves."""
    rows: list[tuple[str, str, str]] = []
    for query in (_EXACT, _BEYOND):
        for type_ in types if types is not None else [None]:
            parameters = {"entry": entry, "end": _end(entry), "type": type_, "most": _CONSIDERED}
            statement = query[type_ is not None]
            rows += sorted(map(tuple, connection.execute(statement, parameters)), key=lambda row: row[2] != "")
    return list(dict.fromkeys(RecordRef(type_, id_) for type_, id_, _ in rows))


def _with_words(connection: Connection, asked: list[str], types: list[str] | None) -> list[RecordRef]:
    """The records with all of these words: of the rarest word those that have the others, too. Of a word that is more
    often than is looked at, the first by type and id."""
    ranges = [_beginning(connection, label_entry(word), types) for word in asked]
    rarest = min(ranges, key=len)
    if len(asked) == 1:
        return rarest
    loaded = _load(connection, rarest)
    found = []
    for ref in rarest:
        if ref in loaded:
            held = label_words(loaded[ref][0])
            if all(any(each.startswith(word) for each in held) for word in asked):
                found.append(ref)
    return found


def _end(entry: str) -> str:
    """Behind every entry that begins so."""
    return entry + "\U0010ffff"


def _load(connection: Connection, refs: Collection[RecordRef]) -> dict[RecordRef, tuple[Record, bool]]:
    found = {}
    for data, retired in _RECORDS.run(connection, refs=refs) if refs else ():
        record = load(data)
        found[record.ref] = record, bool(retired)
    return found


_RECORDS = Statement(
    "SELECT r.data, r.retired FROM {refs} w {cross} record r ON r.type = w.type AND r.id = w.id", refs="type id"
)
_SELECT = "SELECT type, id, via FROM record_key WHERE "
_LIMITED = " ORDER BY entry, type, facet, id, via LIMIT :most"
_EXACT, _BEYOND = (
    (text(_SELECT + where + _LIMITED), text(_SELECT + where + " AND type = :type" + _LIMITED))
    for where in ("entry = :entry", "entry > :entry AND entry < :end")
)
