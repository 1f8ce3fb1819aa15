"""What stands before the routes of the API: a request's path as it was sent."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_PLAIN = "!$&'()*+,;=:@-._~"


class Entry:
    """Has all that is `below` a path routed by the path as it was sent, so that a slash (`%2F`) or line end within the
    id of a record parts nothing: each segment stays encoded, and who takes it as a parameter decodes it
    (`beleg.web.api.fields`)."""

    def __init__(self, app: ASGIApp, below: str) -> None:
        self._app = app
        self._below = f"{below}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] == "http" and scope["path"].startswith(self._below):
            scope["path"] = _as_sent(scope)
        await self._app(scope, receive, send)


def _as_sent(scope: Scope) -> str:
    sent = scope.get("raw_path") or quote(scope["path"]).encode()
    return "/".join(quote(unquote(each), safe=_PLAIN) for each in sent.decode("latin-1").split("/"))
