"""Rows of mail servers of another make, and of the mails that were read from them. Nothing here knows a password: what
is stored of it is sealed (`beleg.vault`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from beleg.mailserver import ServerMail
from beleg.record import Record, RecordRef
from beleg.store.account_tables import mail_server, server_mail
from beleg.store.batch import Statement
from beleg.store.directory import load

Rows = list[Row[Any]]
REFUSED = "!"
"""In front of a record that a server refused."""


class Read(NamedTuple):
    """A mail that was read from a server: the message that it is (None where it was erased), and the server's marks."""

    message: int | None
    deleted: bool
    error: str


class Unwritten(NamedTuple):
    """A mail of a server, and a record that stands on its message and is not written on it yet."""

    item: str
    record: Record


# --- servers


def one_server(connection: Connection, name: str) -> Row[Any] | None:
    """The server of this name, where it is set up."""
    return connection.execute(select(mail_server).where(mail_server.c.name == name)).first()


def active_server(connection: Connection) -> Row[Any] | None:
    """The one that serves the company."""
    return connection.execute(select(mail_server).where(mail_server.c.active)).first()


def set_server(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    """Store a server, a new one where there is none."""
    if one_server(connection, name) is None:
        empty = {"active": False, "managed": False, "fields": "{}", "secret": "", "fault": "", "error": ""}
        counts = {"failures": 0, "halted": False, "read_to": 0}
        connection.execute(insert(mail_server).values(**{"name": name, **empty, **counts, **values}))
    else:
        connection.execute(update(mail_server).where(mail_server.c.name == name).values(**values))


def use(connection: Connection, name: str | None) -> None:
    """Make one active, and no other."""
    connection.execute(update(mail_server).values(active=mail_server.c.name == (name or "")))


# --- mails


def count(connection: Connection, server: str) -> int:
    """How many mails were read from a server."""
    query = select(func.count()).select_from(server_mail).where(server_mail.c.server == server)
    return int(connection.execute(query).scalar_one())


def read(connection: Connection, server: str, items: Collection[str]) -> dict[str, Read]:
    """Those of these mails that were read. One round trip."""
    rows = _READ.run(connection, items=[(each,) for each in items], server=server)
    return {item: Read(message, bool(deleted), error) for item, message, deleted, error in rows}


def add(connection: Connection, server: str, mail: ServerMail, sha256: str, message: int | None) -> None:
    """Write down that a mail was read; where its id was of another mail before, it is of this one now."""
    row = (server, mail.id, sha256, mail.failed)
    _ADD.run(connection, mails=[row], message=message, deleted=mail.deleted)


def mark(connection: Connection, server: str, mail: ServerMail) -> None:
    """Write down what the server says of a mail now."""
    mine = (server_mail.c.server == server) & (server_mail.c.item == mail.id)
    connection.execute(update(server_mail).where(mine).values(deleted=mail.deleted, error=mail.failed))


def forget(connection: Connection, server: str) -> None:
    """Forget the ids of a server's mails; the messages stay."""
    connection.execute(delete(server_mail).where(server_mail.c.server == server))
    set_server(connection, server, {"read_to": 0})


def stored(connection: Connection, sha256: str) -> int | None:
    """The message of these bytes."""
    found = _STORED.run(connection, hashes=[(sha256,)]).scalar()
    return None if found is None else int(found)


def message_id(connection: Connection, row: int) -> str | None:
    """The Message-ID of a message."""
    found: str | None = _MESSAGE_ID.run(connection, rows=[(str(row),)]).scalar()
    return found


def undecided(connection: Connection, server: str) -> list[int]:
    """The messages from a server that were never decided, oldest first."""
    return [int(row) for row in _UNDECIDED.run(connection, servers=[(server,)]).scalars()]


def marks(connection: Connection, rows: Collection[int]) -> Rows:
    """What servers say of some messages. One round trip."""
    return list(_MARKS.run(connection, rows=[(str(row),) for row in rows]))


# --- contacts


def unwritten(connection: Connection, server: str, kind: str, most: int) -> list[Unwritten]:
    """Mails that a server has, on whose messages a record stands that has a reference of this kind, and that was
    neither written there yet nor refused; those assigned last, at most so many. One round trip."""
    of_kind = f"[{msgspec.json.encode(kind).decode()},"  # as a record is stored
    rows = _UNWRITTEN[connection.dialect.name].run(connection, servers=[(server, of_kind)], most=most)
    return [Unwritten(item, load(data)) for item, data in rows]


def wrote(connection: Connection, server: str, item: str, ref: RecordRef, *, refused: bool = False) -> None:
    """Write down that a record was written on a mail, or that the server refused it."""
    mine = (server_mail.c.server == server) & (server_mail.c.item == item)
    line = f"{REFUSED if refused else ''}{ref}\n"
    connection.execute(update(server_mail).where(mine).values(contact=server_mail.c.contact + line))


def written(contact: str) -> tuple[list[str], list[str]]:
    """The records that were written on a mail, and those that were refused."""
    lines = contact.splitlines()
    return [each for each in lines if each[0] != REFUSED], [each[1:] for each in lines if each[0] == REFUSED]


_ADD = Statement(
    """
    INSERT INTO server_mail (server, item, sha256, message, deleted, error, contact)
    SELECT m.server, m.item, m.sha256, CAST(:message AS BIGINT), CAST(:deleted AS BOOLEAN), m.error, ''
    FROM {mails} m WHERE true
    ON CONFLICT (server, item) DO UPDATE SET sha256 = excluded.sha256, message = excluded.message,
      deleted = excluded.deleted, error = excluded.error, contact = ''
    """,
    mails="server item sha256 error",
)
_READ = Statement(
    """
    SELECT s.item, s.message, s.deleted, s.error
    FROM {items} i {cross} server_mail s ON s.server = :server AND s.item = i.item
    """,
    items="item",
)
_STORED = Statement("SELECT m.id FROM {hashes} h {cross} message m ON m.sha256 = h.sha256", hashes="sha256")
_MESSAGE_ID = Statement(
    "SELECT m.message_id FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)", rows="row"
)
_UNDECIDED = Statement(
    """
    SELECT m.id FROM message m
    WHERE NOT m.decided AND EXISTS (
      SELECT 1 FROM {servers} n JOIN server_mail s ON s.server = n.name WHERE s.message = m.id)
    ORDER BY m.date, m.id
    """,
    servers="name",
)
_MARKS = Statement(
    """
    SELECT s.message, s.server, s.item, s.deleted, s.error, s.contact
    FROM {rows} r {cross} server_mail s ON s.message = CAST(r.row AS BIGINT)
    ORDER BY s.message, s.server, s.item
    """,
    rows="row",
)


def _unwritten(of_kind: str, has: str) -> Statement:
    line = f"'\n' || replace(a.record_type || ':' || a.record_id, '{REFUSED}', '') || '\n'"
    return Statement(
        f"""
        SELECT s.item, r.data
        FROM {{servers}} n {{cross}} server_mail s ON s.server = n.name
        {{cross}} assignment a ON a.message = s.message
        {{cross}} record r ON r.type = a.record_type AND r.id = a.record_id
        WHERE NOT s.deleted AND a.removed_by IS NULL AND NOT r.retired AND {of_kind}
          AND {has}('\n' || replace(s.contact, '{REFUSED}', ''), {line}) = 0
        ORDER BY a.id DESC LIMIT :most
        """,
        servers="name kind",
    )


_UNWRITTEN: Mapping[str, Statement] = {
    "sqlite": _unwritten("instr(r.data, CAST(n.kind AS BLOB)) > 0", "instr"),
    "postgresql": _unwritten("position(convert_to(n.kind, 'UTF8') IN r.data) > 0", "strpos"),
}
