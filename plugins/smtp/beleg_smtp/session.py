"""A session with an SMTP server. Imported when one is opened: what it needs takes time to load."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from beleg import Endpoint, Fault, MailServerError, Sentence
from beleg_smtp import sentences as say

Reply = tuple[int, str]
"""A code, and the server's words on one line."""
_LONGEST_LINE = 8192
_MOST_LINES = 1000
_WAITS = 2
"""How many times the limit on one wait an answer may take in all: a server that drips must not hold up the outbox."""
_LONGEST_COMMAND = 510
"""Octets before CRLF (RFC 5321 section 4.5.3.1.4); what is longer goes in a line of its own (RFC 4954 section 4)."""
_LONGEST_WORDS = 500
_QUIT_SECONDS = 10.0
_AT_END = 10
"""How much longer a server may take over a mail that it has whole than over anything else: ten minutes, where it
has one (RFC 5321 section 4.5.3.2.6). Who gives up earlier does not know whether it was sent."""
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+")


class _Lines(smtplib.SMTP):
    """smtplib takes an answer that was cut off for a whole one."""

    def getreply(self) -> tuple[int, bytes]:
        """An answer, whole. Raises SMTPServerDisconnected; SMTPException where it is none; TimeoutError, also where it
        only drips in."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected
        until = time.monotonic() + _WAITS * (self.sock.gettimeout() or 0.0)
        if self.file is None:
            self.file = self.sock.makefile("rb")
        found = []
        for _ in range(_MOST_LINES):
            line = self._line(until)
            if not line.endswith(b"\n"):
                raise smtplib.SMTPException if len(line) == _LONGEST_LINE else smtplib.SMTPServerDisconnected
            if not re.match(rb"[2-5][0-9][0-9][ \r\n-]", line):
                raise smtplib.SMTPException
            found.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(found)
        raise smtplib.SMTPException

    def _line(self, until: float) -> bytes:
        line = b""
        assert self.file
        while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
            if time.monotonic() > until:
                raise TimeoutError
            came = self.file.peek(1)  # waits once, at most
            if not came:
                break
            line += self.file.readline(min(len(came), _LONGEST_LINE - len(line)))
        return line


class Session:
    """A connection, opened step by step. All methods but `close` and `quit` raise MailServerError."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._smtp = _Lines(local_hostname="localhost", timeout=endpoint.seconds)
        self.greeting = ""
        self.version = ""

    # --- opening -----------------------------------------------------------------------------------------------

    def reach(self) -> None:
        """Connect; with TLS from the first byte, no more than that."""
        endpoint = self._endpoint
        try:
            found = socket.create_connection((endpoint.host, endpoint.port), endpoint.seconds)
        except (socket.gaierror, ValueError, OverflowError) as error:
            raise self.error("unreachable", say.NO_HOST) from error
        except OSError as error:
            raise self.error("unreachable", say.UNREACHABLE, error.strerror or "") from error
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._smtp.sock = found
        address = found.getsockname()[0]
        # No name of ours: finding one may take long, and it is nobody's business (RFC 5321 section 4.1.4).
        self._smtp.local_hostname = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        if endpoint.security != "tls":
            self._greet()

    def protect(self) -> None:
        """Have the connection encrypted, where it is to be. Nothing that has to be kept secret was sent before."""
        if self._endpoint.security == "plain":
            return
        if self._endpoint.security == "starttls":
            if self.offers("STARTTLS") is None:
                raise self.error("tls", say.NO_STARTTLS)
            self.expect(2, self.command("STARTTLS"), say.NO_STARTTLS, fault="tls")
        self._encrypt()
        if self._endpoint.security == "tls":
            self._greet()
        else:
            self._hello()

    def _encrypt(self) -> None:
        endpoint, smtp = self._endpoint, self._smtp
        assert smtp.sock  # it was reached
        context = ssl.create_default_context()
        try:
            if endpoint.authorities:
                context.load_verify_locations(cadata=endpoint.authorities)
        except (ssl.SSLError, ValueError, TypeError) as error:
            raise self.error("tls", say.NO_AUTHORITIES) from error
        try:
            found = context.wrap_socket(smtp.sock, server_hostname=endpoint.server_name or endpoint.host)
        except ssl.SSLCertVerificationError as error:
            raise self.error("tls", say.UNTRUSTED, why=error.verify_message) from error
        except TimeoutError as error:
            raise self.error("unreachable", say.SILENT) from error
        except (ssl.SSLError, ValueError) as error:
            raise self.error("tls", say.NO_TLS, why=getattr(error, "reason", "") or str(error)) from error
        except OSError as error:
            raise self.error("tls", say.NO_TLS, why=error.strerror or str(error)) from error
        smtp.sock = found
        smtp.file = None  # what was said before was not encrypted, and is forgotten
        self.version = found.version() or ""

    def _greet(self) -> None:
        with self._talking():
            self.greeting = self.expect(2, _said(self._smtp.getreply()), say.TURNED_AWAY, fault="temporary")
        self._hello()

    def _hello(self) -> None:
        smtp = self._smtp
        with self._talking():
            code, words = smtp.ehlo()
            if code // 100 == 5:
                code, words = smtp.helo()
        self.expect(2, _said((code, words)), say.TURNED_AWAY, fault="temporary")

    def sign_in(self) -> None:
        """Sign in, where that is asked for."""
        user, secret = self._endpoint.user, self._endpoint.secret.get_secret_value()
        offered = (self.offers("AUTH") or "").upper().split()
        if self._endpoint.auth == "none":
            return
        if self._endpoint.auth == "oauth2":
            if "XOAUTH2" not in offered:
                raise self.error("unsupported", say.NO_MECHANISM, wanted="OAuth2 (XOAUTH2)")
            self._authenticate("XOAUTH2", [f"user={user}\1auth=Bearer {secret}\1\1", ""], say.BAD_TOKEN)
        elif "PLAIN" in offered:
            self._authenticate("PLAIN", [f"\0{user}\0{secret}"], say.BAD_PASSWORD)
        elif "LOGIN" in offered:
            self._authenticate("LOGIN", [user, secret], say.BAD_PASSWORD)
        else:
            raise self.error("unsupported", say.NO_MECHANISM, wanted="PLAIN, LOGIN")

    def _authenticate(self, mechanism: str, answers: Sequence[str], refused: Sentence) -> None:
        """Give the answers, one to each challenge; the second one of XOAUTH2 is to its refusal. smtplib's own `auth`
        knows only ASCII, and takes `503` for a success."""
        encoded = [b64encode(each.encode("utf-8", "surrogatepass")).decode() for each in answers]
        first = f"AUTH {mechanism}"
        if mechanism != "LOGIN" and len(first) + 1 + len(encoded[0]) <= _LONGEST_COMMAND:
            first = f"{first} {encoded.pop(0)}"
        sent = [first, *encoded]
        with self._talking():
            code, said = self._smtp.docmd(first)
            while code == 334 and encoded:
                code, said = self._smtp.docmd(encoded.pop(0))
        if code == 235:
            return
        words = self._without_secrets(said, sent)
        if code // 100 == 4:
            raise self.error("temporary", say.SIGN_IN_LATER, words)
        raise self.error("sign_in", refused, words, user=self._endpoint.user)

    def _without_secrets(self, said: bytes, sent: Sequence[str]) -> str:
        """The words of an answer to a sign-in; none where the server repeats what it was told."""
        secrets = {word for line in sent for word in line.split()[-1:]} | {self._endpoint.secret.get_secret_value()}
        whole = _shown(said)
        return "" if any(_shown(each.encode("utf-8", "replace")) in whole for each in secrets if each) else _cut(whole)

    # --- talking -----------------------------------------------------------------------------------------------

    def offers(self, extension: str) -> str | None:
        """The parameters of an extension that the server offers; None where it does not."""
        found: str | None = self._smtp.esmtp_features.get(extension.lower())
        return None if found is None else found.strip()

    def speak_utf8(self) -> None:
        """Let addresses be in UTF-8 (RFC 6531)."""
        self._smtp.command_encoding = "utf-8"

    def command(self, line: str) -> Reply:
        """Say one line, and hear the answer."""
        with self._talking():
            return _said(self._smtp.docmd(line))

    def expect(
        self, kind: int, reply: Reply, sentence: Sentence, *, fault: Fault | None = None, **values: object
    ) -> str:
        """The words of an answer of this kind (`2`, `3`); raises what another one means."""
        code, words = reply
        if code // 100 == kind:
            return words
        if code // 100 < 4:
            raise self.error("protocol", say.NO_REPLY, f"{code} {words}")
        if fault is None and code // 100 == 4:
            raise self.error("temporary", say.LATER, f"{code} {words}")
        raise self.error(fault or "refused", sentence, f"{code} {words}", **values)

    def data(self, raw: bytes) -> str:
        """Hand over the mail. From the end of its data on, an answer that does not come leaves it unclear."""
        self.expect(3, self.command("DATA"), say.MAIL_REFUSED)
        lines = re.sub(rb"(?m)^\.", b"..", raw)
        with self._talking():
            self._smtp.send(lines if lines.endswith(b"\r\n") else lines + b"\r\n")
        try:
            if self._smtp.sock:
                self._smtp.sock.settimeout(_AT_END * self._endpoint.seconds)
            self._smtp.send(b".\r\n")
            reply = _said(self._smtp.getreply())
        except (OSError, smtplib.SMTPException) as error:
            raise self.error("unclear", say.UNCLEAR) from error
        if reply[0] // 100 == 3:
            raise self.error("unclear", say.UNCLEAR, f"{reply[0]} {reply[1]}")
        return self.expect(2, reply, say.MAIL_REFUSED)

    def quit(self) -> None:
        """Say goodbye; whether that is heard does not matter."""
        with suppress(OSError, smtplib.SMTPException):
            if self._smtp.sock:
                self._smtp.sock.settimeout(min(_QUIT_SECONDS, self._endpoint.seconds))
            self._smtp.docmd("QUIT")

    def close(self) -> None:
        """End the connection."""
        self._smtp.close()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPServerDisconnected as error:
            raise self.error("unreachable", say.LOST) from error
        except TimeoutError as error:
            raise self.error("unreachable", say.SILENT) from error
        except smtplib.SMTPException as error:
            raise self.error("protocol", say.NO_REPLY) from error
        except OSError as error:  # SMTPException is one, too
            raise self.error("unreachable", say.LOST, error.strerror or "") from error

    def error(self, fault: Fault, sentence: Sentence, words: str = "", **values: object) -> MailServerError:
        """What is wrong, with the server's name."""
        endpoint = self._endpoint
        at = {"host": endpoint.host, "port": endpoint.port, "seconds": f"{endpoint.seconds:g}"}
        return MailServerError(fault, sentence, words, **at, **values)


def _said(reply: tuple[int, bytes]) -> Reply:
    return reply[0], _cut(_shown(reply[1]))


def _shown(words: bytes) -> str:
    """The server's words as they may be shown and stored."""
    return _NOT_SHOWN.sub(" ", words.decode("utf-8", "replace")).strip()


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"
