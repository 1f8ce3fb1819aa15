"""A served site: what the tests of pages, API and browser share."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn

from beleg.web import Site, create_app

PASSWORD = "ein gutes Passwort"


@dataclass
class Served:
    """A site that listens on a loopback port of its own."""

    site: Site
    url: str

    def client(self, name: str | None = None, *, lang: str = "en") -> httpx.Client:
        """A browser without a face; signed in where a `name` is given."""
        client = httpx.Client(base_url=self.url, headers={"origin": self.url, "accept-language": lang}, timeout=30)
        if name:
            answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


@contextmanager
def serving(site: Site) -> Iterator[Served]:
    """Serve it, in a thread of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(site), log_level="error", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            yield Served(site, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(20)
