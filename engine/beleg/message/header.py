"""Header blocks, broken ones included: fields, parameters, ids and dates (RFC 5322, RFC 2045, RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from itertools import islice
from urllib.parse import unquote_to_bytes

from .text import clean, decode
from .words import decode_words

MAX_ID = 998
"""Longer ids are dropped: no line of a mail is longer (RFC 5322 section 2.1.1)."""

_FIELD = re.compile(r"^([!-9;-~]++)[ \t]*+:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"
_WANTED = frozenset(
    {"from", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references"}
    | {"content-type", "content-transfer-encoding", "content-disposition", "content-id"}
)
_LEADING_COMMENT = re.compile(r"\s*+(?:\([^()]*+\)\s*+)++")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_TOKEN = re.compile(r'\s*+"?+([^\s;,"()]++)')
_TYPE = re.compile(rf'\s*+"?+({_WORD}/{_WORD})')
_PARAMETER = re.compile(r'[;\s,]([^\s;=,"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^;\s]*+))', re.DOTALL)
_UNTIL_SEMICOLON = re.compile(r"[^;=]*+(?=;|\Z)")
_ESCAPED = re.compile(r'\\(["\\])')
_ANGLED = re.compile(r"<([^<>]*)>")
_MAX_DATE = 500
_MAX_PARAMETERS = 1000

Header = dict[str, list[str]]
"""The raw values of the fields that Beleg reads, by lower-case name, in order."""


def read_header(data: bytes, start: int, end: int) -> tuple[Header, int]:
    """The fields of the header block at `start`, and where the body begins. Lines end in LF.

    Only an empty line ends the block; a line that is neither a field nor a continuation of one is
    skipped, a `From ` line of a mailbox included, and so is a BOM.
    """
    if data.startswith(b"\n", start, end):
        return {}, start + 1
    stop = data.find(b"\n\n", start, end)
    block, body = (data[start:end], end) if stop < 0 else (data[start:stop], stop + 2)
    block = block.removeprefix(_BOM)
    if block.startswith(b"From "):
        block = block.partition(b"\n")[2].removeprefix(_BOM)
    header: Header = {}
    # Latin-1 keeps raw 8-bit bytes apart until the field they stand in is decoded.
    for name, value in _FIELD.findall(block.decode("latin-1")):
        name = name.lower()
        if name in _WANTED:
            header.setdefault(name, []).append(value)
    return header, body


def field_text(raw: str) -> str:
    """A field's value on one line, cleaned; encoded words stay. Raw bytes: UTF-8, else Windows-1252."""
    if not raw.isascii():
        raw = clean(decode(raw.encode("latin-1")))
    if "\0" in raw:
        raw = raw.replace("\0", "")
    if "\n" in raw:
        raw = " ".join(filter(None, (line.strip(" \t") for line in raw.split("\n"))))
    return raw.strip()


def readable(text: str) -> str:
    """`text` of a header as a person reads it: encoded words decoded, cleaned."""
    return clean(decode_words(text)).strip() if "=?" in text else text


def first_text(header: Header, name: str) -> str:
    """The first field `name`, unfolded; empty when there is none."""
    values = header.get(name)
    return field_text(values[0]) if values else ""


def media_type(value: str, default: str = "text/plain") -> str:
    """The media type of a Content-Type: its first word. Missing: `default`; invalid: text/plain."""
    if not value:
        return default
    if value[0] == "(":
        value = _LEADING_COMMENT.sub("", value, count=1)
    match = _TYPE.match(value)
    return match[1].lower() if match else "text/plain"


def first_token(value: str) -> str:
    """The first word of a Content-Transfer-Encoding or Content-Disposition, in lower case."""
    if value[:1] == "(":
        value = _LEADING_COMMENT.sub("", value, count=1)
    match = _TOKEN.match(value)
    return match[1].lower() if match else ""


def parameters(value: str) -> dict[str, str]:
    """The parameters of a Content-Type or Content-Disposition, the first of each name, found leniently.

    Continued and encoded ones (RFC 2231: `name*0*=utf-8''a%20b`) are put together.
    """
    found: dict[str, str] = {}
    starred: dict[str, dict[str, str]] = {}
    for match in islice(_PARAMETER.finditer(value), _MAX_PARAMETERS):
        name = match[1].lower()
        if match[2] is not None:
            text = _ESCAPED.sub(r"\1", match[2])
        else:
            text = match[3]
            if name in ("name", "filename") and (rest := _UNTIL_SEMICOLON.match(value, match.start(3))):
                text = rest[0].rstrip()  # unquoted names with blanks are common
        base, star, section = name.partition("*")
        if star:
            starred.setdefault(base, {}).setdefault(section, text)
        else:
            found.setdefault(name, text)
    for base, sections in starred.items():
        found[base] = _joined(sections)
    return found


def _joined(sections: dict[str, str]) -> str:
    charset: str | None = None
    data: list[bytes] = []
    keys = ("", *(f"{i}{star}" for i in range(len(sections)) for star in ("", "*")))
    for key in keys:
        text = sections.get(key)
        if text is None:
            continue
        if key in ("", "0*") and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        encoded = key == "" or key.endswith("*")
        data.append(unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace"))
    return decode(b"".join(data), charset)


def file_name(disposition: dict[str, str], content_type: dict[str, str]) -> str:
    """The name of an attachment, decoded; encoded words are not allowed here, but common."""
    name = disposition.get("filename") or content_type.get("name") or ""
    return clean(readable(name).replace("\0", "").replace("\n", " ")).strip()


def one_id(value: str) -> str | None:
    """The id of a Message-ID field, without brackets; None when it is empty."""
    match = _ANGLED.search(value)
    text = "".join(match[1].split()) if match else value.strip("<> \t")
    return text or None


def many_ids(values: Sequence[str]) -> tuple[str, ...]:
    """The ids of In-Reply-To and References fields, each once, in order."""
    found: dict[str, None] = {}
    for value in values:
        angled = _ANGLED.findall(value)
        words = ["".join(word.split()) for word in angled] if angled else value.split()
        for word in words:
            if word and (angled or "@" in word):
                found.setdefault(word.strip("<>"))
    return tuple(found)


_COMMENT = re.compile(r"\([^()]*+\)")


def _without_comments(value: str) -> str:
    while "(" in value and (bare := _COMMENT.sub(" ", value)) != value:
        value = bare
    return value


def utc_date(value: str) -> datetime | None:
    """The moment that a Date field names, in UTC; None when it names none."""
    if not value or len(value) > _MAX_DATE:
        return None
    try:
        parsed = parsedate_tz(_without_comments(value))
        if parsed is None:
            return None
        year, month, day, hour, minute, second = parsed[:6]
        if not 0 <= second <= 60:
            return None
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
        return moment + timedelta(seconds=second - (parsed[9] or 0))
    except (ValueError, OverflowError, TypeError, IndexError, AttributeError):
        return None
