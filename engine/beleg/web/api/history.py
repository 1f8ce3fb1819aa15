"""What became of a message: its decisions, and what people did on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from beleg.store.journal import Entry
from beleg.store.mails import PastDecision
from beleg.web.api.access import Reading
from beleg.web.api.fields import Row
from beleg.web.api.shapes import Answer
from beleg.web.site import site_of

router = APIRouter(tags=["messages"])


class Left(Answer):
    """A record that a decision left on the message."""

    record: str
    origin: str
    clause: str | None


class DecisionMade(Answer):
    """A decision."""

    kind: Literal["decision"]
    id: int
    """Its number, for `decision=`."""
    at: str
    """When, in UTC (ISO 8601); empty where it is not known."""
    ruleset: str
    """Id of the rule set that made it."""
    digest: str
    assigned: list[Left]


class Act(Answer):
    """What a person did."""

    kind: Literal["act"]
    id: int
    at: str
    who: str
    act: str
    """Its name: `assignment.add`, `assignment.remove`."""
    details: dict[str, Any]
    """What it was about, what stood before and after, and a note."""


class History(Answer):
    """What became of a message, in order."""

    items: list[Annotated[DecisionMade | Act, Field(discriminator="kind")]]


@router.get("/messages/{row}/history", operation_id="getHistory", summary="Show what became of a message")
def history(request: Request, row: Row, caller: Reading) -> History:
    """Its decisions, and what people did on it, in order."""
    workspace = site_of(request).workspace
    workspace.message(row)
    return History(items=[_told(each) for each in workspace.history(row)])


def _told(each: PastDecision | Entry) -> DecisionMade | Act:
    if isinstance(each, PastDecision):
        return DecisionMade(
            kind="decision", id=each.id, at=each.at, ruleset=each.ruleset, digest=each.digest,
            assigned=[Left(record=one.record, origin=one.origin, clause=one.clause) for one in each.assigned],
        )  # fmt: skip
    return Act(kind="act", id=each.id, at=each.at, who=each.who, act=each.act, details=each.payload)
