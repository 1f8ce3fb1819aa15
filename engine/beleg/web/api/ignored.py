"""The ignored addresses."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from beleg.errors import NotFound
from beleg.ignore import ENTRY_LISTS, Kind
from beleg.web.api.access import Administering, Reading
from beleg.web.api.fields import TEXT, Given
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import site_of

router = APIRouter(tags=["ignored"])

BLACKLIST = ENTRY_LISTS[2]
_LISTS = {"user": "users", "group": "groups"}
_Entry = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=TEXT)]


class IgnoredEntry(Answer):
    """An entry, and the list that it is on. Users' and groups' addresses are not changed here."""

    list: Literal["users", "groups", "blacklist"]
    kind: Kind
    entry: str


class IgnoredEntries(Answer):
    """The entries: users, groups, then the blacklist."""

    items: list[IgnoredEntry]


class NewEntry(Given):
    """An entry of the blacklist."""

    entry: _Entry = Field(
        description="an address, a domain (`dhl.example`: exactly that one) or a wildcard (`*.ads.example`: every "
        "subdomain)",
        examples=["dhl.example"],
    )


class Changed(Answer):
    """What was added. Decisions that are stored stay as they are."""

    added: list[str]


@router.get("/ignored", operation_id="listIgnored", summary="List ignored addresses")
def list_(request: Request, caller: Reading) -> IgnoredEntries:
    """The entries whose addresses never count as evidence."""
    found = site_of(request).workspace.ignored().entries()
    items = [
        IgnoredEntry.model_validate({"list": _LISTS.get(each.kind, BLACKLIST), "kind": each.kind, "entry": each.text})
        for each, _ in found
    ]
    return IgnoredEntries(items=items)


@router.post(
    "/ignored",
    operation_id="addIgnored",
    summary="Ignore addresses from now on",
    status_code=201,
    responses={200: {"model": Changed, "description": "It is on the blacklist already: nothing was added"}},
)
def add(request: Request, response: Response, body: NewEntry, caller: Administering) -> Changed:
    """Put an entry on the blacklist. Decisions that are stored stay as they are."""
    added = site_of(request).workspace.ignore(BLACKLIST, [body.entry], caller.name)
    if not added:
        response.status_code = 200
    return Changed(added=added)


@router.delete(
    "/ignored",
    operation_id="removeIgnored",
    summary="Let addresses count again",
    status_code=204,
    response_class=Response,
    responses=responses(404),
)
def remove(
    request: Request,
    caller: Administering,
    entry: Annotated[_Entry, Query(description="An entry of the blacklist.", examples=["dhl.example"])],
) -> None:
    """Take an entry off the blacklist. Decisions that are stored stay as they are."""
    if not site_of(request).workspace.unignore(BLACKLIST, [entry], caller.name):
        raise NotFound(f"{entry!r} is not on the blacklist")
