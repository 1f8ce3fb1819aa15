"""The contract of a directory: in memory, on SQLite and on PostgreSQL the same answers to one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beleg.directory import COUNTED, LISTED, Directory, Group, MemoryDirectory, Pair, Shared, count_total
from beleg.record import Link, Record, RecordRef
from beleg.store import Database, SqlDirectory
from beleg.store.records import import_records
from worlds import (
    ACTIVE,
    GROUPS,
    INACTIVE,
    OFFERS,
    ORDERS,
    OTHERS,
    TYPES,
    WORLDS,
    answers,
    at,
    contact,
    no,
    order,
)

Make = Callable[[list[Record]], Directory]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def directory_of(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a directory of records, of each kind."""
    if request.param == "memory":
        yield lambda records: MemoryDirectory(records, TYPES)
        return
    database: Database = request.getfixturevalue(request.param)
    with database.begin() as connection:

        def make(records: list[Record]) -> Directory:
            import_records(connection, records, TYPES)
            return SqlDirectory(connection)

        yield make


# find


def test_unknown_entries_are_missing(directory_of: Make) -> None:
    directory = directory_of([order("1", "a@x.example", number="AB-1")])
    assert directory.find([at("b@x.example"), no("AB-2"), "@ab1", "#a@x.example", ""], GROUPS) == {}
    assert directory.find([], GROUPS) == {}


def test_an_empty_directory(directory_of: Make) -> None:
    directory = directory_of([])
    assert directory.find([at("a@x.example")], GROUPS) == {}
    assert directory.share([Pair(ORDERS, at("a@x.example"))]) == {Pair(ORDERS, at("a@x.example")): Shared(0, ())}
    assert directory.records([RecordRef("order", "1")]) == {}


def test_by_address_and_by_number(directory_of: Make) -> None:
    directory = directory_of(
        [
            order("1", "A@x.example", number="AB-1"),
            order("2", "a@X.example", number="ab 1", invoice="RE/7"),
            contact("K", "a@x.example", number="AB1"),
        ]
    )
    assert directory.find([at("a@x.example"), no("ab1"), no("re7")], GROUPS) == {
        "@a@x.example": {ORDERS: ["1", "2"], ACTIVE: ["K"]},
        "#ab1": {ORDERS: ["1", "2"], ACTIVE: ["K"]},
        "#re7": {ORDERS: ["2"]},
    }
    assert directory.find([at("a@x.example")], [ACTIVE, OFFERS]) == {"@a@x.example": {ACTIVE: ["K"]}}


def test_known_only_under_another_type(directory_of: Make) -> None:
    """A number counts when any record of any type carries it (RULES.md section 2)."""
    directory = directory_of([Record(RecordRef("article", "A"), "ART-1", addresses=("a@x.example",))])
    assert directory.find([no("ART-1"), at("a@x.example")], GROUPS) == {"#art1": {}, "@a@x.example": {}}
    assert directory.find([no("ART-1")], [Group("article")]) == {"#art1": {Group("article"): ["A"]}}


def test_no_groups(directory_of: Make) -> None:
    many = [order(f"O{n}", number="2024") for n in range(LISTED + 5)]
    directory = directory_of([*many, order("1", number="AB-1")])
    assert directory.find([no("AB-1"), no("2024"), no("77")], ()) == {"#ab1": {}, "#2024": {}}


def test_a_hot_entry_without_records_of_the_groups(directory_of: Make) -> None:
    directory = directory_of([order(f"O{n}", number="2024") for n in range(LISTED + 5)])
    assert directory.find([no("2024")], [OFFERS, ACTIVE]) == {"#2024": {}}


def test_contacts_count_by_status(directory_of: Make) -> None:
    directory = directory_of(
        [
            contact("1", "a@x.example"),
            contact("2", "a@x.example", status="active"),
            contact("3", "a@x.example", status="inactive"),
            contact("4", "a@x.example", status="none"),
            contact("5", "a@x.example", status="odd"),
        ]
    )
    found = directory.find([at("a@x.example")], GROUPS)
    assert found == {"@a@x.example": {ACTIVE: ["1", "2"], INACTIVE: ["3"], OTHERS: ["4"]}}


def test_through_the_customer(directory_of: Make) -> None:
    directory = directory_of(
        [
            order("1", customer="K"),
            order("2", "a@x.example", customer="K"),
            order("3", customer=["K", "L"]),
            order("4", customer="M"),
            order("5", customer="gone"),
            order("6"),
            contact("K", "a@x.example"),
            contact("L", "a@x.example", "b@x.example"),
            contact("M"),
        ]
    )
    assert directory.find([at("a@x.example"), at("b@x.example")], GROUPS) == {
        "@a@x.example": {ORDERS: ["1", "2", "3"], ACTIVE: ["K", "L"]},
        "@b@x.example": {ORDERS: ["3"], ACTIVE: ["L"]},
    }


