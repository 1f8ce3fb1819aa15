"""What a replay comes to: how many of each kind, the outcome changes by clause, and how the rule sets differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from beleg.errors import InputError, unknown_key
from beleg.orchestrator.ruleset import Difference, RuleSet, differences
from beleg.replay.change import KINDS, OUTCOMES, Cause, Change, Kind

ANY = "*"


class Allowed(NamedTuple):
    """Outcome changes that are meant: a kind and a step, or `*` for any."""

    kind: str
    step: str

    @classmethod
    def parse(cls, text: str, steps: Iterable[str]) -> Allowed:
        """Read `gained:order`. Raises InputError where there is no such kind or step."""
        kind, colon, step = text.partition(":")
        if not (kind and colon and step):
            raise InputError(f"--allow is KIND:STEP, for example gained:order or lost:*, not {text!r}")
        if kind not in (ANY, *OUTCOMES):
            fault = unknown_key(kind, OUTCOMES, "there is no kind of change")
            raise InputError(f"--allow {text}: {fault}")
        steps = sorted({*steps})
        if step not in (ANY, *steps):
            fault = unknown_key(step, steps, "there is no step")
            raise InputError(f"--allow {text}: {fault}")
        return cls(kind, step)

    def covers(self, change: Change) -> bool:
        """Whether the change is one of these."""
        return self.kind in (ANY, change.kind) and self.step in (ANY, change.step)


@dataclass(frozen=True, slots=True)
class Group:
    """The outcome changes of one kind from one clause to another, by date."""

    kind: Kind
    from_: str
    to: str
    changes: tuple[Change, ...]

    @property
    def causes(self) -> list[tuple[tuple[Cause, ...], int]]:
        """How many there are because of what, the most frequent first."""
        return Counter(change.causes for change in self.changes).most_common()


@dataclass(frozen=True, slots=True)
class OtherRules:
    """A rule set that was compared with, how many of the decisions it made, and in what it differs; None where
    its description is not stored."""

    id: str
    decisions: int
    differences: tuple[Difference, ...] | None


@dataclass(frozen=True, slots=True)
class Report:
    """The whole."""

    counts: Mapping[Kind, int]
    groups: tuple[Group, ...]
    failed: tuple[Change, ...]
    other_clauses: int
    """How many of the explanation-only changes have other clauses, not just other rules beside them or other facts."""
    ruleset: str
    others: tuple[OtherRules, ...]
    covered: int
    """How many of the outcome changes are allowed."""
    two_configurations: bool

    @property
    def total(self) -> int:
        """How many messages were replayed."""
        return sum(self.counts.values())

    @property
    def outcomes(self) -> int:
        """How many outcome changes there are."""
        return sum(self.counts[kind] for kind in OUTCOMES)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 nothing changed, or only what is allowed; 1 something did; 3 a step failed."""
        if self.counts["failed"]:
            return 3
        return int(self.outcomes > self.covered or (strict and self.counts["explanation"] > 0))


def sum_up(
    changes: Sequence[Change],
    ruleset: RuleSet,
    others: Mapping[str, RuleSet],
    allowed: Sequence[Allowed] = (),
    *,
    two_configurations: bool = False,
) -> Report:
    """Sum changes up. `others` are the rule sets of the decisions before that are known, by id."""
    counts = Counter(change.kind for change in changes)
    grouped: dict[tuple[Kind, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind in OUTCOMES:
            grouped[change.kind, change.from_ or "", change.to or ""].append(change)
    groups = [Group(*key, tuple(found)) for key, found in grouped.items()]
    groups.sort(key=lambda group: (-len(group.changes), group.kind, group.from_, group.to))
    made = Counter(change.ruleset_before for change in changes if change.ruleset_before is not None)
    return Report(
        {kind: counts[kind] for kind in KINDS},
        tuple(groups),
        tuple(change for change in changes if change.kind == "failed"),
        sum(1 for each in changes if each.kind == "explanation" and each.from_ != each.to),
        ruleset.id,
        tuple(
            OtherRules(id_, count, tuple(differences(others[id_], ruleset)) if id_ in others else None)
            for id_, count in made.most_common()
            if id_ != ruleset.id
        ),
        sum(1 for group in groups for each in group.changes if any(one.covers(each) for one in allowed)),
        two_configurations,
    )
