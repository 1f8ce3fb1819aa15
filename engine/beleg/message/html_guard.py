"""Hostile HTML made harmless before it is parsed.

lexbor takes time in the square of how deep elements nest (50,000 `<div>`: 3 s) and of how many
attributes an element has; and formatting that is left open it opens again in each block behind, as
HTML5 says ("reconstruct the active formatting elements"): 5,000 `<font>` before 5,000 `<p>` are 25
million elements. `tame` passes what cannot become slow as it is; the rest it rewrites in one linear
pass: elements nest at most 300 deep and carry only the attributes that are read, and formatting
becomes `span`. Where there are more tags than any mail needs, only those stay that hide or link
something.
"""

from __future__ import annotations

import html
import re
from collections import Counter


def names(text: str) -> frozenset[str]:
    """The element names in `text`."""
    return frozenset(text.split())


# What parts words, in the text that is passed on. Control characters, so that ASCII stays ASCII.
BLOCK, CELL = "\x01", "\x02"
OWN_MARKS = re.compile(r"[\x01-\x07]+")
"""The control characters that stand for something here and in `html`; the source's own are replaced."""

BLOCKS = names(
    "address article aside blockquote body br caption center col colgroup dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li"
    " listing main menu nav ol optgroup option p plaintext pre search section summary table tbody tfoot"
    " thead tr ul xmp"
)
CELLS = names("td th")
MARKS = dict.fromkeys(BLOCKS, BLOCK) | dict.fromkeys(CELLS, CELL)
"""What an element puts before and behind its text."""
UNSEEN = names("head script style template title noembed iframe noframes -comment")
"""What has no visible text (RULES.md section 2, Content)."""

_DEPTH = 300
_MANY_TAGS = 50_000
# Start tags times tags, and attributes times attributes: each a nanosecond or two. No mail a person wrote
# comes near it.
_BUDGET = 150_000_000
# What an element costs that is opened again, in the same measure: it is made, and walked over in Python.
_REOPENED = 300
_FORMATTING = names("a b big code em font i nobr s small strike strong tt u")
_FORMATS = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})[\s/>]", re.IGNORECASE)
# Between two of these tags an end tag reaches no formatting that began before.
_OUT_OF_REACH = names(
    "annotation-xml applet button caption desc foreignobject html marquee math mi mn mo ms mtext object select svg"
    " table td template th title"
)
_LONG = 500
_LONG_TAG = re.compile(rf"<[a-zA-Z][^>]{{{_LONG}}}")
_QUOTED_ANGLE = re.compile(r"""=\s*+(?:"[^"<>]*+[<>]|'[^'<>]*+[<>])""")

