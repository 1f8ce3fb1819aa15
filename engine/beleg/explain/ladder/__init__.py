"""The explanation as the support page and the API show it: what is linked and why, the steps as a ladder with every
candidate's fate, and the evidence with what became of it. Data with its words filled in; nothing here knows HTML."""

from beleg.explain.ladder.build import linked, linked_since, rungs
from beleg.explain.ladder.candidates import candidates_of
from beleg.explain.ladder.evidence import evidence, spans
from beleg.explain.ladder.model import (
    Asked,
    Candidate,
    CandidateTable,
    Caution,
    CheckSeen,
    Cited,
    Earlier,
    FollowUpSeen,
    Ladder,
    Linked,
    Mark,
    Rung,
    Seen,
    Span,
    SpanState,
    Use,
    pieces,
)
from beleg.explain.ladder.notes import short_reason, warnings
from beleg.explain.ladder.whole import ladder

__all__ = [
    "Asked",
    "Candidate",
    "CandidateTable",
    "Caution",
    "CheckSeen",
    "Cited",
    "Earlier",
    "FollowUpSeen",
    "Ladder",
    "Linked",
    "Mark",
    "Rung",
    "Seen",
    "Span",
    "SpanState",
    "Use",
    "candidates_of",
    "evidence",
    "ladder",
    "linked",
    "linked_since",
    "pieces",
    "rungs",
    "short_reason",
    "spans",
    "warnings",
]
