"""Erases what is stored about an address (Art. 17 GDPR): what is his alone goes, what is others' too is masked."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from beleg.directory import address_entry
from beleg.keys import address_key
from beleg.message import Limits, parse
from beleg.people import attempts
from beleg.people.entered import name_key
from beleg.privacy.find import NONE_YET, FoundMail, FoundMails, find_mails
from beleg.privacy.mail import Unmaskable, masked
from beleg.privacy.person import NAMELESS, Person, person_key
from beleg.privacy.traces import Moves, Rewriting, moved
from beleg.privacy.written import names, without
from beleg.record import CUSTOMER, Record, Reference, role_types
from beleg.store import erasing, journal
from beleg.store.mails import Mails, StoredMessage
from beleg.trace import decode
from beleg.workspace import Workspace

Fate = Literal["deleted", "masked"]
Why = Literal["sender", "only_outsider", "participant", "mentioned", "unmaskable"]
"""`unmaskable`: he is one of several, or mentioned, but a stand-in can't be proven to be all that is left of him."""
_SHORT = 7
ACT = "person.erased"
"""The act of the stub in the journal."""
Progress = Callable[[int], None]


def _quietly(count: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class PlannedMail:
    """What becomes of one mail, and why; `note` says why it can't be masked."""

    row: int
    message_id: str | None
    subject: str
    fate: Fate
    why: Why
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What erasing an address does (or did): to mails with the assignments on those that are deleted, to the decisions
    that name him on mails that stay, to ERP records in the mirror, to entries of the journal, to mails that are written
    (`written_deleted`, `written_masked`: how many). `ignored` are his entries
    on the lists of ignored addresses, which stay unless `with_ignored`; `deleted_records` those whose id is the
    address."""

    address: str
    mails: tuple[PlannedMail, ...] = ()
    assignments: int = 0
    decisions: int = 0
    records: tuple[str, ...] = ()
    deleted_records: tuple[str, ...] = ()
    journal: int = 0
    ignored: tuple[tuple[str, str], ...] = ()
    with_ignored: bool = False
    written_deleted: int = 0
    written_masked: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is stored that would go."""
        going = (self.mails, self.decisions, self.records, self.deleted_records, self.journal,
                 self.written_deleted, self.written_masked)  # fmt: skip
        return not any(going) and not (self.ignored and self.with_ignored)

    def counts(self) -> dict[str, int]:
        """How much it is, without naming anyone."""
        fates = Counter(each.fate for each in self.mails)
        return {
            "deleted": fates["deleted"],
            "masked": fates["masked"],
            "assignments": self.assignments,
            "decisions": self.decisions,
            "records": len(self.records) + len(self.deleted_records),
            "journal": self.journal,
            "ignored": len(self.ignored) if self.with_ignored else 0,
            "written_deleted": self.written_deleted,
            "written_masked": self.written_masked,
        }


@dataclass(frozen=True)
class Erased:
    """What was done. `reclaimed`: the database's file holds nothing of it either; False where another process kept a
    part of it in use (SQLite)."""

    plan: Plan
    reclaimed: bool


def plan(workspace: Workspace, address: str, *, with_ignored: bool = False, progress: Progress = _quietly) -> Plan:
    """What erasing an address would do; nothing is changed. Raises InputError where it is no address."""
    with workspace.database.begin(write=False) as connection:
        erasure = _Erasure(workspace, connection, address, with_ignored)
        return erasure.run(erasure.look(progress), write=False)


def erase(
    workspace: Workspace, address: str | Plan, by: str, *, with_ignored: bool = False, progress: Progress = _quietly
) -> Erased:
    """Erase an address, all or nothing, and take down in the journal that it was done. A plan stands for its address:
    what came in since goes as well. Raises InputError where it is no address."""
    if isinstance(address, Plan):
        with_ignored = address.with_ignored
        address = address.address
    with workspace.database.begin(write=False) as connection:  # the long part, in nobody's way
        found = _Erasure(workspace, connection, address, with_ignored).look(progress)
    with workspace.database.begin() as connection:
        erasing.begin(connection)
        erasure = _Erasure(workspace, connection, address, with_ignored)
        done = erasure.run(erasure.look(_quietly, found), write=True)
        if not done.empty:
            _stub(connection, done, by)
    return Erased(done, reclaim(workspace))


def reclaim(workspace: Workspace) -> bool:
    """See `beleg.store.erasing.reclaim`."""
    return erasing.reclaim(workspace.database)


class _Erasure:
    """One pass over the database; without `write` it only counts."""

    def __init__(self, workspace: Workspace, connection: Any, address: str, with_ignored: bool) -> None:
        self._db = connection
        self._mails = Mails(connection)
        self._limits: Limits = workspace.rules.limits
        self._ignored = workspace.ignore_list(connection)
        self._step_types = workspace.step_types
        self._customers = role_types(workspace.installed.types.values()).get(CUSTOMER, CUSTOMER)
        self._address = address.strip()
        self._with_ignored = with_ignored
        self._person = Person(self._address)

    def look(self, progress: Progress, known: FoundMails = NONE_YET) -> FoundMails:
        """See `find_mails`."""
        return find_mails(self._mails, self._person, self._ignored, self._limits, progress, known)

    def run(self, found: FoundMails, *, write: bool) -> Plan:
        """Work out what becomes of all that was found, and of what else is stored."""
        records = [each for each in erasing.records(self._db) if self._is_in(each)]
        labels = {each.label for each in records if each.label and self._is_him(each)}
        self._person = Person(self._address, found.names | labels, f"erased-{secrets.token_hex(4)}@erased.invalid")
        stored = {each.stored.row: each.stored for each in found.mails}
        rewriting = Rewriting(self._person)
        moves: dict[int, Moves] = {}
        planned = [self._mail(each, rewriting, moves, write=write) for each in found.mails]
        gone = {each.row for each in planned if each.fate == "deleted"}
        rewriting.gone = {_thread_name(stored[row]) for row in gone}
        assignments = erasing.assignments_on(self._db, gone)
        decisions = self._decisions(rewriting, moves, {each.thread for each in stored.values()}, gone, write=write)
        redacted = self._journal(gone, {stored[row].subject for row in gone} - {""}, write=write)
        kept, dropped, touched = self._records(records, write=write)
        written_deleted, written_masked = self._written(gone, write=write)
        if write:
            erasing.remember(self._db, [each.sha256 for each in stored.values()])
            erasing.delete_mails(self._db, gone)
            self._mails.settle(touched - gone, self._step_types)
            erasing.rename(self._db, rewriting.source)
            erasing.settle_words(self._db)
            attempts.forget(self._db, name_key(self._address))
        ignored = erasing.ignored_entries(self._db, self._person.key)
        if write and self._with_ignored:
            erasing.delete_ignored(self._db, self._person.key)
        return Plan(
            self._address, tuple(planned), assignments, decisions, kept, dropped, redacted, tuple(ignored),
            self._with_ignored, written_deleted, written_masked,
        )  # fmt: skip

    # --- mails and decisions -------------------------------------------------------------------------------------

    def _mail(self, found: FoundMail, rewriting: Rewriting, moves: dict[int, Moves], *, write: bool) -> PlannedMail:
        """Decide what becomes of a mail that names him, and mask it where it is others' too."""
        stored = found.stored
        planned = PlannedMail(stored.row, stored.message_id, stored.subject, "deleted", found.role)
        if found.role in ("sender", "only_outsider"):
            return planned
        raw = self._mails.raw([stored.row])[stored.row]
        try:
            written, after = masked(raw, self._person, self._limits)
        except Unmaskable as error:
            return replace(planned, why="unmaskable", note=str(error))
        if after.sha256 in rewriting.identities.values():
            return replace(planned, why="unmaskable", note="it would be the same as another mail")
        moves[stored.row] = moved(parse(raw, self._limits), self._person)
        rewriting.identities |= {stored.sha256: after.sha256, f"sha256:{stored.sha256}": f"sha256:{after.sha256}"}
        if write:
            erasing.rewrite_mail(self._db, stored.row, after, written)
        return replace(planned, fate="masked")

    def _written(self, gone: set[int], *, write: bool) -> tuple[int, int]:
        """Delete the mails that are written to him alone, or that became a mail that goes, and take him out of others;
        returns how many of each."""
        deleted, masked = [], 0
        for each in erasing.written(self._db):
            if each.message not in gone and not names(each, self._person, self._limits):
                continue
            values = without(each, self._person, self._ignored, self._limits) if each.message not in gone else None
            if values is None:
                deleted.append(each.id)
                continue
            masked += 1
            if write:
                erasing.rewrite_written(self._db, each.id, values)
        if write:
            erasing.delete_written(self._db, deleted)
        return len(deleted), masked

    def _decisions(
        self, rewriting: Rewriting, moves: Mapping[int, Moves], threads: set[int], gone: set[int], *, write: bool
    ) -> int:
        """Mask the decisions on mails that stay: those that name him, and those that name a mail of his."""
        near = {row for thread in self._mails.threads(threads).values() for row in thread}
        count = 0
        for each in erasing.decisions(self._db):
            if each.message in gone:
                continue
            text = each.trace.decode() + (each.inputs or "")
            if each.message not in near and not self._person.may_be_in(text):
                continue
            before = decode(each.trace)
            after = rewriting.trace(before, moves.get(each.message, {}))
            inputs = rewriting.inputs(each.inputs) if each.inputs else None
            if after != before or inputs != each.inputs:
                count += 1
                if write:
                    erasing.rewrite_decision(self._db, each.id, after, inputs)
        return count

    # --- records, journal ----------------------------------------------------------------------------------------

    def _is_in(self, each: Record) -> bool:
        texts = (each.ref.id, each.number, each.label, *each.addresses, *(r.number for r in each.references))
        targets = (link.target.id for link in each.links)
        return self._person.key in each.address_keys() or any(map(self._person.is_in, filter(None, (*texts, *targets))))

    def _is_him(self, each: Record) -> bool:
        """Whether a record is the person's own: a customer with this address and no other."""
        return each.ref.type == self._customers and each.address_keys() == {self._person.key}

    def _records(self, records: Iterable[Record], *, write: bool) -> tuple[tuple[str, ...], tuple[str, ...], set[int]]:
        """Take the address off the records of the mirror; returns those, those that are named by it and go, and the
        messages that these stood on."""
        kept, dropped = [], []
        touched: set[int] = set()
        for each in records:
            if self._person.is_in(each.ref.id):
                dropped.append(str(each.ref))
                if write:
                    touched |= erasing.delete_record(self._db, each.ref)
                continue
            kept.append(str(each.ref))
            if write:
                erasing.rewrite_record(self._db, self._without(each))
        if write:
            erasing.delete_entry(self._db, address_entry(self._person.key))
        return tuple(kept), tuple(dropped), touched

    def _without(self, each: Record) -> Record:
        def plain(text: str | None) -> str | None:
            return self._person.address.sub(NAMELESS, text) if text else text

        return replace(
            each,
            number=plain(each.number),
            label=plain(each.label),
            addresses=tuple(a for a in each.addresses if address_key(a) != self._person.key),
            references=tuple(Reference(kind, plain(number) or "") for kind, number in each.references),
            links=tuple(link for link in each.links if not self._person.is_in(link.target.id)),
        )

    def _journal(self, gone: set[int], subjects: set[str], *, write: bool) -> int:
        """Redact what people did on his mails, and mask what else names him."""
        count = 0

        def change(entry: journal.Entry) -> journal.Payload | None:
            nonlocal count
            if entry.act == ACT:
                return None
            if entry.message in gone or _names_one(entry.payload, subjects):
                payload = {"redacted": ACT}
            else:
                payload = self._person.masked_in(entry.payload)
            if payload == entry.payload:
                return None
            count += 1
            return payload if write else None

        journal.redact(self._db, change)
        return count


def _thread_name(stored: StoredMessage) -> str:
    """How traces name a message of the thread."""
    return stored.message_id or f"sha256:{stored.sha256}"


def _names_one(value: Any, subjects: Collection[str]) -> bool:
    """Whether one of the subjects stands somewhere in a payload; one of a few letters tells nobody, within a text."""
    if isinstance(value, str):
        return any(subject == value or (len(subject) > _SHORT and subject in value) for subject in subjects)
    if isinstance(value, dict):
        return any(_names_one(each, subjects) for each in value.values())
    return isinstance(value, list) and any(_names_one(each, subjects) for each in value)


def _stub(connection: Any, done: Plan, by: str) -> None:
    """Take down that it was done: the address itself only as a salted digest, so that who knows it can tell."""
    salt = secrets.token_hex(16)
    mark = hashlib.sha256(f"{salt}{person_key(done.address)}".encode()).hexdigest()
    about = {"salt": salt, "sha256": mark}
    journal.append(connection, journal.moment(), by, ACT, payload={"about": about, "after": done.counts()})
