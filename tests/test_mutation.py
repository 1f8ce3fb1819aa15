"""Rules broken on purpose: that the fixtures notice each, and which ones no mail can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beleg import (
    AddressStep,
    Assignment,
    Candidates,
    Check,
    Clause,
    Context,
    DocumentStep,
    FollowUp,
    Look,
    RecordRef,
    Removal,
    Rule,
    RuleChange,
    RuleSeen,
    RuleSettings,
    Sentences,
    Step,
    Table,
    ThreadMessage,
    scenario,
)
from beleg.errors import InputError
from beleg.lookup import Lookup
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.rulebook import Rulebook
from beleg.rulebook.table import OPERATORS, first_that_holds
from beleg.ruletest import equivalent
from beleg.ruletest.mutant import Mutant
from beleg.ruletest.mutation import Mutation, mutants, mutate
from beleg.ruletest.scope import Scope, scope
from beleg.ruletest.tables import table_mutants
from beleg.scenario import Scenario
from beleg.trace import digest
from conftest import FIXTURES
from test_scenarios import installed, outcomes, scenarios
from writing import RETURN, plugin

LIST = FIXTURES / scenario.EQUIVALENT
WORDS = {"en": Sentences("so it is"), "de": Sentences("so ist es")}


@cache
def mutation() -> Mutation:
    """What comes of every mutant on the fixtures."""
    return mutate(scope(installed()), scenarios(), equivalent.read(LIST))


# the fixtures


def test_a_fixture_notices_every_mutant() -> None:
    assert [one.mutant.id for one in mutation().survivors] == []


def test_each_listed_one_survives() -> None:
    assert mutation().wrong == ()
    assert {one.mutant.id for one in mutation().tried if one.killed_by is None} == {
        entry.mutant for entry in equivalent.read(LIST)
    }


def test_there_are_mutants_of_everything() -> None:
    """Of every rule of every table, and of every kind of guard."""
    tried = Counter(one.mutant.group for one in mutation().tried)
    assert set(installed().tables) <= set(tried)
    guards = {
        "steps", "skips", "stages", "addresses", "follow-ups", "removals", "ignored addresses", "what stands before",
        "thread", "settings", "evidence",
    }  # fmt: skip
    assert set(tried) - set(installed().tables) == guards
    ids = {one.mutant.id for one in mutation().tried}
    for table in installed().tables.values():
        assert {f"{table.name}/{rule.name}: left out" for rule in table.rules} <= ids
    for step in installed().steps:
        assert f"{step.name}: left out" in ids


def test_result_is_the_same_on_every_run_and_leaves_no_mark() -> None:
    before = [digest(scenario.run(each, installed()).decision.trace) for each in scenarios()[:20]]
    again = mutate(scope(installed()), scenarios(), equivalent.read(LIST))
    assert [(one.mutant.id, one.killed_by) for one in again.tried] == [
        (one.mutant.id, one.killed_by) for one in mutation().tried
    ]
    assert [digest(scenario.run(each, installed()).decision.trace) for each in scenarios()[:20]] == before
    assert before == [digest(outcome.decision.trace) for outcome in outcomes()[:20]]


# which mutants of tables no mail can tell apart: those that decide alike on all that the procedure can count


Behaviour = list[tuple[Any, ...]]


def test_listed_mutants_of_tables_are_the_equivalent_ones() -> None:
    """On every small count that can come up, a listed one concludes as the table does, and any other does not.

    Documents by address: 0 to 4 candidates; of several, the numbers single out one or none. By two numbers: 0 to 4
    candidates. Contacts: 0 to 3 of each status. Each of these with nothing removed by a person, and with each of the
    records removed that a rule could assign. History: 0 to 2 standing and 0 to 2 removed assignments.
    """
    tables = [one.mutant for one in mutation().tried if one.mutant.group in installed().tables]
    as_it_is = {name: behaviour(name, installed().rulebook) for name in installed().tables}
    alike = {
        mutant.id for mutant in tables if behaviour(mutant.group, changed(mutant).rulebook) == as_it_is[mutant.group]
    }
    listed = {entry.mutant for entry in equivalent.read(LIST)}
    assert alike == {mutant.id for mutant in tables if mutant.id in listed}
    assert alike == listed, "a guard that is listed needs a check of its own here"


def changed(mutant: Mutant) -> Installed:
    return mutant.installed(installed())


def behaviour(table: str, rulebook: Rulebook) -> Behaviour:
    """What comes of everything that can be counted for the table: clause, record, whether a person removed that."""
    if table == "history.message":
        return list(adoptions(rulebook))
    step = next(s for s in installed().steps if table in [own.name for own in s.tables])
    assert isinstance(step, AddressStep)
    found: Behaviour = []
    for look in looks(table):
        removals: list[Mapping[RecordRef, Removal]] = [{}]
        removals += [{record: Removal("lena", "now")} for record in dict.fromkeys(look.picks.values())]
        for removed in removals:
            ruling = step.rule("participants", installed().tables[table], look, context(rulebook, removed))
            found.append((ruling.check.clause, ruling.record, ruling.removed))
    return found


def looks(table: str) -> Iterator[Look]:
    if table == "contact.address":
        for active, inactive, none in product(range(4), repeat=3):
            counted = {"active": active, "inactive": inactive, "none": none}
            picks = {status: RecordRef("contact", status) for status, count in counted.items() if count == 1}
            if active + inactive + none == 1:
                picks["only"] = next(iter(picks.values()))
            counts = {"contacts": active + inactive + none, "active": active, "inactive": inactive}
            yield Look(counts, picks, Candidates((), counts["contacts"]))
        return
    only, named = RecordRef("order", "only"), RecordRef("order", "named")
    for candidates, by_reference in product(range(5), range(2)):
        picks = {"only": only} if candidates == 1 else {}
        if table == "document.two_references":
            yield Look({"candidates": candidates}, picks, Candidates((), candidates))
        elif candidates > 1 or not by_reference:
            picks |= {"referenced": named} if by_reference else {}
            yield Look({"candidates": candidates, "by_reference": by_reference}, picks, Candidates((), candidates))


def context(rulebook: Rulebook, removed: Mapping[RecordRef, Removal], earlier: Sequence[ThreadMessage] = ()) -> Context:
    return Context((), (), earlier, removed, RuleSettings(), rulebook, lambda: Lookup((), {}))


def adoptions(rulebook: Rulebook) -> Iterator[tuple[Any, ...]]:
    (step,) = (step for step in installed().steps if step.name == "history")
    for standing, removed in product(range(3), repeat=2):
        assignments = [Assignment(RecordRef("order", f"S{n}"), "automatic") for n in range(standing)]
        assignments += [
            Assignment(RecordRef("order", f"R{n}"), "automatic", removed=Removal("lena", "now")) for n in range(removed)
        ]
        earlier = ThreadMessage("1", "m1", datetime(2026, 3, 2, tzinfo=UTC), "", tuple(assignments))
        for taken in ({}, {RecordRef("order", "S0"): Removal("lena", "now")}):
            checks = step.run(context(rulebook, taken, [earlier]))
            yield tuple((check.clause, check.assigned, check.verdict in step.ends) for check in checks)


# what the mutants of a table are


def ids(*rules: Rule, facts: Sequence[str] = ("found", "old")) -> list[str]:
    having = load_plugins(extra=[("own", plugin(steps=[Ruled(Table("own.mail", tuple(facts), rules))]))])
    return [
        mutant.id.removeprefix("own.mail/") for mutant in mutants(scope(having, ["own"])) if mutant.group == "own.mail"
    ]


class Ruled(Step):
    """A step with a table of its own: how many letters the subject of the thread's oldest mail has."""

    name = "own"
    priority = 150

    def __init__(self, table: Table) -> None:
        self.tables = (table,)

    def clauses(self) -> Sequence[Clause]:
        return [Clause(f"own.{rule.name}", "own", WORDS) for rule in self.tables[0].rules]

    def run(self, context: Context) -> Iterator[Check]:
        counts = {"found": len(context.participants), "old": len(context.earlier)}
        verdict = context.rulebook.decide(self.tables[0].name, counts)
        seen = [RuleSeen(f"own.{one.rule.name}", one.result, one.rule.when) for one in verdict.evaluations]
        yield Check("next" if verdict.rule.then == "go_on" else "nothing_found", tuple(seen), counts=counts)


