"""A limit on the body of a request, before anything reads it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 64 * 1024
"""Bytes of a request's body; the longest form of a page has a part of that."""
DRAINED = 16 * LONGEST_BODY
"""How much is read, and dropped, of one that is too long: a client that is cut off while it sends sees no answer."""


class Bounded:
    """Refuses a body that is too long (413) with an answer of `refusal`, which is given the path and what to say.
    Forms too: a field may be short, but files that nobody asked for would be written to the disk, without end."""

    def __init__(self, app: ASGIApp, refusal: Callable[[str, str], ASGIApp]) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            said = f"the body of a request has at most {LONGEST_BODY} bytes"
            await self._refusal(scope["path"], said)(scope, receive, send)
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
