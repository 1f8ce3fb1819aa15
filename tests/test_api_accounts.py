"""The HTTP API of mail accounts and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from beleg.mailserver import MailServerError, Sentence
from beleg.plugins import Installed
from beleg.store import Database
from mailservers import scripted
from mailservers.scripted import Maildrop
from serving import Served, serving, site_on
from test_api import api, body, problem
from writing import day, mail

SECRET = "streng geheim"
SHOP = {
    "direction": "in", "name": "Shop", "host": "pop.example.com", "user": "shop@example.com", "password": SECRET,
}  # fmt: skip


@pytest.fixture
def served(tmp_path: Path, installed: Installed) -> Iterator[Served]:
    database = Database(f"sqlite:///{tmp_path}/beleg.db")
    database.upgrade()
    with serving(site_on(database, installed)) as found:
        yield found
    database.close()


@pytest.fixture
def ada(served: Served) -> httpx.Client:
    return api(served)


@pytest.fixture
def bert(served: Served) -> httpx.Client:
    """Someone of support."""
    return api(served, "Bert", ("read", "correct"))


@pytest.fixture
def shop(ada: httpx.Client) -> dict[str, Any]:
    """What was made with the account of a shop."""
    made: dict[str, Any] = body(ada.post("/accounts", json=SHOP), 201)
    return made


# --- accounts ----------------------------------------------------------------------------------------------------


def test_a_new_account_brings_what_belongs_to_it(ada: httpx.Client, shop: dict[str, Any]) -> None:
    account, sending, group = shop["account"], shop["sending"], shop["group"]
    assert (account["direction"], account["port"], account["active"], account["has_password"]) == (
        "in",
        995,
        False,
        True,
    )
    assert (sending["direction"], sending["host"], sending["senders"]) == (
        "out", "smtp.example.com", ["shop@example.com"]
    )  # fmt: skip
    assert (group["name"], group["address"], account["group"]) == ("Shop", "shop@example.com", group["id"])
    listed = body(ada.get("/accounts"))
    assert listed == {"items": [account, sending], "missing": [], "limit": 10}
    assert body(ada.get(f"/accounts/{account['id']}")) == account
    assert [each["name"] for each in body(ada.get("/signatures"))["items"]] == ["Shop"]
    (rule,) = body(ada.get("/arrival-rules", params={"lang": "de"}))["items"]
    assert (rule["name"], rule["work"], rule["owner"]) == ("Eingangsverarbeitung: Shop", "open", None)
    assert {"kind": "group", "list": "groups", "entry": "shop@example.com"} in body(ada.get("/ignored"))["items"]


def test_a_secret_is_never_in_an_answer(served: Served, ada: httpx.Client, shop: dict[str, Any]) -> None:
    id_ = shop["account"]["id"]
    answers = [
        ada.get("/accounts"), ada.get(f"/accounts/{id_}"), ada.patch(f"/accounts/{id_}", json={"password": SECRET}),
        ada.post("/accounts", json={**SHOP, "password": SECRET + "\r"}), ada.post("/accounts", json={**SHOP, "x": 1}),
        ada.post("/accounts", json={**SHOP, "password": SECRET * 100}),
    ]  # fmt: skip
    for each in answers:
        assert SECRET not in each.text, each.request.url
    accounts = served.site.accounts
    assert accounts.endpoint(accounts.account(id_)).secret.get_secret_value() == SECRET


def test_a_preset_and_an_account_that_sends_elsewhere(ada: httpx.Client) -> None:
    made = body(
        ada.post("/accounts", json={
            "direction": "in", "name": "Shop", "preset": "google", "user": "shop@gmail.com",
            "sends": {"host": "relay.example.com", "auth": "login"},
        }), 201,
    )  # fmt: skip
    assert made["account"]["link"] == {
        "provider": "google", "state": "none", "error": None, "linked": None, "ends": None
    }  # fmt: skip
    assert (made["sending"]["host"], made["sending"]["auth"], made["sending"]["port"]) == (
        "relay.example.com", "login", 465
    )  # fmt: skip
    assert "there is no preset" in problem(ada.post("/accounts", json={**SHOP, "preset": "gogle"}), 400)


def test_what_is_wrong_is_told_and_nothing_is_made(ada: httpx.Client) -> None:
    said = problem(ada.post("/accounts", json={**SHOP, "user": "shop"}), 400)
    assert "enter the address of the group 'Shop'" in said
    assert "host" in problem(ada.post("/accounts", json={"direction": "in", "name": "x"}), 400)
    assert body(ada.get("/accounts"))["items"] == []
    assert body(ada.get("/groups"))["items"] == []


def test_the_eleventh_is_refused(ada: httpx.Client) -> None:
    for number in range(10):
        body(ada.post("/accounts", json={**SHOP, "name": f"Shop {number}"}), 201)
    said = problem(ada.post("/accounts", json={**SHOP, "name": "One more"}), 400)
    assert "there can be 10 accounts that fetch mail" in said
    assert "account_limit" in said


def test_one_is_changed_or_several_at_once(ada: httpx.Client, shop: dict[str, Any]) -> None:
    id_, sending = shop["account"]["id"], shop["sending"]["id"]
    changed = body(ada.patch(f"/accounts/{id_}", json={"after": "later", "days": 3, "delete_too": True}))
    assert (changed["after"], changed["days"], changed["delete_too"], changed["host"]) == (
        "later", 3, True, "pop.example.com"
    )  # fmt: skip
    both = body(ada.patch("/accounts", json={"ids": [id_, sending], "active": True}))["items"]
    assert [each["active"] for each in both] == [True, True]
    problem(ada.patch("/accounts", json={"ids": [id_, 99], "active": False}), 404)
    assert body(ada.get(f"/accounts/{id_}"))["active"] is True
    assert problem(ada.patch(f"/accounts/{id_}", json={}), 400) == "nothing to change was given"
    problem(ada.patch(f"/accounts/{id_}", json={"pasword": "x"}), 422)


def test_removing_takes_the_account_that_sends_with_it(ada: httpx.Client, shop: dict[str, Any]) -> None:
    other = body(ada.post("/accounts", json={**SHOP, "name": "Other"}), 201)
    gone = body(ada.delete(f"/accounts/{shop['account']['id']}"))["items"]
    assert [(each["direction"], each["name"]) for each in gone] == [("in", "Shop"), ("out", "Shop")]
    both = [other["account"]["id"], other["sending"]["id"]]
    problem(ada.delete("/accounts", params={"id": [*both, 99]}), 404)
    assert len(body(ada.delete("/accounts", params={"id": both}))["items"]) == 2
    assert body(ada.get("/accounts"))["missing"] == ["in", "out"]


def test_what_went_wrong_is_told_in_the_language(served: Served, ada: httpx.Client, shop: dict[str, Any]) -> None:
    id_ = shop["account"]["id"]
    fault = MailServerError("sign_in", Sentence("No, {who}", "Nein, {who}"), "-ERR [AUTH]", who="Ada")
    served.site.accounts.settled(id_, fault, halted=True)
    seen = body(ada.get(f"/accounts/{id_}", params={"lang": "de"}))
    assert (seen["error"]["fault"], seen["error"]["text"]) == ("sign_in", "Nein, Ada (-ERR [AUTH])")
    assert seen["halted"]
    assert seen["error"]["at"]


def test_a_check_tells_each_step(ada: httpx.Client, shop: dict[str, Any]) -> None:
    with scripted.serving(Maildrop({"1": b"Subject: x\r\n\r\n"})) as drop:
        here = {"host": "127.0.0.1", "port": drop.port, "security": "plain", "user": "anna"}
        good = body(ada.post("/accounts/check", json={"direction": "in", **here, "password": "geheim"}))
        assert good["ok"]
        assert [each["what"] for each in good["steps"]][-1] == "count"
        bad = body(ada.post("/accounts/check", json={"account": shop["account"]["id"], **here}))
        assert not bad["ok"]
        assert bad["steps"][-1]["what"] == "sign_in"
    assert body(ada.get("/accounts"))["items"] == [shop["account"], shop["sending"]]
    assert "direction" in problem(ada.post("/accounts/check", json=here), 400)
    problem(ada.post("/accounts/check", json={"account": 99}), 404)


def test_accounts_are_for_administrators(served: Served, bert: httpx.Client, shop: dict[str, Any]) -> None:
    id_ = shop["account"]["id"]
    for answer in (
        bert.get("/accounts"), bert.get(f"/accounts/{id_}"), bert.post("/accounts", json=SHOP),
        bert.patch(f"/accounts/{id_}", json={"active": True}), bert.delete(f"/accounts/{id_}"),
        bert.post("/accounts/check", json={"account": id_}), bert.patch("/groups/1", json={"name": "x"}),
        bert.post("/signatures", json={"name": "x", "text": ""}), bert.get("/arrival-rules"),
    ):  # fmt: skip
        assert "'admin'" in problem(answer, 403)
    assert body(bert.get("/groups"))["items"]
    assert body(bert.get("/signatures"))["items"]


# --- groups, signatures, arrival ---------------------------------------------------------------------------------


def test_groups_are_changed_but_neither_made_nor_removed(ada: httpx.Client, shop: dict[str, Any]) -> None:
    id_ = shop["group"]["id"]
    changed = body(ada.patch(f"/groups/{id_}", json={"address": "laden@example.com", "name": None}))
    assert (changed["name"], changed["address"], changed["signature"]) == ("Shop", "laden@example.com", 1)
    assert body(ada.patch(f"/groups/{id_}", json={"signature": None}))["signature"] is None
    assert body(ada.get(f"/groups/{id_}"))["signature"] is None
    problem(ada.post("/groups", json={"name": "x"}), 405)
    problem(ada.delete(f"/groups/{id_}"), 405)
    problem(ada.patch(f"/groups/{id_}", json={"address": "laden"}), 400)
    problem(ada.patch(f"/groups/{id_}", json={"signature": 99}), 404)
    problem(ada.get("/groups/99"), 404)


def test_signatures(ada: httpx.Client, shop: dict[str, Any]) -> None:
    made = body(ada.post("/signatures", json={"name": "Kurz", "text": "Grüße\r\nIhr Laden\n"}), 201)
    assert made["text"] == "Grüße\nIhr Laden"
    changed = body(ada.patch(f"/signatures/{made['id']}", json={"name": "Knapp"}))
    assert body(ada.get(f"/signatures/{made['id']}")) == changed == {**made, "name": "Knapp"}
    assert "already" in problem(ada.post("/signatures", json={"name": "KNAPP", "text": ""}), 400)
    assert ada.delete(f"/signatures/{shop['group']['signature']}").status_code == 204
    assert body(ada.get(f"/groups/{shop['group']['id']}"))["signature"] is None
    problem(ada.delete("/signatures/99"), 404)


def test_where_mail_arrives(ada: httpx.Client, shop: dict[str, Any]) -> None:
    path = f"/accounts/{shop['account']['id']}/arrival"
    changed = body(ada.patch(path, json={"work": "done", "owner": 2}))
    assert (changed["name"], changed["work"], changed["owner"]) == ("Incoming: Shop", "done", 2)
    assert body(ada.patch(path, json={"owner": None}))["owner"] is None
    assert body(ada.get("/arrival-rules"))["items"][0]["work"] == "done"
    for field in ("owner", "group", "topic"):
        problem(ada.patch(path, json={field: 99}), 404)
    problem(ada.patch(f"/accounts/{shop['sending']['id']}/arrival", json={"work": "open"}), 404)


# --- filters, topics, tags, handling -----------------------------------------------------------------------------


@pytest.fixture
def rows(served: Served) -> list[int]:
    """Three mails."""
    workspace = served.site.workspace
    for number in (1, 2, 3):
        raw = mail(f"Frage {number}", id_=f"{number}@kunde.example", date=day(number))
        workspace.import_mail([(raw, "")])
    return [each.row for each, _ in workspace.newest(10)]


def titles(client: httpx.Client, **params: Any) -> list[str]:
    return [each["title"] for each in body(client.get("/filters", params=params))["items"]]


def test_the_filters_of_a_new_account(ada: httpx.Client, bert: httpx.Client, shop: dict[str, Any]) -> None:
    assert titles(bert)[:4] == ["All e-mails", "Shop (Open mails)", "Shop (Pool)", "Shop (My mails)"]
    assert titles(bert, lang="de")[-2:] == ["Spamverdacht", "Geprüft"]
    listed = body(bert.get("/filters", params={"count": True}))["items"]
    assert {each["count"] for each in listed} == {0}
    checked = next(each for each in listed if each["role"] == "checked")
    assert (checked["depth"], checked["criteria"]["spam"]) == (1, 2)


def test_a_search_is_saved_changed_and_removed(
    ada: httpx.Client, bert: httpx.Client, rows: list[int], shop: dict[str, Any]
) -> None:
    made = body(bert.post("/filters", json={"name": "Fragen", "criteria": {"text": "Frage 2"}}), 201)
    found = body(bert.get("/messages", params={"filter": made["id"]}))["items"]
    assert [each["subject"] for each in found] == ["Frage 2"]
    assert "'admin'" in problem(bert.patch(f"/filters/{made['id']}", json={"name": "x"}), 403)
    changed = body(ada.patch(f"/filters/{made['id']}", json={"name": "Alle Fragen", "criteria": {"text": "Frage"}}))
    assert (changed["title"], changed["criteria"]["text"]) == ("Alle Fragen", "Frage")
    everything = body(ada.get("/filters"))["items"][0]["id"]
    assert ada.put("/filters/order", json={"ids": [made["id"], everything]}).status_code == 204
    assert titles(ada)[:2] == ["Alle Fragen", "All e-mails"]
    assert ada.delete(f"/filters/{made['id']}").status_code == 204
    problem(ada.get(f"/filters/{made['id']}"), 404)
    problem(ada.get("/messages", params={"filter": made["id"]}), 404)
    problem(ada.post("/filters", json={"name": "x", "criteria": {"topic": 99}}), 404)
    drafts = next(each for each in body(ada.get("/filters"))["items"] if each["role"] == "drafts")
    assert "/outgoing" in problem(ada.get("/messages", params={"filter": drafts["id"]}), 400)


def test_topics_are_a_tree(ada: httpx.Client, bert: httpx.Client) -> None:
    returns = body(ada.post("/topics", json={"name": "Returns"}), 201)
    damaged = body(ada.post("/topics", json={"name": "Damaged", "parent": returns["id"]}), 201)
    assert damaged["path"] == ["Returns", "Damaged"]
    assert "itself" in problem(ada.patch(f"/topics/{returns['id']}", json={"parent": damaged["id"]}), 400)
    assert body(ada.patch(f"/topics/{damaged['id']}", json={"name": "Broken"}))["path"] == ["Returns", "Broken"]
    assert body(ada.patch(f"/topics/{damaged['id']}", json={"parent": None}))["parent"] is None
    assert ada.delete(f"/topics/{returns['id']}").status_code == 204
    assert [each["name"] for each in body(bert.get("/topics"))["items"]] == ["Broken"]
    problem(ada.post("/topics", json={"name": "x", "parent": 99}), 404)
    problem(bert.post("/topics", json={"name": "x"}), 403)


def test_tags(ada: httpx.Client, bert: httpx.Client) -> None:
    made = body(ada.post("/tags", json={"name": "urgent"}), 201)
    assert body(ada.patch(f"/tags/{made['id']}", json={"name": "Eilt"})) == {"id": made["id"], "name": "Eilt"}
    problem(ada.post("/tags", json={"name": "EILT"}), 400)
    assert body(bert.get("/tags"))["items"] == [{"id": made["id"], "name": "Eilt"}]
    assert ada.delete(f"/tags/{made['id']}").status_code == 204


def test_messages_are_handled(
    ada: httpx.Client, bert: httpx.Client, rows: list[int], shop: dict[str, Any]
) -> None:
    topic = body(ada.post("/topics", json={"name": "Returns"}), 201)["id"]
    tag = body(ada.post("/tags", json={"name": "urgent"}), 201)["id"]
    first, *others = rows
    wanted = {"work": "done", "owner": "me", "topic": topic, "tags_add": [tag], "group": shop["group"]["id"]}
    handled = body(bert.patch(f"/messages/{first}/handling", json=wanted))
    assert handled == {
        "work": "done", "owner": 2, "spam": 0, "deleted": False, "group": shop["group"]["id"], "account": None,
        "topic": topic, "tags": [tag],
    }  # fmt: skip
    assert body(bert.get(f"/messages/{first}"))["handling"] == handled
    changed = body(bert.patch("/messages/handling", json={"rows": rows, "deleted": True}))["changed"]
    assert sorted(changed) == sorted(rows)
    body(bert.patch("/messages/handling", json={"rows": others, "deleted": False, "owner": None}))

    def found(**params: Any) -> list[int]:
        return sorted(each["row"] for each in body(bert.get("/messages", params=params))["items"])

    assert found() == sorted(others)
    assert found(deleted=True) == found(deleted=True, owner="me") == found(deleted=True, tag=tag) == [first]
    assert found(owner="pool") == found(work="open") == sorted(others)
    assert found(topic=topic) == []
    assert found(topic=topic, deleted=True, group=shop["group"]["id"], owner="2", spam=0) == [first]
    problem(bert.patch("/messages/handling", json={"rows": [first, 99], "work": "open"}), 404)
    problem(bert.patch(f"/messages/{first}/handling", json={"topic": 99}), 404)
    assert "stand" in problem(bert.patch(f"/messages/{first}/handling", json={}), 400)
    reading = {"authorization": "x"}
    assert bert.patch(f"/messages/{first}/handling", json={"work": "open"}, headers=reading).status_code == 401