def test_mutants_of_a_table() -> None:
    assert ids(
        Rule("none", "found == 0", "go_on"),
        Rule("much", "found > 1 and old <= 2", "stop"),
        Rule("rest", "otherwise", "go_on"),
    ) == [
        "none: left out",
        "none: found == 0 → found != 0",
        "none: found == 0 → found == 1",
        "none: go_on → stop",
        "much: left out",
        "much: found > 1 → found <= 1",
        "much: found > 1 → found > 0",
        "much: found > 1 → found > 2",
        "much: old <= 2 → old > 2",
        "much: old <= 2 → old <= 1",
        "much: old <= 2 → old <= 3",
        "much: stop → go_on",
        "rest: left out",
        "rest: go_on → stop",
    ]


def test_neighbours_that_can_both_hold_are_exchanged() -> None:
    both = ids(Rule("a", "found > 1", "x"), Rule("b", "old > 1", "y"), Rule("rest", "otherwise", "x"))
    assert "a: exchanged with b" in both
    assert "b: exchanged with rest" not in both
    never = ids(Rule("a", "found > 1", "x"), Rule("b", "found < 2", "y"), Rule("rest", "otherwise", "x"))
    assert "a: exchanged with b" not in never


comparisons = st.builds(
    "{} {} {}".format, st.sampled_from(["a", "b"]), st.sampled_from(list(OPERATORS)), st.integers(0, 3)
)
conditions = st.lists(comparisons, min_size=1, max_size=3).map(" and ".join)
COUNTS = [{"a": a, "b": b} for a, b in product(range(7), repeat=2)]


