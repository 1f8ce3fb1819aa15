"""Replay: stored mails decided anew, compared with what is stored, on both databases; nothing is written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import event, text

from beleg import Check, Clause, Record, RecordRef, Rule, RuleChange, RuleSeen
from beleg.deciding import BATCH
from beleg.errors import InputError
from beleg.message import Limits
from beleg.orchestrator.inputs import decode as decode_inputs
from beleg.orchestrator.ruleset import decode as decode_ruleset
from beleg.orchestrator.ruleset import differences
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.record import Link
from beleg.replay import OUTCOMES, Change, replay, rulesets, select, sum_up
from beleg.replay.change import BY_HAND, NO_STEP, Side, compare
from beleg.step import OnConflict, RuleSettings
from beleg.store import Database
from beleg.store.mails import Mails, Selection
from beleg.trace import MessageSeen, Outcome, StepTrace, Trace, digest
from beleg.workspace import Workspace
from worlds import contact, order
from writing import Failing, day, mail, plugin, publish

QUESTION = mail("Frage zu AB-1042", id_="1@x", date=day(1))
ANSWER = mail("Re:", sender="shop@firma.example", id_="2@x", reply_to="1@x", date=day(2))
THANKS = mail("Re: Re:", sender="fremd@y.example", id_="3@x", reply_to="2@x", references="<1@x> <2@x>", date=day(3))
STRANGER = mail("Werbung", sender="werbung@z.example", id_="4@x", date=day(4))
TWO = mail("Hallo", sender="bodo@b.example", to="carla@c.example", id_="5@x", date=day(5))
WORLD = [
    contact("K-5", "anna@kunde.example"),
    contact("K-6", "bodo@b.example"),
    contact("K-7", "carla@c.example"),
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042"),
]
ANNAS = ("order:O-81", "contact:K-5")


@pytest.fixture
def workspace(sqlite: Database, installed: Installed) -> Workspace:
    """Five mails, decided."""
    return decided(sqlite, installed)


def decided(database: Database, installed: Installed) -> Workspace:
    found = Workspace(database, installed)
    found.import_records(WORLD)
    found.import_mail([(raw, "") for raw in (QUESTION, ANSWER, THANKS, STRANGER, TWO)])
    return found


def under(workspace: Workspace, installed: Installed | None = None, **settings: Any) -> Workspace:
    """The same database under other rules."""
    return Workspace(workspace.database, installed or workspace.installed, RuleSettings(**settings))


def replayed(candidate: Workspace, selection: Selection | None = None, **options: Any) -> dict[str | None, Change]:
    """What becomes of each message, by Message-ID."""
    rows = select(candidate, selection or Selection())
    return {change.message_id: change for change in replay(candidate, rows, **options)}


def kinds(changes: dict[str | None, Change]) -> dict[str | None, str]:
    """The kinds of those that are not the same."""
    return {id_: change.kind for id_, change in changes.items() if change.kind != "same"}


def row(workspace: Workspace, id_: str) -> int:
    return workspace.find_message(id_).row


def ref(name: str) -> RecordRef:
    return RecordRef.parse(name)


def everything_in(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("message", "assignment", "decision", "ruleset", "record", "ignored", "message_name")
    with database.begin(write=False) as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=repr)
            for name in tables
        }


def with_rule(change: RuleChange, *clauses: Clause) -> Installed:
    """Everything that is installed, and a plugin that changes a table."""
    return load_plugins(extra=[("other-rules", plugin(rules=[change], clauses=clauses))])


def distrustful() -> Installed:
    """A number no longer singles out an order."""
    return with_rule(
        RuleChange("document.address", Rule("reference", "candidates > 1 and by_reference == 1", "ambiguous",
                                            replaces=True))
    )  # fmt: skip


# --- what a decision keeps


def test_a_decision_keeps_its_inputs_and_its_rule_set(database: Database, installed: Installed) -> None:
    workspace = decided(database, installed)
    with workspace.database.begin(write=False) as connection:
        mails = Mails(connection)
        stored = mails.decisions(workspace.everything())
        known = mails.rulesets()
    question, answer = (stored[row(workspace, id_)] for id_ in ("1@x", "2@x"))
    assert question.inputs is not None
    assert answer.inputs is not None
    inputs = decode_inputs(question.inputs)
    assert inputs.found == {"@anna@kunde.example": {"order": ["O-80", "O-81"], "contact/active": ["K-5"]},
                            "#ab1042": {"order": ["O-81"]}}  # fmt: skip
    assert list(inputs.asked) == ["contact:K-5", "order:O-81"]
    assert set(inputs.records) == set(ANNAS)
    assert inputs.thread == inputs.by_hand == inputs.by_runs == inputs.own == ""
    inherited = decode_inputs(answer.inputs)
    assert inherited.found is None
    assert inherited.thread
    assert inherited.by_runs
    assert {each.ruleset for each in stored.values()} == set(known) == {workspace.engine.ruleset.id}
    assert known[question.ruleset] == workspace.engine.ruleset


def test_a_rule_set_is_its_rules_plugins_and_settings(installed: Installed, workspace: Workspace) -> None:
    now = workspace.engine.ruleset
    assert under(workspace).engine.ruleset.id == now.id
    others = [
        under(workspace, on_conflict="abstain"),
        under(workspace, min_reference_length=5),
        under(workspace, limits=Limits(parts=9)),
        under(workspace, load_plugins(["offer"])),
        under(workspace, load_plugins(disabled_steps=["offer"])),
        under(workspace, distrustful()),
    ]
    assert len({now.id, *(each.engine.ruleset.id for each in others)}) == len(others) + 1
    told = [[(each.kind, each.name, each.before, each.after) for each in differences(now, other.engine.ruleset)]
            for other in others]  # fmt: skip
    assert told[0] == [("setting", "on_conflict", "first", "abstain")]
    assert told[1] == [("setting", "min_reference_length", "4", "5")]
    assert told[2] == [("setting", "parts", "1000", "9")]
    assert [each[:2] for each in told[3]] == [("plugin", "offer"), ("step", "offer")]
    assert told[4] == [("step", "offer", "300", "")]
    assert [each[:2] for each in told[5]] == [("plugin", "other-rules"), ("rule", "document.address.reference")]
    assert told[5][1][3] == "4. candidates > 1 and by_reference == 1 → ambiguous (other-rules)"
    for each in (workspace, *others):
        assert decode_ruleset(each.engine.ruleset.encoded) == each.engine.ruleset
        assert decode_ruleset(each.engine.ruleset.encoded).question == each.engine.ruleset.question


def test_a_rule_set_is_described_once(workspace: Workspace) -> None:
    under(workspace, on_conflict="abstain").assign([1])
    under(workspace, on_conflict="abstain").assign([1, 2])
    workspace.assign([1])
    assert len(rulesets(workspace)) == 2


# --- nothing changed


def test_nothing_changed_and_nothing_written(database: Database, installed: Installed) -> None:
    workspace = decided(database, installed)
    before = everything_in(workspace.database)
    assert kinds(replayed(workspace)) == {}
    assert kinds(replayed(under(workspace, distrustful()))) != {}
    assert everything_in(workspace.database) == before


def test_a_removal_by_hand_that_stands_is_no_outcome_change(workspace: Workspace) -> None:
    workspace.remove(row(workspace, "5@x"), ref("contact:K-6"), "erika")
    change = replayed(workspace)["5@x"]
    assert (change.kind, change.causes) == ("explanation", ("own_correction",))
    assert (change.before, change.after) == ((), ())
    assert (change.from_, change.to) == ("contact.participants.unique", "contact.participants.removed")


# --- the rules


def test_a_rule_that_differs(workspace: Workspace) -> None:
    changes = replayed(under(workspace, distrustful()))
    assert kinds(changes) == {"1@x": "lost", "2@x": "lost", "3@x": "lost", "4@x": "explanation", "5@x": "explanation"}
    lost = changes["1@x"]
    assert (lost.before, lost.after) == (ANNAS, ("contact:K-5",))
    assert (lost.from_, lost.to, lost.step) == ("order.participants.reference", "order.participants.reference", "order")
    assert lost.causes == ("rules",)
    assert changes["2@x"].causes == ("rules", "thread_decision")
    assert changes["2@x"].from_ == changes["2@x"].to == "history.assigned"


def test_a_setting_that_differs(workspace: Workspace) -> None:
    changes = replayed(under(workspace, on_conflict="abstain"))
    assert {id_: change.kind for id_, change in changes.items() if change.kind in OUTCOMES} == {"5@x": "lost"}
    lost = changes["5@x"]
    assert (lost.from_, lost.to) == ("contact.participants.unique", "contact.participants.conflict")
    assert (lost.step, lost.causes, lost.changed) == ("contact", ("rules",), ())


def test_numbers_that_no_longer_count_are_no_change_of_records(workspace: Workspace) -> None:
    lost = replayed(under(workspace, min_reference_length=7))["1@x"]
    assert (lost.kind, lost.from_, lost.to) == ("lost", "order.participants.reference", "order.participants.ambiguous")
    assert lost.causes == ("rules",)


def test_a_step_that_is_not_there(workspace: Workspace) -> None:
    lost = replayed(under(workspace, load_plugins(["order"])))["1@x"]
    assert (lost.kind, lost.from_, lost.to, lost.step) == ("lost", "order.participants.reference", NO_STEP, "order")
    # The other way round: decided without the step, and now with it.
    under(workspace, load_plugins(["order"])).assign(workspace.everything())
    gained = replayed(workspace)["1@x"]
    assert (gained.kind, gained.from_, gained.to, gained.step) == (
        "gained", NO_STEP, "order.participants.reference", "order",
    )  # fmt: skip
    assert gained.causes == ("rules",)
    assert replayed(workspace)["2@x"].to == "history.assigned"


def test_a_limit_that_differs(workspace: Workspace) -> None:
    lost = replayed(under(workspace, limits=Limits(message_bytes=10)))["1@x"]
    assert (lost.kind, lost.to, lost.causes) == ("lost", "message.limit", ("rules",))
    under(workspace, limits=Limits(message_bytes=10)).assign(workspace.everything())
    gained = replayed(workspace)["1@x"]
    assert (gained.kind, gained.from_, gained.causes) == ("gained", "message.limit", ("rules",))


# --- the inputs


def test_a_record_that_came(workspace: Workspace) -> None:
    workspace.import_records([contact("K-8", "bodo@b.example")])
    lost = replayed(workspace)["5@x"]
    assert (lost.kind, lost.before, lost.after) == ("other", ("contact:K-6",), ("contact:K-7",))
    assert (lost.causes, lost.changed) == (("records",), ("contact:K-8",))


def test_a_record_that_is_not_as_it_was(workspace: Workspace) -> None:
    workspace.import_records([Record(ref("contact:K-6"), label="Bodo", addresses=("bodo@b.example",))])
    change = replayed(workspace)["5@x"]
    assert (change.kind, change.causes, change.changed) == ("explanation", ("records",), ("contact:K-6",))


def test_a_record_that_went(workspace: Workspace) -> None:
    workspace.import_records([each for each in WORLD if each.ref.id != "O-81"], prune=True)
    changes = replayed(workspace)
    assert (changes["1@x"].kind, changes["1@x"].before, changes["1@x"].after) == (
        "other", ANNAS, ("order:O-80", "contact:K-5"),
    )  # fmt: skip
    assert (changes["1@x"].causes, changes["1@x"].changed) == (("records",), ("order:O-81",))
    assert changes["2@x"].causes == ("thread_decision", "records")  # what was adopted is gone, too


def test_what_a_record_points_at_came_to_be(workspace: Workspace) -> None:
    alone = Record(ref("order:O-9"), "AB-9000", addresses=("neu@n.example",),
                   links=(Link("customer", ref("contact:K-9")),))  # fmt: skip
    workspace.import_records([alone])
    workspace.import_mail([(mail("Neu", sender="neu@n.example", id_="9@x", date=day(9)), "")])
    workspace.import_records([contact("K-9")])
    gained = replayed(workspace)["9@x"]
    assert (gained.kind, gained.after) == ("gained", ("order:O-9", "contact:K-9"))
    assert (gained.from_, gained.to) == ("order.follow.customer (missing)", "order.follow.customer")
    assert (gained.causes, gained.changed) == (("records",), ("contact:K-9",))


def test_a_hot_address_with_one_more_record(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    orders = [order(f"O-{n:03}", "relay@m.example", kunde="KD-2024") for n in range(60)]
    workspace.import_records(orders)
    workspace.import_mail([(mail("KD-2024", sender="relay@m.example", id_="1@x", date=day(1)), "")])
    assert kinds(replayed(workspace)) == {}
    workspace.import_records([order("O-999", "relay@m.example", kunde="KD-2024")])
    change = replayed(workspace)["1@x"]
    assert (change.kind, change.causes, change.changed) == ("explanation", ("records",), ("kd2024", "relay@m.example"))


def test_records_are_asked_for_as_the_stored_decision_asked(database: Database, installed: Installed) -> None:
    """An offer came, for which the candidate does not look; and a number that it would not read."""
    workspace = decided(database, installed)
    candidate = under(workspace, load_plugins(["offer"]), on_conflict="abstain", min_reference_length=7)
    assert replayed(candidate)["5@x"].causes == ("rules",)
    workspace.import_records([Record(ref("offer:AN-1"), addresses=("bodo@b.example",))])
    change = replayed(candidate)["5@x"]
    assert (change.causes, change.changed) == (("rules", "records"), ("offer:AN-1",))
    workspace.import_records([order("O-82", customer="K-9", number="AB-1042")])
    assert replayed(candidate)["1@x"].causes == ("rules", "records")


def test_an_ignored_address(workspace: Workspace) -> None:
    workspace.ignore("blacklist", ["b.example"])
    change = replayed(workspace)["5@x"]
    assert (change.kind, change.after) == ("other", ("contact:K-7",))
    assert (change.causes, change.changed) == (("ignored",), ("bodo@b.example",))


def test_late_mail(sqlite: Database, installed: Installed) -> None:
    workspace = Workspace(sqlite, installed)
    workspace.import_records(WORLD)
    workspace.import_mail([(ANSWER, "")])
    workspace.import_mail([(QUESTION, "")])
    gained = replayed(workspace)["2@x"]
    assert (gained.kind, gained.after, gained.causes) == ("gained", ANNAS, ("late_mail",))
    assert (gained.from_, gained.to, gained.step) == ("history.nothing", "history.assigned", "history")


def test_a_correction_in_the_thread(workspace: Workspace) -> None:
    workspace.remove(row(workspace, "1@x"), ref("order:O-81"), "erika")
    changes = replayed(workspace)
    assert kinds(changes) == {"1@x": "explanation", "2@x": "lost", "3@x": "lost"}
    assert (changes["2@x"].causes, changes["2@x"].to) == (("thread_correction", "thread_decision"), "history.removed")


def test_a_correction_on_the_mail_with_consequences(workspace: Workspace) -> None:
    workspace.add(row(workspace, "5@x"), ref("contact:K-7"), "erika")
    lost = replayed(workspace)["5@x"]
    assert (lost.kind, lost.before, lost.after) == ("lost", ("contact:K-6", "contact:K-7"), ("contact:K-7",))
    assert (lost.from_, lost.to, lost.causes) == ("contact.participants.unique", "contact.skipped", ("own_correction",))


def test_rules_and_records_at_once(workspace: Workspace) -> None:
    workspace.import_records([contact("K-8", "bodo@b.example")])
    assert replayed(under(workspace, on_conflict="abstain"))["5@x"].causes == ("rules", "records")


def test_decisions_of_an_older_beleg(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        connection.execute(text("UPDATE decision SET inputs = NULL, ruleset = 'old'"))
        connection.execute(text("DELETE FROM ruleset"))
    assert kinds(replayed(workspace)) == {}
    changes = replayed(under(workspace, on_conflict="abstain"))
    assert changes["5@x"].causes == ("rules", "inputs_unknown")
    [other] = sum_up(list(changes.values()), workspace.engine.ruleset, rulesets(workspace)).others
    assert (other.id, other.decisions, other.differences) == ("old", 5, None)


def test_a_database_of_an_older_beleg(database: Database, installed: Installed) -> None:
    from alembic import command

    workspace = decided(database, installed)
    with database.begin() as connection:
        config = database._alembic()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    database.upgrade()
    changes = replayed(under(workspace, distrustful()))
    assert changes["1@x"].causes == ("rules", "inputs_unknown")
    assert select(workspace, Selection(mailbox="")) == select(workspace, Selection())
    assert kinds(replayed(workspace)) == {}


# --- threads


def test_members_that_are_not_selected_count_as_they_are_stored(workspace: Workspace) -> None:
    late = Selection(since=_date(2), until=_date(4))
    changes = replayed(under(workspace, distrustful()), late)
    assert {id_: change.kind for id_, change in changes.items()} == {"2@x": "same", "3@x": "same"}


def test_earlier_ones_that_were_never_decided_come_first(sqlite: Database, installed: Installed) -> None:
    workspace = Workspace(sqlite, installed)
    workspace.import_records(WORLD)
    workspace.import_mail([(QUESTION, ""), (ANSWER, "")], decide=False)
    changes = replayed(workspace)
    assert [change.kind for change in changes.values()] == ["undecided", "undecided"]
    with sqlite.begin() as connection:  # as if the answer had been decided alone
        connection.execute(text("UPDATE message SET decided = true WHERE message_id = '1@x'"))
    workspace.assign([row(workspace, "2@x")])
    with sqlite.begin() as connection:
        connection.execute(text("UPDATE message SET decided = false WHERE message_id = '1@x'"))
    changes = replayed(workspace, Selection(since=_date(2)))
    assert kinds(changes) == {"2@x": "gained"}
    assert changes["2@x"].after == ANNAS
    assert len(workspace.undecided()) == 1


def test_two_configurations_each_follow_their_threads(workspace: Workspace) -> None:
    strict, lax = under(workspace, distrustful()), under(workspace)
    assert kinds(replayed(lax, baseline=under(workspace))) == {}
    changes = replayed(strict, baseline=lax)
    assert (changes["2@x"].kind, changes["2@x"].before, changes["2@x"].after) == ("lost", ANNAS, ("contact:K-5",))
    assert changes["2@x"].causes == ("rules", "thread_decision")
    back = replayed(lax, baseline=strict)
    assert (back["1@x"].kind, back["2@x"].kind) == ("gained", "gained")
    assert back["1@x"].from_ == "order.participants.reference"


def test_two_configurations_compare_mail_that_was_never_decided(sqlite: Database, installed: Installed) -> None:
    workspace = Workspace(sqlite, installed)
    workspace.import_records(WORLD)
    workspace.import_mail([(QUESTION, ""), (ANSWER, "")], decide=False)
    assert kinds(replayed(under(workspace, distrustful()), baseline=workspace)) == {"1@x": "lost", "2@x": "lost"}


def _date(number: int) -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 3, number, tzinfo=UTC)


# --- a step that fails


def test_a_step_that_fails_leaves_the_rest(workspace: Workspace) -> None:
    failing = Failing()
    failing.on = "bodo@b.example"
    candidate = under(workspace, load_plugins(extra=[("failing", plugin(steps=[failing]))]))
    changes = replayed(candidate)
    assert changes["5@x"].kind == "failed"
    assert "step 'failing' failed on message 5@x: RuntimeError: kaputt" in str(changes["5@x"].error)
    assert [changes[id_].kind for id_ in ("1@x", "2@x", "4@x")] == ["explanation", "same", "explanation"]
    assert sum_up(list(changes.values()), candidate.engine.ruleset, {}).exit_code() == 3
    assert replayed(candidate, baseline=workspace)["5@x"].kind == "failed"
    assert replayed(workspace, baseline=candidate)["5@x"].kind == "failed"


# --- clauses from and to


def trace(*steps: StepTrace, assigned: Sequence[Outcome] = ()) -> Trace:
    return Trace(MessageSeen("", None, None, "", ""), {}, (), (), (), (), steps, tuple(assigned))


def check(clause: str, verdict: Any, *assigned: str) -> Check:
    return Check(verdict, (RuleSeen(clause, "held"),), assigned=assigned)


NONE = StepTrace("order", 200, (check("order.participants.none", "nothing_found"),
                                check("order.participants.ambiguous", "ambiguous"),
                                check("order.content.none", "nothing_found")))  # fmt: skip
FOUND = StepTrace("order", 200, (check("order.content.unique", "assigned", "order:1"),))


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (trace(NONE), "order.participants.ambiguous"),
        (trace(StepTrace("order", 200, NONE.checks[:1])), "order.participants.none"),
        (trace(StepTrace("order", 200, (check("order.skipped", "skipped"),))), "order.skipped"),
        (trace(StepTrace("history", 100, (check("history.removed", "removed"),))), "history.removed"),
        (trace(StepTrace("message", 0, (check("message.limit", "nothing_found"),)),
               StepTrace("history", 100, (check("history.nothing", "nothing_found"),))), "message.limit"),
        (trace(StepTrace("order", 200, (check("order.participants.removed", "removed"),
                                        check("order.participants.ambiguous", "ambiguous")))),
         "order.participants.removed"),
    ],
)  # fmt: skip
def test_why_a_step_gave_nothing(before: Trace, why: str) -> None:
    gave = Side(trace(FOUND), ("order:1",))
    assert compare(Side(before, ()), gave) == ("gained", why, "order.content.unique", "order")
    assert compare(gave, Side(before, ())) == ("lost", "order.content.unique", why, "order")


def test_another_record_and_one_by_hand() -> None:
    other = trace(StepTrace("order", 200, (check("order.participants.unique", "assigned", "order:2"),)))
    assert compare(Side(trace(FOUND), ("order:1",)), Side(other, ("order:2",))) == (
        "other", "order.content.unique", "order.participants.unique", "order",
    )  # fmt: skip
    by_hand = trace(NONE, assigned=[Outcome("order:9", "manual")])
    assert compare(Side(trace(NONE), ()), Side(by_hand, ("order:9",)))[2:] == (BY_HAND, BY_HAND)


# --- selection


def test_selection(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    workspace.import_mail(
        [
            (mail("Lampe", "Die Birne flackert", id_="1@x", date=day(1)), "in/a", "in"),
            (mail("Stuhl", id_="2@x", date=day(2, 23), sender="Birgit@Kunde.example"), "in/a/b", "in"),
            (mail("lampe", id_="3@x", date=day(3)), "in/ab", "in"),
            (mail("Ohne Datum", id_="4@x"), "alt.mbox", "alt.mbox"),
        ]
    )

    def ids(words: str = "", **selection: Any) -> set[str | None]:
        return set(replayed(workspace, Selection(**selection), words=words.split()))

    assert ids() == {"1@x", "2@x", "3@x", "4@x"}
    assert ids(since=_date(2)) == {"2@x", "3@x", "4@x"}
    assert ids(until=_date(3)) == {"1@x", "2@x"}
    assert ids(mailbox="in") == {"1@x", "2@x", "3@x"}
    assert ids(folder="in/a") == {"1@x", "2@x"}
    assert ids(folder="alt.mbox") == {"4@x"}
    assert ids("LAMPE") == {"1@x", "3@x"}
    assert ids("lampe birne") == {"1@x"}
    assert ids("birgit@kunde") == {"2@x"}
    assert ids("nirgends") == set()
    for wrong, says in (
        ({"mailbox": "alt.box"}, "mailbox 'alt.box'; did you mean 'alt.mbox'?"),
        ({"folder": "i"}, "folder 'i'"),
    ):
        with pytest.raises(InputError, match=re.escape(f"no stored mail is of the {says}")):
            select(workspace, Selection(**wrong))
    assert select(workspace, Selection(mailbox="in", since=_date(20))) == []


# --- round trips


@contextmanager
def statements(database: Database) -> Any:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_round_trips_are_a_matter_of_batches(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    workspace.import_records(WORLD)
    mails = [mail(f"AB-{n}", id_=f"{n}@x", date=day(1 + n % 28), sender=f"bodo{n % 3}@b.example") for n in range(BATCH)]
    workspace.import_mail([(raw, "") for raw in mails])
    counts = {}
    for name, candidate in {"same": workspace, "other": under(workspace, on_conflict="abstain")}.items():
        with statements(database) as seen:
            assert len(replayed(candidate)) == BATCH
        counts[name] = len(seen)
    assert counts["same"] <= 20
    assert counts["other"] <= counts["same"] + BATCH // 20 + 1


# --- processes


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that other processes find, too; switched off where it is not meant."""
    publish(
        tmp_path,
        monkeypatch,
        "distrust",
        """
        from beleg import Rule, RuleChange, hookimpl

        @hookimpl
        def beleg_rules():
            rule = Rule("reference", "candidates > 1 and by_reference == 1", "ambiguous", replaces=True)
            return [RuleChange("document.address", rule)]
        """,
    )


