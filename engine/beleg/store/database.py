"""Opening a database, and bringing its schema up to date."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from beleg.errors import InputError

MIGRATIONS = Path(__file__).with_name("migrations")


class DatabaseError(Exception):
    """The database can't be used: unreachable, not set up, or of another version; says what to do."""


class Database:
    """One database by its SQLAlchemy URL: `sqlite:///beleg.db` or `postgresql://user@host/name`."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            if parsed.drivername in ("postgresql", "postgres"):
                parsed = parsed.set(drivername="postgresql+psycopg")
            # Parameters are mail and secrets, which no traceback in a log may quote.
            self.engine: Engine = create_engine(
                parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite", hide_parameters=True
            )
        except (ArgumentError, NoSuchModuleError) as error:
            raise DatabaseError(
                f"the database URL {url!r} can't be used: {error}; write sqlite:///FILE or "
                "postgresql://USER@HOST/NAME (setting database_url, or BELEG_DATABASE_URL)"
            ) from None
        except ModuleNotFoundError as error:
            raise DatabaseError(
                f"the driver for {url!r} is not installed ({error.name}); pip install 'beleg[postgres]'"
            ) from None
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.url = parsed
        if self.sqlite:
            event.listen(self.engine, "connect", _sqlite_pragmas)
            event.listen(self.engine, "begin", _sqlite_begin)

    @contextmanager
    def begin(self, *, write: bool = True, durable: bool = False) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back when anything raises. One that only reads sees the
        database as it was at its first statement, on both. On SQLite one that writes has the write lock from its
        start, so two never deadlock. What is `durable` is on disk when it ends, whatever happens to the machine then.
        Raises DatabaseError where the database can't be reached, is locked or is not set
        up."""
        options: dict[str, Any] = {"write": write, "durable": durable}
        if not write and not self.sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            with (
                self.engine.connect().execution_options(**options) as connection,
                connection.begin(),
            ):
                yield connection
        except DataError as error:
            if "NUL" in str(error.orig):  # PostgreSQL stores none, so there is nothing that has one
                raise InputError("A text that is stored or looked for can't have a NUL character.") from error
            raise DatabaseError(self._fault(error)) from error
        except DBAPIError as error:
            raise DatabaseError(self._fault(error)) from error

    def _fault(self, error: SQLAlchemyError) -> str:
        fault = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        shown = self.shown
        if any(each in fault for each in _OTHER_SCHEMA) and "connection failed" not in fault:
            return f"the database {shown} is not set up for this Beleg ({fault}); run: beleg db upgrade"
        return f"the database {shown} can't be used: {fault}"

    @property
    def shown(self) -> str:
        """Its URL without the password."""
        return self.url.render_as_string(hide_password=True)

    def upgrade(self) -> str:
        """Create the schema or bring it up to date; returns the revision that it is at."""
        from alembic import command
        from alembic.runtime.migration import MigrationContext

        self._begin_file()
        with self.begin() as connection:
            config = self._alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return MigrationContext.configure(connection).get_current_revision() or ""

    def _begin_file(self) -> None:
        """A new file of SQLite is for its owner alone: it holds people's mail, and hashes of their passwords. SQLite
        gives the logs beside it the same mode."""
        name = self.url.database
        if self.sqlite and name and name != ":memory:" and not name.startswith("file:"):
            with suppress(OSError):  # it is there, or SQLite says why it can't be
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    @staticmethod
    def _alembic() -> Any:
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        return config

    def ready(self) -> bool:
        """Whether the schema is there."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT version_num FROM alembic_version"))
        except DBAPIError:
            return False
        return True

    def ping(self) -> None:
        """Read the schema's version. Raises DatabaseError where the database can't be used."""
        with self.begin(write=False) as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def alone(connection: Connection, work: str) -> None:
    """Wait until no other transaction does the same work, and keep others waiting to the end of this one. On
    SQLite a transaction that writes is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, {"work": f"beleg.{work}"})


def alone_on(connection: Connection, threads: Iterable[int]) -> None:
    """Wait until no other transaction works on one of these threads of messages, and keep others waiting to the end of
    this one. Call it once a transaction, behind `unmoved`."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE_ON, {"threads": sorted(threads)})


def unmoved(connection: Connection) -> None:
    """Keep threads from being made one until this transaction ends: what is read of them from here on stays so."""
    if connection.dialect.name == "postgresql":
        connection.execute(_UNMOVED, {"work": _THREADS})


def moving(connection: Connection) -> None:
    """Wait until no transaction that `unmoved` is running, and keep others waiting to the end of this one."""
    alone(connection, "threads")


_OTHER_SCHEMA = ("no such table", "no such column", "has no column", "does not exist")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:work, 0))")

_THREADS = "beleg.threads"
_UNMOVED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:work, 0))")
# In ascending order, so that two never wait for each other.
_ALONE_ON = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('beleg.thread', number)) "
    "FROM (SELECT number FROM unnest(CAST(:threads AS bigint[])) AS t(number) ORDER BY number OFFSET 0) AS ascending"
)


def _sqlite_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours (below): the driver's own handling commits around DDL
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")  # first: what comes next may have to wait, too
    cursor.execute("PRAGMA journal_mode=WAL")
    # A decision can be made again, so a lost last transaction is no loss; mail from a server can't (`durable`).
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    write, durable = options.get("write", True), options.get("durable", False)
    if durable != connection.info.get("durable", False):
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.info["durable"] = durable
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