@given(st.lists(conditions, min_size=1, max_size=4))
def test_mutants_of_any_table(whens: list[str]) -> None:
    """Each is a table that can be decided and is another than before; a rule that is left out decides nothing, the
    others what they did; neighbours are exchanged where some counts let both hold, and only there."""
    rules = [Rule(f"r{place}", when, f"assign:p{place}") for place, when in enumerate([*whens, "otherwise"])]
    table = Table("own.mail", ("a", "b"), tuple(rules))
    only = replace(installed(), tables={table.name: table})
    found = {mutant.id: mutant.installed(only).tables["own.mail"] for mutant in table_mutants(Scope(only))}
    assert all(other != table for other in found.values())
    holding = [[all(one.holds(counts) for one in condition) for condition in table.conditions()] for counts in COUNTS]
    for place, rule in enumerate(rules):
        without = found[f"own.mail/{rule.name}: left out"]
        left = [other for other in range(len(rules)) if other != place]
        for counts, held in zip(COUNTS, holding, strict=True):
            winner = without.rules[first_that_holds(without.conditions(), counts)].name
            assert winner == f"r{next((other for other in left if held[other]), left[-1])}"
        if place + 2 < len(rules):
            both = any(held[place] and held[place + 1] for held in holding)
            assert (f"own.mail/r{place}: exchanged with r{place + 1}" in found) == both


def test_a_table_of_one_rule_has_nothing_to_leave_out() -> None:
    assert ids(Rule("rest", "otherwise", "x")) == []


def test_picks_are_exchanged_for_picks_and_a_single_one_for_the_last_outcome() -> None:
    found = {one.mutant.id.partition("/")[2] for one in mutation().tried if one.mutant.group == "contact.address"}
    assert {"unique: assign:only → assign:active", "unique: assign:only → assign:inactive"} <= found
    assert not [id_ for id_ in found if "nothing →" in id_ or "ambiguous →" in id_]
    single = [one.mutant.id for one in mutation().tried if one.mutant.group == "document.two_references"]
    assert [id_ for id_ in single if "assign:" in id_] == ["document.two_references/unique: assign:only → ambiguous"]


def test_a_mutant_shows_its_rule_before_and_after() -> None:
    by_id = {one.mutant.id: one.mutant for one in mutation().tried}
    mutant = by_id["document.address/reference: candidates > 1 → candidates > 2"]
    assert mutant.before == "reference: candidates > 1 and by_reference == 1 → assign:referenced"
    assert mutant.after == "reference: candidates > 2 and by_reference == 1 → assign:referenced"
    assert changed(mutant).tables["document.address"].rules[3].when == "candidates > 2 and by_reference == 1"
    assert by_id["document.address/ambiguous: left out"].says == {
        "en": "the rule ambiguous of the table document.address (beleg) is left out, and reference, the one before "
        "it, takes everything",
        "de": "die Regel ambiguous der Tabelle document.address (beleg) fehlt, und reference, die davor, gilt für "
        "alles Übrige",
    }


# plugins


