"""The words that explanations are made of, beside the clauses' own sentences."""

from __future__ import annotations

from beleg.record import CUSTOMER

PLACES = {
    "en": {"subject": "subject", "": "content"},
    "de": {
        "From": "Absender",
        "Reply-To": "Antwortadresse",
        "To": "An",
        "Cc": "Kopie",
        "Bcc": "Blindkopie",
        "subject": "Betreff",
        "": "Inhalt",
    },
}
HEADERS = ("From", "Reply-To", "To", "Cc", "Bcc")
STAGES = {
    "en": {"participants": "participants", "content": "content", "two_references": "two numbers"},
    "de": {"participants": "Beteiligte", "content": "Inhalt", "two_references": "zwei Nummern"},
}
STATUSES = {
    "active": {"en": "active", "de": "aktiv"},
    "inactive": {"en": "inactive", "de": "inaktiv"},
    "none": {"en": "none", "de": "keiner"},
}
ROLES = {CUSTOMER: {"en": "customer", "de": "Kunde"}}

TEXTS = {
    "en": {
        "mail": "Mail",
        "no_subject": "(no subject)",
        "assigned": "ASSIGNED",
        "nothing": "NOTHING ASSIGNED",
        "evidence": "evidence",
        "counts": "counts",
        "known": "known to the ERP",
        "repeated": "already a participant",
        "ignored": "ignored",
        "user": "user",
        "group": "group",
        "address": "blacklist",
        "domain": "blacklist, domain",
        "wildcard": "blacklist, subdomains of",
        "by": "by",
        "on": "by number",
        "candidates": "candidates",
        "candidate": "candidate",
        "more": "… and {count} more",
        "over": "more than 1,000",
        "gone": "the ERP no longer has it",
        "manual": "set by hand",
        "stood": "stood before",
        "removed": "removed by hand",
        "warning": "note",
        "no": "No {one}: ",
        "hint": "What would have helped: ",
        "none_found": "Nothing in the ERP fits this mail: ",
        "no_addresses": "none of its addresses counts, and no two numbers of its content stand on one document.",
        "no_records": "no {types} carries {addresses}, and no two numbers of its content stand on one document.",
        "or": " or ",
        "nothing_left": "nothing, for what stands there was removed from this mail",
        "no_earlier": "no earlier mail",
        "earlier_empty": "there is nothing to adopt from the earlier mails",
        "none": "none",
        "several": "{records}, exactly 1 needed",
        "not_first": "another {one} stands on this mail or was removed from it",
        "was_removed": "{record} was removed from this mail by hand",
        "missing": "{record} is not in the ERP",
        "first": " (the first {one} on this mail)",
        "single": " (the only one)",
        "and": " and ",
        "because_hand": "because a person set it.",
    },
    "de": {
        "mail": "Mail",
        "no_subject": "(kein Betreff)",
        "assigned": "ZUGEORDNET",
        "nothing": "NICHTS ZUGEORDNET",
        "evidence": "Belege",
        "counts": "zählt",
        "known": "dem ERP bekannt",
        "repeated": "schon als Beteiligter geprüft",
        "ignored": "ignoriert",
        "user": "Benutzer",
        "group": "Gruppe",
        "address": "Blacklist",
        "domain": "Blacklist, Domain",
        "wildcard": "Blacklist, Subdomains von",
        "by": "zu",
        "on": "nach Nummer",
        "candidates": "Kandidaten",
        "candidate": "Kandidat",
        "more": "… und {count} weitere",
        "over": "mehr als 1.000",
        "gone": "im ERP nicht mehr vorhanden",
        "manual": "von Hand gesetzt",
        "stood": "stand schon da",
        "removed": "von Hand entfernt",
        "warning": "Hinweis",
        "no": "Keine Zuordnung ({one}): ",
        "hint": "Was geholfen hätte: ",
        "none_found": "Nichts im ERP passt zu dieser Mail: ",
        "no_addresses": "keine ihrer Adressen zählt, und keine zwei Nummern ihres Inhalts stehen auf einem Dokument.",
        "no_records": "{addresses} steht nirgends ({types}), und keine zwei Nummern ihres Inhalts auf einem Dokument.",
        "or": ", ",
        "nothing_left": "nichts, denn was dort steht, wurde von dieser Mail entfernt",
        "no_earlier": "keine frühere Mail",
        "earlier_empty": "von den früheren Mails ist nichts zu übernehmen",
        "none": "nichts verknüpft",
        "several": "{records}, genau 1 nötig",
        "not_first": "an dieser Mail steht oder stand schon ein anderer Eintrag dieser Art ({one})",
        "was_removed": "{record} wurde von Hand von dieser Mail entfernt",
        "missing": "{record} ist nicht im ERP",
        "first": " (erste Zuordnung dieser Art: {one})",
        "single": " (einziger Eintrag)",
        "and": " und ",
        "because_hand": "weil eine Person es gesetzt hat.",
    },
}

FRAME = {"en": "size", "de": "Umfang"}
"""What the part of a trace is called that no step decided."""
LIMITS = {
    "en": {
        "message_bytes": "bytes",
        "text_bytes": "bytes of text",
        "addresses": "addresses",
        "numbers": "possible numbers",
        "parts": "parts",
        "levels": "levels of parts",
    },
    "de": {
        "message_bytes": "Bytes",
        "text_bytes": "Bytes Text",
        "addresses": "Adressen",
        "numbers": "mögliche Nummern",
        "parts": "Teile",
        "levels": "Ebenen",
    },
}
NOTICES = {
    "several_from": {"en": "several From fields; all count", "de": "mehrere From-Felder; alle zählen"},
    "not_an_address": {"en": "no address: {detail}", "de": "keine Adresse: {detail}"},
    "no_boundary": {"en": "a multipart without parts: {detail}", "de": "ein mehrteiliger Teil ohne Teile: {detail}"},
    "unknown_charset": {
        "en": "unknown character set {detail}; read as UTF-8 or Windows-1252",
        "de": "unbekannter Zeichensatz {detail}; als UTF-8 oder Windows-1252 gelesen",
    },
    "long_id": {"en": "a message id that is too long: {detail}", "de": "eine zu lange Message-ID: {detail}"},
    "broken": {
        "en": "broken encoding, read as far as it goes: {detail}",
        "de": "beschädigte Kodierung, gelesen, soweit es geht: {detail}",
    },
}
