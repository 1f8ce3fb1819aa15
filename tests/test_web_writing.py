"""Writing mail over HTTP, as a browser without a face does it: compose, reply, forward, drafts, the outbox; sent by a
real SMTP server (aiosmtpd)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest
from pydantic import SecretStr

from beleg import demo
from beleg.accounts.drafts import MOST_ATTACHED
from beleg.message import content_identity
from beleg.plugins import Installed
from beleg.store import Database
from beleg.store.outgoing import Outgoing
from beleg.web.pages.writing.typed import FIELDS
from mailservers.smtp import SmtpServer, smtp_server
from serving import PASSWORD, Served, serving, site_on

SHOP = "shop@lampenladen.example"
SIGNATURE = "Ihr Lampenladen\nTel. 030 1234"
QUESTION = "2-rueckfrage"


class _Form(HTMLParser):
    """The fields of the editor, as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.area = ""
        self._select = ""
        self._in = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        self._in = self._in or (tag == "form" and "data-write" in given)
        if not self._in:
            return
        if tag == "input" and given.get("type") != "file":
            self.fields[name] = given.get("value") or ""
        elif tag == "textarea":
            self.area, self.fields[name] = name, ""
        elif tag == "select":
            self._select = name
            self.fields[name] = ""
        elif tag == "option" and "selected" in given:
            self.fields[self._select] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._in:
            self.fields[self.area] = self.fields[self.area].removeprefix("\n")
            self.area = ""
        if tag == "form":
            self._in = False

    def handle_data(self, data: str) -> None:
        if self.area and self._in:
            self.fields[self.area] += data


