"""The demo's world: what is decided on each of its mails, and that it is fit to be shown to a newcomer."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from beleg import demo
from beleg.evidence import extract
from beleg.keys import address_key
from beleg.message import content_identity, parse
from beleg.plugins import Installed
from beleg.store import Database
from beleg.trace import Trace, digest
from beleg.workspace import Workspace
from serving import accounts_on

# Mail, the clause that decided, and the records: by RULES.md, not by what came out.
ASSIGNED = """
1-bestellung order.participants.unique order:O-95 contact:K-6 offer:AN-31 article:A-3
2-rueckfrage order.participants.reference order:O-81 contact:K-5
2026-10-12-delivery-time-answer history.assigned order:O-105 contact:K-15 article:A-12
2026-10-12-delivery-time order.participants.unique order:O-105 contact:K-15 article:A-12
2026-10-12-out-of-office history.assigned order:O-105 contact:K-15 article:A-12
2026-10-13-seeblick-1 order.participants.reference order:O-103 contact:K-12 article:A-11
2026-10-13-seeblick-2 history.assigned order:O-103 contact:K-12 article:A-11
2026-10-14-reklamation order.participants.unique order:O-109 contact:K-26 article:A-14
2026-10-14-seeblick-3 history.assigned order:O-103 contact:K-12 article:A-11
2026-10-14-seeblick-4 history.assigned order:O-103 contact:K-12 article:A-11
2026-10-15-angebot-angenommen offer.participants.unique offer:AN-33 contact:K-13 article:A-11
2026-10-15-sommer-rechnung order.participants.reference order:O-98 contact:K-9
2026-10-16-angebot-rueckfrage offer.participants.reference offer:AN-35 contact:K-14
2026-10-16-seeblick-5 history.assigned order:O-103 contact:K-12 article:A-11
2026-10-19-lindqvist-jonas order.participants.reference order:O-101 contact:K-11 article:A-9
2026-10-20-erste-anfrage contact.participants.unique contact:K-17
2026-10-20-gasthof-adler contact.participants.inactive contact:K-20
2026-10-20-maurer contact.participants.active contact:K-18
2026-10-21-lieferschein-riedl contact.participants.unique contact:K-24
2026-10-21-markthalle-kaeufer order.participants.unique order:O-118 contact:K-31 article:A-16
2026-10-22-markthalle-bestellung order.two_references.unique order:O-119 contact:K-32 article:A-17
2026-10-23-steuerbuero order.two_references.unique order:O-122 contact:K-33 article:A-1
2026-10-24-broken-shade order.participants.reference order:O-107 contact:K-16 article:A-18
2026-10-26-kita order.participants.unique order:O-108 contact:K-25 offer:AN-37 article:A-13
2026-10-26-rechnung-theater order.participants.reference order:O-111 contact:K-27 article:A-2
2026-10-26-weitergeleitet-theater order.content.reference order:O-110 contact:K-27 article:A-20
2026-10-27-kanzlei order.content.reference order:O-114 contact:K-29 article:A-17
2026-10-27-neue-adresse order.content.unique order:O-113 contact:K-28 article:A-15
2026-10-27-seeblick-bankdaten history.assigned order:O-103 contact:K-12 article:A-11
2026-10-28-hausverwaltung contact.content.active contact:K-18
2026-10-28-restaurator contact.content.inactive contact:K-20
2026-10-29-elektriker offer.content.reference offer:AN-36 contact:K-14 article:A-10
2026-10-29-innenarchitektin offer.content.unique offer:AN-33 contact:K-13 article:A-11
2026-10-30-ferienhof offer.participants.reference offer:AN-41 contact:K-34 article:A-5
2026-10-30-stadtwerke offer.two_references.unique offer:AN-38 contact:K-35 article:A-15
2026-11-02-ohne-betreff order.participants.unique order:O-121 article:A-18
2026-11-02-ohne-message-id order.participants.reference order:O-112 contact:K-27 article:A-16
2026-11-03-abholung order.content.unique order:O-120 article:A-3
2026-11-03-neue-wohnung contact.participants.unique contact:K-17
2026-11-04-angebot-cafe offer.participants.unique offer:AN-33 contact:K-13 article:A-11
2026-11-04-bergmann-angebot order.participants.unique order:O-95 contact:K-6 offer:AN-31 article:A-3
2026-11-05-zahlung order.two_references.unique order:O-98 contact:K-9
2026-11-06-umlaut-roh order.participants.reference order:O-99 contact:K-9 article:A-5
3-antwort history.assigned order:O-81 contact:K-5
5-weitergeleitet order.two_references.unique order:O-95 contact:K-6 offer:AN-31 article:A-3
6-anfrage contact.participants.unique contact:K-8
"""
PARTLY = """
2026-10-14-sommer-frage order.participants.ambiguous contact:K-9
2026-10-15-sommer-zwei-bestellungen order.participants.ambiguous contact:K-9
2026-10-16-angebot-welches offer.participants.ambiguous contact:K-14
2026-10-23-return-question order.participants.ambiguous contact:K-16
2026-10-28-fuer-paul order.content.ambiguous contact:K-30
2026-10-30-bauherr offer.content.ambiguous contact:K-14
2026-11-05-retoure order.participants.ambiguous contact:K-29
4-ohne-nummer order.participants.ambiguous contact:K-5
"""
AMBIGUOUS = """
2026-10-19-lindqvist-ohne-nummer contact.participants.ambiguous_active
2026-10-21-hansen contact.participants.ambiguous_inactive
2026-10-22-spedition order.two_references.ambiguous
2026-10-29-nachbarin contact.content.ambiguous_active
2026-10-29-steuerfrage-hansen contact.content.ambiguous_inactive
2026-10-30-stadtwerke-vergleich offer.two_references.ambiguous
"""
NOTHING = """
2026-10-12-newsletter order.participants.no_address
2026-10-22-markthalle-bewertung order.two_references.none
2026-10-31-phishing contact.participants.none
2026-11-01-bidi contact.participants.none
2026-11-02-oeffnungszeiten contact.participants.none
2026-11-03-oeffnungszeiten-antwort history.next
2026-11-05-paket order.two_references.none
2026-11-06-bewerbung contact.participants.none
ohne-datum-fax contact.participants.none
"""
TABLES = {"assigned": ASSIGNED, "partly": PARTLY, "ambiguous": AMBIGUOUS, "nothing found": NOTHING}
EXPECTED = {
    name: (outcome, clause, set(records))
    for outcome, table in TABLES.items()
    for name, clause, *records in map(str.split, table.strip().splitlines())
}
FILES = sorted(demo.MAILS.iterdir())


def decide(folder: Path, installed: Installed) -> dict[str, Trace]:
    """The traces of a filled workspace, by the mails' names."""
    database = Database(f"sqlite:///{folder}/beleg.db")
    database.upgrade()
    workspace = Workspace(database, installed)
    records, mail = demo.fill(workspace)
    assert (records.total, mail.new, mail.decided, mail.failed) == (107, len(FILES), len(FILES), [])
    rows = {path.stem: workspace.find_message(content_identity(path.read_bytes())).row for path in FILES}
    traces = {name: workspace.open(row)[0] for name, row in rows.items()}
    database.close()
    return traces


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> dict[str, Trace]:
    return decide(tmp_path_factory.mktemp("demo"), installed)


