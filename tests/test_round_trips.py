"""How often a decision asks the database: at most four times, whatever a mail holds and plugins are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, event

from beleg import DocumentStep, FollowUp, RecordType, Words, hookimpl
from beleg.assignment import Assignment
from beleg.directory import MemoryDirectory
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.record import RecordRef
from beleg.step import OnConflict, RuleSettings
from beleg.store import Database, SqlDirectory
from beleg.store.records import import_records
from beleg.trace import digest
from conftest import PostgresServer
from worlds import contact, order

SOME, MANY = 200, 5_000
HOT = 2_000


def plugin(number: int) -> SimpleNamespace:
    """A plugin as an author would write it: a document type and its step."""
    name = f"paper{number}"

    @hookimpl
    def beleg_record_types() -> list[RecordType]:
        words = {"en": Words(name, f"{name}s"), "de": Words(name, f"{name}s")}
        return [RecordType(name, f"{name}s", words, links={"customer": "contact"})]

    @hookimpl
    def beleg_steps() -> list[DocumentStep]:
        return [DocumentStep(name, priority=500 + number, follow_ups=[FollowUp("customer")])]

    return SimpleNamespace(beleg_record_types=beleg_record_types, beleg_steps=beleg_steps)


@pytest.fixture(scope="module", params=["as installed", "25 more steps"])
def steps(request: pytest.FixtureRequest) -> Installed:
    more = 25 if request.param == "25 more steps" else 0
    return load_plugins(extra=[(f"paper{number}", plugin(number)) for number in range(more)])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Connection]:
    """On SQLite, with 5,000 orders of each kind."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('world')}/beleg.db")
    database.upgrade()
    yield from filled(database, installed, MANY)


@pytest.fixture(scope="module")
def postgres_world(postgres_server: PostgresServer, installed: Installed) -> Iterator[Connection]:
    """On PostgreSQL, with 200."""
    yield from filled(Database(postgres_server.fresh_database()), installed, SOME)


def filled(database: Database, installed: Installed, size: int) -> Iterator[Connection]:
    """`size` orders with an address and a number of their own, twice as many that share an address, and two
    thousand with a hot address and hot numbers."""
    orders = [
        order(f"{kind}{n}", f"kunde{n}@{kind}.example", number=f"{kind}-{10000 + n}")
        for n in range(size)
        for kind in ("one", "two")
    ]
    doubles = [order(f"double{n}", f"kunde{n}@two.example") for n in range(size)]
    hot = [order(f"hot{n}", customer="market", kundennummer="KD-2024") for n in range(HOT)]
    hot += [order(f"cold{n}", jahr="2024") for n in range(HOT)]
    contacts = contact("market", "relay@market.example"), contact("K", "anna@kunde.example")
    with database.begin() as connection:
        import_records(connection, [*orders, *doubles, *hot, *contacts], installed.types)
    with database.begin(write=False) as connection:
        yield connection
    database.close()


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def mail(*lines: str, sender: str = "anna@kunde.example") -> bytes:
    return "\n".join([f"From: {sender}", "To: relay@market.example", "", *lines]).encode()


def ask(connection: Connection, steps: Installed, raw: bytes, own: tuple[Assignment, ...] = ()) -> tuple[int, Decision]:
    with statements(connection) as seen:
        engine = Engine(steps, RuleSettings(on_conflict="first"))
        decision = engine.decide(parse(raw), SqlDirectory(connection), IgnoreList(), own=own)
    return len(seen), decision


@pytest.mark.parametrize(("size", "kind"), [(1, "one"), (SOME, "one"), (SOME, "two"), (MANY, "two")])
def test_everything_at_once(world: Connection, steps: Installed, size: int, kind: str) -> None:
    """The sender's contact, a hot address, two hot numbers, and `size` of the rest."""
    check_everything(world, steps, size, kind)


@pytest.mark.parametrize("kind", ["one", "two"])
def test_everything_at_once_on_postgres(postgres_world: Connection, steps: Installed, kind: str) -> None:
    check_everything(postgres_world, steps, SOME, kind)


def check_everything(world: Connection, steps: Installed, size: int, kind: str) -> None:
    lines = [f"kunde{n}@{kind}.example {kind}-{10000 + n}" for n in range(size)]
    count, decision = ask(world, steps, mail("KD-2024 und 2024", *lines))
    assert count == 3
    assert len(decision.trace.numbers) == size + 2
    assert len(decision.trace.addresses) == size + 2


@pytest.mark.parametrize("size", [1, SOME, MANY])
@pytest.mark.parametrize("known", [True, False])
def test_nothing_hot(world: Connection, steps: Installed, size: int, known: bool) -> None:
    kind = "one" if known else "unknown"
    lines = [f"kunde{n}@{kind}.example {kind}-{10000 + n}" for n in range(size)]
    raw = mail(*lines).replace(b"relay", b"shop")
    count, decision = ask(world, steps, raw)
    assert count == 2
    assert len(decision.trace.numbers) == (size if known else 0)


def test_nothing_to_look_up(world: Connection, steps: Installed) -> None:
    assert ask(world, steps, b"Subject: Hallo\n\nGuten Tag")[0] == 0
    standing = (Assignment(RecordRef("order", "one1"), "manual"),)
    assert ask(world, steps, b"Subject: Hallo\n\nGuten Tag", standing)[0] == 1


def test_a_hot_address_with_one_number(world: Connection, steps: Installed) -> None:
    count, decision = ask(world, steps, mail("KD-2024", sender="relay@market.example"))
    check = next(check for check in decision.trace.checks() if check.clause == "order.participants.ambiguous")
    assert count == 3
    assert check.candidates is not None
    assert (check.candidates.total, len(check.candidates.listed)) == (1_001, 50)
    assert [(naming.number, naming.total) for naming in check.numbers] == [("KD-2024", 1_001)]


@pytest.mark.parametrize("on_conflict", ["first", "abstain"])
def test_three_directories_one_trace(
    world: Connection, postgres_world: Connection, installed: Installed, on_conflict: OnConflict
) -> None:
    hot = [order(f"hot{n}", customer="market", kundennummer="KD-2024") for n in range(HOT)]
    hot += [order(f"cold{n}", jahr="2024") for n in range(HOT)]
    some = [order(f"one{n}", f"kunde{n}@one.example", number=f"one-{10000 + n}") for n in range(3)]
    contacts = contact("market", "relay@market.example"), contact("K", "anna@kunde.example")
    memory = MemoryDirectory([*hot, *some, *contacts], installed.types)
    message = parse(mail("KD-2024, 2024, one-10001", "kunde1@one.example", sender="relay@market.example"))
    engine = Engine(installed, RuleSettings(on_conflict=on_conflict))
    directories = memory, SqlDirectory(world), SqlDirectory(postgres_world)
    assert len({digest(engine.decide(message, each, IgnoreList()).trace) for each in directories}) == 1
