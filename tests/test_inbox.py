"""The inbox on both databases: filters, full-text search, and pages in both directions."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from beleg.errors import InputError
from beleg.message import parse
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database, handling, inbox, pages, words
from beleg.store.criteria import Criteria
from beleg.store.handling import Handled
from beleg.store.mails import Handling, Mails
from beleg.workspace import Workspace
from stored import empty
from worlds import contact, order
from writing import day, mail

WORLD = [
    contact("K-5", "anna@kunde.example"),
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042"),
]
QUESTION = mail("Frage zu AB-1042", "Wo bleibt die Straßenlampe?", id_="1@x", date=day(1))
AMBIGUOUS = mail("zu AB-1040 und AB-1042", id_="2@x", date=day(2))
STRANGER = mail("Werbung", "Rechnungsprüfung", sender="Çelik <werbung@z.example>", id_="3@x", date=day(3))
NO_DATE = mail("Ohne Datum", id_="4@x")


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    return found


@pytest.fixture(params=[(500, 5_000), (1, 5_000), (1, 0)], ids=["looked at", "sorted", "walked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to find words must find the same."""
    monkeypatch.setattr(inbox, "LOOKED_AT", request.param[0])
    monkeypatch.setattr(inbox, "SORTED", request.param[1])


def take_in(workspace: Workspace, *mails: bytes, decide: bool = True) -> None:
    workspace.import_mail(((raw, "") for raw in mails), decide=decide)


def ids(workspace: Workspace, filter_: inbox.Filter = "all", search: str = "") -> list[str | None]:
    return [row.message.message_id for row in workspace.inbox(filter_, search).rows]


# --- filters


def test_filters_and_counts(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, AMBIGUOUS, STRANGER)
    take_in(workspace, NO_DATE, decide=False)
    workspace.add(workspace.find_message("3@x").row, RecordRef("order", "O-80"), "erika")
    assert {filter_: ids(workspace, filter_) for filter_ in inbox.FILTERS} == {
        "all": ["4@x", "3@x", "2@x", "1@x"],
        "assigned": ["3@x", "1@x"],
        "partly": ["2@x"],
        "ambiguous": [],
        "nothing": [],
        "corrected": ["3@x"],
        "undecided": ["4@x"],
    }
    assert workspace.inbox_counts() == {
        "all": 4, "assigned": 2, "partly": 1, "ambiguous": 0, "nothing": 0, "corrected": 1, "undecided": 1,
    }  # fmt: skip


def test_what_a_row_shows(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.import_records([each for each in WORLD if each.ref.id != "O-81"], prune=True)
    [row] = workspace.inbox().rows
    assert (row.message.sender_name, row.message.subject) == ("Anna Kunde", "Frage zu AB-1042")
    assert row.records == (
        inbox.Standing(RecordRef("order", "O-81"), "automatic", "AB-1042", None, True),
        inbox.Standing(RecordRef("contact", "K-5"), "derived", None, None, False),
    )
    assert row.trace == workspace.open(row.message.row)[0]
    take_in(workspace, NO_DATE, decide=False)
    assert workspace.inbox("undecided").rows[0].trace is None


def test_the_newest_trace_is_shown(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.ignore("blacklist", ["kunde.example"])
    workspace.assign([1])
    [row] = workspace.inbox("nothing").rows
    assert row.trace is not None
    assert not row.trace.assigned


def test_an_unknown_filter(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"messages are filtered by all, assigned, .* not by 'red'"):
        workspace.inbox("red")  # type: ignore[arg-type]  # there is no such filter


# --- pages


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("search", ["", "hallo"])
def test_pages_in_both_directions(workspace: Workspace, search: str) -> None:
    mails = [mail(f"Nr. {n}", "hallo", id_=f"{n}@many", date=None if n % 5 == 0 else day(1 + n % 3)) for n in range(23)]
    take_in(workspace, *mails, decide=False)
    everything = workspace.inbox("all", search, limit=200).rows
    assert len(everything) == 23
    dates = [row.message.date for row in everything]
    assert dates == sorted(dates, key=lambda date: (date is None, date), reverse=True)
    seen, cursor = [], None
    while True:
        page = workspace.inbox("all", search, cursor=cursor, limit=5)
        seen.append(page)
        if page.after is None:
            break
        cursor = page.after
    assert [row for page in seen for row in page.rows] == list(everything)
    assert [len(page.rows) for page in seen] == [5, 5, 5, 5, 3]
    assert seen[0].before is None
    for ahead, page in pairwise(seen):
        assert page.before is not None
        back = workspace.inbox("all", search, cursor=page.before, limit=5)
        assert back.rows == ahead.rows
        assert (back.before is None) == (ahead is seen[0])
        assert back.after == ahead.after


def test_mail_that_comes_in_shifts_no_page(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, AMBIGUOUS, decide=False)
    page = workspace.inbox(limit=1)
    take_in(workspace, STRANGER, decide=False)
    [row] = workspace.inbox(limit=1, cursor=page.after).rows
    assert row.message.message_id == "1@x"


@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "=", "ä", "A" * 24, pages.encode(pages.Place(pages.FIRST, True)) + "A"]
)
def test_a_wrong_cursor(workspace: Workspace, cursor: str) -> None:
    with pytest.raises(InputError, match="is no cursor of a page"):
        workspace.inbox(cursor=cursor)