@dataclass
class Shop:
    """A served shop that sends by a real server."""

    served: Served
    server: SmtpServer
    bert: httpx.Client
    rows: dict[str, int]
    group: int
    account: int

    def begin(self, path: str, client: httpx.Client | None = None, **data: str) -> int:
        """Press a button that begins a mail; returns its number."""
        answer = (client or self.bert).post(path, data=data)
        assert answer.status_code == 303, answer.text
        found = re.fullmatch(r"/outbox/(\d+)/edit", answer.headers["location"])
        assert found
        return int(found[1])

    def fields(self, id_: int, client: httpx.Client | None = None) -> dict[str, str]:
        """What stands in the editor."""
        answer = (client or self.bert).get(f"/outbox/{id_}/edit")
        assert answer.status_code == 200, answer.text
        return _Form(answer.text).fields

    def press(
        self, id_: int, do: str, *files: tuple[str, bytes, str], client: httpx.Client | None = None, **changes: str
    ) -> httpx.Response:
        """Type something, choose files, and press a button."""
        client = client or self.bert
        data = {**self.fields(id_, client), **changes, "do": do}
        return client.post(
            f"/outbox/{id_}/edit", data=data, files=[("files", each) for each in files or [("", b"", "")]]
        )

    def mail(self, id_: int) -> Outgoing:
        return self.served.site.outbox.get(id_)

    def settled(self, id_: int) -> Outgoing:
        """The mail when nothing is under way with it any more."""
        for _ in range(400):
            mail = self.mail(id_)
            if mail.state not in ("queued", "sending") or (mail.tries and mail.state == "queued"):
                return mail
            time.sleep(0.02)
        raise AssertionError(mail)

    def linked(self, row: int) -> set[str]:
        """What stands on a mail, once it is decided in the background."""
        workspace = self.served.site.workspace
        for _ in range(100):
            if workspace.mail(row)[0].decided:
                break
            time.sleep(0.02)
        return set(map(str, workspace.standing(row)))

    def page(self, path: str, client: httpx.Client | None = None, lang: str = "en") -> str:
        answer = (client or self.bert).get(path, headers={"accept-language": lang})
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def received(self) -> EmailMessage:
        """The mail that the server took last."""
        return message_from_bytes(self.server.stored[-1].raw, policy=policy.default)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Shop]:
    """The demo's world, with a POP3 account that is off, and what was made with it."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('writing') / 'beleg.db'}")
    database.upgrade()
    site = site_on(database, installed)
    demo.fill(site.workspace)
    rows = {
        path.stem: site.workspace.find_message(content_identity(path.read_bytes())).row
        for path in demo.MAILS.rglob("*.eml")
    }
    with smtp_server(data_size_limit=60_000_000) as server:
        site.accounts.add(
            "in", "Ada", name="Lampenladen", host="127.0.0.1", user=SHOP, password=SecretStr("geheim"), active=False,
        )  # fmt: skip
        sends = site.accounts.account("Lampenladen", "out")
        server.user = SHOP
        site.accounts.change(
            sends.id, "Ada", host="127.0.0.1", port=server.port, security="plain", auth="login", active=True,
            password=SecretStr("geheim"),
        )  # fmt: skip
        group = site.accounts.group("Lampenladen")
        assert group.signature
        site.accounts.save_signature(group.signature, "Lampenladen", SIGNATURE, "Ada")
        with serving(site) as served:
            yield Shop(served, server, served.client("Bert"), rows, group.id, sends.id)
    database.close()


@pytest.fixture(autouse=True)
def well(shop: Shop) -> Iterator[None]:
    """After each test the server is well again, and the account may be used."""
    yield
    shop.server.at.clear()
    shop.server.refused.clear()
    shop.served.site.accounts.change(shop.account, "Ada", active=True)


# --- a mail begins, is written, and goes out


def test_a_new_mail_is_written_and_sent(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    fields = shop.fields(id_)
    assert fields["group"] == str(shop.group)
    assert fields["text"].endswith(f"-- \n{SIGNATURE}")
    answer = shop.press(
        id_, "send", ("Rechnung.pdf", b"%PDF-1.7", "application/pdf"), to="Anna Kunde <anna@kunde.example>",
        bcc="chef@lampenladen.example", subject="Ihre Lampe", text=f"Grüße\n\n-- \n{SIGNATURE}",
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, f"/outbox/{id_}")
    mail = shop.settled(id_)
    assert (mail.state, mail.person) == ("sent", shop.served.site.people.user("Bert").id)
    got = shop.received()
    assert (got["From"], got["To"], got["Subject"]) == (
        "Lampenladen <shop@lampenladen.example>", "Anna Kunde <anna@kunde.example>", "Ihre Lampe"
    )  # fmt: skip
    assert got["Bcc"] is None
    assert sorted(shop.server.stored[-1].recipients) == ["anna@kunde.example", "chef@lampenladen.example"]
    body = got.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == f"Grüße\n\n-- \n{SIGNATURE}\n"
    assert [(each.get_filename(), each.get_content()) for each in got.iter_attachments()] == [
        ("Rechnung.pdf", b"%PDF-1.7")
    ]
    page = shop.page(f"/outbox/{id_}")
    assert "The mail server took it." in page
    assert f'href="/messages/{mail.message}"' in page
    assert "chef@lampenladen.example" in page


def test_a_reply_goes_to_the_sender_quotes_him_and_inherits_what_is_linked(shop: Shop) -> None:
    row = shop.rows[QUESTION]
    workspace = shop.served.site.workspace
    workspace.look(row)
    standing = set(map(str, workspace.standing(row)))
    assert standing
    id_ = shop.begin(f"/messages/{row}/reply")
    fields = shop.fields(id_)
    assert fields["to"] == "Anna Kunde <anna@kunde.example>"
    assert fields["subject"] == "Re: Rückfrage zu AB-1042"
    assert f"-- \n{SIGNATURE}\n\n" in fields["text"]
    assert "\n> " in fields["text"]
    shop.press(id_, "send", text=f"Kommt morgen.\n{fields['text']}", subject="Re: Ihre Frage")
    mail = shop.settled(id_)
    assert mail.state == "sent"
    assert mail.message is not None
    original = workspace.find_message(str(row))
    assert shop.received()["In-Reply-To"] == f"<{original.message_id}>"
    assert shop.linked(mail.message) == standing
    shown = shop.page(f"/messages/{mail.message}")
    assert "Kommt morgen." in shown
    assert f'href="/messages/{mail.message}">Bert replied</a>' in shop.page(f"/messages/{row}")
    assert "Anna Kunde <anna@kunde.example>" in _row_of(shop.page("/messages"), mail.message)
    order = next(each for each in standing if each.startswith("order:")).removeprefix("order:")
    assert "Anna Kunde <anna@kunde.example>" in _row_of(shop.page(f"/records/order/{order}"), mail.message)


def _row_of(page: str, row: int) -> str:
    """A mail's row in a list."""
    return next(each for each in page.split("<li") if f'href="/messages/{row}"' in each)


