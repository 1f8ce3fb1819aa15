"""The inbox: filters at its side, states, search, and what is done with several mails at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from beleg.accounts import Account, Group, MailFilter, PlacedFilter, Tag, Topic
from beleg.errors import InputError, NotFound
from beleg.store.criteria import Criteria
from beleg.store.inbox import COUNTED, EVERYTHING, Filter
from beleg.store.pages import Page
from beleg.web.listing import address, chip, reason
from beleg.web.render import page, see
from beleg.web.sessions import Reader
from beleg.web.site import Site, site_of

router = APIRouter()
PATH = "/messages"
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Words = Annotated[str, Query(max_length=1000)]


@dataclass(frozen=True)
class Section:
    """The filters of a group, those of no group where it is None; of each how many stand above it."""

    group: Group | None
    filters: tuple[PlacedFilter, ...]


@dataclass(frozen=True)
class Narrowed:
    """What narrows the list besides a filter: the parameter of the page's address, and what it asks for in words."""

    parameter: str
    name: str


@dataclass
class Shelf:
    """What mail is sorted by: filters, groups, topics, tags, users."""

    site: Site
    filters: list[PlacedFilter]

    @classmethod
    def of(cls, site: Site) -> Shelf:
        """As they are now."""
        return cls(site, site.accounts.filters())

    @cached_property
    def groups(self) -> list[Group]:
        """All groups."""
        return self.site.accounts.groups()

    @cached_property
    def topics(self) -> list[Topic]:
        """All topics."""
        return self.site.accounts.topics()

    @cached_property
    def tags(self) -> list[Tag]:
        """All tags."""
        return self.site.accounts.tags()

    @cached_property
    def users(self) -> dict[int, str]:
        """Names of all users."""
        return {each.id: each.name for each in self.site.people.users()}

    @cached_property
    def takers(self) -> dict[int, str]:
        """Names of the users to whom mail can be given."""
        return {each.id: each.name for each in self.site.people.users() if each.active and each.mail}

    @cached_property
    def names(self) -> dict[str, dict[int, str]]:
        """How groups, topics, tags and owners are called, by number."""
        return {
            "group": {each.id: each.name for each in self.groups},
            "topic": {each.id: each.title for each in self.topics},
            "tag": {each.id: each.name for each in self.tags},
            "owner": self.users,
        }

    @property
    def sections(self) -> list[Section]:
        """The filters, heading by heading."""
        found: dict[int | None, list[PlacedFilter]] = {}
        for each in self.filters:
            found.setdefault(each.filter.group.id if each.filter.group else None, []).append(each)
        return [Section(some[0].filter.group, tuple(some)) for some in found.values()]

    def filter(self, id_: int | None) -> MailFilter | None:
        """The filter of this number. Raises NotFound."""
        if id_ is None:
            return None
        for each in self.filters:
            if each.filter.id == id_:
                return each.filter
        raise NotFound("there is no filter %(name)s", name=str(id_))


@router.get("/")
def home(visitor: Reader) -> Response:
    """The first page is the inbox."""
    return see(PATH)


