"""A small authorisation server on loopback: authorise (code with PKCE), token, introspect, revoke, admin consent; and
what goes wrong with real ones. It checks what RFC 6749 and RFC 7636 have it check, so that a client that leaves a step
out is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "beleg-test"
SECRET = "client-secret-of-the-tests"
SCOPES = "pop3 smtp offline_access"


@dataclass
class Grant:
    """What a person allowed: to whom, and until when."""

    user: str
    scope: str
    until: float
    challenge: str = ""
    redirect: str = ""


@dataclass
class Fault:
    """What an endpoint does instead, `times` times (-1: always): an OAuth error with its description, or a status, a
    body, a delay."""

    error: str = ""
    description: str = ""
    status: int = 400
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    then: bool = False
    """After the delay it answers as if there were no fault."""
    drop: bool = False
    """Closes the connection without an answer."""
    times: int = -1


@dataclass
class AuthorisationServer:
    """What it knows and has been asked."""

    url: str = ""
    user: str = "erika@firma.example"
    """Who signs in, where the request names nobody."""
    expires_in: int | None = 3600
    refresh_expires_in: int | None = None
    refresh: bool = True
    """Whether a code brings a refresh token."""
    scope: str | None = None
    """The scope that is granted instead of the one that was asked for."""
    ask: bool = False
    """Whether a page asks the person, instead of allowing at once."""
    consented: bool = True
    """Whether the administrator of the directory has agreed."""
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, Grant] = field(default_factory=dict)
    refreshing: dict[str, Grant] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """Refresh tokens that were replaced; one of these that comes again is refused, and ends the link."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def fields(self) -> dict[str, Any]:
        """How the provider is set up in Beleg."""
        addresses = {name: f"{self.url}/{name}" for name in ("authorize", "token", "revoke", "consent")}
        return {"client_id": CLIENT, "scopes": SCOPES, **addresses}

    def issue(self, user: str, scope: str = SCOPES, seconds: float = 3600) -> str:
        """An access token, past all checks; for tests of servers that introspect."""
        token = f"access-{secrets.token_urlsafe(24)}"
        self.access[token] = Grant(user, scope, time.time() + seconds)
        return token

    def revoke_all(self) -> None:
        """The person took the permission back at the provider."""
        self.refreshing.clear()
        self.access.clear()


