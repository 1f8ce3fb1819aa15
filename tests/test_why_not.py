"""What why-not answers: where a record was lost, and how it reads. What it says of changes: `test_why_not_changes`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from beleg import scenario
from beleg.assignment import Assignment, ThreadMessage
from beleg.case import Case
from beleg.directory import MemoryDirectory
from beleg.explain import Explainer, plain, what_if_line, why_not_lines
from beleg.ignore import IgnoreList
from beleg.message import Limits, parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.record import Record, RecordRef, Reference
from beleg.step import RuleSettings
from beleg.store import Database
from beleg.testing.snapshots import TextFile
from beleg.why_not import Edit, Lost, WhyNot, apply, vocabulary, what_if, why_not
from beleg.why_not.edits import numbers_of
from beleg.workspace import Workspace
from worlds import contact, order
from writing import day, mail

# --- small worlds

ERP = """
erp:
  contacts:
    - {id: K-5, name: Anna, addresses: [anna@kunde.example]}
    - {id: K-6, name: Bodo, addresses: [bodo@kunde.example]}
    - {id: K-7, name: Familie, status: inactive, addresses: [familie@huber.example]}
    - {id: K-8, name: Familie, status: inactive, addresses: [familie@huber.example]}
    - {id: K-9, name: Laden, addresses: [shop@firma.example]}
  articles: [{id: A-1}, {id: A-2}, {id: A-3}]
  offers:
    - {id: AN-7, number: AN-2026-7, customer: K-5}
    - {id: AN-9, number: AN-2026-9, customer: K-5}
  orders:
    - {id: O-77, number: AB-1039, customer: K-5, articles: [A-1]}
    - {id: O-81, number: AB-1042, customer: K-5, offer: AN-7, articles: [A-1, A-2], references: {shop: S-4711}}
    - {id: O-90, number: AB-1051, customer: K-6}
    - {id: O-95, number: AU 100234, references: {shop: Nr. 77}}
  records:
    - {type: invoice, id: RE-77, number: RE-7700, customer: K-5, links: {order: O-81}}
