"""Filters, which are saved searches; topics and tags."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import UNSET
from pydantic import Field, StringConstraints

from beleg.accounts import MailFilter, PlacedFilter, Topic
from beleg.accounts.model import Role
from beleg.store.criteria import Criteria, Outgoing
from beleg.store.inbox import Filter
from beleg.web.api.access import Administering, Correcting, Reading
from beleg.web.api.fields import LARGEST, TEXT, Given, Lang, Number
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import Site, site_of

router = APIRouter(tags=["filters"])

FilterNumber = Annotated[Number, Path(description="Number of the filter.", examples=[1])]
TopicNumber = Annotated[Number, Path(description="Number of the topic.", examples=[1])]
TagNumber = Annotated[Number, Path(description="Number of the tag.", examples=[1])]
_Number = Annotated[int, Field(ge=1, le=LARGEST)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]


class FilterCriteria(Given):
    """What a filter asks for; all of it must hold, and what is left out or null asks for nothing."""

    group: _Number | None = None
    work: Literal["open", "done", "sent"] | None = None
    owner: _Number | Literal["me", "pool"] | None = Field(
        None, description="a user's number, `me` (who looks), `pool` (nobody)"
    )
    spam: Literal[0, 1, 2] | None = None
    deleted: bool = Field(False, description="those that are deleted, which are hidden otherwise")
    topic: _Number | None = None
    tags: Annotated[list[_Number], Field(max_length=100)] = Field(default_factory=list)
    state: Filter = "all"
    text: Annotated[str, StringConstraints(max_length=1000, pattern=TEXT)] = Field("", description="words of a search")
    outgoing: Outgoing | None = Field(None, description="mail that is written, instead of messages")

    def criteria(self) -> Criteria:
        """The same, as the store has it."""
        values = self.model_dump()
        return Criteria(**{**values, "tags": tuple(values["tags"])})


class FilterSeen(Answer):
    """A saved search."""

    id: int
    title: str
    """How it is called, in the language."""
    name: str
    """The name that a person gave it; empty where it has its own."""
    role: Role | None
    """What a filter that Beleg made shows; null for others."""
    group: int | None
    parent: int | None
    depth: int
    """How many filters stand above it."""
    criteria: FilterCriteria
    count: int | None
    """How many mails it shows; 1001: more than 1,000; null: it was not asked for, or the filter searches for words."""


class Filters(Answer):
    """All filters, in their order: each before those below it."""

    items: list[FilterSeen]


class NewFilter(Given):
    """A filter to be."""

    name: _Name = Field(examples=["Returns"])
    criteria: FilterCriteria
    parent: _Number | None = Field(None, description="number of the filter that it stands below")


class ChangedFilter(Given):
    """What is to change of a filter; what is left out or null stays."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=TEXT)] | None = Field(
        None, description="empty: a filter that Beleg made gets its own name back"
    )
    criteria: FilterCriteria | None = None


class FilterOrder(Given):
    """Filters that stand beside one another, in the order in which they are to stand."""

    ids: Annotated[list[_Number], Field(min_length=1, max_length=500)]


class TopicSeen(Answer):
    """A topic in the tree of topics."""

    id: int
    name: str
    parent: int | None
    path: list[str]
    """The names from the topmost one down to its own."""


class Topics(Answer):
    """All topics, each before those below it."""

    items: list[TopicSeen]


class NewTopic(Given):
    """A topic to be."""

    name: _Name = Field(examples=["Returns"])
    parent: _Number | None = Field(None, description="null: it stands at the top")


class ChangedTopic(Given):
    """What is to change of a topic; what is left out stays."""

    name: _Name | None = None
    parent: _Number | None = Field(None, description="null: it stands at the top")


class TagSeen(Answer):
    """A tag."""

    id: int
    name: str


class Tags(Answer):
    """All tags, by name."""

    items: list[TagSeen]


class NamedTag(Given):
    """The name of a tag."""

    name: _Name = Field(examples=["urgent"])


# --- filters -----------------------------------------------------------------------------------------------------


@router.get("/filters", operation_id="listFilters", summary="List filters")
def list_filters(
    request: Request,
    caller: Reading,
    lang: Lang,
    count: Annotated[bool, Query(description="Count the mails that each shows.")] = False,
) -> Filters:
    """The saved searches. `GET /messages?filter=` shows what one finds; where `outgoing` is not null,
    `GET /outgoing` does."""
    site = site_of(request)
    found = site.accounts.filters()
    counts = site.accounts.filter_counts([each.filter for each in found], caller.user.id) if count else {}
    return Filters(items=[_seen(each, lang.code(caller), counts.get(each.filter.id)) for each in found])


@router.post("/filters", operation_id="addFilter", summary="Save a search", status_code=201, responses=responses(404))
def add_filter(request: Request, body: NewFilter, caller: Correcting, lang: Lang) -> FilterSeen:
    """A new filter. 400 where its group has one of this name."""
    site = site_of(request)
    made = site.accounts.add_filter(body.name, body.criteria.criteria(), caller.name, parent=body.parent)
    return _one(site, made, lang.code(caller))