def outcome(trace: Trace) -> str:
    """Under which filter of the inbox a mail stands."""
    types = {each.record.partition(":")[0] for each in trace.assigned}
    ambiguous = any(check.verdict == "ambiguous" for check in trace.checks())
    if types & {"order", "offer"} or (types and not ambiguous):
        return "assigned"
    if types:
        return "partly"
    return "ambiguous" if ambiguous else "nothing found"


# --- what is decided


@pytest.mark.parametrize("name", EXPECTED)
def test_each_decision_is_the_rule_books(traces: dict[str, Trace], name: str) -> None:
    filter_, clause, records = EXPECTED[name]
    trace = traces[name]
    assert {each.record for each in trace.assigned} == records
    assert outcome(trace) == filter_
    assert clause in trace.held()


def test_every_mail_is_expected_and_every_filter_has_several() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in FILES)
    assert [len(table.split("\n")) - 2 for table in TABLES.values()] == [46, 8, 6, 9]


def test_every_clause_decides_that_can(traces: dict[str, Trace], installed: Installed) -> None:
    """All but those that need a person's hand, another setting, or a mail of many megabytes."""
    held = {clause for trace in traces.values() for clause in trace.held()}
    never = {clause for clause in installed.clauses if clause not in held}
    # An order could only stand before the step order runs if a person had set it.
    assert {clause for clause in never if not clause.endswith((".removed", ".conflict"))} == {
        "message.limit",
        "order.skipped",
    }


def test_the_same_world_every_time(traces: dict[str, Trace], tmp_path: Path, installed: Installed) -> None:
    again = decide(tmp_path, installed)
    assert {name: digest(trace) for name, trace in again.items()} == {
        name: digest(trace) for name, trace in traces.items()
    }


def test_the_reply_of_a_stranger_inherits(traces: dict[str, Trace]) -> None:
    swindle = traces["2026-10-27-seeblick-bankdaten"]
    assert {each.origin for each in swindle.assigned} == {"inherited"}
    others = [trace for name, trace in traces.items() if "seeblick" in name and trace is not swindle]
    assert len(others) == 5
    assert swindle.message.sender not in {trace.message.sender for trace in others}


def test_each_kind_of_entry_ignores_an_address(traces: dict[str, Trace]) -> None:
    kinds = {seen.ignored_as for trace in traces.values() for seen in trace.addresses}
    assert kinds == {None, "user", "group", "address", "domain", "wildcard"}


