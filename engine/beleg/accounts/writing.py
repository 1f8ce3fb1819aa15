"""From what a person writes to the bytes of a mail (RFC 5322, MIME)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import NamedTuple

from beleg.errors import InputError
from beleg.keys import address_key, domain_key
from beleg.message import Mailbox, clean, is_addr_spec, mailboxes
from beleg.message.header import first_text, many_ids, one_id, read_header
from beleg.printable import UNPRINTABLE, harmless
from beleg.store.outgoing import Draft, NewFile

MOST_RECIPIENTS = 1000
MOST_IDS = 20
"""Ids in References: the first of the thread, and the newest (RFC 5322 section 3.6.4 sets no bound)."""
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, with its brackets
_LONGEST_LOCAL = 64
_LINE, _LONGEST_LINE = 78, 998
_ENCODED_LINE = 75
_WORD = 60
"""Characters of the longest word that is written as it is; a longer one might not fit a line."""
# Seven bits always: what server a mail goes to is not known when it is made.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_ID = re.compile(r"[!-;=?-~]{1,900}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")
_ANYTHING = "application/octet-stream"
_MESSAGE = "message/rfc822"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD_NAMES = {"to": "To", "cc": "Cc", "bcc": "Bcc"}


class Written(NamedTuple):
    """A mail that was made: its bytes with CRLF line ends (Bcc is not in them), its Message-ID without brackets, and
    who sends it to whom."""

    raw: bytes
    message_id: str
    sender: str
    recipients: tuple[str, ...]


def write(draft: Draft, files: Sequence[NewFile], sender: Mailbox, original: bytes | None, at: float) -> Written:
    """Make a mail, now (`at`, seconds since 1970 UTC), in answer to the `original`. Raises InputError: nobody to send
    it to, or something that is no address."""
    own = address_of(sender.address or "")
    lists = {name: recipients(getattr(draft, name), name) for name in _FIELD_NAMES}
    everybody = {address_key(each.address or ""): each for boxes in lists.values() for each in boxes}
    if not everybody:
        raise InputError("enter at least one recipient")
    if len(everybody) > MOST_RECIPIENTS:
        raise InputError("a mail goes to at most %(most)s recipients", most=MOST_RECIPIENTS)
    id_ = make_msgid(domain=own.rpartition("@")[2])
    message = _body(draft.text, files)
    fields = [
        _field("From", [_mailbox(Mailbox(sender.name, own))]),
        *(_field(_FIELD_NAMES[name], _listed(lists[name])) for name in ("to", "cc") if lists[name]),
        *([] if lists["to"] or lists["cc"] else ["To: undisclosed-recipients:;\r\n"]),
        _field("Subject", [_text_words(_one_line(draft.subject))]),
        f"Date: {formatdate(at, localtime=True)}\r\n",
        f"Message-ID: {id_}\r\n",
        *_thread_fields(draft, original),
    ]
    raw = "".join(fields).encode() + message.as_bytes()
    addresses = tuple(each.address or "" for each in everybody.values())
    return Written(raw, id_[1:-1], own, addresses)


# --- addresses


def recipients(text: str, field: str) -> list[Mailbox]:
    """The mailboxes of a list that was typed, each once, domains in ASCII. Raises InputError."""
    if UNPRINTABLE.search(text) or "\n" in text:
        raise InputError("%(field)s has a line break or a control character", field=_FIELD_NAMES[field])
    found: dict[str, Mailbox] = {}
    for box in mailboxes(text):
        if box.address is None:
            raise InputError(
                "%(address)r in %(field)s is no e-mail address", address=box.name, field=_FIELD_NAMES[field]
            )
        address = address_of(box.address)
        found.setdefault(address_key(address), Mailbox(harmless(box.name, 200), address))
    return list(found.values())


def address_of(text: str) -> str:
    """An address as it goes over the wire: its domain in ASCII (RFC 5891). Raises InputError."""
    local, _, domain = text.strip().rpartition("@")
    if not domain.isascii():
        domain = domain_key(domain)
    address = f"{local}@{domain}"
    fits = (
        len(address.encode("utf-8", "replace")) <= _LONGEST_ADDRESS
        and len(local.encode("utf-8", "replace")) <= _LONGEST_LOCAL
    )
    if not (is_addr_spec(address) and address.isprintable() and domain.isascii() and fits):
        raise InputError("%(address)r is no e-mail address", address=text)
    return address


def typed(boxes: Iterable[Mailbox]) -> str:
    """Mailboxes as a person types them, so that `recipients` reads them again."""
    return ", ".join(_typed(box.name, box.address or "") for box in boxes)


def _typed(name: str, address: str) -> str:
    name = harmless(name, 200)
    if not name or "=?" in name:
        return address
    if not re.fullmatch(r"[\w .'-]*", name) or "." in name:
        name = _quoted(name)
    return f"{name} <{address}>"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- the header


def _field(name: str, words: Iterable[list[str]]) -> str:
    """A field, folded between words."""
    lines = [f"{name}:"]
    for word in (each for some in words for each in some):
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def _listed(boxes: Sequence[Mailbox]) -> Iterator[list[str]]:
    for number, box in enumerate(boxes, 1):
        words = _mailbox(box)
        yield words if number == len(boxes) else [*words[:-1], f"{words[-1]},"]


def _mailbox(box: Mailbox) -> list[str]:
    name = _one_line(box.name)
    if not name:
        return [box.address or ""]
    if not name.isascii() or "=?" in name or len(name) > _WORD:
        phrase = _encoded(name)
    else:
        phrase = [name if _ATOMS.fullmatch(name) else _quoted(name)]
    return [*phrase, f"<{box.address}>"]


def _text_words(text: str) -> list[str]:
    words = text.split(" ")
    plain = text.isascii() and "=?" not in text and max(map(len, words)) <= _WORD
    return words if plain else _encoded(text)


def _encoded(text: str) -> list[str]:
    """Encoded words (RFC 2047)."""
    return Header(text, "utf-8", maxlinelen=_ENCODED_LINE, header_name="Subject").encode().split()


def _one_line(text: str) -> str:
    return " ".join(UNPRINTABLE.sub(" ", clean(text)).split())


def _thread_fields(draft: Draft, original: bytes | None) -> Iterator[str]:
    """In-Reply-To and References (RFC 5322 section 3.6.4). What is passed on is no answer, but of the thread."""
    if original is None:
        return
    own, ids = _ids(original)
    if own and draft.kind == "reply":
        yield _field("In-Reply-To", [[f"<{own}>"]])
    ids = [each for each in ids if each != own] + ([own] if own else [])
    if len(ids) > MOST_IDS:
        ids = [ids[0], *ids[1 - MOST_IDS :]]
    if ids:
        yield _field("References", [[f"<{each}>" for each in ids]])


def _ids(raw: bytes) -> tuple[str, list[str]]:
    """The Message-ID of a mail, empty where it has none that can be named, and the ids of its thread."""
    data = _LINE_END.sub(b"\n", raw)
    header, _ = read_header(data, 0, len(data))
    found = many_ids([first_text(header, "references")]) or many_ids([first_text(header, "in-reply-to")])[:1]
    own = one_id(first_text(header, "message-id")) or ""
    return own if _ID.fullmatch(own) else "", [each for each in found if _ID.fullmatch(each)]


# --- the body


def _body(text: str, files: Sequence[NewFile]) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    message.set_content(lines.encode("utf-8", "replace").decode("utf-8"), charset="utf-8")
    for file in files:
        if file.type == _MESSAGE:
            _attach_message(message, file)
        else:
            kind = file.type.lower()
            if not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
                kind = _ANYTHING
            message.add_attachment(file.data, *kind.split("/"), filename=file_name(file.name))
    return message


def _attach_message(message: EmailMessage, file: NewFile) -> None:
    """Attach a mail as one, byte for byte, where it can go so (RFC 2046 section 5.2.1 lets nothing encode it)."""
    raw = _LINE_END.sub(b"\r\n", file.data)
    name = file_name(file.name)
    if not raw.isascii() or b"\0" in raw or any(len(line) > _LONGEST_LINE for line in raw.split(b"\r\n")):
        message.add_attachment(file.data, *_ANYTHING.split("/"), filename=name)
        return
    part = EmailMessage(policy=_POLICY)
    part.add_header("Content-Type", _MESSAGE)
    part.add_header("Content-Disposition", "attachment", filename=name)
    part.set_payload(raw.decode("ascii"))
    if message.get_content_type() != "multipart/mixed":
        message.make_mixed()
    message.attach(part)


def file_name(name: str) -> str:
    """The name under which a file is attached: no path, no control characters, at most 150 characters."""
    stem, dot, ending = harmless(re.split(r"[/\\]", name)[-1], 1000).rpartition(".")
    if not dot or len(ending) > 20:
        stem, dot, ending = f"{stem}{dot}{ending}", "", ""
    return f"{stem[: 150 - len(ending)]}{dot}{ending}".strip() or "attachment"
