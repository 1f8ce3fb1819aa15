"""No password, token or key is ever told: not in the database, logs, errors, on pages, by commands, or in exports."""

from __future__ import annotations

import io
import logging
import time
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import text

from beleg.accounts import Accounts, AccountSettings
from beleg.accounts.fetching import Fetcher
from beleg.mailserver import MailServerError
from beleg.people import People
from beleg.plugins import installed
from beleg.store import Database, DatabaseError, journal
from beleg.vault import read_keys, unlock
from beleg.web import Site
from beleg.workspace import Workspace
from commands import Cli
from linked import BACK, BROWSER, USER, answered, at_provider, link, set_up
from mailservers.oauth import SECRET, AuthorisationServer, Fault, authorising
from serving import PASSWORD, serving

GEHEIM = "p4sswort-von-erika"


@pytest.fixture
def server() -> Iterator[AuthorisationServer]:
    with authorising() as found:
        yield found


def test_no_secret_is_told(cli: Cli, server: AuthorisationServer, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "authlib", "sqlalchemy.engine", "uvicorn", "filelock"):
        caplog.set_level(logging.DEBUG, name)
    told: list[str] = []
    cli("init")
    database = Database("sqlite:///beleg.db")
    accounts = Accounts(Workspace(database, installed()), lambda: unlock(Path("beleg.key")), AccountSettings())
    set_up(accounts, server)
    values = {"host": "127.0.0.1", "port": 9, "security": "plain", "user": USER}
    plain = accounts.add("in", "Ada", name="Plain", password=SecretStr(GEHEIM), active=True, **values)
    shop = accounts.add("in", "Ada", name="Shop", auth="oauth2", provider="house", active=True, **values)
    planted = {GEHEIM, SECRET, BROWSER, *read_keys(Path("beleg.key"))}

    def seen() -> None:
        planted.update(server.access, server.refreshing, server.used)

    # Linking, in all the ways that it ends.
    back = at_provider(accounts.links.begin(shop.id, BACK, BROWSER, "Ada"))
    planted |= {back["code"], back["state"]}
    caplog.clear()  # of what the person's browser did, which is this process, too
    told.append(answered(accounts, back).say("de"))
    seen()
    told += [repr(accounts.endpoint(each)) for each in (plain, shop)]
    server.faults["/token"] = Fault("invalid_client", f"wrong: {SECRET}", 401)
    told.append(link(accounts, shop).say("en"))
    with time_machine.travel(time.time() + 3600):
        for fault in (
            Fault(status=500, body=SECRET.encode()),
            Fault(status=200, body=f'{{"access_token": 7, "refresh_token": "{SECRET}"}}'.encode()),
            Fault(drop=True),
            Fault("invalid_client", f"wrong: {SECRET}", 401),
        ):
            server.faults["/token"] = fault
            with pytest.raises(MailServerError) as caught:
                accounts.links.token(shop)
            told += [repr(caught.value), *traceback.format_exception(caught.value), caught.value.say("de")]
        server.faults.clear()
        accounts.links.set_provider("house", "Ada", SecretStr(SECRET))
        accounts.links.token(shop)
        seen()
        server.revoke_all()
    with time_machine.travel(time.time() + 9000), pytest.raises(MailServerError) as caught:
        accounts.links.token(shop)  # the provider's words repeat the refresh token
    told += [repr(caught.value), *traceback.format_exception(caught.value), str(accounts.links.states())]
    link(accounts, shop)
    seen()
    for account in (plain, shop):
        told += [str(Fetcher(accounts).fetch(account.id)), *(str(step) for step in accounts.check("in", account.id))]
    told += map(
        repr, (accounts, accounts.links, accounts.vault, *accounts.accounts(), accounts.links.provider("house"))
    )
    with database.begin(write=False) as connection:
        told += map(str, journal.newest(connection, 1000))

    # The commands, with all that they can say.
    for command in (
        "account list --json", "account show Shop --json", "account check Plain", "provider list --json",
        "provider set house --token ftp://x", "account link Plain", "key rotate", "fetch --once",
        "export a@b.example x.zip", "account unlink Shop",
    ):  # fmt: skip
        result = cli.run("--debug", *command.split())
        told += [command, result.out, result.err]
    planted.update(read_keys(Path("beleg.key")))

    # The pages and the API.
    people = People(database)
    people.add("Ada", PASSWORD, role="admin", by="test")
    link(accounts, shop)
    seen()
    _, token = people.new_token(people.user("Ada").id, "test", ["admin", "read"], by="test")
    with serving(Site(accounts, people)) as served:
        client = served.client("Ada")
        base = "/settings/mail"
        for path in (
            base, f"{base}/accounts", f"{base}/accounts/{shop.id}", f"{base}/accounts/{plain.id}", f"{base}/providers",
            f"{base}/groups", "/messages",
        ):  # fmt: skip
            told += _told(client.get(path))
        told += _told(client.post(f"{base}/providers", data={"name": "house", "secret": SECRET}))
        told += _told(client.post(f"{base}/accounts/{plain.id}", data={"name": "", "password": GEHEIM}))
        told += _told(client.post(f"{base}/accounts/{shop.id}/unlink"))
        for path in ("openapi.json", "accounts", "users", "health"):
            told += _told(client.get(f"/api/v1/{path}", headers={"authorization": f"Bearer {token}"}))
    told.append(caplog.text)
    told += [str(vars(each)) for each in caplog.records]
    database.close()

    for each in Path().rglob("*"):
        if each.is_file() and each.name != "beleg.key":
            told.append(each.read_bytes().decode("latin-1"))
            if zipfile.is_zipfile(each):
                with zipfile.ZipFile(io.BytesIO(each.read_bytes())) as opened:
                    told += [opened.read(name).decode("latin-1") for name in opened.namelist()]
    whole = "\n".join(told)
    assert len(planted) > 12
    assert "Plain" in whole
    assert [each for each in planted if each in whole] == []


def test_a_traceback_of_the_database_quotes_no_parameter(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught, database.begin() as connection:
        connection.execute(text("SELECT * FROM nowhere WHERE a = :secret"), {"secret": GEHEIM})
    assert GEHEIM not in "".join(traceback.format_exception(caught.value))


def _told(answer: httpx.Response) -> list[str]:
    return [answer.text, str(answer.headers)]
