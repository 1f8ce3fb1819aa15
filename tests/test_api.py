"""The HTTP API on the demo's world, over HTTP, on both databases where that may differ: each resource, scopes,
problems, pages, people at once."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import text

from beleg import demo
from beleg.explain import Explainer, plain, what_if_line
from beleg.message import content_identity
from beleg.plugins import Installed
from beleg.store import Database
from beleg.trace import encode
from beleg.web.api import ROUTES
from serving import PASSWORD, Served, serving, site_on
from worlds import contact, order
from writing import day, mail

ALL = ("read", "correct", "admin")
ODD = "O/1 ?#%2F:ü\n/messages"
"""An id that an ERP may have."""


BOTH = pytest.mark.parametrize("served", ["sqlite", "postgres"], indirect=True, scope="module")
"""For what asks the database otherwise than the other resources do; the store has tests of its own on both."""


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, installed: Installed
) -> Iterator[Served]:
    """The demo's world, and a record with an odd id, served."""
    kind = getattr(request, "param", "sqlite")  # of `BOTH`
    if kind == "sqlite":
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('api')}/beleg.db")
        database.upgrade()
    else:
        database = Database(request.getfixturevalue("postgres_server").fresh_database())
    site = site_on(database, installed)
    demo.fill(site.workspace)
    site.workspace.import_records([order(ODD, customer="K-6", number="ODD-9999")])
    with serving(site) as found:
        yield found
    database.close()


def api(served: Served, name: str = "Ada", scopes: tuple[str, ...] = ALL, **headers: str) -> httpx.Client:
    """A client with a token of a person."""
    people = served.site.people
    _, secret = people.new_token(people.user(name).id, "test", scopes, by="test")
    client = httpx.Client(
        base_url=f"{served.url}/api/v1", headers={"authorization": f"Bearer {secret}", **headers}, timeout=60
    )
    served.clients.append(client)
    return client


@pytest.fixture(scope="module")
def ada(served: Served) -> httpx.Client:
    return api(served)


