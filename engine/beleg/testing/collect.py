"""Scenario files as pytest sees them: a file holds a test a scenario, by its title."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from beleg import scenario
from beleg.errors import InputError
from beleg.orchestrator import StepFailed
from beleg.plugins import PluginError
from beleg.scenario import Outcome, Scenario
from beleg.testing.scenarios import everything, failure

_TITLES = pytest.StashKey[dict[str, str]]()


class Failed(Exception):
    """A scenario did not come out as it should."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__("; ".join(outcome.faults))


class ScenarioFile(pytest.File):
    """A file of scenarios. What can't be read of it is one failing test."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test a scenario. Raises CollectError where a plugin can't be loaded."""
        try:
            having = everything()
        except PluginError as error:
            raise self.CollectError(str(error)) from None
        titles = self.config.stash.setdefault(_TITLES, {})
        try:
            for each in scenario.load(self.path, having):
                place = f"{each.file}, line {each.line}"
                if (first := titles.setdefault(each.title, place)) != place:
                    raise InputError(f"{place}: the title {each.title!r} stands in {first} already; titles are unique")
                yield ScenarioItem.from_parent(self, name=each.title, scenario=each)
        except InputError as error:
            yield UnreadableItem.from_parent(self, name="unreadable", error=error)


class ScenarioItem(pytest.Item):
    """One scenario."""

    def __init__(self, *, scenario: Scenario, **more: Any) -> None:
        super().__init__(**more)
        self.scenario = scenario

    def runtest(self) -> None:
        """Decide, and compare with what the scenario expects."""
        outcome = scenario.run(self.scenario, everything())
        if outcome.faults:
            raise Failed(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """What was expected, what came out and why; of a step that raised, where."""
        if isinstance(excinfo.value, Failed):
            return failure(excinfo.value.outcome)
        if isinstance(excinfo.value, StepFailed) and excinfo.value.__cause__:
            return f"{excinfo.value}\n\n{''.join(format_exception(excinfo.value.__cause__))}"
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line from 0, and title."""
        return self.path, self.scenario.line - 1, self.scenario.title


class UnreadableItem(pytest.Item):
    """The rest of a file, which can't be read."""

    def __init__(self, *, error: InputError, **more: Any) -> None:
        super().__init__(**more)
        self.error = error

    def runtest(self) -> None:
        """Fails."""
        raise self.error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """The place, the fault and the remedy."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file."""
        where = self.error.where
        return self.path, where.line - 1 if where and where.line else None, f"{self.path.name} can't be read"
