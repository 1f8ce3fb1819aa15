"""The mails that a person may see, and who he is to the outbox."""

from __future__ import annotations

import time
from contextlib import suppress

from beleg.accounts import Group
from beleg.accounts.outbox import Writer
from beleg.errors import InputError, NotFound, Told
from beleg.store.mails import StoredMessage
from beleg.store.outgoing import Outgoing
from beleg.web.jobs import EVERYBODY, Progress
from beleg.web.sessions import Visitor
from beleg.web.site import Site

BUSY_TRIES, BUSY_SECONDS = 40, 0.5
"""How often, and after what time, a mail is tried again while another process has the outbox."""


def writer(visitor: Visitor) -> Writer:
    """The visitor as he writes."""
    assert visitor.user
    language = visitor.language
    return Writer(visitor.user.name, visitor.user.id, visitor.user.address or "", language.code, language.zone)


def tell(visitor: Visitor, error: Told) -> str:
    """What an error of the outbox says, as a sentence in the visitor's language."""
    language = visitor.language
    said = language.tell(error)
    if "field" in error.values:  # the name of a field of the editor
        said = language.say(error.message, **error.values | {"field": language.say(str(error.values["field"]))})
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '!', '?')) else '.'}"


def seen(site: Site, visitor: Visitor, id_: int) -> Outgoing:
    """A mail that the visitor may see. Raises NotFound, for another's draft as for one that is not there."""
    found = None
    with suppress(NotFound):
        found = site.outbox.get(id_)
    if found is None or (found.state == "draft" and found.person != visitor.id):
        raise NotFound("There is no mail of number %(number)s in the outbox, or it is a draft of somebody else.",
                       number=str(id_))  # fmt: skip
    return found


def message_of(site: Site, row: int | None) -> StoredMessage | None:
    """A stored message, where there is one (still)."""
    if row is not None:
        with suppress(NotFound):
            return site.workspace.mail(row)[0]
    return None


def senders(site: Site) -> list[Group]:
    """The groups that mail can be sent for."""
    return [group for group in site.accounts.groups() if group.address]


def send_soon(site: Site) -> None:
    """Have the outbox sent in the background, once, also where nothing else does so."""
    with suppress(InputError):  # another such job has not begun yet, and will find the mail
        site.jobs.start(EVERYBODY, "outbox", None, lambda progress: _send(site, progress))


def _send(site: Site, progress: Progress) -> None:
    for tried in range(BUSY_TRIES):
        if not site.outbox.send_due().busy:
            return
        progress("wait", tried, BUSY_TRIES)
        time.sleep(BUSY_SECONDS)
