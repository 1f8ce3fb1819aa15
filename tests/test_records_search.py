"""What a person finds of records, what is written about one, and what became of a message: on both databases."""

from __future__ import annotations

from datetime import date

import pytest

from beleg.errors import InputError, NotFound
from beleg.plugins import Installed
from beleg.record import Link, Record, RecordRef, Reference
from beleg.store import Database, journal
from beleg.store.journal import Entry
from beleg.store.mails import PastDecision
from beleg.workspace import Workspace
from worlds import index_of, order
from writing import day, mail

ANNA, ANNE, OSKAR = (
    Record(RecordRef("contact", id_), None, label, None, addresses)
    for id_, label, addresses in (
        ("K-5", "Anna-Maria Müller", ("anna@kunde.example", "a.mueller@kunde.example")),
        ("K-6", "Anne Schmidt", ("anna.s@kunde.example",)),
        ("K-7", "Tischlerei Straßner & Söhne", ()),
    )
)
WORLD = [
    ANNA,
    ANNE,
    OSKAR,
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042", rechnung="RE-7/1"),
    Record(RecordRef("offer", "AN-1"), "AN-1", links=(Link("customer", RecordRef("contact", "K-5")),)),
]
ANNAS = ("offer:AN-1", "order:O-80", "order:O-81")
ORDER = RecordRef("order", "O-81")
QUESTION = mail("Frage zu AB-1042", id_="1@x", date=day(1))
ANSWER = mail("Re:", sender="shop@firma.example", id_="2@x", reply_to="1@x", date=day(2))


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    return found


def take_in(workspace: Workspace, *mails: bytes, decide: bool = True) -> None:
    workspace.import_mail(((raw, "") for raw in mails), decide=decide)


# --- searching records


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("order:O-81", ["order:O-81 name"]),
        ("AB-1042", ["order:O-81 number"]),
        (" O-81 ", ["order:O-81 name"]),
        ("ab1042", ["order:O-81 number"]),
        ("AB-10", ["order:O-80 number", "order:O-81 number"]),
        ("RE-7", ["order:O-81 number"]),
        ("ANNA@kunde.example", ["contact:K-5 address", *(f"{each} address" for each in ANNAS)]),
        ("anna.s", ["contact:K-6 address"]),
        ("anna", ["contact:K-6 address", "contact:K-5 address", *(f"{each} address" for each in ANNAS)]),
        ("müller", ["contact:K-5 label"]),
        ("MÜLL ann", ["contact:K-5 label"]),
        ("maria anna", ["contact:K-5 label"]),
        ("anne müller", []),
        ("strassner", ["contact:K-7 label"]),
        ("söhne tisch", ["contact:K-7 label"]),
        ("ischlerei", []),
        ("", []),
        ("  -- ", []),
        ("~müller", ["contact:K-5 label"]),
        ("%", []),
        ("order:", []),
    ],
)
def test_what_is_found(workspace: Workspace, search: str, found: list[str]) -> None:
    assert [f"{each.record.ref} {each.how}" for each in workspace.search_records(search)] == found


def test_of_some_types_and_some_only(workspace: Workspace) -> None:
    def refs(search: str, types: list[str] | None, limit: int = 20) -> list[str]:
        return [str(each.record.ref) for each in workspace.search_records(search, types, limit)]

    assert refs("anna", ["order"]) == ["order:O-80", "order:O-81"]
    assert refs("anna", ["order", "contact"], 1) == ["contact:K-6"]
    assert refs("order:O-81", ["contact"]) == []
    assert refs("anna", []) == []


def test_a_retired_record_is_found_by_name_alone(workspace: Workspace) -> None:
    workspace.import_records([each for each in WORLD if each.ref.id != "K-5"], prune=True)
    assert workspace.search_records("müller") == []
    [found] = workspace.search_records("contact:K-5")
    assert found.gone


def test_a_label_that_changes(workspace: Workspace) -> None:
    workspace.import_records([Record(ANNA.ref, None, "Anna Schulz")])
    assert workspace.search_records("müller") == []
    assert [each.record.ref for each in workspace.search_records("anna schulz")] == [ANNA.ref]
    workspace.import_records([Record(ANNA.ref, None, " ".join(f"wort{n}" for n in range(1_000)))])
    with workspace.database.begin() as connection:
        assert sum(entry.startswith("~wort") for entry, *_ in index_of(connection)) == 8


def test_labels_decide_nothing(database: Database, installed: Installed) -> None:
    """Two contacts of one name: to the rules they share nothing."""
    workspace = Workspace(database, installed)
    workspace.import_records([*WORLD, Record(RecordRef("contact", "K-9"), None, "AB-1042 anna@kunde.example")])
    take_in(workspace, QUESTION, mail("~anna ~müller #~ab", "~1042", sender="~anna@~müller.example", id_="3@x"))
    rows = {row.message.message_id: [str(each.ref) for each in row.records] for row in workspace.inbox().rows}
    assert rows == {"1@x": ["order:O-81", "contact:K-5"], "3@x": []}


# --- communication and links