WORLD = """
title: {title}
erp:
  returns: [{{id: R-1, number: RT-1001, addresses: [anna@kunde.example]}}, {{id: R-2, addresses: [otto@kunde.example]}}]
message: |
  From: {sender}
  Date: Mon, 2 Mar 2026 08:00:00 +0100

  Hallo
expect:
  assigned: {assigned}
  clauses: {clauses}
"""


def suite(having: Installed, folder: Path, *documents: str) -> list[Scenario]:
    path = folder / "own.yaml"
    path.write_text("---".join(documents), encoding="utf-8")
    return list(scenario.load(path, having))


def test_a_plugins_own_table_and_step(tmp_path: Path) -> None:
    """One scenario notices what it sees; what it does not see survives, and nothing of Beleg's own is listed."""
    table = Table("own.mail", ("found", "old"), (Rule("many", "found > 1", "stop"), Rule("rest", "otherwise", "go_on")))
    having = load_plugins(extra=[("own", plugin(types=[RETURN], steps=[Ruled(table)]))])
    one = WORLD.format(title="Eine", sender="anna@kunde.example", assigned="[]", clauses="[own.rest]")
    two = WORLD.format(
        title="Zwei", sender="anna@kunde.example, otto@kunde.example", assigned="[]", clauses="[own.many]"
    )
    first = mutate(scope(having, ["own"]), suite(having, tmp_path, one))
    assert {one.mutant.group for one in first.tried} == {"own.mail", "steps", "removals"}
    assert "own.mail/many: found > 1 → found > 2" in [one.mutant.id for one in first.survivors]
    assert "own.mail/many: found > 1 → found > 0" not in [one.mutant.id for one in first.survivors]
    both = mutate(scope(having, ["own"]), suite(having, tmp_path, one, two))
    assert {one.mutant.id: one.killed_by for one in both.tried}["own.mail/many: left out"] == "Zwei"
    # This step makes nothing of its outcomes, of what was removed, and does not mind its place.
    assert [one.mutant.id for one in both.survivors] == [
        "own.mail/many: stop → go_on",
        "own.mail/rest: go_on → stop",
        "own/removals: forgotten",
        "history and own: exchanged",
        "own and order: exchanged",
    ]


def test_a_document_type_is_mutated_without_the_tables_it_shares() -> None:
    step = DocumentStep("return", priority=250, follow_ups=[FollowUp("order"), FollowUp("customer", when="first")])
    having = load_plugins(extra=[("returns", plugin(types=[RETURN], steps=[step]))])
    found = {mutant.id for mutant in mutants(scope(having, ["returns"]))}
    assert not [id_ for id_ in found if id_.startswith("document.")]
    assert {
        "return: left out",
        "order and return: exchanged",
        "return/skipped by return: left out",
        "return/two_references: left out",
        "return/participants and content: exchanged",
        "return/content: addresses reversed",
        "return/follow.customer: first → always",
        "return/follow: reversed",
    } <= found
    assert not [id_ for id_ in found if id_.startswith(("offer/", "thread", "ignored", "on_conflict"))]


def test_a_rule_for_anothers_table() -> None:
    rules = [
        RuleChange("document.address", Rule("crowd", "candidates > 9", "ambiguous", before="unique")),
        RuleChange("contact.address", Rule("none", "contacts == 0", "ambiguous", replaces=True)),
    ]
    clauses = [Clause(f"{s}.{t}.crowd", "own", WORDS) for s in ("order", "offer") for t in ("participants", "content")]
    having = load_plugins(extra=[("crowded", plugin(rules=rules, clauses=clauses))])
    found = [mutant.id for mutant in mutants(scope(having, ["crowded"]))]
    assert found == [
        "document.address/crowd: left out",
        "document.address/crowd: candidates > 9 → candidates <= 9",
        "document.address/crowd: candidates > 9 → candidates > 8",
        "document.address/crowd: candidates > 9 → candidates > 10",
        "contact.address/none: left out",
        "contact.address/none: exchanged with removed",
        "contact.address/none: contacts == 0 → contacts != 0",
        "contact.address/none: contacts == 0 → contacts == 1",
    ]
    contact_alone = {mutant.id for mutant in mutants(scope(having, ["contact"]))}
    assert "contact.address/unique: left out" in contact_alone
    assert "contact.address/none: left out" not in contact_alone, "the rule is another plugin's"


def test_an_unknown_plugin() -> None:
    with pytest.raises(InputError, match=r"^there is no plugin 'ordr'; did you mean 'order'\?$"):
        scope(installed(), ["order", "ordr"])


