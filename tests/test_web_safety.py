"""Attacks on a served site: what a request can't do, whoever sends it."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from beleg import demo
from beleg.message import content_identity
from beleg.plugins import Installed
from beleg.record import Link, Record, RecordRef, Reference
from beleg.store import Database
from beleg.web.room import MOST
from serving import PASSWORD, Served, serving, serving_the_demo, site_on

MEGABYTE = 1024 * 1024


@pytest.fixture
def served(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    with serving(site_on(sqlite, installed)) as found:
        yield found


def ask(served: Served, path: str, **headers: str) -> str:
    """The head of an answer to a request that no client would send like that."""
    host, port = served.url.removeprefix("http://").split(":")
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return answer.decode().partition("\r\n\r\n")[0].lower()


# --- where an answer leads


@pytest.mark.parametrize("path", ["/messages/", "/records/", "//evil.example/messages/", "/rules/?next=//evil.example"])
def test_no_redirect_names_a_host(served: Served, path: str) -> None:
    head = ask(served, path, Host="evil.example")
    places = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("location")]
    assert all(place.startswith("/") and not place.startswith("//") for place in places), head
    assert places or " 404 " in head


# --- what a request may bring


@pytest.mark.parametrize("path", ["/sign-in", "/profile/language", "/messages/1/add", "/nowhere"])
def test_no_page_takes_a_long_body(served: Served, path: str) -> None:
    file = {"name": ("big", b"x" * (2 * MEGABYTE)), "language": (None, "de")}
    answer = served.client().post(path, files=file)
    assert (answer.status_code, answer.text) == (413, "The body of a request has at most 65536 bytes.")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_form_has_few_fields(served: Served) -> None:
    fields = "&".join(f"f{n}=1" for n in range(1_500))
    answer = served.client().post(
        "/sign-in", content=fields, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/records?q=%00", "/records/order/%00", "/records/%00/1", "/messages?q=%00"])
def test_a_nul_character_is_no_fault_of_the_database(database: Database, installed: Installed, path: str) -> None:
    with serving(site_on(database, installed)) as served:
        assert served.client("Bert").get(path).status_code in (200, 400, 404)


def test_a_database_that_is_away_is_named_to_nobody(served: Served) -> None:
    signed_in = served.client("Ada")
    with served.site.workspace.database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE session")
        connection.exec_driver_sql("DROP TABLE alembic_version")
    for answer in (signed_in.get("/profile"), served.client().get("/api/v1/health")):
        assert answer.status_code == 503
        assert "log says" in answer.text
        assert not any(word in answer.text for word in ("sqlite", "beleg.db", "no such table", "session"))


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    database.upgrade()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()
    assert modes
    assert set(modes.values()) == {0o600}, modes


# --- sessions


def test_signing_out_takes_the_cookie_away_even_where_it_is_due_for_another(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client("Bert")
    monkeypatch.setattr("beleg.web.sessions.RENEWED", -1)
    assert client.post("/sign-out").status_code == 303
    assert "beleg_session" not in client.cookies


def test_signing_in_ends_the_session_before(served: Served) -> None:
    client = served.client("Bert")
    before = dict(client.cookies)
    assert client.post("/sign-in", data={"name": "Ada", "password": PASSWORD}).status_code == 303
    assert served.client(cookies=before).get("/profile").status_code == 303
    assert "Ada" in client.get("/profile").text


# --- behind a proxy, and not


def fail(served: Served, times: int, **headers: str) -> list[int]:
    """Try to sign in, by another name each time, and where `{}` stands in a header, from another address."""
    client = served.client()
    return [
        client.post(
            "/sign-in",
            data={"name": f"Name {n}", "password": "geraten"},
            headers={name.replace("_", "-"): value.format(n) for name, value in headers.items()},
        ).status_code
        for n in range(times)
    ]


def test_nobody_is_believed_about_his_address(served: Served) -> None:
    assert fail(served, 21, x_forwarded_for="192.0.2.{}") == [401] * 20 + [429]


def test_a_proxy_that_is_named_is_believed(sqlite: Database, installed: Installed) -> None:
    with serving(site_on(sqlite, installed), "127.0.0.1") as served:
        # What a visitor says himself stands before what the proxy adds.
        assert fail(served, 21, x_forwarded_for="192.0.2.{}, 198.51.100.7") == [401] * 20 + [429]
        assert fail(served, 1, x_forwarded_for="198.51.100.8") == [401]
        answer = served.client().post(
            "/sign-in",
            data={"name": "Bert", "password": PASSWORD},
            headers={"x-forwarded-proto": "https", "origin": served.url.replace("http:", "https:")},
        )
        assert answer.status_code == 303
        assert "Secure" in answer.headers["set-cookie"].split("; ")
        assert "max-age=31536000" in answer.headers["strict-transport-security"]


# --- what one person may ask for at the same time


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Served]:
    """The demo's world."""
    with serving_the_demo(tmp_path_factory.mktemp("safety"), installed) as found:
        yield found


