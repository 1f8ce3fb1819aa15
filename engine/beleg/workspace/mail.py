"""The mailbox: taking mail in, and finding it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from beleg.deciding import BATCH
from beleg.errors import NotFound
from beleg.message import content_identity, parse
from beleg.record import RecordRef
from beleg.store import filling
from beleg.store.criteria import Criteria
from beleg.store.inbox import EVERYTHING, Filter, InboxRow, count_each, counts
from beleg.store.inbox import inbox as read_inbox
from beleg.store.mails import Mails, StoredMessage
from beleg.store.pages import Page
from beleg.store.words import search as read_search
from beleg.workspace.decisions import Decisions

Incoming = tuple[bytes, str] | tuple[bytes, str, str]
"""A mail to take in: its bytes, the folder or mbox that it lies in, and the mailbox: the path that was named."""


@dataclass
class MailReport:
    """What taking in mail did."""

    new: int = 0
    known: int = 0
    decided: int = 0
    failed: list[str] = field(default_factory=list)


class Mail(Decisions):
    """The stored mail."""

    def import_mail(
        self,
        found: Iterable[Incoming],
        *,
        decide: bool = True,
        progress: Callable[[int], None] = lambda count: None,
    ) -> MailReport:
        """Store mails that are not stored yet; then, unless `decide` is False, decide the new ones, oldest first, so
        that an answer that was found before its question inherits from it all the same."""
        report = MailReport()
        new: list[int] = []
        source = iter(found)
        while batch := list(islice(source, BATCH)):
            with self.database.begin() as connection:
                mails = Mails(connection)
                hashes = [content_identity(raw) for raw, *_ in batch]
                known = mails.known(hashes)
                for (raw, *places), identity in zip(batch, hashes, strict=True):
                    if identity in known:
                        report.known += 1
                        continue
                    known.add(identity)
                    new.append(mails.add(parse(raw, self.rules.limits), raw, *places))
                    report.new += 1
            progress(len(batch))
        if decide and new:
            with self.database.begin(write=False) as connection:
                new = Mails(connection).oldest_first(new)
            outcome = self.assign(new)
            report.decided, report.failed = outcome.decided, outcome.failed
        return report

    def newest(self, count: int) -> list[tuple[StoredMessage, list[RecordRef]]]:
        """The newest messages that are not deleted, the latest first, with the records that stand on each."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).newest(count)

    def find_message(self, name: str) -> StoredMessage:
        """The message of this row number, Message-ID or beginning of its sha256. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            found = Mails(connection).find(name)
        if not found:
            raise NotFound(
                f"no stored message is named {name!r}; name it by row number, Message-ID or the first 6 or more "
                "characters of its sha256"
            )
        if len(found) > 1:
            rows = ", ".join(str(each.row) for each in found[:5])
            raise NotFound(f"{len(found)} stored messages are named {name!r}; name one by its row number: {rows}")
        return found[0]

    def inbox(
        self,
        filter_: Filter = "all",
        search: str = "",
        *,
        criteria: Criteria = EVERYTHING,
        me: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[InboxRow]:
        """A page of messages, the newest first, without a date before all: those of a filter (`FILTERS`) that meet the
        criteria of a saved search and have the words of a search (`beleg.store.words`), each with what stands on it,
        its newest trace, and what people do with it. `me` is the number of the person who looks. Deleted mail is there
        only where the criteria ask for it. Another page is named by a cursor that a page gave. Raises InputError."""
        words = f"{criteria.text} {search}".strip()
        wanted = read_search(words) if words else None
        with self.database.begin(write=False) as connection:
            return read_inbox(connection, filter_, wanted, cursor, limit, criteria, me)

    def inbox_counts(self, criteria: Criteria = EVERYTHING, me: int | None = None) -> dict[Filter, int]:
        """How many messages each filter leaves of those that meet the criteria; 1,001 means more than 1,000. Words of a
        search are not counted."""
        with self.database.begin(write=False) as connection:
            return counts(connection, criteria, me)

    def count_each(self, wanted: Sequence[Criteria], me: int | None = None) -> list[int | None]:
        """How many messages, or mails that are written, meet each of some criteria; 1,001 means more than 1,000, None:
        they search for words, which is not counted."""
        with self.database.begin(write=False) as connection:
            return count_each(connection, wanted, me)

    def unfilled(self) -> int:
        """How many messages and records an upgrade has left to `fill_in`."""
        with self.database.begin(write=False) as connection:
            return filling.left(connection)

    def fill_in(self, progress: Callable[[int], None] = lambda count: None) -> int:
        """Bring what an older Beleg stored up to what this one keeps: states and words of mails, clauses of decisions,
        words of labels. Goes on where it was broken off. Returns how many messages and records it was."""
        total = 0
        while True:
            with self.database.begin() as connection:
                count = filling.batch(connection, self.step_types, self.rules.limits)
            if not count:
                return total
            total += count
            progress(count)
