"""What guards every answer: security headers, and that changes come from our own pages alone."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with it a browser names no origin when it sends a form, and we could not check that.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
API = "/api/"


class Safety:
    """Puts security headers on every answer (a route may set its own), and refuses a change that another site's page
    asks for (Fetch Metadata; where a browser sends none, the Origin header, RFC 6454). The API takes no cookies, so it
    needs no such check."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", "max-age=31536000")
                if location := headers.get("location"):
                    headers["location"] = _here(location)
                if cookie := scope.get("state", {}).get("set_cookie"):
                    headers.append("set-cookie", cookie)
            await send(message)

        if scope["method"] in SAFE_METHODS or scope["path"].startswith(API) or from_us(scope):
            await self._app(scope, receive, guarded)
        else:
            refusal = PlainTextResponse("This change was asked for by a page of another site, and refused.", 403)
            await refusal(scope, receive, guarded)


def _here(location: str) -> str:
    """We lead to our own pages alone. The framework, which takes a slash off the end of a path, names the host as the
    request did, and the scheme as a proxy asked for it."""
    path = urlsplit(location)._replace(scheme="", netloc="").geturl()
    return "/" + path.lstrip("/")


def from_us(scope: Scope) -> bool:
    """Whether a request comes from a page of our own."""
    headers = Headers(scope=scope)
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.netloc) and (origin.scheme, origin.netloc) == (scope["scheme"], headers.get("host"))


def opens(request: Request) -> bool:
    """Whether someone opens what he asks for; a HEAD or a prefetch must not decide a message."""
    return request.method == "GET" and not is_prefetch(request.headers)


def is_prefetch(headers: Headers) -> bool:
    """Whether a browser fetches a page before anybody opened it."""
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "preview", "prerender"))
