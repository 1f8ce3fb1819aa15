"""Messages: the list, one of them, opening it, and its bytes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from msgspec.structs import replace
from starlette.responses import Response

from beleg.errors import InputError, NotFound
from beleg.explain import Explainer
from beleg.explain.ladder import short_reason, warnings
from beleg.record import RecordRef
from beleg.show import content_disposition, file, files, shown_header
from beleg.store.inbox import EVERYTHING, Filter, InboxRow
from beleg.web.api.access import Correcting, Reading
from beleg.web.api.fields import LARGEST, TEXT, Cursor, Lang, Limit, PartNumber, Row
from beleg.web.api.handling import HandlingSeen
from beleg.web.api.problem import responses
from beleg.web.api.shapes import (
    Answer,
    AssignmentSeen,
    MessageSeen,
    Named,
    RemovedSeen,
    Standing,
    assignment_seen,
    message_fields,
    named,
    removed_seen,
)
from beleg.web.site import site_of
from beleg.workspace import Opened, ThreadMail

router = APIRouter(tags=["messages"])

RAW = "message/rfc822"
BYTES = "application/octet-stream"


class ListedMessage(MessageSeen):
    """A message of the inbox."""

    records: list[Standing]
    """What stands on it."""
    reason: str | None
    """Why, in one short line; null before it is decided."""
    handling: HandlingSeen


class MessagePage(Answer):
    """A page of messages, the newest first, without a date before all."""

    items: list[ListedMessage]
    next: str | None
    """Cursor of the page behind."""
    previous: str | None
    """Cursor of the page before."""


class Person(Answer):
    """Someone in an address field."""

    name: str
    address: str
    """Empty where there is none."""
    pretends: str
    """The other address that the name looks like; empty where it does not."""


class HeaderField(Answer):
    """An address field of the mail."""

    field: str
    people: list[Person]
    """The first 100."""
    more: int
    """How many are not listed."""


class Attachment(Answer):
    """A file that is attached, or a message."""

    part: str
    """Its number, for `GET …/attachments/{part}`."""
    name: str
    type: str
    """As the mail says."""
    size: int


class InThread(MessageSeen):
    """Another message of the thread."""

    earlier: bool
    records: list[Named]


class OpenStep(Answer):
    """A step that found several records and assigned none."""

    step: str
    type: str
    candidates: list[Named]
    total: int
    """How many candidates there are; 1001: more than 1,000."""


class Warning(Answer):
    """Something that a person should look at before he relies on the decision."""

    code: str
    text: str


class MessageShown(MessageSeen):
    """A message with all that is known about it."""

    header: list[HeaderField]
    assignments: list[AssignmentSeen]
    """What stands on it now."""
    removed: list[RemovedSeen]
    """What a person took off it."""
    open: list[OpenStep]
    """What is left to a person to decide."""
    reason: str | None
    digest: str | None
    """sha256 of the trace of the newest decision; null before it is decided."""
    decision: int | None
    """Number of the newest decision."""
    warnings: list[Warning]
    attachments: list[Attachment]
    handling: HandlingSeen
    thread: list[InThread]
    """The other messages of the thread, oldest first."""


@router.get("/messages", operation_id="listMessages", summary="List and search messages", responses=responses(404))
def list_messages(
    request: Request,
    caller: Reading,
    lang: Lang,
    state: Annotated[
        Filter,
        Query(description="Those in this state; `corrected`: on which a person set or removed something."),
    ] = "all",
    q: Annotated[
        str,
        Query(
            max_length=500,
            pattern=TEXT,
            examples=["AB-1042", '"zwei Lampen" erika@'],
            description="Words that subject, addresses or content have, up to 30; in quotes: one behind the other.",
        ),
    ] = "",
    filter: Annotated[
        int | None,
        Query(
            ge=1,
            le=LARGEST,
            description="Number of a saved search; what else is given goes before what it asks for.",
        ),
    ] = None,
    group: Annotated[int | None, Query(ge=1, le=LARGEST, description="Those of this group.")] = None,
    work: Annotated[Literal["open", "done", "sent"] | None, Query(description="Those that stand so.")] = None,
    owner: Annotated[
        str | None,
        Query(
            max_length=16,
            pattern=r"^(me|pool|[1-9][0-9]*)$",
            description="Those of a user, by his number; `me`: of who asks; `pool`: of nobody.",
        ),
    ] = None,
    spam: Annotated[int | None, Query(ge=0, le=2, description="0: none; 1: suspected; 2: checked.")] = None,
    deleted: Annotated[bool, Query(description="Those that are deleted, which are hidden otherwise.")] = False,
    topic: Annotated[int | None, Query(ge=1, le=LARGEST, description="Those of this topic.")] = None,
    tag: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST)]] | None,
        Query(max_length=20, description="Those that have this tag, or all of these."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> MessagePage:
    """A page of messages, the newest first, with the records that stand on each, and why. Deleted ones are there only
    where they are asked for."""
    site = site_of(request)
    criteria = site.accounts.filter(filter).criteria if filter is not None else EVERYTHING
    if criteria.outgoing:
        raise InputError("this filter shows mail that is written: ask GET /outgoing for it")
    found = {
        "group": group, "work": work, "owner": int(owner) if owner and owner.isdigit() else owner, "spam": spam,
        "topic": topic, "deleted": deleted or None, "tags": (*criteria.tags, *tag) if tag else None,
    }  # fmt: skip
    asked = {name: value for name, value in found.items() if value is not None}
    page = site.workspace.inbox(
        state, q, criteria=replace(criteria, **asked), me=caller.user.id, cursor=cursor, limit=limit
    )
    explainer = lang.explainer(caller)
    return MessagePage(items=[_listed(explainer, each) for each in page.rows], next=page.after, previous=page.before)


@router.get(
    "/messages/{row}",
    operation_id="showMessage",
    summary="Show a message",
)
def show_message(request: Request, row: Row, caller: Reading, lang: Lang) -> MessageShown:
    """A message with its thread, its attachments and what stands on it. It is not decided by this."""
    return _shown(site_of(request).workspace.look(row, decide=False), lang.explainer(caller))


@router.post("/messages/{row}/open", operation_id="openMessage", summary="Open a message")
def open_message(request: Request, row: Row, caller: Reading, lang: Lang) -> MessageShown:
    """What opening it on the page does: it is decided where it never was, once, however many open it at once."""
    return _shown(site_of(request).workspace.look(row), lang.explainer(caller))


@router.post("/messages/{row}/assign", operation_id="decideMessageAgain", summary="Decide a message again")
def assign(request: Request, row: Row, caller: Correcting, lang: Lang) -> MessageShown:
    """Run the steps on it, by the records and rules of now. What a person set or removed stays so, and the earlier
    decision is kept."""
    workspace = site_of(request).workspace
    workspace.message(row)
    if failed := workspace.assign([row]).failed:
        raise HTTPException(500, failed[0])
    return _shown(workspace.look(row), lang.explainer(caller))


@router.get(
    "/messages/{row}/raw",
    operation_id="getMessageRaw",
    summary="Get the bytes of a message",
    response_class=Response,
    responses={200: {"description": "The mail as it came", "content": {RAW: {"schema": {"type": "string"}}}}},
)
def raw(request: Request, row: Row, caller: Reading) -> Response:
    """The mail as it came, byte for byte."""
    _, found = site_of(request).workspace.mail(row)
    return _saved(found, RAW, f"message-{row}.eml")


@router.get(
    "/messages/{row}/attachments/{part}",
    operation_id="getAttachment",
    summary="Get an attachment",
    response_class=Response,
    responses={200: {"description": "The decoded bytes", "content": {BYTES: {"schema": {"type": "string"}}}}},
)
def attachment(request: Request, row: Row, part: PartNumber, caller: Reading) -> Response:
    """An attachment, decoded, under a name that is safe to save as; of whichever type, it is sent as mere bytes."""
    _, whole = site_of(request).workspace.mail(row)
    found = file(whole, part)
    if found is None:
        raise NotFound(f"message {row} has no attachment {part!r}")
    return _saved(found[1], BYTES, found[0].name)


def _saved(data: bytes, media: str, name: str) -> Response:
    return Response(data, media_type=media, headers={"content-disposition": content_disposition(name)})


def _listed(explainer: Explainer, found: InboxRow) -> ListedMessage:
    records = [
        Standing(**named(explainer, each.ref), number=each.number, label=each.label, gone=each.gone, origin=each.origin)
        for each in found.records
    ]
    reason = short_reason(explainer, found.trace) if found.trace else None
    handling = HandlingSeen.of(found.handled)
    return ListedMessage(**message_fields(found.message), records=records, reason=reason, handling=handling)


def _shown(found: Opened, explainer: Explainer) -> MessageShown:
    trace = found.trace
    header = shown_header(found.raw, found.parsed)
    cautions = warnings(explainer, trace, found.newcomers, found.parsed.participants) if trace else ()
    return MessageShown(
        **message_fields(found.message),
        header=[
            HeaderField(
                field=line.field,
                people=[Person(name=p.name, address=p.address, pretends=p.pretends) for p in line.people],
                more=line.more,
            )
            for line in header.lines
        ],
        assignments=[assignment_seen(explainer, each) for each in found.own if each.stands],
        removed=[removed_seen(explainer, each) for each in found.own if each.removed],
        open=[
            OpenStep(
                step=each.step, type=each.type, total=each.total,
                candidates=[Named(**named(explainer, ref)) for ref in map(RecordRef.parse, each.candidates)],
            )
            for each in found.open_steps
        ],
        reason=short_reason(explainer, trace) if trace else None,
        digest=found.decision.digest if found.decision else None,
        decision=found.decision.id if found.decision else None,
        warnings=[Warning(code=each.code, text=each.text) for each in cautions],
        attachments=[
            Attachment(part=each.part, name=each.name, type=each.type, size=each.size) for each in files(found.raw)
        ],
        handling=HandlingSeen.of(found.handled),
        thread=[
            *(_in_thread(explainer, each, earlier=True) for each in found.earlier),
            *(_in_thread(explainer, each, earlier=False) for each in found.later),
        ],
    )  # fmt: skip


def _in_thread(explainer: Explainer, each: ThreadMail, *, earlier: bool) -> InThread:
    records = [Named(**named(explainer, ref)) for ref in each.records]
    return InThread(**message_fields(each.message), earlier=earlier, records=records)
