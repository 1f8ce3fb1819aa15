"""The message page: on a served lamp shop, as a browser without a face sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
import yaml
from sqlalchemy import event

from beleg import demo
from beleg.message import content_identity
from beleg.plugins import Installed
from beleg.scenario import load
from beleg.store import Database
from serving import Served, serving, site_on

HOSTILE = """From: "<script>alert(1)</script>" <mallory@evil.example>
To: shop@lampenladen.example
Subject: <img src=x onerror=alert(1)> \u202egnp.exe
Date: Mon, 02 Nov 2026 10:00:00 +0000
Message-ID: <hostile@evil.example>
Content-Type: text/html; charset=utf-8

<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example">
<script>alert(1)</script><img src="https://evil.example/pixel.gif"><form action="https://evil.example">
<b>AB-1042</b></form>
"""


@dataclass
class Shop:
    """The served shop, and the rows of its mails by file name and of those that tests send."""

    served: Served
    client: httpx.Client
    rows: dict[str, int]

    def take_in(self, raw: bytes, *, decide: bool = True) -> int:
        """Store a mail; returns its row."""
        workspace = self.served.site.workspace
        workspace.import_mail([(raw, "")], decide=decide)
        return workspace.find_message(content_identity(raw)).row

    def text(self, path: str, lang: str = "en") -> str:
        """What a page says, its markup's entities read."""
        answer = self.client.get(path, headers={"accept-language": lang})
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def post(self, path: str, **data: str) -> httpx.Response:
        """Send a form, and look at the page that it leads to."""
        answer = self.client.post(path, data=data)
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.headers["location"])

    def standing(self, row: int) -> set[str]:
        """What stands on a message."""
        return set(map(str, self.served.site.workspace.standing(row)))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Shop]:
    """The demo's world. Each test changes mails of its own."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('shop') / 'beleg.db'}")
    database.upgrade()
    site = site_on(database, installed)
    demo.fill(site.workspace)
    rows = {
        path.stem: site.workspace.find_message(content_identity(path.read_bytes())).row
        for path in demo.MAILS.rglob("*.eml")
    }
    try:
        with serving(site) as served:
            yield Shop(served, served.client("Bert"), rows)
    finally:
        database.close()


def mail(name: str, *, text: str = "Hallo", subject: str = "Frage", to: str = "", **more: str) -> EmailMessage:
    """A mail from someone whom the shop does not know."""
    made = EmailMessage()
    made["From"] = more.get("sender", "neu@nirgends.example")
    made["To"] = "shop@lampenladen.example"
    made["Subject"] = subject
    made["Date"] = more.get("date", "Sat, 07 Nov 2026 10:00:00 +0000")
    made["Message-ID"] = f"<{name}@nirgends.example>"
    if to:
        made["In-Reply-To"] = f"<{to}>"
    made.set_content(text)
    return made


# --- what is shown -----------------------------------------------------------------------------------------------


def test_the_page_tells_what_is_linked_and_why(shop: Shop) -> None:
    row = shop.rows["2-rueckfrage"]
    page = shop.text(f"/messages/{row}")
    assert 'href="/records/order/O-81">Order O-81</a>' in page
    assert "<mark>AB-1042</mark>" in page
    assert page.count('<details class="rung') == 4
    assert page.count('<details class="rung decided" open>') == 1
    for why in ("no number of the mail names it", "AB-1042 (subject) names it alone", "skipped: order O-81"):
        assert why in page
    assert "ignored: blacklist, domain dhl.example" in page
    assert "Please check" not in page
    assert f'action="/messages/{row}/why-not"' in page


def test_evidence_in_the_mail_tells_which_check_used_it(shop: Shop) -> None:
    page = shop.text(f"/messages/{shop.rows['2-rueckfrage']}")
    mark = page.index('<mark class="decided">AB-1042</mark>')
    described = page[page.rindex("<span", 0, mark) : mark]
    note = described.split('aria-describedby="')[1].split('"')[0]
    assert 'tabindex="0"' in described
    said = page.split(f'id="{note}">')[1].split("</span>")[0]
    assert "O-81 is singled out by AB-1042" in said


def test_german(shop: Shop) -> None:
    page = shop.text(f"/messages/{shop.rows['2-rueckfrage']}", "de")
    for words in ("Zugeordnet", "So wurde entschieden", "Warum nicht …?", "Protokoll", "3. Nov. 2026, 09:12"):
        assert words in page
    for words in ("How it", "Linked", "Remove", "Show HTML", "rule set"):
        assert words not in page


def test_what_is_not_there_is_said_in_german(shop: Shop) -> None:
    assert (
        "Es gibt keine Mail Nr.\u00a09999." in shop.client.get("/messages/9999", headers={"accept-language": "de"}).text
    )


def test_a_sender_who_was_not_part_of_the_thread_is_warned_of(shop: Shop) -> None:
    page = shop.text(f"/messages/{shop.rows['2026-10-27-seeblick-bankdaten']}")
    assert "The sender buchhaltung@hotel-seeb1ick.example was not part of this thread before." in page
    so_far = page.split("Senders of the thread so far: ")[1].split("</p>")[0]
    assert "buchhaltung@hotel-seeblick.example" in so_far
    assert "seeb1ick" not in so_far
    known = shop.text(f"/messages/{shop.rows['2026-10-14-seeblick-4']}")
    assert "Please check" not in known


def test_the_thread_is_listed(shop: Shop) -> None:
    rows = shop.rows
    page = shop.text(f"/messages/{rows['2026-10-13-seeblick-2']}")
    listed = [f'href="/messages/{rows[name]}"' for name in ("2026-10-13-seeblick-1", "2026-10-14-seeblick-3")]
    assert all(link in page for link in listed)


def test_a_long_thread_is_listed_in_part(shop: Shop) -> None:
    first = shop.take_in(mail("long-0", date="Sun, 01 Nov 2026 10:00:00 +0000").as_bytes())
    last = first
    for count in range(1, 13):
        date = f"Sun, 01 Nov 2026 10:{count:02}:00 +0000"
        last = shop.take_in(mail(f"long-{count}", to=f"long-{count - 1}@nirgends.example", date=date).as_bytes())
    page = shop.text(f"/messages/{last}")
    assert "4 earlier mails are not listed." in page
    assert f'href="/messages/{first}"' not in page
    assert f'href="/messages/{last - 1}"' in page


def test_quoted_text_can_be_folded(shop: Shop) -> None:
    raw = mail("quote", text="Danke!\n\nAm Montag schrieb Anna:\n> Wo ist AB-1042?\n> Gruß\n").as_bytes()
    page = shop.text(f"/messages/{shop.take_in(raw)}")
    folded = page.split('<details class="quoted">')[1].split("</details>")[0]
    assert "Quoted text (3 lines)" in folded
    assert "<mark" in folded


def test_nobody_but_a_reader(shop: Shop) -> None:
    row = shop.rows["2-rueckfrage"]
    paths = ("", "/html", "/raw", "/trace", "/case", "/why-not", "/what-if", "/anew", "/add", "/remove?record=a:b")
    carl, nobody = shop.served.client("Carl"), shop.served.client()
    for path in paths:
        assert carl.get(f"/messages/{row}{path}").status_code == 403, path
        assert nobody.get(f"/messages/{row}{path}").status_code == 303, path
    for path in ("/add", "/remove", "/anew"):
        assert carl.post(f"/messages/{row}{path}", data={"record": "order:O-77"}).status_code == 403, path
    assert shop.standing(row) == {"order:O-81", "contact:K-5"}


@pytest.mark.parametrize("row", ["0", "999999", "-1", "99999999999999999999999"])
def test_there_is_no_such_message(shop: Shop, row: str) -> None:
    for path in ("", "/html", "/raw", "/trace", "/case", "/why-not", "/what-if", "/anew", "/add"):
        assert shop.client.get(f"/messages/{row}{path}").status_code == 404, path
    for path in ("/add", "/remove", "/anew"):
        assert shop.client.post(f"/messages/{row}{path}", data={"record": "order:O-77"}).status_code == 404, path


# --- opening decides ---------------------------------------------------------------------------------------------


def test_only_opening_decides(shop: Shop) -> None:
    row = shop.take_in(mail("undecided", subject="Zu AB-1042", sender="anna@kunde.example").as_bytes(), decide=False)
    workspace = shop.served.site.workspace
    assert shop.client.head(f"/messages/{row}").status_code == 200
    for headers in ({"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}):
        page = shop.client.get(f"/messages/{row}", headers=headers).text
        assert "Not yet decided" in page
    for path in ("add", "raw", "anew", "html"):
        shop.client.get(f"/messages/{row}/{path}")
    for path in ("case", "why-not?record=order:O-77", "what-if"):
        shop.client.get(f"/messages/{row}/{path}", headers={"sec-purpose": "prefetch"})
    assert workspace.find_message(str(row)).decided is False
    assert "Order O-81</a>" in shop.text(f"/messages/{row}")
    assert workspace.find_message(str(row)).decided is True
    shop.text(f"/messages/{row}")
    assert len(workspace.history(row)) == 1


# --- corrections -------------------------------------------------------------------------------------------------


def test_a_removal_is_inherited_by_a_later_reply(shop: Shop) -> None:
    row = shop.rows["2026-10-14-reklamation"]
    asked = shop.text(f"/messages/{row}/remove?record=order:O-109")
    assert "this also holds for later replies in this thread" in asked
    page = shop.post(f"/messages/{row}/remove", record="order:O-109", derived="1").text
    assert "Bert removed order O-109" in page
    assert shop.standing(row) == set()
    subject = shop.served.site.workspace.find_message(str(row)).message_id
    later = shop.take_in(mail("late", to=subject or "", sender="praxis@dr-stein.example").as_bytes())
    assert shop.standing(later) == set()
    page = shop.text(f"/messages/{later}")
    assert "Bert" in page.split('<details class="rung removed" open>')[1].split("</details>")[0]
    page = shop.post(f"/messages/{row}/add", record="order:O-109").text
    assert shop.standing(row) == {"order:O-109"}
    assert "contact K-26" in page.split("Removed by hand")[1].split("</ul>")[0].replace("Contact", "contact")


def test_it_is_said_where_a_removal_is_not_inherited(shop: Shop) -> None:
    row, first = shop.rows["2026-10-12-delivery-time-answer"], shop.rows["2026-10-12-delivery-time"]
    asked = shop.text(f"/messages/{row}/remove?record=order:O-105")
    assert "Later replies in this thread still take it over from an earlier mail." in asked
    assert f'href="/messages/{first}#linked"' in asked
    assert "this also holds" not in asked


def test_what_was_derived_goes_along_unless_it_is_kept(shop: Shop) -> None:
    row = shop.rows["2026-10-20-gasthof-adler"]
    shop.post(f"/messages/{row}/add", record="order:O-105")
    assert {"order:O-105", "article:A-12"} <= shop.standing(row)
    asked = shop.text(f"/messages/{row}/remove?record=order:O-105")
    assert "Also remove what follows from it:" in asked
    assert 'name="derived" value="1" checked' in asked
    shop.post(f"/messages/{row}/remove", record="order:O-105")
    assert "order:O-105" not in shop.standing(row)
    assert "article:A-12" in shop.standing(row)
    shop.post(f"/messages/{row}/remove", record="article:A-12", derived="1")
    shop.post(f"/messages/{row}/add", record="order:O-105")
    shop.post(f"/messages/{row}/remove", record="order:O-105", derived="1")
    assert shop.standing(row) == {"contact:K-20"}


def test_a_candidate_is_one_click_away(shop: Shop) -> None:
    row = shop.rows["2026-10-22-spedition"]
    page = shop.text(f"/messages/{row}")
    assert "Which one is it?" in page
    offered = page.split("Which one is it?")[1].split("</ul>")[0]
    assert "AB-1076" in offered
    assert 'name="record" value="order:O-122"' in offered
    page = shop.post(f"/messages/{row}/add", record="order:O-122").text
    assert "Which one is it?" not in page
    assert "by hand · Bert," in page
    assert "Since then set by hand: order O-122" in page
    assert "corrected by hand" in page


@pytest.mark.parametrize("asked", ["AB-1042", "anna@kunde.example", "order:O-81", "Kunde"])
def test_a_record_is_searched_by_number_name_or_address(shop: Shop, asked: str) -> None:
    row = shop.rows["2026-10-14-reklamation"]
    page = shop.text(f"/messages/{row}/add?q={asked}")
    assert "O-81" in page if asked != "Kunde" else "K-5" in page


def test_a_note_says_why(shop: Shop) -> None:
    row = shop.rows["2026-10-14-reklamation"]
    page = shop.post(f"/messages/{row}/add", record="order:O-77", note="Kunde <b>nennt</b> sie am Telefon").text
    assert "Kunde &lt;b&gt;nennt&lt;/b&gt; sie am Telefon" in page
    shop.post(f"/messages/{row}/remove", record="order:O-77", derived="1")


def test_what_can_not_be_changed_is_refused(shop: Shop) -> None:
    row = shop.rows["2-rueckfrage"]
    assert shop.client.post(f"/messages/{row}/add", data={"record": "order:O-0"}).status_code == 404
    assert shop.client.post(f"/messages/{row}/add", data={"record": "no record"}).status_code == 400
    assert shop.client.post(f"/messages/{row}/remove", data={"record": "order:O-77"}).status_code == 404
    assert shop.client.get(f"/messages/{row}/remove?record=order:O-77").status_code == 404
    elsewhere = {"origin": "https://evil.example"}
    for path in ("add", "remove", "anew"):
        answer = shop.client.post(f"/messages/{row}/{path}", data={"record": "order:O-81"}, headers=elsewhere)
        assert answer.status_code == 403
    assert shop.standing(row) == {"order:O-81", "contact:K-5"}


# --- questions ---------------------------------------------------------------------------------------------------


def test_why_not_is_answered(shop: Shop) -> None:
    row = shop.rows["2-rueckfrage"]
    page = shop.text(f"/messages/{row}/why-not?record=order:O-77")
    assert "Why not order O-77?" in page
    assert "O-81 is singled out by AB-1042" in page
    assert "What would assign it (each was tried):" in page
    assert "The mail names AB-1039, and the mail does not name AB-1042." in page
    german = shop.text(f"/messages/{row}/why-not?record=order:O-77", "de")
    assert "Die Mail nennt AB-1039, und die Mail nennt AB-1042 nicht." in german


def test_why_not_asks_which_record_is_meant(shop: Shop) -> None:
    row = shop.rows["2-rueckfrage"]
    several = shop.text(f"/messages/{row}/why-not?record=anna@kunde.example")
    assert "Which one is meant?" in several
    assert f'href="/messages/{row}/why-not?record=order%3AO-77"' in several
    assert "No record was found" in shop.text(f"/messages/{row}/why-not?record=xyzzy-0")


def test_what_if(shop: Shop) -> None:
    said = shop.text(f"/messages/{shop.rows['2-rueckfrage']}/what-if")
    assert "Without AB-1042 (subject) it would be contact K-5" in said
    inherited = shop.text(f"/messages/{shop.rows['2026-10-13-seeblick-2']}/what-if")
    assert 'the earlier mail "Liefertermin Bestellung HS-2231"' in inherited


def test_deciding_anew_is_looked_at_first(shop: Shop) -> None:
    row = shop.rows["2026-10-20-maurer"]
    assert "give the same" in shop.text(f"/messages/{row}/anew")
    workspace = shop.served.site.workspace
    workspace.ignore("blacklist", ["maurer.example"])
    try:
        page = shop.text(f"/messages/{row}/anew")
        assert "Fewer records would be linked." in page
        assert "No longer: contact K-18" in page
        assert shop.standing(row) == {"contact:K-18"}
        page = shop.post(f"/messages/{row}/anew").text
        assert "Decided anew." in page
        assert shop.standing(row) == set()
    finally:
        workspace.unignore("blacklist", ["maurer.example"])
    first = workspace.history(row)[0].id
    page = shop.text(f"/messages/{row}?decision={first}")
    assert "This is an earlier decision" in page
    assert "Contact K-18</a>" in page
    assert 'method="post" action="/messages' not in page
    assert f'href="/messages/{row}?decision={first}"' in shop.text(f"/messages/{row}")
    assert shop.client.get(f"/messages/{shop.rows['2-rueckfrage']}?decision={first}").status_code == 404
    shop.post(f"/messages/{row}/anew")
    assert shop.standing(row) == {"contact:K-18"}


# --- the mail ----------------------------------------------------------------------------------------------------


def test_hostile_mail_is_text(shop: Shop) -> None:
    row = shop.take_in(HOSTILE.encode())
    page = shop.client.get(f"/messages/{row}").text
    for markup in ("<script>alert", "<img src=x", "evil.example/pixel", "\u202e", "<base", "http-equiv"):
        assert markup not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "blocked" in page
    assert f'<iframe sandbox class="html" src="/messages/{row}/html"' in shop.client.get(f"/messages/{row}?html=1").text


def test_html_is_served_for_the_frame_alone(shop: Shop) -> None:
    row = shop.take_in(HOSTILE.encode())
    answer = shop.client.get(f"/messages/{row}/html")
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} <= set(policy)
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for markup in ("<script", "evil.example", "<form", "<base", "http-equiv"):
        assert markup not in answer.text
    assert "AB-1042" in answer.text
    other = shop.client.get(f"/messages/{row}")
    assert other.headers["x-frame-options"] == "DENY"
    plain = shop.take_in(mail("plain").as_bytes())
    assert shop.client.get(f"/messages/{plain}/html").status_code == 404


def test_attachments_are_saved_never_shown(shop: Shop) -> None:
    made = mail("attached")
    made.add_attachment(
        b"<script>alert(1)</script>", maintype="text", subtype="html", filename='../Rechnung "März".html'
    )
    row = shop.take_in(made.as_bytes())
    page = shop.text(f"/messages/{row}")
    assert "1 attachment" in page
    path = page.split(f'href="/messages/{row}/files/')[1].split('"')[0]
    answer = shop.client.get(f"/messages/{row}/files/{path}")
    assert answer.content.strip() == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="_Rechnung _M')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shop.client.get(f"/messages/{row}/files/77").status_code == 404


def test_the_mail_as_it_came(shop: Shop) -> None:
    raw = (demo.MAILS / "2-rueckfrage.eml").read_bytes()
    answer = shop.client.get(f"/messages/{shop.rows['2-rueckfrage']}/raw")
    assert answer.content == raw
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_trace_as_json(shop: Shop) -> None:
    answer = shop.client.get(f"/messages/{shop.rows['2-rueckfrage']}/trace")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content)["schema"] == "beleg.trace/1"


def test_a_message_is_saved_as_a_test_case(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    row = shop.rows["2-rueckfrage"]
    masked = shop.client.get(f"/messages/{row}/case")
    assert masked.headers["content-disposition"].startswith(f'attachment; filename="message-{row}.yaml"')
    assert "anna@kunde.example" not in masked.text
    bare = shop.client.get(f"/messages/{row}/case?mask=0")
    assert "anna@kunde.example" in bare.text
    path = tmp_path_factory.mktemp("case") / "case.yaml"
    path.write_bytes(bare.content)
    (scenario,) = load(path, shop.served.site.workspace.installed)
    assert scenario.expect.assigned == {"order:O-81", "contact:K-5"}


def test_a_long_mail_comes_beside_its_test_case(shop: Shop) -> None:
    row = shop.take_in(mail("long", text="Lampe " * 30_000, subject="Lang").as_bytes())
    answer = shop.client.get(f"/messages/{row}/case?mask=0")
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert len(names) == 2
        document = yaml.safe_load(archive.read(f"message-{row}.yaml"))
    assert document["message_file"] in names


def test_looking_asks_the_database_as_often_whatever_the_thread(shop: Shop) -> None:
    workspace = shop.served.site.workspace
    alone = shop.take_in(mail("thread-0", date="Sun, 01 Nov 2026 09:00:00 +0000").as_bytes())
    last = alone
    for count in range(1, 31):
        date = f"Sun, 01 Nov 2026 09:{count:02}:00 +0000"
        sender = f"someone{count}@nirgends.example"
        answer = mail(f"thread-{count}", to="thread-0@nirgends.example", date=date, sender=sender)
        last = shop.take_in(answer.as_bytes())
    with counted(workspace.database) as statements:
        workspace.look(last)
    assert len(statements) <= 10
    assert workspace.look(last).newcomers == ("someone30@nirgends.example",)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.split()[0] in ("SELECT", "WITH"):
            asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
