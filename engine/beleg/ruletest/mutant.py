"""A mutant: the rules, or the world that a scenario describes, with one thing broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from beleg.case import Case
from beleg.plugins import Installed


def same_rules(installed: Installed) -> Installed:
    """Nothing is changed."""
    return installed


def same_case(case: Case) -> Case:
    """Nothing is changed."""
    return case


@dataclass(frozen=True)
class Mutant:
    """One thing broken.

    `id` says what, readable and the same on every run: `document.address/reference: candidates > 1 → candidates > 0`.
    `group` is what it is counted under: a table's name, or a kind of guard. `says` describes it, by language; `before`
    and `after` are the rule as a line of its table (empty for a guard). The two functions make the change, and are
    pure: one in what is installed, one in the case that is decided. What a guard keeps from a step is mutated as a
    case in which there was nothing to keep from it.
    """

    id: str
    group: str
    says: Mapping[str, str]
    before: str = ""
    after: str = ""
    installed: Callable[[Installed], Installed] = same_rules
    case: Callable[[Case], Case] = same_case
