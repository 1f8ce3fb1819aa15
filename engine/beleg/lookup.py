"""What one mail's evidence leads to: all that its steps ask of the directory, in at most three round trips.

However many addresses, numbers and steps there are: one `find`, one `share` where a key is hot (more records
than a lookup lists), one `records` for what could be assigned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from beleg.directory import (
    COUNTED,
    LISTED,
    Directory,
    Group,
    Pair,
    Shared,
    address_entry,
    reference_entry,
)
from beleg.evidence import Evidence, FoundAddress, FoundNumber
from beleg.record import Record, RecordRef


class Hits(NamedTuple):
    """Records that some evidence points at: the first 50 ids, ascending, and how many (1,001: over 1,000)."""

    ids: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Interest:
    """What a step wants to look up: the groups of one type; `numbers` where reference numbers single out."""

    groups: tuple[Group, ...]
    numbers: bool = False


NOTHING = Hits((), 0)


@dataclass(slots=True)
class Lookup:
    """The answers for one mail. `numbers` are the reference numbers that count (RULES.md section 2).

    Steps ask by the methods; behind these is what the directory said: `found` to its entries, `shared` where there is
    more than it lists, `records` to the names that were `asked` for.
    """

    numbers: tuple[FoundNumber, ...]
    found: Mapping[str, Mapping[Group, Sequence[str]]]
    shared: Mapping[Pair, Shared] = field(default_factory=dict)
    records: Mapping[RecordRef, Record] = field(default_factory=dict)
    asked: Sequence[RecordRef] = ()
    _on: dict[Group, _NumbersOn] = field(default_factory=dict)

    def knows(self, address: str) -> bool:
        """Whether any record carries the address."""
        return address_entry(address) in self.found

    def by_address(self, key: str, group: Group) -> Hits:
        """The records of the group that carry the address."""
        return self._hits(address_entry(key), group)

    def by_number(self, key: str, group: Group) -> Hits:
        """The records of the group that carry the reference number."""
        return self._hits(reference_entry(key), group)

    def by_both(self, address: str, number: str, group: Group) -> Hits:
        """The records of the group that carry the address and the number."""
        return self._both(address_entry(address), reference_entry(number), group)

    def numbers_with(self, address: str, group: Group) -> list[tuple[FoundNumber, Hits]]:
        """The reference numbers that occur on records of the group that carry the address, with these
        records; each once, in reading order. The cost is that of the answer, not of all numbers of the
        mail."""
        entry = address_entry(address)
        ids = self._ids(entry, group)
        if not ids or not self.numbers:
            return []
        on = self._numbers_on(group)
        found: dict[int, Hits] = {}
        if len(ids) > LISTED:
            asked: Iterable[int] = on.numbers
        else:
            asked = on.hot
            named: dict[int, list[str]] = {}
            for id_ in ids:
                for place in on.by_id.get(id_, ()):
                    named.setdefault(place, []).append(id_)
            found = {place: Hits(tuple(kept), len(kept)) for place, kept in named.items()}
        for place in asked:
            if (both := self._both(entry, reference_entry(on.numbers[place].key), group)).total:
                found[place] = both
        return [(on.numbers[place], found[place]) for place in sorted(found)]

    def _numbers_on(self, group: Group) -> _NumbersOn:
        if (known := self._on.get(group)) is None:
            known = self._on[group] = _NumbersOn()
            first = {number.key: number for number in reversed(self.numbers)}
            for place, number in enumerate(dict.fromkeys(number.key for number in self.numbers)):
                ids = self._ids(reference_entry(number), group)
                if ids:
                    known.numbers[place] = first[number]
                if len(ids) > LISTED:
                    known.hot.append(place)
                else:
                    for id_ in ids:
                        known.by_id.setdefault(id_, []).append(place)
        return known

    def by_two_numbers(self, keys: Sequence[str], group: Group) -> Hits:
        """The records of the group that carry at least two of the numbers."""
        if len(keys) < 2:
            return NOTHING
        entries = [entry for key in dict.fromkeys(keys) if self._ids(entry := reference_entry(key), group)]
        times: Counter[str] = Counter()
        hot = []
        for entry in entries:
            ids = self._ids(entry, group)
            if len(ids) > LISTED:
                hot.append(entry)
            else:
                times.update(ids)
        twice = {id_ for id_, count in times.items() if count > 1}
        total = 0
        for one in hot:
            for other in entries:
                if one != other:
                    both = self._both(min(one, other), max(one, other), group)
                    twice.update(both.ids)
                    total = max(total, both.total)
        return Hits(tuple(sorted(twice)[:LISTED]), max(total, min(len(twice), COUNTED + 1)))

    def record(self, ref: RecordRef) -> Record | None:
        """A record that could be assigned, or that such a record points at; None when the ERP has none."""
        return self.records.get(ref)

    def _ids(self, entry: str, group: Group) -> Sequence[str]:
        return self.found.get(entry, {}).get(group, ())

    def _hits(self, entry: str, group: Group) -> Hits:
        ids = self._ids(entry, group)
        if len(ids) <= LISTED:
            return Hits(tuple(ids), len(ids)) if ids else NOTHING
        return Hits(tuple(ids[:LISTED]), self.shared[Pair(group, entry)].total)

    def _both(self, entry: str, other: str, group: Group) -> Hits:
        ids, others = self._ids(entry, group), self._ids(other, group)
        if not ids or not others:
            return NOTHING
        if len(ids) <= LISTED and len(others) <= LISTED:
            kept = tuple(id_ for id_ in ids if id_ in others)
            return Hits(kept, len(kept))
        shared = self.shared[Pair(group, entry, other)]
        return Hits(shared.ids[:LISTED], shared.total)


@dataclass(slots=True)
class _NumbersOn:
    """The numbers of the mail, by their place among the distinct ones, that occur on records of one group;
    those with more records than are listed; and on which of the other records each occurs."""

    numbers: dict[int, FoundNumber] = field(default_factory=dict)
    hot: list[int] = field(default_factory=list)
    by_id: dict[str, list[int]] = field(default_factory=dict)


def groups_of(interests: Sequence[Interest]) -> list[Group]:
    """Every group that some step looks up, in order."""
    return list(dict.fromkeys(group for interest in interests for group in interest.groups))


def entries_of(evidence: Evidence) -> set[str]:
    """Every index entry that a mail may be looked up by."""
    addresses = {address_entry(found.key) for found in (*evidence.participants, *evidence.content)}
    return addresses | {reference_entry(key) for key in evidence.possible_keys()}


def look_up(
    evidence: Evidence,
    addresses: Sequence[FoundAddress],
    interests: Sequence[Interest],
    directory: Directory,
    extra: Sequence[RecordRef] = (),
) -> Lookup:
    """Ask the directory everything that the steps with these `interests` may need for these `addresses`
    (ignored ones left out). `extra` are records to fetch besides: what stands on the message already."""
    groups = groups_of(interests)
    counting = list(dict.fromkeys(group for i in interests if i.numbers for group in i.groups))
    possible = {key: reference_entry(key) for key in evidence.possible_keys()}
    address_entries = [address_entry(found.key) for found in addresses]
    entries = [*address_entries, *possible.values()]
    found = directory.find(entries, groups) if entries else {}
    known = {key for key, entry in possible.items() if entry in found} if found else set()
    lookup = Lookup(evidence.numbers(known) if known else (), found)
    if pairs := _hot_pairs(lookup, address_entries, groups, counting):
        lookup.shared = directory.share(pairs)
    refs = list(dict.fromkeys((*_assignable(lookup, addresses, groups, counting), *extra)))
    if refs:
        lookup.asked, lookup.records = refs, directory.records(refs)
    return lookup


def _hot_pairs(
    lookup: Lookup, addresses: Sequence[str], groups: Sequence[Group], counting: Sequence[Group]
) -> list[Pair]:
    """What the listed ids can't answer because some entry has more records than are listed."""
    numbers = list(dict.fromkeys(reference_entry(number.key) for number in lookup.numbers))
    wanted = set(groups)
    hot = sorted(
        (entry, group)
        for entry in (*addresses, *numbers)
        for group, ids in lookup.found.get(entry, {}).items()
        if len(ids) > LISTED and group in wanted
    )
    pairs = [Pair(group, entry) for entry, group in hot]
    for group in counting:
        ours = [entry for entry, of in hot if of == group]
        if not ours:
            continue
        hot_entries = set(ours)
        named = [entry for entry in numbers if lookup._ids(entry, group)]
        hot_named = [entry for entry in named if entry in hot_entries]
        for entry in addresses:
            if lookup._ids(entry, group):
                others = named if entry in hot_entries else hot_named
                pairs += [Pair(group, entry, number) for number in others]
        for one in hot_named:
            pairs += [Pair(group, min(one, other), max(one, other)) for other in named if one != other]
    return list(dict.fromkeys(pairs))


def _assignable(
    lookup: Lookup, addresses: Sequence[FoundAddress], groups: Sequence[Group], counting: Sequence[Group]
) -> list[RecordRef]:
    """Every record that some clause could assign: the only one of its group for an address, the only one that
    carries an address and a number, the only one with two numbers."""
    known = [found.key for found in addresses if address_entry(found.key) in lookup.found]
    hits = [(group, lookup.by_address(address, group)) for address in known for group in groups]
    content = [number for number in lookup.numbers if number.in_content]
    for group in counting:
        for address in known:
            hits += [(group, both) for _, both in lookup.numbers_with(address, group)]
        # A step may count the numbers of the content alone, so that only one of several records is left.
        for numbers in (lookup.numbers, content):
            hits.append((group, lookup.by_two_numbers([number.key for number in numbers], group)))
    return [RecordRef(group.type, hit.ids[0]) for group, hit in hits if hit.total == 1]