def body(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int) -> str:
    """What a problem says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (found["type"], found["status"]) == ("about:blank", status)
    return str(found["detail"])


def row_of(client: httpx.Client, words: str) -> int:
    """The message with these words."""
    return int(body(client.get("/messages", params={"q": words}))["items"][0]["row"])


# --- messages ----------------------------------------------------------------------------------------------------


@BOTH
def test_pages_of_messages_hold_each_once_in_both_directions(ada: httpx.Client) -> None:
    forth: list[int] = []
    page = body(ada.get("/messages", params={"limit": 20}))
    pages = [page]
    while page["next"]:
        page = body(ada.get("/messages", params={"limit": 20, "cursor": page["next"]}))
        pages.append(page)
    forth = [each["row"] for page in pages for each in page["items"]]
    assert len(forth) == len(set(forth)) == 69
    dates = [each["date"] for page in pages for each in page["items"] if each["date"]]
    assert dates == sorted(dates, reverse=True)
    back = body(ada.get("/messages", params={"limit": 20, "cursor": pages[-1]["previous"]}))
    assert back["items"] == pages[-2]["items"]
    assert pages[0]["previous"] is None


@BOTH
def test_messages_are_filtered_and_searched(ada: httpx.Client) -> None:
    for state in ("assigned", "partly", "ambiguous", "nothing"):
        found = body(ada.get("/messages", params={"state": state, "limit": 200}))["items"]
        assert found
        assert {each["state"] for each in found} == {state}
    found = body(ada.get("/messages", params={"q": '"Unsere Bestellung" BM-4711'}))["items"]
    assert [each["subject"] for each in found] == ["Unsere Bestellung BM-4711"]
    assert found[0]["records"][0]["record"] == "order:O-95"
    assert found[0]["reason"] == "Because einkauf@bergmann.example (From) has exactly 1 order: O-95."
    assert "cursor" in problem(ada.get("/messages", params={"cursor": "nonsense"}), 400)


def test_words_are_in_the_language_asked_for(served: Served, ada: httpx.Client) -> None:
    def reason(client: httpx.Client, **parameters: str) -> str:
        found = body(client.get("/messages", params={"q": "Unsere Bestellung BM-4711", **parameters}))["items"]
        return str(found[-1]["reason"])

    assert reason(ada).startswith("Because")
    assert reason(ada, lang="de").startswith("Weil")
    german = api(served, **{"accept-language": "de-AT,en;q=0.3"})
    assert reason(german).startswith("Weil")
    assert reason(german, lang="en").startswith("Because")
    served.site.people.change(served.site.people.user("Bert").id, "test", language="de")
    assert reason(api(served, "Bert", ("read",))).startswith("Weil")
    served.site.people.change(served.site.people.user("Bert").id, "test", language=None)


def test_a_message_is_shown_with_its_thread_and_not_decided(served: Served, ada: httpx.Client) -> None:
    raw = mail(
        "Frage zu AB-1055", id_="neu@x", reply_to="c1f0a2@dubois.example", date="Mon, 30 Nov 2026 10:00:00 +0000"
    )
    served.site.workspace.import_mail([(raw, "")], decide=False)
    row = row_of(ada, "Frage zu AB-1055")
    shown = body(ada.get(f"/messages/{row}"))
    assert (shown["state"], shown["digest"], shown["reason"]) == ("undecided", None, None)
    names = [each["message_id"] for each in shown["thread"]]
    assert names[0] == "c1f0a2@dubois.example"
    assert "out-0412@lampenladen.example" in names
    assert shown["thread"][0]["records"][0]["record"] == "order:O-105"
    assert body(ada.get(f"/messages/{row}"))["state"] == "undecided"
    assert "never decided" in problem(ada.get(f"/messages/{row}/explanation"), 404)
    assert "no decision" in problem(ada.get(f"/messages/{row}/trace"), 404)
    assert body(ada.get(f"/messages/{row}/why-not", params={"record": "order:O-60", "seconds": 0}))["lines"]
    assert body(ada.get(f"/messages/{row}"))["state"] == "undecided"
    opened = body(ada.post(f"/messages/{row}/open"))
    assert opened["state"] == "assigned"
    assert opened["digest"]
    assert body(ada.post(f"/messages/{row}/open")) == opened == body(ada.get(f"/messages/{row}"))


def test_the_bytes_of_a_message_are_those_that_came(ada: httpx.Client) -> None:
    row = row_of(ada, '"Unsere Bestellung"')
    answer = ada.get(f"/messages/{row}/raw")
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.content in {path.read_bytes() for path in demo.MAILS.glob("*.eml")}


def test_attachments_are_listed_and_sent(served: Served, ada: httpx.Client) -> None:
    rows = [each["row"] for each in body(ada.get("/messages", params={"limit": 200}))["items"]]
    shown = next(each for row in rows if (each := body(ada.get(f"/messages/{row}")))["attachments"])
    listed = shown["attachments"][0]
    answer = ada.get(f"/messages/{shown['row']}/attachments/{listed['part']}")
    assert (len(answer.content), answer.headers["content-type"]) == (listed["size"], "application/octet-stream")
    assert "no attachment" in problem(ada.get(f"/messages/{shown['row']}/attachments/99"), 404)


# --- corrections -------------------------------------------------------------------------------------------------


@BOTH
def test_a_record_is_removed_and_added_and_the_journal_says_by_whom(served: Served) -> None:
    bert = api(served, "Bert", ("read", "correct"))
    row = row_of(bert, '"Unsere Bestellung"')
    before = body(bert.get(f"/messages/{row}"))
    removed = body(bert.delete(f"/messages/{row}/assignments/order/O-95", params={"note": "falscher Kunde"}))
    assert [each["record"] for each in removed["removed"]] == [
        "order:O-95",
        "contact:K-6",
        "offer:AN-31",
        "article:A-3",
    ]
    after = body(bert.get(f"/messages/{row}"))
    assert (after["assignments"], after["corrected"], after["state"]) == ([], True, "nothing")
    assert {(each["record"], each["by"]) for each in after["removed"]} >= {("order:O-95", "Bert")}
    assert body(bert.post(f"/messages/{row}/assign"))["assignments"] == []
    assert "does not stand" in problem(bert.delete(f"/messages/{row}/assignments/order/O-95"), 404)
    added = body(bert.post(f"/messages/{row}/assignments", json={"record": "order:O-95", "note": "doch"}), 201)
    assert {"record": "order:O-95", "origin": "manual"}.items() <= added["added"][0].items()
    again = bert.post(f"/messages/{row}/assignments", json={"record": "order:O-95"})
    assert body(again) == {"added": []}
    acts = [each for each in body(bert.get(f"/messages/{row}/history"))["items"] if each["kind"] == "act"]
    assert [(each["act"], each["who"], each["details"]["note"]) for each in acts] == [
        ("assignment.remove", "Bert", "falscher Kunde"),
        ("assignment.add", "Bert", "doch"),
    ]
    decisions = [each for each in body(bert.get(f"/messages/{row}/history"))["items"] if each["kind"] == "decision"]
    first = bert.get(f"/messages/{row}/trace", params={"decision": decisions[0]["id"]})
    assert first.headers["beleg-digest"] == decisions[0]["digest"] == before["digest"]


@BOTH
def test_an_id_may_hold_any_character(ada: httpx.Client) -> None:
    row = row_of(ada, "Herbst")
    record = f"/records/order/{quote(ODD, safe='')}"
    assert body(ada.get(record))["record"] == f"order:{ODD}"
    assert body(ada.get(f"{record}/messages"))["items"] == []
    body(ada.post(f"/messages/{row}/assignments", json={"record": f"order:{ODD}"}), 201)
    assert [each["row"] for each in body(ada.get(f"{record}/messages"))["items"]] == [row]
    answer = ada.delete(f"/messages/{row}/assignments/order/{quote(ODD, safe='')}", params={"derived": False})
    assert [each["record"] for each in body(answer)["removed"]] == [f"order:{ODD}"]
    assert body(ada.get(f"{record}/messages"))["items"] == []
    found = body(ada.get("/records", params={"q": "ODD-9999"}))["items"]
    assert [each["id"] for each in found] == [ODD]


def test_what_is_not_there_can_not_be_corrected(ada: httpx.Client) -> None:
    row = row_of(ada, "Herbst")
    answer = ada.post(f"/messages/{row}/assignments", json={"record": "order:none"})
    assert problem(answer, 404) == "the ERP has no record order:none"
    for path in ("/messages/999999/assignments", f"/messages/{2**53 - 1}/assignments"):
        assert "no message" in problem(ada.post(path, json={"record": "order:O-95"}), 404)
    problem(ada.post(f"/messages/{row}/assignments", json={"record": "O-95"}), 422)
    problem(ada.delete("/messages/999999/assignments/order/O-95"), 404)
    problem(ada.post("/messages/999999/assign"), 404)


# --- why ---------------------------------------------------------------------------------------------------------


def test_the_trace_is_the_stored_one(served: Served, ada: httpx.Client) -> None:
    row = row_of(ada, "Dubois Lyon")
    trace, mark = served.site.workspace.open(row)
    answer = ada.get(f"/messages/{row}/trace")
    assert (answer.content, answer.headers["beleg-digest"]) == (encode(trace), mark)
    assert "no decision 1" in problem(ada.get(f"/messages/{row}/trace", params={"decision": 10**9}), 404)
    schema = body(ada.get("/trace-schema"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_explanation_as_data_and_as_the_terminals_text(
    served: Served, ada: httpx.Client, installed: Installed
) -> None:
    workspace = served.site.workspace
    row = workspace.find_message(content_identity(demo.MAIN.read_bytes())).row
    told = body(ada.get(f"/messages/{row}/explanation", params={"lang": "de"}))
    assert (told["schema"], told["language"]) == ("beleg.ladder/1", "de")
    assert told["linked"][0]["because"].startswith("weil")
    explainer = Explainer.of(installed, "de")
    trace, mark = workspace.open(row)
    without = workspace.what_if(workspace.message(row), mark)
    assert without
    lines = explainer.lines(trace, mark, what_if=what_if_line(explainer, without), standing=told_records(told))
    answer = ada.get(
        f"/messages/{row}/explanation", params={"lang": "de"}, headers={"accept": "text/plain, application/json;q=0.5"}
    )
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == plain(lines)


def told_records(told: dict[str, Any]) -> list[str]:
    return [each["record"] for each in told["linked"]]


def test_why_not(ada: httpx.Client) -> None:
    row = row_of(ada, '"Unsere Bestellung"')
    parameters = {"record": "order:O-60", "lang": "de", "max_edits": 1}
    answer = body(ada.get(f"/messages/{row}/why-not", params=parameters))
    assert (answer["schema"], answer["record"]) == ("beleg.why_not/1", "order:O-60")
    assert answer["lines"][0].startswith("Warum nicht Bestellung O-60?")
    assert answer["max_edits"] == 1
    problem(ada.get(f"/messages/{row}/why-not", params={"record": "order:none"}), 404)
    for wrong in (
        {"record": "O-60"},
        {"record": "order:O-60", "seconds": 11},
        {"record": "order:O-60", "max_edits": 4},
    ):
        problem(ada.get(f"/messages/{row}/why-not", params=wrong), 422)


# --- records, ignored addresses, rules ---------------------------------------------------------------------------


@BOTH
def test_records_are_searched_and_shown_with_links_both_ways(ada: httpx.Client) -> None:
    assert body(ada.get("/records", params={"q": "AB-1055"}))["items"][0]["record"] == "order:O-105"
    found = body(ada.get("/records", params={"q": "AB", "type": ["offer", "contact"], "limit": 3}))["items"]
    assert "order" not in {each["type"] for each in found}
    shown = body(ada.get("/records/order/O-105"))
    assert {"customer": "contact:K-15"}.items() <= {each["role"]: each["record"] for each in shown["links"]}.items()
    back = body(ada.get("/records/contact/K-15"))["linked_by"]
    assert ("customer", "order:O-105") in {(each["role"], each["record"]) for each in back}
    assert problem(ada.get("/records/order/none"), 404) == "the ERP has no record order:none"
    problem(ada.get("/records/order/none/messages"), 404)
    problem(ada.get("/records/or:der/O-105"), 400)


@BOTH
def test_what_was_written_about_a_record_comes_in_pages(ada: httpx.Client) -> None:
    path = "/records/contact/K-15/messages"
    whole = body(ada.get(path))["items"]
    assert len(whole) >= 2
    dates = [each["date"] for each in whole]
    assert dates == sorted(dates)
    assert {each["direction"] for each in whole} == {"in", "out"}
    first = body(ada.get(path, params={"limit": 1}))
    second = body(ada.get(path, params={"limit": 1, "cursor": first["next"]}))
    assert [*first["items"], *second["items"]] == whole[:2]
    assert body(ada.get(path, params={"newest_first": True}))["items"] == whole[::-1]


@BOTH
def test_the_blacklist_is_changed_and_told_in_the_journal(served: Served, ada: httpx.Client) -> None:
    assert body(ada.post("/ignored", json={"entry": "*.ads.example"}), 201) == {"added": ["*.ads.example"]}
    assert body(ada.post("/ignored", json={"entry": "*.ads.example"})) == {"added": []}
    entry = {"list": "blacklist", "kind": "wildcard", "entry": "*.ads.example"}
    assert entry in body(ada.get("/ignored"))["items"]
    assert ada.delete("/ignored", params={"entry": "*.ads.example"}).status_code == 204
    assert entry not in body(ada.get("/ignored"))["items"]
    problem(ada.delete("/ignored", params={"entry": "*.ads.example"}), 404)
    assert "no blacklist entry" in problem(ada.post("/ignored", json={"entry": "a b"}), 400)
    group = next(each for each in body(ada.get("/ignored"))["items"] if each["list"] == "groups")
    problem(ada.delete("/ignored", params={"entry": group["entry"]}), 404)
    with served.site.workspace.database.begin(write=False) as connection:
        query = "SELECT who FROM journal WHERE act IN ('ignored.add', 'ignored.remove') ORDER BY id DESC LIMIT 2"
        assert list(connection.execute(text(query)).scalars()) == ["Ada", "Ada"]


def test_what_is_installed_is_told(ada: httpx.Client, installed: Installed) -> None:
    assert {each["name"] for each in body(ada.get("/plugins"))["items"]} == {"history", "order", "offer", "contact"}
    rules = body(ada.get("/rules", params={"lang": "de"}))
    assert [each["name"] for each in rules["steps"]] == [step.name for step in installed.steps]
    assert {each["id"] for each in rules["clauses"]} == set(installed.clauses)
    clause = next(each for each in rules["clauses"] if each["id"] == "order.participants.unique")
    assert clause["held"] == installed.clauses["order.participants.unique"].sentences["de"].held
    row = row_of(ada, '"Unsere Bestellung"')
    assert rules["ruleset"] == body(ada.get(f"/messages/{row}/history"))["items"][0]["ruleset"]


# --- people ------------------------------------------------------------------------------------------------------


@BOTH
def test_users_and_their_tokens(served: Served, ada: httpx.Client) -> None:
    made = body(ada.post("/users", json={"name": "Dora", "password": PASSWORD, "address": "dora@x.example"}), 201)
    assert PASSWORD not in str(made)
    user = f"/users/{made['id']}"
    assert "already" in problem(ada.post("/users", json={"name": "DORA", "password": PASSWORD}), 400)
    token = body(ada.post(f"{user}/tokens", json={"name": "ERP", "scopes": ["read"]}), 201)
    listed = body(ada.get(f"{user}/tokens"))["items"]
    assert [(each["id"], "secret" in each) for each in listed] == [(token["id"], False)]
    dora = httpx.Client(base_url=f"{served.url}/api/v1", headers={"authorization": f"Bearer {token['secret']}"})
    served.clients.append(dora)
    me = body(dora.get("/me"))
    assert (me["user"]["name"], me["scopes"]) == ("Dora", ["read"])
    assert "role support" in problem(ada.post(f"{user}/tokens", json={"name": "x", "scopes": ["admin"]}), 400)
    assert body(ada.patch(user, json={"language": "de", "name": None}))["language"] == "de"
    assert body(ada.patch(user, json={"language": None}))["language"] is None
    problem(ada.patch(user, json={"langauge": "de"}), 422)
    body(ada.patch(user, json={"mail": False}))
    assert "does not allow to use mail" in problem(dora.get("/messages"), 403)
    body(ada.patch(user, json={"mail": True, "active": False}))
    problem(dora.get("/me"), 401)
    body(ada.patch(user, json={"active": True}))
    assert dora.get("/me").status_code == 200
    assert ada.put(f"{user}/password", json={"password": "ein anderes Passwort"}).status_code == 204
    served.site.people.sign_in("Dora", "ein anderes Passwort", "test")
    assert ada.delete(f"{user}/tokens/{token['id']}").status_code == 204
    problem(dora.get("/me"), 401)
    problem(ada.delete(f"{user}/tokens/{token['id']}"), 404)
    problem(ada.get("/users/999"), 404)


def test_a_token_of_another_is_not_revoked_by_the_wrong_path(served: Served, ada: httpx.Client) -> None:
    people = served.site.people
    bert, carl = people.user("Bert").id, people.user("Carl").id
    token, _ = people.new_token(bert, "x", ["read"], by="test")
    problem(ada.delete(f"/users/{carl}/tokens/{token.id}"), 404)
    assert token in people.tokens(bert)


def test_a_password_is_never_quoted(ada: httpx.Client) -> None:
    for password in ("kurz-und-", "x" * 1001):
        said = problem(ada.post("/users", json={"name": "Egon", "password": password}), 422)
        assert password not in said


def test_an_expired_token_is_nobodys(served: Served, ada: httpx.Client) -> None:
    ada_id = served.site.people.user("Ada").id
    assert "expires" in problem(
        ada.post(f"/users/{ada_id}/tokens", json={"name": "x", "scopes": ["read"], "expires": "2001-01-01T00:00:00Z"}),
        400,
    )
    _, secret = served.site.people.new_token(ada_id, "x", ["read"], expires=int(time.time()) + 2, by="test")
    headers = {"authorization": f"Bearer {secret}"}
    assert ada.get("/me", headers=headers).status_code == 200
    deadline = time.monotonic() + 10
    while ada.get("/me", headers=headers).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    answer = ada.get("/me", headers=headers)
    assert "expired" in problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


# --- who may ------------------------------------------------------------------------------------------------------


def test_each_operation_needs_its_scope(served: Served) -> None:
    """Over all routes: refused without a token and with all scopes but the one that it needs, and let in with that
    alone, to answer whatever it answers to a request of no sense."""
    document = body(httpx.get(f"{served.url}/api/v1/openapi.json"))
    clients = {scope: api(served, "Ada", (scope,)) for scope in ALL}
    nobody = httpx.Client(base_url=f"{served.url}/api/v1")
    served.clients.append(nobody)
    seen = set()
    for path, operations in document["paths"].items():
        concrete = path
        for name in ("row", "user", "token", "type", "id", "part"):
            concrete = concrete.replace(f"{{{name}}}", "999999")
        for method, operation in operations.items():
            required = operation.get("security", [{}])[0].get("token")
            seen.add((method, path))
            if required is None:
                assert path == "/health"
                assert nobody.get("/health").status_code == 200
                continue
            problem(nobody.request(method, concrete), 401)
            for scope, client in clients.items():
                status = client.request(method, concrete).status_code
                if required and required != [scope]:
                    assert status == 403, (method, path, scope)
                else:
                    assert status in (200, 404, 422), (method, path, scope)
    assert seen == {(method.lower(), route.path_format) for route in ROUTES for method in route.methods or ()}


def test_who_may_not_use_mail_sees_none(served: Served) -> None:
    carl = api(served, "Carl", ("read", "correct"))
    for path in ("/messages", "/messages/1", "/messages/1/raw", "/records?q=AB", "/ignored"):
        assert "Carl" in problem(carl.get(path), 403)
    assert carl.get("/me").status_code == 200


def test_a_session_is_no_token(served: Served) -> None:
    problem(served.client("Ada").get("/api/v1/messages"), 401)


# --- problems -----------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, Callable[[httpx.Client], httpx.Response], int]] = [
    ("no path", lambda c: c.get("/nowhere"), 404),
    ("no path within", lambda c: c.get("/messages/1/nowhere"), 404),
    ("trailing slash", lambda c: c.get("/messages/"), 404),
    ("nothing", lambda c: c.get("/"), 404),
    ("row too large", lambda c: c.get(f"/messages/{2**63}"), 422),
    ("row huge", lambda c: c.get(f"/messages/{'9' * 5000}"), 422),
    ("row negative", lambda c: c.get("/messages/-1"), 422),
    ("row zero", lambda c: c.post("/messages/0/open"), 422),
    ("row largest", lambda c: c.get(f"/messages/{2**53 - 1}/history"), 404),
    ("user largest", lambda c: c.get(f"/users/{2**53 - 1}"), 404),
    ("user largest token", lambda c: c.delete(f"/users/{2**53 - 1}/tokens/{2**53 - 1}"), 404),
    ("limit", lambda c: c.get("/messages?limit=201"), 422),
    ("state", lambda c: c.get("/messages?state=none"), 422),
    ("unknown parameter", lambda c: c.delete("/messages/1/assignments/order/O-95?derive=0"), 422),
    ("unknown parameter", lambda c: c.get("/users?limit=1"), 422),
    ("lang", lambda c: c.get("/messages?lang=fr"), 422),
    ("31 words", lambda c: c.get("/messages", params={"q": " ".join(map(str, range(100, 131)))}), 400),
    ("NUL in q", lambda c: c.get("/messages?q=a%00b"), 422),
    ("NUL in records", lambda c: c.get("/records?q=%00"), 422),
    ("NUL in type", lambda c: c.get("/records?q=a&type=%00"), 422),
    ("NUL in id", lambda c: c.get("/records/order/a%00b"), 422),
    ("NUL in record", lambda c: c.get("/messages/1/why-not?record=order:%00"), 422),
    ("NUL in part", lambda c: c.get("/messages/1/attachments/%00"), 422),
    ("NUL in entry", lambda c: c.post("/ignored", json={"entry": "a\0@x.example"}), 422),
    ("NUL in note", lambda c: c.post("/messages/1/assignments", json={"record": "order:O-95", "note": "\0"}), 422),
    ("NUL in name", lambda c: c.post("/users", json={"name": "\0", "password": PASSWORD}), 422),
    ("NUL in cursor", lambda c: c.get("/messages?cursor=%00"), 422),
    ("not JSON", lambda c: posted(c, b"{"), 422),
    ("not UTF-8", lambda c: posted(c, b'{"entry": "\xff"}'), 400),
    ("half a surrogate", lambda c: posted(c, b'{"entry": "\\ud800@x.example"}'), 422),
    ("half a surrogate as key", lambda c: posted(c, b'{"entry": "x.example", "\\ud800": 1}'), 422),
    ("deep", lambda c: posted(c, b"[" * 60_000), 400),
    ("long", lambda c: posted(c, b" " * 70_000), 413),
    ("unknown field", lambda c: posted(c, b'{"entry": "x.example", "list": "users"}'), 422),
    ("no body", lambda c: c.post("/ignored"), 422),
    ("no content type", lambda c: c.post("/ignored", content=b'{"entry": "x.example"}'), 422),
]  # fmt: skip


def posted(client: httpx.Client, content: bytes) -> httpx.Response:
    return client.post("/ignored", content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(("ask", "status"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_a_problem(
    ada: httpx.Client, ask: Callable[[httpx.Client], httpx.Response], status: int
) -> None:
    assert problem(ask(ada), status)


@BOTH
def test_halves_of_surrogates_in_an_address_line_find_nothing(ada: httpx.Client) -> None:
    assert body(ada.get("/records?q=%ED%A0%80"))["items"] == []
    problem(ada.get("/records/order/%ED%A0%80"), 404)


def test_a_body_in_pieces_is_bounded_too(ada: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 10_000

    problem(ada.post("/ignored", content=pieces(), headers={"content-type": "application/json"}), 413)


def test_a_method_that_there_is_not_names_those_that_there_are(ada: httpx.Client) -> None:
    for method, path, allowed in (
        ("PUT", "/ignored", "DELETE, GET, POST"),
        ("HEAD", "/messages", "GET"),
        ("GET", "/messages/1/open", "POST"),
        ("PATCH", "/messages/1/assignments/order/a%2Fb", "DELETE"),
        ("POST", "/openapi.json", "GET"),
    ):
        answer = ada.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_error_of_our_own_is_told_without_its_words(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = api(served)  # of its own: after such an error the server closes the connection

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.site.workspace, "ignored", fail)
    assert "secret" not in problem(ada.get("/ignored"), 500)


# --- at once ------------------------------------------------------------------------------------------------------


@BOTH
def test_of_many_who_open_a_message_at_once_one_decides(served: Served, ada: httpx.Client) -> None:
    """A thread of four; twelve people open its newest message, and others, over connections of their own."""
    workspace = served.site.workspace
    workspace.import_records(
        [contact("K-900", "anna@gleich.example"), order("O-900", customer="K-900", number="GL-1042")]
    )
    thread = [
        mail("Frage zu GL-1042", id_="0@gleich", date=day(1)),
        *(
            mail("Re:", f"Gleich {n}", id_=f"{n}@gleich", reply_to=f"{n - 1}@gleich", date=day(1 + n))
            for n in (1, 2, 3)
        ),
    ]
    workspace.import_mail(((raw, "") for raw in thread), decide=False)
    rows = [workspace.find_message(f"{n}@gleich").row for n in range(4)]
    clients = [httpx.Client(base_url=ada.base_url, headers=ada.headers, timeout=60) for _ in range(12)]
    served.clients += clients
    barrier = Barrier(len(clients))

    def open_(number: int) -> Any:
        barrier.wait(30)
        return body(clients[number].post(f"/messages/{rows[3 if number < 8 else number % 4]}/open"))

    with ThreadPoolExecutor(len(clients)) as pool:
        found = list(pool.map(open_, range(len(clients))))
    assert all(each == found[0] for each in found[:8])
    with workspace.database.begin(write=False) as connection:
        query = text("SELECT count(*) FROM decision WHERE message BETWEEN :first AND :last GROUP BY message")
        counts = list(connection.execute(query, {"first": rows[0], "last": rows[-1]}).scalars())
    assert counts == [1, 1, 1, 1]
    assert [len(body(ada.get(f"/messages/{row}/history"))["items"]) for row in rows] == [1, 1, 1, 1]


# --- the page -----------------------------------------------------------------------------------------------------


EXAMPLES = ("examples", "mail examples")


def test_the_examples_of_the_page_work(served: Served, ada: httpx.Client) -> None:
    """Each curl command of docs/api.md, read as curl reads it."""
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
    block = "".join(page.partition(f"<!-- {each} -->\n```sh\n")[2].partition("```")[0] for each in EXAMPLES)
    calls = [shlex.split(line) for line in block.splitlines() if line.startswith("curl ")]
    assert len(calls) > 10
    for words in calls:
        options: dict[str, list[str]] = {}
        url = words.pop()
        for option, value in zip(words[1::2], words[2::2], strict=True):
            options.setdefault(option, []).append(value)
        headers = dict(each.split(": ", 1) for each in options["-H"])
        assert headers.pop("Authorization") == "Bearer $TOKEN"
        path = url.removeprefix("http://127.0.0.1:8000/api/v1")
        content = options.get("-d", [""])[0].encode() or None
        answer = ada.request(options.get("-X", ["GET"])[0], path, headers=headers, content=content)
        assert answer.is_success, (url, answer.text)
