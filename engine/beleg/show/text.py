"""The text of a mail for a person: its evidence highlighted, its history foldable, one version of several shown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from beleg.message import Message, TextPart
from beleg.message.structure import Branch, parts
from beleg.show.history import blocks
from beleg.trace import At


class Mark(NamedTuple):
    """A piece of the mail to highlight. `key` is the caller's: it finds there what the highlight says."""

    at: At
    key: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Running text, or with a `key` a highlight; one without text is the place of a link to an address."""

    text: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a text."""

    segments: tuple[Segment, ...]
    quoted: bool = False
    """Whether they are quoted history, to be folded."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(segment.text for segment in self.segments)

    @property
    def lines(self) -> int:
        """How many lines it has."""
        text = self.text
        return text.count("\n") + (not text.endswith("\n"))

    @property
    def keys(self) -> tuple[str, ...]:
        """The highlights in it, each once, in order."""
        return tuple(dict.fromkeys(segment.key for segment in self.segments if segment.key is not None))


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One content part. Its blocks are its text, put together: nothing is left out."""

    part: str
    kind: str
    """As of `TextPart`: `text/plain`, `text/html` or `header`."""
    blocks: tuple[Block, ...]
    others: tuple[ShownPart, ...] = ()
    """The other versions of the same content (multipart/alternative), to be folded."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(block.text for block in self.blocks)

    @property
    def keys(self) -> tuple[str, ...]:
        """The highlights in it, each once, in order."""
        return tuple(dict.fromkeys(key for block in self.blocks for key in block.keys))

    @property
    def also(self) -> tuple[str, ...]:
        """The highlights in the other versions ("also found in the HTML version")."""
        return tuple(dict.fromkeys(key for other in self.others for key in other.keys))

    @property
    def only_elsewhere(self) -> tuple[str, ...]:
        """Those of the other versions that the shown one doesn't have."""
        here = set(self.keys)
        return tuple(key for key in self.also if key not in here)


@dataclass(frozen=True, slots=True)
class ShownText:
    """The subject and the content parts, in reading order."""

    subject: tuple[Segment, ...]
    parts: tuple[ShownPart, ...]


def shown_text(raw: bytes, message: Message, marks: Iterable[Mark] = ()) -> ShownText:
    """The texts of a message with the evidence in it highlighted; `raw` is what the message was parsed from.

    Marks that stand in a header field are not for
    here; of two that overlap the later begins where the first ends. Of a multipart/alternative the first version with
    plain text is shown, where none has any, the last (RFC 2046 section 5.1.4: the richest).
    """
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for at, key in marks:
        spans.setdefault(at.part, []).append((at.start, at.end, key))
    subject = tuple(_segments(message.subject, _disjoint(spans.get("subject", ()), len(message.subject))))
    shown = {part.part: _shown(part, spans.get(part.part, ())) for part in message.content}
    hidden = _hidden(message.content, {part.number: part.branches for part in parts(raw)})
    others: dict[str, list[ShownPart]] = {}
    for part in shown:
        if part in hidden:
            others.setdefault(hidden[part], []).append(shown[part])
    return ShownText(
        subject,
        tuple(
            ShownPart(part.part, part.kind, part.blocks, tuple(others.get(part.part, ())))
            for part in shown.values()
            if part.part not in hidden
        ),
    )


def _hidden(content: Iterable[TextPart], branches: Mapping[str, tuple[Branch, ...]]) -> dict[str, str]:
    """The parts that are versions of a shown one, and which that is."""
    versions: dict[str, dict[int, list[TextPart]]] = {}  # of each alternative, the outermost first
    inside = {part.part: branches.get(part.part.removesuffix(".header"), ()) for part in content}
    for part in content:
        for alternative, version in inside[part.part]:
            versions.setdefault(alternative, {}).setdefault(version, []).append(part)
    found: dict[str, str] = {}
    for of_each in versions.values():
        seen = {version: [part for part in texts if part.part not in found] for version, texts in of_each.items()}
        seen = {version: texts for version, texts in seen.items() if texts}
        if len(seen) < 2:
            continue
        chosen = _chosen(seen)
        instead = seen[chosen][0].part
        for version, texts in seen.items():
            if version != chosen:
                found.update((part.part, instead) for part in texts)
    # What an inner alternative hides in turn points on to what is shown.
    for number, instead in found.items():
        while instead in found:
            instead = found[instead]
        found[number] = instead
    return found


def _chosen(versions: Mapping[int, list[TextPart]]) -> int:
    written = [version for version, texts in versions.items() if any(part.text.strip() for part in texts)]
    plain = (v for v in written if any(part.kind == "text/plain" and part.text.strip() for part in versions[v]))
    return next(plain, (written or list(versions))[-1])


def _shown(part: TextPart, spans: Iterable[tuple[int, int, str]]) -> ShownPart:
    ordered = _disjoint(spans, len(part.text))
    starts = [start for start, _, _ in ordered]
    found = []
    # The header of an attached message looks like Outlook's block, and is no history.
    pieces = blocks(part.text) if part.kind != "header" else iter([(0, len(part.text), False)])
    for start, end, quoted in pieces:
        first = bisect_left(starts, start)
        if first and ordered[first - 1][1] > start:  # begins in the block before
            first -= 1
        last = bisect_left(starts, end) if end < len(part.text) else len(starts)
        within = [(max(s, start) - start, min(e, end) - start, key) for s, e, key in ordered[first:last]]
        found.append(Block(tuple(_segments(part.text[start:end], within)), quoted))
    if not found and ordered:  # only a link's address, which takes no room
        found.append(Block(tuple(_segments("", ordered))))
    return ShownPart(part.part, part.kind, tuple(found))


def _disjoint(spans: Iterable[tuple[int, int, str]], length: int) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    reached = 0
    for start, end, key in sorted(spans):
        start, end = max(start, reached), min(end, length)
        if start <= end:
            found.append((start, end, key))
            reached = end
    return found


def _segments(text: str, spans: Iterable[tuple[int, int, str]]) -> Iterator[Segment]:
    reached = 0
    for start, end, key in spans:
        if start > reached:
            yield Segment(text[reached:start])
        yield Segment(text[start:end], key)
        reached = end
    if reached < len(text):
        yield Segment(text[reached:])
