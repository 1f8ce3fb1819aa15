"""Records from CSV: one file a type, its columns named as our keys or translated by a mapping.

A file is read as a stream. Rows of another file that belong to its rows (`join` in the mapping) are held in
memory, and of those only what the mapping takes from them.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from beleg.errors import InputError, Where, unknown_key
from beleg.importer.mapping import (
    PREFIXED,
    FileEntry,
    Join,
    Layout,
    Source,
    is_template,
    known_field,
    pieces,
    single_field,
)
from beleg.importer.rows import RowReader
from beleg.importer.source import CHUNK, OnBytes, open_text, shown_encoding, undecodable
from beleg.record import Record, RecordType

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (";", ",", "\t", "|")
LONGEST_LINE = 1 << 23
_SAMPLE = 1 << 16
_STAND_IN = "\x1f"  # stands for a delimiter of several characters, which the csv module can't split at
_ENCODINGS = ["cp850", "cp1250", "cp1251", "cp852", "cp1253", "cp1254"]

_WORD = re.compile(r"[^\W\d_]+")
_ODD = re.compile(
    r"(?<=[^\W\d_])[^\w\s\x00-\x7f’](?=[^\W\d_])"  # a sign between two letters
    r"|[¡¢£¤¥¦¨¬¯±²³´¸¹¼½¾¿×÷](?=[^\W\d_])"  # a sign that no word begins with
)

Cells = list[str]
Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file, and how it turned out to be written."""

    names: tuple[str, ...]
    line: int
    layout: Layout


# --- what a file is ------------------------------------------------------------------------------------