@given(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_cursors_there_and_back(older: bool, date: int, row: int) -> None:
    place = pages.Place(pages.Position(date, row), older)
    assert pages.decode(pages.encode(place)) == place


@given(st.text())
def test_no_text_breaks_a_cursor(cursor: str) -> None:
    with suppress(InputError):
        assert pages.encode(pages.decode(cursor)) == cursor


def test_a_page_has_a_limit(workspace: Workspace) -> None:
    for limit in (0, 201, -1):
        with pytest.raises(InputError, match="a page has 1 to 200 rows"):
            workspace.inbox(limit=limit)


# --- words


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("frage", ["1@x"]),
        ("FRAGE", ["1@x"]),
        ("fra", ["1@x"]),
        ("rage", []),
        ("AB-1042", ["2@x", "1@x"]),
        ("AB-104", ["2@x", "1@x"]),
        ("ab 1042", ["2@x", "1@x"]),
        ("1042-AB", []),
        ("1040 1042", ["2@x"]),
        ("strassenlampe", ["1@x"]),
        ("STRASSENLAMPE", ["1@x"]),
        ("Rechnungsprüfung", ["3@x"]),
        ("Rechnungspru\u0308fung", ["3@x"]),
        ("Rechnungsprufung", []),
        ("celik", []),
        ("Çelik", ["3@x"]),
        ("werbung@z.example", ["3@x"]),
        ("@z.ex", ["3@x"]),
        ("z", ["3@x"]),  # a single letter is a word of its own …
        ("w", []),  # … not the beginning of one
        ('"bleibt die"', ["1@x"]),
        ('"die bleibt"', []),
        ('"bleibt die" AB-1042', ["1@x"]),
        ('"bleibt die', ["1@x"]),
        ("die bleibt", ["1@x"]),
        ('Frage "AB 1042 Wo"', []),  # no phrase goes on from the subject into another field
        ("… —", []),
        ("a*b OR NOT (", []),
        ("Frage AND bleibt", []),
    ],
)
def test_what_is_found(workspace: Workspace, search: str, found: list[str]) -> None:
    take_in(workspace, QUESTION, AMBIGUOUS, STRANGER)
    assert ids(workspace, search=search) == found


def test_filter_and_words(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, AMBIGUOUS, STRANGER)
    assert ids(workspace, "partly", "1042") == ["2@x"]
    assert ids(workspace, "nothing", "1042") == []


def test_too_many_words(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="search for at most 30 words at once; these are 31"):
        workspace.inbox(search=" ".join(f"wort{n}" for n in range(31)))


LETTERS = st.sampled_from(
    ["a", "ab", "abc", "ß", "ss", "Ä", "a\u0308", "1", "12", "²", "İ", "ﬁ", "Ω", "अ", "字", "_", "😀"]
)
MARKS = st.sampled_from([" ", "-", ".", "'", '"', "\\", "@", "·", "\n", "*", ":", "&", "|", "!", "(", "\0"])
TEXTS = st.lists(st.one_of(LETTERS, MARKS), max_size=12).map("".join)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=4), st.lists(st.one_of(TEXTS, st.text(max_size=20)), min_size=1, max_size=5)
)
@example(["a'b \\ c"], ["'", "\\", "a:*", '"" ""', 'NEAR("a" "b")', "subject:a", "^a", "a AND", "{a}", "-a"])
def test_both_databases_find_the_same(
    sqlite: Database, postgres: Database, texts: list[str], searches: list[str]
) -> None:
    """And each finds, with whatever a person writes, what the words of the texts say."""
    rows: dict[str, dict[int, words.Words]] = {}
    for database in (sqlite, postgres):
        empty(database)
        with database.begin() as connection:
            mails = Mails(connection)
            parsed = [parse(b"X: %d\n\n" % n) for n in range(len(texts))]
            numbers = [mails.add(each, b"") for each in parsed]
            connection.execute(text("DELETE FROM message_words"))
            found = [words.Words(tuple(words.words(each)), (), tuple(words.words(each[::-1]))) for each in texts]
            words.write(connection, list(zip(numbers, found, strict=True)))
            rows[database.engine.dialect.name] = dict(enumerate(found))
    for each in searches:
        wanted = words.search(each)
        expected = [n for n, held in enumerate(found) if wanted.terms and all(_holds(held, t) for t in wanted.terms)]
        for database in (sqlite, postgres):
            with database.begin(write=False) as connection:
                page = inbox.inbox(connection, "all", wanted, None, 10)
                hashes = [parse(b"X: %d\n\n" % n).sha256 for n in expected]
                assert sorted(row.message.sha256 for row in page.rows) == sorted(hashes), (each, database.url)


