"""Several people at one message at the same moment, and people while a run is going on: on both databases."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import text

from beleg.errors import NotFound
from beleg.plugins import Installed, installed
from beleg.record import RecordRef
from beleg.store import Database
from beleg.store.mails import Mails
from beleg.workspace import Workspace
from worlds import contact, order
from writing import day, mail

MESSAGES = 6
WORLD = [contact("K-5", "anna@kunde.example"), order("O-81", customer="K-5", number="AB-1042")]
THREAD = [
    mail("Frage zu AB-1042", id_="0@x", date=day(1)),
    *(mail("Re:", f"Nr. {n}", id_=f"{n}@x", reply_to=f"{n - 1}@x", date=day(1 + n)) for n in range(1, MESSAGES)),
]
ORDER = RecordRef("order", "O-81")


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    found.import_mail(((raw, "") for raw in THREAD), decide=False)
    return found


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """Do something so many times at one moment; what each returned."""
    barrier = Barrier(count)

    def wait(number: int) -> object:
        barrier.wait(30)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait, range(count)))


def decisions(workspace: Workspace) -> list[int]:
    """How many decisions each message has."""
    with workspace.database.begin(write=False) as connection:
        rows = connection.execute(text("SELECT message, count(*) FROM decision GROUP BY message ORDER BY message"))
        return [count for _, count in rows]


def standing(workspace: Workspace) -> list[list[str]]:
    return [[str(each.record) for each in made if each.stands] for made in assignments(workspace)]


def assignments(workspace: Workspace) -> list[Sequence]:
    with workspace.database.begin(write=False) as connection:
        return list(Mails(connection).assignments_of(range(1, MESSAGES + 1)).values())


def test_twenty_open_one_message(workspace: Workspace) -> None:
    """One decision, one trace; nobody is told that the database is locked."""
    found = at_once(20, lambda _: workspace.open(MESSAGES))
    assert all(each == found[0] for each in found)
    assert decisions(workspace) == [1] * MESSAGES
    assert standing(workspace) == [["order:O-81", "contact:K-5"]] * MESSAGES


def test_each_opens_another_message_of_the_thread(workspace: Workspace) -> None:
    """Opening one decides the earlier ones."""
    at_once(MESSAGES, lambda number: workspace.open(number + 1))
    assert decisions(workspace) == [1] * MESSAGES


def test_opened_while_a_run_decides(workspace: Workspace) -> None:
    at_once(8, lambda number: workspace.open(MESSAGES) if number % 2 else workspace.assign(workspace.undecided()))
    assert len(decisions(workspace)) == MESSAGES
    assert standing(workspace) == [["order:O-81", "contact:K-5"]] * MESSAGES


def test_a_removal_during_a_run_is_not_lost(workspace: Workspace) -> None:
    workspace.assign(workspace.undecided())
    removed = Event()

    def run() -> None:
        while not removed.is_set():
            workspace.assign(workspace.everything())

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run) for _ in range(2)]
        try:
            for row in range(1, MESSAGES + 1):
                # Behind the removal of an earlier message a run may have left nothing to remove.
                try:
                    workspace.remove(row, ORDER, "erika")
                except NotFound:
                    assert row > 1
        finally:
            removed.set()
        for each in runs:
            each.result()
    assert not any("order:O-81" in each for each in standing(workspace))
    workspace.assign(workspace.everything())
    assert standing(workspace) == [[]] * MESSAGES


def test_two_set_the_same_record(workspace: Workspace) -> None:
    workspace.assign(workspace.undecided())
    made = at_once(8, lambda number: workspace.add(1, ORDER, f"person {number}"))
    assert sum(1 for each in made if each) == 1
    assert [len(each) for each in assignments(workspace)] == [2] * MESSAGES
    history = workspace.history(1)
    assert [type(each).__name__ for each in history] == ["PastDecision", "Entry"]


def test_a_mail_that_ties_two_threads_while_they_are_opened(workspace: Workspace, installed: Installed) -> None:
    others = [
        mail("AB-1042", id_="a@x", date=day(10)),
        *(mail("Re:", id_=f"a{n}@x", reply_to="a@x", date=day(10 + n)) for n in range(1, 5)),
    ]
    workspace.import_mail(((raw, "") for raw in others), decide=False)
    tie = mail("Re:", id_="tie@x", references="<0@x> <a@x>", date=day(20))

    def act(number: int) -> None:
        if number == 0:
            workspace.import_mail([(tie, "")])
        else:
            workspace.open(MESSAGES + number % 5)

    at_once(10, act)
    workspace.assign(workspace.undecided())
    assert decisions(workspace) == [1] * (MESSAGES + 6)
    with workspace.database.begin(write=False) as connection:
        assert connection.execute(text("SELECT count(DISTINCT thread) FROM message")).scalar_one() == 1


def test_threads_are_not_tied_while_one_of_them_is_decided(workspace: Workspace) -> None:
    workspace.import_mail([(mail("AB-1042", id_="a@x", date=day(10)), "")], decide=False)
    tie = mail("Re:", id_="tie@x", references="<0@x> <a@x>", date=day(20))
    with ThreadPoolExecutor(1) as pool:
        with workspace.database.begin() as connection:
            Mails(connection).hold([1])
            tied = pool.submit(workspace.import_mail, [(tie, "")], decide=False)
            with pytest.raises(TimeoutError):
                tied.result(0.3)
        assert tied.result(30).new == 1


def test_processes(workspace: Workspace) -> None:
    """As several workers of the server."""
    url = workspace.database.url.render_as_string(hide_password=False)
    rows = range(1, MESSAGES + 1)
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(open_all, [url] * 3, [rows] * 3))
    assert found[0] == found[1] == found[2]
    assert decisions(workspace) == [1] * MESSAGES


def open_all(url: str, rows: Sequence[int]) -> list[str]:
    """What each of the processes does: open the messages, by several threads; the digests."""
    database = Database(url)
    workspace = Workspace(database, installed())
    try:
        with ThreadPoolExecutor(4) as pool:
            return [mark for _, mark in pool.map(workspace.open, [*rows, *rows])]
    finally:
        database.close()
