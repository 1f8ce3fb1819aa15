"""The tie between a message and a record, and what the steps see of the messages around the one they decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import msgspec

from beleg.record import RecordRef

Origin = Literal["automatic", "inherited", "derived", "manual"]
ORIGINS: tuple[Origin, ...] = ("automatic", "inherited", "derived", "manual")

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Removal:
    """A person took an assignment away: who, and when (as the person's system wrote it)."""

    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """One record on one message. `source` names what it follows from: for `derived` a record (`order:O-81`),
    for `inherited` a message (its Message-ID, or `sha256:…` where it has none). It stands unless it was removed."""

    record: RecordRef
    origin: Origin
    source: str | None = None
    removed: Removal | None = None
    clause: str | None = None

    @property
    def stands(self) -> bool:
        """Whether no person has removed it."""
        return self.removed is None


@dataclass(frozen=True)
class ThreadMessage:
    """A stored message of the thread, as the history step sees it."""

    sha256: str
    message_id: str | None
    date: datetime | None
    subject: str = ""
    assignments: tuple[Assignment, ...] = ()
    bytes_sha256: str = ""
    """Of its bytes as they came; `sha256` is of those with line ends made CRLF, by which it is known."""

    @property
    def name(self) -> str:
        """How traces and inherited assignments name this message."""
        return self.message_id or f"sha256:{self.sha256}"

    @cached_property
    def marks(self) -> tuple[bytes, bytes]:
        """Digests of what persons set and removed on it, and of what runs made; empty for nothing. Worked out once, for
        a message may be an earlier one of thousands."""
        made = self.assignments
        kept: tuple[Assignment, ...] = ()
        if any(each.removed or each.origin == "manual" for each in made):
            kept = kept_on_rerun(made)
            made = tuple(each for each in made if each not in kept)
        by_hand, by_runs = (
            blake2b(_encode((self.sha256, each)), digest_size=8).digest() if each else b"" for each in (kept, made)
        )
        return by_hand, by_runs


def earlier(messages: Iterable[ThreadMessage], than: datetime | None, sha256: str) -> tuple[ThreadMessage, ...]:
    """The messages of a thread that are earlier than the one with this date and hash, oldest first.

    RULES.md section 4: a message without a date is the newest; of equal times neither is earlier; ties among the
    earlier ones go by Message-ID, then by the sha256 of the bytes.
    """
    dated = [m for m in messages if m.date is not None and m.sha256 != sha256]
    if than is not None:
        dated = [m for m in dated if m.date is not None and m.date < than]
    return tuple(sorted(dated, key=lambda m: (m.date, m.message_id or "", m.bytes_sha256, m.sha256)))


def kept_on_rerun(assignments: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """What a run leaves on the message: what a person set, what follows from that, what a person removed.

    The rest (automatic, inherited, and what was derived from these) was made by an earlier run and goes.
    """
    assignments = tuple(assignments)
    by_hand = {str(a.record) for a in assignments if a.origin == "manual"}
    return tuple(
        a for a in assignments if a.removed or a.origin == "manual" or (a.origin == "derived" and a.source in by_hand)
    )


def records_of(own: Iterable[Assignment], thread: Iterable[ThreadMessage]) -> set[RecordRef]:
    """The records that stand on a message or on its thread, or were removed from there."""
    return {each.record for found in (own, *(message.assignments for message in thread)) for each in found}


def removals(assignments: Iterable[Assignment]) -> dict[RecordRef, Removal]:
    """The records that a person removed from the message and that do not stand on it again."""
    assignments = tuple(assignments)
    standing = {a.record for a in assignments if a.stands}
    return {a.record: a.removed for a in assignments if a.removed and a.record not in standing}
