"""Mail that is written and sent."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, StringConstraints
from starlette.datastructures import Headers
from starlette.types import Scope

from beleg.accounts.outbox import AttachedFile, Draft, NewFile, Outgoing, OutgoingState, Writer
from beleg.errors import InputError, NotFound
from beleg.show import content_disposition
from beleg.store.outgoing import Kind
from beleg.web.api.access import Caller, Correcting, Reading
from beleg.web.api.accounts import moment
from beleg.web.api.fields import LARGEST, TEXT, Cursor, Given, Lang, Limit, Number
from beleg.web.api.messages import BYTES, RAW
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import Site, site_of

router = APIRouter(tags=["outgoing"])

MailNumber = Annotated[Number, Path(description="Number of the mail.", examples=[1])]
FileNumber = Annotated[Number, Path(description="Number of the attachment.", examples=[1])]
_Number = Annotated[int, Field(ge=1, le=LARGEST)]
_People = Annotated[str, StringConstraints(max_length=20_000, pattern=TEXT)]
_Subject = Annotated[str, StringConstraints(max_length=2_000, pattern=TEXT)]
_Text = Annotated[str, StringConstraints(max_length=60_000, pattern=TEXT)]
_UPLOAD = re.compile(r"/api/v1/outgoing/[0-9]+/attachments")


class Attached(Answer):
    """An attachment; `size` in bytes."""

    id: int
    name: str
    type: str
    size: int

    @classmethod
    def of(cls, file: AttachedFile) -> Attached:
        """As an answer has it."""
        return cls.model_validate(file, from_attributes=True)


class OutgoingSeen(Answer):
    """A mail that is written or sent."""

    id: int
    state: OutgoingState
    """`failed`: surely not sent, and not tried again by itself; `unclear`: it may have been sent, and is not sent again
    unless a person says so."""
    kind: Kind
    to: str
    """Addresses as they are typed, parted by commas."""
    cc: str
    bcc: str
    subject: str
    text: str
    """In a list, its beginning alone."""
    group: int | None
    """The group that it is sent for."""
    answers: int | None
    """Row number of the message that it replies to or forwards."""
    attachments: list[Attached]
    person: int | None
    """The user who wrote it."""
    account: int | None
    """The account that it goes out by, from when it is queued."""
    sender: str
    message_id: str | None
    message: int | None
    """Row number of the stored message that it became when it was sent."""
    said: str
    """What is to be told about it: the server's words, why it failed, what it waits for."""
    tries: int
    due: datetime | None
    """When it is tried next."""
    changed: datetime | None
    deleted: bool
    """It was discarded."""


class OutgoingPage(Answer):
    """A page of mails, what changed last first."""

    items: list[OutgoingSeen]
    next: str | None
    previous: str | None


class NewMail(Given):
    """A mail to be: a new one, a reply, or one that is passed on."""

    reply_to: _Number | None = Field(None, description="row number of the message that it answers")
    all: bool = Field(False, description="answer the other recipients, too")
    forward: _Number | None = Field(None, description="row number of the message that is passed on")
    attached: bool = Field(False, description="pass it on as an attachment")
    group: _Number | None = Field(None, description="the group that it is sent for, whose address is its From")
    to: _People | None = Field(None, examples=["Anna Kunde <anna@kunde.example>"])
    cc: _People | None = None
    bcc: _People | None = None
    subject: _Subject | None = None
    text: _Text = Field("", description="stands before the group's signature, and before what is quoted")


class ChangedMail(Given):
    """What is to change of a draft; what is left out stays."""

    group: _Number | None = Field(None, description="another group, whose signature takes the place of the old one's")
    to: _People | None = None
    cc: _People | None = None
    bcc: _People | None = None
    subject: _Subject | None = None
    text: _Text | None = Field(None, description="the whole text, with signature and quotation")


# --- looking -----------------------------------------------------------------------------------------------------