def test_who_looks_at_a_mail_sees_that_a_colleague_is_writing(shop: Shop) -> None:
    row = shop.rows["2026-10-14-seeblick-4"]
    id_ = shop.begin(f"/messages/{row}/forward")
    assert f'href="/outbox/{id_}/edit">Your draft to pass it on</a>' in shop.page(f"/messages/{row}")
    seen = shop.page(f"/messages/{row}", shop.served.client("Ada"), "de")
    assert "Bert leitet sie gerade weiter" in seen
    assert f"/outbox/{id_}" not in seen


def test_reply_all_and_forward(shop: Shop) -> None:
    raw = EmailMessage()
    raw["From"], raw["To"], raw["Cc"] = "eva@kunde.example", f"{SHOP}, max@kunde.example", "ida@kunde.example"
    raw["Subject"], raw["Message-ID"] = "Drei Leute", "<drei@kunde.example>"
    raw["Date"] = "Sat, 07 Nov 2026 10:00:00 +0000"
    raw.set_content("Wer antwortet?")
    raw.add_attachment(b"GIF89a", "image", "gif", filename="../b\u202eild.gif")
    workspace = shop.served.site.workspace
    workspace.import_mail([(raw.as_bytes(), "")])
    row = workspace.find_message("drei@kunde.example").row
    one = shop.fields(shop.begin(f"/messages/{row}/reply"))
    assert (one["to"], one["cc"]) == ("eva@kunde.example", "")
    every = shop.fields(shop.begin(f"/messages/{row}/reply-all"))
    assert (every["to"], every["cc"]) == ("eva@kunde.example, max@kunde.example", "ida@kunde.example")
    passed = shop.begin(f"/messages/{row}/forward")
    fields = shop.fields(passed)
    assert (fields["to"], fields["subject"]) == ("", "Fwd: Drei Leute")
    assert "Wer antwortet?" in fields["text"]
    assert [each.name for each in shop.mail(passed).files] == ["_bild.gif"]
    whole = shop.begin(f"/messages/{row}/forward", attached="1")
    assert [(each.name, each.type) for each in shop.mail(whole).files] == [("Drei Leute.eml", "message/rfc822")]


def test_looking_at_the_page_that_asks_stores_nothing(shop: Shop) -> None:
    row = shop.rows[QUESTION]
    before = shop.served.site.outbox.counts()
    for path in ("/compose", f"/messages/{row}/reply", f"/messages/{row}/reply-all", f"/messages/{row}/forward"):
        assert f'<form method="post" action="{path}"' in shop.page(path)
    assert shop.served.site.outbox.counts() == before
    assert shop.bert.post("/messages/9999/reply").status_code == 404


def test_a_button_pressed_twice_leads_to_the_same_draft_until_something_is_typed(shop: Shop) -> None:
    row = shop.rows["2026-10-14-seeblick-4"]
    first = shop.begin(f"/messages/{row}/reply")
    assert shop.begin(f"/messages/{row}/reply") == first
    shop.press(first, "save", text="Guten Tag")
    second = shop.begin(f"/messages/{row}/reply")
    assert second != first
    ada = shop.served.client("Ada")
    assert shop.begin(f"/messages/{row}/reply", ada) not in (first, second)