ignored: {groups: [shop@firma.example]}
"""
REMOVED = "removed: {by: erika@firma.example, at: '2026-01-05T12:00:00+01:00'}"


def letter(sender: str, subject: str = "Frage", body: str = "Guten Tag", to: str = "shop@firma.example") -> str:
    lines = [
        f"From: {sender}", f"To: {to}", "Date: Tue, 6 Jan 2026 09:00:00 +0100", "Message-ID: <2@x.example>",
        "References: <1@x.example>", f"Subject: {subject}", "", body,
    ]  # fmt: skip
    return "message: |\n" + "".join(f"  {line}\n" for line in lines)


def earlier(*assignments: str) -> str:
    """A mailbox with the mail that the letter answers."""
    listed = "".join(f"\n      - {{{each}}}" for each in assignments)
    return (
        "mailbox:\n  - message: |\n      From: anna@kunde.example\n      Date: Mon, 5 Jan 2026 10:00:00 +0100\n"
        f"      Message-ID: <1@x.example>\n      Subject: Bestellung\n\n      Hallo\n    assignments:{listed}\n"
    )


def own(*assignments: str) -> str:
    return "assignments:" + "".join(f"\n  - {{{each}}}" for each in assignments) + "\n"


ANNA, BODO = "anna@kunde.example", "bodo@kunde.example"
NAMED = letter(ANNA, "Frage zu AB-1042")
STRANGER = "fremd@nirgends.example"
WORLDS = {
    "the number picks another": NAMED,
    "no number at all": letter(ANNA),
    "another address comes first": letter(BODO, to=ANNA),
    "nothing points at it": letter(STRANGER, "Frage zu AB-1042"),
    "known by a word before": letter(STRANGER, body="AU 100234 und Nr77"),
    "two contacts alike": letter("familie@huber.example"),
    "two numbers of the content": letter(STRANGER, body="AB-1042, S-4711"),
    "another order was removed": letter(STRANGER, body="AB-1042, S-4711")
    + own(f'record: "order:O-90", origin: automatic, {REMOVED}'),
    "removed by hand": NAMED + own(f'record: "order:O-81", origin: automatic, {REMOVED}'),
    "removed, and in the thread": NAMED
    + own(f'record: "order:O-81", origin: inherited, {REMOVED}')
    + earlier('record: "order:O-81", origin: automatic'),
    "set by hand": letter(STRANGER)
    + own('record: "order:O-90", origin: manual', 'record: "contact:K-6", origin: derived, from: "order:O-90"'),
    "in the thread": letter(ANNA, "Frage zu AB-1042") + earlier('record: "order:O-77", origin: automatic'),
    "removed in the thread": NAMED + earlier(f'record: "order:O-77", origin: automatic, {REMOVED}'),
    "two addresses lead apart": letter(ANNA, "Frage zu AB-1042", to=BODO) + "settings: {on_conflict: abstain}\n",
}


@pytest.fixture
def ask(installed: Installed, tmp_path: Path) -> Callable[..., WhyNot]:
    """Ask why-not of a record in one of the worlds."""

    def ask(title: str, record: str, **more: Any) -> WhyNot:
        case, engine = case_of(title, installed, tmp_path)
        return why_not(case, RecordRef.parse(record), engine, **more)

    return ask


def case_of(title: str, installed: Installed, folder: Path) -> tuple[Case, Engine]:
    file = folder / "world.yaml"
    file.write_text(f"title: {title}\n{ERP}{WORLDS[title]}", encoding="utf-8")
    (found,) = scenario.load(file, installed)
    return scenario.case(found, installed), Engine(installed, found.settings)


# --- where it was lost


@pytest.mark.parametrize(
    ("title", "record", "kind", "step", "clause", "more"),
    [
        ("the number picks another", "order:O-81", "assigned", "order", "order.participants.reference", []),
        ("the number picks another", "contact:K-5", "assigned", "order", "order.follow.customer", []),
        ("the number picks another", "order:O-77", "dropped", "order", "order.participants.reference", []),
        ("no number at all", "order:O-77", "dropped", "order", "order.participants.ambiguous", []),
        ("two contacts alike", "contact:K-7", "dropped", "contact", "contact.participants.ambiguous_inactive", []),
        ("two addresses lead apart", "order:O-81", "dropped", "order", "order.participants.conflict", []),
        ("two addresses lead apart", "order:O-77", "dropped", "order", "order.participants.reference", []),
        ("another address comes first", "order:O-77", "not_reached", "order", "order.participants.unique", []),
        ("removed by hand", "order:O-81", "removed", "order", "order.participants.removed", []),
        ("removed, and in the thread", "order:O-81", "removed", "order", "history.assigned", []),
        ("nothing points at it", "order:O-81", "never_candidate", "order", None, []),
        ("nothing points at it", "contact:K-5", "never_candidate", "contact", None, []),
        ("another order was removed", "contact:K-5", "never_candidate", "contact", None, ["order.follow.customer"]),
        ("the number picks another", "offer:AN-9", "skipped", "offer", "offer.skipped", []),
        ("set by hand", "contact:K-5", "skipped", "contact", "contact.skipped", []),
        ("set by hand", "order:O-90", "assigned", "", None, []),
        ("known by a word before", "order:O-95", "assigned", "order", "order.two_references.unique", []),
        ("in the thread", "order:O-81", "inherited", "history", "history.assigned", []),
        ("in the thread", "order:O-77", "assigned", "history", "history.assigned", []),
        ("removed in the thread", "order:O-81", "removal_inherited", "history", "history.removed", []),
        ("removed in the thread", "article:A-1", "removal_inherited", "history", "history.removed", []),
        ("the number picks another", "article:A-1", "not_followed", "order", "order.follow.article", []),
        ("the number picks another", "article:A-3", "no_step", "", None, []),
        ("the number picks another", "invoice:RE-77", "no_step", "", None, []),
        ("the number picks another", "order:O-1", "retired", "", None, []),
        ("the number picks another", "thing:T-1", "retired", "", None, []),
    ],
)  # fmt: skip
def test_where_it_was_lost(
    ask: Callable[..., WhyNot], title: str, record: str, kind: str, step: str, clause: str | None, more: list[str]
) -> None:
    lost = ask(title, record).lost
    found = (lost.kind, lost.step, lost.check.clause if lost.check else None, [check.clause for check in lost.more])
    assert found == (kind, step, clause, more)


def test_counts_that_dropped_it(ask: Callable[..., WhyNot]) -> None:
    check = ask("no number at all", "order:O-77").lost.check
    assert check is not None
    assert check.counts == {"candidates": 2, "by_reference": 0, "removed": 0}
    assert check.candidates is not None
    assert check.candidates.listed == ("order:O-77", "order:O-81")


def test_who_removed_it_and_when(ask: Callable[..., WhyNot]) -> None:
    facts = {"by": "erika@firma.example", "on": "2026-01-05T12:00:00+01:00"}
    assert ask("removed by hand", "order:O-81").lost.facts == facts
    assert ask("removed, and in the thread", "order:O-81").lost.facts == facts


def test_never_a_candidate_names_what_would_lead_to_it(ask: Callable[..., WhyNot]) -> None:
    assert ask("nothing points at it", "order:O-81").lost.facts == {"by": "numbers"}
    assert ask("nothing points at it", "contact:K-5").lost.facts == {"by": "address"}


def test_two_numbers_that_were_not_asked_any_more(installed: Installed) -> None:
    """One of them stands in the subject, too; the contact step reads none."""
    records = [order("O-1", "a@x.example"), order("O-2", number="AB-1042", shop="S-4711")]
    for record, kind in (
        (records[1], "not_reached"),
        (Record(RecordRef("contact", "K-1"), "AB-1042", references=(Reference("x", "S-4711"),)), "never_candidate"),
    ):
        world = [*records, record] if record not in records else records
        case = made(world, mail("AB-1042", "AB-1042, S-4711", sender="a@x.example"), installed)
        assert why_not(case, record.ref, Engine(installed)).lost.kind == kind


def test_one_of_more_candidates_than_are_listed(installed: Installed) -> None:
    """That it was one is seen from the address that it carries, and of two numbers from those that it bears."""
    orders = [order(f"O-{n:03}", "relay@markt.example", number="AB-1042", shop="S-4711") for n in range(60)]
    by_address = made(orders, mail(sender="relay@markt.example"), installed)
    by_numbers = made(orders, mail(body="AB-1042, S-4711", sender="x@y.example"), installed)
    for case, clause in ((by_address, "order.participants.ambiguous"), (by_numbers, "order.two_references.ambiguous")):
        lost = why_not(case, RecordRef("order", "O-059"), Engine(installed), seconds=0).lost
        assert (lost.kind, lost.check and lost.check.clause) == ("dropped", clause)
    other = made([*orders, order("O-999", "c@y.example")], mail(sender="relay@markt.example"), installed)
    assert why_not(other, RecordRef("order", "O-999"), Engine(installed), seconds=0).lost.kind == "never_candidate"


def test_beyond_a_limit(installed: Installed) -> None:
    """The thread decides all the same."""
    settings = RuleSettings(limits=Limits(addresses=1))
    raw = mail(to="b@y.example, c@y.example", sender="a@x.example", date=day(9))
    records = [order("O-1", "a@x.example"), order("O-2", "b@y.example")]
    case = made(records, raw, installed, settings)
    engine = Engine(installed, settings)
    assert why_not(case, records[0].ref, engine).lost.kind == "limit"
    earlier = parse(mail(date=day(2)))
    tied = ThreadMessage(earlier.sha256, None, earlier.date, "", (Assignment(records[1].ref, "automatic"),))
    answer = why_not(replace(case, thread=(tied,)), records[0].ref, engine)
    assert answer.lost.kind == "inherited"
    assert answer.changes == ()


def made(records: list[Record], raw: bytes, installed: Installed, settings: RuleSettings | None = None) -> Case:
    engine = Engine(installed, settings)
    return Case.alone(parse(raw, engine.settings.limits), MemoryDirectory(records, installed.types), engine)


# --- what leads to it, and what it would still have had to pass


def test_what_leads_to_it(ask: Callable[..., WhyNot]) -> None:
    answer = ask("the number picks another", "order:O-77")
    assert [(each.address, each.via, each.at and each.at.part) for each in answer.addresses] == [
        ("anna@kunde.example", "contact:K-5", "From")
    ]
    answer = ask("the number picks another", "order:O-81")
    assert [(each.number, each.at and each.at.part) for each in answer.numbers] == [
        ("AB-1042", "subject"),
        ("S-4711", None),
    ]


def test_the_entry_that_takes_its_address_out(installed: Installed) -> None:
    case = made([contact("K-1", "a@x.example")], mail(sender="a@x.example"), installed)
    case = replace(case, ignored=IgnoreList(blacklist=["*.example", "x.example"]))
    (address,) = why_not(case, RecordRef("contact", "K-1"), Engine(installed)).addresses
    assert (address.ignored_as, address.ignored) == ("domain", "x.example")


@pytest.mark.parametrize(
    ("title", "record", "expected"),
    [
        (
            "no number at all",
            "order:O-77",
            [
                "order.participants.unique", "order.participants.reference", "order.content.unique",
                "order.content.reference", "order.two_references.unique",
            ],
        ),
        ("in the thread", "offer:AN-9", ["not offer.skipped", "offer.participants.unique"]),
        ("two contacts alike", "contact:K-7", ["contact.participants.unique", "contact.participants.active"]),
        ("the number picks another", "article:A-1", []),
        ("the number picks another", "order:O-81", []),
    ],
)  # fmt: skip
def test_what_it_would_still_have_had_to_pass(
    ask: Callable[..., WhyNot], title: str, record: str, expected: list[str]
) -> None:
    still = ask(title, record).still
    assert [("not " if each.bars else "") + each.clause for each in still][: len(expected) or None] == expected
    assert all(each.when for each in still)


def test_stages_that_were_over_are_not_to_pass(installed: Installed) -> None:
    records = [order("O-1", "b@y.example"), order("O-2", "b@y.example")]
    case = made(records, mail(body="b@y.example", sender="a@x.example"), installed)
    clauses = [each.clause for each in why_not(case, records[0].ref, Engine(installed)).still]
    assert clauses == ["order.content.unique", "order.content.reference", "order.two_references.unique"]


# --- changes


@pytest.mark.parametrize(
    ("title", "record", "edits", "clause"),
    [
        ("no number at all", "order:O-77", ["names AB-1039"], "order.participants.reference"),
        (
            "the number picks another",
            "order:O-77",
            ["names AB-1039", "names_not AB-1042"],
            "order.participants.reference",
        ),
        (
            "nothing points at it",
            "contact:K-5",
            ["carries contact:K-5 fremd@nirgends.example"],
            "order.follow.customer",
        ),
        ("nothing points at it", "order:O-95", ["names AU 100234", "names Nr77"], "order.two_references.unique"),
        (
            "nothing points at it",
            "contact:K-9",
            ["not_ignored shop@firma.example shop@firma.example"],
            "contact.participants.unique",
        ),
        ("two contacts alike", "contact:K-7", ["status contact:K-8 active"], None),
        ("two contacts alike", "contact:K-7", ["status contact:K-8 none"], "contact.participants.inactive"),
        ("two contacts alike", "contact:K-7", ["absent contact:K-8"], "contact.participants.unique"),
        ("removed by hand", "order:O-81", ["not_removed order:O-81"], "order.participants.reference"),
        ("removed in the thread", "order:O-77", ["not_removed order:O-77 1@x.example"], "history.assigned"),
        ("removed in the thread", "order:O-81", ["unassigned 1@x.example"], "order.participants.reference"),
        ("the number picks another", "offer:AN-9", ["absent order:O-81", "absent order:O-77"], None),
        ("no number at all", "article:A-1", ["names AB-1039"], "order.follow.article"),
        ("no number at all", "offer:AN-7", ["names AB-1042"], "order.follow.offer"),
    ],
)  # fmt: skip
def test_a_change_of_each_kind(
    ask: Callable[..., WhyNot], title: str, record: str, edits: list[str], clause: str | None
) -> None:
    told = {}
    for change in ask(title, record).changes:
        said = [
            f"{e.kind} " + " ".join(filter(None, (e.record, e.number, e.address, e.status, e.entry, e.message)))
            for e in change.edits
        ]
        told[frozenset(said)] = change.clause
    assert told.get(frozenset(edits)) == clause


def test_what_a_longer_number_hid_is_named_when_that_is_gone(installed: Installed) -> None:
    """Without order O-1 the mail names 1042 twice, so not naming 1042 is neither of them: edits of the mail are made
    in the world that the others leave."""
    records = [
        order("O-1", "a@x.example", number="AB-1042"),
        order("O-2", "a@x.example", number="1042"),
        order("O-3", "a@x.example", number="7700"),
    ]
    case = made(records, mail("AB-1042", "1042 und 7700", sender="a@x.example"), installed)
    edits = {edit.kind + edit.number: edit for edit in vocabulary(case, records[2], installed, 2)}
    absent = Edit("absent", "order:O-1")
    for chosen in ([edits["names_not1042"], absent], [absent, edits["names_not1042"]]):
        assert [number.key for number in numbers_of(apply(case, chosen))] == ["7700"]


# --- time, and what is meant to hurt


def test_time_that_is_over(ask: Callable[..., WhyNot]) -> None:
    """Every look at the clock takes a second: what was executed by then is told, and that it stopped."""
    whole = ask("the number picks another", "order:O-77")
    assert whole.complete
    stopped = 0
    for seconds in range(0, 200, 7):
        ticks = count()
        answer = ask("the number picks another", "order:O-77", seconds=seconds, clock=lambda ticks=ticks: next(ticks))
        assert answer.changes == whole.changes[: len(answer.changes)]
        assert answer.complete == (answer.tried == whole.tried)
        assert answer.tried <= seconds
        stopped += not answer.complete
    assert stopped > 5


def test_no_time_at_all(ask: Callable[..., WhyNot]) -> None:
    answer = ask("the number picks another", "order:O-77", seconds=0)
    assert (answer.tried, answer.changes, answer.complete) == (0, (), False)
    assert answer.lost.kind == "dropped"


def test_where_there_is_nothing_to_try(installed: Installed) -> None:
    case = made([Record(RecordRef("thing", "T-1"))], mail(sender=None, to=""), installed)
    answer = why_not(case, RecordRef("thing", "T-1"), Engine(installed), seconds=0)
    assert (answer.vocabulary, answer.tried, answer.complete) == (0, 0, True)


@pytest.mark.parametrize("what", ["addresses", "numbers", "thread", "contacts"])
def test_very_much_of_it(installed: Installed, what: str) -> None:
    """However much there is to try: it ends in time, and what it says is so."""
    relay = "relay@markt.example"
    orders = [order(f"O-{n:04}", relay, number=f"AB-{n:05}") for n in range(1000)]
    records, body, thread = orders, "", ()
    if what == "addresses":
        body = " ".join(f"a{n}@x.example" for n in range(10_000))
    elif what == "numbers":
        body = " ".join(f"AB-{n:05}" for n in range(200))
    elif what == "contacts":
        records = [contact(f"K-{n:04}", relay, status="inactive") for n in range(1000)]
    else:
        mails = [parse(mail(id_=f"{n}@x.example", date=day(1 + n // 100, n % 24))) for n in range(1000)]
        by_hand = Assignment(orders[7].ref, "manual")
        thread = tuple(ThreadMessage(m.sha256, m.message_id, m.date, "", (by_hand,)) for m in mails)
    case = replace(made(records, mail(body=body, sender=relay, date=day(28)), installed), thread=thread)
    began = time.monotonic()
    answer = why_not(case, records[500].ref, Engine(installed), seconds=0.3)
    assert time.monotonic() - began < 5
    assert not answer.complete


def test_a_crowd_is_searched_whole(installed: Installed) -> None:
    """A thousand orders by one address are so many that the absence of one or two says nothing."""
    orders = [order(f"O-{n:04}", "relay@markt.example", number=f"AB-{n:05}") for n in range(1000)]
    case = made(orders, mail("Frage zu AB-00007", sender="relay@markt.example", to=""), installed)
    answer = why_not(case, RecordRef("order", "O-0500"), Engine(installed))
    assert answer.complete
    assert [[each.kind for each in change.edits] for change in answer.changes] == [
        ["names", "names_not"],
        ["names", "absent"],
    ]


def test_every_single_edit_may_do(installed: Installed) -> None:
    """Of many that each assign it no set is left to try."""
    body = " ".join(f"a{n}@x.example" for n in range(200))
    case = made([contact("K-1")], mail(body=body, sender=None, to=""), installed)
    answer = why_not(case, RecordRef("contact", "K-1"), Engine(installed), max_edits=3, seconds=60)
    assert answer.complete
    assert (len(answer.changes), answer.tried) == (200, 200)


# --- how it reads

READ = {
    "dropped": ("the number picks another", "order:O-77"),
    "contacts alike": ("two contacts alike", "contact:K-7"),
    "never a candidate": ("nothing points at it", "order:O-81"),
    "ignored": ("nothing points at it", "contact:K-9"),
    "not reached": ("another address comes first", "order:O-77"),
    "conflict": ("two addresses lead apart", "order:O-81"),
    "removed": ("removed by hand", "order:O-81"),
    "inherited": ("in the thread", "order:O-81"),
    "removal inherited": ("removed in the thread", "order:O-81"),
    "skipped": ("set by hand", "contact:K-5"),
    "not followed": ("the number picks another", "article:A-1"),
    "assigned": ("the number picks another", "contact:K-5"),
    "no step": ("the number picks another", "invoice:RE-77"),
}


@pytest.fixture
def read_in(installed: Installed) -> Callable[[WhyNot, str], str]:
    def read_in(answer: WhyNot, language: str) -> str:
        explainer = Explainer.of(installed, language)
        return plain(why_not_lines(explainer, answer))

    return read_in


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", READ)
def test_read(
    ask: Callable[..., WhyNot],
    read_in: Callable[[WhyNot, str], str],
    snapshot: SnapshotAssertion,
    name: str,
    language: str,
) -> None:
    assert read_in(ask(*READ[name]), language) == snapshot.use_extension(TextFile)


@pytest.mark.parametrize("language", ["en", "de"])
def test_read_of_what_is_gone_or_stopped_or_odd(
    ask: Callable[..., WhyNot], read_in: Callable[[WhyNot, str], str], installed: Installed, language: str
) -> None:
    gone = read_in(ask("no number at all", "order:O-1"), language)
    assert ("GONE" if language == "en" else "NICHT MEHR DA") in gone
    stopped = read_in(ask("no number at all", "order:O-77", seconds=0, max_edits=1), language)
    assert "--seconds" in stopped
    odd = made([Record(RecordRef("thing", "T\u202e1"), "N\x1b[31m-1")], mail("", sender=None), installed)
    text = read_in(why_not(odd, RecordRef("thing", "T\u202e1"), Engine(installed), stored="0" * 64), language)
    assert "()" not in text.replace("(no subject)", "").replace("(kein Betreff)", "")
    many = [contact("K-1", *(f"a{n}@x.example" for n in range(500)))]
    text = read_in(why_not(made(many, mail(), installed), many[0].ref, Engine(installed)), language)
    assert ("… and 480 more" if language == "en" else "… und 480 weitere") in text
    assert len(text.splitlines()) < 45


def test_json_is_of_a_stable_shape(ask: Callable[..., WhyNot]) -> None:
    schema = msgspec.json.schema(WhyNot)
    for title, record in READ.values():
        answer = ask(title, record)
        data = msgspec.json.encode(answer)
        jsonschema.validate(json.loads(data), schema)
        assert data.startswith(b'{"schema":"beleg.why_not/1","record":"')
        assert msgspec.json.decode(data, type=WhyNot) == answer


# --- the question turned round


@pytest.mark.parametrize(
    ("title", "said", "german"),
    [
        (
            "the number picks another",
            "Without AB-1042 (subject) it would be contact K-5 (contact.participants.unique).",
            "Ohne AB-1042 (Betreff) würde zugeordnet: Kontakt K-5 (contact.participants.unique).",
        ),
        (
            "another address comes first",
            "Without bodo@kunde.example (From) it would be contact K-5 (contact.participants.unique).",
            "Ohne bodo@kunde.example (Absender) würde zugeordnet: Kontakt K-5 (contact.participants.unique).",
        ),
        (
            "two numbers of the content",
            "Without AB-1042, S-4711 (content) nothing would be assigned (order.two_references.none).",
            "Ohne AB-1042, S-4711 (Inhalt) würde nichts zugeordnet (order.two_references.none).",
        ),
        (
            "in the thread",
            "Without what stands on the earlier mail 1@x.example it would be order O-81, contact K-5, offer AN-7 "
            "(order.participants.reference).",
            "Ohne das, was an der früheren Mail 1@x.example steht, würde zugeordnet: Bestellung O-81, Kontakt K-5, "
            "Angebot AN-7 (order.participants.reference).",
        ),
        ("two contacts alike", None, None),
        ("set by hand", None, None),
        ("removed in the thread", None, None),
    ],
)
def test_what_if(installed: Installed, tmp_path: Path, title: str, said: str | None, german: str | None) -> None:
    case, engine = case_of(title, installed, tmp_path)
    found = what_if(case, case.decide(engine).trace, engine)
    for language, expected in (("en", said), ("de", german)):
        explainer = Explainer.of(installed, language)
        assert (plain([what_if_line(explainer, found)]).strip() if found else None) == expected


@pytest.mark.parametrize(
    ("records", "clause", "gone", "after"),
    [
        ([contact("K-1", "a@x.example"), contact("K-2", "a@x.example", status="none")], "active", "a@x.example", "K-9"),
        (
            [contact("K-1", "a@x.example", status="inactive"), contact("K-2", "a@x.example", status="none")],
            "inactive",
            "a@x.example",
            "K-9",
        ),
        ([contact("K-1", "b@y.example")], "unique", "b@y.example", "K-9"),
    ],
)
def test_what_if_of_a_contact(installed: Installed, records: list[Record], clause: str, gone: str, after: str) -> None:
    """The copy's contact comes out where the sender's address is not there."""
    world = [*records, contact("K-9", "copy@z.example")]
    case = made(world, mail(body="copy@z.example", sender="a@x.example", to="b@y.example"), installed)
    trace = case.decide(Engine(installed)).trace
    assert trace.assigned[0].clause == f"contact.participants.{clause}"
    found = what_if(case, trace, Engine(installed))
    assert found is not None
    assert (found.address, found.assigned, found.clause) == (gone, (f"contact:{after}",), "contact.content.unique")


# --- stored messages


@pytest.fixture
def workspace(database: Database, installed: Installed, tmp_path: Path) -> Workspace:
    """The world "in the thread" in a database, its mails decided, and an order that the ERP no longer has."""
    workspace = Workspace(database, installed)
    case, _ = case_of("in the thread", installed, tmp_path)
    records = list(case.directory.all().values())
    workspace.import_records([*records, order("O-1", "anna@kunde.example")], files="all")
    workspace.import_records(records, files="all", prune=True)
    workspace.ignore("groups", ["shop@firma.example"])
    first = mail("Bestellung AB-1039", sender="anna@kunde.example", id_="1@x.example", date=day(2))
    second = mail(
        "Frage zu AB-1042", sender="anna@kunde.example", id_="2@x.example", reply_to="1@x.example", date=day(3)
    )
    workspace.import_mail([(first, ""), (second, "")])
    return workspace


def test_of_a_stored_message(workspace: Workspace) -> None:
    message = workspace.find_message("2@x.example")
    _, mark = workspace.open(message.row)

    def ask(record: str, stored: str = mark) -> WhyNot:
        ref = RecordRef.parse(record)
        return why_not(workspace.case(message, [ref]), ref, workspace.engine, stored=stored)

    answer = ask("order:O-81")
    assert answer.lost.kind == "inherited"
    assert answer.stored is None
    assert [each.kind for each in answer.changes[0].edits] == ["unassigned"]
    assert answer.changes[0].clause == "order.participants.reference"
    assert ask("order:O-1").lost == Lost("retired")
    assert workspace.record_known(RecordRef("order", "O-1"))
    assert not workspace.record_known(RecordRef("order", "O-2"))
    assert ask("order:O-81", "another").stored == "another"
    found = workspace.what_if(message, mark)
    assert found is not None
    assert found.message == "1@x.example"
    assert workspace.what_if(message, "another") is None