@router.get("/outgoing", operation_id="listOutgoing", summary="List mail that is written and sent")
def list_(
    request: Request,
    caller: Reading,
    lang: Lang,
    state: Annotated[
        list[OutgoingState] | None, Query(max_length=6, description="Those in this state, or in one of these.")
    ] = None,
    group: Annotated[int | None, Query(ge=1, le=LARGEST, description="Those of this group.")] = None,
    mine: Annotated[bool, Query(description="Those that the person of the token wrote.")] = False,
    deleted: Annotated[bool, Query(description="Those that were discarded.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> OutgoingPage:
    """A page of mails. Drafts and discarded mails are one's own affair: where they are among what is asked for, only
    one's own mails are listed."""
    states = tuple(state or ())
    own = mine or deleted or not states or "draft" in states
    page = site_of(request).outbox.listed(
        states, person=caller.user.id if own else None, group=group, deleted=deleted, cursor=cursor, limit=limit
    )
    items = [_told(each, lang.code(caller)) for each in page.rows]
    return OutgoingPage(items=items, next=page.after, previous=page.before)


@router.get("/outgoing/{mail}", operation_id="showOutgoing", summary="Show a mail that is written or sent")
def show(request: Request, mail: MailNumber, caller: Reading, lang: Lang) -> OutgoingSeen:
    """A mail, discarded or not. 404 for the draft of somebody else."""
    return _told(_seen(site_of(request), caller, mail), lang.code(caller))


@router.get(
    "/outgoing/{mail}/raw",
    operation_id="getOutgoingRaw",
    summary="Get the bytes of a mail that is sent",
    response_class=Response,
    responses={200: {"description": "The mail as it is sent", "content": {RAW: {"schema": {"type": "string"}}}}},
)
def raw(request: Request, mail: MailNumber, caller: Reading) -> Response:
    """The mail as it goes out, byte for byte. 404 before it was queued."""
    site = site_of(request)
    _seen(site, caller, mail)
    found = site.outbox.raw(mail)
    if found is None:
        raise NotFound("this mail was not queued yet, so it has no bytes")
    return _saved(found, RAW, f"outgoing-{mail}.eml")


# --- writing -----------------------------------------------------------------------------------------------------


@router.post("/outgoing", operation_id="addOutgoing", summary="Write a mail", status_code=201, responses=responses(404))
def add(request: Request, body: NewMail, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """A draft. A reply has recipients, subject, group and quotation of the message that it answers; a mail that is
    passed on has its text and attachments. What is given goes before that. `POST …/queue` has it sent."""
    site = site_of(request)
    language = lang.code(caller)
    writer = Writer.of(caller.user, language, site.languages[language].zone)
    if body.reply_to is not None and body.forward is not None:
        raise InputError("give reply_to or forward, not both")
    if body.reply_to is not None:
        draft = site.outbox.reply_to(body.reply_to, writer, all=body.all)
    elif body.forward is not None:
        draft = site.outbox.forward(body.forward, writer, attached=body.attached)
    else:
        draft = site.outbox.compose(body.group)
    if body.group is not None:
        draft = site.outbox.with_group(draft, body.group)
    draft = replace(draft, text=body.text.rstrip("\n") + (draft.text or "\n"), **_given(body))
    return _told(site.outbox.get(site.outbox.save(draft, writer)), language)


@router.patch("/outgoing/{mail}", operation_id="changeOutgoing", summary="Change a draft")
def change(request: Request, mail: MailNumber, body: ChangedMail, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Change what a draft says; what is left out stays. 400 where it is none any more."""
    site = site_of(request)
    draft = _seen(site, caller, mail).draft
    if body.group is not None:
        draft = site.outbox.with_group(draft, body.group)
    values = _given(body) | ({"text": body.text} if body.text is not None else {})
    site.outbox.change(mail, replace(draft, **values))
    return _told(site.outbox.get(mail), lang.code(caller))


async def _sent(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/outgoing/{mail}/attachments",
    operation_id="addOutgoingAttachment",
    summary="Attach a file to a draft",
    status_code=201,
    responses=responses(413),
    openapi_extra={
        "requestBody": {"required": True, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
def attach(
    request: Request,
    mail: MailNumber,
    caller: Correcting,
    data: Annotated[bytes, Depends(_sent)],
    name: Annotated[
        str,
        Query(min_length=1, max_length=200, pattern=TEXT, description="Its name.", examples=["invoice.pdf"]),
    ],
    type: Annotated[
        str,
        Query(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$", description="Its media type.", examples=["text/plain"]),
    ] = BYTES,
) -> Attached:
    """The body of the request is the file, byte for byte. 400 where all that is attached would be too large."""
    site = site_of(request)
    _seen(site, caller, mail)
    return Attached.of(site.outbox.attach(mail, NewFile(name, type, data)))


@router.get(
    "/outgoing/{mail}/attachments/{file}",
    operation_id="getOutgoingAttachment",
    summary="Get an attachment of a mail that is written",
    response_class=Response,
    responses={200: {"description": "Its bytes", "content": {BYTES: {"schema": {"type": "string"}}}}},
)
def attachment(request: Request, mail: MailNumber, file: FileNumber, caller: Reading) -> Response:
    """An attachment, sent as mere bytes of whichever type."""
    site = site_of(request)
    _seen(site, caller, mail)
    found = site.outbox.file(mail, file)
    return _saved(found.data, BYTES, found.name)


@router.delete(
    "/outgoing/{mail}/attachments/{file}", operation_id="removeOutgoingAttachment",
    summary="Take an attachment off a draft", status_code=204, response_class=Response,
)  # fmt: skip
def detach(request: Request, mail: MailNumber, file: FileNumber, caller: Correcting) -> None:
    """Take an attachment off a draft."""
    site = site_of(request)
    _seen(site, caller, mail)
    site.outbox.detach(mail, file)


@router.delete(
    "/outgoing/{mail}", operation_id="discardOutgoing", summary="Discard a mail", status_code=204,
    response_class=Response,
)  # fmt: skip
def discard(request: Request, mail: MailNumber, caller: Correcting) -> None:
    """Mark as deleted what is not on its way; it can be restored. What was queued is not sent then; what was sent
    stays."""
    site = site_of(request)
    _seen(site, caller, mail)
    site.outbox.discard(mail, caller.name)


@router.post("/outgoing/{mail}/restore", operation_id="restoreOutgoing", summary="Bring a discarded mail back")
def restore(request: Request, mail: MailNumber, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Undo that. What was queued is a draft then."""
    site = site_of(request)
    _seen(site, caller, mail)
    site.outbox.restore(mail, caller.name)
    return _told(site.outbox.get(mail), lang.code(caller))


# --- sending -----------------------------------------------------------------------------------------------------


@router.post("/outgoing/{mail}/queue", operation_id="queueOutgoing", summary="Have a mail sent")
def queue(request: Request, mail: MailNumber, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Put a draft into the outbox, on disk; it is sent in the background (by `beleg serve` or `beleg outbox send`). 400
    with the reason where it can't be sent: nobody to send it to, no address, no account that sends for the group."""
    site = site_of(request)
    _seen(site, caller, mail)
    return _told(site.outbox.queue(mail, caller.name), lang.code(caller))


@router.post("/outgoing/{mail}/unqueue", operation_id="unqueueOutgoing", summary="Make a draft again of a mail")
def unqueue(request: Request, mail: MailNumber, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Make a draft again of what is queued or failed: a draft of one's own. 404 for another's mail."""
    site = site_of(request)
    if _seen(site, caller, mail).person != caller.user.id:
        raise NotFound("only the author can take a mail back; make a new draft of it")
    return _told(site.outbox.unqueue(mail, caller.name), lang.code(caller))


@router.post("/outgoing/{mail}/resend", operation_id="resendOutgoing", summary="Send a mail once more")
def resend(request: Request, mail: MailNumber, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Send what failed or is unclear once more: the same bytes with the same Message-ID. What is unclear may arrive
    twice then."""
    site = site_of(request)
    _seen(site, caller, mail)
    return _told(site.outbox.resend(mail, caller.name), lang.code(caller))


@router.post("/outgoing/{mail}/mark-sent", operation_id="markOutgoingSent", summary="Say that a mail was sent")
def mark_sent(request: Request, mail: MailNumber, caller: Correcting, lang: Lang) -> OutgoingSeen:
    """Say that an unclear mail was sent after all: it is stored and decided as if the server had said so."""
    site = site_of(request)
    _seen(site, caller, mail)
    return _told(site.outbox.mark_sent(mail, caller.name), lang.code(caller))


# --- within ------------------------------------------------------------------------------------------------------


def longest(site: Site, scope: Scope) -> int:
    """How long the body of a request may be: that of an attachment longer than others, of those who have a token."""
    if scope["method"] != "POST" or not _UPLOAD.fullmatch(scope["path"]):
        return 0
    kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    known = kind.lower() == "bearer" and site.people.token(secret) is not None
    return site.outbox.most_attached if known else 0


def _seen(site: Site, caller: Caller, id_: int) -> Outgoing:
    """A mail that the caller may see. Raises NotFound, for another's draft as for one that is not there."""
    found = None
    with suppress(NotFound):
        found = site.outbox.get(id_)
    if found is None or (found.state == "draft" and found.person != caller.user.id):
        raise NotFound("there is no outgoing mail %(number)s, or it is a draft of somebody else", number=str(id_))
    return found


_FIELDS: tuple[Literal["to", "cc", "bcc", "subject"], ...] = ("to", "cc", "bcc", "subject")


def _given(body: NewMail | ChangedMail) -> dict[str, Any]:
    return {name: getattr(body, name) for name in _FIELDS if getattr(body, name) is not None}


def _told(mail: Outgoing, language: str) -> OutgoingSeen:
    draft: Draft = mail.draft
    return OutgoingSeen(
        id=mail.id, state=mail.state, kind=draft.kind, to=draft.to, cc=draft.cc, bcc=draft.bcc, subject=draft.subject,
        text=draft.text, group=draft.group, answers=draft.answers, attachments=list(map(Attached.of, mail.files)),
        person=mail.person, account=mail.account, sender=mail.sender, message_id=mail.message_id,
        message=mail.message, said=mail.say(language), tries=mail.tries, due=moment(mail.due),
        changed=moment(mail.changed), deleted=mail.deleted,
    )  # fmt: skip


def _saved(data: bytes, media: str, name: str) -> Response:
    return Response(data, media_type=media, headers={"content-disposition": content_disposition(name)})
