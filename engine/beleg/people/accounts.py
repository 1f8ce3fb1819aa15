"""The people of an installation.

A user's address is an ignored address (RULES.md section 2) as long as he is stored, active or not:
`Workspace.ignore_list` reads it from him.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from argon2 import Parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from beleg.errors import InputError, NotFound
from beleg.people import attempts, entered
from beleg.people.attempts import Attempt, SignInRefused
from beleg.people.hashing import Passwords, hashed, new_secret
from beleg.store import Database, journal
from beleg.store import people as store
from beleg.store.database import alone
from beleg.store.people import Token, User

if TYPE_CHECKING:
    from sqlalchemy import Connection

SESSION_SECONDS = 12 * 60 * 60
"""How long a session lasts at most, however busy."""
TOKEN_PREFIX = "beleg_"
"""How every token begins, so that a tool that looks for lost secrets finds it."""
_LAST_SECOND = 253_402_300_799  # of the year 9999


class Fields(TypedDict, total=False):
    """What can be changed of a user."""

    name: str
    address: str
    role: str
    language: str | None
    mail: bool
    active: bool


class People:
    """The people of one database. `by` is always who does it, for the journal."""

    def __init__(self, database: Database, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self.database = database
        self._passwords = Passwords(parameters)

    # --- users ---------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        password: str,
        *,
        address: str = "",
        role: str = "support",
        language: str | None = None,
        mail: bool = True,
        by: str,
    ) -> User:
        """A new user. Raises InputError: a name that is taken or none, a role that there is not, a password that is
        too short or too long, an address that is none."""
        fields: Fields = {"name": name, "address": address, "role": role, "language": language, "mail": mail}
        values = {**_checked(fields), "active": True, "created": _now()}
        hash_ = self._passwords.hash(entered.new_password(password))
        with self._writing() as connection:
            key = self._free_key(connection, values["name"])
            user = User(id=store.add(connection, key, hash_, **values), **values)
            self._note(connection, by, "user.add", user, after=_told(user))
        return user

    def users(self) -> list[User]:
        """All users, by name."""
        with self._reading() as connection:
            return store.users(connection)

    def user(self, id_or_name: int | str) -> User:
        """The user of this number, or of this name. Raises NotFound."""
        with self._reading() as connection:
            if isinstance(id_or_name, int):
                return self._found(connection, id_or_name)
            found = store.credentials(connection, entered.name_key(id_or_name))
        if found is None:
            raise NotFound("there is no user %(name)r", name=id_or_name)
        return found.user

    def change(self, id: int, by: str, **fields: Unpack[Fields]) -> User:
        """Change a user; one who is made inactive is signed out everywhere. Raises NotFound, and InputError as `add`
        does and where no active admin would be left."""
        values = _checked(fields)
        with self._writing() as connection:
            before = self._found(connection, id)
            after = replace(before, **values)
            if after == before:
                return before
            key = self._free_key(connection, after.name, id)
            users = [after if each.id == id else each for each in store.users(connection)]
            if _manages(before) and not any(map(_manages, users)):
                raise InputError("%(name)s is the only active admin; make another user one first", name=before.name)
            store.change(connection, after, key)
            if not after.active:
                store.end_sessions(connection, id)
            was, now = _told(before), _told(after)
            changed = [name for name in was if was[name] != now[name]]
            self._note(
                connection, by, "user.change", before,
                before={name: was[name] for name in changed}, after={name: now[name] for name in changed},
            )  # fmt: skip
        return after

    def set_password(self, id: int, password: str, by: str) -> None:
        """Give a user another password: he is signed out everywhere, and his failed attempts are forgotten. Raises
        NotFound, InputError."""
        hash_ = self._passwords.hash(entered.new_password(password))
        with self._writing() as connection:
            user = self._found(connection, id)
            store.set_password(connection, id, hash_)
            store.end_sessions(connection, id)
            attempts.forget(connection, entered.name_key(user.name))
            self._note(connection, by, "user.password", user)

    # --- signing in ----------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, origin: str) -> tuple[User, str]:
        """Sign a user in, from this network address; returns him and the secret of the new session. Raises
        SignInRefused."""
        key = entered.name_key(name)
        attempt = Attempt(key, origin, int(time.time()))
        with self._writing() as connection:
            attempt.begin(connection)
            found = store.credentials(connection, key)
        # Outside of any transaction: this takes long on purpose.
        given = entered.password(password)
        fits = self._passwords.fits(found.password if found else None, given)
        if found is None or not fits or not found.user.active:
            raise SignInRefused
        again = self._passwords.hash(given) if self._passwords.outdated(found.password) else None
        secret = new_secret()
        now = int(time.time())
        with self._writing() as connection:
            if store.credentials(connection, key) != found:  # meanwhile another password, or inactive
                raise SignInRefused
            if again:
                store.set_password(connection, found.user.id, again)
            store.forget_sessions(connection, now - SESSION_SECONDS)
            store.add_session(connection, hashed(secret), found.user.id, now)
            attempt.succeed(connection)
        return found.user, secret

    def session(self, secret: str) -> tuple[User, int] | None:
        """Who is signed in by this secret, and since when (seconds since 1970 UTC). None where nobody is, or no
        longer: after 12 hours, or inactive."""
        with self._reading() as connection:
            found = store.of_session(connection, hashed(secret))
        if found is None or not found[0].active or found[1] + SESSION_SECONDS <= time.time():
            return None
        return found

    def sign_out(self, secret: str) -> None:
        """End the session of this secret, if there is one."""
        with self.database.begin() as connection:
            store.end_session(connection, hashed(secret))

    def sign_out_everywhere(self, id: int, by: str | None = None) -> None:
        """End all sessions of a user; he does it himself where nobody is named. Raises NotFound."""
        with self._writing() as connection:
            user = self._found(connection, id)
            store.end_sessions(connection, id)
            self._note(connection, by or user.name, "user.sign-out", user)

    # --- tokens --------------------------------------------------------------------------------------------------

    def new_token(
        self, id: int, name: str, scopes: Collection[str], *, expires: int | None = None, by: str
    ) -> tuple[Token, str]:
        """A token of the API for a user, and its secret, which can't be shown again. `expires` in seconds since 1970
        UTC. Raises NotFound, and InputError: no name, no or unknown scopes, more than his role allows, over already."""
        fields = {"name": entered.token_name(name), "scopes": entered.scopes(scopes), "expires": expires}
        values: dict[str, Any] = {"person": id, "created": _now(), **fields}
        if expires is not None and not time.time() < expires <= _LAST_SECOND:
            raise InputError("a token expires after it is made, and before the year 10000")
        secret = TOKEN_PREFIX + new_secret()
        with self._writing() as connection:
            user = self._found(connection, id)
            if beyond := set(scopes) - entered.ALLOWED[user.role]:
                raise InputError(
                    "%(name)s has the role %(role)s, whose tokens can't have: %(scopes)s",
                    name=user.name, role=user.role, scopes=entered.listed(beyond),
                )  # fmt: skip
            token = Token(id=store.add_token(connection, hashed(secret), **values), **values)
            self._note(connection, by, "token.add", user, after=_told_token(token))
        return token, secret

    def tokens(self, id: int) -> list[Token]:
        """The tokens of a user, expired ones too. Raises NotFound."""
        with self._reading() as connection:
            self._found(connection, id)
            return store.tokens(connection, id)

    def revoke(self, id: int, token_id: int, by: str) -> Token:
        """Let a token of a user end now; returns it. Raises NotFound, also where it is another's."""
        with self._writing() as connection:
            user = self._found(connection, id)
            token = store.one_token(connection, token_id)
            if token is None or token.person != id:
                raise NotFound("%(user)s has no token %(number)s", user=user.name, number=str(token_id))
            store.revoke(connection, token_id)
            self._note(connection, by, "token.revoke", user, before=_told_token(token))
            return token

    def token(self, secret: str) -> tuple[User, frozenset[str]] | None:
        """Whose token this is, and what it allows: no more than his role does now. None where it is unknown, expired or
        revoked, or the user inactive."""
        with self._reading() as connection:
            found = store.of_token(connection, hashed(secret))
        if found is None:
            return None
        user, scopes, expires = found
        if not user.active or (expires is not None and expires <= time.time()):
            return None
        return user, frozenset(scopes) & entered.ALLOWED[user.role]

    # --- the installation ----------------------------------------------------------------------------------------

    def secret(self, use: str) -> str:
        """The installation's random secret for this use (to sign cookies, say): made once, the same for all."""
        with self._reading() as connection:
            if found := store.installation_secret(connection, use):
                return found
        with self.database.begin() as connection:
            store.keep_secret(connection, use, new_secret())
            found = store.installation_secret(connection, use)
        assert found is not None
        return found

    # --- within --------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self.database.begin(write=False) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One change at a time: what it looks at (who else is an admin, how many attempts) stays so to its end."""
        with self.database.begin() as connection:
            alone(connection, "people")
            yield connection

    @staticmethod
    def _found(connection: Connection, id_: int) -> User:
        found = store.user(connection, id_)
        if found is None:
            raise NotFound("there is no user %(number)s", number=str(id_))
        return found

    @staticmethod
    def _free_key(connection: Connection, name: str, id_: int | None = None) -> str:
        key = entered.name_key(name)
        holder = store.credentials(connection, key)
        if holder and holder.user.id != id_:
            raise InputError("there is a user %(name)r already; names differ in more than case", name=holder.user.name)
        return key

    @staticmethod
    def _note(connection: Connection, by: str, act: str, user: User, **payload: Any) -> None:
        journal.append(connection, journal.moment(), by, act, None, {"about": user.name, **payload})


def _checked(fields: Fields) -> dict[str, Any]:
    """The fields as they are stored. Raises InputError."""
    values: dict[str, Any] = dict(fields)
    if "name" in fields:
        values["name"] = entered.user_name(fields["name"])
    if "address" in fields:
        values["address"] = entered.address(fields["address"])
    if "role" in fields:
        values["role"] = entered.role(fields["role"])
    if "language" in fields:
        values["language"] = entered.language(fields["language"])
    return values


def _manages(user: User) -> bool:
    return user.active and user.role == "admin"


def _told(user: User) -> dict[str, Any]:
    """What the journal says of a user."""
    return {name: value for name, value in asdict(user).items() if name not in ("id", "created")}


def _told_token(token: Token) -> dict[str, Any]:
    return {"token": token.id, "name": token.name, "scopes": list(token.scopes), "expires": token.expires}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
