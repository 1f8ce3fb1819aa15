"""What is linked, and the ladder of steps, from a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from beleg.assignment import Origin
from beleg.explain.ladder.candidates import candidates_of
from beleg.explain.ladder.model import Asked, CheckSeen, Cited, Earlier, FollowUpSeen, Linked, Mark, Rung
from beleg.explain.ladder.words import ORIGINS, TEXTS, VERDICTS
from beleg.explain.phrases import deciding
from beleg.explain.render import Explainer
from beleg.frame_clauses import FRAME
from beleg.record import Record, RecordRef
from beleg.trace import Check, Outcome, RuleSeen, StepTrace, Trace, decisive

FOLLOW = "follow"
CHECKS = 50
"""How many checks of a step are shown; those that found something come first."""


# --- what is linked ----------------------------------------------------------------------------------------------


def linked(explainer: Explainer, trace: Trace) -> tuple[Linked, ...]:
    """The records that the decision left on the message, each with its one sentence."""
    return tuple(_linked(explainer, trace, outcome) for outcome in trace.assigned)


def linked_since(
    explainer: Explainer, ref: RecordRef, origin: Origin, because: str, record: Record | None = None
) -> Linked:
    """A record that was put on the message after the decision, with a sentence that the caller has; None for `record`
    where the ERP no longer has it."""
    return Linked(
        str(ref),
        ref.type,
        ref.id,
        explainer.phrases.record(str(ref)),
        origin,
        ORIGINS[explainer.language][origin],
        because,
        number=(record and record.number) or "",
        label=(record and record.label) or "",
        status=explainer.phrases.shown_status(record.status) if record else "",
        gone=record is None,
    )


def _linked(explainer: Explainer, trace: Trace, outcome: Outcome) -> Linked:
    step, check = trace.assigning(outcome.record) or ("", None)
    # Of a clause that is no longer installed there is no sentence but what it said.
    because = explainer.because(outcome, trace) or (explainer.said(check, step) if check else outcome.clause or "")
    ref = RecordRef.parse(outcome.record)
    return Linked(
        outcome.record,
        ref.type,
        ref.id,
        explainer.phrases.record(outcome.record),
        outcome.origin,
        ORIGINS[explainer.language].get(outcome.origin, outcome.origin),
        because,
        _cites(check) if check else (),
        outcome.number or "",
        outcome.label or "",
        explainer.phrases.shown_status(outcome.status),
        step,
        outcome.clause or "",
        outcome.source or "",
        _earlier(check) if check else None,
        outcome.gone,
    )


def _cites(check: Check) -> tuple[str, ...]:
    about = (check.about,) if check.at else ()
    return tuple(dict.fromkeys((*about, *(naming.number for naming in deciding(check)))))


def _earlier(check: Check) -> Earlier | None:
    """The message of the thread that a check is about."""
    if check.at or not check.about or "subject" not in check.facts:
        return None
    return Earlier(check.about, check.facts["subject"], check.facts.get("date", ""))


# --- the steps ---------------------------------------------------------------------------------------------------


def rungs(explainer: Explainer, trace: Trace) -> tuple[Rung, ...]:
    """The steps in their order, also those that did not run; at most one of them is decisive."""
    ran = {step.step for step in trace.steps}
    idle = _why_idle(explainer, trace)
    found = [(step.priority, _rung(explainer, trace, step)) for step in trace.steps]
    for step in explainer.steps:
        if step.name not in ran:
            mark, said = idle
            label, number = explainer.label(step.name), explainer.number_of(step.name)
            found.append((step.priority, Rung(step.name, label, mark, said, number)))
    found.sort(key=lambda each: (each[1].step != FRAME, each[0]))
    return tuple(_with_decisive([rung for _, rung in found]))


def _with_decisive(found: Sequence[Rung]) -> Iterator[Rung]:
    decided: tuple[tuple[Mark, ...], ...] = (("decided",), ("open", "removed"), ("limit",))
    first = next((rung for marks in decided for rung in found if rung.mark in marks and rung.checks), None)
    for rung in found:
        yield replace(rung, decisive=True) if rung is first else rung


def _why_idle(explainer: Explainer, trace: Trace) -> tuple[Mark, str]:
    """Why a step that is not in the trace did not run."""
    texts = TEXTS[explainer.language]
    ends = {step.name: step.ends for step in explainer.steps}
    for step in trace.steps:
        if any(check.verdict in ends.get(step.step, ()) for check in step.checks):
            return "not_needed", texts["not_needed"].format(step=explainer.label(step.step))
    if any(step.step == FRAME for step in trace.steps):
        return "limit", texts["limit"]
    return "not_needed", texts["absent"]


def _rung(explainer: Explainer, trace: Trace, step: StepTrace) -> Rung:
    asked = [check for check in step.checks if check.stage != FOLLOW]
    made = tuple(name for check in asked for name in check.assigned)
    telling = decisive(asked)
    mark = _mark(trace, step, asked, telling, bool(made))
    shown = _most_telling(asked)
    beyond = len(asked) - len(shown)
    return Rung(
        step.step,
        explainer.label(step.step),
        mark,
        _headline(explainer, step, asked, telling, mark),
        explainer.number_of(step.step),
        records=made,
        checks=tuple(_check(explainer, trace, step, check) for check in shown),
        more=TEXTS[explainer.language]["more_checks"].format(count=beyond) if beyond else "",
        follow_ups=tuple(
            _follow_up(explainer, step, c) for c in step.checks if c.stage == FOLLOW and "role" in c.facts
        ),
    )


def _mark(trace: Trace, step: StepTrace, asked: Sequence[Check], telling: Check | None, made: bool) -> Mark:
    if step.step == FRAME:
        return "limit"
    if made:
        return "decided"
    if any(check.verdict == "skipped" for check in asked):
        return "skipped"
    if telling is None:
        return "nothing"
    if telling.verdict == "assigned":
        # What it would assign stands already, or a person took it off.
        removed = {each.record for each in trace.removed}
        return "removed" if telling.candidates and removed.issuperset(telling.candidates.listed) else "nothing"
    return "removed" if telling.verdict == "removed" else "open"


def _headline(explainer: Explainer, step: StepTrace, asked: Sequence[Check], telling: Check | None, mark: Mark) -> str:
    texts = TEXTS[explainer.language]
    check = next((check for check in asked if check.assigned), None) or telling
    if check is None:
        stages = [explainer.phrases.stage(stage) for stage in dict.fromkeys(c.stage for c in asked) if stage]
        if mark == "nothing" and stages:
            return texts["nothing_in"].format(stages=", ".join(stages))
        if not asked:
            return texts["nothing"]
        check = asked[-1]
    about = f"{check.about} ({explainer.phrases.place(check.at)}): " if check.at else ""
    return about + explainer.said(check, step.step)


def _most_telling(checks: Sequence[Check]) -> Sequence[Check]:
    if len(checks) <= CHECKS:
        return checks
    first = sorted(range(len(checks)), key=lambda index: checks[index].verdict in ("nothing_found", "next"))[:CHECKS]
    return [checks[index] for index in sorted(first)]


def _check(explainer: Explainer, trace: Trace, step: StepTrace, check: Check) -> CheckSeen:
    place, earlier = explainer.phrases.place(check.at), _earlier(check)
    about = Cited(check.about, place, check.at) if check.about and not earlier and check.verdict != "skipped" else None
    verdict = "found" if check.verdict == "assigned" and not check.assigned else check.verdict
    return CheckSeen(
        check.verdict,
        VERDICTS[explainer.language][verdict],
        check.clause,
        explainer.said(check, step.step),
        tuple(_asked(explainer, step.step, check, rule) for rule in check.rules),
        check.stage,
        explainer.phrases.stage(check.stage),
        about,
        earlier,
        candidates_of(explainer, trace, step, check),
        check.assigned,
        bool(check.assigned),
    )


def _asked(explainer: Explainer, step: str, check: Check, rule: RuleSeen) -> Asked:
    texts = TEXTS[explainer.language]
    if rule.result == "not_evaluated":
        text = texts["not_asked"]
    else:
        text = explainer.say_rule(check, rule, step) or texts["does_not_hold"].format(when=rule.when)
    short = rule.clause.rpartition(".")[2]
    return Asked(rule.clause, short, rule.result, text, explainer.section(rule.clause), rule.when, rule.source)


def _follow_up(explainer: Explainer, step: StepTrace, check: Check) -> FollowUpSeen:
    made, stood = bool(check.assigned), check.held and not check.assigned
    record = next(iter(check.kept), "") or check.facts.get("record", "")
    if stood:
        why = TEXTS[explainer.language]["stood"]
    elif made:
        why = explainer.say(explainer.sentences(check.clause).because, check, step.step)
    else:
        why = explainer.said(check, step.step)
    return FollowUpSeen(
        check.facts["role"],
        explainer.phrases.role(check.facts["role"]),
        check.facts["source"],
        check.clause,
        made,
        why or explainer.said(check, step.step),
        record,
        explainer.phrases.record(record) if record else "",
        stood,
    )
