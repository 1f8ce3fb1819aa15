"""Bytes of an e-mail (RFC 5322, MIME) to an immutable `Message`: RULES.md section 2, broken mail included.

`parse` never raises, whatever the bytes. Every text it gives is what a person reads, in NFC, with
`\\n` as line end, without NUL and lone surrogates; offsets count characters of exactly that text.
"""

from .address import Mailbox, is_addr_spec, mailboxes
from .model import Attachment, Limit, Limits, Message, Notice, Participant, Span, TextPart
from .structure import content_identity, parse
from .text import clean

__all__ = [
    "Attachment",
    "Limit",
    "Limits",
    "Mailbox",
    "Message",
    "Notice",
    "Participant",
    "Span",
    "TextPart",
    "clean",
    "content_identity",
    "is_addr_spec",
    "mailboxes",
    "parse",
]