def row(served: Served) -> int:
    """The row of a mail of the demo."""
    raw = (demo.MAILS / "2-rueckfrage.eml").read_bytes()
    return served.site.workspace.find_message(content_identity(raw)).row


@pytest.mark.parametrize("question", ["why-not?record=order:O-60", "anew", "case"])
def test_one_person_does_not_keep_all_others_waiting(shop: Served, question: str) -> None:
    bert, ada = shop.client("Bert", lang="de"), shop.client("Ada")
    room, user = shop.site.room, shop.site.people.user("Bert").id
    path = f"/messages/{row(shop)}/{question}"
    with room.taken(user), room.taken(user):
        answer = bert.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "in einigen Sekunden" in answer.text
        assert ada.get(path).status_code == 200
        assert bert.get(f"/messages/{row(shop)}").status_code == 200
    assert bert.get(path).status_code == 200


def test_all_together_leave_threads_free(shop: Served) -> None:
    people = shop.site.people
    _, token = people.new_token(people.user("Bert").id, "test", ["read"], by="test")
    path = f"/api/v1/messages/{row(shop)}/why-not?record=order:O-60"
    headers = {"authorization": f"Bearer {token}"}
    with ExitStack() as others:
        for number in range(MOST):
            others.enter_context(shop.site.room.taken(1_000 + number))
        answer = shop.client().get(path, headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"
    assert shop.client().get(path, headers=headers).status_code == 200


# --- what strangers write

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}\u202e"


class Markup(HTMLParser):
    """What of a page would run, load or lead somewhere that we did not write."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("base", "embed", "img", "object") or (tag == "script" and not given["src"].startswith("/static/")):
            self.found.append(tag)
        self.found += [name for name in given if name.startswith("on") or name in ("style", "srcdoc")]
        places = (given.get(name, "") for name in ("href", "src", "action", "formaction"))
        self.found += [place for place in places if re.match(r"\s*\w+script:|data:|//|https?:", place)]


@pytest.mark.parametrize("lang", ["en", "de"])
def test_nothing_that_strangers_write_is_markup_or_turns_the_writing(
    sqlite: Database, installed: Installed, lang: str
) -> None:
    site = site_on(sqlite, installed)
    contact, order = RecordRef("contact", f"K{HOSTILE}"), RecordRef("order", f"javascript:{HOSTILE}")
    texts = {"label": HOSTILE, "status": HOSTILE}
    link = Link(HOSTILE, contact), Link("customer", contact)
    site.workspace.import_records(
        [
            Record(contact, number=f"N{HOSTILE}", addresses=("x@y.example",), **texts),
            Record(order, number="AB-7777", references=(Reference(HOSTILE, f"R-77{HOSTILE}"),), links=link, **texts),
        ]
    )
    subject = base64.b64encode(f"AB-7777 {HOSTILE}".encode()).decode()
    mail = f"From: =?utf-8?b?{subject}?= <x@y.example>\nSubject: =?utf-8?b?{subject}?=\n\nAB-7777 {HOSTILE}\n"
    site.workspace.import_mail([(mail.encode(), HOSTILE)])
    with serving(site) as served:
        client = served.client("Ada", lang=lang)
        for record in (contact, order):
            client.post("/messages/1/add", data={"record": str(record), "note": HOSTILE})
        client.post("/messages/1/remove", data={"record": str(contact)})
        client.post("/users", data={"name": HOSTILE.rstrip("\u202e"), "password": PASSWORD})
        quoted = {record: quote(str(record)) for record in (contact, order)}
        pages = (
            f"/messages?q={quote(HOSTILE)}", "/messages?state=corrected", "/messages/1", "/messages/1/anew",
            "/messages/1/what-if", "/messages/1/add?q=AB-7777", f"/messages/1/add?record={quoted[contact]}",
            f"/messages/1/why-not?record={quoted[contact]}", f"/messages/1/remove?record={quoted[order]}",
            f"/records?q={quote(HOSTILE)}", "/records?q=AB-7777", *(f"/records/{r.type}/{quote(r.id)}" for r in quoted),
            "/ignored", f"/ignored?search={quote(HOSTILE)}", "/users", "/users/4", f"/nowhere/{quote(HOSTILE)}",
        )  # fmt: skip
        for path in pages:
            answer = client.get(path)
            assert answer.status_code == (404 if path.startswith("/nowhere") else 200), path
            assert (Markup(answer.text).found, "\u202e" in answer.text) == ([], False), path


def test_a_subject_without_end_is_one_line_of_a_list(sqlite: Database, installed: Installed) -> None:
    site = site_on(sqlite, installed)
    site.workspace.import_mail([(b"From: x@y.example\nSubject: " + b"no end " * 50_000 + b"\n\nHallo\n", "")])
    with serving(site) as served:
        client = served.client("Bert")
        for path in ("/messages", "/messages/1/anew", "/messages/1/add", "/messages/1/what-if"):
            page = client.get(path).text
            assert "no end no end" in page
            assert len(page) < 20_000, path
