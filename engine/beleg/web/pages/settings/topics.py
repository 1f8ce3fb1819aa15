"""Topics, which are a tree, and tags: adding, renaming, moving, removing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.web.render import page, see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of

PATH = "/settings/mail"
router = APIRouter(prefix=PATH)
Kind = Literal["topics", "tags"]
Name = Annotated[str, Form(max_length=1000)]
Parent = Annotated[str, Form(max_length=20)]


@router.get("/topics")
def topics(request: Request, visitor: Admin, done: str = "") -> Response:
    """The tree of topics."""
    return _listed(request, visitor, "topics", done=done)


@router.get("/tags")
def tags(request: Request, visitor: Admin, done: str = "") -> Response:
    """The tags."""
    return _listed(request, visitor, "tags", done=done)


@router.post("/topics")
def add_topic(request: Request, visitor: Admin, name: Name = "", parent: Parent = "") -> Response:
    """A new topic."""
    accounts = site_of(request).accounts
    return _done(request, visitor, "topics", lambda: accounts.add_topic(name, visitor.name, _parent(parent)), "added")


@router.post("/topics/{id_}")
def change_topic(request: Request, visitor: Admin, id_: int, name: Name = "", parent: Parent = "") -> Response:
    """Rename a topic, or move it; without a parent it stands at the top."""
    change = site_of(request).accounts.change_topic
    return _done(
        request, visitor, "topics", lambda: change(id_, visitor.name, name=name, parent=_parent(parent)), "changed"
    )


@router.post("/topics/{id_}/remove")
def remove_topic(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove a topic; its mail has none then."""
    accounts = site_of(request).accounts
    return _done(request, visitor, "topics", lambda: accounts.remove_topic(id_, visitor.name), "removed")


@router.post("/tags")
def add_tag(request: Request, visitor: Admin, name: Name = "") -> Response:
    """A new tag."""
    accounts = site_of(request).accounts
    return _done(request, visitor, "tags", lambda: accounts.add_tag(name, visitor.name), "added")


@router.post("/tags/{id_}")
def change_tag(request: Request, visitor: Admin, id_: int, name: Name = "") -> Response:
    """Rename a tag."""
    accounts = site_of(request).accounts
    return _done(request, visitor, "tags", lambda: accounts.change_tag(id_, visitor.name, name), "changed")


@router.post("/tags/{id_}/remove")
def remove_tag(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove a tag from all mail, and as such."""
    accounts = site_of(request).accounts
    return _done(request, visitor, "tags", lambda: accounts.remove_tag(id_, visitor.name), "removed")


def _done(request: Request, visitor: Visitor, kind: Kind, act: Callable[[], object], done: str) -> Response:
    try:
        act()
    except InputError as error:
        return _listed(request, visitor, kind, fault=visitor.language.tell(error))
    return see(f"{PATH}/{kind}?done={done}")


def _parent(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError("The page was asked for something that it does not understand.")
    return int(text)


def _listed(request: Request, visitor: Visitor, kind: Kind, *, done: str = "", fault: str | None = None) -> Response:
    accounts = site_of(request).accounts
    there = accounts.topics() if kind == "topics" else accounts.tags()
    return page(
        request, visitor, "settings_topics.html", status=400 if fault else 200, kind=kind, there=there, done=done,
        fault=fault,
    )  # fmt: skip
