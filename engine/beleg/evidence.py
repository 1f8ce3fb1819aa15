"""What a mail offers as evidence: addresses and possible reference numbers, each with where it stands.

RULES.md section 2. Parsing is `beleg.message`'s business, and which numbers the ERP knows is
`beleg.directory`'s; in between, this module finds every address and every span of text that could be a number.
Every expression is linear on hostile text: possessive quantifiers, and a start that cannot slide.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from beleg.keys import address_key, fold
from beleg.message import Limit, Limits, Message, TextPart

LONGEST_NUMBER = 128
"""Letters and digits of the longest reference number that is looked for in a text."""


class Place(NamedTuple):
    """Where evidence stands: a header field (`From`), `subject`, or a part's number, with character offsets.

    The offsets count characters of that part's text (`TextPart.text`); a header field has 0, 0.
    """

    part: str
    start: int = 0
    end: int = 0


class FoundAddress(NamedTuple):
    """An address as the mail writes it, its canonical key, and its first place."""

    key: str
    text: str
    place: Place


class FoundNumber(NamedTuple):
    """A reference number as the mail writes it, its canonical key, and where it stands."""

    key: str
    text: str
    place: Place


class Span(NamedTuple):
    """A piece of one part's text that could be a reference number."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a mail offers, before the ERP was asked.

    `participants` in header order, then `content` in reading order (subject first); each address once, at its
    first place, participants never again in `content`. `repeated` are the content addresses left out because
    they are participants. `spans` holds, by part, what could be a number. `limit` is set when the mail is beyond
    a limit of RULES.md section 8; then there is no evidence but the participants.
    """

    participants: tuple[FoundAddress, ...]
    content: tuple[FoundAddress, ...]
    repeated: tuple[FoundAddress, ...]
    spans: tuple[tuple[TextPart, tuple[Span, ...]], ...]
    limit: Limit | None = None

    def possible_keys(self) -> set[str]:
        """The distinct keys of everything that could be a number."""
        return {span.key for _, spans in self.spans for span in spans}

    def numbers(self, known: Collection[str]) -> tuple[FoundNumber, ...]:
        """The numbers that count, given the keys that the ERP knows, in reading order.

        Longest first, of equal ones the first; one that shares a character with one already taken does not
        count (RULES.md section 2).
        """
        found = []
        for part, spans in self.spans:
            for span in _without_overlap([span for span in spans if span.key in known]):
                place = Place(part.part, span.start, span.end)
                found.append(FoundNumber(span.key, part.text[span.start : span.end], place))
        return tuple(found)


def extract(message: Message, *, min_reference_length: int = 4, limits: Limits | None = None) -> Evidence:
    """Find the addresses and possible numbers of a message. Pure; linear in the size of the text."""
    limits = limits or Limits()
    participants = tuple(FoundAddress(p.key, p.address, Place(p.field)) for p in message.participants)
    if message.limit:
        return Evidence(participants, (), (), (), message.limit)
    tried = {found.key for found in participants}
    content: dict[str, FoundAddress] = {}
    repeated: dict[str, FoundAddress] = {}
    spans = []
    possible = 0
    for part in (message.subject_part, *message.content):
        text = _plain_marks(part.text)
        places = _addresses(part, text)
        for start, end, address in places:
            key = address_key(address)
            seen = repeated if key in tried else content
            if key not in seen:
                seen[key] = FoundAddress(key, address, Place(part.part, start, end))
        addresses = len(tried) + len(content)
        if addresses > limits.addresses:
            return Evidence(participants, (), (), (), Limit("addresses", limits.addresses, addresses))
        found = []
        for span in _numbers(_masked(text, places), min_reference_length):
            found.append(span)
            possible += 1
            if possible > limits.numbers:
                return Evidence(participants, (), (), (), Limit("numbers", limits.numbers, possible))
        if found:
            spans.append((part, tuple(found)))
    return Evidence(participants, tuple(content.values()), tuple(repeated.values()), tuple(spans))


# --- addresses in running text ---------------------------------------------------------------------------------

_LOCAL = r"\w.%+&'\-"
_BEFORE_AT = re.compile(rf"(?<![{_LOCAL}])[{_LOCAL}]++@")
_DOMAIN = re.compile(r"[\w.\-]++")
_LABEL = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?")
_MARKS = "._%+&'-"
_WINDOW = 2_000


def _addresses(part: TextPart, text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each address in a part, in reading order: those that the parser marked
    (header fields of an attached message, `mailto:` links) and those in running text."""
    marked = [(span.start, span.end, span.address) for span in part.spans if span.address]
    if "@" not in text:
        return marked
    running = list(_running_addresses(text))
    if not part.spans:
        return running
    closed = _Cover((span.start, span.end) for span in part.spans)
    return sorted(marked + [found for found in running if not closed.touches(found[0], found[1])])


def _running_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    # Most text holds no "@": jump from one to the next by str.find, and let the expression see only the lines
    # around it (in windows, so that a text of nothing but "@\n" is not a million small searches).
    done = 0
    while (at := text.find("@", done)) >= 0:
        start = text.rfind("\n", done, at) + 1 or done
        end = text.find("\n", at + _WINDOW)
        done = len(text) if end < 0 else end
        for match in _BEFORE_AT.finditer(text, start, done):
            domain = _DOMAIN.match(text, match.end(), done)
            if domain is None:
                continue
            local = match[0][:-1].lstrip(_MARKS)
            name = _domain_name(domain[0])
            if local and name:
                address = f"{local}@{name}"
                begin = match.end() - 1 - len(local)
                yield begin, begin + len(address), address


