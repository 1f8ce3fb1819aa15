"""The inbox on the served lamp shop: what a row shows, filters, search, pages, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from beleg import demo
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database
from beleg.store.inbox import FILTERS, Filter
from beleg.workspace import Workspace
from browser import Surfing, browsing
from serving import PASSWORD, Served, serving, site_on
from writing import day, mail


def _served(folder: Path, installed: Installed) -> tuple[Database, Served]:
    database = Database(f"sqlite:///{folder}/beleg.db")
    database.upgrade()
    return database, Served(site_on(database, installed), "")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Served]:
    """The lamp shop; one of its mails was corrected, and one came after the last run."""
    database, served = _served(tmp_path_factory.mktemp("shop"), installed)
    workspace = served.site.workspace
    demo.fill(workspace)
    workspace.remove(_row(workspace, "Kundenkarte und Katalog"), RecordRef("contact", "K-18"), "Bert")
    workspace.import_mail([(mail("<b>Später</b>", id_="later@x", date=day(28)), "")], decide=False)
    with serving(served.site) as found:
        yield found
    database.close()


def _row(workspace: Workspace, subject: str) -> int:
    return next(e.message.row for e in workspace.inbox(limit=200).rows if e.message.subject.startswith(subject))


@pytest.fixture
def empty(tmp_path: Path, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    database, served = _served(tmp_path, installed)
    with serving(served.site) as found:
        yield found
    database.close()


def item(text: str, subject: str) -> str:
    """What the list shows of a mail, as text with its links."""
    found = [each for each in text.split('<li class="mail"') if subject in each]
    assert len(found) == 1, (subject, len(found))
    return " ".join(unescape(re.sub(r"<(?!/?a\b)[^>]*>", "", found[0])).split())


def links(text: str) -> list[str]:
    """The messages that a page lists."""
    return re.findall(r'<h2><a href="/messages/(\d+)">', text)


def turn(client: httpx.Client, text: str, rel: str) -> str | None:
    """The page that the link to the older or newer mails leads to."""
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
    return client.get(unescape(found[1])).text if found else None


# --- what a row shows


def test_a_mail_with_its_records_and_its_reason(shop: Served) -> None:
    shown = item(shop.client("Bert").get("/messages").text, "wo bleibt AB-1066?")
    assert "Familie Sommer familie@sommer.example" in shown
    assert 'href="/records/order/O-99">Order O-99 AB-1066</a>' in shown
    assert 'href="/records/contact/K-9" title="Familie Sommer">Contact K-9 Familie Sommer</a>' in shown
    assert "Because familie@sommer.example (From) has 5 orders and only O-99 carries AB-1066 (subject)." in shown
    assert "✓ assigned" in shown
    assert re.search(r"Nov 6, 2026, \d\d:\d\d", shown)


@pytest.mark.parametrize(
    ("lang", "said", "state"),
    [
        ("en", "Left open: 3 orders (O-77, O-81, O-90).", "partly"),
        ("de", "Offen: 3 Bestellungen (O-77, O-81, O-90).", "teilweise"),
    ],
)
def test_a_mail_in_part_says_what_was_left_open(shop: Served, lang: str, said: str, state: str) -> None:
    shown = item(shop.client("Bert", lang=lang).get("/messages").text, "Rechnung fehlt")
    assert said in shown
    assert state in shown


def test_an_ambiguous_mail_says_what_it_may_be(shop: Served) -> None:
    shown = item(shop.client("Bert").get("/messages?state=ambiguous").text, "Vergleich")
    assert "2 offers carry two numbers of the content" in shown
    assert "Left open: 2 offers (AN-38, AN-39)." in shown


def test_a_mail_without_a_date_says_so(shop: Served) -> None:
    client = shop.client("Bert")
    assert "no date" in item(client.get("/messages").text, "Fax von +49 711 5510")


def test_a_correction_is_told_in_the_place_of_the_decision(shop: Served) -> None:
    shown = item(shop.client("Bert").get("/messages?state=corrected").text, "Kundenkarte und Katalog")
    assert "Removed by hand: contact K-18." in shown
    assert "corrected by hand" in shown
    assert "Because" not in shown


def test_a_mail_that_was_not_decided(shop: Served) -> None:
    text = shop.client("Bert", lang="de").get("/messages?state=undecided").text
    assert len(links(text)) == 1
    assert "&lt;b&gt;Später&lt;/b&gt;" in text
    assert "noch nicht entschieden" in text


def test_a_mail_of_the_edges_of_time_is_shown(empty: Served) -> None:
    edges = ["Mon, 01 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999 23:59:59 -1200"]
    mails = (mail("Rand", id_=f"{n}@x", date=date) for n, date in enumerate(edges))
    empty.site.workspace.import_mail((raw, "") for raw in mails)
    assert empty.client("Bert").get("/messages").text.count(">Rand</a>") == 2


# --- filters and search


def test_every_filter_shows_its_mails_and_how_many(shop: Served) -> None:
    client, counts = shop.client("Bert"), shop.site.workspace.inbox_counts()
    assert counts["partly"] > 1
    for name in FILTERS:
        text = client.get("/messages", params={"state": name}).text
        found = re.search(r'aria-current="page">\s*[\w ]+ <span class="count">([\d,]+)</span>', text)
        assert found is not None, name
        assert int(found[1]) == counts[name]
        assert len(links(text)) == min(50, counts[name])


def test_many_are_counted_no_further_than_to_a_thousand(empty: Served) -> None:
    workspace = empty.site.workspace
    workspace.import_mail(((mail(f"Nr. {n}", id_=f"{n}@x", date=day(1)), "") for n in range(1_001)), decide=False)
    assert '<span class="count">1,000+</span>' in empty.client("Bert").get("/messages").text
    assert '<span class="count">1.000+</span>' in empty.client("Bert", lang="de").get("/messages").text


def test_a_search_stays_within_the_filter(shop: Served) -> None:
    client = shop.client("Bert")
    text = client.get("/messages?state=assigned&q=seeblick").text
    assert len(links(text)) == len(shop.site.workspace.inbox("assigned", "seeblick", limit=200).rows) > 3
    assert 'name="state" value="assigned"' in text
    assert 'href="/messages?state=nothing&amp;q=seeblick"' in text


def test_a_search_without_a_result_offers_what_to_do(shop: Served) -> None:
    text = shop.client("Bert").get("/messages?state=partly&q=xyzzy").text
    assert 'href="/messages?q=xyzzy">Search in all mails' in text
    assert 'href="/messages?state=partly">Without the search' in text


def test_words_of_a_search_are_no_markup(shop: Served) -> None:
    text = shop.client("Bert").get("/messages", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in text


def test_too_many_words_are_told(shop: Served) -> None:
    answer = shop.client("Bert", lang="de").get("/messages", params={"q": " ".join(map(str, range(40)))})
    assert (answer.status_code, "Bitte weniger Wörter auf einmal suchen." in answer.text) == (400, True)


def test_an_empty_inbox_says_how_mail_is_taken_in(empty: Served) -> None:
    text = empty.client("Bert").get("/messages").text
    assert "beleg mail import PATH" in text
    assert 'id="keys"' not in text


@pytest.mark.parametrize(("query", "status"), [("state=red", 400), ("cursor=nonsense&q=lampe", 303), ("q=%00", 200)])
def test_an_address_that_makes_no_sense(shop: Served, query: str, status: int) -> None:
    answer = shop.client("Bert").get(f"/messages?{query}")
    assert answer.status_code == status
    assert answer.headers.get("location", "/messages?q=lampe") == "/messages?q=lampe"


def test_mail_is_for_those_who_may_use_it(shop: Served) -> None:
    assert shop.client("Carl").get("/messages").status_code == 403


# --- pages


@pytest.mark.parametrize("state", FILTERS)
def test_pages_show_every_mail_once_in_both_directions(shop: Served, state: Filter) -> None:
    client = shop.client("Bert")
    first: str | None = client.get("/messages", params={"state": state}).text
    pages = []
    text = first
    while text:
        pages.append(links(text))
        last, text = text, turn(client, text, "next")
    expected = [str(row.message.row) for row in shop.site.workspace.inbox(state, limit=200).rows]
    assert [row for each in pages for row in each] == expected
    back = []
    text = last
    while text:
        back.insert(0, links(text))
        text = turn(client, text, "prev")
    assert back == pages


@pytest.mark.parametrize("q", ["", "hallo"])
def test_pages_of_mails_of_the_same_date_and_of_none(empty: Served, q: str) -> None:
    workspace, client = empty.site.workspace, empty.client("Bert")
    days = [None if n % 3 == 0 else day(1 + n % 2) for n in range(130)]
    mails = (mail(f"Nr. {n}", "hallo", id_=f"{n}@x", date=date) for n, date in enumerate(days))
    workspace.import_mail(((raw, "") for raw in mails), decide=False)
    seen, text = [], client.get("/messages?" + urlencode({"state": "undecided", "q": q})).text
    while text:
        seen += links(text)
        text = turn(client, text, "next") or ""
    assert sorted(map(int, seen)) == sorted(workspace.everything())


# --- in the browser


def test_keys(shop: Served) -> None:
    with browsing() as browser:
        surfing = Surfing(browser, shop.url, "en")
        surfing.sign_in("Bert", PASSWORD)
        page = surfing.page
        focused = "document.activeElement.textContent"
        titles = page.locator("[data-item] h2 a").all_inner_texts()
        for key, index in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            page.keyboard.press(key)
            assert page.evaluate(focused) == titles[index]
        page.keyboard.press("k")
        page.keyboard.press("k")
        assert page.locator("#keys-said").inner_text() == "This is the first one of the page."
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.type("jk?")
        assert page.input_value("#q") == "jk?"
        page.fill("#q", "")
        page.keyboard.press("Escape")
        page.click("#keys-open")
        page.uncheck("#keys-on")
        page.keyboard.press("Escape")
        page.reload()
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.tagName") == "BODY"
        page.click("#keys-open")
        page.check("#keys-on")
        page.keyboard.press("Escape")
        page.reload()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/messages/*")
        assert page.locator("h1").inner_text() == titles[1]
        assert (surfing.outside, surfing.faults) == ([], [])
        surfing.close()


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_pictures(shop: Served, lang: str, size: str) -> None:
    sizes = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
    with browsing() as browser:
        surfing = Surfing(browser, shop.url, lang, sizes[size])
        surfing.sign_in("Bert", PASSWORD)
        surfing.picture(f"inbox-{lang}-{size}")
        assert surfing.page.evaluate("document.documentElement.scrollWidth") <= sizes[size]["width"]
        assert (surfing.outside, surfing.faults) == ([], [])
        surfing.close()
