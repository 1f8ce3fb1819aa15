"""Orders and the articles in them: the record types, and the step order (RULES.md section 5)."""

from collections.abc import Sequence

from beleg import DocumentStep, FollowUp, RecordType, Step, Words, hookimpl

ORDER = RecordType(
    "order",
    "orders",
    {"en": Words("order", "orders"), "de": Words("Bestellung", "Bestellungen")},
    links={"customer": "contact", "offer": "offer"},
    lists={"articles": "article"},
)
ARTICLE = RecordType("article", "articles", {"en": Words("article", "articles"), "de": Words("Artikel", "Artikel")})


@hookimpl
def beleg_record_types() -> Sequence[RecordType]:
    """Orders, and articles, which have no step of their own."""
    return [ORDER, ARTICLE]


@hookimpl
def beleg_steps() -> Sequence[Step]:
    """The step: the procedure of every document, skipped by an order, with three follow-ups in this order."""
    return [
        DocumentStep(
            "order",
            priority=200,
            skipped_by=["order"],
            follow_ups=[FollowUp("customer", when="first"), FollowUp("offer"), FollowUp("article", when="single")],
        )
    ]
