"""What one mail's evidence leads to, and that what could be assigned was fetched."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beleg import directory as directory_module
from beleg import lookup as lookup_module
from beleg.directory import Group, MemoryDirectory, address_entry
from beleg.evidence import FoundNumber, extract
from beleg.ignore import IgnoreList
from beleg.lookup import Hits, Interest, Lookup, look_up
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.record import CUSTOMER, Record, RecordRef
from worlds import ACTIVE, GROUPS, OFFERS, ORDERS, TYPES, WORLDS, contact, order

INTERESTS = (
    Interest((ORDERS,), numbers=True),
    Interest((OFFERS,), numbers=True),
    Interest(tuple(group for group in GROUPS if group.type == "contact")),
)


def lookup_of(world: list[Record], *lines: str, subject: str = "") -> Lookup:
    """What a mail of these lines leads to in a world."""
    evidence = extract(parse("\n".join([f"Subject: {subject}", "", *lines]).encode()), min_reference_length=3)
    return look_up(evidence, evidence.content, INTERESTS, MemoryDirectory(world, TYPES))


def carriers(world: list[Record], group: Group, *entries: str) -> tuple[str, ...]:
    """The ids of the group's records that carry all of the keys, found the slow way."""
    found = []
    by_ref = {each.ref: each for each in world}
    for each in world:
        declared = TYPES.get(each.ref.type)
        keys = {f"#{key}" for key in each.reference_keys()}
        lenders = [each, *(by_ref[ref] for ref in each.targets(CUSTOMER) if ref in by_ref)]
        keys |= {f"@{key}" for lender in lenders for key in lender.address_keys()}
        if each.ref.type == group.type and (declared.facet(each.status) if declared else "") == group.facet:
            found += [each.ref.id] if keys >= set(entries) else []
    return tuple(sorted(found))


def distinct(numbers: tuple[FoundNumber, ...]) -> list[FoundNumber]:
    return [number for n, number in enumerate(numbers) if number.key not in {each.key for each in numbers[:n]}]


@settings(deadline=None, max_examples=200)
@given(world=WORLDS, listed=st.sampled_from([1, 2, 50]), data=st.data())
def test_lookup_is_what_the_records_say(world: list[Record], listed: int, data: st.DataObject) -> None:
    """Also where nearly everything is hot, because only one or two records are listed."""
    texts = ["a@x.example", "b@x.example", "ö@bücher.example", "AB-1", "AB-2", "4711", "Nr. 77", "٣٤٥٦"]
    lines = data.draw(st.lists(st.sampled_from(texts), max_size=8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory_module, "LISTED", listed)
        patch.setattr(lookup_module, "LISTED", listed)
        lookup = lookup_of(world, *lines)
        addresses = list({line.replace("bücher", "xn--bcher-kva") for line in lines if "@" in line})
        keys = [number.key for number in distinct(lookup.numbers)]

        def hits(group: Group, *entries: str) -> Hits:
            ids = carriers(world, group, *entries)
            return Hits(ids[:listed], len(ids))

        for group in GROUPS:
            for address in addresses:
                assert lookup.by_address(address, group) == hits(group, f"@{address}")
            for key in keys:
                assert lookup.by_number(key, group) == hits(group, f"#{key}")
        for group in (ORDERS, OFFERS):
            for address in addresses:
                both = {key: hits(group, f"@{address}", f"#{key}") for key in keys}
                assert {key: lookup.by_both(address, key, group) for key in keys} == both
                assert [(number.key, found) for number, found in lookup.numbers_with(address, group)] == [
                    (key, found) for key, found in both.items() if found.total
                ]
            twice = {id_ for pair in combinations(keys, 2) for id_ in carriers(world, group, *(f"#{k}" for k in pair))}
            found = lookup.by_two_numbers(keys, group)
            assert found.ids == tuple(sorted(twice)[:listed])
            assert min(found.total, 2) == min(len(twice), 2)  # none, one, or several is what decides


def test_numbers_are_in_reading_order_at_their_first_place() -> None:
    world = [order("1", "a@x.example", number="AB-1", shop="77-1"), order("2", "a@x.example", number="AB-2")]
    lookup = lookup_of(world, "AB-2, 771, a@x.example, AB-1 und ab2")
    found = lookup.numbers_with("a@x.example", ORDERS)
    assert [(number.text, hits.ids) for number, hits in found] == [
        ("AB-2", ("2",)),
        ("771", ("1",)),
        ("AB-1", ("1",)),
    ]
    assert lookup.numbers_with("b@x.example", ORDERS) == lookup.numbers_with("a@x.example", ACTIVE) == []


def test_only_of_the_content_is_one_left(installed: Installed) -> None:
    """Subject and content name two orders, the content alone one: it is fetched, and its customer follows."""
    world = [
        order("1", customer="K", number="AB-1000", shop="302-1"),
        order("2", customer="L", number="AB-2000", shop="302-2"),
        contact("K"),
        contact("L"),
    ]
    raw = b"Subject: AB-1000 302-1\n\nAB-2000, 302-2"
    trace = Engine(installed).decide(parse(raw), MemoryDirectory(world, installed.types), IgnoreList()).trace
    assert [each.record for each in trace.assigned] == ["order:2", "contact:L"]


def test_nothing_is_asked_for_nothing() -> None:
    lookup = lookup_of([order("1", number="AB-1000")])
    assert (lookup.numbers, lookup.record(RecordRef("order", "1"))) == ((), None)
    assert lookup.by_address(address_entry("a@x.example"), ORDERS) == Hits((), 0)
