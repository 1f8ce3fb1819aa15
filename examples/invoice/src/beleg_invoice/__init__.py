"""Invoices: the record type, the step that finds out which one a mail is about, and two rules for contacts."""

from collections.abc import Sequence

from beleg import Clause, DocumentStep, FollowUp, RecordType, RuleChange, Step, Words, hookimpl

from beleg_invoice.clauses import CLAUSES
from beleg_invoice.rules import CHANGES

INVOICE = RecordType(
    "invoice",
    "invoices",
    {
        "en": Words("invoice", "invoices"),
        "de": Words("Rechnung", "Rechnungen"),
    },
    links={"customer": "contact", "order": "order"},
)


@hookimpl
def beleg_record_types() -> Sequence[RecordType]:
    """Invoices, each with its customer and the order that it bills."""
    return [INVOICE]


@hookimpl
def beleg_steps() -> Sequence[Step]:
    """The step, between order and offer: a mail may be about an order and its invoice, so an order does not skip it."""
    return [
        DocumentStep(
            "invoice",
            priority=250,
            skipped_by=["invoice"],
            follow_ups=[FollowUp("order"), FollowUp("customer", when="first")],
        )
    ]


@hookimpl
def beleg_rules() -> Sequence[RuleChange]:
    """What invoices teach about contacts: for the table of the step contact."""
    return CHANGES


@hookimpl
def beleg_clauses() -> Sequence[Clause]:
    """The sentences of these rules; those of the step come with the procedure of every document."""
    return CLAUSES
