"""The structure of a mail: RFC 5322 messages and MIME multiparts, without recursion.

Part headers and bodies are regions of one buffer; only decoded payloads are copied. Line ends are made
LF before the structure is read; a payload that is decoded from base64 keeps its bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
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


class Branch(NamedTuple):
    """Which of the versions of a multipart/alternative a part belongs to."""

    alternative: str
    """The number of the multipart; empty where it is the mail itself."""
    version: int
    """From 1."""


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
    branches: tuple[Branch, ...] = ()

    def below(self, index: int) -> str:
        return f"{self.number}.{index}" if self.number else str(index)


class Part(NamedTuple):
    """A part that is no multipart, with what its header says of it."""

    entity: _Entity
    number: str
    """As IMAP counts (RFC 3501)."""
    kind: str
    """The media type, in lower case."""
    content_type: str
    encoding: str
    disposition: str

    @property
    def is_text(self) -> bool:
        """Whether it is content, but no attached message (RULES.md section 2, Content)."""
        return self.kind in ("text/plain", "text/html") and first_token(self.disposition) in ("", "inline")

    @property
    def name(self) -> str:
        """The file name, decoded; empty where it has none."""
        return fields.file_name(parameters(";" + self.disposition), parameters(";" + self.content_type))

    @property
    def content_id(self) -> str | None:
        """What a `cid:` link calls it (RFC 2392)."""
        return fields.one_id(first_text(self.entity.header, "content-id"))

    @property
    def subject(self) -> str:
        """Of an attached message: its subject."""
        data, start, end, _ = _message_bytes(self.entity, self.encoding)
        return clean(readable(first_text(fields.read_header(data, start, end)[0], "subject")))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The versions of alternatives that it is in, the outermost first."""
        return self.entity.branches

    def size(self) -> int:
        """How many bytes `decoded` gives; an estimate where the encoding is broken."""
        return decoded_size(self._payload(), self.encoding)

    def decoded(self) -> tuple[bytes, bool]:
        """Its bytes without the transfer encoding, and whether that was sound."""
        if self.kind == "message/rfc822":
            data, start, end, sound = _message_bytes(self.entity, self.encoding)
            return data[start:end], sound
        return decode_transfer(self._payload(), self.encoding)

    def text(self) -> str:
        """Its bytes as characters: of HTML the source."""
        return decode(self.decoded()[0], self.charset)

    @property
    def charset(self) -> str:
        """The character set that is declared, whether or not there is one of that name; empty when none is."""
        return parameters(self.content_type).get("charset", "").strip("'\" ") if "=" in self.content_type else ""

    def _payload(self) -> bytes:
        return self.entity.data[self.entity.body : self.entity.end]


def parts(raw: bytes, limits: Limits = _DEFAULT_LIMITS) -> Iterator[Part]:
    """The parts of a mail as `parse` reads them, up to where a limit is exceeded; those of attached messages too,
    behind the part that the message is attached as. Never raises."""
    data = _unix_lines(raw)
    reading = _Reading(limits)
    if len(raw) <= limits.message_bytes:
        yield from _parts(data, *fields.read_header(data, 0, len(data)), reading)


def header_fields(raw: bytes, limits: Limits = _DEFAULT_LIMITS) -> tuple[dict[str, list[Mailbox]], str]:
    """What From, Reply-To, To, Cc and Bcc hold, each address wherever it stands, and what is no address; and the first
    Date as it is written."""
    data = _unix_lines(raw)
    header, _ = fields.read_header(data, 0, len(data))
    reading = _Reading(limits)
    found = {
        name: [element for value in header.get(name.lower(), ()) for element in reading.list_of(value)]
        for name in _PARTICIPANTS
    }
    return found, first_text(header, "date")


def _parts(data: bytes, header: Header, body: int, reading: _Reading) -> Iterator[Part]:
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
        part = Part(entity, number, kind, content_type, encoding, first_text(entity.header, "content-disposition"))
        yield part
        if kind == "message/rfc822":
            waiting.append(_attached(part, reading))


def _read_structure(data: bytes, header: Header, body: int, reading: _Reading) -> None:
    for part in _parts(data, header, body, reading):
        if part.is_text:
            _read_text(part, reading)
        elif part.kind != "message/rfc822":
            reading.attachments.append(Attachment(part.number, part.name, part.kind, part.size()))


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
    alternative = kind == "multipart/alternative"
    found = []
    for index, (start, end) in enumerate(regions, 1):
        header, body = fields.read_header(entity.data, start, end)
        branches = (*entity.branches, Branch(entity.number, index)) if alternative else entity.branches
        found.append(
            _Entity(entity.data, header, body, end, entity.below(index), False, entity.level + 1, default, branches)
        )
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


def _read_text(part: Part, reading: _Reading) -> None:
    data, sound = part.decoded()
    if not sound:
        _note_broken(part, reading)
    reading.text_bytes += len(data)
    if reading.text_bytes > reading.limits.text_bytes:
        reading.stop("text_bytes", reading.limits.text_bytes, reading.text_bytes)
        return
    charset = part.charset
    if charset and not is_known_charset(charset):
        reading.note("unknown_charset", charset)
    text = decode(data, charset)
    if part.kind == "text/html":
        reading.content.append(TextPart(part.number, part.kind, *html_text(text, reading.trust)))
    else:
        reading.content.append(TextPart(part.number, part.kind, clean(text)))


def _note_broken(part: Part, reading: _Reading) -> None:
    reading.note(f"broken_{part.encoding.replace('-', '_')}", f"part {part.number}")


def _message_bytes(entity: _Entity, encoding: str) -> tuple[bytes, int, int, bool]:
    """Where the message in a message/rfc822 part stands, and whether its encoding was sound."""
    data, start, end = entity.data, entity.body, entity.end
    # RFC 2046 forbids to encode a message, so some only say that they do. Base64 has no colons.
    first_line = data[start:end].lstrip().partition(b"\n")[0] if encoding == "base64" else b""
    if encoding not in _ENCODED or b":" in first_line:
        return data, start, end, True
    decoded, sound = decode_transfer(data[start:end], encoding)
    data = _unix_lines(decoded)
    return data, 0, len(data), sound


def _attached(part: Part, reading: _Reading) -> _Entity:
    """The message in a message/rfc822 part; its header is read as content."""
    entity = part.entity
    data, start, end, sound = _message_bytes(entity, part.encoding)
    if not sound:
        _note_broken(part, reading)
    header, body = fields.read_header(data, start, end)
    if entity.level < reading.limits.levels:
        reading.content.append(_header_text(header, f"{part.number}.header", reading))
    level = entity.level + 1
    return _Entity(data, header, body, end, part.number, is_message=True, level=level, branches=entity.branches)


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
