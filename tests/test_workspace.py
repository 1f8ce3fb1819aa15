"""The workspace on both databases: taking mail in, deciding it with its thread, and a person's corrections."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from beleg.assignment import Assignment
from beleg.directory import MemoryDirectory
from beleg.errors import InputError, NotFound
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Engine, StepFailed
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.record import Record, RecordRef, Reference
from beleg.store import Database
from beleg.trace import digest
from beleg.workspace import Workspace
from worlds import contact, order
from writing import Failing, day, mail, plugin

QUESTION = mail("Frage zu AB-1042", id_="1@x", date=day(1))
ANSWER = mail("Re:", sender="shop@firma.example", id_="2@x", reply_to="1@x", date=day(2))
THANKS = mail("Re: Re:", sender="fremd@y.example", id_="3@x", reply_to="2@x", references="<1@x> <2@x>", date=day(3))
STRANGER = mail("Werbung", sender="werbung@z.example", id_="4@x", date=day(4))
WORLD = [
    contact("K-5", "anna@kunde.example"),
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042"),
]
ANNAS = ["order:O-81", "contact:K-5"]


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    return found


def take_in(workspace: Workspace, *mails: bytes, decide: bool = True) -> None:
    workspace.import_mail(((raw, "") for raw in mails), decide=decide)


def row(workspace: Workspace, id_: str) -> int:
    return workspace.find_message(id_).row


def standing(workspace: Workspace) -> dict[str | None, list[str]]:
    """What stands on each message, by Message-ID."""
    return {message.message_id: list(map(str, refs)) for message, refs in workspace.newest(1000)}


def undecided(workspace: Workspace) -> set[str | None]:
    return {message.message_id for message, _ in workspace.newest(1000) if not message.decided}


def ref(text: str) -> RecordRef:
    return RecordRef.parse(text)


# --- taking mail in


@pytest.mark.parametrize("mails", list(permutations([QUESTION, ANSWER, THANKS])))
def test_the_order_in_a_batch_is_of_no_importance(workspace: Workspace, mails: Sequence[bytes]) -> None:
    take_in(workspace, *mails)
    assert standing(workspace) == {"1@x": ANNAS, "2@x": ANNAS, "3@x": ANNAS}


def test_the_reports_count(workspace: Workspace) -> None:
    report = workspace.import_mail([(QUESTION, "a"), (STRANGER, "b"), (QUESTION, "c")])
    assert (report.new, report.known, report.decided, report.failed) == (2, 1, 2, [])
    report = workspace.import_mail([(QUESTION.replace(b"\n", b"\r\n"), "a")])
    assert (report.new, report.known, report.decided) == (0, 1, 0)


def test_more_than_a_batch(workspace: Workspace) -> None:
    mails = [mail(f"Nr. {n}", id_=f"{n}@many", date=day(1 + n % 28)) for n in range(230)]
    seen: list[int] = []
    report = workspace.import_mail(((raw, "") for raw in mails), progress=seen.append)
    assert (report.new, report.decided, sum(seen)) == (230, 230, 230)
    assert undecided(workspace) == set()


def test_mail_that_is_not_decided_on_arrival(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, ANSWER, decide=False)
    assert undecided(workspace) == {"1@x", "2@x"}
    assert standing(workspace) == {"1@x": [], "2@x": []}
    assert len(workspace.undecided()) == 2
    assert workspace.assign(workspace.undecided()).decided == 2
    assert workspace.undecided() == []


def test_two_messages_with_one_message_id(workspace: Workspace) -> None:
    twin = mail("Frage zu AB-1040", "anders", id_="1@x", date=day(1, 9))
    take_in(workspace, QUESTION, twin)
    assert sorted(map(sorted, (refs for _, refs in workspace.newest(9)))) == [
        [ref("contact:K-5"), ref("order:O-80")],
        [ref("contact:K-5"), ref("order:O-81")],
    ]
    with pytest.raises(NotFound, match="2 stored messages are named '1@x'; name one by its row number: "):
        workspace.find_message("1@x")
    take_in(workspace, ANSWER)  # both are its thread; the older one decides
    assert standing(workspace)["2@x"] == ["order:O-80", "contact:K-5"]


def test_messages_without_id_and_date(workspace: Workspace) -> None:
    take_in(workspace, mail("eins"), mail("zwei"), b"", b"\0\xff", mail("drei", id_="d@x"))
    assert len(workspace.newest(9)) == 5
    assert undecided(workspace) == set()


# --- deciding


def test_opening_decides_the_earlier_messages_first(workspace: Workspace) -> None:
    take_in(workspace, THANKS, ANSWER, QUESTION, decide=False)
    trace, mark = workspace.open(row(workspace, "3@x"))
    assert [outcome.record for outcome in trace.assigned] == ANNAS
    assert {outcome.origin for outcome in trace.assigned} == {"inherited"}
    assert undecided(workspace) == set()
    assert digest(trace) == mark


def test_opening_leaves_later_messages_alone(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, ANSWER, THANKS, decide=False)
    workspace.open(row(workspace, "2@x"))
    assert undecided(workspace) == {"3@x"}


def test_opening_again_changes_nothing(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    before = workspace.open(1)
    workspace.import_records([order("O-82", customer="K-5", number="AB-1042")])
    assert workspace.open(1) == before
    assert standing(workspace) == {"1@x": ANNAS}
    workspace.assign([1])
    assert workspace.open(1)[1] != before[1]
    assert standing(workspace) == {"1@x": ["contact:K-5"]}


def test_a_file_is_decided_in_the_thread_it_would_have(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    decision = workspace.case(ANSWER).decide(workspace.engine)
    assert [str(each.record) for each in decision.made] == ANNAS
    assert standing(workspace) == {"1@x": ANNAS}


def test_a_file_is_decided_as_a_stored_message_is(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, STRANGER)
    for id_, raw in (("1@x", QUESTION), ("4@x", STRANGER)):
        assert digest(workspace.case(raw).decide(workspace.engine).trace) == workspace.open(row(workspace, id_))[1]


# --- a step that fails


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
def fragile(database: Database, failing: Failing) -> Workspace:
    found = Workspace(database, load_plugins(extra=[("failing", plugin(steps=[failing]))]))
    found.import_records(WORLD)
    return found


def test_a_failing_step_leaves_nothing_behind(fragile: Workspace, failing: Failing) -> None:
    failing.on = "anna@kunde.example"
    report = fragile.import_mail([(STRANGER, ""), (QUESTION, "")])
    assert (report.new, report.decided) == (2, 1)
    assert report.failed == [
        "step 'failing' failed on message 1@x: RuntimeError: kaputt; "
        "nothing was stored for this message, a later run tries again"
    ]
    assert undecided(fragile) == {"1@x"}
    with pytest.raises(StepFailed, match=r"step 'failing' failed on message 1@x: RuntimeError: kaputt"):
        fragile.open(row(fragile, "1@x"))
    with pytest.raises(StepFailed):
        fragile.case(QUESTION).decide(fragile.engine)
    assert standing(fragile) == {"1@x": [], "4@x": []}
    failing.on = ""
    assert fragile.assign(fragile.undecided()).assigned == 1
    assert standing(fragile)["1@x"] == ANNAS


def test_a_failing_rerun_keeps_what_was_there(fragile: Workspace, failing: Failing) -> None:
    fragile.import_mail([(QUESTION, "")])
    before = fragile.open(1)
    failing.on = "anna@kunde.example"
    assert fragile.assign([1]).decided == 0
    assert fragile.open(1) == before
    assert standing(fragile) == {"1@x": ANNAS}


def test_a_message_waits_for_an_earlier_one_that_fails(fragile: Workspace, failing: Failing) -> None:
    # Decided before its question, the answer would miss what the question is assigned to.
    failing.on = "anna@kunde.example"
    report = fragile.import_mail([(QUESTION, ""), (ANSWER, "")])
    assert undecided(fragile) == {"1@x", "2@x"}
    assert report.decided == 0
    failing.on = ""
    fragile.assign(fragile.undecided())
    assert standing(fragile) == {"1@x": ANNAS, "2@x": ANNAS}


# --- a person's corrections


def test_add_and_remove(workspace: Workspace) -> None:
    take_in(workspace, STRANGER)
    assert workspace.add(1, ref("order:O-81"), "erika") == [
        Assignment(ref("order:O-81"), "manual"),
        Assignment(ref("contact:K-5"), "derived", "order:O-81", clause="order.follow.customer"),
    ]
    assert workspace.add(1, ref("order:O-81"), "erika") == []
    assert workspace.remove(1, ref("order:O-81"), "erika") == [ref("order:O-81"), ref("contact:K-5")]
    assert standing(workspace) == {"4@x": []}
    with pytest.raises(NotFound, match="order:O-81 does not stand on this message"):
        workspace.remove(1, ref("order:O-81"), "erika")


def test_what_a_person_removed_and_set_again_stands(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.remove(1, ref("order:O-81"), "erika")
    workspace.assign([1])
    assert standing(workspace) == {"1@x": []}
    workspace.add(1, ref("order:O-81"), "bernd")
    assert standing(workspace) == {"1@x": ["order:O-81"]}  # the customer was removed, too, and stays so
    workspace.assign([1])
    assert standing(workspace) == {"1@x": ["order:O-81"]}


def test_a_record_set_by_hand_that_is_removed_is_not_made_again(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.add(1, ref("order:O-81"), "erika")
    workspace.remove(1, ref("order:O-81"), "erika", derived=False)
    assert standing(workspace) == {"1@x": ["contact:K-5"]}
    workspace.assign([1])
    trace, _ = workspace.open(1)
    assert "order.participants.removed" in trace.held()
    assert "order:O-81" not in standing(workspace)["1@x"]


def test_follow_ups_of_a_second_order(workspace: Workspace) -> None:
    take_in(workspace, STRANGER)
    workspace.add(1, ref("order:O-81"), "erika")
    workspace.remove(1, ref("contact:K-5"), "erika")
    assert workspace.add(1, ref("order:O-80"), "erika") == [Assignment(ref("order:O-80"), "manual")]


def test_a_rerun_skips_the_steps_of_what_a_person_set(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.add(1, ref("order:O-80"), "erika")
    workspace.assign([1])
    trace, _ = workspace.open(1)
    assert "order.skipped" in trace.held()
    assert [(o.record, o.origin) for o in trace.assigned] == [("order:O-80", "manual"), ("contact:K-5", "automatic")]


def test_a_removal_reaches_the_answers(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, ANSWER)
    workspace.remove(row(workspace, "1@x"), ref("order:O-81"), "erika")
    workspace.assign(workspace.everything())
    assert standing(workspace) == {"1@x": [], "2@x": []}


def test_the_communication_of_a_record(workspace: Workspace) -> None:
    take_in(workspace, THANKS, QUESTION, ANSWER, STRANGER)
    [shown] = workspace.show("order:O-81")
    assert [message.message_id for message, _ in shown.messages] == ["1@x", "2@x", "3@x"]
    assert [each.origin for _, each in shown.messages] == ["automatic", "inherited", "inherited"]
    workspace.remove(row(workspace, "2@x"), ref("order:O-81"), "erika")
    [shown] = workspace.show("AB1042")
    assert [message.message_id for message, _ in shown.messages] == ["1@x", "3@x"]


def test_show_of_a_retired_record(workspace: Workspace) -> None:
    take_in(workspace, QUESTION)
    workspace.import_records([record for record in WORLD if record.ref.id != "O-81"], prune=True)
    [shown] = workspace.show("order:O-81")
    assert shown.gone
    assert shown.record is not None
    assert len(shown.messages) == 1
    with pytest.raises(NotFound):
        workspace.show("AB-1042")
    with pytest.raises(NotFound, match="the ERP has no record order:O-81"):
        workspace.add(1, ref("order:O-81"), "erika")


# --- ignored addresses


def test_ignored_addresses(workspace: Workspace) -> None:
    assert workspace.ignore("blacklist", ["@Kunde.example", "kunde.example", "*.x.example"]) == [
        "@Kunde.example", "*.x.example",
    ]  # fmt: skip
    take_in(workspace, QUESTION)
    assert standing(workspace) == {"1@x": []}
    assert workspace.unignore("blacklist", ["KUNDE.example", "y.example"]) == ["KUNDE.example"]
    workspace.assign([1])
    assert standing(workspace) == {"1@x": ANNAS}
    with pytest.raises(InputError, match="'two words' is no blacklist entry"):
        workspace.ignore("blacklist", ["new.example", "two words"])
    assert workspace.ignored().blacklist == ("*.x.example",)


# --- hot addresses


@pytest.mark.parametrize("count", [60, 1_200])
def test_a_hot_address_is_decided_as_in_memory(database: Database, installed: Installed, count: int) -> None:
    relay = contact("K-1", "relay@markt.example")
    world: list[Record] = [relay] + [
        Record(
            RecordRef("order", f"O-{n}"),
            f"AB-{10_000 + n}",
            references=(Reference("customer", "KD-2024"),),
            links=order("x", customer="K-1").links,
        )
        for n in range(count)
    ]
    workspace = Workspace(database, installed)
    workspace.import_records(world)
    directory = MemoryDirectory(world, installed.types)
    engine = Engine(installed)
    for subject, body in [
        ("Hallo", ""),
        ("zu AB-10007", ""),
        (f"zu AB-{10_000 + count - 1}", "KD-2024"),
        ("KD-2024", ""),
        ("AB-10001 und AB-10002", ""),
        ("", "KD-2024 AB-10003"),
    ]:
        for sender in ("relay@markt.example", "fremd@z.example"):
            raw = mail(subject, body, sender=sender)
            ours = workspace.case(raw).decide(workspace.engine)
            theirs = engine.decide(parse(raw), directory, IgnoreList())
            assert ours.made == theirs.made
            assert digest(ours.trace) == digest(theirs.trace)
    [check] = [c for c in workspace.case(mail(sender="relay@markt.example")).decide(workspace.engine).trace.checks()
               if c.clause == "order.participants.ambiguous"]  # fmt: skip
    assert check.candidates is not None
    assert check.candidates.total == min(count, 1_001)
    assert len(check.candidates.listed) == 50


# --- what became of a message


def became(workspace: Workspace) -> dict[str | None, tuple[str | None, bool]]:
    return {message.message_id: (message.state, message.corrected) for message, _ in workspace.newest(1000)}


def test_states_of_messages(workspace: Workspace) -> None:
    both = mail("zu AB-1040 und AB-1042", id_="5@x", date=day(5), sender="zwei@y.example")
    his = mail("Hallo", id_="6@x", date=day(6))
    take_in(workspace, QUESTION, STRANGER, both, his)
    take_in(workspace, ANSWER, decide=False)
    assert became(workspace) == {
        "1@x": ("assigned", False),
        "2@x": (None, False),
        "4@x": ("nothing", False),
        "5@x": ("nothing", False),
        "6@x": ("partly", False),
    }


def test_a_correction_is_a_state_too(workspace: Workspace) -> None:
    take_in(workspace, QUESTION, STRANGER)
    workspace.remove(1, ref("contact:K-5"), "erika")
    assert became(workspace)["1@x"] == ("assigned", True)
    workspace.remove(1, ref("order:O-81"), "erika")
    assert became(workspace)["1@x"] == ("nothing", True)
    workspace.add(2, ref("order:O-81"), "erika")
    assert became(workspace)["4@x"] == ("assigned", True)
    workspace.assign([1, 2])
    assert became(workspace) == {"1@x": ("nothing", True), "4@x": ("assigned", True)}


def test_a_person_answers_what_was_left_open(workspace: Workspace) -> None:
    take_in(workspace, mail("Hallo", id_="6@x", date=day(6)))
    workspace.add(1, ref("order:O-80"), "erika")
    assert became(workspace) == {"6@x": ("assigned", True)}
    workspace.remove(1, ref("order:O-80"), "erika")
    assert became(workspace) == {"6@x": ("partly", True)}


def test_a_person_may_be_before_the_first_decision(workspace: Workspace) -> None:
    take_in(workspace, STRANGER, decide=False)
    workspace.add(1, ref("order:O-81"), "erika")
    assert became(workspace) == {"4@x": (None, True)}
    workspace.open(1)
    assert became(workspace) == {"4@x": ("assigned", True)}
