"""The words of mails, for full-text search: one meaning on both databases.

The words are our own: what a text holds of letters and digits, in NFKC, case folded. SQLite's FTS5 and PostgreSQL's
`tsvector` index them as they come, without a language's stemming, so that both find the same messages.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from beleg.errors import InputError
from beleg.message import Message

LONGEST = 64
"""How many characters of a word count: both sides of every comparison are cut there."""
MOST_TERMS = 30
"""How many terms a search may have."""
_SUBJECT, _ADDRESSES = 1_000, 3_000
_MOST = 16_000  # words of a message in all; tsvector counts positions to 16,383, and two are left empty
_BYTES = 500_000  # of them; a tsvector has at most 1 MB
_REPEATED = 250  # times that one word counts; tsvector keeps 256 positions of it at most
_GAP = "\N{MIDDLE DOT}"
"""Stands in SQLite's texts for a word that counts no more: no search can name it."""

_WORD = re.compile(r"[^\W_]+")
_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')


class Words(NamedTuple):
    """The words of a message, by where they stand: subject, addresses with their display names, content. Of a long
    message the first 16,000 (of the subject 1,000, of the addresses 3,000) and the first 500,000 bytes; of one word
    the first 250 times, which are the ones of subject and addresses first."""

    subject: tuple[str, ...]
    addresses: tuple[str, ...]
    content: tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return [word[:LONGEST] for word in _WORD.findall(text)]


def words_of(parsed: Message) -> Words:
    """The words of a message."""
    counting = _Counting()
    addresses = (one for p in parsed.participants for one in (p.address, p.name))
    return Words(
        counting.take([parsed.subject], _SUBJECT),
        counting.take(addresses, _ADDRESSES),
        counting.take((part.text for part in parsed.content), _MOST),
    )


class _Counting:
    """What is left of the limits of a message. Whole texts are counted at once: nearly no mail comes near a limit."""

    def __init__(self) -> None:
        self._words = _MOST
        self._bytes = _BYTES
        self._times: Counter[str] = Counter()

    def take(self, texts: Iterable[str], most: int) -> tuple[str, ...]:
        found: list[str] = []
        most = min(most, self._words)
        for text_ in texts:
            found += words(text_)[: most - len(found)]
            if len(found) == most:
                break
        size = sum(map(len, map(str.encode, found)))
        while size > self._bytes:
            size -= len(found.pop().encode())
        self._bytes -= size
        self._words -= len(found)
        return self._less_repeated(found)

    def _less_repeated(self, found: list[str]) -> tuple[str, ...]:
        before = self._times.copy()
        self._times.update(found)
        often = {word: before[word] for word in set(found) if self._times[word] > _REPEATED}
        if not often:
            return tuple(found)
        kept = []
        for word in found:
            if word in often:
                often[word] += 1
                word = word if often[word] <= _REPEATED else _GAP
            kept.append(word)
        return tuple(kept)


def write(connection: Connection, found: Sequence[tuple[int, Words]]) -> None:
    """Store the words of some messages, by row number, that have none stored. One round trip."""
    if not found:
        return
    if connection.dialect.name == "sqlite":
        rows = [(row, *map(" ".join, each)) for row, each in found]
        sql = "INSERT INTO message_words (rowid, subject, addresses, content) VALUES (?, ?, ?, ?)"
        connection.exec_driver_sql(sql, rows)
    else:
        vectors = [(row, _vector(each)) for row, each in found]
        sql = "INSERT INTO message_words (message, words) VALUES (%s, CAST(%s AS tsvector))"
        connection.exec_driver_sql(sql, vectors)


def known(connection: Connection, rows: Collection[int]) -> set[int]:
    """Which of these messages have their words stored."""
    column = "rowid" if connection.dialect.name == "sqlite" else "message"
    query = text(f"SELECT {column} FROM message_words WHERE {column} IN :rows")
    return set(connection.scalars(query.bindparams(bindparam("rows", expanding=True)), {"rows": list(rows)}))


def forget(connection: Connection, row: int) -> None:
    """Take the words of a message out."""
    column = "rowid" if connection.dialect.name == "sqlite" else "message"
    connection.execute(text(f"DELETE FROM message_words WHERE {column} = :row"), {"row": row})


def _vector(found: Words) -> str:
    """The words as PostgreSQL reads them: each with its positions, one of which is left empty between two fields, so
    that no phrase goes across."""
    places: dict[str, list[str]] = {}
    position = 0
    for weight, field in zip("ABC", found, strict=True):
        for word in field:
            position += 1
            if word != _GAP:
                places.setdefault(word, []).append(f"{position}{weight}")
        position += 1
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


class Search(NamedTuple):
    """What is searched for: terms, each of which must occur. A term is one word or several in a row, the last of
    which may go on, if it has two letters or more: `rech` finds `rechnung`."""

    terms: tuple[tuple[str, ...], ...]

    def match(self) -> str:
        """As FTS5 reads it."""
        return " AND ".join(f'"{" ".join(term)}"{" *" if _goes_on(term) else ""}' for term in self.terms)

    def tsquery(self) -> str:
        """As PostgreSQL reads it."""
        return " & ".join(_sequence(term) for term in self.terms)

    def texts(self) -> list[str]:
        """Of each term, what the blank and the words of a text that has it hold."""
        return [f" {' '.join(term)}{'' if _goes_on(term) else ' '}" for term in self.terms]


def _goes_on(term: tuple[str, ...]) -> bool:
    return len(term[-1]) > 1  # a single letter would find too much, and slowly


def _sequence(term: tuple[str, ...]) -> str:
    *first, last = (f"'{word}'" for word in term)
    return f"({' <-> '.join([*first, last + (':*' if _goes_on(term) else '')])})"


def search(text: str) -> Search:
    """Read what a person searches for: terms that are parted by blanks; what stands between quotes is one term, and so
    is what has marks within (`AB-1042`, an address). No text is wrong, but one with more than 30 terms: raises
    InputError. A text without a letter or digit has no terms."""
    found = (tuple(words(match[1] if match[1] is not None else match[2])) for match in _TERM.finditer(text))
    terms = tuple(dict.fromkeys(term for term in found if term))
    if len(terms) > MOST_TERMS:
        raise InputError(f"search for at most {MOST_TERMS} words at once; these are {len(terms)}")
    return Search(terms)
