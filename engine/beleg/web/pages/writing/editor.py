"""The editor of a draft. Whatever becomes of a form, what was typed into it is stored or shown again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from beleg.accounts.drafts import Changed
from beleg.errors import InputError, NotFound
from beleg.store.outgoing import Draft, NewFile, Outgoing
from beleg.web.pages.writing.found import message_of, seen, send_soon, senders, tell, writer
from beleg.web.pages.writing.typed import FIELDS, Typed, typed, version_of
from beleg.web.render import AsTyped, page, see
from beleg.web.sessions import Anyone, NotAllowed, Reader, Visitor
from beleg.web.site import Site, site_of

router = APIRouter(prefix="/outbox/{id_}/edit")


@router.get("")
def edit(request: Request, visitor: Reader, id_: int, done: str = "") -> Response:
    """The editor."""
    mail = seen(site_of(request), visitor, id_)
    if mail.state != "draft" or mail.deleted:
        return see(f"/outbox/{id_}")
    return _editor(request, visitor, mail, mail.draft, done=done)


@router.post("")
def pressed(request: Request, visitor: Anyone, id_: int, form: Annotated[Typed, Depends(typed)]) -> Response:
    """A button of the editor: all of them store what was typed first."""
    if visitor.user is None:
        return _editor(request, visitor, None, form.draft, status=401, id_=id_, version=form.version)
    if not visitor.user.mail:
        raise NotAllowed("mail")
    site = site_of(request)
    mail = seen(site, visitor, id_)
    if form.do == "copy":
        return see(f"/outbox/{_copied(site, visitor, mail, form)}/edit?done=copied")
    stands = mail.state == "draft" and not mail.deleted
    stored = version_of(mail.draft)
    if not stands or stored not in (form.version, version_of(form.draft)):
        faults = _attached(site, visitor, id_, form) if stands else []
        return _editor(request, visitor, mail, form.draft, status=409, other=mail.draft, faults=faults)
    try:
        site.outbox.change(id_, _with_sender(site, mail, form), mail.draft)
    except Changed:
        mail = seen(site, visitor, id_)
        return _editor(request, visitor, mail, form.draft, status=409, other=mail.draft)
    except (InputError, NotFound) as error:
        return _editor(request, visitor, mail, form.draft, status=400, refused=tell(visitor, error))
    return _done(request, visitor, site, id_, form)


def _done(request: Request, visitor: Visitor, site: Site, id_: int, form: Typed) -> Response:
    """What the button asks for besides storing."""
    faults = _attached(site, visitor, id_, form)
    try:
        if form.do == "detach" and form.about.isascii() and form.about.isdigit():
            site.outbox.detach(id_, int(form.about))
        elif form.do == "send" and not faults:
            site.outbox.queue(id_, visitor.name)
            send_soon(site)
            return see(f"/outbox/{id_}")
        elif form.do == "discard":
            site.outbox.discard(id_, visitor.name)
            return see(f"/outbox/{id_}?done=discarded")
    except (InputError, NotFound) as error:
        faults.append(tell(visitor, error))
    if faults:
        mail = seen(site, visitor, id_)
        return _editor(request, visitor, mail, mail.draft, status=400, faults=faults)
    return see(f"/outbox/{id_}/edit{'?done=saved' if form.do == 'save' else ''}{_place(form.do)}")


def _attached(site: Site, visitor: Visitor, id_: int, form: Typed) -> list[str]:
    """Attach the chosen files; returns what could not be attached, and why."""
    faults = []
    if form.cut:
        faults.append(visitor.language.say("The files are too large together, so none of them was attached."))
    for file in form.files:
        try:
            site.outbox.attach(id_, file)
        except InputError as error:
            faults.append(f"{file.name}: {tell(visitor, error)}")
    return faults


def _with_sender(site: Site, mail: Outgoing, form: Typed) -> Draft:
    """What was typed, with the signature of the group that it is sent for now, or with the one that was chosen."""
    before = mail.draft
    draft = replace(form.draft, kind=before.kind, answers=before.answers)
    if form.do == "signature":
        return site.outbox.with_signature(draft, form.signature)
    if draft.group == before.group:
        return draft
    by_hand = site.outbox.signature_in(draft.text) not in (None, _usual(site, before.group))
    return draft if by_hand else site.outbox.with_group(replace(draft, group=before.group), draft.group)


def _usual(site: Site, group: int | None) -> int | None:
    """The signature of a group."""
    return next((each.signature for each in site.accounts.groups() if each.id == group), None)


def _copied(site: Site, visitor: Visitor, mail: Outgoing, form: Typed) -> int:
    """A new draft of what was typed, with the files of the one that it was typed into."""
    files: list[NewFile] = [site.outbox.file(mail.id, each.id) for each in mail.files]
    draft = replace(form.draft, kind=mail.draft.kind, answers=mail.draft.answers, files=tuple(files))
    return site.outbox.save(draft, writer(visitor))


def _place(do: str) -> str:
    """Where on the page what the button did is seen."""
    return {"attach": "#files-title", "detach": "#files-title", "signature": "#text"}.get(do, "")


def _editor(
    request: Request,
    visitor: Visitor,
    mail: Outgoing | None,
    draft: Draft,
    *,
    id_: int = 0,
    status: int = 200,
    other: Draft | None = None,
    version: str = "",
    faults: Sequence[str] = (),
    refused: str = "",
    done: str = "",
) -> Response:
    """The page; `other` is what is stored instead of what was typed. No `mail`: nobody is signed in (any more), so it
    shows what was typed, and nothing else. `faults`: what could not be done after that was stored; `refused`: why it
    could not be stored."""
    site = site_of(request)
    shown = {each: AsTyped(getattr(draft, each)) for each in FIELDS}
    return page(
        request, visitor, "writing.html", status=status, id=mail.id if mail else id_, mail=mail, draft=draft,
        typed=shown, other=other, stored_text=AsTyped(other.text) if other else "",
        message=message_of(site, mail.draft.answers) if mail else None, groups=senders(site) if mail else [],
        seen_version=version or (version_of(mail.draft) if mail else ""), most=site.outbox.most_attached,
        signatures=site.accounts.signatures() if mail else [],
        signature=site.outbox.signature_in(draft.text) if mail else None,
        faults=faults, done=done, refused=refused,
    )  # fmt: skip
