"""Pages of messages: in order of date, and from where another page ends, however long the list is."""

from __future__ import annotations

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from beleg.errors import InputError
from beleg.store.tables import NO_DATE

LONGEST = 200
"""How many rows a page may have."""
Row = TypeVar("Row")
Other = TypeVar("Other")


class Position(NamedTuple):
    """The place of a message in the order of all: by date, then by row number."""

    date: int
    row: int


class Place(NamedTuple):
    """Where a page begins: behind this message, towards the older ones or the newer ones."""

    position: Position
    older: bool


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list; `after` is the cursor of the page behind, `before` that of the one ahead; None where there
    is none."""

    rows: tuple[Row, ...]
    before: str | None = None
    after: str | None = None

    def of(self, rows: Sequence[Other]) -> Page[Other]:
        """The page with other rows in the place of these."""
        return Page(tuple(rows), self.before, self.after)


def page(
    read: Callable[[Place, int], Sequence[Position]], cursor: str | None, limit: int, *, newest_first: bool = True
) -> Page[Position]:
    """The page at a cursor, the first one without. `read` gives the first so many positions from a place on. Raises
    InputError."""
    if not 1 <= limit <= LONGEST:
        raise InputError(f"a page has 1 to {LONGEST} rows, not {limit}")
    place = decode(cursor) if cursor is not None else Place(FIRST if newest_first else LAST, newest_first)
    found = list(read(place, limit + 1))
    more, found = len(found) > limit, found[:limit]
    onwards = place.older == newest_first  # the way in which the list is read
    if not onwards:
        found.reverse()
    back, on = (cursor is not None, more) if onwards else (more, cursor is not None)
    if not found:
        return Page(())
    return Page(
        tuple(found),
        encode(Place(found[0], not newest_first)) if back else None,
        encode(Place(found[-1], newest_first)) if on else None,
    )


_CURSOR = struct.Struct(">?qq")
FIRST = Position(NO_DATE, 2**62)
LAST = Position(-(2**62), 0)


def encode(place: Place) -> str:
    """A cursor: a place, as text for an address."""
    return urlsafe_b64encode(_CURSOR.pack(place.older, *place.position)).decode().rstrip("=")


def decode(cursor: str) -> Place:
    """Read a cursor. Raises InputError where it is none."""
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        older, date, row = _CURSOR.unpack(packed)
    except (UnicodeEncodeError, binascii.Error, struct.error, ValueError):
        raise InputError(f"{cursor[:60]!r} is no cursor of a page; begin without one") from None
    found = Place(Position(date, row), older)
    if encode(found) != cursor:
        raise InputError(f"{cursor[:60]!r} is no cursor of a page; begin without one")
    return found


def keyset(place: Place) -> tuple[str, str, dict[str, Any]]:
    """A place as SQL, for columns `date` and `id`: its condition, its order, and its parameters."""
    sign, order = ("<", "DESC") if place.older else (">", "ASC")
    return (
        f"(date, id) {sign} (:from_date, :from_id)",
        f"date {order}, id {order}",
        {"from_date": place.position.date, "from_id": place.position.row},
    )