def _holds(found: words.Words, term: tuple[str, ...]) -> bool:
    for field in found:
        for start in range(len(field) - len(term) + 1):
            *first, last = field[start : start + len(term)]
            if tuple(first) == term[:-1] and (last == term[-1] or (len(term[-1]) > 1 and last.startswith(term[-1]))):
                return True
    return False


@pytest.mark.usefixtures("way")
def test_a_very_long_mail(workspace: Workspace) -> None:
    """More words than are kept, one of them repeated thousands of times, and others that are very long."""
    many = " ".join(["lampe"] * 5_000 + [f"wort{n}" for n in range(20_000)])
    names = ", ".join(f'"{"Name " * 5}{n}" <k{n}@kunde.example>' for n in range(4_000))
    long = " ".join(f"{n}{'ü' * 3_000}" for n in range(2_000))
    take_in(
        workspace,
        mail("Lang", many, id_="1@x", to=names, date=day(2)),
        mail("Länger", long, id_="2@x", date=day(1)),
        decide=False,
    )
    assert ids(workspace, search="lampe wort10") == ["1@x"]
    assert ids(workspace, search="wort19999") == []
    assert ids(workspace, search='"lampe lampe"') == ["1@x"]
    assert ids(workspace, search="0" + "ü" * 3_000) == ["2@x"]
    assert ids(workspace, search="0" + "ü" * 63) == ["2@x"]
    assert ids(workspace, search="·") == []


def test_pages_cost_the_same_round_trips(workspace: Workspace) -> None:
    from test_round_trips import statements

    def asked(search: str, limit: int) -> int:
        with workspace.database.begin(write=False) as connection, statements(connection) as seen:
            wanted = words.search(search) if search else None
            inbox.inbox(connection, "all", wanted, None, limit)
            return len(seen)

    take_in(workspace, *(mail(f"Nr. {n}", "hallo", id_=f"{n}@many") for n in range(60)))
    assert asked("", 1) == asked("", 50) == 6
    assert asked("hallo", 1) == asked("hallo", 50) == 7


# --- what people do with mail

WORKS, OWNERS, SPAMS, GROUPS, TOPICS, TAGS = ("open", "done", "sent"), (None, 1, 2), (0, 1, 2), (None, 1, 2), 4, 2
BELOW = {1: {1, 2, 3}, 2: {2, 3}, 3: {3}, 4: {4}}
"""Topic 2 stands below 1, and 3 below 2."""
STANDS = st.builds(
    Handled,
    st.sampled_from(WORKS),
    st.sampled_from(OWNERS),
    st.sampled_from(SPAMS),
    st.booleans(),
    st.sampled_from(GROUPS),
    st.none(),
    st.sampled_from([None, *BELOW]),
    st.lists(st.integers(1, TAGS), unique=True).map(lambda some: tuple(sorted(some))),
)
CRITERIA = st.builds(
    Criteria,
    st.sampled_from(GROUPS),
    st.sampled_from([None, *WORKS]),
    st.sampled_from([*OWNERS, "me", "pool"]),
    st.sampled_from([None, *SPAMS]),
    st.booleans(),
    st.sampled_from([None, *BELOW]),
    st.lists(st.integers(1, TAGS), max_size=2, unique=True).map(tuple),
    st.sampled_from(["all", "undecided", "nothing"]),
)


def _meets(each: Handled, decided: bool, wanted: Criteria, me: int | None) -> bool:
    owner = me if wanted.owner == "me" else wanted.owner
    return all(
        (
            each.deleted == wanted.deleted,
            wanted.group in (None, each.group),
            wanted.work in (None, each.work),
            wanted.owner is None or (each.owner is None if owner == "pool" else owner == each.owner is not None),
            wanted.spam in (None, each.spam),
            wanted.topic is None or each.topic in BELOW[wanted.topic],
            set(wanted.tags) <= set(each.tags),
            wanted.state == "all" or decided == (wanted.state == "nothing"),
        )
    )


