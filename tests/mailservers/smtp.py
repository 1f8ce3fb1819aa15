"""SMTP servers on loopback: aiosmtpd that can be told to fail, a line in front of it that can be cut, a script."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from mailservers.authority import Certificate


@dataclass
class Stored:
    """A mail that the server took."""

    sender: str
    recipients: list[str]
    raw: bytes


@dataclass
class SmtpServer:
    """A server that takes mail. `user` may sign in with `password` or `token`; `signed_in` says how each did.

    Faults: `refused` are recipients that it refuses (the answer by address); `at` is what happens at a command (`MAIL`,
    `DATA`, `STORED`: after the mail was stored, `QUIT`): an answer that is given instead, `drop` the connection, or
    `stall` while it says so (then `stalled` is set)."""

    port: int
    user: str = "shop@firma.example"
    password: str = "geheim"
    token: str = "frisch"
    stored: list[Stored] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    stalled: threading.Event = field(default_factory=threading.Event)
    sessions: int = 0

    async def _at(self, what: str, server: SMTP) -> str | None:
        fault = self.at.get(what)
        if fault == "stall":
            self.stalled.set()
            while self.at.get(what) == "stall":
                await asyncio.sleep(0.02)
            return None
        if fault == "drop":
            transport: Any = server.transport
            transport.abort()
        return fault

    async def handle_MAIL(self, server: SMTP, _: Any, envelope: Any, address: str, options: list[str]) -> str:
        """MAIL FROM."""
        if fault := await self._at("MAIL", server):
            return fault
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _: SMTP, __: Any, envelope: Any, address: str, options: list[str]) -> str:
        """RCPT TO."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Any, envelope: Any) -> str:
        """The mail, whole."""
        if fault := await self._at("DATA", server):
            return fault
        self.stored.append(Stored(envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return await self._at("STORED", server) or "250 2.0.0 queued as 4711"

    async def handle_QUIT(self, server: SMTP, *_: Any) -> str:
        """QUIT."""
        return await self._at("QUIT", server) or "221 bye"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        """As Google and Microsoft describe it."""
        answer = b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        if answer == f"user={self.user}\1auth=Bearer {self.token}\1\1".encode():
            self.signed_in.append("XOAUTH2")
            return AuthResult(success=True)
        refusal = json.dumps({"status": "401", "schemes": "bearer", "scope": "https://mail.google.com/"})
        assert await server.challenge_auth(refusal) == b""
        return AuthResult(success=False, handled=False)

    def authenticate(self, _: Any, __: Any, ___: Any, mechanism: str, given: Any) -> AuthResult:
        """Name and password."""
        right = LoginPassword(self.user.encode(), self.password.encode())
        if given != right:
            return AuthResult(success=False, handled=False)
        self.signed_in.append(mechanism)
        return AuthResult(success=True)


class _Smtp(SMTP):
    line_length_limit = 12_288  # RFC 4954 section 4

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Someone is there."""
        self.event_handler.sessions += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """He is gone."""
        self.event_handler.sessions -= 1
        super().connection_lost(error)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)


@contextmanager
def smtp_server(
    *, starttls: Certificate | None = None, tls: Certificate | None = None, port: int = 0, **parameters: Any
) -> Iterator[SmtpServer]:
    """A server on a free port of 127.0.0.1; `parameters` are those of aiosmtpd's SMTP."""
    for _ in range(5):  # another process may take the port between our look and the server's start
        server = SmtpServer(port or free_port())
        controller = _Controller(
            server, hostname="127.0.0.1", port=server.port, ssl_context=tls.context() if tls else None,
            tls_context=starttls.context() if starttls else None, require_starttls=starttls is not None,
            authenticator=server.authenticate,
            **{"auth_require_tls": False, "enable_SMTPUTF8": True, "data_size_limit": 10_000_000, **parameters},
        )  # fmt: skip
        try:
            controller.start()
            break
        except OSError:
            controller.stop(no_assert=True)
    else:
        raise AssertionError("no port is free")
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class Line:
    """A line to a server that is cut after so many bytes to it (`there`) or from it (`back`)."""

    port: int = 0
    there: int | None = None
    back: int | None = None
    said: bytes = b""
    heard: bytes = b""


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to the server on a port; one connection at a time."""
    line = Line()
    with listening() as listener:
        line.port = listener.getsockname()[1]
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                with suppress(TimeoutError, OSError):
                    client, _ = listener.accept()
                    with client, socket.create_connection(("127.0.0.1", port)) as server:
                        _connect(line, client, server)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield line
        finally:
            ending.set()
            thread.join()


def _connect(line: Line, client: socket.socket, server: socket.socket) -> None:
    line.said = line.heard = b""
    for each in (client, server):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def carry(source: socket.socket, target: socket.socket, to_server: bool) -> None:
        left = line.there if to_server else line.back
        with suppress(OSError):
            while left != 0 and (some := source.recv(65536 if left is None else min(left, 65536))):
                target.sendall(some)
                if to_server:
                    line.said += some
                else:
                    line.heard += some
                left = None if left is None else left - len(some)
        for each in (client, server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=carry, args=(client, server, True), daemon=True)
    thread.start()
    carry(server, client, False)
    thread.join()


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that listens; who connects is not answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.05)
        yield listener


@dataclass
class Script:
    """A server that says its answers one by one, whatever it is told, and then closes; `heard` are the lines that it
    was told."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def script(answers: Sequence[bytes]) -> Iterator[Script]:
    """A server that says the first answer to who connects, the next ones to one line each; `DATA`'s body counts as one
    line."""
    with listening() as listener:
        found = Script(listener.getsockname()[1])
        listener.settimeout(10)

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client, client.makefile("rb") as lines:
                    client.sendall(answers[0])
                    for answer in answers[1:]:
                        found.heard.append(_told(lines, found.heard))
                        client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield found
        thread.join(10)


def _told(lines: Any, before: list[bytes]) -> bytes:
    line: bytes = lines.readline()
    if before and before[-1].strip() == b"DATA":
        while line[-5:] != b"\r\n.\r\n" and (more := lines.readline()):
            line += more
    return line
