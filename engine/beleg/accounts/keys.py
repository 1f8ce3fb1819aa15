"""Another key for all that is sealed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from beleg.errors import InputError
from beleg.store import Database, sealed
from beleg.store.database import alone
from beleg.store.exclusive import only_one
from beleg.vault import FileVault, add_key, read_keys, unlock, write_keys


def rotate(database: Database, file: Path, environment: Mapping[str, str] = os.environ) -> int:
    """Seal everything with a new key of the key file, then drop the older ones; where the environment holds the keys,
    with the first of these. Returns how many secrets there were. Raises InputError: there is no key, one that is
    stored fits none, or another rotation is running.

    Whenever it is killed, the file holds every key that something is sealed with: the new key is in it before it is
    used, and the old ones go when nothing needs them. Whoever seals does so in a transaction that is `alone` with the
    accounts, with the keys that the file has then; so nothing is sealed with an old key behind our back."""
    with only_one(database, "keys") as ours:
        if not ours:
            raise InputError("the key is being changed already; try again in a moment")
        vault = unlock(file, environment)
        of_file = isinstance(vault, FileVault)
        if of_file:
            add_key(file)
        with database.begin(durable=True) as connection:
            alone(connection, "accounts")
            count = sealed.renew(connection, vault.renew)
        if of_file:
            write_keys(file, read_keys(file)[:1])
    return count
