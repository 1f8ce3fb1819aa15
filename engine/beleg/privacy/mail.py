"""A mail and a person's address: whether it stands anywhere in the bytes, and the mail without it."""

from __future__ import annotations

import base64
import email
import html
import quopri
from collections.abc import Iterator
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message as Entity
from email.policy import compat32
from email.utils import formataddr
from io import BytesIO
from urllib.parse import unquote

from beleg.keys import address_key
from beleg.message import Limits, Message, clean, mailboxes, parse
from beleg.message.header import field_text, readable
from beleg.message.text import decode, is_known_charset
from beleg.privacy.person import Person

_ADDRESSES = frozenset(
    {"from", "reply-to", "to", "cc", "bcc", "sender", "resent-from", "resent-to", "resent-cc", "resent-sender"}
)
_ENCODINGS = (b"=?", b"base64", b"quoted-printable", b"uuencode", b"x-uue", b"utf-7", b"utf-16", b"utf16", b"utf-32")
_POLICY = compat32.clone(mangle_from_=False, max_line_length=None)
_TEXTUAL = ("text/", "message/")


class Unmaskable(Exception):
    """The mail can't be rewritten so that it is proven to name the person no more."""


def mentions(raw: bytes, message: Message, person: Person) -> bool:
    """Whether the address stands anywhere in a mail, in any spelling or encoding that is read here: in the bytes, in
    headers, in the text that a person reads, in encoded parts, in attachments that are not compressed."""
    return _takes_part(message, person) or any(_is_in(text, person) for text in _texts(raw, message))


def masked(raw: bytes, person: Person, limits: Limits) -> tuple[bytes, Message]:
    """The mail with stand-ins for address and names, and what is read of it now: proven not to name him, and to be
    the same mail otherwise. Raises Unmaskable."""
    before = parse(raw, limits)
    try:
        root = email.message_from_bytes(raw, policy=_POLICY)
        if line := root.get_unixfrom():
            root.set_unixfrom(person.masked(line))
        for entity in root.walk():
            _mask_headers(entity, person)
            _mask_body(entity, person)
        written = _written(root, b"\r\n" if b"\r\n" in raw else b"\n")
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise Unmaskable(f"it can't be taken apart ({type(error).__name__})") from None
    after = parse(written, limits)
    if mentions(written, after, person):
        raise Unmaskable("the address stands somewhere in it still")
    if _outline(after) != _outline(before, person):
        raise Unmaskable("it would be another mail")
    return written, after


def _takes_part(message: Message, person: Person) -> bool:
    return any(each.key == person.key for each in message.participants)


# --- every text of a mail --------------------------------------------------------------------------------------------


def _is_in(text: str, person: Person) -> bool:
    """Whether the address stands in a text, or in what that text stands for: links, HTML, what nobody sees."""
    if person.is_in(text) or (person.may_hide_in(text) and person.is_in(clean(text))):
        return True
    if "&#" in text and person.is_in(clean(html.unescape(text))):
        return True
    return "%" in text and person.domain_is_in(text) and person.is_in(unquote(text))


def _texts(raw: bytes, message: Message) -> Iterator[str]:
    yield decode(raw)
    yield message.subject
    yield from (each for one in message.participants for each in (one.address, one.name))
    yield from (part.text for part in message.content)
    yield from (span.address or "" for part in message.content for span in part.spans)
    yield from (each.name for each in message.attachments)
    lowered = raw.lower()
    if any(name in lowered for name in _ENCODINGS):  # else the bytes say it all
        yield from _decoded_texts(raw)


def _decoded_texts(raw: bytes) -> Iterator[str]:
    try:
        for entity in email.message_from_bytes(raw, policy=_POLICY).walk():
            yield from (readable(_field(value)) for _, value in entity.raw_items())
            if entity.is_multipart():
                continue
            data = _payload(entity)
            yield decode(data, _charset(entity))
            yield decode(data)
            if b"\0" in data:
                yield from (data.decode(charset, "replace") for charset in ("utf-16-le", "utf-16-be"))
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):
        return  # what parse() reads of it is known; see `masked` for what follows from that


