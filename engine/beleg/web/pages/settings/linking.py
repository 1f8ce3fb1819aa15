"""Linking an account with its provider: to the provider's sign-in, and back.

The way there is a page of ours with a link that is followed at once, not a redirect: the address that a form is sent to
may lead to our own pages alone (`form-action 'self'`, which Chromium holds redirects to as well), and so may every
redirect of ours (`beleg.web.safety`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.accounts import Outcome, Unlinked
from beleg.errors import InputError
from beleg.web.pages.settings.view import ACCOUNTS, settings_page
from beleg.web.render import see
from beleg.web.sessions import COOKIE, Admin, Anyone, NotAllowed, NotSignedIn, Visitor
from beleg.web.site import site_of

router = APIRouter()

CALLBACK = "/oauth2/callback"
CONSENT = "/oauth2/consent"


@router.post(f"{ACCOUNTS}/{{id_}}/link")
def link(request: Request, visitor: Admin, id_: int) -> Response:
    """To the provider's sign-in."""
    links = site_of(request).accounts.links
    return _leave(request, visitor, id_, links.begin(id_, *_asking(request, visitor)))


@router.post(f"{ACCOUNTS}/{{id_}}/unlink")
def unlink(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove the link."""
    unlinked = site_of(request).accounts.links.unlink(id_, visitor.name)
    if unlinked.told:
        return _page(request, visitor, id_, unlinked=unlinked)
    return see(f"{ACCOUNTS}/{id_}?done=unlinked")


@router.post(f"{ACCOUNTS}/{{id_}}/renew")
def renew(request: Request, visitor: Admin, id_: int) -> Response:
    """Remove the link, and on to the provider's sign-in."""
    unlinked, url = site_of(request).accounts.links.renew(id_, *_asking(request, visitor))
    return _leave(request, visitor, id_, url, unlinked)


@router.get(CALLBACK)
def back(
    request: Request, visitor: Anyone, state: str = "", code: str = "", error: str = "", error_description: str = ""
) -> Response:
    """Back from the provider. (The session's cookie comes along, for this is a navigation of the whole window.)"""
    _admin(visitor)
    outcome = site_of(request).accounts.links.finish(
        state, _browser(request), visitor.name, code=code, error=error, said=error_description, person=visitor.id
    )
    if outcome.what == "linked":
        return see(f"{ACCOUNTS}/{outcome.account}?done=linked")
    return _page(request, visitor, outcome.account, outcome=outcome)


@router.get(CONSENT)
def consented(
    request: Request, visitor: Anyone, state: str = "", error: str = "", error_description: str = ""
) -> Response:
    """Back from the page where an administrator of the provider agrees. That may be another person than the one who
    links, in another browser; then he is only told how it goes on."""
    if visitor.is_admin and not error:
        try:
            id_ = site_of(request).accounts.links.consented(state, _browser(request), visitor.id)
            return see(f"{ACCOUNTS}/{id_}?done=consented")
        except InputError:
            pass  # too late, or in another browser: nothing depends on it
    said = " ".join(f"{error} {error_description}".split())[:500]
    return settings_page(request, visitor, "linking_consent.html", fault=said or None)


def _admin(visitor: Visitor) -> None:
    """As `Admin`, but for the way back after signing in: the code in the address is of no use then."""
    if visitor.user is None:
        raise NotSignedIn(ACCOUNTS)
    if not visitor.is_admin:
        raise NotAllowed("admin")


def _asking(request: Request, visitor: Visitor) -> tuple[str, str, str, int]:
    """Where the answer comes to, which browser asks, and who."""
    return redirect_urls(request)[0], _browser(request), visitor.name, visitor.id


def redirect_urls(request: Request) -> tuple[str, str]:
    """The addresses that the provider sends a browser back to, as they are registered there: after a sign-in, and
    after an administrator agreed."""
    here = str(request.base_url).rstrip("/")
    return here + CALLBACK, here + CONSENT


def _browser(request: Request) -> str:
    """The secret of this browser's session; it is hashed before it is stored."""
    read = site_of(request).signer.read(request.cookies.get(COOKIE, ""))
    return read[0] if read else ""


def _leave(request: Request, visitor: Visitor, id_: int, url: str, unlinked: Unlinked | None = None) -> Response:
    return _page(request, visitor, id_, url=url, unlinked=unlinked if unlinked and unlinked.told else None)


def _page(
    request: Request,
    visitor: Visitor,
    id_: int,
    *,
    url: str = "",
    outcome: Outcome | None = None,
    unlinked: Unlinked | None = None,
) -> Response:
    links = site_of(request).accounts.links
    account = site_of(request).accounts.account(id_)
    values: dict[str, Any] = {"url": url, "outcome": outcome, "unlinked": unlinked, "host": urlsplit(url).hostname}
    answer = settings_page(
        request, visitor, "linking.html", fault=None, account=account, link=links.state(account), **values
    )
    if outcome:
        answer.status_code = 400
    return answer
