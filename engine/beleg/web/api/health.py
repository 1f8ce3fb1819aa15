"""Whether Beleg works: for monitoring, open to all."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from beleg.version import __version__
from beleg.web.api.problem import responses
from beleg.web.site import site_of

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok"]
    version: str


@router.get("/health", operation_id="getHealth", summary="Tell whether Beleg works", responses=responses(503))
def health(request: Request) -> Health:
    """Answers 200 where the database can be read, else 503."""
    site_of(request).workspace.database.ping()
    return Health(status="ok", version=__version__)
