"""The HTML of a mail as a document that is safe to show: nothing runs in it, nothing is loaded from outside.

Two passes. The first writes the source anew: known elements with known attributes, properly nested to a depth, so that
no parser takes long over it; images of the mail itself put in; what a browser would have loaded counted. The second
is ammonia's (nh3), an allow-list over a real HTML5 parser: whatever the first one let through by mistake ends there.
"""

from __future__ import annotations

import binascii
import html
import re
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_to_bytes

import nh3

from beleg.keys import domain_key
from beleg.message.html_guard import ATTRIBUTE, ENDS_P, TAG, names, unescaped
from beleg.message.structure import Part, parts
from beleg.printable import UNPRINTABLE, harmless

MOST_CHARACTERS = 10_000_000
MOST_TAGS = 30_000
MOST_ENTITIES = 200_000
MOST_ATTRIBUTES = 200_000
MOST_STYLES = 1_000_000
"""Characters of different `style` attributes. The largest newsletters reach a tenth of each of these."""
MOST_IMAGE_BYTES = 5 * 1024 * 1024
"""Of all embedded images together, each counted as often as it is shown."""
CONTENT_SECURITY_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the document is to be served with, in a frame with the attribute `sandbox`."""


@dataclass(frozen=True, slots=True)
class ShownHtml:
    """The HTML version of a mail."""

    document: str | None
    """A whole document; None where it is too complex to be shown, so that only the text is."""
    blocked: int
    """How many different things on other machines it would have loaded: images, style sheets, fonts, frames."""
    left_out: int
    """How many images of the mail itself are not shown: missing, too large together, or no PNG, JPEG, GIF or WebP."""


def shown_html(raw: bytes) -> ShownHtml | None:
    """The inline HTML parts of a mail as one safe document; None when it has none. Linear in the mail's size."""
    structure = list(parts(raw))
    sources = [part.text() for part in structure if part.is_text and part.kind == "text/html"]
    if not sources:
        return None
    whole = "".join(sources)
    if len(whole) > MOST_CHARACTERS or whole.count("<") > MOST_TAGS or whole.count("&") > MOST_ENTITIES:
        return ShownHtml(None, 0, 0)
    found = _Found(structure)
    try:
        cleaned = [_CLEANER.clean(_Writer(found).write(source)) for source in sources]
    except _TooComplexError:
        return ShownHtml(None, 0, 0)
    # Turns of the writing direction would reach into the target shown behind a link.
    body = UNPRINTABLE.sub("", "<hr>".join(cleaned))
    return ShownHtml(_DOCUMENT.format(body=body), len(found.blocked), found.left_out)


