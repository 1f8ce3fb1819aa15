"""Every column that is encrypted (`beleg.vault`), in one place: what a rotation of keys encrypts anew."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, func, select, update

from beleg.store.account_tables import account, mail_server, oauth_link, oauth_provider, oauth_request

COLUMNS: tuple[Column[str], ...] = (
    account.c.secret,
    oauth_provider.c.secret,
    oauth_link.c.tokens,
    oauth_request.c.verifier,
    mail_server.c.secret,
)


def renew(connection: Connection, change: Callable[[str], str]) -> int:
    """Replace each sealed value by another one of the same secret; returns how many there were. Raises what `change`
    raises, for the whole transaction."""
    count = 0
    for column in COLUMNS:
        table = column.table
        key = next(iter(table.primary_key.columns))
        for id_, value in connection.execute(select(key, column).where(column != "")).all():
            connection.execute(update(table).where(key == id_).values({column: change(value)}))
            count += 1
    return count


def count(connection: Connection) -> int:
    """How many sealed values are stored."""
    return sum(
        int(connection.execute(select(func.count()).select_from(each.table).where(each != "")).scalar_one())
        for each in COLUMNS
    )
