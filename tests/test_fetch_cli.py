"""`beleg fetch`, and what `beleg serve` fetches in the background."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from beleg.accounts import Account, Accounts
from beleg.cli.fetch import _seconds
from beleg.cli.serve import background
from beleg.errors import InputError
from beleg.plugins import Installed
from beleg.settings import load
from beleg.store import Database
from beleg.vault import Vault, new_key
from beleg.workspace import Workspace
from commands import Cli
from mailservers.scripted import Maildrop, serving, wait_for
from writing import day, mail


def letter(number: int) -> bytes:
    return mail(f"Nr. {number}", id_=f"{number}@x", date=day(number)).replace(b"\n", b"\r\n")


@pytest.fixture
def drop() -> Iterator[Maildrop]:
    with serving(Maildrop({"a": letter(1), "b": letter(2)})) as found:
        yield found


@pytest.fixture
def accounts(cli: Cli, sqlite: Database, installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """Those of the folder that the command line works in."""
    key = new_key()
    monkeypatch.setenv("BELEG_KEY", key)
    vault = Vault([key])
    assert (cli.folder / "beleg.db").exists()
    return Accounts(Workspace(sqlite, installed), lambda: vault)


def add(accounts: Accounts, drop: Maildrop, name: str = "Shop", **fields: Any) -> Account:
    return accounts.add(
        "in", "Ada", name=name, group_address=f"{name.lower()}@firma.example", host="127.0.0.1", port=drop.port,
        **{"security": "plain", "user": "anna", "password": SecretStr("geheim"), "active": True, **fields},
    )  # fmt: skip


def test_fetch(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    add(accounts, drop)
    assert cli("fetch") == "Shop: 2 new, 0 were stored already, 2 decided, 0 deleted on the server\n"
    assert cli("fetch", "shop", "--once") == "Shop: 0 new, 0 were stored already, 0 decided, 0 deleted on the server\n"
    assert len(cli.assigned()) == 2
    (said,) = cli.json("fetch", "--json")
    assert said == {
        "account": "Shop", "new": 0, "known": 0, "deleted": 0, "decided": 0, "failed": [], "fault": None, "error": None,
        "idle": False,
    }  # fmt: skip


def test_decided_at_opening(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    add(accounts, drop)
    cli.write("beleg.toml", "decide_on_arrival = false\n")
    assert "2 new" in cli("fetch")
    assert len(accounts.workspace.undecided()) == 2


def test_one_account_fails_and_the_other_is_fetched(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    add(accounts, drop, "Alt", password=SecretStr("falsch"))
    add(accounts, drop)
    result = cli.run("fetch", "--lang", "de")
    assert result.code == 3
    assert result.out.splitlines()[1].startswith("Shop: 2 new")
    assert result.err == (
        "beleg: Alt: 127.0.0.1 hat die Anmeldung abgelehnt. Prüfen Sie Benutzername und Passwort. ([AUTH] wrong)\n"
    )
    # It waits for a person now; who names it is one.
    tries = drop.sessions
    result = cli.run("fetch")
    assert (result.code, drop.sessions) == (3, tries + 1)
    assert "Alt: not tried again before the account is checked or changed" in result.err
    assert cli.run("fetch", "Alt").code == 3
    assert drop.sessions == tries + 2
    assert "falsch" not in result.out + result.err


def test_what_can_not_be_fetched(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    result = cli.run("fetch")
    assert (result.code, result.err) == (0, "beleg: no account that fetches mail is active\n")
    add(accounts, drop, active=False)
    assert cli.refused("fetch", "Shop") == "Shop is not active; switch it on first"
    assert "no account 'Laden'" in cli.refused("fetch", "Laden")
    assert "not both" in cli.refused("fetch", "--once", "--every", "60s")
    assert drop.sessions == 0


def test_how_often() -> None:
    assert [_seconds(each) for each in ("60s", "90", "5m", " 1H ", "2 m")] == [60, 90, 300, 3600, 120]
    for wrong in ("", "0", "0s", "x", "-5s", "5d", "1.5h", "99999999s"):
        with pytest.raises(InputError, match="--every is a time"):
            _seconds(wrong)


def started(*arguments: str) -> subprocess.Popen[str]:
    """A process of its own."""
    command = [sys.executable, "-c", "import sys; from beleg.cli import main; sys.exit(main())", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Press Ctrl-C, and read what was said."""
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert time.monotonic() - begun < 8
    return said


@pytest.mark.slow
def test_again_and_again_until_ctrl_c(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    add(accounts, drop, after="delete")
    process = started("fetch", "--every", "1s", "--json")
    try:
        wait_for(lambda: not drop.mails, 30)
        drop.mails["c"] = letter(3)
        wait_for(lambda: not drop.mails, 30)
        time.sleep(0.1)
    finally:
        out, err = ended(process)
    assert (process.returncode, err) == (0, "")
    assert sum(json.loads(line)["new"] for line in out.splitlines()) == 3
    assert len(accounts.workspace.newest(9)) == 3


def test_serve_fetches(cli: Cli, accounts: Accounts, drop: Maildrop) -> None:
    add(accounts, drop)
    process = started("serve", "--port", "0")
    try:
        wait_for(lambda: len(accounts.workspace.newest(9)) == 2, 30)
        wait_for(lambda: not accounts.workspace.undecided(), 30)
    finally:
        _, err = ended(process)
    assert "Traceback" not in err


def test_serve_leaves_it_to_fetch_where_it_is_so_set(accounts: Accounts) -> None:
    assert [each.name for each in background(accounts, load()).tasks] == ["send", "fetch", "server"]
    Path("beleg.toml").write_text("fetch_in_serve = false\n")
    assert [each.name for each in background(accounts, load()).tasks] == ["send"]
