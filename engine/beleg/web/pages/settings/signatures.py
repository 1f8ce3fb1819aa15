"""The signatures: what is appended when a mail is written for a group."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.accounts import Signature
from beleg.errors import InputError
from beleg.web.pages.settings.view import MAIL, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Text

router = APIRouter()

SIGNATURES = f"{MAIL}/signatures"
Letter = Annotated[str, Form(max_length=30_000)]
NEW = Signature(0, "", "")


@router.get(SIGNATURES)
def listed(request: Request, visitor: Admin, done: str = "") -> Response:
    """All signatures, and the form of a new one."""
    return _listed(request, visitor, NEW, done=done)


@router.post(SIGNATURES)
def add(request: Request, visitor: Admin, name: Text = "", text: Letter = "") -> Response:
    """A new signature."""
    try:
        site_of(request).accounts.save_signature(None, name, text, visitor.name)
    except InputError as error:
        return _listed(request, visitor, Signature(0, name, text), fault=visitor.language.tell(error))
    return see(f"{SIGNATURES}?done=saved")


@router.get(f"{SIGNATURES}/{{id_}}")
def one(request: Request, visitor: Admin, id_: int) -> Response:
    """The form of a signature."""
    return _one(request, visitor, site_of(request).accounts.signature(id_))


@router.post(f"{SIGNATURES}/{{id_}}")
def change(request: Request, visitor: Admin, id_: int, name: Text = "", text: Letter = "") -> Response:
    """Store it."""
    try:
        site_of(request).accounts.save_signature(id_, name, text, visitor.name)
    except InputError as error:
        return _one(request, visitor, Signature(id_, name, text), fault=visitor.language.tell(error))
    return see(f"{SIGNATURES}?done=saved")


@router.post(f"{SIGNATURES}/{{id_}}/remove")
def remove(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove it."""
    site_of(request).accounts.remove_signature(id_, visitor.name)
    return see(f"{SIGNATURES}?done=removed")


def _listed(
    request: Request, visitor: Visitor, entered: Signature, *, done: str = "", fault: str | None = None
) -> Response:
    accounts = site_of(request).accounts
    return settings_page(
        request, visitor, "settings_signatures.html", fault=fault,
        signatures=accounts.signatures(), groups=accounts.groups(), entered=entered, done=done,
    )  # fmt: skip


def _one(request: Request, visitor: Visitor, signature: Signature, *, fault: str | None = None) -> Response:
    groups = [each for each in site_of(request).accounts.groups() if each.signature == signature.id]
    return settings_page(
        request, visitor, "settings_signature.html", fault=fault, signature=signature, groups=groups
    )  # fmt: skip
