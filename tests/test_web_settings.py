"""The pages of the settings, area *Mail integration*: accounts, what belongs to them, and what no page ever shows."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from beleg.accounts import AccountSettings
from beleg.accounts.servers import Servers
from beleg.mailserver import MailServerError, Sentence
from beleg.plugins import Installed
from beleg.store import Database
from beleg.web.pages.settings import checking
from mailservers import greyhound
from mailservers.authority import Authority
from mailservers.greyhound import LOGIN, PASSWORD
from serving import Served, accounts_on, serving, site_on

ACCOUNTS = "/settings/mail/accounts"
SECRET = "geheim-4711"
SHOP = {
    "name": "Shop", "host": "pop.firma.example", "user": "shop@firma.example", "password": SECRET, "security": "tls",
    "auth": "login", "after": "keep",
}  # fmt: skip


@pytest.fixture
def served(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    with serving(site_on(sqlite, installed)) as found:
        yield found


@pytest.fixture
def ada(served: Served) -> httpx.Client:
    """The administrator."""
    return served.client("Ada")


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port on which someone listens, and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def add(client: httpx.Client, direction: str = "in", **fields: str) -> httpx.Response:
    return client.post(f"{ACCOUNTS}/new/{direction}", data={**SHOP, **fields})


def ids(served: Served) -> dict[tuple[str, str], int]:
    return {(each.direction, each.name): each.id for each in served.site.accounts.accounts()}


def rows(text: str, direction: str = "in") -> list[str]:
    """The names of the accounts in a table."""
    place = "pop3" if direction == "in" else "smtp"
    section = re.search(rf'<section class="card" id="{place}">(.*?)</section>', text, re.S)
    assert section
    return re.findall(r'<tr data-menu="([^"]+)"', section[1])


def value(text: str, name: str) -> str:
    """The value of a field of a form."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]*>', text)
    assert found, name
    given = re.search(r' value="([^"]*)"', found[0])
    return given[1] if given else ""


def chosen(text: str, name: str) -> str:
    """The option that is chosen in a list."""
    found = re.search(rf'<select[^>]* name="{name}"[^>]*>(.*?)</select>', text, re.S)
    assert found, name
    option = re.search(r'<option value="([^"]*)" selected', found[1])
    return option[1] if option else ""


# --- who ---------------------------------------------------------------------------------------------------------


def test_only_administrators_see_and_change_settings(served: Served) -> None:
    add(served.client("Ada"))
    id_ = ids(served)["in", "Shop"]
    client = served.client("Bert")
    assert "/settings" not in client.get("/profile").text
    for path in ("", "/accounts", "/accounts/new/in", f"/accounts/{id_}", "/groups", "/signatures", "/arrival"):
        assert client.get(f"/settings/mail{path}").status_code == 403, path
    for path in (
        "/server", "/servers/greyhound", "/accounts", "/accounts/switch", "/accounts/new/in", "/accounts/new/out",
        "/accounts/several", f"/accounts/{id_}", "/groups/1", "/signatures", "/signatures/1", "/signatures/1/remove",
        f"/arrival/{id_}",
    ):  # fmt: skip
        answer = client.post(f"/settings/mail{path}", data={**SHOP, "removed": str(id_), "on": str(id_), "text": "x"})
        assert answer.status_code == 403, path
    account = served.site.accounts.account(id_)
    assert (account.name, account.active, account.host) == ("Shop", False, "pop.firma.example")
    assert served.client().get(ACCOUNTS).headers["location"] == f"/sign-in?next={ACCOUNTS}"


# --- a new account -----------------------------------------------------------------------------------------------


def test_saving_a_new_account_creates_what_belongs_to_it_and_leads_to_the_groups_address(
    served: Served, ada: httpx.Client
) -> None:
    answer = add(ada, sends_host="mail.firma.example", sends_security="starttls", sends_port="2525")
    made = ids(served)["in", "Shop"]
    assert answer.headers["location"] == f"{ACCOUNTS}?done=added&about={made}"
    sends = served.site.accounts.account("Shop", "out")
    assert (sends.host, sends.port, sends.security) == ("mail.firma.example", 2525, "starttls")
    group = served.site.accounts.group("Shop")
    text = ada.get(answer.headers["location"]).text
    assert f'href="/settings/mail/groups#group-{group.id}"' in text
    assert "shop@firma.example" in text
    assert "It is inactive: check its settings, then activate it." in text
    assert (rows(text), rows(text, "out")) == (["Shop"], ["Shop"])
    assert f'id="group-{group.id}"' in ada.get("/settings/mail/groups").text


