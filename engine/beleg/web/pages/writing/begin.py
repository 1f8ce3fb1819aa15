"""How a mail begins: anew, as a reply, or to be passed on. Each makes a draft, and leads to its editor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.store.outgoing import Draft
from beleg.web.pages.writing.found import senders, writer
from beleg.web.pages.writing.typed import version_of
from beleg.web.render import page, see
from beleg.web.sessions import Reader, Visitor
from beleg.web.site import Site, site_of

router = APIRouter()


@router.get("/compose")
def compose_asked(request: Request, visitor: Reader) -> Response:
    """Ask first: looking at a page stores nothing."""
    return page(request, visitor, "writing_begin.html", what="compose", message=None)


@router.post("/compose")
def compose(request: Request, visitor: Reader, group: Annotated[int | None, Form()] = None) -> Response:
    """A new mail."""
    site = site_of(request)
    return _begun(site, visitor, site.outbox.compose(group))


@router.get("/messages/{row}/reply")
@router.get("/messages/{row}/reply-all")
@router.get("/messages/{row}/forward")
def asked(request: Request, visitor: Reader, row: int) -> Response:
    """Ask first."""
    message, _ = site_of(request).workspace.mail(row)
    return page(request, visitor, "writing_begin.html", what=request.url.path.rpartition("/")[2], message=message)


@router.post("/messages/{row}/reply")
def reply(request: Request, visitor: Reader, row: int) -> Response:
    """A reply to who wrote a message."""
    site = site_of(request)
    return _begun(site, visitor, site.outbox.reply_to(row, writer(visitor)))


@router.post("/messages/{row}/reply-all")
def reply_all(request: Request, visitor: Reader, row: int) -> Response:
    """A reply to all who had a part in it."""
    site = site_of(request)
    return _begun(site, visitor, site.outbox.reply_to(row, writer(visitor), all=True))


@router.post("/messages/{row}/forward")
def forward(request: Request, visitor: Reader, row: int, attached: Annotated[bool, Form()] = False) -> Response:
    """A message passed on: its text and attachments, or all of it as an attached mail."""
    site = site_of(request)
    return _begun(site, visitor, site.outbox.forward(row, writer(visitor), attached=attached))


def _begun(site: Site, visitor: Visitor, draft: Draft) -> Response:
    """The editor of the draft; of the one that is there, where the visitor began just so before and typed nothing."""
    if draft.group is None:
        draft = site.outbox.with_group(draft, _usual(site, visitor))
    return see(f"/outbox/{_untouched(site, visitor, draft) or site.outbox.save(draft, writer(visitor))}/edit")


def _usual(site: Site, visitor: Visitor) -> int | None:
    """The group that the visitor wrote for last, or the only one."""
    groups = [each.id for each in senders(site)]
    wrote = [each.draft.group for each in site.outbox.listed(person=visitor.id, limit=1).rows]
    return next((each for each in wrote if each in groups), groups[0] if len(groups) == 1 else None)


def _untouched(site: Site, visitor: Visitor, draft: Draft) -> int | None:
    files = sorted((each.name, len(each.data)) for each in draft.files)
    for each in site.outbox.listed(["draft"], person=visitor.id).rows:
        if (each.draft.kind, each.draft.answers, each.draft.subject) == (draft.kind, draft.answers, draft.subject):
            whole = site.outbox.get(each.id)
            same = version_of(whole.draft) == version_of(draft)
            if same and sorted((file.name, file.size) for file in whole.files) == files:
                return each.id
    return None
