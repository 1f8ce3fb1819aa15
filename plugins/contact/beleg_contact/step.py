"""The contacts that carry an address: the only one, else the only active customer, else the only inactive one."""

from collections.abc import Sequence

from beleg import (
    LISTED,
    AddressStep,
    Candidates,
    Clause,
    Context,
    FoundAddress,
    Group,
    Interest,
    Look,
    RecordRef,
    RecordType,
    Words,
    count_total,
)
from beleg_contact.clauses import CLAUSES
from beleg_contact.rules import ADDRESS

CONTACT = RecordType(
    "contact",
    "contacts",
    {"en": Words("contact", "contacts"), "de": Words("Kontakt", "Kontakte")},
    statuses=("active", "inactive", "none"),
)


NO_CONTACT = Look.nothing("contacts", "active", "inactive")


class ContactStep(AddressStep):
    """Tries each address of the participants, then of the content, by the table `contact.address`."""

    name = "contact"
    priority = 400
    type = "contact"
    skipped_by = ("contact",)
    table = ADDRESS
    tables = (ADDRESS,)

    def clauses(self) -> Sequence[Clause]:
        """See `Step.clauses`."""
        return CLAUSES

    def interest(self) -> Interest:
        """See `Step.interest`."""
        return Interest(tuple(Group("contact", status) for status in CONTACT.statuses))

    def look(self, address: FoundAddress, context: Context) -> Look:
        """The contacts that carry the address, counted by status."""
        if not context.lookup.knows(address.key):
            return NO_CONTACT
        hits = {status: context.lookup.by_address(address.key, Group("contact", status)) for status in CONTACT.statuses}
        ids = sorted(id_ for found in hits.values() for id_ in found.ids)
        contacts = count_total(found.total for found in hits.values())
        picks = {status: RecordRef("contact", found.ids[0]) for status, found in hits.items() if found.total == 1}
        if contacts == 1:
            picks["only"] = RecordRef("contact", ids[0])
        return Look(
            {"contacts": contacts, "active": hits["active"].total, "inactive": hits["inactive"].total},
            picks,
            Candidates(tuple(f"contact:{id_}" for id_ in ids[:LISTED]), contacts),
        )
