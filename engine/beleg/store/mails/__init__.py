"""Stored mail: taking it in once, its threads, what stands on it, and its decisions.

Identity is the sha256 of the bytes with line ends made CRLF, never the Message-ID. Every message carries the
number of its thread; taking one in that ties two threads makes them one.
"""

from __future__ import annotations

from beleg.store.mails.decided import Decided, clauses_of
from beleg.store.mails.model import Handling, PastDecision, Selection, StepTypes, StoredDecision, StoredMessage, member
from beleg.store.mails.packing import packed, unpacked
from beleg.store.mails.rows import sender_of, to_date, to_number

__all__ = [
    "Handling",
    "Mails",
    "PastDecision",
    "Selection",
    "StepTypes",
    "StoredDecision",
    "StoredMessage",
    "clauses_of",
    "member",
    "packed",
    "sender_of",
    "to_date",
    "to_number",
    "unpacked",
]


class Mails(Decided):
    """The mailbox on one connection; the caller owns the transaction."""
