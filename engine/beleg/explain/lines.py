"""Lines of styled text: what the terminal colours and a pipe prints plainly."""

from __future__ import annotations

from collections.abc import Iterable

Line = tuple[tuple[str, str], ...]
"""Pieces of (text, style); the styles are '' (none), `head`, `good`, `bad`, `dim` and `strong`."""


def line(*pieces: str | tuple[str, str]) -> Line:
    """A line of pieces, unstyled where no style is given."""
    return tuple((piece, "") if isinstance(piece, str) else piece for piece in pieces)


def plain(lines: Iterable[Line]) -> str:
    """The text alone; no line ends in a space."""
    return "".join("".join(text for text, _ in each).rstrip() + "\n" for each in lines)
