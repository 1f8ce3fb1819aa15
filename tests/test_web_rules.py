"""The rules page: every rule and clause in words, who tests it, and how often it held."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beleg import Clause, Rule, RuleChange, Sentences, demo
from beleg.explain import Explainer
from beleg.explain.rules import RuleReader
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.rulebook import Table
from beleg.rulebook.table import OPERATORS, Comparison
from beleg.store import Database
from conftest import FIXTURES
from serving import Served, serving, site_on
from writing import plugin


@pytest.fixture
def served(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """The lamp shop, with the scenarios of this project."""
    site = site_on(sqlite, installed)
    site.scenarios = FIXTURES
    demo.fill(site.workspace)
    with serving(site) as found:
        yield found


def reader(installed: Installed, language: str = "en") -> RuleReader:
    explainer = Explainer.of(installed, language)
    return RuleReader(installed, explainer.phrases, {each.name: explainer.label(each.name) for each in installed.steps})


def covered(served: Served) -> str:
    """The page once the scenarios were run."""
    client = served.client("Ada")
    for _ in range(600):
        text = client.get("/rules").text
        if "data-job" not in text:
            return text
        time.sleep(0.05)
    raise AssertionError("the scenarios do not end")


def test_every_clause_is_there_once_with_its_scenarios_and_its_times(served: Served, installed: Installed) -> None:
    page = covered(served)
    told = re.findall(r'<div class="says"><code>([\w.]+)</code>', page)
    assert sorted(told) == sorted(installed.clauses)
    assert "in no scenario" not in page  # each clause holds in one of this project's
    block = page[page.index("<code>order.participants.reference</code>") :]
    assert re.search(r"\d+ scenarios", block[: block.index("<code>order.content.reference")])
    assert 'role="img" aria-label="held on ' in page
    assert served.site.workspace.engine.ruleset.id in page


def test_the_chart_counts_what_is_stored(served: Served) -> None:
    page = covered(served)
    block = page[page.index("<code>history.assigned</code>") : page.index("<code>history.removed</code>")]
    stored = sum(1 for each in demo_traces(served) if "history.assigned" in each)
    assert f"held on {stored} mails in 30 days" in block
    assert block.count("<rect") == 1  # all were decided today


def demo_traces(served: Served) -> list[list[str]]:
    workspace = served.site.workspace
    return [workspace.open(row)[0].held() for row in workspace.everything()]


def test_the_page_is_german_and_for_all_who_sign_in(served: Served) -> None:
    covered(served)
    page = unescape(served.client("Carl").get("/rules").text)  # may not use mail, and sees none here
    for said in (
        "mehr als 1 Bestellung und die Nummern der Mail treffen genau 1 davon",
        "candidates > 1 and by_reference == 1",
        "Übersprungen, wenn der Mail zugeordnet ist: Bestellung",
        "Regelwerk",
    ):
        assert said in page
    assert "Neu laufen lassen" not in page
    assert served.client("Carl").post("/rules/coverage").status_code == 403
    assert served.client().get("/rules").status_code == 303


def test_without_scenarios_it_says_so(sqlite: Database, installed: Installed) -> None:
    with serving(site_on(sqlite, installed)) as found:
        assert "no folder of scenarios" in found.client("Bert").get("/rules").text


def test_files_that_are_no_scenarios_are_named(
    sqlite: Database, installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("scenarios")
    (folder / "broken.yaml").write_text("scenario: [")
    site = site_on(sqlite, installed)
    site.scenarios = folder
    with serving(site) as found:
        page = covered(found)
        assert "1 file could not be used" in page
        assert "broken.yaml" in page
        (folder / "broken.yaml").unlink()
        found.client("Ada").post("/rules/coverage")
        assert "could not be used" not in covered(found)


def test_a_plugins_rule_and_what_is_switched_off(sqlite: Database) -> None:
    rule = Rule("many", "candidates >= 5 and removed == 0", "ambiguous", before="ambiguous")
    said = {each: Sentences("{records}, too many") for each in ("en", "de")}
    several = [Clause(f"order.{stage}.many", "5", said) for stage in ("participants", "content")]
    extra = plugin(rules=[RuleChange("document.address", rule)], clauses=several)
    changed = load_plugins(["contact"], extra=[("cautious", extra)], disabled_steps=["offer"])
    with serving(site_on(sqlite, changed)) as found:
        page = unescape(found.client("Bert").get("/rules").text)
    assert "at least 5 orders and no person removed it from this mail" in page
    assert "from cautious" in page
    assert "<code>offer</code> step, switched off in the settings" in page
    assert "<code>contact</code> plugin, switched off in the settings" in page
    assert "contact.participants.unique" not in page


@given(
    comparison=st.builds(
        Comparison, st.sampled_from(["candidates", "my_fact"]), st.sampled_from(sorted(OPERATORS)), st.integers(0, 9)
    ),
    other=st.builds(
        Comparison, st.sampled_from(["candidates", "my_fact"]), st.sampled_from(sorted(OPERATORS)), st.integers(0, 9)
    ),
    language=st.sampled_from(["en", "de"]),
)
def test_conditions_that_read_alike_mean_the_same(
    installed: Installed, comparison: Comparison, other: Comparison, language: str
) -> None:
    """Whatever a plugin compares: the words never say of two conditions that they are one where they are not."""
    table = Table("x.address", ("candidates", "my_fact"), (Rule("all", "otherwise", "nothing"),))
    step = next(each for each in installed.steps if each.name == "order")
    words = [reader(installed, language).condition(table, [each], step) for each in (comparison, other)]
    same = comparison.fact == other.fact and all(
        comparison.holds({comparison.fact: count}) == other.holds({other.fact: count}) for count in range(12)
    )
    if words[0] == words[1]:
        assert same


def test_sentences_have_no_braces_left(installed: Installed) -> None:
    for language in ("en", "de"):
        found = reader(installed, language)
        clauses = [*found.frame()]
        for step in found.steps():
            clauses += [*step.others, *(each for t in step.tables for rule in t.rules for each in rule.clauses)]
        assert len(clauses) == len(installed.clauses)
        for clause in clauses:
            text = "".join(piece.text for piece in clause.sentence)
            assert text.strip(), clause.id
            assert "{" not in text, clause.id
