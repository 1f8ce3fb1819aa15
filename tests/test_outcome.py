"""What came of a decision in a word, and which candidates it left open."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from beleg.outcome import STATES, OpenStep, open_steps, state_of
from beleg.plugins import Installed
from beleg.trace import Candidates, Removed, Trace
from test_scenarios import outcomes

AMBIGUOUS = "Two orders and no number at all, so nothing is assigned by this address"
CONFLICT = "With abstain, two addresses in the text lead to two orders, and nothing is assigned"


@pytest.fixture(scope="module")
def step_types(installed: Installed) -> dict[str, str | None]:
    return {step.name: step.type for step in installed.steps}


def trace_of(title: str) -> Trace:
    return next(each.decision.trace for each in outcomes() if each.scenario.title == title)


def standing(trace: Trace) -> list[str]:
    return [outcome.record for outcome in trace.assigned]


def test_undecided(step_types: dict[str, str | None]) -> None:
    assert state_of(None, [], step_types) == "undecided"


def test_partly_until_a_record_of_its_type_stands(step_types: dict[str, str | None]) -> None:
    trace = trace_of(AMBIGUOUS)
    now = standing(trace)
    assert [name.partition(":")[0] for name in now] == ["contact"]
    assert state_of(trace, now, step_types) == "partly"
    (left,) = open_steps(trace, now, step_types)
    assert (left.step, left.type, left.total) == ("order", "order", 2)
    assert state_of(trace, [*now, left.candidates[0]], step_types) == "assigned"
    assert open_steps(trace, [*now, left.candidates[0]], step_types) == ()


def test_ambiguous_once_a_person_removed_what_stood(step_types: dict[str, str | None]) -> None:
    trace = trace_of(AMBIGUOUS)
    assert state_of(trace, [], step_types) == "ambiguous"


def test_conflict(step_types: dict[str, str | None]) -> None:
    trace = trace_of(CONFLICT)
    check = next(check for check in trace.checks() if check.verdict == "conflict")
    assert check.candidates
    left = open_steps(trace, standing(trace), step_types)[0]
    assert left == OpenStep("order", "order", check.candidates.listed, 2)


def test_nothing(step_types: dict[str, str | None]) -> None:
    trace = trace_of("Nobody in the ERP has any address of the mail")
    assert state_of(trace, [], step_types) == "nothing"
    assert state_of(trace, ["order:O-1"], step_types) == "assigned"


def test_what_a_person_removed_is_no_candidate(step_types: dict[str, str | None]) -> None:
    trace = trace_of(AMBIGUOUS)
    one, other = open_steps(trace, [], step_types)[0].candidates
    trace = replace(trace, removed=(Removed(one, "jan", "2026-11-03"),))
    assert open_steps(trace, [], step_types)[0].candidates == (other,)


def test_a_step_of_no_type_is_answered_by_a_record_of_its_candidates(step_types: dict[str, str | None]) -> None:
    trace = trace_of(AMBIGUOUS)
    free = {**step_types, "order": None}
    assert state_of(trace, standing(trace), free) == "partly"
    assert state_of(trace, ["order:O-1"], free) == "assigned"


def test_more_than_listed(step_types: dict[str, str | None]) -> None:
    trace = trace_of(AMBIGUOUS)
    order = next(step for step in trace.steps if step.step == "order")
    checks = tuple(
        replace(check, candidates=Candidates(check.candidates.listed, 1001)) if check.candidates else check
        for check in order.checks
    )
    steps = tuple(replace(order, checks=checks) if step is order else step for step in trace.steps)
    assert open_steps(replace(trace, steps=steps), [], step_types)[0].total == 1001


def test_every_scenario_has_a_state(step_types: dict[str, str | None]) -> None:
    """As the definition says it, counted over all scenarios: each state comes up, and the open steps agree."""
    seen: Counter[str] = Counter()
    for outcome in outcomes():
        trace = outcome.decision.trace
        now = standing(trace)
        state = state_of(trace, now, step_types)
        seen[state] += 1
        assert (state in ("partly", "ambiguous")) == bool(open_steps(trace, now, step_types))
        assert (state in ("assigned", "partly")) == bool(now)
    assert set(seen) == set(STATES) - {"undecided"}
