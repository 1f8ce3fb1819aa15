"""The sentences of the clauses that belong to no step alone: the limit, the skips, the follow-ups."""

from __future__ import annotations

from collections.abc import Iterable

from beleg.clause import Clause, Sentences
from beleg.step import FollowUp, Step

FRAME = "message"
"""The name under which a trace shows what no step decided: a message beyond a limit."""
LIMIT = f"{FRAME}.limit"


def frame_clauses(steps: Iterable[Step]) -> list[Clause]:
    """`message.limit`, and for each step its `skipped` and `follow.…` clauses."""
    clauses = [
        Clause(
            LIMIT,
            "8",
            {
                "en": Sentences(
                    "too large to be read in full ({limit}: {found}, allowed {allowed}), "
                    "so only the thread is looked at"
                ),
                "de": Sentences(
                    "zu groß, um ganz gelesen zu werden ({limit}: {found}, erlaubt {allowed}); "
                    "nur der Verlauf wird geprüft"
                ),
            },
        )
    ]
    for step in steps:
        if step.skipped_by:
            clauses.append(_skipped(step))
        clauses += [_follow(step, follow_up) for follow_up in step.follow_ups]
    return clauses


def _skipped(step: Step) -> Clause:
    sentences = {
        "en": Sentences("skipped: {record} is assigned"),
        "de": Sentences("übersprungen: {record} ist zugeordnet"),
    }
    return Clause(f"{step.name}.skipped", "3", sentences)


def _follow(step: Step, follow_up: FollowUp) -> Clause:
    sentences = {
        "en": Sentences("{record}", "{reason}", "because it is the {role} of {source}{condition}."),
        "de": Sentences("{record}", "{reason}", "weil dieser Eintrag als {role} zu {source} gehört{condition}."),
    }
    return Clause(f"{step.name}.follow.{follow_up.role}", "5", sentences)
