"""ERP records: taking them in, finding them, and what is written about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from beleg.assignment import Assignment
from beleg.directory import address_entry, reference_entry
from beleg.errors import NotFound
from beleg.ignore import IgnoreList
from beleg.keys import address_key, reference_key
from beleg.record import Record, RecordRef
from beleg.store import browse, find
from beleg.store import records as record_store
from beleg.store.browse import Linked
from beleg.store.find import FoundRecord
from beleg.store.mails import Mails, StoredMessage
from beleg.store.pages import Page
from beleg.trace import Trace
from beleg.workspace.ignoring import Ignoring

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Shown:
    """A record and the messages that it stands on; `record` is None where the ERP never had it, `gone` where it no
    longer has it."""

    ref: RecordRef
    record: Record | None
    gone: bool
    messages: tuple[tuple[StoredMessage, Assignment], ...]


@dataclass(frozen=True)
class Letter:
    """A message that a record stands on, how it came to stand there, the newest trace of the message (None before it is
    decided), and its direction: `out` when a user or a group of the system sent it."""

    message: StoredMessage
    assignment: Assignment
    trace: Trace | None
    direction: Direction


class Records(Ignoring):
    """The mirror of the ERP."""

    def import_records(
        self,
        records: Iterable[Record],
        *,
        files: str = "",
        prune: bool = False,
        progress: Callable[[int], None] = lambda count: None,
    ) -> record_store.ImportReport:
        """Take ERP records in, all or nothing."""
        with self.database.begin() as connection:
            return record_store.import_records(
                connection, records, self.installed.types, files=files, prune=prune, progress=progress
            )

    def show(self, text: str) -> list[Shown]:
        """The record of this name (`order:O-81`), or all records that carry the number or the address, each with its
        messages. Raises NotFound."""
        with self.database.begin(write=False) as connection:
            refs = browse.named(connection, text)
            if not refs and "@" in text:
                refs = browse.carrying(connection, address_entry(address_key(text.strip())))
            if not refs and (key := reference_key(text)):
                refs = browse.carrying(connection, reference_entry(key))
            if not refs:
                how = "" if ":" in text else "; a record's name is TYPE:ID, for example order:O-81"
                raise NotFound(f"no record is named {text!r}, and none carries it as a number or an address{how}")
            mails = Mails(connection)
            shown = []
            for ref in refs:
                record, gone = browse.load_one(connection, ref)
                shown.append(Shown(ref, record, gone, tuple(mails.communication(ref))))
            return shown

    def record(self, ref: RecordRef) -> tuple[Record | None, bool]:
        """A record, None where the ERP never had it; and whether the ERP no longer has it."""
        with self.database.begin(write=False) as connection:
            return browse.load_one(connection, ref)

    def record_known(self, ref: RecordRef) -> bool:
        """Whether the ERP has, or once had, a record of this name."""
        with self.database.begin(write=False) as connection:
            return browse.load_one(connection, ref)[0] is not None

    def search_records(self, text: str, types: Collection[str] | None = None, limit: int = 20) -> list[FoundRecord]:
        """The records that a person may mean, the likeliest first, of these types or of all: the one that is named so
        (`order:O-81`, or `O-81` of any type), those whose number or address is this or begins so, and those whose
        label has these words or words that begin so. Retired ones only by name."""
        with self.database.begin(write=False) as connection:
            return find.records(connection, text, types, limit, self.installed.types)

    def communication(
        self, ref: RecordRef, *, cursor: str | None = None, limit: int = 50, newest_first: bool = False
    ) -> Page[Letter]:
        """A page of the messages that a record stands on, in order of date. Raises InputError."""
        with self.database.begin(write=False) as connection:
            ignored = self.ignore_list(connection)
            found = browse.communication(connection, ref, cursor, limit, newest_first=newest_first)
        return found.of([Letter(*each, _direction(each.message.sender, ignored)) for each in found.rows])

    def message_counts(self, refs: Collection[RecordRef]) -> dict[RecordRef, int]:
        """On how many messages each of these records stands; 1,001 means more than 1,000."""
        with self.database.begin(write=False) as connection:
            return browse.message_counts(connection, refs)

    def links(self, ref: RecordRef) -> tuple[list[Linked], list[Linked]]:
        """What a record points at, and what points at it: the first hundred of each, by role and name."""
        with self.database.begin(write=False) as connection:
            return browse.links(connection, ref)


def _direction(sender: str, ignored: IgnoreList) -> Direction:
    entry = ignored.entry_for(address_key(sender)) if sender else None
    return "out" if entry and entry.kind in ("user", "group") else "in"
