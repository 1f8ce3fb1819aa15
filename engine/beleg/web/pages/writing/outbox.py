"""The outbox: what is written, what waits, what became of it; one mail with all of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from beleg.accounts import MailFilter
from beleg.errors import InputError, NotFound
from beleg.store.outgoing import Outgoing, OutgoingState
from beleg.store.pages import Page
from beleg.web.listing import address
from beleg.web.pages.message.files import download
from beleg.web.pages.writing.found import message_of, seen, send_soon, tell, writer
from beleg.web.render import page, see
from beleg.web.sessions import Reader, Visitor
from beleg.web.site import Site, site_of

router = APIRouter(prefix="/outbox")
PATH = "/outbox"
Tab = Literal["draft", "queued", "failed", "unclear", "sent", "deleted"]
STATES: dict[Tab, tuple[OutgoingState, ...]] = {
    "draft": ("draft",), "queued": ("queued", "sending"), "failed": ("failed",), "unclear": ("unclear",),
    "sent": ("sent",), "deleted": (),
}  # fmt: skip


@router.get("")
def listed(
    request: Request,
    visitor: Reader,
    state: Tab = "draft",
    filter_: Annotated[int | None, Query(alias="filter")] = None,
    cursor: str | None = None,
) -> Response:
    """A page of the list: of a state, or of a saved filter that shows mails that are written."""
    site = site_of(request)
    saved = _filter(site, filter_) if filter_ is not None else None
    if saved and saved.criteria.outgoing == "failed":
        state = "failed"
    kept = {"filter": str(saved.id)} if saved else {"state": state}
    states: tuple[OutgoingState, ...] = ("failed", "unclear") if saved and state == "failed" else STATES[state]
    mine = visitor.id if state in ("draft", "deleted") else None
    group = saved.criteria.group if saved else None
    try:
        found = site.outbox.listed(states, person=mine, group=group, deleted=state == "deleted", cursor=cursor)
    except InputError:
        return see(address(PATH, **kept))
    counts = {**site.outbox.counts(), "draft": site.outbox.counts(person=visitor.id).get("draft", 0)}
    return page(
        request, visitor, "outbox.html", rows=found.rows, state=state, saved=saved, later=cursor is not None,
        counts={tab: sum(counts.get(each, 0) for each in those) for tab, those in STATES.items()},
        names=_names(site, found), groups={each.id: each.name for each in site.accounts.groups()},
        newer=address(PATH, **kept, cursor=found.before) if found.before else None,
        older=address(PATH, **kept, cursor=found.after) if found.after else None,
    )  # fmt: skip


@router.get("/{id_}")
def shown(request: Request, visitor: Reader, id_: int, done: str = "") -> Response:
    """One mail with all that is known of it."""
    mail = seen(site_of(request), visitor, id_)
    if mail.state == "draft" and not mail.deleted:
        return see(f"{PATH}/{id_}/edit")
    return _shown(request, visitor, mail, done=done)


@router.get("/{id_}/files/{file}")
def attachment(request: Request, visitor: Reader, id_: int, file: int) -> Response:
    """An attached file, to be saved: never shown, whatever it says it is."""
    site = site_of(request)
    found = site.outbox.file(seen(site, visitor, id_).id, file)
    return download(found.name, found.data, "application/octet-stream")


@router.get("/{id_}/raw")
def source(request: Request, visitor: Reader, id_: int) -> Response:
    """The mail as it is sent."""
    site = site_of(request)
    raw = site.outbox.raw(seen(site, visitor, id_).id)
    if raw is None:
        raise NotFound("This mail was not queued yet, so it is not made.")
    return download(f"beleg-outbox-{id_}.eml", raw, "message/rfc822")


# --- what a person has done with it -------------------------------------------------------------------------------


@router.post("/{id_}/send-again")
def send_again(request: Request, visitor: Reader, id_: int) -> Response:
    """Send what failed, or what is unclear, once more: a person said so."""
    site = site_of(request)
    mail = seen(site, visitor, id_)
    try:
        site.outbox.resend(id_, visitor.name)
    except InputError as error:
        return _shown(request, visitor, mail, fault=tell(visitor, error))
    send_soon(site)
    return see(f"{PATH}/{id_}")


@router.post("/{id_}/was-sent")
def was_sent(request: Request, visitor: Reader, id_: int) -> Response:
    """Say that an unclear mail was sent."""
    return _did(request, visitor, id_, "was_sent")


@router.post("/{id_}/back")
def back(request: Request, visitor: Reader, id_: int) -> Response:
    """Make a draft of one's own mail again, to change it."""
    site = site_of(request)
    mail = seen(site, visitor, id_)
    if mail.person != visitor.id:
        raise NotFound("Only the author can take a mail back. Make a new draft of it.")
    return _did(request, visitor, id_, "back")


@router.post("/{id_}/copy")
def copy(request: Request, visitor: Reader, id_: int) -> Response:
    """A new draft of the visitor's own with the same texts and files."""
    site = site_of(request)
    mail = seen(site, visitor, id_)
    files = tuple(site.outbox.file(id_, each.id) for each in mail.files)
    new = site.outbox.save(replace(mail.draft, files=files), writer(visitor))
    return see(f"{PATH}/{new}/edit?done=copied")


@router.post("/{id_}/discard")
def discard(request: Request, visitor: Reader, id_: int) -> Response:
    """Mark it as deleted."""
    return _did(request, visitor, id_, "discarded")


@router.post("/{id_}/restore")
def restore(request: Request, visitor: Reader, id_: int) -> Response:
    """Undo that."""
    return _did(request, visitor, id_, "restored")


def _did(request: Request, visitor: Visitor, id_: int, what: str) -> Response:
    site = site_of(request)
    mail = seen(site, visitor, id_)
    outbox = site.outbox
    does = {
        "was_sent": outbox.mark_sent, "back": outbox.unqueue, "discarded": outbox.discard, "restored": outbox.restore
    }  # fmt: skip
    try:
        does[what](id_, visitor.name)
    except InputError as error:
        return _shown(request, visitor, mail, fault=tell(visitor, error))
    return see(f"{PATH}/{id_}{'/edit' if what == 'back' else ''}?done={what}")


# --- the page -----------------------------------------------------------------------------------------------------


def _shown(request: Request, visitor: Visitor, mail: Outgoing, *, done: str = "", fault: str = "") -> Response:
    site = site_of(request)
    groups = {each.id: each for each in site.accounts.groups()}
    account = next((each.name for each in site.accounts.accounts("out") if each.id == mail.account), "")
    return page(
        request, visitor, "outgoing.html", status=400 if fault else 200, mail=mail, done=done, fault=fault,
        group=groups.get(mail.draft.group or 0), account=account,
        author=_people(site).get(mail.person or 0, ""), mine=mail.person == visitor.id,
        answers=message_of(site, mail.draft.answers), stored=message_of(site, mail.message),
    )  # fmt: skip


def _people(site: Site) -> dict[int, str]:
    return {user.id: user.name for user in site.people.users()}


def _names(site: Site, found: Page[Outgoing]) -> dict[int, str]:
    """Who wrote each mail."""
    people = _people(site)
    return {each.id: people.get(each.person or 0, "") for each in found.rows}


def _filter(site: Site, id_: int) -> MailFilter:
    """A saved filter that shows mails that are written. Raises NotFound."""
    found = site.accounts.filter(id_)
    if not found.criteria.outgoing:
        raise NotFound("There is no filter %(number)s of mails that are written.", number=str(id_))
    return found
