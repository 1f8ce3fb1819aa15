"""Attachments for a person: listed, and one of them taken out of the mail under a name that is safe to save as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from beleg.message.structure import Part, parts
from beleg.printable import harmless

_LONGEST_NAME = 150
"""Bytes in UTF-8: file systems allow 255, and a browser may add to it."""
_LONGEST_ENDING = 20
_FORBIDDEN = re.compile(r"""[/\\:*?"<>|%\ufffd]+""")  # in a path, on Windows, or in a header
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_MESSAGE = "message/rfc822"
_ANYTHING = "application/octet-stream"
# RFC 5987's attr-char; letters and digits are never quoted.
_SAFE = "!#$&+-.^_`|~"


@dataclass(frozen=True, slots=True)
class File:
    """An attachment, or a message that is attached."""

    part: str
    name: str
    """One that is safe to show and to save as; never empty."""
    type: str
    """As the mail says. Only to be shown: serve it as `application/octet-stream`, with `nosniff`."""
    size: int
    """Bytes; an estimate where the encoding is broken."""


def files(raw: bytes) -> tuple[File, ...]:
    """The attachments of a mail in its order, those of attached messages too."""
    return tuple(_file(part, part.size()) for part in parts(raw) if not part.is_text)


def file(raw: bytes, number: str) -> tuple[File, bytes] | None:
    """The attachment that is the part of this number, and its bytes; None where the mail has none of that number. An
    attached message is one, with LF as line end."""
    for part in parts(raw):
        if part.number == number and not part.is_text:
            data, _ = part.decoded()
            return _file(part, len(data)), data
    return None


def content_disposition(name: str) -> str:
    """The header value that makes a browser save a file under `name` (RFC 6266), in ASCII."""
    name = file_name(name)
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_SAFE)}"


def file_name(name: str, otherwise: str = "attachment") -> str:
    """A name for a file: no path, no control characters, no turns of the writing direction, no device of Windows, at
    most 150 bytes with its ending kept; `otherwise` where nothing is left."""
    name = _FORBIDDEN.sub("_", harmless(name, 1000)).strip(". ")
    if not name.strip("_"):
        return otherwise
    if _DEVICE.match(name):
        name = "_" + name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > _LONGEST_ENDING:
        stem, ending = name, ""
    most = _LONGEST_NAME - len((dot + ending).encode()) if ending else _LONGEST_NAME
    if len(stem.encode()) > most:
        stem = stem.encode()[:most].decode(errors="ignore")
    return f"{stem}.{ending}" if ending else stem


def _file(part: Part, size: int) -> File:
    kind = part.kind if _TYPE.fullmatch(part.kind) else _ANYTHING
    if part.kind == _MESSAGE:
        title = (part.name or part.subject).removesuffix(".eml")
        return File(part.number, file_name(f"{title}.eml" if title else "message.eml"), kind, size)
    return File(part.number, file_name(part.name), kind, size)
