"""Decision tables, and durable_rules against two independent readings of them."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from beleg.rulebook import (
    MAX_COUNT,
    Rule,
    Rulebook,
    RulebookError,
    RuleError,
    Table,
    with_rules,
)

DOCUMENT = Table(
    "document.address",
    ("candidates", "by_reference", "removed"),
    (
        Rule("none", "candidates == 0", "next_address"),
        Rule("removed", "removed == 1", "end"),
        Rule("unique", "candidates == 1", "assign:only"),
        Rule("reference", "candidates > 1 and by_reference == 1", "assign:by_reference"),
        Rule("ambiguous", "otherwise", "next_address"),
    ),
)
CONTACT = Table(
    "contact.address",
    ("candidates", "active", "inactive", "removed"),
    (
        Rule("none", "candidates == 0", "next_address"),
        Rule("removed", "removed >= 1", "end"),
        Rule("unique", "candidates == 1", "assign:only"),
        Rule("active", "active == 1", "assign:active"),
        Rule("ambiguous_active", "active > 1", "next_address"),
        Rule("inactive", "inactive == 1 and active == 0", "assign:inactive"),
        Rule("ambiguous_inactive", "otherwise", "next_address"),
    ),
)


def document(candidates: int, by_reference: int, removed: int) -> str:
    if candidates == 0:
        return "none"
    if removed == 1:
        return "removed"
    if candidates == 1:
        return "unique"
    return "reference" if by_reference == 1 else "ambiguous"


def contact(candidates: int, active: int, inactive: int, removed: int) -> str:
    if candidates == 0:
        return "none"
    if removed:
        return "removed"
    if candidates == 1:
        return "unique"
    if active:
        return "active" if active == 1 else "ambiguous_active"
    return "inactive" if inactive == 1 else "ambiguous_inactive"


ORACLES: tuple[tuple[Table, Callable[..., str]], ...] = ((DOCUMENT, document), (CONTACT, contact))


def all_small_counts() -> list[tuple[str, dict[str, int], str]]:
    return [
        (table.name, dict(zip(table.facts, values, strict=True)), oracle(*values))
        for table, oracle in ORACLES
        for values in itertools.product(range(5), repeat=len(table.facts))
    ]


def wrong_answers(book: Rulebook, seed: int = 0) -> list[object]:
    """What `book` decides otherwise than the oracles, asked in an order of its own."""
    questions = all_small_counts()
    random.Random(seed).shuffle(questions)
    return [
        (name, counts, expected)
        for name, counts, expected in questions
        if book.decide(name, counts).rule.name != expected
    ]


def table_of(*rules: Rule, facts: tuple[str, ...] = ("candidates", "by_reference")) -> Table:
    return Table("t", facts, rules)


END = Rule("end", "otherwise", "end")
COUNTS = {"candidates": 2, "by_reference": 1, "removed": 0}


@pytest.fixture
def book() -> Rulebook:
    """Without a cache: every question reaches the engine."""
    return Rulebook([DOCUMENT, CONTACT], cache_size=0)


def cage(book: Rulebook, table: str = DOCUMENT.name) -> Any:
    return book._pages[table]._cage


# Decisions


def test_every_rule_s_result_is_in_the_verdict(book: Rulebook) -> None:
    verdict = book.decide("document.address", {"candidates": 1, "by_reference": 0, "removed": 0})
    assert verdict.rule == DOCUMENT.rules[2]
    assert [(e.rule.name, e.result) for e in verdict.evaluations] == [
        ("none", "not_held"),
        ("removed", "not_held"),
        ("unique", "held"),
        ("reference", "not_evaluated"),
        ("ambiguous", "not_evaluated"),
    ]


def test_engine_and_oracle_agree_on_all_small_counts(book: Rulebook) -> None:
    assert wrong_answers(book) == []


def answers_in_threads(book: Rulebook, count: int) -> list[list[object]]:
    results: list[list[object]] = []
    threads = [
        threading.Thread(target=lambda seed=seed: results.append(wrong_answers(book, seed))) for seed in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_in_four_threads(book: Rulebook) -> None:
    assert answers_in_threads(book, 4) == [[], [], [], []]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("threads_deciding", [0, 3])
def test_across_fork(book: Rulebook, threads_deciding: int) -> None:
    assert wrong_answers(book) == []
    stop = threading.Event()
    wrong: list[object] = []

    def keep_deciding() -> None:
        while not stop.is_set():
            wrong.extend(wrong_answers(book))

    threads = [threading.Thread(target=keep_deciding) for _ in range(threads_deciding)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert exit_code_of_child(lambda: agrees_in_threads(book) and grandchild_agrees(book)) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert wrong_answers(book) == []


def agrees_in_threads(book: Rulebook) -> bool:
    return answers_in_threads(book, 2) == [[], []]


def grandchild_agrees(book: Rulebook) -> bool:
    return exit_code_of_child(lambda: not wrong_answers(book)) == 0


def exit_code_of_child(good: Callable[[], bool]) -> int:
    child = os.fork()
    if child == 0:
        code = 2
        try:
            signal.alarm(10)  # a child that hangs is killed
            code = 0 if good() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_the_answer_that_is_on_its_way(book: Rulebook) -> None:
    answering = threading.Event()

    def slow_action(c: Any) -> None:
        answering.set()
        time.sleep(0.1)
        c.s.verdict = 3
        c.s.nonce = c.m.nonce
        answering.clear()

    for _ in with_action(book, slow_action):
        thread = threading.Thread(target=book.decide, args=(DOCUMENT.name, COUNTS))
        thread.start()
        assert answering.wait(5)
        assert exit_code_of_child(lambda: not answering.is_set()) == 0
        thread.join()


def test_a_child_builds_rulesets_of_its_own(book: Rulebook) -> None:
    book.decide(DOCUMENT.name, COUNTS)
    parents = cage(book)._ruleset

    def child() -> bool:
        return book.decide(DOCUMENT.name, COUNTS).rule.name == "reference" and cage(book)._ruleset != parents

    assert exit_code_of_child(child) == 0


def test_tables_of_every_shape() -> None:
    """A condition is a Python expression too, so Python itself is the oracle."""
    dice = random.Random(4711)
    signs = ["==", "!=", "<", "<=", ">", ">="]
    for _ in range(60):
        facts = tuple(f"f{index}" for index in range(dice.choice([1, 3, 12])))
        rules = [
            Rule(
                f"r{index}",
                " and ".join(
                    f"{dice.choice(facts)} {dice.choice(signs)} {dice.randint(0, 4)}"
                    for _ in range(dice.choice([1, 2, 8]))
                ),
                "x",
            )
            for index in range(dice.choice([0, 1, 12, 40]))
        ]
        book = Rulebook([Table("t", facts, (*rules, END))], cache_size=0)
        for _ in range(40):
            counts = {fact: dice.randint(0, 5) for fact in facts}
            expected = next((rule for rule in rules if eval(rule.when, {}, counts)), END)
            assert book.decide("t", counts).rule == expected


@pytest.mark.parametrize("fact", ["id", "sid", "beleg", "nonce", "verdict", "exception", "m", "s", "all"])
def test_a_fact_may_have_a_name_that_the_engine_knows(fact: str) -> None:
    book = Rulebook([Table("t", (fact,), (Rule("one", f"{fact} == 1", "x"), END))], cache_size=0)
    assert [book.decide("t", {fact: n}).rule.name for n in (0, 1, 1, 2)] == ["end", "one", "one", "end"]


def test_the_largest_counts() -> None:
    table = Table("t", ("n",), (Rule("most", f"n >= {MAX_COUNT}", "x"), END))
    book = Rulebook([table], cache_size=0)
    assert book.decide("t", {"n": MAX_COUNT}).rule.name == "most"
    assert book.decide("t", {"n": MAX_COUNT - 1}).rule.name == "end"


def test_two_rule_books_with_one_table_name(book: Rulebook) -> None:
    other = Rulebook(
        [with_rules(DOCUMENT, [Rule("many", "candidates > 3", "end", before="reference")], "beleg_x")],
        cache_size=0,
    )
    counts = {"candidates": 4, "by_reference": 1, "removed": 0}
    for _ in range(3):
        assert book.decide("document.address", counts).rule.name == "reference"
        assert other.decide("document.address", counts).rule.name == "many"


def test_no_threads_are_started(book: Rulebook) -> None:
    before = threading.active_count()
    book.decide(DOCUMENT.name, COUNTS)
    assert threading.active_count() == before


def test_the_engine_is_imported_with_the_first_decision() -> None:
    program = (
        "import sys; from beleg.rulebook import Rule, Rulebook, Table;"
        "book = Rulebook([Table('t', ('n',), (Rule('end', 'otherwise', 'end'),))]);"
        "assert not any(name.startswith('durable') for name in sys.modules);"
        "book.decide('t', {'n': 0}); assert 'durable_rules_engine' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


# The cache


def test_a_verdict_is_remembered() -> None:
    book = Rulebook([DOCUMENT])
    first = book.decide(DOCUMENT.name, COUNTS)
    cage(book).winner = None  # the engine cannot be asked again
    assert book.decide(DOCUMENT.name, dict(reversed(COUNTS.items()))) is first


def test_the_cache_is_bounded() -> None:
    book = Rulebook([DOCUMENT, CONTACT], cache_size=100)
    largest = 0
    for name, counts, expected in all_small_counts():
        assert book.decide(name, counts).rule.name == expected
        largest = max(largest, len(book._cache))
    assert largest == 100


def test_without_a_cache_nothing_is_remembered(book: Rulebook) -> None:
    book.decide(DOCUMENT.name, COUNTS)
    assert not book._cache


def test_a_count_that_equals_a_remembered_one_is_still_checked() -> None:
    book = Rulebook([DOCUMENT])
    book.decide(DOCUMENT.name, COUNTS)
    for value in (True, 1.0):
        with pytest.raises(RulebookError, match="whole number"):
            book.decide(DOCUMENT.name, {**COUNTS, "by_reference": value})  # type: ignore[dict-item]  # the wrong type is the test


# What may be asked


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            {"candidates": 1, "removed": 0},
            "table document.address: the count 'by_reference' is missing. Count it, if only as 0.",
        ),
        (
            {**COUNTS, "candidate": 1},
            "table document.address: it has no fact 'candidate'; did you mean 'candidates'? Leave it out, "
            "or add "
            "it to the table's facts.",
        ),
        (
            {**COUNTS, "removed": -1},
            "table document.address: 'removed' is -1. A count is never negative.",
        ),
        (
            {**COUNTS, "removed": 2**53},
            "table document.address: 'removed' is 9007199254740992. A count goes up to 9007199254740991.",
        ),
        (
            {**COUNTS, "removed": True},
            "table document.address: 'removed' is a bool. Pass a whole number; for yes and no, 1 and 0.",
        ),
        (
            {**COUNTS, "removed": "\ud800"},
            "table document.address: 'removed' is a str. Pass a whole number; for yes and no, 1 and 0.",
        ),
        (
            {**COUNTS, "removed": ["unhashable"]},
            "table document.address: 'removed' is a list. Pass a whole number; for yes and no, 1 and 0.",
        ),
    ],
)
def test_counts_that_cannot_be(book: Rulebook, counts: dict[str, Any], message: str) -> None:
    with pytest.raises(RulebookError) as error:
        book.decide(DOCUMENT.name, counts)
    assert str(error.value) == message
    assert cage(book)._host is None  # the engine was not asked


def test_a_table_that_is_not_there(book: Rulebook) -> None:
    with pytest.raises(RulebookError) as error:
        book.decide("document.adress", COUNTS)
    assert str(error.value) == ("the rule book has no table 'document.adress'; did you mean 'document.address'?")


def test_two_tables_of_one_name() -> None:
    with pytest.raises(RuleError, match=r"^two tables are named contact.address. Rename one"):
        Rulebook([CONTACT, DOCUMENT, CONTACT])


def test_the_tables_can_be_read(book: Rulebook) -> None:
    assert dict(book.tables) == {"document.address": DOCUMENT, "contact.address": CONTACT}


# When the engine fails


def delete_ruleset(book: Rulebook) -> None:
    import durable_rules_engine

    durable_rules_engine.delete_ruleset(cage(book)._host.get_ruleset(cage(book)._ruleset)._handle)


def action_raises(c: Any) -> None:
    raise ZeroDivisionError("in the action")


def action_answers_an_old_question(c: Any) -> None:
    c.s.verdict = 3
    c.s.nonce = c.m.nonce - 1


def action_answers_out_of_range(c: Any) -> None:
    c.s.verdict = 99
    c.s.nonce = c.m.nonce


def action_answers_wrongly(c: Any) -> None:
    c.s.verdict = 2
    c.s.nonce = c.m.nonce


def with_action(book: Rulebook, action: Callable[[Any], None]) -> Iterator[None]:
    """Lets the rule `reference` run `action` for as long as the generator lives."""
    rule = cage(book)._definition["rule3"]
    run, rule["run"] = rule["run"], action
    cage(book).discard()
    yield
    rule["run"] = run


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (action_raises, "could not decide candidates=2, by_reference=1, removed=0 (a rule's action failed: "),
        (action_answers_an_old_question, "(the answer belongs to another question)"),
        (action_answers_out_of_range, "(the answer 99 is no rule of the table)"),
        (
            action_answers_wrongly,
            "for candidates=2, by_reference=1, removed=0 the rule engine chose 'unique', but read line by "
            "line "
            "the table says 'reference'. Nothing was decided: report this with the table.",
        ),
    ],
)
def test_an_action_that_fails(book: Rulebook, action: Callable[[Any], None], message: str) -> None:
    for _ in with_action(book, action):
        with pytest.raises(RulebookError) as error:
            book.decide(DOCUMENT.name, COUNTS)
        assert message in str(error.value)
        assert str(error.value).startswith("table document.address: ")
        assert cage(book)._host is None  # thrown away
    assert wrong_answers(book) == []


def test_a_ruleset_that_is_gone(book: Rulebook) -> None:
    book.decide(DOCUMENT.name, COUNTS)
    delete_ruleset(book)
    with pytest.raises(RulebookError) as error:
        book.decide(DOCUMENT.name, COUNTS)
    assert str(error.value) == (
        "table document.address: the rule engine could not decide candidates=2, by_reference=1, removed=0 "
        "(error: Could not assert event, error code: 111). Its rules are loaded anew for the next decision: "
        "try again, and report this if it returns."
    )
    assert wrong_answers(book) == []


def test_an_event_that_is_left_behind_answers_nothing(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Python 3.12 with warnings as errors: it fails after taking the event, before running a rule."""
    import durable.engine

    book.decide(DOCUMENT.name, COUNTS)
    with monkeypatch.context() as patch:
        patch.setattr(durable.engine, "_unix_now", lambda: action_raises(None))
        with pytest.raises(RulebookError, match="ZeroDivisionError: in the action"):
            book.decide(DOCUMENT.name, COUNTS)
    assert wrong_answers(book) == []


