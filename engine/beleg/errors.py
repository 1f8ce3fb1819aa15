"""Errors that are for people: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: its name, and line and column from 1 where they are known."""

    file: str
    line: int | None = None
    column: str | int | None = None

    def __str__(self) -> str:
        text = self.file
        if self.line is not None:
            text += f", line {self.line}"
        if self.column is not None:
            text += f", column {self.column}"
        return text


class Told(Exception):
    """An error that is told to people. Where a page says it in their language, it is raised with the `message` of the
    catalogues, `%(name)s` in place of each of its `values` (a number is written as the language does); the text of the
    error is the English one."""

    def __init__(self, message: str, /, **values: object) -> None:
        self.message = message
        self.values = values
        said = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        super().__init__(message % said if said else message)


class InputError(Told):
    """A file or an argument can't be used as it is. The text names the place, the fault and the remedy."""

    def __init__(self, fault: str, where: Where | None = None, /, **values: object) -> None:
        super().__init__(fault, **values)
        self.where = where
        if where:
            self.args = (f"{where}: {self}",)


class NotFound(Told):
    """What was named (a message, a record, a user) does not exist, or the name is not unique."""


def unknown_key(key: str, known: Iterable[str], fault: str = "unknown key") -> str:
    """`unknown key 'adresses'; did you mean 'addresses'?`, or what is allowed. `fault` says what is wrong with it."""
    known = list(known)
    near = get_close_matches(key, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return f"{fault} {key!r}; {hint}"
