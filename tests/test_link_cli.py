"""Linking from a terminal, and providers on the command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from commands import Cli
from linked import USER
from mailservers.oauth import SCOPES, SECRET, AuthorisationServer, Fault, authorising


@pytest.fixture
def server() -> Iterator[AuthorisationServer]:
    with authorising() as found:
        yield found


@pytest.fixture
def ready(cli: Cli, server: AuthorisationServer, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A provider and an account."""
    from beleg.accounts import Accounts, AccountSettings
    from beleg.plugins import installed
    from beleg.store import Database
    from beleg.vault import unlock
    from beleg.workspace import Workspace

    cli("init")
    run(cli, "provider", "set", "house", *options(server), "--client-secret-stdin", told=SECRET + "\n")
    database = Database("sqlite:///beleg.db")
    accounts = Accounts(Workspace(database, installed()), lambda: unlock(Path("beleg.key")), AccountSettings())
    accounts.add("in", "Ada", name="Shop", host="pop.firma.example", user=USER, auth="oauth2", provider="house")
    database.close()
    return cli


def options(server: AuthorisationServer) -> list[str]:
    names = {"client_id": "--client-id", "scopes": "--scopes"}
    return [text for name, value in server.fields.items() for text in (names.get(name, f"--{name}"), value)]


def start(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    """A command as a process of its own."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", "import sys; from beleg.cli import main; sys.exit(main())", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BELEG_")}
    return subprocess.Popen(command, cwd=cli.folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)


def run(cli: Cli, *arguments: str, told: str = "") -> str:
    process = start(cli, *arguments)
    out, err = process.communicate(told, timeout=60)
    assert process.returncode == 0, err
    return out


def where(process: subprocess.Popen[str]) -> str:
    """The address that it prints."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[0] == f"Open this address in a browser, and sign in as {USER}:\n", (lines, process.stderr)
    assert "paste the address" in lines[2]
    return lines[1].strip()


@pytest.mark.slow
def test_the_browser_comes_back_to_the_terminal(ready: Cli, server: AuthorisationServer) -> None:
    process = start(ready, "account", "link", "shop")
    url = where(process)
    port = int(url.split("127.0.0.1%3A")[-1].split("%2F")[0])
    stranger = httpx.get(f"http://127.0.0.1:{port}/oauth2/callback?state=x&code=y")  # is not believed
    assert stranger.status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/favicon.ico").status_code == 404
    assert "you can close this window" in httpx.get(url, follow_redirects=True).text
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, f"{USER} is linked with house.\n", "")
    # Again, in German.
    process = start(ready, "account", "renew", "shop", "--lang", "de")
    assert process.stdout is not None
    assert process.stdout.readline() == "Shop is not linked any more\n"
    assert server.refreshing == {}
    httpx.get(where(process), follow_redirects=True)
    assert process.communicate(timeout=30)[0] == f"{USER} ist mit house verknüpft.\n"
    assert ready("account", "unlink", "shop") == "Shop is not linked any more\n"
    assert (server.refreshing, server.asked["/revoke"]) == ({}, 2)


def test_the_address_can_be_pasted(ready: Cli, server: AuthorisationServer) -> None:
    process = start(ready, "account", "link", "shop", "--out")
    back = httpx.get(where(process), follow_redirects=False).headers["location"]
    assert process.stdin is not None
    process.stdin.write(f"what?\nhttp://127.0.0.1/oauth2/callback?state=other&code=c\n{back}\n")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, f"{USER} is linked with house.\n")
    assert err.count("that does not answer this sign-in") == 2


def test_refusals_are_told(ready: Cli, server: AuthorisationServer) -> None:
    server.consented = False
    process = start(ready, "account", "link", "shop")
    httpx.get(where(process), follow_redirects=True)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "An administrator at house must agree first" in err
    assert out.startswith(f"{server.url}/consent?")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "choose another --port" in ready.refused("account", "link", "shop", "--port", port)
    assert "there is no account 'Schop'" in ready.refused("account", "link", "Schop")


def test_a_revocation_that_fails_is_told(ready: Cli, server: AuthorisationServer) -> None:
    process = start(ready, "account", "link", "shop")
    httpx.get(where(process), follow_redirects=True)
    assert process.wait(30) == 0
    process.communicate()
    server.faults["/revoke"] = Fault(status=500)
    result = ready.run("account", "unlink", "shop")
    assert (result.code, result.out) == (0, "Shop is not linked any more\n")
    assert "can't answer now (HTTP 500)" in result.err


def test_the_commands_of_providers(ready: Cli, server: AuthorisationServer) -> None:
    listed = ready("provider", "list")
    assert "google     Gmail          not set up" in listed
    assert "house      house          set up      beleg-test" in listed
    assert SECRET not in listed
    found = {each["name"]: each for each in ready.json("provider", "list", "--json")}
    assert SECRET not in json.dumps(found)
    assert (found["house"]["ready"], found["house"]["has_secret"], found["house"]["scopes"]) == (True, True, SCOPES)
    assert found["microsoft"]["tenant"] == "common"
    assert "enter the client id" in ready.refused("provider", "set", "google")
    assert ready("provider", "set", "google", "--client-id", "abc", "--testing") == "Gmail is set up\n"
    assert "accounts sign in with 'house'" in ready.refused("provider", "remove", "house")
    assert ready("provider", "remove", "google") == "google is not set up any more\n"
