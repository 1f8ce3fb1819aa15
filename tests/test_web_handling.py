"""Filters beside the inbox, handling of one and of several mails, and the pages that manage filters, topics, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from pydantic import SecretStr

from beleg import demo
from beleg.accounts import Accounts
from beleg.mailserver import MailServerError, Sentence
from beleg.plugins import installed as all_installed
from beleg.store import Database
from beleg.store.handling import Handled
from browser import Surfing, browsing
from serving import PASSWORD, Served, serving, site_on
from test_accounts import Plugin


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The lamp shop with a mail account, and some of its mail handled."""
    folder = tmp_path_factory.mktemp("handling")
    database = Database(f"sqlite:///{folder}/beleg.db")
    database.upgrade()
    site = site_on(database, all_installed(extra=[("test", Plugin())]))
    demo.fill(site.workspace)
    accounts = site.accounts
    accounts.add(
        "in", "Ada", name="Shop", protocol="here", host="pop.example.com", user="shop@example.com",
        password=SecretStr("geheim"), active=True, sends={"protocol": "away"},
    )  # fmt: skip
    returns = accounts.add_topic("Returns", "Ada")
    accounts.add_topic("Damaged", "Ada", returns.id)
    accounts.add_tag("urgent", "Ada")
    rows = [each.message.row for each in site.workspace.inbox(limit=200).rows]
    accounts.handle(rows, "Ada", group=accounts.group("Shop").id)
    with serving(site) as found:
        yield found
    database.close()


@pytest.fixture
def accounts(shop: Served) -> Accounts:
    return shop.site.accounts


@pytest.fixture
def rows(shop: Served) -> Iterator[list[int]]:
    """Three mails, which are as they were after the test."""
    some = [each.message.row for each in shop.site.workspace.inbox(limit=3).rows]
    yield some
    accounts = shop.site.accounts
    tags = [each.id for each in accounts.tags()]
    accounts.handle(
        some, "test", work="open", owner=None, spam=0, deleted=False, topic=None, tags_remove=tags,
        group=accounts.group("Shop").id,
    )  # fmt: skip


def links(text: str) -> list[int]:
    return [int(row) for row in re.findall(r'<h2><a href="/messages/(\d+)">', text)]


def side(text: str) -> list[tuple[str, str]]:
    """The filters at the inbox's side, with their counts."""
    found = re.search(r'<div class="side">.*?</nav>', text, re.DOTALL)
    assert found
    items = re.findall(r"<li[^>]*><a[^>]*>(.*?)</a></li>", found[0], re.DOTALL)
    pairs = (re.sub(r"<[^>]*>", "|", each).split("|") for each in items)
    return [(unescape(each[0]).strip(), each[1].strip() if len(each) > 1 else "") for each in pairs]


def test_filters_stand_at_the_side(shop: Served, accounts: Accounts, rows: list[int]) -> None:
    accounts.handle(rows[:2], "Ada", 2, owner="me")
    accounts.handle(rows[2:], "Ada", deleted=True)
    text = shop.client("Bert", lang="de").get("/messages").text
    total = shop.site.workspace.inbox_counts()["all"]
    filters = dict(side(text))
    assert list(filters)[:4] == ["Alle E-Mails", "Shop (Offene Mails)", "Shop (Pool)", "Shop (Meine Mails)"]
    assert (filters["Alle E-Mails"], filters["Shop (Meine Mails)"]) == (str(total), "2")
    assert (filters["Shop (Pool)"], filters["Gelöschte Elemente"]) == (str(total - 2), "1")
    assert re.search(r'aria-current="page">Alle E-Mails', text)
    assert rows[2] not in links(text)
    mine = accounts.filter("Shop (My mails)").id
    text = shop.client("Bert").get(f"/messages?filter={mine}").text
    assert links(text) == rows[:2]
    assert "<h1>Shop (My mails)</h1>" in text
    assert links(shop.client("Ada").get(f"/messages?filter={mine}").text) == []
    drafts = accounts.filter("Drafts").id
    assert f'href="/outbox?filter={drafts}"' in text
    answer = shop.client("Bert").get(f"/messages?filter={drafts}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/outbox?filter={drafts}")


