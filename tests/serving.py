"""A served site: what the tests of pages, API and browser share."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from argon2.profiles import CHEAPEST

from beleg import demo
from beleg.accounts import Accounts, AccountSettings
from beleg.cli.serve import configured
from beleg.people import People
from beleg.plugins import Installed
from beleg.store import Database
from beleg.vault import Vault, new_key
from beleg.web import Site
from beleg.workspace import Workspace

PASSWORD = "ein gutes Passwort"


@dataclass
class Served:
    """A site that listens on a loopback port of its own."""

    site: Site
    url: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(
        self, name: str | None = None, *, lang: str = "en", cookies: dict[str, str] | None = None
    ) -> httpx.Client:
        """A browser without a face; signed in where a `name` is given."""
        client = httpx.Client(
            base_url=self.url, headers={"origin": self.url, "accept-language": lang}, cookies=cookies, timeout=30
        )
        self.clients.append(client)
        if name:
            answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


def site_on(database: Database, installed: Installed) -> Site:
    """A site with an administrator (Ada), someone of support (Bert), and someone who may not use mail (Carl)."""
    people = People(database, CHEAPEST)
    people.add("Ada", PASSWORD, role="admin", by="test")
    people.add("Bert", PASSWORD, by="test")
    people.add("Carl", PASSWORD, mail=False, language="de", by="test")
    return Site(accounts_on(Workspace(database, installed)), people)


def accounts_on(workspace: Workspace, settings: AccountSettings | None = None) -> Accounts:
    """The mail accounts of a workspace, with a key of their own."""
    vault = Vault([new_key()])
    return Accounts(workspace, lambda: vault, settings or AccountSettings())


@contextmanager
def serving(site: Site, proxy: str = "") -> Iterator[Served]:
    """Serve it, in a thread of its own, as `beleg serve` does."""
    served = Served(site, "")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(configured(site, proxy))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            served.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield served
        finally:
            for client in served.clients:
                client.close()
            server.should_exit = True
            thread.join(20)


@contextmanager
def serving_the_demo(folder: Path, installed: Installed) -> Iterator[Served]:
    """The lamp shop of the demo, served from a database in this folder."""
    database = Database(f"sqlite:///{folder}/beleg.db")
    database.upgrade()
    site = site_on(database, installed)
    demo.fill(site.workspace)
    with serving(site) as served:
        yield served
    database.close()
