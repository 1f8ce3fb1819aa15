"""People who may sign in: users with roles, their passwords, sessions and tokens of the API.

A user's address is an ignored address (RULES.md section 2) as long as he is stored, active or not:
`Workspace.ignore_list` reads it from him.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from beleg.clause import LANGUAGES
from beleg.errors import InputError, NotFound
from beleg.message import is_addr_spec
from beleg.store import Database, journal
from beleg.store import people as store
from beleg.store.database import alone
from beleg.store.people import Token, User

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "ATTEMPTS_OF_NAME",
    "ATTEMPTS_OF_ORIGIN",
    "ATTEMPTS_WITHIN",
    "ROLES",
    "SCOPES",
    "SESSION_SECONDS",
    "Fields",
    "People",
    "SignInRefused",
    "Token",
    "User",
]

ROLES = ("support", "admin")
SCOPES = ("read", "correct", "admin")
"""What a token may allow."""
ALLOWED = {"support": frozenset({"read", "correct"}), "admin": frozenset(SCOPES)}
"""The most that a token of a user in this role allows."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1_000
LONGEST_NAME = 100
SESSION_SECONDS = 12 * 60 * 60
"""How long a session lasts at most, however busy."""
ATTEMPTS_WITHIN = 15 * 60
"""For how many seconds a failed sign-in counts."""
ATTEMPTS_OF_NAME, ATTEMPTS_OF_ORIGIN = 5, 20
"""After how many failed ones a name, or a network address, has to wait."""
TOKEN_PREFIX = "beleg_"
"""How every token begins, so that a tool that looks for lost secrets finds it."""


