"""The mailbox: taken in once, tied into threads, what stands on a message, its decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from beleg.assignment import Assignment, Origin, Removal, ThreadMessage, kept_on_rerun
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database, DatabaseError, SqlDirectory
from beleg.store.mails import Mails, StoredMessage, to_date, to_number
from beleg.store.records import import_records
from beleg.store.tables import assignment, decision
from beleg.thread import thread_of
from beleg.trace import MessageSeen, Trace
from worlds import contact, order


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


@pytest.fixture
def mails(connection: Connection) -> Mails:
    return Mails(connection)


def mail(
    id_: str | None = None,
    *names: str,
    reply_to: str | None = None,
    date: str | None = None,
    body: str = "Hallo",
) -> bytes:
    lines = ["From: Anna <anna@kunde.example>", "To: shop@firma.example", "Subject: Rückfrage"]
    if id_:
        lines.append(f"Message-ID: <{id_}>")
    if reply_to:
        lines.append(f"In-Reply-To: <{reply_to}>")
    if names:
        lines.append("References: " + "\n ".join(f"<{name}>" for name in names))
    if date:
        lines.append(f"Date: {date}")
    return "\n".join([*lines, "", body]).encode()


def add(mails: Mails, raw: bytes) -> StoredMessage:
    return mails.get([mails.add(parse(raw), raw)])[0]


def threads(mails: Mails) -> set[frozenset[int]]:
    """The threads that the mailbox has, each as its messages."""
    found: dict[int, set[int]] = {}
    for each in mails.get(mails.rows()):
        found.setdefault(each.thread, set()).add(each.row)
    return {frozenset(rows) for rows in found.values()}


# taking in


def test_added_and_known(mails: Mails) -> None:
    raw = mail("a@x", date="Mon, 5 Feb 2024 10:00:00 +0100")
    parsed = parse(raw)
    assert mails.known([parsed.sha256]) == set()
    row = mails.add(parsed, raw, "Eingang")
    assert mails.known([parsed.sha256, "f" * 64]) == {parsed.sha256}
    assert mails.known([]) == set()
    assert mails.raw([row]) == {row: raw}
    assert mails.get([row, 4711]) == [
        StoredMessage(
            row,
            parsed.sha256,
            "a@x",
            datetime(2024, 2, 5, 9, tzinfo=UTC),
            "Rückfrage",
            "anna@kunde.example",
            mails.get([row])[0].thread,
            False,
            parsed.bytes_sha256,
            "Anna",
        )
    ]
    assert mails.get([row])[0].name == "a@x"
    assert mails.count() == mails.count(undecided=True) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\0",
        b"From: \xff\xfe\0<a@x.example>\nSubject: \xed\xa0\x80 \0 =?utf-8?q?=ED=A0=80=00?=\n\nx\0y",
    ],
)
def test_broken_mail_is_stored(mails: Mails, raw: bytes) -> None:
    """Neither database takes lone surrogates, PostgreSQL no NUL."""
    stored = add(mails, raw)
    assert mails.raw([stored.row]) == {stored.row: raw}
    assert stored.name == f"sha256:{stored.sha256[:12]}"
    assert stored.date is None


def test_many_at_once(mails: Mails) -> None:
    """More values than one statement may have parameters."""
    names = [f"{n}@x" for n in range(40_000)]
    stored = add(mails, mail("a@x", *names, body="1"))
    hashes = [f"{n:064x}" for n in range(70_000)]
    assert mails.known([*hashes, stored.sha256]) == {stored.sha256}
    assert mails.get([*range(10**6, 10**6 + 70_000), stored.row]) == [stored]
    other = add(mails, mail("39999@x"))
    assert other.thread == stored.thread


def test_the_same_bytes_twice_are_refused(database: Database) -> None:
    raw = mail("a@x")

    def add_twice() -> None:
        with database.begin() as connection:
            for _ in range(2):
                Mails(connection).add(parse(raw), raw)

    with pytest.raises(DatabaseError):
        add_twice()
    with database.begin() as connection:
        assert Mails(connection).count() == 0


def test_dates() -> None:
    for date in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None):
        assert to_date(to_number(date)) == date
    assert to_number(datetime.max.replace(tzinfo=UTC)) < to_number(None) < 2**63


# finding


def test_find(mails: Mails) -> None:
    one = add(mails, mail("a@x", body="1"))
    two = add(mails, mail("a@x", body="2"))
    three = add(mails, mail(f"{one.row}"))
    assert mails.find("a@x") == mails.find(" <a@x> ") == [one, two]
    assert mails.find(str(two.row)) == [two]
    assert mails.find(str(one.row)) == [one, three]  # a person is asked which
    for name in (one.sha256, one.sha256[:6], f"sha256:{one.sha256[:12]}", one.sha256.upper()):
        assert mails.find(name) in ([one], [one, two])
    assert mails.find(one.sha256[:20]) == [one]
    for name in ("", "b@x", one.sha256[:5], "9" * 30, "²", "%", "______", "a@x%"):
        assert mails.find(name) == []


def test_oldest_first(mails: Mails) -> None:
    dates = ["6 Feb 2024", None, "5 Feb 2024", "6 Feb 2024"]
    rows = [add(mails, mail(f"{n}@x", date=date and f"{date} 10:00:00 +0000")).row for n, date in enumerate(dates)]
    expected = [rows[2], rows[0], rows[3], rows[1]]
    assert mails.rows() == mails.rows(undecided=True) == expected
    assert mails.oldest_first([rows[1], rows[3], rows[2]]) == [rows[2], rows[3], rows[1]]
    assert [each.row for each, _ in mails.newest(2)] == [rows[1], rows[3]]


# threads


def test_threads_in_every_order(mails: Mails) -> None:
    """One answer ties two threads, whichever message comes when."""
    first, answer = mail("1@x"), mail("2@x", "1@x")
    other, joint = mail("3@x"), mail("4@x", "2@x", reply_to="3@x")
    rows = [add(mails, raw).row for raw in (answer, other, first)]
    assert threads(mails) == {frozenset([rows[0], rows[2]]), frozenset([rows[1]])}
    rows.append(add(mails, joint).row)
    assert threads(mails) == {frozenset(rows)}


def test_an_unknown_id_ties_nothing(mails: Mails) -> None:
    """Thousands answer one newsletter that is not stored."""
    rows = [add(mails, mail(f"{n}@x", "newsletter@y")).row for n in range(3)]
    assert threads(mails) == {frozenset([row]) for row in rows}
    add(mails, mail("newsletter@y"))
    assert len(threads(mails)) == 1


def test_a_long_thread_from_the_end(mails: Mails) -> None:
    stored = [add(mails, mail(f"{n}@x", f"{n - 1}@x")) for n in range(300, 0, -1)]
    found, own = mails.around(mails.get([stored[0].row])[0])
    assert (len(found), own) == (299, ())


def test_around(mails: Mails) -> None:
    one = add(mails, mail("1@x", date="5 Feb 2024 10:00:00 +0000"))
    two = add(mails, mail("2@x", "1@x"))
    add(mails, mail("3@x"))
    mails.assign(one.row, [Assignment(RecordRef("order", "O"), "manual")], "Anna")
    mails.assign(two.row, [Assignment(RecordRef("order", "P"), "manual", None, None, None)], "Anna")
    found, own = mails.around(two)
    assert [each for each, _ in found] == [one]
    assert found[0][1] == ThreadMessage(
        one.sha256,
        "1@x",
        one.date,
        "Rückfrage",
        (Assignment(RecordRef("order", "O"), "manual"),),
        one.bytes_sha256,
    )
    assert own == (Assignment(RecordRef("order", "P"), "manual"),)


def test_the_thread_of_a_message_that_is_not_stored(mails: Mails) -> None:
    one, two = add(mails, mail("1@x")), add(mails, mail("2@x", "1@x"))
    assert [each for each, _ in mails.thread_of(parse(mail("9@x", "1@x")))] == [one, two]
    assert mails.thread_of(parse(mail("9@x"))) == []
    assert [each for each, _ in mails.thread_of(parse(mail("2@x", "1@x")))] == [one]  # it is stored itself


_NAMES = st.sampled_from(["1@x", "2@x", "3@x", "4@x", "5@x", "6@x", "gone@y"])
MAILBOX = st.lists(
    st.builds(
        lambda id_, names, reply_to, body: mail(id_, *names, reply_to=reply_to, body=body),
        st.none() | _NAMES,
        st.lists(_NAMES, max_size=2),
        st.none() | _NAMES,
        st.sampled_from("abc"),
    ),
    max_size=9,
    unique=True,
)


def check_threads(mails: Mails, mailbox: Sequence[bytes], unstored: bytes) -> None:
    parsed = [parse(raw) for raw in mailbox]
    rows = {each.sha256: mails.add(each, raw) for each, raw in zip(parsed, mailbox, strict=True)}
    for each in parsed:
        stored = mails.get([rows[each.sha256]])[0]
        expected = thread_of(each, parsed)
        assert {one.sha256 for one, _ in mails.around(stored)[0]} == expected
        assert {one.sha256 for one, _ in mails.thread_of(each)} == expected
    message = parse(unstored)
    assert {one.sha256 for one, _ in mails.thread_of(message)} == thread_of(message, parsed)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mailbox=MAILBOX, unstored=st.builds(mail, _NAMES, _NAMES))
def test_threads_are_those_of_all_messages_together(sqlite: Database, mailbox: list[bytes], unstored: bytes) -> None:
    """In whatever order they come: loops, one Message-ID twice, none at all."""
    with sqlite.engine.connect() as connection, connection.begin() as transaction:
        check_threads(Mails(connection), mailbox, unstored)
        transaction.rollback()


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mailbox=MAILBOX, unstored=st.builds(mail, _NAMES, _NAMES))
def test_threads_on_postgres(postgres: Database, mailbox: list[bytes], unstored: bytes) -> None:
    with postgres.engine.connect() as connection, connection.begin() as transaction:
        check_threads(Mails(connection), mailbox, unstored)
        transaction.rollback()


def test_two_messages_taken_in_at_once(database: Database) -> None:
    """Each finds the other, although neither was stored when the other came."""
    from threading import Thread

    def other() -> None:
        with database.begin() as connection:
            add(Mails(connection), mail("2@x", "1@x"))

    with database.begin() as connection:
        add(Mails(connection), mail("1@x"))
        thread = Thread(target=other)
        thread.start()
        thread.join(0.3)
    thread.join(20)
    with database.begin(write=False) as connection:
        assert len(threads(Mails(connection))) == 1


# decisions


@pytest.fixture
def world(connection: Connection, installed: Installed) -> SqlDirectory:
    import_records(connection, [order("O", customer="K"), contact("K", "anna@kunde.example")], installed.types)
    return SqlDirectory(connection)


def decide(mails: Mails, installed: Installed, directory: SqlDirectory, stored: StoredMessage) -> Decision:
    around, own = mails.around(stored)
    message = parse(mails.raw([stored.row])[stored.row])
    return Engine(installed).decide(message, directory, IgnoreList(), [each for _, each in around], own)


def test_decisions_are_stored(mails: Mails, installed: Installed, world: SqlDirectory) -> None:
    one, two = add(mails, mail("1@x", date="5 Feb 2024 10:00:00 +0000")), add(mails, mail("2@x", "1@x"))
    assert mails.decision(one.row) is None
    for stored in (one, two):
        mails.store([(stored.row, decide(mails, installed, world, stored))])
    assert mails.rows(undecided=True) == []
    assert mails.get([one.row])[0].decided
    made = [(str(each.record), each.origin, each.source, each.clause) for each in mails.assignments(one.row)]
    assert made == [
        ("order:O", "automatic", None, "order.participants.unique"),
        ("contact:K", "derived", "order:O", "order.follow.customer"),
    ]
    inherited = [(str(each.record), each.origin, each.source) for each in mails.assignments(two.row)]
    assert inherited == [("order:O", "inherited", "1@x"), ("contact:K", "inherited", "1@x")]
    trace, digest = mails.decision(one.row) or pytest.fail("it is stored")
    assert (trace.message.message_id, len(digest)) == ("1@x", 64)
    assert [each for each, _ in mails.communication(RecordRef("order", "O"))] == mails.get([one.row, two.row])
    assert [refs for _, refs in mails.newest(9)] == [[RecordRef("order", "O"), RecordRef("contact", "K")]] * 2


def test_a_run_again_changes_nothing(mails: Mails, installed: Installed, world: SqlDirectory) -> None:
    stored = add(mails, mail("1@x"))
    mails.store([(stored.row, decide(mails, installed, world, stored))])
    before = mails.assignments(stored.row)
    _, digest = mails.decision(stored.row) or pytest.fail("it is stored")
    mails.store([(stored.row, decide(mails, installed, world, stored))])
    _, again = mails.decision(stored.row) or pytest.fail("it is stored")
    assert (mails.assignments(stored.row), again) == (before, digest)
    mails.store([])


def test_the_newest_decision_counts(
    mails: Mails, installed: Installed, world: SqlDirectory, connection: Connection
) -> None:
    stored = add(mails, mail("1@x"))
    mails.store([(stored.row, decide(mails, installed, world, stored))])
    import_records(connection, [order("O")], installed.types)
    mails.store([(stored.row, decide(mails, installed, world, stored))])
    trace, _ = mails.decision(stored.row) or pytest.fail("it is stored")
    assert [each.record for each in trace.assigned] == ["contact:K"]
    assert len(connection.execute(select(decision)).all()) == 2


# a person's corrections


def test_a_person_assigns_and_removes(mails: Mails, connection: Connection) -> None:
    row = add(mails, mail("1@x")).row
    ref, customer = RecordRef("order", "O"), RecordRef("contact", "K")
    mails.assign(row, [], "Anna")
    mails.assign(row, [Assignment(ref, "manual"), Assignment(customer, "derived", "order:O", clause="c")], "Anna")
    assert connection.execute(select(assignment.c.made_by)).scalars().all() == ["Anna", "Anna"]
    mails.remove(row, [ref, RecordRef("order", "other")], "Bernd", "2024-02-05T10:00:00Z")
    removal = Removal("Bernd", "2024-02-05T10:00:00Z")
    assert mails.assignments(row) == (
        Assignment(ref, "manual", None, removal),
        Assignment(customer, "derived", "order:O", None, "c"),
    )
    mails.remove(row, [ref], "Carla", "later")  # it stands no more
    assert mails.assignments(row)[0].removed == removal
    assert mails.communication(ref) == []
    assert len(mails.communication(customer)) == 1


def test_a_standing_assignment_is_forgotten(mails: Mails) -> None:
    row, other = add(mails, mail("1@x")).row, add(mails, mail("2@x")).row
    ref = RecordRef("order", "O")
    for each in (row, other):
        mails.assign(each, [Assignment(ref, "automatic")], "")
    mails.remove(other, [ref], "Bernd", "")
    for each in (row, other):
        mails.forget(each, ref)
    assert mails.assignments(row) == ()
    assert mails.assignments(other) == (Assignment(ref, "automatic", None, Removal("Bernd", "")),)


def test_communication_is_oldest_first(mails: Mails) -> None:
    ref = RecordRef("order", "O")
    rows = []
    for day in (3, 1, None, 2):
        rows.append(add(mails, mail(f"{day}@x", date=f"{day} Feb 2024 10:00:00 +0000" if day else None)).row)
        mails.assign(rows[-1], [Assignment(ref, "manual")], "Anna")
    assert [each.row for each, _ in mails.communication(ref)] == [rows[1], rows[3], rows[0], rows[2]]
    assert mails.communication(RecordRef("order", "o")) == []


_REFS = st.sampled_from([RecordRef("order", "O"), RecordRef("order", "P:1"), RecordRef("contact", "K")])
_ORIGINS: st.SearchStrategy[Origin] = st.sampled_from(["automatic", "inherited", "derived", "manual"])
ASSIGNMENTS = st.lists(
    st.builds(
        Assignment,
        _REFS,
        _ORIGINS,
        st.none() | _REFS.map(str) | st.just("1@x"),
        st.none() | st.builds(Removal, st.sampled_from(["Anna", ""]), st.just("")),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=ASSIGNMENTS, others=ASSIGNMENTS)
def test_what_a_run_leaves(
    sqlite: Database, installed: Installed, mine: list[Assignment], others: list[Assignment]
) -> None:
    with sqlite.engine.connect() as connection, connection.begin() as transaction:
        check_rerun(Mails(connection), mine, others)
        transaction.rollback()


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=ASSIGNMENTS, others=ASSIGNMENTS)
def test_what_a_run_leaves_on_postgres(postgres: Database, mine: list[Assignment], others: list[Assignment]) -> None:
    with postgres.engine.connect() as connection, connection.begin() as transaction:
        check_rerun(Mails(connection), mine, others)
        transaction.rollback()


def check_rerun(mails: Mails, mine: Sequence[Assignment], others: Sequence[Assignment]) -> None:
    """The database takes away exactly what `kept_on_rerun` does not keep, and on no other message."""
    row, other = add(mails, mail("1@x")).row, add(mails, mail("2@x")).row
    for number, made in ((row, mine), (other, others)):
        for each in made:
            store_removed(mails, number, each)
    assert mails.assignments(row) == tuple(mine)
    new = Assignment(RecordRef("order", "new"), "automatic", clause="c")
    mails.store([(row, Decision((new,), EMPTY))])
    assert mails.assignments(row) == (*kept_on_rerun(mine), new)
    assert mails.assignments(other) == tuple(others)


def store_removed(mails: Mails, row: int, each: Assignment) -> None:
    values = {
        "message": row,
        "record_type": each.record.type,
        "record_id": each.record.id,
        "origin": each.origin,
        "source": each.source,
        "removed_by": each.removed.by if each.removed else None,
        "removed_at": each.removed.at if each.removed else None,
    }
    mails._db.execute(assignment.insert(), values)


EMPTY = Trace(MessageSeen("", None, None, "", ""), {}, (), (), (), (), (), ())
