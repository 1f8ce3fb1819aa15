"""The HTTP API: `/api/v1`, described by its own OpenAPI document (`/api/v1/openapi.json`)."""

from __future__ import annotations

from fastapi import FastAPI

from beleg.version import __version__
from beleg.web.api import health
from beleg.web.api.problem import explain_errors
from beleg.web.site import Site

DESCRIPTION = """
Everything that the support page does, for programs. A request carries a token of a person:
`Authorization: Bearer beleg_…` (made by `beleg user token`). An error is a problem (RFC 9457,
`application/problem+json`). A listing has `next`, the cursor of its next page, or null.
"""


def create_api(site: Site) -> FastAPI:
    """The API of a site, to be mounted."""
    api = FastAPI(
        title="Beleg", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json", servers=[{"url": "/api/v1"}], root_path_in_servers=False,
    )  # fmt: skip
    api.state.site = site
    for router in (health.router,):
        api.include_router(router)
    explain_errors(api)
    return api
