"""The frame of all pages: signing in, languages, security headers, refused changes, errors."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from beleg.plugins import Installed
from beleg.store import Database
from serving import PASSWORD, Served, serving, site_on


@pytest.fixture
def served(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    with serving(site_on(sqlite, installed)) as found:
        yield found


def test_without_a_session_every_page_leads_to_sign_in(served: Served) -> None:
    answer = served.client().get("/messages?state=ambiguous")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?next=/messages%3Fstate%3Dambiguous",
    )


def test_sign_in_leads_back_to_where_one_came_from(served: Served) -> None:
    data = {"name": " bert ", "password": PASSWORD, "next": "/rules"}
    answer = served.client().post("/sign-in", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert PASSWORD not in cookie


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "/sign-out"])
def test_sign_in_leads_nowhere_else(served: Served, elsewhere: str) -> None:
    answer = served.client().post("/sign-in", data={"name": "Bert", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["location"] == "/"


def test_a_wrong_password_is_refused_in_the_visitors_language(served: Served) -> None:
    answer = served.client(lang="de-AT,en;q=0.5").post("/sign-in", data={"name": "<b>Bert", "password": "falsch"})
    assert answer.status_code == 401
    assert "Name oder Passwort stimmt nicht" in answer.text
    assert '<html lang="de">' in answer.text
    assert "&lt;b&gt;Bert" in answer.text
    assert "set-cookie" not in answer.headers


def test_too_many_attempts_are_refused_even_with_the_right_password(served: Served) -> None:
    client = served.client()
    for _ in range(5):
        client.post("/sign-in", data={"name": "Bert", "password": "falsch"})
    answer = client.post("/sign-in", data={"name": "Bert", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_signing_out_ends_the_session_everywhere_that_cookie_is(served: Served) -> None:
    client = served.client("Bert")
    kept = dict(client.cookies)
    assert client.get("/profile").status_code == 200
    assert client.post("/sign-out").status_code == 303
    for cookies in (dict(client.cookies), kept):
        assert served.client(cookies=cookies).get("/profile").status_code == 303


def test_a_forged_cookie_is_nobody(served: Served) -> None:
    for forged in ("x", "a.b.c", "ImFiYyI.aaaa.bbbb"):
        assert served.client(cookies={"beleg_session": forged}).get("/profile").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": ""},
    ],
    ids=str,
)
def test_changes_from_elsewhere_are_refused(served: Served, headers: dict[str, str]) -> None:
    client = served.client("Bert")
    answer = client.post("/profile/language", data={"language": "de"}, headers=headers)
    assert answer.status_code == 403
    assert served.site.people.user("Bert").language is None
    assert client.post("/profile/language", data={"language": "de"}).status_code == 303
    assert served.site.people.user("Bert").language == "de"


def test_every_answer_has_security_headers(served: Served) -> None:
    client = served.client("Ada")
    paths = (
        "/",
        "/messages",
        "/profile",
        "/nowhere",
        "/static/beleg.css",
        "/static/none",
        "/api/v1/health",
        "/sign-in",
    )
    for path in paths:
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "same-origin", path
        assert "server" not in headers


def test_pages_load_nothing_from_outside(served: Served) -> None:
    html = served.client("Ada").get("/profile").text
    assert "http://" not in html
    assert "https://" not in html


def test_errors_are_pages_in_the_visitors_language(served: Served) -> None:
    client = served.client("Carl")
    answer = client.get("/messages")
    assert answer.status_code == 403
    assert "Ihr Profil erlaubt keinen Zugriff auf Mails" in answer.text
    assert "Diese Seite gibt es nicht." in client.get("/nirgends").text


def test_an_error_of_our_own_is_told_without_its_words(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    client = served.client("Ada")
    monkeypatch.setattr(served.site.people, "change", fail)
    answer = client.post("/profile/language", data={"language": "de"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_new_password_needs_the_old_one_and_signs_out(served: Served) -> None:
    client = served.client("Bert")
    new = "noch ein gutes Passwort"
    wrong = client.post("/profile/password", data={"old": "falsch", "new": new, "again": new})
    assert (wrong.status_code, "The old password is not right." in wrong.text) == (400, True)
    other = client.post("/profile/password", data={"old": PASSWORD, "new": new, "again": new + "x"})
    assert other.status_code == 400
    short = client.post("/profile/password", data={"old": PASSWORD, "new": "kurz", "again": "kurz"})
    assert short.status_code == 400
    assert client.post("/profile/password", data={"old": PASSWORD, "new": new, "again": new}).status_code == 303
    assert client.get("/profile").status_code == 303
    answer = httpx.post(f"{served.url}/sign-in", data={"name": "Bert", "password": new}, headers=client.headers)
    assert answer.status_code == 303
