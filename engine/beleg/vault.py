"""Secrets at rest: passwords and tokens are stored encrypted, and the key lies elsewhere.

The keys are Fernet keys (cryptography's MultiFernet: the first encrypts, all decrypt), one a line, the newest first: in
the environment as BELEG_KEY (parted by blanks), or in a key file that its owner alone may read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from beleg.errors import InputError, Where

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

VARIABLE = "BELEG_KEY"
"""The variable of the environment that holds the keys."""
NO_KEYS = "this holds no keys; beleg key new makes one"


class Vault:
    """Encrypts and decrypts with some keys. Raises InputError where one is no key."""

    def __init__(self, keys: Sequence[str], where: str = VARIABLE) -> None:
        self._where = where
        self._fernet = _fernet(keys, where)

    def seal(self, secret: SecretStr) -> str:
        """A secret as it is stored; an empty one stays empty."""
        plain = secret.get_secret_value()
        return self._now().encrypt(plain.encode()).decode() if plain else ""

    def open(self, sealed: str) -> SecretStr:
        """The secret again. Raises InputError where none of the keys fits."""
        return SecretStr(self._decrypt(sealed).decode())

    def renew(self, sealed: str) -> str:
        """The same secret, encrypted with the newest key. Raises InputError where none of the keys fits."""
        return self.seal(self.open(sealed))

    def _now(self) -> MultiFernet:
        return self._fernet

    def _decrypt(self, sealed: str) -> bytes:
        from cryptography.fernet import InvalidToken

        if not sealed:
            return b""
        try:
            return self._now().decrypt(sealed.encode())
        except InvalidToken:
            raise InputError(
                "no key in %(where)s fits what is stored: bring back the key that it was stored with, or enter the "
                "password again (link again)",
                where=self._where,
            ) from None


class FileVault(Vault):
    """With the keys of a key file, which is read again when it was replaced: after `beleg key rotate` a server that
    runs goes on with the new key. Raises InputError as `read_keys` does."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = _mark(file)
        super().__init__(read_keys(file), str(file))

    def _now(self) -> MultiFernet:
        if (mark := _mark(self._file)) != self._seen:
            self._fernet = _fernet(read_keys(self._file), self._where)
            self._seen = mark
        return self._fernet


def _fernet(keys: Sequence[str], where: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(each) for each in keys])
    except ValueError:  # its text may quote the key
        raise InputError(NO_KEYS, Where(where)) from None


def _mark(file: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = file.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None


def new_key() -> str:
    """A new key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def unlock(file: Path, environment: Mapping[str, str] = os.environ) -> Vault:
    """The vault with the keys of the environment, else with those of a key file. Raises InputError: there are none, or
    others than its owner may read the file."""
    if keys := environment.get(VARIABLE, "").split():
        return Vault(keys)
    return FileVault(file)


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
    except OSError as error:
        raise InputError(f"the key file can't be read: {error.strerror}", where) from None
    except UnicodeDecodeError:
        raise InputError(NO_KEYS, where) from None
    if not keys:
        raise InputError(NO_KEYS, where)
    return keys


def add_key(file: Path) -> None:
    """Put a new key before those of a key file, which is made where there is none. Raises InputError as `unlock`."""
    keys = [new_key(), *(read_keys(file) if file.exists() else ())]
    write_keys(file, keys)


def write_keys(file: Path, keys: Sequence[str]) -> None:
    """Replace the keys of a key file at once, readable by its owner alone; who owned it owns it still. Durable: what is
    sealed next can be opened after a power cut."""
    file = file.resolve()  # a link stays one
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)  # of a run that was killed
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write("".join(f"{each}\n" for each in keys))
        opened.flush()
        os.fsync(opened.fileno())
    if os.name == "posix":
        with suppress(FileNotFoundError):
            owner = file.stat()
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(file)
    with suppress(OSError):  # not every system opens folders
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
