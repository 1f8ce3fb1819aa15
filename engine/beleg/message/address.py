"""Address lists of header fields: RFC 5322 section 3.4, its obsolete forms, RFC 6532's letters.

A state machine over tokens, without recursion and in linear time. Encoded words are whole tokens and
are decoded only in display names, afterwards: what one decodes to is never an address.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .header import readable
from .words import ENCODED_WORD

_ATEXT = r'[^\x00-\x20"(),:;<>@\[\\\].\x7f-\xa0\s]'
_ATOMS = rf"{_ATEXT}++(?:\.{_ATEXT}++)*+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
_WORD = rf"(?:{_ATEXT}++|{_QUOTED})"
_ADDR_SPEC = re.compile(rf"{_WORD}(?:\.{_WORD})*+@(?:{_ATOMS}|\[[^\[\]\\\x00-\x08\x0a-\x1f\x7f]*+\])", re.DOTALL)
# `a@b.c`, `Max <a@b.c>` and `"Max" <a@b.c>`, up to the comma: nearly all addresses are written so.
_USUAL = re.compile(
    rf'[ \t,]*+(?:(?:"([^"\\]*+)"|([^"(),:;<>@\[\]\\]*+))[ \t]*+<({_ATOMS}@{_ATOMS})>|({_ATOMS}@{_ATOMS}))'
    r"[ \t]*+(?:,|\Z)"
)
_EMPTY = re.compile(r"[ \t,]*+")
_PARENTHESES = re.compile(r"\\.|\(++|\)++", re.DOTALL)
_QUOTING = re.compile(r'\\(.)|"', re.DOTALL)
_BETWEEN_COMMENTS = re.compile(r"\)[ \t]*+\(")
_BLANKS = re.compile(r"\s+")


class Mailbox(NamedTuple):
    """One element of an address list, in the order of the list."""

    name: str
    """The display name or the name of a group, decoded; of what is no address, all of its text."""
    address: str | None
    """The addr-spec; None for a group's name and for what is no address."""
    wrong: bool = False
    """Whether an address should stand here and does not."""


def is_addr_spec(text: str) -> bool:
    """Whether `text` is an addr-spec of RFC 5322 (letters of RFC 6532 included) without an encoded word."""
    return _ADDR_SPEC.fullmatch(text) is not None and not ("=?" in text and ENCODED_WORD.search(text))


def mailboxes(text: str) -> list[Mailbox]:
    """The elements of an address list that stands on one line."""
    found: list[Mailbox] = []
    position, end = 0, len(text)
    while position < end:
        match = _USUAL.match(text, position)
        quoted, phrase, angled, bare = match.groups() if match else ("", "", "", "")
        address = angled or bare
        if match is None or "=?" in address or (phrase and "=?" in phrase and _half_word(phrase)):
            if (blank := _EMPTY.match(text, position)) is None or blank.end() < end:
                found.extend(_list(text, position))
            break
        found.append(Mailbox(_shown(quoted or phrase or ""), address))
        position = match.end()
    return found


def _half_word(text: str) -> bool:
    """Whether an encoded word begins in `text` and doesn't end: the angle bracket may be a letter of it."""
    return "=?" in ENCODED_WORD.sub("", text)


def _shown(text: str) -> str:
    text = readable(text)
    return _BLANKS.sub(" ", text).strip()


@lru_cache(maxsize=8)
def _tokens(quotes: bool, comments: bool, literals: bool) -> re.Pattern[str]:
    """The tokens, without those whose beginning is known to have no end: each is sought in vain once.

    Neighbours that mean no more than one of them are one token, so that a megabyte of quotes is short.
    """
    kinds = [
        r"(?P<blank>[ \t\n]++)",
        # Before atoms: an encoded word may hold what would end an atom.
        rf"(?P<encoded>(?:{ENCODED_WORD.pattern}[ \t]*+)++)",
        r'(?P<words>[^ \t\n"(),:;<>@\[\\\].]++(?:[ \t]++(?!=\?)[^ \t\n"(),:;<>@\[\\\].]++)*+)',
    ]
    if quotes:
        kinds.append(r'(?P<quoted>(?:"(?:[^"\\]++|\\.)*+")++)')
    if comments:
        kinds.append(r"(?P<comment>(?:\((?:[^()\\]++|\\.)*+\)[ \t]*+)++)|(?P<nested>\()")
    if literals:
        kinds.append(r"(?P<literal>\[(?:[^\[\]\\]++|\\.)*+\])")
    kinds.append(r'(?P<mark>(?P<one>[",;:<>@.()\[\]\\])(?P=one)*+)')
    return re.compile("|".join(kinds), re.DOTALL)


