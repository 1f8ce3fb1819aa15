"""ERP records in their one shape: an order, an offer, a contact, an article, a plugin's invoice.

Beleg mirrors what the ERP holds and never writes to it. What differs between types (names, which link roles
they have) is declared by plugins as a `RecordType`; the engine itself knows no type by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from beleg.keys import address_key, reference_key

CUSTOMER = "customer"
"""The link role through which a document also carries its customer's addresses (RULES.md section 5)."""
GENERIC = "records"
"""The key of scenarios and import files under which rows of any type stand, each with a `type`."""


class RecordRef(NamedTuple):
    """Names one record: its type and its id in the ERP, written `order:O-81`."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> RecordRef:
        """Read `order:O-81`; the id may hold further colons. Raises ValueError that says what is missing."""
        type_, colon, id_ = text.partition(":")
        if not (type_ and colon and id_):
            raise ValueError(f"{text!r} names no record; a record is written TYPE:ID, for example order:O-81")
        return cls(type_, id_)


class Reference(NamedTuple):
    """A reference number beside the record's own: its kind (`marketplace`, `invoice`, any word) and the number."""

    kind: str
    number: str


class Link(NamedTuple):
    """A pointer to another record in a role (`customer`, `offer`, `article`); the target may not exist."""

    role: str
    target: RecordRef


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the ERP. What the ERP leaves out is `None` or empty; links keep order and repetition."""

    ref: RecordRef
    number: str | None = None
    label: str | None = None
    status: str | None = None
    addresses: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    links: tuple[Link, ...] = ()

    def targets(self, role: str) -> tuple[RecordRef, ...]:
        """The distinct records that this one points at in `role`, in order of first mention."""
        return tuple(dict.fromkeys(link.target for link in self.links if link.role == role))

    def address_keys(self) -> frozenset[str]:
        """The canonical form of each address the record itself carries."""
        return frozenset(address_key(address) for address in self.addresses if address)

    def numbers(self) -> list[str]:
        """Its own number and each reference number, as the ERP writes them; the id is none."""
        return [self.number or "", *(reference.number for reference in self.references)]

    def reference_keys(self) -> frozenset[str]:
        """The canonical form of each of its numbers."""
        return frozenset(key for key in map(reference_key, self.numbers()) if key)


class Words(NamedTuple):
    """What people call records of a type: `Words("order", "orders")`."""

    one: str
    many: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """What a plugin declares of a record type.

    `plural` is its key in the import format (`orders:`); `words` maps a language to its words for the type;
    `statuses` are the values a decision table counts apart (none for documents), the first one being what a
    record without a status has; `links` maps each link role, which is an import key too, to the type it points
    at; `lists` maps an import key that holds a list of ids to its role (`{"articles": "article"}`).
    """

    name: str
    plural: str
    words: dict[str, Words]
    statuses: tuple[str, ...] = ()
    links: dict[str, str] | None = None
    lists: dict[str, str] | None = None

    def facet(self, status: str | None) -> str:
        """Under which status the lookup index files a record of this type ('' when it counts none apart)."""
        if not self.statuses:
            return ""
        return status or self.statuses[0]

    def roles(self) -> dict[str, str]:
        """Every link role that the type declares, and the type it points at."""
        return {**(self.links or {}), **{role: role for role in (self.lists or {}).values()}}


def role_types(types: Iterable[RecordType]) -> dict[str, str]:
    """The type that a link in each role points at, over all types: what holds for a type that no plugin declares.
    A role that none declares points at the type of its own name."""
    roles: dict[str, str] = {}
    for declared in types:
        for role, target in declared.roles().items():
            roles.setdefault(role, target)
    return roles
