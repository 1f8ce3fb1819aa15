"""Puts the answer in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from beleg.explain.render import FEW, Explainer
from beleg.explain.why_not.model import ChangeSeen, EvidenceSeen, Hurdles, WhyNotSeen
from beleg.explain.why_not.words import EDITS, TEXTS
from beleg.trace import At

if TYPE_CHECKING:
    from beleg.why_not import Change, Edit, Lost, WhatIf, WhyNot


def told(explainer: Explainer, answer: WhyNot) -> WhyNotSeen:
    """The answer in the explainer's language."""
    return _Teller(explainer).tell(answer)


def what_if_said(explainer: Explainer, found: WhatIf) -> str:
    """What comes out of the mail without the evidence that decided, in a sentence."""
    texts, phrases = TEXTS[explainer.language], explainer.phrases
    place = f" ({phrases.place(found.at)})" if found.at else ""
    if found.message:
        gone = texts["if_message"].format(message=found.message)
    else:
        gone = texts["if_evidence"].format(evidence=(found.address or ", ".join(found.numbers)) + place)
    comes = texts["if_comes"].format(records=", ".join(phrases.record(each) for each in found.assigned))
    said = gone + (comes if found.assigned else texts["if_nothing"])
    return f"{said} ({found.clause})." if found.clause else f"{said}."


class _Teller:
    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        self._phrases = explainer.phrases
        self._texts = TEXTS[explainer.language]

    def tell(self, answer: WhyNot) -> WhyNotSeen:
        texts, lost = self._texts, answer.lost
        evidence = self._evidence(answer)
        none = "no_change" if answer.max_edits > 1 else "no_change_of_one"
        looked = lost.kind not in ("assigned", "retired")
        head = texts["changes" if answer.changes else none].format(most=answer.max_edits)
        return WhyNotSeen(
            answer.record,
            texts["title"].format(record=self._phrases.record(answer.record)),
            texts[lost.kind],
            lost.check.clause if lost.check else lost.facts.get("clause", ""),
            lost.kind == "assigned",
            tuple(self._story(lost)),
            texts["stored"] if answer.stored else "",
            tuple(evidence[:FEW]),
            self._phrases.texts["more"].format(count=len(evidence) - FEW) if len(evidence) > FEW else "",
            tuple(self._hurdles(answer)),
            head if looked else "",
            tuple(
                ChangeSeen(tuple(map(self._edit, change.edits)), self._then(answer, change))
                for change in answer.changes
            ),
            texts["tried"].format(tried=answer.tried, vocabulary=answer.vocabulary),
            answer.complete,
        )

    def _story(self, lost: Lost) -> Iterator[str]:
        texts, phrases = self._texts, self._phrases
        if lost.kind in ("retired", "no_step"):
            yield texts[f"{lost.kind}_said"]
        if lost.kind == "never_candidate":
            yield texts[f"never_by_{lost.facts['by']}"]
        if lost.kind == "removed" and not (lost.check and lost.check.stage):
            yield texts["removed_said"].format(**{**lost.facts, "on": phrases.moment(lost.facts.get("on", ""))})
        if lost.kind == "assigned" and lost.check is None:
            yield phrases.texts["because_hand"] if lost.facts["origin"] == "manual" else phrases.texts["stood"]
        checks = (*((lost.check,) if lost.check else ()), *lost.more)
        for check in checks[:FEW]:
            about = f"{check.about} ({phrases.place(check.at)}): " if check.at else ""
            stage = f"{phrases.stage(check.stage)}: " if check.stage and not check.at else ""
            if check.stage == "follow":
                stage = texts["follow"].format(
                    role=phrases.role(check.facts["role"]), source=phrases.record(check.about)
                )
            prefix = texts["not_reached_said"] if lost.kind == "not_reached" else ""
            yield f"{prefix}{stage}{about}{self._explainer.said(check, check.clause.partition('.')[0])}"
        if len(checks) > FEW:
            yield phrases.texts["more"].format(count=len(checks) - FEW)

    def _evidence(self, answer: WhyNot) -> list[EvidenceSeen]:
        texts, phrases = self._texts, self._phrases
        found = []
        for each in answer.addresses:
            via = texts["via"].format(record=phrases.record(each.via)) if each.via else ""
            state = self._place_of(each.at)
            if each.ignored_as:
                state += f", {phrases.texts['ignored']}: {phrases.texts[each.ignored_as]} {each.ignored}"
            found.append(EvidenceSeen(texts["address"], each.address, via, state, each.at is not None))
        for number in answer.numbers:
            found.append(
                EvidenceSeen(texts["number"], number.number, "", self._place_of(number.at), number.at is not None)
            )
        # What the mail has of it comes first: a record may have very many addresses and numbers.
        return sorted(found, key=lambda each: not each.in_mail)

    def _place_of(self, at: At | None) -> str:
        return self._phrases.place(at) if at else self._texts["not_in_mail"]

    def _hurdles(self, answer: WhyNot) -> Iterator[Hurdles]:
        for bars, head in ((True, "bars"), (False, "still")):
            stages: dict[str, list[str]] = defaultdict(list)
            for gate in answer.still:
                if gate.bars is bars:
                    stage, _, rule = gate.clause.rpartition(".")
                    stages[stage].append(f"{rule} ({gate.when})")
            if stages:
                yield Hurdles(self._texts[head], {stage: tuple(rules) for stage, rules in stages.items()})

    def _then(self, answer: WhyNot, change: Change) -> str:
        others = [self._phrases.record(each) for each in change.assigned if each != answer.record]
        clause = change.clause or self._texts["by_hand"]
        return clause + (self._texts["beside"].format(records=", ".join(others)) if others else "")

    def _edit(self, edit: Edit) -> str:
        """An edit as half a sentence."""
        kind: str = edit.kind
        if kind == "not_removed" and edit.message:
            kind = "not_removed_earlier"
        parameters: Mapping[str, str] = {
            "record": self._phrases.record(edit.record) if edit.record else "",
            "number": edit.number,
            "address": edit.address,
            "entry": edit.entry,
            "kind": self._phrases.texts.get(edit.entry_kind, ""),
            "status": self._phrases.status(edit.status),
            "message": edit.message,
        }
        return EDITS[self._explainer.language][kind].format_map(parameters)
