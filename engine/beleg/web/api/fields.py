"""What requests may say: the parameters that several routes share, with their bounds and examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import Depends, Header, HTTPException, Path, Query
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints
from starlette.requests import Request

from beleg.errors import InputError, unknown_key
from beleg.explain import Explainer
from beleg.record import RecordRef
from beleg.store.pages import LONGEST
from beleg.web.api.access import Caller
from beleg.web.language import accepted
from beleg.web.site import site_of

TEXT = r"^[^\x00]*$"
"""Text without NUL, which PostgreSQL does not store."""
LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON understands alike."""


class Given(BaseModel):
    """What a request's body says. A field that is not known is refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")


def _decoded(sent: object) -> object:
    """See `Entry`."""
    return unquote(sent) if isinstance(sent, str) else sent


def _named(text: str) -> str:
    """Raises ValueError where the text names no record."""
    RecordRef.parse(text)
    return text


Row = Annotated[
    int,
    BeforeValidator(_decoded),
    Path(ge=1, le=LARGEST, description="Row number of the message.", examples=[1]),
]
Number = Annotated[int, BeforeValidator(_decoded), Path(ge=1, le=LARGEST)]
UserNumber = Annotated[Number, Path(description="Number of the user.", examples=[1])]
TokenNumber = Annotated[Number, Path(description="Number of the token.", examples=[1])]
_Segment = Annotated[str, BeforeValidator(_decoded)]
Type = Annotated[
    _Segment, Path(min_length=1, max_length=100, pattern=TEXT, description="Type of the record.", examples=["order"])
]
Id = Annotated[
    _Segment,
    Path(
        min_length=1, max_length=500, pattern=TEXT, examples=["O-77"],
        description="Id of the record in the ERP, any text; a slash in it is sent as %2F.",
    ),
]  # fmt: skip
PartNumber = Annotated[
    _Segment, Path(max_length=100, pattern=TEXT, description="Number of the part in the mail.", examples=["2"])
]
RecordName = Annotated[
    str, StringConstraints(min_length=3, max_length=601, pattern=r"^[^\x00:]+:[^\x00]+$"), AfterValidator(_named)
]
"""`order:O-77`."""
Record = Annotated[
    RecordName, Query(description="The record, written TYPE:ID.", examples=["order:O-77"], min_length=3, max_length=601)
]
Note = Annotated[str, StringConstraints(max_length=1000, pattern=TEXT)]
Limit = Annotated[int, Query(ge=1, le=LONGEST, description="How many items a page has at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=60, pattern=r"^[A-Za-z0-9_-]*$", description="`next` or `previous` of another page of this list."),
]
Decision = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="Number of an earlier decision (`GET …/history`); without it the newest."),
]
LanguageCode = Literal["en", "de"]


class Spoken:
    """In which language to answer: `lang`, else the first of Accept-Language that Beleg speaks, else the person's own,
    else the site's."""

    def __init__(
        self,
        request: Request,
        lang: Annotated[
            LanguageCode | None,
            Query(description="Language of texts; without it that of Accept-Language, of the person, or of the site."),
        ] = None,
        accept_language: Annotated[
            str | None, Header(max_length=500, description="See `lang`.", examples=["de-AT, en;q=0.5"])
        ] = None,
    ) -> None:
        self._site = site_of(request)
        self._wanted = lang or (accepted(accept_language) if accept_language else None)

    def code(self, caller: Caller) -> str:
        """The language for this person."""
        return self._wanted or caller.user.language or self._site.language

    def explainer(self, caller: Caller) -> Explainer:
        """What words things in it."""
        return self._site.explainers[self.code(caller)]


Lang = Annotated[Spoken, Depends()]


def dependencies(route: APIRoute) -> Iterator[Any]:
    """What a route depends on, itself first."""
    waiting: list[Any] = [route.dependant]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.dependencies


def known_only(request: Request) -> None:
    """Refuses a query with a parameter that the route does not know: who mistypes `derived` must not remove more than
    he meant to. Raises HTTPException."""
    if not request.query_params:
        return
    known = {param.alias for each in dependencies(request.scope["route"]) for param in each.query_params}
    for name in request.query_params:
        if name not in known:
            raise HTTPException(422, unknown_key(name, sorted(known), "query: there is no parameter"))


def ref_of(type_: str, id_: str) -> RecordRef:
    """The record of a path. Raises InputError where the type has a colon, as no type has."""
    if ":" in type_:
        raise InputError(f"{type_!r} is no type of records")
    return RecordRef(type_, id_)
