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
from functools import lru_cache
from itertools import islice
from operator import itemgetter
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

    @property
    def in_content(self) -> bool:
        """Whether it stands in the content, not in the subject."""
        return self.place.part != "subject"


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
        text = _Text(part.text)
        places = _addresses(part, text, REPEATED * limits.addresses)
        for start, end, address in places:
            key = address_key(address)
            seen = repeated if key in tried else content
            if key not in seen:
                seen[key] = FoundAddress(key, address, Place(part.part, start, end))
        addresses = max(len(tried) + len(content), len(places) // REPEATED)
        if addresses > limits.addresses:
            return Evidence(participants, (), (), (), Limit("addresses", limits.addresses, addresses))
        text.blot_out(places)
        try:
            found = _numbers(text, min_reference_length, limits.numbers - possible)
        except _TooManyError:
            return Evidence(participants, (), (), (), Limit("numbers", limits.numbers, limits.numbers + 1))
        possible += len(found)
        if found:
            spans.append((part, tuple(found)))
    return Evidence(participants, tuple(content.values()), tuple(repeated.values()), tuple(spans))


def addresses_in(part: TextPart) -> list[tuple[int, int, str]]:
    """Start, end and text of every address of a part, the repeated ones too, in reading order. That of a link takes no
    room; where running text has two `@`, one may begin within the one before."""
    return _addresses(part, _Text(part.text), len(part.text))


# --- characters ------------------------------------------------------------------------------------------------

_JOINERS = "-/_."
_LOCAL_MARKS = "._%+&'-"
# Category Pd and the other characters of Unicode's property Dash.
_DASHES = frozenset(
    map(
        chr,
        [
            *(0x58A, 0x5BE, 0x1400, 0x1806, *range(0x2010, 0x2016), 0x2053, 0x207B, 0x208B, 0x2212, 0x2E17, 0x2E1A),
            *(0x2E3A, 0x2E3B, 0x2E40, 0x2E5D, 0x301C, 0x3030, 0x30A0, 0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D),
            *(0x10D6E, 0x10EAD),
        ],
    )
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def _table(marks: str) -> bytes:
    """Latin-1 to kinds of character: `a` a letter, `0` a decimal digit, `-` one of these marks, a space all else."""
    kinds = ("a" if c.isalpha() else "0" if c.isdecimal() else "-" if c in marks else " " for c in map(chr, range(256)))
    return "".join(kinds).encode()


_NUMBER_KINDS = _table(_JOINERS)
_LOCAL_KINDS = _table(_LOCAL_MARKS)


class _Text:
    """A text, and beside it the kind of each of its characters, one byte each: finding the next digit, or where a run
    of letters began, is then one call of `bytes.find`, on hostile text too.

    Letters, digits and dashes beyond Latin-1 stand in by one of their kind. Numerals that are no decimal digits
    (², Ⅷ, ½) are no part of a segment.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if text.isascii():
            raw = dashed = text.encode("ascii")
        else:
            marks = set("".join(_NOT_ASCII.findall(text)))
            wide = {c: "a" if c.isalpha() else "0" for c in marks if c > "\xff" and (c.isalpha() or c.isdecimal())}
            raw = _swap(text, wide).encode("latin-1", "replace")
            dashes = {c: "-" for c in marks if c in _DASHES}
            dashed = _swap(text, wide | dashes).encode("latin-1", "replace") if dashes else raw
            strange = {c: "\1" for c in marks if c.isalnum() and not c.isalpha() and not c.isdecimal()}
            self.text = _swap(text, strange)
        self.locals = raw.translate(_LOCAL_KINDS)
        self.numbers = dashed.translate(_NUMBER_KINDS)

    def blot_out(self, places: Iterable[tuple[int, int, str]]) -> None:
        """An address holds no reference number, and parts those on its two sides."""
        pieces: list[bytes] = []
        done = 0
        for start, end, _ in places:
            if end > done:
                start = max(start, done)
                pieces += (self.numbers[done:start], b"@" * (end - start))
                done = end
        if done:
            self.numbers = b"".join((*pieces, self.numbers[done:])).replace(b"@", b" ")


def _swap(text: str, marks: dict[str, str]) -> str:
    if len(marks) < 8:
        for old, new in marks.items():
            text = text.replace(old, new)
        return text
    return text.translate({ord(old): new for old, new in marks.items()})


# --- addresses in running text ---------------------------------------------------------------------------------

_AT = re.compile(r"@(?=[^\W_][\w\-]*+\.)")
_DOMAIN = re.compile(r"[\w.\-]++")
_LABEL = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?")


def _addresses(part: TextPart, text: _Text, most: int) -> list[tuple[int, int, str]]:
    """Start, end and text of each address in a part, in reading order: those that the parser marked
    (header fields of an attached message, `mailto:` links) and those in running text, at most about `most`."""
    marked = [(span.start, span.end, span.address) for span in part.spans if span.address is not None]
    running = list(islice(_running_addresses(text), most + REPEATED))
    if not part.spans:
        return running
    # A link's address takes no room in the text; where one stands, it comes before what stands there.
    closed = _Cover((span.start, span.end) for span in part.spans if span.end > span.start)
    kept = [found for found in running if not closed.touches(found[0], found[1])]
    return sorted(marked + kept, key=itemgetter(0, 1))


def _running_addresses(text: _Text) -> Iterator[tuple[int, int, str]]:
    for match in _AT.finditer(text.text):
        at = match.start()
        local = text.text[text.locals.rfind(b" ", 0, at) + 1 : at].lstrip(_LOCAL_MARKS)
        if not local:
            continue
        domain = _DOMAIN.match(text.text, at + 1)
        name = _domain_name(domain[0]) if domain else None
        if name:
            address = f"{local}@{name}"
            start = at - len(local)
            yield start, start + len(address), address


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


# --- reference numbers -----------------------------------------------------------------------------------------


class _TooManyError(Exception):
    """There are more possible numbers than are allowed."""


def _numbers(text: _Text, shortest: int, most: int) -> list[Span]:
    """Every span that could be a reference number: one segment, or neighbouring ones with their joiners, at
    least one digit in all, and each of those that begin behind a short word and a space also with that word.
    Raises _TooManyError where there are more than `most`."""
    found: list[Span] = []
    kinds = text.numbers
    end = 0
    # A digit is rare: jump from one to the next, and look at the run of segments and joiners around it.
    while (digit := kinds.find(b"0", end)) >= 0:
        start = kinds.rfind(b" ", end, digit) + 1 or end
        end = kinds.find(b" ", digit)
        if end < 0:
            end = len(kinds)
        if end - start > _LONG_RUN:
            start, end = _clip(kinds, start, digit, end)
        if kinds.find(b"-", start, end) < 0:
            # One segment that stands alone, by far the most frequent case.
            if end - start <= LONGEST_NUMBER:
                key = fold(text.text[start:end])
                if end - start >= shortest:
                    found.append(Span(start, end, key))
                if (word := _word_before(text, start)) is not None and end - word > shortest:
                    found.append(Span(word, end, fold(text.text[word : start - 1]) + key))
        else:
            if end - start > most and kinds.count(b"0", start, end) > most:
                _refuse_too_many(kinds[start:end], most + shortest)
            chain = start
            for piece in kinds[start:end].split(b"--"):
                # Two joiners in a row part chains, and so do those at the ends; of three, one is left to strip.
                bare = piece.lstrip(b"-")
                first = chain + len(piece) - len(bare)
                bare = bare.rstrip(b"-")
                if b"0" in bare:
                    _add_chain(found, text, first, bare, shortest, most)
                chain += len(piece) + 2
        if len(found) > most:
            raise _TooManyError
    return found


# At most every other character of a chain is a joiner: what is further away than this is on no number with the digit.
_REACH = 2 * LONGEST_NUMBER + 2
_LONG_RUN = 8 * _REACH


def _clip(kinds: bytes, start: int, digit: int, end: int) -> tuple[int, int]:
    """Of a run so long that only hostile text has it, the piece from the reach of its first digit to the end of the
    reach of the last one that no gap of two reaches parts from it. Both ends are ends of segments, or of segments that
    are too long for any number."""
    if digit - start > _REACH:
        start = kinds.find(b"-", digit - _REACH, digit) + 1 or digit - _REACH
    last = digit
    while (following := kinds.rfind(b"0", last + 1, min(end, last + 2 * _REACH))) >= 0:
        last = following
    if end - last > _REACH:
        cut = kinds.rfind(b"-", last, last + _REACH)
        end = cut if cut >= 0 else last + _REACH
    return start, end


def _refuse_too_many(run: bytes, most: int) -> None:
    # A number begins with each segment that has a digit: no need to make them all.
    if sum(b"0" in segment for segment in run.split(b"-")) > most:
        raise _TooManyError


def _word_before(text: _Text, start: int) -> int | None:
    """Where the word of at most four letters begins that stands, one space away, before `start`."""
    if start < 2 or text.text[start - 1] not in " \u00a0":
        return None
    before = text.numbers[max(0, start - 6) : start - 1]
    rest = before.rstrip(b"a")
    letters = len(before) - len(rest)
    return start - 1 - letters if 1 <= letters <= 4 and not rest.endswith(b"0") else None


def _add_chain(found: list[Span], text: _Text, start: int, kinds: bytes, shortest: int, most: int) -> None:
    """The spans of some segments that single joiners connect; `kinds` are the kinds of their characters."""
    chain = text.text[start : start + len(kinds)]
    # Dates, phone numbers and prices come again and again, and both sides of an alternative say the same.
    pieces = _short_chain(chain, kinds) if len(kinds) <= _SHORT_CHAIN else _pieces(chain, kinds)
    word_start = _word_before(text, start)
    word = "" if word_start is None else fold(text.text[word_start : start - 1])
    for first, last, key in pieces:
        if len(key) >= shortest:
            found.append(Span(start + first, start + last, key))
        if word_start is not None and first == 0 and len(word) + len(key) >= shortest:
            found.append(Span(word_start, start + last, word + key))
        if len(found) > most:
            raise _TooManyError


_SHORT_CHAIN = 40


@lru_cache(maxsize=8192)
def _short_chain(chain: str, kinds: bytes) -> tuple[tuple[int, int, str], ...]:
    return tuple(_pieces(chain, kinds))


def _pieces(chain: str, kinds: bytes) -> Iterator[tuple[int, int, str]]:
    """Start, end and key of every piece of a chain that is whole segments with a digit among them."""
    segments = []
    at = 0
    for segment in kinds.split(b"-"):
        end = at + len(segment)
        segments.append((at, end, fold(chain[at:end]), b"0" in segment))
        at = end + 1
    next_digit = -1
    for first, (first_start, _, _, _) in enumerate(segments):
        if next_digit < first:
            next_digit = next((n for n in range(first, len(segments)) if segments[n][3]), len(segments))
        if next_digit - first >= LONGEST_NUMBER:
            continue
        key = ""
        digits = False
        for _, last_end, segment_key, has_digit in segments[first : first + LONGEST_NUMBER]:
            key += segment_key
            if len(key) > LONGEST_NUMBER:
                break
            digits = digits or has_digit
            if digits:
                yield first_start, last_end, key


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


class _Cover:
    """Answers whether a span touches one of some disjoint, ascending spans."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans = list(spans)

    def touches(self, start: int, end: int) -> bool:
        index = bisect_left(self._spans, (end, 0)) - 1
        return index >= 0 and self._spans[index][1] > start
