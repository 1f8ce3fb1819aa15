"""What is stored instead of a secret."""

from __future__ import annotations

import hashlib
import secrets
import threading

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_ROOM = threading.BoundedSemaphore(4)
"""A hash takes 64 MiB while it is made: of many who sign in at once most wait, instead of taking all memory."""


class Passwords:
    """Hashes of what people choose: argon2id, slow on purpose."""

    def __init__(self, parameters: Parameters) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)

    def hash(self, password: bytes) -> str:
        """With a salt of its own."""
        with _ROOM:
            return self._hasher.hash(password)

    def fits(self, hash_: str | None, password: bytes) -> bool:
        """Whether the hash is of this password. None is a hash of nothing, and takes as long: the time that it takes
        must not tell that there is no such user."""
        if hash_ is None:
            self.hash(password)
            return False
        try:
            with _ROOM:
                return self._hasher.verify(hash_, password)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, hash_: str) -> bool:
        """Whether it was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(hash_)


def new_secret() -> str:
    """256 random bits, in letters that a URL may hold."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is stored of a session's or a token's secret: its sha256. Of 256 random bits nobody guesses any, however
    fast that is; argon2 makes up for what people choose, and would cost a tenth of a second on every request."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
