"""Rows of accounts, groups, signatures, filters and arrival rules. Nothing here knows a password: what is stored of it
is sealed (`beleg.vault`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from beleg.keys import address_key
from beleg.store.account_tables import (
    account,
    arrival_rule,
    mail_filter,
    mail_group,
    oauth_request,
    seen,
    signature,
)
from beleg.store.tables import message

Rows = list[Row[Any]]

# --- accounts


def accounts(connection: Connection, direction: str | None = None) -> Rows:
    """All accounts, or those of a direction, by name."""
    query = select(account).order_by(account.c.direction, account.c.key)
    return list(connection.execute(query.where(account.c.direction == direction) if direction else query))


def one_account(connection: Connection, id_: int) -> Row[Any] | None:
    """The account of this number."""
    return connection.execute(select(account).where(account.c.id == id_)).first() if 0 < id_ < 2**31 else None


def account_named(connection: Connection, direction: str, key: str) -> Row[Any] | None:
    """The account of a direction whose name is compared as `key`."""
    return connection.execute(select(account).where(account.c.direction == direction, account.c.key == key)).first()


def count_accounts(connection: Connection, direction: str) -> int:
    """How many accounts there are of a direction."""
    query = select(func.count()).select_from(account).where(account.c.direction == direction)
    return int(connection.execute(query).scalar_one())


def add_account(connection: Connection, **values: Any) -> int:
    """Store an account; returns its number."""
    made = {"fault": "", "error": "", "failures": 0, "halted": False, **values}
    return int(connection.execute(insert(account).values(**made).returning(account.c.id)).scalar_one())


def change_account(connection: Connection, id_: int, values: Mapping[str, Any]) -> None:
    """Change columns of an account."""
    connection.execute(update(account).where(account.c.id == id_).values(**values))


def remove_accounts(connection: Connection, ids: Collection[int]) -> None:
    """Drop accounts, and what they alone know. Their mail stays."""
    for table in (seen, arrival_rule, oauth_request):
        connection.execute(delete(table).where(table.c.account.in_(ids)))
    connection.execute(update(message).where(message.c.account.in_(ids)).values(account=None))
    connection.execute(delete(account).where(account.c.id.in_(ids)))


# --- groups and signatures


def groups(connection: Connection) -> Rows:
    """All groups, by name."""
    return list(connection.execute(select(mail_group).order_by(mail_group.c.key)))


def one_group(connection: Connection, id_: int) -> Row[Any] | None:
    """The group of this number."""
    return connection.execute(select(mail_group).where(mail_group.c.id == id_)).first() if 0 < id_ < 2**31 else None


def group_named(connection: Connection, key: str) -> Row[Any] | None:
    """The group whose name is compared as `key`."""
    return connection.execute(select(mail_group).where(mail_group.c.key == key)).first()


def group_having(connection: Connection, key: str) -> Row[Any] | None:
    """The first group, by name, whose address is compared as `key`."""
    return next((row for row in groups(connection) if address_key(row.address) == key), None)


def add_group(connection: Connection, **values: Any) -> int:
    """Store a group; returns its number."""
    return int(connection.execute(insert(mail_group).values(**values).returning(mail_group.c.id)).scalar_one())


def change_group(connection: Connection, id_: int, values: Mapping[str, Any]) -> None:
    """Change columns of a group."""
    connection.execute(update(mail_group).where(mail_group.c.id == id_).values(**values))


def signatures(connection: Connection) -> Rows:
    """All signatures, by name."""
    return list(connection.execute(select(signature).order_by(signature.c.key)))


def one_signature(connection: Connection, id_: int) -> Row[Any] | None:
    """The signature of this number."""
    return connection.execute(select(signature).where(signature.c.id == id_)).first() if 0 < id_ < 2**31 else None


def signature_named(connection: Connection, key: str) -> Row[Any] | None:
    """The signature whose name is compared as `key`."""
    return connection.execute(select(signature).where(signature.c.key == key)).first()


def add_signature(connection: Connection, **values: Any) -> int:
    """Store a signature; returns its number."""
    return int(connection.execute(insert(signature).values(**values).returning(signature.c.id)).scalar_one())


def change_signature(connection: Connection, id_: int, values: Mapping[str, Any]) -> None:
    """Change columns of a signature."""
    connection.execute(update(signature).where(signature.c.id == id_).values(**values))


def remove_signature(connection: Connection, id_: int) -> None:
    """Drop a signature; groups whose default it was have none then."""
    connection.execute(update(mail_group).where(mail_group.c.signature == id_).values(signature=None))
    connection.execute(delete(signature).where(signature.c.id == id_))


# --- filters and arrival rules


def filters(connection: Connection) -> Rows:
    """All filters, those of no group first, in their order."""
    return list(connection.execute(select(mail_filter).order_by(mail_filter.c.position, mail_filter.c.id)))


def add_filter(connection: Connection, **values: Any) -> int:
    """Store a filter, behind all others; returns its number."""
    last = select(func.coalesce(func.max(mail_filter.c.position), 0) + 1).scalar_subquery()
    made = insert(mail_filter).values(**{"position": last, "name": "", **values}).returning(mail_filter.c.id)
    return int(connection.execute(made).scalar_one())


def change_filter(connection: Connection, id_: int, values: Mapping[str, Any]) -> None:
    """Change columns of a filter."""
    connection.execute(update(mail_filter).where(mail_filter.c.id == id_).values(**values))


def remove_filter(connection: Connection, id_: int) -> None:
    """Drop a filter, and those below it."""
    for below in connection.scalars(select(mail_filter.c.id).where(mail_filter.c.parent == id_)).all():
        remove_filter(connection, below)
    connection.execute(delete(mail_filter).where(mail_filter.c.id == id_))


def arrival_rules(connection: Connection) -> Rows:
    """All arrival rules."""
    return list(connection.execute(select(arrival_rule).order_by(arrival_rule.c.account)))


def set_arrival_rule(connection: Connection, account_id: int, values: Mapping[str, Any]) -> None:
    """Store the arrival rule of an account."""
    connection.execute(delete(arrival_rule).where(arrival_rule.c.account == account_id))
    connection.execute(insert(arrival_rule).values(account=account_id, **values))
