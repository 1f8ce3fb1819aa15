"""What is tested: everything that is installed, or only what some plugins bring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from beleg.clause import Clause
from beleg.document import DocumentStep
from beleg.errors import InputError, unknown_key
from beleg.plugins import Installed
from beleg.rulebook import Rule, Table
from beleg.step import Step

_SHARED = frozenset(table.name for table in DocumentStep.tables)
"""The tables of the procedure that every document type shares: no plugin's own."""


@dataclass(frozen=True)
class Scope:
    """Everything that is installed, or (`plugins` not empty) what these plugins bring: their steps, the tables of
    their own, the rules that they added to other tables or replaced there, and the clauses of all that."""

    installed: Installed
    plugins: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether it is everything."""
        return not self.plugins

    def step(self, step: Step) -> bool:
        """Whether the step is part of it."""
        return self.whole or self._owner(step.name) in self.plugins

    def rule(self, table: Table, rule: Rule) -> bool:
        """Whether the rule of the table is part of it."""
        if self.whole:
            return True
        claimed = dict(table.claims).get(rule.name)
        if claimed in {plugin.name for plugin in self.installed.plugins}:
            return claimed in self.plugins
        owners = {
            self._owner(step.name) for step in self.installed.steps if table.name in {own.name for own in step.tables}
        }
        return table.name not in _SHARED and owners <= self.plugins

    def clause(self, clause: Clause) -> bool:
        """Whether the clause is part of it: of one of the steps, or added to another's."""
        return self.whole or clause.source in self.plugins or self._owner(clause.id.partition(".")[0]) in self.plugins

    def _owner(self, step: str) -> str | None:
        return next((plugin.name for plugin in self.installed.plugins if step in plugin.steps), None)


def scope(installed: Installed, plugins: Iterable[str] = ()) -> Scope:
    """What these plugins bring, or everything where none is named. Raises InputError for one that is not there."""
    names = [plugin.name for plugin in installed.plugins]
    for name in plugins:
        if name not in names:
            raise InputError(unknown_key(name, names, "there is no plugin"))
    return Scope(installed, frozenset(plugins))
