"""Small worlds of ERP records, built by hand and by hypothesis, for the tests of directory and store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st
from sqlalchemy import Connection, select

from beleg.directory import Directory, Group, Pair, address_entry, reference_entry
from beleg.keys import address_key, reference_key
from beleg.record import CUSTOMER, Link, Record, RecordRef, RecordType, Reference, Words
from beleg.store.tables import record_key, record_link

WORDS = {"en": Words("x", "xs")}
TYPES: Mapping[str, RecordType] = {
    "order": RecordType("order", "orders", WORDS, links={"customer": "contact", "offer": "offer"}),
    "offer": RecordType("offer", "offers", WORDS, links={"customer": "contact"}),
    "contact": RecordType("contact", "contacts", WORDS, statuses=("active", "inactive", "none")),
}
ORDERS, OFFERS = Group("order"), Group("offer")
ACTIVE, INACTIVE, OTHERS = (Group("contact", status) for status in ("active", "inactive", "none"))
GROUPS = (ORDERS, OFFERS, ACTIVE, INACTIVE, OTHERS)


def order(
    id_: str, *addresses: str, customer: str | Sequence[str] = (), number: str | None = None, **more: str
) -> Record:
    """An order; `more` are references by kind."""
    customers = [customer] if isinstance(customer, str) else customer
    links = tuple(Link(CUSTOMER, RecordRef("contact", each)) for each in customers)
    references = tuple(Reference(kind, text) for kind, text in more.items())
    return Record(RecordRef("order", id_), number, addresses=addresses, references=references, links=links)


def contact(id_: str, *addresses: str, status: str | None = None, number: str | None = None) -> Record:
    """A contact."""
    return Record(RecordRef("contact", id_), number, status=status, addresses=addresses)


def at(address: str) -> str:
    """The index entry of an address."""
    return address_entry(address_key(address))


def no(number: str) -> str:
    """The index entry of a number."""
    return reference_entry(reference_key(number))


def index_of(connection: Connection) -> list[tuple[str, ...]]:
    """The whole lookup index."""
    return sorted(tuple(row) for row in connection.execute(select(record_key)))


def links_of(connection: Connection) -> list[tuple[str, ...]]:
    """All links."""
    return sorted(tuple(row) for row in connection.execute(select(record_link)))


def answers(directory: Directory, records: Iterable[Record]) -> dict[str, object]:
    """All that a directory says to everything that could be asked about these records."""
    records = list(records)
    entries = {"@unknown@x.example", "#unknown1"}
    for each in records:
        entries.update(map(address_entry, each.address_keys()))
        entries.update(map(reference_entry, each.reference_keys()))
    asked = sorted(entries)
    pairs = [Pair(group, entry) for group in GROUPS for entry in asked]
    pairs += [Pair(ORDERS, one, other) for one in asked for other in asked if one != other]
    refs = [*(each.ref for each in records), RecordRef("order", "none such")]
    return {
        "find": {entry: dict(groups) for entry, groups in directory.find(asked, GROUPS).items()},
        "no groups": {entry: dict(groups) for entry, groups in directory.find(asked, ()).items()},
        "share": dict(directory.share(pairs)),
        "records": [dict(directory.records([ref])) for ref in refs],
        "all records": dict(directory.records(refs)),
    }


# --- hypothesis

_IDS = st.sampled_from(["1", "10", "2", "Ä", "a", "B", "ß", "€", "\U0001f4e6", "k:1", ""])
_ADDRESSES = st.sampled_from(["a@x.example", "A@X.example", "b@x.example", "ö@bücher.example", "c@y.example"])
_NUMBERS = st.sampled_from(["AB-1", "ab1", "AB-2", "Nr. 77", "٣٤٥٦", "---", "4711"])
_TYPES = st.sampled_from(["order", "offer", "contact", "invoice"])


@st.composite
def _records(draw: st.DrawFn) -> Record:
    type_ = draw(_TYPES)
    targets = st.builds(RecordRef, st.sampled_from(["contact", "contact", "order"]), _IDS.filter(bool))
    return Record(
        RecordRef(type_, draw(_IDS.filter(bool))),
        draw(st.none() | _NUMBERS),
        draw(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)),
        draw(st.none() | st.sampled_from(["active", "inactive", "none", "odd"])),
        tuple(draw(st.lists(_ADDRESSES, max_size=2))),
        tuple(Reference("kind", number) for number in draw(st.lists(_NUMBERS, max_size=2))),
        tuple(
            Link(role, target)
            for role, target in draw(
                st.lists(st.tuples(st.sampled_from(["customer", "customer", "offer"]), targets), max_size=2)
            )
        ),
    )


RECORDS = _records()
WORLDS = st.lists(RECORDS, max_size=12, unique_by=lambda each: each.ref)
