"""Alembic's entry: migrations run on the connection that `Database.upgrade` hands over."""

from alembic import context

from beleg.store import account_tables  # noqa: F401, declares the tables of accounts
from beleg.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
context.run_migrations()