# --- drafts


def test_a_draft_keeps_whatever_is_typed(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    typed = {
        "to": "noch, keine @ Adresse", "cc": '"', "bcc": "<", "subject": "<b>&amp;\u202eabc",
        "text": "\n\n  Leerraum  \n\tשלום\u200f </textarea><script>alert(1)</script>\n\n",
    }  # fmt: skip
    answer = shop.press(id_, "save", **typed)
    assert answer.headers["location"] == f"/outbox/{id_}/edit?done=saved"
    assert {name: shop.fields(id_)[name] for name in typed} == typed
    assert "<script>alert" not in shop.bert.get(f"/outbox/{id_}/edit").text
    shop.press(id_, "save")
    assert {name: shop.fields(id_)[name] for name in typed} == typed


def test_what_can_not_be_sent_is_shown_again_with_the_reason(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    sent = len(shop.server.stored)
    answer = shop.press(id_, "send", to="", text="Ein langer Text")
    assert answer.status_code == 400
    assert "Enter at least one recipient." in unescape(answer.text)
    assert _Form(answer.text).fields["text"] == "Ein langer Text"
    answer = shop.press(id_, "send", to="anna@kunde.example, kein Mensch")
    assert answer.status_code == 400
    assert "'kein Mensch' in To is no e-mail address." in unescape(answer.text)
    shop.served.site.accounts.change(shop.account, "Ada", active=False)
    german = shop.served.client("Bert", lang="de")
    answer = shop.press(id_, "send", to="anna@kunde.example", client=german)
    assert answer.status_code == 400
    assert SHOP in unescape(answer.text)
    assert "sendet" in _faults(answer)[0]
    assert shop.mail(id_).state == "draft"
    assert shop.mail(id_).draft.text == "Ein langer Text"
    assert len(shop.server.stored) == sent


def _faults(answer: httpx.Response) -> list[str]:
    return re.findall(r'<p class="fault"[^>]*>(.*?) <span', unescape(answer.text))


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "subject"])
def test_no_header_is_smuggled_in(shop: Shop, field: str) -> None:
    id_ = shop.begin("/compose")
    evil = "harmlos\r\nBcc: opfer@fremd.example\r\n\r\nx" if field == "subject" else "a@b.example\r\nX-Evil: 1"
    answer = shop.press(id_, "send", **{"to": "anna@kunde.example", "subject": "x", field: evil})
    if answer.status_code == 303:
        assert shop.settled(id_).state == "sent"
        got = shop.received()
        assert (got["Bcc"], got["X-Evil"]) == (None, None)
        assert "opfer@fremd.example" not in shop.server.stored[-1].recipients
        assert field == "subject"
    else:
        assert answer.status_code == 400
        assert "no e-mail address" in unescape(answer.text)


