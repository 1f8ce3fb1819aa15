"""Beleg's own clock, by which "after so many days" is counted.

The time of day may jump: set by hand, by a server of times, by a battery that is empty. A mail that is deleted because
the clock said 2036 is lost. So this clock only goes on by what was measured to have passed: by the seconds that a
machine has been running, which no setting of the time changes. What passed while no machine of this database was
running, or between two of its starts, is not known and not counted: it may be late, and is never early.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, delete, select, text

from beleg.store.account_tables import clock

Measure = Callable[[], tuple[str, float]]
"""Names this start of this machine, and says how many seconds ago it was."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_KEPT = 100
"""How many starts are kept."""


def running() -> tuple[str, float]:
    """This machine: see `Measure`. Elsewhere than on Linux a start is known by its time of day; one that was set since
    then looks like another start, so that nothing is counted."""
    try:
        return _BOOT.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        seconds = time.monotonic()
        return f"{uuid.getnode():x}:{round((time.time() - seconds) / 60)}", seconds


def look(connection: Connection, measure: Measure = running) -> int:
    """What the clock stands at, in seconds: about the time of day at first, and what passed since then. Two round
    trips."""
    boot, seconds = measure()
    rows = {row.boot: row for row in connection.execute(select(clock))}
    last = max((row.stands for row in rows.values()), default=int(time.time()))
    before = rows.get(boot)
    if before is None:
        stands = last
        for row in sorted(rows.values(), key=lambda each: each.stands)[: max(0, len(rows) - _KEPT)]:
            connection.execute(delete(clock).where(clock.c.boot == row.boot))
    else:
        stands = max(last, before.stands + max(0, int(seconds) - before.running))
    if before is None or stands > before.stands:
        connection.execute(_SET, {"boot": boot, "running": int(seconds), "stands": stands})
    return stands


_SET = text(
    """
    INSERT INTO clock (boot, running, stands) VALUES (:boot, :running, :stands)
    ON CONFLICT (boot) DO UPDATE SET running = excluded.running, stands = excluded.stands
    WHERE clock.running <= excluded.running
    """
)
