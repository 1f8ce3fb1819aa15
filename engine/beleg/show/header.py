"""The header of a mail for a person: who wrote to whom, and which names pretend to be someone else."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from beleg.evidence import addresses_in
from beleg.keys import address_key
from beleg.message import Mailbox, Message, TextPart
from beleg.message.structure import header_fields
from beleg.printable import harmless

_MOST_PEOPLE = 100
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of an address field. All texts are harmless."""

    name: str
    """The display name, the name of a group, or what stands there instead of an address."""
    address: str
    """Empty where there is none."""
    key: str
    """`beleg.keys.address_key` of the address: what assignments and the blacklist know it by."""
    pretends: str = ""
    """The other address that the display name looks like (`"max@firm.example" <other@spam.example>`)."""


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One field and who stands in it, at most the first 100."""

    field: str
    """`From`, `Reply-To`, `To`, `Cc` or `Bcc`; no line for a field that the mail doesn't have."""
    people: tuple[Person, ...]
    more: int
    """How many are not listed."""


@dataclass(frozen=True, slots=True)
class ShownHeader:
    """The head of a mail."""

    lines: tuple[HeaderLine, ...]
    subject: str
    """On one harmless line; `ShownText.subject` has all of it, with its highlights."""
    date: datetime | None
    """In UTC."""
    date_text: str
    """The Date field as written, for where it names no moment; empty when there is none."""


def shown_header(raw: bytes, message: Message) -> ShownHeader:
    """Who wrote to whom, and when. Each address is listed wherever it stands, also where it is no participant of its
    own (RULES.md section 2 counts each once)."""
    fields, date = header_fields(raw)
    lines = (
        HeaderLine(name, tuple(map(_person, boxes[:_MOST_PEOPLE])), max(0, len(boxes) - _MOST_PEOPLE))
        for name, boxes in fields.items()
        if boxes
    )
    return ShownHeader(tuple(lines), harmless(message.subject), message.date, harmless(date, _LONGEST_NAME))


def _person(box: Mailbox) -> Person:
    name = harmless(box.name, _LONGEST_NAME)
    if box.address is None:
        return Person(name, "", "")
    key = address_key(box.address)
    return Person(name, harmless(box.address), key, _pretended(name, key))


def _pretended(name: str, key: str) -> str:
    """The first address in a display name that is not the real one. Wide and small forms (`＠`) count as what they look
    like."""
    if not name:
        return ""
    look = unicodedata.normalize("NFKC", name)
    found = (text for _, _, text in addresses_in(TextPart("name", "header", look)))
    return next((text for text in found if address_key(text) != key), "")
