"""What people do with messages: who works on them, spam, deletion, group, topic, tags. No decision knows of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, update

from beleg.store.account_tables import message_tag
from beleg.store.batch import Statement, as_list
from beleg.store.tables import message


class Handled(NamedTuple):
    """What people do with a message: see `beleg.store.tables.MessageRow`. `owner`, `group`, `account`, `topic` and
    `tags` are numbers."""

    work: Literal["open", "done", "sent"] = "open"
    owner: int | None = None
    spam: int = 0
    deleted: bool = False
    group: int | None = None
    account: int | None = None
    topic: int | None = None
    tags: tuple[int, ...] = ()


def handled(connection: Connection, rows: Collection[int]) -> dict[int, Handled]:
    """What people do with some messages, by row number. One round trip."""
    found = _HANDLED.run(connection, rows=[(str(row),) for row in rows])
    return {
        row.id: Handled(
            row.work, row.owner, row.spam, bool(row.deleted), row.mail_group, row.account, row.topic,
            tuple(sorted(map(int, as_list(row.tags)))),
        )
        for row in found
    }  # fmt: skip


def change(connection: Connection, rows: Collection[int], values: Mapping[str, Any]) -> None:
    """Change columns of messages."""
    if rows and values:
        connection.execute(update(message).where(message.c.id.in_(_ROWS)).values(**values), {"rows": list(rows)})


def add_tag(connection: Connection, rows: Collection[int], tag: int) -> None:
    """Put a tag on messages."""
    _TAG.run(connection, rows=[(str(row),) for row in rows], tag=tag)


def remove_tag(connection: Connection, rows: Collection[int], tag: int) -> None:
    """Take a tag off messages."""
    if rows:
        off = delete(message_tag).where(message_tag.c.tag == tag, message_tag.c.message.in_(_ROWS))
        connection.execute(off, {"rows": list(rows)})


_ROWS: BindParameter[Any] = bindparam("rows", expanding=True)
_HANDLED = Statement(
    """
    SELECT m.id, m.work, m.owner, m.spam, m.deleted, m.mail_group, m.account, m.topic,
      (SELECT {array}(CAST(t.tag AS TEXT)) FROM message_tag t WHERE t.message = m.id) AS tags
    FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)
    """,
    rows="row",
)
_TAG = Statement(
    "INSERT INTO message_tag (message, tag) SELECT CAST(r.row AS BIGINT), :tag FROM {rows} r WHERE true "
    "ON CONFLICT DO NOTHING",
    rows="row",
)