@pytest.mark.usefixtures("published")
def test_the_result_does_not_depend_on_the_processes(database: Database) -> None:
    without = Workspace(database, load_plugins(["distrust"]))
    without.import_records(WORLD)
    mails = []
    for n in range(12):
        mails.append(mail("Frage zu AB-1042", str(n), id_=f"{n}@x", date=day(n + 1)))
        mails.append(mail("Re:", id_=f"{n}@y", reply_to=f"{n}@x", date=day(n + 2), sender="shop@firma.example"))
    without.import_mail([(raw, "") for raw in mails])
    candidate = Workspace(database, load_plugins())
    rows = select(candidate, Selection())
    alone = replay(candidate, rows)
    assert [change.row for change in alone] == [row for row, _ in rows]
    assert {change.kind for change in alone} == {"lost"}
    seen: list[int] = []
    assert replay(candidate, rows, jobs=2, progress=seen.append) == alone
    assert sum(seen) == len(rows)
    if database.sqlite:
        assert replay(candidate, rows, without, jobs=3) == replay(candidate, rows, without)


def test_processes_that_can_not_be(installed: Installed, workspace: Workspace) -> None:
    for jobs in (0, -1, 65):
        with pytest.raises(InputError, match=f"--jobs is a number of processes from 1 to 64, not {jobs}"):
            replay(workspace, [(1, 1)], jobs=jobs)
    memory = Workspace(Database("sqlite:///:memory:"), installed)
    with pytest.raises(InputError, match="other processes can't reach a database in memory"):
        replay(memory, [(1, 1)], jobs=2)
    with pytest.raises(InputError, match="the plugins are not the same in another process"):
        replay(under(workspace, distrustful()), select(workspace, Selection()), jobs=2)


