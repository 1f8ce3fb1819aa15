"""Records from JSON, one row decoded at a time: a million rows need no more memory than a few.

Numbers are taken as they are written (`1.50` stays 1.50; `00123` is no JSON and has to be a text); a key that
stands twice in an object is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from beleg.errors import InputError, Where
from beleg.importer.block import Block
from beleg.importer.rows import RowReader
from beleg.importer.source import CHUNK, OnBytes, open_text, undecodable
from beleg.record import Record

LONGEST_ROW = 1 << 24
_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_NEAR_END = 16


class _TwiceError(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON", "", 0)


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_constant
).raw_decode


def read(path: Path, rows: RowReader, on_bytes: OnBytes) -> Iterator[Record]:
    """The records of one file, in its order. Raises InputError with file, line and column."""
    with open_text(path, "utf-8-sig", on_bytes) as text:
        try:
            yield from _block(_Text(text, str(path)), rows)
        except UnicodeDecodeError:
            raise undecodable(path, "utf-8", "save the file as UTF-8") from None


def _block(text: _Text, rows: RowReader) -> Iterator[Record]:
    if text.peek() == "":
        return
    block = Block(rows)
    for key, where in text.members("the file"):
        if block.wraps(key, where):
            for inner, inner_at in text.members("'erp'"):
                yield from _list(text, inner, inner_at, block, rows)
        else:
            yield from _list(text, key, where, block, rows)
    if text.peek():
        raise text.fault("after the end of the object nothing more may stand")


def _list(text: _Text, plural: str, where: Where, block: Block, rows: RowReader) -> Iterator[Record]:
    declared = block.type_of(plural, where)
    if text.null():
        return
    if text.peek() != "[":
        raise text.fault(f"{plural} must be a list")
    for _ in text.items("]"):
        row, place = text.value()
        yield rows.read(declared, row, place)


class _Text:
    """A JSON text of which only the part around the position is in memory."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._part = ""
        self._at = 0
        self._ended = False
        self._line = 1
        self._line_start = 0  # of the current line, in characters from the beginning of `_part`; may be negative

    def where(self) -> Where:
        return Where(self._name, self._line, self._at - self._line_start + 1)

    def fault(self, text: str) -> InputError:
        return InputError(text, self.where())

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._part, self._at)
            self._go(match.end() if match else self._at)
            if self._at < len(self._part):
                return self._part[self._at]
            if not self._more():
                return ""

    def null(self) -> bool:
        """Whether a null stands here; it is read."""
        if self.peek() != "n":
            return False
        value, _ = self.value()
        return value is None

    def members(self, what: str) -> Iterator[tuple[str, Where]]:
        """The keys of the object that begins here; the caller reads each value."""
        if self.null():
            return
        if self.peek() != "{":
            raise self.fault(f'{what} must be an object, such as {{"orders": [...]}}')
        for _ in self.items("}"):
            if self.peek() != '"':
                raise self.fault("this is no valid JSON: expecting a key in double quotes")
            where = self.where()
            key, _ = self.value()
            if self.peek() != ":":
                raise self.fault("this is no valid JSON: expecting ':' after the key")
            self._go(self._at + 1)
            yield key, where

    def items(self, end: str) -> Iterator[None]:
        """Stops before each item of the list or object that begins here; the caller reads it."""
        self._go(self._at + 1)
        if self.peek() == end:
            self._go(self._at + 1)
            return
        while True:
            self.peek()
            yield
            mark = self.peek()
            if mark not in (",", end) or not mark:
                raise self.fault(f"this is no valid JSON: expecting ',' or {end!r}")
            self._go(self._at + 1)
            if mark == end:
                return

    def value(self) -> tuple[Any, _Place]:
        """The value that begins here, and what tells the places in it."""
        self.peek()
        while True:
            place = _Place(self._part, self._at, self._name, self._line, self._line_start)
            try:
                value, end = _decode(self._part, self._at)
            except _TwiceError:
                raise place.twice() from None
            except RecursionError:
                raise self.fault("nested too deeply") from None
            except json.JSONDecodeError as error:
                # At the end of what is in memory, or in a text open there, only the rest may be missing.
                open_end = error.pos + _NEAR_END > len(self._part) or error.msg.startswith("Unterminated")
                if open_end and len(self._part) - self._at < LONGEST_ROW and self._more():
                    continue
                raise place.invalid(error) from None
            if end == len(self._part) and self._more():
                continue  # a number may go on
            self._go(end)
            return value, place

    def _go(self, to: int) -> None:
        lines = self._part.count("\n", self._at, to)
        if lines:
            self._line += lines
            self._line_start = self._part.rfind("\n", self._at, to) + 1
        self._at = to

    def _more(self) -> bool:
        if self._ended:
            return False
        rest = self._part[self._at :]
        more = self._stream.read(max(CHUNK, len(rest)))
        self._ended = not more
        self._line_start -= self._at
        self._part = rest + more
        self._at = 0
        return not self._ended


class _Place:
    """Where a value and its keys stand; the text is searched only when someone asks."""

    def __init__(self, part: str, at: int, name: str, line: int, line_start: int) -> None:
        self._part = part
        self._at = at
        self._name = name
        self._line = line
        self._line_start = line_start

    def __call__(self, key: str | None) -> Where:
        """The place of a key of this object (None: of the object)."""
        if key is not None:
            for at, found, owner, _ in self._keys():
                if found == key and owner == 1:
                    return self._where(at)
        return self._where(self._at)

    def twice(self) -> InputError:
        """The error for the first key that stands twice."""
        for at, key, _, again in self._keys():
            if again:
                return InputError(f"the key {key!r} stands here twice; remove one", self._where(at))
        return InputError("a key stands here twice; remove one", self._where(self._at))

    def invalid(self, error: json.JSONDecodeError) -> InputError:
        """The error for JSON that is none."""
        text = f"this is no valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        if not error.doc:  # from `_constant`
            return InputError(f"{error.msg}; write a number or a text", self._where(self._at))
        return InputError(text, self._where(error.pos))

    def _where(self, at: int) -> Where:
        lines = self._part.count("\n", self._at, at)
        start = self._part.rfind("\n", self._at, at) + 1 if lines else self._line_start
        return Where(self._name, self._line + lines, at - start + 1)

    def _keys(self) -> Iterator[tuple[int, str, int, bool]]:
        """Each key in order: where it stands, the key, how deep, whether it stood in its object already."""
        levels: list[set[str]] = []
        last: re.Match[str] | None = None
        for token in _TOKEN.finditer(self._part, self._at):
            mark = token.group()
            if mark in ("{", "["):
                levels.append(set())
            elif mark in ("}", "]"):
                levels.pop()
            elif mark == ":" and last and levels:
                key = json.loads(last.group())
                yield last.start(), key, len(levels), key in levels[-1]
                levels[-1].add(key)
            if not levels:
                return
            last = token if mark[0] == '"' else None