def test_no_rule_answers(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    book.decide(DOCUMENT.name, COUNTS)
    with monkeypatch.context() as patch:
        patch.setattr(cage(book)._host, "post", lambda name, event: None)
        with pytest.raises(RulebookError, match=r"\(no rule answered\)"):
            book.decide(DOCUMENT.name, COUNTS)
    assert wrong_answers(book) == []


def test_an_event_that_no_rule_takes(book: Rulebook) -> None:
    del cage(book)._definition["rule4"]
    with pytest.raises(RulebookError, match="MessageNotHandledException: Could not handle message"):
        book.decide(DOCUMENT.name, {"candidates": 2, "by_reference": 0, "removed": 0})


def test_an_interruption_stays_one(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    import durable.engine

    def interrupt() -> float:
        raise KeyboardInterrupt

    book.decide(DOCUMENT.name, COUNTS)
    with monkeypatch.context() as patch:
        patch.setattr(durable.engine, "_unix_now", interrupt)
        with pytest.raises(KeyboardInterrupt):
            book.decide(DOCUMENT.name, COUNTS)
    assert wrong_answers(book) == []


def test_a_fault_is_not_remembered() -> None:
    book = Rulebook([DOCUMENT])
    for _ in with_action(book, action_raises):
        with pytest.raises(RulebookError):
            book.decide(DOCUMENT.name, COUNTS)
    assert book.decide(DOCUMENT.name, COUNTS).rule.name == "reference"


# Tables


@pytest.mark.parametrize(
    ("when", "remedy"),
    [
        ("candidates = 1", "Write '==' to compare."),
        ("candidates == 1 or by_reference == 1", "There is no 'or': write two rules with the same outcome."),
        ("not candidates == 1", "There is no 'not': turn the comparison round, such as '!=' for '=='."),
        ("candidates > -1", "A count is never negative: compare with 0 or more."),
        ("candidates", "Write comparisons such as 'candidates > 1', joined by 'and', or 'otherwise'."),
        ("1 < candidates", "Write comparisons such as 'candidates > 1', joined by 'and', or 'otherwise'."),
        ("candidates == by_reference", "Write comparisons such as "),
        ("candidates == 1.5", "Write comparisons such as "),
        ("candidates == ١", "Write comparisons such as "),
        ("(candidates == 1)", "Write comparisons such as "),
        ("__import__('os')", "Write comparisons such as "),
        ("", "A comparison is missing. Write comparisons such as "),
        ("candidates == 1 and", "A comparison is missing. Write comparisons such as "),
        ("candidates == 1 and otherwise", "'otherwise' stands alone."),
    ],
)
def test_a_condition_that_cannot_be_read(when: str, remedy: str) -> None:
    with pytest.raises(RuleError) as error:
        table_of(Rule("unique", when, "x"), END)
    text = str(error.value)
    assert text.startswith("table t, rule 'unique': '")
    assert f"in the condition '{when}' cannot be read. {remedy}" in text


def test_a_condition_s_spaces_do_not_matter() -> None:
    table = table_of(Rule("a", " candidates>1  and\nby_reference==1 ", "x"), Rule("b", " otherwise ", "x"))
    book = Rulebook([table], cache_size=0)
    assert book.decide("t", {"candidates": 2, "by_reference": 1}).rule.name == "a"
    assert book.decide("t", {"candidates": 1, "by_reference": 1}).rule.name == "b"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            (Rule("a", "candidate == 1", "x"), END),
            "table t, rule 'a': 'candidate == 1' asks for 'candidate', a fact that the table does not have; "
            "did you mean 'candidates'?",
        ),
        (
            (Rule("a", "zzz == 1", "x", source="beleg_x"), END),
            "table t, rule 'a' (from beleg_x): 'zzz == 1' asks for 'zzz', a fact that the table does not "
            "have; "
            "there are: candidates, by_reference.",
        ),
        (
            (Rule("a", "candidates == 9007199254740992", "x"), END),
            "table t, rule 'a': 9007199254740992 in 'candidates == 9007199254740992' is larger than any "
            "count can "
            "be. Use a number up to 9007199254740991.",
        ),
        (
            (Rule("a", "candidates == 1", "x"),),
            "table t, rule 'a': the last rule must always match, or some counts would have no verdict. "
            "Make its "
            "condition 'otherwise', or add a rule after it that has it.",
        ),
        (
            (END, Rule("a", "candidates == 1", "x"), Rule("b", "otherwise", "x")),
            "table t, rule 'end': 'otherwise' always matches, so no rule after it is ever asked. Make it "
            "the last "
            "rule, or give it a condition.",
        ),
        (
            (Rule("a", "candidates == 1", "x"), Rule("a", "candidates == 2", "x"), END),
            "table t: two rules are named 'a'. Rename one.",
        ),
        (
            (),
            "table t: it has no rules. Add at least one whose condition is 'otherwise'.",
        ),
        (
            (Rule("a.b", "candidates == 1", "x"), END),
            "table t, rule 'a.b': the name becomes part of a clause id. Use small letters, digits and '_', a "
            "letter first.",
        ),
        (
            (Rule("a", "candidates == 1", " "), END),
            "table t, rule 'a': it has no outcome. Say in 'then' what follows.",
        ),
    ],
)
def test_a_table_that_is_not_right(rules: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(RuleError) as error:
        table_of(*rules)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (("a", "b", "a"), "table t: the fact 'a' is listed twice. Remove one."),
        (
            ("by reference",),
            "table t: 'by reference' cannot name a fact. Use small letters, digits and '_', a letter "
            "first, and "
            "neither 'and' nor 'otherwise'.",
        ),
        (
            ("otherwise",),
            "table t: 'otherwise' cannot name a fact. Use small letters, digits and '_', a letter first, and "
            "neither 'and' nor 'otherwise'.",
        ),
    ],
)
def test_facts_that_are_not_right(facts: tuple[str, ...], message: str) -> None:
    with pytest.raises(RuleError) as error:
        table_of(END, facts=facts)
    assert str(error.value) == message


