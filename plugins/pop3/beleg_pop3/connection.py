"""A connection to a POP3 server: `poplib`, made so strict that no mail is lost by it.

An answer counts only when it is complete: `poplib` takes a last line without its end for one, so a connection that was
cut behind `..` gave half a mail as a whole one. Lines end in CRLF and in nothing else, for a bare LF is part of a mail:
a mail with a dot between two of them would end there. Bytes are read from the socket itself, so that each wait has its
limit, and nothing that came unencrypted is taken for something that came encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import poplib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from beleg import Endpoint, Fault, MailServerError, Sentence
from beleg_pop3 import words

CRLF = b"\r\n"
MOST_LINE = 1024 * 1024
MOST_ANSWER = 64 * 1024 * 1024
"""Bytes of a line, and of an answer of many lines that is no mail."""
MOST_MAIL = 256 * 1024 * 1024
"""Bytes of a mail that a server said to be smaller than that."""
MOST_EVER = 1024 * 1024 * 1024
"""Bytes of any mail, for it is held in memory, and a server can say any size."""
WAITS = 10
"""How many times the limit on one wait a session may wait in all, besides a second for each KiB that came: a server
that drips must not keep it open for ever."""
SLOWEST = 1024
_MOST_SAID = 300
_ID = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_GREETING_ID = re.compile(rf"<{_ID}@(?:{_ID}|\[[!-Z^-~]*\])>".encode())
_CODE = re.compile(rb"\[([A-Za-z0-9/-]+)\]")
_LOCKED = re.compile(r"\block|\bin use\b|\bbusy\b|\banother (?:session|connection|process)", re.IGNORECASE)
_FOR_NOW = re.compile(r"temporar|\blater\b|\btry again\b|\binternal\b|\bunavailable\b|\btoo many\b", re.IGNORECASE)


class Refused(Exception):
    """The server said -ERR, with these words."""

    def __init__(self, said: str, code: str) -> None:
        super().__init__(said)
        self.said = said
        self.code = code


class Connection(poplib.POP3):
    """A connection. Raises MailServerError for all that goes wrong, but for Refused where the server says no."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect, and no more: neither TLS nor a greeting. (`poplib` waits for the greeting here, and leaves the
        connection open where that fails.)"""
        self.host, self.port = endpoint.host, endpoint.port
        self._endpoint = endpoint
        self._secrets = [each for each in (endpoint.secret.get_secret_value(),) if len(each) > 3]
        self._buffer = bytearray()
        self._debugging = 0
        self._waited = 0.0
        self._came = self._answered = 0
        self.welcome = b""
        self.sock: socket.socket | ssl.SSLSocket | None = None  # type: ignore[assignment]  # typeshed has no time before it
        self.file = None  # type: ignore[assignment]  # nothing is read by it
        with self._talking():
            self.sock = socket.create_connection((self.host, self.port), endpoint.seconds)

    # --- opening -----------------------------------------------------------------------------------------------------

    def secure(self) -> str:
        """Speak TLS from here on; returns its version. The certificate is verified."""
        context = _context(self._endpoint)
        name = self._endpoint.server_name or self.host
        with self._talking():
            assert self.sock
            try:
                self.sock = context.wrap_socket(self.sock, server_hostname=name)
            except ssl.SSLCertVerificationError as error:
                raise self._error("tls", words.UNTRUSTED, fault=error.verify_message) from None
            except ssl.SSLError as error:
                raise self._error("tls", words.NO_TLS, fault=error.reason or "TLS") from None
            return str(self.sock.version())

    def greet(self) -> None:
        """Wait for the greeting."""
        try:
            self.welcome = self._getresp()
        except Refused as refused:
            raise self.refusal(refused, "temporary", words.TEMPORARY) from None

    def start_tls(self) -> str:
        """STLS (RFC 2595), then as `secure`. Whether it is offered is not asked: an unencrypted answer proves nothing,
        and without a yes no password is sent."""
        try:
            self._shortcmd("STLS")
        except Refused as refused:
            raise self.refusal(refused, "tls", words.NO_STLS) from None
        if self._buffer:
            raise self._error("tls", words.INJECTED)
        return self.secure()

    # --- signing in --------------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Sign in as the endpoint says; what can't be sent was refused before (`sendable`)."""
        user, secret = self._endpoint.user, self._endpoint.secret.get_secret_value()
        try:
            match self._endpoint.auth:
                case "apop":
                    self.apop(user, secret)
                case "oauth2":
                    self._xoauth2(user, secret)
                case _:
                    self.user(user)
                    self.pass_(secret)
        except Refused as refused:
            token = self._endpoint.auth == "oauth2"
            raise self.refusal(refused, "sign_in", words.REFUSED_TOKEN if token else words.REFUSED) from None

    def apop(self, user: str, password: str) -> bytes:
        """APOP, where the greeting has exactly one proper msg-id (RFC 1939 section 7): a server that may choose any
        text learns the password by it (CVE-2007-1558)."""
        found = _GREETING_ID.findall(self.welcome)
        if len(found) != 1 or self.welcome.count(b"<") != 1:
            raise self._error("unsupported", words.NO_APOP)
        digest = hashlib.md5(found[0] + password.encode(), usedforsecurity=False).hexdigest()
        return self._shortcmd(f"APOP {user} {digest}")

    def _xoauth2(self, user: str, token: str) -> None:
        """AUTH XOAUTH2 in two lines, for a command may have 255 octets alone (RFC 2449 section 4). A refusal comes as
        one more question, which an empty line answers."""
        ticket = base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()
        self._secrets.append(ticket)
        try:
            asked, _ = self._ask("AUTH XOAUTH2")
        except Refused as refused:
            raise self.refusal(refused, "unsupported", words.NO_XOAUTH2) from None
        if not asked:
            raise self._error("protocol", words.NO_POP3)
        asked, why = self._ask(ticket)
        if not asked:
            return
        try:
            self._shortcmd("")
        except Refused as refused:
            raise Refused(f"{refused.said} {self._words(_decoded(why))}".strip(), refused.code) from None
        raise self._error("protocol", words.NO_POP3)

    def _ask(self, line: str) -> tuple[bool, bytes]:
        """Send a line of AUTH; whether the server asks for another one, and with which words (RFC 5034)."""
        self._putline(line.encode())
        answer, _ = self._getline()
        return (True, answer[1:]) if answer[:2] in (b"+", b"+ ") else (False, self._judged(answer))

    # --- mail --------------------------------------------------------------------------------------------------------

    def retr(self, which: int, size: int = 0) -> bytes:  # type: ignore[override]  # poplib gives lines
        """A mail, byte for byte, of which the server said that it has this size: dots that were doubled are single
        again, and nothing else is changed."""
        self._shortcmd(f"RETR {which}")
        most = min(max(MOST_MAIL, 4 * size), MOST_EVER)
        if self._starts_with(b".\r\n"):
            del self._buffer[:3]
            return b""
        seen = 0
        while (end := self._buffer.find(b"\r\n.\r\n", seen)) < 0:
            seen = max(0, len(self._buffer) - 4)
            if len(self._buffer) > most:
                raise self._error("protocol", words.TOO_LONG)
            self._more()
        raw = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        return raw.removeprefix(b".").replace(b"\r\n.", CRLF)

    def _starts_with(self, start: bytes) -> bool:
        while len(self._buffer) < len(start) and start.startswith(self._buffer):
            self._more()
        return self._buffer.startswith(start)

    # --- what poplib calls -------------------------------------------------------------------------------------------

    def _shortcmd(self, line: str) -> bytes:
        self._putline(line.encode())
        return self._getresp()

    def _putline(self, line: bytes) -> None:
        self._answered = 0
        with self._talking():
            assert self.sock
            self.sock.settimeout(self._patience())
            self.sock.sendall(line + CRLF)

    def _getline(self) -> tuple[bytes, int]:
        seen = 0
        while (end := self._buffer.find(CRLF, seen)) < 0:
            seen = max(0, len(self._buffer) - 1)
            if len(self._buffer) > MOST_LINE:
                raise self._error("protocol", words.TOO_LONG)
            self._more()
        if end > MOST_LINE or self._answered > MOST_ANSWER:
            raise self._error("protocol", words.TOO_LONG)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._answered += end
        return line, end + 2

    def _getresp(self) -> bytes:
        return self._judged(self._getline()[0])

    def _judged(self, line: bytes) -> bytes:
        if line.startswith(b"-ERR"):
            code = _CODE.match(line[4:].strip())
            raise Refused(self._words(line[4:]), code[1].decode().upper() if code else "")
        if line[:4] not in (b"+OK", b"+OK "):
            raise self._error("protocol", words.NO_POP3, line)
        return line

    def close(self) -> None:
        """Close the connection without a word."""
        sock, self.sock = self.sock, None
        if sock:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _more(self) -> None:
        """Wait for more bytes."""
        with self._talking():
            assert self.sock
            self.sock.settimeout(self._patience())
            begun = time.monotonic()
            try:
                came = self.sock.recv(65536)
            finally:
                self._waited += time.monotonic() - begun
        if not came:
            raise self._error("unreachable", words.LOST)
        self._came += len(came)
        self._buffer += came

    def _patience(self) -> float:
        """Seconds that this wait may take."""
        left = WAITS * self._endpoint.seconds + self._came / SLOWEST - self._waited
        if left <= 0:
            raise self._error("unreachable", words.TOO_SLOW)
        return min(self._endpoint.seconds, left)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """What goes wrong between the machines, as people are told."""
        try:
            yield
        except TimeoutError:
            raise self._error("unreachable", words.SILENT, seconds=f"{self._endpoint.seconds:g}") from None
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            raise self._error("unreachable", words.LOST) from None
        except (OSError, ValueError, OverflowError) as error:  # a host that is none: UnicodeError; a NUL: ValueError
            fault = getattr(error, "strerror", None) or str(error)
            raise self._error("unreachable", words.UNREACHABLE, fault=fault) from None

    # --- faults ------------------------------------------------------------------------------------------------------

    def refusal(self, refused: Refused, fault: Fault, sentence: Sentence, /, **values: object) -> MailServerError:
        """What a -ERR means: what its code says (RFC 2449 section 8, RFC 3206); else, at the sign-in, what its words
        hint at, for a password must not be called wrong because another program has the mailbox; else this fault."""
        match refused.code:
            case "IN-USE" | "LOGIN-DELAY":
                return self._error("busy", words.BUSY, refused.said)
            case "SYS/TEMP":
                return self._error("temporary", words.TEMPORARY, refused.said)
            case "SYS/PERM":
                return self._error("account", words.PERMANENT, refused.said)
            case "" if fault == "sign_in" and _LOCKED.search(refused.said):
                return self._error("busy", words.BUSY, refused.said)
            case "" if fault == "sign_in" and _FOR_NOW.search(refused.said):
                return self._error("temporary", words.TEMPORARY, refused.said)
        return self._error(fault, sentence, refused.said, **values)

    def _error(self, fault: Fault, sentence: Sentence, said: str | bytes = "", /, **values: object) -> MailServerError:
        text = self._words(said) if isinstance(said, bytes) else said
        return MailServerError(fault, sentence, text, host=self.host, port=self.port, **values)

    def _words(self, line: bytes) -> str:
        """The server's words, without what a screen must not get, and without a secret that it repeats."""
        text = "".join(each if each.isprintable() else " " for each in line.decode("utf-8", "replace"))
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text.strip()[:_MOST_SAID]