def test_switched_on_in_the_form_both_are_active(served: Served, ada: httpx.Client) -> None:
    add(ada, active="true")
    assert [each.active for each in served.site.accounts.accounts()] == [True, True]


def test_a_user_name_that_is_no_address_asks_for_the_groups(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    answer = add(ada, user="shop")
    assert answer.status_code == 400
    assert "Geben Sie die Adresse der Gruppe &#39;Shop&#39; ein." in answer.text
    assert (value(answer.text, "name"), value(answer.text, "user")) == ("Shop", "shop"), "what was typed is there"
    assert served.site.accounts.accounts() == []
    add(ada, user="shop", address="shop@firma.example")
    assert served.site.accounts.group("Shop").address == "shop@firma.example"


def test_the_password_is_never_sent_back_and_an_empty_one_keeps_it(served: Served, ada: httpx.Client) -> None:
    pages = [add(ada, port="99999").text]
    add(ada)
    id_ = ids(served)["in", "Shop"]
    pages += [ada.get(path).text for path in (ACCOUNTS, f"{ACCOUNTS}/{id_}", f"{ACCOUNTS}/several?account={id_}")]
    ada.post(f"{ACCOUNTS}/{id_}", data={**SHOP, "password": "", "after": "delete"})
    account = served.site.accounts.account(id_)
    assert account.after == "delete"
    assert served.site.accounts.endpoint(account).secret.get_secret_value() == SECRET
    answer = ada.post(f"{ACCOUNTS}/{id_}", data={**SHOP, "password": "", "host": "other.firma.example"})
    assert (answer.status_code, "enter the password again" in answer.text) == (400, True)
    assert served.site.accounts.account(id_).host == "pop.firma.example"
    assert not any(SECRET in text for text in [*pages, answer.text])
    ada.post(f"{ACCOUNTS}/{id_}", data={**SHOP, "password": "neu"})
    assert served.site.accounts.endpoint(account).secret.get_secret_value() == "neu"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host": "https://h"}, "ist kein Name und keine Adresse eines Servers"),
        ({"port": "abc"}, "Ein Port ist eine Zahl von 1 bis 65.535, nicht abc"),
        ({"port": "²"}, "Ein Port ist eine Zahl"),
        ({"name": " "}, "Ein Name hat 1 bis 200 Zeichen"),
        ({"user": ""}, "Geben Sie den Benutzernamen ein"),
        ({"after": "later", "days": "0"}, "nach wie vielen Tagen"),
        ({"after": "later", "days": "x"}, "nach 1 bis 3.650 Tagen"),
        ({"security": "ssl"}, "Die Verbindung ist eine von plain, starttls, tls"),
        ({"after": "nie"}, "ist eines von keep, delete, later"),
        ({"auth": "oauth2"}, "Wählen Sie für OAuth2 den Anbieter"),
        ({"protocol": "imap"}, "beherrscht &#39;imap&#39;"),
        ({"password": "a\nb"}, "Ein Passwort kann keine Steuerzeichen"),
        ({"name": "<b>x"}, ""),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_wrong_is_said_in_the_visitors_language(served: Served, fields: dict[str, str], said: str) -> None:
    answer = add(served.client("Ada", lang="de"), **{"host": "https://h" if not said else "h", **fields})
    assert answer.status_code == 400
    assert said in answer.text
    assert "<b>" not in answer.text
    assert served.site.accounts.accounts() == []


def test_the_eleventh_is_refused_and_told_where_more_can_be_managed(served: Served) -> None:
    served.site.accounts = accounts_on(served.site.workspace, AccountSettings(limit=2))
    ada = served.client("Ada", lang="de")
    add(ada, name="A")
    add(ada, name="B")
    text = ada.get(ACCOUNTS).text
    assert "Alle 2 sind vergeben. Mehr lassen sich verwalten" in text
    assert "account_limit" in text
    assert f'href="{ACCOUNTS}/new/in"' not in text
    answer = add(ada, name="C")
    assert answer.status_code == 400
    assert "Es kann 2 Konten geben" in answer.text
    assert len(served.site.accounts.accounts()) == 4


def test_apop_does_not_exist_for_smtp(served: Served, ada: httpx.Client) -> None:
    assert "APOP does not exist for SMTP." in ada.get(f"{ACCOUNTS}/new/out").text
    assert 'value="apop"' not in ada.get(f"{ACCOUNTS}/new/out").text
    assert 'value="apop"' in ada.get(f"{ACCOUNTS}/new/in").text
    answer = add(ada, "out", auth="apop")
    assert answer.status_code == 400
    assert "APOP does not exist for SMTP; choose login or OAuth2" in answer.text


def test_an_smtp_account_of_its_own(served: Served, ada: httpx.Client) -> None:
    assert "*</textarea>" in ada.get(f"{ACCOUNTS}/new/out").text
    add(ada, "out", name="Versand", auth="none", senders="a@firma.example\r\n\r\n *\r\n")
    account = served.site.accounts.account("Versand", "out")
    assert (account.senders, account.auth, account.group) == (("a@firma.example", "*"), "none", None)
    text = ada.get(f"{ACCOUNTS}/{account.id}").text
    assert "a@firma.example\n*</textarea>" in text
    assert 'name="after"' not in text
    answer = ada.post(f"{ACCOUNTS}/{account.id}", data={**SHOP, "senders": "nobody"})
    assert "no e-mail address" in answer.text


# --- presets -----------------------------------------------------------------------------------------------------


def test_presets_fill_the_form(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    text = ada.get(f"{ACCOUNTS}/new/in?preset=google").text
    assert (value(text, "host"), value(text, "port"), chosen(text, "security")) == ("pop.gmail.com", "995", "tls")
    assert (value(text, "sends_host"), value(text, "sends_port")) == ("smtp.gmail.com", "465")
    assert (chosen(text, "auth"), chosen(text, "provider")) == ("oauth2", "google")
    assert "OAuth2 oder ein App-Passwort. „Weniger sichere Apps“ gibt es nicht mehr." in text
    text = ada.get(f"{ACCOUNTS}/new/out?preset=microsoft").text
    assert (value(text, "host"), value(text, "port"), chosen(text, "security")) == (
        "smtp.office365.com", "587", "starttls",
    )  # fmt: skip
    assert chosen(ada.get(f"{ACCOUNTS}/new/in?preset=nobody").text, "auth") == "login"


def test_an_account_that_is_linked_says_so(served: Served, ada: httpx.Client) -> None:
    add(ada, auth="oauth2", provider="google", password="")
    id_ = ids(served)["in", "Shop"]
    text = ada.get(f"{ACCOUNTS}/{id_}").text
    assert "The account is not linked yet." in text
    assert f'action="{ACCOUNTS}/{id_}/link"' in text
    assert "not linked" in ada.get(ACCOUNTS).text


# --- checking ----------------------------------------------------------------------------------------------------


def check(client: httpx.Client, path: str, **fields: Any) -> tuple[str, str]:
    """Check settings and wait for the end: the address of the result, and the page."""
    answer = client.post(path, data={**SHOP, "act": "check", **fields})
    assert answer.status_code == 303, answer.text
    for _ in range(300):
        text = client.get(answer.headers["location"]).text
        if "data-checking" not in text:
            return answer.headers["location"], text
        time.sleep(0.05)
    raise AssertionError("the check does not end")


def test_a_check_shows_each_step_and_changes_nothing(served: Served, closed: int) -> None:
    ada = served.client("Ada", lang="de")
    address, text = check(ada, f"{ACCOUNTS}/new/in", host="127.0.0.1", port=closed)
    assert "Server erreichbar" in text
    assert "nicht erreichbar" in text
    assert "So funktionieren die Einstellungen noch nicht" in text
    assert served.site.accounts.accounts() == []
    assert (value(text, "name"), value(text, "port")) == ("Shop", str(closed)), "what was typed is there"
    assert SECRET not in text
    # A page never has the password; what was typed for the check counts when the form is sent again.
    answer = add(ada, host="127.0.0.1", port=str(closed), password="", check=value(text, "check"))
    assert answer.status_code == 303
    account = served.site.accounts.account("Shop")
    assert served.site.accounts.endpoint(account).secret.get_secret_value() == SECRET
    assert served.client("Bert").get(address).status_code == 403


def test_a_check_of_a_stored_account_takes_its_password(served: Served, ada: httpx.Client, closed: int) -> None:
    add(ada, name="Shop")
    path = f"{ACCOUNTS}/{ids(served)['in', 'Shop']}"
    _, text = check(ada, path, password="", host="127.0.0.1", port=closed)
    assert "enter the password again" in text
    here = {**SHOP, "host": "127.0.0.1", "port": str(closed), "password": SECRET}
    assert ada.post(path, data=here).status_code == 303
    _, text = check(ada, path, password="", host="127.0.0.1", port=closed)
    assert "<strong>Server reachable</strong>" in text
    assert value(text, "host") == "127.0.0.1"
    assert 'name="check"' not in text, "no password was typed"


def test_wrong_settings_are_told_by_the_check(served: Served, ada: httpx.Client) -> None:
    _, text = check(ada, f"{ACCOUNTS}/new/in", port="0")
    assert "a port is a number from 1 to 65,535" in text
    _, text = check(ada, f"{ACCOUNTS}/new/in", auth="oauth2", provider="google", password="")
    assert "link" in text


def test_a_check_belongs_to_one_page_and_one_person(served: Served, ada: httpx.Client, closed: int) -> None:
    address, _ = check(ada, f"{ACCOUNTS}/new/in", host="127.0.0.1", port=closed)
    query = address.partition("?")[2]
    assert ada.get(f"{ACCOUNTS}/new/out?{query}").status_code == 404
    served.site.people.add("Eva", "ein gutes Passwort", role="admin", by="test")
    assert served.client("Eva").get(address).status_code == 404
    answer = add(ada, password="", check="gone")
    assert answer.status_code == 400
    assert "Enter the password again" in answer.text
    assert served.site.accounts.accounts() == []


def test_a_slow_server_does_not_hold_the_page(
    served: Served, ada: httpx.Client, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 0.1)
    began = time.monotonic()
    answer = ada.post(
        f"{ACCOUNTS}/new/in", data={**SHOP, "act": "check", "host": "127.0.0.1", "port": silent, "security": "plain"}
    )
    text = ada.get(answer.headers["location"]).text
    assert time.monotonic() - began < 5
    assert "Checking the settings" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    monkeypatch.setattr(checking, "LONGEST", 0.0)
    assert "did not answer within a minute" in ada.get(answer.headers["location"]).text


# --- the lists ---------------------------------------------------------------------------------------------------


def test_removing_is_staged_until_it_is_saved(served: Served, ada: httpx.Client) -> None:
    add(ada)
    add(ada, name="Other", user="other@firma.example")
    known = ids(served)
    answer = ada.get(ACCOUNTS, params={"remove": known["in", "Shop"]})
    assert answer.headers["location"] == f"{ACCOUNTS}?removed={known['in', 'Shop']}"
    text = ada.get(answer.headers["location"]).text
    assert (rows(text), rows(text, "out")) == (["Other"], ["Other"]), "with the account of its name that sends"
    assert "these accounts will be deleted" in text
    assert "goes with the account that it sends for" in text
    assert ids(served) == known, "nothing is deleted yet"
    assert rows(ada.get(ACCOUNTS).text) == ["Other", "Shop"], "whoever leaves keeps both"
    # Something else that is done meanwhile does not lose it.
    answer = ada.post(f"{ACCOUNTS}/switch", data={"on": known["in", "Other"], "removed": known["in", "Shop"]})
    assert answer.headers["location"] == f"{ACCOUNTS}?removed={known['in', 'Shop']}&done=on"
    answer = ada.post(ACCOUNTS, data={"removed": [known["in", "Shop"], "999"]})
    assert answer.headers["location"] == f"{ACCOUNTS}?done=removed"
    assert set(ids(served)) == {("in", "Other"), ("out", "Other")}
    assert [each.name for each in served.site.accounts.groups()] == ["Other", "Shop"]


def test_what_is_staged_can_be_undone(served: Served, ada: httpx.Client) -> None:
    for name in ("A", "B"):
        add(ada, name=name)
    known = ids(served)
    first, second = known["in", "A"], known["in", "B"]
    answer = ada.get(ACCOUNTS, params={"remove": "selected", "account": [first, second]})
    text = ada.get(answer.headers["location"]).text
    assert (rows(text), rows(text, "out")) == ([], [])
    undo = re.search(r'<a href="([^"]+)" aria-label="Undo: keep A"', text)
    assert undo
    text = ada.get(undo[1].replace("&amp;", "&")).text
    assert (rows(text), rows(text, "out")) == (["A"], ["A"])


def test_an_account_that_is_active_says_so_before_it_goes(served: Served, ada: httpx.Client) -> None:
    add(ada, active="true")
    text = ada.get(ACCOUNTS, params={"removed": ids(served)["in", "Shop"]}).text
    assert "still active: better deactivate it first" in text


def test_several_are_switched_at_once(served: Served, ada: httpx.Client) -> None:
    for name in ("A", "B", "C"):
        add(ada, name=name)
    known = ids(served)
    ada.post(f"{ACCOUNTS}/switch", data={"on": "selected", "account": [known["in", "A"], known["in", "C"]]})
    assert [each.name for each in served.site.accounts.accounts("in") if each.active] == ["A", "C"]
    ada.post(f"{ACCOUNTS}/switch", data={"off": str(known["in", "A"])})
    assert [each.name for each in served.site.accounts.accounts("in") if each.active] == ["C"]
    answer = ada.post(f"{ACCOUNTS}/switch", data={"on": "selected"})
    assert answer.status_code == 400
    assert "Select the accounts first." in answer.text


def test_of_several_only_the_chosen_fields_change(served: Served, ada: httpx.Client) -> None:
    add(ada, name="A", user="a@firma.example")
    add(ada, name="B", user="b@firma.example", host="pop.b.example")
    known = ids(served)
    both = [known["in", "A"], known["in", "B"]]
    text = ada.get(f"{ACCOUNTS}/several", params={"account": both}).text
    assert "Edit 2 accounts together" in text
    form = {**SHOP, "account": both, "host": "typed", "after": "later", "days": "14", "delete_too": "true"}
    answer = ada.post(f"{ACCOUNTS}/several", data={**form, "change": ["after", "delete_too"]})
    assert answer.headers["location"] == f"{ACCOUNTS}?done=changed"
    accounts = served.site.accounts.accounts("in")
    assert [(each.after, each.days, each.delete_too) for each in accounts] == [("later", 14, True)] * 2
    assert [(each.host, each.user) for each in accounts] == [
        ("pop.firma.example", "a@firma.example"), ("pop.b.example", "b@firma.example"),
    ]  # fmt: skip
    assert served.site.accounts.endpoint(accounts[0]).secret.get_secret_value() == SECRET
    port = {**form, "change": ["port"], "port": "", "security": "plain"}
    answer = ada.post(f"{ACCOUNTS}/several", data=port)
    assert (answer.status_code, "enter the password again" in answer.text) == (400, True)
    ada.post(f"{ACCOUNTS}/several", data={**port, "change": ["port", "password"]})
    assert [each.port for each in served.site.accounts.accounts("in")] == [110, 110]


def test_several_or_none(served: Served, ada: httpx.Client) -> None:
    add(ada)
    known = ids(served)
    assert ada.get(f"{ACCOUNTS}/several").status_code == 400
    mixed = {"account": [known["in", "Shop"], known["out", "Shop"]]}
    assert "not both" in ada.get(f"{ACCOUNTS}/several", params=mixed).text
    one = {**SHOP, "account": known["in", "Shop"]}
    assert "Choose at least one field" in ada.post(f"{ACCOUNTS}/several", data=one).text
    answer = ada.post(f"{ACCOUNTS}/several", data={**one, "change": "host", "host": "a b"})
    assert answer.status_code == 400
    assert 'value="a b"' in answer.text
    assert ada.get(f"{ACCOUNTS}/several?account=99").status_code == 404


def test_how_an_account_fares_is_shown_in_the_visitors_language(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    add(ada, active="true")
    id_ = ids(served)["in", "Shop"]
    fault = MailServerError("sign_in", Sentence("No, {who}", "Nein, {who}"), "-ERR <b>", who="Shop")
    served.site.accounts.settled(id_, None, due=1_800_000_000)
    text = ada.get(ACCOUNTS).text
    assert "15. Jan. 2027" in text
    served.site.accounts.settled(id_, fault, halted=True)
    for text in (ada.get(ACCOUNTS).text, ada.get(f"{ACCOUNTS}/{id_}").text):
        assert "Nein, Shop (-ERR &lt;b&gt;)" in text
    assert "angehalten" in ada.get(ACCOUNTS).text


def test_accounts_that_are_not_there(served: Served, ada: httpx.Client) -> None:
    for path in (f"{ACCOUNTS}/1", f"{ACCOUNTS}/99999999999999999999", "/settings/mail/signatures/5"):
        assert ada.get(path).status_code == 404, path
    for path in (f"{ACCOUNTS}/new/sideways", f"{ACCOUNTS}/x"):
        assert ada.get(path).status_code == 400, path
    assert ada.post(f"{ACCOUNTS}/1", data=SHOP).status_code == 404
    assert ada.post("/settings/mail/groups/9", data={"address": "a@b.example"}).status_code == 404
    assert ada.post("/settings/mail/arrival/9", data={"group": "1", "work": "open"}).status_code == 404


# --- what belongs to accounts ------------------------------------------------------------------------------------


def test_the_address_and_the_signature_of_a_group_change(served: Served, ada: httpx.Client) -> None:
    add(ada)
    accounts = served.site.accounts
    group = accounts.group("Shop")
    path = f"/settings/mail/groups/{group.id}"
    answer = ada.post(path, data={"address": "neu@firma.example", "signature": ""})
    assert answer.headers["location"] == f"/settings/mail/groups?done={group.id}#group-{group.id}"
    assert (accounts.group("Shop").address, accounts.group("Shop").signature) == ("neu@firma.example", None)
    mute = "No SMTP account sends for this address"
    assert mute in ada.get("/settings/mail/groups").text
    accounts.change(ids(served)["out", "Shop"], "test", senders=["Neu@firma.example"])
    assert mute not in ada.get("/settings/mail/groups").text
    accounts.change(ids(served)["out", "Shop"], "test", senders=["*"])
    assert mute not in ada.get("/settings/mail/groups").text
    with accounts.reading() as connection:
        assert accounts.workspace.ignore_list(connection).entry_for("neu@firma.example")
    answer = ada.post(path, data={"address": "keine"})
    assert (answer.status_code, "keine" in answer.text) == (400, True)
    assert accounts.group("Shop").address == "neu@firma.example"
    assert "neither added nor deleted" in ada.get("/settings/mail/groups").text


def test_signatures_are_added_changed_and_removed(served: Served, ada: httpx.Client) -> None:
    accounts = served.site.accounts
    base = "/settings/mail/signatures"
    ada.post(base, data={"name": "Gruß", "text": "Viele Grüße\r\n<b>Ada</b>"})
    [made] = accounts.signatures()
    assert (made.name, made.text) == ("Gruß", "Viele Grüße\n<b>Ada</b>")
    text = ada.get(f"{base}/{made.id}").text
    assert "&lt;b&gt;Ada" in text
    ada.post(f"{base}/{made.id}", data={"name": "Gruß", "text": "Tschüss"})
    assert accounts.signature(made.id).text == "Tschüss"
    answer = ada.post(base, data={"name": "gruß", "text": "Zweite"})
    assert (answer.status_code, "Zweite" in answer.text) == (400, True)
    answer = ada.post(f"{base}/{made.id}", data={"name": "", "text": "Zweite"})
    assert (answer.status_code, "Zweite" in answer.text) == (400, True)
    ada.post(f"{base}/{made.id}/remove")
    assert accounts.signatures() == []


def test_the_rule_for_incoming_mail_is_shown_and_changed(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    add(ada)
    add(ada, name="Other")
    accounts = served.site.accounts
    id_ = ids(served)["in", "Shop"]
    assert "Eingangsverarbeitung: Shop" in ada.get("/settings/mail/arrival").text
    other, bert = accounts.group("Other").id, served.site.people.user("Bert").id
    path = f"/settings/mail/arrival/{id_}"
    topic = accounts.add_topic("Retouren", "Ada").id
    ada.post(path, data={"group": other, "work": "done", "owner": bert, "topic": topic})
    assert accounts.arrival_rules()[id_][1:] == (other, "done", bert, topic)
    assert ada.post(path, data={"group": other, "work": "done", "owner": "999"}).status_code == 404
    assert ada.post(path, data={"group": other, "work": "done", "topic": "999"}).status_code == 404
    text = ada.get("/settings/mail/arrival").text
    assert f'<option value="{bert}" selected>Bert' in text
    assert "Carl" not in text, "who may not use mail gets none"
    answer = ada.post(path, data={"group": other, "work": "later"})
    assert (answer.status_code, "offen oder erledigt" in answer.text) == (400, True)


# --- basic settings ----------------------------------------------------------------------------------------------

SERVER = "/settings/mail/servers/greyhound"
GREYHOUND = {"address": "mail.firma.example", "user": "admin", "password": SECRET}


def test_what_is_still_missing_is_said(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    assert ada.get("/settings").headers["location"] == "/settings/mail"
    text = ada.get("/settings/mail").text
    assert text.count("fehlt noch") == 2
    assert "2 von 3 aktiven Benutzern dürfen es" in text
    assert "Systemvoraussetzungen" in text
    add(ada, "out")
    text = ada.get("/settings/mail").text
    assert text.count("fehlt noch") == 1
    assert "1 Konto ist inaktiv" in text
    assert "Es fehlt noch ein POP3-Konto" in ada.get(ACCOUNTS).text


def test_which_server_serves_the_company(served: Served, ada: httpx.Client) -> None:
    servers = Servers(served.site.accounts)
    answer = ada.post("/settings/mail/server", data={"server": "greyhound"})
    assert (answer.status_code, "not set up yet" in answer.text) == (400, True)
    assert servers.active() is None
    assert ada.post(SERVER, data=GREYHOUND).headers["location"] == f"{SERVER}?done=saved"
    ada.post("/settings/mail/server", data={"server": "greyhound"})
    assert servers.active() == "greyhound"
    text = ada.get(ACCOUNTS).text
    assert "GREYHOUND serves the company" in text
    assert "An SMTP account is still missing" in text
    assert ada.get("/settings/mail").text.count("still missing") == 1, "mail needs no POP3 account then"
    assert re.search('value="greyhound" checked', ada.get("/settings/mail").text)
    ada.post("/settings/mail/server", data={"server": ""})
    assert servers.active() is None
    assert ada.post("/settings/mail/server", data={"server": "exchange"}).status_code == 404


def test_how_a_server_is_reached_is_stored_and_its_password_never_shown(served: Served, ada: httpx.Client) -> None:
    text = ada.get(SERVER).text
    assert "What can't be done through Beleg" in text
    assert "System requirements" in text
    form = {**GREYHOUND, "server_name": "mail.firma.example", "allow_private": "true"}
    ada.post(SERVER, data=form)
    view = Servers(served.site.accounts).settings_view("greyhound")
    assert (view.user, view.server_name, view.allow_private, view.allow_redirects) == (
        "admin", "mail.firma.example", True, False,
    )  # fmt: skip
    assert (view.has_secret, len(view.client_id)) == (True, 32)
    ada.post(SERVER, data={**form, "password": "", "client_id": view.client_id, "allow_redirects": "true"})
    after = Servers(served.site.accounts).settings_view("greyhound")
    assert (after.has_secret, after.allow_redirects) == (True, True)
    text = ada.get(SERVER).text
    assert SECRET not in text
    assert value(text, "client_id") == view.client_id
    answer = ada.post(SERVER, data={**form, "address": "elsewhere.example", "password": ""})
    assert (answer.status_code, "enter the password again" in answer.text) == (400, True)
    assert ada.get("/settings/mail/servers/exchange").status_code == 404


def test_where_the_provider_manages_the_account_it_is_locked(served: Served) -> None:
    ada = served.client("Ada", lang="de")
    ada.post(SERVER, data={**GREYHOUND, "managed": "true"})
    servers = Servers(served.site.accounts)
    text = ada.get(SERVER).text
    assert "Der Anbieter verwaltet dieses Konto" in text
    assert re.search(r'name="user"[^>]* disabled', text)
    other = {**GREYHOUND, "user": "other", "password": "anders", "managed": "true", "allow_redirects": "true"}
    assert ada.post(SERVER, data=other).status_code == 303
    assert (servers.settings_view("greyhound").user, servers.settings_view("greyhound").allow_redirects) == (
        "admin", True,
    )  # fmt: skip
    text = ada.get(f"{SERVER}?unlock=1").text
    assert "Entsperrt. Ändern Sie Benutzername oder Passwort nur" in text
    assert not re.search(r'name="user"[^>]* disabled', text)
    ada.post(SERVER, data={**other, "unlocked": value(text, "unlocked")})
    assert servers.settings_view("greyhound").user == "other"


def test_the_accounts_on_another_server_are_shown(served: Served, ada: httpx.Client, tmp_path: Path) -> None:
    servers = Servers(served.site.accounts)
    authority = Authority()
    files = authority.issue(tmp_path)
    with greyhound.running(files.certificate, files.key, authority.pem) as fake:
        servers.save(
            "greyhound", "test", address=fake.address, user=LOGIN, password=SecretStr(PASSWORD),
            authorities=fake.authorities, allow_private=True,
        )  # fmt: skip
        assert 'id="there"' not in ada.get(ACCOUNTS).text, "Beleg's own accounts serve"
        servers.use("greyhound", "test")
        assert "It has no accounts yet" in ada.get(ACCOUNTS).text
        fake.keep("RpcPop3Accounts", Name="<b>Abholen", Host="pop.firma.example", Port=995, State=1, Message="kaputt")
        fake.keep("RpcSmtpAccounts", Name="Senden", Host="smtp.firma.example", Password="geheim-77")
        text = served.client("Ada", lang="de").get(ACCOUNTS).text
        shown = text[text.index('id="there"') :]
        for word in (
            "Konten auf GREYHOUND",
            "&lt;b&gt;Abholen",
            "pop.firma.example:995",
            "kaputt",
            "Senden",
            "inaktiv",
        ):
            assert word in shown
        assert "geheim-77" not in text


def test_a_server_that_does_not_answer_holds_no_page_up(
    served: Served, ada: httpx.Client, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beleg.web.pages.settings.accounts.PATIENCE", 1.0)
    servers = Servers(served.site.accounts)
    servers.save(
        "greyhound", "test", address=f"https://127.0.0.1:{silent}", user="admin", password=SecretStr(SECRET),
        allow_private=True, seconds=60.0,
    )  # fmt: skip
    servers.use("greyhound", "test")
    start = time.monotonic()
    answer = ada.get(ACCOUNTS)
    assert (answer.status_code, "be shown now: " in answer.text) == (200, True)
    assert time.monotonic() - start < 5


def test_the_settings_of_a_server_are_checked(served: Served, closed: int) -> None:
    ada = served.client("Ada", lang="de")
    address, text = check(
        ada, SERVER, address=f"https://127.0.0.1:{closed}", user="admin", password=SECRET, allow_private="true"
    )
    assert "✗" in text
    assert "So funktionieren die Einstellungen noch nicht" in text
    assert SECRET not in text
    assert not Servers(served.site.accounts).settings_view("greyhound").saved, "a check stores nothing"
    ada.post(
        SERVER,
        data={"address": f"https://127.0.0.1:{closed}", "user": "admin", "check": value(text, "check"), "password": ""},
    )
    assert Servers(served.site.accounts).settings_view("greyhound").has_secret
    assert address.startswith(SERVER)
