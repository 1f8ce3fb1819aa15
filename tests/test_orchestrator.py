"""One decision, through `Engine.decide` over records in memory: what fails, what is pure, what a long thread costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from beleg import Check, Clause, Context, RuleSeen, Step
from beleg.assignment import Assignment, Removal, ThreadMessage
from beleg.assignment import earlier as oldest_first
from beleg.directory import MemoryDirectory
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Decision, Engine, StepFailed
from beleg.plugins import Installed
from beleg.plugins import installed as load_plugins
from beleg.record import Link, Record, RecordRef
from beleg.step import RuleSettings
from beleg.thread import thread_of
from beleg.trace import Trace, decode, digest, encode, encode_with_digest
from worlds import contact, order
from writing import day, mail, plugin

RAW = mail("Frage zu AB-1042", id_="frage@x", date=day(2))
WORLD = [
    contact("K-5", "anna@kunde.example"),
    order("O-80", customer="K-5", number="AB-1040"),
    order("O-81", customer="K-5", number="AB-1042"),
]
START = datetime(2026, 1, 1, tzinfo=UTC)


def decide(
    installed: Installed,
    raw: bytes = RAW,
    world: Sequence[Record] = WORLD,
    *,
    thread: Sequence[ThreadMessage] = (),
    own: Sequence[Assignment] = (),
    rules: RuleSettings | None = None,
) -> Decision:
    directory = MemoryDirectory(world, installed.types)
    return Engine(installed, rules).decide(parse(raw), directory, IgnoreList(), thread, own)


def earlier(number: int, *assignments: Assignment, date: datetime | None = None) -> ThreadMessage:
    when = date or START + timedelta(minutes=number)
    return ThreadMessage(f"{number:064}", f"{number}@thread", when, "", assignments)


def automatic(record: str, **more: Any) -> Assignment:
    return Assignment(RecordRef.parse(record), "automatic", **more)


# --- failure


class Odd(Step):
    name = "odd"
    priority = 350

    def clauses(self) -> Sequence[Clause]:
        return []

    def run(self, context: Context) -> Any:
        yield Check("nothing_found", (RuleSeen("odd.asked", "held"),))
        raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(("id_", "name"), [("frage@x", "frage@x"), (None, f"sha256:{parse(mail()).sha256}")])
def test_a_step_that_fails_fails_the_whole(id_: str | None, name: str) -> None:
    raw = mail(id_=id_)
    with pytest.raises(StepFailed) as raised:
        decide(load_plugins(extra=[("odd", plugin(steps=[Odd()]))]), raw, [order("O-1", "anna@kunde.example")])
    assert str(raised.value) == (
        f"step 'odd' failed on message {name}: ZeroDivisionError: by nothing; "
        "nothing was stored for this message, a later run tries again"
    )
    assert raised.value.step == "odd"
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


class Lost(MemoryDirectory):
    """A directory whose connection goes away."""

    def find(self, *_: Any) -> Any:
        raise ConnectionError("the server closed the connection")


def test_a_directory_that_is_lost_fails_the_step_that_asks_first(installed: Installed) -> None:
    with pytest.raises(StepFailed, match="step 'order' failed on message frage@x: ConnectionError: the server"):
        Engine(installed).decide(parse(RAW), Lost([], {}), IgnoreList())


def test_history_alone_asks_no_directory(installed: Installed) -> None:
    thread = [earlier(1, Assignment(RecordRef("order", "O-81"), "manual", removed=None))]
    decision = decide(installed, thread=thread)
    assert decision.trace.numbers == ()
    assert [step.step for step in decision.trace.steps] == ["history"]


# --- the thread


def test_a_thread_of_5000_messages_is_quick(installed: Installed) -> None:
    thread = [earlier(number) for number in range(5_000)]
    began = time.perf_counter()
    decision = decide(installed, thread=thread)
    assert time.perf_counter() - began < 2
    assert decision.trace.held().count("history.next") == 5_000
    assert [str(each.record) for each in decision.made] == ["order:O-81", "contact:K-5"]


def test_the_oldest_message_with_anything_decides(installed: Installed) -> None:
    thread = [
        earlier(3, automatic("order:O-80")),
        earlier(1),
        earlier(2, automatic("order:O-81")),
    ]
    decision = decide(installed, thread=thread)
    assert [(str(each.record), each.origin, each.source) for each in decision.made] == [
        ("order:O-81", "inherited", "2@thread")
    ]
    assert decision.trace.held() == ["history.next", "history.assigned"]


def test_of_equal_dates_none_is_earlier(installed: Installed) -> None:
    same = parse(RAW).date
    decision = decide(installed, thread=[earlier(1, automatic("order:O-80"), date=same)])
    assert decision.trace.held()[0] == "history.nothing"


def test_among_earlier_ones_of_equal_date_the_message_id_decides(installed: Installed) -> None:
    twins = [
        ThreadMessage("a" * 64, "b@x", START, "", (automatic("order:O-80"),)),
        ThreadMessage("b" * 64, "a@x", START, "", (automatic("order:O-81"),)),
    ]
    for thread in (twins, twins[::-1]):
        assert [each.source for each in decide(installed, thread=thread).made] == ["a@x"]


def test_a_message_without_a_date_is_the_newest(installed: Installed) -> None:
    thread = [earlier(1, automatic("order:O-80")), ThreadMessage("c" * 64, "no-date@x", None, "", ())]
    assert [each.source for each in decide(installed, mail(id_="x@x"), thread=thread).made] == ["1@thread"]
    assert decide(installed, mail(id_="x@x"), thread=thread[1:]).trace.held()[0] == "history.nothing"
    assert decide(installed, thread=thread[1:]).trace.held()[0] == "history.nothing"


def test_references_that_form_a_loop() -> None:
    one = parse(mail(id_="1@x", references="<3@x>"))
    two = parse(mail(id_="2@x", references="<1@x>"))
    three = parse(mail(id_="3@x", references="<2@x> <3@x>"))
    alone = parse(mail(id_="4@x", references="<nobody@x>"))
    for each in (one, two, three):
        others = {one.sha256, two.sha256, three.sha256} - {each.sha256}
        assert thread_of(each, [one, two, three, alone]) == others
    assert thread_of(alone, [one, two, three, alone]) == frozenset()


def test_a_thread_of_5000_messages_in_a_chain_is_found_quickly() -> None:
    chain = [parse(mail(id_=f"{n}@x", reply_to=f"{n - 1}@x" if n else None)) for n in range(5_000)]
    began = time.perf_counter()
    assert len(thread_of(chain[-1], chain)) == 4_999
    assert time.perf_counter() - began < 2


# --- pure


def test_the_order_of_what_is_given_is_of_no_importance(installed: Installed) -> None:
    thread = [earlier(n) for n in range(4)]
    removed = Removal("erika", "2026-01-01")
    own = [
        automatic("order:O-80", removed=removed),
        automatic("offer:A-1", removed=removed),
        Assignment(RecordRef("article", "A-1"), "manual"),
    ]
    one = decide(installed, thread=thread, own=own)
    other = decide(installed, world=WORLD[::-1], thread=thread[::-1], own=[own[2], own[1], own[0]])
    assert digest(one.trace) == digest(other.trace)
    assert one.made == other.made


def test_own_assignments_in_any_order(installed: Installed) -> None:
    own = [
        Assignment(RecordRef("article", "A-2"), "manual"),
        Assignment(RecordRef("order", "O-80"), "manual"),
        Assignment(RecordRef("article", "A-1"), "manual"),
    ]
    assert digest(decide(installed, own=own).trace) == digest(decide(installed, own=own[::-1]).trace)


def test_run_twice_it_gives_the_same_trace(installed: Installed) -> None:
    one, other = decide(installed).trace, decide(load_plugins()).trace
    assert one.run != other.run
    assert digest(one) == digest(other)
    assert msgspec.structs.replace(one, run=None) == msgspec.structs.replace(other, run=None)


def test_what_an_earlier_run_made_is_no_input(installed: Installed) -> None:
    first = decide(installed)
    again = decide(installed, own=[*first.made, automatic("order:O-80")])
    assert digest(again.trace) == digest(first.trace)


def test_different_settings_give_different_traces(installed: Installed) -> None:
    strict = decide(installed, rules=RuleSettings("abstain"))
    assert digest(strict.trace) != digest(decide(installed).trace)


# --- the trace as data


def every_kind(installed: Installed) -> list[Trace]:
    removal = Removal("erika@firma.example", "2026-01-01T00:00:00+00:00")
    linked = Record(
        RecordRef("order", "O-9"),
        "AB-1",
        "Lampe",
        addresses=("anna@kunde.example",),
        links=(Link("customer", RecordRef("contact", "none")), Link("article", RecordRef("article", "A"))),
    )
    return [
        decide(installed).trace,
        decide(installed, b"").trace,
        decide(installed, RAW, [linked]).trace,
        decide(installed, own=[automatic("order:O-81", removed=removal)]).trace,
        decide(installed, thread=[earlier(1), earlier(2, automatic("order:gone"))]).trace,
        decide(installed, RAW, WORLD, rules=RuleSettings("abstain")).trace,
    ]


def test_traces_survive_the_round_trip(installed: Installed) -> None:
    for trace in every_kind(installed):
        assert decode(encode(trace)) == trace
        assert decode(encode(trace).decode()) == trace
        data, mark = encode_with_digest(trace)
        assert data == encode(trace)
        assert mark == digest(trace)


def test_the_run_is_not_in_the_digest(installed: Installed) -> None:
    trace = decide(installed).trace
    assert trace.run is not None
    later = msgspec.structs.replace(trace.run, time="2099-01-01", host="elsewhere", duration_ms=9.9)
    moved = msgspec.structs.replace(trace, run=later)
    assert digest(moved) == digest(trace)
    assert encode(moved) != encode(trace)


def test_what_is_no_trace_is_refused(installed: Installed) -> None:
    data = encode(decide(installed).trace)
    with pytest.raises(ValueError, match=r"beleg\.trace/9"):
        decode(msgspec.json.encode({**msgspec.json.decode(data), "schema": "beleg.trace/9"}))
    with pytest.raises(ValueError, match="steps"):
        decode(data.replace(b'"steps":', b'"stepss":'))
    with pytest.raises(ValueError, match="truncated"):
        decode(b"{")


def test_a_decision_without_a_trace_makes_the_same(installed: Installed) -> None:
    directory = MemoryDirectory(WORLD, installed.types)
    bare = Engine(installed).decide(parse(RAW), directory, IgnoreList(), trace=False)
    assert bare.made == decide(installed).made
    assert bare.trace.steps == ()


def test_the_last_tie_among_earlier_messages_goes_by_the_bytes_as_they_came() -> None:
    known = [ThreadMessage(sha, "same@x", START, "", (), bytes_) for sha, bytes_ in (("a" * 64, "2"), ("b" * 64, "1"))]
    assert [each.bytes_sha256 for each in oldest_first(known, None, "")] == ["1", "2"]
