"""What answers are made of: the shapes that several routes share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from beleg.assignment import Assignment, Origin
from beleg.explain import Explainer
from beleg.outcome import State
from beleg.record import Record, RecordRef
from beleg.store.mails import StoredMessage

Role = Literal["support", "admin"]
Scope = Literal["read", "correct", "admin"]


class Answer(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Named(Answer):
    """A record, by its name and by what people call it."""

    record: str
    """`order:O-77`."""
    type: str
    id: str
    name: str
    """In words: `order O-77`."""


class RecordSeen(Named):
    """A record as a list shows it."""

    number: str | None
    label: str | None
    gone: bool
    """The ERP no longer has it, or never had it."""


class Standing(RecordSeen):
    """A record that stands on a message."""

    origin: Origin
    """How it came to stand there: by a run, from an earlier message, from another record, by hand."""


class MessageSeen(Answer):
    """A stored message as a list shows it."""

    row: int
    message_id: str | None
    sha256: str
    """Of its bytes, line ends made CRLF: its identity."""
    date: datetime | None
    subject: str
    sender: str
    """Address of the first sender; empty where there is none."""
    sender_name: str
    state: State
    """What came of the decision, given what stands now."""
    corrected: bool
    """A person set or removed something on it."""


class AssignmentSeen(Named):
    """A record on a message."""

    origin: Origin
    clause: str | None
    """The clause that assigned it; null for one that was set by hand."""
    source: str | None
    """What it follows from: a record, or for `inherited` a message."""


class RemovedSeen(AssignmentSeen):
    """A record that a person took off a message."""

    by: str
    at: str


def named(explainer: Explainer, ref: RecordRef) -> dict[str, str]:
    """The fields of `Named`."""
    return {"record": str(ref), "type": ref.type, "id": ref.id, "name": explainer.phrases.record(str(ref))}


def record_seen(explainer: Explainer, ref: RecordRef, record: Record | None, gone: bool) -> RecordSeen:
    """None for `record` where the ERP never had it."""
    number, label = (record.number, record.label) if record else (None, None)
    return RecordSeen(**named(explainer, ref), number=number, label=label, gone=gone or record is None)


def message_fields(stored: StoredMessage) -> dict[str, Any]:
    """The fields of `MessageSeen`."""
    return {
        "row": stored.row,
        "message_id": stored.message_id,
        "sha256": stored.sha256,
        "date": stored.date.astimezone(UTC) if stored.date else None,
        "subject": stored.subject,
        "sender": stored.sender,
        "sender_name": stored.sender_name,
        "state": stored.state or "undecided",
        "corrected": stored.corrected,
    }


def assignment_seen(explainer: Explainer, made: Assignment) -> AssignmentSeen:
    """A record on a message."""
    return AssignmentSeen(**named(explainer, made.record), origin=made.origin, clause=made.clause, source=made.source)


def removed_seen(explainer: Explainer, made: Assignment) -> RemovedSeen:
    """A record that was taken off."""
    assert made.removed
    seen = assignment_seen(explainer, made)
    return RemovedSeen(**seen.model_dump(), by=made.removed.by, at=made.removed.at)
