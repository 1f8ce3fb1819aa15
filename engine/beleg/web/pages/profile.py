"""One's own profile: language, password, tokens of the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.clause import LANGUAGES
from beleg.errors import InputError
from beleg.people import SignInRefused
from beleg.web.render import page, see
from beleg.web.sessions import SignedIn, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Scopes, Text, make_token, token_values

router = APIRouter()


@router.get("/profile")
def profile(request: Request, visitor: SignedIn, done: str = "") -> Response:
    """The page."""
    return show_profile(request, visitor, done=done)


@router.post("/profile/language")
def language(request: Request, visitor: SignedIn, language: Annotated[str, Form()] = "") -> Response:
    """Set one's own language; empty: the browser's."""
    assert visitor.user
    if language and language not in LANGUAGES:
        raise InputError("there is no language %(language)r", language=language)
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
        fault = visitor.language.tell(error)
    if fault:
        return show_profile(request, visitor, fault=fault)
    return see("/sign-in")


@router.post("/profile/tokens")
def new_token(request: Request, visitor: SignedIn, name: Text = "", scopes: Scopes = (), days: Text = "") -> Response:
    """A token of the API for oneself; its secret is in this answer alone."""
    assert visitor.user
    try:
        secret = make_token(request, visitor, visitor.user, name, scopes, days)
    except InputError as error:
        return show_profile(request, visitor, fault=visitor.language.tell(error))
    return show_profile(request, visitor, secret=secret)


@router.post("/profile/tokens/{token}/revoke")
def revoke(request: Request, visitor: SignedIn, token: int) -> Response:
    """Let a token of one's own end."""
    assert visitor.user
    site_of(request).people.revoke(visitor.user.id, token, visitor.name)
    return see("/profile?done=revoked")


def show_profile(
    request: Request, visitor: Visitor, *, done: str = "", fault: str | None = None, secret: str | None = None
) -> Response:
    """The page, after something was done or could not be."""
    assert visitor.user
    values = token_values(request, visitor.user, secret)
    return page(request, visitor, "profile.html", status=400 if fault else 200, done=done, fault=fault, **values)
