"""Fields of GREYHOUND's objects: read one by one, whatever is missing, unknown or of another type; and written.

Empty and zero values are left out over JSON, so a field that is missing is one of those. A field of a wrong type is
none at all: what it stands for is left out of what Beleg gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]
_LARGEST = 2**63


def text(record: Any, name: str) -> str:
    """A text; empty where it is missing or of another type."""
    found = record.get(name) if isinstance(record, dict) else None
    return found.replace("\0", "") if isinstance(found, str) else ""


def number(record: Any, name: str, missing: int | None = 0) -> int | None:
    """A whole number, as one or written in digits; `missing` where it is missing, None where it is of another type."""
    found = record.get(name) if isinstance(record, dict) else None
    if found is None:
        return missing
    if isinstance(found, str) and len(found) < 20 and found.strip().lstrip("-").isascii():
        found = int(found) if found.strip().lstrip("-").isdigit() and found.count("-") < 2 else None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST else None


def flag(record: Record, name: str) -> bool | None:
    """Yes or no, or a number that is zero or not; None where it is of another type."""
    found = record.get(name)
    if found is None or isinstance(found, bool):
        return bool(found)
    counted = number(record, name, 0)
    return None if counted is None else bool(counted)


def records(found: Any) -> list[Record]:
    """The objects of a list; what else is in it is passed over."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def ids(record: Record, name: str) -> list[int]:
    """The ids of a list of references."""
    found = record.get(name)
    numbers = [number({"ID": each}, "ID", None) for each in found] if isinstance(found, list) else []
    return [each for each in numbers if each and each > 0]


def id_of(record: Record, name: str = "ID") -> int:
    """A reference; 0 where there is none."""
    found = number(record, name, 0)
    return found if found and found > 0 else 0


def one_of(values: Mapping[int, str], record: Record, name: str) -> str | None:
    """What a number stands for; None where it stands for nothing."""
    found = number(record, name, 0)
    return None if found is None else values.get(found)


def number_for(values: Mapping[int, str], meaning: str) -> int | None:
    """The number that stands for something."""
    return next((number for number, means in values.items() if means == meaning), None)
