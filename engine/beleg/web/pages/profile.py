"""One's own profile: language and password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.clause import LANGUAGES
from beleg.errors import InputError
from beleg.people import SignInRefused
from beleg.web.render import page, see
from beleg.web.sessions import SignedIn
from beleg.web.site import site_of

router = APIRouter()


@router.get("/profile")
def profile(request: Request, visitor: SignedIn, done: str = "") -> Response:
    """The page."""
    return page(request, visitor, "profile.html", done=done, fault=None)


@router.post("/profile/language")
def language(request: Request, visitor: SignedIn, language: Annotated[str, Form()] = "") -> Response:
    """Set one's own language; empty: the browser's."""
    assert visitor.user
    if language and language not in LANGUAGES:
        raise InputError(f"there is no language {language!r}")
    site_of(request).people.change(visitor.user.id, visitor.name, language=language or None)
    return see("/profile?done=language")


@router.post("/profile/password")
def password(
    request: Request,
    visitor: SignedIn,
    old: Annotated[str, Form(max_length=2000)] = "",
    new: Annotated[str, Form(max_length=2000)] = "",
    again: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Set one's own password, by the old one. Signs out everywhere."""
    assert visitor.user
    site = site_of(request)
    say = visitor.language.say
    fault = None
    try:
        if new != again:
            fault = say("The new password was not typed the same twice.")
        else:
            _, secret = site.people.sign_in(visitor.user.name, old, request.client.host if request.client else "")
            site.people.sign_out(secret)
            site.people.set_password(visitor.user.id, new, visitor.name)
    except SignInRefused:
        fault = say("The old password is not right.")
    except InputError as error:
        fault = str(error)
    if fault:
        return page(request, visitor, "profile.html", status=400, done="", fault=fault)
    return see("/sign-in")
