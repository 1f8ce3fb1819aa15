"""Contacts: the record type and the step contact (RULES.md section 7)."""

from collections.abc import Sequence

from beleg import RecordType, Step, hookimpl
from beleg_contact.step import CONTACT, ContactStep


@hookimpl
def beleg_record_types() -> Sequence[RecordType]:
    """Contacts: customers, active or not, and those that are neither (a lead, a supplier)."""
    return [CONTACT]


@hookimpl
def beleg_steps() -> Sequence[Step]:
    """The step."""
    return [ContactStep()]