_ATTRIBUTES = r"""(?:[^>=]++|=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>"'][^\s>]*+)?)*+"""
TAG = re.compile(
    rf"""<(?:
      (?=[sitnx])(?P<raw>script|style|title|iframe|noembed|noframes|textarea|xmp)(?=[\s/>])(?P<of_raw>{_ATTRIBUTES})
          (?P<text>>[^<]*+(?:<(?!/(?P=raw)[\s/>])[^<]*+)*+)?
    | (?P<end>/?)(?P<name>[a-z][^\s/>]*+)(?P<attributes>{_ATTRIBUTES})(?P<close>>?)
    | !--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?)
    | [!?/][^>]*+>?
    )""",
    re.IGNORECASE | re.VERBOSE,
)
ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s>]*+)))?""")
_READ = re.compile(r"hidden|style|mailto|&\#", re.IGNORECASE)
_NUMBERED_MARK = re.compile(r"&#(?:0*+[1-7]|[xX]0*+[1-7])(?![0-9a-fA-F]);?")
_LONG_NUMBER = re.compile(r"&#[0-9]{8,}")
VOID = names("area base br col embed hr img input link meta param source track wbr keygen frame image")
# An end tag closes these too when they are open inside its element.
_IMPLIED = frozenset({"p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "dd", "dt"})
_LOOK_BACK = 4
# Where the tree isn't built by lexbor: which start tags end a paragraph, and where the search for the start
# of an end tag ends.
ENDS_P = names(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main menu nav ol p pre search section"
    " summary ul"
)
_SCOPES = names("table td th caption template object marquee applet button")
_FAR_BACK = 16
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z")


def hides(style: str) -> bool:
    """Whether the declarations of a `style` attribute hide the element: the last of a property counts,
    before it one that is `!important`."""
    display = visibility = ""
    display_holds = visibility_holds = False
    for declaration in _COMMENT.sub(" ", style).lower().split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip()
        if name not in ("display", "visibility"):
            continue
        plain = _IMPORTANT.sub("", value)
        important = plain != value
        if name == "display" and (important or not display_holds):
            display, display_holds = plain.strip(), important
        elif name == "visibility" and (important or not visibility_holds):
            visibility, visibility_holds = plain.strip(), important
    return display == "none" or visibility == "hidden"


class Trust:
    """How much slow parsing a mail may still cause, all of its parts together."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _BUDGET

    def affords(self, source: str, tags: int) -> bool:
        """Whether `source` may be parsed as it is, at its worst."""
        cost = tags * (tags - source.count("</"))
        if tags * tags * _REOPENED > self.left:
            formats = len(_FORMATS.findall(source))
            if formats * tags * _REOPENED > self.left:
                formats = _left_open(source)
            cost += formats * tags * _REOPENED
        attributes = (len(source) // 2) ** 2  # an attribute takes two letters at least
        if cost + attributes > self.left:
            attributes = 0
            if cost <= self.left and (_LONG_TAG.search(source) or _QUOTED_ANGLE.search(source)):
                attributes = sum(_attributes(match) ** 2 for match in TAG.finditer(source))
        if cost + attributes > self.left:
            return False
        self.left -= cost + attributes
        return True


def _attributes(match: re.Match[str]) -> int:
    text = match["attributes"] or match["of_raw"] or ""
    return len(ATTRIBUTE.findall(text)) if len(text) > _LONG else 0


def _left_open(source: str) -> int:
    """How much formatting is open at once, at the most."""
    most = total = 0
    here: Counter[str] = Counter()  # what an end tag here can reach
    for match in TAG.finditer(source):
        name = (match["name"] or "").lower()
        if name in _OUT_OF_REACH:
            here.clear()
        elif name in _FORMATTING:
            if not match["end"]:
                here[name] += 1
                total += 1
                most = max(most, total)
            elif here[name]:
                here[name] -= 1
                total -= 1
    return most


def tame(source: str, trust: Trust) -> tuple[str, bool]:
    """HTML that shows the same as `source` and that lexbor parses in linear time; whether it was rewritten.

    In rewritten HTML `hidden` is the only attribute that hides, and there are no marks of the source's own.
    """
    tags = source.count("<")
    if tags <= _MANY_TAGS and trust.affords(source, tags):
        return source, False
    source = _NUMBERED_MARK.sub("\ufffd", OWN_MARKS.sub("\ufffd", source))
    if tags <= _MANY_TAGS:
        return TAG.sub(_Rewriter().rewrite, source), True
    return TAG.sub(_Flattener().rewrite if _READ.search(source) else _flat, source), True


def _flat(match: re.Match[str]) -> str:
    """In place of a tag where none hides or links anything."""
    raw, _, text, end, name, _, close = match.groups()
    if name is None:
        return _raw(raw, text)
    name = name.lower()
    if name == "template":
        return f"<{end}template>"
    return MARKS.get(name, "") if close else ""


def _raw(name: str | None, text: str | None) -> str:
    """In place of an element whose text holds no tags, or (no name) of a comment."""
    return f"<{name}{text}</{name}>" if name and text and name.lower() in ("textarea", "xmp") else ""


class _Rewriter:
    """Keeps elements down to a depth; what lexbor may leave open counts as open."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._attributes: dict[tuple[str, str], str] = {}  # as written, to those that are read
        self._plain = False

    def rewrite(self, match: re.Match[str]) -> str:
        if self._plain:
            return match[0].replace("&", "&amp;").replace("<", "&lt;")
        raw, _, text, end, name, attributes, close = match.groups()
        if name is None:
            return _raw(raw, text)
        if not close:
            return ""  # the source ends within the tag
        name = name.lower()
        if end:
            return self.end(name)
        kept = ""
        if attributes:
            known = self._attributes.get((name, attributes))
            if known is None:
                known = _read(name, attributes) if _READ.search(attributes) else ""
                self._attributes[name, attributes] = known
            kept = known
        if name in VOID:
            if not kept:
                return MARKS.get(name, "")
            return f"<area{kept}>" if name == "area" else ""
        return self.start(name, kept)

    def start(self, name: str, attributes: str) -> str:
        opened = self._open
        if name in _FORMATTING:  # as what is not opened again; a link's place is kept beside it
            hidden = " hidden" * attributes.startswith(" hidden")
            place = f"<area{attributes}>" if attributes and not hidden else ""
            return place + self.start("span", hidden)
        if name == "plaintext":  # all behind it is text, which what stands in for formatting must not get into
            self._plain = True
            name = "pre"
        if name in _IMPLIED:
            # A cell or paragraph before it that was left open ends.
            if name == "tr" and opened and opened[-1] in CELLS:
                opened.pop()
            if opened and (opened[-1] == name or (name in CELLS and opened[-1] in CELLS)):
                opened.pop()
        if len(opened) >= _DEPTH:
            return MARKS.get(name, "")
        opened.append(name)
        return f"<{name}{attributes}>"

    def end(self, name: str) -> str:
        opened = self._open
        if name in _FORMATTING:
            name = "span"
        for back in range(1, min(_LOOK_BACK, len(opened)) + 1):
            if opened[-back] == name:
                del opened[-back:]
                return f"</{name}>"
            if opened[-back] not in _IMPLIED:
                break
        return f"</{name}>" if len(opened) < _DEPTH else MARKS.get(name, "")


class _Flattener(_Rewriter):
    """Keeps only what hides or links, as `span` and `a`; the rest of the tree stays in its own head."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[str] = []  # as what each open element was kept, or ""
        self._depth = 0

    def _close(self, count: int) -> str:
        kept = [f"</{name}>" for name in reversed(self._kept[-count:]) if name]
        del self._open[-count:], self._kept[-count:]
        self._depth -= len(kept)
        return "".join(kept)

    def start(self, name: str, attributes: str) -> str:
        last = self._open[-1] if self._open else ""
        ends = (
            (last == "p" and name in ENDS_P)
            or (last in CELLS and (name in CELLS or name == "tr"))
            or (last == name == "li")
        )
        closed = self._close(1) if ends else ""
        kept = ""
        if self._depth < _DEPTH and (attributes or name == "template"):
            self._depth += 1
            kept = name if name == "template" else "span" if attributes.startswith(" hidden") else "a"
        self._open.append(name)
        self._kept.append(kept)
        return f"{closed}<{kept}{attributes}>" if kept else closed + MARKS.get(name, "")

    def end(self, name: str) -> str:
        opened = self._open
        block = name in MARKS
        for back in range(1, min(_FAR_BACK, len(opened)) + 1):
            candidate = opened[-back]
            if candidate == name:
                hidden = self._kept[-back] == "span"
                return self._close(back) + ("" if hidden else MARKS.get(name, ""))
            if candidate in _SCOPES if block else candidate in MARKS:
                break
        return MARKS.get(name, "")


def _read(name: str, attributes: str) -> str:
    """Of a tag's attributes those that are read, the first of each name."""
    found: dict[str, str] = {}
    for attribute in ATTRIBUTE.finditer(attributes):
        key = attribute[1].lower()
        if key in ("hidden", "style", "href") and key not in found:
            found[key] = attribute[2] or attribute[3] or attribute[4] or ""
    kept = " hidden" if "hidden" in found or hides(unescaped(found.get("style", ""))) else ""
    link = unescaped(found.get("href", "")) if name in ("a", "area") else ""
    if "mailto:" in link.lower():
        kept += f' href="{html.escape(link)}"'
    return kept


def unescaped(value: str) -> str:
    # Python refuses to read numbers of thousands of digits; all of these are U+FFFD anyway.
    return html.unescape(_LONG_NUMBER.sub("&#xFFFD", value)) if "&" in value else value
