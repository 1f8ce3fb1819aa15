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
from mailservers.oauth import SECRET as CLIENT_SECRET
from mailservers.oauth import AuthorisationServer, authorising
from mailservers.scripted import Maildrop
from mailservers.smtp import SmtpServer, smtp_server
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
        stored = {"account": shop["account"]["id"], **here}
        assert "enter the password again" in problem(ada.post("/accounts/check", json=stored), 400)
        bad = body(ada.post("/accounts/check", json={**stored, "password": SECRET}))
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


def test_messages_are_handled(ada: httpx.Client, bert: httpx.Client, rows: list[int], shop: dict[str, Any]) -> None:
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


# --- mail that is written ----------------------------------------------------------------------------------------


@pytest.fixture
def sending(served: Served, ada: httpx.Client) -> Iterator[SmtpServer]:
    """A server that the shop's account sends by."""
    with smtp_server() as server:
        sends = {"host": "127.0.0.1", "port": server.port, "security": "plain", "auth": "none"}
        body(ada.post("/accounts", json={**SHOP, "active": True, "sends": sends}), 201)
        yield server


def test_a_mail_is_written_and_sent(served: Served, bert: httpx.Client, sending: SmtpServer) -> None:
    body(api(served).patch("/signatures/1", json={"text": "Ihr Laden"}))
    made = body(bert.post("/outgoing", json={"to": "anna@kunde.example", "subject": "Lampe", "text": "Hallo"}), 201)
    assert (made["state"], made["group"], made["person"]) == ("draft", 1, 2)
    assert made["text"].startswith("Hallo\n")
    assert "Ihr Laden" in made["text"]
    path = f"/outgoing/{made['id']}"
    data = bytes(range(256)) * 1000  # more than other bodies may have
    file = body(bert.post(f"{path}/attachments", params={"name": "a b.bin"}, content=data), 201)
    assert (file["name"], file["size"]) == ("a b.bin", 256_000)
    assert bert.get(f"{path}/attachments/{file['id']}").content == data
    gone = body(bert.post(f"{path}/attachments", params={"name": "x.txt", "type": "text/plain"}, content=b"x"), 201)
    assert bert.delete(f"{path}/attachments/{gone['id']}").status_code == 204
    changed = body(bert.patch(path, json={"subject": "Ihre Lampe", "cc": "bodo@kunde.example"}))
    assert (changed["subject"], changed["to"], changed["attachments"]) == ("Ihre Lampe", "anna@kunde.example", [file])
    problem(bert.get(f"{path}/raw"), 404)
    queued = body(bert.post(f"{path}/queue"))
    assert (queued["state"], queued["sender"]) == ("queued", "shop@example.com")
    assert "waits to be sent" in problem(bert.patch(path, json={"subject": "x"}), 400)
    served.site.outbox.send_due()
    sent = body(bert.get(path))
    assert (sent["state"], sending.stored[0].recipients) == ("sent", ["anna@kunde.example", "bodo@kunde.example"])
    assert bert.get(f"{path}/raw").content == sending.stored[0].raw
    assert body(bert.get(f"/messages/{sent['message']}"))["handling"]["work"] == "sent"
    assert [each["id"] for each in body(bert.get("/outgoing", params={"state": "sent"}))["items"]] == [made["id"]]


def test_a_reply_and_a_mail_that_is_passed_on(bert: httpx.Client, rows: list[int], sending: SmtpServer) -> None:
    reply = body(bert.post("/outgoing", json={"reply_to": rows[0], "text": "Gern"}), 201)
    assert (reply["kind"], reply["answers"], reply["to"]) == ("reply", rows[0], "Anna Kunde <anna@kunde.example>")
    assert reply["subject"].startswith("Re: Frage")
    passed = body(bert.post("/outgoing", json={"forward": rows[0], "attached": True, "to": "x@y.example"}), 201)
    assert (passed["kind"], len(passed["attachments"])) == ("forward", 1)
    problem(bert.post("/outgoing", json={"reply_to": 1, "forward": 1}), 400)
    problem(bert.post("/outgoing", json={"reply_to": 99}), 404)
    problem(bert.post("/outgoing", json={"group": 99}), 404)


def test_what_can_not_be_sent_says_why(bert: httpx.Client, sending: SmtpServer) -> None:
    made = body(bert.post("/outgoing", json={"subject": "an niemanden"}), 201)
    problem(bert.post(f"/outgoing/{made['id']}/queue"), 400)
    for act in ("resend", "mark-sent", "unqueue"):
        problem(bert.post(f"/outgoing/{made['id']}/{act}"), 400)
    assert bert.delete(f"/outgoing/{made['id']}").status_code == 204
    assert body(bert.get("/outgoing"))["items"] == []
    assert [each["id"] for each in body(bert.get("/outgoing", params={"deleted": True}))["items"]] == [made["id"]]
    assert not body(bert.post(f"/outgoing/{made['id']}/restore"))["deleted"]