def sendable(endpoint: Endpoint) -> None:
    """Refuse, before a byte is sent, what can't be sent as user name and password. Raises MailServerError."""
    user, secret = endpoint.user, endpoint.secret.get_secret_value()
    if endpoint.auth not in ("login", "apop", "oauth2"):
        raise MailServerError("unsupported", words.NO_SUCH_AUTH, auth=endpoint.auth)
    if not user:
        raise MailServerError("sign_in", words.NO_USER)
    if not secret:
        raise MailServerError("sign_in", words.NO_TOKEN if endpoint.auth == "oauth2" else words.NO_SECRET)
    forbidden = "\r\n\0\1" if endpoint.auth == "oauth2" else "\r\n\0"  # \1 parts the fields of XOAUTH2
    try:
        f"{user}{secret}".encode()
    except UnicodeEncodeError:
        raise MailServerError("sign_in", words.UNSENDABLE) from None
    if any(each in user + secret for each in forbidden) or (endpoint.auth == "apop" and " " in user):
        raise MailServerError("sign_in", words.UNSENDABLE)


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if endpoint.authorities:
        try:
            context.load_verify_locations(cadata=endpoint.authorities)
        except (ssl.SSLError, ValueError, TypeError) as error:  # in this order: no certificate, NUL, not ASCII
            fault = getattr(error, "reason", None) or str(error)
            raise MailServerError("tls", words.NO_AUTHORITIES, fault=fault) from None
    return context


def _decoded(text: bytes) -> bytes:
    with suppress(ValueError):
        return base64.b64decode(text.strip(), validate=True)
    return b""
