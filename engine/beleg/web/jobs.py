"""Work that takes longer than a page may: done by threads of this process, looked at by whoever started it.

Nothing of it outlives the process, and a result is kept for an hour.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal

from beleg.errors import InputError, NotFound, Told
from beleg.orchestrator import StepFailed
from beleg.store import DatabaseError

WORKERS = 2
"""How many jobs run at the same time."""
MOST, MOST_OF_ONE = 20, 3
"""How many jobs may wait or run, of all people and of one."""
KEPT, KEPT_SECONDS = 100, 60 * 60
"""How many ended jobs are kept, and for how long."""

EVERYBODY = 0
"""The owner of a job whose result is for all who sign in."""

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Progress = Callable[[str, int, int], None]
"""Is told what is done (a word of the work's own), and how much of how much. Raises Cancelled."""

_log = logging.getLogger(__name__)


class Cancelled(Exception):
    """Whoever started the work wants it no more."""


@dataclass
class Job:
    """One piece of work. `about` is what it was asked to do, `result` what came of it; `error` says why it failed,
    None where the fault is Beleg's own and in the log."""

    id: str
    owner: int
    kind: str
    about: Any
    state: State = "waiting"
    what: str = ""
    done: int = 0
    total: int = 0
    result: Any = None
    error: Exception | None = None
    ended: float | None = None
    _wanted: threading.Event = field(default_factory=threading.Event)

    @property
    def under_way(self) -> bool:
        """Whether something is still to come."""
        return self.ended is None

    def now(self) -> Job:
        """How it is at this moment: what has ended has its result, however long one looks at it."""
        return copy(self)

    def cancel(self) -> None:
        """Let it end soon."""
        self._wanted.set()

    def progress(self, what: str, done: int, total: int) -> None:
        """See `Progress`."""
        if self._wanted.is_set():
            raise Cancelled
        self.what, self.done, self.total = what, done, total


class Jobs:
    """The jobs of one process."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, "beleg-job")

    def start(self, owner: int, kind: str, about: Any, work: Callable[[Progress], Any]) -> Job:
        """Do this work for a person. Raises InputError where too much is under way."""
        job = Job(secrets.token_urlsafe(16), owner, kind, about)
        with self._lock:
            self._forget()
            under_way = [each for each in self._jobs.values() if each.under_way]
            if len(under_way) >= MOST or sum(each.owner == owner for each in under_way) >= MOST_OF_ONE:
                raise InputError("Too much is being worked out already. Wait until it is done, or cancel it.")
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, work)
        return job

    def find(self, id_: str, owner: int, kind: str = "") -> Job:
        """A job of this person as it is now, and of this kind where one is named. Raises NotFound, also for one that is
        another's or no longer kept."""
        with self._lock:
            self._forget()
            job = self._jobs.get(id_)
        if job is None or job.owner not in (owner, EVERYBODY) or (kind and job.kind != kind):
            raise NotFound("This result is no longer kept. Ask for it anew.")
        return job.now()

    def close(self) -> None:
        """Cancel everything, and wait for its end."""
        with self._lock:
            for job in self._jobs.values():
                job.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, work: Callable[[Progress], Any]) -> None:
        state: State = "done"
        try:
            job.progress("", 0, 0)
            job.state = "running"
            job.result = work(job.progress)
        except Cancelled:
            state = "cancelled"
        except (Told, DatabaseError, StepFailed) as error:
            state, job.error = "failed", error
        except Exception:
            _log.exception("a job (%s) failed", job.kind)
            state = "failed"
        job.state = state
        job.ended = time.monotonic()

    def _forget(self) -> None:
        ended = sorted((e for e in self._jobs.values() if e.ended is not None), key=lambda each: each.ended or 0)
        now = time.monotonic()
        for place, job in enumerate(reversed(ended)):
            if place >= KEPT or now - (job.ended or 0) > KEPT_SECONDS:
                del self._jobs[job.id]
