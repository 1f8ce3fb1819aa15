"""What is asked of a provider: tokens for a code, new ones for a refresh token, and to revoke one (Authlib on httpx).

Authlib's own client for httpx is not used, for it now wants that library's successor; its client below it is, which
knows OAuth2 and leaves HTTP to whoever it is given.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, NoReturn

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client
from pydantic import SecretStr

from beleg.accounts.providers import Provider
from beleg.mailserver import MailServerError, Sentence
from beleg.printable import printable

SECONDS = 15.0
"""For how long a provider may keep us waiting, each time; an answer is here after twice that."""
LONGEST = 256 * 1024
"""Bytes of an answer."""
WITHOUT_TERM = 600
"""For how many seconds an access token counts whose term the provider does not say (RFC 6749 section 5.1)."""
_SAID = 300


class Tokens(NamedTuple):
    """What a provider gave: an access token and for how many seconds it counts, a refresh token (empty: no other than
    before) and for how many seconds that one does (None: it does not say), and the scopes where they are others than
    were asked for."""

    access: str
    seconds: int
    refresh: str = ""
    refresh_seconds: int | None = None
    scopes: str | None = None


class Refusal(Exception):
    """The provider said no: with a word of RFC 6749 section 5.2, and its own words. `again`: the permission is gone;
    `consent`: an administrator must agree first; else it is our settings that it does not take."""

    def __init__(self, error: str, said: str) -> None:
        super().__init__(error)
        self.error = error
        self.said = said

    @property
    def consent(self) -> bool:
        """Whether an administrator of the directory must agree first."""
        return self.error == "consent_required" or any(each in self.said for each in ("AADSTS65001", "AADSTS90094"))

    @property
    def again(self) -> bool:
        """Whether the permission is gone, so that only a person can give another one."""
        return self.error in ("invalid_grant", "interaction_required", "login_required", "access_denied")


LATER = ("server_error", "temporarily_unavailable", "slow_down")
"""Errors after which the same may succeed."""
UNREACHABLE = Sentence("{provider} can't be reached: {what}", "{provider} ist nicht erreichbar: {what}")
UNTRUSTED = Sentence(
    "The certificate of {provider} is not trusted; if it is one of your own authority, name that in the setting "
    "authorities_file.",
    "Dem Zertifikat von {provider} wird nicht vertraut; ist es von einer eigenen Zertifizierungsstelle, nennen Sie "
    "diese in der Einstellung authorities_file.",
)
TEMPORARY = Sentence("{provider} can't answer now ({what}).", "{provider} kann gerade nicht antworten ({what}).")
NO_ANSWER = Sentence(
    "{provider} gave an answer that is none of OAuth2 ({what}); are its addresses right?",
    "{provider} gab eine Antwort, die keine von OAuth2 ist ({what}); stimmen die Adressen?",
)


class Endpoints:
    """The endpoints of one provider. `authorities`: certificates (PEM) that are trusted besides the system's. All
    methods raise MailServerError where no answer came, and Refusal."""

    def __init__(self, provider: Provider, authorities: str = "") -> None:
        self._provider = provider
        self._authorities = authorities

    def exchange(self, code: str, verifier: str, redirect: str) -> Tokens:
        """Tokens for a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
        with self._client((code, verifier)) as client:
            return _tokens(client.fetch_token(
                self._provider.address("token"), code=code, code_verifier=verifier, redirect_uri=redirect,
                grant_type="authorization_code",
            ))  # fmt: skip

    def refresh(self, token: SecretStr) -> Tokens:
        """New tokens for a refresh token (RFC 6749 section 6)."""
        plain = token.get_secret_value()
        with self._client((plain,)) as client:
            tokens = _tokens(client.refresh_token(self._provider.address("token"), refresh_token=plain))
        return tokens._replace(refresh="") if tokens.refresh == plain else tokens

    def revoke(self, token: SecretStr) -> None:
        """Take a token back (RFC 7009)."""
        plain = token.get_secret_value()
        with self._client((plain,)) as client:
            answer: httpx.Response = client.revoke_token(
                self._provider.address("revoke"), token=plain, token_type_hint="refresh_token"
            )
            if answer.status_code >= 400:
                client.parse_response_token(answer)
            answer.raise_for_status()

    @contextmanager
    def _client(self, secrets: tuple[str, ...]) -> Iterator[_Client]:
        provider = self._provider
        secrets += (provider.secret.get_secret_value(),)

        def fail(fault: Any, sentence: Sentence, what: object = "") -> NoReturn:
            raise MailServerError(fault, sentence, provider=provider.title, what=clean(str(what), secrets)) from None

        try:
            with closing(_http(self._authorities)) as http:
                yield _Client(
                    http,
                    client_id=provider.client_id,
                    client_secret=provider.secret.get_secret_value() or None,
                    scope=provider.scopes,
                    # In the body: within "Basic" clients and servers differ in how they write special characters.
                    token_endpoint_auth_method="client_secret_post" if secrets[-1] else "none",
                    revocation_endpoint_auth_method="client_secret_post" if secrets[-1] else "none",
                )
        except _OAuthError as error:
            if error.error in LATER:
                fail("temporary", TEMPORARY, error.description or error.error)
            raise Refusal(clean(error.error, secrets), clean(error.description, secrets)) from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            late = status >= 500 or status in (408, 425, 429)
            fail("temporary" if late else "protocol", TEMPORARY if late else NO_ANSWER, f"HTTP {status}")
        except httpx.TimeoutException:
            fail("unreachable", UNREACHABLE, f"{SECONDS:.0f} s")
        except (httpx.HTTPError, OSError) as error:
            if _caused_by(error, ssl.SSLCertVerificationError):
                fail("tls", UNTRUSTED)
            fail("unreachable", UNREACHABLE, error)
        except _TooMuch:
            fail("protocol", NO_ANSWER, f"> {LONGEST} B")
        except (ValueError, KeyError, TypeError):  # no JSON, no token in it
            fail("protocol", NO_ANSWER, "JSON")


