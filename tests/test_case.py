"""A case taken out of the database decides as the database does, and a changed world as one that is built anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beleg import scenario
from beleg.directory import COUNTED, MemoryDirectory
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.store import Database, SqlDirectory
from beleg.trace import digest
from beleg.workspace import Workspace
from conftest import FIXTURES
from stored import empty, ignore
from worlds import RECORDS, TYPES, WORLDS, answers, contact, order
from writing import mail


def test_of_a_stored_message(sqlite: Database, installed: Installed) -> None:
    """Each fixture that needs no settings of its own, stored, taken out and decided: the trace is that of the run."""
    count = 0
    for each in scenario.load_all([FIXTURES], installed):
        if each.settings != scenario.RuleSettings() or any(m.assignments for m in each.mailbox) or each.assignments:
            continue
        workspace = Workspace(sqlite, installed)
        empty(sqlite)
        workspace.import_records(each.records)
        ignore(workspace, each.ignored)
        workspace.import_mail([(m.raw, "") for m in each.mailbox] + [(each.raw, "")], decide=False)
        expected = digest(scenario.case(each, installed).decide(workspace.engine).trace)
        found = workspace.find_message(scenario.case(each, installed).message.sha256)
        assert digest(workspace.case(found).decide(workspace.engine).trace) == expected, each.title
        count += 1
    assert count > 100


def test_of_a_crowded_address(database: Database, installed: Installed) -> None:
    """More orders by one address than are counted: the case holds as many as the trace can tell apart."""
    records = [order(f"O-{n:05}", "relay@markt.example", number=f"AB-{n:05}", shop="S-7777") for n in range(1500)]
    records.append(order("X-1", "relay@markt.example", number="ZZ-4711"))
    workspace = Workspace(database, installed)
    workspace.import_records(records)
    raw = mail("Frage zu ZZ-4711 und S-7777", sender="relay@markt.example", id_="1@markt.example")
    case = workspace.case(raw)
    with database.begin(write=False) as connection:
        expected = workspace.engine.decide(parse(raw), SqlDirectory(connection), IgnoreList()).trace
    assert COUNTED < len(case.directory.all()) < 1200
    assert "order:X-1" in [each.record for each in expected.assigned]
    assert digest(case.decide(workspace.engine).trace) == digest(expected)


def test_near_records_come_with_all_that_shares_their_numbers(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    workspace.import_records(
        [
            contact("K-1", "a@x.example"),
            order("O-1", customer="K-1", number="AB-1001", shop="S-1"),
            order("O-2", "b@x.example", number="AB-1002", shop="AB1001"),
            order("O-3", "c@x.example", number="AB-1003"),
        ]
    )
    raw = mail(sender="a@x.example")
    refs = set(workspace.case(raw, [RecordRef("order", "O-1"), RecordRef("order", "none")]).directory.all())
    assert refs == {RecordRef("contact", "K-1"), RecordRef("order", "O-1"), RecordRef("order", "O-2")}


def test_near_a_customer_are_his_documents_and_what_shares_their_numbers(
    database: Database, installed: Installed
) -> None:
    """If he carried an address of the mail, his documents would; if it named his order, all that bear that number."""
    workspace = Workspace(database, installed)
    records = [
        contact("K-1"),
        order("O-1", customer="K-1"),
        order("O-2", "a@x.example", customer="K-1", number="AB-1001"),
        order("O-3", "b@x.example", number="AB-1001"),
        order("O-4", "b@x.example", number="AB-1004"),
    ]
    workspace.import_records(records)
    raw = mail(sender="a@x.example")
    assert set(workspace.case(raw).directory.all()) == {records[2].ref, records[0].ref}
    near = set(workspace.case(raw, [RecordRef("contact", "K-1")]).directory.all())
    assert near == {record.ref for record in records[:4]}


@given(WORLDS, st.lists(st.tuples(RECORDS, st.booleans()), max_size=4, unique_by=lambda each: each[0].ref))
@pytest.mark.slow
def test_changed_worlds(world: list[Record], changes: list[tuple[Record, bool]]) -> None:
    """A changed copy answers as a directory built from the changed records, and the original as before."""
    before = MemoryDirectory(world, TYPES)
    changed = before.changed({record.ref: record if there else None for record, there in changes})
    kept = [record for record in world if record.ref not in {each.ref for each, _ in changes}]
    expected = [*kept, *(record for record, there in changes if there)]
    everything = [*world, *(record for record, _ in changes)]
    assert answers(changed, everything) == answers(MemoryDirectory(expected, TYPES), everything)
    assert answers(before, everything) == answers(MemoryDirectory(world, TYPES), everything)


def test_a_changed_customer_changes_what_is_found_through_him(installed: Installed) -> None:
    world = MemoryDirectory([contact("K-1", "a@x.example"), order("O-1", customer="K-1")], installed.types)
    gone = world.changed({RecordRef("contact", "K-1"): None})
    assert gone.find(["@a@x.example"], [*Engine(installed).groups]) == {}
