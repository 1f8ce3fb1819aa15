"""Erasing and exporting what is stored about an address, on both databases, from import to replay."""

from __future__ import annotations

import base64
import io
import json
import quopri
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from argon2.profiles import CHEAPEST
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from beleg import privacy
from beleg.errors import InputError, NotFound
from beleg.explain import Explainer
from beleg.message import Limits, parse
from beleg.people import People, SignInRefused
from beleg.plugins import Installed
from beleg.privacy.mail import Unmaskable, masked, mentions
from beleg.privacy.person import Person
from beleg.record import Link, Record, RecordRef
from beleg.replay import replay, select
from beleg.store import Database, DatabaseError, journal
from beleg.store.mails import Mails, Selection, unpacked
from beleg.store.tables import Table
from beleg.trace import digest
from beleg.workspace import Workspace
from commands import ERP, Cli
from worlds import order
from writing import day, mail

ANNA = "anna@kunde.example"
STAND_IN = re.compile(r"erased-[0-9a-f]{8}@erased\.invalid")
SPELLINGS = re.compile(r"anna\"?(@|%40|&#64;|=40)kunde\.example|anna kunde|kunde, anna", re.IGNORECASE)

QUESTION = mail("Geheime Frage zu AB-1042", "Hier Anna", id_="1@x", date=day(1))
ANSWER = mail(
    "Re: AB-1042", "Hallo Anna Kunde", sender="shop@firma.example", to="Anna Kunde <Anna@KUNDE.example>",
    id_="2@x", reply_to="1@x", date=day(2),
)  # fmt: skip
ROUND = mail(
    "An alle: anna@kunde.example", "Von: Kunde, Anna <anna@kunde.example>\nzu AB-1043, bob@b.example",
    sender="Bob Bauer <bob@b.example>", to='shop@firma.example, "Kunde, Anna" <anna@kunde.example>, c@c.example',
    id_="3@x", reply_to="2@x", references="<1@x> <2@x>", date=day(3),
)  # fmt: skip
MENTION = mail(
    "Frage zu AB-1043", "Bitte an ANNA@kunde.example, (AB-1043) bob@b.example", sender="bob@b.example",
    id_="4@x", date=day(4),
)  # fmt: skip
OTHERS = mail(
    "AB-1043", "hanna@kunde.example, anna@kunde.example.org, x.anna@kunde.example, Anna Kunze", sender="bob@b.example",
    id_="5@x", date=day(5),
)  # fmt: skip
REPLY = mail("Re: Re: An alle", "danke", sender="c@c.example", id_="6@x", reply_to="3@x", date=day(6))
MAILS = [QUESTION, ANSWER, ROUND, MENTION, OTHERS, REPLY]

WORLD = [
    Record(RecordRef("contact", "K-5"), label="Anna Kunde", addresses=("Anna@kunde.example",)),
    Record(RecordRef("contact", "K-7"), label="Bob Bauer", addresses=("bob@b.example", ANNA)),
    order("O-81", customer="K-5", number="AB-1042"),
    order("O-82", customer="K-7", number="AB-1043"),
    order("O-83", customer="K-7", number="AB-1044"),
]


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    """A workspace in which the mails are stored, decided, and corrected."""
    found = Workspace(database, installed)
    found.import_records(WORLD)
    found.ignore("groups", ["shop@firma.example"])
    found.ignore("blacklist", ["werbung@z.example"])
    found.import_mail((raw, "anna@kunde.example/Eingang", "post") for raw in MAILS)
    with database.begin() as connection:
        for stored, _ in Mails(connection).newest(99):
            about = f"mail '{stored.subject}' from {stored.sender}"
            journal.append(connection, "2026-03-09T10:00:00+00:00", "lena", "note", stored.row, {"about": about})
    return found


def row(workspace: Workspace, id_: str) -> int:
    return workspace.find_message(id_).row


def raw(workspace: Workspace, id_: str) -> bytes:
    number = row(workspace, id_)
    with workspace.database.begin(write=False) as connection:
        return Mails(connection).raw([number])[number]


def standing(workspace: Workspace) -> dict[str | None, list[str]]:
    return {message.message_id: sorted(map(str, refs)) for message, refs in workspace.newest(1000)}


