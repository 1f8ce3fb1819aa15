"""The mirror of the ERP: what an import counts, changes and leaves, and that its index is always right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from beleg.record import Link, Record, RecordRef, RecordType
from beleg.store import Database, SqlDirectory
from beleg.store import records as store
from beleg.store.directory import dump, load
from beleg.store.records import ImportReport, import_records
from beleg.store.tables import import_run, record
from worlds import GROUPS, ORDERS, RECORDS, TYPES, WORLDS, at, contact, index_of, links_of, no, order


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def take(connection: Connection, *records: Record, prune: bool = False) -> ImportReport:
    return import_records(connection, records, TYPES, prune=prune)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.changed, report.unchanged, report.retired


def orders_at(connection: Connection, address: str) -> list[str]:
    found = SqlDirectory(connection).find([at(address)], [ORDERS])
    return list(found.get(at(address), {}).get(ORDERS, ()))


# what is counted


def test_counts(connection: Connection) -> None:
    one, two, three = order("1", number="AB-1"), order("2"), contact("K")
    assert counts(take(connection, one, two, three)) == (3, 0, 0, 0)
    assert counts(take(connection, one, two, three)) == (0, 0, 3, 0)
    assert counts(take(connection, replace(one, label="x"), two)) == (0, 1, 1, 0)
    assert counts(take(connection, two, prune=True)) == (0, 0, 1, 1)
    assert counts(take(connection, two, prune=True)) == (0, 0, 1, 0)
    assert counts(take(connection, one, two, three, prune=True)) == (
        0,
        1,
        2,
        0,
    )  # revived, as it was at first
    assert counts(take(connection)) == (0, 0, 0, 0)


def test_report(connection: Connection) -> None:
    progress: list[int] = []
    records = [order(str(n)) for n in range(store.BATCH + 7)]
    report = import_records(connection, records, TYPES, files="a.yaml, b.csv", progress=progress.append)
    assert (report.total, report.types, progress) == (len(records), {"order"}, [store.BATCH, 7])
    assert connection.execute(select(import_run.c.files)).scalars().all() == ["a.yaml, b.csv"]


def test_of_two_rows_with_one_id_the_last_counts(connection: Connection) -> None:
    old, new = order("1", "old@x.example", number="AB-1"), order("1", "new@x.example", number="AB-2")
    assert take(connection, old, new).total == 2
    again = [old, *(order(f"x{n}") for n in range(store.BATCH)), new]  # in two batches
    take(connection, *again)
    found = SqlDirectory(connection).find([at("old@x.example"), at("new@x.example"), no("AB-1")], GROUPS)
    assert found == {"@new@x.example": {ORDERS: ["1"]}}


def test_a_record_is_kept_whole(connection: Connection) -> None:
    whole = Record(
        RecordRef("order", "Ä:1"),
        "AB-1",
        "„Bücher“ \U0001f4e6",
        "offen",
        ("a@x.example", "A@x.example"),
        order("", a="1", b="2").references,
        (Link("customer", RecordRef("contact", "K")), Link("article", RecordRef("article", "A"))) * 2,
    )
    take(connection, whole)
    assert SqlDirectory(connection).records([whole.ref]) == {whole.ref: whole}
    assert load(dump(whole)) == whole


@given(RECORDS)
def test_dump_and_load(each: Record) -> None:
    assert load(dump(each)) == each


# in place


def test_a_changed_record_is_filed_anew(connection: Connection) -> None:
    take(connection, order("1", "a@x.example", number="AB-1"), order("2", "a@x.example", number="AB-1"))
    take(connection, order("1", "b@x.example", number="AB-9"))
    found = SqlDirectory(connection).find([at("a@x.example"), at("b@x.example"), no("AB-1"), no("AB-9")], [ORDERS])
    assert {entry: groups[ORDERS] for entry, groups in found.items()} == {
        "@a@x.example": ["2"],
        "@b@x.example": ["1"],
        "#ab1": ["2"],
        "#ab9": ["1"],
    }


def test_a_contact_moves_to_another_status(connection: Connection) -> None:
    take(connection, contact("K", "a@x.example", number="KD-1"))
    take(connection, contact("K", "a@x.example", number="KD-1", status="inactive"))
    assert index_of(connection) == [
        ("#kd1", "contact", "inactive", "K", ""),
        ("@a@x.example", "contact", "inactive", "K", ""),
    ]


def test_a_type_that_comes_to_count_by_status(connection: Connection) -> None:
    """A plugin that was switched off, and is on again with the next import."""
    lead = contact("K", "a@x.example", status="none")
    assert counts(import_records(connection, [lead], {})) == (1, 0, 0, 0)
    assert index_of(connection) == [("@a@x.example", "contact", "", "K", "")]
    assert counts(import_records(connection, [lead], TYPES)) == (0, 1, 0, 0)
    assert index_of(connection) == [("@a@x.example", "contact", "none", "K", "")]


# through the customer


def test_the_order_of_rows_does_not_matter(connection: Connection) -> None:
    take(connection, order("1", customer="K"), contact("K", "a@x.example"), order("2", customer="K"))
    assert orders_at(connection, "a@x.example") == ["1", "2"]


def test_a_customer_that_comes_later(connection: Connection) -> None:
    take(connection, order("1", customer="K"))
    take(connection, contact("K", "a@x.example"))
    assert orders_at(connection, "a@x.example") == ["1"]


def test_an_order_that_comes_later(connection: Connection) -> None:
    take(connection, contact("K", "a@x.example"))
    take(connection, order("1", customer="K"))
    assert orders_at(connection, "a@x.example") == ["1"]


def test_a_changed_address_moves_its_orders(connection: Connection) -> None:
    take(connection, order("1", customer="K"), contact("K", "a@x.example", "keep@x.example"))
    take(connection, contact("K", "b@x.example", "keep@x.example"))
    assert orders_at(connection, "a@x.example") == []
    assert orders_at(connection, "b@x.example") == orders_at(connection, "keep@x.example") == ["1"]


def test_a_changed_customer_moves_the_order(connection: Connection) -> None:
    take(connection, order("1", customer="K"), contact("K", "a@x.example"), contact("L", "b@x.example"))
    take(connection, order("1", customer="L"))
    assert orders_at(connection, "a@x.example") == []
    assert orders_at(connection, "b@x.example") == ["1"]
    take(connection, order("1"))
    assert orders_at(connection, "b@x.example") == []


def test_both_sides_change_at_once(connection: Connection) -> None:
    for batches in range(2):
        filler = [order(f"x{n}") for n in range(store.BATCH * batches)]
        take(connection, order("1", customer="K"), contact("K", "a@x.example"), contact("L", "b@x.example"))
        take(
            connection,
            contact("K", "b@x.example"),
            contact("L", "c@x.example"),
            *filler,
            order("1", customer="L"),
        )
        assert [orders_at(connection, f"{letter}@x.example") for letter in "abc"] == [[], [], ["1"]]


def test_an_address_of_its_own_and_through_the_customer(connection: Connection) -> None:
    take(connection, order("1", "a@x.example", customer="K"), contact("K", "a@x.example"))
    assert len(index_of(connection)) == 3
    take(connection, contact("K"))
    assert orders_at(connection, "a@x.example") == ["1"]
    take(connection, contact("K", "a@x.example"))
    take(connection, order("1", customer="K"))
    assert orders_at(connection, "a@x.example") == ["1"]
    take(connection, order("1"))
    assert orders_at(connection, "a@x.example") == []


def test_two_customers_share_an_address(connection: Connection) -> None:
    customers = contact("K", "a@x.example"), contact("L", "a@x.example")
    take(connection, order("1", customer=["K", "L"]), order("2", customer="L"), *customers)
    assert orders_at(connection, "a@x.example") == ["1", "2"]
    take(connection, contact("L", "b@x.example"))
    assert orders_at(connection, "a@x.example") == ["1"]
    take(connection, contact("K"))
    assert orders_at(connection, "a@x.example") == []
    assert orders_at(connection, "b@x.example") == ["1", "2"]


def test_a_label_of_the_customer_leaves_its_orders_alone(database: Database) -> None:
    """A marketplace's 100,000 entries are not written again for that."""
    with database.begin() as connection:
        take(connection, contact("K", "a@x.example"), *(order(str(n), customer="K") for n in range(20)))
        before = index_of(connection)
        written = connection.execute(text("SELECT total_changes()")).scalar_one() if database.sqlite else 0
        take(connection, replace(contact("K", "a@x.example"), label="Kunde & Söhne"))
        words = [(f"~{word}", "contact", "active", "K", "") for word in ("kunde", "söhne")]
        assert index_of(connection) == [*before, *words]
        if database.sqlite:
            assert connection.execute(text("SELECT total_changes()")).scalar_one() - written < 20