def test_states_search_and_chips_combine_with_a_filter(shop: Served, accounts: Accounts, rows: list[int]) -> None:
    topic, tag = accounts.topic("Damaged"), accounts.tag("urgent")
    accounts.handle(rows, "Ada", topic=topic.id)
    accounts.handle(rows[:1], "Ada", tags_add=[tag.id])
    client = shop.client("Bert")
    open_ = accounts.filter("Shop (Open mails)").id
    text = client.get(f"/messages?filter={open_}&topic={accounts.topic('Returns').id}").text
    assert links(text) == rows
    assert f'href="/messages?filter={open_}&amp;topic={topic.id}">Returns / Damaged</a>' in text
    assert f'href="/messages?filter={open_}">without this</a>' in text
    assert links(client.get(f"/messages?filter={open_}&topic={topic.id}&tag={tag.id}").text) == rows[:1]
    subject = next(e for e in shop.site.workspace.inbox().rows if e.message.row == rows[1]).message.subject
    found = client.get("/messages", params={"filter": open_, "topic": topic.id, "q": f'"{subject}"'}).text
    assert rows[1] in links(found)
    assert f'<input type="hidden" name="topic" value="{topic.id}">' in found
    states = [each.message.state for each in shop.site.workspace.inbox(limit=3).rows]
    narrowed = client.get(f"/messages?filter={open_}&topic={topic.id}&state={states[0]}").text
    assert links(narrowed) == [row for row, state in zip(rows, states, strict=True) if state == states[0]]