class Refused(Exception):
    """An error as RFC 6749 section 5.2 has it."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.answer = {"error": error, "error_description": description}
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    known: AuthorisationServer

    def log_message(self, *_: object) -> None:
        """Nothing: it would show codes."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer(parts.path, {name: each[0] for name, each in parse_qs(parts.query).items()})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self._answer(self.path, {name: each[0] for name, each in parse_qs(body).items()})

    def _answer(self, path: str, given: dict[str, str]) -> None:
        known = self.known
        with known.lock:
            known.asked[path] += 1
            known.asked[f"{path} {given.get('grant_type', '')}".strip()] += "grant_type" in given
            fault = known.faults.get(path)
            if fault and fault.times == 0:
                fault = None
            elif fault:
                fault.times -= 1
        if fault and self._fails(fault):
            return
        act = {
            "/authorize": self._authorize, "/allow": self._allow, "/deny": self._deny, "/consent": self._consent,
            "/token": self._token, "/introspect": self._introspect, "/revoke": self._revoke,
        }.get(path)  # fmt: skip
        if act is None:
            self._send(204 if path == "/favicon.ico" else 404)
            return
        try:
            with known.lock:
                act(given)
        except Refused as refused:
            self._json(refused.answer, refused.status)

    def _fails(self, fault: Fault) -> bool:
        time.sleep(fault.delay)
        if fault.then:
            return False
        if fault.drop:
            self.close_connection = True
        elif fault.error:
            self._json({"error": fault.error, "error_description": fault.description}, fault.status)
        else:
            self._send(fault.status, fault.body or b"", "text/html", **fault.headers)
        return True

    # --- the person's browser

    def _authorize(self, given: dict[str, str]) -> None:
        if given.get("client_id") != CLIENT:
            raise Refused("unauthorized_client")
        missing = {"redirect_uri", "state", "code_challenge", "scope"} - given.keys()
        if missing or given.get("code_challenge_method") != "S256" or given.get("response_type") != "code":
            raise Refused("invalid_request", f"missing {sorted(missing)}")
        if not self.known.consented:
            self._back(given, error="access_denied", error_description="AADSTS90094: an administrator must consent.")
        elif self.known.ask:
            query = escape(urlencode(given))
            page = f"<h1>Sign in</h1><a id=allow href='/allow?{query}'>Allow</a> <a id=deny href='/deny?{query}'>No</a>"
            self._send(200, page.encode(), "text/html")
        else:
            self._allow(given)

    def _allow(self, given: dict[str, str]) -> None:
        code = f"code-{secrets.token_urlsafe(24)}"
        user = given.get("login_hint", self.known.user)
        self.known.codes[code] = Grant(
            user, self.known.scope or given["scope"], time.time() + 60, given["code_challenge"], given["redirect_uri"]
        )
        self._back(given, code=code)

    def _deny(self, given: dict[str, str]) -> None:
        self._back(given, error="access_denied", error_description="The person said no.")

    def _consent(self, given: dict[str, str]) -> None:
        self.known.consented = True
        self._back(given, admin_consent="True", tenant="t")

    def _back(self, given: dict[str, str], **answer: str) -> None:
        self._send(302, location=f"{given['redirect_uri']}?{urlencode({**answer, 'state': given['state']})}")

    # --- the client

    def _client(self, given: dict[str, str]) -> None:
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET):
            raise Refused("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)

    def _token(self, given: dict[str, str]) -> None:
        self._client(given)
        known = self.known
        if given.get("grant_type") == "authorization_code":
            grant = known.codes.pop(given.get("code", ""), None)
            digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if grant is None or grant.until < time.time() or grant.redirect != given.get("redirect_uri"):
                raise Refused("invalid_grant", "no such code")
            if grant.challenge != challenge:
                raise Refused("invalid_grant", "the verifier does not fit")
        elif given.get("grant_type") == "refresh_token":
            old = given.get("refresh_token", "")
            if old in known.used:
                known.refreshing.clear()  # a replaced token that comes again was stolen (RFC 9700 section 4.14.2)
            grant = known.refreshing.pop(old, None)
            if grant is None:
                raise Refused("invalid_grant", f"no such refresh token: {old}")
            known.used.add(old)
        else:
            raise Refused("unsupported_grant_type")
        self._issue(grant)

    def _issue(self, grant: Grant) -> None:
        known = self.known
        access, refresh = (f"{kind}-{secrets.token_urlsafe(24)}" for kind in ("access", "refresh"))
        until = time.time() + (3600 if known.expires_in is None else known.expires_in)
        known.access[access] = Grant(grant.user, grant.scope, until)
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "scope": grant.scope}
        if known.expires_in is not None:
            answer["expires_in"] = known.expires_in
        if known.refresh:
            known.refreshing[refresh] = grant
            answer["refresh_token"] = refresh
        if known.refresh_expires_in is not None:
            answer["refresh_expires_in"] = known.refresh_expires_in
        self._json(answer)

    def _introspect(self, given: dict[str, str]) -> None:
        """RFC 7662; Dovecot asks it."""
        grant = self.known.access.get(given.get("token", ""))
        if grant is None or grant.until < time.time():
            self._json({"active": False})
        else:
            self._json({"active": True, "username": grant.user, "scope": grant.scope, "exp": int(grant.until)})

    def _revoke(self, given: dict[str, str]) -> None:
        """RFC 7009: all that came of the same permission ends; a token that is unknown is no error."""
        self._client(given)
        token = given.get("token", "")
        grant = self.known.refreshing.pop(token, None) or self.known.access.get(token)
        if grant:
            self.known.access = {name: each for name, each in self.known.access.items() if each.user != grant.user}
        self._send(200)

    # --- answers

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever did not trust us, or went away, knows why."""


@contextmanager
def authorising(context: ssl.SSLContext | None = None) -> Iterator[AuthorisationServer]:
    """Serve on a free port of loopback, with TLS where there is a context."""
    known = AuthorisationServer()
    handler = type("Handler", (_Handler,), {"known": known})
    server = _Server(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    scheme, name = ("https", "localhost") if context else ("http", "127.0.0.1")
    known.url = f"{scheme}://{name}:{server.server_address[1]}"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
