"""The database: records and their index, messages, assignments, decisions and traces, ignored addresses.

SQLite by default, PostgreSQL by URL, one code for both: SQLModel declares the schema, Alembic migrates it,
and SQLAlchemy Core speaks on every path that a decision takes.
"""

from beleg.store.database import Database, DatabaseError
from beleg.store.directory import SqlDirectory

__all__ = ["Database", "DatabaseError", "SqlDirectory"]
