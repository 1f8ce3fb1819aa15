"""JSON-RPC 1.1 over HTTPS, and downloads: one request at a time, and what goes wrong with it in words."""

from __future__ import annotations

import json
import re
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from beleg import MailServerError, Sentence, ServerSettings
from beleg_greyhound.transport import Deadline, Transport
from beleg_greyhound.undocumented import NotDocumented

LARGEST_ANSWER = 32 * 2**20
LARGEST_MAIL = 128 * 2**20
NATIVE = 700
"""Over JSON, an error's code is GREYHOUND's own plus this."""
_TRIES = 3
_PAUSE = 0.25
_REDIRECTS = 5
_WORDS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Answered(MailServerError):
    """The server understood the call and answered with an error."""


class Client:
    """One user's calls of one server. Raises MailServerError where the settings can't be used."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._secret = settings.secret.get_secret_value()
        host, self._base = _place(settings.address)
        if len(settings.client_id) != 32 or not settings.client_id.isascii() or not settings.client_id.isalnum():
            raise MailServerError("unsupported", _NO_CLIENT_ID)
        if ":" in settings.user:
            raise MailServerError("sign_in", _COLON)
        self._deadline = Deadline()
        self._transport = Transport(
            _context(settings.authorities),
            self._deadline,
            host,
            server_name=settings.server_name,
            allow_private=settings.allow_private,
        )
        self._http = httpx.Client(
            transport=self._transport,
            auth=httpx.BasicAuth(f"{settings.client_id}-{settings.user}", self._secret),
            headers={"accept-encoding": "identity", "user-agent": "Beleg"},
            follow_redirects=settings.allow_redirects,
            max_redirects=_REDIRECTS,
            timeout=settings.seconds,
            trust_env=False,
        )
        self._version: tuple[int, ...] | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, *params: Any, again: bool = False) -> Any:
        """Call a method; what it answers. `again`: it only reads, so it may be tried again where the connection broke.
        Raises MailServerError: `Answered` for an error of the server's, `unclear` where the connection was lost behind
        a call that may have been carried out."""
        request = {"version": "1.1", "method": method, "params": list(params)}
        response = self._send("POST", "/json", LARGEST_ANSWER, again, json=request)
        if response.history and response.request.method != "POST":
            raise MailServerError("protocol", _LOST_CALL, address=self._shown(response.request.url))
        answer = self._json(response)
        if (error := NotDocumented.error(answer)) is not None:
            raise self._answered(error)
        if not response.is_success:
            raise self._refusal(response)
        if not isinstance(answer, dict):
            raise MailServerError("protocol", _NO_RPC, status=response.status_code)
        return NotDocumented.result(answer)

    def download(self, path: str) -> bytes:
        """What lies at a path, byte for byte. Raises MailServerError."""
        response = self._send("GET", path, LARGEST_MAIL, True)
        type_ = response.headers.get("content-type", "").lower()
        if type_.startswith("application/json") and (error := NotDocumented.error(self._json(response))) is not None:
            raise self._answered(error)
        if not response.is_success:
            raise self._refusal(response)
        if not response.extensions.get("whole"):
            raise MailServerError("protocol", _NO_LENGTH)
        if not response.content or type_.startswith("text/html"):
            raise MailServerError("protocol", _NO_MAIL)
        return response.content

    def version(self) -> tuple[int, ...]:
        """The server's version (5, 5, 230); empty where it says none. Raises MailServerError."""
        if self._version is None:
            self._version = NotDocumented.version(self.call("RpcInfo.GetServerInfo", False, again=True))
        return self._version

    # --- within ----------------------------------------------------------------------------------------------------

    def _send(self, verb: str, path: str, most: int, again: bool, **content: Any) -> httpx.Response:
        self._deadline.start(self._settings.seconds)
        self._transport.most = most
        for turn in range(_TRIES if again else 1):
            try:
                response = self._http.request(verb, self._base + path, **content)
                break
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                pause = _PAUSE * 4**turn
                if _untrusted(error) or not again or turn == _TRIES - 1 or self._deadline.left() <= pause:
                    raise self._broken(error, again) from error
                time.sleep(pause)
            except httpx.TooManyRedirects:
                raise MailServerError("unsupported", _TOO_MANY_REDIRECTS, most=_REDIRECTS) from None
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.RemoteProtocolError) as error:
                raise MailServerError("protocol", _NO_HTTP, self._clean(str(error))) from error
        if response.status_code in (401, 403):
            raise MailServerError("sign_in", _NOT_SIGNED_IN)
        if response.has_redirect_location:
            target = httpx.URL(response.headers["location"])
            raise MailServerError("unsupported", _REDIRECTED, address=self._shown(response.url.join(target)))
        return response

    def _broken(self, error: Exception, again: bool) -> MailServerError:
        words = self._clean(str(error))
        if _untrusted(error):
            return MailServerError("tls", _UNTRUSTED, words)
        if not again and not isinstance(error, (httpcore.ConnectError, httpcore.ConnectTimeout)):
            return MailServerError("unclear", _UNCLEAR, words)
        if isinstance(error, httpcore.TimeoutException):
            return MailServerError("unreachable", _SLOW, seconds=f"{self._settings.seconds:g}")
        return MailServerError("unreachable", _BROKEN, words)

    def _json(self, response: httpx.Response) -> Any:
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            if response.is_success:
                raise MailServerError("protocol", _NO_RPC, status=response.status_code) from None
            return None

    def _refusal(self, response: httpx.Response) -> MailServerError:
        fault = response.status_code >= 500 or response.status_code in (408, 429)
        return MailServerError("temporary" if fault else "protocol", _STATUS, status=response.status_code)

    def _answered(self, error: Any) -> Answered:
        code, words = NotDocumented.words(error)
        if code is None:
            return Answered("refused", _FAILED, self._clean(words))
        return Answered("refused", _FAILED_WITH, self._clean(words), code=code, native=code - NATIVE)

    def _clean(self, words: str) -> str:
        """The server's words in one line, without the password, should it have said that."""
        if len(self._secret) > 3:
            words = words.replace(self._secret, "…")
        return _CONTROL.sub(" ", words).strip()[:_WORDS]

    @staticmethod
    def _shown(url: httpx.URL) -> str:
        return _CONTROL.sub(" ", f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}{url.path}")


