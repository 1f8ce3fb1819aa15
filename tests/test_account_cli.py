"""Mail accounts and what belongs to them, on the command line."""

from __future__ import annotations

import io
import json
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beleg.accounts import Accounts
from beleg.mailserver import MailServerError, Sentence
from beleg.plugins import Installed
from beleg.settings import load
from beleg.store import Database
from beleg.vault import unlock
from beleg.workspace import Workspace
from commands import Cli
from mailservers.scripted import Maildrop, serving

SECRET = "streng geheim"


@pytest.fixture
def shop(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An installation with the accounts of a shop."""
    cli("init")
    add(cli, monkeypatch, "Shop", "--host", "pop.example.com", "--user", "shop@example.com")
    return cli


def typed(monkeypatch: pytest.MonkeyPatch, line: str = SECRET) -> str:
    """A line on standard input, and the option that reads it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))
    return "--password-stdin"


def add(cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, *options: str) -> str:
    return cli("account", "add", "in", name, *options, typed(monkeypatch))


@pytest.fixture
def accounts(shop: Cli, installed: Installed) -> Iterator[Accounts]:
    """The same accounts, to look at or to bring into a state."""
    database = Database(load().database_url)
    yield Accounts(Workspace(database, installed), lambda: unlock(shop.folder / "beleg.key"))
    database.close()


@pytest.fixture
def drop() -> Iterator[Maildrop]:
    with serving(Maildrop({"1": b"Subject: x\r\n\r\n"})) as found:
        yield found


# --- the key


def test_init_makes_a_key_that_its_owner_alone_may_read(cli: Cli) -> None:
    assert "beleg.key written; keep a copy of it" in cli("init")
    file = cli.folder / "beleg.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert "beleg.key" not in cli("init")
    assert file.read_bytes() == before


def test_init_makes_no_key_where_the_environment_has_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_KEY", cli("key", "new", "--print").strip())
    assert "beleg.key" not in cli("init")
    assert not (cli.folder / "beleg.key").exists()
    add(cli, monkeypatch, "Shop", "--host", "h", "--user", "shop@example.com")


# --- making


def test_adding_says_what_came_with_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    said = add(cli, monkeypatch, "Shop", "--host", "pop.example.com", "--user", "shop@example.com", "--days", "3")
    assert said.splitlines() == [
        "account Shop made: fetches from pop.example.com:995, inactive",
        "with it: an account Shop that sends by smtp.example.com:465, inactive",
        "         the group Shop <shop@example.com>, its signature, its filters, and where mail arrives",
        "Mail of the group is sent from its address; for another: beleg group set 'Shop' --address",
        "Check it, then activate it: beleg account check 'Shop'; beleg account activate 'Shop'",
    ]
    both = cli.json("account", "list", "--json")
    assert [(each["direction"], each["name"], each["days"]) for each in both] == [("in", "Shop", 3), ("out", "Shop", 0)]
    assert SECRET not in json.dumps(both)
    assert all(each["has_secret"] for each in both)