# prune


def test_prune_touches_the_imported_types_only(connection: Connection) -> None:
    take(connection, order("1", number="AB-1"), order("2"), contact("K", number="KD-1"))
    assert take(connection, order("2"), prune=True).retired == 1
    found = SqlDirectory(connection).find([no("AB-1"), no("KD-1")], ())
    assert found == {"#kd1": {}}
    assert set(SqlDirectory(connection).records([RecordRef("order", "1"), RecordRef("contact", "K")])) == {
        RecordRef("contact", "K")
    }


def test_prune_of_more_than_a_batch(connection: Connection) -> None:
    take(connection, *(order(str(n), number=f"AB-{n}") for n in range(3 * store.BATCH)))
    keep = [order(str(n), number=f"AB-{n}") for n in range(0, 3 * store.BATCH, 100)]
    report = take(connection, *keep, prune=True)
    assert (report.unchanged, report.retired) == (len(keep), 3 * store.BATCH - len(keep))
    assert len(index_of(connection)) == len(keep)


def test_a_retired_record_is_kept_and_comes_back(connection: Connection) -> None:
    take(connection, order("1", "b@x.example", customer="K", number="AB-1"), contact("K", "a@x.example"))
    full, links = index_of(connection), links_of(connection)
    take(connection, order("2"), prune=True)
    assert links_of(connection) == []
    row = connection.execute(select(record).where(record.c.id == "1")).one()
    assert row.retired
    assert load(row.data).number == "AB-1"
    take(connection, order("1", "b@x.example", customer="K", number="AB-1"))
    assert (index_of(connection), links_of(connection)) == (full, links)


