"""Records from YAML, one row composed at a time: a million rows need no more memory than one.

Scalars are read as in `beleg.yamltext`: as they are written, and only `null`, `~` and nothing are null.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from beleg.errors import InputError, Where
from beleg.importer.block import Block
from beleg.importer.rows import RowReader
from beleg.importer.source import OnBytes, open_bytes
from beleg.record import Record
from beleg.yamltext import Mapping, Sequence

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset(("", "~", "null"))
_DEEPEST = 50


def read(path: Path, rows: RowReader, on_bytes: OnBytes) -> Iterator[Record]:
    """The records of one file, in its order. Raises InputError with file, line and column."""
    with open_bytes(path, on_bytes) as stream:
        loader = _LOADER(stream)
        try:
            yield from _File(path, rows, iter(loader.get_event, None)).records()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Where(str(path), mark.line + 1, mark.column + 1) if mark else Where(str(path))
            raise InputError(f"this is no valid YAML: {error.problem or error.context}", where) from None
        except yaml.reader.ReaderError as error:
            fault = f"this is no text that YAML allows ({error.reason}); save the file as UTF-8"
            raise InputError(fault, Where(str(path), _line_at(path, error.position))) from None
        finally:
            loader.dispose()


def _line_at(path: Path, position: int) -> int:
    with open(path, "rb") as file:
        return file.read(position).count(b"\n") + 1


def _mark(event: yaml.Event) -> Any:
    return event.start_mark  # the stubs allow None, the parser gives none without


class _File:
    """One file as its parser's events, read in order."""

    def __init__(self, path: Path, rows: RowReader, events: Iterator[yaml.Event]) -> None:
        self._name = str(path)
        self._rows = rows
        self._events = events

    def records(self) -> Iterator[Record]:
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            block = Block(self._rows)
            for key, where in self._members("the file"):
                if block.wraps(key, where):
                    for inner, inner_at in self._members("'erp'"):
                        yield from self._list(inner, inner_at, block)
                else:
                    yield from self._list(key, where, block)

    def _list(self, plural: str, key_at: Where, block: Block) -> Iterator[Record]:
        declared = block.type_of(plural, key_at)
        event = next(self._events)
        if self._null(event):
            return
        if not isinstance(event, yaml.SequenceStartEvent):
            raise InputError(f"{plural} must be a list", self._at(event))
        self._plain(event)
        for item in self._events:
            if isinstance(item, yaml.SequenceEndEvent):
                return
            row = self._value(item, 0)
            line = _mark(item).line + 1

            def where(key: str | None, row: Any = row, line: int = line) -> Where:
                lines = row.lines if isinstance(row, Mapping) else {}
                return Where(self._name, lines.get(key or "", line))

            yield self._rows.read(declared, row, where)

    def _members(self, what: str) -> Iterator[tuple[str, Where]]:
        """The keys of the mapping that comes next; the caller reads each value."""
        event = next(self._events)
        if self._null(event):
            return
        if not isinstance(event, yaml.MappingStartEvent):
            raise InputError(f"{what} must be a mapping, such as orders: [...]", self._at(event))
        self._plain(event)
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                return
            yield self._key(event), self._at(event)

    def _key(self, event: Any) -> str:
        if event.__class__ is not yaml.ScalarEvent or (not event.style and event.value in _NULLS):
            raise InputError("a key must be a text", self._at(event))
        self._plain(event)
        return str(event.value)

    def _null(self, event: yaml.Event) -> bool:
        return isinstance(event, yaml.ScalarEvent) and not event.style and event.value in _NULLS

    def _value(self, event: Any, depth: int) -> Any:
        if event.__class__ is yaml.ScalarEvent and event.anchor is None and event.tag is None:
            return None if not event.style and event.value in _NULLS else event.value
        self._plain(event)
        line = _mark(event).line + 1
        if depth > _DEEPEST:
            raise InputError("nested too deeply", self._at(event))
        if isinstance(event, yaml.SequenceStartEvent):
            items = Sequence(line)
            for item in self._events:
                if isinstance(item, yaml.SequenceEndEvent):
                    break
                items.append(self._value(item, depth + 1))
                items.lines.append(_mark(item).line + 1)
            return items
        found = Mapping(line)
        for key_event in self._events:
            if isinstance(key_event, yaml.MappingEndEvent):
                break
            key = self._key(key_event)
            if key in found:
                raise InputError(f"the key {key!r} stands here twice; remove one", self._at(key_event))
            found[key] = self._value(next(self._events), depth + 1)
            found.lines[key] = _mark(key_event).line + 1
        return found

    def _plain(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise InputError("anchors (&) and aliases (*) are not read here; write the value out", self._at(event))
        if event.tag is not None:
            raise InputError(f"the tag {event.tag!r} is not read here; remove it", self._at(event))

    def _at(self, event: yaml.Event) -> Where:
        return Where(self._name, _mark(event).line + 1, _mark(event).column + 1)