class SignInRefused(Exception):
    """Nobody was signed in. `retry_after` is None where name and password do not fit, whether the name is unknown, the
    password wrong or the user inactive; after too many attempts it says how many seconds to wait."""

    def __init__(self, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        wait = f"too many attempts to sign in; the next one is looked at in {retry_after} seconds"
        super().__init__("name and password do not fit" if retry_after is None else wait)


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
        self._hasher = PasswordHasher.from_parameters(parameters)

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
        hash_ = self._hash(_new_password(password))
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
            found = store.credentials(connection, _key(id_or_name))
        if found is None:
            raise NotFound(f"there is no user {id_or_name!r}")
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
            if (
                _rules(before)
                and not _rules(after)
                and not any(_rules(u) for u in store.users(connection) if u.id != id)
            ):
                raise InputError(f"{before.name} is the only active admin; make another user one first")
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
        hash_ = self._hash(_new_password(password))
        with self._writing() as connection:
            user = self._found(connection, id)
            store.set_password(connection, id, hash_)
            store.end_sessions(connection, id)
            store.drop_attempts(connection, _whose_name(_key(user.name)))
            self._note(connection, by, "user.password", user)

    # --- signing in ----------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, origin: str) -> tuple[User, str]:
        """Sign a user in, from this network address; returns him and the secret of the new session. Raises
        SignInRefused."""
        key = _key(name)
        of_name, of_origin = _whose_name(key), _whose_origin(origin)
        now = int(time.time())
        # An attempt counts from its beginning, so that many at once are not more than are allowed.
        with self._writing() as connection:
            store.forget_attempts(connection, now - ATTEMPTS_WITHIN)
            if wait := max(
                _wait(connection, of_name, ATTEMPTS_OF_NAME, now), _wait(connection, of_origin, ATTEMPTS_OF_ORIGIN, now)
            ):
                raise SignInRefused(wait)
            store.add_attempt(connection, of_name, now)
            counted = store.add_attempt(connection, of_origin, now)
            found = store.credentials(connection, key)
        # Outside of any transaction: this takes long on purpose.
        fits = self._fits(found.password if found else None, _password(password))
        if found is None or not fits or not found.user.active:
            raise SignInRefused
        again = self._hash(_password(password)) if self._hasher.check_needs_rehash(found.password) else None
        secret = secrets.token_urlsafe(32)
        with self._writing() as connection:
            if store.credentials(connection, key) != found:  # meanwhile another password, or inactive
                raise SignInRefused
            if again:
                store.set_password(connection, found.user.id, again)
            store.forget_sessions(connection, now - SESSION_SECONDS)
            store.add_session(connection, _hashed(secret), found.user.id, now)
            store.drop_attempts(connection, of_name)
            store.drop_attempt(connection, counted)
        return found.user, secret

    def session(self, secret: str) -> tuple[User, int] | None:
        """Who is signed in by this secret, and since when (seconds since 1970 UTC). None where nobody is, or no
        longer: after 12 hours, or inactive."""
        with self._reading() as connection:
            found = store.of_session(connection, _hashed(secret))
        if found is None or not found[0].active or found[1] + SESSION_SECONDS <= time.time():
            return None
        return found

    def sign_out(self, secret: str) -> None:
        """End the session of this secret, if there is one."""
        with self.database.begin() as connection:
            store.end_session(connection, _hashed(secret))

    def sign_out_everywhere(self, id: int, by: str | None = None) -> None:
        """End all sessions of a user; he does it himself where nobody is named. Raises NotFound."""
        with self._writing() as connection:
            user = self._found(connection, id)
            store.end_sessions(connection, id)
            self._note(connection, by or user.name, "user.sign-out", user)

    # --- tokens --------------------------------------------------------------------------------------------------

    def new_token(
        self, id: int, name: str, scopes: Iterable[str], *, expires: int | None = None, by: str
    ) -> tuple[Token, str]:
        """A token of the API for a user, and its secret, which can't be shown again. `expires` in seconds since 1970
        UTC. Raises NotFound, and InputError: no name, no or unknown scopes, more than his role allows, over already."""
        name = _name(name, "a token")
        wanted = set(scopes)
        if not wanted or wanted - set(SCOPES):
            raise InputError(f"the scopes of a token are some of {', '.join(SCOPES)}, not {_listed(wanted) or 'none'}")
        if expires is not None and expires <= time.time():
            raise InputError("a token can't have expired before it is made")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        chosen = tuple(scope for scope in SCOPES if scope in wanted)
        created = _now()
        with self._writing() as connection:
            user = self._found(connection, id)
            if beyond := wanted - ALLOWED[user.role]:
                raise InputError(f"{user.name} has the role {user.role}, whose tokens can't have: {_listed(beyond)}")
            values: dict[str, Any] = {
                "person": id, "name": name, "scopes": chosen, "created": created, "expires": expires
            }  # fmt: skip
            token = Token(id=store.add_token(connection, _hashed(secret), **values), **values)
            self._note(connection, by, "token.add", user, after=_told_token(token))
        return token, secret

    def tokens(self, id: int) -> list[Token]:
        """The tokens of a user, expired ones too. Raises NotFound."""
        with self._reading() as connection:
            self._found(connection, id)
            return store.tokens(connection, id)

    def revoke(self, token_id: int, by: str) -> None:
        """Let a token end now. Raises NotFound."""
        with self._writing() as connection:
            token = store.one_token(connection, token_id)
            if token is None:
                raise NotFound(f"there is no token {token_id}")
            store.revoke(connection, token_id)
            self._note(connection, by, "token.revoke", self._found(connection, token.person), before=_told_token(token))

    def token(self, secret: str) -> tuple[User, frozenset[str]] | None:
        """Whose token this is, and what it allows: no more than his role does now. None where it is unknown, expired or
        revoked, or the user inactive."""
        with self._reading() as connection:
            found = store.of_token(connection, _hashed(secret))
        if found is None:
            return None
        user, scopes, expires = found
        if not user.active or (expires is not None and expires <= time.time()):
            return None
        return user, frozenset(scopes) & ALLOWED[user.role]

    # --- the installation ----------------------------------------------------------------------------------------

    def secret(self, use: str) -> str:
        """The installation's random secret for this use (to sign cookies, say): made once, the same for all."""
        with self._reading() as connection:
            if found := store.installation_secret(connection, use):
                return found
        with self.database.begin() as connection:
            store.keep_secret(connection, use, secrets.token_urlsafe(32))
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
            raise NotFound(f"there is no user {id_}")
        return found

    @staticmethod
    def _free_key(connection: Connection, name: str, id_: int | None = None) -> str:
        key = _key(name)
        holder = store.credentials(connection, key)
        if holder and holder.user.id != id_:
            raise InputError(f"there is a user {holder.user.name!r} already; names differ in more than case")
        return key

    @staticmethod
    def _note(connection: Connection, by: str, act: str, user: User, **payload: Any) -> None:
        journal.append(connection, _now(), by, act, None, {"about": user.name, **payload})

    def _hash(self, password: bytes) -> str:
        with _HASHING:
            return self._hasher.hash(password)

    def _fits(self, hash_: str | None, password: bytes) -> bool:
        if hash_ is None:
            self._hash(password)  # takes as long as a comparison: time must not tell that there is no such user
            return False
        try:
            with _HASHING:
                return self._hasher.verify(hash_, password)
        except (VerificationError, InvalidHashError):
            return False


_HASHING = threading.BoundedSemaphore(4)
"""Each hash takes 64 MiB while it is made: many who sign in at once wait, instead of taking all memory."""


def _checked(fields: Fields) -> dict[str, Any]:
    """The fields as they are stored. Raises InputError."""
    values: dict[str, Any] = dict(fields)
    if "name" in fields:
        values["name"] = _name(fields["name"], "a user")
    if "address" in fields:
        values["address"] = _address(fields["address"])
    if (role := fields.get("role", ROLES[0])) not in ROLES:
        raise InputError(f"a role is one of {', '.join(ROLES)}, not {role!r}")
    if (language := fields.get("language")) is not None and language not in LANGUAGES:
        raise InputError(f"a language is one of {', '.join(LANGUAGES)}, not {language!r}")
    return values


def _name(text: str, of: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", text[: 4 * LONGEST_NAME]).split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"the name of {of} is 1 to {LONGEST_NAME} characters, none of them a control character")
    return name


def _address(text: str) -> str:
    address = text.strip()
    if address and not (is_addr_spec(address) and address.isprintable()):
        raise InputError(f"{text!r} is no e-mail address; write one like erika@firma.example")
    return address


def _key(name: str) -> str:
    """A name as it is compared: case, width and the number of blanks do not matter."""
    key = unicodedata.normalize("NFKC", name[: 4 * LONGEST_NAME])
    key = " ".join(unicodedata.normalize("NFKC", key.casefold()).split())
    return key if key.isprintable() else ""  # which nobody is called


def _new_password(text: str) -> bytes:
    length = len(unicodedata.normalize("NFC", text[: 4 * LONGEST_PASSWORD]))
    if not SHORTEST_PASSWORD <= length <= LONGEST_PASSWORD:
        raise InputError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("the password is no text in UTF-8") from None
    return _password(text)


def _password(text: str) -> bytes:
    """The bytes that are hashed: NFC, as RFC 8265 section 4.2 has it, since keyboards differ in how they write `ü`."""
    normal = unicodedata.normalize("NFC", text[: 4 * LONGEST_PASSWORD])
    return normal[: LONGEST_PASSWORD + 1].encode("utf-8", "surrogatepass")


def _hashed(secret: str) -> str:
    """What is stored of a session's or a token's secret. It is 256 random bits, which nobody can guess however fast
    sha256 is; argon2 is slow for the sake of what people choose, and would be so on every request."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _whose_name(key: str) -> str:
    """Hashed: people type their password where the name belongs."""
    return f"name:{_hashed(key)}"


def _whose_origin(origin: str) -> str:
    """An address of IPv6 by its network: whoever has one address has 2^64 of them."""
    try:
        address = ip_address(origin)
    except ValueError:
        return f"origin:{_hashed(origin)}"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return f"origin:{mapped or ip_network((int(address), 64), strict=False)}"
    return f"origin:{address}"


def _wait(connection: Connection, whose: str, most: int, now: int) -> int:
    """How many seconds until someone may try again; 0: now."""
    at = store.attempts(connection, whose, now - ATTEMPTS_WITHIN, most)
    return 0 if at is None else min(at + ATTEMPTS_WITHIN - now, ATTEMPTS_WITHIN)


def _rules(user: User) -> bool:
    return user.active and user.role == "admin"


def _told(user: User) -> dict[str, Any]:
    """What the journal says of a user."""
    return {name: value for name, value in asdict(user).items() if name not in ("id", "created")}


def _told_token(token: Token) -> dict[str, Any]:
    return {"token": token.id, "name": token.name, "scopes": list(token.scopes), "expires": token.expires}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
