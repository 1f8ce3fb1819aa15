"""The groups: made with accounts, never by hand; their address and their signature can be changed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from beleg.accounts.entered import ANY_SENDER
from beleg.errors import InputError
from beleg.keys import address_key
from beleg.web.pages.settings.view import MAIL, settings_page
from beleg.web.render import see
from beleg.web.sessions import Admin, Visitor
from beleg.web.site import site_of
from beleg.web.tokens import Text

router = APIRouter()

GROUPS = f"{MAIL}/groups"


@router.get(GROUPS)
def listed(request: Request, visitor: Admin, done: int = 0) -> Response:
    """All groups."""
    return _shown(request, visitor, done=done)


@router.post(f"{GROUPS}/{{id_}}")
def change(request: Request, visitor: Admin, id_: int, address: Text = "", signature: Text = "") -> Response:
    """Change a group."""
    accounts = site_of(request).accounts
    default = int(signature) if signature.isascii() and signature.isdigit() and len(signature) < 10 else None
    try:
        accounts.change_group(id_, visitor.name, address=address, signature=default)
    except InputError as error:
        return _shown(request, visitor, wrong=(id_, address), fault=visitor.language.tell(error))
    return see(f"{GROUPS}?done={id_}#group-{id_}")


def _shown(
    request: Request,
    visitor: Visitor,
    *,
    done: int = 0,
    wrong: tuple[int, str] | None = None,
    fault: str | None = None,
) -> Response:
    accounts = site_of(request).accounts
    groups = accounts.groups()
    senders = {address_key(each) for account in accounts.accounts("out") for each in account.senders}
    return settings_page(
        request, visitor, "settings_groups.html", fault=fault,
        groups=groups, signatures=accounts.signatures(), done=done, wrong=wrong,
        mute=[each.id for each in groups if not senders & {address_key(each.address), address_key(ANY_SENDER)}],
    )  # fmt: skip
