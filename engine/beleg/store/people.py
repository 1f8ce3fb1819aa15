"""People who may sign in: their rows, sessions, tokens and failed sign-ins, and the installation's secrets.

What is compared with a secret is a hash of it, made by `beleg.people`; nothing here knows a password, a session's
secret or a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, text, update

from beleg.keys import address_key
from beleg.store.tables import attempt, person, secret, session, token


@dataclass(frozen=True)
class User:
    """A person who may sign in. `address` is empty where he has none; `language` is None where he takes that of the
    installation; `mail`: whether he may see mail at all; `created` in UTC (ISO 8601)."""

    id: int
    name: str
    address: str
    role: str
    language: str | None
    mail: bool
    active: bool
    created: str


@dataclass(frozen=True)
class Token:
    """A token of the API, without its secret: whose it is, what it allows, and when it expires (seconds since 1970
    UTC; None: never)."""

    id: int
    person: int
    name: str
    scopes: tuple[str, ...]
    created: str
    expires: int | None


class Credentials(NamedTuple):
    """A user and the hash of his password."""

    user: User
    password: str


# --- users


def users(connection: Connection) -> list[User]:
    """All of them, by name."""
    return [_user(row) for row in connection.execute(select(*_USER).order_by(person.c.key))]


def user(connection: Connection, id_: int) -> User | None:
    """The user of this number."""
    if not 0 < id_ <= _LARGEST:
        return None
    row = connection.execute(select(*_USER).where(person.c.id == id_)).first()
    return _user(row) if row else None


def credentials(connection: Connection, key: str) -> Credentials | None:
    """The user whose name is compared as `key`."""
    row = connection.execute(select(*_USER, person.c.password).where(person.c.key == key)).first()
    return Credentials(_user(row), row.password) if row else None


def having_address(connection: Connection, key: str) -> User | None:
    """The first user, by name, whose address is compared as `key`."""
    return next((each for each in users(connection) if each.address and address_key(each.address) == key), None)


def add(connection: Connection, key: str, password: str, **values: Any) -> int:
    """Store a user; returns his number. Raises where the key is taken."""
    made = insert(person).values(key=key, password=password, **values).returning(person.c.id)
    return int(connection.execute(made).scalar_one())


def change(connection: Connection, changed: User, key: str) -> None:
    """Store a user as he is now."""
    values = {name: value for name, value in asdict(changed).items() if name not in ("id", "created")}
    connection.execute(update(person).where(person.c.id == changed.id).values(key=key, **values))


def set_password(connection: Connection, id_: int, password: str) -> None:
    """Store the hash of a user's password."""
    connection.execute(update(person).where(person.c.id == id_).values(password=password))


# --- sessions


def add_session(connection: Connection, hash_: str, id_: int, created: int) -> None:
    """Someone signed in."""
    connection.execute(insert(session).values(id=hash_, person=id_, created=created))


def of_session(connection: Connection, hash_: str) -> tuple[User, int] | None:
    """Who is signed in, and since when."""
    query = select(*_USER, session.c.created.label("since")).where(
        session.c.id == hash_, session.c.person == person.c.id
    )
    row = connection.execute(query).first()
    return (_user(row), row.since) if row else None


def end_session(connection: Connection, hash_: str) -> None:
    """Sign out."""
    connection.execute(delete(session).where(session.c.id == hash_))


def end_sessions(connection: Connection, id_: int) -> None:
    """Sign a user out wherever he is signed in."""
    connection.execute(delete(session).where(session.c.person == id_))


def forget_sessions(connection: Connection, until: int) -> None:
    """Drop the sessions that were created by then."""
    connection.execute(delete(session).where(session.c.created <= until))


# --- tokens


def add_token(connection: Connection, hash_: str, scopes: Iterable[str], **values: Any) -> int:
    """Store a token; returns its number."""
    made = insert(token).values(hash=hash_, scopes=" ".join(scopes), **values).returning(token.c.id)
    return int(connection.execute(made).scalar_one())


def tokens(connection: Connection, id_: int) -> list[Token]:
    """A user's tokens, in the order in which they were made."""
    return [
        _token(row) for row in connection.execute(select(*_TOKEN).where(token.c.person == id_).order_by(token.c.id))
    ]


def one_token(connection: Connection, number: int) -> Token | None:
    """The token of this number."""
    if not 0 < number <= _LARGEST:
        return None
    row = connection.execute(select(*_TOKEN).where(token.c.id == number)).first()
    return _token(row) if row else None


def of_token(connection: Connection, hash_: str) -> tuple[User, tuple[str, ...], int | None] | None:
    """Whose token it is, its scopes, and when it expires."""
    query = select(*_USER, token.c.scopes, token.c.expires).join(token, token.c.person == person.c.id)
    query = query.where(token.c.hash == hash_)
    row = connection.execute(query).first()
    return (_user(row), tuple(row.scopes.split()), row.expires) if row else None


def revoke(connection: Connection, number: int) -> None:
    """Drop a token."""
    connection.execute(delete(token).where(token.c.id == number))


# --- failed sign-ins


def earliest_attempt(connection: Connection, whose: str, since: int, most: int) -> int | None:
    """When the earliest of someone's last `most` attempts was; None where there were fewer after `since`."""
    query = select(attempt.c.at).where(attempt.c.whose == whose, attempt.c.at > since)
    return connection.execute(query.order_by(attempt.c.at.desc()).offset(most - 1).limit(1)).scalar()


def add_attempt(connection: Connection, whose: str, at: int) -> int:
    """Count an attempt; returns its number."""
    return int(connection.execute(insert(attempt).values(whose=whose, at=at).returning(attempt.c.id)).scalar_one())


def drop_attempt(connection: Connection, number: int) -> None:
    """Count one no longer."""
    connection.execute(delete(attempt).where(attempt.c.id == number))


def drop_attempts(connection: Connection, whose: str) -> None:
    """Count none of someone's any longer."""
    connection.execute(delete(attempt).where(attempt.c.whose == whose))


def forget_attempts(connection: Connection, until: int) -> None:
    """Drop what was attempted by then, by anybody."""
    connection.execute(delete(attempt).where(attempt.c.at <= until))


# --- secrets of the installation


def installation_secret(connection: Connection, use: str) -> str | None:
    """The secret for this use."""
    found: str | None = connection.execute(select(secret.c.value).where(secret.c.use == use)).scalar()
    return found


def keep_secret(connection: Connection, use: str, value: str) -> None:
    """Store the secret for a use, unless there is one: of two that are made at once the first counts."""
    connection.execute(_KEEP, {"use": use, "value": value})


def _user(row: Any) -> User:
    return User(row.id, row.name, row.address, row.role, row.language, row.mail, row.active, row.created)


def _token(row: Any) -> Token:
    return Token(row.id, row.person, row.name, tuple(row.scopes.split()), row.created, row.expires)


def _columns(table: Any, names: Iterable[str]) -> list[Any]:
    return [table.c[name] for name in names]


_LARGEST = 2**31 - 1  # number of a row; what is larger can't be asked for
_USER = _columns(person, User.__dataclass_fields__)
_TOKEN = _columns(token, Token.__dataclass_fields__)
_KEEP = text("INSERT INTO secret (use, value) VALUES (:use, :value) ON CONFLICT (use) DO NOTHING")