# --- against what assigning really stores

SENDERS = ["anna@kunde.example", "bodo@b.example", "carla@c.example", "fremd@y.example"]
NUMBERS = ["AB-1040", "AB-1042", "RE-77", "12"]


@st.composite
def mailboxes(draw: st.DrawFn) -> list[bytes]:
    count = draw(st.integers(1, 6))
    found = []
    for n in range(count):
        earlier = draw(st.none() | st.integers(0, n - 1)) if n else None
        words = draw(st.lists(st.sampled_from([*NUMBERS, *SENDERS]), max_size=3))
        found.append(
            mail(
                f"Mail {n}",
                " ".join(words),
                sender=draw(st.sampled_from(SENDERS)),
                to=draw(st.sampled_from(SENDERS)),
                id_=f"{n}@x",
                reply_to="" if earlier is None else f"{earlier}@x",
                date=draw(st.sampled_from(["", *(day(number) for number in range(1, 5))])),
            )
        )
    return found


PLUGINS: dict[str, Installed] = {}


def plugins(name: str) -> Installed:
    """Some ways to have other rules."""
    if name not in PLUGINS:
        PLUGINS[name] = {
            "as they are": load_plugins,
            "no order": lambda: load_plugins(["order"]),
            "no history": lambda: load_plugins(disabled_steps=["history"]),
            "distrustful": distrustful,
            "careless": lambda: with_rule(
                RuleChange("contact.address", Rule("active", "active >= 1 and removed == 0", "nothing", replaces=True))
            ),
        }[name]()
    return PLUGINS[name]