def _domain_name(run: str) -> str | None:
    """The longest beginning of `run` that is at least two labels, the last of which begins with a letter."""
    labels = []
    for text in run.split("."):
        label = _LABEL.match(text)
        if label is None:
            break
        labels.append(label[0])
        if label.end() < len(text):
            break
    while labels and not labels[-1][0].isalpha():
        labels.pop()
    return ".".join(labels) if len(labels) >= 2 else None


def _masked(text: str, places: list[tuple[int, int, str]]) -> str:
    """The text with its addresses blotted out: an address holds no reference number."""
    if not places:
        return text
    pieces = []
    done = 0
    for start, end, _ in places:
        if end <= done:
            continue
        start = max(start, done)
        pieces += (text[done:start], "\0" * (end - start))
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


# --- reference numbers -----------------------------------------------------------------------------------------

_DIGIT_TOKEN = re.compile(r"(?<!\S)[^\s\d]*+\d\S*+")
_CHAIN = re.compile(r"[^\W_]++(?:[\-/_.][^\W_]++)*+")
_SEGMENT = re.compile(r"[^\W_]++")
_SHORT_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{1,4}$")
_DIGIT = re.compile(r"\d")


def _numbers(text: str, shortest: int) -> Iterator[Span]:
    """Every span that could be a reference number: one segment, or neighbouring ones with their joiners, at
    least one digit in all, and each of those that begin behind a short word and a space also with that word."""
    for token in _DIGIT_TOKEN.finditer(text):
        token_start = token.start()
        for chain in _CHAIN.finditer(text, token_start, token.end()):
            word_start = _word_before(text, token_start) if chain.start() == token_start else None
            yield from _spans(text, chain.start(), chain.end(), word_start, shortest)


def _word_before(text: str, start: int) -> int | None:
    """Where the word of at most four letters begins that stands, one space away, before `start`."""
    if start < 2 or text[start - 1] not in " \u00a0":
        return None
    word = _SHORT_WORD.search(text, max(0, start - 6), start - 1)
    return word.start() if word else None


def _spans(text: str, start: int, end: int, word_start: int | None, shortest: int) -> Iterator[Span]:
    chain = text[start:end]
    if chain.isalnum():  # one segment: by far the most frequent case
        key = fold(chain)
        if len(key) >= shortest and _DIGIT.search(chain):
            yield Span(start, end, key)
            if word_start is not None:
                yield Span(word_start, end, fold(text[word_start : start - 1]) + key)
        elif word_start is not None and _DIGIT.search(chain):
            key = fold(text[word_start : start - 1]) + key
            if len(key) >= shortest:
                yield Span(word_start, end, key)
        return
    segments = [(m.start(), m.end(), fold(m[0])) for m in _SEGMENT.finditer(text, start, end)]
    for first, (first_start, _, _) in enumerate(segments):
        key = ""
        digits = False
        word = fold(text[word_start : start - 1]) if first == 0 and word_start is not None else None
        for _, last_end, segment in segments[first:]:
            key += segment
            if len(key) > LONGEST_NUMBER:
                break
            digits = digits or _DIGIT.search(segment) is not None
            if not digits:
                continue
            if len(key) >= shortest:
                yield Span(first_start, last_end, key)
            if word is not None and word_start is not None and len(word) + len(key) >= shortest:
                yield Span(word_start, last_end, word + key)


def _without_overlap(spans: list[Span]) -> list[Span]:
    if len(spans) < 2:
        return spans
    taken = bytearray(max(span.end for span in spans))
    kept = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept)


# --- characters ------------------------------------------------------------------------------------------------

# Category Pd and the other characters of Unicode's property Dash.
_DASHES = frozenset(
    map(
        chr,
        (0x58A, 0x5BE, 0x1400, 0x1806, *range(0x2010, 0x2016), 0x2053, 0x207B, 0x208B, 0x2212, 0x2E17, 0x2E1A)
        + (0x2E3A, 0x2E3B, 0x2E40, 0x2E5D, 0x301C, 0x3030, 0x30A0, 0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D)
        + (0x10D6E, 0x10EAD),
    )
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def _plain_marks(text: str) -> str:
    """The text, character for character, in the alphabet that the expressions above understand.

    Unicode's dashes and hyphens become `-`; numerals that are no decimal digits (², Ⅷ, ½), which `\\w` would
    take for part of a segment, become a blot that joins nothing.
    """
    if text.isascii():
        return text
    for mark in set("".join(_NOT_ASCII.findall(text))):
        if mark in _DASHES:
            text = text.replace(mark, "-")
        elif mark.isalnum() and not mark.isalpha() and not mark.isdecimal():
            text = text.replace(mark, "\1")
    return text


class _Cover:
    """Answers whether a span touches one of some disjoint, ascending spans."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans = list(spans)

    def touches(self, start: int, end: int) -> bool:
        index = bisect_left(self._spans, (end, 0)) - 1
        return index >= 0 and self._spans[index][1] > start
