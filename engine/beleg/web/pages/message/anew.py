"""Deciding a message anew: first looking at what would come of it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.explain.ladder import linked, rungs, short_reason
from beleg.replay.change import Side, compare
from beleg.trace import digest
from beleg.web.render import page, see
from beleg.web.sessions import Reader
from beleg.web.site import site_of

router = APIRouter(prefix="/messages/{row}")


@router.get("/anew")
def preview(request: Request, row: int, visitor: Reader) -> Response:
    """What the rules, records and thread of now give, and how it differs from what stands. Stores nothing."""
    site = site_of(request)
    workspace, explainer = site.workspace, site.explainers[visitor.language.code]
    opened = workspace.look(row, decide=False)
    with site.room.taken(visitor.id):
        trace = workspace.case(opened.message).decide(workspace.engine).trace
    after = [each.record for each in trace.assigned]
    before = opened.standing
    kind = "undecided"
    if opened.trace and opened.decision:
        same = digest(trace) == opened.decision.digest and set(before) == set(after)
        kind = "same" if same else compare(Side(opened.trace, before), Side(trace, after)).kind
    return page(
        request, visitor, "message_anew.html", row=row, opened=opened, kind=kind, base=f"/messages/{row}",
        before=[explainer.phrases.record(each) for each in before],
        reason=short_reason(explainer, opened.trace, 400) if opened.trace else "",
        links=linked(explainer, trace), steps=rungs(explainer, trace),
        gained=[explainer.phrases.record(each) for each in after if each not in before],
        lost=[explainer.phrases.record(each) for each in before if each not in after],
    )  # fmt: skip


@router.post("/anew")
def store(request: Request, row: int, visitor: Reader) -> Response:
    """Decide it anew, and store that. What persons set and removed stays."""
    workspace = site_of(request).workspace
    workspace.mail(row)
    report = workspace.assign([row])
    return see(f"/messages/{row}?done={'failed' if report.failed else 'decided'}#decided")
