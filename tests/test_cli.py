"""The command line, each command as a user gives it, on a database in a folder of its own."""

from __future__ import annotations

import json
import mailbox
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from beleg.cli import main
from commands import ANSWER, ERP, FAILING, QUESTION, STRANGER, VAGUE, Cli
from conftest import PostgresServer
from writing import day, mail, publish

ORDER = ["order:O-81", "contact:K-5", "offer:AN-7", "article:A-1"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two databases: one with the records alone, one with four mails besides."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "erp.yaml").write_text(ERP, encoding="utf-8")
    for number, raw in enumerate((QUESTION, ANSWER, VAGUE, STRANGER), 1):
        (folder / f"{number}.eml").write_bytes(raw)

    def run(*arguments: str) -> None:
        assert main(["--database", f"sqlite:///{folder}/shop.db", *arguments]) == 0

    run("db", "upgrade")
    run("erp", "import", str(folder / "erp.yaml"))
    run("ignore", "add", "--list", "groups", "shop@firma.example")
    shutil.copy(folder / "shop.db", folder / "empty.db")
    run("mail", "import", *(str(folder / f"{number}.eml") for number in (1, 2, 3, 4)))
    return folder


@pytest.fixture
def shop(cli: Cli, prepared: Path) -> Cli:
    """A database with the records, and no mail yet."""
    shutil.copy(prepared / "empty.db", cli.folder / "beleg.db")
    return cli


@pytest.fixture
def full(cli: Cli, prepared: Path) -> Cli:
    """The same with four mails: rows 1 to 4."""
    shutil.copy(prepared / "shop.db", cli.folder / "beleg.db")
    for number in (1, 2, 3, 4):
        shutil.copy(prepared / f"{number}.eml", cli.folder)
    return cli


# --- demo, init, db upgrade


def test_demo(cli: Cli) -> None:
    out = cli("demo")
    assert "A lamp shop: 107 ERP records." in out
    assert "Its mail: 69 messages, 69 decided." in out
    assert "Because anna@kunde.example (From) has 3 orders and only O-81 carries AB-1042 (subject)." in out
    assert "\x1b" not in out
    assert list(cli.folder.iterdir()) == []


def test_demo_in_german(cli: Cli) -> None:
    assert "ZUGEORDNET  Bestellung O-81" in cli("demo", "--lang", "de")


def test_demo_explains_the_same_on_every_run(cli: Cli) -> None:
    assert cli("demo") == cli("demo")


def test_demo_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cd kept && beleg mail list" in cli("demo", "--keep", "kept")
    monkeypatch.chdir("kept")
    assert len(cli.json("mail", "list", "--json", "--limit", "100")) == 69
    assert cli("show", "AB-1042").startswith("order O-81  AB-1042")
    again = cli.refused("demo", "--keep", ".")
    assert "beleg.toml is there already" in again


def test_init_twice(cli: Cli) -> None:
    first = cli("init")
    assert "beleg.toml written" in first
    assert "database sqlite:///beleg.db is ready" in first
    with (cli.folder / "beleg.toml").open("a", encoding="utf-8") as file:
        file.write('\nlanguage = "de"\n')
    second = cli("init")
    assert "beleg.toml is there already and stays as it is" in second
    assert (cli.folder / "beleg.toml").read_text(encoding="utf-8").endswith('language = "de"\n')


def test_init_with_a_database_url_writes_it_down(cli: Cli) -> None:
    cli("init", "--database-url", "sqlite:///other.db")
    assert (cli.folder / "other.db").is_file()
    cli("erp", "import", cli.write("erp.yaml", ERP))
    assert not (cli.folder / "beleg.db").exists()


def test_db_upgrade(cli: Cli) -> None:
    assert "is at schema" in cli("db", "upgrade")
    assert "is at schema" in cli("db", "upgrade")
    assert cli.assigned() == {}


def test_database_option_goes_before_settings(shop: Cli) -> None:
    shop("--database", "sqlite:///second.db", "db", "upgrade")
    result = shop.run("--database", "sqlite:///second.db", "show", "O-81")
    assert result.code == 2
    assert "order O-81" in shop("show", "AB-1042")


# --- erp import


def test_erp_import_yaml(cli: Cli) -> None:
    cli("init")
    file = cli.write("erp.yaml", ERP)
    assert cli("erp", "import", file) == "6 records: 6 new, 0 changed, 0 unchanged\n"
    assert cli("erp", "import", file) == "6 records: 0 new, 0 changed, 6 unchanged\n"
    cli.write("erp.yaml", ERP.replace("AB-1039", "AB-1038"))
    assert cli("erp", "import", file) == "6 records: 0 new, 1 changed, 5 unchanged\n"


def test_erp_import_csv(cli: Cli) -> None:
    cli("init")
    contacts = cli.write("contacts.csv", "id;name;addresses\nK-1;Änne;aenne@kunde.example\n")
    orders = cli.write("orders.csv", "id,number,customer\nO-1,AB-1,K-1\nO-2,AB-2,K-9\n")
    out = cli("erp", "import", contacts, orders)
    assert out.startswith("3 records: 3 new, 0 changed, 0 unchanged\n")
    assert "1 links point at records that are not there (kept):\n  order:O-2 customer → contact:K-9\n" in out
    assert "  number: AB" not in cli("show", "order:O-1")
    assert "customer: K-1" in cli("show", "order:O-1")


def test_erp_import_json_report(cli: Cli) -> None:
    cli("init")
    file = cli.write("orders.json", '{"orders": [{"id": "O-1", "customer": "K-1"}]}')
    assert cli.json("erp", "import", file, "--json") == [
        {
            "new": 1,
            "changed": 0,
            "unchanged": 0,
            "retired": 0,
            "dangling": 1,
            "dangling_links": [{"record": "order:O-1", "role": "customer", "target": "contact:K-1"}],
        }
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.csv", "id;number\nO-1;AB-1\n;AB-2\n", ["orders.csv, line 3"]),
        ("orders.csv", "id;nummer\nO-1;AB-1\n", ["orders.csv, line 1", "'number'"]),
        (
            "erp.yaml",
            "orders:\n  - {id: O-1}\n  - {id: O-2, adresses: [a@b.example]}\n",
            ["line 3", "'addresses'"],
        ),
        ("erp.yaml", "ordrs:\n  - {id: O-1}\n", ["erp.yaml, line 1", "'orders'"]),
        ("erp.yaml", "orders: [", ["erp.yaml, line 2", "no valid YAML"]),
        ("erp.json", '{"orders": [{"id": 1}, {"id": true}]}', ["erp.json, line 1"]),
    ],
)
def test_erp_import_bad_file(cli: Cli, name: str, content: str, said: list[str]) -> None:
    cli("init")
    good = cli.write("contacts.csv", "id\nK-1\n")
    refused = cli.refused("erp", "import", good, cli.write(name, content))
    for each in said:
        assert each in refused
    assert cli.run("show", "contact:K-1").code == 2  # all or nothing


