"""What a server does by itself, in the background: fetching mail, sending what waits, looking at other servers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from beleg.accounts.fetching import Fetcher

LOOK = 5.0
"""Seconds between two looks at which accounts are due: one that was switched on is fetched soon."""
AT_ONCE = 4
"""How many accounts are fetched at the same time: each takes two connections to the database."""
LONGEST_STOP = 10.0
"""Seconds that the end of the process waits for what is under way; it may be cut off at any point without loss."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """Something to do again and again: `run` every so many seconds, counted from the end of the last time. `join` waits
    so many seconds for what a run began and left behind."""

    name: str
    every: float
    run: Callable[[], object]
    join: Callable[[float], object] = lambda seconds: None


class Runner:
    """Runs tasks, each in a thread of its own, so that a server that does not answer holds up no other work. Several
    processes may run the same tasks on one database: what must be done once is done under a lock (`only_one`)."""

    def __init__(self, tasks: Sequence[Task], stop: threading.Event | None = None) -> None:
        self.tasks = tuple(tasks)
        self._stop = stop or threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""
        for task in self.tasks:
            # As daemons: a thread that waits for a server must not keep the process from ending.
            thread = threading.Thread(target=self._repeat, args=(task,), name=f"beleg-{task.name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = LONGEST_STOP) -> None:
        """End, and wait a while for what is under way."""
        self._stop.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for task in self.tasks:
            task.join(max(0.0, until - time.monotonic()))

    def _repeat(self, task: Task) -> None:
        while not self._stop.is_set():
            try:
                task.run()
            except Exception:
                _log.exception("%s failed", task.name)
            self._stop.wait(task.every)


class Fetching:
    """Fetches accounts as they come due, several at the same time."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._under_way: dict[int, threading.Thread] = {}

    def run(self) -> None:
        """Begin to fetch what is due and not under way."""
        self._under_way = {id_: thread for id_, thread in self._under_way.items() if thread.is_alive()}
        for account in self._fetcher.due():
            if account.id not in self._under_way and len(self._under_way) < AT_ONCE:
                thread = threading.Thread(target=self._fetch, args=(account.id,), name="beleg-fetch", daemon=True)
                self._under_way[account.id] = thread
                thread.start()

    def join(self, seconds: float) -> None:
        """Wait a while for what is under way."""
        until = time.monotonic() + seconds
        for thread in self._under_way.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _fetch(self, account: int) -> None:
        try:
            report = self._fetcher.fetch(account, only_due=True)
        except Exception:
            _log.exception("fetching account %s failed", account)
            return
        if report.error:
            _log.warning("account %r: %s", report.account.name, report.error)
        for fault in report.failed:
            _log.warning("account %r: %s", report.account.name, fault)
