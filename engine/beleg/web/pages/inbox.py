"""The inbox."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.web.render import page, see
from beleg.web.sessions import Reader

router = APIRouter()


@router.get("/")
def home(visitor: Reader) -> Response:
    """The first page is the inbox."""
    return see("/messages")


@router.get("/messages")
def inbox(request: Request, visitor: Reader) -> Response:
    """The messages."""
    return page(request, visitor, "inbox.html")
