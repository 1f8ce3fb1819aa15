"""The inbox."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.store.inbox import COUNTED, Filter
from beleg.store.pages import Page
from beleg.web.listing import address, chip, reason
from beleg.web.render import page, see
from beleg.web.sessions import Reader
from beleg.web.site import site_of

router = APIRouter()
PATH = "/messages"


@router.get("/")
def home(visitor: Reader) -> Response:
    """The first page is the inbox."""
    return see(PATH)


@router.get(PATH)
def inbox(
    request: Request,
    visitor: Reader,
    filter_: Annotated[Filter, Query(alias="state")] = "all",
    q: Annotated[str, Query(max_length=1000)] = "",
    cursor: str | None = None,
) -> Response:
    """A page of messages: those of a filter, with the words of a search."""
    site = site_of(request)
    explainer, language = site.explainers[visitor.language.code], visitor.language
    q = q.strip()
    kept = {"state": filter_ if filter_ != "all" else None, "q": q}
    fault = None
    try:
        found = site.workspace.inbox(filter_, q, cursor=cursor)
    except InputError:
        if cursor is not None:
            return see(address(PATH, **kept))
        found, fault = Page(()), language.say("Search for fewer words at once.")
    rows = [
        (
            each.message,
            [chip(explainer, one) for one in each.records],
            reason(explainer, language, each, site.workspace.step_types),
        )
        for each in found.rows
    ]
    return page(
        request, visitor, "inbox.html", sent_to=site.outbox.sent_to([each.message.row for each in found.rows]),
        status=400 if fault else 200, rows=rows, filter=filter_, q=q, fault=fault,
        counts=site.workspace.inbox_counts(), counted=COUNTED, later=cursor is not None,
        newer=address(PATH, **kept, cursor=found.before) if found.before else None,
        older=address(PATH, **kept, cursor=found.after) if found.after else None,
        at=lambda **changes: address(PATH, **(kept | changes)),
    )  # fmt: skip