# --- the mails


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_mail_is_readable(path: Path) -> None:
    message = parse(path.read_bytes())
    text = "\n".join(part.text for part in (message.subject_part, *message.content))
    assert "\ufffd" not in text
    assert "Ã" not in text
    assert sum(len(part.text) for part in message.content) > 40
    assert all(each.name and each.size for each in message.attachments)
    assert bool(message.subject_part.text) == (path.stem != "2026-11-02-ohne-betreff")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_mail_names_anyone_who_could_exist(path: Path) -> None:
    raw = path.read_bytes()
    evidence = extract(parse(raw))
    for found in (*evidence.participants, *evidence.content):
        assert address_key(found.text).endswith(".example")
    for host in re.findall(rb"https?://([^/\s\"'<>)]+)", raw):
        assert host.endswith(b".example")


def test_the_dates_are_fixed(traces: dict[str, Trace]) -> None:
    dates = {name: trace.message.date for name, trace in traces.items()}
    assert [name for name, date in dates.items() if date is None] == ["ohne-datum-fax"]
    known = sorted(date for date in dates.values() if date)
    assert (known[0][:10], known[-1][:10]) == ("2026-10-12", "2026-11-06")
    for name, date in dates.items():
        if name.startswith("2026-") and date:
            assert name.startswith(date[:10]), name


def named(name: str) -> bytes:
    return (demo.MAILS / f"{name}.eml").read_bytes()


def test_bytes_are_as_they_were_written() -> None:
    """What git or an editor could level: line ends, and bytes that are no UTF-8."""
    ended = {path.stem for path in FILES if b"\r\n" in path.read_bytes()}
    assert ended == {"2026-10-20-gasthof-adler", "2026-11-04-bergmann-angebot"}
    assert all(raw.count(b"\r\n") == raw.count(b"\n") for raw in map(named, ended))
    assert b"Subject: Sch\xf6ne Gr\xfc\xdfe" in named("2026-11-06-umlaut-roh")
    assert "Subject: Bewerbung um einen Aushilfsplatz über".encode() in named("2026-11-06-bewerbung")
    assert b"B\xe4ckergasse" in named("2026-10-20-maurer")


def test_the_world_shows_what_mail_can_be() -> None:
    messages = {path.stem: parse(path.read_bytes()) for path in FILES}
    types = {each.type for message in messages.values() for each in message.attachments}
    assert {"application/pdf", "image/png", "application/octet-stream"} <= types
    assert {name for name, message in messages.items() if message.message_id is None} == {
        "2026-11-02-ohne-message-id",
        "ohne-datum-fax",
    }
    raws = b"".join(path.read_bytes() for path in FILES)
    for thing in (b"=?utf-8?b?", b"=?utf-8?q?", b"=?iso-8859-1?", b"quoted-printable", b"base64", b"message/rfc822",
                  b"cid:", b"<script", b"pixel", b"windows-1252", b"iso-8859-15"):  # fmt: skip
        assert thing in raws, thing
    # U+202E turns the letters behind it round: in an encoded word, where a reader of the file does not see it.
    [subject] = re.findall(rb"Subject: =\?utf-8\?b\?(\S+)\?=", named("2026-11-01-bidi"))
    assert "\u202e" in b64decode(subject).decode()


# --- what is shipped


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    root = Path(__file__).parents[1]
    [built] = WheelBuilder(str(root)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with ZipFile(built) as archive:
        yield archive


def test_the_wheel_holds_the_world(wheel: ZipFile) -> None:
    for path in (demo.ERP, *FILES):
        within = path.relative_to(demo.FOLDER.parents[1]).as_posix()
        assert wheel.read(within) == path.read_bytes(), within


def test_the_world_is_small() -> None:
    assert sum(path.stat().st_size for path in (demo.ERP, *FILES)) < 400_000


def test_the_shop_has_an_account_and_what_it_creates(sqlite: Database, installed: Installed) -> None:
    workspace = Workspace(sqlite, installed)
    demo.fill(workspace)
    accounts = accounts_on(workspace)
    demo.add_account(accounts)
    assert [(each.direction, each.name, each.active) for each in accounts.accounts()] == [
        ("in", "Lampenladen", False), ("out", "Lampenladen", False),
    ]  # fmt: skip
    found = {each.filter.title("de"): each.filter for each in accounts.filters()}
    assert list(found)[:4] == [
        "Alle E-Mails", "Lampenladen (Offene Mails)", "Lampenladen (Pool)", "Lampenladen (Meine Mails)",
    ]  # fmt: skip
    counts = accounts.filter_counts(list(found.values()))
    assert counts[found["Alle E-Mails"].id] == 69
    assert counts[found["Lampenladen (Pool)"].id] == counts[found["Lampenladen (Offene Mails)"].id] == 34
    assert counts[found["Erledigt"].id] == 35
