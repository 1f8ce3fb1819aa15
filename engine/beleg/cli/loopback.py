"""Waiting on this machine for a browser that comes back from a provider (RFC 8252 section 7.3)."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from beleg.cli.frame import complain
from beleg.errors import InputError

SECONDS = 600.0
_DONE = (
    "Beleg has the answer; you can close this window.\nBeleg hat die Antwort; Sie können dieses Fenster schließen.\n"
)


class Loopback:
    """A port of 127.0.0.1 that a browser comes back to, as long as the block lasts. Raises InputError where it is
    taken."""

    def __init__(self, port: int, path: str) -> None:
        came: list[str] = []
        self._came = came

        class Handler(BaseHTTPRequestHandler):
            timeout = 5  # who connects and says nothing

            def do_GET(self) -> None:
                found = urlsplit(self.path)
                mine = found.path == path
                if mine:
                    came.append(found.query)
                self.send_response(200 if mine else 404)
                self.send_header("content-type", "text/plain; charset=utf-8")
                self.send_header("cache-control", "no-store")
                self.end_headers()
                self.wfile.write(_DONE.encode() if mine else b"not here\n")

            def log_message(self, *_: Any) -> None:
                """Nothing: the address has the code in it."""

        try:
            self._server = HTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise InputError(
                f"can't listen on 127.0.0.1 port {port}: {error.strerror}; choose another --port"
            ) from None
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.server_close()

    def answer(self, url: str, seconds: float = SECONDS) -> dict[str, str]:
        """The parameters that the browser brings, or those of an address that is pasted, which answer the request at
        `url`; any other is passed over. Raises InputError where none came in time."""
        state = _parameters(urlsplit(url).query).get("state", "")
        until = time.monotonic() + seconds
        sources: list[Any] = [self._server]
        with suppress(OSError, ValueError, AttributeError):  # there may be no standard input
            if os.name == "posix" and sys.stdin.fileno() >= 0:
                sources.append(sys.stdin)
        while (left := until - time.monotonic()) > 0:
            for source in select.select(sources, [], [], left)[0]:
                if source is self._server:
                    self._server.handle_request()
                elif line := sys.stdin.readline():
                    self._came.append(urlsplit(line.strip()).query or line.strip().lstrip("?"))
                else:
                    sources.remove(source)
                for query in self._came:
                    found = _parameters(query)
                    if found.get("state") == state:
                        return found
                    if source is not self._server and query:
                        complain("that does not answer this sign-in; paste the whole address that the browser ends at")
                self._came.clear()
        raise InputError("nobody came back from the provider within ten minutes; nothing was linked")


def _parameters(query: str) -> dict[str, str]:
    return {name: each[0] for name, each in parse_qs(query).items()}
