"""How our rules are explained. In braces: parameters, which Beleg fills in."""

from beleg import Clause, Sentences

STAGES = ("participants", "content")

ADVISER = {
    "en": Sentences(
        "{records}, so this is the address of somebody who writes for many",
        hint="the mail coming from the client's own address, or naming one of his documents.",
    ),
    "de": Sentences(
        "{records}, also die Adresse von jemandem, der für viele schreibt",
        hint="eine Mail von der Adresse des Mandanten selbst, oder die Nummer eines seiner Belege.",
    ),
}
# With another condition, the sentences of `unique` would no longer be true: these take their place.
UNIQUE = {
    "en": Sentences(
        "exactly 1 {one} carries it, an active customer: {record}",
        "{records} (active customers: {active}), exactly 1 needed, and an active one",
        "because {address} ({place}) has exactly 1 {one}, and {record} is an active customer.",
    ),
    "de": Sentences(
        "genau 1 {one}, ein aktiver Kunde: {record}",
        "{records} (aktive Kunden: {active}), genau 1 nötig, und zwar ein aktiver",
        "weil zu {address} ({place}) genau 1 {one} gehört und {record} aktiver Kunde ist.",
    ),
}

CLAUSES = [
    *(Clause(f"contact.{stage}.adviser", "own", ADVISER) for stage in STAGES),
    *(Clause(f"contact.{stage}.unique", "own", UNIQUE, replaces=True) for stage in STAGES),
]
