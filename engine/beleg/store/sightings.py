"""Which addresses the stored decisions saw, read in batches out of their traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import zstandard
from sqlalchemy import Connection, text


class Sighting(NamedTuple):
    """A message, its thread, and the rule set of its newest decision with the keys of all addresses that its trace
    names; None and none where it was never decided."""

    row: int
    thread: int
    ruleset: str | None
    keys: Sequence[str]


def sightings(connection: Connection, behind: int = 0, limit: int = 500) -> list[Sighting]:
    """Those of the first so many messages behind a row number, in order of it. One round trip."""
    unpack = zstandard.ZstdDecompressor().decompress
    return [
        Sighting(row, thread, ruleset, [seen.key for seen in _decode(unpack(trace)).addresses] if trace else ())
        for row, thread, ruleset, trace in connection.execute(_BEHIND, {"behind": behind, "most": limit})
    ]


class _Address(msgspec.Struct):
    key: str


class _Trace(msgspec.Struct):
    """The part of `beleg.trace.Trace` that is wanted: reading no more of it makes a long mailbox quick."""

    addresses: tuple[_Address, ...] = ()


_decode = msgspec.json.Decoder(_Trace).decode
_BEHIND = text(
    """
    SELECT m.id, m.thread, d.ruleset, d.trace
    FROM message m LEFT JOIN decision d ON d.id = (SELECT max(n.id) FROM decision n WHERE n.message = m.id)
    WHERE m.id > :behind ORDER BY m.id LIMIT :most
    """
)
