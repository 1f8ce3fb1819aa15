"""Worlds put into a database: what several test modules do with scenarios and drawn worlds."""

from __future__ import annotations

from collections.abc import Iterable

from beleg.assignment import Assignment
from beleg.ignore import ENTRY_LISTS, IgnoreList
from beleg.message import parse
from beleg.store import Database
from beleg.store.mails import Mails
from beleg.workspace import Workspace

TABLES = (
    "message_words", "decision", "assignment", "message_name", "message", "ignored", "record", "record_key",
    "record_link",
)  # fmt: skip


def empty(database: Database) -> None:
    """Take everything out of the database."""
    with database.begin() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"DELETE FROM {table}")


def add_mail(mails: Mails, raw: bytes, assignments: Iterable[Assignment]) -> int:
    """Store a mail with what stands on it and was removed from it; its row number."""
    row = mails.add(parse(raw), raw)
    for one in assignments:
        mails.assign(row, [one], "lena@brunner.example")
        if one.removed:
            mails.remove(row, [one.record], one.removed.by, one.removed.at)
    return row


def ignore(workspace: Workspace, ignored: IgnoreList) -> None:
    """Ignore these addresses."""
    for list_ in ENTRY_LISTS:
        workspace.ignore(list_, getattr(ignored, list_))
