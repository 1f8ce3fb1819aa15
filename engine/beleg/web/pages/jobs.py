"""How far work is that goes on in the background: what a page asks for again and again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from beleg.web.sessions import SignedIn
from beleg.web.site import site_of

router = APIRouter()


@router.get("/jobs/{id_}")
def state(request: Request, visitor: SignedIn, id_: str) -> dict[str, Any]:
    """The state of one's own job."""
    assert visitor.user
    job = site_of(request).jobs.find(id_, visitor.user.id)
    return {"under_way": job.under_way, "done": job.done, "total": job.total}
