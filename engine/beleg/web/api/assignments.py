"""Corrections by hand: assigning a record to a message, and removing one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from beleg.record import RecordRef
from beleg.web.api.access import Correcting
from beleg.web.api.fields import Given, Id, Lang, Note, RecordName, Row, Type, ref_of
from beleg.web.api.shapes import Answer, AssignmentSeen, Named, assignment_seen, named
from beleg.web.site import site_of

router = APIRouter(tags=["assignments"])


class NewAssignment(Given):
    """A record to assign."""

    record: RecordName = Field(description="the record, written TYPE:ID", examples=["order:O-77"])
    note: Note | None = Field(None, description="why, for the journal", examples=["as told on the phone"])


class Added(Answer):
    """What was assigned: the record, and what follows from it."""

    added: list[AssignmentSeen]


class Unassigned(Answer):
    """What was removed: the record, and what was derived from it."""

    removed: list[Named]


@router.post(
    "/messages/{row}/assignments",
    operation_id="addAssignment",
    summary="Assign a record by hand",
    status_code=201,
    responses={200: {"model": Added, "description": "It stands there by hand already: nothing was added"}},
)
def add(request: Request, response: Response, row: Row, body: NewAssignment, caller: Correcting, lang: Lang) -> Added:
    """Assign a record to a message; what follows from it is assigned at once. No later run takes it away."""
    workspace = site_of(request).workspace
    workspace.message(row)
    made = workspace.add(row, RecordRef.parse(body.record), caller.name, note=body.note)
    if not made:
        response.status_code = 200
    explainer = lang.explainer(caller)
    return Added(added=[assignment_seen(explainer, each) for each in made])


@router.delete(
    "/messages/{row}/assignments/{type}/{id}", operation_id="removeAssignment", summary="Remove a record by hand"
)
def remove(
    request: Request,
    row: Row,
    type: Type,
    id: Id,
    caller: Correcting,
    lang: Lang,
    derived: Annotated[bool, Query(description="Remove what was derived from it, too.")] = True,
    note: Annotated[Note | None, Query(description="Why, for the journal.", examples=["wrong customer"])] = None,
) -> Unassigned:
    """Remove a record from a message. No later run assigns it again, here or on later replies of the thread."""
    gone = site_of(request).workspace.remove(row, ref_of(type, id), caller.name, derived=derived, note=note)
    explainer = lang.explainer(caller)
    return Unassigned(removed=[Named(**named(explainer, ref)) for ref in gone])
