"""What comes of the scenarios in fixtures/, how each is explained, and that nothing else has a say in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection
from syrupy.assertion import SnapshotAssertion

from beleg import scenario
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.scenario import Outcome, Scenario
from beleg.store import Database, SqlDirectory
from beleg.store.mails import Mails
from beleg.store.records import import_records
from beleg.testing import explained
from beleg.testing.scenarios import everything as installed
from beleg.testing.scenarios import slug as slug_from
from beleg.trace import digest
from conftest import FIXTURES, SHARED
from stored import add_mail

WORLDS = SHARED / "worlds"
GERMAN = {
    # one of each family of clauses
    "A reply belongs where the customer's first mail belongs",
    "A person took the order off the first mail, and its answers follow that",
    "Set by hand and removed by hand counts as if it had never been",
    "Three orders by one address, the number in the subject picks one",
    "Two orders and no number at all, so nothing is assigned by this address",
    "The sender's only order was taken off by a person and is not made again",
    "An unknown sender names the order and its invoice in the text",
    "Two orders bear both numbers of the text",
    "With abstain, sender and copy lead to two orders, and two numbers in the text decide later",
    "An order set by hand with what followed from it stays, and three steps are skipped",
    "Customer, offer and the only article follow from an order",
    "Two articles in the order and no offer, so only the customer follows",
    "What the order points at is not in the ERP, so nothing follows",
    "Another offer was taken off this mail, so the customer does not follow a second time",
    "Three contacts share the family's address, one of them is an active customer",
    "Two former customers share an address, and nobody active",
    "None is active, exactly one was a customer once",
    "Nobody in the ERP has any address of the mail",
    "User, group, blacklisted address, domain and subdomain never count, the mail itself does",
    "A mail of 1,001 parts is beyond the limit and gets its history only",
}

# the scenarios, loaded once, and what came of each


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of fixtures/, by file and place in it."""
    return tuple(scenario.load_all([FIXTURES], installed()))


@cache
def outcomes() -> tuple[Outcome, ...]:
    """What came of each of them."""
    return tuple(scenario.run(each, installed()) for each in scenarios())


def name(each: Scenario) -> str:
    """`order/participants.yaml: Three orders by one address …`"""
    return f"{Path(each.file).relative_to(FIXTURES).as_posix()}: {each.title}"


def slug(each: Scenario) -> str:
    """The same as a file name: `order-participants-three-orders-by-one-address-…`."""
    return slug_from(each, FIXTURES)


german = [index for index, each in enumerate(scenarios()) if each.title in GERMAN]


# what comes out, and how it reads


@pytest.mark.parametrize("index", range(len(scenarios())), ids=[name(each) for each in scenarios()])
def test_expected(index: int) -> None:
    assert not outcomes()[index].faults


# The file of a snapshot is named by the scenario's file and title.
@pytest.mark.parametrize("index", range(len(scenarios())), ids=[slug(each) for each in scenarios()])
def test_explained(index: int, trace_snapshot: SnapshotAssertion) -> None:
    assert explained(outcomes()[index], "en") == trace_snapshot


@pytest.mark.parametrize("index", german, ids=[slug(scenarios()[index]) for index in german])
def test_explained_in_german(index: int, trace_snapshot: SnapshotAssertion) -> None:
    assert explained(outcomes()[index], "de") == trace_snapshot


def test_titles() -> None:
    """Each is there once, and those to explain in German are there."""
    titles = Counter(each.title for each in scenarios())
    assert [title for title, times in titles.items() if times > 1] == []
    assert sorted(GERMAN - set(titles)) == []


def test_one_snapshot_a_scenario() -> None:
    """None is left of a scenario that was renamed or is gone."""
    wanted = {f"test_explained[{slug(each)}].txt" for each in scenarios()}
    wanted |= {f"test_explained_in_german[{slug(scenarios()[index])}].txt" for index in german}
    stored = Path(__file__).parent / "__snapshots__" / Path(__file__).stem
    assert {path.name for path in stored.iterdir()} == wanted


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_left_to_fill_in(language: str) -> None:
    for outcome in outcomes():
        text = explained(outcome, language)
        assert not set(text) & set("{}"), text
        assert all(line == line.rstrip() for line in text.splitlines()), text


# the worked examples of the rule book


def world_files() -> list[object]:
    files = sorted(WORLDS.glob("*.yaml"))
    missing = pytest.mark.skip(reason=f"there is no {WORLDS}")
    return [pytest.param(path, id=path.name) for path in files] or [pytest.param(WORLDS, marks=missing)]


@pytest.mark.parametrize("path", world_files())
def test_worked_examples(path: Path) -> None:
    """Assigned records and the whole list of clauses, not only those that a scenario needs."""
    wrong = {}
    count = 0
    for each in scenario.load(path, installed()):
        count += 1
        assert each.expect.assigned is not None
        assert each.expect.clauses is not None
        outcome = scenario.run(each, installed())
        expected = (sorted(map(str, each.expect.assigned)), list(each.expect.clauses))
        if outcome.faults or (outcome.assigned, outcome.clauses) != expected:
            wrong[each.title] = outcome.faults or (expected, (outcome.assigned, outcome.clauses))
    assert count
    assert wrong == {}


# what must not matter

PRINT_DIGESTS = """
import sys
from pathlib import Path
from beleg import scenario
from beleg.plugins import installed
from beleg.trace import digest
everything = installed()
for path in scenario.find([Path(sys.argv[1])]):
    for each in scenario.load(path, everything):
        print(digest(scenario.run(each, everything).decision.trace))
"""


def test_hash_seed() -> None:
    """The order of sets and dictionaries decides nothing."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT_DIGESTS, str(FIXTURES)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "20260302")
    ]
    printed = [process.communicate(timeout=120)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    expected = [digest(outcome.decision.trace) for outcome in outcomes()]
    assert printed == [expected, expected]


def test_database(database: Database) -> None:
    """Records, thread and assignments from the database lead to the same trace as those in memory."""
    different = []
    for outcome in outcomes():
        with database.engine.connect() as connection, connection.begin() as transaction:
            stored = stored_digest(outcome.scenario, connection, installed())
            transaction.rollback()
        if stored != digest(outcome.decision.trace):
            different.append(name(outcome.scenario))
    assert different == []


def stored_digest(each: Scenario, connection: Connection, everything: Installed) -> str:
    """Put the scenario's world into the database, decide its message there, and return the trace's digest."""
    import_records(connection, each.records, everything.types)
    mails = Mails(connection)
    for mail in each.mailbox:
        add_mail(mails, mail.raw, mail.assignments)
    row = add_mail(mails, each.raw, each.assignments)
    thread, own = mails.around(mails.get([row])[0])
    decision = Engine(everything, each.settings).decide(
        parse(each.raw), SqlDirectory(connection), each.ignored, [tied for _, tied in thread], own
    )
    return digest(decision.trace)
