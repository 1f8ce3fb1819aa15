"""A stored message as a scenario: what the command line and the support page share."""

from __future__ import annotations

from dataclasses import dataclass

from beleg.capture.mask import masked
from beleg.capture.world import outcome_of, scenario_of
from beleg.case import DecidedCase
from beleg.orchestrator import Decision, Engine
from beleg.scenario import Scenario
from beleg.trace import Trace


@dataclass(frozen=True)
class Captured:
    """The scenario of a message, the decision that it expects, and what a person should know of it, in English."""

    scenario: Scenario
    decision: Decision
    notes: tuple[str, ...]


def captured(
    found: DecidedCase,
    engine: Engine,
    name: str,
    *,
    title: str | None = None,
    mask: bool = False,
    seed: int | None = None,
) -> Captured:
    """The scenario of a stored message that people call `name`: of what records, thread and rules give now. With
    `mask`, stand-ins are in the place of what tells of people. Raises CaptureFailed, StepFailed."""
    decision = found.case.decide(engine)
    notes = []
    if _outcome(found.trace) != _outcome(decision.trace):
        notes.append(
            f"the stored decision on {name} is another ({_told(found.trace)}) than the records, the thread and "
            f"the rules of now give ({_told(decision.trace)}); the file says what they give now"
        )
    if found.waiting:
        notes.append(f"{found.waiting} earlier messages of the thread were never decided; nothing stands on them here")
    scenario = scenario_of(found.case, found.raw, found.thread, decision, title)
    if mask:
        scenario, decision = masked(scenario, decision, engine.installed, title=title, seed=seed)
    return Captured(scenario, decision, tuple(notes))


def _outcome(trace: Trace) -> object:
    return sorted((outcome.record, outcome.origin) for outcome in trace.assigned), trace.held()


def _told(trace: Trace) -> str:
    return f"{outcome_of(trace)}; {', '.join(trace.held()) or 'no clause'}"
