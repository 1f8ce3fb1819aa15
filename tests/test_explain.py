"""Explanations: what the first sentences name in both languages, and traces that are older or larger than usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from beleg.assignment import Assignment, Origin, Removal, ThreadMessage
from beleg.clause import Clause
from beleg.directory import MemoryDirectory
from beleg.explain import Explainer, Line, plain
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed
from beleg.record import Record, RecordRef, Reference
from beleg.step import OnConflict, RuleSettings
from beleg.trace import Trace, decode, digest, encode
from worlds import contact, order
from writing import day, mail

BY = Removal("erika@firma.example", "2026-03-01T10:00:00+01:00")


def trace_of(
    installed: Installed,
    raw: bytes,
    *world: Record,
    rule: OnConflict = "first",
    own: Sequence[Assignment] = (),
    thread: Sequence[ThreadMessage] = (),
    ignored: Sequence[str] = (),
) -> Trace:
    directory = MemoryDirectory(world, installed.types)
    engine = Engine(installed, RuleSettings(rule))
    return engine.decide(parse(raw), directory, IgnoreList(blacklist=ignored), thread, own).trace


def explainer(installed: Installed, language: str, clauses: Mapping[str, Clause] | None = None) -> Explainer:
    return Explainer(installed.clauses if clauses is None else clauses, installed.types, installed.steps, language)


def anna(*more: Record) -> tuple[Record, ...]:
    return (contact("K-5", "anna@kunde.example"), *more)


def on(record: str, origin: Origin = "automatic", **more: Any) -> Assignment:
    return Assignment(RecordRef.parse(record), origin, **more)


TWO = (
    order("O-1", customer="K-5", number="AB-1001"),
    order("O-2", customer="K-5", number="AB-1002"),
)
OTHERS = (contact("K-6", "bodo@x.example"), order("O-9", customer="K-6", number="AB-1009"))
BODO = mail("Hallo", sender="anna@kunde.example", to="bodo@x.example")
PAIR = Record(RecordRef("order", "O-7"), "AB-1007", references=(Reference("invoice", "RE-7007"),))
EARLIER = ThreadMessage("e" * 64, "früher@x", parse(mail(date=day(1))).date, "", (on("order:O-1"),))
REMOVED = ThreadMessage("e" * 64, "früher@x", parse(mail(date=day(1))).date, "", (on("order:O-1", removed=BY),))

Case = tuple[bytes, tuple[Record, ...], dict[str, Any], list[str], list[str]]
CASES: dict[str, Case] = {
    "unique": (
        mail("Hallo"),
        anna(TWO[0]),
        {},
        ["Because anna@kunde.example (From)", "1 order", "O-1"],
        ["Weil zu anna@kunde.example (Absender)", "1 Bestellung", "O-1"],
    ),
    "reference": (
        mail("Frage", "Es geht um AB-1002."),
        anna(*TWO),
        {},
        ["Because anna@kunde.example (From)", "2 orders", "only O-2", "AB-1002 (content)"],
        ["Weil zu anna@kunde.example (Absender)", "2 Bestellungen", "nur auf O-2", "AB-1002 (Inhalt)"],
    ),
    "two references": (
        mail("Frage", "AB-1007 und RE-7007", sender="x@y.example"),
        (PAIR,),
        {},
        ["Because O-7 is the only order", "AB-1007, RE-7007"],
        ["Weil nur O-7", "Bestellung", "AB-1007, RE-7007"],
    ),
    "ambiguous": (
        mail("Hallo", sender="anna@kunde.example", to=""),
        (*TWO, contact("K-5", "anna@kunde.example"), contact("K-7", "anna@kunde.example")),
        {},
        ["No order: anna@kunde.example (From): 2 orders", "No contact: anna", "2 contacts", "What would have helped: "],
        ["(Bestellung): anna@kunde.example (Absender): 2 Bestellungen", "(Kontakt): anna", "Was geholfen hätte: "],
    ),
    "nothing found": (
        mail("Hallo", sender="x@y.example", to="z@y.example"),
        (),
        {},
        ["Nothing in the ERP fits this mail: ", "x@y.example, z@y.example"],
        ["Nichts im ERP passt zu dieser Mail: ", "x@y.example, z@y.example"],
    ),
    "no address": (
        mail("Hallo", sender="x@y.example", to="z@y.example"),
        (),
        {"ignored": ["y.example"]},
        ["Nothing in the ERP fits this mail: none of its addresses counts"],
        ["Nichts im ERP passt zu dieser Mail: keine ihrer Adressen zählt"],
    ),
    "by hand": (
        mail("Hallo", sender="x@y.example"),
        (TWO[0],),
        {"own": [on("order:O-1", "manual"), on("contact:K-9", "manual")]},
        ["Because a person set it."],
        ["Weil eine Person es gesetzt hat."],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_summary(installed: Installed, name: str) -> None:
    raw, world, options, english, german = CASES[name]
    trace = trace_of(installed, raw, *world, **options)
    for said, expected in zip(sentences(installed, trace), (english, german), strict=True):
        for each in expected:
            assert each in said


def sentences(installed: Installed, trace: Trace) -> tuple[str, str]:
    english, german = (explainer(installed, language).summary(trace) for language in ("en", "de"))
    assert len(english) == len(german)
    return " ".join(english), " ".join(german)


def test_a_conflict(installed: Installed) -> None:
    trace = trace_of(installed, BODO, *anna(TWO[0]), *OTHERS, rule="abstain")
    english, german = sentences(installed, trace)
    assert "No order: the addresses lead to different orders: O-1, O-9." in english.replace("Participants: ", "")
    assert "What would have helped: " in english
    assert "O-1, O-9" in german


def test_a_removal(installed: Installed) -> None:
    trace = trace_of(installed, mail("Hallo"), *anna(TWO[0]), own=[on("order:O-1", removed=BY)])
    english, german = sentences(installed, trace)
    assert "O-1 would be assigned, but erika@firma.example removed it from this mail (" in english
    assert "O-1 würde zugeordnet, aber erika@firma.example hat die Zuordnung von dieser Mail entfernt (" in german


def test_history(installed: Installed) -> None:
    english, german = sentences(installed, trace_of(installed, mail("Re:", date=day(5)), TWO[0], thread=[EARLIER]))
    assert english.startswith("Because the earlier mail früher@x of this thread")
    assert german.startswith("Weil die frühere Mail früher@x dieses Verlaufs")
    english, german = sentences(installed, trace_of(installed, mail("Re:", date=day(5)), TWO[0], thread=[REMOVED]))
    assert all(each in english for each in ("erika@firma.example removed order O-1", "früher@x"))
    assert all(each in german for each in ("erika@firma.example", "Bestellung O-1", "früher@x", "entfernt"))


def test_a_mail_beyond_a_limit(installed: Installed) -> None:
    raw = mail("Hallo", " ".join(f"a{n}@b.example" for n in range(20_001)))
    trace = trace_of(installed, raw, *anna(TWO[0]))
    assert trace.assigned == ()
    assert trace.held() == ["message.limit", "history.nothing"]
    english, german = sentences(installed, trace)
    assert "20,000" in english or "20000" in english
    assert "20.000" in german or "20000" in german


# --- the whole text


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", CASES)
def test_no_sentence_is_left_unfinished(installed: Installed, name: str, language: str) -> None:
    raw, world, options, _, _ = CASES[name]
    trace = trace_of(installed, raw, *world, **options)
    text = explainer(installed, language).text(trace, digest(trace))
    assert "{" not in text
    assert "  \n" not in text
    assert text.endswith("\n")
    assert digest(trace)[:12] in text.splitlines()[0]


def test_lines_and_text_say_the_same(installed: Installed) -> None:
    trace = trace_of(installed, mail("Hallo"), *anna(*TWO))
    lines: list[Line] = explainer(installed, "en").lines(trace, "f" * 64)
    assert plain(lines) == explainer(installed, "en").text(trace, "f" * 64)
    assert {style for line in lines for _, style in line} <= {"", "head", "good", "bad", "dim", "strong"}


def test_a_trace_that_was_stored_is_explained_as_it_was(installed: Installed) -> None:
    trace = trace_of(installed, mail("Hallo"), *anna(*TWO))
    read = decode(encode(trace))
    assert explainer(installed, "de").text(read, digest(read)) == explainer(installed, "de").text(trace, digest(trace))


@pytest.mark.parametrize("language", ["en", "de"])
def test_clauses_steps_and_types_that_are_no_longer_installed(installed: Installed, language: str) -> None:
    bare = Explainer({}, {}, (), language)
    for raw, world, options, _, _ in CASES.values():
        trace = trace_of(installed, raw, *world, **options)
        text = bare.text(trace, digest(trace))
        for clause in trace.held():
            step = clause.partition(".")[0]
            assert step in text
    one = explainer(installed, language, {i: c for i, c in installed.clauses.items() if not i.startswith("order.")})
    trace = trace_of(installed, mail("Hallo"), *anna(TWO[0]))
    assert "order.participants.unique" in one.text(trace, digest(trace))


def test_a_trace_with_a_role_of_a_plugin_that_is_gone(installed: Installed) -> None:
    trace = trace_of(installed, mail("Hallo"), *anna(TWO[0]))
    data = encode(trace).replace(b'"order:', b'"parcel:').replace(b'"role":"customer"', b'"role":"courier"')
    odd = msgspec.json.decode(data)
    assert "parcel O-1" in explainer(installed, "en").text(decode(msgspec.json.encode(odd)), "0" * 64)


def test_10000_addresses_are_shortened(installed: Installed) -> None:
    raw = mail("Hallo", " ".join(f"a{n}@b.example" for n in range(10_000)))
    trace = trace_of(installed, raw)
    assert len(trace.addresses) == 10_002
    text = explainer(installed, "en").text(trace, digest(trace))
    assert len(text.splitlines()) < 150
    assert len(text) < 20_000
    assert "… and 9982 more" in text or "… and 9,982 more" in text


def test_many_candidates_are_shortened(installed: Installed) -> None:
    relay = contact("K-1", "relay@markt.example")
    raw = mail("Hallo", sender="relay@markt.example")
    sixty = trace_of(installed, raw, relay, *(order(f"O-{n:04}", customer="K-1") for n in range(60)))
    text = explainer(installed, "en").text(sixty, digest(sixty))
    assert "O-0000, O-0001, O-0002, O-0003, O-0004, O-0005, O-0006, O-0007, … by" in text
    assert "60 orders" in text
    many = trace_of(installed, raw, relay, *(order(f"O-{n:04}", customer="K-1") for n in range(1_200)))
    assert "more than 1,000 orders" in explainer(installed, "en").text(many, digest(many))
    assert "mehr als 1.000 Bestellungen" in explainer(installed, "de").text(many, digest(many))


def test_braces_in_a_mail_are_no_parameters(installed: Installed) -> None:
    raw = mail("{records} {0} {", "{address}", sender="{a}@kunde.example")
    trace = trace_of(installed, raw, contact("{K}", "{a}@kunde.example"))
    text = explainer(installed, "en").text(trace, digest(trace))
    assert 'Mail "{records} {0} {"' in text
    assert "Because {a}@kunde.example (From) has exactly 1 contact: {K}." in text
