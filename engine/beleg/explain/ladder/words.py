"""The words of the ladder, beside those of the text (`beleg.explain.words`) and the clauses' own sentences."""

from __future__ import annotations

ORIGINS = {
    "en": {"automatic": "automatic", "inherited": "inherited", "derived": "follows", "manual": "by hand"},
    "de": {"automatic": "automatisch", "inherited": "übernommen", "derived": "folgt", "manual": "von Hand"},
}
VERDICTS = {
    "en": {
        "assigned": "assigned",
        "found": "found",
        "nothing_found": "nothing found",
        "ambiguous": "ambiguous",
        "conflict": "contradictory",
        "removed": "removed by hand",
        "skipped": "skipped",
        "next": "nothing there",
    },
    "de": {
        "assigned": "zugeordnet",
        "found": "gefunden",
        "nothing_found": "nichts gefunden",
        "ambiguous": "mehrdeutig",
        "conflict": "widersprüchlich",
        "removed": "von Hand entfernt",
        "skipped": "übersprungen",
        "next": "nichts dort",
    },
}
TEXTS = {
    "en": {
        # steps
        "nothing": "nothing found",
        "nothing_in": "nothing found ({stages})",
        "not_needed": "not needed: the step {step} has decided already",
        "limit": "not done: the mail is too large to be read in full",
        "absent": "not part of this decision: the step was not installed then",
        "more_checks": "… and {count} more checks",
        # clauses
        "does_not_hold": "does not hold ({when})",
        "not_asked": "not asked any more",
        # why a candidate was kept or dropped
        "over": "… and more than {count} more",
        "alone": "{numbers} names it alone",
        "alone_many": "{numbers} name it alone",
        "unnamed": "no number of the mail names it",
        "shared": "{numbers} names it, but also {others}",
        "shared_many": "{numbers} name it, but also {others}",
        "rival": "{why}; but {rivals} names {others} alone",
        "rival_many": "{why}; but other numbers name {others} alone",
        "two": "carries two numbers of the content",
        "two_named": "carries two numbers of the content: {numbers}",
        "others_too": "{why}; so do others: {others}",
        "would_be": "would be assigned, but {by} removed it from this mail ({on})",
        "was_removed": "{by} removed it from this mail ({on})",
        "led_by": "{addresses} leads to it, other addresses to {others}",
        "led": "an address leads to it, other addresses to {others}",
        # follow-ups
        "stood": "it stands on this mail already",
        # evidence
        "more_evidence": "… and {count} more addresses and numbers",
        # warnings
        "newcomer": "The sender {address} was not part of this thread before.",
        "newcomer_inherited": "What is linked was adopted from the thread all the same.",
        "several_from": "The mail names several senders: {addresses}. All of them count.",
        "misleading_name": 'The sender\'s name reads "{name}", but the address is {address}.',
        "broken": "Part of the mail is damaged and was read as far as it goes; a number in it may be missing.",
        "and_more": "and {count} more",
    },
    "de": {
        "nothing": "nichts gefunden",
        "nothing_in": "nichts gefunden ({stages})",
        "not_needed": "nicht mehr nötig: der Schritt {step} hat schon entschieden",
        "limit": "nicht geprüft: die Mail ist zu groß, um ganz gelesen zu werden",
        "absent": "nicht an dieser Entscheidung beteiligt: der Schritt war damals nicht installiert",
        "more_checks": "… und {count} weitere Prüfungen",
        "does_not_hold": "gilt nicht ({when})",
        "not_asked": "nicht mehr gefragt",
        "over": "… und mehr als {count} weitere",
        "alone": "{numbers} steht nur hier",
        "alone_many": "{numbers} stehen nur hier",
        "unnamed": "keine Nummer der Mail steht hier",
        "shared": "{numbers} steht hier, aber auch auf {others}",
        "shared_many": "{numbers} stehen hier, aber auch auf {others}",
        "rival": "{why}; aber {rivals} steht nur auf {others}",
        "rival_many": "{why}; aber andere Nummern stehen nur auf {others}",
        "two": "trägt zwei Nummern des Inhalts",
        "two_named": "trägt zwei Nummern des Inhalts: {numbers}",
        "others_too": "{why}; andere ebenso: {others}",
        "would_be": "würde zugeordnet, aber {by} hat die Zuordnung von dieser Mail entfernt ({on})",
        "was_removed": "{by} hat die Zuordnung von dieser Mail entfernt ({on})",
        "led_by": "{addresses} führt hierher, andere Adressen zu {others}",
        "led": "eine Adresse führt hierher, andere zu {others}",
        "stood": "steht schon an dieser Mail",
        "more_evidence": "… und {count} weitere Adressen und Nummern",
        "newcomer": "Der Absender {address} war an diesem Verlauf bisher nicht beteiligt.",
        "newcomer_inherited": "Die Zuordnung wurde trotzdem aus dem Verlauf übernommen.",
        "several_from": "Die Mail nennt mehrere Absender: {addresses}. Alle zählen.",
        "misleading_name": "Der Name des Absenders lautet „{name}“, die Adresse aber {address}.",
        "broken": "Ein Teil der Mail ist beschädigt und nur gelesen, soweit es geht; darin kann eine Nummer fehlen.",
        "and_more": "und {count} weitere",
    },
}