def test_erp_import_of_no_file(cli: Cli) -> None:
    cli("init")
    assert cli.refused("erp", "import", "none.yaml") == "none.yaml: there is no such file"


# --- mail import, mail list


def test_mail_import_takes_a_mail_once(shop: Cli) -> None:
    file = shop.write("frage.eml", QUESTION)
    assert shop("mail", "import", file) == "1 mails stored, 0 were stored already, 1 decided\n"
    assert shop("mail", "import", file) == "0 mails stored, 1 were stored already, 0 decided\n"
    crlf = shop.write("crlf.eml", QUESTION.replace(b"\n", b"\r\n"))
    assert shop("mail", "import", crlf) == "0 mails stored, 1 were stored already, 0 decided\n"
    same_id = shop.write("other.eml", QUESTION + b"PS: Danke")
    assert shop("mail", "import", same_id) == "1 mails stored, 0 were stored already, 1 decided\n"


def test_mail_import_of_one_mail_twice_at_once(shop: Cli) -> None:
    one, two = shop.write("a/1.eml", QUESTION), shop.write("a/2.eml", QUESTION)
    assert shop("mail", "import", one, two) == "1 mails stored, 1 were stored already, 1 decided\n"


def test_mail_import_of_a_folder(shop: Cli) -> None:
    shop.write("in/frage.eml", QUESTION)
    shop.write("in/deep/antwort.eml", ANSWER)
    shop.write("in/readme.txt", "Hier liegen Mails.\n")
    out = shop("mail", "import", "in")
    assert out.startswith("2 mails stored, 0 were stored already, 2 decided\n")
    assert "1 files are no mail and were left out: in/readme.txt" in out
    assert shop.json("mail", "import", "in", "--json") == [
        {"new": 0, "known": 2, "decided": 0, "skipped": ["in/readme.txt"], "failed": []}
    ]


def test_mail_import_of_an_mbox(shop: Cli) -> None:
    box = mailbox.mbox(shop.folder / "archive.mbox")
    for raw in (QUESTION, ANSWER, VAGUE):
        box.add(raw)
    box.close()
    assert shop("mail", "import", "archive.mbox").startswith("3 mails stored, 0 were stored already, 3 decided")
    # what the mbox gave is what the single files hold
    for number, raw in enumerate((QUESTION, ANSWER, VAGUE)):
        file = shop.write(f"{number}.eml", raw)
        assert shop("mail", "import", file) == "0 mails stored, 1 were stored already, 0 decided\n"


def test_mail_import_of_a_maildir(shop: Cli) -> None:
    box = mailbox.Maildir(shop.folder / "Maildir")
    for raw in (QUESTION, ANSWER):
        box.add(raw)
    shop.write("Maildir/tmp/half", VAGUE)
    assert shop("mail", "import", "Maildir") == "2 mails stored, 0 were stored already, 2 decided\n"


def test_mail_import_of_no_file(shop: Cli) -> None:
    shop.write("frage.eml", QUESTION)
    assert shop.refused("mail", "import", "frage.eml", "none") == "none: there is no such file or folder"
    assert shop.assigned() == {}


def test_an_answer_that_is_found_first_inherits_all_the_same(shop: Cli) -> None:
    shop.write("in/1.eml", ANSWER)
    shop.write("in/2.eml", QUESTION)
    shop("mail", "import", "in")
    assert shop.assigned() == {"antwort@firma.example": ORDER, "frage@kunde.example": ORDER}


def test_mail_list(full: Cli) -> None:
    out = full("mail", "list").splitlines()
    assert out[0].split() == ["row", "date", "from", "subject", "assigned"]
    assert [line.split()[0] for line in out[1:]] == ["4", "3", "2", "1"]
    assert out[1].endswith("nothing")
    assert out[4].endswith(", ".join(ORDER))
    assert full("mail", "list", "--limit", "1").splitlines()[1].split() == out[1].split()
    [newest] = full.json("mail", "list", "--limit", "1", "--json")
    assert newest.pop("sha256")
    assert newest == {
        "row": 4,
        "message_id": "fremd@nirgends.example",
        "date": "2026-03-05T09:00:00+00:00",
        "from": "fremd@nirgends.example",
        "subject": "Werbung",
        "decided": True,
        "assigned": [],
    }


# --- assign