def act(workspace: Workspace, deed: str, row: int) -> None:
    """What may happen between two runs."""
    standing = [refs for message, refs in workspace.newest(99) if message.row == row]
    if deed == "remove" and standing and standing[0]:
        workspace.remove(row, standing[0][0], "erika")
    elif deed == "add":
        workspace.add(row, ref("order:O-80"), "erika")
    elif deed == "ignore":
        workspace.ignore("blacklist", ["b.example"])
    elif deed == "record":
        workspace.import_records([contact("K-8", "bodo@b.example"), order("O-82", "carla@c.example", number="RE-77")])
    elif deed == "prune":
        workspace.import_records([each for each in WORLD if each.ref.id not in ("O-81", "K-7")], prune=True)
    elif deed == "late":
        workspace.import_mail([(mail("Spät AB-1042", id_="late@x", reply_to=f"{row - 1}@x", date=day(1, 5)), "")])


DEEDS = ["remove", "add", "ignore", "record", "prune", "late"]


def standing_and_digests(workspace: Workspace) -> dict[int, tuple[set[str], str, str]]:
    """What stands on each message, its trace's digest, and that of the trace but for the settings that it notes."""
    with workspace.database.begin(write=False) as connection:
        mails = Mails(connection)
        found = mails.decisions(workspace.everything())
        return {
            row: (
                {str(each.record) for each in mails.assignments(row) if each.stands},
                stored.digest,
                digest(structs.replace(mails.traces([stored])[stored.id], settings={})),
            )
            for row, stored in found.items()
        }