def test_a_table_without_facts_has_one_verdict() -> None:
    assert Rulebook([table_of(END, facts=())]).decide("t", {}).rule == END


# The rules of plugins


def names(table: Table) -> list[str]:
    return [rule.name for rule in table.rules]


def test_a_rule_is_added_before_the_last() -> None:
    table = with_rules(
        DOCUMENT, [Rule("few", "candidates == 2", "end"), Rule("some", "candidates == 3", "end")], "beleg_x"
    )
    assert names(table) == ["none", "removed", "unique", "reference", "few", "some", "ambiguous"]
    assert [rule.source for rule in table.rules] == ["", "", "", "", "beleg_x", "beleg_x", ""]
    assert names(DOCUMENT) == ["none", "removed", "unique", "reference", "ambiguous"]


def test_a_rule_is_added_before_the_one_it_names() -> None:
    first = with_rules(DOCUMENT, [Rule("few", "candidates == 2", "end", before="reference")], "beleg_x")
    second = with_rules(first, [Rule("some", "candidates == 3", "end", before="few")], "beleg_y")
    assert names(second) == ["none", "removed", "unique", "some", "few", "reference", "ambiguous"]


def test_a_rule_takes_the_place_of_another() -> None:
    rule = Rule("unique", "candidates == 1 and by_reference == 1", "assign:only", replaces=True)
    last = Rule("ambiguous", "otherwise", "end", replaces=True)
    table = with_rules(DOCUMENT, [rule, last], "beleg_strict")
    assert names(table) == names(DOCUMENT)
    assert (table.rules[2].when, table.rules[2].source) == (rule.when, "beleg_strict")
    counts = {"candidates": 1, "by_reference": 0, "removed": 0}
    verdict = Rulebook([table]).decide(table.name, counts)
    assert (verdict.rule.then, verdict.rule.source) == ("end", "beleg_strict")


