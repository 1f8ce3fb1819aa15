"""Puts the site together: pages, API, static files, and what becomes of errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from beleg.errors import InputError, NotFound, Told
from beleg.orchestrator import StepFailed
from beleg.store import DatabaseError
from beleg.version import __version__
from beleg.web import pages
from beleg.web.api import create_api, outgoing
from beleg.web.api.entry import Entry
from beleg.web.api.problem import problem
from beleg.web.body import Bounded
from beleg.web.pages.writing import typed
from beleg.web.render import STATIC, page, see
from beleg.web.room import RETRY_AFTER, Busy
from beleg.web.safety import Safety
from beleg.web.sessions import NotAllowed, NotSignedIn, Visitor, visitor
from beleg.web.site import Site

__all__ = ["create_app"]

API = "/api/v1"
_log = logging.getLogger(__name__)


def create_app(site: Site) -> FastAPI:
    """The ASGI application of a site."""
    app = _Guarded(
        title="Beleg", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan
    )
    app.state.site = site
    app.mount("/static", _Static(directory=STATIC))
    app.mount(API, create_api(site))
    for router in pages.routers():
        app.include_router(router, include_in_schema=False)
    for kind in (
        NotSignedIn, NotAllowed, NotFound, InputError, Busy, StepFailed, DatabaseError, RequestValidationError,
        StarletteHTTPException,
    ):  # fmt: skip
        app.add_exception_handler(kind, _failed)
    app.add_exception_handler(Exception, _failed)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.site.jobs.close()
    app.state.site.checks.close()


class _Guarded(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """Safety stands outside of everything, so that the answer to an error of ours is guarded too."""
        inner = Entry(super().build_middleware_stack(), API)
        return Safety(Bounded(inner, _too_long, partial(_longest, self.state.site)))


def _longest(site: Site, scope: Scope) -> int:
    """How long a body may be that has files."""
    return max(typed.longest(site, scope), outgoing.longest(site, scope))


class _Static(StaticFiles):
    def file_response(self, *arguments: object, **options: object) -> Response:
        """Kept by the browser: another content has another address."""
        answer = super().file_response(*arguments, **options)  # type: ignore[arg-type]  # passed through as they come
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


def _too_long(path: str, said: str) -> Response:
    if path.startswith(f"{API}/"):
        return problem(413, said, connection="close")
    return PlainTextResponse(f"{said[:1].upper()}{said[1:]}.", 413, {"connection": "close"})


def _failed(request: Request, error: Exception) -> Response:
    """The page that says what went wrong, in the visitor's language."""
    if isinstance(error, NotSignedIn):
        return see(f"/sign-in?next={quote(error.back, safe='/')}")
    found = _visitor(request)
    status, title, said = _words(error)
    say = found.language.say
    told = found.language.tell(error) if isinstance(error, Told) else say(said)
    answer = page(request, found, "error.html", status=status, title=say(title), said=told)
    if isinstance(error, Busy):
        answer.headers["retry-after"] = RETRY_AFTER
    return answer


def _visitor(request: Request) -> Visitor:
    """Whoever met the error, as far as that can be told while something is wrong."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    if found is None:
        try:
            return visitor(request)
        except DatabaseError:
            site: Site = request.app.state.site
            found = Visitor(site.languages[site.language])
    return found


def _(message: str) -> str:
    """Marks a message for the catalogues; the template says it in the visitor's language."""
    return message


def _words(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, NotAllowed):
        if error.need == "mail":
            return (
                403,
                _("Not for you"),
                _("Your profile does not allow you to use mail. An administrator can change it."),
            )
        return 403, _("Not for you"), _("This page is for administrators.")
    if isinstance(error, NotFound):
        return 404, _("Not found"), str(error)
    if isinstance(error, Busy):
        return 503, _("Not now"), str(error)
    if isinstance(error, InputError):
        return 400, _("This can't be done"), str(error)
    if isinstance(error, RequestValidationError):
        return 400, _("This can't be done"), _("The page was asked for something that it does not understand.")
    if isinstance(error, StepFailed):
        return 500, _("No decision"), str(error)
    if isinstance(error, DatabaseError):
        _log.error("%s", error)  # names the database's host and user, which is not for everybody
        return 503, _("The database can't be reached"), _("Try again later; the server's log says what is wrong.")
    if isinstance(error, HTTPException | StarletteHTTPException):
        if error.status_code == 404:
            return 404, _("Not found"), _("There is no such page.")
        return error.status_code, _("This can't be done"), str(error.detail)
    return 500, _("Something went wrong"), _("Beleg met an error of its own; the server's log says which.")
