"""Erasing and exporting what mail accounts, filters and the outbox know of an address, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from beleg import privacy
from beleg.explain import Explainer
from beleg.plugins import Installed
from beleg.store import Database
from beleg.store.account_tables import (
    account,
    mail_filter,
    mail_server,
    message_tag,
    outgoing,
    outgoing_file,
    seen,
    server_mail,
)
from beleg.store.criteria import Criteria, encode
from beleg.store.mails import packed, unpacked
from beleg.workspace import Workspace
from serving import accounts_on
from writing import day, mail

ANNA, BOB = "anna@kunde.example", "bob@b.example"
QUESTION = mail("Geheime Frage", "Hier Anna", id_="1@x", date=day(1))
OTHERS = mail("Anderes", "bob", sender=BOB, id_="2@x", date=day(2))
SENT = mail("Re: Geheime Frage", "Hallo Anna", sender="shop@firma.example", to=f"{ANNA}, {BOB}", id_="9@x", date=day(3))


@pytest.fixture
def workspace(database: Database, installed: Installed) -> Workspace:
    """A mail from Anna and one from Bob, each with a tag; an account and a server have seen both."""
    found = Workspace(database, installed)
    found.ignore("groups", ["shop@firma.example"])
    found.import_mail((raw, "") for raw in (QUESTION, OTHERS))
    accounts = accounts_on(found)
    tag = accounts.add_tag("urgent", "Ada")
    accounts.handle([1, 2], "Ada", tags_add=[tag.id])
    accounts.add_filter("Of Anna", Criteria(text=ANNA), "Ada")
    with database.begin() as connection:
        texts = dict.fromkeys(
            ("protocol", "host", "security", "auth", "user_name", "secret", "provider", "after", "senders", "fault"), ""
        )
        values = {
            "direction": "in", "key": "a", "name": "a", "port": 1, "active": True, "days": 0, "delete_too": False,
            "error": json.dumps({"en": f"no {ANNA}", "de": "-"}), "failures": 0, "halted": False,
        }  # fmt: skip
        made = connection.execute(insert(account).values(**texts, **values).returning(account.c.id)).scalar_one()
        values = {"name": "other", "active": True, "managed": False, "fields": "{}", "secret": "", "fault": "",
                  "error": "", "failures": 0, "halted": False, "read_to": 0}  # fmt: skip
        connection.execute(insert(mail_server).values(**values))
        for row in (1, 2):
            values = {
                "account": made,
                "uid": f"u{row}",
                "sha256": "0",
                "size": 1,
                "message": row,
                "at": 0,
                "state": "there",
            }
            connection.execute(insert(seen).values(**values))
            values = {"server": "other", "item": f"i{row}", "sha256": "0", "message": row, "deleted": False}
            connection.execute(insert(server_mail).values(**values, error="", contact=""))
    return found


def write(database: Database, to: list[str], file: bytes | None = None, **values: Any) -> int:
    """Store a mail that is written."""
    given = {
        "state": "draft", "kind": "new", "sender": "shop@firma.example", "subject": "", "body": "", "said": "",
        "tries": 0, "changed": 86_400, "deleted": False, "recipients": json.dumps({"to": to, "cc": [], "bcc": []}),
        **values,
    }  # fmt: skip
    with database.begin() as connection:
        made = int(connection.execute(insert(outgoing).values(**given).returning(outgoing.c.id)).scalar_one())
        if file is not None:
            connection.execute(insert(outgoing_file).values(outgoing=made, name="a.txt", type="text/plain", data=file))
    return made


def written(database: Database) -> dict[int, Any]:
    with database.begin(write=False) as connection:
        return {row.id: row for row in connection.execute(select(outgoing))}


def test_what_hangs_on_a_mail_goes_and_it_is_not_fetched_again(workspace: Workspace, database: Database) -> None:
    reply = write(database, [BOB], answers=1, message=2)
    privacy.erase(workspace, ANNA, "lena")
    with database.begin(write=False) as connection:
        assert [tuple(row) for row in connection.execute(select(message_tag.c.message))] == [(2,)]
        assert [tuple(row) for row in connection.execute(select(seen.c.uid, seen.c.message).order_by(seen.c.uid))] == [
            ("u1", None), ("u2", 2),
        ]  # fmt: skip
        items = select(server_mail.c.item, server_mail.c.message).order_by(server_mail.c.item)
        assert [tuple(row) for row in connection.execute(items)] == [("i1", None), ("i2", 2)]
    assert (written(database)[reply].answers, written(database)[reply].message) == (None, 2)


def test_searches_and_errors_name_him_no_more(workspace: Workspace, database: Database) -> None:
    privacy.erase(workspace, ANNA, "lena")
    with database.begin(write=False) as connection:
        found = [*connection.scalars(select(mail_filter.c.criteria)), *connection.scalars(select(account.c.error))]
    assert ANNA not in "".join(found)
    assert encode(Criteria(text="erased-"))[:-3] in found[0]


def test_mails_that_are_written(workspace: Workspace, database: Database) -> None:
    his = write(database, [f"Anna Kunde <{ANNA}>"], b"ein Anhang", subject="An Anna")
    own_copy = write(database, [ANNA, "shop@firma.example"], state="failed", said=json.dumps({"en": f"no {ANNA}"}))
    both = write(
        database, [ANNA, BOB], b"nichts", state="sent", subject=f"Zu {ANNA}", body=f"{ANNA} schrieb", raw=packed(SENT)
    )
    about = write(database, [BOB], subject="Zu", body=f"Bitte an {ANNA}")
    attached = write(database, [BOB], f"{ANNA};1".encode())
    others = write(database, [BOB], b"nichts", subject="Anderes")
    before = written(database)
    planned = privacy.plan(workspace, ANNA)
    assert (planned.written_deleted, planned.written_masked) == (3, 2)
    assert written(database) == before
    assert privacy.erase(workspace, planned, "lena").plan.counts()["written_deleted"] == 3
    after = written(database)
    assert set(after) == {both, about, others}
    assert {his, own_copy, attached}.isdisjoint(after)
    assert after[others] == before[others]
    assert json.loads(after[both].recipients) == {"to": [BOB], "cc": [], "bcc": []}
    assert json.loads(after[about].recipients) == {"to": [BOB], "cc": [], "bcc": []}
    raw = unpacked(after[both].raw)
    texts = [after[row].subject + after[row].body for row in (both, about)]
    assert ANNA not in "".join(texts)
    assert "erased.invalid" in texts[0]
    assert ANNA.encode() not in raw
    assert BOB.encode() in raw
    with database.begin(write=False) as connection:
        assert set(connection.scalars(select(outgoing_file.c.outgoing))) == {both, others}
    assert privacy.plan(workspace, ANNA).empty


def test_what_is_written_to_him_is_given_to_him(workspace: Workspace, database: Database, tmp_path: Path) -> None:
    sent = write(database, [ANNA, BOB], b"x", state="sent", subject="Antwort", body="Hallo", raw=packed(SENT))
    about = write(database, [BOB], subject=f"Zu {ANNA}")
    explainer = Explainer.of(workspace.installed, "de")
    done = privacy.export(workspace, ANNA, tmp_path / "a", explainer)
    assert done.written == 1
    [told] = json.loads((tmp_path / "a" / "written.json").read_text())
    assert told["number"] == f"{sent:06}"
    assert (told["state"], told["subject"], told["text"], told["files"]) == ("sent", "Antwort", "Hallo", ["a.txt"])
    assert told["changed"] == "1970-01-02T00:00:00+00:00"
    assert (tmp_path / "a" / "written" / f"{sent:06}.eml").read_bytes() == SENT
    privacy.export(workspace, ANNA, tmp_path / "b", explainer, all_mentions=True)
    assert {each["number"] for each in json.loads((tmp_path / "b" / "written.json").read_text())} == {
        f"{sent:06}", f"{about:06}",
    }  # fmt: skip