def test_a_mutant_under_which_a_decision_fails_is_noticed(tmp_path: Path) -> None:
    class Trusting(Ruled):
        """Counts on its table to keep mails without a participant away."""

        def run(self, context: Context) -> Iterator[Check]:
            for check in super().run(context):
                if check.clause == "own.some":
                    assert context.participants[0]
                yield check

    table = Table(
        "own.mail", ("found", "old"), (Rule("nobody", "found == 0", "go_on"), Rule("some", "otherwise", "go_on"))
    )
    having = load_plugins(extra=[("own", plugin(types=[RETURN], steps=[Trusting(table)]))])
    nobody = WORLD.format(title="Niemand", sender="Undisclosed", assigned="[]", clauses="[]")
    came = mutate(scope(having, ["own"]), suite(having, tmp_path, nobody))
    assert {one.mutant.id: one.killed_by for one in came.tried}["own.mail/nobody: left out"] == "Niemand"


def test_a_rule_that_a_plugin_adds_to_the_history_ends_the_assignment(tmp_path: Path) -> None:
    """It is the outcome that ends it, not the name of the rule."""
    rule = Rule("much", "standing >= 2", "adopt", before="assigned")
    clause = Clause("history.much", "own", WORDS)
    having = load_plugins(extra=[("much", plugin(rules=[RuleChange("history.message", rule)], clauses=[clause]))])
    (text,) = suite(
        having,
        tmp_path,
        """
title: Viel
erp: {contacts: [{id: K-9, addresses: [anna@kunde.example]}]}
mailbox:
  - message: |
      From: anna@kunde.example
      Date: Mon, 2 Mar 2026 08:00:00 +0100
      Message-ID: <1@kunde.example>

      Eins
    assignments: [{record: "order:O-1"}, {record: "contact:K-1"}]
message: |
  From: anna@kunde.example
  Date: Mon, 2 Mar 2026 09:00:00 +0100
  In-Reply-To: <1@kunde.example>

  Zwei
""",
    )
    outcome = scenario.run(text, having)
    assert outcome.clauses == ["history.much"]
    assert outcome.assigned == ["contact:K-1", "order:O-1"]


# the list of equivalent mutants


def listed(tmp_path: Path, text: str) -> list[equivalent.Equivalence]:
    path = tmp_path / "equivalent.yaml"
    path.write_text(text, encoding="utf-8")
    return equivalent.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mutant: x\nreason: y", "line 1: a list of equivalent mutants is a list of {mutant: …, reason: …}"),
        ("- x", "line 1: an equivalent mutant is written {mutant: …, reason: …}"),
        ("- {mutant: x, reason: y}\n- mutant: z\n  reson: y", "line 3: unknown key 'reson'; did you mean 'reason'?"),
        ("- mutant: x\n  reason: ''", "line 2: reason must be a text that is not empty"),
        ("- mutant: x", "line 1: reason must be a text that is not empty"),
        ("- {reason: y}", "line 1: mutant must be a text that is not empty"),
        ("- {mutant: x, reason: [y]}", "line 1: reason must be a text that is not empty"),
        ("- {mutant: x, reason: y}\n- {mutant: x, reason: z}", "line 2: 'x' stands in line 1 already"),
        ("- {mutant: [", "line 2, column 1: this is no valid YAML"),
    ],
)
def test_a_list_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        listed(tmp_path, text)
    assert said in str(raised.value)
    assert str(tmp_path / "equivalent.yaml") in str(raised.value)


def test_an_empty_list(tmp_path: Path) -> None:
    assert listed(tmp_path, "# none\n") == []


def test_entries_that_are_wrong(tmp_path: Path) -> None:
    """Of a mutant that a scenario notices, and of none; one of another plugin's mutants is not looked at."""
    entries = listed(
        tmp_path,
        "- {mutant: 'order: left out', reason: x}\n- {mutant: 'ordr: left out', reason: x}\n"
        "- {mutant: 'contact: left out', reason: x}\n",
    )
    came = mutate(scope(installed(), ["order"]), scenarios(), entries)
    assert [(entry.mutant, title is not None) for entry, title in came.wrong] == [
        ("order: left out", True),
        ("ordr: left out", False),
    ]
    assert not came.good
    assert came.survivors == []


def test_the_list_is_no_scenario() -> None:
    assert LIST.is_file()
    assert LIST not in scenario.find([FIXTURES])
