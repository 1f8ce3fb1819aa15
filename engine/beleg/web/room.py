"""How much that may take seconds is worked out at the same time while people wait for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from beleg.errors import Told

MOST, MOST_OF_ONE = 8, 2
"""Of all people, and of one. A server answers by 40 threads; most stay free for what is quick."""
RETRY_AFTER = "5"
"""Seconds after which it may be asked for again (RFC 9110 10.2.3)."""


class Busy(Told):
    """Too much is worked out at the same time."""


class Room:
    """Room for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[int] = Counter()

    @contextmanager
    def taken(self, person: int) -> Iterator[None]:
        """Take a place for a person. Raises Busy where there is none."""
        with self._lock:
            if self._taken.total() >= MOST or self._taken[person] >= MOST_OF_ONE:
                raise Busy("Too much is being worked out at the moment. Ask again in a few seconds.")
            self._taken[person] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[person] -= 1
