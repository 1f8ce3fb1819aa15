"""Ignored addresses: whose address never counts as evidence, and which entry says so.

RULES.md section 2: users and groups of the system, and a blacklist of addresses, domains (`amazon.de` or
`@amazon.de`: exactly that domain) and wildcards (`*.amazon.de`: every subdomain, not the domain itself).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

from beleg.keys import address_key, domain_key

Kind = Literal["user", "group", "address", "domain", "wildcard"]
ENTRY_LISTS = ("users", "groups", "blacklist")
OWN_KINDS: tuple[Kind, ...] = ("user", "group")
"""Of the addresses that the system's own people write from; the others are strangers that never count."""


class Entry(NamedTuple):
    """What took an address out: the kind of entry and its text as it was entered."""

    kind: Kind
    text: str


class IgnoreList:
    """Looks up which entry, if any, takes an address out. Entries are compared like addresses; of several that
    would, the first kind counts: user, group, address, exact domain, wildcard (the longest one)."""

    def __init__(self, users: Iterable[str] = (), groups: Iterable[str] = (), blacklist: Iterable[str] = ()) -> None:
        self.users = tuple(users)
        self.groups = tuple(groups)
        self.blacklist = tuple(blacklist)
        self._addresses: dict[str, Entry] = {}
        self._domains: dict[str, Entry] = {}
        self._wildcards: dict[str, Entry] = {}
        for text in self.users:
            self._addresses.setdefault(address_key(text.strip()), Entry("user", text))
        for text in self.groups:
            self._addresses.setdefault(address_key(text.strip()), Entry("group", text))
        for text in self.blacklist:
            kind, key = classify(text)
            target = {"address": self._addresses, "domain": self._domains, "wildcard": self._wildcards}[kind]
            target.setdefault(key, Entry(kind, text))

    def entry_for(self, key: str) -> Entry | None:
        """The entry that takes the address with this canonical key out, or None when it counts."""
        if found := self._addresses.get(key):
            return found
        domain = key.rpartition("@")[2]
        if found := self._domains.get(domain):
            return found
        if self._wildcards:
            while "." in domain:
                domain = domain.partition(".")[2]
                if found := self._wildcards.get(domain):
                    return found
        return None

    def entries(self) -> Iterator[tuple[Entry, str]]:
        """Every entry with the key that it is compared by: users, groups, then the blacklist, in the order given."""
        for text in self.users:
            yield Entry("user", text), address_key(text.strip())
        for text in self.groups:
            yield Entry("group", text), address_key(text.strip())
        for text in self.blacklist:
            kind, key = classify(text)
            yield Entry(kind, text), key

    def applying(self, keys: Collection[str]) -> list[tuple[Entry, str]]:
        """Every entry that takes one of these addresses out, or would if others did not before it, with the first of
        the addresses that it is about."""
        found = []
        domains: dict[str, str] = {}
        above: dict[str, str] = {}
        for key in keys:
            domain = key.rpartition("@")[2]
            domains.setdefault(domain, key)
            while "." in domain:
                domain = domain.partition(".")[2]
                above.setdefault(domain, key)
        about = {"domain": domains, "wildcard": above}
        for entry, compared in self.entries():
            key = about.get(entry.kind, {}).get(compared) or (compared if compared in keys else "")
            if key:
                found.append((entry, key))
        return found

    def only(self, entries: Iterable[Entry]) -> IgnoreList:
        """A list of these entries alone."""
        texts: dict[str, list[str]] = {name: [] for name in ENTRY_LISTS}
        for entry in entries:
            texts[_LIST_OF.get(entry.kind, "blacklist")].append(entry.text)
        return IgnoreList(**texts)

    def changed(self, add: Collection[str] = (), remove: Collection[str] = ()) -> IgnoreList:
        """The list with entries put on the blacklist, behind those that are there, and others taken off it, however
        they are written. Raises ValueError for what is no entry."""
        gone = set(map(classify, remove))
        texts = {key: text for text in self.blacklist if (key := classify(text)) not in gone}
        for entry in add:
            texts.setdefault(classify(entry), entry.strip())
        return IgnoreList(self.users, self.groups, texts.values())

    def without(self, kind: str, text: str) -> IgnoreList:
        """The list without the entries of this kind and text."""
        return self.only(entry for entry, _ in self.entries() if entry != (kind, text))


_LIST_OF = {"user": "users", "group": "groups"}


NO_ENTRY = (
    "%(entry)r is no blacklist entry; write an address (spam@x.example), a domain (dhl.example) "
    "or a wildcard (*.ads.example)"
)


def classify(entry: str) -> tuple[Kind, str]:
    """The kind of a blacklist entry and the key it is compared by. Raises ValueError that names the entry when
    it is none of the three forms."""
    text = entry.strip()
    local, at, domain = text.rpartition("@")
    if local:
        kind: Kind = "address"
        key = address_key(text)
    elif at or not text.startswith("*."):
        kind = "domain"
        key = domain_key(domain)
    else:
        kind = "wildcard"
        domain = domain.removeprefix("*.")
        key = domain_key(domain)
    quoted = len(local) > 2 and local[0] == local[-1] == '"'
    if not all(map(_is_label, domain.split("."))) or (not quoted and _WRONG.search(local)):
        raise ValueError(NO_ENTRY % {"entry": entry})
    return kind, key


_WRONG = re.compile(r"[\s@\0]")


def _is_label(text: str) -> bool:
    return bool(text) and not _WRONG.search(text) and "*" not in text