def test_two_windows_lose_neither_text(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    other = {**shop.fields(id_), "text": "aus dem zweiten Fenster", "do": "send", "to": "anna@kunde.example"}
    shop.press(id_, "save", text="aus dem ersten Fenster")
    answer = shop.bert.post(f"/outbox/{id_}/edit", data=other)
    assert answer.status_code == 409
    page = unescape(answer.text)
    assert "changed meanwhile" in page
    fields = _Form(answer.text).fields
    assert fields["text"] == "aus dem zweiten Fenster"
    assert "aus dem ersten Fenster" in page
    assert (shop.mail(id_).state, shop.mail(id_).draft.text) == ("draft", "aus dem ersten Fenster")
    # Both are kept …
    answer = shop.bert.post(f"/outbox/{id_}/edit", data={**fields, "do": "copy"})
    new = int(answer.headers["location"].split("/")[2])
    assert (shop.mail(id_).draft.text, shop.mail(new).draft.text) == (
        "aus dem ersten Fenster", "aus dem zweiten Fenster"
    )  # fmt: skip
    # … or the one is put in the other's place, now that it was seen.
    shop.bert.post(f"/outbox/{id_}/edit", data={**fields, "do": "save"})
    assert shop.mail(id_).draft.text == "aus dem zweiten Fenster"


def test_of_many_windows_that_save_at_the_same_time_one_wins_and_the_others_are_told(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    form = {**shop.fields(id_), "do": "save"}
    with ThreadPoolExecutor(6) as pool:
        cookies = dict(shop.bert.cookies)
        clients = [shop.served.client(cookies=cookies) for _ in range(6)]
        answers = list(
            pool.map(lambda n: clients[n].post(f"/outbox/{id_}/edit", data={**form, "text": f"Fenster {n}"}), range(6))
        )
    winners = [n for n, answer in enumerate(answers) if answer.status_code == 303]
    assert len(winners) == 1
    assert shop.mail(id_).draft.text == f"Fenster {winners[0]}"
    for n, answer in enumerate(answers):
        if n not in winners:
            assert answer.status_code == 409
            assert _Form(answer.text).fields["text"] == f"Fenster {n}"


def test_what_is_too_long_to_be_saved_is_shown_again(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    answer = shop.press(id_, "save", text="x" * 1_000_001)
    assert answer.status_code == 400
    assert "at most 1,000,000 characters. What you typed is not saved yet." in re.sub(r"<[^>]*>", "", answer.text)
    assert len(_Form(answer.text).fields["text"]) == 1_000_001
    answer = shop.press(id_, "save", text="x" * 40_000_000)
    assert answer.status_code == 400
    assert shop.mail(id_).draft.text != ""


def test_the_form_of_a_mail_that_was_sent_meanwhile_is_no_second_mail(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    stale = {**shop.fields(id_), "to": "anna@kunde.example", "text": "und noch etwas", "do": "send"}
    shop.press(id_, "send", to="anna@kunde.example", text="etwas")
    assert shop.settled(id_).state == "sent"
    sent = len(shop.server.stored)
    answer = shop.bert.post(f"/outbox/{id_}/edit", data=stale)
    assert answer.status_code == 409
    assert _Form(answer.text).fields["text"] == "und noch etwas"
    assert len(shop.server.stored) == sent
    answer = shop.bert.post(f"/outbox/{id_}/edit", data={**stale, "do": "copy"})
    assert shop.fields(int(answer.headers["location"].split("/")[2]))["text"] == "und noch etwas"


def test_what_is_typed_outlives_the_session(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    typed = {**shop.fields(id_), "text": "zwei Stunden Arbeit", "do": "save"}
    stranger = shop.served.client()
    answer = stranger.post(f"/outbox/{id_}/edit", data=typed, files=[("files", ("", b""))])
    assert answer.status_code == 401
    assert "You are signed out" in answer.text
    form = _Form(answer.text).fields
    assert form["text"] == "zwei Stunden Arbeit"
    assert SHOP not in answer.text, "nothing is told to who is not signed in"
    assert stranger.post("/sign-in", data={"name": "Bert", "password": PASSWORD}).status_code == 303
    answer = stranger.post(f"/outbox/{id_}/edit", data={**form, "do": "save"})
    assert answer.status_code == 303
    assert shop.mail(id_).draft.text == "zwei Stunden Arbeit"


def test_a_draft_is_its_authors_alone(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    shop.press(id_, "attach", ("geheim.txt", b"geheim", "text/plain"), subject="Vertraulich")
    file = shop.mail(id_).files[0].id
    ada = shop.served.client("Ada")
    missing = ada.get("/outbox/987654").text.replace("987654", str(id_))
    for path in ("", "/edit", f"/files/{file}", "/raw"):
        answer = ada.get(f"/outbox/{id_}{path}")
        assert answer.status_code == 404
        assert answer.text == missing, "as if it were not there"
    fields = {**shop.fields(id_), "subject": "von Ada"}
    for path in ("/edit", "/send-again", "/was-sent", "/back", "/copy", "/discard", "/restore"):
        assert ada.post(f"/outbox/{id_}{path}", data=fields).status_code == 404
    assert shop.mail(id_).draft.subject == "Vertraulich"
    assert "Vertraulich" not in shop.page("/outbox?state=draft", ada)
    assert "Vertraulich" in shop.page("/outbox?state=draft")
    shop.press(id_, "discard")
    assert "Vertraulich" not in shop.page("/outbox?state=deleted", ada)
    assert "Vertraulich" in shop.page("/outbox?state=deleted")
    assert ada.get(f"/outbox/{id_}").status_code == 404
    carl = shop.served.client("Carl")
    for path in ("/outbox", "/compose", f"/outbox/{id_}/edit"):
        assert carl.get(path).status_code == 403
    assert carl.post(f"/outbox/{id_}/edit", data=fields).status_code == 403


def test_discarding_keeps_what_was_typed_and_can_be_undone(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    answer = shop.press(id_, "discard", text="doch wichtig")
    page = shop.page(answer.headers["location"])
    assert "It can be restored." in page
    assert shop.mail(id_).deleted
    assert shop.bert.post(f"/outbox/{id_}/restore").status_code == 303
    assert shop.fields(id_)["text"] == "doch wichtig"


# --- attachments


def test_files_are_attached_listed_and_removed_and_nothing_typed_is_lost_by_it(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    answer = shop.press(
        id_, "attach", ("../../etc/passwd", b"x" * 1500, "text/html"), ("b.txt", b"b", "text/plain; charset=x"),
        text="schon geschrieben",
    )  # fmt: skip
    assert answer.status_code == 303
    page = shop.page(f"/outbox/{id_}/edit")
    assert "1.5 kB" in page
    first, second = shop.mail(id_).files
    assert ("/" in first.name, second.name) == (False, "b.txt")
    got = shop.bert.get(f"/outbox/{id_}/files/{first.id}")
    assert got.content == b"x" * 1500
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in got.headers["content-security-policy"]
    shop.press(id_, f"detach:{first.id}", text="und weiter")
    assert [each.id for each in shop.mail(id_).files] == [second.id]
    assert shop.fields(id_)["text"] == "und weiter"
    assert shop.bert.get(f"/outbox/{id_}/files/{first.id}").status_code == 404
    other = shop.begin("/compose")
    assert shop.bert.get(f"/outbox/{other}/files/{second.id}").status_code == 404


def test_files_that_are_too_large_are_refused_and_the_text_is_kept(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    answer = shop.press(
        id_, "send", ("groß.bin", b"x" * (MOST_ATTACHED + 3_000_000), "a/b"), text="der Text", to="anna@kunde.example"
    )
    assert answer.status_code == 400
    assert "too large together" in _faults(answer)[0]
    assert _Form(answer.text).fields["text"] == "der Text"
    mail = shop.mail(id_)
    assert (mail.state, mail.draft.text, mail.files) == ("draft", "der Text", ())


def test_all_files_together_have_a_limit(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    assert shop.press(id_, "attach", ("1.bin", b"x" * 20_000_000, "a/b")).status_code == 303
    answer = shop.press(id_, "attach", ("2.bin", b"x" * 20_000_000, "a/b"), text="bleibt")
    assert answer.status_code == 400
    assert "2.bin" in _faults(answer)[0]
    assert [each.name for each in shop.mail(id_).files] == ["1.bin"]
    assert shop.mail(id_).draft.text == "bleibt"


def test_only_who_is_signed_in_may_send_much(shop: Shop) -> None:
    answer = shop.served.client().post(
        "/outbox/1/edit", data=dict.fromkeys(FIELDS, "x"), files=[("files", ("a", b"x" * 3_000_000))]
    )  # fmt: skip
    assert answer.status_code == 401
    answer = shop.bert.post("/outbox/1/discard", files=[("files", ("a", b"x" * 3_000_000))])
    assert answer.status_code == 413


# --- signatures


def test_the_signature_follows_the_sender_and_can_be_chosen(shop: Shop) -> None:
    accounts = shop.served.site.accounts
    accounts.add("in", "Ada", name="Zweitladen", host="127.0.0.1", user="zwei@lampenladen.example", active=False)
    second = accounts.group("Zweitladen")
    assert second.signature
    accounts.save_signature(second.signature, "Zweitladen", "Der Zweitladen", "Ada")
    short = accounts.save_signature(None, "Kurz", "Kurz", "Ada")
    try:
        id_ = shop.begin("/compose", group=str(shop.group))
        fields = shop.fields(id_)
        assert fields["signature"] == str(accounts.group("Lampenladen").signature)
        shop.press(id_, "save", group=str(second.id), text=f"Hallo{fields['text']}")
        fields = shop.fields(id_)
        assert fields["text"] == "Hallo\n\n-- \nDer Zweitladen"
        assert (fields["group"], fields["signature"]) == (str(second.id), str(second.signature))
        shop.press(id_, "signature", signature=str(short.id))
        assert shop.fields(id_)["text"] == "Hallo\n\n-- \nKurz"
        shop.press(id_, "signature", signature="")
        assert shop.fields(id_)["text"] == "Hallo"
        answer = shop.press(id_, "send", to="anna@kunde.example")
        assert answer.status_code == 400
        assert "zwei@lampenladen.example" in _faults(answer)[0]
    finally:
        accounts.remove([accounts.account("Zweitladen").id], "Ada")
        shop.press(id_, "save", group=str(shop.group))
    assert shop.fields(shop.begin("/compose"))["group"] == str(shop.group), "the one that was used last"


# --- the outbox


def test_what_fails_tells_the_servers_words_and_is_sent_again_by_whoever_sees_it(shop: Shop) -> None:
    shop.server.refused["anna@kunde.example"] = "550 5.1.1 no such user here"
    id_ = shop.begin("/compose")
    shop.press(id_, "send", to="anna@kunde.example", subject="Geht nicht")
    assert shop.settled(id_).state == "failed"
    assert "no such user here" in shop.page("/outbox?state=failed")
    ada = shop.served.client("Ada")
    page = shop.page(f"/outbox/{id_}", ada)
    for words in ("It was not sent", "no such user here", "Written by", "Bert", "Send again", "Use as a new draft"):
        assert words in page
    assert "Change it" not in page
    german = shop.page(f"/outbox/{id_}", lang="de")
    for words in ("fehlgeschlagen", "Erneut senden", "Ändern", "Geschrieben von"):
        assert words in german
    shop.server.refused.clear()
    assert ada.post(f"/outbox/{id_}/send-again").status_code == 303
    assert shop.settled(id_).state == "sent"


def test_the_author_takes_a_failed_mail_back_and_others_copy_it(shop: Shop) -> None:
    shop.server.refused["falsch@kunde.example"] = "550 no"
    id_ = shop.begin("/compose")
    shop.press(id_, "send", ("a.txt", b"a", "text/plain"), to="falsch@kunde.example", text="Text")
    assert shop.settled(id_).state == "failed"
    ada = shop.served.client("Ada")
    assert ada.post(f"/outbox/{id_}/back").status_code == 404
    copied = int(ada.post(f"/outbox/{id_}/copy").headers["location"].split("/")[2])
    assert shop.fields(copied, ada)["text"] == "Text"
    assert [each.name for each in shop.mail(copied).files] == ["a.txt"]
    assert shop.bert.get(f"/outbox/{copied}").status_code == 404
    answer = shop.bert.post(f"/outbox/{id_}/back")
    assert "taken back" in shop.page(answer.headers["location"])
    shop.press(id_, "send", to="anna@kunde.example")
    assert shop.settled(id_).state == "sent"


@pytest.mark.parametrize("said", ["was-sent", "send-again"])
def test_what_is_unclear_waits_for_a_person(shop: Shop, said: str) -> None:
    shop.server.at["STORED"] = "drop"
    id_ = shop.begin("/compose")
    shop.press(id_, "send", to="anna@kunde.example", subject="Vielleicht")
    assert shop.settled(id_).state == "unclear"
    taken = len(shop.server.stored)
    assert "Vielleicht" in shop.page("/outbox?state=unclear")
    page = shop.page(f"/outbox/{id_}")
    for words in ("The mail may have arrived.", "It was sent", "Send again, although it may have arrived"):
        assert words in page
    shop.server.at.clear()
    shop.served.site.outbox.send_due()
    assert len(shop.server.stored) == taken, "never by itself"
    assert shop.bert.post(f"/outbox/{id_}/{said}").status_code == 303
    mail = shop.settled(id_)
    assert mail.state == "sent"
    assert mail.message
    assert len(shop.server.stored) == taken + (said == "send-again")


def test_what_waits_says_so_and_looks_again_by_itself(shop: Shop) -> None:
    shop.server.at["MAIL"] = "451 4.3.0 later"
    id_ = shop.begin("/compose")
    shop.press(id_, "send", to="anna@kunde.example", subject="Später")
    assert shop.settled(id_).state == "queued"
    page = shop.page(f"/outbox/{id_}")
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "It was tried 1 time" in page
    assert "4.3.0 later" in page
    assert "Später" in shop.page("/outbox?state=queued")
    assert shop.bert.post(f"/outbox/{id_}/discard").status_code == 303
    assert shop.mail(id_).deleted
    shop.server.at.clear()
    taken = len(shop.server.stored)
    shop.served.site.outbox.send_due()
    assert len(shop.server.stored) == taken


def test_what_a_state_does_not_allow_is_told(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    shop.press(id_, "send", to="anna@kunde.example")
    assert shop.settled(id_).state == "sent"
    for path in ("send-again", "was-sent", "back", "discard"):
        answer = shop.bert.post(f"/outbox/{id_}/{path}")
        assert answer.status_code == 400, path
        assert 'role="alert"' in answer.text


def test_the_filters_of_a_group(shop: Shop) -> None:
    site = shop.served.site
    filters = {each.role: each for each, _ in site.accounts.filters() if each.group and each.group.id == shop.group}
    id_ = shop.begin("/compose")
    shop.press(id_, "save", subject="Im Filter der Entwürfe")
    drafts = shop.page(f"/outbox?filter={filters['drafts'].id}", lang="de")
    assert "<h1>Entwürfe" in drafts
    assert "Im Filter der Entwürfe" in drafts
    shop.server.refused["anna@kunde.example"] = "550 no"
    shop.press(id_, "send", to="anna@kunde.example")
    assert shop.settled(id_).state == "failed"
    assert "Im Filter der Entwürfe" in shop.page(f"/outbox?filter={filters['failed'].id}")
    assert "Im Filter der Entwürfe" not in shop.page(f"/outbox?filter={filters['drafts'].id}")
    assert shop.bert.get(f"/outbox?filter={filters['open'].id}").status_code == 404
    assert shop.bert.get("/outbox?filter=99999").status_code == 404
    assert shop.bert.get("/outbox?state=sent&cursor=x").status_code == 303


# --- attacks


def test_another_site_can_not_make_or_send_a_mail(shop: Shop) -> None:
    id_ = shop.begin("/compose")
    for path in ("/compose", f"/messages/{shop.rows[QUESTION]}/reply", f"/outbox/{id_}/edit", f"/outbox/{id_}/copy"):
        answer = shop.bert.post(path, headers={"origin": "https://evil.example"}, data={"do": "send"})
        assert answer.status_code == 403


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\nnonsense\r\n\r\n"])
def test_a_broken_form_is_no_fault_of_ours(shop: Shop, body: bytes) -> None:
    id_ = shop.begin("/compose")
    answer = shop.bert.post(
        f"/outbox/{id_}/edit", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code in (303, 400, 409)
    assert shop.bert.get(f"/outbox/{10**30}").status_code == 404