def test_no_rules_added_leave_the_table_as_it_is() -> None:
    assert with_rules(DOCUMENT, [], "beleg_x") == DOCUMENT


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            Rule("uniqe", "candidates == 1", "x", replaces=True),
            "table document.address, rule 'uniqe' (from beleg_x): it replaces a rule that the table does "
            "not have; "
            "did you mean 'unique'? To add a new rule, leave replaces=True out.",
        ),
        (
            Rule("unique", "candidates == 1", "x"),
            "table document.address, rule 'unique' (from beleg_x): the table has a rule of this name. Give "
            "it "
            "another name, or say replaces=True.",
        ),
        (
            Rule("mine", "candidates == 1", "x", before="removd"),
            "table document.address, rule 'mine' (from beleg_x): it goes before 'removd', a rule that the "
            "table "
            "does not have; did you mean 'removed'?",
        ),
        (
            Rule("unique", "candidates == 1", "x", replaces=True, before="none"),
            "table document.address, rule 'unique' (from beleg_x): a rule that replaces another stands "
            "where that "
            "one stood. Remove before='none'.",
        ),
        (
            Rule("mine", "candidats == 1", "x"),
            "table document.address, rule 'mine' (from beleg_x): 'candidats == 1' asks for 'candidats', a "
            "fact "
            "that the table does not have; did you mean 'candidates'?",
        ),
        (
            Rule("mine", "otherwise", "x"),
            "table document.address, rule 'mine' (from beleg_x): 'otherwise' always matches, so no rule "
            "after it "
            "is ever asked. Make it the last rule, or give it a condition.",
        ),
        (
            Rule("ambiguous", "candidates > 1", "x", replaces=True),
            "table document.address, rule 'ambiguous' (from beleg_x): the last rule must always match, or "
            "some "
            "counts would have no verdict. Make its condition 'otherwise', or add a rule after it that has "
            "it.",
        ),
    ],
)
def test_a_plugin_s_rule_that_is_not_right(rule: Rule, message: str) -> None:
    with pytest.raises(RuleError) as error:
        with_rules(DOCUMENT, [rule], "beleg_x")
    assert str(error.value) == message


