"""Why: traces, explanations, and why not otherwise."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from beleg.errors import NotFound
from beleg.explain import Explainer, plain, what_if_line, why_not_lines
from beleg.explain.ladder import ladder
from beleg.record import RecordRef
from beleg.trace import digest, encode
from beleg.web.api.access import Reading
from beleg.web.api.fields import Decision, Lang, Record, Row
from beleg.web.site import Site, site_of
from beleg.why_not import why_not as ask

router = APIRouter(tags=["explanations"])

JSON = "application/json"
DIGEST = "beleg-digest"


def _content(schema: dict[str, Any], description: str, **more: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {JSON: {"schema": schema}}, **more}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_WITH_DIGEST = {
    DIGEST: {"description": "sha256 of the trace without its `run` block", "schema": {"type": "string"}},
}


@router.get(
    "/messages/{row}/trace",
    operation_id="getTrace",
    summary="Get the trace of a decision",
    response_class=Response,
    responses=_content(_reference("Trace"), "The trace as it is stored", headers=_WITH_DIGEST),
)
def trace(request: Request, row: Row, caller: Reading, decision: Decision = None) -> Response:
    """Everything that was asked on the way to the decision, as data (`GET /trace-schema`). 404 before the message is
    decided."""
    workspace = site_of(request).workspace
    workspace.message(row)
    found = workspace.trace(row, decision)
    return Response(encode(found), media_type=JSON, headers={DIGEST: digest(found)})


@router.get(
    "/messages/{row}/explanation",
    operation_id="getExplanation",
    summary="Explain a decision in words",
    response_class=Response,
    responses={
        200: {
            "description": "The explanation",
            "content": {
                JSON: {"schema": _reference("Ladder")},
                "text/plain": {"schema": {"type": "string"}},
            },
            "headers": _WITH_DIGEST,
        }
    },
)
def explanation(request: Request, row: Row, caller: Reading, lang: Lang, decision: Decision = None) -> Response:
    """What is linked and why, the steps as a ladder with each candidate's fate, the evidence and where it stands. With
    `Accept: text/plain`, the text that `beleg explain` prints. 404 before the message is decided."""
    site = site_of(request)
    found = site.workspace.look(row, decision, decide=False)
    if found.trace is None or found.decision is None:
        raise NotFound(f"message {row} was never decided; POST /messages/{row}/open decides it")
    headers = {DIGEST: found.decision.digest}
    if _wants_text(request):
        explainer = _terse(site, lang.code(caller))
        newest = found.is_newest
        without = site.workspace.what_if(found.message, found.decision.digest) if newest else None
        lines = explainer.lines(
            found.trace, found.decision.digest,
            what_if=what_if_line(explainer, without) if without else None,
            standing=found.standing if newest else None,
        )  # fmt: skip
        return PlainTextResponse(plain(lines), headers=headers)
    told = ladder(
        lang.explainer(caller), found.trace, newcomers=found.newcomers, participants=found.parsed.participants
    )
    return Response(msgspec.json.encode(told), media_type=JSON, headers=headers)


@router.get(
    "/messages/{row}/why-not",
    operation_id="askWhyNot",
    summary="Ask why a record does not stand on a message",
    response_class=Response,
    responses=_content(
        {
            "allOf": [
                _reference("WhyNot"),
                {
                    "type": "object",
                    "properties": {
                        "lines": {"type": "array", "items": {"type": "string"}, "description": "the answer in words"}
                    },
                    "required": ["lines"],
                },
            ]
        },
        "Where the record was lost, and what would have assigned it",
    ),
)
def why_not(
    request: Request,
    row: Row,
    record: Record,
    caller: Reading,
    lang: Lang,
    max_edits: Annotated[int, Query(ge=1, le=3, description="How many edits a change may be made of.")] = 2,
    seconds: Annotated[float, Query(ge=0, le=10, description="How long to look for changes.")] = 3.0,
) -> Response:
    """Where a record was lost on the way to the decision, and the smallest changes that would have assigned it, each
    executed on a copy of the world. Nothing is stored."""
    site = site_of(request)
    workspace = site.workspace
    message = workspace.message(row)
    ref = RecordRef.parse(record)
    case = workspace.case(message, [ref])
    if ref not in case.directory.all() and not workspace.record_known(ref):
        raise NotFound(f"the ERP has no record {ref}")
    stored = digest(workspace.trace(row)) if message.decided else None
    with site.room.taken(caller.user.id):
        answer = ask(case, ref, workspace.engine, max_edits=max_edits, seconds=seconds, stored=stored)
    lines = plain(why_not_lines(_terse(site, lang.code(caller)), answer)).splitlines()
    return Response(msgspec.json.encode(msgspec.to_builtins(answer) | {"lines": lines}), media_type=JSON)


def _terse(site: Site, language: str) -> Explainer:
    """What words things as the terminal has them: times and Message-IDs as they are."""
    return Explainer.of(site.workspace.installed, language)


def _wants_text(request: Request) -> bool:
    """Whether Accept prefers plain text to JSON (by what it names first)."""
    for each in request.headers.get("accept", "").split(","):
        media = each.partition(";")[0].strip().lower()
        if media in ("text/plain", "text/*"):
            return True
        if media in (JSON, "application/*", "*/*"):
            return False
    return False
