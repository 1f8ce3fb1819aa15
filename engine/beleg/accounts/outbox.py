"""The outbox: what is written, what waits to be sent, what became of it.

A mail is `draft` → `queued` → `sending` → `sent`, `failed` or `unclear`. Its bytes are made once, when it is queued,
and its Message-ID stays whatever happens then. That it is `sending` is on disk before the first byte goes out: what is
found `sending` by the next one who has the outbox was cut short, and is `unclear`. What is unclear is never sent again
unless a person says so.
"""

from __future__ import annotations

import time

from beleg.accounts.base import found_group, group_of
from beleg.accounts.drafts import UNQUEUED, Drafts, Writer, now
from beleg.accounts.sending import Sending, SendReport, said_in_all
from beleg.accounts.writing import write
from beleg.errors import InputError
from beleg.mailserver import Sentence
from beleg.message import Mailbox
from beleg.store import outgoing as store
from beleg.store.mails import Mails
from beleg.store.outgoing import AttachedFile, Draft, NewFile, Outgoing, OutgoingState

__all__ = ["AttachedFile", "Draft", "NewFile", "Outbox", "Outgoing", "OutgoingState", "SendReport", "Writer"]

_BY_HAND = Sentence("{who} says that it was sent", "Laut {who} wurde sie gesendet")


class Outbox(Sending, Drafts):
    """The mail that the people of one database write and send.

    Methods that take an `id` raise NotFound where there is no such mail, and InputError where its state does not allow
    it, with a sentence that says which state it is in. `by` is always the name of who does it, for the journal.
    """

    def queue(self, id: int, by: str) -> Outgoing:
        """Have a draft sent: check it, make its bytes, and put it into the outbox, on disk. Raises InputError, and
        changes nothing: nobody to send it to; something that is no address; no group, or one without an address; no
        active account that sends for the group's address; too large."""
        with self.writing() as connection:
            draft = self.draft(connection, id).draft
            if draft.group is None:
                raise InputError("choose the group that the mail is sent for")
            group = group_of(found_group(connection, draft.group))
            if not group.address:
                raise InputError("the group %(name)r has no address to send from", name=group.name)
            account = self.account_for(connection, group.address)
            answers = draft.answers
            original = Mails(connection).raw([answers]).get(answers) if answers is not None else None
            at = time.time()
            written = write(draft, store.files(connection, id), Mailbox(group.name, group.address), original, at)
            most = self.workspace.rules.limits.message_bytes
            if len(written.raw) > most:
                raise InputError(
                    "the mail is too large: %(size)s bytes, at most %(most)s", size=len(written.raw), most=most
                )
            store.move(
                connection, id, ("draft",), int(at), state="queued", account=account.id, sender=written.sender,
                message_id=written.message_id, raw=written.raw, said={}, tries=0, due=int(at),
            )  # fmt: skip
            self.note(connection, by, "outgoing.queue", id)
            return self.found(connection, id)

    def unqueue(self, id: int, by: str) -> Outgoing:
        """Make a draft again of what is queued or failed: to be changed, and queued as a new mail."""
        return self._by_hand(id, by, "outgoing.unqueue", ("queued", "failed"), UNQUEUED)

    def resend(self, id: int, by: str) -> Outgoing:
        """Send what failed or is unclear once more, now: the same bytes with the same Message-ID, so that who has it
        already can tell."""
        again = {"state": "queued", "said": {}, "tries": 0, "due": now()}
        return self._by_hand(id, by, "outgoing.resend", ("failed", "unclear"), again)

    def mark_sent(self, id: int, by: str) -> Outgoing:
        """Say that an unclear mail was sent after all: it is stored and decided as if the server had said so."""
        with self.writing() as connection:
            if not store.move(connection, id, ("unclear",), now(), said=said_in_all(_BY_HAND, who=by)):
                raise self.wrong(connection, id)
            row = self.keep(connection, self.found(connection, id), ("unclear",))
            self.note(connection, by, "outgoing.mark_sent", id, row)
        self.decide(row)
        return self.get(id)

    def _by_hand(
        self, id_: int, by: str, act: str, states: tuple[OutgoingState, ...], values: dict[str, object]
    ) -> Outgoing:
        with self.writing() as connection:
            self.found(connection, id_)
            self.note(connection, by, act, id_)
            if not store.move(connection, id_, states, now(), **values):
                raise self.wrong(connection, id_)
            return self.found(connection, id_)
