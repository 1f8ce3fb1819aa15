"""Rows of OAuth2: providers, links, and sign-ins that have begun. Secrets and tokens come and go sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from beleg.store.account_tables import account, oauth_link, oauth_provider, oauth_request

Rows = list[Row[Any]]

# --- providers


def providers(connection: Connection) -> Rows:
    """All that are set up, by name."""
    return list(connection.execute(select(oauth_provider).order_by(oauth_provider.c.name)))


def provider(connection: Connection, name: str) -> Row[Any] | None:
    """The provider of this name."""
    return connection.execute(select(oauth_provider).where(oauth_provider.c.name == name)).first()


def set_provider(connection: Connection, name: str, fields: str, secret: str) -> None:
    """Store a provider."""
    remove_provider(connection, name)
    connection.execute(insert(oauth_provider).values(name=name, fields=fields, secret=secret))


def remove_provider(connection: Connection, name: str) -> None:
    """Drop a provider."""
    connection.execute(delete(oauth_provider).where(oauth_provider.c.name == name))


# --- links


def links(connection: Connection) -> Rows:
    """All links."""
    return list(connection.execute(select(oauth_link).order_by(oauth_link.c.provider, oauth_link.c.key)))


def link(connection: Connection, provider: str, key: str) -> Row[Any] | None:
    """The link of a user name with a provider."""
    found = select(oauth_link).where(oauth_link.c.provider == provider, oauth_link.c.key == key)
    return connection.execute(found).first()


def set_link(connection: Connection, provider: str, key: str, values: Mapping[str, Any]) -> None:
    """Store a link, in place of the one that was there."""
    there = update(oauth_link).where(oauth_link.c.provider == provider, oauth_link.c.key == key)
    if not connection.execute(there.values(**values)).rowcount:
        connection.execute(insert(oauth_link).values(provider=provider, key=key, **values))


def change_link(connection: Connection, id_: int, tokens: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a link, unless it has other tokens than these by now; returns whether it was changed."""
    there = update(oauth_link).where(oauth_link.c.id == id_, oauth_link.c.tokens == tokens)
    return bool(connection.execute(there.values(**values)).rowcount)


def revive_links(connection: Connection, provider: str) -> None:
    """Let links of a provider count again that still have tokens."""
    there = update(oauth_link).where(oauth_link.c.provider == provider, oauth_link.c.tokens != "")
    connection.execute(there.values(state="linked", error=""))


def remove_link(connection: Connection, id_: int) -> None:
    """Drop a link."""
    connection.execute(delete(oauth_link).where(oauth_link.c.id == id_))


# --- accounts that sign in with a link


def linked_accounts(connection: Connection, provider: str | None = None) -> Rows:
    """The accounts that sign in by OAuth2, with any provider or with this one."""
    query = select(account.c.id, account.c.provider, account.c.user_name, account.c.fault)
    query = query.where(account.c.auth == "oauth2").order_by(account.c.id)
    return list(connection.execute(query if provider is None else query.where(account.c.provider == provider)))


# --- sign-ins that have begun


def add_request(connection: Connection, **values: Any) -> None:
    """A sign-in begins."""
    connection.execute(insert(oauth_request).values(**values))


def take_request(connection: Connection, state: str) -> Row[Any] | None:
    """The sign-in of this state, which is there no longer: whoever comes second finds none."""
    return connection.execute(
        delete(oauth_request).where(oauth_request.c.state == state).returning(*oauth_request.c)
    ).first()


def forget_requests(connection: Connection, until: int) -> None:
    """Drop the sign-ins that began by then."""
    connection.execute(delete(oauth_request).where(oauth_request.c.at <= until))
