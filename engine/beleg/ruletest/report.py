"""What people read of coverage and mutation, in English and German, and the data of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from beleg.errors import unknown_key
from beleg.explain.lines import Line, line
from beleg.ruletest.coverage import Covered
from beleg.ruletest.equivalent import Equivalence
from beleg.ruletest.mutation import Mutation, Tried

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "coverage": "Clauses that held in a scenario",
        "never": "never",
        "covered": "{some} of {all} clauses ({percent} %)",
        "mutation": "Mutants that a scenario noticed",
        "equivalent": "{count} equivalent",
        "score": "{some} of {all} mutants noticed ({percent} %), {equivalent} equivalent",
        "survived": "SURVIVED",
        "before": "as it is",
        "after": "broken",
        "remedy": "No scenario notices the following. Write one that comes out otherwise then, or, where no mail can, "
        "add the line that stands last to {file}, with the reason:",
        "gone": "(the rule is gone)",
        "wrong": "{where}: a scenario notices the mutant {mutant!r} ({title}); remove the entry",
        "unknown": "{where}: {fault}; correct the entry or remove it",
    },
    "de": {
        "coverage": "Klauseln, die in einem Szenario galten",
        "never": "nie",
        "covered": "{some} von {all} Klauseln ({percent} %)",
        "mutation": "Mutanten, die ein Szenario bemerkte",
        "equivalent": "{count} gleichwertig",
        "score": "{some} von {all} Mutanten bemerkt ({percent} %), {equivalent} gleichwertig",
        "survived": "ÜBERLEBT",
        "before": "wie sie ist",
        "after": "kaputt",
        "remedy": "Das Folgende bemerkt kein Szenario. Schreiben Sie eines, bei dem dann etwas anderes herauskommt, "
        "oder setzen Sie, wo das keine Mail kann, die jeweils letzte Zeile mit dem Grund in {file}:",
        "gone": "(die Regel fehlt)",
        "wrong": "{where}: ein Szenario bemerkt den Mutanten {mutant!r} ({title}); der Eintrag muss weg",
        "unknown": "{where}: {fault}; den Eintrag berichtigen oder entfernen",
    },
}
_GROUPS: dict[str, dict[str, str]] = {
    "en": {},
    "de": {
        "steps": "Schritte",
        "skips": "Überspringen",
        "stages": "Stufen",
        "addresses": "Adressen",
        "follow-ups": "Folgen",
        "removals": "Entfernungen",
        "ignored addresses": "ignorierte Adressen",
        "what stands before": "was vorher steht",
        "thread": "Verlauf",
        "settings": "Einstellungen",
        "evidence": "Belege",
    },
}
"""What the kinds of guards are called; where nothing is said, as in their mutants."""


def coverage_lines(covered: Sequence[Covered], language: str) -> Iterator[Line]:
    """A line a clause, under step and stage, and the total."""
    words = _WORDS[language]
    yield line((words["coverage"], "head"))
    width = max((len(one.clause) for one in covered), default=0)
    above = ("", "")
    for one in covered:
        if (one.step, one.stage) != above:
            above = one.step, one.stage
            yield line("  ", (" ".join(filter(None, above)), "strong"))
        name = one.clause.ljust(width)
        if one.example is None:
            yield line("    ", ("✗", "bad"), f" {name}  ", (words["never"], "bad"))
        else:
            yield line("    ", ("✓", "good"), f" {name}  {one.scenarios:4}  ", (one.example, "dim"))
    some = sum(one.scenarios > 0 for one in covered)
    yield line(words["covered"].format(some=some, all=len(covered), percent=_percent(some, len(covered))))


def coverage_data(one: Covered) -> dict[str, Any]:
    """One clause as JSON shows it."""
    return {
        "clause": one.clause, "step": one.step, "stage": one.stage, "scenarios": one.scenarios, "example": one.example,
    }  # fmt: skip


def mutation_lines(mutation: Mutation, language: str, file: str) -> Iterator[Line]:
    """A line a table and kind of guard, then each survivor with what to do about it (`file` is the list of equivalent
    mutants), then what is wrong with that list, then the score."""
    words = _WORDS[language]
    yield line((words["mutation"], "head"))
    yield from _groups(mutation, language)
    if mutation.survivors:
        yield line()
        yield line(words["remedy"].format(file=file))
    for one in mutation.survivors:
        yield from _survivor(one, language)
    if mutation.survivors:
        yield line()
    for entry, title in mutation.wrong:
        yield line((_wrong(mutation, entry, title, language), "bad"))
    able, percent = mutation.able, _percent(mutation.killed, mutation.able)
    score = words["score"].format(some=mutation.killed, all=able, percent=percent, equivalent=mutation.equivalent)
    yield line((score, "good" if mutation.good else "bad"))


def mutation_data(one: Tried) -> dict[str, Any]:
    """One mutant as JSON shows it."""
    return {
        "mutant": one.mutant.id,
        "where": one.mutant.group,
        "says": dict(one.mutant.says),
        "before": one.mutant.before or None,
        "after": one.mutant.after or None,
        "killed": one.killed_by is not None,
        "by": one.killed_by,
        "equivalent": one.equivalence.reason if one.equivalence else None,
    }


def wrong_data(mutation: Mutation, language: str) -> Iterator[dict[str, Any]]:
    """What is wrong with the list of equivalent mutants, as JSON shows it."""
    for entry, title in mutation.wrong:
        yield {"mutant": entry.mutant, "error": _wrong(mutation, entry, title, language)}


def entry_for(mutant: str) -> str:
    """The entry that lists a mutant as equivalent; the reason is for a person to write."""
    return f'- {{mutant: {json.dumps(mutant, ensure_ascii=False)}, reason: ""}}'


def _groups(mutation: Mutation, language: str) -> Iterator[Line]:
    words = _WORDS[language]
    groups = Counter(one.mutant.group for one in mutation.tried)
    names = {group: _GROUPS[language].get(group, group) for group in groups}
    width = max(map(len, names.values()), default=0)
    for group, count in groups.items():
        ours = [one for one in mutation.tried if one.mutant.group == group]
        killed = sum(one.killed_by is not None for one in ours)
        equivalent = sum(one.killed_by is None and one.equivalence is not None for one in ours)
        style = "bad" if any(one.survived for one in ours) else ""
        note = words["equivalent"].format(count=equivalent) if equivalent else ""
        yield line(f"  {names[group].ljust(width)}  ", (f"{killed:3}/{count}", style), f"  {note}" if note else "")


def _survivor(one: Tried, language: str) -> Iterator[Line]:
    words, mutant = _WORDS[language], one.mutant
    yield line()
    yield line((words["survived"], "bad"), f"  {mutant.id}")
    yield line("  ", mutant.says[language])
    if mutant.before:
        labels = [words["before"], words["after"]]
        width = max(map(len, labels))
        for label, rule in zip(labels, (mutant.before, mutant.after or words["gone"]), strict=True):
            yield line("    ", (label.ljust(width), "dim"), f"  {rule}")
    yield line("  ", entry_for(mutant.id))


def _wrong(mutation: Mutation, entry: Equivalence, title: str | None, language: str) -> str:
    words = _WORDS[language]
    if title is not None:
        return words["wrong"].format(where=entry.where, mutant=entry.mutant, title=title)
    known = [one.mutant.id for one in mutation.tried]
    fault = unknown_key(entry.mutant, known, "there is no mutant").partition("; known here")[0]
    return words["unknown"].format(where=entry.where, fault=fault)


def _percent(some: int, all_: int) -> int:
    """Rounded down, so that 100 is all of them."""
    return some * 100 // all_ if all_ else 100