def test_assign_all_and_again(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_DECIDE_ON_ARRIVAL", "false")
    shop.write("in/1.eml", QUESTION)
    shop.write("in/2.eml", STRANGER)
    assert shop("mail", "import", "in") == "2 mails stored, 0 were stored already, 0 decided\n"
    assert "not decided yet" in shop("mail", "list")
    assert shop("assign", "--all") == "2 messages decided, 1 of them with an assignment\n"
    assert shop("assign", "--all") == "0 messages decided, 0 of them with an assignment\n"
    assert shop.json("assign", "--all", "--again", "--json") == [{"decided": 2, "assigned": 1, "failed": []}]


def test_assign_by_row_message_id_and_hash(full: Cli) -> None:
    sha256 = next(e["sha256"] for e in full.json("mail", "list", "--json") if e["row"] == 1)
    for name in ("1", "frage@kunde.example", "<frage@kunde.example>", sha256[:6], sha256, sha256[:8].upper()):
        assert full("assign", name) == "1 messages decided, 1 of them with an assignment\n"
    assert full("assign", "1", "4") == "2 messages decided, 1 of them with an assignment\n"


@pytest.mark.parametrize("name", ["99", "nobody@nowhere.example", "ffffffffff", "abc", ""])
def test_assign_unknown(full: Cli, name: str) -> None:
    assert f"no stored message is named {name!r}" in full.refused("assign", name)


def test_assign_of_an_ambiguous_name(full: Cli) -> None:
    full("mail", "import", full.write("twin.eml", QUESTION + b"PS"))
    refused = full.refused("assign", "frage@kunde.example")
    assert refused == "2 stored messages are named 'frage@kunde.example'; name one by its row number: 1, 5"


def test_assign_of_nothing(full: Cli) -> None:
    assert full.refused("assign") == "name the messages to assign, or give --all"
    assert full.refused("assign", "1", "--all") == "name the messages to assign, or give --all"
    assert "--again goes with --all" in full.refused("assign", "1", "--again")


def test_assign_names_a_message_twice(full: Cli) -> None:
    assert full("assign", "1", "frage@kunde.example") == "1 messages decided, 1 of them with an assignment\n"


# --- explain


def test_explain_decides_once_and_stays(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_DECIDE_ON_ARRIVAL", "false")
    shop("mail", "import", shop.write("frage.eml", QUESTION))
    first = shop("explain", "1")
    assert "order O-81 (AB-1042)" in first
    assert shop.assigned() == {"frage@kunde.example": ORDER}
    shop("erp", "import", shop.write("erp.yaml", ERP.replace("AB-1042", "AB-9999")))
    without = next(line for line in first.splitlines(keepends=True) if line.startswith("Without AB-1042"))
    assert shop("explain", "1") == first.replace(without, "")  # in the ERP of now it would not be true
    shop("assign", "1")
    assert "NOTHING ASSIGNED" not in shop("explain", "1")
    assert shop.assigned() == {"frage@kunde.example": ["offer:AN-7", "contact:K-5"]}


def test_explain_in_german(full: Cli) -> None:
    out = full("explain", "4", "--lang", "de")
    assert "NICHTS ZUGEORDNET" in out
    assert "Nichts im ERP passt zu dieser Mail: " in out
    assert "fremd@nirgends.example" in out
    assert "--lang is one of en, de, not 'fr'" in full.refused("explain", "4", "--lang", "fr")


def test_explain_in_the_language_of_the_settings(full: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_LANGUAGE", "de")
    assert "NICHTS ZUGEORDNET" in full("explain", "4")
    assert "NOTHING ASSIGNED" in full("explain", "4", "--lang", "en")


def test_explain_as_json(full: Cli) -> None:
    schema = json.loads(full("trace", "schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for message in ("1", "2", "3", "4", "3.eml"):
        [trace] = full.json("explain", message, "--json")
        jsonschema.validate(trace, schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**trace, "steps": "none"}, schema, cls=jsonschema.Draft202012Validator)


def test_a_trace_names_its_schema(full: Cli) -> None:
    [trace] = full.json("explain", "1", "--json")
    assert trace["schema"] == "beleg.trace/1"


def test_explain_of_a_file_writes_nothing(full: Cli) -> None:
    before = full("mail", "list"), full("show", "order:O-81")
    answer = mail("Re: AW:", sender="x@y.example", id_="neu@x", reply_to="frage@kunde.example", date=day(9))
    out = full("explain", full.write("neu.eml", answer))
    assert "adopted from the earlier mail frage@kunde.example" in out  # its thread is the stored one
    assert (full("mail", "list"), full("show", "order:O-81")) == before


def test_explain_of_a_stored_mail_as_a_file_is_not_its_own_history(full: Cli) -> None:
    assert "no earlier mail" in full("explain", "1.eml")


def test_explain_of_a_file_by_erp_files_needs_no_database(cli: Cli) -> None:
    contacts = cli.write("contacts.csv", "id,addresses\nK-5,anna@kunde.example\n")
    orders = cli.write("orders.csv", "id,number,customer\nO-1,AB-1042,K-5\nO-2,AB-2,K-5\n")
    file = cli.write("frage.eml", QUESTION)
    before = sorted(cli.folder.iterdir())
    assert "order O-1" in cli("explain", file, "--erp", contacts, "--erp", orders)
    assert sorted(cli.folder.iterdir()) == before


def test_explain_by_erp_files_does_not_look_at_the_database(full: Cli) -> None:
    out = full("explain", "1.eml", "--erp", full.write("empty.yaml", "orders: []\n"))
    assert "NOTHING ASSIGNED" in out


def test_explain_refuses(full: Cli) -> None:
    assert full.refused("explain", "1", "--erp", "erp.yaml").startswith("--erp goes with a mail file")
    assert full.refused("explain", "none.eml").startswith(
        "there is no file 'none.eml', and no stored message is named 'none.eml'; name it by row number, "
    )
    assert "none.yaml: there is no such file" in full.refused("explain", "1.eml", "--erp", "none.yaml")
    assert full.refused("explain") == "Missing argument 'MESSAGE|FILE'."


# --- why-not


def test_why_not_of_a_stored_mail(full: Cli) -> None:
    out = full("why-not", "1", "order:O-77")
    assert out.startswith("Why not order O-77?")
    assert "DROPPED  order.participants.reference" in out
    assert "the mail names AB-1039, and the mail does not name AB-1042" in out
    assert full("why-not", "frage@kunde.example", "order:O-77") == out
    assert full("why-not", "1", "order:O-77", "--lang", "de").startswith("Warum nicht Bestellung O-77?")
    assert "IT IS ASSIGNED" in full("why-not", "1", "order:O-81")


def test_why_not_as_json(full: Cli) -> None:
    (answer,) = full.json("why-not", "1", "order:O-77", "--max-edits", "1", "--json")
    assert answer["schema"] == "beleg.why_not/1"
    assert answer["lost"]["check"]["counts"] == {"candidates": 2, "by_reference": 1, "removed": 0}
    assert answer["stored"] is None
    assert [change["edits"] for change in answer["changes"]] == [[{"kind": "absent", "record": "order:O-81"}]]


def test_why_not_says_1_when_it_finds_nothing(full: Cli) -> None:
    result = full.run("why-not", "4", "order:O-77", "--seconds", "0")
    assert result.code == 1
    assert "0 combinations of" in result.out
    assert "stopped early" in result.out


def test_why_not_of_a_file_writes_nothing(full: Cli) -> None:
    file = full.write("neu.eml", mail("Frage zu AB-1042", sender="anna@kunde.example"))
    before = (full.folder / "beleg.db").read_bytes()
    assert "DROPPED" in full("why-not", file, "order:O-77")
    assert (full.folder / "beleg.db").read_bytes() == before


def test_why_not_of_a_file_by_erp_files_needs_no_database(cli: Cli) -> None:
    orders = cli.write("orders.csv", "id,number,addresses\nO-1,AB-1042,anna@kunde.example\nO-2,AB-2,x@y.example\n")
    file = cli.write("frage.eml", QUESTION)
    assert "NEVER A CANDIDATE" in cli("why-not", file, "order:O-2", "--erp", orders)
    assert cli.refused("why-not", file, "order:O-3", "--erp", orders) == "the ERP has no record order:O-3"
    assert not (cli.folder / "beleg.db").exists()


def test_why_not_of_a_record_that_the_erp_no_longer_has(full: Cli) -> None:
    full(
        "erp",
        "import",
        full.write("erp.yaml", ERP.replace("  - {id: O-77, number: AB-1039, customer: K-5}\n", "")),
        "--prune",
    )
    result = full.run("why-not", "1", "order:O-77")
    assert result.code == 1
    assert "GONE" in result.out
    assert "The stored decision is another one" in result.out


def test_why_not_refuses(full: Cli) -> None:
    assert full.refused("why-not", "1", "order:O-99") == "the ERP has no record order:O-99"
    assert full.refused("why-not", "1", "thing:T-1") == "the ERP has no record thing:T-1"
    assert full.refused("why-not", "1", "Orders:O-77").endswith("no record Orders:O-77; did you mean order:O-77?")
    assert full.refused("why-not", "99", "order:O-77").startswith("no stored message is named '99'")
    assert full.refused("why-not", "1", "O-77").startswith("'O-77' names no record; a record is written TYPE:ID")
    assert full.refused("why-not", "1", "order:O-77", "--erp", "x.yaml").startswith("--erp goes with a mail file")
    assert "--max-edits" in full.refused("why-not", "1", "order:O-77", "--max-edits", "0")
    assert "--seconds" in full.refused("why-not", "1", "order:O-77", "--seconds", "-1")


def test_explain_says_what_comes_out_without_the_evidence(full: Cli) -> None:
    said = "Without AB-1042 (subject) it would be offer AN-7, contact K-5 (offer.participants.unique)."
    assert said in full("explain", "1").splitlines()
    assert said in full("explain", "1.eml").splitlines()
    assert "Without" not in full("explain", "4")
    full("remove", "1", "order:O-81")
    assert "Without" not in full("explain", "1")  # what was stored is not what comes out now


def test_explain_says_what_people_changed_since(full: Cli) -> None:
    assert "Since then" not in full("explain", "1")
    full("remove", "1", "order:O-81", "--keep-derived")
    full("add", "1", "order:O-77")
    out = full("explain", "1").splitlines()
    assert "Since then removed by hand: order O-81." in out
    assert "Since then set by hand: order O-77." in out
    assert "Seitdem von Hand entfernt: Bestellung O-81." in full("explain", "1", "--lang", "de").splitlines()
    full("assign", "1")
    assert "Since then" not in full("explain", "1")


def test_a_mail_that_is_meant_to_hurt(full: Cli) -> None:
    subject = "=?utf-8?q?=1B[31m=0A=07boo_AB-1042?="
    file = full.write("boo.eml", mail(subject, sender="anna@kunde.example"))
    out = full("why-not", file, "order:O-77")
    assert not set(out) & {"\x1b", "\x07"}
    assert out.splitlines()[2].startswith("DROPPED")


# --- add, remove


def test_add_makes_follow_ups(full: Cli) -> None:
    out = full("add", "4", "order:O-81", "--by", "erika")
    assert out.splitlines() == [
        "order O-81 assigned to message 4 (manual)",
        "contact K-5 assigned to message 4 (derived)",
        "offer AN-7 assigned to message 4 (derived)",
        "article A-1 assigned to message 4 (derived)",
    ]
    assert full("add", "4", "order:O-81") == "order O-81 stands on message 4 by hand already\n"
    full("assign", "4")
    assert full.assigned()["fremd@nirgends.example"] == ORDER


def test_add_beside_another_order(full: Cli) -> None:
    assert full("add", "1", "order:O-77").splitlines() == ["order O-77 assigned to message 1 (manual)"]


def test_add_of_what_stands_makes_it_the_persons(full: Cli) -> None:
    assert "order O-81 assigned to message 1 (manual)" in full("add", "1", "order:O-81")
    full("erp", "import", full.write("erp.yaml", ERP.replace("AB-1042", "AB-9999")))
    full("assign", "1")
    assert "order:O-81" in full.assigned()["frage@kunde.example"]


def test_add_refuses(full: Cli) -> None:
    assert full.refused("add", "1", "order:O-99") == "the ERP has no record order:O-99"
    assert "a record is written TYPE:ID" in full.refused("add", "1", "O-81")
    assert "no stored message is named '77'" in full.refused("add", "77", "order:O-81")


def test_remove_takes_what_was_derived_too(full: Cli) -> None:
    out = full("remove", "1", "order:O-81", "--by", "erika")
    assert out.splitlines() == [f"{record.replace(':', ' ')} removed from message 1" for record in ORDER]
    assert full.assigned()["frage@kunde.example"] == []
    assert "order:O-81 does not stand on this message" in full.refused("remove", "1", "order:O-81")


def test_remove_keeps_what_was_derived_on_demand(full: Cli) -> None:
    full("remove", "1", "order:O-81", "--keep-derived")
    assert full.assigned()["frage@kunde.example"] == ORDER[1:]


def test_remove_of_one_derived_record(full: Cli) -> None:
    full("remove", "1", "offer:AN-7")
    assert full.assigned()["frage@kunde.example"] == ["order:O-81", "contact:K-5", "article:A-1"]


def test_a_run_never_undoes_a_person(full: Cli) -> None:
    full("remove", "1", "order:O-81", "--by", "erika")
    for _ in range(2):
        full("assign", "1")
        assert full.assigned()["frage@kunde.example"] == []
    out = full("explain", "1")
    assert "order O-81 would be assigned" not in out.splitlines()[1]
    assert re.search(r"O-81 would be assigned, but erika removed it from this mail", out)
    full("add", "1", "order:O-81")
    full("assign", "--all", "--again")
    assert "order:O-81" in full.assigned()["frage@kunde.example"]


def test_a_removal_is_inherited_by_a_reply(full: Cli) -> None:
    full("remove", "1", "order:O-81", "--by", "erika")
    full("assign", "2")
    assert full.assigned()["antwort@firma.example"] == []
    assert "erika removed" in full("explain", "2")


# --- show


def test_show_by_name_number_and_address(full: Cli) -> None:
    by_name = full("show", "order:O-81")
    assert by_name.startswith("order O-81  AB-1042\n")
    assert "  customer: K-5\n" in by_name
    assert "  messages: 2\n" in by_name
    assert "inherited" in by_name
    for number in ("AB-1042", "ab 1042", "AB1042"):
        assert full("show", number) == by_name
    by_address = full("show", "Anna@KUNDE.example")
    assert [line for line in by_address.splitlines() if line and line[0] != " "] == [
        "contact K-5", "offer AN-7  AN-2026-7", "order O-77  AB-1039", "order O-81  AB-1042",
    ]  # fmt: skip


def test_show_as_json(full: Cli) -> None:
    [shown] = full.json("show", "order:O-81", "--json")
    assert shown["record"] == "order:O-81"
    assert shown["links"] == [
        ["customer", "contact:K-5"], ["offer", "offer:AN-7"], ["article", "article:A-1"], ["article", "article:A-1"],
    ]  # fmt: skip
    assert [(m["row"], m["origin"], m["clause"]) for m in shown["messages"]] == [
        (1, "automatic", "order.participants.reference"),
        (2, "inherited", "history.assigned"),
    ]
    assert not shown["gone"]


def test_show_of_a_record_that_the_erp_no_longer_has(full: Cli) -> None:
    pruned = full.write("erp.yaml", ERP.replace("  - {id: O-81", "#"))
    assert "1 retired" in full("erp", "import", pruned, "--prune")
    out = full("show", "order:O-81")
    assert out.startswith("order O-81  AB-1042  (the ERP no longer has it)\n")
    assert "messages: 2" in out
    assert full.refused("show", "AB-1042").startswith("no record is named 'AB-1042'")
    full("assign", "2")
    assert re.search(r"order O-81 +history.assigned  \(the ERP no longer has it\)", full("explain", "2"))


def test_show_of_nothing(full: Cli) -> None:
    for name in ("order:O-99", "AB-9", "x@y.example", "-.", ""):
        assert f"no record is named {name!r}" in full.refused("show", "--", name)


# --- ignore


def test_ignore_all_three_forms(shop: Cli) -> None:
    entries = ["Spam@X.example", "dhl.example", "@ups.example", "*.ads.example", "bücher.example"]
    out = shop("ignore", "add", *entries)
    assert out.count("added to the list blacklist") == 5
    again = shop("ignore", "add", "spam@x.EXAMPLE", "@dhl.example", "xn--bcher-kva.example")
    assert again.count("already on the list blacklist") == 3
    listed = shop.json("ignore", "list", "--json")
    assert {each["entry"] for each in listed if each["list"] == "blacklist"} == set(entries)
    assert [each["entry"] for each in listed if each["list"] == "groups"] == ["shop@firma.example"]
    removed = shop("ignore", "remove", "SPAM@x.example", "*.dhl.example")
    assert "SPAM@x.example  taken off the list blacklist" in removed
    assert "*.dhl.example  not on the list blacklist" in removed
    assert "spam" not in shop("ignore", "list").lower()


def test_ignore_takes_effect_on_the_next_run(full: Cli) -> None:
    full("ignore", "add", "kunde.example")
    assert full.assigned()["frage@kunde.example"] == ORDER
    full("assign", "1")
    assert full.assigned()["frage@kunde.example"] == []
    assert "ignored: blacklist, domain kunde.example" in full("explain", "1")
    full("ignore", "remove", "kunde.example")
    full("assign", "1")
    assert full.assigned()["frage@kunde.example"] == ORDER


@pytest.mark.parametrize("entry", ["two words", "a@b c.example", "*.", "@", "", "a*b.example", "a@", "x@@", ".de"])
def test_ignore_refuses_what_is_no_entry(shop: Cli, entry: str) -> None:
    refused = shop.refused("ignore", "add", "good.example", entry)
    assert refused.startswith(f"{entry!r} is no blacklist entry; write an address")
    assert "good.example" not in shop("ignore", "list")


def test_ignore_lists(shop: Cli) -> None:
    assert "'dhl.example' is no address; users holds addresses only" in shop.refused(
        "ignore", "add", "--list", "users", "dhl.example"
    )
    assert shop.refused("ignore", "add", "--list", "friends", "a@b.example") == (
        "--list is one of users, groups, blacklist, not 'friends'"
    )
    shop("ignore", "add", "--list", "users", "erika@firma.example")
    assert {"list": "users", "entry": "erika@firma.example"} in shop.json("ignore", "list", "--json")


# --- plugins, rules


def test_plugins(cli: Cli) -> None:
    lines = cli("plugins").splitlines()
    assert [line.split()[0] for line in lines] == [
        "plugin", "contact", "greyhound", "history", "offer", "order", "pop3", "smtp"
    ]  # fmt: skip
    listed = {each["name"]: each for each in cli.json("plugins", "--json")}
    assert [line.split()[0] for line in lines[1:]] == list(listed)
    assert (listed["pop3"]["mail_servers"], listed["order"]["mail_servers"]) == (["pop3"], [])


def test_rules(cli: Cli) -> None:
    everything = cli("rules")
    assert [line for line in everything.splitlines() if line and line[0].isdigit()] == [
        "100 history", "200 order", "300 offer", "400 contact",
    ]  # fmt: skip
    one = cli("rules", "contact")
    assert one.strip() in everything
    assert "ambiguous_inactive  otherwise      → ambiguous" in one
    assert "table document.address" not in one
    tables = {table["table"] for step in cli.json("rules", "--json") for table in step["tables"]}
    assert tables == {"history.message", "document.address", "document.two_references", "contact.address"}


def test_rules_of_an_unknown_step(cli: Cli) -> None:
    assert cli.refused("rules", "ordr") == "there is no step 'ordr'; did you mean 'order'?"


# --- test

GOOD = """
title: {title}
erp:
  orders: [{{id: O-1, addresses: [anna@kunde.example]}}]
message: |
  From: anna@kunde.example

  Hallo
expect:
  assigned: [{expected}]
"""


def test_test_passes(cli: Cli) -> None:
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    cli.write("s/deep/b.yml", GOOD.format(title="Zwei", expected="'order:O-1'"))
    cli.write("s/notes.txt", "no scenario")
    assert cli("test", "s") == "passed  Eins\npassed  Zwei\n2 passed, 0 failed\n"


def test_test_json_lines(cli: Cli) -> None:
    good = GOOD.format(title="Gut", expected="order:O-1")
    bad = GOOD.format(title="Schlecht", expected="order:O-2")
    file = cli.write("s.yaml", f"{good}---\n{bad}")
    result = cli.run("test", file, "--json")
    assert (result.code, result.err) == (1, "")
    held = [
        "history.nothing",
        "order.participants.unique",
        "offer.skipped",
        "contact.participants.none",
        "contact.content.no_address",
    ]
    one = {
        "file": file,
        "title": "Gut",
        "passed": True,
        "assigned": ["order:O-1"],
        "clauses": held,
        "error": None,
    }
    assert [json.loads(line) for line in result.out.splitlines()] == [
        one,
        {**one, "title": "Schlecht", "passed": False},
    ]
    assert list(json.loads(result.out.splitlines()[0])) == [
        "file", "title", "passed", "assigned", "clauses", "error",
    ]  # fmt: skip


def test_test_says_what_failed(cli: Cli) -> None:
    result = cli.run("test", cli.write("s.yaml", GOOD.format(title="Falsch", expected="order:O-2")))
    assert (result.code, result.err) == (1, "")
    assert "FAILED  Falsch\n" in result.out
    assert "  expected to be assigned: order:O-2; came out: order:O-1\n" in result.out
    assert "Because anna@kunde.example (From) has exactly 1 order: O-1." in result.out
    assert result.out.endswith("0 passed, 1 failed\n")


def test_test_of_an_unreadable_file(cli: Cli) -> None:
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    cli.write("s/b.yaml", "title: Zwei\nmesage: x\n")
    result = cli.run("test", "s")
    assert result.code == 2
    assert "passed  Eins\n" in result.out
    assert "UNREADABLE  s/b.yaml, line 2: unknown key 'mesage'; did you mean 'message'?\n" in result.out
    assert result.err == "beleg: 1 of the files could not be read\n"
    result = cli.run("test", "s", "--json")
    assert result.code == 2
    assert json.loads(result.out.splitlines()[1]) == {
        "file": "s/b.yaml",
        "title": None,
        "passed": False,
        "assigned": [],
        "clauses": [],
        "error": "s/b.yaml, line 2: unknown key 'mesage'; did you mean 'message'?",
    }


def test_test_of_nothing(cli: Cli) -> None:
    cli.write("empty/readme.txt", "nothing")
    cli.write("void.yaml", "")
    for path in ("empty", "void.yaml"):
        result = cli.run("test", path)
        assert result.code == 2
        assert result.err.startswith("beleg: there is no scenario under these paths")
    assert cli.refused("test", "none") == "none: there is no such file or folder"


def test_test_refuses_a_title_twice(cli: Cli) -> None:
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    cli.write("s/b.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    result = cli.run("test", "s")
    assert result.code == 2
    assert "UNREADABLE  s/b.yaml, line 2: the title 'Eins' stands in s/a.yaml already" in result.out


# --- test --coverage and --mutate


def test_test_shows_coverage(cli: Cli) -> None:
    """It is information: a clause that nothing reaches is no fault."""
    printed = cli("test", cli.write("s.yaml", GOOD.format(title="Eins", expected="order:O-1")), "--coverage")
    assert printed.startswith("passed  Eins\n1 passed, 0 failed\n\nClauses that held in a scenario\n  message\n")
    assert re.search(r"^    ✓ order\.participants\.unique +1  Eins$", printed, re.MULTILINE)
    assert re.search(r"^    ✗ order\.participants\.ambiguous +never$", printed, re.MULTILINE)
    assert printed.endswith("5 of 67 clauses (7 %)\n")


def test_test_coverage_as_json(cli: Cli) -> None:
    file = cli.write("s.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    one, *clauses = cli.json("test", file, "--coverage", "--plugin", "order", "--json")
    assert one["title"] == "Eins"
    assert {each["step"] for each in clauses} == {"order"}
    assert clauses[0] == {"clause": "order.skipped", "step": "order", "stage": "", "scenarios": 0, "example": None}
    assert {
        "clause": "order.participants.unique",
        "step": "order",
        "stage": "participants",
        "scenarios": 1,
        "example": "Eins",
    } in clauses


def test_test_mutates(cli: Cli) -> None:
    """One scenario sees little: what survives is listed with what to do about it."""
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    result = cli.run("test", "s", "--mutate", "--plugin", "contact")
    assert (result.code, result.err) == (1, "")
    assert "Mutants that a scenario noticed\n  contact.address " in result.out
    assert "add the line that stands last to s/equivalent.yaml" in result.out
    assert (
        "\nSURVIVED  contact.address/active: active == 1 → active == 2\n"
        "  the rule active of the table contact.address (beleg_contact) asks active == 2\n"
        "    as it is  active: active == 1 → assign:active\n"
        "    broken    active: active == 2 → assign:active\n"
        '  - {mutant: "contact.address/active: active == 1 → active == 2", reason: ""}\n'
    ) in result.out
    assert re.search(r"^0 of \d+ mutants noticed \(0 %\), 0 equivalent$", result.out.splitlines()[-1])


def test_test_mutates_as_json(cli: Cli) -> None:
    expecting = GOOD.format(title="Eins", expected="order:O-1") + "  clauses: [contact.participants.none]\n"
    result = cli.run("test", cli.write("s.yaml", expecting), "--mutate", "--json")
    assert (result.code, result.err) == (1, "")
    one, *mutants = map(json.loads, result.out.splitlines())
    assert one["title"] == "Eins"
    by_id = {each["mutant"]: each for each in mutants}
    assert by_id["contact.address/none: contacts == 0 → contacts == 1"] == {
        "mutant": "contact.address/none: contacts == 0 → contacts == 1",
        "where": "contact.address",
        "says": {
            "en": "the rule none of the table contact.address (beleg_contact) asks contacts == 1",
            "de": "die Regel none der Tabelle contact.address (beleg_contact) fragt contacts == 1",
        },
        "before": "none: contacts == 0 → nothing",
        "after": "none: contacts == 1 → nothing",
        "killed": True,
        "by": "Eins",
        "equivalent": None,
    }
    survivor = by_id["thread: reversed"]
    assert (survivor["killed"], survivor["by"], survivor["before"], survivor["after"]) == (False, None, None, None)


def test_test_mutates_nothing_while_scenarios_fail(cli: Cli) -> None:
    result = cli.run("test", cli.write("s.yaml", GOOD.format(title="Falsch", expected="order:O-2")), "--mutate")
    assert result.code == 1
    assert "FAILED  Falsch\n" in result.out
    assert "SURVIVED" not in result.out
    assert result.err == (
        "beleg: no rule was broken to see who notices: scenarios fail as the rules are; repair them first\n"
    )


def survivors(out: str) -> list[str]:
    return [line.removeprefix("SURVIVED  ") for line in out.splitlines() if line.startswith("SURVIVED")]


@pytest.mark.parametrize("named", [False, True], ids=["beside", "named"])
def test_test_with_a_list_of_equivalent_mutants(cli: Cli, named: bool) -> None:
    """What it lists is no survivor; and what it lists wrongly is a fault, with its line."""
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    file = "list.yaml" if named else "s/equivalent.yaml"
    arguments = ["test", "s", "--mutate", "--plugin", "contact", *(["--equivalent", file] if named else [])]
    cli.write(file, "")
    surviving = survivors(cli.run(*arguments).out)
    assert surviving
    entries = [f"- {{mutant: {json.dumps(each)}, reason: only an example}}\n" for each in surviving]
    cli.write(file, "".join(entries))
    assert cli(*arguments).endswith(f"0 of 0 mutants noticed (100 %), {len(surviving)} equivalent\n")
    listed = [each for each in cli.json(*arguments, "--json") if each.get("equivalent")]
    assert {each["equivalent"] for each in listed} == {"only an example"}

    cli.write(file, "".join(entries[1:]))
    result = cli.run(*arguments)
    assert (result.code, survivors(result.out)) == (1, surviving[:1])

    cli.write(file, "".join([*entries, "- {mutant: 'contact: left uot', reason: x}\n"]))
    result = cli.run(*arguments)
    place = f"{file}, line {len(entries) + 1}"
    said = f"{place}: there is no mutant 'contact: left uot'; did you mean 'contact: left out'?"
    assert (result.code, survivors(result.out)) == (1, [])
    assert f"\n{said}; correct the entry or remove it\n" in result.out
    errors = [json.loads(line) for line in cli.run(*arguments, "--json").out.splitlines() if '"error":"' in line]
    assert [each["mutant"] for each in errors] == ["contact: left uot"]
    assert said in errors[0]["error"]


def test_test_refuses_an_entry_for_a_mutant_that_is_noticed(cli: Cli) -> None:
    cli.write("s/a.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    cli.write("s/equivalent.yaml", "- mutant: 'order: left out'\n  reason: not true\n")
    result = cli.run("test", "s", "--mutate", "--plugin", "order", "--lang", "de")
    assert result.code == 1
    said = "s/equivalent.yaml, line 1: ein Szenario bemerkt den Mutanten 'order: left out' (Eins); der Eintrag muss weg"
    assert f"\n{said}\n" in result.out


def test_test_wrong_options(cli: Cli) -> None:
    file = cli.write("s.yaml", GOOD.format(title="Eins", expected="order:O-1"))
    assert cli.refused("test", file, "--equivalent", "x.yaml") == "--equivalent goes with --mutate"
    assert cli.refused("test", file, "--plugin", "order") == "--plugin goes with --coverage or --mutate"
    unknown = cli.refused("test", file, "--coverage", "--plugin", "ordr")
    assert unknown == "there is no plugin 'ordr'; did you mean 'order'?"
    assert cli.run("test", file, "--mutate", "--equivalent", "none.yaml").code == 2
    cli.write("bad.yaml", "- {mutant: x, reson: y}\n")
    result = cli.run("test", file, "--mutate", "--equivalent", "bad.yaml")
    assert (result.code, result.err) == (2, "beleg: bad.yaml, line 1: unknown key 'reson'; did you mean 'reason'?\n")


# --- errors and exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["explain"],
        ["explain", "1", "2"],
        ["mail", "list", "--limit", "x"],
        ["mail", "list", "--limit", "0"],
        ["show", "--no-such-option", "x"],
        ["test"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage(cli: Cli, arguments: list[str]) -> None:
    assert cli.refused(*arguments)


@pytest.mark.parametrize("arguments", [[], ["mail"], ["erp"], ["ignore"], ["db"], ["trace"]])
def test_a_command_that_is_not_whole_shows_its_help(cli: Cli, arguments: list[str]) -> None:
    result = cli.run(*arguments)
    assert result.code == 2
    assert "Usage: beleg" in result.out


def test_help_and_version(cli: Cli) -> None:
    assert cli("--version").startswith("beleg ")
    for command in ("init", "demo", "plugins", "rules", "assign", "explain", "test", "add", "remove", "show"):
        assert f"Usage: beleg {command}" in cli(command, "--help")


def test_debug_shows_the_traceback(full: Cli) -> None:
    result = full.run("--debug", "show", "order:O-99")
    assert result.code == 2
    assert "Traceback (most recent call last)" in result.err
    assert result.err.splitlines()[-1].startswith("beleg: no record is named 'order:O-99'")


def test_without_a_database(cli: Cli) -> None:
    refused = cli.refused("mail", "list", code=3)
    assert refused == "there is no database beleg.db yet; run: beleg init"
    assert list(cli.folder.iterdir()) == []


def test_a_file_that_is_no_database(cli: Cli) -> None:
    cli.write("beleg.db", b"this is no database\n" * 100)
    assert "sqlite:///beleg.db can't be used" in cli.refused("mail", "list", code=3)


def test_a_database_without_the_schema(cli: Cli) -> None:
    cli.write("beleg.db", b"")
    assert cli.refused("mail", "list", code=3).endswith("run: beleg db upgrade")


def test_a_database_that_a_server_does_not_have(cli: Cli, postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh_database()
    refused = cli.refused("--database", f"{url}_none", "mail", "list", code=3)
    assert refused.endswith('_none" does not exist')  # and no advice to upgrade what is not there


def test_a_database_of_an_older_beleg(shop: Cli) -> None:
    with sqlite3.connect(shop.folder / "beleg.db") as connection:
        connection.execute("ALTER TABLE message DROP COLUMN mailbox")
    refused = shop.refused("mail", "import", shop.write("frage.eml", QUESTION), code=3)
    assert refused.endswith("run: beleg db upgrade")


def test_a_failure_of_the_system_is_no_internal_error(cli: Cli) -> None:
    (cli.folder / "beleg.toml").symlink_to("none/beleg.toml")
    assert cli.refused("init", code=3) == "beleg.toml: No such file or directory"


def test_an_argument_that_is_no_text(full: Cli) -> None:
    no_text = os.fsdecode(b"order:\xff")
    assert full.refused("why-not", "1", no_text).endswith("is no text in the encoding of this terminal")
    assert full.refused("add", "1", "order:O-77", "--by", no_text).endswith("of this terminal")


def test_a_database_that_is_not_there(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_DATABASE_URL", "postgresql://beleg:geheim@127.0.0.1:1/none")
    refused = cli.refused("mail", "list", code=3)
    assert "can't be used" in refused
    assert "geheim" not in refused


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x", "sqlite:////no/such/folder/x.db"])
def test_a_database_url_that_is_wrong(cli: Cli, url: str) -> None:
    assert cli.refused("--database", url, "db", "upgrade", code=3)


def test_a_step_that_fails_in_a_scenario(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are run all the same."""
    publish(tmp_path, monkeypatch, "failing", FAILING)
    mails = ("From: anna@kunde.example", "From: bodo@kunde.example")
    worlds = (f"title: Mail {n}\nmessage: |\n  {line}\n\n  Hallo\n" for n, line in enumerate(mails))
    cli.write("two.yaml", "---\n".join(worlds))
    result = cli.run("test", "two.yaml")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines() == [
        "FAILED  Mail 0",
        "  two.yaml, line 1",
        "  the step 'failing' failed: RuntimeError: kaputt",
        "passed  Mail 1",
        "1 passed, 1 failed",
    ]
    lines = [json.loads(line) for line in cli.run("test", "two.yaml", "--json").out.splitlines()]
    assert [(line["passed"], line["error"]) for line in lines] == [
        (False, "the step 'failing' failed: RuntimeError: kaputt"),
        (True, None),
    ]


def test_a_step_that_fails(shop: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("in/1.eml", QUESTION)
    shop.write("in/2.eml", STRANGER)
    with monkeypatch.context() as broken:
        publish(tmp_path, broken, "failing", FAILING)
        result = shop.run("mail", "import", "in")
        assert result.code == 3
        assert result.out.startswith("2 mails stored, 0 were stored already, 1 decided")
        assert result.err == (
            "beleg: step 'failing' failed on message frage@kunde.example: RuntimeError: kaputt; "
            "nothing was stored for this message, a later run tries again\n"
        )
        assert "step 'failing' failed" in shop.refused("explain", "1", code=3)
        assert "step 'failing' failed" in shop.refused("explain", "in/1.eml", code=3)
    assert [each["decided"] for each in shop.json("mail", "list", "--json")] == [True, False]
    assert shop("assign", "--all") == "1 messages decided, 1 of them with an assignment\n"


def test_a_plugin_that_is_wrong(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, monkeypatch, "brokencli", "import no_such_module_anywhere\n")
    refused = cli.refused("plugins", code=3)
    assert refused.startswith("plugin 'brokencli' (published_brokencli) can't be loaded: ModuleNotFoundError")
    monkeypatch.setenv("BELEG_DISABLED_PLUGINS", '["brokencli"]')
    assert "brokencli  switched off in the settings" in cli("plugins")


def test_bad_settings(cli: Cli) -> None:
    cli.write("beleg.toml", 'langauge = "de"\n')
    assert cli.refused("plugins") == "beleg.toml: unknown key 'langauge'; did you mean 'language'?"


def test_a_mail_does_not_command_the_terminal(shop: Cli) -> None:
    raw = mail("=?utf-8?q?=1B[31mrot=07=C2=9B31m?=", id_="\x1b[2J@x", sender="fremd@nirgends.example")
    shop("mail", "import", shop.write("a.eml", raw))
    orders = shop.write("o.yaml", 'orders: [{id: "O\\x1b[31m", number: AB-7777}]')
    shop("erp", "import", orders)
    for arguments in (["mail", "list"], ["explain", "1"], ["show", "AB-7777"], ["explain", "a.eml"]):
        out = shop(*arguments)
        assert not re.search(r"[^\n\t -~\xa0-\U0010ffff]", out)
    assert "\x1b" not in shop.refused("show", "\x1b[31m")
    [message] = shop.json("mail", "list", "--json")
    assert message["subject"].startswith("\x1b[31mrot")  # data is data


def test_a_name_that_is_too_long_for_a_file(full: Cli) -> None:
    long = "a" * 300 + "@kunde.example"
    full("mail", "import", full.write("long.eml", mail("Hallo", id_=long)))
    assert 'Mail "Hallo"' in full("explain", long)


def test_a_folder_whose_name_is_no_utf8(shop: Cli) -> None:
    folder = os.fsdecode(b"caf\xe9")
    shop.write(f"{folder}/a.eml", QUESTION)
    shop.write(f"{folder}/notes", "no mail")
    out = shop("mail", "import", folder)
    assert out.startswith("1 mails stored")
    assert "caf\ufffd/notes" in out
    assert shop.json("mail", "import", folder, "--json")[0]["skipped"] == ["caf\ufffd/notes"]


# --- PostgreSQL


def test_the_whole_way_on_postgresql(
    cli: Cli, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELEG_DATABASE_URL", postgres_server.fresh_database())
    out = cli("init")
    assert "is ready (schema" in out
    assert postgres_server.password not in out
    cli("erp", "import", cli.write("erp.yaml", ERP))
    cli("mail", "import", cli.write("1.eml", QUESTION), cli.write("2.eml", STRANGER))
    assert cli("assign", "--all", "--again") == "2 messages decided, 1 of them with an assignment\n"
    assert "order O-81 (AB-1042)" in cli("explain", "1")
    cli("remove", "1", "order:O-81")
    cli("assign", "1")
    assert cli.assigned() == {"frage@kunde.example": [], "fremd@nirgends.example": []}
    assert not (cli.folder / "beleg.db").exists()


# --- the process


@pytest.fixture
def process(cli: Cli) -> Callable[..., subprocess.Popen[bytes]]:
    program = shutil.which("beleg", path=str(Path(sys.executable).parent))
    assert program, "the command beleg is not installed beside this Python"

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([program, *arguments], cwd=cli.folder, **options)

    return start


def test_exit_codes_of_the_process(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    for arguments, code in ((["rules", "contact"], 0), (["rules", "x"], 2), (["mail", "list"], 3)):
        with process(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
            out, err = started.communicate()
        assert started.returncode == code
        assert b"\x1b" not in out + err
        assert b"Traceback" not in err


def test_output_into_a_closed_pipe(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    read, write = os.pipe()
    os.close(read)
    with process("rules", stdout=write, stderr=subprocess.PIPE) as started:
        os.close(write)
        _, err = started.communicate()
    assert (started.returncode, err) == (0, b"")


def test_colours_in_a_terminal(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    shown = b""
    with process("demo", stdout=theirs, stderr=subprocess.PIPE, env=environment) as started:
        os.close(theirs)
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not read:
                break
            shown += read
    os.close(ours)
    assert started.returncode == 0
    assert b"\x1b[32mASSIGNED" in shown


def test_output_in_an_encoding_that_lacks_a_sign(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with process("demo", stdout=subprocess.PIPE, env=environment) as started:
        out, _ = started.communicate()
    assert started.returncode == 0
    assert b"Because anna@kunde.example" in out


def test_help_loads_little() -> None:
    code = (
        "import sys\nfrom beleg.cli import main\nmain(['--help'])\n"
        "heavy = ('sqlalchemy', 'sqlmodel', 'durable', 'selectolax', 'pydantic', 'yaml', 'alembic')\n"
        "print('heavy:', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
