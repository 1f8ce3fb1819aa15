"""The migrations make exactly the schema that the tables declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import beleg.store
from beleg.store import Database, DatabaseError
from beleg.store.database import MIGRATIONS
from beleg.store.tables import Table


def test_migrations_make_the_declared_schema(database: Database) -> None:
    with database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _declared})
        assert compare_metadata(context, Table.metadata) == []


def _declared(name: str | None, type_: str, _: object) -> bool:
    """All but the index of words, which no declaration can say; SQLite keeps it in tables of its own."""
    return not (name is not None and name.startswith(("message_words", "decision_clauses")))


def test_what_autogenerate_does_not_compare(database: Database) -> None:
    """Primary keys, foreign keys, unique columns, and how text is sorted."""
    with database.begin() as connection:
        found = inspect(connection)
        collations = set()
        for table in Table.metadata.sorted_tables:
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key.columns]
            referred = {key["referred_table"] for key in found.get_foreign_keys(table.name)}
            assert referred == {key.column.table.name for key in table.foreign_keys}
            for column in found.get_columns(table.name):
                declared = table.c[column["name"]].type.dialect_impl(connection.dialect)
                collation = getattr(column["type"], "collation", None)
                assert collation == getattr(declared, "collation", None)
                collations.add(collation)
            if database.sqlite:
                sql = connection.execute(
                    text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table.name}
                ).scalar_one()
                assert ("WITHOUT ROWID" in sql) == (table.dialect_options["sqlite"]["with_rowid"] is False)
        assert collations == ({None} if database.sqlite else {None, "C"})


def test_upgrade_again_changes_nothing(database: Database) -> None:
    assert database.ready()
    assert database.upgrade() == database.upgrade()


def test_a_new_file_is_not_ready(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/beleg.db")
    assert not database.ready()
    with pytest.raises(DatabaseError, match="beleg db upgrade"), database.begin() as connection:
        connection.execute(text("SELECT * FROM record"))
    database.close()


def test_upgrade_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails in its middle leaves the file as it was."""
    from alembic.operations import Operations

    def fail(self: Operations, *arguments: object, **options: object) -> None:
        raise RuntimeError("the disk burns")

    database = Database(f"sqlite:///{tmp_path}/beleg.db")
    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_index", fail)
        with pytest.raises(RuntimeError, match="burns"):
            database.upgrade()
    with database.begin(write=False) as connection:
        assert inspect(connection).get_table_names() == []
    assert database.upgrade()
    database.close()


def test_there_and_back(database: Database) -> None:
    from alembic import command

    with database.begin() as connection:
        config = database._alembic()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    assert not database.ready() or database.upgrade()
    assert database.upgrade()


def test_migrations_lie_in_the_package() -> None:
    assert MIGRATIONS.is_dir()
    assert MIGRATIONS.is_relative_to(Path(beleg.store.__file__).parent)
    revisions = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
    assert [each.revision for each in revisions][-1] == "0001"
    assert (MIGRATIONS / "script.py.mako").is_file()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "can't be used"),
        ("oracle+nothing://x/y", "write sqlite:///FILE or"),
        ("sqlite:////no/such/folder/beleg.db", "unable to open"),
        ("postgresql://nobody@127.0.0.1:1/beleg", "can't be used"),
    ],
)
def test_a_database_that_can_not_be_used(url: str, says: str) -> None:
    with pytest.raises(DatabaseError, match=says):
        Database(url).upgrade()


def test_a_password_is_not_shown(postgres_server: object) -> None:
    with pytest.raises(DatabaseError) as caught:
        Database("postgresql://beleg:geheim@127.0.0.1:1/beleg").upgrade()
    assert "geheim" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "beleg.db"
    file.write_text("Dies ist ein Brief.\n" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        Database(f"sqlite:///{file}").upgrade()


def test_what_fails_is_rolled_back(database: Database) -> None:
    insert = text("INSERT INTO ignored (list, key, entry) VALUES ('users', 'a', 'a')")

    def work(then: Callable[[Connection], object]) -> None:
        with database.begin() as connection:
            connection.execute(insert)
            then(connection)

    with pytest.raises(ZeroDivisionError):
        work(lambda connection: 1 / 0)
    with pytest.raises(DatabaseError):
        work(lambda connection: connection.execute(insert))
    with database.begin(write=False) as connection:
        assert connection.execute(text("SELECT count(*) FROM ignored")).scalar_one() == 0