# Styles of the mail can't touch what stands behind its links: they have no selectors, and these are important.
_DOCUMENT = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><style>
body {{ margin: 8px; font: 15px/1.4 sans-serif; color: #000; background: #fff; overflow-wrap: anywhere }}
img {{ max-width: 100% }}
a[data-target]::after {{ content: " [" attr(data-target) "]" !important; font: 12px sans-serif !important;
  color: #444 !important; background: #fff !important }}
</style></head><body>{body}</body></html>
"""

# --- what may stay ---------------------------------------------------------------------------------------------

_INLINE = names(
    "a abbr acronym b big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var"
)
_VOID = names("br col hr img wbr")
_IN_TABLES = names("caption colgroup tbody td tfoot th thead tr")
_TAGS = (
    _INLINE | _VOID | _IN_TABLES | names(
        "address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header"
        " li main nav ol p pre section summary table ul"
    )
)  # fmt: skip
_INSTEAD = dict.fromkeys(names("body dialog dir fieldset form hgroup legend menu optgroup option search"), "div") | {
    "listing": "pre", "plaintext": "pre", "xmp": "pre", "textarea": "pre",
}  # fmt: skip
"""Blocks that are not kept as such, so that what they part stays parted."""
_ATTRIBUTES = names(
    "align alt bgcolor border cellpadding cellspacing color colspan dir face height hidden lang nowrap reversed rowspan"
    " size span start style title type valign width"
)
_PROPERTY = re.compile(
    r"(?:background-color|background|border(?:-[a-z-]+)?|box-sizing|clear|color|display|empty-cells|float"
    r"|font(?:-(?:family|size|style|variant|weight|stretch))?|height|letter-spacing|line-height|list-style(?:-type)?"
    r"|margin(?:-[a-z]+)?|max-height|max-width|min-height|min-width|opacity|overflow(?:-wrap)?|padding(?:-[a-z]+)?"
    r"|table-layout|text-(?:align|decoration|indent|transform)|vertical-align|visibility|white-space|width"
    r"|word-(?:break|spacing|wrap))"
)
_VALUE = re.compile(
    r"""(?:(?:rgba?|hsla?|calc)\([\w\s%.,+/*-]*\)|[\w\s#%.,!/*+-]|"[\w\s.,-]*"|'[\w\s.,-]*')+""", re.ASCII
)
_LONGEST_VALUE = 300
_LONGEST_STYLE = 5_000
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_CSS_URL = re.compile(r"""url\(\s*+["']?+([^"')]++)|@import\s++["']([^"']++)""", re.IGNORECASE)
_DATA = "data:image/"


@lru_cache(maxsize=4096)
def _style(value: str) -> str:
    """The declarations of a `style` attribute that only change how text looks."""
    if len(value) > _LONGEST_STYLE:
        return ""
    kept = []
    for declaration in _CSS_COMMENT.sub(" ", value).split(";"):
        name, _, what = declaration.partition(":")
        name, what = name.strip().lower(), what.strip()
        if _PROPERTY.fullmatch(name) and len(what) <= _LONGEST_VALUE and _VALUE.fullmatch(what):
            kept.append(f"{name}:{what}")
    return ";".join(kept)


def _last_look(tag: str, name: str, value: str) -> str | None:
    """An attribute as ammonia keeps it: whatever the first pass wrote comes through as it is."""
    if name == "style":
        return _style(value) or None
    if name == "src":
        return value if value.startswith(_DATA) else None
    if name == "href":
        return value if value.startswith(("http://", "https://", "mailto:")) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(names("script style title")),
    attributes={"*": set(_ATTRIBUTES), "a": {"href", "data-target"}, "img": {"src"}},
    attribute_filter=_last_look,
    url_schemes={"http", "https", "mailto", "data"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


# --- addresses of resources ------------------------------------------------------------------------------------

_URL_BLANKS = re.compile(r"[\t\n\r]+")
_URL_ENDS = "".join(map(chr, range(33)))
_NOT_OUTSIDE = ("#", "cid:", "mid:", "data:", "about:", "blob:", "javascript:", "vbscript:", "mailto:")
_WEB = re.compile(r"(https?):[/\\]*+([^/?#\\]*+)(.*+)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.IGNORECASE)
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"
_DATA_URL = re.compile(r"data:[^,]*?;\s*base64\s*,(.*)", re.IGNORECASE | re.DOTALL)
_LONGEST_LINK = 5_000

_LOADED = names("background data dynsrc imagesrcset lowsrc poster src srcset xlink:href")
_MOST_CANDIDATES = 50
_LOADED_BY_HREF = names("feimage image link use")


def _url(value: str) -> str:
    """The URL that a browser reads in `value`."""
    return _URL_BLANKS.sub("", value.strip(_URL_ENDS))


@lru_cache(maxsize=1024)
def _link(value: str) -> tuple[str, str] | None:
    """A link that may stay, and its target as a person should see it; None for one that goes nowhere safe.

    The host is written as it is looked up (`xn--…` where it isn't ASCII), and a user name before it, made to look like
    a host, is dropped.
    """
    url = _url(value)
    if len(url) > _LONGEST_LINK:
        return None
    if url[:7].lower() == "mailto:":
        target = harmless(unquote(url[7:].partition("?")[0]), 100)
        return ("mailto:" + quote(url[7:], safe=_URL_SAFE), target) if target else None
    match = _WEB.fullmatch(url)
    if match is None:
        return None
    host = match[2].rpartition("@")[2]
    if not host.isascii() or "%" in host:
        name, colon, port = unquote(host).partition(":")
        host = domain_key(name) + colon + port
    if not _HOST.fullmatch(host):
        return None
    rest = match[3].replace("\\", "/")
    return f"{match[1].lower()}://{host}{quote(rest, safe=_URL_SAFE)}", host.lower()


def _image_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


class _TooComplexError(Exception):
    """More than any mail that was written to be read has."""


class _Found:
    """The images of the mail, what is left for embedding them, and what was met, in all parts together."""

    def __init__(self, structure: list[Part]) -> None:
        self.blocked: set[str] = set()
        self.left_out = 0
        self.attributes = 0
        self._styles: dict[str, str] = {}
        self._style_length = 0
        self._left = MOST_IMAGE_BYTES
        self._parts: dict[str, Part] = {}
        self._read: dict[str, bytes] = {}
        for part in structure:
            if not part.is_text and (name := part.content_id) is not None:
                self._parts.setdefault(name, part)

    def block(self, value: str) -> None:
        """Count a URL that would have been loaded, if it is one from outside."""
        url = _url(value)
        if url and not url[:11].lower().startswith(_NOT_OUTSIDE):
            self.blocked.add(url)

    def block_css(self, css: str) -> None:
        """Count what a style sheet or attribute loads."""
        if "\\" in css:
            css = _CSS_ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), css)
        for match in _CSS_URL.finditer(_CSS_COMMENT.sub("", css)):
            self.block(match[1] or match[2])

    def style(self, value: str) -> str:
        """What may stay of a `style` attribute; what it loads is counted."""
        if value not in self._styles:
            self._style_length += len(value)
            if self._style_length > MOST_STYLES:
                raise _TooComplexError
            self.block_css(value)
            self._styles[value] = _style(value)
        return self._styles[value]

    def image(self, value: str) -> str | None:
        """A `data:` URL for the image that `value` names; None where it may not be shown."""
        url = _url(value)
        scheme = url[:5].lower()
        if scheme.startswith("cid:"):
            data = self._part(unquote(url[4:]))
        elif scheme == "data:":
            data = _data(url, self._left)
        else:
            self.block(url)
            return None
        kind = _image_type(data)
        if kind is None or len(data) > self._left:
            self.left_out += 1
            return None
        self._left -= len(data)
        return f"data:image/{kind};base64,{b64encode(data).decode()}"

    def _part(self, name: str) -> bytes:
        if name not in self._read:
            part = self._parts.get(name)
            # Broken encodings make the size an estimate, not one that is off by a half.
            read = part is not None and part.size() <= 2 * MOST_IMAGE_BYTES
            self._read[name] = part.decoded()[0] if part is not None and read else b""
        return self._read[name]


def _data(url: str, most: int) -> bytes:
    match = _DATA_URL.fullmatch(url)
    if match is None or len(match[1]) > 2 * most:
        return b""
    try:
        return binascii.a2b_base64(unquote_to_bytes(match[1]))
    except ValueError:
        return b""


# --- writing it anew -------------------------------------------------------------------------------------------

_DEPTH = 200
# A parser opens these again in every paragraph behind one in which they were left open.
_INLINE_DEPTH = 20
_FAR_BACK = 50
# ammonia copies a text once for each `&` in it.
_AMPERSANDS = 500
_LONGEST_ATTRIBUTE = 1_000
_LONGEST_BY_NAME = {"href": 3 * _LONGEST_LINK, "style": _LONGEST_STYLE, "src": 2 * MOST_IMAGE_BYTES}
_SECTIONS = names("thead tbody tfoot")
_CELLS = names("td th")
_BARRIERS = _CELLS | names("table caption")
_ENDED_BY = (  # an element on top that a start tag ends, where its own end was left out
    {name: names("p") for name in ENDS_P & _TAGS}
    | {"li": names("li p"), "dt": names("dt dd p"), "dd": names("dt dd p")}
    | dict.fromkeys(_CELLS, _CELLS)
    | {"tr": _CELLS | {"tr"}}
    | {name: _CELLS | _SECTIONS | {"tr"} for name in _SECTIONS}
)


class _Writer:
    """Writes one source anew."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._open: list[tuple[str, bool]] = []  # the open elements, and whether each was written
        self._count: Counter[str] = Counter()  # of the open ones, by name
        self._depth = 0
        self._inline = 0
        self._ampersands = 0  # since the last tag that was written

    def write(self, source: str) -> str:
        """HTML that nests properly, and ends all that it begins."""
        pieces: list[str] = []
        reached = 0
        for match in TAG.finditer(source):
            pieces += (self._text(source[reached : match.start()]), self._tag(match))
            reached = match.end()
        pieces.append(self._text(source[reached:]))
        pieces.append(self._close(len(self._open)))
        return "".join(pieces)

    def _text(self, text: str) -> str:
        """Text between tags: what is no tag in it must not become one when its neighbours are gone."""
        text = html.escape(unescaped(text), quote=False)
        self._ampersands += text.count("&")
        if self._ampersands < _AMPERSANDS:
            return text
        self._ampersands = 0
        pieces = text.split("&")
        return "<wbr>&".join("&".join(pieces[i : i + _AMPERSANDS]) for i in range(0, len(pieces), _AMPERSANDS))

    def _tag(self, match: re.Match[str]) -> str:
        raw, of_raw, text, end, name, attributes, close = match.groups()
        if raw is not None:
            return self._raw(raw.lower(), of_raw, text)
        if name is None or not close:
            return ""  # a comment, or the source ends within the tag
        name = name.lower()
        kept = _INSTEAD.get(name, name)
        if end:
            return self._end(kept)
        given = self._read(attributes)
        if kept not in _TAGS:
            self._count_loads(name, given)
            return ""
        return self._start(kept, self._kept(name, given))

    def _raw(self, name: str, attributes: str, text: str | None) -> str:
        """In place of an element whose text holds no tags."""
        text = (text or "").removeprefix(">")
        self._count_loads(name, self._read(attributes))
        if name == "style":
            self._found.block_css(text)
        if name not in ("textarea", "xmp"):
            return ""
        return self._start("pre", "") + self._text(text) + self._end("pre")

    def _count_loads(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if key in ("srcset", "imagesrcset"):
                for candidate in value.split(",", _MOST_CANDIDATES)[:_MOST_CANDIDATES]:
                    self._found.block(candidate.split()[0] if candidate.strip() else "")
            elif key in _LOADED or (key == "href" and name in _LOADED_BY_HREF):
                self._found.block(value)
            elif key == "style":
                self._found.style(value)

    def _kept(self, name: str, attributes: dict[str, str]) -> str:
        """The attributes that stay, as written in a tag."""
        kept = {}
        if name == "img" and "src" in attributes:
            image = self._found.image(attributes.pop("src"))
            if image is not None:
                kept["src"] = image
        self._count_loads(name, attributes)
        link = _link(attributes.get("href", "")) if name == "a" else None
        for key in _ATTRIBUTES & attributes.keys():
            kept[key] = self._found.style(attributes[key]) if key == "style" else attributes[key]
        if link is not None:
            kept["href"], kept["data-target"] = link
            kept["title"] = link[0]
        return "".join(
            f' {key}="{html.escape(value)}"'
            for key, value in sorted(kept.items())
            if len(value) <= _LONGEST_BY_NAME.get(key, _LONGEST_ATTRIBUTE)
        )

    def _read(self, attributes: str) -> dict[str, str]:
        """The attributes of a tag by lower-case name, the first of each."""
        found: dict[str, str] = {}
        for match in ATTRIBUTE.finditer(attributes):
            self._found.attributes += 1
            if self._found.attributes > MOST_ATTRIBUTES:
                raise _TooComplexError
            found.setdefault(match[1].lower(), unescaped(match[2] or match[3] or match[4] or ""))
        return found

    def _start(self, name: str, attributes: str) -> str:
        if name in _VOID:
            self._ampersands = 0
            return f"<{name}{attributes}>"
        closed = ""
        ended = _ENDED_BY.get(name, frozenset())
        while self._open and self._open[-1][0] in ended:
            closed += self._close(1)
        if name == "a" and self._count["a"]:
            closed += self._end("a")
        inline = name in _INLINE
        written = self._depth < _DEPTH and not (inline and self._inline >= _INLINE_DEPTH)
        self._open.append((name, written))
        self._count[name] += 1
        self._depth += written
        self._ampersands *= not written
        self._inline += written and inline
        return f"{closed}<{name}{attributes}>" if written else closed

    def _end(self, name: str) -> str:
        """Close the element and what is open in it; where it is out of reach, nothing."""
        if not self._count[name]:
            return ""
        for back in range(1, min(_FAR_BACK, len(self._open)) + 1):
            candidate = self._open[-back][0]
            if candidate == name:
                return self._close(back)
            if name in _INLINE:
                if candidate not in _INLINE:
                    break
            elif name != "table" and candidate in (("table",) if name in _IN_TABLES else _BARRIERS):
                break
        return ""

    def _close(self, count: int) -> str:
        closed = []
        for _ in range(count):
            name, written = self._open.pop()
            self._count[name] -= 1
            if written:
                self._depth -= 1
                self._inline -= name in _INLINE
                closed.append(f"</{name}>")
        return "".join(closed)
