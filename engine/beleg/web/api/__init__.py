"""The HTTP API: `/api/v1`, described by its own OpenAPI document (`/api/v1/openapi.json`)."""

from __future__ import annotations

from functools import cache

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from beleg.version import __version__
from beleg.web.api import (
    accounts,
    assignments,
    explaining,
    filters,
    groups,
    handling,
    health,
    history,
    ignored,
    messages,
    outgoing,
    providers,
    records,
    rules,
    servers,
    tokens,
    users,
)
from beleg.web.api.fields import known_only
from beleg.web.api.openapi import document
from beleg.web.api.problem import explain_errors
from beleg.web.site import Site

_ROUTERS = tuple(
    each.router
    for each in (
        handling, messages, assignments, explaining, history, records, ignored, filters, outgoing, accounts, providers,
        servers, groups, users, tokens, rules, health,
    )
)  # fmt: skip
ROUTES = tuple(route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute))


def create_api(site: Site) -> FastAPI:
    """The API of a site, to be mounted."""
    api = FastAPI(
        title="Beleg", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        root_path_in_servers=False, redirect_slashes=False,
    )  # fmt: skip
    api.state.site = site
    for router in _ROUTERS:
        api.include_router(router, dependencies=[Depends(known_only)])
    api.openapi = cache(lambda: document(ROUTES))  # type: ignore[method-assign]  # FastAPI's way to bring one's own
    explain_errors(api, _allowed)
    return api


def _allowed(path: str) -> list[str]:
    """The methods of a path."""
    found = {method for route in ROUTES if route.path_regex.match(path) for method in route.methods or ()}
    return sorted(found) or ["GET"]  # the document itself
