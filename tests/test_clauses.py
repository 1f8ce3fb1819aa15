"""The clauses are one list: registry, rule book, documentation, code and scenarios all name the same ones."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter

import pytest

from beleg import scenario
from beleg.clause import LANGUAGES, Clause, Sentences
from beleg.explain.phrases import Phrases
from beleg.trace import Check, RuleSeen
from conftest import SHARED
from test_scenarios import installed, outcomes

DOCS = Path(__file__).parents[1] / "docs"
CLAUSES = installed().clauses

each_clause = pytest.mark.parametrize("id_", sorted(CLAUSES))
each_language = pytest.mark.parametrize("language", LANGUAGES)


@cache
def asked() -> tuple[tuple[str, Check, RuleSeen], ...]:
    """Every clause that was asked anywhere in the fixtures, with its step and check."""
    return tuple(
        (step.step, check, rule)
        for outcome in outcomes()
        for step in outcome.decision.trace.steps
        for check in step.checks
        for rule in check.rules
    )


def documented(name: str, mark: str) -> str:
    """The fenced block under a mark in a page of docs/."""
    text = (DOCS / name).read_text(encoding="utf-8")
    found = re.findall(rf"<!-- {mark} -->\n+```\w*\n(.*?)```", text, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


# one list


def test_registry_is_documented() -> None:
    listed = documented("rules.md", "clauses").split()
    assert [id_ for id_, times in Counter(listed).items() if times > 1] == []
    assert set(listed) == set(CLAUSES)


def test_code_writes_registered_clauses_alone() -> None:
    assert {rule.clause for _, _, rule in asked()} == set(CLAUSES)


def test_every_clause_decides_in_a_fixture() -> None:
    held = {rule.clause for _, _, rule in asked() if rule.result == "held"}
    assert sorted(set(CLAUSES) - held) == []


def test_rule_book_names_the_same(shared: Path) -> None:
    text = (shared / "RULES.md").read_text(encoding="utf-8")
    steps = {"order", "offer"}
    stages = {"participants", "content"}
    named = set()
    for id_ in re.findall(r"`((?:<step>|history|order|offer|contact|message)\.[\w<>.]+)`", text):
        for step, stage in product(steps if "<step>" in id_ else {""}, stages if "<stage>" in id_ else {""}):
            named.add(id_.replace("<step>", step).replace("<stage>", stage))
    assert named == set(CLAUSES)


@each_clause
def test_section(id_: str) -> None:
    """The section of the rule book that the clause names has it."""
    path = SHARED / "RULES.md"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    parts = re.split(r"^## (\d+)\. .*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    last = id_.rpartition(".")[2]
    assert re.search(rf"[.`]{last}\b", sections[CLAUSES[id_].section])


# sentences


def sentences(clause: Clause, language: str) -> Sentences:
    return clause.sentences[language]


def parameters(step: str, check: Check, language: str) -> dict[str, str]:
    types = {each.name: each.type or "" for each in installed().steps}
    return Phrases(installed().types, language).parameters(check, types.get(step, ""))


def filled(sentence: str, values: dict[str, str]) -> str:
    """The sentence; a parameter that is unknown raises, one that is empty leaves a gap that shows."""
    text = sentence.format_map(values)
    assert "()" not in text, text
    assert "  " not in text, text
    assert " ," not in text, text
    assert text == text.strip(), text
    return text


@each_language
@each_clause
def test_sentences_of_a_clause_that_held(id_: str, language: str) -> None:
    said = sentences(CLAUSES[id_], language)
    held = [(step, check) for step, check, rule in asked() if rule.clause == id_ and rule.result == "held"]
    assert held
    for step, check in held:
        values = parameters(step, check, language)
        assert filled(said.held, values)
        if check.assigned:
            because = filled(said.because, values)
            assert because.startswith({"en": "because ", "de": "weil "}[language])
            assert because.endswith(".")
        if check.verdict in ("ambiguous", "conflict"):
            hint = filled(said.hint, values)
            assert hint.endswith(".")


@each_language
@each_clause
def test_sentences_of_a_clause_that_did_not_hold(id_: str, language: str) -> None:
    said = sentences(CLAUSES[id_], language)
    for step, check, rule in asked():
        if rule.clause == id_ and rule.result == "not_held" and said.not_held:
            assert filled(said.not_held, parameters(step, check, language))


@each_clause
def test_languages_say_the_same(id_: str) -> None:
    """What one language says the other says too."""
    by_language = [sentences(CLAUSES[id_], language) for language in LANGUAGES]
    for field in ("held", "not_held", "because", "hint"):
        assert len({bool(getattr(said, field)) for said in by_language}) == 1, field


@each_language
@each_clause
def test_parameters_are_named(id_: str, language: str) -> None:
    """`{record}`, never `{}`, `{record.id}` or `{record!r}`: plugin authors write sentences too."""
    said = sentences(CLAUSES[id_], language)
    for text in (said.held, said.not_held, said.because, said.hint):
        for _, name, form, conversion in Formatter().parse(text):
            assert name is None or (name.isidentifier() and not form and conversion is None), text


# what the documentation shows


def test_tables_are_documented() -> None:
    expected = {
        table.name: [(rule.name, rule.when, rule.then) for rule in table.rules] for table in installed().tables.values()
    }
    shown: dict[str, list[tuple[str, ...]]] = {}
    for block in documented("rules.md", "tables").strip().split("\n\n"):
        title, *lines = block.splitlines()
        shown[title] = [tuple(re.split(r"  +(?:→ )?", line.strip())) for line in lines]
    assert shown == expected


def test_example_scenario(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(documented("scenarios.md", "example"), encoding="utf-8")
    (found,) = scenario.load(path, installed())
    assert not scenario.run(found, installed()).faults
