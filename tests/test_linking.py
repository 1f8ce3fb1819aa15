"""Linking accounts with a provider, and the tokens that they sign in with, against a real authorisation server."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from beleg.accounts import Account, Accounts, AccountSettings
from beleg.accounts.fetching import Fetcher
from beleg.accounts.providers import DAY, PRESETS, checked, provider_of
from beleg.errors import InputError, NotFound
from beleg.mailserver import Fault as Kind
from beleg.mailserver import MailServerError
from beleg.plugins import installed
from beleg.store import Database, journal
from beleg.store.account_tables import oauth_link, oauth_request
from beleg.vault import FileVault, add_key
from beleg.workspace import Workspace
from linked import BACK, BROWSER, USER, Plugin, answered, at_provider, link, mailbox, set_up
from mailservers.authority import Authority
from mailservers.dovecot import Dovecot
from mailservers.oauth import SECRET, AuthorisationServer, Fault, Grant, authorising
from serving import accounts_on


@pytest.fixture(scope="module")
def running() -> Iterator[AuthorisationServer]:
    with authorising() as found:
        yield found


@pytest.fixture
def server(running: AuthorisationServer) -> AuthorisationServer:
    """The authorisation server, as new."""
    fresh = AuthorisationServer(running.url)
    for name in AuthorisationServer.__dataclass_fields__:
        if name != "lock":
            setattr(running, name, getattr(fresh, name))
    return running


def on(database: Database, settings: AccountSettings | None = None) -> Accounts:
    return accounts_on(Workspace(database, installed(extra=[("test", Plugin())])), settings)


@pytest.fixture
def accounts(sqlite: Database, server: AuthorisationServer) -> Accounts:
    found = on(sqlite)
    set_up(found, server)
    return found


@pytest.fixture
def both(database: Database, server: AuthorisationServer) -> Accounts:
    """On each kind of database."""
    found = on(database)
    set_up(found, server)
    return found


def refused(accounts: Accounts, account: Account) -> MailServerError:
    with pytest.raises(MailServerError) as caught:
        accounts.links.token(account)
    return caught.value


def stored(accounts: Accounts) -> str:
    """The one link, as text."""
    with accounts.reading() as connection:
        return str(connection.execute(oauth_link.select()).one())


# --- linking


def test_a_link_serves_all_accounts_of_a_mailbox(both: Accounts, server: AuthorisationServer) -> None:
    fetches = mailbox(both)
    [sends] = both.accounts("out")
    assert both.links.state(fetches).state == "none"
    assert (refused(both, fetches).fault, server.asked["/token"]) == ("sign_in", 0)
    outcome = link(both, fetches)
    assert (outcome.what, outcome.account) == ("linked", fetches.id)
    assert outcome.say("de") == f"{USER} ist mit house verknüpft."
    tokens = {both.endpoint(each).secret.get_secret_value() for each in (fetches, sends)}
    assert tokens == set(server.access)
    state = both.links.state(sends)
    assert (state.state, state.error, state.ends) == ("linked", None, None)
    assert time.time() - 60 < (state.linked or 0) <= time.time()
    assert server.asked["/token authorization_code"] == 1
    assert server.asked["/token refresh_token"] == 0
    with both.reading() as connection:
        acts = [each.act for each in journal.newest(connection)]
        assert connection.execute(oauth_request.select()).all() == []
    assert acts[0] == "account.link"


def test_the_request_has_what_the_provider_must_know(accounts: Accounts) -> None:
    account = mailbox(accounts)
    url = accounts.links.begin(account.id, BACK, BROWSER, "Ada")
    asked = {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BACK
    assert asked["login_hint"] == USER
    assert len(asked["state"]) >= 43
    with accounts.reading() as connection:
        row = str(connection.execute(oauth_request.select()).one())
    assert asked["state"] not in row
    assert BROWSER not in row


@pytest.mark.parametrize("name", ["google", "microsoft"])
def test_presets_need_the_client_id_alone(accounts: Accounts, name: str) -> None:
    account = mailbox(accounts, provider=name)
    with pytest.raises(InputError, match="is not set up yet"):
        accounts.links.begin(account.id, BACK, BROWSER, "Ada")
    accounts.links.set_provider(name, "Ada", client_id="abc")
    url = urlsplit(accounts.links.begin(account.id, BACK, BROWSER, "Ada"))
    query = parse_qs(url.query)
    assert query["scope"] == [PRESETS[name].scopes]
    if name == "google":
        assert f"{url.scheme}://{url.netloc}{url.path}" == "https://accounts.google.com/o/oauth2/v2/auth"
        assert (query["access_type"], query["prompt"]) == (["offline"], ["consent"])
    else:
        assert url.path == "/common/oauth2/v2.0/authorize"


def test_an_account_that_signs_in_otherwise_is_not_linked(accounts: Accounts) -> None:
    account = mailbox(accounts)
    accounts.change(account.id, "Ada", auth="login", password=SecretStr("x"))
    with pytest.raises(InputError, match="does not sign in by OAuth2"):
        accounts.links.begin(account.id, BACK, BROWSER, "Ada")
    with pytest.raises(NotFound):
        accounts.links.begin(77, BACK, BROWSER, "Ada")


def test_an_answer_counts_once_in_the_browser_that_asked(both: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(both)
    back = at_provider(both.links.begin(account.id, BACK, BROWSER, "Ada"))
    for wrong in ("", "forged", back["state"][:-1], "\ud800", "x" * 10_000):
        with pytest.raises(InputError, match="belongs to no sign-in"):
            answered(both, {**back, "state": wrong})
    with pytest.raises(InputError, match="belongs to no sign-in"):
        answered(both, back, "another browser")
    with pytest.raises(InputError, match="belongs to no sign-in"):  # nor in the right one any longer
        answered(both, back)
    assert server.asked["/token"] == 0
    assert both.links.state(account).state == "none"
    back = at_provider(both.links.begin(account.id, BACK, BROWSER, "Ada"))
    assert answered(both, back).what == "linked"
    with pytest.raises(InputError, match="belongs to no sign-in"):
        answered(both, back)


def test_an_answer_counts_for_who_asked(accounts: Accounts) -> None:
    from argon2.profiles import CHEAPEST

    from beleg.people import People

    people = People(accounts.database, CHEAPEST)
    ada, bert = (people.add(name, "ein gutes Passwort", by="test").id for name in ("Ada", "Bert"))
    account = mailbox(accounts)
    back = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada", ada))
    with pytest.raises(InputError, match="belongs to no sign-in"):
        accounts.links.finish(back["state"], BROWSER, "Bert", code=back["code"], person=bert)
    back = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada", ada))
    assert accounts.links.finish(back["state"], BROWSER, "Ada", code=back["code"], person=ada).what == "linked"


@pytest.mark.parametrize("seconds", [601, -5])
def test_an_answer_comes_within_ten_minutes(accounts: Accounts, server: AuthorisationServer, seconds: int) -> None:
    account = mailbox(accounts)
    back = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada"))
    with time_machine.travel(time.time() + seconds), pytest.raises(InputError, match="more than ten minutes"):
        answered(accounts, back)
    assert server.asked["/token"] == 0


def test_of_two_answers_at_once_one_counts(both: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(both)
    back = at_provider(both.links.begin(account.id, BACK, BROWSER, "Ada"))

    def finish(_: int) -> str:
        try:
            return answered(both, back).what
        except InputError:
            return "no"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(finish, range(4))) == ["linked", "no", "no", "no"]
    assert server.asked["/token"] == 1


def test_the_verifier_is_the_one_of_the_request(accounts: Accounts, server: AuthorisationServer) -> None:
    """A code that was intercepted and put into another's answer is refused by the provider (RFC 7636)."""
    account = mailbox(accounts)
    stolen = at_provider(accounts.links.begin(account.id, BACK, "a thief's", "Ada"))
    mine = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada"))
    outcome = answered(accounts, {**mine, "code": stolen["code"]})
    assert (outcome.what, "verifier does not fit" in outcome.say("en")) == ("refused", True)


