"""ERP files to a stream of records: each read by its suffix, all checked before the first is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beleg.errors import InputError, Where
from beleg.importer import json_file, yaml_file
from beleg.importer.csv_file import CsvReader
from beleg.importer.mapping import (
    FileEntry,
    ImportMapping,
    Layout,
    check_delimiter,
    check_encoding,
    plural_of,
    type_names,
)
from beleg.importer.rows import RowReader
from beleg.importer.source import open_bytes
from beleg.record import Record, RecordType

SUFFIXES = (".yaml", ".yml", ".json", ".csv", ".tsv", ".txt")
_TREES = {".yaml": yaml_file.read, ".yml": yaml_file.read, ".json": json_file.read}


@dataclass(frozen=True, slots=True)
class _Csv:
    declared: RecordType | None
    entry: FileEntry | None
    layout: Layout


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read, and `size`, the bytes that reading it will report (those of joined files too)."""

    path: Path
    size: int
    csv: _Csv | None = None


def check_files(
    paths: Sequence[Path],
    installed_types: Mapping[str, RecordType],
    *,
    mapping: ImportMapping | None = None,
    type_: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> list[Job]:
    """Find, before anything is read, whatever can be found to be wrong: a file that is missing, unreadable or
    of an unknown kind, a type that can't be told, an option that fits no file. Raises InputError."""
    rows = RowReader(installed_types)
    plural = None
    if type_ is not None:
        plural = plural_of(type_, rows, installed_types)
        if plural is None:
            raise InputError(f"{type_!r} is no type; write one of {type_names(rows)}")
    try:
        delimiter = None if delimiter is None else check_delimiter(delimiter)
        encoding = None if encoding is None else check_encoding(encoding)
    except ValueError as error:
        raise InputError(str(error)) from None
    jobs = []
    for path in paths:
        size = _readable(path)
        suffix = path.suffix.lower()
        if suffix in _TREES:
            jobs.append(Job(path, size))
            continue
        entry = mapping.entry(path) if mapping else None
        if entry is None and suffix not in SUFFIXES:
            raise InputError(f"the kind of this file is unknown; read are {', '.join(SUFFIXES)}", Where(str(path)))
        key = plural or (entry.plural if entry else None) or _by_name(path, rows, installed_types)
        if key is None:
            raise InputError(_no_type(path, mapping, rows), Where(str(path)))
        if plural and entry and entry.plural and entry.plural != plural:
            raise InputError(
                f"--type says {plural}, the mapping {mapping.file if mapping else ''} says {entry.plural}; "
                "leave --type out",
                Where(str(path)),
            )
        for join in entry.joins if entry else ():
            size += _readable(path.parent / join.file, f", which the mapping joins to {path.name}")
        layout = entry.layout if entry else Layout()
        layout = replace(layout, delimiter=delimiter or layout.delimiter, encoding=encoding or layout.encoding)
        jobs.append(Job(path, size, _Csv(rows.type_of(key), entry, layout)))
    for option, given in (
        ("--type", type_), ("--delimiter", delimiter), ("--encoding", encoding), ("--mapping", mapping)
    ):  # fmt: skip
        if given is not None and not any(job.csv for job in jobs):
            raise InputError(f"{option} is about CSV files, and none of the files is one; leave it out")
    return jobs


def read_files(
    paths: Sequence[Path],
    installed_types: Mapping[str, RecordType],
    *,
    mapping: ImportMapping | None = None,
    type_: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Iterator[Record]:
    """The records of all files, in their order, as a stream. The files are checked at once (`check_files`),
    their rows as they come. `on_bytes` is told how many more bytes were read. Raises InputError."""
    jobs = check_files(paths, installed_types, mapping=mapping, type_=type_, delimiter=delimiter, encoding=encoding)
    return _records(jobs, RowReader(installed_types), on_bytes)


def _records(jobs: Sequence[Job], rows: RowReader, on_bytes: Callable[[int], None]) -> Iterator[Record]:
    for job in jobs:
        if job.csv is None:
            yield from _TREES[job.path.suffix.lower()](job.path, rows, on_bytes)
        else:
            csv = job.csv
            yield from CsvReader(job.path, rows, csv.declared, csv.entry, csv.layout).records(on_bytes)


def _readable(path: Path, more: str = "") -> int:
    where = Where(str(path))
    if path.is_dir():
        raise InputError(f"this is a folder; name the files in it{more}", where)
    if not path.exists():
        raise InputError(f"there is no such file{more}", where)
    if not path.is_file():
        raise InputError(f"this is no regular file; write what it gives to a file first{more}", where)
    with open_bytes(path, lambda count: None):
        return path.stat().st_size


def _by_name(path: Path, rows: RowReader, types: Mapping[str, RecordType]) -> str | None:
    return plural_of(path.stem.lower(), rows, types)


def _no_type(path: Path, mapping: ImportMapping | None, rows: RowReader) -> str:
    if mapping and (owner := mapping.joined_by(path)):
        return f"{mapping.file} joins this file to {owner.pattern}, with which it's read; leave it out"
    names = type_names(rows)
    if mapping:
        return f"{mapping.file} says nothing of this file; add it there, or give --type with one of {names}"
    return f"of which type its records are can't be told from its name; give --type with one of {names}"
