"""The mutants of decision tables: every rule of every table left out, its condition negated, each bound shifted by
one, its outcome exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from beleg.plugins import Installed
from beleg.rulebook import Rule, Table
from beleg.rulebook.table import OTHERWISE, Comparison, Condition
from beleg.ruletest.mutant import Mutant
from beleg.ruletest.scope import Scope

OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def table_mutants(scope: Scope) -> Iterator[Mutant]:
    """Every mutant of every table, in the order of the steps, tables and rules."""
    for table in scope.installed.tables.values():
        for place, rule in enumerate(table.rules):
            if scope.rule(table, rule):
                yield from _left_out(table, place)
                yield from _exchanged(table, place)
                yield from _conditions(table, place)
                yield from _outcomes(table, place)


def _left_out(table: Table, place: int) -> Iterator[Mutant]:
    """Without the rule. Without the last one, which always matches, the one before it takes everything."""
    rules = list(table.rules)
    rule = rules.pop(place)
    if not rules:
        return
    says = {"en": "is left out", "de": "fehlt"}
    if place == len(rules):
        rules[-1] = replace(rules[-1], when=OTHERWISE)
        says = {
            "en": f"is left out, and {rules[-1].name}, the one before it, takes everything",
            "de": f"fehlt, und {rules[-1].name}, die davor, gilt für alles Übrige",
        }
    yield _mutant(table, rule, "left out", says, "", rules)


def _exchanged(table: Table, place: int) -> Iterator[Mutant]:
    """After the next rule instead of before it, where both can hold at once; not after the last, which always does."""
    rules, conditions = list(table.rules), table.conditions()
    if place + 2 >= len(rules) or not _satisfiable((*conditions[place], *conditions[place + 1])):
        return
    rule, after = rules[place : place + 2]
    rules[place : place + 2] = after, rule
    says = {"en": f"is asked after {after.name}", "de": f"wird nach {after.name} gefragt"}
    mutant = _mutant(table, rule, f"exchanged with {after.name}", says, f"{_line(after)} | {_line(rule)}", rules)
    yield replace(mutant, before=f"{_line(rule)} | {_line(after)}")


def _satisfiable(condition: Condition) -> bool:
    """Whether some counts let all the comparisons hold: for each fact, one that is at most one off a bound."""
    by_fact: dict[str, list[Comparison]] = {}
    for comparison in condition:
        by_fact.setdefault(comparison.fact, []).append(comparison)
    return all(
        any(
            all(comparison.holds({fact: count}) for comparison in comparisons)
            for bound in comparisons
            for count in (bound.number - 1, bound.number, bound.number + 1)
            if count >= 0
        )
        for fact, comparisons in by_fact.items()
    )


def _conditions(table: Table, place: int) -> Iterator[Mutant]:
    """Each comparison negated, and with its number one less (never below 0) and one more.

    A table has no 'or', so the negation of a conjunction is taken a comparison at a time: `not (a and b)` holds where
    one of these holds.
    """
    rule, condition = table.rules[place], table.conditions()[place]
    for index, comparison in enumerate(condition):
        changes = [replace(comparison, operator=OPPOSITES[comparison.operator])]
        changes += [
            replace(comparison, number=number)
            for number in (comparison.number - 1, comparison.number + 1)
            if number >= 0
        ]
        for changed in changes:
            when = " and ".join(map(_text, (*condition[:index], changed, *condition[index + 1 :])))
            what = f"{_text(comparison)} → {_text(changed)}"
            says = {"en": f"asks {_text(changed)}", "de": f"fragt {_text(changed)}"}
            yield _changed(table, place, what, says, replace(rule, when=when))


def _outcomes(table: Table, place: int) -> Iterator[Mutant]:
    """The outcome exchanged.

    One that assigns a pick (`assign:only`): for each other pick of the table's rules, and where there is none, for the
    outcome of the last rule that has another. In a table that picks, the outcomes that assign nothing are only the
    trace's words for it, and stay. In a table without picks: for each other outcome.
    """
    rule = table.rules[place]
    others = [other for other in dict.fromkeys(each.then for each in table.rules) if other != rule.then]
    picks = [other for other in others if ":" in other]
    if ":" in rule.then:
        others = picks or others[-1:]
    elif picks:
        others = []
    for other in others:
        says = {"en": f"concludes {other}", "de": f"schließt auf {other}"}
        yield _changed(table, place, f"{rule.then} → {other}", says, replace(rule, then=other))


def _changed(table: Table, place: int, what: str, says: dict[str, str], rule: Rule) -> Mutant:
    rules = list(table.rules)
    rules[place] = rule
    return _mutant(table, table.rules[place], what, says, _line(rule), rules)


def _mutant(table: Table, rule: Rule, what: str, says: dict[str, str], after: str, rules: Sequence[Rule]) -> Mutant:
    source = f" ({rule.source})" if rule.source else ""
    return Mutant(
        f"{table.name}/{rule.name}: {what}",
        table.name,
        {
            "en": f"the rule {rule.name} of the table {table.name}{source} {says['en']}",
            "de": f"die Regel {rule.name} der Tabelle {table.name}{source} {says['de']}",
        },
        _line(rule),
        after,
        installed=_with(replace(table, rules=tuple(rules))),
    )


def _with(table: Table) -> Callable[[Installed], Installed]:
    return lambda installed: replace(installed, tables={**installed.tables, table.name: table})


def _line(rule: Rule) -> str:
    return f"{rule.name}: {rule.when} → {rule.then}"


def _text(comparison: Comparison) -> str:
    return f"{comparison.fact} {comparison.operator} {comparison.number}"
