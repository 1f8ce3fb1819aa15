"""Records on the served lamp shop: searching them, and what was written about one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database
from browser import DESKTOP, PHONE, Surfing, browsing
from serving import PASSWORD, Served, serving, serving_the_demo, site_on
from worlds import contact, order
from writing import day, mail


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Served]:
    """The lamp shop."""
    with serving_the_demo(tmp_path_factory.mktemp("shop"), installed) as found:
        yield found


@pytest.fixture
def small(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A customer with many orders, whose mails fill two pages; the ERP dropped one order since."""
    site = site_on(sqlite, installed)
    orders = [order(f"O-{n:03}", customer="K-5", number=f"AB-{n:04}") for n in range(120)]
    workspace = site.workspace
    workspace.import_records([contact("K-5", "anna@kunde.example"), *orders])
    mails = (mail(f"Zu AB-{n % 2:04}, Nr. {n}", id_=f"{n}@x", date=day(1 + n % 9)) for n in range(60))
    workspace.import_mail((raw, "") for raw in mails)
    workspace.import_records([contact("K-5", "anna@kunde.example"), *orders[1:]], prune=True)
    with serving(site) as found:
        yield found


def letters(text: str) -> list[str]:
    """The messages that a record's page lists."""
    return re.findall(r'<h3><a href="/messages/(\d+)">', text)


# --- search


@pytest.mark.parametrize("q", ["AB-1042", "order:O-81", "ab 1042", "AB-104"])
def test_a_record_is_found(shop: Served, q: str) -> None:
    text = shop.client("Bert", lang="de").get("/records", params={"q": q}).text
    assert '<a href="/records/order/O-81">Bestellung O-81</a>' in text
    assert "<td>AB-1042</td>" in text


def test_records_are_found_by_address_and_name(shop: Served) -> None:
    client = shop.client("Bert")
    for q in ("familie@sommer.example", "sommer fam"):
        row = re.search(
            r'<a href="/records/contact/K-9">Contact K-9</a>.*?</tr>',
            client.get("/records", params={"q": q}).text,
            re.S,
        )
        assert row is not None, q
        assert "Familie Sommer" in row[0]
        assert '<td class="number" data-label="Mails">5</td>' in row[0]


def test_more_than_are_shown_are_told(small: Served) -> None:
    text = small.client("Bert").get("/records?q=AB-").text
    assert text.count('<th scope="row">') == 50
    assert "These are the first 50." in text


def test_nothing_asked_and_nothing_found(shop: Served) -> None:
    client = shop.client("Bert")
    assert "orders" in client.get("/records").text
    text = client.get("/records", params={"q": "<i>nirgends</i>"}).text
    assert "No record is found for “&lt;i&gt;nirgends&lt;/i&gt;”" in text


# --- a record


def test_an_order_leads_to_its_customer_in_one_click(shop: Served) -> None:
    text = shop.client("Bert").get("/records/order/O-81").text
    head = text[text.index('<header class="record-head">') : text.index('<div class="columns">')]
    assert 'href="/records/contact/K-5"' in head
    assert "302-1234567-1234567" in text
    assert 'href="/records/article/A-1"' in text


def test_what_was_written_stands_in_order_with_direction_and_reason(shop: Served) -> None:
    client = shop.client("Bert")
    text = client.get("/records/article/A-3").text
    found = shop.site.workspace.communication(RecordRef("article", "A-3")).rows
    assert letters(text) == [str(each.message.row) for each in found]
    assert letters(client.get("/records/article/A-3?order=newest").text) == letters(text)[::-1]
    assert [" ".join(each.split()) for each in re.findall(r"</span> (received|sent)</span>", text)] == [
        "sent" if each.direction == "out" else "received" for each in found
    ]
    assert {each.direction for each in found} == {"in", "out"}
    assert (
        "Weil dieser Eintrag als Artikel zu Bestellung O-95 gehört" in client.get("/records/article/A-3?lang=de").text
    )


