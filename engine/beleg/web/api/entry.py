"""What stands before the routes of the API: a request's path as it was sent, and a limit on its body."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beleg.web.api.problem import problem

LONGEST_BODY = 64 * 1024
"""Bytes of a request's body."""
DRAINED = 16 * LONGEST_BODY
"""How much is read, and dropped, of one that is too long: a client that is cut off while it sends sees no answer."""
_PLAIN = "!$&'()*+,;=:@-._~"


class Entry:
    """Has all that is `below` a path routed by the path as it was sent, so that a slash (`%2F`) or line end within the
    id of a record parts nothing: each segment stays encoded, and who takes it as a parameter decodes it
    (`beleg.web.api.fields`). Refuses a body that is too long (413) before anything reads it."""

    def __init__(self, app: ASGIApp, below: str) -> None:
        self._app = app
        self._below = f"{below}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http" or not scope["path"].startswith(self._below):
            await self._app(scope, receive, send)
            return
        sent = scope.get("raw_path") or quote(scope["path"]).encode()
        segments = sent.decode("latin-1").split("/")
        scope["path"] = "/".join(quote(unquote(each), safe=_PLAIN) for each in segments)
        body = await _body(receive)
        if body is None:
            detail = f"the body of a request has at most {LONGEST_BODY} bytes"
            await problem(413, detail, connection="close")(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too long."""
    found = bytearray()
    length = 0
    more = True
    while more and length <= DRAINED:
        message = await receive()
        piece = message.get("body", b"")
        length += len(piece)
        if length <= LONGEST_BODY:
            found += piece
        more = message.get("more_body", False)  # a client that went away sends none
    return bytes(found) if length <= LONGEST_BODY else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
