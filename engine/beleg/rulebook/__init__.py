"""The rule book: decision tables over counts, and what decides by them.

    table = Table("contact.address", ("candidates",), (
        Rule("none", "candidates == 0", "next_address"),
        Rule("unique", "candidates == 1", "assign:only"),
        Rule("ambiguous", "otherwise", "next_address"),
    ))
    Rulebook([table]).decide("contact.address", {"candidates": 1}).rule.then    # "assign:only"

The winner comes from durable_rules (`cage`), what became of the other rules from a plain reading of the same
table (`table`). The two must agree on every decision, or there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NoReturn

from beleg.rulebook.cage import Cage, EngineFault, RulebookError
from beleg.rulebook.table import (
    MAX_COUNT,
    Evaluation,
    Result,
    Rule,
    RuleError,
    Table,
    Verdict,
    check_outcome,
    first_that_holds,
    nearest,
    verdict_of,
    with_rules,
)

__all__ = [
    "MAX_COUNT",
    "Evaluation",
    "Result",
    "Rule",
    "RuleError",
    "Rulebook",
    "RulebookError",
    "Table",
    "Verdict",
    "check_outcome",
    "with_rules",
]


class Rulebook:
    """Decides by its tables. Safe for threads, and in the child of a fork.

    A verdict is a pure function of its counts, so up to `cache_size` of them are remembered (0: none).
    """

    def __init__(self, tables: Iterable[Table], *, cache_size: int = 65_536) -> None:
        self._pages: dict[str, _Page] = {}
        self._cache_size = cache_size
        self._cache: dict[tuple[str, tuple[int, ...]], Verdict] = {}
        for table in tables:
            if table.name in self._pages:
                raise RuleError(f"two tables are named {table.name}. Rename one, or leave one out.")
            self._pages[table.name] = _Page(table)

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables by name, in the order given."""
        return MappingProxyType({name: page.table for name, page in self._pages.items()})

    def decide(self, table_name: str, counts: Mapping[str, int]) -> Verdict:
        """The verdict of a table on `counts`, which names each fact of the table and nothing else."""
        page = self._pages.get(table_name)
        if page is None:
            raise RulebookError(f"the rule book has no table '{table_name}'; {nearest(table_name, self._pages)}")
        values = page.checked(counts)
        key = (table_name, values)
        verdict = self._cache.get(key)
        if verdict is None:
            verdict = page.decide(values)
            if self._cache_size > 0:
                if len(self._cache) >= self._cache_size:
                    self._cache.clear()
                self._cache[key] = verdict
        return verdict


class _Page:
    """One table, read once, with its cage."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._facts = table.facts
        self._conditions = table.conditions()
        self._verdicts = [verdict_of(table, index) for index in range(len(table.rules))]
        self._cage = Cage(self._conditions)

    def checked(self, counts: Mapping[str, int]) -> tuple[int, ...]:
        """The counts in the table's order, once they are known to be what the engine can take."""
        try:
            values = tuple([counts[fact] for fact in self._facts])
        except KeyError:
            self._refuse(counts)
        if len(counts) != len(values):
            self._refuse(counts)
        for value in values:
            if type(value) is not int or not 0 <= value <= MAX_COUNT:
                self._refuse(counts)
        return values

    def decide(self, values: tuple[int, ...]) -> Verdict:
        counts = dict(zip(self._facts, values, strict=True))
        expected = first_that_holds(self._conditions, counts)
        try:
            winner = self._cage.winner(counts)
        except EngineFault as fault:
            raise RulebookError(
                f"table {self.table.name}: the rule engine could not decide {_shown(counts)} ({fault}). "
                f"Its rules are loaded anew for the next decision: try again, and report this if it returns."
            ) from fault
        if winner != expected:
            self._cage.discard()
            rules = self.table.rules
            raise RulebookError(
                f"table {self.table.name}: for {_shown(counts)} the rule engine chose "
                f"'{rules[winner].name}', but read line by line the table says '{rules[expected].name}'. "
                f"Nothing was decided: report this with the table."
            )
        return self._verdicts[winner]

    def _refuse(self, counts: Mapping[str, int]) -> NoReturn:
        where = f"table {self.table.name}: "
        for fact in self._facts:
            if fact not in counts:
                raise RulebookError(f"{where}the count '{fact}' is missing. Count it, if only as 0.")
        for fact in counts:
            if fact not in self._facts:
                raise RulebookError(
                    f"{where}it has no fact '{fact}'; {nearest(str(fact), self._facts)}"
                    f" Leave it out, or add it to the table's facts."
                )
        for fact, value in counts.items():
            if type(value) is not int:
                raise RulebookError(
                    f"{where}'{fact}' is a {type(value).__name__}. Pass a whole number; for yes and no, 1 and 0."
                )
            if value < 0:
                raise RulebookError(f"{where}'{fact}' is {value}. A count is never negative.")
            if value > MAX_COUNT:
                raise RulebookError(f"{where}'{fact}' is {value}. A count goes up to {MAX_COUNT}.")
        raise RulebookError(f"{where}the counts changed while they were read. Pass a dict of your own.")


def _shown(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{fact}={count}" for fact, count in counts.items())
