"""Secrets at rest: passwords and tokens are stored encrypted, and the key lies elsewhere.

The keys are Fernet keys (cryptography's MultiFernet: the first encrypts, all decrypt), one a line, the newest first: in
the environment as BELEG_KEY (parted by blanks), or in a key file that its owner alone may read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from beleg.errors import InputError, Where

VARIABLE = "BELEG_KEY"
"""The variable of the environment that holds the keys."""


class Vault:
    """Encrypts and decrypts with some keys. Raises InputError where one is no key."""

    def __init__(self, keys: Sequence[str], where: str = VARIABLE) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        self._where = where
        try:
            self._fernet = MultiFernet([Fernet(each) for each in keys])
        except ValueError:  # its text may quote the key
            raise InputError("this holds no keys; beleg key new makes one", Where(where)) from None

    def seal(self, secret: SecretStr) -> str:
        """A secret as it is stored; an empty one stays empty."""
        return self._fernet.encrypt(secret.get_secret_value().encode()).decode() if secret.get_secret_value() else ""

    def open(self, sealed: str) -> SecretStr:
        """The secret again. Raises InputError where none of the keys fits."""
        return SecretStr(self._fernet.decrypt(sealed.encode()).decode()) if self._fits(sealed) else SecretStr("")

    def renew(self, sealed: str) -> str:
        """The same secret, encrypted with the newest key. Raises InputError where none of the keys fits."""
        return self._fernet.rotate(sealed.encode()).decode() if self._fits(sealed) else ""

    def _fits(self, sealed: str) -> bool:
        from cryptography.fernet import InvalidToken

        try:
            return bool(sealed) and self._fernet.decrypt(sealed.encode()) is not None
        except InvalidToken:
            raise InputError(
                "no key in %(where)s fits what is stored: bring back the key that it was stored with, or enter the "
                "password again (link again)",
                where=self._where,
            ) from None


def new_key() -> str:
    """A new key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def unlock(file: Path, environment: Mapping[str, str] = os.environ) -> Vault:
    """The vault with the keys of the environment, else with those of a key file. Raises InputError: there are none, or
    others than its owner may read the file."""
    if environment.get(VARIABLE, "").split():
        return Vault(environment[VARIABLE].split())
    return Vault(read_keys(file), str(file))


def read_keys(file: Path) -> list[str]:
    """The keys of a key file. Raises InputError as `unlock` does."""
    where = Where(str(file))
    try:
        with file.open(encoding="ascii") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InputError("others may read this key file; let its owner alone: chmod 600", where)
            keys = opened.read().split()
    except FileNotFoundError:
        raise InputError(
            "there is no key that passwords are encrypted with; make one: beleg key new (or set BELEG_KEY)", where
        ) from None
    except UnicodeDecodeError:
        raise InputError("this holds no keys; beleg key new makes one", where) from None
    if not keys:
        raise InputError("this holds no keys; beleg key new makes one", where)
    return keys


def add_key(file: Path) -> None:
    """Put a new key before those of a key file, which is made where there is none. Raises InputError as `unlock`."""
    keys = [new_key(), *(read_keys(file) if file.exists() else ())]
    write_keys(file, keys)


def write_keys(file: Path, keys: Sequence[str]) -> None:
    """Replace the keys of a key file at once, readable by its owner alone."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write("".join(f"{each}\n" for each in keys))
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
