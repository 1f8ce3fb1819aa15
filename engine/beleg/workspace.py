"""What people do with Beleg, as functions: take in mail and records, decide, explain, correct, look up.

The command line (and later the web page and the API) are thin layers over this module.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import Connection, delete, insert, select

from beleg.assignment import Assignment, ThreadMessage, earlier, kept_on_rerun, removals
from beleg.case import Case, Recorder
from beleg.directory import AskedAhead, Directory, MemoryDirectory, address_entry, reference_entry
from beleg.errors import InputError
from beleg.evidence import Evidence
from beleg.ignore import ENTRY_LISTS, IgnoreList, classify
from beleg.keys import address_key, reference_key
from beleg.lookup import entries_of
from beleg.message import Message, content_identity, parse
from beleg.orchestrator import Decision, Engine, StepFailed
from beleg.orchestrator.follow import follow
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.scenario import StoredMail
from beleg.step import RuleSettings
from beleg.store import Database, SqlDirectory, browse
from beleg.store import records as record_store
from beleg.store.mails import Mails, StoredMessage, member
from beleg.store.tables import ignored
from beleg.trace import Trace

BATCH = 100
READ_AHEAD = 16 * 1024 * 1024
"""Bytes of mail that a batch holds parsed at a time, about."""
READ_TOGETHER = 10
"""How many mails are read from the database at once: few, for each may have 50 MB."""


class NotFound(Exception):
    """The message or record that was named does not exist, or the name is not unique."""


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


_IGNORED = "SELECT list, entry FROM ignored ORDER BY entry"


class Workspace:
    """One database with the installed plugins and the settings that decisions depend on."""

    def __init__(self, database: Database, installed: Installed, rules: RuleSettings | None = None) -> None:
        self.database = database
        self.installed = installed
        self.rules = rules or RuleSettings()
        self.engine = Engine(installed, self.rules)
        self._ignored: tuple[tuple[tuple[str, ...], ...], IgnoreList] | None = None

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
                raise NotFound(f"no record is named {text!r}, and none carries it as a number or an address")
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
        found: Iterable[tuple[bytes, str]],
        *,
        decide: bool = True,
        progress: Callable[[int], None] = lambda count: None,
    ) -> MailReport:
        """Store mails (bytes, folder) that are not stored yet; then, unless `decide` is False, decide the new ones,
        oldest first, so that an answer that was found before its question inherits from it all the same."""
        report = MailReport()
        new: list[int] = []
        source = iter(found)
        while batch := list(islice(source, BATCH)):
            with self.database.begin() as connection:
                mails = Mails(connection)
                hashes = [content_identity(raw) for raw, _ in batch]
                known = mails.known(hashes)
                for (raw, folder), identity in zip(batch, hashes, strict=True):
                    if identity in known:
                        report.known += 1
                        continue
                    known.add(identity)
                    new.append(mails.add(parse(raw, self.rules.limits), raw, folder))
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
        with _uncollected():
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                with self.database.begin() as connection:
                    run = _Run(self, connection, batch)
                    report.failed += map(str, run.decide())
                report.decided += run.decided
                report.assigned += run.assigned
                progress(len(batch))
        return report

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
                if failed := _Run(self, connection, [row]).decide():
                    raise failed[0]
                found = mails.decision(row)
            if found is None:
                raise NotFound(f"message {row} was not decided")
            return found

    def decide_file(self, raw: bytes) -> Decision:
        """Decide a mail that is not stored, in the thread it would have, and write nothing. Raises StepFailed."""
        message = parse(raw, self.rules.limits)
        with self.database.begin(write=False) as connection:
            thread = [each for _, each in Mails(connection).thread_of(message)]
            return self.engine.decide(message, SqlDirectory(connection), self.ignore_list(connection), thread)

    def case(self, mail: StoredMessage | bytes, near: Collection[RecordRef] = ()) -> Case:
        """All that the decision on a stored message, or on a mail that is not stored (its bytes), depends on, taken
        out of the database: of the ERP what it touched or could have touched, and what is `near` these records (they,
        what they point at, and every record that shares a number with them). Deciding it gives the same trace.
        Raises StepFailed."""
        with self.database.begin(write=False) as connection:
            mails = Mails(connection)
            own: tuple[Assignment, ...] = ()
            if isinstance(mail, bytes):
                message = parse(mail, self.rules.limits)
                around = mails.thread_of(message)
            else:
                message = parse(mails.raw([mail.row])[mail.row], self.rules.limits)
                around, own = mails.around(mail)
            thread = tuple(each for _, each in around)
            evidence = self.engine.read(message)
            ignored = self.ignore_list(connection)
            seen = Recorder(SqlDirectory(connection))
            self.engine.decide(message, seen, ignored, thread, own, evidence=evidence)
            known = seen.records(near)
            entries = entries_of(evidence)
            entries |= {reference_entry(key) for ref in near if ref in known for key in known[ref].reference_keys()}
            seen.find(entries, self.engine.groups)
            standing = {each.record for found in (own, *(m.assignments for m in thread)) for each in found}
            refs = {*seen.named, *standing, *browse.holders(connection, entries, seen.known, seen.crowded)}
            records = seen.directory.records(refs)
        directory = MemoryDirectory((records[ref] for ref in sorted(records)), self.installed.types)
        return Case(message, evidence, thread, own, directory, ignored, self.rules)

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


class _Run:
    """Decisions on some messages in one transaction: their threads are read at once and followed in memory, so that a
    decision reaches the later messages of its thread, and all are stored together."""

    def __init__(self, workspace: Workspace, connection: Connection, rows: Sequence[int]) -> None:
        self._engine = workspace.engine
        self._mails = Mails(connection)
        self._directory = AskedAhead(SqlDirectory(connection), self._engine.groups)
        self._ignored = workspace.ignore_list(connection)
        self._threads = self._mails.threads(self._mails.thread_numbers(rows))
        known = {row: stored for thread in self._threads.values() for row, (stored, _) in thread.items()}
        self._messages = [known[row] for row in rows if row in known]
        self._decisions: dict[int, Decision] = {}
        self._clean: set[int] = set()
        self._parsed: dict[int, tuple[Message, Evidence]] = {}

    def decide(self) -> list[StepFailed]:
        """Decide the messages and store the decisions; returns what failed."""
        failed: list[StepFailed] = []
        for chunk in self._read():
            for message in chunk:
                try:
                    self._with_earlier(message)
                except StepFailed as error:
                    failed.append(error)
        self._mails.store(self._decisions.items(), self._clean)
        return failed

    def _read(self) -> Iterator[list[StoredMessage]]:
        """Read the messages, and ask the directory for the evidence of many at once; of no more than fit in memory."""
        chunk: list[StoredMessage] = []
        size = 0
        for start in range(0, len(self._messages), READ_TOGETHER):
            few = self._messages[start : start + READ_TOGETHER]
            size += self._parse(few)
            chunk += few
            if size > READ_AHEAD:
                yield self._asked(chunk)
                chunk, size = [], 0
        if chunk:
            yield self._asked(chunk)

    def _asked(self, chunk: list[StoredMessage]) -> list[StoredMessage]:
        if len(chunk) > 1:
            self._directory.ask(set().union(*(entries_of(evidence) for _, evidence in self._parsed.values())))
        return chunk

    def _parse(self, messages: Sequence[StoredMessage]) -> int:
        size = 0
        for row, raw in self._mails.raw([message.row for message in messages]).items():
            parsed = parse(raw, self._engine.settings.limits)
            self._parsed[row] = parsed, self._engine.read(parsed)
            size += len(raw)
        return size

    @property
    def decided(self) -> int:
        """How many were decided, earlier messages that had never been among them."""
        return len(self._decisions)

    @property
    def assigned(self) -> int:
        """How many of them have an assignment."""
        return sum(1 for decision in self._decisions.values() if decision.trace.assigned)

    def _with_earlier(self, message: StoredMessage) -> None:
        """Decide a message; the earlier ones of its thread that were never decided first, oldest first."""
        thread = self._threads[message.thread]
        waiting = {each.sha256: each for each, _ in thread.values() if not each.decided}
        if len(waiting) > (not message.decided):
            for each in earlier(self._others(message), message.date, message.sha256):
                if each.sha256 in waiting:
                    self._one(waiting[each.sha256])
        self._one(message)

    def _others(self, message: StoredMessage) -> list[ThreadMessage]:
        thread = self._threads[message.thread]
        return [member(*each)[1] for row, each in thread.items() if row != message.row]

    def _one(self, message: StoredMessage) -> None:
        if message.row in self._decisions:
            return
        thread = self._threads[message.thread]
        own = thread[message.row][1]
        if message.row not in self._parsed:
            self._parse([message])
        parsed, evidence = self._parsed.pop(message.row)
        decision = self._engine.decide(
            parsed, self._directory, self._ignored, self._others(message), own, evidence=evidence
        )
        self._decisions[message.row] = decision
        if not own:
            self._clean.add(message.row)
        thread[message.row] = (replace(message, decided=True), (*kept_on_rerun(own), *decision.made))


@contextmanager
def _uncollected() -> Iterator[None]:
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