def everything(database: Database) -> dict[str, list[tuple[str, ...]]]:
    """All that is stored, readable: of mails every text that a person reads, of the index of words its words."""
    tables = {}
    with database.begin(write=False) as connection:
        for name, table in Table.metadata.tables.items():
            rows = connection.execute(table.select()).fetchall()
            tables[name] = sorted(tuple(_readable(value) for value in found) for found in rows)
        words = "SELECT subject, addresses FROM message_words" if database.sqlite else "SELECT words FROM message_words"
        tables["message_words"] = [tuple(map(str, found)) for found in connection.execute(text(words))]
    return tables


def _readable(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    if not value.startswith(b"\x28\xb5\x2f\xfd"):  # not zstd: a record
        return value.decode()
    data = unpacked(value)
    parsed = parse(data)
    return "\n".join([data.decode(), repr(parsed.participants), *(part.text for part in parsed.content)])


def named(database: Database) -> list[str]:
    """Every stored text that names Anna; those of other people with a like address left out."""
    others = re.compile(r"hanna@kunde\.example|anna@kunde\.example\.org|x\.anna@kunde\.example")
    texts = ((table, value) for table, rows in everything(database).items() for found in rows for value in found)
    return [f"{table}: {value[:300]}" for table, value in texts if SPELLINGS.search(others.sub("", value))]


# --- erasing


def test_nothing_names_the_person_afterwards(workspace: Workspace, database: Database) -> None:
    assert len(named(database)) > 20
    done = privacy.erase(workspace, ANNA, "lena")
    fates = {each.message_id: (each.fate, each.why) for each in done.plan.mails}
    assert fates == {
        "1@x": ("deleted", "sender"),
        "2@x": ("deleted", "only_outsider"),
        "3@x": ("masked", "participant"),
        "4@x": ("masked", "mentioned"),
    }
    assert done.reclaimed
    kept = [each for each in named(database) if not (each.startswith("record: ") and '"Anna Kunde"' in each)]
    assert kept == []
    assert set(standing(workspace)) == {"3@x", "4@x", "5@x", "6@x"}


def test_the_files_hold_nothing_of_it(sqlite: Database, installed: Installed, tmp_path: Path) -> None:
    workspace = Workspace(sqlite, installed)
    workspace.import_records(WORLD)
    told = mail("Zitronenfalter", "zitronenfalter im Garten", id_="9@x", date=day(9))
    workspace.import_mail((raw, "") for raw in (*MAILS, told))

    def found(word: bytes) -> bool:
        return any(word in path.read_bytes().lower() for path in tmp_path.glob("beleg.db*"))

    assert found(ANNA.encode())
    assert found(b"zitronenfalter")
    assert privacy.erase(workspace, ANNA, "lena").reclaimed
    with sqlite.begin(write=False) as connection:
        stored = list(connection.execute(text("SELECT block FROM message_words_data")).scalars())
    assert not any(b"zitronenfalter" in block for block in stored)
    assert not found(b"zitronenfalter")
    left = b"".join(path.read_bytes() for path in tmp_path.glob("beleg.db*")).lower()
    assert not re.search(rb"(?<![\w.+-])anna@kunde\.example(?![\w-]|\.\w)", left)


def test_the_inbox_finds_what_is_left(workspace: Workspace) -> None:
    def found(search: str) -> set[str | None]:
        return {each.message.message_id for each in workspace.inbox("all", search).rows}

    assert found(ANNA) >= {"1@x", "2@x", "3@x", "4@x"}
    privacy.erase(workspace, ANNA, "lena")
    assert found(ANNA) == {"5@x"}  # where like addresses have the same words
    assert found("geheime") == found('"kunde anna"') == set()
    assert found("erased invalid") == {"3@x", "4@x"}
    assert found('"an alle"') == {"3@x", "6@x"}


def test_other_mails_keep_their_decisions_and_explanations(workspace: Workspace, installed: Installed) -> None:
    before = standing(workspace)
    untouched = {id_: workspace.open(row(workspace, id_)) for id_ in ("5@x",)}
    other_text = [part.text for part in parse(raw(workspace, "5@x")).content]
    privacy.erase(workspace, ANNA, "lena")
    after = standing(workspace)
    assert after == {id_: before[id_] for id_ in after}
    for id_, found in untouched.items():
        assert workspace.open(row(workspace, id_)) == found
    assert [part.text for part in parse(raw(workspace, "5@x")).content] == other_text
    explainer = Explainer.of(installed, "de")
    for id_ in after:
        trace, mark = workspace.open(row(workspace, str(id_)))
        assert digest(trace) == mark
        assert explainer.text(trace, mark)
    trace, _ = workspace.open(row(workspace, "6@x"))
    assert "Geheime Frage" not in repr(trace)


def test_a_masked_mail_is_the_same_mail_otherwise(workspace: Workspace) -> None:
    privacy.erase(workspace, ANNA, "lena")
    parsed = parse(raw(workspace, "3@x"))
    stored = workspace.find_message("3@x")
    assert stored.sha256 == parsed.sha256
    stand_in = parsed.participants[2].address
    assert STAND_IN.fullmatch(stand_in)
    assert [each.key for each in parsed.participants] == [
        "bob@b.example",
        "shop@firma.example",
        stand_in,
        "c@c.example",
    ]
    assert parsed.participants[2].name == ""
    assert parsed.participants[0].name == "Bob Bauer"
    assert parsed.subject == f"An alle: {stand_in}"
    assert stored.subject == parsed.subject
    assert parsed.content[0].text == f"Von: [erased] <{stand_in}>\nzu AB-1043, bob@b.example\n"


def test_places_in_a_masked_trace_are_those_of_the_masked_mail(workspace: Workspace) -> None:
    privacy.erase(workspace, ANNA, "lena")
    seen = 0
    for id_ in ("3@x", "4@x"):
        parsed = parse(raw(workspace, id_))
        texts = {part.part: part.text for part in (parsed.subject_part, *parsed.content)}
        trace, _ = workspace.open(row(workspace, id_))
        assert trace.message.sha256 == parsed.sha256
        for what, at in [(each.address, each.at) for each in trace.addresses] + [
            (each.number, each.at) for each in trace.numbers
        ]:
            if at.end:
                assert texts[at.part][at.start : at.end] == what
                seen += 1
    assert seen > 5


def test_replay_goes_on(workspace: Workspace) -> None:
    privacy.erase(workspace, ANNA, "lena")
    changes = {each.message_id: each for each in replay(workspace, select(workspace, Selection()), None, [])}
    assert set(changes) == {"3@x", "4@x", "5@x", "6@x"}
    assert changes["5@x"].kind == "same"
    assert {each.kind for each in changes.values()} <= {"same", "explanation", "gained", "lost", "other"}


def test_a_mention_that_decided_nothing_is_decided_the_same_again(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    workspace.import_records([order("O-82", "bob@b.example", number="AB-1043"), order("O-83", "bob@b.example")])
    workspace.import_mail([(MENTION, "")])
    privacy.erase(workspace, ANNA, "lena")
    (change,) = replay(workspace, select(workspace, Selection()), None, [])
    assert (change.kind, change.before) == ("same", ("order:O-82",))
    assert change.digest_before == change.digest_after


def test_what_was_erased_is_not_taken_in_again(workspace: Workspace) -> None:
    privacy.erase(workspace, ANNA, "lena")
    again = [each.replace(b"\n", b"\r\n") for each in MAILS]
    report = workspace.import_mail((each, "") for each in again)
    assert (report.new, report.known, report.decided) == (0, len(MAILS), 0)
    assert privacy.plan(workspace, ANNA).empty


def test_threads_of_others_stay_together(workspace: Workspace) -> None:
    thread = workspace.find_message("6@x").thread
    privacy.erase(workspace, ANNA, "lena")
    late = mail("Re: AB-1042", "noch etwas", sender="c@c.example", id_="7@x", reply_to="3@x", date=day(7))
    workspace.import_mail([(late, "")])
    assert {workspace.find_message(id_).thread for id_ in ("3@x", "6@x", "7@x")} == {thread}
    assert standing(workspace)["7@x"] == standing(workspace)["3@x"]
    with pytest.raises(NotFound):
        workspace.find_message("1@x")


def test_the_journal_keeps_its_entries_without_the_person(workspace: Workspace, database: Database) -> None:
    with database.begin() as connection:
        quoting = {"after": {"list": ["see: Geheime Frage zu AB-1042"]}}
        journal.append(connection, "2026-03-09T11:00:00+00:00", "lena", "note", None, quoting)
        entries = journal.newest(connection)
    done = privacy.erase(workspace, ANNA, "lena")
    with database.begin(write=False) as connection:
        stub, *after = journal.newest(connection)
    assert [(each.id, each.at, each.who, each.act, each.message) for each in after] == [
        (each.id, each.at, each.who, each.act, each.message) for each in entries
    ]
    payloads = [each.payload for each in after]
    assert payloads.count({"redacted": "person.erased"}) == 3
    assert sum(one != other for one, other in zip(payloads, (each.payload for each in entries), strict=True)) == 4
    assert done.plan.journal == 4
    assert (stub.act, stub.who) == ("person.erased", "lena")
    assert stub.payload["after"]["deleted"] == 2
    assert "kunde" not in json.dumps(stub.payload)


def test_message_ids_that_hold_the_address(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    name = "LNBBLJKPBEHFEDALKOLCIEFEBCAB.anna@kunde.example"
    asked = mail("Frage", "geheim", id_=name, date=day(1))
    replies = [
        mail("Re: Frage", sender="bob@b.example", to="c@c.example", id_=f"{number}@x", reply_to=name, date=day(number))
        for number in (2, 3)
    ]
    workspace.import_mail((each, "") for each in (asked, *replies))
    privacy.erase(workspace, ANNA, "lena")
    assert named(database) == []
    threads = {message.message_id: message.thread for message, _ in workspace.newest(9)}
    assert set(threads) == {"2@x", "3@x"}
    assert len(set(threads.values())) == 1


def test_a_number_is_not_given_again(workspace: Workspace, database: Database) -> None:
    newest = mail("Letzte", id_="9@x", date=day(9))
    workspace.import_mail([(newest, "")])
    number = row(workspace, "9@x")
    with database.begin() as connection:
        journal.append(connection, "2026-03-09T11:00:00+00:00", "lena", "note", number)
    privacy.erase(workspace, ANNA, "lena")
    workspace.import_mail([(mail("Neu", sender="bob@b.example", id_="10@x"), "")])
    assert row(workspace, "10@x") > number


def test_records_lose_the_address_in_the_mirror(workspace: Workspace) -> None:
    done = privacy.erase(workspace, ANNA, "lena")
    assert done.plan.records == ("contact:K-5", "contact:K-7")
    assert [str(each.ref) for each in workspace.show("bob@b.example")] == ["contact:K-7", "order:O-82", "order:O-83"]
    with pytest.raises(NotFound):
        workspace.show(ANNA)
    (shown,) = workspace.show("contact:K-5")
    assert shown.record is not None
    assert shown.record.addresses == ()
    report = workspace.import_records(WORLD)
    assert (report.new, report.changed) == (0, 2)
    assert [str(each.ref) for each in workspace.show(ANNA)] == [
        "contact:K-5", "contact:K-7", "order:O-81", "order:O-82", "order:O-83",
    ]  # fmt: skip


def test_a_label_that_is_the_address(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    label = f"Laden {ANNA}"
    workspace.import_records([Record(RecordRef("contact", "K-9"), label=label, addresses=("bob@b.example", ANNA))])
    privacy.erase(workspace, ANNA, "lena")
    assert named(database) == []
    assert [each.record.label for each in workspace.search_records("laden")] == ["Laden [erased]"]
    assert workspace.search_records("kunde") == []
    assert [str(each.ref) for each in workspace.show("bob@b.example")] == ["contact:K-9"]


def test_a_record_that_is_named_by_the_address_goes(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    him = RecordRef("contact", ANNA)
    workspace.import_records(
        [Record(him, addresses=(ANNA,)), Record(RecordRef("order", "O-1"), "AB-1043", links=(Link("customer", him),))]
    )
    workspace.import_mail((each, "") for each in (QUESTION, ROUND))
    workspace.add(row(workspace, "3@x"), him, ANNA)
    assert [message.corrected for message, _ in workspace.newest(1)] == [True]
    done = privacy.erase(workspace, ANNA, "lena")
    assert done.plan.deleted_records == (f"contact:{ANNA}",)
    assert named(database) == [f"journal: {ANNA}"]  # who did something stays: the journal is append-only
    (shown,) = workspace.show("order:O-1")
    assert shown.record is not None
    assert shown.record.links == ()
    ((message, refs),) = workspace.newest(9)
    assert (message.message_id, refs, message.state, message.corrected) == (
        "3@x", [RecordRef("order", "O-1")], "assigned", False,
    )  # fmt: skip


@pytest.mark.parametrize("with_ignored", [False, True])
def test_ignored_entries_stay_unless_wanted(workspace: Workspace, with_ignored: bool) -> None:
    workspace.ignore("blacklist", ["Anna@kunde.example"])
    done = privacy.erase(workspace, ANNA, "lena", with_ignored=with_ignored)
    assert done.plan.ignored == (("blacklist", "Anna@kunde.example"),)
    kept = ["werbung@z.example"] if with_ignored else ["Anna@kunde.example", "werbung@z.example"]
    assert sorted(workspace.ignored().blacklist) == kept
    again = privacy.plan(workspace, ANNA, with_ignored=True)
    assert again.empty == with_ignored


def test_a_plan_changes_nothing_and_says_what_erasing_does(workspace: Workspace, database: Database) -> None:
    before = everything(database)
    planned = privacy.plan(workspace, "ANNA@Kunde.Example")
    assert everything(database) == before
    done = privacy.erase(workspace, planned, "lena").plan
    assert done == planned
    assert done.counts() == {
        "deleted": 2, "masked": 2, "assignments": done.assignments, "decisions": 3, "records": 2, "journal": 3,
        "ignored": 0, "written_deleted": 0, "written_masked": 0,
    }  # fmt: skip
    assert done.assignments > 0


def test_all_or_nothing(workspace: Workspace, database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE erased RENAME TO erased_elsewhere"))
    with pytest.raises(DatabaseError):
        privacy.erase(workspace, ANNA, "lena")
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE erased_elsewhere RENAME TO erased"))
    assert set(standing(workspace)) == {f"{number}@x" for number in range(1, 7)}


def test_decisions_made_meanwhile_bring_nothing_back(workspace: Workspace, database: Database) -> None:
    stop = threading.Event()

    def decide() -> int:
        other = Workspace(Database(database.url.render_as_string(hide_password=False)), workspace.installed)
        rounds = 0
        while not stop.is_set() or not rounds:
            assert other.assign(other.everything()).failed == []
            rounds += 1
        other.database.close()
        return rounds

    with ThreadPoolExecutor(2) as pool:
        deciding = [pool.submit(decide) for _ in range(2)]
        done = privacy.erase(workspace, ANNA, "lena")
        stop.set()
        assert all(each.result() for each in deciding)
    assert done.plan.counts()["deleted"] == 2
    assert [each for each in named(database) if not each.startswith("record: ")] == []


def test_sign_ins_that_failed_under_the_address_are_forgotten(workspace: Workspace, database: Database) -> None:
    people = People(database, CHEAPEST)
    for name in ("Anna@Kunde.example", "bob@b.example"):
        with pytest.raises(SignInRefused):
            people.sign_in(name, "geraten", "192.0.2.7")
    before = everything(database)["attempt"]
    privacy.erase(workspace, "anna@kunde.example", "lena")
    assert (len(before), len(everything(database)["attempt"])) == (4, 3)


def test_nobody_is_known_by_the_address(workspace: Workspace, database: Database) -> None:
    before = everything(database)
    assert privacy.plan(workspace, "niemand@nirgends.example").empty
    assert privacy.erase(workspace, "niemand@nirgends.example", "lena").plan.empty
    assert everything(database) == before
    with pytest.raises(InputError, match="is no address"):
        privacy.plan(workspace, "Anna Kunde")


# --- one mail

BODY = "Gruß von\nAnna Kunde <anna@kunde.example>, ANNA@KUNDE.EXAMPLE; Größe 5, bob@b.example\n"


def encoded(encoding: str, charset: str, subtype: str = "plain", body: str = BODY) -> bytes:
    data = body.encode(charset)
    data = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)(data)
    head = f"""\
From: Bob <bob@b.example>
To: c@c.example, =?iso-8859-1?q?M=FCller=2C_Anna?= <anna@kunde.example>
Subject: =?utf-8?b?{base64.b64encode("Für anna@kunde.example".encode()).decode()}?=
Delivered-To: anna@kunde.example
Content-Type: text/{subtype}; charset={charset}
Content-Transfer-Encoding: {encoding}

"""
    return head.encode() + data


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("8bit", "utf-8"), ("8bit", "iso-8859-1"), ("base64", "utf-8"), ("base64", "utf-16"),
        ("quoted-printable", "utf-8"), ("quoted-printable", "windows-1252"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_encoding_is_masked(encoding: str, charset: str, line_end: bytes) -> None:
    before = encoded(encoding, charset).replace(b"\n", line_end)
    person = Person(ANNA, ["Anna Kunde"], "e@erased.invalid")
    assert mentions(before, parse(before), person)
    written, after = masked(before, person, Limits())
    assert after == parse(written)
    said = BODY.replace("Anna Kunde", "[erased]").replace("ANNA@KUNDE.EXAMPLE", ANNA).replace(ANNA, "e@erased.invalid")
    assert after.content[0].text.strip() == said.strip()
    assert after.subject == "Für e@erased.invalid"
    assert [(each.address, each.name) for each in after.participants] == [
        ("bob@b.example", "Bob"), ("c@c.example", ""), ("e@erased.invalid", ""),
    ]  # fmt: skip
    assert b"anna" not in written.lower()
    assert (b"\r\n" in written) == (line_end == b"\r\n")


@pytest.mark.parametrize(
    "spelling",
    [
        "anna@kunde.example", '"anna"@Kunde.Example', "mailto:anna@kunde.example?subject=x", "<anna@kunde.example>",
        "https://x.example/?who=anna%40kunde.example&a=1", "https://x.example/?u=mailto%3Aanna%40kunde.example",
        "anna&#64;kunde.example", "anna@kunde.example.", "'anna@kunde.example'", "anna@kunde.example, Anna",
    ],
)  # fmt: skip
def test_spellings(spelling: str) -> None:
    person = Person(ANNA)
    assert person.is_in(spelling)
    assert not SPELLINGS.search(person.masked(spelling))


@pytest.mark.parametrize(
    "other", ["hanna@kunde.example", "x.anna@kunde.example", "anna@kunde.example.org", "anna+1@kunde.example"]
)
def test_others_are_not_he(other: str) -> None:
    assert not Person(ANNA).is_in(f"an {other} und")


def test_both_forms_of_a_domain_are_one() -> None:
    for address in ("max@bücher.example", "max@xn--bcher-kva.example"):
        person = Person(address)
        assert person.masked("MAX@BÜCHER.example max@xn--bcher-kva.example") == " ".join(["erased@erased.invalid"] * 2)


HTML = "<p>An a&#110;na@kunde.example</p>"
MULTIPART = b"""\
From: bob@b.example
To: c@c.example
Subject: Anlage
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Anbei
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

%s
--b--
"""


@pytest.mark.parametrize(
    "mail_",
    [
        encoded("8bit", "utf-8", "html", HTML),
        MULTIPART % base64.b64encode(b"contact=anna@kunde.example"),
        MULTIPART % base64.b64encode("anna@kunde.example".encode("utf-16-le")),
        mail("x", sender="bob@b.example", to="Freunde: anna@kunde.example, c@c.example;"),
    ],
)
def test_what_cannot_be_masked_safely_is_deleted(database: Database, installed: Installed, mail_: bytes) -> None:
    workspace = Workspace(database, installed)
    workspace.import_mail([(mail_, "")])
    (planned,) = privacy.erase(workspace, ANNA, "lena").plan.mails
    assert (planned.fate, planned.why) == ("deleted", "unmaskable")
    assert planned.note
    assert workspace.everything() == []


def test_mails_that_would_become_one_are_one_afterwards(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    copies = [mail("Rundbrief", sender="bob@b.example", to=f"c@c.example, {each}") for each in (ANNA, ANNA.upper())]
    workspace.import_mail((each, "") for each in copies)
    fates = [(each.fate, each.why) for each in privacy.erase(workspace, ANNA, "lena").plan.mails]
    assert fates == [("masked", "participant"), ("deleted", "unmaskable")]
    assert len(workspace.everything()) == 1
    report = workspace.import_mail((each, "") for each in copies)
    assert (report.new, report.known) == (0, 2)


def test_attached_messages_are_masked() -> None:
    inner = mail("Innen", "für anna@kunde.example", to="Anna K <anna@kunde.example>", sender="Tom <t@t.example>")
    outer = (
        b"From: bob@b.example\nTo: c@c.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"
        b"--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--\n"
    )
    written, after = masked(outer, Person(ANNA, (), "e@erased.invalid"), Limits())
    assert b"anna" not in written.lower()
    texts = [part.text for part in after.content]
    assert texts[1] == "From: Tom <t@t.example>\nTo: e@erased.invalid\nSubject: Innen"
    assert texts[2].strip() == "für e@erased.invalid"


words = st.text(st.sampled_from("abäöß €\n=?&%<>@.,;:\"'-_ 1"), max_size=30)


@given(
    before=words,
    after=words,
    spelling=st.sampled_from(
        ["anna@kunde.example", "ANNA@Kunde.example", "<anna@kunde.example>", "anna%40kunde.example"]
    ),
    encoding=st.sampled_from(["8bit", "base64", "quoted-printable"]),
    charset=st.sampled_from(["utf-8", "iso-8859-15", "utf-16", "utf-7"]),
    subtype=st.sampled_from(["plain", "html"]),
)
def test_a_masked_mail_never_names_him(
    before: str, after: str, spelling: str, encoding: str, charset: str, subtype: str
) -> None:
    raw = encoded(encoding, charset, subtype, f"{before} {spelling} {after}")
    person = Person(ANNA, ["Anna Kunde"], "e@erased.invalid")
    try:
        written, parsed = masked(raw, person, Limits())
    except Unmaskable:
        return
    assert b"anna" not in written.lower()
    shown = repr(parsed) + "".join(part.text for part in parsed.content)
    assert "anna" not in shown.lower()


PIECES = st.sampled_from(
    [
        b"From: ", b"To: ", b"Subject: ", b"\n", b"\r\n", b"\n\n", b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: message/rfc822\n", b"Content-Transfer-Encoding: base64\n", b"--b\n", b"--b--", b"<", b">", b",",
        b"anna@kunde.example", b"Anna Kunde", b"(", b'"', b"=?utf-8?q?", b"?=",
        b"Content-Type: text/plain; charset=\xff\n",
        b"Content-Transfer-Encoding: x-uuencode\n", b"begin 644 x\n", b"\xff\xfe", b"bob@b.example", b" ",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=30))
def test_whatever_the_bytes(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    person = Person(ANNA, ["Anna Kunde"], "e@erased.invalid")
    try:
        written, parsed = masked(raw, person, Limits())
    except Unmaskable:
        return
    assert not mentions(written, parsed, person)
    assert parse(written) == parsed


def test_a_mail_that_is_nested_without_end_is_deleted() -> None:
    nested = b"Content-Type: message/rfc822\n\n" * 20_000
    person = Person(ANNA)
    raw = b"From: bob@b.example\nCc: anna@kunde.example\n" + nested
    assert mentions(raw, parse(raw), person)
    with pytest.raises(Unmaskable):
        masked(raw, person, Limits())


# --- exporting


@pytest.fixture
def explainer(installed: Installed) -> Explainer:
    return Explainer.of(installed, "de")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_person_gets_what_is_stored(workspace: Workspace, explainer: Explainer, tmp_path: Path) -> None:
    workspace.add(row(workspace, "3@x"), RecordRef("order", "O-83"), "lena")
    workspace.remove(row(workspace, "1@x"), RecordRef("order", "O-81"), "lena")
    done = privacy.export(workspace, "anna@KUNDE.example", tmp_path / "anna", explainer)
    assert (done.mails, done.mentions, done.records, done.journal) == (3, 1, 2, 5)
    found = files(tmp_path / "anna")
    numbers = [f"{row(workspace, id_):06}" for id_ in ("1@x", "2@x", "3@x")]
    assert [name for name in found if name.startswith("mails/")] == [
        f"mails/{number}.eml" for number in sorted(numbers)
    ]
    assert found[f"mails/{numbers[0]}.eml"] == QUESTION
    assert "Art. 15 DSGVO" in found["README.txt"].decode()
    trace, mark = workspace.open(row(workspace, "3@x"))
    assert found[f"explanations/{numbers[2]}.txt"].decode() == explainer.text(trace, mark)
    listed = {each["message_id"]: each for each in json.loads(found["mails.json"])}
    assert [each["role"] for each in listed.values()] == ["sender", "only_outsider", "participant"]
    (removed, _) = listed["1@x"]["assignments"]
    assert (removed["record"], removed["removed"]["by"]) == ("order:O-81", "lena")
    assert {"record": "order:O-83", "origin": "manual"}.items() <= listed["3@x"]["assignments"][-1].items()
    assert [each["record"] for each in json.loads(found["records.json"])] == ["contact:K-5", "contact:K-7"]
    acts = sorted(each["act"] for each in json.loads(found["journal.json"]))
    assert acts == ["assignment.add", "assignment.remove", "note", "note", "note"]
    assert json.loads(found["ignored.json"]) == []


def test_mentions_on_demand_and_nothing_is_overwritten(
    workspace: Workspace, explainer: Explainer, tmp_path: Path
) -> None:
    folder = tmp_path / "anna"
    privacy.export(workspace, ANNA, folder, explainer)
    before = files(folder)
    with pytest.raises(InputError, match="--force"):
        privacy.export(workspace, ANNA, folder, explainer, all_mentions=True)
    assert files(folder) == before
    privacy.export(workspace, ANNA, folder, explainer, all_mentions=True, force=True)
    added = sorted(files(folder).keys() - before.keys())
    number = f"{row(workspace, '4@x'):06}"
    assert added == [f"explanations/{number}.txt", f"mentions/{number}.eml"]
    assert files(folder)[f"mentions/{number}.eml"] == MENTION


def test_a_zip_holds_the_same_and_is_the_same_each_time(
    workspace: Workspace, explainer: Explainer, tmp_path: Path
) -> None:
    privacy.export(workspace, ANNA, tmp_path / "anna", explainer)
    for name in ("one.zip", "two.zip"):
        privacy.export(workspace, ANNA, tmp_path / name, explainer, zipped=True)
    data = (tmp_path / "one.zip").read_bytes()
    assert data == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert {name: found.read(name) for name in found.namelist()} == files(tmp_path / "anna")
    with pytest.raises(InputError, match="--force"):
        privacy.export(workspace, ANNA, tmp_path / "one.zip", explainer, zipped=True)


def test_of_nobody_nothing_is_written(workspace: Workspace, explainer: Explainer, tmp_path: Path) -> None:
    done = privacy.export(workspace, "niemand@nirgends.example", tmp_path / "x", explainer)
    assert done.path is None
    assert not (tmp_path / "x").exists()


# --- the commands


@pytest.fixture
def shop(cli: Cli) -> Cli:
    cli("init")
    cli("erp", "import", cli.write("erp.yaml", ERP))
    cli("ignore", "add", "--list", "groups", "shop@firma.example")
    for number, each in enumerate(MAILS):
        cli.write(f"mails/{number}.eml", each)
    cli("mail", "import", "mails")
    return cli


def test_erase_shows_and_then_does_it(shop: Cli) -> None:
    shown = shop("erase", ANNA)
    assert "2 mails deleted" in shown
    assert "from this address" in shown
    assert "The ERP must erase it too" in shown
    assert "Nothing was changed" in shown
    (plan,) = shop.json("erase", ANNA, "--json")
    assert (plan["deleted"], plan["masked"], plan["erased"]) == (2, 2, False)
    assert len(shop.json("mail", "list", "--json")) == 6
    (done,) = shop.json("erase", ANNA, "--json", "--yes", "--by", "lena")
    assert done == {**plan, "erased": True}
    assert len(shop.json("mail", "list", "--json")) == 4
    result = shop.run("erase", ANNA, "--yes")
    assert (result.code, result.out) == (1, f"Nothing is stored about {ANNA}.\n")
    (report,) = shop.json("mail", "import", "mails", "--json")
    assert (report["new"], report["known"]) == (0, 6)


def test_export_as_a_command(shop: Cli) -> None:
    said = shop("export", ANNA, "-o", "anna", "--lang", "en")
    assert "mails: 3" in said
    assert "--all-mentions" in said
    assert "Art. 15 GDPR" in (shop.folder / "anna" / "README.txt").read_text()
    assert "--force" in shop.refused("export", ANNA, "-o", "anna")
    (done,) = shop.json("export", ANNA, "-o", "anna.zip", "--zip", "--json")
    assert done["mails"] == 3
    nothing = shop.run("export", "niemand@nirgends.example", "-o", "niemand")
    assert nothing.code == 1
    assert "is no address" in shop.refused("erase", "Anna")
