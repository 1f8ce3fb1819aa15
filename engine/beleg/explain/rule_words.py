"""The words in which rules are read (`beleg.explain.rules`)."""

from __future__ import annotations

TEXTS = {
    "en": {
        "and": " and ",
        "none": "no {what}",
        "exactly": "exactly {number} {what}",
        "not": "not exactly {number} {what}",
        "at_least": "at least {number} {what}",
        "more": "more than {number} {what}",
        "at_most": "at most {number} {what}",
        "fewer": "fewer than {number} {what}",
        "always": "always",
        "first": "where no other of its kind stands on the mail or was removed from it",
        "single": "where it is the only one",
    },
    "de": {
        "and": " und ",
        "none": "0 {what}",
        "exactly": "genau {number} {what}",
        "not": "nicht genau {number} {what}",
        "at_least": "mindestens {number} {what}",
        "more": "mehr als {number} {what}",
        "at_most": "höchstens {number} {what}",
        "fewer": "weniger als {number} {what}",
        "always": "immer",
        "first": "wenn kein anderer Eintrag dieser Art an der Mail steht oder von ihr entfernt wurde",
        "single": "wenn es der einzige ist",
    },
}
COMPARED = {"==": "exactly", "!=": "not", ">=": "at_least", ">": "more", "<=": "at_most", "<": "fewer"}
"""The text for each operator."""
OTHERWISE = {"en": "otherwise", "de": "sonst"}

FACTS = {
    "en": {
        "candidates": ("{one}", "{many}"),
        "contacts": ("{one}", "{many}"),
        "active": ("active one among them", "active ones among them"),
        "inactive": ("inactive one among them", "inactive ones among them"),
        "standing": ("record standing on the earlier mail", "records standing on the earlier mail"),
    },
    "de": {
        "candidates": ("{one}", "{many}"),
        "contacts": ("{one}", "{many}"),
        "active": ("aktiver darunter", "aktive darunter"),
        "inactive": ("inaktiver darunter", "inaktive darunter"),
        "standing": ("Eintrag an der früheren Mail", "Einträge an der früheren Mail"),
    },
}
"""What is counted, one and many, by the fact's name; `{one}` and `{many}` are the words for the step's type."""
FLAGS = {
    "en": {
        "by_reference": (
            "the numbers of the mail single out one of them",
            "the numbers of the mail do not single out one of them",
        ),
        "removed": ("a person removed it from this mail", "no person removed it from this mail"),
        "history.message.removed": (
            "something that was assigned there automatically was removed by a person",
            "nothing that was assigned there automatically was removed by a person",
        ),
    },
    "de": {
        "by_reference": (
            "die Nummern der Mail treffen genau 1 davon",
            "die Nummern der Mail treffen nicht genau 1 davon",
        ),
        "removed": ("eine Person hat es von dieser Mail entfernt", "keine Person hat es von dieser Mail entfernt"),
        "history.message.removed": (
            "eine Person hat dort etwas entfernt, das automatisch zugeordnet war",
            "keine Person hat dort etwas entfernt, das automatisch zugeordnet war",
        ),
    },
}
"""Facts that are yes or no, by the fact's name or with that of its table: the words for both."""

OUTCOMES = {
    "en": {
        ("", "assign:only"): "it is assigned; the step ends",
        ("", "assign:referenced"): "the one singled out is assigned; the step ends",
        ("", "assign:active"): "the active one is assigned; the step ends",
        ("", "assign:inactive"): "the inactive one is assigned; the step ends",
        ("", "nothing"): "the next address",
        ("", "ambiguous"): "the next address",
        ("", "removed"): "nothing; the step ends",
        ("two_references", "nothing"): "nothing",
        ("two_references", "ambiguous"): "nothing",
        ("", "adopt"): "it is adopted; no later step runs",
        ("", "adopt_removal"): "the removal is adopted; no later step runs",
        ("", "next"): "the next earlier mail",
    },
    "de": {
        ("", "assign:only"): "wird zugeordnet; der Schritt endet",
        ("", "assign:referenced"): "der getroffene Eintrag wird zugeordnet; der Schritt endet",
        ("", "assign:active"): "der aktive wird zugeordnet; der Schritt endet",
        ("", "assign:inactive"): "der inaktive wird zugeordnet; der Schritt endet",
        ("", "nothing"): "nächste Adresse",
        ("", "ambiguous"): "nächste Adresse",
        ("", "removed"): "nichts; der Schritt endet",
        ("two_references", "nothing"): "nichts",
        ("two_references", "ambiguous"): "nichts",
        ("", "adopt"): "wird übernommen; kein späterer Schritt läuft",
        ("", "adopt_removal"): "die Entfernung wird übernommen; kein späterer Schritt läuft",
        ("", "next"): "nächste frühere Mail",
    },
}
"""What follows, by the last part of the table's name ('' for any) and the rule's outcome."""

PLACEHOLDERS = {
    "en": {
        "address": "address", "place": "place", "records": "number of records", "one": "record", "many": "records",
        "record": "record", "kept": "records", "candidates": "candidates", "out": "the others", "numbers": "numbers",
        "number_place": "place", "named": "", "by": "person", "on": "date", "message": "mail",
        "earlier": "no earlier mail, or nothing to adopt from them",
        "source": "record", "role": "role", "condition": "", "reason": "reason", "limit": "what", "found": "count",
        "allowed": "count", "active": "count", "inactive": "count",
    },
    "de": {
        "address": "Adresse", "place": "Stelle", "records": "Anzahl", "one": "Eintrag", "many": "Einträge",
        "record": "Eintrag", "kept": "Einträge", "candidates": "Kandidaten", "out": "die anderen", "numbers": "Nummern",
        "number_place": "Stelle", "named": "", "by": "Person", "on": "Datum", "message": "Mail",
        "earlier": "keine frühere Mail, oder von ihnen nichts zu übernehmen",
        "source": "Eintrag", "role": "Rolle", "condition": "", "reason": "Grund",
        "limit": "was", "found": "Anzahl", "allowed": "Anzahl", "active": "Anzahl", "inactive": "Anzahl",
    },
}  # fmt: skip
"""What stands in a sentence for a parameter (`beleg.explain.phrases`); '' where what may stand there is left out."""
