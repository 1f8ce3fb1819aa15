"""Writing mail in a real browser, sent through a real SMTP server: in both languages, on a phone, by keys, without
scripts. Pictures are kept as build artefacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from argon2.profiles import CHEAPEST
from pydantic import SecretStr

from beleg import demo
from beleg.accounts.outbox import Writer
from beleg.message import content_identity
from beleg.people import People
from beleg.plugins import Installed
from beleg.store import Database
from beleg.store.outgoing import NewFile
from beleg.web import Site
from beleg.workspace import Workspace
from browser import DESKTOP, PHONE, Surfing, browsing
from mailservers.smtp import SmtpServer, smtp_server
from serving import Served, accounts_on, serving

Surf = Callable[..., Surfing]
ERIKA, JONAS = (name for name, _, _ in demo.PEOPLE)
SHOP = "shop@lampenladen.example"
QUESTION = "2-rueckfrage"
WORDS = {
    "en": {"reply": "Reply", "send": "Send", "took": "The mail server took it.", "stored": "To the stored mail",
           "linked": "inherited", "attach": "Attach", "saved": "The draft is saved.", "save": "Save draft"},
    "de": {"reply": "Antworten", "send": "Senden", "took": "Der Mailserver hat sie angenommen.",
           "stored": "Zur gespeicherten Mail", "linked": "übernommen", "attach": "Anhängen",
           "saved": "Der Entwurf ist gespeichert.", "save": "Entwurf speichern"},
}  # fmt: skip


@dataclass
class Shop:
    """The lamp shop of the demo, and the server that it sends by."""

    served: Served
    server: SmtpServer

    def row(self, mail: str) -> int:
        raw = (demo.MAILS / f"{mail}.eml").read_bytes()
        return self.served.site.workspace.find_message(content_identity(raw)).row

    def standing(self, row: int) -> set[str]:
        return set(map(str, self.served.site.workspace.standing(row)))


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def shop(sqlite: Database, installed: Installed) -> Iterator[Shop]:
    workspace = Workspace(sqlite, installed)
    demo.fill(workspace)
    people = People(sqlite, CHEAPEST)
    for name, address, role in demo.PEOPLE:
        people.add(name, demo.PASSWORD, address=address, role=role, by="demo")
    accounts = accounts_on(workspace)
    with smtp_server() as server:
        server.user = SHOP
        accounts.add(
            "in", JONAS, name="Lampenladen", host="127.0.0.1", user=SHOP, password=SecretStr(server.password),
            sends={"port": server.port, "security": "plain", "auth": "login", "active": True},
        )  # fmt: skip
        group = accounts.group("Lampenladen")
        accounts.save_signature(group.signature, "Lampenladen", "Ihr Lampenladen\nTel. 030 1234", JONAS)
        with serving(Site(accounts, people)) as served:
            yield Shop(served, server)


@pytest.fixture
def surf(chrome: Any, shop: Shop) -> Iterator[Surf]:
    """Opens windows; at the end none has asked anybody but us, and no script has failed."""
    windows: list[Surfing] = []

    def open_(name: str = ERIKA, **options: Any) -> Surfing:
        windows.append(Surfing(chrome, shop.served.url, **options))
        windows[-1].sign_in(name, demo.PASSWORD)
        return windows[-1]

    yield open_
    for window in windows:
        window.close()
        assert window.outside == []
        assert window.faults == []


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_reply_is_written_sent_and_inherits_what_is_linked(shop: Shop, surf: Surf, tmp_path: Path, lang: str) -> None:
    words = WORDS[lang]
    row = shop.row(QUESTION)
    window = surf(lang=lang)
    page = window.page
    page.goto(f"/messages/{row}")
    page.get_by_role("heading", level=1).wait_for()
    standing = shop.standing(row)
    assert standing
    window.picture(f"message-answer-{lang}")
    page.keyboard.press("r")
    page.wait_for_url("**/outbox/*/edit")
    assert page.locator("#to").input_value() == "Anna Kunde <anna@kunde.example>"
    text = page.locator("#text")
    assert "-- \nIhr Lampenladen" in text.input_value()
    text.press("Control+Home")
    page.keyboard.type("Guten Tag, die Lampe kommt morgen.")
    file = tmp_path / "Lieferschein.pdf"
    file.write_bytes(b"%PDF-1.7 " + b"x" * 5000)
    page.set_input_files("#files", file)
    page.get_by_role("button", name=words["attach"], exact=True).click()
    page.get_by_role("link", name="Lieferschein.pdf").wait_for()
    assert "Lampe kommt morgen" in text.input_value(), "attaching kept what was typed"
    page.get_by_role("button", name=words["save"], exact=True).click()
    page.get_by_text(words["saved"]).wait_for()
    window.picture(f"writing-{lang}")
    page.get_by_role("button", name=words["send"], exact=True).click()
    page.get_by_text(words["took"]).wait_for()
    window.picture(f"sent-{lang}")
    assert shop.server.stored[-1].recipients == ["anna@kunde.example"]
    assert b"Lieferschein.pdf" in shop.server.stored[-1].raw
    page.get_by_role("link", name=words["stored"]).click()
    page.wait_for_url("**/messages/*")
    assert "Lampe kommt morgen" in page.locator("#mail").inner_text()
    assert words["linked"] in page.locator("#linked").inner_text()
    assert shop.standing(int(page.url.rpartition("/")[2])) == standing
    window.picture(f"sent-message-{lang}")
    page.goto(f"/messages/{row}")
    assert ERIKA in page.locator(".answers").inner_text()


def test_keys_answer_and_can_be_turned_off_on_lists(shop: Shop, surf: Surf) -> None:
    window = surf()
    page = window.page
    row = shop.row(QUESTION)
    for key, kind in (("a", "Re: "), ("f", "Fwd: ")):
        page.goto(f"/messages/{row}")
        page.keyboard.press(key)
        page.wait_for_url("**/outbox/*/edit")
        assert page.locator("#subject").input_value().startswith(kind)
    page.goto(f"/messages/{row}")
    page.locator("#add-q").click()
    page.keyboard.type("raf")
    assert page.locator("#add-q").input_value() == "raf"
    page.evaluate("localStorage.setItem('beleg-keys-off', '1')")
    page.reload()
    page.keyboard.press("r")
    page.wait_for_timeout(150)
    assert page.url.endswith(f"/messages/{row}")


def test_what_is_typed_is_saved_by_itself_and_a_second_window_loses_nothing(shop: Shop, surf: Surf) -> None:
    window = surf()
    page = window.page
    page.get_by_role("button", name="Write", exact=True).click()
    page.wait_for_url("**/outbox/*/edit")
    second = window.context.new_page()
    second.goto(page.url)
    page.fill("#text", "im ersten Fenster")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it is not hidden: nothing is saved by that
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    id_ = int(page.url.split("/")[-2])
    page.wait_for_function("document.querySelector('[name=version]').defaultValue !== undefined")
    assert shop.served.site.outbox.get(id_).draft.text == "im ersten Fenster"
    second.fill("#text", "im zweiten Fenster")
    second.get_by_role("button", name="Save draft", exact=True).click()
    second.get_by_text("changed meanwhile").wait_for()
    assert second.locator("#text").input_value() == "im zweiten Fenster"
    assert "im ersten Fenster" in second.locator("#stored").input_value()
    window.faults.clear()  # that the answer was 409 is written to the console


def test_writing_works_without_scripts(shop: Shop, surf: Surf) -> None:
    window = surf(lang="de", java_script_enabled=False)
    page = window.page
    page.goto(f"/messages/{shop.row(QUESTION)}")
    page.get_by_role("button", name="Allen antworten").click()
    page.fill("#text", "Ohne Skript")
    page.get_by_role("button", name="Senden", exact=True).click()
    page.get_by_text("Der Mailserver hat sie angenommen.").wait_for(timeout=15_000)  # the page comes anew by itself
    assert b"Ohne Skript" in shop.server.stored[-1].raw


SIZES = {"phone": PHONE, "zoomed": {"width": 640, "height": 450}, "": DESKTOP}


@pytest.mark.slow
def test_every_page_of_writing_fits_and_is_accessible(shop: Shop, surf: Surf) -> None:
    """In both languages and three sizes: nothing is wider than the window, and axe finds no fault."""
    from axe_playwright_python.sync_playwright import Axe

    faults: list[str] = []
    places = _places(shop)
    for lang in ("en", "de"):
        window = surf(lang=lang)
        page = window.page
        for kind, place in places.items():
            page.goto(place)
            for name, size in SIZES.items():
                page.set_viewport_size(size)
                wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert wide <= 0, f"{kind} is {wide} pixels wider than the window"
                if name != "zoomed":
                    window.picture("-".join(filter(None, ("outbox", kind, name, lang))))
                if (lang, name) in (("en", "phone"), ("de", "")):
                    faults += [
                        f"{kind}: {fault['id']}: {node['html'][:120]}"
                        for fault in Axe().run(page).response["violations"]
                        for node in fault["nodes"]
                    ]
    assert faults == []


def _places(shop: Shop) -> dict[str, str]:
    """The pages, with mails in each state."""
    outbox, row = shop.served.site.outbox, shop.row(QUESTION)
    user = shop.served.site.people.user(ERIKA)
    by = Writer(user.name, user.id)
    to = "anna@kunde.example, ein-sehr-langer-name-ohne-jedes-leerzeichen-darin@ein-langer-name.example"

    def write(subject: str, **fault: str) -> int:
        file = NewFile("x" * 120 + ".pdf", "a/b", b"x")
        id_ = outbox.save(replace(outbox.forward(row, by), to=to, subject=subject, files=(file,)), by)
        if subject != "draft":
            shop.server.at.update(fault)
            outbox.queue(id_, ERIKA)
            outbox.send_due()
            shop.server.at.clear()
        assert outbox.get(id_).state == subject
        return id_

    return {
        "begin": "/compose", "forward": f"/messages/{row}/forward", "draft": f"/outbox/{write('draft')}/edit",
        "failed": f"/outbox/{write('failed', MAIL='550 5.7.1 ' + 'nein' * 40)}",
        "unclear": f"/outbox/{write('unclear', STORED='drop')}", "sent": f"/outbox/{write('sent')}",
        "list-draft": "/outbox", "list-failed": "/outbox?state=failed", "list-sent": "/outbox?state=sent",
        "list-none": "/outbox?state=deleted", "message": f"/messages/{row}",
    }  # fmt: skip
