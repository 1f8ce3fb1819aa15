"""Looking at a message."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.accounts.servers import Servers
from beleg.web.pages.inbox import Shelf
from beleg.web.pages.message.view import view_of
from beleg.web.render import page
from beleg.web.safety import opens
from beleg.web.sessions import Reader
from beleg.web.site import site_of

router = APIRouter(prefix="/messages/{row}")


@router.api_route("", methods=["GET", "HEAD"])
def message(
    request: Request, row: int, visitor: Reader, decision: int | None = None, html: bool = False, done: str = ""
) -> Response:
    """The page. Opening a message decides it where it never was; not by HEAD or before anybody opened it. An earlier
    `decision` is shown as it was, to read alone; `html`: the mail's HTML too."""
    site = site_of(request)
    opened = site.workspace.look(row, decision, decide=opens(request))
    view = view_of(opened, site.explainers[visitor.language.code])
    return page(
        request, visitor, "message.html", view=view, row=row, html=html, done=done, base=f"/messages/{row}",
        shelf=Shelf.of(site), marks=Servers(site.accounts).marks([row]).get(row, ()),
        answers=site.outbox.about(row), authors={user.id: user.name for user in site.people.users()},
    )  # fmt: skip
