"""The sentences of the step history."""

from beleg import Clause, Sentences

_TEXTS = {
    "assigned": (
        Sentences(
            "adopted from the earlier mail {message}: {kept}",
            "",
            "because the earlier mail {message} of this thread is assigned to {kept}.",
            kept="stands on the earlier mail",
        ),
        Sentences(
            "von der früheren Mail {message} übernommen: {kept}",
            "",
            "weil die frühere Mail {message} dieses Verlaufs zugeordnet ist: {kept}.",
            kept="steht an der früheren Mail",
        ),
    ),
    "removed": (
        Sentences(
            "from the earlier mail {message}, {by} removed {record} ({on}); that holds for its answers too",
            dropped="removed by hand from the earlier mail",
        ),
        Sentences(
            "von der früheren Mail {message} hat {by} entfernt: {record} ({on}); das gilt auch für ihre Antworten",
            dropped="von Hand von der früheren Mail entfernt",
        ),
    ),
    "next": (
        Sentences("nothing stands on the earlier mail {message}, and nothing that Beleg assigned was removed from it"),
        Sentences("an der früheren Mail {message} steht nichts, und nichts von Beleg Zugeordnetes wurde entfernt"),
    ),
    "nothing": (
        Sentences("{earlier}"),
        Sentences("{earlier}"),
    ),
}

CLAUSES = [Clause(f"history.{name}", "4", {"en": en, "de": de}) for name, (en, de) in _TEXTS.items()]
