"""The structure of a mail: RFC 5322 messages and MIME multiparts, without recursion.

Part headers and bodies are regions of one buffer; only decoded payloads are copied. Line ends are made
LF before the structure is read; a payload that is decoded from base64 keeps its bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from beleg.keys import address_key

from . import header as fields
from .address import Mailbox, mailboxes
from .header import Header, field_text, first_text, first_token, media_type, parameters, readable
from .html import html_text
from .html_guard import Trust
from .model import Attachment, Limit, Limits, Message, Notice, Participant, Span, TextPart
from .text import clean, decode, is_known_charset
from .transfer import decode_transfer, decoded_size

_PARTICIPANTS = ("From", "Reply-To", "To", "Cc", "Bcc")
_ATTACHED = ("From", "To", "Cc")
_DEFAULT_LIMITS = Limits()
_MAX_NOTICES = 100
_MAX_DETAIL = 200
# An address list has about four special characters an address; far more are no list but an attack.
_SPECIALS = '<>@,.:;()"[]\\'
_SPECIALS_PER_ADDRESS = 20
_BOUNDARY_REST = re.compile(rb"(--)?[ \t]*+(?:\n|\Z)")
_ENCODED = frozenset({"base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue"})


def parse(raw: bytes, limits: Limits = _DEFAULT_LIMITS) -> Message:
    """Read `raw` as an e-mail. Never raises, whatever the bytes.

    Of a mail beyond a limit (RULES.md section 8) the header is read, but no content.
    """
    data = _unix_lines(raw)
    reading = _Reading(limits)
    if len(raw) > limits.message_bytes:
        reading.stop("message_bytes", limits.message_bytes, len(raw))
    header, body = fields.read_header(data, 0, len(data))
    participants = _participants(header, reading)
    subject = clean(readable(first_text(header, "subject")))
    if reading.limit is None:
        _read_structure(data, header, body, reading)
    ids = _kept_ids(fields.many_ids([*_texts(header, "in-reply-to"), *_texts(header, "references")]), reading)
    own_id = fields.one_id(first_text(header, "message-id"))
    return Message(
        sha256=_digest(raw, data),
        bytes_sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        message_id=next(iter(_kept_ids((own_id,), reading)), None) if own_id else None,
        references=ids,
        date=fields.utc_date(first_text(header, "date")),
        subject=subject,
        participants=participants,
        content=tuple(reading.content) if reading.limit is None else (),
        subject_part=TextPart("subject", "subject", subject),
        attachments=tuple(reading.attachments),
        notices=tuple(reading.notices),
        limit=reading.limit,
    )


def content_identity(raw: bytes) -> str:
    """The sha256 of `raw` with line ends made CRLF: CR, LF and CRLF each count as one."""
    return _digest(raw, _unix_lines(raw))


def _unix_lines(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw


def _digest(raw: bytes, unix: bytes) -> str:
    lines = unix.count(b"\n")
    as_is = len(raw) - len(unix) == lines and raw.count(b"\r\n") == lines
    return hashlib.sha256(raw if as_is else unix.replace(b"\n", b"\r\n")).hexdigest()


@dataclass(slots=True)
class _Reading:
    """What has been found so far."""

    limits: Limits
    content: list[TextPart] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    limit: Limit | None = None
    text_bytes: int = 0
    addresses: int = 0
    parts: int = 0
    trust: Trust = field(default_factory=Trust)

    def stop(self, name: str, allowed: int, found: int) -> None:
        if self.limit is None:
            self.limit = Limit(name, allowed, found)

    def note(self, code: str, detail: str) -> None:
        notice = Notice(code, detail[:_MAX_DETAIL])
        if len(self.notices) < _MAX_NOTICES and notice not in self.notices:
            self.notices.append(notice)

    def list_of(self, raw: str) -> list[Mailbox]:
        """The elements of an address field; none when it is beyond the limit by far."""
        text = field_text(raw)
        allowed = self.limits.addresses
        found = text.count("@")
        beyond = allowed * _SPECIALS_PER_ADDRESS
        if found > 4 * allowed or (len(text) > beyond and sum(map(text.count, _SPECIALS)) > beyond):
            self.stop("addresses", allowed, max(found, allowed + 1))
            return []
        elements = mailboxes(text)
        for element in elements:
            if element.address is not None:
                self.addresses += 1
            elif element.wrong:
                self.note("not_an_address", element.name)
        if self.addresses > allowed:
            self.stop("addresses", allowed, self.addresses)
        return elements


def _texts(header: Header, name: str) -> list[str]:
    return [field_text(value) for value in header.get(name, ())]


def _kept_ids(ids: Iterable[str], reading: _Reading) -> tuple[str, ...]:
    kept = tuple(one for one in ids if len(one) <= fields.MAX_ID)
    if len(kept) != len(tuple(ids)):
        reading.note("long_id", f"an id of more than {fields.MAX_ID} characters")
    return kept


def _participants(header: Header, reading: _Reading) -> tuple[Participant, ...]:
    found: dict[str, Participant] = {}
    for name in _PARTICIPANTS:
        values = header.get(name.lower(), ())
        if name == "From" and len(values) > 1:
            reading.note("several_from", str(len(values)))
        for value in values:
            if reading.limit is not None and reading.limit.name == "addresses":
                break
            for element in reading.list_of(value):
                if element.address is None:
                    continue
                key = address_key(element.address)
                if key not in found:
                    found[key] = Participant(name, element.address, key, element.name)
    return tuple(found.values())


class _Entity(NamedTuple):
    """A message or a part of a multipart that is still to be read."""

    data: bytes
    header: Header
    body: int
    end: int
    number: str
    """Of a part its own; of a message that of the part it is attached as, empty for the mail itself."""
    is_message: bool
    level: int
    default: str = "text/plain"

    def below(self, index: int) -> str:
        return f"{self.number}.{index}" if self.number else str(index)


def _read_structure(data: bytes, header: Header, body: int, reading: _Reading) -> None:
    waiting = [_Entity(data, header, body, len(data), "", is_message=True, level=0)]
    while waiting and reading.limit is None:
        entity = waiting.pop()
        if entity.level > reading.limits.levels:
            reading.stop("levels", reading.limits.levels, entity.level)
            return
        content_type = first_text(entity.header, "content-type")
        kind = media_type(content_type, entity.default)
        if kind.startswith("multipart/"):
            waiting.extend(reversed(_children(entity, kind, content_type, reading)))
            continue
        number = entity.below(1) if entity.is_message else entity.number
        encoding = first_token(first_text(entity.header, "content-transfer-encoding"))
        if kind == "message/rfc822":
            waiting.append(_attached(entity, number, encoding, reading))
            continue
        disposition = first_text(entity.header, "content-disposition")
        if kind in ("text/plain", "text/html") and first_token(disposition) in ("", "inline"):
            _read_text(entity, number, kind, content_type, encoding, reading)
        else:
            name = fields.file_name(parameters(";" + disposition), parameters(";" + content_type))
            size = decoded_size(entity.data[entity.body : entity.end], encoding)
            reading.attachments.append(Attachment(number, name, kind, size))


def _children(entity: _Entity, kind: str, content_type: str, reading: _Reading) -> list[_Entity]:
    boundary = parameters(content_type).get("boundary", "")
    separator = boundary.rstrip().encode()
    if not boundary.isascii():  # compare the bytes, not what they were taken for
        raw = " ".join(entity.header["content-type"][0].split("\n"))
        separator = parameters(raw).get("boundary", "").rstrip().encode("latin-1", "replace")
    allowed = reading.limits.parts
    regions = _regions(entity, separator, allowed - reading.parts)
    if not regions:
        reading.note("no_boundary", f"part {entity.number or 'of the mail'}: {kind}")
    reading.parts += len(regions)
    if reading.parts > allowed:
        reading.stop("parts", allowed, reading.parts)
        return []
    default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    found = []
    for index, (start, end) in enumerate(regions, 1):
        header, body = fields.read_header(entity.data, start, end)
        found.append(_Entity(entity.data, header, body, end, entity.below(index), False, entity.level + 1, default))
    return found


def _regions(entity: _Entity, boundary: bytes, most: int) -> list[tuple[int, int]]:
    """Where the parts of a multipart stand (RFC 2046 section 5.1.1); one more than `most` at the most."""
    found: list[tuple[int, int]] = []
    if not boundary:
        return found
    data, end = entity.data, entity.end
    line = b"\n--" + boundary
    position = max(entity.body - 1, 0)  # the body follows a line end, which may be the boundary's
    opened: int | None = None
    while len(found) <= most and (at := data.find(line, position, end)) >= 0:
        rest = _BOUNDARY_REST.match(data, at + len(line), end)
        if rest is None:
            position = at + len(line)
            continue
        if opened is not None and opened <= at:  # not so between two boundaries in a row
            found.append((opened, at))
        opened, position = rest.end(), rest.end() - 1
        if rest[1]:
            return found
    if opened is not None and opened < end and len(found) <= most:
        found.append((opened, end))
    return found


def _read_text(entity: _Entity, number: str, kind: str, content_type: str, encoding: str, reading: _Reading) -> None:
    data, sound = decode_transfer(entity.data[entity.body : entity.end], encoding)
    if not sound:
        reading.note(f"broken_{encoding.replace('-', '_')}", f"part {number}")
    reading.text_bytes += len(data)
    if reading.text_bytes > reading.limits.text_bytes:
        reading.stop("text_bytes", reading.limits.text_bytes, reading.text_bytes)
        return
    charset = parameters(content_type).get("charset", "").strip("'\" ") if "=" in content_type else ""
    if charset and not is_known_charset(charset):
        reading.note("unknown_charset", charset)
    text = decode(data, charset)
    if kind == "text/html":
        reading.content.append(TextPart(number, kind, *html_text(text, reading.trust)))
    else:
        reading.content.append(TextPart(number, kind, clean(text)))


def _attached(entity: _Entity, number: str, encoding: str, reading: _Reading) -> _Entity:
    """The message in a message/rfc822 part; its header is read as content."""
    data, start, end = entity.data, entity.body, entity.end
    # RFC 2046 forbids to encode a message, so some only say that they do. Base64 has no colons.
    first_line = data[start:end].lstrip().partition(b"\n")[0] if encoding == "base64" else b""
    if encoding in _ENCODED and b":" not in first_line:
        decoded, sound = decode_transfer(data[start:end], encoding)
        data, start = _unix_lines(decoded), 0
        end = len(data)
        if not sound:
            reading.note(f"broken_{encoding.replace('-', '_')}", f"part {number}")
    header, body = fields.read_header(data, start, end)
    if entity.level < reading.limits.levels:
        reading.content.append(_header_text(header, f"{number}.header", reading))
    return _Entity(data, header, body, end, number, is_message=True, level=entity.level + 1)


def _header_text(header: Header, part: str, reading: _Reading) -> TextPart:
    pieces: list[str] = []
    spans: list[Span] = []
    length = 0

    def add(text: str) -> None:
        nonlocal length
        pieces.append(text)
        length += len(text)

    def add_span(text: str, address: str | None) -> None:
        if text:
            spans.append(Span(length, length + len(text), address))
            add(text)

    for name in _ATTACHED:
        elements = [one for value in header.get(name.lower(), ()) for one in reading.list_of(value)]
        for index, element in enumerate(elements):
            add(", " if index else f"\n{name}: " if pieces else f"{name}: ")
            add_span(element.name, None)
            if element.address is not None:
                add(" <" if element.name else "")
                add_span(element.address, element.address)
                add(">" if element.name else "")
    subject = clean(readable(first_text(header, "subject")))
    if subject:
        add(f"\nSubject: {subject}" if pieces else f"Subject: {subject}")
    return TextPart(part, "header", "".join(pieces), tuple(spans))
