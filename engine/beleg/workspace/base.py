"""What all parts of the workspace share."""

from __future__ import annotations

from datetime import UTC, datetime

from beleg.ignore import IgnoreList
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.step import RuleSettings
from beleg.store import Database


class Base:
    """One database with the installed plugins and the settings that decisions depend on."""

    def __init__(self, database: Database, installed: Installed, rules: RuleSettings | None = None) -> None:
        self.database = database
        self.installed = installed
        self.rules = rules or RuleSettings()
        self.engine = Engine(installed, self.rules)
        self.step_types = {step.name: step.type for step in installed.steps}
        self._ignored: tuple[tuple[tuple[str, ...], ...], IgnoreList] | None = None
        self._assumed: IgnoreList | None = None
        self._described = False


def now() -> str:
    """The time of a person's act, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
