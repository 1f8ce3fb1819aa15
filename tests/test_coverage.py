"""Which clauses scenarios reach: counted, and of the fixtures all."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from beleg import Clause, DocumentStep, FollowUp, Rule, RuleChange, Sentences, scenario
from beleg.explain.lines import plain
from beleg.plugins import installed as load_plugins
from beleg.ruletest.coverage import Covered, coverage
from beleg.ruletest.report import coverage_lines
from beleg.ruletest.scope import scope
from test_scenarios import installed, outcomes
from writing import RETURN, plugin

WORDS = {"en": Sentences("so it is"), "de": Sentences("so ist es")}


def test_the_fixtures_reach_every_clause() -> None:
    covered = coverage(outcomes(), scope(installed()))
    assert [one.clause for one in covered if not one.scenarios] == []
    assert {one.clause for one in covered} == set(installed().clauses)
    assert plain(coverage_lines(covered, "en")).splitlines()[-1] == f"{len(covered)} of {len(covered)} clauses (100 %)"


def test_a_clause_counts_once_a_scenario() -> None:
    covered = {one.clause: one for one in coverage(outcomes(), scope(installed()))}
    holding = [outcome for outcome in outcomes() if "order.content.none" in outcome.clauses]
    assert any(outcome.clauses.count("order.content.none") > 1 for outcome in holding)
    expected = Covered("order.content.none", "order", "content", len(holding), holding[0].scenario.title)
    assert covered["order.content.none"] == expected


def test_what_was_never_reached() -> None:
    covered = coverage(outcomes()[:1], scope(installed()))
    assert plain(coverage_lines(covered, "de")).startswith(
        "Klauseln, die in einem Szenario galten\n"
        "  message\n"
        "    ✗ message.limit                            nie\n"
        "  history\n"
    )
    held = [one.clause for one in covered if one.scenarios]
    assert set(held) == set(outcomes()[0].clauses)
    percent = len(held) * 100 // len(covered)
    assert plain(coverage_lines(covered, "en")).endswith(f"{len(held)} of {len(covered)} clauses ({percent} %)\n")


def test_order_is_that_of_the_steps_and_their_stages() -> None:
    places = [(one.step, one.stage) for one in coverage([], scope(installed()))]
    assert list(dict.fromkeys(places)) == [
        ("message", ""),
        ("history", ""),
        *((s, t) for s in ("order", "offer") for t in ("", "participants", "content", "two_references", "follow")),
        *(("contact", stage) for stage in ("", "participants", "content")),
    ]


def test_a_clause_that_a_plugin_adds_stands_with_those_of_its_stage() -> None:
    clauses = [Clause(f"contact.{stage}.crowd", "own", WORDS) for stage in ("participants", "content")]
    crowd = RuleChange("contact.address", Rule("crowd", "contacts > 9", "ambiguous"))
    having = load_plugins(extra=[("own", plugin(rules=[crowd], clauses=clauses))])
    places = [(one.step, one.stage) for one in coverage([], scope(having))]
    assert len([place for place, _ in groupby(places)]) == len(set(places))


def test_of_a_plugin_only_what_it_brings(tmp_path: Path) -> None:
    """Its step's clauses, those of the frame about that, and those that it adds to other steps."""
    having = load_plugins(
        extra=[
            (
                "returns",
                plugin(
                    types=[RETURN],
                    steps=[DocumentStep("return", priority=250, follow_ups=[FollowUp("order")])],
                    rules=[RuleChange("contact.address", Rule("crowd", "contacts > 9", "ambiguous"))],
                    clauses=[Clause(f"contact.{stage}.crowd", "own", WORDS) for stage in ("participants", "content")],
                ),
            )
        ]
    )
    path = tmp_path / "own.yaml"
    path.write_text(
        "title: Eine\nerp: {returns: [{id: R-1, addresses: [anna@kunde.example]}]}\n"
        "message: |\n  From: anna@kunde.example\n\n  Hallo\n",
        encoding="utf-8",
    )
    (one,) = scenario.load(path, having)
    covered = coverage([scenario.run(one, having)], scope(having, ["returns"]))
    assert [each.clause for each in covered if each.scenarios] == ["return.participants.unique"]
    names = {each.clause for each in covered}
    assert {"return.skipped", "return.follow.order", "return.two_references.none", "contact.content.crowd"} <= names
    assert {name.partition(".")[0] for name in names} == {"return", "contact"}
    assert len([name for name in names if name.startswith("contact.")]) == 2
