"""A limit on the body of a request, before anything reads it."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message as Head

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 64 * 1024
"""Bytes of a request's body; the longest form of a page has a part of that."""
DRAINED = 16
"""How many times as much is read, and dropped, of one that is too long: a client that is cut off while it sends sees no
answer."""


class Bounded:
    """Refuses a body that is too long (413) with an answer of `refusal`, which is given the path and what to say.
    Forms too: a field may be short, but files that nobody asked for would be written to the disk, without end.

    `uploads` tells of a form with files how many bytes it may have, 0 of any other request. One that is longer is not
    refused, for what was typed would be lost: its last parts, which are files, are left out, and the request's state
    has `cut`."""

    def __init__(
        self, app: ASGIApp, refusal: Callable[[str, str], ASGIApp], uploads: Callable[[Scope], int] = lambda _: 0
    ) -> None:
        self._app = app
        self._refusal = refusal
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = max(LONGEST_BODY, self._uploads(scope))
        body, whole = await _body(receive, most)
        if not whole:
            kept = _whole_parts(body, scope) if most > LONGEST_BODY else None
            if kept is None:
                said = f"the body of a request has at most {most} bytes"
                await self._refusal(scope["path"], said)(scope, receive, send)
                return
            body = kept
            scope.setdefault("state", {})["cut"] = True
        await self._app(scope, _replayed(body, receive), send)


async def _body(receive: Receive, most: int) -> tuple[bytes, bool]:
    """The body, at most so many bytes of it, and whether that is all."""
    found = bytearray()
    length = 0
    more = True
    while more and length <= DRAINED * most:
        message = await receive()
        piece = message.get("body", b"")
        found += piece[: most - len(found)]
        length += len(piece)
        more = message.get("more_body", False)  # a client that went away sends none
    return bytes(found), length <= most


def _whole_parts(body: bytes, scope: Scope) -> bytes | None:
    """A form of several parts that ends before the one that is cut; None where it is no such form."""
    head = Head()
    head["content-type"] = Headers(scope=scope).get("content-type", "")
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        return None
    line = b"\r\n--" + boundary.encode("latin-1", "replace")
    end = body.rfind(line)
    return body[:end] + line + b"--\r\n" if end >= 0 else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
