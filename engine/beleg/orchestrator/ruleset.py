"""Which rule set made a decision: an id, and the description behind it, so that two rule sets can be told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property

import msgspec

from beleg.directory import Group
from beleg.lookup import Interest
from beleg.message import Limits
from beleg.plugins import Installed
from beleg.step import RuleSettings
from beleg.version import __version__


class PluginSeen(msgspec.Struct, frozen=True):
    """A plugin, with the distribution and version that it came with."""

    name: str
    distribution: str
    version: str


class StepSeen(msgspec.Struct, frozen=True):
    """A step that runs. `groups` are the record groups that it looks up, None for one that looks nothing up."""

    name: str
    priority: int
    type: str | None
    origin: str
    skipped_by: tuple[str, ...]
    follow_ups: tuple[tuple[str, str], ...]
    ends: tuple[str, ...]
    tables: tuple[str, ...]
    groups: tuple[Group, ...] | None
    numbers: bool


class RuleSeen(msgspec.Struct, frozen=True):
    """A rule of a table, in its order."""

    name: str
    when: str
    then: str
    source: str


class TableSeen(msgspec.Struct, frozen=True):
    """A decision table as it is installed, with what plugins changed in it."""

    name: str
    facts: tuple[str, ...]
    rules: tuple[RuleSeen, ...]


class Question(msgspec.Struct, frozen=True):
    """What decides which evidence of a mail is looked up, and among which records."""

    interests: tuple[Interest, ...]
    min_reference_length: int
    limits: Limits


class RuleSet(msgspec.Struct, frozen=True, dict=True):
    """All that decisions depend on beside the mail and the records: plugins with their versions, steps, tables,
    clauses, settings. What is switched off is simply not there. Its JSON is stored once beside the decisions that it
    made, which name it by its id."""

    beleg: str
    plugins: tuple[PluginSeen, ...]
    steps: tuple[StepSeen, ...]
    tables: tuple[TableSeen, ...]
    clauses: tuple[str, ...]
    settings: dict[str, str | int]

    @cached_property
    def encoded(self) -> bytes:
        """The description as canonical JSON."""
        return _ENCODER.encode(self)

    @cached_property
    def id(self) -> str:
        """The beginning of the sha256 of the description."""
        return hashlib.sha256(self.encoded).hexdigest()[:16]

    @cached_property
    def question(self) -> Question:
        """How it asks the ERP."""
        limits = {name: self.settings[name] for name in Limits.__dataclass_fields__}
        return Question(
            tuple(Interest(step.groups, step.numbers) for step in self.steps if step.groups is not None),
            int(self.settings["min_reference_length"]),
            msgspec.convert(limits, Limits),
        )


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(RuleSet)


def decode(data: str | bytes) -> RuleSet:
    """Read a description back. Raises ValueError where it is none, or of another Beleg's form."""
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"this describes no rule set: {error}") from error


def ruleset_of(installed: Installed, settings: RuleSettings) -> RuleSet:
    """The rule set of what is installed, under the settings."""
    return RuleSet(
        __version__,
        tuple(PluginSeen(each.name, each.distribution, each.version) for each in installed.plugins),
        tuple(_steps(installed)),
        tuple(
            TableSeen(name, table.facts, tuple(RuleSeen(r.name, r.when, r.then, r.source) for r in table.rules))
            for name, table in sorted(installed.tables.items())
        ),
        tuple(sorted(installed.clauses)),
        {
            "on_conflict": settings.on_conflict,
            "min_reference_length": settings.min_reference_length,
            **asdict(settings.limits),
        },
    )


def _steps(installed: Installed) -> Iterator[StepSeen]:
    for step in installed.steps:
        interest = step.interest()
        yield StepSeen(
            step.name,
            step.priority,
            step.type,
            step.origin,
            tuple(step.skipped_by),
            tuple((each.role, each.when) for each in step.follow_ups),
            tuple(sorted(step.ends)),
            tuple(table.name for table in step.tables),
            None if interest is None else tuple(interest.groups),
            interest is not None and interest.numbers,
        )


class Difference(msgspec.Struct, frozen=True):
    """One thing in which two rule sets differ: a `setting`, `plugin`, `step`, `table`, `rule`, `clause` or Beleg's own
    `version`; '' stands for 'is not there'."""

    kind: str
    name: str
    before: str
    after: str


def differences(before: RuleSet, after: RuleSet) -> list[Difference]:
    """What differs between two rule sets, settings and plugins first. Of a step or table that only one of them has, the
    parts are not told one by one."""
    kept = [{each.name for each in steps} for steps in (before.steps, after.steps)]
    one_sided = kept[0] ^ kept[1] | {each.name for each in before.tables} ^ {each.name for each in after.tables}
    found = []
    for (kind, one), (_, other) in zip(_parts(before).items(), _parts(after).items(), strict=True):
        for name in dict.fromkeys((*one, *other)):
            was, now = one.get(name, ""), other.get(name, "")
            if was != now and not any(name.startswith(f"{whole}.") for whole in one_sided):
                found.append(Difference(kind, name, was, now))
    return found


def _parts(ruleset: RuleSet) -> dict[str, dict[str, str]]:
    """The rule set as texts, by kind and name. They hold names, conditions and numbers, but no words to translate."""
    steps, rules = {}, {}
    for step in ruleset.steps:
        steps[step.name] = str(step.priority)
        groups = (f"{type_}/{facet}" if facet else type_ for type_, facet in step.groups or ())
        for part, values in {
            "type": [step.type or ""],
            "origin": [step.origin],
            "skipped_by": step.skipped_by,
            "follow_ups": [f"{role} ({when})" for role, when in step.follow_ups],
            "ends": step.ends,
            "tables": step.tables,
            "looks_up": [*groups, *(["numbers"] if step.numbers else [])],
        }.items():
            steps[f"{step.name}.{part}"] = ", ".join(values)
    for table in ruleset.tables:
        for place, rule in enumerate(table.rules, 1):
            rules[f"{table.name}.{rule.name}"] = f"{place}. {rule.when} → {rule.then} ({rule.source})"
    return {
        "version": {"beleg": ruleset.beleg},
        "setting": {name: str(value) for name, value in ruleset.settings.items()},
        "plugin": {each.name: f"{each.distribution} {each.version}".strip() or "-" for each in ruleset.plugins},
        "step": steps,
        "table": {table.name: ", ".join(table.facts) for table in ruleset.tables},
        "rule": rules,
        "clause": dict.fromkeys(ruleset.clauses, "-"),
    }
