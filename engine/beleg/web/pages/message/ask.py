"""Questions to a decision: why not this record, and what if the decisive evidence were not there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.responses import Response

from beleg.explain.why_not import told, what_if_said
from beleg.web.pages.message.found import Found, chosen, find
from beleg.web.render import page
from beleg.web.safety import opens
from beleg.web.sessions import Reader
from beleg.web.site import site_of
from beleg.why_not import why_not

router = APIRouter(prefix="/messages/{row}")
SECONDS = 3.0
"""How long changes are looked for while a person waits."""


@router.get("/why-not")
def why_not_this(
    request: Request, row: int, visitor: Reader, record: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """Why a record is not on the message, and what would have put it there; where the text names several records, which
    of them is meant."""
    site = site_of(request)
    workspace, explainer = site.workspace, site.explainers[visitor.language.code]
    opened = workspace.look(row, decide=opens(request))
    found = find(site, visitor, record) if record.strip() else Found()
    answer = None
    if one := chosen(found, record):
        case = workspace.case(opened.message, [one.ref])
        stored = opened.decisions[-1].digest if opened.decisions else None
        with site.room.taken(visitor.id):
            answer = told(explainer, why_not(case, one.ref, workspace.engine, seconds=SECONDS, stored=stored))
    return page(
        request, visitor, "message_why_not.html", row=row, message=opened.message, record=record, found=found,
        answer=answer, seconds=SECONDS, base=f"/messages/{row}",
    )  # fmt: skip


@router.get("/what-if")
def what_if(request: Request, row: int, visitor: Reader) -> Response:
    """What comes out without the evidence that decided."""
    site = site_of(request)
    opened = site.workspace.look(row, decide=opens(request))
    said = ""
    if opened.decision and (found := site.workspace.what_if(opened.message, opened.decision.digest)):
        subjects = {each.message.name: each.message.subject for each in opened.earlier}
        if subject := subjects.get(found.message):
            found = replace(found, message=f"„{subject}“" if visitor.language.code == "de" else f'"{subject}"')
        said = what_if_said(site.explainers[visitor.language.code], found)
    return page(request, visitor, "message_what_if.html", row=row, opened=opened, said=said, base=f"/messages/{row}")
