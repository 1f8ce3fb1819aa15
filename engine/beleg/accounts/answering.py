"""What a draft begins with: the signature, and of the mail that it answers or passes on its recipients, subject, text
and attachments."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, tzinfo
from typing import NamedTuple

from beleg.accounts.writing import typed
from beleg.keys import address_key
from beleg.mailserver import Sentence
from beleg.message import Mailbox, Message
from beleg.message.structure import header_fields
from beleg.printable import harmless
from beleg.show import file, file_name, files, shown_text
from beleg.show.history import blocks
from beleg.store.outgoing import Draft, NewFile

MOST_QUOTED = 200_000
"""Characters of a text that are quoted or passed on."""
_REPLY = re.compile(r"\s*(?:re|aw|antw|antwort|sv|vs)\s*(?:\[\d{1,3}\]|\(\d{1,3}\))?\s*[:：]", re.IGNORECASE)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr)\s*(?:\[\d{1,3}\]|\(\d{1,3}\))?\s*[:：]", re.IGNORECASE)
_MONTHS = (
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
)
_WROTE = Sentence(
    "On {day} {month} {year} at {time}, {who} wrote:", "Am {day}. {month} {year} um {time} schrieb {who}:"
)
_WROTE_ONCE = Sentence("{who} wrote:", "{who} schrieb:")
_DATE = Sentence("{day} {month} {year} {time}", "{day}. {month} {year} {time}")
_PASSED_ON = Sentence(
    "---------- Forwarded message ----------", "---------- Weitergeleitete Nachricht ----------"
)  # fmt: skip
_FIELDS = {
    "From": Sentence("From", "Von"),
    "Date": Sentence("Date", "Datum"),
    "Subject": Sentence("Subject", "Betreff"),
    "To": Sentence("To", "An"),
    "Cc": Sentence("Cc", "Cc"),
}
_CUT = "[…]"


class Original(NamedTuple):
    """The mail that a draft is about: its row number, bytes, and what was read of it."""

    row: int
    raw: bytes
    parsed: Message


class Speech(NamedTuple):
    """How people are told of the original: the language, and the time zone (None: this machine's)."""

    language: str
    zone: tzinfo | None


# --- signatures


def signed(text: str, signature: str) -> str:
    """A text with a signature, in front of what it quotes."""
    if not signature:
        return text
    start = _history(text)
    behind = text[start:]
    return f"{text[:start].rstrip()}{_signature(signature)}" + (f"\n\n{behind}" if behind else "")


def resigned(text: str, old: str, new: str) -> str:
    """A text with another signature: in the place of the old one where that still stands there."""
    if old and _signature(old) in text:
        return text.replace(_signature(old), _signature(new) if new else "", 1)
    return signed(text, new)


def stands_in(text: str, signature: str) -> bool:
    """Whether a signature stands in a text."""
    return bool(signature) and _signature(signature) in text


def _signature(text: str) -> str:
    return f"\n\n-- \n{text}"


def _history(text: str) -> int:
    """Where what is quoted begins."""
    return next((start for start, _, quoted in blocks(text) if quoted), len(text))


# --- replies


def reply(original: Original, own: Collection[str], all: bool, speech: Speech) -> Draft:
    """A reply without its signature; `own` are the keys of addresses that get none."""
    to, cc = _to_whom(original.raw, own, all)
    quoted = "\n".join(_quoted(line) for line in _text(original).split("\n"))
    return Draft(
        to=typed(to),
        cc=typed(cc),
        subject=_subject("Re", original.parsed.subject, _REPLY),
        text=f"\n\n{_wrote(original, speech)}\n{quoted}\n",
        kind="reply",
        answers=original.row,
    )


def _to_whom(raw: bytes, own: Collection[str], all: bool) -> tuple[list[Mailbox], list[Mailbox]]:
    fields, _ = header_fields(raw)
    there = {name: [box for box in boxes if box.address] for name, boxes in fields.items()}
    taken = set(own)

    def others(boxes: Iterable[Mailbox]) -> list[Mailbox]:
        found = []
        for box in boxes:
            key = address_key(box.address or "")
            if key not in taken:
                taken.add(key)
                found.append(box)
        return found

    ours = bool(there["From"]) and all_own(there["From"], own)
    to = others(there["To"] if ours else there["Reply-To"] or there["From"]) or others(there["From"])
    cc: list[Mailbox] = []
    if all:
        to += others(there["To"])
        cc = others(there["Cc"])
    # Who wrote to himself gets the answer, too.
    return to or (there["Reply-To"] or there["From"])[:1], cc


def all_own(boxes: Iterable[Mailbox], own: Collection[str]) -> bool:
    """Whether all of them are addresses of our own."""
    return {address_key(box.address or "") for box in boxes} <= set(own)


def _quoted(line: str) -> str:
    return f">{line}" if line.startswith(">") else f"> {line}".rstrip()


def _wrote(original: Original, speech: Speech) -> str:
    fields, _ = header_fields(original.raw)
    who = _people(fields["From"][:1]) or "?"
    if original.parsed.date is None:
        return _WROTE_ONCE.say(speech.language, {"who": who})
    return _WROTE.say(speech.language, {"who": who, **_date(original.parsed.date, speech)})


def _date(date: datetime, speech: Speech) -> dict[str, object]:
    local = _local(date, speech.zone)
    months = _MONTHS[speech.language == "de"]
    return {"day": local.day, "month": months[local.month - 1], "year": local.year, "time": f"{local:%H:%M}"}


def _local(date: datetime, zone: tzinfo | None) -> datetime:
    try:
        return date.astimezone(zone)
    except (OverflowError, OSError, ValueError):  # at the ends of the calendar
        return date


# --- forwarding


def forward(original: Original, speech: Speech, *, attached: bool) -> Draft:
    """A mail passed on, without its signature."""
    subject = _subject("Fwd", original.parsed.subject, _FORWARD)
    if attached:
        title = harmless(original.parsed.subject, 100)
        whole = NewFile(file_name(f"{title}.eml" if title else "message.eml"), "message/rfc822", original.raw)
        return Draft(subject=subject, kind="forward", answers=original.row, files=(whole,))
    return Draft(
        subject=subject,
        text=f"\n\n{_PASSED_ON.say(speech.language)}\n{_head(original, speech)}\n\n{_text(original)}\n",
        kind="forward",
        answers=original.row,
        files=tuple(_attachments(original)),
    )


def _head(original: Original, speech: Speech) -> str:
    fields, written = header_fields(original.raw)
    date = original.parsed.date
    said = {
        "From": _people(fields["From"]),
        "Date": _DATE.say(speech.language, _date(date, speech)) if date else harmless(written, 100),
        "Subject": harmless(original.parsed.subject),
        "To": _people(fields["To"]),
        "Cc": _people(fields["Cc"]),
    }
    return "\n".join(f"{_FIELDS[name].say(speech.language)}: {text}" for name, text in said.items() if text)


def _attachments(original: Original) -> Iterable[NewFile]:
    """What is attached, but for what is within an attached message: that comes along whole."""
    within: list[str] = []
    for each in files(original.raw):
        if any(each.part.startswith(f"{number}.") for number in within):
            continue
        found = file(original.raw, each.part)
        if found:
            yield NewFile(each.name, each.type, found[1])
        if each.type == "message/rfc822":
            within.append(each.part)


# --- what both say


def _people(boxes: Iterable[Mailbox]) -> str:
    return harmless(", ".join(typed([box]) if box.address else box.name for box in boxes), 1000)


def _subject(mark: str, subject: str, known: re.Pattern[str]) -> str:
    """A subject with the mark once, whatever it was marked with."""
    rest = harmless(subject, 900)
    while match := known.match(rest):
        rest = rest[match.end() :]
    return f"{mark}: {rest.strip()}".strip()


def _text(original: Original) -> str:
    """The text that a person reads first, without that of attached messages."""
    parts = shown_text(original.raw, original.parsed).parts
    attached = [each.part.removesuffix(".header") for each in parts if each.kind == "header"]
    texts = [
        each.text.strip("\n")
        for each in parts
        if each.kind != "header" and not any(each.part == n or each.part.startswith(f"{n}.") for n in attached)
    ]
    text = "\n\n".join(filter(str.strip, texts)).replace("\r", "\n")
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}\n{_CUT}"