def detect_encoding(path: Path) -> str:
    """By its byte order mark; else UTF-8 where the whole file is that; else, by the lines with other letters,
    Windows-1252 (which has ISO-8859-1 in it) where that makes words of the West; else what charset-normalizer
    takes them for, among the encodings of Europe. Raises InputError where it can't be told."""
    with open(path, "rb") as file:
        head = file.read(4096)
        for mark, encoding in (
            (codecs.BOM_UTF8, "utf-8-sig"),
            (codecs.BOM_UTF32_LE, "utf-32"),
            (codecs.BOM_UTF32_BE, "utf-32"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if head.startswith(mark):
                return encoding
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if head[first::2].count(0) * 5 > len(head):
                return encoding
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            file.seek(0)
            return _guess(path, b"".join(_foreign(file)))
    return "utf-8-sig"


def _foreign(file: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for line in file:
        if not line.isascii():
            yield line[:_SAMPLE]
            size += len(line)
            if size > _SAMPLE:
                return


def _guess(path: Path, sample: bytes) -> str:
    if _western(sample):
        return "cp1252"
    from charset_normalizer import from_bytes  # slow to import, and most files are UTF-8

    best = from_bytes(sample, cp_isolation=_ENCODINGS).best()
    if best is None:
        raise InputError(
            "the file is no UTF-8, and its encoding can't be told; give it: --encoding ISO-8859-1, for example",
            Where(str(path)),
        )
    return best.encoding


def _western(sample: bytes) -> bool:
    """Whether Windows-1252 makes plausible words: no sign inside a word, and most of its letters in ASCII."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    foreign = sum(not letter.isascii() for word in words for letter in word)
    return not _ODD.search(text) and foreign * 3 <= sum(map(len, words))


def detect_delimiter(sample: str, layout: Layout, known: Known) -> str:
    """The candidate that finds most known columns in the first line, or the number of columns that there
    should be; else the one that finds most cells. Where none finds a second cell there is nothing to split at: a
    character that no file has."""
    best: tuple[int, int] = (0, 1)
    found = _STAND_IN
    for delimiter in DELIMITERS:
        lines = sample.splitlines(keepends=True)
        try:
            first = next((row for row in _split(lines, replace(layout, delimiter=delimiter), strict=False) if row), [])
        except csv.Error:
            continue
        right = (
            sum(known(cell.strip()) for cell in first)
            if layout.columns is None
            else int(len(first) == len(layout.columns))
        )
        if len(first) > 1 and (right, len(first)) > best:
            best, found = (right, len(first)), delimiter
    return found


def _split(lines: Iterable[str], layout: Layout, *, strict: bool) -> Reader:
    delimiter = layout.delimiter or ","
    return csv.reader(
        lines,
        delimiter=delimiter if len(delimiter) == 1 else _STAND_IN,
        quotechar=layout.quote or None,
        quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
        strict=strict,
    )


# --- its rows ------------------------------------------------------------------------------------------


def read_cells(
    path: Path, layout: Layout, known: Known, on_bytes: OnBytes
) -> tuple[Columns, Iterator[tuple[int, Cells]]]:
    """The columns of a file, and its rows with the line in which each begins. `known` tells the names of
    columns that are looked for, by which the delimiter is detected."""
    layout = replace(layout, encoding=layout.encoding or detect_encoding(path))
    if layout.delimiter is None:
        if path.suffix.lower() == ".tsv":
            layout = replace(layout, delimiter="\t")
        else:
            with open(path, "rb") as file:
                sample = file.read(_SAMPLE).decode(layout.encoding or "", "replace")
            layout = replace(layout, delimiter=detect_delimiter(sample, layout, known))
    rows = _rows(path, layout, on_bytes)
    if layout.header is False:
        return Columns(layout.columns or (), 1, layout), rows
    line, cells = next(rows, (0, []))
    if not line:
        raise InputError("the file is empty; its first line must name the columns", Where(str(path), 1))
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return Columns(layout.columns or tuple(names), line, layout), rows


def _rows(path: Path, layout: Layout, on_bytes: OnBytes) -> Iterator[tuple[int, Cells]]:
    delimiter = layout.delimiter or ""
    encoding = layout.encoding or ""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    with open_text(path, encoding, on_bytes) as text:
        lines = _lines(text, str(path))
        if many := len(delimiter) > 1:
            lines = (line.replace(_STAND_IN, "").replace(delimiter, _STAND_IN) for line in lines)
        reader = _split(lines, layout, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells and (cells[0].strip() or any(map(str.strip, cells))):
                    if many and layout.quote:
                        cells = [c.replace(_STAND_IN, delimiter) if _STAND_IN in c else c for c in cells]
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(_fault(str(error), layout), Where(str(path), line)) from None
        except UnicodeDecodeError:
            raise undecodable(path, encoding, "give the file's encoding: --encoding ISO-8859-1, for example") from None


def _lines(text: TextIO, file: str) -> Iterator[str]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            encoding = shown_encoding(text.encoding)
            raise InputError(
                f"a line of more than {LONGEST_LINE:,} characters; is this CSV in {encoding}?",
                Where(file, number),
            )
        yield line.replace("\0", "") if "\0" in line else line


def _fault(error: str, layout: Layout) -> str:
    off = f"double it inside a quoted cell, or switch quotes off in the mapping: quote: '' ({error})"
    if "unexpected end" in error or "field larger" in error:
        return f"a {layout.quote} opens a cell that begins in this row and is never closed; {off}"
    if "expected after" in error:
        return f"after the {layout.quote} that closes a cell something else follows; {off}"
    return f"this row is no CSV; {off}"


# --- what its columns mean -----------------------------------------------------------------------------


class CsvReader:
    """Reads the records of one CSV file of a type (None: each row names its own)."""

    def __init__(
        self,
        path: Path,
        rows: RowReader,
        declared: RecordType | None,
        entry: FileEntry | None,
        layout: Layout,
    ) -> None:
        self._path = path
        self._rows = rows
        self._declared = declared
        self._fields = entry.fields if entry else None
        self._filter = dict(entry.where) if entry else {}
        self._joins = entry.joins if entry else ()
        self._layout = layout
        self._plain = [key for key in rows.keys(declared) if key not in ("references", "links")]

    def records(self, on_bytes: OnBytes) -> Iterator[Record]:
        """The records of the file, in its order. Raises InputError with file, line and column."""
        wanted = self._wanted()
        known = wanted.__contains__ if wanted is not None else (lambda name: known_field(name, self._plain))
        columns, rows = read_cells(self._path, self._layout, known, on_bytes)
        fields = self._fields if self._fields is not None else self._own_names(columns)
        plan = _Plan(self._path, columns, fields, lambda key: single_field(key, self._declared, self._rows))
        keep = plan.filter(self._filter)
        joined = [
            (plan.cell(join.matches, join.matches), _joined(self._path.parent / join.file, join, on_bytes))
            for join in self._joins
        ]
        line = 0
        file = str(self._path)
        sources = {key: next(iter(source.columns()), None) for key, source in fields.items()}

        def where(key: str | None) -> Where:
            return Where(file, line, sources.get(key or "") or key)

        for line, cells in rows:
            plan.fit(line, cells)
            if not keep(cells):
                continue
            row = plan.row(cells)
            for matches, table in joined:
                if more := table.get(matches(cells)):
                    _add(row, more)
            yield self._rows.read(self._declared, row, where)

    def _wanted(self) -> set[str] | None:
        if self._fields is None:
            return None
        names = {name for source in self._fields.values() for name in source.columns()}
        return names | set(self._filter) | {join.matches for join in self._joins}

    def _own_names(self, columns: Columns) -> dict[str, Source]:
        fields: dict[str, Source] = {}
        others = {*self._filter, *(join.matches for join in self._joins)}
        for name in columns.names:
            where = Where(str(self._path), columns.line)
            if name in fields:
                raise InputError(f"the column {name!r} stands here twice; remove one", where)
            if not name:
                raise InputError("a column between others has no name; name it or remove it", where)
            if not known_field(name, self._plain):
                if name in others:
                    continue
                fault = unknown_key(name, [*self._plain, *PREFIXED.values()], "unknown column")
                raise InputError(
                    f"{fault}; foreign columns are translated or left out by a mapping file "
                    f"({_written(columns.layout)})",
                    where,
                )
            fields[name] = Source((name,))
        if "id" not in fields:
            raise InputError(
                "there is no column 'id'; every record needs one, or a mapping file that says what is its id "
                f"({_written(columns.layout)})",
                Where(str(self._path), columns.line),
            )
        return fields


def _written(layout: Layout) -> str:
    split = "as one column" if layout.delimiter == _STAND_IN else f"split at {layout.delimiter!r}"
    return f"read as {shown_encoding(layout.encoding or '')}, {split}"


Values = dict[str, "str | list[str] | dict[str, list[str]]"]


class _Plan:
    """How cells become the values of a row, worked out once a file."""

    def __init__(
        self, path: Path, columns: Columns, fields: MappingType[str, Source], single: Callable[[str], bool]
    ) -> None:
        self._path = path
        self._columns = columns
        self._layout = columns.layout
        self._width = len(columns.names)
        self._single: list[tuple[str, Callable[[Cells], str]]] = []
        self._many: list[tuple[str, str, Callable[[Cells], list[str]]]] = []
        for key, source in fields.items():
            group, dot, name = key.partition(".")
            if single(key):
                self._single.append((key, self._one(key, source)))
            else:
                self._many.append((group, name if dot else "", self._several(key, source)))

    def fit(self, line: int, cells: Cells) -> None:
        """Make the row as long as the header: what trailing delimiters add is dropped. Raises InputError."""
        if len(cells) != self._width:
            if len(cells) > self._width and not any(map(str.strip, cells[self._width :])):
                del cells[self._width :]
                return
            names = ", ".join(self._columns.names[:5]) + (", …" if self._width > 5 else "")
            raise InputError(
                f"{_count(len(cells), 'cell')} where {_count(self._width, 'column')} are expected ({names}); "
                f"a cell that holds the delimiter {self._layout.delimiter!r} or a line break must be quoted",
                Where(str(self._path), line),
            )

    def row(self, cells: Cells) -> Values:
        """The values of one row, under our keys."""
        row: Values = {}
        for key, one in self._single:
            if text := one(cells):
                row[key] = text
        for group, name, several in self._many:
            if texts := several(cells):
                if name:
                    inner = row.setdefault(group, {})
                    assert isinstance(inner, dict)
                    inner[name] = texts
                else:
                    row[group] = texts
        return row

    def cell(self, column: str, key: str) -> Callable[[Cells], str]:
        """What reads one column: stripped, and empty where it holds a marker for nothing."""
        if column not in self._columns.names:
            fault = unknown_key(column, self._columns.names, "there is no column")
            if key != column:
                fault = fault.replace(";", f", from which the mapping takes {key};", 1)
            raise InputError(f"{fault} ({_written(self._layout)})", Where(str(self._path), self._columns.line))
        at = self._columns.names.index(column)
        if column in self._columns.names[at + 1 :]:
            raise InputError(
                f"the column {column!r} stands here twice; rename one",
                Where(str(self._path), self._columns.line),
            )
        nulls = self._layout.nulls
        if not nulls:
            return lambda cells: cells[at].strip()
        return lambda cells: "" if (text := cells[at].strip()) in nulls else text

    def filter(self, wanted: MappingType[str, frozenset[str]]) -> Callable[[Cells], bool]:
        """What tells whether a row counts."""
        tests = [(self.cell(column, "where"), values) for column, values in wanted.items()]
        if not tests:
            return lambda cells: True
        return lambda cells: all(cell(cells) in values for cell, values in tests)

    def _part(self, part: str, key: str) -> Callable[[Cells], str]:
        if not is_template(part):
            return self.cell(part, key)
        parts = [(self.cell(text, key) if column else None, text) for column, text in pieces(part)]

        def filled(cells: Cells) -> str:
            found = [(cell(cells) if cell else text, cell is not None) for cell, text in parts]
            if not any(text for text, column in found if column):
                return ""
            return " ".join("".join(text for text, _ in found).split())

        return filled

    def _one(self, key: str, source: Source) -> Callable[[Cells], str]:
        if (constant := source.constant) is not None:
            return lambda cells: constant
        part = self._part(source.parts[0], key)
        if (values := source.values) is None:
            return part
        return lambda cells: values.get(text := part(cells), text)

    def _several(self, key: str, source: Source) -> Callable[[Cells], list[str]]:
        if (constant := source.constant) is not None:
            return lambda cells: [constant] if constant else []
        separator = self._layout.list_separator
        values = source.values or {}
        parts = [
            (self._part(part, key), separator if separator and not is_template(part) else None) for part in source.parts
        ]

        def read(cells: Cells) -> list[str]:
            found = []
            for part, split in parts:
                text = part(cells)
                if not text:
                    continue
                for item in text.split(split) if split and split in text else (text,):
                    if item := item.strip():
                        found.append(values.get(item, item))
            return found

        return read


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- rows that belong to another row -------------------------------------------------------------------

_Entry = tuple[str, str, str]  # a value that belongs to a record: the key, the name after its dot, the text


def _joined(path: Path, join: Join, on_bytes: OnBytes) -> dict[str, list[_Entry]]:
    """The values of a joined file by what its column `by` holds. Equal values are held once."""
    wanted = {join.by, *join.where, *(name for source in join.fields.values() for name in source.columns())}
    columns, rows = read_cells(path, join.layout, wanted.__contains__, on_bytes)
    plan = _Plan(path, columns, join.fields, lambda key: False)
    by = plan.cell(join.by, "by")
    keep = plan.filter(join.where)
    table: dict[str, list[_Entry]] = {}
    once: dict[_Entry, _Entry] = {}
    for line, cells in rows:
        plan.fit(line, cells)
        if not keep(cells) or not (key := by(cells)):
            continue
        for group, value in plan.row(cells).items():
            named = value.items() if isinstance(value, dict) else [("", value)]
            for name, texts in named:
                for text in texts:
                    entry = (group, name, text)
                    table.setdefault(key, []).append(once.setdefault(entry, entry))
    return table


def _add(row: Values, more: Sequence[_Entry]) -> None:
    for group, name, text in more:
        if name:
            inner = row.setdefault(group, {})
            assert isinstance(inner, dict)
            inner.setdefault(name, []).append(text)
        else:
            values = row.setdefault(group, [])
            assert isinstance(values, list)
            values.append(text)
