"""What can be taken from a message: its HTML for the frame, its attachments, its bytes, its trace, a test case."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.capture import CaptureFailed, captured, packed
from beleg.errors import InputError, NotFound
from beleg.show import CONTENT_SECURITY_POLICY, content_disposition, file, shown_html
from beleg.trace import encode
from beleg.web.safety import opens
from beleg.web.sessions import Reader
from beleg.web.site import site_of

router = APIRouter(prefix="/messages/{row}")
FRAME_POLICY = "; ".join(
    (
        CONTENT_SECURITY_POLICY,
        "script-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    )
)
"""The mail's document is as harmless when a browser is sent to it as it is in the frame."""
FILE_POLICY = "default-src 'none'; sandbox"


@router.get("/html")
def html(request: Request, row: int, visitor: Reader) -> Response:
    """The mail's HTML as a safe document, for the sandboxed frame."""
    _, raw = site_of(request).workspace.mail(row)
    found = shown_html(raw)
    if found is None or found.document is None:
        raise NotFound(visitor.language.say("This message has no HTML that can be shown."))
    headers = {
        "content-security-policy": FRAME_POLICY,
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
    }
    return Response(found.document, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/files/{part}")
def attachment(request: Request, row: int, part: str, visitor: Reader) -> Response:
    """An attachment, to be saved: never shown, whatever it says it is."""
    _, raw = site_of(request).workspace.mail(row)
    found = file(raw, part)
    if found is None:
        raise NotFound(visitor.language.say("The message has no such attachment."))
    return download(found[0].name, found[1], "application/octet-stream")


@router.get("/raw")
def source(request: Request, row: int, visitor: Reader) -> Response:
    """The mail as it came."""
    _, raw = site_of(request).workspace.mail(row)
    return download(f"beleg-{row}.eml", raw, "message/rfc822")


@router.get("/trace")
def trace(request: Request, row: int, visitor: Reader, decision: int | None = None) -> Response:
    """The trace of a decision, as JSON."""
    return Response(encode(site_of(request).workspace.trace(row, decision)), media_type="application/json")


@router.get("/case")
def case(request: Request, row: int, visitor: Reader, mask: bool = True) -> Response:
    """The message and all that its decision depends on, as a scenario: with stand-ins for what tells of people, unless
    `mask` is off."""
    site = site_of(request)
    workspace = site.workspace
    message, _ = workspace.mail(row)
    if not opens(request):
        return Response(status_code=503)
    try:
        with site.room.taken(visitor.id):
            found = captured(workspace.decided_case(message), workspace.engine, message.name, mask=mask)
            name, data = packed(found.scenario, found.decision, workspace.installed, f"message-{row}", workspace.rules)
    except CaptureFailed as error:
        said = visitor.language.say("This message makes no test case.")
        raise InputError(f"{said} {error}") from None
    kind = "application/zip" if name.endswith(".zip") else "application/yaml"
    return download(name, data, kind)


def download(name: str, data: bytes, kind: str) -> Response:
    """What a browser saves, and never shows."""
    headers = {"content-disposition": content_disposition(name), "content-security-policy": FILE_POLICY}
    return Response(data, media_type=kind, headers=headers)
