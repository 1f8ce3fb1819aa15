"""How often signing in may fail: per name, and per network address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from beleg.people.hashing import hashed
from beleg.store import people as store

if TYPE_CHECKING:
    from sqlalchemy import Connection

WITHIN = 15 * 60
"""For how many seconds a failed attempt counts."""
OF_NAME, OF_ORIGIN = 5, 20
"""After how many of them a name, or a network address, has to wait."""


class SignInRefused(Exception):
    """Nobody was signed in. `retry_after` is None where name and password do not fit, whether the name is unknown, the
    password wrong or the user inactive; after too many attempts it says how many seconds to wait."""

    def __init__(self, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        wait = f"too many attempts to sign in; the next one is looked at in {retry_after} seconds"
        super().__init__("name and password do not fit" if retry_after is None else wait)


class Attempt:
    """One attempt to sign in: by a name (as it is compared), from a network address, at a time (seconds since 1970
    UTC)."""

    def __init__(self, key: str, origin: str, at: int) -> None:
        self._key = key
        self._origin = _whose_origin(origin)
        self._at = at
        self._counted: int | None = None

    def begin(self, connection: Connection) -> None:
        """Count it as one that failed until it succeeds, so that many at once are no more than are allowed. Raises
        SignInRefused."""
        store.forget_attempts(connection, self._at - WITHIN)
        name = _whose_name(self._key)
        limits = (name, OF_NAME), (self._origin, OF_ORIGIN)
        if wait := max(self._wait(connection, whose, most) for whose, most in limits):
            raise SignInRefused(wait)
        store.add_attempt(connection, name, self._at)
        self._counted = store.add_attempt(connection, self._origin, self._at)

    def succeed(self, connection: Connection) -> None:
        """Forget what failed by this name; what failed from this address still counts, but for this one."""
        forget(connection, self._key)
        assert self._counted is not None
        store.drop_attempt(connection, self._counted)

    def _wait(self, connection: Connection, whose: str, most: int) -> int:
        """How many seconds until there may be another; 0: now."""
        at = store.earliest_attempt(connection, whose, self._at - WITHIN, most)
        return 0 if at is None else min(at + WITHIN - self._at, WITHIN)


def forget(connection: Connection, key: str) -> None:
    """Forget what failed by a name."""
    store.drop_attempts(connection, _whose_name(key))


def _whose_name(key: str) -> str:
    """Hashed: people type their password where the name belongs."""
    return f"name:{hashed(key)}"


def _whose_origin(origin: str) -> str:
    """An address of IPv6 by its network: whoever has one of these has 2^64."""
    try:
        address = ip_address(origin)
    except ValueError:
        return f"origin:{hashed(origin)}"
    if isinstance(address, IPv6Address):
        return f"origin:{address.ipv4_mapped or ip_network((int(address), 64), strict=False)}"
    return f"origin:{address}"
