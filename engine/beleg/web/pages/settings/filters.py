"""The filters at the inbox's side: their names, order, and what each shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.store.criteria import Criteria
from beleg.web.language import Language
from beleg.web.pages.inbox import Shelf
from beleg.web.render import page, see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of

PATH = "/settings/mail/filters"
router = APIRouter(prefix=PATH)


@router.get("")
def listed(request: Request, visitor: Admin, done: str = "") -> Response:
    """The list."""
    return _listed(request, visitor, done=done)


@router.post("/{id_}/name")
def rename(request: Request, visitor: Admin, id_: int, name: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Give a filter another name; an empty one gives a filter that Beleg made its own back."""
    try:
        site_of(request).accounts.change_filter(id_, visitor.name, name=name)
    except InputError as error:
        return _listed(request, visitor, fault=visitor.language.tell(error))
    return see(f"{PATH}?done=renamed")


@router.post("/{id_}/move")
def move(request: Request, visitor: Admin, id_: int, up: Annotated[bool, Form()] = False) -> Response:
    """Move a filter one place up or down."""
    site_of(request).accounts.move_filter(id_, visitor.name, up=up)
    return see(PATH)


@router.post("/{id_}/remove")
def remove(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove a filter, with those below it. Mail stays."""
    site_of(request).accounts.remove_filter(id_, visitor.name)
    return see(f"{PATH}?done=removed")


def _listed(request: Request, visitor: Visitor, *, done: str = "", fault: str | None = None) -> Response:
    shelf = Shelf.of(site_of(request))
    told = {each.filter.id: ", ".join(_told(each.filter.criteria, shelf, visitor.language)) for each in shelf.filters}
    return page(
        request, visitor, "settings_filters.html", status=400 if fault else 200, shelf=shelf, told=told, done=done,
        fault=fault,
    )  # fmt: skip


def _told(criteria: Criteria, shelf: Shelf, language: Language) -> Iterator[str]:
    """What a filter shows, in words."""
    say = language.say
    names = shelf.names
    written = {"draft": say("drafts"), "failed": say("mail that could not be sent")}
    works = {"open": say("open mail"), "done": say("done mail"), "sent": say("sent by us")}
    spams = (say("no spam"), say("suspected spam"), say("spam, checked"))
    if criteria.outgoing:
        yield written[criteria.outgoing]
    if criteria.deleted:
        yield say("deleted mail")
    if criteria.work:
        yield works[criteria.work]
    if criteria.spam is not None:
        yield spams[criteria.spam]
    if criteria.owner == "me":
        yield say("of who looks")
    elif criteria.owner == "pool":
        yield say("in the pool")
    elif criteria.owner is not None:
        yield say("of %(name)s", name=names["owner"].get(criteria.owner, str(criteria.owner)))
    if criteria.group is not None:
        yield say("group %(name)s", name=names["group"].get(criteria.group, str(criteria.group)))
    if criteria.topic is not None:
        yield say("topic %(name)s", name=names["topic"].get(criteria.topic, str(criteria.topic)))
    if criteria.tags:
        yield say("tags: %(names)s", names=", ".join(names["tag"].get(each, str(each)) for each in criteria.tags))
    if criteria.state != "all":
        yield say(_STATES[criteria.state])
    if criteria.text:
        yield say("with the words “%(words)s”", words=criteria.text)
    if criteria == Criteria():
        yield say("all mail that is not deleted")


_STATES = {
    "assigned": "Assigned",
    "partly": "Partly",
    "ambiguous": "Ambiguous",
    "nothing": "Nothing found",
    "corrected": "Corrected by hand",
    "undecided": "Not yet decided",
}
