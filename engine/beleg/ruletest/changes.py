"""How a guard of the procedure is broken without touching it.

Two seams are enough. A step is data to the orchestrator (its stages, skips, follow-ups, ends, its place among the
others), so a changed copy of it, or one that is shown a changed context, stands in for it. And the decision is a pure
function of its case, so a guard that is down is a case without what it guards against: a removal that was never made,
an entry that nobody ignored, a thread message of another time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from beleg.assignment import Assignment, Origin, ThreadMessage
from beleg.case import Case
from beleg.clause import Clause
from beleg.evidence import FoundNumber, extract
from beleg.ignore import IgnoreList, Kind, classify
from beleg.lookup import Interest
from beleg.plugins import Installed
from beleg.record import Record
from beleg.stages import CONTENT, PARTICIPANTS, AddressStep
from beleg.step import Context, RuleSettings, Step
from beleg.trace import Check

_Step = TypeVar("_Step", bound=Step)

# The seam of the steps


def _changed(step: _Step, **attributes: object) -> _Step:
    """A copy of the step with these attributes."""
    changed = copy.copy(step)
    for name, value in attributes.items():
        object.__setattr__(changed, name, value)  # a frozen step has no other way
    return changed


def with_attributes(step: Step, **attributes: object) -> Callable[[Installed], Installed]:
    """The step with these attributes, in its place."""
    return in_place_of(step, _changed(step, **attributes))


def in_place_of(step: Step, other: Step) -> Callable[[Installed], Installed]:
    """The other step, in the place of the step."""
    return lambda installed: _each_step(installed, lambda each: other if each.name == step.name else each)


def _each_step(installed: Installed, change: Callable[[Step], Step]) -> Installed:
    return replace(installed, steps=tuple(map(change, installed.steps)))


def exchanged(one: str, other: str) -> Callable[[Installed], Installed]:
    """Each of the two steps of these names in the place of the other."""

    def change(installed: Installed) -> Installed:
        by_name = {step.name: step for step in installed.steps}
        pair = {one: by_name[other], other: by_name[one]}
        return _each_step(installed, lambda step: pair.get(step.name, step))

    return change


def shown(step: str | None, change: Callable[[Context], Context]) -> Callable[[Installed], Installed]:
    """The step of this name, or every step, is shown a changed context."""
    return lambda installed: _each_step(
        installed, lambda each: _Shown(each, change) if step in (None, each.name) else each
    )


class _Shown(Step):
    """A step that is shown a changed context."""

    def __init__(self, step: Step, change: Callable[[Context], Context]) -> None:
        self.step = step
        self.change = change
        self.name = step.name
        self.priority = step.priority
        self.type = step.type
        self.skipped_by = step.skipped_by
        self.follow_ups = step.follow_ups
        self.tables = step.tables
        self.ends = step.ends
        self.origin = step.origin

    def clauses(self) -> Sequence[Clause]:
        return self.step.clauses()

    def interest(self) -> Interest | None:
        return self.step.interest()

    def run(self, context: Context) -> Iterator[Check]:
        return self.step.run(self.change(context))


class GoingOn(_Shown):
    """A step over addresses that does not end at a record that a person removed: the rest of the stage follows, and
    the stages after it."""

    def __init__(self, step: AddressStep) -> None:
        super().__init__(step, lambda context: context)
        self.over = step

    def run(self, context: Context) -> Iterator[Check]:
        check = None
        for check in self.step.run(context):
            yield check
        if check is None or check.verdict != "removed" or check.stage not in (PARTICIPANTS, CONTENT):
            return
        addresses = context.participants if check.stage == PARTICIPANTS else context.content
        rest = addresses[[found.text for found in addresses].index(check.about) + 1 :]
        order = self.over.stage_order
        stages = order[order.index(check.stage) + (not rest) :]
        left = replace(context, participants=rest) if check.stage == PARTICIPANTS else replace(context, content=rest)
        yield from GoingOn(_changed(self.over, stage_order=stages)).run(left)


def reversed_addresses(stage: str) -> Callable[[Context], Context]:
    """The addresses of a stage from last to first."""

    def change(context: Context) -> Context:
        if stage == PARTICIPANTS:
            return replace(context, participants=context.participants[::-1])
        return replace(context, content=context.content[::-1])

    return change


def ties_reversed(context: Context) -> Context:
    """The earlier messages of the thread, those of one time from last to first."""
    by_time = groupby(context.earlier, attrgetter("date"))
    return replace(context, earlier=tuple(each for _, tied in by_time for each in reversed(tuple(tied))))


class _SubjectToo(Context):
    __slots__ = ()

    @property
    def content_numbers(self) -> Sequence[FoundNumber]:
        return self.numbers


def subject_too(context: Context) -> Context:
    """The numbers of the subject among those of the content."""
    return _SubjectToo(*(getattr(context, field.name) for field in fields(context)))


# The seam of the case: a world without what the guard keeps away


def own(change: Callable[[Sequence[Assignment]], Collection[Assignment]]) -> Callable[[Case], Case]:
    """What stands on the message or was removed from it."""
    return lambda case: replace(case, own=tuple(change(case.own)))


def without_followers_of_removed(own: Sequence[Assignment]) -> Collection[Assignment]:
    """Without what follows from a record that was removed."""
    standing = {str(each.record) for each in own if each.stands}
    return [each for each in own if each.removed or each.origin != "derived" or each.source in standing]


def not_set_again(own: Sequence[Assignment]) -> Collection[Assignment]:
    """Without what stands again after it was removed."""
    removed = {each.record for each in own if each.removed}
    return [each for each in own if each.removed or each.record not in removed]


def without_removed(origin: Origin) -> Callable[[Sequence[Assignment]], Collection[Assignment]]:
    """Without what was removed of this origin."""
    return lambda found: [each for each in found if each.stands or each.origin != origin]


def never_removed(type_: str) -> Callable[[Case], Case]:
    """No record of the type was removed from the message."""
    return own(lambda own: [a for a in own if a.stands or a.record.type != type_])


def _each_of_thread(case: Case, change: Callable[[ThreadMessage], ThreadMessage]) -> Case:
    return replace(case, thread=tuple(map(change, case.thread)))


def thread_assignments(change: Callable[[Sequence[Assignment]], Collection[Assignment]]) -> Callable[[Case], Case]:
    """What stands on each message of the thread or was removed from it."""
    return lambda case: _each_of_thread(case, lambda mail: replace(mail, assignments=tuple(change(mail.assignments))))


def at_the_same_time(case: Case) -> Case:
    """Messages of the same time lie a moment back."""
    return _each_of_thread(
        case,
        lambda mail: (
            replace(mail, date=mail.date - timedelta(microseconds=1))
            if mail.date is not None and mail.date == case.message.date
            else mail
        ),
    )


def undated_long_ago(case: Case) -> Case:
    """Messages without a date lie in the distant past."""
    return _each_of_thread(
        case, lambda mail: replace(mail, date=datetime.min.replace(tzinfo=UTC)) if mail.date is None else mail
    )


def kind_of(entry: str) -> Kind:
    """The kind of an entry of the blacklist."""
    return classify(entry)[0]


def let_through(kind: Kind) -> Callable[[Case], Case]:
    """No entry of the kind is there."""

    return lambda case: replace(
        case, ignored=case.ignored.only(entry for entry, _ in case.ignored.entries() if entry.kind != kind)
    )


def blacklisted_too(more: Callable[[str], str | None]) -> Callable[[Case], Case]:
    """What `more` makes of an entry of the blacklist stands there, too."""

    def change(case: Case) -> Case:
        ignored = case.ignored
        added = [entry for entry in map(more, ignored.blacklist) if entry]
        return replace(case, ignored=IgnoreList(ignored.users, ignored.groups, [*ignored.blacklist, *added]))

    return change


def set_otherwise(change: Callable[[RuleSettings], RuleSettings]) -> Callable[[Case], Case]:
    """Settings changed, and the message read under them."""

    def changed(case: Case) -> Case:
        settings, evidence = change(case.settings), case.evidence
        if settings.min_reference_length != case.settings.min_reference_length:
            evidence = extract(case.message, min_reference_length=settings.min_reference_length, limits=settings.limits)
        return replace(case, settings=settings, evidence=evidence)

    return changed


def made_up(case: Case) -> Case:
    """Every record that another points at is there."""
    records = case.directory.all()
    missing = {link.target for record in records.values() for link in record.links} - set(records)
    return replace(case, directory=case.directory.changed({ref: Record(ref) for ref in missing}))


def numbers_where(part: Callable[[str], bool]) -> Callable[[Case], Case]:
    """Only the numbers of these parts."""
    return lambda case: replace(
        case,
        evidence=replace(case.evidence, spans=tuple(each for each in case.evidence.spans if part(each[0].part))),
    )
