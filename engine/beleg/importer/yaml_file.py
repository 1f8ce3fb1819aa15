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
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_DEEPEST = 50


def read(path: Path, rows: RowReader, on_bytes: OnBytes) -> Iterator[Record]:
    """The records of one file, in its order. Raises InputError with file, line and column."""
    with open_bytes(path, on_bytes) as stream:
        try:
            yield from _File(path, rows, yaml.parse(stream, Loader=_LOADER)).records()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Where(str(path), mark.line + 1, mark.column + 1) if mark else Where(str(path))
            raise InputError(f"this is no valid YAML: {error.problem or error.context}", where) from None
        except yaml.reader.ReaderError as error:
            fault = f"this is no text that YAML allows ({error.reason}); save the file as UTF-8"
            raise InputError(fault, Where(str(path), _line_at(path, error.position))) from None


def _line_at(path: Path, position: int) -> int:
    with open(path, "rb") as file:
        return file.read(position).count(b"\n") + 1


class _File:
    """One file as its parser's events, read in order."""

    def __init__(self, path: Path, rows: RowReader, events: Iterator[yaml.Event]) -> None:
        self._name = str(path)
        self._rows = rows
        self._events = events

    def records(self) -> Iterator[Record]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                block = Block(self._rows)
                yield from self._block(next(self._events), block)

    def _block(self, event: yaml.Event, block: Block) -> Iterator[Record]:
        if self._null(event):
            return
        if not isinstance(event, yaml.MappingStartEvent):
            raise InputError("the file must be a mapping, such as orders: [...]", self._at(event))
        self._plain(event)
        for key, where in self._keys():
            if not block.wrapped and block.wraps(key, where):
                inner = next(self._events)
                yield from self._block_inside(inner, block)
            elif block.wrapped:
                block.wraps(key, where)
            else:
                yield from self._list(key, where, block)

    def _block_inside(self, event: yaml.Event, block: Block) -> Iterator[Record]:
        if self._null(event):
            return
        if not isinstance(event, yaml.MappingStartEvent):
            raise InputError("'erp' must be a mapping, such as orders: [...]", self._at(event))
        self._plain(event)
        for key, where in self._keys():
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
            line = item.start_mark.line + 1

            def where(key: str | None, row: Any = row, line: int = line) -> Where:
                lines = row.lines if isinstance(row, Mapping) else {}
                return Where(self._name, lines.get(key or "", line))

            yield self._rows.read(declared, row, where)

    def _keys(self) -> Iterator[tuple[str, Where]]:
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                return
            yield self._key(event), self._at(event)

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or self._null(event):
            raise InputError("a key must be a text", self._at(event))
        self._plain(event)
        return str(event.value)

    def _null(self, event: yaml.Event) -> bool:
        return isinstance(event, yaml.ScalarEvent) and not event.style and event.value in _NULLS

    def _value(self, event: yaml.Event, depth: int) -> Any:
        self._plain(event)
        if isinstance(event, yaml.ScalarEvent):
            return None if not event.style and event.value in _NULLS else event.value
        line = event.start_mark.line + 1
        if depth > _DEEPEST:
            raise InputError("nested too deeply", self._at(event))
        if isinstance(event, yaml.SequenceStartEvent):
            items = Sequence(line)
            for item in self._events:
                if isinstance(item, yaml.SequenceEndEvent):
                    break
                items.append(self._value(item, depth + 1))
                items.lines.append(item.start_mark.line + 1)
            return items
        found = Mapping(line)
        for key_event in self._events:
            if isinstance(key_event, yaml.MappingEndEvent):
                break
            key = self._key(key_event)
            if key in found:
                raise InputError(f"the key {key!r} stands here twice; remove one", self._at(key_event))
            found[key] = self._value(next(self._events), depth + 1)
            found.lines[key] = key_event.start_mark.line + 1
        return found

    def _plain(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise InputError("anchors (&) and aliases (*) are not read here; write the value out", self._at(event))
        if event.tag is not None:
            raise InputError(f"the tag {event.tag!r} is not read here; remove it", self._at(event))

    def _at(self, event: yaml.Event) -> Where:
        return Where(self._name, event.start_mark.line + 1, event.start_mark.column + 1)
