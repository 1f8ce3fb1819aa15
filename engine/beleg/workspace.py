"""What people do with Beleg, as functions: take in mail and records, decide, explain, correct, look up.

The command line (and later the web page and the API) are thin layers over this module.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from beleg.assignment import Assignment, removals
from beleg.case import Case, StoredMail
from beleg.deciding import BATCH, Deciding
from beleg.directory import Directory, address_entry, reference_entry
from beleg.errors import InputError
from beleg.errors import NotFound as NotFound
from beleg.gather import gather
from beleg.ignore import ENTRY_LISTS, IgnoreList, classify
from beleg.keys import address_key, reference_key
from beleg.message import content_identity, parse
from beleg.orchestrator import Decision, Engine, StepFailed
from beleg.orchestrator.follow import follow
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.step import RuleSettings
from beleg.store import Database, SqlDirectory, browse
from beleg.store import records as record_store
from beleg.store.mails import Mails, StoredMessage
from beleg.store.tables import ignored
from beleg.trace import Trace, digest

if TYPE_CHECKING:
    from beleg.why_not import WhatIf

Incoming = tuple[bytes, str] | tuple[bytes, str, str]
"""A mail to take in: its bytes, the folder or mbox that it lies in, and the mailbox: the path that was named."""


@dataclass
class MailReport:
    """What taking in mail did."""

    new: int = 0
    known: int = 0
    decided: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass
class AssignReport:
    """What a batch of decisions did: how many, how many with an assignment, and what failed."""

    decided: int = 0
    assigned: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """A record and the messages that it stands on; `record` is None where the ERP never had it, `gone` where it no
    longer has it."""

    ref: RecordRef
    record: Record | None
    gone: bool
    messages: tuple[tuple[StoredMessage, Assignment], ...]


# A user's address is ignored because he is stored, not because someone entered it: it changes with him.
_IGNORED = """
SELECT list, entry FROM ignored UNION SELECT 'users', address FROM person WHERE address <> '' ORDER BY entry
"""


class Workspace:
    """One database with the installed plugins and the settings that decisions depend on."""

    def __init__(self, database: Database, installed: Installed, rules: RuleSettings | None = None) -> None:
        self.database = database
        self.installed = installed
        self.rules = rules or RuleSettings()
        self.engine = Engine(installed, self.rules)
        self._ignored: tuple[tuple[tuple[str, ...], ...], IgnoreList] | None = None
        self._described = False

    # --- records -------------------------------------------------------------------------------------------------

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

    # --- ignored addresses ---------------------------------------------------------------------------------------

    def ignore_list(self, connection: Connection) -> IgnoreList:
        """The ignored addresses that are stored."""
        rows = tuple(map(tuple, connection.exec_driver_sql(_IGNORED)))
        if self._ignored is None or self._ignored[0] != rows:
            lists = {name: [entry for list_, entry in rows if list_ == name] for name in ENTRY_LISTS}
            self._ignored = rows, IgnoreList(**lists)
        return self._ignored[1]

    def ignored(self) -> IgnoreList:
        """The same, in a transaction of its own."""
        with self.database.begin(write=False) as connection:
            return self.ignore_list(connection)

    def ignore(self, list_: str, entries: Sequence[str]) -> list[str]:
        """Add entries to `users`, `groups` or `blacklist`; returns those that were new. Raises InputError."""
        added = []
        with self.database.begin() as connection:
            for entry in entries:
                key = self._entry_key(list_, entry)
                if not self._has_entry(connection, list_, key):
                    connection.execute(insert(ignored).values(list=list_, key=key, entry=entry.strip()))
                    added.append(entry)
        return added

    def unignore(self, list_: str, entries: Sequence[str]) -> list[str]:
        """Take entries off a list; returns those that were on it. Raises InputError."""
        gone = []
        with self.database.begin() as connection:
            for entry in entries:
                key = self._entry_key(list_, entry)
                if self._has_entry(connection, list_, key):
                    connection.execute(delete(ignored).where(ignored.c.list == list_, ignored.c.key == key))
                    gone.append(entry)
        return gone

    @staticmethod
    def _entry_key(list_: str, entry: str) -> str:
        try:
            kind, key = classify(entry)
        except ValueError as error:
            raise InputError(str(error)) from None
        if list_ != "blacklist" and kind != "address":
            raise InputError(f"{entry!r} is no address; {list_} holds addresses only")
        return f"{kind}:{key}"

    @staticmethod
    def _has_entry(connection: Connection, list_: str, key: str) -> bool:
        query = select(ignored.c.key).where(ignored.c.list == list_, ignored.c.key == key)
        return connection.execute(query).first() is not None

    # --- mail ----------------------------------------------------------------------------------------------------

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
        """The newest messages, the latest first, with the records that stand on each."""
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

    # --- decisions -----------------------------------------------------------------------------------------------

    def assign(self, rows: Sequence[int], progress: Callable[[int], None] = lambda count: None) -> AssignReport:
        """Run the steps on messages, in batches of a hundred to a transaction. A message on which a step fails keeps
        what it had, and the rest goes on."""
        report = AssignReport()
        with uncollected():
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                with self.database.begin() as connection:
                    made, failed = self._assign(connection, batch)
                self._described = True
                report.decided += len(made)
                report.assigned += sum(1 for decision in made.values() if decision.trace.assigned)
                report.failed += map(str, failed)
                progress(len(batch))
        return report

    def _assign(self, connection: Connection, rows: Sequence[int]) -> tuple[dict[int, Decision], list[StepFailed]]:
        """Decide messages, earlier ones that never were first, and store the decisions; say what failed."""
        made: dict[int, Decision] = {}
        clean = set()
        failed = []
        for turn in Deciding(connection, self.engine, self.ignore_list(connection), rows).turns():
            for each in turn.decided:
                made[each.stored.row] = each.decision
                if not each.before:
                    clean.add(each.stored.row)
            if turn.failed:
                failed.append(turn.failed)
        mails = Mails(connection)
        if not self._described:
            mails.describe(self.engine.ruleset)
        mails.store(made.items(), clean)
        return made, failed

    def undecided(self) -> list[int]:
        """The row numbers of the messages that were never decided, oldest first."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).rows(undecided=True)

    def everything(self) -> list[int]:
        """The row numbers of all messages, oldest first."""
        with self.database.begin(write=False) as connection:
            return Mails(connection).rows()

    def open(self, row: int) -> tuple[Trace, str]:
        """What opening a message does: decide it where it never was; then its trace and digest. Raises StepFailed."""
        with self.database.begin(write=False) as connection:
            if found := Mails(connection).decision(row):
                return found
        with self.database.begin() as connection:
            mails = Mails(connection)
            if not (found := mails.decision(row)):
                _, failed = self._assign(connection, [row])
                if failed:
                    raise failed[0]
                found = mails.decision(row)
            if found is None:
                raise NotFound(f"message {row} was not decided")
        self._described = True
        return found

    def case(self, mail: StoredMessage | bytes, near: Collection[RecordRef] = ()) -> Case:
        """All that the decision on a message depends on, taken out of the database, with what is `near` these records:
        see `gather`. Raises StepFailed."""
        with self.database.begin(write=False) as connection:
            return gather(connection, self.engine, self.ignore_list(connection), mail, near)

    def what_if(self, message: StoredMessage, mark: str) -> WhatIf | None:
        """What would come out of a decided message without the evidence that decided. None where no evidence did, and
        where the stored decision (its digest is `mark`) is not the one that comes out now."""
        from beleg.why_not import what_if

        case = self.case(message)
        trace = case.decide(self.engine).trace
        return what_if(case, trace, self.engine) if digest(trace) == mark else None

    def record_known(self, ref: RecordRef) -> bool:
        """Whether the ERP has, or once had, a record of this name."""
        with self.database.begin(write=False) as connection:
            return browse.load_one(connection, ref)[0] is not None

    def mails_around(self, mail: StoredMessage | bytes) -> tuple[bytes, list[tuple[StoredMessage, StoredMail]]]:
        """The bytes of a mail, and the other messages of its thread, oldest first, with theirs and what stands on
        each."""
        with self.database.begin(write=False) as connection:
            mails = Mails(connection)
            if isinstance(mail, bytes):
                around = mails.thread_of(parse(mail, self.rules.limits))
            else:
                around, _ = mails.around(mail)
            around.sort(key=lambda each: (each[0].date is None, each[0].date, each[0].row))
            raws = mails.raw([each.row for each, _ in around] + ([] if isinstance(mail, bytes) else [mail.row]))
            found = [(each, StoredMail(raws[each.row], tied.assignments)) for each, tied in around]
            return mail if isinstance(mail, bytes) else raws[mail.row], found

    def standing(self, row: int) -> list[RecordRef]:
        """The records that stand on a message now."""
        with self.database.begin(write=False) as connection:
            return list(dict.fromkeys(each.record for each in Mails(connection).assignments(row) if each.stands))

    # --- corrections ---------------------------------------------------------------------------------------------

    def add(self, row: int, ref: RecordRef, by: str) -> list[Assignment]:
        """A person assigns a record; its follow-ups are made at once. Returns what was added (nothing when the record
        already stands by hand). Raises NotFound where the ERP has no such record."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            directory = SqlDirectory(connection)
            record = directory.records([ref]).get(ref)
            if record is None:
                raise NotFound(f"the ERP has no record {ref}")
            own = mails.assignments(row)
            standing = {each.record: each for each in own if each.stands}
            if ref in standing and standing[ref].origin == "manual":
                return []
            if ref in standing:
                mails.forget(row, ref)
            made = [Assignment(ref, "manual")]
            made += self._follow(record, [*standing, ref], own, directory)
            mails.assign(row, made, by)
            return made

    def _follow(
        self, record: Record, standing: Sequence[RecordRef], own: Sequence[Assignment], directory: Directory
    ) -> Iterator[Assignment]:
        step = self.installed.step_for(record.ref.type)
        if step is None or not step.follow_ups:
            return
        near = directory.records([record.ref])
        for result in follow(step, record, standing, removals(own), lambda target: target in near):
            if result.record:
                yield Assignment(result.record, "derived", str(record.ref), clause=result.check.clause)

    def remove(self, row: int, ref: RecordRef, by: str, *, derived: bool = True) -> list[RecordRef]:
        """A person removes a record from a message, with what was derived from it unless `derived` is False. Returns
        what was removed. Raises NotFound where it does not stand there."""
        with self.database.begin() as connection:
            mails = Mails(connection)
            standing = [each for each in mails.assignments(row) if each.stands]
            if ref not in {each.record for each in standing}:
                raise NotFound(f"{ref} does not stand on this message")
            refs = [ref]
            if derived:
                refs += [e.record for e in standing if e.origin == "derived" and e.source == str(ref)]
            mails.remove(row, list(dict.fromkeys(refs)), by, now())
            return refs


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's search for reference cycles: a batch makes many objects and no cycles, and looking through them
    again and again took a tenth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def now() -> str:
    """The time of a person's act, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