@pytest.mark.usefixtures("way")
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(STANDS, st.booleans()), max_size=8), st.lists(CRITERIA, max_size=8), st.sampled_from(OWNERS))
def test_criteria_leave_what_meets_them(
    sqlite: Database, postgres: Database, mails: list[tuple[Handled, bool]], wanted: list[Criteria], me: int | None
) -> None:
    """On both databases, with a search and without, in the list and in the counts."""
    for database in (sqlite, postgres):
        with database.begin() as connection:
            connection.execute(text("DELETE FROM message_tag"))
        empty(database)
        with database.begin() as connection:
            connection.execute(text("DELETE FROM topic"))
            connection.execute(text("DELETE FROM tag"))
            for topic, parent in ((1, None), (2, 1), (3, 2), (4, None)):
                values = {"id": topic, "parent": parent, "key": f"t{topic}"}
                connection.execute(
                    text("INSERT INTO topic (id, parent, key, name) VALUES (:id, :parent, :key, :key)"), values
                )
            for tag in range(1, TAGS + 1):
                connection.execute(
                    text("INSERT INTO tag (id, key, name) VALUES (:id, :key, :key)"), {"id": tag, "key": f"{tag}"}
                )
            store, rows = Mails(connection), {}
            for n, (each, decided) in enumerate(mails):
                raw = b"Subject: wort\nX: %d\n\n" % n
                values = each._asdict()
                tags, values["mail_group"] = values.pop("tags"), values.pop("group")
                row = store.add(parse(raw), raw, handling=Handling(**values))
                rows[row] = n
                for tag in tags:
                    handling.add_tag(connection, [row], tag)
                if decided:
                    query = text("UPDATE message SET decided = true, state = 'nothing' WHERE id = :row")
                    connection.execute(query, {"row": row})
        with database.begin(write=False) as connection:
            counts = inbox.count_each(connection, wanted, me)
            for each, count in zip(wanted, counts, strict=True):
                expected = {n for n, (one, decided) in enumerate(mails) if _meets(one, decided, each, me)}
                for search in (None, words.search("wort")):
                    page = inbox.inbox(connection, "all", search, None, 50, each, me)
                    assert {rows[row.message.row] for row in page.rows} == expected, (each, search, database.url)
                    assert all(row.handled == mails[rows[row.message.row]][0] for row in page.rows)
                assert count == len(expected)
                states = inbox.counts(connection, each, me)
                assert states["all"] == len(expected)


def test_criteria_cost_the_same_round_trips(workspace: Workspace) -> None:
    from test_round_trips import statements

    take_in(workspace, *(mail(f"Nr. {n}", "hallo", id_=f"{n}@many") for n in range(60)))
    with workspace.database.begin() as connection:
        stands = {"mail_group": 1, "owner": 1, "spam": 1, "topic": 1}
        handling.change(connection, range(1, 61), stands)
    for wanted in (Criteria(group=1, work="open", spam=1, owner="me"), Criteria(spam=1), Criteria(topic=1)):
        with workspace.database.begin(write=False) as connection, statements(connection) as seen:
            inbox.inbox(connection, "all", None, None, 50, wanted, 1)
            inbox.counts(connection, wanted, 1)
            inbox.count_each(connection, [wanted] * 30, 1)
        assert len(seen) == 6 + 1 + 1


def test_a_page_is_read_from_an_index_alone(workspace: Workspace) -> None:
    """SQLite says so; of a table it would read the mails themselves."""
    if not workspace.database.sqlite:
        pytest.skip("the planner of PostgreSQL decides by its statistics")
    place = pages.Place(pages.FIRST, True)
    condition, order, parameters = pages.keyset(place)
    criteria = [
        Criteria(), Criteria(group=1), Criteria(group=1, work="open", spam=0), Criteria(owner=1),
        Criteria(owner="pool"), Criteria(group=1, work="open", spam=0, owner=1), Criteria(spam=1),
        Criteria(group=1, spam=2), Criteria(topic=1), Criteria(deleted=True), Criteria(group=1, deleted=True),
        Criteria(work="done"),
    ]  # fmt: skip
    with workspace.database.begin(write=False) as connection:
        for state in inbox.FILTERS:
            for wanted in criteria:
                where = inbox.matching(connection, state, wanted)
                query = f"SELECT date, id FROM message WHERE {where.sql} AND {condition} ORDER BY {order} LIMIT 51"
                plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}"), {**parameters, **where.parameters})
                used = [row.detail for row in plan if " message " in f"{row.detail} "]
                assert used, (state, wanted)
                assert all("USING COVERING INDEX message_" in detail for detail in used), (state, wanted, used)