# --- refusals


def test_who_says_no_is_told_and_an_older_link_stays(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    denied = {"error": "access_denied", "error_description": "The person\r\nsaid no."}
    state = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada"))["state"]
    outcome = answered(accounts, {"state": state, **denied})
    assert outcome.say("en") == (
        f"house did not link {USER}: the sign-in was cancelled or refused there. (The person said no.)"
    )
    found = accounts.links.state(account)
    assert (found.state, found.error) == ("again", {each: outcome.say(each) for each in ("en", "de")})
    link(accounts, account)
    state = at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada"))["state"]
    assert answered(accounts, {"state": state, **denied}).what == "refused"
    assert accounts.links.state(account).state == "linked"
    assert accounts.links.token(account).get_secret_value() in server.access


def test_an_administrator_must_agree_first(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    server.consented = False
    outcome = link(accounts, account)
    assert outcome.what == "consent"
    assert "An administrator at house must agree first" in outcome.say("en")
    assert "AADSTS90094" in outcome.say("de")
    assert accounts.links.state(account).state == "consent"
    assert refused(accounts, account).fault == "sign_in"
    url = urlsplit(outcome.url)
    query = parse_qs(url.query)
    assert url.path == "/consent"
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/oauth2/consent"]
    back = at_provider(outcome.url)
    assert back["admin_consent"] == "True"
    with pytest.raises(InputError, match="belongs to no sign-in"):  # it is no code
        answered(accounts, {"state": back["state"], "code": "x"})
    # Then, the second "link account".
    assert link(accounts, account).what == "linked"
    assert accounts.links.state(account).state == "linked"


def test_the_way_back_from_consent_leads_to_the_account(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    server.consented = False
    back = at_provider(link(accounts, account).url)
    assert accounts.links.consented(back["state"], BROWSER) == account.id
    with pytest.raises(InputError):
        accounts.links.consented(back["state"], BROWSER)


@pytest.mark.parametrize(
    ("error", "description"),
    [
        ("consent_required", ""),
        ("invalid_grant", "AADSTS65001: The user or administrator has not consented to use the application."),
        ("access_denied", "AADSTS90094: The grant requires admin permission."),
    ],
)
def test_consent_may_be_asked_for_at_the_token_endpoint(
    accounts: Accounts, server: AuthorisationServer, error: str, description: str
) -> None:
    account = mailbox(accounts)
    server.faults["/token"] = Fault(error, description)
    assert link(accounts, account).what == "consent"


def test_microsofts_consent_is_asked_of_a_company() -> None:
    for tenant, there in (("common", "organizations"), ("consumers", "organizations"), ("firma.example",) * 2):
        found = provider_of("microsoft", {"client_id": "x", "tenant": tenant})
        assert found.address("consent") == f"https://login.microsoftonline.com/{there}/v2.0/adminconsent"
        assert f"/{tenant}/oauth2/v2.0/token" in found.address("token")


def test_a_link_needs_a_refresh_token_and_the_scopes(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    server.refresh = False
    assert "no refresh token" in link(accounts, account).say("en")
    server.refresh, server.scope = True, "pop3 profile"
    assert "did not allow all" in link(accounts, account).say("en")
    server.scope = "https://mail.example/POP3 https://mail.example/smtp"  # named in another way
    assert link(accounts, account).what == "linked"


def test_a_wrong_client_secret_is_told_as_that(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    accounts.links.set_provider("house", "Ada", SecretStr("wrong"))
    outcome = link(accounts, account)
    assert "correct the provider's settings" in outcome.say("en")
    assert "AADSTS7000215" in outcome.say("en")


# --- tokens


def test_a_token_is_renewed_before_it_ends(both: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(both)
    link(both, account)
    first = both.links.token(account)
    before = stored(both)
    start = time.time()
    for seconds, renewals in ((3400, 0), (3500, 1), (3600, 1), (7300, 2)):
        with time_machine.travel(start + seconds):
            token = both.links.token(account).get_secret_value()
            assert server.asked["/token refresh_token"] == renewals
            assert server.access[token].until > time.time()
    assert first.get_secret_value() != token
    assert stored(both) != before
    assert len(server.used) == 2  # each refresh token was replaced, and the new one stored


@pytest.mark.parametrize("seconds", [0, 1, 100, None])
def test_tokens_that_end_soon(accounts: Accounts, server: AuthorisationServer, seconds: int | None) -> None:
    account = mailbox(accounts)
    server.expires_in = seconds
    link(accounts, account)
    accounts.links.token(account)
    assert server.asked["/token refresh_token"] == (1 if seconds == 0 else 0)
    with time_machine.travel(time.time() + 601):
        accounts.links.token(account)
    assert server.asked["/token refresh_token"] == (2 if seconds == 0 else 1)


def test_of_many_threads_one_renews(both: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(both)
    [sends] = both.accounts("out")
    link(both, account)
    server.faults["/token"] = Fault(delay=0.3, then=True)
    with time_machine.travel(time.time() + 3600), ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(lambda each: both.links.token(each).get_secret_value(), [account, sends] * 3))
    assert len(tokens) == 1
    assert server.asked["/token refresh_token"] == 1


PROCESS = """
import sys
from pathlib import Path
from beleg.accounts import Accounts, AccountSettings
from beleg.plugins import installed
from beleg.store import Database
from beleg.vault import unlock
from beleg.workspace import Workspace

accounts = Accounts(Workspace(Database(sys.argv[1]), installed()), lambda: unlock(Path(sys.argv[2])), AccountSettings())
account = accounts.account(int(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
print(accounts.links.token(account).get_secret_value())
"""


def test_of_two_processes_one_renews(database: Database, server: AuthorisationServer, tmp_path: Path) -> None:
    file = tmp_path / "beleg.key"
    add_key(file)
    workspace = Workspace(database, installed(extra=[("test", Plugin())]))
    accounts = Accounts(workspace, lambda: FileVault(file), AccountSettings())
    set_up(accounts, server)
    account = mailbox(accounts)
    server.expires_in = 0
    link(accounts, account)
    server.expires_in = 3600
    server.faults["/token"] = Fault(delay=0.5, then=True)
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", PROCESS, url, str(file), str(account.id)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    try:
        for each in processes:
            assert each.stdout.readline() == "ready\n"
        for each in processes:
            each.stdin.write("\n")
            each.stdin.flush()
        tokens = {each.communicate(timeout=60)[0] for each in processes}
    finally:
        for each in processes:
            each.kill()
            each.wait()
    assert len(tokens) == 1
    assert server.asked["/token refresh_token"] == 1


def test_a_refused_renewal_stops_all_accounts_of_the_link_and_never_loops(
    both: Accounts, server: AuthorisationServer
) -> None:
    account = mailbox(both)
    link(both, account)
    server.revoke_all()
    with time_machine.travel(time.time() + 3600):
        told = refused(both, account)
        assert (told.fault, told.say("en")[:60]) == (
            "sign_in",
            f"house gives no more access to {USER}: link the ac"[:60],
        )
        for _ in range(5):
            for each in both.accounts():
                assert refused(both, each).fault == "sign_in"
        assert server.asked["/token refresh_token"] == 1
        for each in both.accounts():
            assert (each.halted, each.fault, each.due) == (True, "sign_in", None)
            assert "Verknüpfen Sie das Konto erneut" in (each.error or {})["de"]
        found = both.links.state(account)
        assert found.state == "again"
        assert "link the account again" in (found.error or {})["en"]
        # The tokens are gone; linking again lets all go on.
        with both.reading() as connection:
            assert connection.execute(oauth_link.select()).one().tokens == ""
        assert link(both, account).what == "linked"
        assert [(each.halted, each.fault) for each in both.accounts()] == [(False, None)] * 2
        both.links.token(account)


def test_what_the_provider_repeats_of_a_secret_is_not_told(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    [refresh] = server.refreshing
    server.revoke_all()
    with time_machine.travel(time.time() + 3600):
        said = refused(accounts, account).say("en")
    assert "no such refresh token: …" in said
    assert refresh not in said


def test_settings_that_the_provider_no_longer_takes_keep_the_link(
    accounts: Accounts, server: AuthorisationServer
) -> None:
    """A client secret at Microsoft expires: a new one is entered, and nobody has to sign in again."""
    account = mailbox(accounts)
    link(accounts, account)
    server.faults["/token"] = Fault("invalid_client", "AADSTS7000222: The provided client secret is expired.", 401)
    with time_machine.travel(time.time() + 3600):
        for _ in range(3):
            assert "correct the provider's settings" in refused(accounts, account).say("en")
        assert server.asked["/token refresh_token"] == 1
        assert accounts.account(account.id).halted
        server.faults.clear()
        accounts.links.set_provider("house", "Ada", SecretStr(SECRET))
        assert not accounts.account(account.id).halted
        assert accounts.links.token(account).get_secret_value() in server.access


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=500, body=b"<h1>oops</h1>"), "temporary"),
        (Fault(status=503), "temporary"),
        (Fault(status=429), "temporary"),
        (Fault("temporarily_unavailable", status=400), "temporary"),
        (Fault("server_error", status=500), "temporary"),
        (Fault(drop=True), "unreachable"),
        (Fault(status=200, body=b"<h1>Welcome to the hotel's WLAN</h1>"), "protocol"),
        (Fault(status=200, body=b"[1, 2]"), "protocol"),
        (Fault(status=200, body=b"{}"), "protocol"),
        (Fault(status=200, body=b'{"access_token": 7, "expires_in": "soon"}'), "protocol"),
        (Fault(status=200, body=b'{"access_token": "a", "expires_in": "soon"}'), "protocol"),
        (Fault(status=200, body=b"x" * 1_000_000), "protocol"),
        (Fault(status=302, headers={"location": "http://127.0.0.1:9/steal"}), "protocol"),
        (Fault(status=404), "protocol"),
    ],
)
def test_a_fault_of_the_network_or_the_server_keeps_the_link(
    accounts: Accounts, server: AuthorisationServer, fault: Fault, kind: Kind
) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    before = stored(accounts)
    server.faults["/token"] = replace(fault)
    with time_machine.travel(time.time() + 3600):
        assert refused(accounts, account).fault == kind
        assert stored(accounts) == before
        assert not accounts.account(account.id).halted
        server.faults.clear()
        assert accounts.links.token(account).get_secret_value() in server.access


def test_while_a_token_still_counts_a_fault_does_no_harm(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    token = accounts.links.token(account)
    server.faults["/token"] = Fault(status=500)
    with time_machine.travel(time.time() + 3550):
        assert accounts.links.token(account) == token
    assert server.asked["/token refresh_token"] == 1


def test_a_slow_provider_is_not_waited_for(
    accounts: Accounts, server: AuthorisationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beleg.accounts.token_endpoint.SECONDS", 0.3)
    account = mailbox(accounts)
    link(accounts, account)
    server.faults["/token"] = Fault(delay=2, then=True)
    start = time.monotonic()
    with time_machine.travel(time.time() + 3600):
        assert refused(accounts, account).fault == "unreachable"
    assert time.monotonic() - start < 1.5


def test_a_provider_that_is_not_there(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    accounts.links.set_provider("house", "Ada", SecretStr(SECRET), token="http://127.0.0.1:9/token")
    with time_machine.travel(time.time() + 3600):
        assert refused(accounts, account).fault == "unreachable"


@pytest.mark.parametrize("endpoint", ["token", "revoke"])
def test_a_client_secret_goes_only_to_where_it_was_stored_for(
    accounts: Accounts, server: AuthorisationServer, endpoint: Any
) -> None:
    set_up(accounts, server)
    before = accounts.links.fields("house")
    elsewhere: Any = {endpoint: "https://elsewhere.example/x"}
    with pytest.raises(InputError, match="enter the client secret again"):
        accounts.links.set_provider("house", "Ada", **elsewhere)
    assert accounts.links.fields("house") == before
    accounts.links.set_provider("house", "Ada", token=f"{before['token']}2")  # the same host
    accounts.links.set_provider("house", "Ada", SecretStr("other"), **elsewhere)
    assert accounts.links.provider("house").secret.get_secret_value() == "other"


def test_a_provider_that_is_not_set_up_is_told(accounts: Accounts) -> None:
    account = mailbox(accounts, provider="elsewhere")
    assert refused(accounts, account).fault == "sign_in"
    with pytest.raises(NotFound, match="'elsewhere' is not set up"):
        accounts.links.begin(account.id, BACK, BROWSER, "Ada")


def test_mail_is_fetched_by_a_link_until_it_is_refused(
    database: Database, server: AuthorisationServer, dovecot: Dovecot
) -> None:
    """A real Dovecot, which asks about each token (RFC 7662)."""
    accounts = on(database)
    set_up(accounts, server)
    user = dovecot.new_user()
    account = accounts.add(
        "in", "Ada", name="Shop", host="127.0.0.1", port=dovecot.pop3, security="plain", user=user, auth="oauth2",
        provider="house", active=True,
    )  # fmt: skip

    def fetch() -> Kind | None:
        dovecot.deliver(user, b"From: anna@kunde.example\r\nSubject: Hallo\r\n\r\nHallo\r\n")
        dovecot.tokens.update({token: grant.user for token, grant in server.access.items()})
        error = Fetcher(accounts).fetch(account.id).error
        return error.fault if error else None

    assert fetch() == "sign_in"  # nobody linked it yet
    link(accounts, account)
    assert fetch() is None
    start = time.time()
    with time_machine.travel(start + 3600):
        accounts.links.token(account)  # a new one, which `fetch` tells Dovecot about
        assert fetch() is None
        assert server.asked["/token refresh_token"] == 1
        server.revoke_all()
        dovecot.tokens.clear()
    with time_machine.travel(start + 7300):
        assert fetch() == "sign_in"
        assert Fetcher(accounts).due() == []  # not before a person did something
        assert server.asked["/token refresh_token"] == 2
        link(accounts, account)
        assert [each.id for each in Fetcher(accounts).due()] == [account.id]
        assert fetch() is None


# --- TLS


def test_certificates_are_checked(sqlite: Database, tmp_path: Path) -> None:
    authority = Authority()
    files = authority.issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with authorising(context) as server:
        for settings, what in ((AccountSettings(), "refused"), (AccountSettings(authorities=authority.pem), "linked")):
            accounts = on(sqlite, settings)
            set_up(accounts, server, what)
            account = mailbox(accounts, provider=what, name=what)
            url = accounts.links.begin(account.id, BACK, BROWSER, "Ada")
            state = parse_qs(urlsplit(url).query)["state"][0]
            server.codes["c"] = granted(url)
            outcome = answered(accounts, {"state": state, "code": "c"})
            assert outcome.what == what
            if what == "refused":
                assert "authorities_file" in outcome.say("en")
                assert server.asked["/token"] == 0


def granted(url: str) -> Grant:
    """What the provider remembers of a code, where no browser of ours trusts it."""
    asked = {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
    return Grant(USER, asked["scope"], time.time() + 60, asked["code_challenge"], asked["redirect_uri"])


# --- unlinking


def test_unlinking_removes_the_tokens_and_revokes(both: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(both)
    link(both, account)
    assert server.refreshing
    assert both.links.unlink(account.id, "Ada") == (True, None)
    assert (server.refreshing, server.access) == ({}, {})
    with both.reading() as connection:
        assert connection.execute(oauth_link.select()).all() == []
    assert both.links.state(account).state == "none"
    assert "is not linked" in refused(both, account).say("en")
    assert both.links.unlink(account.id, "Ada") == (True, None)  # there was none
    assert server.asked["/revoke"] == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=500), "can't answer now (HTTP 500)"),
        (Fault("unsupported_token_type", "no"), "remove Beleg there, too"),
        (Fault(drop=True), "can't be reached"),
        (None, "offers no way to take the access back"),
    ],
)
def test_a_revocation_that_fails_is_told(
    accounts: Accounts, server: AuthorisationServer, fault: Fault | None, said: str
) -> None:
    name = "house" if fault else "other"
    if fault:
        server.faults["/revoke"] = replace(fault)
    else:
        set_up(accounts, server, name, revoke="")
    account = mailbox(accounts, provider=name)
    link(accounts, account)
    revoked, told = accounts.links.unlink(account.id, "Ada")
    assert (revoked, told is not None and said in told.say("en")) == (False, True)
    assert accounts.links.state(account).state == "none"


def test_renewing_is_unlinking_and_linking(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    unlinked, url = accounts.links.renew(account.id, BACK, BROWSER, "Ada")
    assert unlinked.revoked
    assert accounts.links.state(account).state == "none"
    assert answered(accounts, at_provider(url)).what == "linked"


def test_a_link_that_serves_no_account_goes(accounts: Accounts, server: AuthorisationServer) -> None:
    shop, other = mailbox(accounts), mailbox(accounts, "otto@firma.example", name="Otto")
    link(accounts, shop)
    link(accounts, other)
    accounts.remove([shop.id], "Ada")
    assert [each.user for each in accounts.links.states().values()] == ["otto@firma.example"]
    assert server.asked["/revoke"] == 1
    accounts.change(other.id, "Ada", host="pop.elsewhere.example", user="OTTO@firma.example")  # the same mailbox
    assert accounts.links.state(other).state == "linked"
    for each in accounts.accounts():
        accounts.change(each.id, "Ada", user="ute@firma.example")
    assert accounts.links.states() == {}


def test_what_is_unlinked_while_it_is_renewed_stays_unlinked(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    link(accounts, account)
    server.faults["/token"] = Fault(delay=0.4, then=True)
    with time_machine.travel(time.time() + 3600), ThreadPoolExecutor(2) as pool:
        renewing = pool.submit(accounts.links.token, account)
        while not server.asked["/token refresh_token"]:
            time.sleep(0.01)
        assert accounts.links.unlink(account.id, "Ada").revoked
        renewing.result()
    assert accounts.links.state(account).state == "none"
    assert server.refreshing == {}


# --- the life of a link


@pytest.mark.parametrize(
    ("name", "fields", "days"),
    [("microsoft", {}, 90), ("google", {}, 180), ("google", {"testing": True}, 7), ("house", {"days": 30}, 30)],
)
def test_a_links_life(name: str, fields: dict[str, object], days: int) -> None:
    found = provider_of(name, {"client_id": "x", **fields})
    assert found.ends(1_000, 1_000) == 1_000 + days * DAY
    renewed = found.ends(1_000, 1_000 + DAY)
    assert renewed == 1_000 + days * DAY + (0 if fields.get("testing") else DAY)


def test_people_are_reminded_before_a_link_ends(accounts: Accounts, server: AuthorisationServer) -> None:
    set_up(accounts, server, "ninety", days=90)
    account = mailbox(accounts, provider="ninety")
    assert accounts.links.reminders() == []
    link(accounts, account)
    now = time.time()
    for days, count in ((0, 0), (75, 0), (77, 1), (100, 1)):
        assert len(accounts.links.reminders(now + days * DAY)) == count, days
    [reminder] = accounts.links.reminders(now + 80 * DAY)
    assert (reminder.user, reminder.ends) == (USER, int(now) + 90 * DAY)
    with time_machine.travel(now + 80 * DAY):
        accounts.links.token(account)
        assert accounts.links.reminders() == []


def test_a_provider_may_say_itself_when_a_link_ends(accounts: Accounts, server: AuthorisationServer) -> None:
    account = mailbox(accounts)
    server.refresh_expires_in = 10 * DAY
    link(accounts, account)
    now = int(time.time())
    ends = accounts.links.state(account).ends or 0
    assert abs(ends - now - 10 * DAY) < 10
    assert accounts.links.reminders() == [accounts.links.state(account)]


# --- providers


def test_providers_are_listed_set_up_or_not(accounts: Accounts) -> None:
    assert [(each.name, each.ready) for each in accounts.links.providers()] == [
        ("google", False), ("microsoft", False), ("house", True),
    ]  # fmt: skip
    accounts.links.set_provider("microsoft", "Ada", SecretStr("s3"), client_id="abc", tenant="firma.example")
    found = accounts.links.provider("microsoft")
    assert (found.ready, found.secret.get_secret_value(), found.client_id) == (True, "s3", "abc")
    accounts.links.set_provider("microsoft", "Ada", tenant="")
    found = accounts.links.provider("microsoft")
    assert (found.tenant, found.secret.get_secret_value()) == ("common", "s3")
    accounts.links.set_provider("microsoft", "Ada", SecretStr(""))
    assert accounts.links.provider("microsoft").secret.get_secret_value() == ""
    account = mailbox(accounts, provider="microsoft")
    with pytest.raises(InputError, match="accounts sign in with 'microsoft'"):
        accounts.links.remove_provider("microsoft", "Ada")
    accounts.remove([account.id], "Ada")
    accounts.links.remove_provider("microsoft", "Ada")
    assert not accounts.links.provider("microsoft").ready
    with pytest.raises(NotFound):
        accounts.links.remove_provider("microsoft", "Ada")


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("house", {"client_id": " "}, "enter the client id"),
        ("house", {"client_id": "a\nb"}, "no control characters"),
        ("house", {"client_id": "a" * 3000}, "at most 2,000"),
        ("house", {"token": ""}, "needs the addresses"),
        ("house", {"token": "http://login.example/token"}, "begins with https://"),
        ("house", {"token": "https://u:p@login.example/token"}, "begins with https://"),
        ("house", {"authorize": "javascript:alert(1)"}, "begins with https://"),
        ("house", {"authorize": "https://login.example:x/"}, "begins with https://"),
        ("house", {"authorize": "https:///x"}, "begins with https://"),
        ("house", {"scopes": 'a "b"'}, "scopes are parted"),
        ("microsoft", {"tenant": "../evil"}, "is no directory"),
        ("house", {"days": 5000}, "at most 3,650"),
    ],
)
def test_what_is_entered_of_a_provider_is_checked(name: str, fields: dict[str, object], said: str) -> None:
    usual = {"client_id": "x"}
    if name != "microsoft":
        usual |= {"authorize": "https://a.example/a", "token": "http://localhost:1/t", "scopes": "a b"}
    with pytest.raises(InputError, match=said):
        checked(name, {**usual, **fields})


@pytest.mark.parametrize("name", ["", "House", "a b", "ä", "x" * 41, "-x"])
def test_the_name_of_a_provider_is_plain(accounts: Accounts, name: str) -> None:
    with pytest.raises(InputError, match="small letters"):
        accounts.links.set_provider(name, "Ada", client_id="x")


@given(st.dictionaries(st.sampled_from(["authorize", "token", "revoke", "consent", "tenant", "scopes", "title"]),
                       st.text(max_size=40)))  # fmt: skip
def test_no_entry_of_a_provider_breaks_anything(fields: dict[str, str]) -> None:
    try:
        found = provider_of("microsoft", checked("microsoft", {"client_id": "x", **fields}))
    except InputError:
        return
    for endpoint in ("authorize", "token"):
        parts = urlsplit(found.address(endpoint))
        assert parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
