"""A POP3 server of our own, in this process: a maildrop, any answer of which can be another, cut at any byte."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from mailservers.authority import Certificate


class Cut(Exception):
    """The connection ends here."""


@dataclass
class Maildrop:
    """A maildrop and how its server behaves.

    `mails` are by unique id, in order. `answers` replaces what is answered to a command (`GREETING`, `UIDL`, …; a
    whole answer with its line ends). `late` come between UIDL and LIST; those in `refuse` are not handed over. The
    connection is cut behind `out` bytes of the server's, or behind `into` of the client's; it waits `slow` seconds
    before each byte of an answer. TLS is spoken from the first byte (`at_once`) or by STLS. What the client sent is in
    `said`; `deleted` counts what QUIT deleted."""

    mails: dict[str, bytes] = field(default_factory=dict)
    user: str = "anna"
    password: str = "geheim"
    answers: dict[str, bytes] = field(default_factory=dict)
    late: dict[str, bytes] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    out: int | None = None
    into: int | None = None
    slow: float = 0.0
    tls: Certificate | None = None
    at_once: bool = False
    said: list[bytes] = field(default_factory=list)
    sessions: int = 0
    sent: int = 0
    got: int = 0
    deleted: int = 0
    port: int = 0

    @property
    def commands(self) -> list[str]:
        """The first words of what the client sent, in order."""
        return [line.split(b" ")[0].decode("latin-1") for line in self.said]


GREETING = b"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n"


@contextmanager
def serving(drop: Maildrop) -> Iterator[Maildrop]:
    """Serve it on a free port, one session after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        drop.port = listening.getsockname()[1]
        ended = threading.Event()
        thread = threading.Thread(target=_serve, args=(listening, drop, ended))
        thread.start()
        try:
            yield drop
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)  # what waits in accept ends at once
            thread.join(20)


def _serve(listening: socket.socket, drop: Maildrop, ended: threading.Event) -> None:
    with suppress(OSError):
        while not ended.is_set():
            connection, _ = listening.accept()
            connection.settimeout(10)
            drop.sessions += 1
            drop.sent = drop.got = 0
            _Session(connection, drop, ended).run()


class _Session:
    def __init__(self, connection: socket.socket, drop: Maildrop, ended: threading.Event) -> None:
        self._socket = connection
        self._drop = drop
        self._ended = ended
        self._buffer = b""
        self._marked: set[str] = set()
        self._there = dict(drop.mails)

    def run(self) -> None:
        with suppress(OSError, Cut):
            try:
                if self._drop.tls and self._drop.at_once:
                    self._secure()
                self._send(self._drop.answers.get("GREETING", GREETING))
                while self._answer(self._line()):
                    pass
            finally:
                self._socket.close()

    def _secure(self) -> None:
        assert self._drop.tls
        self._socket = self._drop.tls.context().wrap_socket(self._socket, server_side=True)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if self._drop.into is not None and self._drop.got >= self._drop.into:
                raise Cut
            most = 65536 if self._drop.into is None else self._drop.into - self._drop.got
            came = self._socket.recv(most)
            if not came:
                raise Cut
            self._drop.got += len(came)
            self._buffer += came
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        self._drop.said.append(line)
        return line

    def _send(self, data: bytes) -> None:
        drop = self._drop
        room = len(data) if drop.out is None else drop.out - drop.sent
        if drop.slow:
            for place in range(len(data)):
                if self._ended.wait(drop.slow):
                    raise Cut
                self._socket.sendall(data[place : place + 1])
        else:
            self._socket.sendall(data[:room])
        drop.sent += min(room, len(data))
        if room < len(data):
            raise Cut

    def _answer(self, line: bytes) -> bool:
        command, _, rest = line.decode("utf-8", "surrogateescape").partition(" ")
        drop = self._drop
        if command == "QUIT":
            return self._quit()
        if command in drop.answers:
            self._send(drop.answers[command])
        elif command == "STLS" and drop.tls and not drop.at_once:
            self._send(b"+OK begin\r\n")
            self._secure()
        elif command in ("USER", "DELE", "RETR", "PASS", "APOP", "UIDL", "LIST", "STAT"):
            self._send(getattr(self, f"_{command.lower()}")(rest))
        else:
            self._send(b"-ERR what?\r\n")
        return True

    def _quit(self) -> bool:
        if "QUIT" not in self._drop.answers:
            for uid in self._marked:
                del self._drop.mails[uid]
                self._drop.deleted += 1
        self._send(self._drop.answers.get("QUIT", b"+OK bye\r\n"))
        return False

    def _user(self, _: str) -> bytes:
        return b"+OK\r\n"

    def _pass(self, password: str) -> bytes:
        return b"+OK\r\n" if password == self._drop.password else b"-ERR [AUTH] wrong\r\n"

    def _apop(self, rest: str) -> bytes:
        user, _, digest = rest.partition(" ")
        stamp = GREETING[GREETING.index(b"<") : -2]
        right = hashlib.md5(stamp + self._drop.password.encode(), usedforsecurity=False).hexdigest()
        return b"+OK\r\n" if (user, digest) == (self._drop.user, right) else b"-ERR [AUTH] wrong\r\n"

    def _stat(self, _: str) -> bytes:
        return f"+OK {len(self._there)} {sum(map(len, self._there.values()))}\r\n".encode()

    def _uidl(self, _: str) -> bytes:
        listed = [f"{number} {uid}\r\n" for number, uid in enumerate(self._there, 1)]
        self._there |= self._drop.late
        return "".join(["+OK\r\n", *listed, ".\r\n"]).encode("latin-1")

    def _list(self, _: str) -> bytes:
        listed = [f"{number} {len(raw)}\r\n" for number, raw in enumerate(self._there.values(), 1)]
        return "".join(["+OK\r\n", *listed, ".\r\n"]).encode()

    def _retr(self, number: str) -> bytes:
        uid, raw = list(self._there.items())[int(number) - 1]
        if uid in self._drop.refuse:
            return b"-ERR can't read it\r\n"
        return b"+OK\r\n" + stuffed(raw) + b".\r\n"

    def _dele(self, number: str) -> bytes:
        self._marked.add(list(self._there)[int(number) - 1])
        return b"+OK\r\n"


def stuffed(raw: bytes) -> bytes:
    """A mail as it goes over the wire, before the last dot."""
    return (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..")


def ticket(user: str, token: str) -> bytes:
    """What XOAUTH2 sends."""
    return base64.b64encode(f"user={user}\1auth=Bearer {token}\1\1".encode())


def wait_for(condition: object, seconds: float = 10) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
