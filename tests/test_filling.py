"""What an older Beleg stored is brought up to date by `beleg db upgrade`."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.store import Database, filling
from beleg.workspace import Workspace
from commands import Cli
from worlds import contact, index_of, order
from writing import day, mail

WORLD = [
    Record(RecordRef("contact", "K-5"), None, "Anna Kunde", None, ("anna@kunde.example",)),
    contact("K-6"),
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042"),
]
MAILS = [mail(f"Frage zu AB-{1040 + n % 3}", id_=f"{n}@x", date=day(1 + n % 28)) for n in range(12)]


def to_schema(database: Database, revision: str) -> None:
    with database.begin() as connection:
        config = database._alembic()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def filled(connection: Connection, database: Database) -> list[Any]:
    """All that is filled in."""
    words = "SELECT rowid, subject, addresses, content" if database.sqlite else "SELECT message, words"
    queries = (
        "SELECT id, state, corrected, sender_name FROM message ORDER BY id",
        "SELECT id, clauses FROM decision ORDER BY id",
        f"{words} FROM message_words ORDER BY 1",
    )
    return [*(connection.execute(text(query)).fetchall() for query in queries), index_of(connection)]


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    found.import_mail((raw, "") for raw in MAILS)
    found.remove(3, RecordRef("contact", "K-5"), "erika")
    found.ignore("blacklist", ["kunde.example"])
    found.assign([5])
    found.import_mail([(mail("neu", id_="neu@x"), "")], decide=False)
    return found


def test_down_and_up_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    database = workspace.database
    with database.begin() as connection:
        before = filled(connection, database)
    to_schema(database, "0002")
    database.upgrade()
    with database.begin() as connection:
        assert filled(connection, database) != before
    assert workspace.unfilled() == len(MAILS) + 1 + len(WORLD)
    monkeypatch.setattr(filling, "MESSAGES", 2)
    monkeypatch.setattr(filling, "RECORDS", 2)
    counted: list[int] = []

    def until(count: int) -> None:
        counted.append(count)
        if len(counted) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.fill_in(until)
    assert workspace.unfilled() == len(MAILS) + 1 + len(WORLD) - sum(counted)
    workspace.import_mail([(mail("dazwischen", id_="dazwischen@x"), "")], decide=False)
    assert workspace.fill_in() == workspace.unfilled() + len(MAILS) + 1 + len(WORLD) - sum(counted) + 1
    with database.begin() as connection:
        after = filled(connection, database)
    assert after[0][:-1] == before[0]
    assert after[1] == before[1]
    assert after[2][:-1] == before[2]
    assert after[3] == before[3]
    assert workspace.unfilled() == workspace.fill_in() == 0


def test_by_the_command(cli: Cli, installed: Installed) -> None:
    cli("init")
    database = Database("sqlite:///beleg.db")
    workspace = Workspace(database, installed)
    workspace.import_mail([(MAILS[0], "")])
    to_schema(database, "0002")
    assert "is at schema" in cli("db", "upgrade")
    [row] = workspace.inbox("nothing", "frage").rows
    assert row.message.sender_name == "Anna Kunde"
    assert workspace.unfilled() == 0
    database.close()
