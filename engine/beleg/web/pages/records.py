"""Records: searching them, and what was written about one (*Kommunikation*)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from beleg.directory import COUNTED
from beleg.errors import InputError, NotFound
from beleg.explain import Explainer
from beleg.explain.ladder import linked
from beleg.record import CUSTOMER, RecordRef
from beleg.store.browse import LINKS, Linked
from beleg.web.listing import Named, address, named, why
from beleg.web.render import page, see
from beleg.web.sessions import Reader
from beleg.web.site import site_of

router = APIRouter()
FOUND = 50
"""How many records a search shows."""
Order = Literal["oldest", "newest"]


@router.get("/records")
def search(request: Request, visitor: Reader, q: Annotated[str, Query(max_length=300)] = "") -> Response:
    """Search records by number, name, address, or id."""
    site = site_of(request)
    explainer = site.explainers[visitor.language.code]
    q = q.strip()
    found = site.workspace.search_records(q, limit=FOUND + 1) if q else []
    counts = site.workspace.message_counts([each.record.ref for each in found[:FOUND]]) if found else {}
    rows = [(named(explainer, e.record.ref, e.record, e.gone), counts[e.record.ref]) for e in found[:FOUND]]
    types = [explainer.phrases.words(name).many for name in site.workspace.installed.types]
    return page(
        request, visitor, "records.html", q=q, rows=rows, most=FOUND, more=len(found) > FOUND, counted=COUNTED,
        types=types,
    )  # fmt: skip


@router.get("/records/{type_}/{id_:path}")
def record(
    request: Request,
    visitor: Reader,
    type_: str,
    id_: str,
    order: Order = "oldest",
    cursor: str | None = None,
    done: str = "",
) -> Response:
    """A record with its links, and a page of the messages that it stands on."""
    site = site_of(request)
    workspace, explainer = site.workspace, site.explainers[visitor.language.code]
    ref = RecordRef(type_, id_)
    stored, gone = workspace.record(ref)
    shown = named(explainer, ref, stored, gone)
    kept = {"order": order if order != "oldest" else None}
    try:
        found = workspace.communication(ref, cursor=cursor, newest_first=order == "newest")
    except InputError:
        return see(address(shown.path, **kept))
    if stored is None and not found.rows and cursor is None:
        said = visitor.language.say("The ERP has no record %(record)s.", record=str(ref))
        raise NotFound(said)
    outwards, inwards = workspace.links(ref)
    letters = [
        (each, why(explainer, each.assignment, linked(explainer, each.trace) if each.trace else (), stored))
        for each in found.rows
    ]
    return page(
        request, visitor, "record.html", record=stored, shown=shown, letters=letters, done=done, order=order,
        sent_to=site.outbox.sent_to([each.message.row for each in found.rows]),
        count=workspace.message_counts([ref])[ref], counted=COUNTED, later=cursor is not None,
        customers=[named(explainer, e.ref, e.record, e.gone) for e in outwards if e.role == CUSTOMER],
        outwards=list(_by_role(explainer, outwards)), inwards=list(_by_type(explainer, inwards)),
        more_links=len(inwards) >= LINKS,
        earlier=address(shown.path, **kept, cursor=found.before) if found.before else None,
        further=address(shown.path, **kept, cursor=found.after) if found.after else None,
        turned=address(shown.path, order="newest" if order == "oldest" else None),
        back=address(shown.path, **kept, cursor=cursor),
    )  # fmt: skip


def _by_role(explainer: Explainer, links: Iterable[Linked]) -> Iterator[tuple[str, list[Named]]]:
    """What a record points at, by the word for the role."""
    for role, found in _grouped((each.role, each) for each in links):
        yield explainer.phrases.role(role), [named(explainer, each.ref, each.record, each.gone) for each in found]


def _by_type(explainer: Explainer, links: Iterable[Linked]) -> Iterator[tuple[str, list[Named]]]:
    """What points at a record, by the word for its type; a record that does so in two roles once."""
    for type_, found in _grouped((each.ref.type, each) for each in links):
        each_once = {each.ref: named(explainer, each.ref, each.record, each.gone) for each in found}
        yield explainer.phrases.words(type_).many, list(each_once.values())


def _grouped(links: Iterable[tuple[str, Linked]]) -> Iterator[tuple[str, list[Linked]]]:
    groups: dict[str, list[Linked]] = defaultdict(list)
    for key, each in links:
        groups[key].append(each)
    yield from groups.items()
