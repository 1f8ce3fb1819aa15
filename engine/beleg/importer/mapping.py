"""The mapping file: files, columns and values of a foreign CSV export in Beleg's words (docs/import.md)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from beleg.errors import InputError, Where, unknown_key
from beleg.importer.rows import RowReader
from beleg.record import RecordType
from beleg.yamltext import Mapping as Keys
from beleg.yamltext import Sequence as Items
from beleg.yamltext import documents

LAYOUT = ("delimiter", "encoding", "quote", "list_separator", "nulls", "header", "columns")
ENTRY = ("type", *LAYOUT, "fields", "where", "join")
JOIN = ("by", "matches", *LAYOUT, "fields", "where")
SOURCE = ("column", "value", "values")
SINGLE = ("id", "number", "name", "status", "type")
PREFIXED = {"references.": "references.KIND", "links.": "links.ROLE"}
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV file is written. None: to be detected (delimiter, encoding) or read from it (columns)."""

    delimiter: str | None = None
    encoding: str | None = None
    quote: str = '"'
    list_separator: str = "|"
    nulls: frozenset[str] = frozenset()
    header: bool | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one of our keys come from: columns, templates with `{Column}`, or one constant;
    `values` translates what is found."""

    parts: tuple[str, ...] = ()
    constant: str | None = None
    values: MappingType[str, str] | None = None

    def columns(self) -> list[str]:
        """Every column that is read."""
        return [name for part in self.parts for name in (_PLACEHOLDER.findall(part) or [part])]


@dataclass(frozen=True, slots=True)
class Join:
    """Another file whose rows belong to this one's: those whose column `by` holds what `matches` holds."""

    file: str
    layout: Layout
    by: str
    matches: str
    fields: MappingType[str, Source]
    where: MappingType[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What the mapping says of the files of one name or pattern."""

    pattern: str
    plural: str | None
    layout: Layout
    fields: MappingType[str, Source] | None
    where: MappingType[str, frozenset[str]]
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A mapping file."""

    file: str
    entries: tuple[FileEntry, ...]

    def entry(self, path: Path) -> FileEntry | None:
        """What it says of a file: by its name, or by the first pattern (`orders-*.csv`) that fits."""
        by_name = (entry for entry in self.entries if entry.pattern == path.name)
        by_pattern = (entry for entry in self.entries if fnmatchcase(path.name, entry.pattern))
        return next(by_name, None) or next(by_pattern, None)

    def joined_by(self, path: Path) -> FileEntry | None:
        """The files in which this one is joined."""
        return next((each for each in self.entries for join in each.joins if join.file == path.name), None)


def plural_of(name: str, rows: RowReader, types: MappingType[str, RecordType]) -> str | None:
    """The key of the import format for a type's name or plural (`order`, `orders`), or None."""
    if name in rows.plurals():
        return name
    return types[name].plural if name in types else None


def type_names(rows: RowReader) -> str:
    """The types as an error lists them."""
    return ", ".join(rows.plurals())


def pieces(template: str) -> list[tuple[bool, str]]:
    """A template as (is a column, text) pieces."""
    found = []
    for number, text in enumerate(_PLACEHOLDER.split(template)):
        if text:
            found.append((number % 2 == 1, text))
    return found


def is_template(part: str) -> bool:
    """Whether a source is a text with `{Column}` in it, not the name of a column."""
    return _PLACEHOLDER.search(part) is not None


def check_delimiter(delimiter: str) -> str:
    """A delimiter as it is meant: `tab` and `\\t` are the tab. Raises ValueError."""
    meant = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if not meant or any(letter in '"\r\n\0' for letter in meant):
        raise ValueError(f"{delimiter!r} can't be a delimiter; write one or more characters, such as ; or |+| or tab")
    return meant


def check_encoding(encoding: str) -> str:
    """An encoding that Python reads text in. Raises ValueError."""
    try:
        codec = codecs.lookup(encoding)
        "".encode(encoding)  # refuses what is no text encoding
    except (LookupError, ValueError):
        raise ValueError(f"unknown encoding {encoding!r}; write for example UTF-8, ISO-8859-1 or cp1252") from None
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def read_mapping(path: Path, types: MappingType[str, RecordType]) -> ImportMapping:
    """Read a mapping file. Raises InputError with file and line."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"the mapping can't be read: {error.strerror}", Where(str(path))) from None
    found = list(documents(text, str(path)))
    return _Loader(str(path), types).mapping(found[0] if len(found) == 1 else None)


class _Loader:
    """Reads one mapping; every error names the file and the line."""

    def __init__(self, file: str, types: MappingType[str, RecordType]) -> None:
        self._file = file
        self._types = types
        self._rows = RowReader(types)

    def mapping(self, document: Any) -> ImportMapping:
        top = self._keys(document, ("defaults", "files"), 1, "a mapping file")
        defaults = Layout()
        if top.get("defaults") is not None:
            part = self._keys(top["defaults"], LAYOUT, top.lines["defaults"], "defaults")
            defaults = self._layout(part, defaults)
        files = self._keys(top.get("files"), None, top.lines.get("files", 1), "files")
        return ImportMapping(
            self._file, tuple(self._entry(name, files[name], files.lines[name], defaults) for name in files)
        )

    def _entry(self, pattern: str, value: Any, line: int, defaults: Layout) -> FileEntry:
        entry = self._keys(value, ENTRY, line, pattern)
        plural = None
        declared = None
        if (name := self._text(entry, "type")) is not None:
            plural = plural_of(name, self._rows, self._types)
            if plural is None:
                raise self._error(f"{name!r} is no type; write one of {type_names(self._rows)}", entry, "type")
            declared = self._rows.type_of(plural)
        layout = self._layout(entry, defaults)
        self._header(entry, layout)
        fields = None
        if entry.get("fields") is not None:
            if plural is None:
                raise self._error("fields need a type; say which: type: order, for example", entry, "fields")
            fields = self._fields(entry, self._rows.keys(declared), declared, layout)
            for key in ("id",) if declared else ("id", "type"):
                if key not in fields:
                    raise self._error(f"the fields have no {key!r}; every record needs one", entry, "fields")
        joins = []
        if entry.get("join") is not None:
            if plural is None:
                raise self._error("a join needs a type; say which: type: order, for example", entry, "join")
            part = self._keys(entry["join"], None, entry.lines["join"], "join")
            joins = [self._join(file, part[file], part.lines[file], defaults, layout, declared) for file in part]
        return FileEntry(pattern, plural, layout, fields, self._where(entry, layout), tuple(joins))

    def _join(
        self, file: str, value: Any, line: int, defaults: Layout, owner: Layout, declared: RecordType | None
    ) -> Join:
        join = self._keys(value, JOIN, line, file)
        by = self._text(join, "by")
        if by is None:
            raise InputError(f"say by which column of {file} its rows belong to a record: by: COLUMN", self._at(line))
        matches = self._text(join, "matches") or by
        layout = self._layout(join, defaults)
        self._header(join, layout)
        if layout.columns is not None:
            self._known(by, layout.columns, join, "by")
        if owner.columns is not None:
            self._known(matches, owner.columns, join, "matches" if "matches" in join else "by")
        keys = [key for key in self._rows.keys(declared) if key not in SINGLE]
        if not join.get("fields"):
            raise InputError(f"say what to take from {file}: fields: {{articles: COLUMN}}, for example", self._at(line))
        single = [key for key in keys if key in (declared.links or {} if declared else ())]
        fields = self._fields(join, [key for key in keys if key not in single], declared, layout)
        return Join(file, layout, by, matches, fields, self._where(join, layout))

    # --- how a file is written --------------------------------------------------------------------------

    def _layout(self, part: Keys, base: Layout) -> Layout:
        found: dict[str, Any] = {}
        for key, check in (("delimiter", check_delimiter), ("encoding", check_encoding)):
            text = self._text(part, key, strip=False)
            if text is not None:
                try:
                    found[key] = check(text)
                except ValueError as error:
                    raise self._error(str(error), part, key) from None
        if "quote" in part:
            quote = self._text(part, "quote") or ""
            if len(quote) > 1:
                raise self._error("quote is one character, or '' where nothing is quoted", part, "quote")
            found["quote"] = quote
        if "list_separator" in part:
            found["list_separator"] = self._text(part, "list_separator", strip=False) or ""
        if "nulls" in part:
            found["nulls"] = frozenset(text.strip() for text in self._texts(part, "nulls"))
        if (header := self._text(part, "header")) is not None:
            if header not in ("true", "false"):
                raise self._error("header is true or false", part, "header")
            found["header"] = header == "true"
        if part.get("columns") is not None:
            columns = tuple(text.strip() for text in self._texts(part, "columns"))
            if twice := next((name for at, name in enumerate(columns) if name in columns[:at]), None):
                raise self._error(f"the column {twice!r} stands here twice", part, "columns")
            found["columns"] = columns
        return replace(base, **found)

    def _header(self, part: Keys, layout: Layout) -> None:
        if layout.columns is not None and layout.header is None:
            raise self._error(
                "with columns, say whether the file begins with a line of column names too: header: false "
                "(the first line is a record) or header: true (it is passed over)",
                part,
                "columns",
            )
        if layout.header is False and layout.columns is None:
            raise self._error(
                "a file without a header line needs its columns: columns: [FIRST, SECOND, …]", part, "header"
            )

    # --- what its columns mean --------------------------------------------------------------------------

    def _fields(self, owner: Keys, keys: list[str], declared: RecordType | None, layout: Layout) -> dict[str, Source]:
        part = self._keys(owner["fields"], None, owner.lines["fields"], "fields")
        plain = [key for key in keys if key not in ("references", "links")]
        found = {}
        for key in part:
            if not known_field(key, plain):
                raise self._error(unknown_key(key, [*plain, *PREFIXED.values()]), part, key)
            source = self._source(part, key)
            if single_field(key, declared, self._rows) and len(source.parts) > 1:
                raise self._error(f"{key} takes one column, or one template such as '{{A}} {{B}}'", part, key)
            if layout.columns is not None:
                for column in source.columns():
                    self._known(column, layout.columns, part, key)
            found[key] = source
        return found

    def _source(self, part: Keys, key: str) -> Source:
        value = part[key]
        if isinstance(value, str | Items):
            return Source(tuple(self._texts(part, key)))
        if not isinstance(value, Keys):
            raise self._error(f"{key} needs a column", part, key)
        self._keys(value, SOURCE, value.line, key)
        if ("value" in value) == ("column" in value):
            raise self._error(f"{key} is either column: COLUMN or value: TEXT", part, key)
        if "value" in value:
            if "values" in value:
                raise self._error("values translate what a column holds; beside value they mean nothing", part, key)
            return Source(constant=self._text(value, "value") or "")
        values = None
        if value.get("values") is not None:
            table = self._keys(value["values"], None, value.lines["values"], "values")
            values = {name.strip(): self._text(table, name) or "" for name in table}
        return Source(tuple(self._texts(value, "column")), values=values)

    def _where(self, owner: Keys, layout: Layout) -> dict[str, frozenset[str]]:
        if owner.get("where") is None:
            return {}
        part = self._keys(owner["where"], None, owner.lines["where"], "where")
        for column in part if layout.columns is not None else ():
            self._known(column, layout.columns or (), part, column)
        return {column: frozenset(text.strip() for text in self._texts(part, column)) for column in part}

    def _known(self, column: str, columns: tuple[str, ...], part: Keys, key: str) -> None:
        if column not in columns:
            fault = unknown_key(column, columns, "there is no column")
            raise self._error(fault, part, key)

    # --- shapes -----------------------------------------------------------------------------------------

    def _keys(self, value: Any, known: tuple[str, ...] | None, line: int, what: str) -> Keys:
        if not isinstance(value, Keys) or not value:
            hint = f" with {', '.join(known)}" if known else ""
            raise InputError(f"{what} must be a mapping{hint}", self._at(line))
        for key in value:
            if known is not None and key not in known:
                raise self._error(unknown_key(key, known), value, key)
        return value

    def _text(self, part: Keys, key: str, *, strip: bool = True) -> str | None:
        value = part.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._error(f"{key} must be one text", part, key)
        return value.strip() if strip else value

    def _texts(self, part: Keys, key: str) -> Iterator[str]:
        value = part.get(key)
        for item in value if isinstance(value, Items) else [value]:
            if not isinstance(item, str):
                raise self._error(f"{key} must be a text or a list of texts (NULL, ~ and nothing in quotes)", part, key)
            yield item

    def _error(self, fault: str, part: Keys, key: str) -> InputError:
        return InputError(fault, self._at(part.lines.get(key, part.line)))

    def _at(self, line: int) -> Where:
        return Where(self._file, line)


def known_field(key: str, plain: list[str]) -> bool:
    """Whether a column or a field may be called so: one of our keys, `references.KIND` or `links.ROLE`."""
    return key in plain or any(key.startswith(prefix) and key != prefix for prefix in PREFIXED)


def single_field(key: str, declared: RecordType | None, rows: RowReader) -> bool:
    """Whether the key holds one text, not several."""
    return key not in ("addresses", *rows.lists(declared)) and "." not in key
