"""What a saved search asks for, besides the words of a search and what became of a decision."""

from __future__ import annotations

from typing import Literal

import msgspec

Outgoing = Literal["draft", "failed"]
"""Mails that are written: drafts, and those that could not be sent or of which that is unclear."""


class Criteria(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All of it must hold; None asks for nothing. `owner` is a person's number, `me` (who looks) or `pool` (nobody);
    `state` is one of `beleg.store.inbox.FILTERS`; `text` a search; `outgoing` lists mails that are written instead of
    messages. Deleted mail is seen only where it is asked for."""

    group: int | None = None
    work: Literal["open", "done", "sent"] | None = None
    owner: int | Literal["me", "pool"] | None = None
    spam: Literal[0, 1, 2] | None = None
    deleted: bool = False
    topic: int | None = None
    tags: tuple[int, ...] = ()
    state: str = "all"
    text: str = ""
    outgoing: Outgoing | None = None


def encode(criteria: Criteria) -> str:
    """As it is stored."""
    return msgspec.json.encode(criteria).decode()


def decode(stored: str) -> Criteria:
    """What was stored."""
    return _DECODER.decode(stored)


_DECODER = msgspec.json.Decoder(Criteria)
