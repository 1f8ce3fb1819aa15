"""YAML as Beleg's files use it: scalars are read as they are written, and everything knows its line.

`number: 00123` is the text 00123 and `12:30` is no 750; only `null`, `~` and nothing are null. Duplicate keys, which
YAML would let through silently, and aliases, by which a small file can stand for a huge one, are errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from beleg.errors import InputError, Where

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset(("", "~", "null"))
_DEEPEST = 50


class Mapping(dict[str, Any]):
    """A mapping that knows its own line and that of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Sequence(list[Any]):
    """A sequence that knows the line of each item."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def file_documents(path: Path) -> Iterator[Any]:
    """Each document of a YAML file; see `documents`. Raises InputError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(str(path))) from None
    yield from documents(text, str(path))


def documents(text: str | bytes, file: str) -> Iterator[Any]:
    """Each document of a YAML text, as `Mapping`, `Sequence`, text or None. Raises InputError with file and line."""
    try:
        _refuse_traps(text, file)
        for node in yaml.compose_all(text, Loader=_LOADER):
            yield value(node, file)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fault = getattr(error, "problem", None) or str(error).splitlines()[0]
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        raise InputError(f"this is no valid YAML: {fault}", where) from None
    except UnicodeDecodeError as error:
        raise InputError(f"this is no text in UTF-8 ({error.reason})", Where(file)) from None


def _refuse_traps(text: str | bytes, file: str) -> None:
    """Before anything is composed: that goes as deep as the text nests, and would end the process with a deep one."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise InputError("an alias (*name) is not allowed here; write it out", _where(event, file))
        if depth > _DEEPEST:
            raise InputError("nested too deeply", _where(event, file))


def _where(event: yaml.Event, file: str) -> Where:
    return Where(file, event.start_mark.line + 1 if event.start_mark else None)


def value(node: yaml.Node | None, file: str) -> Any:
    """The value of one composed node."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        plain = not node.style  # None from the Python parser, empty from the C one
        return None if plain and node.value in _NULLS else node.value
    if isinstance(node, yaml.SequenceNode):
        items = Sequence(line)
        for child in node.value:
            items.append(value(child, file))
            items.lines.append(child.start_mark.line + 1)
        return items
    found = Mapping(line)
    for key_node, child in node.value:
        key_line = key_node.start_mark.line + 1
        key = value(key_node, file)
        if not isinstance(key, str):
            raise InputError("a key must be a text", Where(file, key_line))
        if key in found:
            raise InputError(f"the key {key!r} stands here twice; remove one", Where(file, key_line))
        found[key] = value(child, file)
        found.lines[key] = key_line
    return found
