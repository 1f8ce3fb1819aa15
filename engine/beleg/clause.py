"""Clauses: the ids of the rule book with the sentences that explain them, in one registry.

A sentence is a `str.format` text with named parameters; `beleg.explain` lists them. Clause ids are never reused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Sentences:
    """What a clause says in one language: when it held, when it did not, (for one that assigns) the one sentence
    under the record that begins with 'because', (for one that assigns nothing) what would have helped, and, where
    the counts and numbers of the check don't tell, why it kept one candidate and dropped another."""

    held: str
    not_held: str = ""
    because: str = ""
    hint: str = ""
    kept: str = ""
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its id (`order.participants.unique`), the section of RULES.md, and its sentences by language.
    `replaces` goes with a rule that replaces another: these sentences instead of those that told of the old rule."""

    id: str
    section: str
    sentences: Mapping[str, Sentences]
    source: str = ""
    replaces: bool = False


class ClauseError(ValueError):
    """A clause is missing a language, or two plugins claim one id."""


def registry(clauses: Iterable[Clause]) -> dict[str, Clause]:
    """Index clauses by id. Raises ClauseError naming the clause, the plugins and the remedy."""
    found: dict[str, Clause] = {}
    for clause in sorted(clauses, key=lambda each: each.replaces):
        missing = [language for language in LANGUAGES if language not in clause.sentences]
        if missing:
            raise ClauseError(
                f"plugin {clause.source!r}: clause {clause.id!r} has no sentences in {', '.join(missing)}; "
                "give it Sentences for each of en and de"
            )
        other = found.get(clause.id)
        if other and clause.replaces == other.replaces:
            remedy = "rename one of them (clause ids are unique and never reused)"
            if clause.replaces:
                remedy = "both replace its sentences, so switch one of them off with disabled_plugins"
            raise ClauseError(
                f"clause {clause.id!r} is claimed by plugin {other.source!r} and by plugin {clause.source!r}; {remedy}"
            )
        found[clause.id] = clause
    return found
