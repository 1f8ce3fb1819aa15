"""A real Dovecot: POP3 with login, APOP, STLS, TLS and XOAUTH2; mail is delivered into Maildirs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from mailservers.authority import Certificate, certificate

PASSWORD = "b0b"


@dataclass
class Dovecot:
    """A running server. Everybody may sign in with PASSWORD, and whom `tokens` names with that token. `sasl` is the
    port that a Postfix signs people in by."""

    folder: Path
    certificate: Certificate
    pop3: int
    pop3s: int
    sasl: int
    tokens: dict[str, str]
    """Users by token; who is taken out of it has a token that is no longer valid."""
    introspection: int
    process: subprocess.Popen[bytes] | None = None
    delivered: int = 0
    users: int = 0

    def new_user(self) -> str:
        """Someone who had no mail yet."""
        self.users += 1
        return f"user{self.users}@example.test"

    def maildir(self, user: str) -> Path:
        """Where his mail lies; a Postfix may deliver there too."""
        return self.folder / "mail" / user

    def deliver(self, user: str, raw: bytes) -> str:
        """Put a mail into his mailbox; returns the file's name."""
        self.delivered += 1
        name = f"{time.time():.6f}.{self.delivered}.test"
        box = self.maildir(user)
        for each in (box, *(box / part for part in ("tmp", "new", "cur"))):
            if not each.is_dir():
                each.mkdir()
                self._give(each)
        (box / "tmp" / name).write_bytes(raw)
        self._give(box / "tmp" / name)
        (box / "tmp" / name).rename(box / "new" / name)
        return name

    def mails(self, user: str) -> list[bytes]:
        """What lies in his mailbox now."""
        box = self.maildir(user)
        return [path.read_bytes() for part in ("new", "cur") for path in sorted((box / part).glob("*"))]

    def lose_index(self, user: str) -> None:
        """Lose what the server knows of his mailbox: all mails get new unique ids."""
        time.sleep(1.05)  # the new ids begin with the second in which they are given
        for path in self.maildir(user).glob("dovecot*"):
            path.unlink()

    def _give(self, path: Path) -> None:
        shutil.chown(path, "nobody", "nogroup")

    def start(self) -> None:
        log = (self.folder / "dovecot.out").open("wb")
        command = ["dovecot", "-F", "-c", str(self.folder / "conf/dovecot.conf")]
        with log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.pop3), 5) as connection:
                connection.settimeout(5)
                if connection.recv(3) == b"+OK":
                    return
            time.sleep(0.02)
        logs = [self.folder / "dovecot.out", self.folder / "dovecot.log"]
        pytest.fail("Dovecot did not start:\n" + "\n".join(each.read_text() for each in logs if each.exists()))

    def stop(self) -> None:
        """End the server that we started, by its process id."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One Dovecot for all tests; each takes a user of its own."""
    if shutil.which("dovecot") is None and not Path("/usr/sbin/dovecot").exists():
        pytest.skip("no Dovecot is installed (apt-get install dovecot-core dovecot-pop3d)")
    if os.geteuid() != 0:
        pytest.skip("Dovecot's test server is started as root alone")
    folder = Path(tempfile.mkdtemp(prefix="beleg-dovecot-", dir="/tmp"))  # short: the paths of its sockets are bounded
    folder.chmod(0o755)
    try:
        with introspecting() as (introspection, tokens):
            server = _configured(folder, introspection, tokens)
            try:
                server.start()
                yield server
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def introspecting() -> Iterator[tuple[int, dict[str, str]]]:
    """The port of a server that says whose a token is (RFC 7662), and the tokens that it knows."""
    tokens: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            user = tokens.get(parse_qs(body.decode()).get("token", [""])[0])
            said = {"active": True, "username": user, "scope": "pop3"} if user else {"active": False}
            data = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], tokens
        finally:
            server.shutdown()
            thread.join(20)


def _configured(folder: Path, introspection: int, tokens: dict[str, str]) -> Dovecot:
    for each in ("conf", "mail", "run"):
        (folder / each).mkdir()
    shutil.chown(folder / "mail", "nobody", "nogroup")
    made = certificate(folder / "tls")
    server = Dovecot(folder, made, *_free_ports(3), tokens, introspection)
    (folder / "conf/oauth2.conf.ext").write_text(
        f"introspection_mode=post\nintrospection_url=http://127.0.0.1:{introspection}/introspect\n"
        "client_id=beleg-test\nclient_secret=client-secret-of-the-tests\nusername_attribute=username\n"
        "active_attribute=active\nactive_value=true\nscope=pop3\n"
    )
    text = _CONFIG
    for name, value in {
        "FOLDER": folder, "CERT": made.certificate, "KEY": made.key, "POP3S": server.pop3s, "POP3": server.pop3,
        "SASL": server.sasl, "PASSWORD": PASSWORD,
    }.items():  # fmt: skip
        text = text.replace(f"@{name}@", str(value))
    (folder / "conf/dovecot.conf").write_text(text)
    return server


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


_CONFIG = """
base_dir=@FOLDER@/run
log_path=@FOLDER@/dovecot.log
protocols=pop3
listen=127.0.0.1
ssl=yes
ssl_cert=<@CERT@
ssl_key=<@KEY@
disable_plaintext_auth=no
auth_mechanisms=plain login apop cram-md5 xoauth2 oauthbearer
auth_failure_delay=0 secs
first_valid_uid=1
mail_location=maildir:@FOLDER@/mail/%u
passdb {
  driver=static
  args=password={PLAIN}@PASSWORD@
  mechanisms=plain login apop cram-md5
}
passdb {
  driver=oauth2
  mechanisms=xoauth2 oauthbearer
  args=@FOLDER@/conf/oauth2.conf.ext
}
userdb {
  driver=static
  args=uid=nobody gid=nogroup home=@FOLDER@/mail/%u allow_all_users=yes
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode=0
  }
}
service pop3-login {
  chroot=
  inet_listener pop3 {
    port=@POP3@
  }
  inet_listener pop3s {
    port=@POP3S@
    ssl=yes
  }
}
service stats {
  unix_listener stats-writer {
    mode=0666
  }
}
service auth {
  inet_listener sasl {
    address=127.0.0.1
    port=@SASL@
  }
}
protocol pop3 {
  pop3_lock_session=yes
}
"""