def test_several_mails_at_once(shop: Served, accounts: Accounts, rows: list[int]) -> None:
    client = shop.client("Bert")
    back = "/messages?state=assigned"
    answer = client.post("/messages/handle", data={"row": rows[:2], "act": "done", "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{back}&done=2")
    assert "2 mails were changed." in client.get(answer.headers["location"]).text
    assert [accounts.handled(rows)[row].work for row in rows] == ["done", "done", "open"]
    fields = {
        "owner": "2", "topic": str(accounts.topic("Returns").id), "tag": str(accounts.tag("urgent").id), "group": "",
    }  # fmt: skip
    client.post("/messages/handle", data={"row": rows, "act": "set", **fields})
    assert {(each.owner, each.topic, each.tags) for each in accounts.handled(rows).values()} == {(2, 1, (1,))}
    client.post("/messages/handle", data={"row": rows, "act": "set", "topic": "none"})
    client.post("/messages/handle", data={"row": rows, "untag": "1"})
    assert {(each.topic, each.tags) for each in accounts.handled(rows).values()} == {(None, ())}


@pytest.mark.parametrize(
    "data",
    [
        {"act": "done"},
        {"row": "x", "act": "done"},
        {"row": "1", "act": "explode"},
        {"row": "1", "act": "set", "topic": "x"},
        {"row": "99999", "act": "done"},
        {"row": str(2**70), "act": "done"},
    ],
)
def test_what_makes_no_sense_changes_nothing(shop: Served, data: dict[str, str]) -> None:
    answer = shop.client("Bert").post("/messages/handle", data=data)
    assert answer.status_code in (400, 404)


def test_it_leads_to_no_other_site(shop: Served, rows: list[int]) -> None:
    data = {"row": rows[0], "act": "done", "back": "https://elsewhere.example/"}
    assert shop.client("Bert").post("/messages/handle", data=data).headers["location"] == "/?done=1"


def test_the_bar_of_a_message(shop: Served, accounts: Accounts, rows: list[int]) -> None:
    client = shop.client("Bert")
    text = client.get(f"/messages/{rows[0]}").text
    for label in ("Mark as done", "Take over", "Suspect spam", "Delete"):
        assert f"{label}</button>" in text
    for act in ("done", "mine", "spam", "delete"):
        client.post("/messages/handle", data={"row": rows[0], "act": act, "back": f"/messages/{rows[0]}"})
    assert accounts.handled(rows[:1])[rows[0]] == Handled("done", 2, 1, True, 1)
    text = client.get(f"/messages/{rows[0]}").text
    for label in ("Open again", "Back to the pool", "No spam", "Restore"):
        assert f"{label}</button>" in text
    assert "Take over</button>" not in text
    history = " ".join(unescape(re.sub(r"<[^>]*>", "", text.split('id="history"')[1])).split())
    assert "Bert: deleted mail" in history
    assert "Bert: done mail" in history
    assert "Bert: given to Bert" in history


def test_a_search_is_saved(shop: Served, accounts: Accounts) -> None:
    client = shop.client("Bert")
    text = client.get("/messages?q=lampe&state=assigned").text
    assert "Save this search" in text
    assert "Save this search" not in client.get("/messages").text
    answer = client.post("/messages/filters", data={"name": "Lamps", "q": "lampe", "state": "assigned"})
    made = accounts.filter("Lamps")
    assert answer.headers["location"] == f"/messages?filter={made.id}"
    expected = [each.message.row for each in shop.site.workspace.inbox("assigned", "lampe", limit=50).rows]
    shown = client.get(answer.headers["location"]).text
    assert links(shown) == expected
    assert ("Lamps", "") in side(shown)
    again = client.post("/messages/filters", data={"name": "lamps", "q": "x"})
    assert again.status_code == 400
    assert "there is a filter" in again.text
    accounts.remove_filter(made.id, "test")
    assert client.get(f"/messages?filter={made.id}").status_code == 404


def test_an_account_that_has_stopped_is_told(shop: Served, accounts: Accounts) -> None:
    account = accounts.account("Shop")
    assert "has stopped" not in shop.client("Bert").get("/messages").text
    error = MailServerError("sign_in", Sentence("Link the account again.", "Verknüpfen Sie das Konto neu."))
    accounts.settled(account.id, error, halted=True)
    try:
        text = shop.client("Bert", lang="de").get("/messages").text
        assert "Das Mailkonto Shop steht still" in text
        assert "Verknüpfen Sie das Konto neu." in text
        assert 'href="/settings/mail"' not in text
        assert 'href="/settings/mail"' in shop.client("Ada").get("/messages").text
    finally:
        accounts.settled(account.id, None)


def test_who_may(shop: Served, rows: list[int]) -> None:
    carl = shop.client("Carl")
    assert carl.post("/messages/handle", data={"row": rows[0], "act": "done"}).status_code == 403
    assert carl.post("/messages/filters", data={"name": "x"}).status_code == 403
    bert = shop.client("Bert")
    for page in ("filters", "topics", "tags"):
        assert bert.get(f"/settings/mail/{page}").status_code == 403
    assert bert.post("/settings/mail/topics", data={"name": "x"}).status_code == 403


def test_managing_filters(shop: Served, accounts: Accounts) -> None:
    client = shop.client("Ada")
    made = accounts.add_filter("Lamps", accounts.filter("All e-mails").criteria, "Ada")
    page = client.get("/settings/mail/filters").text
    assert "open mail, no spam, in the pool, group Shop" in page
    base = f"/settings/mail/filters/{made.id}"
    client.post(f"{base}/name", data={"name": "Lights"})
    client.post(f"{base}/move", data={"up": "true"})
    assert [each.filter.title("en") for each in accounts.filters()][:2] == ["Lights", "All e-mails"]
    refused = client.post(f"{base}/name", data={"name": "all e-mails"})
    assert refused.status_code == 400
    client.post(f"{base}/remove")
    assert "Lights" not in client.get("/settings/mail/filters?done=removed").text


def test_managing_topics_and_tags(shop: Served, accounts: Accounts) -> None:
    client = shop.client("Ada", lang="de")
    returns = accounts.topic("Returns")
    client.post("/settings/mail/topics", data={"name": "Late", "parent": str(returns.id)})
    late = accounts.topic("Returns / Late")
    client.post(f"/settings/mail/topics/{late.id}", data={"name": "Too late", "parent": ""})
    assert accounts.topic(late.id).title == "Too late"
    refused = client.post(f"/settings/mail/topics/{returns.id}", data={"name": "Returns", "parent": str(returns.id)})
    assert refused.status_code == 400
    assert "kann nicht unter sich selbst stehen" in refused.text
    client.post(f"/settings/mail/topics/{late.id}/remove")
    client.post("/settings/mail/tags", data={"name": "hot"})
    tag = accounts.tag("hot")
    client.post(f"/settings/mail/tags/{tag.id}", data={"name": "heiß"})
    assert "heiß" in client.get("/settings/mail/tags").text
    client.post(f"/settings/mail/tags/{tag.id}/remove")
    assert [each.title for each in accounts.topics()] == ["Returns", "Returns / Damaged"]
    assert [each.name for each in accounts.tags()] == ["urgent"]


# --- in the browser


@pytest.mark.parametrize(
    ("size", "lang"),
    [
        ("desktop", "en"),
        ("phone", "de"),
        pytest.param("desktop", "de", marks=pytest.mark.slow),
        pytest.param("phone", "en", marks=pytest.mark.slow),
    ],
)
def test_in_the_browser(shop: Served, accounts: Accounts, rows: list[int], lang: str, size: str) -> None:
    sizes = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
    accounts.handle(rows[1:2], "Ada", topic=accounts.topic("Damaged").id, tags_add=[accounts.tag("urgent").id])
    with browsing() as browser:
        surfing = Surfing(browser, shop.url, lang, sizes[size])
        surfing.sign_in("Bert", PASSWORD)
        page = surfing.page
        surfing.picture(f"handling-{lang}-{size}")
        filters = page.locator(".side nav")
        if size == "phone":
            assert not filters.is_visible()
            page.click(".side-fold")
        assert filters.is_visible()
        page.locator(f"input[name=row][value='{rows[0]}']").check()
        page.keyboard.press("j")  # keys go on while a box has the focus
        assert page.evaluate("document.activeElement.tagName") == "A"
        page.click("#several button[value=done]")
        page.wait_for_url("**done=1")
        assert accounts.handled(rows)[rows[0]].work == "done"
        page.check("#pick-all")
        assert page.locator("input[name=row]:not(:checked)").count() == 0
        page.goto(f"/messages/{rows[1]}")
        surfing.picture(f"handling-message-{lang}-{size}")
        assert page.evaluate("document.documentElement.scrollWidth") <= sizes[size]["width"]
        assert (surfing.outside, surfing.faults) == ([], [])
        surfing.close()
