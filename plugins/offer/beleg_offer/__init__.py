"""Offers: the record type and the step offer (RULES.md section 6)."""

from collections.abc import Sequence

from beleg import DocumentStep, FollowUp, RecordType, Step, Words, hookimpl

OFFER = RecordType(
    "offer",
    "offers",
    {"en": Words("offer", "offers"), "de": Words("Angebot", "Angebote")},
    links={"customer": "contact"},
    lists={"articles": "article"},
)


@hookimpl
def beleg_record_types() -> Sequence[RecordType]:
    """Offers."""
    return [OFFER]


@hookimpl
def beleg_steps() -> Sequence[Step]:
    """The step: the procedure of every document, skipped by an order or an offer, with two follow-ups."""
    return [
        DocumentStep(
            "offer",
            priority=300,
            skipped_by=["order", "offer"],
            follow_ups=[FollowUp("customer", when="first"), FollowUp("article", when="single")],
        )
    ]
