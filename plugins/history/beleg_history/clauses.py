"""The sentences of the step history."""

from beleg import Clause, Sentences

_TEXTS = {
    "assigned": (
        Sentences(
            "adopted from the earlier mail {message}: {kept}",
            "",
            "because the earlier mail {message} of this thread belongs to it.",
        ),
        Sentences(
            "von der früheren Mail {message} übernommen: {kept}",
            "",
            "weil die frühere Mail {message} dieses Verlaufs dazu gehört.",
        ),
    ),
    "removed": (
        Sentences(
            "{by} removed {record} from the earlier mail {message} ({on}); that holds for its answers too",
        ),
        Sentences(
            "{by} hat {record} von der früheren Mail {message} entfernt ({on}); das gilt auch für ihre Antworten",
        ),
    ),
    "next": (
        Sentences("the earlier mail {message} has neither an assignment nor a removal"),
        Sentences("die frühere Mail {message} hat weder eine Zuordnung noch eine Entfernung"),
    ),
    "nothing": (
        Sentences("{earlier}"),
        Sentences("{earlier}"),
    ),
}

CLAUSES = [Clause(f"history.{name}", "4", {"en": en, "de": de}) for name, (en, de) in _TEXTS.items()]
