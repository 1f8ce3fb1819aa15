"""The list of equivalent mutants: those that no mail can tell from the rules as they are, each with the reason.

- mutant: "document.address/reference: candidates > 1 → candidates > 0"
  reason: one candidate is decided by unique, the rule before
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from beleg import yamltext
from beleg.errors import InputError, Where, unknown_key

KEYS = ("mutant", "reason")


class Equivalence(NamedTuple):
    """One entry of the list, and where it stands."""

    mutant: str
    reason: str
    where: Where


def read(path: Path) -> list[Equivalence]:
    """The entries of a list. Raises InputError that names file and line."""
    found: dict[str, Equivalence] = {}
    for document in yamltext.file_documents(path):
        if document is None:
            continue
        if not isinstance(document, yamltext.Sequence):
            raise InputError("a list of equivalent mutants is a list of {mutant: …, reason: …}", Where(str(path), 1))
        for item, line in zip(document, document.lines, strict=True):
            entry = _entry(item, Where(str(path), line))
            if other := found.get(entry.mutant):
                raise InputError(f"{entry.mutant!r} stands in line {other.where.line} already", entry.where)
            found[entry.mutant] = entry
    return list(found.values())


def _entry(item: object, where: Where) -> Equivalence:
    if not isinstance(item, yamltext.Mapping):
        raise InputError("an equivalent mutant is written {mutant: …, reason: …}", where)
    for key in item:
        if key not in KEYS:
            raise InputError(unknown_key(key, KEYS), Where(where.file, item.lines[key]))
    texts = []
    for key in KEYS:
        value = item.get(key)
        if not isinstance(value, str) or not value.strip():
            raise InputError(
                f"{key} must be a text that is not empty", Where(where.file, item.lines.get(key, where.line))
            )
        texts.append(value)
    return Equivalence(texts[0], texts[1], where)