def test_a_failed_mail_is_sent_again_or_is_a_draft_again(
    served: Served, ada: httpx.Client, bert: httpx.Client, sending: SmtpServer
) -> None:
    sending.refused["anna@kunde.example"] = "550 No such user"
    made = body(bert.post("/outgoing", json={"to": "anna@kunde.example", "subject": "x"}), 201)
    path = f"/outgoing/{made['id']}"
    body(bert.post(f"{path}/queue"))
    served.site.outbox.send_due()
    failed = body(bert.get(path))
    assert failed["state"] == "failed"
    assert "No such user" in failed["said"]
    problem(ada.post(f"{path}/unqueue"), 404)
    assert body(bert.get(path))["state"] == "failed"
    assert body(bert.post(f"{path}/unqueue"))["state"] == "draft"
    body(bert.post(f"{path}/queue"))
    served.site.outbox.send_due()
    sending.refused.clear()
    assert body(bert.post(f"{path}/resend"))["state"] == "queued"
    served.site.outbox.send_due()
    assert body(bert.get(path))["state"] == "sent"


def test_a_draft_is_one_s_own(served: Served, ada: httpx.Client, bert: httpx.Client, sending: SmtpServer) -> None:
    made = body(bert.post("/outgoing", json={"subject": "geheim"}), 201)
    for answer in (
        ada.get(f"/outgoing/{made['id']}"), ada.patch(f"/outgoing/{made['id']}", json={"subject": "x"}),
        ada.delete(f"/outgoing/{made['id']}"), ada.post(f"/outgoing/{made['id']}/queue"),
    ):  # fmt: skip
        problem(answer, 404)
    assert body(ada.get("/outgoing"))["items"] == body(ada.get("/outgoing", params={"state": "draft"}))["items"] == []
    assert "'correct'" in problem(api(served, "Bert", ("read",)).post("/outgoing", json={}), 403)


def test_only_who_has_a_token_may_send_a_long_body(served: Served, bert: httpx.Client, sending: SmtpServer) -> None:
    made = body(bert.post("/outgoing", json={}), 201)
    path = f"/outgoing/{made['id']}/attachments"
    problem(bert.post(path, params={"name": "x"}, content=b"x" * 100_000, headers={"authorization": "Bearer no"}), 413)
    problem(bert.patch(f"/outgoing/{made['id']}", json={"text": "x" * 100_000}), 413)


# --- providers, links, servers -----------------------------------------------------------------------------------


@pytest.fixture
def provider() -> Iterator[AuthorisationServer]:
    with authorising() as found:
        yield found


def test_an_account_is_linked(ada: httpx.Client, provider: AuthorisationServer) -> None:
    set_up = body(ada.patch("/providers/house", json={**provider.fields, "secret": CLIENT_SECRET}))
    assert (set_up["ready"], set_up["has_secret"]) == (True, True)
    assert CLIENT_SECRET not in ada.get("/providers").text
    fields = {**SHOP, "password": None, "auth": "oauth2", "provider": "house"}
    id_ = body(ada.post("/accounts", json=fields), 201)["account"]["id"]
    assert body(ada.get(f"/accounts/{id_}/link"))["state"] == "none"
    checked = body(ada.post("/accounts/check", json={"account": id_}))
    assert (checked["ok"], checked["steps"][0]["ok"]) == (False, False)
    begun = body(ada.post(f"/accounts/{id_}/link", json={"redirect_url": "http://127.0.0.1:9/back"}))
    back = httpx.get(begun["url"], follow_redirects=False).headers["location"]
    answer = {"browser": begun["browser"], **dict(httpx.URL(back).params)}
    problem(ada.post("/links", json={**answer, "browser": "another"}), 400)
    problem(ada.post("/links", json=answer), 400)  # it counts once
    begun = body(ada.post(f"/accounts/{id_}/link", json={"redirect_url": "http://127.0.0.1:9/back"}))
    back = httpx.get(begun["url"], follow_redirects=False).headers["location"]
    outcome = body(ada.post("/links", json={"browser": begun["browser"], **dict(httpx.URL(back).params)}))
    assert outcome["what"] == "linked"
    assert body(ada.get(f"/accounts/{id_}"))["link"]["state"] == "linked"
    assert "sign in with" in problem(ada.delete("/providers/house"), 400)
    assert body(ada.delete(f"/accounts/{id_}/link"))["revoked"]
    problem(ada.delete("/providers/nix"), 404)
    assert "OAuth2" in problem(
        ada.post(f"/accounts/{body(ada.post('/accounts', json={**SHOP, 'name': 'B'}), 201)['account']['id']}/link",
                 json={"redirect_url": "http://127.0.0.1:9/back"}), 400
    )  # fmt: skip


def test_mail_servers_of_another_make(ada: httpx.Client, bert: httpx.Client) -> None:
    listed = body(ada.get("/mail-servers", params={"lang": "de"}))
    assert (listed["active"], [each["name"] for each in listed["items"]]) == (None, ["greyhound"])
    problem(ada.put("/mail-servers/active", json={"name": "greyhound"}), 400)
    fields = {"address": "mail.example.com", "user": "admin", "password": SECRET}
    answer = ada.patch("/mail-servers/greyhound", json=fields)
    assert SECRET not in answer.text
    assert body(answer)["has_password"]
    assert body(ada.put("/mail-servers/active", json={"name": "greyhound"}))["active"] == "greyhound"
    assert body(ada.put("/mail-servers/active", json={"name": None}))["active"] is None
    problem(ada.patch("/mail-servers/exchange", json={"user": "x"}), 404)
    problem(bert.get("/mail-servers"), 403)
