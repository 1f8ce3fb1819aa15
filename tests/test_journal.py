"""The journal is append-only on both databases; only what it says of a person can be redacted."""

from __future__ import annotations

import pytest

from beleg.store import Database, DatabaseError, journal


def test_entries_in_order(database: Database) -> None:
    with database.begin() as connection:
        first = journal.append(connection, "2024-02-05T10:00:00+00:00", "erika", "ignored.add", None, {"about": "ä\0"})
        for n in range(3):
            journal.append(connection, "2024-02-05T10:00:01+00:00", "bernd", "assignment.add", 7, {"after": [n]})
        journal.append(connection, "2024-02-05T10:00:02+00:00", "bernd", "assignment.add", 8)
    with database.begin(write=False) as connection:
        assert [each.payload for each in journal.of_message(connection, 7)] == [{"after": [n]} for n in range(3)]
        latest = journal.newest(connection, 2)
        assert [(each.message, each.payload) for each in latest] == [(8, {}), (7, {"after": [2]})]
        rest = journal.newest(connection, 9, before=latest[-1].id)
        assert [each.act for each in rest] == ["assignment.add", "assignment.add", "ignored.add"]
        assert rest[-1] == journal.Entry(
            first, "2024-02-05T10:00:00+00:00", "erika", "ignored.add", None, {"about": "ä\0"}
        )


@pytest.mark.parametrize(
    "statement", ["DELETE FROM journal", "UPDATE journal SET who = 'nobody'", "UPDATE journal SET at = 'never'"]
)
def test_nothing_is_deleted_or_changed(database: Database, statement: str) -> None:
    with database.begin() as connection:
        journal.append(connection, "2024-02-05T10:00:00+00:00", "erika", "ignored.add")
    with pytest.raises(DatabaseError, match="the journal is append-only"), database.begin() as connection:
        connection.exec_driver_sql(statement)


def test_nothing_is_replaced(sqlite: Database) -> None:
    entry = "(1, '2024-02-05T10:00:00+00:00', 'erika', 'ignored.add', '{}')"
    with sqlite.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO journal (id, at, who, act, payload) VALUES {entry}")
    for insert in ("INSERT OR REPLACE", "REPLACE"):
        with pytest.raises(DatabaseError, match="the journal is append-only"), sqlite.begin() as connection:
            connection.exec_driver_sql(
                f"{insert} INTO journal (id, at, who, act, payload) VALUES {entry.replace('erika', 'nobody')}"
            )
    with sqlite.begin(write=False) as connection:
        assert [each.who for each in journal.newest(connection)] == ["erika"]


def test_nothing_is_numbered_anew(sqlite: Database) -> None:
    for who in ("erika", "max"):
        with sqlite.begin() as connection:
            journal.append(connection, "2024-02-05T10:00:00+00:00", who, "ignored.add")
    for update in ("UPDATE journal SET rowid = 9", "UPDATE OR REPLACE journal SET _rowid_ = 1 WHERE id = 2"):
        with pytest.raises(DatabaseError, match="the journal is append-only"), sqlite.begin() as connection:
            connection.exec_driver_sql(update)
    with sqlite.begin(write=False) as connection:
        assert [each.who for each in journal.newest(connection)] == ["max", "erika"]


def test_payloads_are_redacted(database: Database) -> None:
    with database.begin() as connection:
        for n in range(1_200):
            journal.append(connection, "2024-02-05T10:00:00+00:00", "erika", "ignored.add", n, {"about": n % 2})
        assert journal.redact(connection, lambda each: {"about": "***"} if each.payload["about"] else None) == 600
        assert [each.payload for each in journal.newest(connection, 2)] == [{"about": "***"}, {"about": 0}]
        assert journal.redact(connection, lambda each: each.payload) == 0
