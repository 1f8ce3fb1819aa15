"""The addresses and numbers of the mail, which checks used each, and where to highlight them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from beleg.explain.ladder.model import Seen, Span, SpanState, Use
from beleg.explain.phrases import deciding
from beleg.explain.render import Explainer
from beleg.trace import AddressSeen, At, Check, NumberSeen, StepTrace, Trace

MOST = 500
"""How many addresses and numbers are listed; those that led to something come first."""
USES = 4
"""How many checks a highlighted stretch tells of."""


def evidence(explainer: Explainer, trace: Trace) -> tuple[Seen, ...]:
    """Every address and number of the mail that the trace has, in its order, at most `MOST`."""
    uses = _Uses(explainer, trace)
    all_: list[AddressSeen | NumberSeen] = [*trace.addresses, *trace.numbers]
    if len(all_) > MOST:
        telling = sorted(range(len(all_)), key=lambda index: not uses.telling(all_[index]))
        all_ = [all_[index] for index in sorted(telling[:MOST])]
    return tuple(_seen(explainer, each, uses.of(each)) for each in all_)


def _seen(explainer: Explainer, each: AddressSeen | NumberSeen, uses: tuple[Use, ...]) -> Seen:
    texts, place = explainer.texts, explainer.phrases.place(each.at)
    if isinstance(each, NumberSeen):
        return Seen("number", each.number, each.at, place, "known", texts["known"], uses=uses)
    if each.ignored_as:
        entry, kind = each.ignored or "", each.ignored_as
        note = f"{texts['ignored']}: {texts[kind]} {entry}"
        return Seen("address", each.address, each.at, place, "ignored", note, entry, kind)
    if each.repeated:
        return Seen("address", each.address, each.at, place, "repeated", texts["repeated"], uses=uses)
    return Seen("address", each.address, each.at, place, "counts", texts["counts"], uses=uses)


class _Uses:
    """Which checks asked about an address, or had a number single out a candidate."""

    def __init__(self, explainer: Explainer, trace: Trace) -> None:
        self._explainer = explainer
        self._addresses: dict[str, list[tuple[StepTrace, Check]]] = defaultdict(list)
        self._numbers: dict[str, list[tuple[StepTrace, Check, At, bool]]] = defaultdict(list)
        self._said: dict[int, Use] = {}
        self._trace = trace  # keeps the checks alive that `_said` knows by their identity
        addresses = {(seen.address, seen.at): seen.key for seen in trace.addresses if not seen.repeated}
        numbers = {seen.at: seen.key for seen in trace.numbers}
        for step in trace.steps:
            for check in step.checks:
                if check.at and (key := addresses.get((check.about, check.at))) is not None:
                    self._addresses[key].append((step, check))
                decided = [naming.at for naming in deciding(check)] if check.assigned else []
                for naming in check.numbers:
                    if (key := numbers.get(naming.at)) is not None:
                        self._numbers[key].append((step, check, naming.at, naming.at in decided))

    def telling(self, each: AddressSeen | NumberSeen) -> bool:
        """Whether some check found something by it."""
        if isinstance(each, NumberSeen):
            return each.key in self._numbers
        return any(check.verdict != "nothing_found" for _, check in self._addresses.get(each.key, ()))

    def of(self, each: AddressSeen | NumberSeen) -> tuple[Use, ...]:
        if isinstance(each, NumberSeen):
            return tuple(self._of_number(each))
        # One that stands in the text again was asked about as a participant.
        return tuple(self._use(step, check) for step, check in self._addresses.get(each.key, ()))

    def _of_number(self, each: NumberSeen) -> Iterable[Use]:
        for step, check, at, decided in self._numbers.get(each.key, ()):
            # What is asked of the content as a whole is not asked of the subject.
            if each.at == at or check.at is not None or each.at.part != "subject":
                use = self._use(step, check)
                yield use if use.decided == decided else replace(use, decided=decided)

    def _use(self, step: StepTrace, check: Check) -> Use:
        if id(check) not in self._said:
            self._said[id(check)] = Use(
                step.step,
                self._explainer.label(step.step),
                check.clause,
                check.verdict,
                self._explainer.said(check, step.step),
                check.stage,
                self._explainer.phrases.stage(check.stage),
                bool(check.assigned),
            )
        return self._said[id(check)]


# --- where to highlight it ---------------------------------------------------------------------------------------


def spans(seen: Sequence[Seen]) -> Mapping[str, tuple[Span, ...]]:
    """By part of the mail, the stretches of its text that are evidence: ascending and disjoint, for two addresses may
    overlap. What takes no room in a text (an address of the header, the target of a link) has none."""
    by_part: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for index, each in enumerate(seen):
        if each.at.end > each.at.start:
            by_part[each.at.part].append((each.at.start, each.at.end, index))
    return {part: tuple(_span(seen, group) for group in _groups(places)) for part, places in sorted(by_part.items())}


def _groups(places: list[tuple[int, int, int]]) -> Iterable[list[tuple[int, int, int]]]:
    """The places in order, those together that share a character."""
    group: list[tuple[int, int, int]] = []
    end = 0
    for place in sorted(places):
        if group and place[0] >= end:
            yield group
            group = []
        end = max(end, place[1]) if group else place[1]
        group.append(place)
    if group:
        yield group


def _span(seen: Sequence[Seen], group: list[tuple[int, int, int]]) -> Span:
    there = [seen[index] for _, _, index in group]
    state: SpanState
    if any(each.decided for each in there):
        state = "decided"
    elif any(use.verdict != "nothing_found" for each in there for use in each.uses):
        state = "used"
    else:
        state = there[0].state
    title = "\n".join(chain.from_iterable(map(_title, there)))
    return Span(group[0][0], max(end for _, end, _ in group), tuple(index for _, _, index in group), title, state)


def _title(each: Seen) -> Iterable[str]:
    yield f"{each.text}: {each.note}"
    telling = sorted(each.uses, key=lambda use: (not use.decided, use.verdict == "nothing_found"))
    for use in telling[:USES]:
        where = " · ".join(filter(None, (use.step_label, use.stage_label)))
        yield f"{where}: {use.said}"