def _payload(entity: Entity) -> bytes:
    data = entity.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _charset(entity: Entity) -> str:
    return str(entity.get_content_charset() or "")


def _field(value: str) -> str:
    """A header's value on one line, as our own parser reads it."""
    return field_text(value.encode("utf-8", "surrogateescape").decode("latin-1").replace("\r\n", "\n"))


# --- rewriting -------------------------------------------------------------------------------------------------------


def _mask_headers(entity: Entity, person: Person) -> None:
    items = [(name, _masked_value(name.lower(), value, person)) for name, value in entity.raw_items()]
    for name in {name for name, _ in items}:
        del entity[name]
    for name, value in items:
        entity.set_raw(name, value)


def _masked_value(name: str, value: str, person: Person) -> str:
    text = _field(value)
    if name in _ADDRESSES:
        found = mailboxes(text)
        if any(each.address is not None and address_key(each.address) == person.key for each in found):
            if any(each.address is None for each in found):
                raise Unmaskable(f"its header {name} holds more than addresses")
            return ", ".join(_mailbox(each.name, each.address or "", person) for each in found)
    if (plain := readable(text)) != (masked := person.masked(plain)):
        return masked if masked.isascii() else Header(masked, "utf-8", maxlinelen=10_000).encode()
    return value


def _mailbox(name: str, address: str, person: Person) -> str:
    if address_key(address) == person.key:
        return person.stand_in
    if not address.isascii():
        raise Unmaskable("an address beside his has letters beyond ASCII")
    return formataddr((person.masked(name), address))


def _mask_body(entity: Entity, person: Person) -> None:
    for name in ("preamble", "epilogue"):
        if text := getattr(entity, name):
            setattr(entity, name, person.masked(text))
    if entity.is_multipart():
        return
    data = _payload(entity)
    charset = _codec(entity, data)
    text = data.decode(charset)
    changed = person.masked(text)
    if changed == text:
        return
    if not entity.get_content_type().startswith(_TEXTUAL):
        raise Unmaskable("an attachment names him")
    _put(entity, changed.encode(charset))


def _codec(entity: Entity, data: bytes) -> str:
    """A charset in which the payload can be decoded and encoded again: its own, else that of bytes as they are."""
    for charset in (_charset(entity), "utf-8"):
        if charset and is_known_charset(charset):
            try:
                if data.decode(charset).encode(charset) == data:
                    return charset
            except (UnicodeError, LookupError):
                continue
    return "latin-1"


def _put(entity: Entity, data: bytes) -> None:
    encoding = str(entity.get("content-transfer-encoding", "")).strip().lower()
    if encoding == "quoted-printable":
        data = quopri.encodestring(data)
    elif encoding == "base64" or encoding.endswith(("uuencode", "uue")):
        data = base64.encodebytes(data)
        entity.replace_header("content-transfer-encoding", "base64")
    entity.set_payload(data.decode("ascii", "surrogateescape"))


def _written(root: Entity, line_end: bytes) -> bytes:
    buffer = BytesIO()
    policy = _POLICY.clone(linesep=line_end.decode())
    BytesGenerator(buffer, policy=policy).flatten(root, unixfrom=root.get_unixfrom() is not None)
    return buffer.getvalue()


# --- the same mail otherwise -----------------------------------------------------------------------------------------


def _outline(message: Message, person: Person | None = None) -> object:
    """What must be the same before and after, but for what the person's stand-ins replace."""
    masked = person.masked if person else str

    def key(each: str) -> str:
        return person.stand_in if person and each == person.key else each

    return (
        message.message_id and masked(message.message_id),
        tuple(map(masked, message.references)),
        message.date,
        masked(message.subject),
        [(each.field, key(each.key)) for each in message.participants],
        [(part.part, part.kind) for part in message.content],
        [_squeezed(masked(part.text)) for part in message.content if part.kind == "text/plain"],
        [each.part for each in message.attachments],
        message.limit is None,
    )


def _squeezed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))