@router.put(
    "/filters/order", operation_id="orderFilters", summary="Put filters into an order", status_code=204,
    response_class=Response, responses=responses(404),
)  # fmt: skip
def order_filters(request: Request, body: FilterOrder, caller: Administering) -> None:
    """Put filters that stand beside one another into this order."""
    site_of(request).accounts.reorder_filters(body.ids, caller.name)


@router.get("/filters/{filter}", operation_id="showFilter", summary="Show a filter")
def show_filter(request: Request, filter: FilterNumber, caller: Reading, lang: Lang) -> FilterSeen:
    """A filter."""
    site = site_of(request)
    return _one(site, site.accounts.filter(filter), lang.code(caller))


@router.patch("/filters/{filter}", operation_id="changeFilter", summary="Change a filter")
def change_filter(
    request: Request, filter: FilterNumber, body: ChangedFilter, caller: Administering, lang: Lang
) -> FilterSeen:
    """Rename a filter, or give it another search. What a filter that Beleg made shows stays."""
    site = site_of(request)
    wanted = body.criteria.criteria() if body.criteria else None
    return _one(
        site, site.accounts.change_filter(filter, caller.name, name=body.name, criteria=wanted), lang.code(caller)
    )


@router.delete(
    "/filters/{filter}", operation_id="removeFilter", summary="Remove a filter", status_code=204,
    response_class=Response,
)  # fmt: skip
def remove_filter(request: Request, filter: FilterNumber, caller: Administering) -> None:
    """Remove a filter with those below it. No mail is touched."""
    site_of(request).accounts.remove_filter(filter, caller.name)


def _one(site: Site, wanted: MailFilter, language: str) -> FilterSeen:
    return _seen(next(each for each in site.accounts.filters() if each.filter.id == wanted.id), language)


def _seen(placed: PlacedFilter, language: str, count: int | None = None) -> FilterSeen:
    each = placed.filter
    asked = {name: getattr(each.criteria, name) for name in FilterCriteria.model_fields}
    return FilterSeen(
        id=each.id, title=each.title(language), name=each.name, role=each.role,
        group=each.group.id if each.group else None, parent=each.parent, depth=placed.depth,
        criteria=FilterCriteria.model_validate({**asked, "tags": list(each.criteria.tags)}), count=count,
    )  # fmt: skip


# --- topics ------------------------------------------------------------------------------------------------------


@router.get("/topics", operation_id="listTopics", summary="List topics")
def list_topics(request: Request, caller: Reading) -> Topics:
    """All topics, each before those below it."""
    return Topics(items=[_topic(each) for each in site_of(request).accounts.topics()])


@router.post("/topics", operation_id="addTopic", summary="Add a topic", status_code=201, responses=responses(404))
def add_topic(request: Request, body: NewTopic, caller: Administering) -> TopicSeen:
    """A new topic. 400 where the name is taken beside it."""
    return _topic(site_of(request).accounts.add_topic(body.name, caller.name, body.parent))


@router.patch("/topics/{topic}", operation_id="changeTopic", summary="Change a topic")
def change_topic(request: Request, topic: TopicNumber, body: ChangedTopic, caller: Administering) -> TopicSeen:
    """Rename a topic, or move it with those below it."""
    parent = body.parent if "parent" in body.model_fields_set else UNSET
    return _topic(site_of(request).accounts.change_topic(topic, caller.name, name=body.name, parent=parent))


@router.delete(
    "/topics/{topic}", operation_id="removeTopic", summary="Remove a topic", status_code=204, response_class=Response
)
def remove_topic(request: Request, topic: TopicNumber, caller: Administering) -> None:
    """Remove a topic: messages have none then, topics below it go up. 400 where a filter asks for it."""
    site_of(request).accounts.remove_topic(topic, caller.name)


def _topic(topic: Topic) -> TopicSeen:
    return TopicSeen(id=topic.id, name=topic.name, parent=topic.parent, path=list(topic.path))


# --- tags --------------------------------------------------------------------------------------------------------


@router.get("/tags", operation_id="listTags", summary="List tags")
def list_tags(request: Request, caller: Reading) -> Tags:
    """All tags, by name."""
    return Tags(items=[_tag(each) for each in site_of(request).accounts.tags()])


@router.post("/tags", operation_id="addTag", summary="Add a tag", status_code=201)
def add_tag(request: Request, body: NamedTag, caller: Administering) -> TagSeen:
    """A new tag. 400 where the name is taken."""
    return _tag(site_of(request).accounts.add_tag(body.name, caller.name))


@router.patch("/tags/{tag}", operation_id="changeTag", summary="Rename a tag")
def change_tag(request: Request, tag: TagNumber, body: NamedTag, caller: Administering) -> TagSeen:
    """Another name for a tag."""
    return _tag(site_of(request).accounts.change_tag(tag, caller.name, body.name))


@router.delete("/tags/{tag}", operation_id="removeTag", summary="Remove a tag", status_code=204,
               response_class=Response)  # fmt: skip
def remove_tag(request: Request, tag: TagNumber, caller: Administering) -> None:
    """Remove a tag from all messages, and as such. 400 where a filter asks for it."""
    site_of(request).accounts.remove_tag(tag, caller.name)


def _tag(tag: Any) -> TagSeen:
    return TagSeen.model_validate(tag, from_attributes=True)
