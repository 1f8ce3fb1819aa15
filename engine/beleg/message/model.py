"""What a parsed e-mail consists of. Nothing here knows bytes, MIME or records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Participant:
    """One address of the header (RULES.md section 2, Participants)."""

    field: str
    """`From`, `Reply-To`, `To`, `Cc` or `Bcc`: where the address stands first."""
    address: str
    """The addr-spec as written, comments and blanks between its words removed."""
    key: str
    """The form in which addresses are compared: `beleg.keys.address_key`."""
    name: str
    """The display name, decoded. Only for showing; never evidence."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to `end` of a text that are not running text.

    With an `address` they are exactly that address or, where they have no length, the place of a link to it.
    Without one they are opaque: no address may be found in them (a display name is never an address), while
    reference numbers may.
    """

    start: int
    end: int
    address: str | None


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text of the mail that a person reads, with the number of the part it comes from."""

    part: str
    """`subject`, the number of a MIME part as IMAP counts (RFC 3501: `1`, `2.1`), or the number of an
    attached message and `.header`."""
    kind: str
    """`subject`, `text/plain`, `text/html` or `header`."""
    text: str
    spans: tuple[Span, ...] = ()
    """Ascending, disjoint."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not content."""

    part: str
    name: str
    type: str
    size: int
    """Bytes after decoding; counted, not decoded, so it is an estimate where the encoding is broken."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the mail that a reader of the trace should know, such as `several_from`."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit that a mail exceeds (RULES.md section 8)."""

    name: str
    """`message_bytes`, `text_bytes`, `addresses`, `numbers`, `parts` or `levels`."""
    allowed: int
    found: int
    """What was counted when parsing stopped: at least this much is there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a mail may be to be read in full (RULES.md section 8)."""

    message_bytes: int = 50 * 1024 * 1024
    text_bytes: int = 30 * 1024 * 1024
    """The decoded bytes of all text parts together."""
    addresses: int = 20_000
    """Here: the addresses in headers. Those in running text are counted where they are found."""
    parts: int = 1_000
    """Parts of multiparts, those of attached messages included."""
    numbers: int = 100_000
    """Pieces of text that could be a reference number; counted where they are found. Not in RULES.md: a text
    of nothing but `1-1-1-…` has so many that no lookup could answer."""
    levels: int = 50
    """How deep multiparts and attached messages nest."""


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail, as the rules see it."""

    sha256: str
    """Identity: of the bytes with line ends made CRLF, in hexadecimal."""
    bytes_sha256: str
    """Of the bytes as they came, in hexadecimal: a tie-break (RULES.md section 4)."""
    size: int
    """Of the bytes as they came."""
    message_id: str | None
    references: tuple[str, ...]
    """Ids of In-Reply-To, then References, each once, without brackets."""
    date: datetime | None
    """In UTC; None when there is no readable Date."""
    subject: str
    participants: tuple[Participant, ...]
    """From, Reply-To, To, Cc, Bcc; each address once, at its first place."""
    content: tuple[TextPart, ...]
    """In reading order, without the subject; empty when a limit is exceeded."""
    subject_part: TextPart
    attachments: tuple[Attachment, ...]
    notices: tuple[Notice, ...]
    limit: Limit | None
