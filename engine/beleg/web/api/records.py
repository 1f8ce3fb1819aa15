"""Records of the ERP: searching them, one of them, and what was written about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from beleg.errors import NotFound
from beleg.store.browse import Linked
from beleg.store.find import How
from beleg.web.api.access import Reading
from beleg.web.api.fields import TEXT, Cursor, Id, Lang, Limit, Type, ref_of
from beleg.web.api.shapes import (
    Answer,
    AssignmentSeen,
    MessageSeen,
    RecordSeen,
    assignment_seen,
    message_fields,
    record_seen,
)
from beleg.web.site import site_of
from beleg.workspace.records import Direction

router = APIRouter(tags=["records"])


class FoundRecord(RecordSeen):
    """A record that was found."""

    how: How
    """By what."""
    status: str | None


class FoundRecords(Answer):
    """The records that may be meant, the likeliest first."""

    items: list[FoundRecord]


class Reference(Answer):
    """A reference number beside the record's own."""

    kind: str
    number: str


class Link(RecordSeen):
    """A record at the other end of a link."""

    role: str


class RecordShown(RecordSeen):
    """A record with its links."""

    status: str | None
    addresses: list[str]
    references: list[Reference]
    links: list[Link]
    """What it points at: the first hundred, by role and name."""
    linked_by: list[Link]
    """What points at it: the first hundred, by role and name."""


class Letter(MessageSeen):
    """A message that a record stands on."""

    direction: Direction
    """`out`: a user or a group of the system sent it."""
    assignment: AssignmentSeen


class LetterPage(Answer):
    """A page of what was written about a record."""

    items: list[Letter]
    next: str | None
    previous: str | None


@router.get("/records", operation_id="searchRecords", summary="Search records")
def search(
    request: Request,
    caller: Reading,
    lang: Lang,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            pattern=TEXT,
            examples=["AB-1042"],
            description="A record's name, number or address, whole or its beginning, or words of its label.",
        ),
    ],
    type: Annotated[
        list[Annotated[str, Query(max_length=100, pattern=TEXT)]] | None,
        Query(max_length=20, description="Only records of this type, or of these."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many records at most.")] = 20,
) -> FoundRecords:
    """The records that may be meant, the likeliest first. Retired ones are found only by their name."""
    explainer = lang.explainer(caller)
    found = site_of(request).workspace.search_records(q, type, limit)
    return FoundRecords(
        items=[
            FoundRecord(
                **record_seen(explainer, each.record.ref, each.record, each.gone).model_dump(),
                how=each.how, status=each.record.status,
            )
            for each in found
        ]
    )  # fmt: skip


@router.get("/records/{type}/{id}", operation_id="showRecord", summary="Show a record")
def show(request: Request, type: Type, id: Id, caller: Reading, lang: Lang) -> RecordShown:
    """A record with what it points at and what points at it."""
    workspace = site_of(request).workspace
    explainer = lang.explainer(caller)
    ref = ref_of(type, id)
    record, gone = workspace.record(ref)
    if record is None:
        raise NotFound(f"the ERP has no record {ref}")
    links, linked_by = workspace.links(ref)

    def told(link: Linked) -> Link:
        return Link(**record_seen(explainer, link.ref, link.record, link.gone).model_dump(), role=link.role)

    return RecordShown(
        **record_seen(explainer, ref, record, gone).model_dump(),
        status=record.status,
        addresses=list(record.addresses),
        references=[Reference(kind=each.kind, number=each.number) for each in record.references],
        links=list(map(told, links)),
        linked_by=list(map(told, linked_by)),
    )


@router.get(
    "/records/{type}/{id}/messages", operation_id="listCommunication", summary="List what was written about a record"
)
def communication(
    request: Request,
    type: Type,
    id: Id,
    caller: Reading,
    lang: Lang,
    newest_first: Annotated[bool, Query(description="Begin with the newest.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LetterPage:
    """A page of the messages that a record stands on, in order of date."""
    workspace = site_of(request).workspace
    explainer = lang.explainer(caller)
    ref = ref_of(type, id)
    page = workspace.communication(ref, cursor=cursor, limit=limit, newest_first=newest_first)
    if not page.rows and not workspace.record_known(ref):
        raise NotFound(f"the ERP has no record {ref}")
    return LetterPage(
        items=[
            Letter(
                **message_fields(each.message),
                direction=each.direction,
                assignment=assignment_seen(explainer, each.assignment),
            )
            for each in page.rows
        ],
        next=page.after,
        previous=page.before,
    )