@router.get(PATH)
def inbox(
    request: Request,
    visitor: Reader,
    filter_: Annotated[Filter, Query(alias="state")] = "all",
    q: Words = "",
    cursor: str | None = None,
    number: Annotated[int | None, Query(alias="filter", ge=1, le=2**31 - 1)] = None,
    group: Number = None,
    topic: Number = None,
    tag: Number = None,
    done: Annotated[int | None, Query(ge=0, le=1_000)] = None,
) -> Response:
    """A page of messages: those of a saved filter, a state, a group, a topic and a tag, with the words of a search."""
    site = site_of(request)
    explainer, language = site.explainers[visitor.language.code], visitor.language
    q = q.strip()
    shelf = Shelf.of(site)
    chosen = shelf.filter(number)
    if chosen and chosen.criteria.outgoing:
        return see(f"/outbox?filter={chosen.id}")
    kept = {
        "filter": _text(number), "state": filter_ if filter_ != "all" else None, "q": q, "group": _text(group),
        "topic": _text(topic), "tag": _text(tag),
    }  # fmt: skip
    criteria = narrowed(chosen.criteria if chosen else EVERYTHING, group, topic, tag)
    fault = None
    try:
        found = site.workspace.inbox(filter_, q, criteria=criteria, me=visitor.id, cursor=cursor)
    except InputError:
        if cursor is not None:
            return see(address(PATH, **kept))
        found, fault = Page(()), language.say("Search for fewer words at once.")
    rows = [
        (
            each.message,
            [chip(explainer, one) for one in each.records],
            reason(explainer, language, each, site.workspace.step_types),
            each.handled,
        )
        for each in found.rows
    ]
    return page(
        request, visitor, "inbox.html", status=400 if fault else 200, rows=rows, filter=filter_, q=q, fault=fault,
        counts=site.workspace.inbox_counts(criteria, visitor.id), counted=COUNTED, later=cursor is not None,
        sent_to=site.outbox.sent_to([each.message.row for each in found.rows]),
        newer=address(PATH, **kept, cursor=found.before) if found.before else None,
        older=address(PATH, **kept, cursor=found.after) if found.after else None,
        at=lambda **changes: address(PATH, **(kept | changes)), here=address(PATH, **kept, cursor=cursor),
        kept={name: value for name, value in kept.items() if value}, shelf=shelf, chosen=chosen, done=done,
        criteria=criteria, narrowed=list(_narrowed(shelf, group, topic, tag)), stopped=_stopped(site),
        ending=site.accounts.links.reminders(),
        numbers=site.accounts.filter_counts([each.filter for each in shelf.filters], visitor.id),
    )  # fmt: skip


@router.post(f"{PATH}/filters")
def save(
    request: Request,
    visitor: Reader,
    name: Annotated[str, Form(max_length=1000)] = "",
    filter_: Annotated[Filter, Form(alias="state")] = "all",
    q: Annotated[str, Form(max_length=1000)] = "",
    number: Annotated[int | None, Form(alias="filter")] = None,
    group: Annotated[int | None, Form()] = None,
    topic: Annotated[int | None, Form()] = None,
    tag: Annotated[int | None, Form()] = None,
) -> Response:
    """Save the search of the page as a filter, for all users."""
    site = site_of(request)
    chosen = Shelf.of(site).filter(number)
    criteria = narrowed(chosen.criteria if chosen else EVERYTHING, group, topic, tag)
    words = f"{criteria.text} {q}".strip()
    state = filter_ if filter_ != "all" else criteria.state
    made = site.accounts.add_filter(name, msgspec.structs.replace(criteria, text=words, state=state), visitor.name)
    return see(address(PATH, filter=str(made.id)))


def narrowed(criteria: Criteria, group: int | None, topic: int | None, tag: int | None) -> Criteria:
    """Criteria that ask for a group, a topic or a tag besides. Raises InputError where that can't both hold."""
    changes: dict[str, Any] = {}
    if group is not None:
        if criteria.group not in (None, group):
            raise InputError("This filter shows the mail of another group.")
        changes["group"] = group
    if topic is not None:
        changes["topic"] = topic
    if tag is not None and tag not in criteria.tags:
        changes["tags"] = (*criteria.tags, tag)
    return msgspec.structs.replace(criteria, **changes) if changes else criteria


def _narrowed(shelf: Shelf, group: int | None, topic: int | None, tag: int | None) -> Iterable[Narrowed]:
    for parameter, value in (("group", group), ("topic", topic), ("tag", tag)):
        if value is not None:
            yield Narrowed(parameter, shelf.names[parameter].get(value, str(value)))


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _stopped(site: Site) -> Sequence[Account]:
    """The accounts that wait for a person: their link must be made again, or they were halted."""
    return [each for each in site.accounts.accounts() if each.active and (each.halted or each.fault == "sign_in")]
