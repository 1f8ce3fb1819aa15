"""The sentences of the clauses that every step over addresses has, for one stage of one step."""

from __future__ import annotations

from beleg.clause import Clause, Sentences


def stage_clauses(step: str, stage: str, section: str) -> list[Clause]:
    """`no_address`, `none`, `unique`, `removed` and `conflict` of a stage."""
    # The content comes second: what counts there was not tried among the participants.
    further, weitere = ("further ", "weitere ") if stage == "content" else ("", "")
    texts = {
        "no_address": (
            Sentences(f"no {further}address counts here"),
            Sentences(f"hier zählt keine {weitere}Adresse"),
        ),
        "none": (
            Sentences("0 {many} carry it"),
            Sentences("0 {many}"),
        ),
        "unique": (
            Sentences(
                "exactly 1 {one} carries it: {record}",
                "{records}, exactly 1 needed",
                "because {address} ({place}) has exactly 1 {one}: {record}.",
            ),
            Sentences(
                "genau 1 {one}: {record}",
                "{records}, genau 1 nötig",
                "weil zu {address} ({place}) genau 1 {one} gehört: {record}.",
            ),
        ),
        "removed": (
            Sentences(
                "{record} would be assigned, but {by} removed it from this mail ({on})",
                hint="taking the removal back, that is, assigning {record} by hand.",
            ),
            Sentences(
                "{record} würde zugeordnet, aber {by} hat die Zuordnung von dieser Mail entfernt ({on})",
                hint="die Entfernung zurücknehmen, also {record} von Hand zuordnen.",
            ),
        ),
        "conflict": (
            Sentences(
                "the addresses lead to different {many}: {candidates}",
                hint="ignoring the address that has nothing to do with the matter, or assigning by hand.",
            ),
            Sentences(
                "die Adressen führen zu Verschiedenem: {candidates}",
                hint="die Adresse ignorieren, die nichts zur Sache tut, oder von Hand zuordnen.",
            ),
        ),
    }
    return [Clause(f"{step}.{stage}.{name}", section, {"en": en, "de": de}) for name, (en, de) in texts.items()]
