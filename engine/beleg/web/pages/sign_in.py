"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.people import SignInRefused
from beleg.web.render import page, see
from beleg.web.sessions import COOKIE, Anyone, local
from beleg.web.site import site_of

router = APIRouter()


@router.get("/sign-in")
def form(request: Request, visitor: Anyone, next: str = "/") -> Response:
    """The form."""
    if visitor.user:
        return see(local(next))
    return page(request, visitor, "sign_in.html", name="", back=local(next), refused=None)


@router.post("/sign-in")
def sign_in(
    request: Request,
    visitor: Anyone,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=2000)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in, or say why not."""
    site = site_of(request)
    origin = request.client.host if request.client else ""
    try:
        _, secret = site.people.sign_in(name, password, origin)
    except SignInRefused as refused:
        status = 429 if refused.retry_after else 401
        answer = page(request, visitor, "sign_in.html", status=status, name=name, back=local(next), refused=refused)
        if refused.retry_after:
            answer.headers["retry-after"] = str(refused.retry_after)
        return answer
    _end(request)
    request.state.set_cookie = site.signer.cookie(secret, secure=request.url.scheme == "https")
    return see(local(next))


@router.post("/sign-out")
def sign_out(request: Request, visitor: Anyone) -> Response:
    """End the session, here and in the database."""
    _end(request)
    request.state.set_cookie = None  # the session may have been due for another one
    answer = see("/sign-in")
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def _end(request: Request) -> None:
    """End the session of this browser, if there is one."""
    site = site_of(request)
    if read := site.signer.read(request.cookies.get(COOKIE, "")):
        site.people.sign_out(read[0])