def test_numbers_do_not_come_through_the_customer(directory_of: Make) -> None:
    directory = directory_of([order("1", customer="K"), contact("K", number="KD-1")])
    assert directory.find([no("KD-1")], GROUPS) == {"#kd1": {ACTIVE: ["K"]}}


def test_only_the_customer_lends_its_addresses(directory_of: Make) -> None:
    offer = Record(RecordRef("offer", "A"), addresses=("a@x.example",))
    links = (Link("offer", offer.ref),)
    directory = directory_of([Record(RecordRef("order", "1"), links=links), offer])
    assert directory.find([at("a@x.example")], GROUPS) == {"@a@x.example": {OFFERS: ["A"]}}


def test_no_more_than_listed_and_one(directory_of: Make) -> None:
    few = [order(f"F{n:04}", "few@x.example") for n in range(LISTED)]
    just = [order(f"J{n:04}", "just@x.example") for n in range(LISTED + 1)]
    many = [order(f"M{n:04}", customer="K") for n in range(3 * LISTED)]
    directory = directory_of([*reversed(many), *few, *just, contact("K", "many@x.example")])
    assert directory.find([at("few@x.example"), at("just@x.example"), at("many@x.example")], GROUPS) == {
        "@few@x.example": {ORDERS: [each.ref.id for each in few]},
        "@just@x.example": {ORDERS: [each.ref.id for each in just]},
        "@many@x.example": {ORDERS: [each.ref.id for each in many[: LISTED + 1]], ACTIVE: ["K"]},
    }


def test_two_customers_with_one_address_count_a_document_once(directory_of: Make) -> None:
    """On the border where a range of the index is no longer read whole."""
    number = LISTED // 2 + 2
    orders = [order(f"{n:03}", customer=["K", "L"]) for n in range(number)]
    directory = directory_of([*orders, contact("K", "a@x.example"), contact("L", "a@x.example")])
    entry = at("a@x.example")
    assert directory.find([entry], [ORDERS]) == {entry: {ORDERS: [each.ref.id for each in orders]}}
    pair = Pair(ORDERS, entry)
    assert directory.share([pair])[pair].total == number


def test_order_is_that_of_the_bytes(directory_of: Make) -> None:
    ids = [
        "B",
        "a",
        "Ä",
        "ä",
        "10",
        "9",
        "ß",
        "€",
        "z",
        "\uffee",
        "\U0001f4e6",
        "o'1",
        'o"1',
        "\\",
        "a b",
        "a-b",
    ]
    directory = directory_of([order(id_, number="AB-1") for id_ in ids])
    found = directory.find([no("AB-1")], [ORDERS])[no("AB-1")][ORDERS]
    assert list(found) == sorted(ids, key=str.encode) == sorted(ids)
    assert directory.share([Pair(ORDERS, no("AB-1"))])[Pair(ORDERS, no("AB-1"))].ids == tuple(sorted(ids))


@pytest.mark.parametrize("text", ["o'a@x.example", 'a"b@x.example', "100%@x.example", "ö_:x\\@bücher.example"])
def test_keys_are_only_text(directory_of: Make, text: str) -> None:
    directory = directory_of([order("1", text)])
    assert directory.find([at(text), "@%", "@_@x.example"], [ORDERS]) == {at(text): {ORDERS: ["1"]}}


# share


def test_share_counts_one_entry(directory_of: Make) -> None:
    records = [order(f"{n:04}", "a@x.example") for n in range(COUNTED + 5)]
    directory = directory_of([*records, order("z", "b@x.example")])
    assert directory.share([]) == {}
    pairs = [
        Pair(ORDERS, at("a@x.example")),
        Pair(ORDERS, at("b@x.example")),
        Pair(OFFERS, at("a@x.example")),
    ]
    assert directory.share(pairs) == {
        pairs[0]: Shared(COUNTED + 1, tuple(each.ref.id for each in records[: LISTED + 1])),
        pairs[1]: Shared(1, ("z",)),
        pairs[2]: Shared(0, ()),
    }


@pytest.mark.parametrize("size", [LISTED, LISTED + 1, COUNTED, COUNTED + 1])
def test_share_counts_up_to(directory_of: Make, size: int) -> None:
    directory = directory_of([order(f"{n:04}", "a@x.example", number="2024") for n in range(size)])
    for pair in (Pair(ORDERS, at("a@x.example")), Pair(ORDERS, at("a@x.example"), no("2024"))):
        assert directory.share([pair])[pair].total == size
        assert len(directory.share([pair])[pair].ids) == min(size, LISTED + 1)


