"""Work that one process at a time may do, over the whole database: fetching an account, sending, renewing a link.

The lock goes with the process that has it, however that ends; no clock is asked, and no transaction is open meanwhile.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import text

from beleg.store.database import Database

_AGAIN = 0.05
"""Seconds between two tries."""
_here: set[tuple[int, str]] = set()
_guard = threading.Lock()


@contextmanager
def only_one(database: Database, work: str, wait: float = 0.0) -> Iterator[bool]:
    """Whether we are the only one to do this work until the block ends; False where another still does it after so many
    seconds. Not reentrant."""
    with _held(database, work, time.monotonic() + wait) as held:
        yield held


def _held(database: Database, work: str, until: float) -> AbstractContextManager[bool]:
    name = database.url.database
    if not database.sqlite:
        return _on_postgresql(database, work, until)
    if not name or name == ":memory:" or name.startswith("file:"):
        return _in_process(database, work, until)
    return _by_file(Path(f"{name}-{re.sub(r'[^a-z0-9]+', '-', work.lower())}.lock"), until)


@contextmanager
def _by_file(path: Path, until: float) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=max(0.0, until - time.monotonic()), poll_interval=_AGAIN)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _on_postgresql(database: Database, work: str, until: float) -> Iterator[bool]:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT", write=False) as connection:
        values = {"work": f"beleg.only.{work}"}
        while not (held := bool(connection.execute(_TRY, values).scalar_one())) and time.monotonic() < until:
            time.sleep(_AGAIN)
        try:
            yield held
        finally:
            if held:
                try:
                    connection.execute(_RELEASE, values)
                except BaseException:
                    connection.invalidate()  # the session ends, and the lock with it
                    raise


@contextmanager
def _in_process(database: Database, work: str, until: float) -> Iterator[bool]:
    mine = id(database.engine), work
    while not (held := _take(mine)) and time.monotonic() < until:
        time.sleep(_AGAIN)
    try:
        yield held
    finally:
        if held:
            with _guard:
                _here.discard(mine)


def _take(mine: tuple[int, str]) -> bool:
    with _guard:
        if mine in _here:
            return False
        _here.add(mine)
        return True


_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:work, 0))")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:work, 0))")
