"""What is written: drafts, what they begin with, and looking at all that was written."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from beleg.accounts import answering
from beleg.accounts.base import found_group, group_of, signature_of
from beleg.accounts.model import Group, Signature
from beleg.accounts.writing import file_name
from beleg.errors import InputError, NotFound
from beleg.keys import address_key
from beleg.message import parse
from beleg.message.structure import header_fields
from beleg.store import accounts as account_store
from beleg.store import journal
from beleg.store import outgoing as store
from beleg.store.mails import Mails
from beleg.store.outgoing import STATES, AttachedFile, Draft, NewFile, Outgoing, OutgoingState
from beleg.store.pages import Page

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from beleg.accounts import Accounts
    from beleg.store.people import User

MOST_TEXT = 1_000_000
"""Characters of a text; nobody types more."""
MOST_FIELD = 100_000
MOST_ATTACHED = 25_000_000
"""Bytes; of more no usual mail server takes the mail."""
_ENCODED = 1.37
"""How much larger a file is in a mail (base64 and its line ends)."""
_OPEN: tuple[OutgoingState, ...] = ("draft", "queued", "failed", "unclear")


class Writer(NamedTuple):
    """Who writes: his name (for the journal), his number where he is a user, his own address (which no reply goes to),
    and his language and time zone (of the line above what he quotes; None: this machine's)."""

    name: str
    id: int | None = None
    address: str = ""
    language: str = "en"
    zone: tzinfo | None = None

    @classmethod
    def of(cls, user: User, language: str, zone: tzinfo | None = None) -> Self:
        """A user who writes."""
        return cls(user.name, user.id, user.address, language, zone)


class Changed(InputError):
    """A draft is no longer what it was when it was looked at."""


class Drafts:
    """Writing, and looking at what was written."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.database = accounts.database
        self.workspace = accounts.workspace

    # --- a beginning: nothing is stored by these -------------------------------------------------------------------

    def compose(self, group: int | None = None) -> Draft:
        """An empty draft for a group (none given: the only one, where there is only one), with its signature. Raises
        NotFound."""
        with self.reading() as connection:
            groups = _groups(connection)
            if group is not None:
                found_group(connection, group)
            elif len(groups) == 1:
                group = groups[0].id
            return Draft(text=answering.signed("", self._signature(connection, group)), group=group)

    def reply_to(self, row: int, writer: Writer, *, all: bool = False) -> Draft:
        """A reply to a stored message: to its Reply-To, else its From (to whom it went, where it is our own); with
        `all` also to its other recipients; never to the groups' addresses or the writer's own. Subject with one `Re:`,
        the group of the message, its signature, the text quoted under a line that says who wrote it and when. Raises
        NotFound."""
        with self.reading() as connection:
            original = self._original(connection, row)
            own = {address_key(each.address) for each in _groups(connection)} | {address_key(writer.address)}
            draft = answering.reply(original, own - {""}, all, answering.Speech(writer.language, writer.zone))
            return self._signed(connection, draft, original)

    def forward(self, row: int, writer: Writer, *, attached: bool = False) -> Draft:
        """A stored message passed on: its head and text in the text and its attachments as `files`; or all of it as an
        `attached` message. Subject with one `Fwd:`. Raises NotFound."""
        with self.reading() as connection:
            original = self._original(connection, row)
            speech = answering.Speech(writer.language, writer.zone)
            return self._signed(connection, answering.forward(original, speech, attached=attached), original)

    def with_group(self, draft: Draft, group: int | None) -> Draft:
        """The draft for another group: the signature of the one it was for, where it still stands in the text, makes
        room for the new one's. Raises NotFound."""
        with self.reading() as connection:
            if group is not None:
                found_group(connection, group)
            old, new = (self._signature(connection, each) for each in (draft.group, group))
        return (
            draft
            if draft.group == group
            else replace(draft, group=group, text=answering.resigned(draft.text, old, new))
        )

    def signature_in(self, text: str) -> int | None:
        """The number of the signature that stands in a text; None where none does."""
        found = [each for each in self._signatures() if answering.stands_in(text, each.text)]
        # One may begin like another.
        return max(found, key=lambda each: len(each.text)).id if found else None

    def with_signature(self, draft: Draft, signature: int | None) -> Draft:
        """The draft with this signature, or none, in the place of the one that stands in its text. Raises NotFound."""
        texts = {each.id: each.text for each in self._signatures()}
        if signature is not None and signature not in texts:
            raise NotFound("there is no signature %(number)s", number=str(signature))
        old = self.signature_in(draft.text)
        old_text, new_text = (texts.get(each, "") if each is not None else "" for each in (old, signature))
        return replace(draft, text=answering.resigned(draft.text, old_text, new_text))

    def _signatures(self) -> list[Signature]:
        return [replace(each, text=each.text.strip("\n")) for each in self.accounts.signatures()]

    def _original(self, connection: Connection, row: int) -> answering.Original:
        raw = Mails(connection).raw([row]).get(row) if 0 < row < 2**62 else None
        if raw is None:
            raise NotFound("there is no message %(row)s", row=str(row))
        return answering.Original(row, raw, parse(raw, self.workspace.rules.limits))

    def _signed(self, connection: Connection, draft: Draft, original: answering.Original) -> Draft:
        """The draft for the group of the mail that it is about: the one that it belongs to, else one that takes part in
        it, else the only one."""
        group = store.group_of_message(connection, original.row)
        groups = _groups(connection)
        if group is None:
            there = {
                address_key(each.address or "") for boxes in header_fields(original.raw)[0].values() for each in boxes
            }
            near = [each.id for each in groups if each.address and address_key(each.address) in there]
            group = next(iter(near or [each.id for each in groups if len(groups) == 1]), None)
        signed = answering.signed(draft.text, self._signature(connection, group))
        return replace(draft, group=group, text=signed)

    @staticmethod
    def _signature(connection: Connection, group: int | None) -> str:
        row = account_store.one_group(connection, group) if group is not None else None
        if row is None or row.signature is None:
            return ""
        found = account_store.one_signature(connection, row.signature)
        return signature_of(found).text.strip("\n") if found else ""

    # --- drafts ----------------------------------------------------------------------------------------------------

    def save(self, draft: Draft, writer: Writer) -> int:
        """Store a new draft with its `files`; returns its number. Whatever is typed can be saved; what is wrong with it
        is said when it is queued. Raises NotFound (the group, the message that it answers), InputError (too long)."""
        draft = _stored(draft)
        self._fits([len(each.data) for each in draft.files])
        with self.writing() as connection:
            self._exists(connection, draft)
            if draft.answers is not None:
                self._original(connection, draft.answers)
            return store.add(connection, draft, writer.id, now())

    def change(self, id: int, draft: Draft, seen: Draft | None = None) -> None:
        """Replace what a draft says: recipients, subject, text and group. Its attachments, and what it answers, stay.
        `seen` is what was stored when it was looked at: raises Changed where something else is by now."""
        draft = _stored(draft)
        with self.writing() as connection:
            self._exists(connection, draft)
            if not store.rewrite(connection, id, draft, now(), seen):
                found = self.found(connection, id)
                if found.state == "draft" and not found.deleted:
                    raise Changed("this draft was changed meanwhile")
                raise self.wrong(connection, id)

    def attach(self, id: int, file: NewFile) -> AttachedFile:
        """Attach a file to a draft. Raises InputError where all that is attached would be too large."""
        file = _stored_file(file)
        with self.writing() as connection:
            there = self.draft(connection, id)
            self._fits([*(each.size for each in there.files), len(file.data)])
            return AttachedFile(store.add_file(connection, id, file), file.name, file.type, len(file.data))

    def detach(self, id: int, file: int) -> None:
        """Take an attached file off a draft. Raises NotFound where it has none of that number."""
        with self.writing() as connection:
            self.draft(connection, id)
            if not (0 < file < 2**62 and store.remove_file(connection, id, file)):
                raise NotFound("there is no attachment %(number)s", number=str(file))

    def discard(self, id: int, by: str) -> None:
        """Mark as deleted what is not on its way: a draft, what failed, what is unclear, what was queued (it is not
        sent then). What was sent stays: its stored message can be deleted."""
        with self.writing() as connection:
            if store.move(connection, id, ("queued",), now(), **UNQUEUED):
                self.note(connection, by, "outgoing.unqueue", id)
            if not store.move(connection, id, _OPEN, now(), deleted=True):
                raise self.wrong(connection, id)
            self.note(connection, by, "outgoing.discard", id)

    def restore(self, id: int, by: str) -> None:
        """Undo that. What was queued is a draft then."""
        with self.writing() as connection:
            if not store.move(connection, id, _OPEN, now(), deleted=False):
                raise self.wrong(connection, id)
            self.note(connection, by, "outgoing.restore", id)

    # --- looking ---------------------------------------------------------------------------------------------------

    def get(self, id: int) -> Outgoing:
        """A mail, discarded or not."""
        with self.reading() as connection:
            return self.found(connection, id)

    def file(self, id: int, file: int) -> NewFile:
        """An attached file with its bytes. Raises NotFound."""
        with self.reading() as connection:
            self.found(connection, id)
            found = store.files(connection, id, file) if 0 < file < 2**62 else []
        if not found:
            raise NotFound("there is no attachment %(number)s", number=str(file))
        return found[0]

    def raw(self, id: int) -> bytes | None:
        """The bytes that are sent; None before it was queued."""
        with self.reading() as connection:
            self.found(connection, id)
            return store.raw(connection, id)

    def listed(
        self,
        states: Collection[OutgoingState] = (),
        *,
        person: int | None = None,
        group: int | None = None,
        deleted: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Outgoing]:
        """A page of mails in these states (none given: in any), what changed last first: of one person, of one group,
        or of all; the discarded ones or the others. The texts of a list's drafts are cut to their beginning. Raises
        InputError for a cursor that is none."""
        with self.reading() as connection:
            return store.listed(connection, states, person, group, deleted, cursor, limit)

    def about(self, row: int, limit: int = 20) -> list[Outgoing]:
        """The newest mails that answer a stored message or pass it on, drafts too, in order and without the discarded
        ones; their attachments are left out, and their texts are cut to their beginning."""
        with self.reading() as connection:
            return store.about(connection, row, limit)

    def sent_to(self, rows: Collection[int]) -> dict[int, str]:
        """To whom stored messages went, by row number, of those that were written here. One round trip."""
        with self.reading() as connection:
            return store.sent_to(connection, rows) if rows else {}

    def counts(self, *, person: int | None = None, group: int | None = None) -> dict[OutgoingState, int]:
        """How many mails are in each state, without the discarded ones."""
        with self.reading() as connection:
            found = store.counts(connection, person, group)
        return {state: found.get(state, 0) for state in STATES}

    # --- within ----------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with self.database.begin(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that changes something; on disk when it ends."""
        with self.database.begin(durable=True) as connection:
            yield connection

    @staticmethod
    def found(connection: Connection, id_: int) -> Outgoing:
        """A mail. Raises NotFound."""
        found = store.one(connection, id_)
        if found is None:
            raise NotFound("there is no outgoing mail %(number)s", number=str(id_))
        return found

    def draft(self, connection: Connection, id_: int) -> Outgoing:
        """A draft, which nobody else changes until the transaction ends."""
        if not store.move(connection, id_, ("draft",), now()):
            raise self.wrong(connection, id_)
        return self.found(connection, id_)

    def wrong(self, connection: Connection, id_: int) -> Exception:
        """Why a mail is not in the state that it would have to be in."""
        found = self.found(connection, id_)
        return InputError(_DISCARDED if found.deleted else _STATES[found.state])

    @staticmethod
    def _exists(connection: Connection, draft: Draft) -> None:
        if draft.group is not None:
            found_group(connection, draft.group)

    @property
    def most_attached(self) -> int:
        """How many bytes the files of a mail may have in all."""
        return min(MOST_ATTACHED, int(self.workspace.rules.limits.message_bytes / _ENCODED))

    def _fits(self, sizes: Collection[int]) -> None:
        most = self.most_attached
        if sum(sizes) > most:
            raise InputError("the attachments are too large: at most %(most)s bytes in all", most=most)

    def note(self, connection: Connection, by: str, act: str, id_: int, row: int | None = None) -> None:
        """The journal names a mail by its number and Message-ID: whom it was about is not in it."""
        found = self.found(connection, id_)
        about = f"{id_}" + (f" <{found.message_id}>" if found.message_id else "")
        journal.append(connection, journal.moment(), by, act, row, {"about": about})


UNQUEUED: dict[str, Any] = {
    "state": "draft", "account": None, "sender": "", "message_id": None, "raw": None, "said": {}, "tries": 0,
    "due": None,
}  # fmt: skip
"""What makes a draft again of what was queued."""
_DISCARDED = "this mail was discarded; restore it first"
_STATES: dict[OutgoingState, str] = {
    "draft": "this mail is a draft still",
    "queued": "this mail waits to be sent already",
    "sending": "this mail is being sent at this moment",
    "sent": "this mail was sent already",
    "failed": "this mail could not be sent; send it again, or make it a draft first",
    "unclear": "whether this mail was sent is unclear; send it again, or say that it was sent",
}


def _groups(connection: Connection) -> list[Group]:
    return [group_of(row) for row in account_store.groups(connection)]


def now() -> int:
    """Seconds since 1970 UTC."""
    return int(time.time())


def _stored(draft: Draft) -> Draft:
    """A draft as it can be stored. Raises InputError."""
    fields = (draft.to, draft.cc, draft.bcc, draft.subject)
    for text, most in (*((each, MOST_FIELD) for each in fields), (draft.text, MOST_TEXT)):
        if len(text) > most:
            raise InputError("this is too long: at most %(most)s characters", most=most)
    return replace(
        draft, to=_text(draft.to), cc=_text(draft.cc), bcc=_text(draft.bcc), subject=_text(draft.subject),
        text=_text(draft.text).replace("\r\n", "\n"), files=tuple(map(_stored_file, draft.files)),
    )  # fmt: skip


def _stored_file(file: NewFile) -> NewFile:
    return NewFile(file_name(_text(file.name)), _text(file.type)[:100], file.data)


def _text(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