@pytest.mark.parametrize("first_replaces", [True, False])
@pytest.mark.parametrize("second_replaces", [True, False])
def test_two_plugins_claim_one_rule(first_replaces: bool, second_replaces: bool) -> None:
    name = "unique" if first_replaces else "mine"
    first = with_rules(DOCUMENT, [Rule(name, "candidates == 1", "x", replaces=first_replaces)], "beleg_x")
    with pytest.raises(RuleError) as error:
        with_rules(first, [Rule(name, "candidates == 2", "x", replaces=second_replaces)], "beleg_y")
    assert str(error.value) == (
        f"table document.address: the plugins beleg_x and beleg_y both claim the rule '{name}'. Rename the "
        "rule in "
        f"one of them, or switch one of them off."
    )


def test_a_plugin_supplies_one_rule_twice() -> None:
    rule = Rule("mine", "candidates == 1", "x")
    with pytest.raises(RuleError) as error:
        with_rules(DOCUMENT, [rule, rule], "beleg_x")
    assert str(error.value) == (
        "table document.address: the plugin beleg_x supplies the rule 'mine' twice. Remove or rename one."
    )


def test_whose_rule_has_the_name_already() -> None:
    owned = Table("t", (), (Rule("end", "otherwise", "end", source="beleg_order"),))
    with pytest.raises(RuleError, match=r"the table has a rule of this name \(from beleg_order\)\."):
        with_rules(owned, [Rule("end", "otherwise", "end")], "beleg_x")
