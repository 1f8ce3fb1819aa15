"""Runs the scenarios under each mutant, and says which mutants none of them notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from beleg.case import Case
from beleg.orchestrator import Engine, StepFailed
from beleg.plugins import Installed
from beleg.ruletest.equivalent import Equivalence
from beleg.ruletest.guards import guard_mutants
from beleg.ruletest.mutant import Mutant
from beleg.ruletest.scope import Scope
from beleg.ruletest.tables import table_mutants
from beleg.scenario import Scenario, case, faults
from beleg.step import RuleSettings


def mutants(scope: Scope) -> list[Mutant]:
    """Every mutant: of the tables, then of the procedure's guards. Each id is there once."""
    found: dict[str, Mutant] = {}
    for mutant in chain(table_mutants(scope), guard_mutants(scope)):
        found.setdefault(mutant.id, mutant)
    return list(found.values())


@dataclass(frozen=True)
class Tried:
    """A mutant, the title of the scenario that noticed it (None: it survived), and its entry in the list of
    equivalent ones."""

    mutant: Mutant
    killed_by: str | None
    equivalence: Equivalence | None = None

    @property
    def survived(self) -> bool:
        """Whether no scenario noticed it and the list does not excuse that."""
        return self.killed_by is None and self.equivalence is None


@dataclass(frozen=True)
class Mutation:
    """What came of all mutants, and the entries of the list that are wrong: of no mutant, or of one that a scenario
    does notice (with its title)."""

    tried: tuple[Tried, ...]
    wrong: tuple[tuple[Equivalence, str | None], ...]

    @property
    def killed(self) -> int:
        """How many a scenario noticed."""
        return sum(one.killed_by is not None for one in self.tried)

    @property
    def equivalent(self) -> int:
        """How many survived that the list excuses."""
        return sum(one.killed_by is None and one.equivalence is not None for one in self.tried)

    @property
    def able(self) -> int:
        """How many a scenario could notice: all that are not equivalent. The score is `killed` of these."""
        return len(self.tried) - self.equivalent

    @property
    def survivors(self) -> list[Tried]:
        """What no scenario noticed and the list does not excuse."""
        return [one for one in self.tried if one.survived]

    @property
    def good(self) -> bool:
        """Whether nothing survived, and the list is right."""
        return not self.survivors and not self.wrong


def mutate(
    scope: Scope,
    scenarios: Sequence[Scenario],
    equivalences: Sequence[Equivalence] = (),
    advance: Callable[[int], None] = lambda count: None,
) -> Mutation:
    """Try each mutant on the scenarios, which must pass as the rules are. `advance` hears of each that is done.

    The mails are parsed once. The scenarios that noticed most mutants are asked first, so most mutants cost a few
    decisions; the result is the same on every run.
    """
    listed = {entry.mutant: entry for entry in equivalences}
    cases = [(scenario, case(scenario, scope.installed)) for scenario in scenarios]
    noticed = [0] * len(cases)
    tried = []
    everything = mutants(scope)
    for mutant in everything:
        notices = _noticing(mutant, scope.installed)
        order = sorted(range(len(cases)), key=lambda place: (-noticed[place], place))
        killer = next((place for place in order if notices(*cases[place])), None)
        if killer is not None:
            noticed[killer] += 1
        title = cases[killer][0].title if killer is not None else None
        tried.append(Tried(mutant, title, listed.get(mutant.id)))
        advance(1)
    return Mutation(tuple(tried), tuple(_wrong(scope, tried, equivalences)))


def _noticing(mutant: Mutant, installed: Installed) -> Callable[[Scenario, Case], bool]:
    """Whether a scenario notices the mutant: something differs from what it expects, or the decision fails."""
    broken = mutant.installed(installed)
    engines: dict[RuleSettings, Engine] = {}

    def notices(scenario: Scenario, as_it_is: Case) -> bool:
        changed = mutant.case(as_it_is)
        engine = engines.get(changed.settings)
        if engine is None:
            engine = engines[changed.settings] = Engine(broken, changed.settings)
        try:
            decision = changed.decide(engine)
        except StepFailed:
            return True
        return any(True for _ in faults(scenario.expect, decision))

    return notices


def _wrong(
    scope: Scope, tried: Sequence[Tried], equivalences: Sequence[Equivalence]
) -> Iterator[tuple[Equivalence, str | None]]:
    killed = {one.mutant.id: one.killed_by for one in tried if one.killed_by is not None}
    known = {mutant.id for mutant in mutants(Scope(scope.installed))}
    for entry in equivalences:
        if entry.mutant not in known or entry.mutant in killed:
            yield entry, killed.get(entry.mutant)
