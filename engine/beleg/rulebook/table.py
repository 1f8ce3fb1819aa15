"""Decision tables: named rules over counts, as a rule owner reads, changes and diffs them.

A table is data. It is checked when it is made, so a table that exists can be decided: every fact is known,
every name is there once, and the last rule always matches. What is wrong is said with the table, the rule,
who supplied it and what to do about it.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

OTHERWISE = "otherwise"
MAX_COUNT = 2**53 - 1
"""The largest integer that every reader of JSON understands alike; durable_rules itself stops at 2**63 - 1,
and then silently."""

Result = Literal["held", "not_held", "not_evaluated"]


class RuleError(ValueError):
    """A table, or a rule that a plugin adds to one, is not right; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table: when its condition holds and none before it does, `then` is the outcome."""

    name: str
    """The last part of the clause id: `unique`, `reference`, ..."""
    when: str
    """`candidates == 1`, `candidates > 1 and by_reference == 1`, or `otherwise`."""
    then: str
    """The outcome, in the vocabulary of the procedure that asks: `assign:only`, `next_address`, `end`."""
    source: str = ""
    """Who supplied it; filled in when a plugin's rules are added."""
    replaces: bool = False
    """Takes the place of the rule of the same name."""
    before: str | None = None
    """The rule that an added rule goes before; without it, before the last one."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rules in order of priority over some counts; the first that holds decides."""

    name: str
    facts: tuple[str, ...]
    rules: tuple[Rule, ...]
    claims: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)
    """(rule, plugin) for each rule that `with_rules` added or replaced."""

    def __post_init__(self) -> None:
        _check_facts(self)
        _check_rules(self)

    def conditions(self) -> tuple[Condition, ...]:
        """The rules' conditions as comparisons, in the table's order."""
        return tuple(_read_condition(self, rule) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`fact operator number`."""

    fact: str
    operator: str
    number: int

    def holds(self, counts: Mapping[str, int]) -> bool:
        return OPERATORS[self.operator](counts[self.fact], self.number)


Condition = tuple[Comparison, ...]
"""Comparisons that must all hold; `otherwise` is the one with none."""

OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of one rule: it held, it did not, or an earlier one had decided."""

    rule: Rule
    result: Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that decided, and every rule of the table in its order."""

    rule: Rule
    evaluations: tuple[Evaluation, ...]


def first_that_holds(conditions: Sequence[Condition], counts: Mapping[str, int]) -> int:
    """The plain reading of a table, which the engine's answers are compared with."""
    return next(
        index for index, condition in enumerate(conditions) if all(comparison.holds(counts) for comparison in condition)
    )


def verdict_of(table: Table, winner: int) -> Verdict:
    """The verdict when the rule at `winner` is the first that holds."""

    def result(index: int) -> Result:
        if index < winner:
            return "not_held"
        return "held" if index == winner else "not_evaluated"

    evaluations = tuple(Evaluation(rule, result(index)) for index, rule in enumerate(table.rules))
    return Verdict(table.rules[winner], evaluations)


def with_rules(table: Table, extra: Sequence[Rule], source: str) -> Table:
    """`table` with the rules of the plugin `source` added, or put in the place of those they replace."""
    rules = list(table.rules)
    claims = dict(table.claims)
    for rule in extra:
        _check_claim(table, rule, source, claims)
        names = [each.name for each in rules]
        supplied = replace(rule, source=source)
        if rule.replaces:
            rules[_place_of_replaced(table, rule, source, names)] = supplied
        else:
            rules.insert(_place_of_added(table, rule, source, rules, names), supplied)
        claims[rule.name] = source
    return replace(table, rules=tuple(rules), claims=tuple(claims.items()))


def check_outcome(table: Table, rule: Rule) -> None:
    """The step that owns a table knows the outcomes that its own rules have, and no others.
    Raises RuleError for another."""
    outcomes = list(dict.fromkeys(each.then for each in table.rules))
    if rule.then not in outcomes:
        near = difflib.get_close_matches(rule.then, outcomes, 1)
        raise RuleError(
            f"table {table.name}, {_described(rule)}: there is no outcome {rule.then!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"the outcomes are {', '.join(outcomes)}")
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'candidates'?` or what there is, to end a message about a name that is unknown."""
    words = list(known)
    close = difflib.get_close_matches(word, words, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there are: {', '.join(words)}." if words else "there are none."


# The rules of a plugin


def _check_claim(table: Table, rule: Rule, source: str, claims: Mapping[str, str]) -> None:
    owner = claims.get(rule.name)
    if owner == source:
        raise RuleError(
            f"table {table.name}: the plugin {source} supplies the rule '{rule.name}' twice. Remove or rename one."
        )
    if owner is not None:
        raise RuleError(
            f"table {table.name}: the plugins {owner} and {source} both claim the rule '{rule.name}'. "
            f"Rename the rule in one of them, or switch one of them off."
        )


def _place_of_replaced(table: Table, rule: Rule, source: str, names: Sequence[str]) -> int:
    if rule.before is not None:
        raise RuleError(
            f"table {table.name}, {_described(rule, source)}: a rule that replaces another stands where that "
            f"one stood. Remove before='{rule.before}'."
        )
    if rule.name not in names:
        raise RuleError(
            f"table {table.name}, {_described(rule, source)}: it replaces a rule that the table does not "
            "have; "
            f"{nearest(rule.name, names)} To add a new rule, leave replaces=True out."
        )
    return names.index(rule.name)


def _place_of_added(table: Table, rule: Rule, source: str, rules: Sequence[Rule], names: Sequence[str]) -> int:
    if rule.name in names:
        owner = rules[names.index(rule.name)].source
        raise RuleError(
            f"table {table.name}, {_described(rule, source)}: the table has a rule of this name"
            f"{f' (from {owner})' if owner else ''}. Give it another name, or say replaces=True."
        )
    if rule.before is None:
        return len(rules) - 1
    if rule.before not in names:
        raise RuleError(
            f"table {table.name}, {_described(rule, source)}: it goes before '{rule.before}', a rule that "
            "the "
            f"table does not have; {nearest(rule.before, names)}"
        )
    return names.index(rule.before)


# A table's own checks

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*(==|!=|<=|>=|<|>)\s*([0-9]+)")
_GRAMMAR = "Write comparisons such as 'candidates > 1', joined by 'and', or 'otherwise'."


def _described(rule: Rule, source: str = "") -> str:
    source = source or rule.source
    return f"rule '{rule.name}' (from {source})" if source else f"rule '{rule.name}'"


def _check_facts(table: Table) -> None:
    for fact in table.facts:
        if not _NAME.fullmatch(fact) or fact in {"and", OTHERWISE}:
            raise RuleError(
                f"table {table.name}: '{fact}' cannot name a fact. Use small letters, digits and '_', "
                f"a letter first, and neither 'and' nor 'otherwise'."
            )
    if twice := _first_repeated(table.facts):
        raise RuleError(f"table {table.name}: the fact '{twice}' is listed twice. Remove one.")


def _check_rules(table: Table) -> None:
    if not table.rules:
        raise RuleError(f"table {table.name}: it has no rules. Add at least one whose condition is 'otherwise'.")
    for rule in table.rules:
        if not _NAME.fullmatch(rule.name):
            raise RuleError(
                f"table {table.name}, {_described(rule)}: the name becomes part of a clause id. "
                f"Use small letters, digits and '_', a letter first."
            )
        if not rule.then.strip():
            raise RuleError(f"table {table.name}, {_described(rule)}: it has no outcome. Say in 'then' what follows.")
    if twice := _first_repeated([rule.name for rule in table.rules]):
        raise RuleError(f"table {table.name}: two rules are named '{twice}'. Rename one.")
    *earlier, last = zip(table.rules, table.conditions(), strict=True)
    for rule, condition in earlier:
        if not condition:
            raise RuleError(
                f"table {table.name}, {_described(rule)}: 'otherwise' always matches, so no rule after it is "
                f"ever asked. Make it the last rule, or give it a condition."
            )
    if last[1]:
        raise RuleError(
            f"table {table.name}, {_described(last[0])}: the last rule must always match, or some counts "
            "would "
            f"have no verdict. Make its condition 'otherwise', or add a rule after it that has it."
        )


def _first_repeated(names: Sequence[str]) -> str | None:
    return next((name for index, name in enumerate(names) if name in names[:index]), None)


def _read_condition(table: Table, rule: Rule) -> Condition:
    if rule.when.strip() == OTHERWISE:
        return ()
    return tuple(_read_comparison(table, rule, part) for part in re.split(r"\band\b", rule.when))


def _read_comparison(table: Table, rule: Rule, part: str) -> Comparison:
    match = _COMPARISON.fullmatch(part.strip())
    if match is None:
        _refuse(table, rule, part.strip())
    fact, sign, number = match[1], match[2], int(match[3])
    if fact not in table.facts:
        raise RuleError(
            f"table {table.name}, {_described(rule)}: '{rule.when}' asks for '{fact}', a fact that the table "
            f"does not have; {nearest(fact, table.facts)}"
        )
    if number > MAX_COUNT:
        raise RuleError(
            f"table {table.name}, {_described(rule)}: {number} in '{rule.when}' is larger than any count "
            "can be. "
            f"Use a number up to {MAX_COUNT}."
        )
    return Comparison(fact, sign, number)


def _refuse(table: Table, rule: Rule, part: str) -> NoReturn:
    remedy = _GRAMMAR
    if re.search(r"\bor\b|\|", part):
        remedy = "There is no 'or': write two rules with the same outcome."
    elif re.search(r"\bnot\b", part):
        remedy = "There is no 'not': turn the comparison round, such as '!=' for '=='."
    elif re.fullmatch(r"\w+\s*=\s*[0-9]+", part):
        remedy = "Write '==' to compare."
    elif re.search(r"-\s*[0-9]", part):
        remedy = "A count is never negative: compare with 0 or more."
    elif OTHERWISE in part:
        remedy = "'otherwise' stands alone."
    elif not part:
        remedy = f"A comparison is missing. {_GRAMMAR}"
    raise RuleError(
        f"table {table.name}, {_described(rule)}: '{part}' in the condition '{rule.when}' cannot be read. {remedy}"
    )