def test_share_of_two_entries(directory_of: Make) -> None:
    """One rare and one hot, both hot and apart, both hot with some in common, in both orders."""
    both = [order(f"B{n:04}", "hot@x.example", number="2024") for n in range(3 * LISTED)]
    only_address = [order(f"A{n:04}", "hot@x.example") for n in range(COUNTED + 50)]
    only_number = [order(f"N{n:04}", number="2024") for n in range(2 * LISTED)]
    apart = [order(f"X{n:04}", number="777") for n in range(2 * LISTED)]
    rare = [order("A9999", customer="K", number="AB-1"), order("Z", number="AB-1")]
    rare += [contact("K", "hot@x.example")]
    directory = directory_of([*both, *only_address, *only_number, *apart, *rare])
    hot = at("hot@x.example")
    for one, other, ids in (
        (hot, no("AB-1"), ["A9999"]),
        (hot, no("2024"), [each.ref.id for each in both]),
        (hot, no("777"), []),
        (no("2024"), no("777"), []),
        (no("2024"), no("2024"), [each.ref.id for each in (*both, *only_number)]),
        (hot, no("unknown1"), []),
    ):
        for pair in (Pair(ORDERS, one, other), Pair(ORDERS, other, one)):
            assert directory.share([pair]) == {pair: Shared(len(ids), tuple(ids[: LISTED + 1]))}


def test_share_asks_one_group(directory_of: Make) -> None:
    directory = directory_of(
        [
            contact("1", "a@x.example", number="1234"),
            contact("2", "a@x.example", number="1234", status="none"),
        ]
    )
    pairs = [Pair(group, at("a@x.example"), no("1234")) for group in GROUPS]
    shared = directory.share(pairs)
    assert [shared[pair].ids for pair in pairs] == [(), (), ("1",), (), ("2",)]


def test_totals_of_several_groups() -> None:
    assert count_total([1, 2]) == 3
    assert count_total([COUNTED, 2]) == count_total([COUNTED + 1, COUNTED + 1]) == COUNTED + 1


# records


def test_records_and_what_they_point_at(directory_of: Make) -> None:
    article = Record(RecordRef("article", "A"), "ART-1", "Schraube „M3“")
    offer = Record(RecordRef("offer", "AN"), links=(Link("customer", RecordRef("contact", "K")),))
    whole = Record(
        RecordRef("order", "1"),
        "AB-1",
        "",
        "offen",
        ("a@x.example", "a@x.example"),
        order("", number="", invoice="RE-1", shop="").references,
        (
            Link("customer", RecordRef("contact", "gone")),
            Link("offer", offer.ref),
            Link("article", article.ref),
            Link("article", article.ref),
        ),
    )
    directory = directory_of([whole, offer, article, contact("K", status="inactive"), order("2")])
    assert directory.records([whole.ref]) == {each.ref: each for each in (whole, offer, article)}
    refs = [RecordRef("order", "none such"), RecordRef("contact", "K"), RecordRef("order", "2"), whole.ref]
    assert set(directory.records([*refs, whole.ref])) == {*refs[1:], offer.ref, article.ref}
    assert directory.records([]) == {}


# all of it


@contextmanager
def rolled_back(database: Database) -> Iterator[SqlDirectory]:
    with database.engine.connect() as connection, connection.begin() as transaction:
        yield SqlDirectory(connection)
        transaction.rollback()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=WORLDS, data=st.data())
def test_database_and_memory_agree(database: Database, world: list[Record], data: st.DataObject) -> None:
    """Whatever the order and the batches in which the records were imported."""
    expected = answers(MemoryDirectory(world, TYPES), world)
    rest = iter(data.draw(st.permutations(world)))
    with rolled_back(database) as directory:
        while batch := list(islice(rest, data.draw(st.integers(1, 5)))):
            import_records(directory._connection, batch, TYPES)
        assert answers(directory, world) == expected


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=WORLDS, before=WORLDS)
def test_agree_after_another_world(database: Database, world: list[Record], before: list[Record]) -> None:
    """What was imported before and is gone leaves nothing behind."""
    types = {each.ref.type for each in world}
    left = [each for each in before if each.ref.type not in types]
    expected = answers(MemoryDirectory([*world, *left], TYPES), [*before, *world])
    with rolled_back(database) as directory:
        import_records(directory._connection, before, TYPES)
        report = import_records(directory._connection, world, TYPES, prune=True)
        assert report.types == types
        assert answers(directory, [*before, *world]) == expected
