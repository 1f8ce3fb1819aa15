"""The settings of mail in a real browser: the whole walk for one account against a real Dovecot, in both languages; the
lists by mouse, keyboard and without scripts; on a phone and at 200 %."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2.profiles import CHEAPEST

from beleg import demo
from beleg.accounts import AccountSettings
from beleg.accounts.fetching import Fetcher
from beleg.mailserver import MailServerError, Sentence
from beleg.people import People
from beleg.plugins import Installed
from beleg.store import Database
from beleg.web import Site
from beleg.workspace import Workspace
from browser import DESKTOP, PHONE, Surfing, browsing
from mailservers.dovecot import PASSWORD, Dovecot
from mailservers.smtp import SmtpServer, smtp_server
from serving import Served, accounts_on, serving

Surf = Callable[..., Surfing]
ADMIN = next(name for name, _, role in demo.PEOPLE if role == "admin")
ACCOUNTS = "/settings/mail/accounts"
ZOOMED = {"width": 640, "height": 450}
QUESTION = (
    b"From: anna@kunde.example\r\nTo: info@lampenladen.example\r\nSubject: Nachfrage\r\n"
    b"Date: Tue, 10 Nov 2026 10:00:00 +0100\r\nMessage-ID: <nachfrage@kunde.example>\r\n\r\n"
    b"Wann kommt AB-1042?\r\n"
)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def authorities() -> str:
    """Which certificates are trusted besides the system's."""
    return ""


@pytest.fixture
def shop(sqlite: Database, installed: Installed, authorities: str) -> Iterator[Served]:
    """The lamp shop of the demo, served; without accounts."""
    workspace = Workspace(sqlite, installed)
    demo.fill(workspace)
    people = People(sqlite, CHEAPEST)
    for name, address, role in demo.PEOPLE:
        people.add(name, demo.PASSWORD, address=address, role=role, by="demo")
    accounts = accounts_on(workspace, AccountSettings(authorities=authorities))
    with serving(Site(accounts, people)) as served:
        yield served


@pytest.fixture
def surf(chrome: Any, shop: Served) -> Iterator[Surf]:
    """Opens windows; at the end none has asked anybody but us, and no script has failed."""
    windows: list[Surfing] = []

    def open_(**options: Any) -> Surfing:
        windows.append(Surfing(chrome, shop.url, **options))
        windows[-1].sign_in(ADMIN, demo.PASSWORD)
        return windows[-1]

    yield open_
    for window in windows:
        window.close()
        assert window.outside == []
        assert window.faults == []