def test_a_customers_links_and_mails_page_by_page(small: Served) -> None:
    client = small.client("Bert")
    text = client.get("/records/contact/K-5").text
    assert '<span class="count">60</span>' in text
    assert "There are more" in text
    assert "94 more" in text
    seen = letters(text)
    further = re.search(r'rel="next" href="([^"]+)"', text)
    assert further is not None
    last = client.get(unescape(further[1])).text
    seen += letters(last)
    assert len(seen) == len(set(seen)) == 60
    assert 'rel="prev"' in last


def test_a_record_that_the_erp_dropped(small: Served) -> None:
    text = small.client("Bert").get("/records/order/O-000").text
    assert "The ERP no longer has this record." in text
    assert len(letters(text)) == 30


def test_a_record_that_never_was(shop: Served) -> None:
    answer = shop.client("Bert", lang="de").get("/records/order/O-9999")
    assert (answer.status_code, "Den Datensatz order:O-9999 gibt es im ERP nicht." in answer.text) == (404, True)


def test_an_id_with_marks_of_addresses(small: Served) -> None:
    small.site.workspace.import_records([order("A/1 ?#%ü", number="X-99")])
    client = small.client("Bert")
    found = re.search(r'<a href="(/records/order/[^"]+)">', client.get("/records?q=X-99").text)
    assert found is not None
    answer = client.get(unescape(found[1]))
    assert answer.status_code == 200
    assert "A/1 ?#%ü" in answer.text


def test_removing_leads_back_to_the_record(small: Served) -> None:
    client, ref = small.client("Bert"), RecordRef("order", "O-001")
    text = client.get("/records/order/O-001").text
    asked = re.search(r'href="([^"]+/remove[^"]+)"', text)
    assert asked is not None
    page = client.get(unescape(asked[1])).text
    assert "this also holds for later replies in this thread" in page
    fields = dict(
        re.findall(r'name="(\w+)" value="([^"]*)"', page[page.index("<article") if "<article" in page else 0 :])
    )
    action = re.search(r'action="(/messages/(\d+)/remove)"', page)
    assert action is not None
    answer = client.post(action[1], data={name: unescape(value) for name, value in fields.items()})
    assert answer.headers["location"] == "/records/order/O-001?done=removed"
    after = client.get(answer.headers["location"]).text
    assert "The record is removed from the mail." in after
    assert action[2] not in letters(after)
    assert ref not in small.site.workspace.standing(int(action[2]))


def test_removing_leads_to_no_other_site(small: Served) -> None:
    client = small.client("Bert")
    row = letters(client.get("/records/order/O-001").text)[0]
    data = {"record": "order:O-001", "back": "//evil.example/"}
    assert client.post(f"/messages/{row}/remove", data=data).headers["location"] == "/?done=removed"


def test_a_cursor_of_nowhere_begins_anew(shop: Served) -> None:
    answer = shop.client("Bert").get("/records/order/O-81?cursor=nonsense")
    assert (answer.status_code, answer.headers["location"]) == (303, "/records/order/O-81")
    assert shop.client("Carl").get("/records/order/O-81").status_code == 403


@pytest.mark.parametrize(("lang", "size"), [("en", DESKTOP), ("de", PHONE)], ids=["desktop", "phone"])
def test_pictures(shop: Served, lang: str, size: dict[str, int]) -> None:
    with browsing() as browser:
        surfing = Surfing(browser, shop.url, lang, size)
        surfing.sign_in("Bert", PASSWORD)
        for name, path in (("records", "/records?q=AN-2026"), ("record", "/records/article/A-3")):
            surfing.page.goto(path)
            surfing.picture(f"{name}-{lang}-{'phone' if size == PHONE else 'desktop'}")
            assert surfing.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert (surfing.outside, surfing.faults) == ([], [])
        surfing.close()