def test_communication(workspace: Workspace) -> None:
    workspace.ignore("users", ["shop@firma.example"])
    take_in(workspace, QUESTION, ANSWER, mail("Hallo", id_="3@x", date=day(3)))
    take_in(workspace, mail("neu", id_="4@x", date=day(4)), decide=False)
    workspace.add(4, ORDER, "erika")
    letters = workspace.communication(ORDER).rows
    assert [(each.message.message_id, each.assignment.origin, each.direction) for each in letters] == [
        ("1@x", "automatic", "in"),
        ("2@x", "inherited", "out"),
        ("4@x", "manual", "in"),
    ]
    assert letters[0].trace == workspace.open(1)[0]
    assert letters[2].trace is None
    newest = workspace.communication(ORDER, newest_first=True, limit=2)
    assert [each.message.message_id for each in newest.rows] == ["4@x", "2@x"]
    rest = workspace.communication(ORDER, newest_first=True, limit=2, cursor=newest.after)
    assert [each.message.message_id for each in rest.rows] == ["1@x"]
    assert rest.after is None
    back = workspace.communication(ORDER, newest_first=True, limit=2, cursor=rest.before)
    assert back == newest
    first = workspace.communication(ORDER, limit=2)
    assert workspace.communication(ORDER, limit=2, cursor=first.after).rows == letters[2:]
    workspace.remove(1, ORDER, "erika")
    assert [each.message.row for each in workspace.communication(ORDER).rows] == [2, 4]
    with pytest.raises(InputError):
        workspace.communication(ORDER, cursor="x")
    assert workspace.communication(RecordRef("order", "O-99")).rows == ()


def test_links(workspace: Workspace) -> None:
    out, to = workspace.links(ANNA.ref)
    assert out == []
    assert [(each.role, str(each.ref), each.record and each.record.number, each.gone) for each in to] == [
        ("customer", "offer:AN-1", "AN-1", False),
        ("customer", "order:O-80", "AB-1040", False),
        ("customer", "order:O-81", "AB-1042", False),
    ]
    workspace.import_records([order("O-82", customer=["K-5", "K-99"])])
    workspace.import_records([ANNE], prune=True)
    out, _ = workspace.links(RecordRef("order", "O-82"))
    assert [(str(each.ref), each.record is None, each.gone) for each in out] == [
        ("contact:K-5", False, True),
        ("contact:K-99", True, True),
    ]


# --- history


def test_history(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    first = workspace.open(1)
    workspace.remove(1, ORDER, "erika", note="falsche Bestellung")
    workspace.assign([1])
    workspace.add(1, RecordRef("order", "O-80"), "bernd")
    decided, removed, again, added = workspace.history(1)
    assert isinstance(decided, PastDecision)
    assert isinstance(again, PastDecision)
    assert [outcome.record for outcome in decided.assigned] == ["order:O-81", "contact:K-5"]
    assert [outcome.record for outcome in again.assigned] == ["offer:AN-1"]
    assert decided.ruleset == again.ruleset == workspace.engine.ruleset.id
    assert workspace.decision_at(decided.id) == first
    assert workspace.decision_at(again.id) == workspace.open(1)
    with pytest.raises(NotFound, match="there is no decision 4711"):
        workspace.decision_at(4711)
    assert isinstance(removed, Entry)
    assert isinstance(added, Entry)
    assert (removed.who, removed.act, removed.message) == ("erika", "assignment.remove", 1)
    assert removed.payload == {
        "about": "order:O-81",
        "before": ["order:O-81", "contact:K-5"],
        "after": [],
        "note": "falsche Bestellung",
    }
    assert added.payload == {"about": "order:O-80", "before": ["offer:AN-1"], "after": ["offer:AN-1", "order:O-80"]}


def test_what_changes_nothing_is_not_written_down(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.add(1, ORDER, "erika")
    workspace.add(1, ORDER, "erika")
    workspace.ignore("blacklist", ["x.example", "y.example"], "erika")
    workspace.ignore("blacklist", ["x.example"], "erika")
    workspace.unignore("blacklist", ["z.example"], "erika")
    workspace.unignore("blacklist", ["y.example"])
    for act in (
        lambda: workspace.remove(1, RecordRef("order", "O-80"), "erika"),
        lambda: workspace.add(1, RecordRef("order", "O-99"), "erika"),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(InputError):
        workspace.ignore("blacklist", ["new.example", "two words"], "erika")
    with workspace.database.begin(write=False) as connection:
        entries = journal.newest(connection)
    assert [(each.who, each.act, each.payload) for each in entries] == [
        ("beleg", "ignored.remove", {"about": "blacklist", "before": ["y.example"]}),
        ("erika", "ignored.add", {"about": "blacklist", "after": ["x.example", "y.example"]}),
        (
            "erika",
            "assignment.add",
            {
                "about": "order:O-81",
                "before": ["order:O-81", "contact:K-5"],
                "after": ["order:O-81", "contact:K-5"],
            },
        ),
    ]


# --- how often each clause held


def test_clause_counts(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, ANSWER, mail("Hallo", id_="3@x", date=day(3)))
    workspace.assign([1])
    workspace.assign([1])
    [(today, counts)] = workspace.clause_counts(date(2020, 1, 1)).items()
    assert date.fromisoformat(today)
    held = [clause for row in (1, 2, 3) for clause in set(workspace.open(row)[0].held())]
    assert counts == {clause: held.count(clause) for clause in held}
    assert workspace.clause_counts(date(2999, 1, 1)) == {}


def test_another_number(workspace: Workspace) -> None:
    """A reference number beside the record's own."""
    workspace.import_records([Record(RecordRef("order", "O-90"), references=(Reference("shop", "Ä-77"),))])
    assert [each.record.ref.id for each in workspace.search_records("ä77")] == ["O-90"]