def faults_of(page: Any) -> list[str]:
    """What axe finds on the page as it is."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{page.url}: {fault['id']}: {node['html'][:150]}" for fault in found for node in fault["nodes"]]


def filled(shop: Served, *names: str) -> list[int]:
    """Accounts of these names; their numbers."""
    accounts = shop.site.accounts
    values: Any = {"host": "pop.lampenladen.example", "auth": "login"}
    made = [accounts.add("in", "test", name=n, user=f"{n.lower()}@lampenladen.example", **values) for n in names]
    return [each.id for each in made]


WORDS = {
    "en": {
        "settings": "Settings", "missing": "still missing", "add": "Add a POP3 account", "check": "Check settings",
        "right": "The settings are right", "save": "Save", "wrong": "do not work yet", "hint": "sender address",
        "changed": "The group was changed", "smtp": "The SMTP account of this name", "linked": "Linked",
        "reply": "Reply", "send": "Send", "text": "It is on its way.", "taken": "The mail server took it.",
        "undo": "Undo: keep Shop", "delete": "Save: delete them", "together": "Edit together …", "all": "active",
        "remove": "Remove",
    },
    "de": {
        "settings": "Einstellungen", "missing": "fehlt noch", "add": "POP3-Konto hinzufügen",
        "check": "Einstellungen prüfen", "right": "Die Einstellungen stimmen", "save": "Speichern",
        "wrong": "funktionieren die Einstellungen noch nicht", "hint": "Absenderadresse",
        "changed": "Die Gruppe wurde geändert", "smtp": "Das SMTP-Konto dieses Namens", "linked": "Zugeordnet",
        "reply": "Antworten", "send": "Senden", "text": "Sie ist unterwegs.",
        "taken": "Der Mailserver hat sie angenommen",
        "undo": "Rückgängig: Shop behalten", "delete": "Speichern: Konten löschen",
        "together": "Gemeinsam bearbeiten …", "all": "aktiv", "remove": "Entfernen",
    },
}  # fmt: skip


class TestAgainstDovecot:
    """With a mailbox on a real server."""

    @pytest.fixture
    def authorities(self, dovecot: Dovecot) -> str:
        return dovecot.certificate.pem

    @pytest.mark.parametrize("lang", ["en", "de"])
    def test_the_walk_of_an_administrator(self, shop: Served, surf: Surf, dovecot: Dovecot, lang: str) -> None:
        """Enter an account, check it, switch it on, save; the group's address; mail arrives, and is assigned; a reply
        is sent, and inherits."""
        with smtp_server(tls=dovecot.certificate) as sending:
            self.walk(shop, surf(lang=lang), dovecot, sending, lang)

    @staticmethod
    def walk(shop: Served, window: Surfing, dovecot: Dovecot, sending: SmtpServer, lang: str) -> None:
        """Against a mailbox of its own."""
        words = WORDS[lang]
        mailbox = dovecot.new_user()
        sending.user, sending.password = mailbox, PASSWORD
        page = window.page
        page.get_by_role("navigation").get_by_role("link", name=words["settings"], exact=True).click()
        assert page.get_by_text(words["missing"]).count() == 2
        window.picture(f"settings-{lang}")
        page.get_by_role("link", name=words["add"]).click()
        page.fill("#name", "Shop")
        page.fill("#host", "127.0.0.1")
        page.fill("#port", str(dovecot.pop3s))
        page.fill("#user", mailbox)
        page.fill("#password", "falsch")
        page.get_by_role("button", name=words["check"]).click()
        page.get_by_text(words["wrong"]).wait_for()
        window.picture(f"account-check-failed-{lang}")
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name=words["check"]).click()
        page.get_by_text(words["right"]).wait_for()
        assert page.locator("#check li").count() == 4, "reachable, encryption, signed in, counted"
        assert (page.input_value("#name"), page.input_value("#password")) == ("Shop", PASSWORD), "nothing is lost"
        assert shop.site.accounts.accounts() == [], "nothing is stored"
        page.check("#active")
        page.get_by_text(words["smtp"]).click()
        page.fill("#sends_port", str(sending.port))
        window.picture(f"account-new-{lang}")
        faults = faults_of(page)

        page.get_by_role("button", name=words["save"], exact=True).click()
        hint = page.get_by_role("status").get_by_role("link", name=re.compile(words["hint"]))
        hint.wait_for()
        window.picture(f"accounts-{lang}")
        faults += faults_of(page)
        assert [(each.direction, each.active) for each in shop.site.accounts.accounts()] == [
            ("in", True),
            ("out", True),
        ]
        hint.click()
        page.get_by_role("textbox").fill("info@lampenladen.example")
        page.get_by_role("button", name=re.compile("Shop")).click()
        page.get_by_text(words["changed"]).wait_for()
        window.picture(f"groups-{lang}")
        faults += faults_of(page)
        assert shop.site.accounts.group("Shop").address == "info@lampenladen.example"
        page.goto(f"{ACCOUNTS}/{shop.site.accounts.account('Shop', 'out').id}")
        page.fill("#senders", "info@lampenladen.example")
        page.get_by_role("button", name=words["check"]).click()
        page.get_by_text(words["right"]).wait_for()
        window.picture(f"account-smtp-{lang}")
        faults += faults_of(page)
        page.get_by_role("button", name=words["save"], exact=True).click()
        page.get_by_role("status").wait_for()

        dovecot.deliver(mailbox, QUESTION)
        account = shop.site.accounts.account("Shop")
        report = Fetcher(shop.site.accounts).fetch(account.id)
        assert (report.error, report.new, report.decided) == (None, 1, 1)
        assert dovecot.mails(mailbox) == [QUESTION], "it stays on the server"
        page.goto("/messages")
        page.get_by_role("link", name="Nachfrage", exact=True).click()
        linked = page.locator("#linked")
        assert linked.get_by_role("heading", name=words["linked"]).is_visible()
        assert "AB-1042" in linked.locator("mark").all_inner_texts()
        window.picture(f"fetched-{lang}")
        asked = shop.site.workspace.find_message("nachfrage@kunde.example")

        page.get_by_role("button", name=words["reply"], exact=True).click()
        page.locator("#text").press_sequentially(words["text"])
        page.get_by_role("button", name=words["send"], exact=True).click()
        page.wait_for_url(re.compile(r"/outbox/\d+$"))
        answer = page.locator("main a.button[href^='/messages/']")
        for _ in range(100):
            if sending.stored and page.get_by_text(words["taken"]).count():
                break
            page.wait_for_timeout(100)
            page.reload()
        window.picture(f"replied-{lang}")
        [sent] = sending.stored
        assert (sent.sender, sent.recipients) == ("info@lampenladen.example", ["anna@kunde.example"])
        assert b"In-Reply-To: <nachfrage@kunde.example>" in sent.raw
        answer.click()
        page.wait_for_url("**/messages/*")
        row = int(page.url.rpartition("/")[2].partition("?")[0])
        assert row != asked.row
        standing = shop.site.workspace.standing
        assert {str(each) for each in standing(row)} == {str(each) for each in standing(asked.row)} != set()
        window.picture(f"reply-inherits-{lang}")
        page.goto(ACCOUNTS)
        window.picture(f"accounts-after-fetching-{lang}")
        assert faults == []


@pytest.mark.parametrize("lang", ["en", pytest.param("de", marks=pytest.mark.slow)])
def test_removing_is_staged_and_done_by_saving(shop: Served, surf: Surf, lang: str) -> None:
    words = WORDS[lang]
    filled(shop, "Shop", "Vertrieb")
    window = surf(lang=lang)
    page = window.page
    page.goto(ACCOUNTS)
    page.locator("#pop3").get_by_role("button", name=re.compile(rf"{words['remove']}.*Shop|Shop.*entfernen")).click()
    page.get_by_role("link", name=words["undo"]).wait_for()
    assert page.get_by_role("link", name="Shop", exact=True).count() == 0, "neither the one that fetches nor its twin"
    window.picture(f"accounts-removing-{lang}")
    faults = faults_of(page)
    page.get_by_role("link", name=words["undo"]).click()
    assert page.get_by_role("link", name="Shop", exact=True).count() == 2
    page.go_back()
    page.get_by_role("button", name=words["delete"]).click()
    page.get_by_role("status").wait_for()
    assert {each.name for each in shop.site.accounts.accounts()} == {"Vertrieb"}
    assert faults == []


def test_the_context_menu_by_mouse_and_by_keyboard(shop: Served, surf: Surf) -> None:
    [first, _] = filled(shop, "Shop", "Vertrieb")
    window = surf()
    page = window.page
    page.goto(ACCOUNTS)
    row = page.locator("#pop3").get_by_role("row", name=re.compile("Shop"))
    row.get_by_text("pop.lampenladen.example").click(button="right")
    menu = page.get_by_role("menu", name="Shop")
    assert menu.get_by_role("menuitem").all_inner_texts() == ["Edit", "Activate", "Remove"]
    window.picture("accounts-menu")
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    assert menu.count() == 0
    row.get_by_role("link", name="Shop", exact=True).focus()
    page.keyboard.press("Shift+F10")
    menu.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("Activated.").wait_for()
    assert shop.site.accounts.account(first).active
    row.get_by_role("link", name="Shop", exact=True).focus()
    page.keyboard.press("ContextMenu")
    menu.wait_for()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent") == "Remove"
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Undo: keep Shop").wait_for()
    assert len(shop.site.accounts.accounts()) == 4, "nothing is deleted before it is saved"


def test_several_accounts_are_edited_together(shop: Served, surf: Surf) -> None:
    filled(shop, "Shop", "Vertrieb", "Lager")
    window = surf()
    page = window.page
    page.goto(ACCOUNTS)
    for name in ("Shop", "Lager"):
        page.locator("#pop3").get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.locator("#pop3").get_by_role("button", name=WORDS["en"]["together"]).click()
    page.get_by_role("heading", name="Edit 2 accounts together").wait_for()
    page.get_by_role("radio", name="Delete after some days").check()
    page.fill("#days", "14")
    assert page.get_by_role("checkbox", name="Change: After fetching, on the server").is_checked()
    window.picture("accounts-together")
    assert faults_of(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The changes are saved.").wait_for()
    found = {each.name: (each.after, each.days, each.host) for each in shop.site.accounts.accounts("in")}
    host = "pop.lampenladen.example"
    assert found == {"Lager": ("later", 14, host), "Shop": ("later", 14, host), "Vertrieb": ("keep", 0, host)}


def test_presets_fill_what_is_known_and_leave_what_was_typed(shop: Served, surf: Surf) -> None:
    window = surf(lang="de")
    page = window.page
    page.goto(f"{ACCOUNTS}/new/in")
    page.fill("#name", "Gmail")
    page.fill("#user", "lampenladen@gmail.example")
    assert page.locator("#provider").is_hidden()
    page.get_by_role("link", name="Gmail", exact=True).click()
    page.get_by_text("„Weniger sichere Apps“ gibt es nicht mehr").wait_for()
    assert (page.input_value("#name"), page.input_value("#host")) == ("Gmail", "pop.gmail.com")
    assert page.locator("#provider").is_visible()
    assert page.locator("#password").is_hidden()
    page.select_option("#auth", "login")  # with an app password
    assert page.locator("#password").is_visible()
    window.picture("account-gmail")
    assert faults_of(page) == []


def test_a_user_name_that_is_no_address_asks_for_the_groups(shop: Served, surf: Surf) -> None:
    page = surf().page
    page.goto(f"{ACCOUNTS}/new/in")
    page.fill("#user", "shop@lampenladen.example")
    assert page.locator("#address").is_hidden()
    page.fill("#user", "shop")
    page.fill("#name", "Shop")
    page.fill("#host", "pop.lampenladen.example")
    page.get_by_role("button", name="Save", exact=True).click()
    assert page.evaluate("document.activeElement.id") == "address", "it is asked for before anything is sent"
    page.fill("#address", "shop@lampenladen.example")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").wait_for()
    assert shop.site.accounts.group("Shop").address == "shop@lampenladen.example"


def test_all_can_be_done_without_scripts(shop: Served, surf: Surf) -> None:
    window = surf(java_script_enabled=False)
    page = window.page
    page.goto(f"{ACCOUNTS}/new/in?preset=microsoft")
    assert page.input_value("#host") == "outlook.office365.com"
    page.goto(f"{ACCOUNTS}/new/in")
    page.fill("#name", "Shop")
    page.fill("#host", "127.0.0.1")
    page.fill("#port", "9")
    page.fill("#user", "shop@lampenladen.example")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name=WORDS["en"]["check"]).click()
    page.get_by_text(WORDS["en"]["wrong"]).wait_for()
    assert page.input_value("#password") == "", "it is never sent back"
    page.get_by_role("button", name=WORDS["en"]["save"], exact=True).click()
    accounts = shop.site.accounts
    assert accounts.endpoint(accounts.account("Shop")).secret.get_secret_value() == PASSWORD
    page.locator("#pop3").get_by_role("button", name="Remove Shop").click()
    page.get_by_role("button", name=WORDS["en"]["delete"]).click()
    assert accounts.accounts() == []


@pytest.mark.slow
@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (ZOOMED, "zoomed"), (DESKTOP, "")])
@pytest.mark.parametrize("lang", ["en", "de"])
def test_every_page_fits_and_is_accessible(
    shop: Served, surf: Surf, lang: str, size: dict[str, int], name: str
) -> None:
    """At 200 % a desktop window has half its width; nothing is wider than the window, and axe finds no fault."""
    first, second = filled(shop, "Shop", "Vertrieb")
    accounts = shop.site.accounts
    accounts.change(first, "test", active=True)
    sentence = Sentence("The password was refused.", "Das Passwort wurde abgelehnt.")
    accounts.settled(first, MailServerError("sign_in", sentence, "-ERR [AUTH] failed"), halted=True)
    accounts.settled(second, None, due=1_800_000_000)
    accounts.change(second, "test", auth="oauth2", provider="microsoft")
    places = (
        "/settings/mail", "/settings/mail/servers/greyhound", ACCOUNTS, f"{ACCOUNTS}?removed={second}",
        f"{ACCOUNTS}/new/in", f"{ACCOUNTS}/new/out", f"{ACCOUNTS}/{first}", f"{ACCOUNTS}/{second}",
        f"{ACCOUNTS}/several?account={first}&account={second}", "/settings/mail/groups", "/settings/mail/signatures",
        "/settings/mail/arrival",
    )  # fmt: skip
    window = surf(lang=lang, size=size)
    faults: list[str] = []
    for number, place in enumerate(places):
        window.page.goto(place)
        wide = window.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{place} is {wide} pixels wider than the window"
        kind = re.sub(r"[^a-z]+", "-", place.partition("?")[0].removeprefix("/settings/")).strip("-")
        window.picture("-".join(filter(None, ("settings", str(number), kind, name, lang))))
        if name != "zoomed":
            faults += faults_of(window.page)
    assert faults == []
