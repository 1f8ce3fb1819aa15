"""One decision: the steps in ascending priority, their skips, assignments and follow-ups, and the trace of it all."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from msgspec.structs import replace

from beleg.assignment import Assignment, ThreadMessage, earlier, kept_on_rerun, removals
from beleg.directory import Directory
from beleg.evidence import Evidence, FoundAddress, extract
from beleg.frame_clauses import FRAME, LIMIT
from beleg.ignore import Entry, IgnoreList
from beleg.lookup import Lookup, groups_of, look_up
from beleg.message import Message
from beleg.orchestrator.follow import follow
from beleg.orchestrator.inputs import Found, Seen
from beleg.orchestrator.ruleset import RuleSet, ruleset_of
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.step import Context, RuleSettings, Step
from beleg.trace import (
    AddressSeen,
    At,
    Check,
    MessageSeen,
    NoticeSeen,
    NumberSeen,
    Outcome,
    Removed,
    RuleSeen,
    Run,
    StepTrace,
    Trace,
)
from beleg.version import __version__


class StepFailed(Exception):
    """A step raised: nothing is decided, nothing may be stored. Names the step and the message."""

    def __init__(self, step: str, message: str, error: Exception) -> None:
        self.step = step
        super().__init__(
            f"step {step!r} failed on message {message}: {type(error).__name__}: {error}; "
            "nothing was stored for this message, a later run tries again"
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one run: the assignments that it made, its trace, and what it saw.

    What stood before and stays (set by hand, or derived from that) is not in `made`, but in `trace.assigned`.
    """

    made: tuple[Assignment, ...]
    trace: Trace
    seen: Seen | None = None


@dataclass(slots=True)
class _State:
    """What is assigned by now."""

    message: Message
    kept: tuple[Assignment, ...]
    made: list[Assignment] = field(default_factory=list)

    def standing(self) -> list[Assignment]:
        return [a for a in (*self.kept, *self.made) if a.stands]

    def records(self) -> set[RecordRef]:
        return {assignment.record for assignment in self.standing()}


class Engine:
    """Decides messages by the installed steps. Holds no state between two decisions but caches."""

    def __init__(self, installed: Installed, settings: RuleSettings | None = None) -> None:
        self.installed = installed
        self.settings = settings or RuleSettings()
        self._interests = [i for step in installed.steps if (i := step.interest()) is not None]
        self.groups = groups_of(self._interests)
        """The record groups that the steps look up."""

    @cached_property
    def ruleset(self) -> RuleSet:
        """The rule set that it decides by."""
        return ruleset_of(self.installed, self.settings)

    def read(self, message: Message) -> Evidence:
        """What the message offers as evidence, under the settings."""
        return extract(message, min_reference_length=self.settings.min_reference_length, limits=self.settings.limits)

    def decide(
        self,
        message: Message,
        directory: Directory,
        ignored: IgnoreList,
        thread: Iterable[ThreadMessage] = (),
        own: Iterable[Assignment] = (),
        *,
        evidence: Evidence | None = None,
        trace: bool = True,
    ) -> Decision:
        """Decide one message.

        `thread` holds the stored messages that it is tied to, in any order; `own` what stands on it and was removed
        from it; `evidence` what `read` made of it, when it was read already. `trace` False leaves the trace
        empty, where only the assignments made are wanted.
        Raises StepFailed.
        """
        began = time.perf_counter()
        kept = tuple(sorted(kept_on_rerun(own), key=_place))
        removed = removals(kept)
        state = _State(message, kept)
        evidence = evidence or self.read(message)
        seen = [(found, ignored.entry_for(found.key)) for found in evidence.participants]
        content = [(found, ignored.entry_for(found.key)) for found in evidence.content]
        counting = [found for found, entry in seen if entry is None]
        counting_content = [found for found, entry in content if entry is None]
        taken_out = [(found, entry) for found, entry in (*seen, *content) if entry is not None]

        def ask() -> Lookup:
            standing = [assignment.record for assignment in state.standing()]
            return look_up(evidence, [*counting, *counting_content], self._interests, directory, standing)

        context = Context(
            counting,
            counting_content,
            earlier(thread, message.date, message.sha256),
            removed,
            self.settings,
            self.installed.rulebook,
            ask,
        )
        steps = tuple(self._steps(context, state, evidence))
        if lookup := context.looked_up:
            found = Found.by(lookup)
        else:
            found = Found.named(list(dict.fromkeys(each.record for each in state.standing())), directory)
        if not trace:
            return Decision(tuple(state.made), _EMPTY)
        return Decision(
            tuple(state.made),
            Trace(
                message=_message_seen(message),
                settings={
                    "on_conflict": self.settings.on_conflict,
                    "min_reference_length": self.settings.min_reference_length,
                },
                addresses=tuple(_addresses_seen(evidence, seen, content)),
                numbers=_numbers_seen(context.looked_up),
                notices=tuple(NoticeSeen(notice.code, notice.detail) for notice in message.notices),
                removed=tuple(Removed(str(ref), by.by, by.at) for ref, by in sorted(removed.items())),
                steps=steps,
                assigned=tuple(_outcome(a, found.records.get(a.record)) for a in state.standing()),
                run=Run(
                    datetime.now(UTC).isoformat(timespec="milliseconds"),
                    round((time.perf_counter() - began) * 1000, 3),
                    _HOST,
                    __version__,
                    self.ruleset.id,
                ),
            ),
            Seen(context.earlier, kept, taken_out, found),
        )

    def _steps(self, context: Context, state: _State, evidence: Evidence) -> Iterator[StepTrace]:
        limit = evidence.limit
        if limit:
            facts = {"limit": limit.name, "allowed": str(limit.allowed), "found": str(limit.found)}
            rule = RuleSeen(LIMIT, "held", "found > allowed", "beleg")
            yield StepTrace(FRAME, 0, (Check("nothing_found", (rule,), facts=facts),))
        for step in self.installed.steps:
            if limit and step.interest() is not None:
                continue  # a part of the message was not read: nothing unique can be known
            try:
                checks = tuple(self._step(step, context, state))
            except Exception as error:
                name = state.message.message_id or f"sha256:{state.message.sha256}"
                raise StepFailed(step.name, name, error) from error
            yield StepTrace(step.name, step.priority, checks)
            if step.ends and any(check.verdict in step.ends for check in checks):
                return

    def _step(self, step: Step, context: Context, state: _State) -> Iterator[Check]:
        if skipped := _skipped(step, state):
            yield skipped
            return
        assigned = []
        for check in step.run(context):
            yield check
            for record in map(RecordRef.parse, check.assigned):
                if record not in state.records():
                    source = check.about if step.origin == "inherited" else None
                    state.made.append(Assignment(record, step.origin, source, clause=check.clause))
                    assigned.append(record)
        for record in assigned if step.follow_ups else ():
            yield from self._follow(step, context, state, record)

    def _follow(self, step: Step, context: Context, state: _State, ref: RecordRef) -> Iterator[Check]:
        record = context.lookup.record(ref)
        if record is None:
            return
        standing = state.records()
        for result in follow(
            step, record, standing, context.removed, lambda target: context.lookup.record(target) is not None
        ):
            yield result.check
            if result.record:
                clause = result.check.clause
                state.made.append(Assignment(result.record, "derived", str(ref), clause=clause))


