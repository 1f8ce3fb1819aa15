"""Beleg's own clock: it goes on by what was measured, and by nothing else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from beleg.store import Database, clock

moves = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 10**6), st.booleans()), max_size=25)


def look(database: Database, boot: str, seconds: float) -> int:
    with database.begin() as connection:
        return clock.look(connection, lambda: (boot, seconds))


def test_it_begins_with_the_time_of_day_and_goes_on_by_what_was_measured(database: Database, time_machine: Any) -> None:
    begun = look(database, "one", 500.9)
    assert abs(begun - time.time()) < 60
    time_machine.move_to(0)
    assert look(database, "one", 530.2) == begun + 30
    assert look(database, "one", 530.2) == begun + 30
    time_machine.move_to(4_000_000_000)
    assert look(database, "one", 630) == begun + 130
    assert look(database, "two", 9_999_999) == begun + 130
    assert look(database, "two", 10_000_099) == begun + 230
    assert look(database, "one", 730) == begun + 230  # what both measured counts once
    assert look(database, "one", 800) == begun + 300


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_it_never_runs_ahead(sqlite: Database, steps: list[tuple[str, int, bool]]) -> None:
    """Three machines look in any order, and start anew at times: no more passes than really does, and it never goes
    back."""
    with sqlite.begin() as connection:
        connection.execute(text("DELETE FROM clock"))
    passed, starts = 0, {"A": (0, 0), "B": (0, -(10**9)), "C": (0, -77)}
    begun = stands = look(sqlite, "A0", 0)
    for machine, seconds, anew in steps:
        passed += seconds
        count, at = starts[machine]
        if anew:
            starts[machine] = count, at = count + 1, passed
        now = look(sqlite, f"{machine}{count}", passed - at)
        assert stands <= now <= begun + passed
        stands = now


def test_it_keeps_no_start_for_ever(sqlite: Database) -> None:
    for number in range(150):
        look(sqlite, f"{number}", 10)
    with sqlite.begin(write=False) as connection:
        assert connection.execute(text("SELECT count(*) FROM clock")).scalar_one() <= 101


def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (None, Path("nowhere")):
        if place:
            monkeypatch.setattr(clock, "_BOOT", place)
        (boot, begun), (again, later) = clock.running(), clock.running()
        assert boot == again
        assert boot
        assert 0 <= later - begun < 10
