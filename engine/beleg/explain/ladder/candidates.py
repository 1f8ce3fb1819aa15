"""The candidates of a check, and why each was kept or dropped.

A clause may say it itself (`Sentences.kept`, `dropped`). Where it does not, the numbers of the mail tell it for the
decision tables that every document shares; for any other, what the clause says of the check as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from beleg.directory import COUNTED
from beleg.explain.ladder.model import Candidate, CandidateTable, Cited
from beleg.explain.ladder.words import TEXTS
from beleg.explain.phrases import SHOWN
from beleg.explain.render import Explainer
from beleg.trace import Check, Naming, StepTrace, Trace

ENGINE = "beleg"
"""Who supplied the rules of the engine's own tables."""


def candidates_of(explainer: Explainer, trace: Trace, step: StepTrace, check: Check) -> CandidateTable | None:
    """The candidates of a check of a step; None where it had none."""
    if check.candidates is None:
        return None
    return _Table(explainer, trace, step, check).table(check.candidates.listed, check.candidates.total)


class _Table:
    def __init__(self, explainer: Explainer, trace: Trace, step: StepTrace, check: Check) -> None:
        self._explainer, self._trace, self._step, self._check = explainer, trace, step, check
        self._phrases = explainer.phrases
        self._texts = TEXTS[explainer.language]
        self._type = explainer.type_of(step.step)
        self._namings: dict[str, list[Naming]] = defaultdict(list)
        for naming in check.numbers:
            for record in naming.on:
                self._namings[record].append(naming)

    def table(self, listed: Sequence[str], total: int) -> CandidateTable:
        texts = self._phrases.texts
        if self._type:
            label = self._phrases.count(total, self._type)
        else:
            label = f"{total} {texts['candidate' if total == 1 else 'candidates']}"
        beyond = total - len(listed)
        more = texts["more"].format(count=beyond) if beyond > 0 else ""
        if total > COUNTED:
            more = self._texts["over"].format(count=COUNTED - len(listed))
        return CandidateTable(tuple(map(self._row, listed)), total, label, more)

    def _row(self, record: str) -> Candidate:
        check = self._check
        return Candidate(
            record,
            self._phrases.record(record),
            record in check.kept and check.verdict != "removed",
            self._why(record),
            Cited(check.about, self._phrases.place(check.at), check.at) if check.at else None,
            tuple(Cited(n.number, self._phrases.place(n.at), n.at) for n in self._namings.get(record, ())),
        )

    def _why(self, record: str) -> str:
        check, sentences = self._check, self._explainer.sentences(self._check.clause)
        kept = record in check.kept
        if kept and check.verdict == "removed":
            return self._removed("would_be", check.facts.get("by", ""), check.facts.get("on", ""))
        if own := sentences.kept if kept else sentences.dropped:
            return self._explainer.say(own, check, self._step.step)
        if check.verdict == "conflict":
            return self._led(record)
        if _by_shared_tables(check) and (why := self._by_numbers(record, kept)):
            return why
        if not kept and check.verdict == "assigned":
            for removed in self._trace.removed:
                if removed.record == record:
                    return self._removed("was_removed", removed.by, removed.at)
        return self._explainer.said(check, self._step.step)

    def _removed(self, key: str, by: str, on: str) -> str:
        return self._texts[key].format(by=by, on=self._phrases.moment(on))

    def _led(self, record: str) -> str:
        """Of a conflict: which addresses lead to this record, and that others lead elsewhere."""
        stage = self._check.stage
        by = [c for c in self._step.checks if c.stage == stage and c.at and record in c.kept]
        said = self._listed(f"{check.about} ({self._phrases.place(check.at)})" for check in by)
        others = self._others(record, self._check.candidates.listed if self._check.candidates else ())
        return self._texts["led_by" if said else "led"].format(addresses=said, others=others)

    # --- what the numbers of the mail tell -------------------------------------------------------------------------

    def _by_numbers(self, record: str, kept: bool) -> str:
        mine = self._namings.get(record, [])
        if self._check.at is None:
            return self._two(record, mine)
        alone = [naming for naming in mine if naming.total == 1]
        if kept:
            return self._said("alone", alone) if alone else ""
        if not mine:
            return self._texts["unnamed"]
        if not alone:
            others = [name for naming in mine for name in naming.on]
            return self._said("shared", mine, others=self._others(record, others, max(n.total for n in mine)))
        rivals = [naming for naming in self._check.numbers if naming.total == 1 and record not in naming.on]
        if not rivals:
            return ""
        theirs = self._others(record, [name for naming in rivals for name in naming.on])
        key = "rival" if len(_texts_of(rivals)) == 1 else "rival_many"
        return self._texts[key].format(why=self._said("alone", alone), rivals=self._cited(rivals), others=theirs)

    def _two(self, record: str, mine: Sequence[Naming]) -> str:
        check = self._check
        why = self._texts["two_named" if len(mine) > 1 else "two"].format(numbers=self._cited(mine, places=False))
        if check.candidates is None or check.candidates.total == 1:
            return why
        others = self._others(record, check.candidates.listed, check.candidates.total)
        return self._texts["others_too"].format(why=why, others=others)

    def _said(self, key: str, namings: Sequence[Naming], **more: str) -> str:
        text = self._texts[key if len(_texts_of(namings)) == 1 else f"{key}_many"]
        return text.format(numbers=self._cited(namings), **more)

    def _cited(self, namings: Iterable[Naming], places: bool = True) -> str:
        return self._listed(f"{n.number} ({self._phrases.place(n.at)})" if places else n.number for n in namings)

    def _listed(self, said: Iterable[str]) -> str:
        distinct = list(dict.fromkeys(said))
        return ", ".join([*distinct[:SHOWN], *(["…"] if len(distinct) > SHOWN else [])])

    def _others(self, record: str, names: Iterable[str], total: int = 0) -> str:
        others = [name for name in dict.fromkeys(names) if name != record]
        return self._phrases.names(others, self._type, max(len(others), total - 1))


def _texts_of(namings: Iterable[Naming]) -> Collection[str]:
    return {naming.number for naming in namings}


def _by_shared_tables(check: Check) -> bool:
    """Whether a rule of the tables that all documents share decided, by what the numbers of the mail single out."""
    held = next((rule for rule in check.rules if rule.result == "held"), None)
    return held is not None and held.source == ENGINE and bool("by_reference" in check.counts or check.numbers)
