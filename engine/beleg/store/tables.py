"""The schema. Text that is compared or sorted is sorted by its bytes on both databases.

`record_key` is the one lookup index: a canonical address (`@…`) or reference number (`#…`), and the live
record that carries it; `via` is empty, or names the customer through whom a document carries an address (so
that a hot address is one range of the index, in order of id).
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, MetaData, Text, false, text
from sqlmodel import Field, SQLModel

Bytewise = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its UTF-8 bytes, which is Python's order of its code points (and SQLite's own)."""
NO_DATE = 2**62
"""Later than any date: a message without a readable Date is the newest (RULES.md section 4)."""

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A number that SQLite counts up by itself."""


class Table(SQLModel):
    """Base of all tables; they share one `MetaData` of their own."""

    metadata: ClassVar[MetaData] = MetaData()


class RecordRow(Table, table=True):
    """One ERP record. `data` is the whole `Record` as JSON; `retired`: the ERP no longer has it; `seen` and
    `changed` are the numbers of the import that last saw and last changed it."""

    __tablename__ = "record"
    type: str = Field(primary_key=True, sa_type=Bytewise)
    id: str = Field(primary_key=True, sa_type=Bytewise)
    facet: str = Field(sa_type=Bytewise)
    data: bytes = Field(sa_type=LargeBinary)
    retired: bool = Field(default=False)
    seen: int
    changed: int = Field(index=True)


class RecordKeyRow(Table, table=True):
    """The lookup index: which live records carry an address or a reference number."""

    __tablename__ = "record_key"
    __table_args__ = {"sqlite_with_rowid": False}
    entry: str = Field(primary_key=True, sa_type=Bytewise)
    type: str = Field(primary_key=True, sa_type=Bytewise)
    facet: str = Field(primary_key=True, sa_type=Bytewise)
    id: str = Field(primary_key=True, sa_type=Bytewise)
    via: str = Field(primary_key=True, sa_type=Bytewise)


class RecordLinkRow(Table, table=True):
    """What a record points at; the target may not exist."""

    __tablename__ = "record_link"
    __table_args__ = (
        Index("record_link_target", "target_type", "target_id", "role"),
        {"sqlite_with_rowid": False},
    )
    type: str = Field(primary_key=True, sa_type=Bytewise)
    id: str = Field(primary_key=True, sa_type=Bytewise)
    role: str = Field(primary_key=True, sa_type=Bytewise)
    target_type: str = Field(primary_key=True, sa_type=Bytewise)
    target_id: str = Field(primary_key=True, sa_type=Bytewise)


class ImportRow(Table, table=True):
    """One import of ERP files."""

    __tablename__ = "import_run"
    id: int | None = Field(default=None, primary_key=True)
    at: str = Field(sa_type=Text)
    files: str = Field(sa_type=Text)


_HANDLED = ("deleted", "mail_group", "work", "spam", "owner", "topic")
"""What people do with messages stands at the end of every index that the inbox reads: it filters by that without a look
at the messages themselves."""


def _index_where(name: str, condition: str, *columns: str) -> Index:
    """An index of some messages alone."""
    rest = (each for each in _HANDLED if each not in columns)
    return Index(name, *columns, *rest, sqlite_where=text(condition), postgresql_where=text(condition))


class MessageRow(Table, table=True):
    """A stored mail. `raw` is its bytes, zstd-compressed; `date` is in microseconds since 1970 UTC, `NO_DATE`
    where it has none; `thread` is the same for all messages that are tied, directly or through others; `mailbox` is
    the path that was named when it was taken in, `folder` the folder or mbox within. `state` is what became of it
    (`beleg.outcome`, null before it is decided), `corrected`: a person set or removed something on it; both are kept
    so that the inbox can filter by them.

    What people do with it, of which no decision knows: `work` is `open`, `done` or `sent` (one of our own); `owner` is
    whose it is, null: the pool's; `spam` is 0 (none), 1 (suspected) or 2 (checked, and it is); `deleted`: hidden, can
    be restored. `account` is the one that it came by or was sent by."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_undecided", "decided", "date", "id", *_HANDLED),
        Index("message_newest", "date", "id", *_HANDLED),
        Index("message_state", "state", "date", "id", *_HANDLED),
        Index("message_corrected", "corrected", "date", "id", *_HANDLED),
        Index("message_group", "mail_group", "work", "date", "id", "deleted", "spam", "owner", "topic"),
        # What few messages have costs the others nothing.
        _index_where("message_owner", "owner IS NOT NULL", "owner", "mail_group", "work", "date", "id"),
        _index_where("message_topic", "topic IS NOT NULL", "topic", "date", "id"),
        _index_where("message_spam", "spam > 0", "spam", "mail_group", "date", "id"),
        _index_where("message_deleted", "deleted = true", "mail_group", "date", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    sha256: str = Field(unique=True, sa_type=Bytewise)
    bytes_sha256: str = Field(sa_type=Bytewise)
    message_id: str | None = Field(default=None, index=True, sa_type=Bytewise)
    date: int = Field(sa_type=BigInteger)
    subject: str = Field(sa_type=Text)
    sender: str = Field(sa_type=Text)
    folder: str = Field(sa_type=Text)
    mailbox: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    thread: int = Field(index=True, sa_type=BigInteger)
    decided: bool = Field(default=False)
    state: str | None = Field(default=None, sa_type=Bytewise)
    corrected: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    sender_name: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    work: str = Field(default="open", sa_type=Bytewise, sa_column_kwargs={"server_default": "open"})
    owner: int | None = None
    spam: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    deleted: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    mail_group: int | None = None
    account: int | None = None
    topic: int | None = None
    raw: bytes = Field(sa_type=LargeBinary)


class MessageNameRow(Table, table=True):
    """A Message-ID that a message names in In-Reply-To or References."""

    __tablename__ = "message_name"
    __table_args__ = {"sqlite_with_rowid": False}
    name: str = Field(primary_key=True, sa_type=Bytewise)
    message: int = Field(primary_key=True, foreign_key="message.id", sa_type=BigInteger)


class AssignmentRow(Table, table=True):
    """A record on a message: standing, or removed by a person."""

    __tablename__ = "assignment"
    __table_args__ = (Index("assignment_record", "record_type", "record_id", "message", "removed_by"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    message: int = Field(foreign_key="message.id", index=True, sa_type=BigInteger)
    record_type: str = Field(sa_type=Bytewise)
    record_id: str = Field(sa_type=Bytewise)
    origin: str = Field(sa_type=Text)
    source: str | None = Field(default=None, sa_type=Text)
    clause: str | None = Field(default=None, sa_type=Text)
    made_by: str | None = Field(default=None, sa_type=Text)
    removed_by: str | None = Field(default=None, sa_type=Text)
    removed_at: str | None = Field(default=None, sa_type=Text)


class DecisionRow(Table, table=True):
    """A decision with its trace (canonical JSON, zstd-compressed); a message's newest is the one that
    counts. `inputs` is what it saw, as JSON (`beleg.orchestrator.inputs`); null where an older Beleg decided. `clauses`
    are those that held, parted by blanks."""

    __tablename__ = "decision"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    message: int = Field(foreign_key="message.id", index=True, sa_type=BigInteger)
    at: str = Field(index=True, sa_type=Bytewise)
    digest: str = Field(sa_type=Text)
    ruleset: str = Field(sa_type=Text)
    trace: bytes = Field(sa_type=LargeBinary)
    inputs: str | None = Field(default=None, sa_type=Text)
    clauses: str | None = Field(default=None, sa_type=Text)


class RuleSetRow(Table, table=True):
    """A rule set that made decisions, as JSON (`beleg.orchestrator.ruleset`)."""

    __tablename__ = "ruleset"
    id: str = Field(primary_key=True, sa_type=Bytewise)
    description: str = Field(sa_type=Text)


class IgnoredRow(Table, table=True):
    """An entry of the users, the groups or the blacklist."""

    __tablename__ = "ignored"
    list: str = Field(primary_key=True, sa_type=Bytewise)
    key: str = Field(primary_key=True, sa_type=Bytewise)
    entry: str = Field(sa_type=Text)


class FillingRow(Table, table=True):
    """What an upgrade has left to fill in (`messages`, `records`), and how far that is: the last that is done."""

    __tablename__ = "filling"
    work: str = Field(primary_key=True, sa_type=Bytewise)
    done: str = Field(sa_type=Text)


class ErasedRow(Table, table=True):
    """A mail that was erased: its identity alone, so that it is not taken in again."""

    __tablename__ = "erased"
    sha256: str = Field(primary_key=True, sa_type=Bytewise)


class JournalRow(Table, table=True):
    """What a person did: when, who, what act, on which message. Append-only: the database refuses to delete a row, and
    to change anything but `payload` (JSON: what it was about, before, after), which erasing redacts."""

    __tablename__ = "journal"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    at: str = Field(sa_type=Bytewise)
    who: str = Field(sa_type=Text)
    act: str = Field(sa_type=Bytewise)
    message: int | None = Field(default=None, index=True, sa_type=BigInteger)
    payload: str = Field(sa_type=Text)


class UserRow(Table, table=True):
    """A person who may sign in. `key` is the name as it is compared; `password` an argon2 hash; `mail`: whether he may
    see mail at all."""

    __tablename__ = "person"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, sa_type=Bytewise)
    name: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    password: str = Field(sa_type=Text)
    role: str = Field(sa_type=Bytewise)
    language: str | None = Field(default=None, sa_type=Text)
    mail: bool
    active: bool
    created: str = Field(sa_type=Text)


class SessionRow(Table, table=True):
    """Someone signed in. `id` is the sha256 of what his cookie holds; `created` in seconds since 1970 UTC."""

    __tablename__ = "session"
    id: str = Field(primary_key=True, sa_type=Bytewise)
    person: int = Field(foreign_key="person.id", index=True)
    created: int = Field(sa_type=BigInteger)


class TokenRow(Table, table=True):
    """A token of the API. `hash` is the sha256 of it; `scopes` are parted by blanks; `expires` in seconds since 1970
    UTC, null: never."""

    __tablename__ = "token"
    id: int | None = Field(default=None, primary_key=True)
    person: int = Field(foreign_key="person.id", index=True)
    name: str = Field(sa_type=Text)
    hash: str = Field(unique=True, sa_type=Bytewise)
    scopes: str = Field(sa_type=Text)
    created: str = Field(sa_type=Text)
    expires: int | None = Field(default=None, sa_type=BigInteger)


class AttemptRow(Table, table=True):
    """A sign-in that failed: whose (a name or a network address), and when (seconds since 1970 UTC)."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_of", "whose", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    whose: str = Field(sa_type=Bytewise)
    at: int = Field(sa_type=BigInteger)


class SecretRow(Table, table=True):
    """A secret of this installation, by its use."""

    __tablename__ = "secret"
    use: str = Field(primary_key=True, sa_type=Bytewise)
    value: str = Field(sa_type=Text)


def table_of(model: type[Table]) -> Any:
    """The table that a model declares."""
    return Table.metadata.tables[str(model.__tablename__)]


record = table_of(RecordRow)
record_key = table_of(RecordKeyRow)
record_link = table_of(RecordLinkRow)
import_run = table_of(ImportRow)
message = table_of(MessageRow)
message_name = table_of(MessageNameRow)
assignment = table_of(AssignmentRow)
decision = table_of(DecisionRow)
ruleset = table_of(RuleSetRow)
ignored = table_of(IgnoredRow)
filling = table_of(FillingRow)
erased = table_of(ErasedRow)
journal = table_of(JournalRow)
person = table_of(UserRow)
session = table_of(SessionRow)
token = table_of(TokenRow)
attempt = table_of(AttemptRow)
secret = table_of(SecretRow)
