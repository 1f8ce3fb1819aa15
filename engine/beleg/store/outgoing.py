"""Mail that is written and sent: its rows. What may follow on what is decided by `beleg.accounts.outbox`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["new", "reply", "forward"]
OutgoingState = Literal["draft", "queued", "sending", "sent", "failed", "unclear"]
"""`draft`: still written. `queued`: waits for its turn. `sending`: is being handed over at this moment. `sent`: the
server took it, or a person said that it did. `failed`: surely not sent, and not tried again by itself. `unclear`: the
connection was lost after the data, or Beleg was stopped while it sent: it may have been sent."""
STATES: tuple[OutgoingState, ...] = ("draft", "queued", "sending", "sent", "failed", "unclear")


class NewFile(NamedTuple):
    """A file to attach: its name as shown, its media type (`application/pdf`), its bytes."""

    name: str
    type: str
    data: bytes


class AttachedFile(NamedTuple):
    """A file that is attached to a mail; `size` in bytes."""

    id: int
    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Draft:
    """What a person writes, as it stands in the editor. `to`, `cc` and `bcc` are address lists as they are typed
    (`Anna Kunde <anna@kunde.example>, bodo@leuchten.example`), of whatever is typed so far; `group` is the number of
    the group that it is sent for; `answers` the row number of the message that it replies to or forwards. `files` are
    to be attached when it is saved for the first time: those that a forwarded mail brings along."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    group: int | None = None
    kind: Kind = "new"
    answers: int | None = None
    files: tuple[NewFile, ...] = ()


@dataclass(frozen=True)
class Outgoing:
    """A mail that is written or sent. `draft` is what stands in the editor (without `files`), `files` what is attached.

    `person` is the number of the user who wrote it. From when it is queued: `account`, the SMTP account that it goes
    (went) out by; `sender`, the From address; `message_id`, without brackets. `message` is the row number of the stored
    message that it became when it was sent. `said` is what is to be told about it, by language: the server's words,
    where there were any, why it failed, what it waits for; empty where there is nothing to tell. `tries`: how often it
    was tried since it was queued; `due`: when it is tried next, `changed`: when it last changed, in seconds since 1970
    UTC. `deleted`: discarded."""

    id: int
    state: OutgoingState
    draft: Draft
    files: tuple[AttachedFile, ...]
    person: int | None
    account: int | None
    sender: str
    message_id: str | None
    message: int | None
    said: Mapping[str, str]
    tries: int
    due: int | None
    changed: int
    deleted: bool

    def say(self, language: str) -> str:
        """What is to be told about it, in a language; empty where there is nothing."""
        return self.said.get(language) or self.said.get("en", "")
