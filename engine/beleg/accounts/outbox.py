"""The outbox: what is written, what waits to be sent, what became of it.

A mail is `draft` → `queued` → `sending` → `sent`, `failed` or `unclear`. Its bytes are made once, when it is queued,
and its Message-ID stays whatever happens then. That it is `sending` is on disk before the first byte goes out: what is
found `sending` by the next one who has the outbox was cut short, and is `unclear`. What is unclear is never sent again
unless a person says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, NamedTuple

from beleg.store.outgoing import AttachedFile, Draft, NewFile, Outgoing, OutgoingState
from beleg.store.pages import Page

if TYPE_CHECKING:
    from beleg.accounts import Accounts


class Writer(NamedTuple):
    """Who writes: his name (for the journal), his number where he is a user, his own address (which no reply goes to),
    and his language and time zone (of the line above what he quotes; None: this machine's)."""

    name: str
    id: int | None = None
    address: str = ""
    language: str = "en"
    zone: tzinfo | None = None


@dataclass
class SendReport:
    """What a run of the outbox did: the numbers of the mails that were sent, that failed, that are unclear, and that
    wait (for their next try, or until their account can be used again). `busy`: another process has the outbox, so
    nothing was done here."""

    sent: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    busy: bool = False


class Outbox:
    """The mail that the people of one database write and send.

    Methods that take an `id` raise NotFound where there is no such mail, and InputError where its state does not allow
    it, with a sentence that says which state it is in. `by` is always the name of who does it, for the journal.
    """

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    # --- a beginning: nothing is stored by these -------------------------------------------------------------------

    def compose(self, group: int | None = None) -> Draft:
        """An empty draft for a group (none given: the only one, where there is only one), with its signature."""
        raise NotImplementedError

    def reply_to(self, row: int, writer: Writer, *, all: bool = False) -> Draft:
        """A reply to a stored message: to its Reply-To, else its From (to whom it went, where it is our own); with
        `all` also to its other recipients; never to the group's addresses or the writer's own. Subject with one `Re:`,
        the group of the message, its signature, the text quoted under a line that says who wrote it and when. Raises
        NotFound."""
        raise NotImplementedError

    def forward(self, row: int, writer: Writer, *, attached: bool = False) -> Draft:
        """A stored message passed on: its head and text in the text and its attachments as `files`; or all of it as an
        `attached` message. Subject with one `Fwd:`. Raises NotFound."""
        raise NotImplementedError

    def with_group(self, draft: Draft, group: int | None) -> Draft:
        """The draft for another group: the signature of the one it was for, where it still stands in the text, makes
        room for the new one's."""
        raise NotImplementedError

    # --- drafts ----------------------------------------------------------------------------------------------------

    def save(self, draft: Draft, writer: Writer) -> int:
        """Store a new draft with its `files`; returns its number. Whatever is typed can be saved; what is wrong with it
        is said when it is queued."""
        raise NotImplementedError

    def change(self, id: int, draft: Draft) -> None:
        """Replace what a draft says: recipients, subject, text and group. Its attachments, and what it answers,
        stay."""
        raise NotImplementedError

    def attach(self, id: int, file: NewFile) -> AttachedFile:
        """Attach a file to a draft. Raises InputError where all that is attached would be too large."""
        raise NotImplementedError

    def detach(self, id: int, file: int) -> None:
        """Take an attached file off a draft. Raises NotFound where it has none of that number."""
        raise NotImplementedError

    def discard(self, id: int, by: str) -> None:
        """Mark as deleted what is not on its way: a draft, what failed, what is unclear, what was queued (it is not
        sent then). What was sent stays: its stored message can be deleted."""
        raise NotImplementedError

    def restore(self, id: int, by: str) -> None:
        """Undo that. What was queued is a draft then."""
        raise NotImplementedError

    # --- looking ---------------------------------------------------------------------------------------------------

    def get(self, id: int) -> Outgoing:
        """A mail, discarded or not."""
        raise NotImplementedError

    def file(self, id: int, file: int) -> NewFile:
        """An attached file with its bytes. Raises NotFound."""
        raise NotImplementedError

    def raw(self, id: int) -> bytes | None:
        """The bytes that are sent; None before it was queued."""
        raise NotImplementedError

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
        raise NotImplementedError

    def counts(self, *, person: int | None = None, group: int | None = None) -> dict[OutgoingState, int]:
        """How many mails are in each state, without the discarded ones."""
        raise NotImplementedError

    # --- sending ---------------------------------------------------------------------------------------------------

    def queue(self, id: int, by: str) -> Outgoing:
        """Have a draft sent: check it, make its bytes, and put it into the outbox, on disk. Raises InputError, and
        changes nothing: nobody to send it to; something that is no address; no group, or one without an address; no
        active account that sends for the group's address; too large."""
        raise NotImplementedError

    def unqueue(self, id: int, by: str) -> Outgoing:
        """Make a draft again of what is queued or failed: to be changed, and queued as a new mail."""
        raise NotImplementedError

    def resend(self, id: int, by: str) -> Outgoing:
        """Send what failed or is unclear once more, now: the same bytes with the same Message-ID, so that who has it
        already can tell."""
        raise NotImplementedError

    def mark_sent(self, id: int, by: str) -> Outgoing:
        """Say that an unclear mail was sent after all: it is stored and decided as if the server had said so."""
        raise NotImplementedError

    def send_due(self) -> SendReport:
        """Send what is due, oldest first. One at a time does so over the whole database; another finds it busy. Never
        raises for what a server does: what became of each mail is stored with it, and what is wrong with an account
        with that."""
        raise NotImplementedError
