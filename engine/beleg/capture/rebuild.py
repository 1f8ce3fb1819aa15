"""A mail written anew from what the rules see of it, with stand-ins: the same participants, addresses and numbers in
the same order and parts, and filler where its texts were.

What comes out is a clean mail, however broken the original was.
"""

from __future__ import annotations

import html
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from email.utils import format_datetime
from itertools import groupby

from beleg.capture.numbers import Alphabet, Numbers, mark
from beleg.capture.stand_ins import StandIns
from beleg.evidence import addresses_in
from beleg.keys import address_key
from beleg.message import Limits, Message, Participant, TextPart

_LONGEST_FILLER = 60
_LINK = "\0"
_AS_WRITTEN = "<pre>\n"
_PLAIN = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit"
_HTML = _PLAIN.replace("plain", "html")


class _Filler(dict[int, str]):
    """A table for `str.translate`: letters and digits become the filler's, all else what it does to numbers. No `@`
    stays, and no `=`, so that no address and no encoded word comes about."""

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__({ord("\n"): "\n", ord("\t"): "\t", ord("@"): "#", ord("="): "*"})
        self._alphabet = alphabet

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if letter.isalpha():
            filler = self._alphabet.letter.upper() if letter.isupper() else self._alphabet.letter
        else:
            filler = self._alphabet.digit if letter.isdecimal() else mark(letter)
        self[code] = filler
        return filler


class Rebuilder:
    """Writes mails anew."""

    def __init__(self, stand_ins: StandIns, numbers: Numbers, alphabet: Alphabet, ids: Iterable[str]) -> None:
        self._stand_ins = stand_ins
        self._numbers = numbers
        self._filler = _Filler(alphabet)
        known = sorted(set(ids))
        width = len(str(len(known)))
        # Their order breaks ties (RULES.md section 4), so it stays.
        self._ids = {
            each: f"n{place:0{width}}.{stand_ins.words.new()}@{stand_ins.domain('')}"
            for place, each in enumerate(known)
        }

    def id(self, text: str | None) -> str | None:
        """The stand-in of a Message-ID that a stored message has."""
        return self._ids.get(text or "")

    # --- mails -------------------------------------------------------------------------------------------------------

    def mail(self, message: Message) -> bytes:
        """The mail to decide."""
        subject, _ = self._text(0, message.subject_part)
        texts = [self._text(index, part) for index, part in enumerate(message.content, 1)]
        bodies = [body for body, has_evidence in texts if has_evidence] or [body for body, _ in texts[:1]] or [""]
        return _written(self._fields(message, subject.strip()), *self._structure(bodies))

    def beyond_limits(self, message: Message) -> bytes:
        """In the place of a mail beyond a limit another one, which nests too deeply: the smallest that is."""
        subject, body = self._filled(message.subject), f"Content-Type: text/plain\n\n{self._filled('text')}\n"
        for level in range(Limits().levels + 1):
            body = _multipart([body], f"level{level}")
        return _written(self._fields(message, subject), *body.split("\n\n", 1))

    def other(self, message: Message, tie: str = "") -> bytes:
        """Another mail of the thread: of it the rules see only the header. `tie` makes two equal ones differ."""
        fields = self._fields(message, self._filled(message.subject))
        return _written([*fields, *([("X-Tie", tie)] if tie else [])], _PLAIN, self._filled("text"))

    def _fields(self, message: Message, subject: str) -> list[tuple[str, str]]:
        fields = []
        for name, participants in groupby(message.participants, lambda each: each.field):
            fields.append((name, ", ".join(map(self._box, participants))))
        if message.date:
            fields.append(("Date", format_datetime(message.date)))
        if own := self.id(message.message_id):
            fields.append(("Message-ID", f"<{own}>"))
        if named := [f"<{found}>" for each in message.references if (found := self.id(each))]:
            fields.append(("References", " ".join(named)))
        return [*fields, ("Subject", subject)] if subject else fields

    def _box(self, participant: Participant) -> str:
        address = self._stand_ins.address(participant.key)
        return f"{self._stand_ins.name(participant.name)} <{address}>" if participant.name.strip() else address

    def _structure(self, bodies: Sequence[str]) -> tuple[str, str]:
        parts = [_part(body) for body in bodies]
        whole = parts[0] if len(parts) == 1 else _multipart(parts, self._stand_ins.words.new())
        head, _, body = whole.partition("\n\n")
        return head, body

    # --- texts -------------------------------------------------------------------------------------------------------

    def _filled(self, text: str) -> str:
        return text.replace("\n", " ").translate(self._filler)[:_LONGEST_FILLER].strip()

    def _text(self, index: int, part: TextPart) -> tuple[str, bool]:
        """A text of the mail (part 0 is the subject) with its stand-ins, as HTML where a link takes no room in it, and
        whether it holds evidence. Of lines that hold none, the first of several stays, cut short."""
        places = addresses_in(part)
        shown = self._numbers.shown(index)
        line_ends = [i for i, letter in enumerate(part.text) if letter == "\n"]
        lines = {bisect_left(line_ends, start) for start in (*(place[0] for place in places), *shown)}
        filled = list(part.text.translate(self._filler))
        for place, letter in shown.items():
            filled[place] = letter.upper() if part.text[place].isupper() else letter
        pieces, links, done = [], [], 0
        for n, (start, end, text) in enumerate(places):
            pieces.append("".join(filled[done:start]))
            address = self._stand_ins.address(text)
            if start < end:
                # Where it begins within the one before, it is set apart: nothing but its order matters.
                pieces += [" " if start < done else "", address]
            elif not _shows(places[n + 1 : n + 2], start, text):
                pieces.append(_LINK)
                links.append(address)
            done = max(done, end)
        pieces.append("".join(filled[done:]))
        found = "\n".join(_shortened("".join(pieces).split("\n"), lines))
        return (_with_links(found, links) if links else found), bool(lines)


def _shows(following: Sequence[tuple[int, int, str]], start: int, address: str) -> bool:
    """Whether the text shows the address of a link right at its place, as it mostly does."""
    return any(at == start < end and address_key(text) == address_key(address) for at, end, text in following)


def _shortened(lines: Sequence[str], kept: set[int]) -> Iterable[str]:
    before = True
    for index, line in enumerate(lines):
        if index in kept:
            yield line
        elif before:
            yield line[:_LONGEST_FILLER]
        before = index in kept


def _with_links(text: str, links: Sequence[str]) -> str:
    pieces = html.escape(text).split(_LINK)
    anchors = [f'<a href="mailto:{html.escape(each)}"></a>' for each in links]
    joined = pieces[0] + "".join(map("".join, zip(anchors, pieces[1:], strict=True)))
    return f"{_AS_WRITTEN}{joined}</pre>"


def _part(body: str) -> str:
    return f"{_HTML if body.startswith(_AS_WRITTEN) else _PLAIN}\n\n{body}\n"


def _multipart(parts: Sequence[str], boundary: str) -> str:
    inner = "".join(f"--{boundary}\n{part}" for part in parts)
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n{inner}--{boundary}--\n'


def _written(fields: Sequence[tuple[str, str]], kind: str, body: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in fields]
    return "\n".join([*lines, "MIME-Version: 1.0", kind, "", body.rstrip("\n"), ""]).encode()