def _list(text: str, position: int) -> list[Mailbox]:
    element = _Element()
    quotes = comments = literals = True
    tokens = _tokens(quotes, comments, literals)
    while match := tokens.match(text, position):
        kind, token, position = match.lastgroup, match[0], match.end()
        if kind == "blank":
            element.gap = True
        elif kind == "quoted":
            element.put(token, _QUOTING.sub(r"\1", token), is_word=True)
        elif kind == "comment":
            element.comment(_BETWEEN_COMMENTS.sub(" ", token.strip(" \t")[1:-1]))
        elif kind == "nested":
            close = _closing(text, position - 1)
            if close is None:
                comments = False
                position -= 1
            else:
                element.comment(text[position : close - 1])
                position = close
        elif kind == "mark":
            quotes = quotes and token[0] != '"'
            literals = literals and token[0] != "["
            element.mark(token)
        else:
            element.put(token, token, is_word=True)
        if kind in ("mark", "nested"):
            tokens = _tokens(quotes, comments, literals)
    element.finish()
    return element.found


def _closing(text: str, position: int) -> int | None:
    """Behind the parenthesis that closes the comment at `position`."""
    depth = 0
    for match in _PARENTHESES.finditer(text, position):
        found = match[0]
        if found[0] == "(":
            depth += len(found)
        elif found[0] == ")":
            if depth <= len(found):
                return match.start() + depth
            depth -= len(found)
    return None


class _Element:
    """What stands between two commas, while it is read, and the elements found so far."""

    __slots__ = (
        "angle",
        "at",
        "comments",
        "everything",
        "found",
        "gap",
        "inside",
        "more",
        "phrase",
        "spec",
        "word",
    )

    def __init__(self) -> None:
        self.found: list[Mailbox] = []
        self._begin()

    def _begin(self) -> None:
        self.everything: list[str] = []  # for showing what is no address
        self.phrase: list[str] = []
        self.comments: list[str] = []
        self.spec: list[str] = []  # outside angle brackets, blanks around dots and @ left out
        self.angle: list[str] | None = None
        self.inside = False  # the angle brackets
        self.word = False  # the last token was a word
        self.gap = False  # a blank or comment came after it
        self.at = False
        self.more = False  # a second pair of angle brackets

    def comment(self, text: str) -> None:
        self.comments.append(text)
        self.gap = True

    def put(self, token: str, shown: str, *, is_word: bool) -> None:
        """A word (atom, quoted string, encoded word, domain literal), or a mark of an address."""
        target = self.angle if self.inside and self.angle is not None else self.spec
        if is_word and self.word:
            target.append(" ")  # two words side by side are no addr-spec
        target.append(token)
        if self.gap:
            shown = " " + shown
        self.everything.append(shown)
        if not self.inside:
            self.phrase.append(shown)
        self.word, self.gap = is_word, False

    def mark(self, run: str) -> None:
        """A special character, or a run of one."""
        mark = run[0]
        route = self.inside and bool(self.angle) and self.angle is not None and self.angle[0] == "@"
        if mark == ";" or (mark == "," and not route):
            self.finish()
        elif mark == "<":
            if self.angle is None:
                self.angle, self.inside = [], True
            else:
                self.more = True
            self.everything.append(" <")
            self.word = self.gap = False
        elif mark == ">" and self.inside:
            self.everything.append(">")
            self.inside = self.word = self.gap = False
        elif mark == ":" and route:
            self.angle = []  # <@relay,@relay:user@domain>: the route is obsolete
            self.word = self.gap = False
        elif mark == ":" and self.angle is None and not self.at:
            name = _shown("".join(self.phrase))
            self._begin()
            if name:
                self.found.append(Mailbox(name, None))
        else:
            self.at = self.at or mark == "@"
            self.put(run, run, is_word=False)

    def finish(self) -> None:
        """The element ends here."""
        spec = "".join(self.spec if self.angle is None else self.angle)
        if is_addr_spec(spec):
            name = "" if self.angle is None else "".join(self.phrase).strip()
            comments = " ".join(self.comments)
            self.found.append(Mailbox(_shown(f"{name} ({comments})" if name and comments else name or comments), spec))
            if self.more:
                self.found.append(Mailbox("", None, wrong=True))
        elif self.everything:
            self.found.append(Mailbox(_shown("".join(self.everything)), None, wrong=bool(spec) or self.more))
        self._begin()
