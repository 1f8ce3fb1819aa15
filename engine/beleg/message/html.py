"""HTML to the text that a person sees (RULES.md section 2, Content), parsed as HTML5 does by lexbor."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from selectolax.lexbor import LexborHTMLParser, LexborNode

from .address import is_addr_spec
from .html_guard import BLOCK, CELL, MARKS, OWN_MARKS, UNSEEN, Trust, hides, tame
from .model import Span
from .text import clean, decode

_AS_WRITTEN = frozenset({"pre", "textarea", "listing", "xmp", "plaintext"})

_SPACE, _NEWLINE, _TAB, _LINK = "\x03\x04\x05\x06"
_OWN_BYTES = bytes(range(1, 8))
_KEPT = str.maketrans({" ": _SPACE, "\n": _NEWLINE, "\t": _TAB})
_RESTORED = ((_SPACE, " "), (_NEWLINE, "\n"), (_TAB, "\t"))
_SEEN_AS = {BLOCK: "\n", CELL: "\t", " ": " ", "": ""}
_HIDDEN = '[hidden],[style*="none" i],[style*="hidden" i]'
_MAILTO = '[href*="mailto:" i]'
_BLANKS = BLOCK + CELL + " "
_URL_BLANKS = re.compile(r"[\t\n\r]+")
_URL_ENDS = "".join(map(chr, range(33)))
_MAX_LINKS = 20_000
_MAX_REPEATED = 1000


def html_text(source: str, trust: Trust) -> tuple[str, tuple[Span, ...]]:
    """The visible text of `source`, cleaned, and where the addresses of its `mailto:` links stand in it."""
    lowered = source.encode("utf-8", "replace").lower()
    tamed, rewritten = tame(source, trust)
    tree = LexborHTMLParser(tamed)
    root = tree.root
    if root is None:
        return "", ()
    unseen: frozenset[int] = frozenset()
    if b"hidden" in lowered or b"none" in lowered or b"&#" in lowered:
        unseen = frozenset(node.mem_id for node in tree.css(_HIDDEN) if rewritten or _is_hidden(node))
    links: dict[int, tuple[str, ...]] = {}
    if b"mailto" in lowered or b"&#" in lowered:
        links = _links(tree.css(_MAILTO))
    own_marks = not rewritten and (b"&#" in lowered or len(lowered.translate(None, _OWN_BYTES)) < len(lowered))
    return _finish(*_walk(root, unseen, links, own_marks))


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or hides(attributes.get("style") or "")


def _links(nodes: Iterable[LexborNode]) -> dict[int, tuple[str, ...]]:
    """The addresses of the `mailto:` links among `nodes` (RFC 6068), without their queries."""
    known: dict[str, tuple[str, ...]] = {}
    times: Counter[str] = Counter()
    found: dict[int, tuple[str, ...]] = {}
    for node in nodes:
        target = node.attributes.get("href") or ""
        if target not in known:
            if len(known) > _MAX_LINKS:  # more than a mail may hold: what is found so far tells
                break
            known[target] = _addresses(target)
        times[target] += 1
        if known[target] and times[target] <= _MAX_REPEATED and node.tag in ("a", "area"):
            found[node.mem_id] = known[target]
    return found


def _addresses(target: str) -> tuple[str, ...]:
    # What a browser drops from a URL: controls and blanks around it, line ends and tabs within.
    target = _URL_BLANKS.sub("", target.strip(_URL_ENDS))
    if target[:7].lower() != "mailto:":
        return ()
    found: dict[str, None] = {}
    for part in dict.fromkeys(target[7:].partition("#")[0].partition("?")[0].split(",")):
        address = clean(decode(unquote_to_bytes(part), "utf-8")).strip().removeprefix("//")
        if is_addr_spec(address):
            found.setdefault(address)
            if len(found) > _MAX_LINKS:
                break
    return tuple(found)


def _walk(
    root: LexborNode, unseen: frozenset[int], links: dict[int, tuple[str, ...]], own_marks: bool
) -> tuple[str, list[tuple[str, ...]]]:
    """The text with marks in it, and the addresses of its links in order. A loop: HTML nests deeply."""
    pieces: list[str] = []
    targets: list[tuple[str, ...]] = []
    above: list[tuple[LexborNode, str]] = []  # the open elements, and what their ends put into the text
    as_written = -1  # how many are open around the outermost <pre>
    node = root
    while True:
        tag = node.tag or ""
        if tag == "-text":
            text = node.text_content or ""
            if own_marks:
                text = OWN_MARKS.sub("\ufffd", text)
            pieces.append(text if as_written < 0 else text.translate(_KEPT))
        elif tag not in UNSEEN and not (unseen and node.mem_id in unseen):
            mark = MARKS.get(tag, "")
            if mark:
                pieces.append(mark)
            if links and node.mem_id in links:
                pieces.append(_LINK)
                targets.append(links[node.mem_id])
            below = node.first_child
            if below is not None:
                if tag in _AS_WRITTEN and as_written < 0:
                    as_written = len(above)
                above.append((node, mark))
                node = below
                continue
            pieces.append(mark)
        following = node.next if above else None
        while following is None:
            if not above:
                return "".join(pieces), targets
            node, mark = above.pop()
            if mark:
                pieces.append(mark)
            if len(above) == as_written:
                as_written = -1
            following = node.next if above else None
        node = following


def _collapsed(text: str) -> str:
    """Each run of blanks as one, the strongest of block, cell and space, and none at the ends."""
    while "  " in text:
        text = text.replace("  ", " ")
    text = "\n".join([line for part in text.split(BLOCK) if (line := part.strip(_BLANKS))])
    if CELL in text:
        text = text.replace(" " + CELL, CELL).replace(CELL + " ", CELL)
        while CELL + CELL in text:
            text = text.replace(CELL + CELL, CELL)
        text = text.replace(CELL, "\t")
    return text


def _strongest(run: str) -> str:
    return BLOCK if BLOCK in run else CELL if CELL in run else " " if " " in run else ""


def _finish(marked: str, targets: list[tuple[str, ...]]) -> tuple[str, tuple[Span, ...]]:
    """The text without marks, and the addresses of each link at the link's place, which takes no room: a link parts no
    words. Blanks on both sides of its mark are one: `AU <a> 1</a>` is `AU 1`."""
    for blank in "\n\t\r\f":
        marked = marked.replace(blank, " ")
    pieces: list[str] = []
    length = 0
    blanks = ""  # before the piece to come
    waiting = 0  # links before the piece to come
    places: list[int] = []
    for index, piece in enumerate(marked.split(_LINK)):
        waiting += index > 0
        text = _collapsed(piece)
        if not text:
            blanks += _strongest(piece)
            continue
        blank = _strongest(blanks + piece[: len(piece) - len(piece.lstrip(_BLANKS))]) if pieces else ""
        length += len(blank)
        places += [length] * waiting
        waiting = 0
        pieces += (_SEEN_AS[blank], text)
        length += len(text)
        blanks = piece[len(piece.rstrip(_BLANKS)) :]
    places += [length] * waiting
    plain = "".join(pieces)
    for mark, blank in _RESTORED:
        if mark in plain:
            plain = plain.replace(mark, blank)
    text = clean(plain)
    if places and text != plain:
        places = _moved(plain, places, len(text))
    spans = (Span(at, at, address) for at, addresses in zip(places, targets, strict=True) for address in addresses)
    return text, tuple(spans)


def _moved(plain: str, places: list[int], length: int) -> list[int]:
    """Where places in `plain` are in its cleaned form."""
    moved: list[int] = []
    done = reached = 0
    for place in places:
        reached += len(clean(plain[done:place]))
        done = place
        moved.append(min(reached, length))
    return moved