def test_a_retired_customer_lends_nothing(connection: Connection) -> None:
    take(connection, order("1", customer="K"), contact("K", "a@x.example"), contact("L"))
    report = take(connection, contact("L"), prune=True)
    assert report.dangling == [("order:1", "customer", "contact:K")]
    assert orders_at(connection, "a@x.example") == []
    take(connection, contact("K", "a@x.example"))
    assert orders_at(connection, "a@x.example") == ["1"]


# dangling links


def test_dangling_links_are_kept_and_reported(connection: Connection) -> None:
    report = take(connection, order("2", customer=["gone", "K"]), order("1", customer="gone"), contact("K"))
    assert report.dangling_count == 2
    assert report.dangling == [
        ("order:1", "customer", "contact:gone"),
        ("order:2", "customer", "contact:gone"),
    ]
    assert len(links_of(connection)) == 3
    assert take(connection, order("1", customer="gone")).dangling_count == 0  # reported already
    assert take(connection, contact("gone")).dangling_count == 0


def test_a_hundred_dangling_links_are_listed(connection: Connection) -> None:
    report = take(connection, *(order(f"{n:03}", customer="gone") for n in range(120)))
    assert (report.dangling_count, len(report.dangling)) == (120, 100)
    assert report.dangling[0][0] == "order:000"


# all or nothing


def test_all_or_nothing(database: Database) -> None:
    with database.begin() as connection:
        take(connection, order("1", customer="K"), contact("K", "a@x.example"))
    with database.begin(write=False) as connection:
        before = index_of(connection), links_of(connection)

    def broken() -> Iterator[Record]:
        yield from (order(str(n), "b@x.example") for n in range(2 * store.BATCH))
        raise ValueError("line 1,001: no id")

    with pytest.raises(ValueError, match="line"), database.begin() as connection:
        import_records(connection, broken(), TYPES, prune=True)
    with database.begin(write=False) as connection:
        assert (index_of(connection), links_of(connection)) == before
        assert len(connection.execute(select(import_run)).all()) == 1


def test_two_imports_at_once(database: Database) -> None:
    """The second one waits: neither misses what the other brings."""
    from threading import Thread

    def other() -> None:
        with database.begin() as connection:
            take(connection, contact("K", "a@x.example"))

    with database.begin() as connection:
        take(connection, order("1", customer="K"))
        thread = Thread(target=other)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(20)
    with database.begin(write=False) as connection:
        assert orders_at(connection, "a@x.example") == ["1"]


# the index, whatever came before

IMPORTS = st.lists(st.tuples(WORLDS, st.booleans(), st.sampled_from([1, 2, 500])), min_size=1, max_size=4)


def check_index(
    connection: Connection, imports: list[tuple[list[Record], bool, int]], types: dict[str, RecordType]
) -> None:
    live: dict[RecordRef, Record] = {}
    for world, prune, batch in imports:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "BATCH", batch)
            import_records(connection, world, types, prune=prune)
        if prune:
            imported = {each.ref.type for each in world}
            live = {ref: each for ref, each in live.items() if ref.type not in imported}
        live.update({each.ref: each for each in world})
    result = index_of(connection), links_of(connection)
    for table in ("record_key", "record_link", "record"):
        connection.execute(text(f"DELETE FROM {table}"))
    import_records(connection, live.values(), types)
    assert (index_of(connection), links_of(connection)) == result


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(imports=IMPORTS)
def test_index_is_that_of_the_live_records(sqlite: Database, imports: list[tuple[list[Record], bool, int]]) -> None:
    """Whatever was imported, changed, retired and revived on the way."""
    with sqlite.engine.connect() as connection, connection.begin() as transaction:
        check_index(connection, imports, dict(TYPES))
        transaction.rollback()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(imports=IMPORTS)
def test_index_is_that_of_the_live_records_postgres(
    postgres: Database, imports: list[tuple[list[Record], bool, int]]
) -> None:
    with postgres.engine.connect() as connection, connection.begin() as transaction:
        check_index(connection, imports, dict(TYPES))
        transaction.rollback()