def _place(address: str) -> tuple[str, str]:
    """The host of a server, and the URL that paths are put behind. Raises MailServerError."""
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{_bracketed(text)}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme != "https" or not host or parts.username is not None or parts.query or _CONTROL.search(text):
        raise MailServerError("unsupported", _NO_ADDRESS, address=_CONTROL.sub(" ", text))
    shown = f"[{host}]" if ":" in host else host
    base = f"https://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/').removesuffix('/json')}"
    try:
        return httpx.URL(base).host, base
    except httpx.InvalidURL:
        raise MailServerError("unsupported", _NO_ADDRESS, address=text) from None


def _bracketed(text: str) -> str:
    """An IPv6 address as a URL has it."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authorities.strip():
        try:
            context.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError):
            raise MailServerError("tls", _NO_AUTHORITIES) from None
    return context


def _untrusted(error: Exception) -> bool:
    """Whether TLS is what failed, and not the connection under it."""
    cause = error.__cause__ or error.__context__
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


_NO_CLIENT_ID = Sentence(
    "The client id must have 32 letters and digits.", "Die Client-ID muss aus 32 Buchstaben und Ziffern bestehen."
)
_COLON = Sentence("A user name can't have a colon.", "Ein Benutzername kann keinen Doppelpunkt haben.")
_NO_ADDRESS = Sentence(
    "{address} is no host and no https URL; enter greyhound.example.com or https://greyhound.example.com.",
    "{address} ist kein Host und keine https-URL; tragen Sie greyhound.example.com oder https://greyhound.example.com "
    "ein.",
)
_NO_AUTHORITIES = Sentence(
    "What is entered as certificate authorities is no certificate in PEM form.",
    "Was als Zertifizierungsstellen eingetragen ist, ist kein Zertifikat in PEM-Form.",
)
_UNTRUSTED = Sentence(
    "The server's certificate is not trusted. Enter the authority that issued it, or the name that it is for.",
    "Dem Zertifikat des Servers wird nicht vertraut. Tragen Sie die ausstellende Zertifizierungsstelle ein oder den "
    "Namen, auf den es lautet.",
)
_BROKEN = Sentence(
    "The server can't be reached, or the connection broke.",
    "Der Server ist nicht erreichbar, oder die Verbindung brach ab.",
)
_SLOW = Sentence(
    "The server did not answer within {seconds} seconds.",
    "Der Server hat nicht innerhalb von {seconds} Sekunden geantwortet.",
)
_UNCLEAR = Sentence(
    "The connection was lost before the server answered: the change may have been carried out. Look there.",
    "Die Verbindung brach ab, bevor der Server geantwortet hat: Die Änderung kann ausgeführt worden sein. Sehen Sie "
    "dort nach.",
)
_NOT_SIGNED_IN = Sentence(
    "The server refuses the user name or the password, or the user lacks the rights.",
    "Der Server lehnt Benutzername oder Passwort ab, oder dem Benutzer fehlen die Rechte.",
)
_REDIRECTED = Sentence(
    "The server leads elsewhere, to {address}; enter that address, or allow redirects in the settings.",
    "Der Server leitet um, auf {address}; tragen Sie diese Adresse ein, oder erlauben Sie Umleitungen in den "
    "Einstellungen.",
)
_TOO_MANY_REDIRECTS = Sentence(
    "The server leads on more than {most} times.", "Der Server leitet öfter als {most}-mal um."
)
_LOST_CALL = Sentence(
    "The server led the call to {address} in a way that loses it (301, 302 or 303); enter that address.",
    "Der Server hat den Aufruf so auf {address} umgeleitet, dass er verloren geht (301, 302 oder 303); tragen Sie "
    "diese Adresse ein.",
)
_NO_HTTP = Sentence(
    "What the server sent is no answer of HTTP that Beleg reads.",
    "Was der Server sandte, ist keine HTTP-Antwort, die Beleg liest.",
)
_NO_RPC = Sentence(
    "What the server sent (status {status}) is no answer of JSON-RPC; is it GREYHOUND?",
    "Was der Server sandte (Status {status}), ist keine Antwort in JSON-RPC; ist es GREYHOUND?",
)
_NO_LENGTH = Sentence(
    "The server did not say how long the mail is, so it can't be told whether it is whole.",
    "Der Server hat nicht gesagt, wie lang die Mail ist; ob sie ganz ist, ist nicht zu erkennen.",
)
_NO_MAIL = Sentence(
    "What the server sent in place of a mail is none.", "Was der Server anstelle einer Mail sandte, ist keine."
)
_STATUS = Sentence("The server answers with status {status}.", "Der Server antwortet mit Status {status}.")
_FAILED = Sentence("GREYHOUND refuses the call.", "GREYHOUND lehnt den Aufruf ab.")
_FAILED_WITH = Sentence(
    "GREYHOUND refuses the call: error {native} ({code} over JSON).",
    "GREYHOUND lehnt den Aufruf ab: Fehler {native} (über JSON {code}).",
)
