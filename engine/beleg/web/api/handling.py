"""What people do with messages: done or open, whose they are, spam, deletion, group, topic, tags."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from beleg.accounts.model import Work
from beleg.errors import InputError
from beleg.store.handling import Handled
from beleg.web.api.access import Caller, Correcting
from beleg.web.api.fields import LARGEST, Given, Row
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import Site, site_of

router = APIRouter(tags=["handling"])

_Number = Annotated[int, Field(ge=1, le=LARGEST)]
_Tags = Annotated[list[_Number], Field(max_length=100)]


class HandlingSeen(Answer):
    """How a message stands. No decision depends on it."""

    work: Literal["open", "done", "sent"]
    """`sent`: our own mail."""
    owner: int | None
    """The user whose it is; null: the pool."""
    spam: Literal[0, 1, 2]
    """0: none; 1: suspected; 2: it was, and a person checked it."""
    deleted: bool
    """It is hidden, and can be brought back."""
    group: int | None
    account: int | None
    """The account that fetched it."""
    topic: int | None
    tags: list[int]

    @classmethod
    def of(cls, handled: Handled) -> HandlingSeen:
        """As an answer has it."""
        return cls.model_validate({**handled._asdict(), "tags": list(handled.tags)})


class Handling(Given):
    """How messages are to stand; what is left out stays."""

    work: Work | None = None
    owner: _Number | Literal["me"] | None = Field(None, description="a user, `me`, or null: the pool")
    spam: Literal[0, 1, 2] | None = None
    deleted: bool | None = None
    group: _Number | None = Field(None, description="null: none")
    topic: _Number | None = Field(None, description="null: none")
    tags_add: _Tags = Field(default_factory=list)
    tags_remove: _Tags = Field(default_factory=list)


class HandlingOfSeveral(Handling):
    """How several messages are to stand."""

    rows: Annotated[list[_Number], Field(min_length=1, max_length=1000)] = Field(
        description="row numbers of the messages", examples=[[1, 2]]
    )


class HandledRows(Answer):
    """Which messages were changed."""

    changed: list[int]
    """Row numbers; those that stood so already are not among them."""


@router.patch("/messages/{row}/handling", operation_id="handleMessage", summary="Say how a message stands")
def handle(request: Request, row: Row, body: Handling, caller: Correcting) -> HandlingSeen:
    """Done or open, whose it is, spam, deleted, group, topic, tags. Mail of our own stays sent."""
    site = site_of(request)
    _handle(site, [row], body, caller)
    return HandlingSeen.of(site.accounts.handled([row])[row])


@router.patch(
    "/messages/handling", operation_id="handleMessages", summary="Say how several messages stand",
    responses=responses(404),
)  # fmt: skip
def handle_several(request: Request, body: HandlingOfSeveral, caller: Correcting) -> HandledRows:
    """The same for several messages, all or none."""
    return HandledRows(changed=_handle(site_of(request), body.rows, body, caller))


def _handle(site: Site, rows: list[int], body: Handling, caller: Caller) -> list[int]:
    given: dict[str, Any] = body.model_dump(exclude_unset=True, exclude={"rows"})
    wanted = {name: value for name, value in given.items() if value is not None or name in ("owner", "group", "topic")}
    if not wanted:
        raise InputError("say how the messages are to stand")
    return site.accounts.handle(rows, caller.name, caller.user.id, **wanted)