def _place(each: Assignment) -> tuple[bool, RecordRef, str, str]:
    """The order of what stands on a message before the run: what a person set, then what follows from that."""
    return each.origin != "manual", each.record, each.source or "", each.removed.at if each.removed else ""


_HOST = platform.node()
_EMPTY = Trace(MessageSeen("", None, None, "", ""), {}, (), (), (), (), (), ())


def _skipped(step: Step, state: _State) -> Check | None:
    standing = sorted(state.records())
    for type_ in step.skipped_by:
        for record in standing:
            if record.type == type_:
                rule = RuleSeen(f"{step.name}.skipped", "held", f"{type_} stands", "beleg")
                return Check("skipped", (rule,), about=str(record), facts={"record": str(record)})
    return None


def _message_seen(message: Message) -> MessageSeen:
    sender = next((p.address for p in message.participants if p.field == "From"), "")
    date = message.date.isoformat() if message.date else None
    return MessageSeen(message.sha256, message.message_id, date, message.subject, sender)


def _addresses_seen(
    evidence: Evidence,
    participants: Sequence[tuple[FoundAddress, Entry | None]],
    content: Sequence[tuple[FoundAddress, Entry | None]],
) -> Iterator[AddressSeen]:
    for found, entry in (*participants, *content):
        yield AddressSeen(
            found.text,
            found.key,
            At(*found.place),
            entry.text if entry else None,
            entry.kind if entry else None,
        )
    for found in evidence.repeated:
        yield AddressSeen(found.text, found.key, At(*found.place), repeated=True)


def _numbers_seen(lookup: Lookup | None) -> tuple[NumberSeen, ...]:
    if lookup is None:
        return ()
    return tuple(NumberSeen(number.text, number.key, At(*number.place)) for number in lookup.numbers)


def _outcome(assignment: Assignment, record: Record | None) -> Outcome:
    outcome = Outcome(str(assignment.record), assignment.origin, assignment.clause, assignment.source)
    if record is None:
        return replace(outcome, gone=True)
    return replace(outcome, number=record.number, label=record.label, status=record.status)