def test_a_user_name_that_is_no_address_needs_the_groups(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    wrong = ("account", "add", "in", "Shop", "--host", "h", "--user", "shop", typed(monkeypatch))
    assert "enter the address of the group 'Shop'" in cli.refused(*wrong)
    add(cli, monkeypatch, "Shop", "--host", "h", "--user", "shop", "--group-address", "shop@example.com")
    assert cli.json("group", "list", "--json")[0]["address"] == "shop@example.com"


def test_a_preset_fills_in_both_servers(cli: Cli) -> None:
    cli("init")
    said = cli("account", "add", "in", "Shop", "--preset", "microsoft", "--user", "shop@example.com")
    assert "Link it with its provider" in said
    fetches, sends = cli.json("account", "list", "--json")
    assert (fetches["host"], fetches["auth"], fetches["provider"]) == ("outlook.office365.com", "oauth2", "microsoft")
    assert (sends["host"], sends["port"], sends["security"]) == ("smtp.office365.com", 587, "starttls")
    assert fetches["link"]["state"] == "none"
    assert "active" in cli("account", "activate", "Shop")
    assert "active, not linked" in cli("account", "list")
    assert "did you mean 'google'" in cli.refused("account", "add", "in", "X", "--preset", "gogle")


def test_an_app_password_at_gmail(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    add(cli, monkeypatch, "Shop", "--preset", "google", "--auth", "login", "--user", "shop@gmail.com")
    fetches, sends = cli.json("account", "list", "--json")
    assert (fetches["auth"], fetches["link"], sends["auth"]) == ("login", None, "login")


def test_an_account_that_sends(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    cli("account", "add", "out", "Relay", "--host", "relay", "--auth", "none", "--sender", "*", "--active")
    (made,) = cli.json("account", "list", "--json")
    assert (made["direction"], made["senders"], made["active"]) == ("out", ["*"], True)
    assert "No account fetches mail yet: beleg account add in NAME" in cli("account", "list")
    assert "APOP does not exist for SMTP" in cli.refused(
        "account", "add", "out", "S", "--host", "h", "--auth", "apop", "--user", "u", typed(monkeypatch)
    )


def test_a_password_is_never_an_argument(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    said = cli.refused("account", "add", "in", "Shop", "--host", "h", "--user", "s@example.com")
    assert said == "no terminal is there to ask for the password on; give it with --password-stdin"
    assert cli.refused("account", "add", "across", "Shop") == (
        "an account goes in (it fetches) or out (it sends), not 'across'"
    )


# --- looking


def test_the_list_says_what_went_wrong_and_when(shop: Cli, accounts: Accounts) -> None:
    shop("account", "activate", "Shop")
    sentence = Sentence("The server refused the password of {user}.", "Der Server lehnt das Passwort von {user} ab.")
    one = accounts.account("Shop")
    accounts.settled(one.id, MailServerError("sign_in", sentence, "-ERR [AUTH]", user="shop"), 2**31, halted=True)
    said = shop("account", "list")
    assert "active, waits for a person" in said
    assert "2038" not in said  # no next run
    assert "Shop (fetches): The server refused the password of shop. (-ERR [AUTH])" in said
    assert "Der Server lehnt das Passwort von shop ab." in shop("account", "list", "--lang", "de")
    fetches, _ = shop.json("account", "list", "--json")
    assert fetches["failed"]
    assert fetches["fault"] == "sign_in"
    assert "last error      2" in shop("account", "show", "Shop")


def test_showing_one(shop: Cli) -> None:
    said = shop("account", "show", "shop")
    assert "signs in        shop@example.com (login, with a password)" in said
    assert "on the server   kept" in said
    assert "group           Shop <shop@example.com>" in said
    assert "senders         shop@example.com" in shop("account", "show", "Shop", "--out")
    assert shop.json("account", "show", "Shop", "--out", "--json")[0]["direction"] == "out"
    assert shop.refused("account", "show", "Laden") == "there is no account 'Laden'"


# --- changing


def test_several_are_changed_at_once(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    add(shop, monkeypatch, "Repair", "--host", "h", "--user", "repair@example.com")
    shop("account", "set", "Shop", "Repair", "--after", "later", "--days", "14", "--delete-too")
    found = [each for each in shop.json("account", "list", "--json") if each["direction"] == "in"]
    assert [(each["after"], each["days"], each["delete_too"]) for each in found] == [("later", 14, True)] * 2
    assert "several accounts can't have one name" in shop.refused("account", "set", "Shop", "Repair", "--name", "X")
    assert "there is no account 'Nix'" in shop.refused("account", "set", "Shop", "Nix", "--after", "keep")
    assert "nothing to change" in shop.refused("account", "set", "Shop")
    shop("account", "set", "Shop", "--out", "--sender", "*", "--name", "Relay")
    assert shop.json("account", "show", "Relay", "--json")[0]["senders"] == ["*"]


def test_another_password(shop: Cli, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    shop("account", "set", "Shop", typed(monkeypatch, "ein anderes"))
    assert accounts.endpoint(accounts.account("Shop")).secret.get_secret_value() == "ein anderes"
    assert accounts.endpoint(accounts.account("Shop", "out")).secret.get_secret_value() == SECRET


def test_both_of_a_name_are_activated(shop: Cli) -> None:
    def states() -> list[bool]:
        return [each["active"] for each in shop.json("account", "list", "--json")]

    shop("account", "activate", "Shop")
    assert states() == [True, True]
    shop("account", "deactivate", "Shop", "--out")
    assert states() == [True, False]


def test_removing_asks_and_says_what_goes(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    result = shop.run("account", "remove", "Shop")
    assert result.code == 2
    assert "Shop (sends by smtp.example.com:465) would go" in result.out
    assert len(shop.json("account", "list", "--json")) == 2
    shop("account", "remove", "Shop", "--yes")
    assert shop.json("account", "list", "--json") == []
    assert [each["name"] for each in shop.json("group", "list", "--json")] == ["Shop"]


# --- trying


def test_a_check_tells_each_step(shop: Cli, drop: Maildrop, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ("--host", "127.0.0.1", "--port", str(drop.port), "--security", "plain", "--user", "anna")
    good = shop("account", "check", "Shop", *here, typed(monkeypatch, "geheim"))
    assert len(good.splitlines()) >= 3
    assert all(line.startswith("✓ ") for line in good.splitlines())
    elsewhere = shop.run("account", "check", "Shop", *here)
    assert (elsewhere.code, "enter the password again" in elsewhere.err) == (2, True)
    bad = shop.run("account", "check", "Shop", *here, "--lang", "de", typed(monkeypatch, "anders"))
    assert bad.code == 1
    assert bad.out.splitlines()[-1].startswith("✗ Anmeldung")
    assert shop.json("account", "show", "Shop", "--json")[0]["host"] == "pop.example.com"
    new = shop("account", "check", *here, typed(monkeypatch, "geheim"))
    assert new == good
    assert drop.deleted == 0


def test_a_check_of_an_account_that_is_not_linked(cli: Cli) -> None:
    cli("init")
    cli("account", "add", "in", "Shop", "--preset", "google", "--user", "shop@gmail.com")
    result = cli.run("account", "check", "Shop")
    assert (result.code, result.out) == (1, "✗ shop@gmail.com is not linked with Gmail: link the account.\n")


# --- groups, signatures, arrival


def test_groups(shop: Cli) -> None:
    assert "shop@example.com" in shop("ignore", "list")
    shop("group", "set", "Shop", "--address", "laden@example.com", "--name", "Laden")
    assert shop.json("ignore", "list", "--json") == [{"list": "groups", "entry": "laden@example.com"}]
    shop("group", "set", "Laden", "--signature", "")
    assert shop.json("group", "list", "--json")[0]["signature"] is None
    assert "no e-mail address" in shop.refused("group", "set", "Laden", "--address", "laden")
    assert shop.refused("group", "set", "Nix", "--name", "x") == "there is no group 'Nix'"
    assert "nothing to change" in shop.refused("group", "set", "Laden")


def test_the_address_of_a_group_stays_ignored_as_long_as_it_has_it(shop: Cli) -> None:
    said = shop.refused("ignore", "remove", "--list", "groups", "SHOP@example.com")
    assert said.startswith("'SHOP@example.com' is the address of the group 'Shop', which is ignored as long as it has")
    shop("ignore", "add", "--list", "groups", "shop@example.com")
    shop("ignore", "remove", "--list", "groups", "shop@example.com")
    assert shop.json("ignore", "list", "--json") == [{"list": "groups", "entry": "shop@example.com"}]


def test_signatures(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shop("signature", "set", "Shop", "--text", "Ihr Laden\nMontag bis Freitag")
    assert shop("signature", "list") == "Shop\n    Ihr Laden\n    Montag bis Freitag\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("Grüße\n"))
    assert shop("signature", "set", "Kurz", "--file", "-") == "signature Kurz made\n"
    shop("signature", "set", "kurz", "--name", "Knapp")
    shop("group", "set", "Shop", "--signature", "knapp")
    assert shop("signature", "remove", "Knapp") == "signature Knapp removed; no default signature now: Shop\n"
    assert shop.refused("signature", "set", "Nix", "--name", "Nax") == "there is no signature 'Nix'"
    assert "can't be read" in shop.refused("signature", "set", "Shop", "--file", "nix.txt")


def test_where_mail_arrives(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop("arrival", "list", "--lang", "de").splitlines()[1].split() == [
        "Eingangsverarbeitung:", "Shop", "Shop", "open", "pool"
    ]  # fmt: skip
    shop("user", "add", "Ada", "--role", "admin", typed(monkeypatch, "ein gutes Passwort"))
    shop("arrival", "set", "Shop", "--work", "done", "--owner", "ada")
    (rule,) = shop.json("arrival", "list", "--json")
    assert (rule["name"], rule["work"], rule["owner"]) == ("Incoming: Shop", "done", 1)
    shop("arrival", "set", "Shop", "--owner", "")
    assert shop.json("arrival", "list", "--json")[0]["owner"] is None
    assert "open or done" in shop.refused("arrival", "set", "Shop", "--work", "later")
    assert "there is no user" in shop.refused("arrival", "set", "Shop", "--owner", "Nix")


PAGE = Path(__file__).parents[1] / "docs" / "mail.md"
BLOCKS = [
    block
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if not language
]
REACHING = {"check", "link", "fetch", "server", "key"}
"""Commands that need a server, or have tests of their own (`test_vault`)."""


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_commands_of_the_page_work(cli: Cli, monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    cli("init")
    cli("user", "add", "Ada", "--role", "admin", typed(monkeypatch, "ein gutes Passwort"))
    if "add in Shop" not in block:
        for name in ("Shop", "Repair"):
            add(cli, monkeypatch, name, "--host", "h", "--user", f"{name.lower()}@example.com")
    for line in block.splitlines():
        words = shlex.split(line, comments=True)[1:]
        if not REACHING & set(words):
            words += [typed(monkeypatch)] if words[1:3] == ["add", "in"] and "--provider" not in words else []
            typed(monkeypatch)
            cli(*words)


def test_the_inline_commands_of_the_page_work(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shop("user", "add", "Ada", "--role", "admin", typed(monkeypatch, "ein gutes Passwort"))
    add(shop, monkeypatch, "Repair", "--host", "h", "--user", "repair@example.com")
    shop.write("shop.txt", "Ihr Laden")
    lines = re.findall(
        r"`beleg ((?:account (?:set|show|list|deact)|group|signature|arrival)[^`]*)`", PAGE.read_text("utf-8")
    )
    assert len(lines) > 8
    for line in lines:
        words = shlex.split(line)
        shop(*words, *([typed(monkeypatch)] if words[-1] == "--password" else []))


def test_no_command_tells_a_secret(shop: Cli, accounts: Accounts) -> None:
    def nowhere(value: Any) -> None:
        assert SECRET not in str(value)

    for command in (("account", "list"), ("account", "show", "Shop"), ("account", "list", "--json")):
        nowhere(shop(*command))
    database = shop.folder / "beleg.db"
    assert SECRET.encode() not in database.read_bytes()
    assert accounts.endpoint(accounts.account("Shop")).secret.get_secret_value() == SECRET
