"""The sentences of a document type's clauses (RULES.md section 5)."""

from __future__ import annotations

from beleg.clause import Clause, Sentences
from beleg.stages import CONTENT, PARTICIPANTS
from beleg.stages.clauses import stage_clauses

_REFERENCE = {
    "en": Sentences(
        "{record} is singled out by {numbers}; out: {out}",
        "the numbers of the mail do not single out one of them{named}",
        "because {address} ({place}) has {records} and only {record} carries {numbers} ({number_place}).",
    ),
    "de": Sentences(
        "durch {numbers} bleibt {record} übrig; es entfallen: {out}",
        "die Nummern der Mail treffen nicht genau 1 davon{named}",
        "weil zu {address} ({place}) {records} gehören und nur auf {record} steht: {numbers} ({number_place}).",
    ),
}
_AMBIGUOUS = {
    "en": Sentences(
        "{records}, and the numbers of the mail do not single out one of them{named}",
        hint="numbers in subject or content that stand on only one of them.",
    ),
    "de": Sentences(
        "{records}, und die Nummern der Mail treffen nicht genau 1 davon{named}",
        hint="Nummern in Betreff oder Inhalt, die nur auf 1 davon stehen.",
    ),
}
_TWO_REFERENCES = {
    "none": {
        "en": Sentences("0 {many} carry two numbers of the content"),
        "de": Sentences("0 {many} tragen zwei Nummern des Inhalts"),
    },
    "removed": {
        "en": Sentences(
            "{record} would be assigned, but {by} removed it from this mail ({on})",
            hint="taking the removal back, that is, assigning {record} by hand.",
        ),
        "de": Sentences(
            "{record} würde zugeordnet, aber {by} hat die Zuordnung von dieser Mail entfernt ({on})",
            hint="die Entfernung zurücknehmen, also {record} von Hand zuordnen.",
        ),
    },
    "unique": {
        "en": Sentences(
            "exactly 1 {one} carries two numbers of the content: {record}",
            "{records}, exactly 1 needed",
            "because {record} is the only {one} that carries two numbers of the content: {numbers}.",
        ),
        "de": Sentences(
            "genau 1 {one} trägt zwei Nummern des Inhalts: {record}",
            "{records}, genau 1 nötig",
            "weil nur {record} ({one}) zwei Nummern des Inhalts trägt: {numbers}.",
        ),
    },
    "ambiguous": {
        "en": Sentences(
            "{records} carry two numbers of the content, exactly 1 needed{named}",
            hint="two numbers in the content that stand together on only one of them.",
        ),
        "de": Sentences(
            "{records} tragen zwei Nummern des Inhalts, genau 1 nötig{named}",
            hint="zwei Nummern im Inhalt, die nur auf 1 davon zusammen stehen.",
        ),
    },
}


def document_clauses(step: str) -> list[Clause]:
    """Every clause that the step of a document type may write, but for its skip and follow-ups."""
    clauses = []
    for stage in (PARTICIPANTS, CONTENT):
        clauses += stage_clauses(step, stage, "5")
        clauses.append(Clause(f"{step}.{stage}.reference", "5", _REFERENCE))
        clauses.append(Clause(f"{step}.{stage}.ambiguous", "5", _AMBIGUOUS))
    for name, sentences in _TWO_REFERENCES.items():
        clauses.append(Clause(f"{step}.two_references.{name}", "5", sentences))
    return clauses
