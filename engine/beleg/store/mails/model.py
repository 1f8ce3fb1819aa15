"""What is stored of mail, as others see it: messages, their threads and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

from beleg.assignment import Assignment, ThreadMessage
from beleg.outcome import State
from beleg.trace import Outcome

StepTypes = Mapping[str, str | None]
"""The record type that each step assigns, by the step's name; None where it has none of its own."""
NO_TYPES: StepTypes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A row of the mailbox: its number, identity, and what a list shows. `state` is what came of it
    (`beleg.outcome.State`; None before it is decided), `corrected`: a person set or removed something on it."""

    row: int
    sha256: str
    message_id: str | None
    date: datetime | None
    subject: str
    sender: str
    thread: int
    decided: bool
    bytes_sha256: str
    sender_name: str = ""
    state: State | None = None
    corrected: bool = False

    @property
    def name(self) -> str:
        """How people are told of it."""
        return self.message_id or f"sha256:{self.sha256[:12]}"


class Handling(NamedTuple):
    """What people do with a message, and how it came, of which no decision knows: see `MessageRow`."""

    work: Literal["open", "done", "sent"] = "open"
    owner: int | None = None
    spam: int = 0
    deleted: bool = False
    mail_group: int | None = None
    account: int | None = None
    topic: int | None = None


class Selection(NamedTuple):
    """Some stored messages: those with a date from `since` up to, but not at, `until` (a message without a date is the
    newest), of a mailbox, of a folder or one below it. None selects all."""

    since: datetime | None = None
    until: datetime | None = None
    mailbox: str | None = None
    folder: str | None = None


class StoredDecision(NamedTuple):
    """A decision's row without its trace; `inputs` is JSON, None where an older Beleg decided."""

    id: int
    digest: str
    ruleset: str
    inputs: str | None


class PastDecision(NamedTuple):
    """A decision on a message: its number, when and by which rule set it was made, the digest of its trace, and what
    stood on the message then."""

    id: int
    at: str
    ruleset: str
    digest: str
    assigned: tuple[Outcome, ...]


Thread = dict[int, tuple[StoredMessage, tuple[Assignment, ...]]]
"""The messages of one thread by row number, with what stands on each and was removed from it."""
StoredThreadMessage = tuple[StoredMessage, ThreadMessage]


def member(stored: StoredMessage, assigned: tuple[Assignment, ...]) -> StoredThreadMessage:
    """A stored message as the history step sees it, beside its row."""
    return stored, ThreadMessage(
        stored.sha256, stored.message_id, stored.date, stored.subject, assigned, stored.bytes_sha256
    )
