"""Strangers' text made harmless for a screen: what a mail or the ERP says must not command a terminal, turn the writing
direction of what stands beside it, or cover the lines around it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

UNPRINTABLE = re.compile("[\\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, marks, overrides and isolates of the writing direction, Unicode's line and
paragraph separators, halves of a surrogate pair."""
LONGEST_LINE = 500
"""Characters of the longest line that `harmless` gives."""
_MOST_MARKS = 5  # on one letter; no orthography that is in use needs more
_LINE_ENDS = str.maketrans("\t\n\x0b\x0c\r\x85\u2028\u2029", " " * 8)
# Letters that are drawn as nothing: with them a name can look empty.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")


def printable(text: str) -> str:
    """The text, each character that has no place on a screen replaced by U+FFFD; lines stay lines."""
    return UNPRINTABLE.sub("\ufffd", text)


def harmless(text: str, longest: int = LONGEST_LINE) -> str:
    """The text as one line of a list: printable, without characters that are not seen, runs of blanks as one, at most
    five marks on a letter, and cut behind `longest` characters with an ellipsis."""
    cut = text[: 8 * longest]
    line = " ".join(printable(cut.translate(_LINE_ENDS)).split())
    if not line.isascii():
        letters = set(line)
        unseen = {letter for letter in letters if _kind(letter) == "Cf"}
        if unseen:
            line = " ".join(line.translate(dict.fromkeys(map(ord, unseen))).split())
        marks = "".join(sorted(letter for letter in letters - unseen if _kind(letter) == "M"))
        if marks:
            line = re.sub(f"([{re.escape(marks)}]{{{_MOST_MARKS}}})[{re.escape(marks)}]+", r"\1", line)
    return line if len(line) <= longest and len(cut) == len(text) else line[: longest - 1] + "…"


@lru_cache(maxsize=4096)
def _kind(letter: str) -> str:
    """`Cf` for what is not seen, `M` for a mark on the letter before."""
    category = unicodedata.category(letter)
    if category == "Cf" or letter in _FILLERS or "\ufe00" <= letter <= "\ufe0f" or letter == "\u034f":
        return "Cf"
    return "M" if category[0] == "M" else ""
