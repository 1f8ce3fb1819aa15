"""ERP records: taking them in, finding them, and what is written about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from beleg.assignment import Assignment
from beleg.directory import address_entry, reference_entry
from beleg.errors import NotFound
from beleg.keys import address_key, reference_key
from beleg.record import Record, RecordRef
from beleg.store import browse
from beleg.store import records as record_store
from beleg.store.mails import Mails, StoredMessage
from beleg.workspace.base import Base


@dataclass(frozen=True)
class Shown:
    """A record and the messages that it stands on; `record` is None where the ERP never had it, `gone` where it no
    longer has it."""

    ref: RecordRef
    record: Record | None
    gone: bool
    messages: tuple[tuple[StoredMessage, Assignment], ...]


class Records(Base):
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

    def record_known(self, ref: RecordRef) -> bool:
        """Whether the ERP has, or once had, a record of this name."""
        with self.database.begin(write=False) as connection:
            return browse.load_one(connection, ref)[0] is not None
