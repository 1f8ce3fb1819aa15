"""The sentences of the step contact."""

from beleg import Clause, Sentences, stage_clauses

_TEXTS = {
    "active": (
        Sentences(
            "{records}, exactly 1 of them an active customer: {record}",
            "{active} active customers among them, exactly 1 needed",
            "because {address} ({place}) has {records} and only {record} is an active customer.",
            kept="the only active customer among them",
            dropped="no active customer",
        ),
        Sentences(
            "{records}, davon genau 1 aktiver Kunde: {record}",
            "{active} aktive Kunden darunter, genau 1 nötig",
            "weil es zu {address} ({place}) {records} gibt und nur {record} aktiver Kunde ist.",
            kept="als einziger davon aktiver Kunde",
            dropped="kein aktiver Kunde",
        ),
    ),
    "ambiguous_active": (
        Sentences(
            "{records}, {active} of them active customers",
            hint="only one of them being an active customer; merge or deactivate the others in the ERP.",
        ),
        Sentences(
            "{records}, davon {active} aktive Kunden",
            hint="dass nur 1 davon aktiver Kunde ist; die anderen im ERP zusammenführen oder deaktivieren.",
        ),
    ),
    "inactive": (
        Sentences(
            "{records}, none active, exactly 1 of them an inactive customer: {record}",
            "{inactive} inactive customers among them, exactly 1 needed",
            "because {address} ({place}) has {records}, none of them an active customer and only {record} an "
            "inactive one.",
            kept="the only customer among them, an inactive one",
            dropped="no customer",
        ),
        Sentences(
            "{records}, keiner aktiv, davon genau 1 inaktiver Kunde: {record}",
            "{inactive} inaktive Kunden darunter, genau 1 nötig",
            "weil es zu {address} ({place}) {records} gibt, von denen keiner aktiver und nur {record} "
            "inaktiver Kunde ist.",
            kept="als einziger davon Kunde, ein inaktiver",
            dropped="kein Kunde",
        ),
    ),
    "ambiguous_inactive": (
        Sentences(
            "{records}, none active, {inactive} of them inactive customers",
            hint="only one of them being a customer; merge or correct them in the ERP.",
        ),
        Sentences(
            "{records}, keiner aktiv, davon {inactive} inaktive Kunden",
            hint="dass nur 1 davon Kunde ist; die Kontakte im ERP zusammenführen oder berichtigen.",
        ),
    ),
}

CLAUSES = [
    clause
    for stage in ("participants", "content")
    for clause in (
        *stage_clauses("contact", stage, "7"),
        *(Clause(f"contact.{stage}.{name}", "7", {"en": en, "de": de}) for name, (en, de) in _TEXTS.items()),
    )
]
