"""What people do with mails, with one or with several: done, whose it is, spam, deletion, group, topic, tags."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.web.render import see
from beleg.web.sessions import Reader, local
from beleg.web.site import site_of

router = APIRouter()

ACTS: dict[str, dict[str, Any]] = {
    "done": {"work": "done"},
    "reopen": {"work": "open"},
    "mine": {"owner": "me"},
    "pool": {"owner": None},
    "spam": {"spam": 1},
    "checked": {"spam": 2},
    "no_spam": {"spam": 0},
    "delete": {"deleted": True},
    "restore": {"deleted": False},
    "set": {},
}
"""The buttons of a form; `set` does what its fields say."""
Choice = Annotated[str, Form(max_length=20)]


@router.post("/messages/handle")
def handle(
    request: Request,
    visitor: Reader,
    rows: Annotated[list[int] | None, Form(alias="row")] = None,
    act: Choice = "set",
    owner: Choice = "",
    group: Choice = "",
    topic: Choice = "",
    tag: Choice = "",
    untag: Choice = "",
    back: Annotated[str, Form(max_length=4000)] = "/messages",
) -> Response:
    """Do it, then go `back`. Of the fields an empty one changes nothing, `none` takes away; only the button `set` reads
    them, but for `untag`, which is a button of its own."""
    if not rows:
        raise InputError("Choose a mail first.")
    if act not in ACTS:
        raise InputError("The page was asked for something that it does not understand.")
    wanted = dict(ACTS[act])
    if untag:
        wanted = {"tags_remove": [_number(untag)]}
    elif act == "set":
        for name, value in (("owner", owner), ("group", group), ("topic", topic)):
            if value:
                wanted[name] = None if value == "none" else _number(value)
        if tag:
            wanted["tags_add"] = [_number(tag)]
    changed = site_of(request).accounts.handle(rows, visitor.name, visitor.id, **wanted)
    return see(_told(local(back), len(changed)))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError("The page was asked for something that it does not understand.")
    return int(text)


def _told(back: str, count: int) -> str:
    """The page to go back to, which says how many mails were changed."""
    path, _, query = back.partition("?")
    kept = [each for each in query.split("&") if each and not each.startswith("done=")]
    return f"{path}?{'&'.join([*kept, f'done={count}'])}"