def authorisation(provider: Provider, state: str, verifier: str, redirect: str, user: str) -> str:
    """The address where a person signs in (RFC 6749 section 4.1.1); `user` is who shall."""
    client = _Client(None, client_id=provider.client_id, scope=provider.scopes, code_challenge_method="S256")
    extra = {**provider.extra, "login_hint": user, "redirect_uri": redirect}
    url, _ = client.create_authorization_url(provider.address("authorize"), state, verifier, **extra)
    return str(url)


class _OAuthError(Exception):
    """An error as a provider gives it. (Authlib's own refuses texts with line breaks, as Microsoft's are.)"""

    def __init__(self, error: object = "", description: object = "") -> None:
        super().__init__("refused")
        self.error = str(error or "")
        self.description = str(description or "")


class _Signed(httpx.Auth, ClientAuth):  # type: ignore[misc]  # Authlib has no types
    """Says who we are."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # both bases have one; httpx asks for this
        _, headers, body = self.prepare(request.method, str(request.url), request.headers, request.content.decode())
        headers["content-length"] = str(len(body.encode()))
        yield httpx.Request("POST", request.url, headers=headers, content=body, extensions=request.extensions)


class _Client(OAuth2Client):  # type: ignore[misc]  # Authlib has no types
    client_auth_class = _Signed
    oauth_error_class = _OAuthError


class _TooMuch(Exception):
    """An answer is longer than any can be, or never ends."""


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        length = 0
        for piece in self._stream:
            length += len(piece)
            if length > LONGEST:
                raise _TooMuch
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("too slow")
            yield piece

    def close(self) -> None:
        self._stream.close()


def _http(authorities: str) -> httpx.Client:
    context = ssl.create_default_context()
    if authorities:
        context.load_verify_locations(cadata=authorities)
    until = time.monotonic() + 2 * SECONDS

    def bound(answer: httpx.Response) -> None:
        assert isinstance(answer.stream, httpx.SyncByteStream)
        answer.stream = _Bounded(answer.stream, until)
        if answer.is_redirect:  # of none of these endpoints; it would carry secrets elsewhere
            raise httpx.HTTPStatusError("redirect", request=answer.request, response=answer)

    hooks: Mapping[str, list[Callable[..., Any]]] = {"response": [bound]}
    # Not compressed: a small answer must not become a large one here.
    return httpx.Client(
        verify=context, timeout=SECONDS, follow_redirects=False, event_hooks=hooks,
        headers={"accept-encoding": "identity", "user-agent": "Beleg"},
    )  # fmt: skip


def _tokens(answer: Mapping[str, Any]) -> Tokens:
    """Raises KeyError, TypeError, ValueError: what no OAuth2 server says."""
    access, refresh = answer["access_token"], answer.get("refresh_token") or ""
    if not (isinstance(access, str) and access and isinstance(refresh, str)):
        raise TypeError
    scopes = answer.get("scope")
    # Keycloak's name for it, and Google's.
    lasting = answer.get("refresh_expires_in") or answer.get("refresh_token_expires_in")
    seconds = answer.get("expires_in")
    return Tokens(
        access,
        WITHOUT_TERM if seconds is None else int(seconds),
        refresh,
        int(lasting) if lasting else None,
        scopes if isinstance(scopes, str) else None,
    )


def clean(said: str, secrets: Iterable[str] = ()) -> str:
    """A provider's words on one line, without a secret that it repeats."""
    for each in filter(None, secrets):
        said = said.replace(each, "…")
    return printable(" ".join(said.split()))[:_SAID]


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
