"""Plugins: what a third party's brings into a decision, and how each thing that is wrong with one is said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from beleg import (
    Check,
    Clause,
    Context,
    DocumentStep,
    FollowUp,
    Link,
    MemoryDirectory,
    Record,
    RecordRef,
    RecordType,
    Rule,
    RuleChange,
    RuleSeen,
    Sentences,
    Step,
    Table,
    Words,
    hookimpl,
)
from beleg.explain import Explainer
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import Installed, PluginError, installed
from beleg.trace import digest
from worlds import contact, order
from writing import RETURN, mail, plugin, publish

HELLO = {"en": Sentences("hello"), "de": Sentences("hallo")}


class Quiet(Step):
    """A step that asks one question and finds nothing."""

    tables: tuple[Table, ...] = ()

    def __init__(self, name: str, priority: int, tables: tuple[Table, ...] = ()) -> None:
        self.name = name
        self.priority = priority
        self.tables = tables

    def clauses(self) -> Sequence[Clause]:
        return [Clause(f"{self.name}.asked", "own", HELLO)]

    def run(self, context: Context) -> Any:
        yield Check("nothing_found", (RuleSeen(f"{self.name}.asked", "held"),))


def decide(
    having: Installed, raw: bytes, *records: Record, own: Sequence[Any] = (), thread: Sequence[Any] = ()
) -> Decision:
    directory = MemoryDirectory(records, having.types)
    return Engine(having).decide(parse(raw), directory, IgnoreList(), thread, own)


def explained(having: Installed, decision: Decision, language: str = "en") -> str:
    explainer = Explainer.of(having, language)
    return explainer.text(decision.trace, digest(decision.trace))


# --- what is wrong, and how it is said


def fault(*extra: tuple[str, Any], **options: Any) -> str:
    with pytest.raises(PluginError) as raised:
        installed(extra=extra, **options)
    return str(raised.value)


def test_a_hook_with_a_wrong_name() -> None:
    @hookimpl
    def beleg_stepps() -> list[Step]:
        return []

    assert fault(("own", SimpleNamespace(beleg_stepps=beleg_stepps))) == (
        "plugin 'own': there is no hook 'beleg_stepps'; did you mean beleg_steps?"
    )


def test_a_hook_with_a_name_that_is_like_no_other() -> None:
    @hookimpl
    def beleg_before_decision() -> None: ...

    assert fault(("own", SimpleNamespace(beleg_before_decision=beleg_before_decision))) == (
        "plugin 'own': there is no hook 'beleg_before_decision'; "
        "the hooks are beleg_record_types, beleg_steps, beleg_rules, beleg_mail_servers, beleg_clauses"
    )


def test_a_hook_that_is_not_marked() -> None:
    def beleg_steps() -> list[Step]:
        return []

    assert fault(("own", SimpleNamespace(beleg_steps=beleg_steps))) == (
        "plugin 'own', hook beleg_steps: the function is not marked, so Beleg would never call it; "
        "put @hookimpl (from beleg import hookimpl) above it"
    )


def test_a_hook_with_a_parameter_that_there_is_not() -> None:
    @hookimpl
    def beleg_steps(settings: object) -> list[Step]:
        return []

    said = fault(("own", SimpleNamespace(beleg_steps=beleg_steps)))
    assert said.startswith("plugin 'own': ")
    assert "settings" in said
    assert said.endswith("see the hook's signature in beleg.hooks")


def test_a_hook_that_fails() -> None:
    @hookimpl
    def beleg_steps() -> list[Step]:
        raise LookupError("no configuration")

    assert fault(("own", SimpleNamespace(beleg_steps=beleg_steps))) == (
        "plugin 'own', hook beleg_steps: it failed with LookupError: no configuration; "
        "repair it, or switch it off with disabled_plugins = ['own']"
    )


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({"steps": ["order"]}, "hook beleg_steps: it returned a str among its items; each must be a Step"),
        ({"types": [1]}, "hook beleg_record_types: it returned a int among its items; each must be a RecordType"),
        ({"rules": [()]}, "hook beleg_rules: it returned a tuple among its items; each must be a RuleChange"),
        ({"clauses": [HELLO]}, "hook beleg_clauses: it returned a dict among its items; each must be a Clause"),
    ],
)  # fmt: skip
def test_a_hook_that_returns_something_else(brought: dict[str, Any], said: str) -> None:
    kind = said.rpartition(" ")[2]
    assert fault(("own", plugin(**brought))) == f"plugin 'own', {said} (from beleg import {kind})"


def test_two_steps_of_one_name() -> None:
    assert fault(("zwei", plugin(steps=[Quiet("order", 201)]))) == (
        "plugins 'order' and 'zwei' both bring a step named 'order'; "
        "rename one of them or switch one off with disabled_plugins"
    )


def test_two_steps_of_one_priority() -> None:
    assert fault(("zwei", plugin(steps=[Quiet("second", 200)]))) == (
        "the steps 'order' (plugin 'order') and 'second' (plugin 'zwei') both have the priority 200; "
        "give one of them another, or switch one off with disabled_plugins"
    )


def test_a_text_where_a_list_of_types_belongs() -> None:
    loose = Quiet("second", 201)
    loose.skipped_by = "order"  # type: ignore[assignment]  # ("order") without its comma
    assert fault(("own", plugin(steps=[loose]))) == (
        "plugin 'own': skipped_by of its step 'second' is the text 'order'; write a tuple of record types, ('order',)"
    )
    with pytest.raises(TypeError, match=r"skipped_by is a list of record types, such as \['order'\], and no text"):
        DocumentStep("return", priority=250, skipped_by="order")


def test_a_follow_up_that_happens_never() -> None:
    with pytest.raises(ValueError, match="a follow-up happens always, first, single; 'frist' is none of these"):
        FollowUp("customer", when="frist")  # type: ignore[arg-type]  # the slip of the pen is the test


def test_two_record_types_of_one_name() -> None:
    twin = RecordType("order", "belege", {"en": Words("a", "b"), "de": Words("a", "b")})
    assert fault(("zwei", plugin(types=[twin]))) == (
        "plugins 'order' and 'zwei' both bring the record type 'order' (belege); rename one of them"
    )


def test_two_record_types_with_one_import_key() -> None:
    twin = RecordType("beleg", "orders", {"en": Words("a", "b"), "de": Words("a", "b")})
    assert fault(("zwei", plugin(types=[twin]))) == (
        "plugins 'order' and 'zwei' both bring the record type 'beleg' (orders); rename one of them"
    )


@pytest.mark.parametrize(("name", "plural"), [("orders", "orderses"), ("rank", "order")])
def test_a_record_type_named_as_others_are(name: str, plural: str) -> None:
    twin = RecordType(name, plural, {"en": Words("a", "b"), "de": Words("a", "b")})
    assert "share a word, and import files name a type by either; rename one of them" in fault(
        ("zwei", plugin(types=[twin]))
    )


@pytest.mark.parametrize(("name", "plural"), [("record", "records"), ("records", "recordses")])
def test_a_record_type_that_is_no_type(name: str, plural: str) -> None:
    anything = RecordType(name, plural, {"en": Words("a", "b"), "de": Words("a", "b")})
    assert "can't be told from the key 'records' of import files" in fault(("zwei", plugin(types=[anything])))


def test_names_of_the_engines_own() -> None:
    assert fault(("zwei", plugin(steps=[Quiet("message", 500)]))) == (
        "plugin 'zwei': its step is named 'message', under which traces show what no step decides; rename it"
    )
    assert "a plugin is named 'beleg'" in fault(("beleg", plugin()))


def test_two_tables_of_one_name() -> None:
    table = Table("contact.address", ("x",), (Rule("none", "otherwise", "nothing"),))
    assert fault(("zwei", plugin(steps=[Quiet("second", 500, (table,))]))) == (
        "plugin 'zwei': its step 'second' brings a table 'contact.address', "
        "a name that another step's table has; rename it"
    )


def crowded(**options: Any) -> RuleChange:
    return RuleChange("document.address", Rule("crowded", "candidates > 2", "ambiguous", **options))


def test_two_rules_of_one_name() -> None:
    one, two = (plugin(rules=[crowded(before="reference")]) for _ in range(2))
    assert fault(("eins", one), ("zwei", two)) == (
        "plugin 'zwei', hook beleg_rules: table document.address: the plugins eins and zwei both claim the rule "
        "'crowded'. Rename the rule in one of them, or switch one of them off."
    )


def test_two_plugins_that_replace_one_rule() -> None:
    rule = Rule("active", "active > 0", "ambiguous", replaces=True)
    one, two = (plugin(rules=[RuleChange("contact.address", rule)]) for _ in range(2))
    assert fault(("eins", one), ("zwei", two)).startswith(
        "plugin 'zwei', hook beleg_rules: table contact.address: the plugins eins and zwei both claim"
    )


def test_a_rule_of_a_name_that_is_taken() -> None:
    rules = plugin(rules=[RuleChange("contact.address", Rule("active", "active > 0", "ambiguous"))])
    said = fault(("own", rules))
    assert said.startswith("plugin 'own', hook beleg_rules: table contact.address, rule 'active' (from own): ")
    assert said.endswith("Give it another name, or say replaces=True.")


def test_a_rule_for_an_unknown_table() -> None:
    rules = plugin(rules=[RuleChange("document.adress", Rule("x", "otherwise", "nothing"))])
    assert fault(("own", rules)) == (
        "plugin 'own', hook beleg_rules: there is no table 'document.adress'; did you mean 'document.address'?"
    )
    rules = plugin(rules=[RuleChange("xyz", Rule("x", "otherwise", "nothing"))])
    assert fault(("own", rules)) == (
        "plugin 'own', hook beleg_rules: there is no table 'xyz'; "
        "the tables are contact.address, document.address, document.two_references, history.message"
    )


def test_a_rule_whose_outcome_no_step_knows() -> None:
    rules = plugin(rules=[RuleChange("document.address", Rule("own", "candidates > 2", "asign:only"))])
    assert fault(("own", rules)) == (
        "plugin 'own', hook beleg_rules: table document.address, rule 'own': there is no outcome 'asign:only'; "
        "did you mean 'assign:only'?"
    )
    rules = plugin(rules=[RuleChange("history.message", Rule("own", "standing > 2", "stop"))])
    assert fault(("own", rules)).endswith("there is no outcome 'stop'; the outcomes are adopt, adopt_removal, next")


def test_one_module_as_two_plugins() -> None:
    one = plugin(types=[RETURN])
    assert fault(("eins", one), ("zwei", one)) == (
        "plugins 'eins' and 'zwei' are one and the same module; remove one of the two entry points"
    )


def test_a_clause_without_german() -> None:
    clause = Clause("own.said", "own", {"en": Sentences("said")})
    assert fault(("own", plugin(clauses=[clause]))) == (
        "plugin 'own': clause 'own.said' has no sentences in de; give it Sentences for each of en and de"
    )


def test_a_clause_that_two_bring() -> None:
    clause = Clause("contact.participants.unique", "7", HELLO)
    assert fault(("own", plugin(clauses=[clause]))) == (
        "clause 'contact.participants.unique' is claimed by plugin 'contact' and by plugin 'own'; "
        "rename one of them (clause ids are unique and never reused)"
    )


def test_two_plugins_of_one_name() -> None:
    assert fault(("order", plugin(steps=[Quiet("x", 1)]))) == ("two plugins are both named 'order'; rename one of them")


def test_a_disabled_plugin_that_is_not_there() -> None:
    assert fault(disabled=["ordr"]) == (
        "the setting disabled_plugins names 'ordr', but no such plugin is installed "
        "(installed: contact, greyhound, history, offer, order, pop3, smtp); correct the name or remove it"
    )


# --- plugins as pip installs them


def test_a_published_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(
        tmp_path,
        monkeypatch,
        "note",
        """
        from beleg import RecordType, Words, hookimpl

        @hookimpl
        def beleg_record_types():
            words = {"en": Words("note", "notes"), "de": Words("Notiz", "Notizen")}
            return [RecordType("note", "notes", words)]
        """,
    )
    found = installed()
    assert found.types["note"].plural == "notes"
    [info] = [each for each in found.plugins if each.name == "note"]
    assert (info.distribution, info.version, info.types) == ("beleg-note", "1.2", ("note",))


@pytest.mark.parametrize("name", ["does_not_import", "is_no_python"])
def test_a_plugin_that_fails_to_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Installed, name: str
) -> None:
    code = "import nothing_of_this_name" if name == "does_not_import" else "def ("
    publish(tmp_path, monkeypatch, name, code)
    said = fault()
    assert said.startswith(f"plugin '{name}' (published_{name}) can't be loaded: ")
    assert said.endswith(f"repair or uninstall it, or switch it off with disabled_plugins = ['{name}'] in beleg.toml")
    # the others' state is untouched: what was loaded before decides on, and with the plugin off all is as before
    raw = mail("Hallo")
    before = decide(installed, raw, contact("K-1", "anna@kunde.example"))
    without = all_but(name)
    assert without.disabled == (name,)
    assert len(without.steps) == 4
    assert Engine(without).ruleset == Engine(installed).ruleset
    assert digest(decide(without, raw, contact("K-1", "anna@kunde.example")).trace) == digest(before.trace)


def all_but(name: str) -> Installed:
    return installed([name])


def test_two_distributions_with_one_plugin_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, monkeypatch, "order", "", distribution="another-order")
    said = fault()
    assert said.startswith("two installed plugins are both named 'order'")
    assert said.endswith("uninstall one of them, or rename its entry point")
    assert "published_order" not in sys.modules


def test_installed_is_no_global() -> None:
    more = installed(extra=[("own", plugin(types=[RETURN]))])
    assert "return" in more.types
    assert "return" not in installed().types


# --- a document type of a third party

RETURNS = plugin(
    types=[RETURN],
    steps=[
        DocumentStep(
            "return",
            priority=250,
            skipped_by=["return"],
            follow_ups=[FollowUp("customer", when="first"), FollowUp("order")],
        )
    ],
)


def a_return(id_: str, *addresses: str, number: str | None = None, of: str | None = None) -> Record:
    links = [Link("customer", RecordRef("contact", "K-1"))] + ([Link("order", RecordRef("order", of))] if of else [])
    return Record(RecordRef("return", id_), number, addresses=addresses, links=tuple(links))


def test_a_return_is_decided_between_order_and_offer() -> None:
    having = installed(extra=[("returns", RETURNS)])
    assert [step.name for step in having.steps] == ["history", "order", "return", "offer", "contact"]
    decision = decide(
        having,
        mail("Retoure RT-1002"),
        contact("K-1", "anna@kunde.example"),
        order("O-1", "laden@other.example"),
        a_return("R-1", number="RT-1001"),
        a_return("R-2", number="RT-1002", of="O-1"),
    )
    assert [(str(each.record), each.origin, each.source) for each in decision.made] == [
        ("return:R-2", "automatic", None),
        ("contact:K-1", "derived", "return:R-2"),
        ("order:O-1", "derived", "return:R-2"),
    ]
    assert decision.trace.held() == [
        "history.nothing",
        "order.participants.none",
        "order.participants.none",
        "order.content.no_address",
        "order.two_references.none",
        "return.participants.reference",
        "return.follow.customer",
        "return.follow.order",
        "offer.skipped",
        "contact.skipped",
    ]


def test_a_returns_sentences_in_both_languages() -> None:
    having = installed(extra=[("returns", RETURNS)])
    records = [contact("K-1", "anna@kunde.example"), a_return("R-1", number="RT-1001"), a_return("R-2")]
    decision = decide(having, mail("zu RT-1001"), *records)
    english, german = explained(having, decision), explained(having, decision, "de")
    assert "Because anna@kunde.example (From) has 2 returns and only R-1 carries RT-1001 (subject)." in english
    assert "3 return      ✓  R-1" in english
    assert (
        "Weil zu anna@kunde.example (Absender) 2 Retouren gehören und nur auf R-1 steht: RT-1001 (Betreff)." in german
    )
    assert "3 Retoure     ✓  R-1" in german
    vague = decide(having, mail("zu einer Retoure"), *records)
    assert "No return: anna@kunde.example (From): 2 returns, and " in explained(having, vague)
    german = explained(having, vague, "de")
    assert "Keine Zuordnung (Retoure): anna@kunde.example (Absender): 2 Retouren, und " in german


def test_a_return_is_no_candidate_without_its_step_but_its_numbers_are_known(installed: Installed) -> None:
    decision = decide(installed, mail("zu RT-1001"), a_return("R-1", "anna@kunde.example", number="RT-1001"))
    assert decision.made == ()
    assert [number.number for number in decision.trace.numbers] == ["RT-1001"]


# --- rules of a third party

CROWDED_CLAUSES = [
    Clause(
        f"{step}.{stage}.crowded",
        "own",
        {"en": Sentences("{records}: too many to trust a number"), "de": Sentences("{records}: zu viele")},
    )
    for step in ("order", "offer")
    for stage in ("participants", "content")
]
THREE_ORDERS = [order(f"O-{n}", "anna@kunde.example", number=f"AB-{1000 + n}") for n in (1, 2, 3)]


def test_a_rule_that_is_added(installed: Installed) -> None:
    having = all_with(plugin(rules=[crowded(before="reference")], clauses=CROWDED_CLAUSES))
    raw = mail("Frage zu AB-1002")
    assert [str(each.record) for each in decide(installed, raw, *THREE_ORDERS).made] == ["order:O-2"]
    decision = decide(having, raw, *THREE_ORDERS)
    assert decision.made == ()
    [check] = [check for check in decision.trace.checks() if check.clause == "order.participants.crowded"]
    assert [(rule.clause.rpartition(".")[2], rule.result, rule.source) for rule in check.rules] == [
        ("none", "not_held", "beleg"),
        ("removed", "not_held", "beleg"),
        ("unique", "not_held", "beleg"),
        ("crowded", "held", "own"),
        ("reference", "not_evaluated", "beleg"),
        ("ambiguous", "not_evaluated", "beleg"),
    ]
    assert check.rules[3].when == "candidates > 2"
    assert "3 orders: too many to trust a number" in explained(having, decision)
    assert "3 Bestellungen: zu viele" in explained(having, decision, "de")
    assert [str(each.record) for each in decide(having, raw, *THREE_ORDERS[:2]).made] == ["order:O-2"]
    [info] = [each for each in having.plugins if each.name == "own"]
    assert info.rules == ("document.address.crowded",)
    assert Engine(having).ruleset != Engine(installed).ruleset


def all_with(brought: Any) -> Installed:
    return installed(extra=[("own", brought)])


def test_a_rule_that_is_replaced(installed: Installed) -> None:
    never = Rule("active", "active > 5", "assign:active", replaces=True)
    having = all_with(plugin(rules=[RuleChange("contact.address", never)]))
    records = [contact("K-1", "anna@kunde.example"), contact("K-2", "anna@kunde.example", status="inactive")]
    assert [str(each.record) for each in decide(installed, mail(), *records).made] == ["contact:K-1"]
    decision = decide(having, mail(), *records)
    assert [str(each.record) for each in decision.made] == ["contact:K-2"]
    check = next(c for c in decision.trace.checks() if c.clause == "contact.participants.inactive")
    assert [(r.when, r.result, r.source) for r in check.rules if r.clause.endswith(".active")] == [
        ("active > 5", "not_held", "own")
    ]


# --- steps that are switched off


def test_a_step_that_is_switched_off_keeps_its_type(installed: Installed) -> None:
    having = without_steps("offer")
    assert [step.name for step in having.steps] == ["history", "order", "contact"]
    assert set(having.types) == set(installed.types)
    assert having.disabled_steps == ("offer",)
    offer = Record(RecordRef("offer", "AN-1"), "AN-2026", addresses=("anna@kunde.example",))
    assert [str(each.record) for each in decide(installed, mail(), offer).made] == ["offer:AN-1"]
    assert decide(having, mail(), offer).made == ()
    assert Engine(having).ruleset != Engine(installed).ruleset


def without_steps(*names: str, extra: Sequence[tuple[str, Any]] = ()) -> Installed:
    return installed(extra=extra, disabled_steps=names)


def test_the_type_stays_for_follow_ups() -> None:
    linked = Record(
        RecordRef("order", "O-1"),
        addresses=("anna@kunde.example",),
        links=(Link("offer", RecordRef("offer", "AN-1")),),
    )
    decision = decide(without_steps("offer"), mail(), linked, Record(RecordRef("offer", "AN-1")))
    assert [str(each.record) for each in decision.made] == ["order:O-1", "offer:AN-1"]


def test_a_plugin_that_is_switched_off_takes_its_type_with_it() -> None:
    having = installed(["offer"])
    assert "offer" not in having.types
    assert [step.name for step in having.steps] == ["history", "order", "contact"]


def test_a_step_that_is_switched_off_makes_room() -> None:
    own = plugin(types=[RETURN], steps=[DocumentStep("return", priority=300)])
    having = without_steps("offer", extra=[("own", own)])
    assert [(step.name, step.priority) for step in having.steps] == [
        ("history", 100), ("order", 200), ("return", 300), ("contact", 400),
    ]  # fmt: skip


def test_rules_for_a_table_that_is_switched_off_rest() -> None:
    rule = Rule("own", "contacts > 3", "ambiguous", before="active")
    having = without_steps("contact", extra=[("own", plugin(rules=[RuleChange("contact.address", rule)]))])
    assert "contact.address" not in having.tables


def test_an_unknown_step_that_is_switched_off() -> None:
    assert fault(disabled_steps=["ordr"]) == (
        "the setting disabled_steps names 'ordr', but there is no such step; did you mean 'order'?"
    )
    assert fault(disabled_steps=["xyz"]) == (
        "the setting disabled_steps names 'xyz', but there is no such step; "
        "the steps are contact, history, offer, order"
    )


# --- rules of one type alone


def with_own_rules(*rules: Rule) -> Any:
    steps = [DocumentStep("return", priority=250, rules=rules)]
    clauses = [Clause(f"return.{stage}.crowded", "own", HELLO) for stage in ("participants", "content")]
    return plugin(types=[RETURN], steps=steps, clauses=clauses)


def test_a_document_type_with_rules_of_its_own(installed: Installed) -> None:
    having = all_with(with_own_rules(Rule("crowded", "candidates > 2", "ambiguous", before="reference")))
    assert [rule.name for rule in having.tables["return.address"].rules] == [
        "none", "removed", "unique", "crowded", "reference", "ambiguous",
    ]  # fmt: skip
    assert having.tables["document.address"] == installed.tables["document.address"]
    assert [table.name for step in having.steps if step.name == "return" for table in step.tables] == [
        "return.address",
        "document.two_references",
    ]
    returns = [a_return(f"R-{n}", "anna@kunde.example", number=f"RT-{n}001") for n in (1, 2, 3)]
    raw = mail("zu RT-2001")
    assert [str(each.record) for each in decide(having, raw, *returns[:2]).made] == ["return:R-2"]
    decision = decide(having, raw, *returns)
    assert decision.made == ()
    assert "return.participants.crowded" in decision.trace.held()
    # another document type goes by the shared table, as before
    assert [str(each.record) for each in decide(having, mail("zu AB-1002"), *THREE_ORDERS).made] == ["order:O-2"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            Rule("crowded", "candidates > 2", "ambigous"),
            "table return.address, rule 'crowded': there is no outcome 'ambigous'; did you mean 'ambiguous'?",
        ),
        (
            Rule("crowded", "candidats > 2", "ambiguous"),
            "table return.address, rule 'crowded' (from return): 'candidats > 2' asks for 'candidats', a fact that the "
            "table does not have; did you mean 'candidates'?",
        ),
    ],
)
def test_a_rule_of_ones_own_that_is_not_right(rule: Rule, said: str) -> None:
    @hookimpl
    def beleg_steps() -> list[Step]:
        return [DocumentStep("return", priority=250, rules=[rule])]

    assert fault(("own", SimpleNamespace(beleg_steps=beleg_steps))) == (
        f"plugin 'own', hook beleg_steps: it failed with RuleError: {said}; "
        "repair it, or switch it off with disabled_plugins = ['own']"
    )


# --- sentences for a rule that was replaced

UNIQUE = Clause("contact.participants.unique", "own", HELLO, replaces=True)


def test_sentences_that_are_replaced() -> None:
    having = all_with(plugin(clauses=[UNIQUE]))
    assert having.clauses[UNIQUE.id].sentences == HELLO
    assert having.clauses[UNIQUE.id].source == "own"
    assert list(having.clauses).count(UNIQUE.id) == 1
    decision = decide(having, mail(), contact("K-1", "anna@kunde.example"))
    assert "✓ unique       hello" in explained(having, decision)


def test_sentences_that_two_replace() -> None:
    one, two = (plugin(clauses=[UNIQUE]) for _ in range(2))
    assert fault(("eins", one), ("zwei", two)) == (
        "clause 'contact.participants.unique' is claimed by plugin 'eins' and by plugin 'zwei'; "
        "both replace its sentences, so switch one of them off with disabled_plugins"
    )


def test_replaced_sentences_rest_where_their_step_is_switched_off() -> None:
    having = without_steps("contact", extra=[("own", plugin(clauses=[UNIQUE]))])
    assert having.clauses[UNIQUE.id].source == "own"
