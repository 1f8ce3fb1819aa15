"""Linking on the page: to the provider and back, in a real browser too; and the page of providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from beleg.plugins import installed
from beleg.store import Database
from browser import Surfing, browsing
from linked import Plugin, link, mailbox, set_up
from mailservers.oauth import SECRET, AuthorisationServer, Fault, authorising
from serving import PASSWORD, Served, serving, site_on

ACCOUNTS = "/settings/mail/accounts"
PROVIDERS = "/settings/mail/providers"


@pytest.fixture
def server() -> Iterator[AuthorisationServer]:
    with authorising() as found:
        yield found


@pytest.fixture
def served(sqlite: Database, server: AuthorisationServer) -> Iterator[Served]:
    """A site with one account of a provider."""
    site = site_on(sqlite, installed(extra=[("test", Plugin())]))
    set_up(site.accounts, server)
    mailbox(site.accounts)
    with serving(site) as found:
        yield found


def state(served: Served) -> str:
    return served.site.accounts.links.state(served.site.accounts.account("Shop")).state


def path(served: Served) -> str:
    return f"{ACCOUNTS}/{served.site.accounts.account('Shop').id}"


def way(answer: httpx.Response) -> str:
    """Where the page leads that goes on to the provider."""
    assert answer.status_code == 200, answer.text
    found = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]+)">', answer.text)
    assert found, answer.text
    assert f'href="{found[1]}"' in answer.text  # without it, too
    return unescape(found[1])


def back(served: Served, url: str) -> str:
    """Sign in there; the path that the provider sends the browser to."""
    location = httpx.get(url, follow_redirects=False).headers["location"]
    assert location.startswith(f"{served.url}/oauth2/")
    return str(location.removeprefix(served.url))


def test_an_account_is_linked_and_unlinked(served: Served, server: AuthorisationServer) -> None:
    client = served.client("Ada")
    assert "The account is not linked yet." in client.get(path(served)).text
    url = way(client.post(f"{path(served)}/link"))
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{served.url}/oauth2/callback"]
    here = back(served, url)
    # The browser comes from another site: only its cookie says who it is.
    answer = client.get(here, headers={"sec-fetch-site": "cross-site", "referer": server.url})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path(served)}?done=linked")
    assert state(served) == "linked"
    page = client.get(answer.headers["location"]).text
    assert "The account is linked." in page
    assert client.get(here).status_code == 400  # it counts once
    url = way(client.post(f"{path(served)}/renew"))
    assert (state(served), server.refreshing) == ("none", {})
    client.get(back(served, url))
    assert state(served) == "linked"
    answer = client.post(f"{path(served)}/unlink")
    assert answer.headers["location"] == f"{path(served)}?done=unlinked"
    assert "The account is not linked any more." in client.get(answer.headers["location"]).text
    assert state(served) == "none"


def test_a_revocation_that_fails_is_shown(served: Served, server: AuthorisationServer) -> None:
    client = served.client("Ada", lang="de")
    client.get(back(served, way(client.post(f"{path(served)}/link"))))
    server.faults["/revoke"] = Fault(status=500)
    page = client.post(f"{path(served)}/unlink").text
    assert "Das Konto ist nicht mehr verknüpft." in page
    assert "house kann gerade nicht antworten (HTTP 500)" in page
    server.faults.clear()
    client.get(back(served, way(client.post(f"{path(served)}/link"))))
    server.faults["/revoke"] = Fault(status=500)
    page = client.post(f"{path(served)}/renew").text  # is read before one goes on
    assert "HTTP 500" in page
    assert "refresh" not in page
    assert "/authorize?" in page


def test_an_answer_counts_in_the_session_that_asked(served: Served, server: AuthorisationServer) -> None:
    """Who is led to a callback that another began (RFC 9700 section 4.7) links nothing."""
    people = served.site.people
    people.add("Eva", PASSWORD, role="admin", by="test")
    ada, eva = served.client("Ada"), served.client("Eva", lang="de")
    here = back(served, way(eva.post(f"{path(served)}/link")))
    answer = ada.get(here)
    assert (answer.status_code, "belongs to no sign-in that was begun here" in answer.text) == (400, True)
    assert state(served) == "none"
    answer = eva.get(here)
    assert "gehört zu keiner Anmeldung" in answer.text
    here = back(served, way(ada.post(f"{path(served)}/link")))
    ada.post("/sign-out")
    for client in (ada, served.client()):
        answer = client.get(here)
        assert answer.headers["location"] == f"/sign-in?next={ACCOUNTS}"  # the code goes nowhere
    again = served.client("Ada")  # another session of the same person
    assert again.get(here).status_code == 400
    assert state(served) == "none"


def test_linking_is_for_administrators(served: Served) -> None:
    bert = served.client("Bert")
    for act in ("link", "unlink", "renew"):
        assert bert.post(f"{path(served)}/{act}").status_code == 403
    assert bert.get("/oauth2/callback?state=x&code=y").status_code == 403
    assert bert.get(PROVIDERS).status_code == 403
    assert bert.post(PROVIDERS, data={"name": "google", "client_id": "x"}).status_code == 403
    ada = served.client("Ada")
    stranger = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert ada.post(f"{path(served)}/link", headers=stranger).status_code == 403
    assert ada.post(f"{ACCOUNTS}/77/link").status_code == 404


def test_refusals_are_told_on_the_page(served: Served, server: AuthorisationServer) -> None:
    client = served.client("Ada")
    asked = parse_qs(urlsplit(way(client.post(f"{path(served)}/link"))).query)["state"][0]
    answer = client.get("/oauth2/callback", params={
        "state": asked, "error": "access_denied", "error_description": "<script>alert(1)</script>\u202eno",
    })  # fmt: skip
    assert answer.status_code == 400
    assert "the sign-in was cancelled or refused there" in answer.text
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
    assert "cancelled or refused" in client.get(path(served)).text  # and stays on the account
    assert client.get("/oauth2/callback").status_code == 400
    assert client.get(f"/oauth2/callback?state={'x' * 20_000}&code=%00").status_code == 400


def test_people_are_reminded_before_a_link_ends(served: Served, server: AuthorisationServer) -> None:
    pages = ("/messages", ACCOUNTS)
    assert all("counts until" not in served.client("Ada").get(page).text for page in pages)
    server.refresh_expires_in = 10 * 24 * 60 * 60
    link(served.site.accounts, served.site.accounts.account("Shop"))
    for page in pages:
        assert "The link of erika@firma.example with House counts until" in served.client("Ada").get(page).text
    inbox = served.client("Bert", lang="de").get("/messages").text
    assert "Die Verknüpfung von erika@firma.example mit House gilt bis" in inbox
    assert ACCOUNTS not in inbox


def test_consent_leads_to_the_administrator_and_to_a_second_link(served: Served, server: AuthorisationServer) -> None:
    client = served.client("Ada", lang="de")
    server.consented = False
    answer = client.get(back(served, way(client.post(f"{path(served)}/link"))))
    assert answer.status_code == 400
    assert "Zuerst muss ein Administrator bei house zustimmen" in answer.text
    found = re.search(r'href="([^"]+/consent\?[^"]+)"', answer.text)
    assert found
    consent = unescape(found[1])
    assert state(served) == "consent"
    here = back(served, consent)
    # The provider's administrator may be unknown here: he learns how it goes on, and nothing else.
    other = served.client().get(here)
    assert (other.status_code, "whoever set up the account" in other.text) == (200, True)
    assert "Shop" not in other.text
    refused = served.client().get("/oauth2/consent?error=access_denied&error_description=%3Cb%3Eno")
    assert (refused.status_code, "access_denied &lt;b&gt;no" in refused.text) == (400, True)
    answer = client.get(here)
    assert answer.headers["location"] == f"{path(served)}?done=consented"
    assert "Verknüpfen Sie jetzt das Konto erneut." in client.get(answer.headers["location"]).text
    client.get(back(served, way(client.post(f"{path(served)}/link"))))
    assert state(served) == "linked"


# --- providers


def test_providers_are_set_up_on_their_page(served: Served) -> None:
    client = served.client("Ada")
    page = client.get(PROVIDERS).text
    assert f"{served.url}/oauth2/callback" in page
    assert f"{served.url}/oauth2/consent" in page
    assert "“Less secure apps” no longer exists." in page
    assert SECRET not in page
    links = served.site.accounts.links
    form = {"name": "microsoft", "client_id": "abc", "secret": "top-secret-of-microsoft", "tenant": "firma.example"}
    assert client.post(PROVIDERS, data=form).headers["location"] == f"{PROVIDERS}?done=saved"
    assert links.provider("microsoft").secret.get_secret_value() == "top-secret-of-microsoft"
    page = client.get(f"{PROVIDERS}?done=saved").text
    assert "The provider is set up." in page
    assert 'value="abc"' in page
    assert "top-secret-of-microsoft" not in page
    client.post(PROVIDERS, data={"name": "microsoft", "client_id": "def"})
    found = links.provider("microsoft")
    assert (found.client_id, found.tenant, found.secret.get_secret_value()) == (
        "def", "common", "top-secret-of-microsoft",
    )  # fmt: skip
    client.post(PROVIDERS, data={"name": "microsoft", "client_id": "def", "no_secret": "true"})
    assert links.provider("microsoft").secret.get_secret_value() == ""
    client.post(PROVIDERS, data={"name": "google", "client_id": "g", "testing": "true"})
    assert links.provider("google").testing
    assert client.post(f"{PROVIDERS}/microsoft/remove").headers["location"] == f"{PROVIDERS}?done=removed"
    assert not links.provider("microsoft").ready
    answer = client.post(f"{PROVIDERS}/house/remove")
    assert (answer.status_code, "accounts sign in with &#39;house&#39;" in answer.text) == (400, True)
    assert client.post(f"{PROVIDERS}/nobody/remove").status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "google"}, "Geben Sie die Client-ID ein"),
        ({"name": "Haus", "client_id": "x"}, "Kleinbuchstaben, Ziffern und Bindestrichen"),
        ({"name": "other", "client_id": "x"}, "braucht die Adressen"),
        ({"name": "google", "client_id": "x", "token": "http://evil.example/"}, "ist keine Adresse eines Anbieters"),
        ({"name": "google", "client_id": "x", "days": "bald"}, "Die Tage sind eine Zahl"),
        ({"name": "google", "client_id": "x", "days": "99999999999999999"}, "nach höchstens 3.650"),
        ({"name": "microsoft", "client_id": "x", "tenant": "a/b"}, "ist kein Verzeichnis"),
    ],
)
def test_what_is_entered_wrongly_is_told(served: Served, form: dict[str, str], said: str) -> None:
    answer = served.client("Ada", lang="de").post(PROVIDERS, data={**form, "secret": "never-shown-again"})
    assert (answer.status_code, said in answer.text) == (400, True)
    assert "never-shown-again" not in answer.text
    if form.get("client_id"):
        assert 'value="x"' in answer.text  # what was typed is still there


def test_a_lost_key_does_not_lock_the_page(served: Served) -> None:
    from beleg.vault import Vault, new_key

    served.site.accounts.__dict__["vault"] = Vault([new_key()])
    client = served.client("Ada")
    assert client.get(PROVIDERS).status_code == 200
    assert client.get(path(served)).status_code == 200
    answer = client.post(f"{path(served)}/link")
    assert (answer.status_code, "fits what is stored" in answer.text) == (400, True)
    assert client.post(f"{path(served)}/unlink").status_code == 303
    form = {"name": "house", **served.site.accounts.links.fields("house"), "secret": SECRET}
    assert client.post(PROVIDERS, data=form).status_code == 303
    assert client.post(f"{path(served)}/link").status_code == 200


# --- in a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing() as found:
        yield found


@pytest.mark.parametrize("lang", ["en", pytest.param("de", marks=pytest.mark.slow)])
def test_the_way_to_the_provider_and_back_in_a_browser(
    chromium: Any, served: Served, server: AuthorisationServer, lang: str
) -> None:
    """What the security policy forbids, Chromium would not do: it holds redirects after a form to form-action."""
    server.ask = True
    surfing = Surfing(chromium, served.url, lang)
    try:
        page = surfing.page
        surfing.sign_in("Ada", PASSWORD)
        page.goto(path(served))
        page.click("form[action$='/link'] button")
        page.wait_for_url(f"{server.url}/authorize?**")
        assert page.evaluate("document.referrer") == ""
        page.click("#deny")
        page.wait_for_url("**/oauth2/callback?**")
        surfing.picture(f"linking-refused-{lang}")
        assert state(served) == "again"
        page.click("form[action$='/link'] button")
        page.wait_for_url(f"{server.url}/authorize?**")
        page.click("#allow")
        page.wait_for_url("**?done=linked")
        assert state(served) == "linked"
        assert page.locator("p.done").count() == 1
        server.consented = False
        page.click("form[action$='/renew'] button")
        page.wait_for_url("**/oauth2/callback?**")
        surfing.picture(f"linking-consent-{lang}")
        page.click("a[href*='/consent?']")
        page.wait_for_url("**?done=consented")
        page.click("form[action$='/link'] button")
        page.click("#allow")
        page.wait_for_url("**?done=linked")
        assert state(served) == "linked"
        page.goto(PROVIDERS)
        surfing.picture(f"providers-{lang}")
        assert {urlsplit(each).netloc for each in surfing.outside} == {urlsplit(server.url).netloc}
        # That a page answers 400 is the console's word for the two refusals, and all it has to say.
        assert [each for each in surfing.faults if "400 (Bad Request)" not in each] == []
    finally:
        surfing.close()


@pytest.mark.slow
def test_the_pages_pass_axe(chromium: Any, served: Served) -> None:
    from axe_playwright_python.sync_playwright import Axe

    surfing = Surfing(chromium, served.url)
    try:
        surfing.sign_in("Ada", PASSWORD)
        for each in (PROVIDERS, "/oauth2/consent", "/oauth2/consent?error=no", path(served)):
            surfing.page.goto(each)
            found = Axe().run(surfing.page)
            assert found.violations_count == 0, found.generate_report()
    finally:
        surfing.close()
