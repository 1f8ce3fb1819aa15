"""What a mail offers as evidence: addresses and possible reference numbers, each with where it stands.

RULES.md section 2. Parsing is `beleg.message`'s business, and which numbers the ERP knows is
`beleg.directory`'s; in between, this module finds every address and every span of text that could be a number.
Every expression is linear on hostile text: possessive quantifiers, and a start that cannot slide.
"""

from __future__ import annotations

import re
import string
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from beleg.keys import address_key, fold
from beleg.message import Limit, Limits, Message, TextPart

LONGEST_NUMBER = 128
"""Letters and digits of the longest reference number that is looked for in a text."""


REPEATED = 20
"""How often the addresses of a mail may stand in one text, on average, before the limit on addresses holds."""


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
        places = _addresses(part, text, REPEATED * limits.addresses)
        for start, end, address in places:
            key = address_key(address)
            seen = repeated if key in tried else content
            if key not in seen:
                seen[key] = FoundAddress(key, address, Place(part.part, start, end))
        addresses = max(len(tried) + len(content), len(places) // REPEATED)
        if addresses > limits.addresses:
            return Evidence(participants, (), (), (), Limit("addresses", limits.addresses, addresses))
        try:
            found = _numbers(_masked(text, places), min_reference_length, limits.numbers - possible)
        except _TooManyError:
            return Evidence(participants, (), (), (), Limit("numbers", limits.numbers, limits.numbers + 1))
        possible += len(found)
        if found:
            spans.append((part, tuple(found)))
    return Evidence(participants, tuple(content.values()), tuple(repeated.values()), tuple(spans))


# --- addresses in running text ---------------------------------------------------------------------------------

_LOCAL = r"\w.%+&'\-"
# The look-behind stands second, so that the search can skip by the first set; without it every letter of a long word
# would be tried as a beginning.
_BEFORE_AT = re.compile(rf"[{_LOCAL}](?<![{_LOCAL}]{{2}})[{_LOCAL}]*+@(?=[^\W_][\w\-]*+\.)")
_DOMAIN = re.compile(r"[\w.\-]++")
_LABEL = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?")
_MARKS = "._%+&'-"
_WINDOW = 2_000


def _addresses(part: TextPart, text: str, most: int) -> list[tuple[int, int, str]]:
    """Start, end and text of each address in a part, in reading order: those that the parser marked
    (header fields of an attached message, `mailto:` links) and those in running text, at most about `most`."""
    marked = [(span.start, span.end, span.address) for span in part.spans if span.address]
    if "@" not in text:
        return marked
    running = list(islice(_running_addresses(text), most + REPEATED))
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
    pieces: list[str] = []
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

_CHAIN = re.compile(r"[^\W_]++(?:[\-/_.][^\W_]++)*+")
_SEGMENT = re.compile(r"[^\W_]++")
_SHORT_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{1,4}$")
_DIGIT = re.compile(r"\d")
_WITH_DIGIT = re.compile(r"\d[^\W_]*+")
_INSIDE = string.ascii_letters + string.digits + "-/_."
# At most every second character of a chain is a joiner: what begins further left is longer than LONGEST_NUMBER.
_FURTHEST = 2 * LONGEST_NUMBER + 2


class _TooManyError(Exception):
    """There are more possible numbers than are allowed."""


def _numbers(text: str, shortest: int, most: int) -> list[Span]:
    """Every span that could be a reference number: one segment, or neighbouring ones with their joiners, at
    least one digit in all, and each of those that begin behind a short word and a space also with that word.
    Raises _TooManyError where there are more than `most`."""
    found: list[Span] = []
    done = 0
    # A digit is rare: jump from one to the next, and look at what stands around it.
    while digit := _DIGIT.search(text, done):
        at = digit.start()
        start = _chain_start(text, done, at)
        while done <= at:
            chain = _CHAIN.search(text, start)
            assert chain is not None  # the digit itself is one
            start, done = chain.start(), chain.end()
            if done <= at:
                start = done
        _add_spans(found, text, start, done, shortest, most)
        if len(found) > most:
            raise _TooManyError
    return found


def _chain_start(text: str, done: int, at: int) -> int:
    """From where to look for the chain that holds the digit at `at`: no later than where it begins."""
    furthest = max(done, at - _FURTHEST)
    head = text[furthest:at]
    start = furthest + len(head.rstrip(_INSIDE))
    while start > furthest and not text[start - 1].isascii() and text[start - 1].isalnum():
        start = furthest + len(text[furthest : start - 1].rstrip(_INSIDE))
    if start == furthest > done:
        # The chain goes on to the left; begin behind its next joiner, lest a part of a segment is taken for one.
        while start < at and text[start].isalnum():
            start += 1
    return start


def _word_before(text: str, start: int) -> int | None:
    """Where the word of at most four letters begins that stands, one space away, before `start`."""
    if start < 2 or text[start - 1] not in " \u00a0":
        return None
    word = _SHORT_WORD.search(text, max(0, start - 6), start - 1)
    return word.start() if word else None


def _add_spans(found: list[Span], text: str, start: int, end: int, shortest: int, most: int) -> None:
    chain = text[start:end]
    word_start = _word_before(text, start)
    word = "" if word_start is None else fold(text[word_start : start - 1])
    if chain.isalnum():  # one segment: by far the most frequent case
        key = fold(chain)
        if len(key) >= shortest:
            found.append(Span(start, end, key))
        if word_start is not None and len(word) + len(key) >= shortest:
            found.append(Span(word_start, end, word + key))
        return
    if len(chain) > most and next(islice(_WITH_DIGIT.finditer(chain), most + shortest, None), None):
        raise _TooManyError  # a number begins with each segment that has a digit: no need to make them all
    segments = [
        (m.start(), m.end(), fold(m[0]), _DIGIT.search(m[0]) is not None)
        for m in _SEGMENT.finditer(text, start, end)
    ]
    for first, (first_start, _, _, _) in enumerate(segments):
        if len(found) > most:
            raise _TooManyError
        key = ""
        digits = False
        for _, last_end, segment, has_digit in segments[first : first + LONGEST_NUMBER]:
            key += segment
            if len(key) > LONGEST_NUMBER:
                break
            digits = digits or has_digit
            if not digits:
                continue
            if len(key) >= shortest:
                found.append(Span(first_start, last_end, key))
            if word_start is not None and first == 0 and len(word) + len(key) >= shortest:
                found.append(Span(word_start, last_end, word + key))


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
