"""Hostile HTML made harmless before it is parsed.

lexbor takes time in the square of how deep elements nest (50,000 `<div>`: 3 s) and of how many
attributes an element has. `tame` passes what cannot become slow as it is; the rest it rewrites in one
linear pass: elements nest at most 300 deep and carry only the attributes that are read. Where there
are more tags than any mail needs, only those stay that hide or link something.
"""

from __future__ import annotations

import html
import re


def names(text: str) -> frozenset[str]:
    """The element names in `text`."""
    return frozenset(text.split())


# What parts words, in the text that is passed on. Control characters, so that ASCII stays ASCII.
BLOCK, CELL = "\x01", "\x02"
OWN_MARKS = re.compile(r"[\x01-\x07]+")
"""The control characters that stand for something here and in `html`; the source's own are dropped."""

BLOCKS = names(
    "address article aside blockquote body br caption center col colgroup dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li"
    " listing main menu nav ol optgroup option p plaintext pre search section summary table tbody tfoot"
    " thead tr ul xmp"
)
CELLS = names("td th")
_MARKS = dict.fromkeys(BLOCKS, BLOCK) | dict.fromkeys(CELLS, CELL)
UNSEEN = names("head script style template title noembed iframe noframes -comment")
"""What has no visible text (RULES.md section 2, Content)."""

_DEPTH = 300
_MANY_TAGS = 50_000
# Start tags times tags that lexbor may take its time for: about half a millisecond.
_BUDGET = 400_000
_SHORT = 2000
_LONG_TAG = re.compile(r"<[a-zA-Z][^>]{1000}")
_QUOTED_ANGLE = re.compile(r"""=\s*+(?:"[^"<>]*+[<>]|'[^'<>]*+[<>])""")

_ATTRIBUTES = r"""(?:[^>=]++|=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>"'][^\s>]*+)?)*+"""
_TAG = re.compile(
    rf"""<(?:
      (?P<raw>script|style|title|iframe|noembed|noframes|textarea|xmp)(?=[\s/>]){_ATTRIBUTES}
          (?P<text>>[^<]*+(?:<(?!/(?P=raw)[\s/>])[^<]*+)*+)?
    | (?P<end>/?)(?P<name>[a-z][^\s/>]*+)(?P<attributes>{_ATTRIBUTES})(?P<close>>?)
    | !--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?)
    | [!?/][^>]*+>?
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s>]*+)))?""")
_READ = re.compile(r"hidden|style|mailto|&\#", re.IGNORECASE)
_NUMBERED_MARK = re.compile(r"&#(?:0*+[1-7]|[xX]0*+[1-7])(?![0-9a-fA-F]);?")
_LONG_NUMBER = re.compile(r"&#[0-9]{8,}")
_VOID = names("area base br col embed hr img input link meta param source track wbr keygen frame image")
# An end tag closes these too when they are open inside its element.
_IMPLIED = frozenset({"p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "dd", "dt"})
_LOOK_BACK = 4
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


def tame(source: str) -> tuple[str, bool]:
    """HTML that shows the same as `source` and that lexbor parses in linear time; whether it was rewritten.

    In rewritten HTML `hidden` is the only attribute that hides, and there are no marks of the source's own.
    """
    tags = source.count("<")
    if tags * (tags - source.count("</")) <= _BUDGET and (
        len(source) <= _SHORT or not (_LONG_TAG.search(source) or _QUOTED_ANGLE.search(source))
    ):
        return source, False
    source = _NUMBERED_MARK.sub("", OWN_MARKS.sub("", source))
    if tags <= _MANY_TAGS:
        return _TAG.sub(_Rewriter(_DEPTH).rewrite, source), True
    return _TAG.sub(_Rewriter(0).rewrite if _READ.search(source) else _flat, source), True


def _flat(match: re.Match[str]) -> str:
    """In place of a tag where none hides or links anything."""
    raw, text, end, name, _, close = match.groups()
    if name is None:
        return _raw(raw, text)
    name = name.lower()
    if name == "template":
        return f"<{end}template>"
    return _MARKS.get(name, "") if close else ""


def _raw(name: str | None, text: str | None) -> str:
    """In place of an element whose text holds no tags, or (no name) of a comment."""
    return f"<{name}{text}</{name}>" if name and text and name.lower() in ("textarea", "xmp") else ""


class _Rewriter:
    """Keeps the open elements, as an upper bound: what lexbor may leave open counts as open."""

    __slots__ = ("_depth", "_kept", "_open")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._open: list[tuple[str, bool]] = []
        self._kept = 0

    def rewrite(self, match: re.Match[str]) -> str:
        raw, text, end, name, attributes, close = match.groups()
        if name is None:
            return _raw(raw, text)
        if not close:
            return ""  # the source ends within the tag
        name = name.lower()
        if end:
            return self._end(name)
        found = _read(name, attributes) if attributes and _READ.search(attributes) else ""
        if name in _VOID:
            return _MARKS.get(name, "") if not found else "" if name != "area" else f"<area{found}>"
        if name in _IMPLIED:
            self._end_implied(name)
        keeps = self._kept < self._depth or (self._kept < _DEPTH and (found != "" or name in UNSEEN))
        self._open.append((name, keeps))
        if not keeps:
            return _MARKS.get(name, "")
        self._kept += 1
        return f"<{name}{found}>"

    def _end_implied(self, name: str) -> None:
        """`name` begins: a cell or paragraph before it that was left open ends."""
        opened = self._open
        if name == "tr" and opened and opened[-1][0] in CELLS:
            self._kept -= opened.pop()[1]
        if opened and (opened[-1][0] == name or (name in CELLS and opened[-1][0] in CELLS)):
            self._kept -= opened.pop()[1]

    def _end(self, name: str) -> str:
        opened = self._open
        for back in range(1, min(_LOOK_BACK, len(opened)) + 1):
            candidate, kept = opened[-back]
            if candidate == name:
                for _, inner in opened[-back:]:
                    self._kept -= inner
                del opened[-back:]
                return f"</{name}>" if kept else _MARKS.get(name, "")
            if candidate not in _IMPLIED:
                break
        return f"</{name}>" if self._kept < self._depth else _MARKS.get(name, "")


def _read(name: str, attributes: str) -> str:
    """Of a tag's attributes those that are read, the first of each name."""
    found: dict[str, str] = {}
    for attribute in _ATTRIBUTE.finditer(attributes):
        key = attribute[1].lower()
        if key in ("hidden", "style", "href") and key not in found:
            found[key] = attribute[2] or attribute[3] or attribute[4] or ""
    kept = " hidden" if "hidden" in found or hides(_unescaped(found.get("style", ""))) else ""
    link = _unescaped(found.get("href", "")) if name in ("a", "area") else ""
    if "mailto:" in link.lower():
        kept += f' href="{html.escape(link)}"'
    return kept


def _unescaped(value: str) -> str:
    # Python refuses to read numbers of thousands of digits; all of these are U+FFFD anyway.
    return html.unescape(_LONG_NUMBER.sub("&#xFFFD", value)) if "&" in value else value