def naive(before: tuple[set[str], str, str], after: tuple[set[str], str, str]) -> str:
    if before[2] == after[2] and before[0] == after[0]:
        return "same"
    gained, lost = after[0] - before[0], before[0] - after[0]
    return "other" if gained and lost else "gained" if gained else "lost" if lost else "explanation"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mails=mailboxes(),
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(1, 6)), max_size=2),
    rules=st.sampled_from(["as they are", "no order", "no history", "distrustful", "careless"]),
    on_conflict=st.sampled_from(["first", "abstain"]),
    shortest=st.sampled_from([4, 4, 7]),
)
def test_a_replay_is_what_assigning_again_would_store(
    tmp_path: Path, mails: list[bytes], deeds: list[tuple[str, int]], rules: str, on_conflict: OnConflict, shortest: int
) -> None:
    file, copied = tmp_path / "one.db", tmp_path / "two.db"
    for each in tmp_path.glob("*.db*"):
        each.unlink()
    workspace = Workspace(Database(f"sqlite:///{file}"), plugins("as they are"))
    workspace.database.upgrade()
    workspace.import_records(WORLD)
    workspace.import_mail([(raw, "") for raw in mails])
    workspace.assign(workspace.everything())
    for deed, row in deeds:
        if row <= len(mails):
            act(workspace, deed, row)
    before = standing_and_digests(workspace)
    candidate = under(workspace, plugins(rules), on_conflict=on_conflict, min_reference_length=shortest)
    changes = {change.row: change for change in replay(candidate, select(candidate, Selection()))}
    assert standing_and_digests(workspace) == before
    workspace.database.close()
    shutil.copy(file, copied)
    copy = Workspace(Database(f"sqlite:///{copied}"), candidate.installed, candidate.rules)
    copy.assign(copy.everything())
    after = standing_and_digests(copy)
    copy.database.close()
    assert {row: change.kind for row, change in changes.items()} == {
        row: naive(before[row], after[row]) for row in before
    }
    for row, change in changes.items():
        assert (set(change.before), change.digest_before) == before[row][:2]
        assert (set(change.after), change.digest_after) == after[row][:2]
        assert "unexplained" not in change.causes
        if change.kind in OUTCOMES:
            assert change.from_
            assert change.to
        if candidate.engine.ruleset.id == workspace.engine.ruleset.id:
            assert "rules" not in change.causes
            assert deeds or change.kind == "same"
        elif not deeds and change.kind != "same":
            assert set(change.causes) <= {"rules", "thread_decision"}
    # Stored, nothing is left to change.
    rows = [change.row for change in changes.values() if change.kind != "same"]
    candidate.assign([row for row, _ in select(candidate, Selection()) if row in rows])
    stored = standing_and_digests(candidate)
    assert {row: found[::2] for row, found in stored.items()} == {row: found[::2] for row, found in after.items()}
    assert {change.kind for change in replay(candidate, select(candidate, Selection()))} <= {"same"}
    candidate.database.close()
