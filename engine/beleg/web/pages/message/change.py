"""A person's corrections: put a record on a message, take one off."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from beleg.errors import InputError, NotFound
from beleg.record import RecordRef
from beleg.web.pages.message.found import Found, find
from beleg.web.pages.message.view import view_of
from beleg.web.render import page, see
from beleg.web.sessions import Reader, Visitor, local
from beleg.web.site import site_of

router = APIRouter(prefix="/messages/{row}")
Name = Annotated[str, Form(max_length=300)]


@router.get("/add")
def adding(
    request: Request, row: int, visitor: Reader, q: Annotated[str, Query(max_length=200)] = "", record: str = ""
) -> Response:
    """Search a record to put on the message; with `record`, one that was found already: say why."""
    site = site_of(request)
    message, _ = site.workspace.mail(row)
    wanted = record or q
    found = find(site, visitor, wanted) if wanted.strip() else Found()
    return page(
        request, visitor, "message_add.html", row=row, message=message, q=wanted, found=found, base=f"/messages/{row}",
        standing=set(map(str, site.workspace.standing(row))),
    )  # fmt: skip


@router.post("/add")
def add(
    request: Request, row: int, visitor: Reader, record: Name, note: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Put it on the message; what follows from it comes along."""
    workspace = site_of(request).workspace
    workspace.mail(row)
    workspace.add(row, ref_of(record, visitor), visitor.name, note=note.strip() or None)
    return see(f"/messages/{row}?done=added#linked")


@router.get("/remove")
def removing(request: Request, row: int, visitor: Reader, record: str, back: str = "") -> Response:
    """Ask before a record is taken off, where a browser runs no script, or on the way from another page and `back`."""
    site = site_of(request)
    view = view_of(site.workspace.look(row, decide=False), site.explainers[visitor.language.code])
    found = next((each for each in view.linked if each.seen.record == record), None)
    if found is None:
        raise NotFound(visitor.language.say("This record is not linked to the message (any more)."))
    return page(
        request, visitor, "message_remove.html", view=view, row=row, link=found, base=f"/messages/{row}",
        back=local(back) if back else "",
    )  # fmt: skip


@router.post("/remove")
def remove(
    request: Request,
    row: int,
    visitor: Reader,
    record: Name,
    derived: Annotated[bool, Form()] = False,
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take it off, with what was derived from it if that is wanted; then to the message, or `back`."""
    workspace = site_of(request).workspace
    workspace.mail(row)
    workspace.remove(row, ref_of(record, visitor), visitor.name, derived=derived)
    if back:
        back = local(back)
        return see(f"{back}{'&' if '?' in back else '?'}done=removed")
    return see(f"/messages/{row}?done=removed#linked")


def ref_of(record: str, visitor: Visitor) -> RecordRef:
    """The record of a form. Raises InputError."""
    try:
        return RecordRef.parse(record)
    except ValueError:
        raise InputError(visitor.language.say("This names no record: %(record)s", record=record)) from None
