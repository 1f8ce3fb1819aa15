"""What erasing a person does to the tables. The caller decides what goes; nothing here knows whom it is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, bindparam, delete, select, tuple_, update
from sqlalchemy.exc import DBAPIError

from beleg.message import Message
from beleg.record import Record, RecordRef
from beleg.store import words
from beleg.store.account_tables import account, mail_filter, outgoing, outgoing_file
from beleg.store.batch import Statement
from beleg.store.database import Database
from beleg.store.directory import dump, load
from beleg.store.mails import packed, unpacked
from beleg.store.records import own_entries
from beleg.store.tables import (
    assignment,
    decision,
    ignored,
    message,
    message_name,
    record,
    record_key,
    record_link,
)
from beleg.trace import Trace, encode_with_digest

_BATCH = 500


class DecisionFound(NamedTuple):
    """A stored decision, whole; `trace` and `inputs` are JSON, `inputs` None where an older Beleg decided."""

    id: int
    message: int
    trace: bytes
    inputs: str | None


class Written(NamedTuple):
    """A mail that is written: its texts, the bytes to send (None before there are any), name and bytes of each file
    that is attached, and the stored message that it became."""

    id: int
    state: str
    sender: str
    recipients: str
    subject: str
    body: str
    said: str
    message_id: str | None
    message: int | None
    changed: int
    raw: bytes | None
    files: tuple[tuple[str, bytes], ...]


def begin(connection: Connection) -> None:
    """The first statement of an erasure: nothing else reads or writes mail until its end, so that no decision that is
    being made brings back what goes; SQLite overwrites what is deleted."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
    else:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def reclaim(database: Database) -> bool:
    """After an erasure on SQLite, in no transaction: write the file anew without what was deleted, and empty the
    write-ahead log. False where another process keeps a part of them in use. On PostgreSQL nothing is done, and True:
    its VACUUM is the operator's."""
    if not database.sqlite:
        return True
    try:
        with closing(database.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(cursor.fetchall()[0][0] == 0)
    except (DBAPIError, database.engine.dialect.loaded_dbapi.OperationalError):
        return False


# --- mail ------------------------------------------------------------------------------------------------------------


def delete_mails(connection: Connection, rows: Collection[int]) -> None:
    """Delete messages with all that hangs on them. What others say of their ids stays, and so do thread numbers, and
    that an account has seen them: they are not fetched again."""
    each = [(str(row),) for row in rows]
    _forget_words(connection, rows)
    for statement in _DELETE:
        statement.run(connection, rows=each)


def rewrite_mail(connection: Connection, row: int, parsed: Message, raw: bytes) -> None:
    """Give a message other bytes: its row, and what it is found by."""
    sender = next((each for each in parsed.participants if each.field == "From"), None)
    connection.execute(
        update(message)
        .where(message.c.id == row)
        .values(
            sha256=parsed.sha256,
            bytes_sha256=parsed.bytes_sha256,
            message_id=parsed.message_id,
            subject=parsed.subject,
            sender=sender.address if sender else "",
            sender_name=sender.name if sender else "",
            raw=packed(raw),
        )
    )
    words.forget(connection, row)
    words.write(connection, [(row, words.words_of(parsed))])


def remember(connection: Connection, identities: Collection[str]) -> None:
    """Take down the identities of mails that must not be taken in again."""
    _REMEMBER.run(connection, hashes=[(each,) for each in sorted(identities)])


def assignments_on(connection: Connection, rows: Collection[int]) -> int:
    """How many assignments, standing or removed, hang on these messages."""
    return int(_ASSIGNED.run(connection, rows=[(str(row),) for row in rows]).scalar_one())


def _forget_words(connection: Connection, rows: Collection[int]) -> None:
    _FORGET_WORDS[connection.dialect.name].run(connection, rows=[(str(row),) for row in rows])


def settle_words(connection: Connection) -> None:
    """Let the index of words forget what was taken out of it: that of SQLite keeps deleted words until it merges."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO message_words (message_words) VALUES ('optimize')")


# --- mails that are written ------------------------------------------------------------------------------------------


def written(connection: Connection) -> Iterator[Written]:
    """All mails that are written, one at a time, for each may have many MB."""
    for id_ in connection.scalars(select(outgoing.c.id).order_by(outgoing.c.id)).all():
        row = connection.execute(select(outgoing).where(outgoing.c.id == id_)).one()
        attached = select(outgoing_file.c.name, outgoing_file.c.data).where(outgoing_file.c.outgoing == id_)
        yield Written(
            row.id, row.state, row.sender, row.recipients, row.subject, row.body, row.said, row.message_id, row.message,
            row.changed, unpacked(row.raw) if row.raw is not None else None,
            tuple((each.name, each.data) for each in connection.execute(attached.order_by(outgoing_file.c.id))),
        )  # fmt: skip


def rewrite_written(connection: Connection, id_: int, values: Mapping[str, Any]) -> None:
    """Give a mail that is written other texts and bytes."""
    columns = dict(values)
    if columns.get("raw") is not None:
        columns["raw"] = packed(columns["raw"])
    connection.execute(update(outgoing).where(outgoing.c.id == id_).values(**columns))


def delete_written(connection: Connection, ids: Collection[int]) -> None:
    """Delete mails that are written, with their files."""
    for table, column in ((outgoing_file, outgoing_file.c.outgoing), (outgoing, outgoing.c.id)):
        for id_ in ids:
            connection.execute(delete(table).where(column == id_))


# --- decisions -------------------------------------------------------------------------------------------------------


def decisions(connection: Connection) -> Iterator[DecisionFound]:
    """All stored decisions, in batches."""
    last = 0
    query = (
        select(decision.c.id, decision.c.message, decision.c.trace, decision.c.inputs)
        .where(decision.c.id > bindparam("b_last"))
        .order_by(decision.c.id)
        .limit(_BATCH)
    )
    while rows := connection.execute(query, {"b_last": last}).fetchall():
        last = rows[-1].id
        for row in rows:
            yield DecisionFound(row.id, row.message, unpacked(row.trace), row.inputs)


def rewrite_decision(connection: Connection, id_: int, trace: Trace, inputs: str | None) -> None:
    """Give a decision another trace, with its digest."""
    data, mark = encode_with_digest(trace)
    values = {"trace": packed(data), "digest": mark, "inputs": inputs}
    connection.execute(update(decision).where(decision.c.id == id_).values(values))


# --- records ---------------------------------------------------------------------------------------------------------


def records(connection: Connection) -> Iterator[Record]:
    """All records of the mirror, those that the ERP no longer has too."""
    place = tuple_(record.c.type, record.c.id)
    query = (
        select(record.c.type, record.c.id, record.c.data)
        .where(place > tuple_(bindparam("b_type"), bindparam("b_id")))
        .order_by(record.c.type, record.c.id)
        .limit(_BATCH)
    )
    last = {"b_type": "", "b_id": ""}
    while rows := connection.execute(query, last).fetchall():
        last = {"b_type": rows[-1].type, "b_id": rows[-1].id}
        yield from (load(row.data) for row in rows)


def rewrite_record(connection: Connection, each: Record) -> None:
    """Give a record of the mirror other contents, and take it out of the index where it is no longer found."""
    is_it = (record.c.type == each.ref.type, record.c.id == each.ref.id)
    connection.execute(update(record).where(*is_it).values(data=dump(each)))
    own = (record_key.c.type == each.ref.type, record_key.c.id == each.ref.id, record_key.c.via == "")
    connection.execute(delete(record_key).where(*own, record_key.c.entry.not_in(own_entries(each))))


def delete_record(connection: Connection, ref: RecordRef) -> set[int]:
    """Take a record out of the mirror, off the messages, and out of the links of others; returns the row numbers of
    those messages."""
    on = select(assignment.c.message).where(assignment.c.record_type == ref.type, assignment.c.record_id == ref.id)
    rows = set(connection.scalars(on))
    of = {record: "", record_key: "", record_link: "", assignment: "record_"}
    for table, prefix in of.items():
        where = (table.c[f"{prefix}type"] == ref.type, table.c[f"{prefix}id"] == ref.id)
        connection.execute(delete(table).where(*where))
    connection.execute(
        delete(record_link).where(record_link.c.target_type == ref.type, record_link.c.target_id == ref.id)
    )
    connection.execute(delete(record_key).where(record_key.c.via == str(ref)))
    return rows


def delete_entry(connection: Connection, entry: str) -> None:
    """Take an entry out of the lookup index."""
    connection.execute(delete(record_key).where(record_key.c.entry == entry))


# --- lists, names ----------------------------------------------------------------------------------------------------


def ignored_entries(connection: Connection, key: str) -> list[tuple[str, str]]:
    """The lists that an address stands on by itself, with the entry as it was written."""
    query = select(ignored.c.list, ignored.c.entry).where(ignored.c.key == f"address:{key}").order_by(ignored.c.list)
    return [(row.list, row.entry) for row in connection.execute(query)]


def delete_ignored(connection: Connection, key: str) -> None:
    """Take an address off all lists."""
    connection.execute(delete(ignored).where(ignored.c.key == f"address:{key}"))


def rename(connection: Connection, change: Callable[[str], str]) -> int:
    """Change the texts in columns that name people, messages and folders, and searches that are saved; returns how many
    rows changed."""
    changed = 0
    for column in _NAMES:
        table = column.table
        found = connection.scalars(select(column).distinct().where(column.like("%@%") | column.like("sha256:%")))
        new = {each: changed_to for each in found.all() if (changed_to := change(each)) != each}
        for old, name in new.items():
            changed += connection.execute(update(table).where(column == old).values({column.name: name})).rowcount
    return changed


_NAMES: Sequence[Column[Any]] = (
    message.c.folder, message.c.mailbox, message_name.c.name, assignment.c.source, assignment.c.made_by,
    assignment.c.removed_by, mail_filter.c.name, mail_filter.c.criteria, account.c.error,
)  # fmt: skip
_OF = "IN (SELECT CAST(row AS BIGINT) FROM {rows} b)"
_DELETE = [
    Statement(f"UPDATE {table} SET {column} = NULL WHERE {column} {_OF}", rows="row")
    for table, column in (
        ("seen", "message"), ("server_mail", "message"), ("outgoing", "message"), ("outgoing", "answers"),
    )
] + [
    Statement(f"DELETE FROM {table} WHERE {column} {_OF}", rows="row")
    for table, column in (
        ("message_tag", "message"), ("message_name", "message"), ("assignment", "message"), ("decision", "message"),
        ("message", "id"),
    )
] + [Statement(f"UPDATE seen SET message = NULL WHERE message {_OF}", rows="row")]  # fmt: skip
_ASSIGNED = Statement(f"SELECT count(*) FROM assignment WHERE message {_OF}", rows="row")
_FORGET_WORDS: Mapping[str, Statement] = {
    "sqlite": Statement(f"DELETE FROM message_words WHERE rowid {_OF}", rows="row"),
    "postgresql": Statement(f"DELETE FROM message_words WHERE message {_OF}", rows="row"),
}
_REMEMBER = Statement(
    "INSERT INTO erased (sha256) SELECT sha256 FROM {hashes} h WHERE true ON CONFLICT DO NOTHING", hashes="sha256"
)
