"""A case out of the database: of a message, stored or not, all that its decision depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from beleg.assignment import Assignment, records_of
from beleg.case import Case, Recorder
from beleg.directory import MemoryDirectory, reference_entry
from beleg.ignore import IgnoreList
from beleg.lookup import entries_of
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.record import Record, RecordRef
from beleg.store import SqlDirectory, browse
from beleg.store.mails import Mails, StoredMessage


def gather(
    connection: Connection,
    engine: Engine,
    ignored: IgnoreList,
    mail: StoredMessage | bytes,
    near: Collection[RecordRef] = (),
) -> Case:
    """The case of a stored message, or of a mail that is not stored (its bytes). Of the ERP it holds what the decision
    touched or could have touched, and what is `near` these records: they, what they point at, their documents, and
    every record that shares a number with them or with one of the mail's that points at them. Deciding it gives the
    same trace. Raises StepFailed."""
    mails = Mails(connection)
    own: tuple[Assignment, ...] = ()
    if isinstance(mail, bytes):
        message = parse(mail, engine.settings.limits)
        around = mails.thread_of(message)
    else:
        message = parse(mails.raw([mail.row])[mail.row], engine.settings.limits)
        around, own = mails.around(mail)
    thread = tuple(each for _, each in around)
    evidence = engine.read(message)
    seen = Recorder(SqlDirectory(connection))
    engine.decide(message, seen, ignored, thread, own, evidence=evidence)
    known = seen.records(near)
    entries = entries_of(evidence) | _numbers(known[ref] for ref in near if ref in known)
    carrying = _carrying(connection, seen, entries, engine)
    refs = records_of(own, thread) | carrying
    records = seen.directory.records(refs)
    if near:
        numbers = _numbers(each for each in records.values() if any(link.target in near for link in each.links))
        refs |= browse.documents_of(connection, near)
        refs |= _carrying(connection, Recorder(seen.directory), numbers, engine)
        records = seen.directory.records(refs)
    directory = MemoryDirectory((records[ref] for ref in sorted(records)), engine.installed.types)
    return Case(message, evidence, thread, own, directory, ignored, engine.settings)


def _numbers(records: Iterable[Record]) -> set[str]:
    return {reference_entry(key) for record in records for key in record.reference_keys()}


def _carrying(connection: Connection, recorder: Recorder, entries: Collection[str], engine: Engine) -> set[RecordRef]:
    recorder.find(entries, engine.groups)
    return recorder.named | browse.holders(connection, entries, recorder.known, recorder.crowded)
