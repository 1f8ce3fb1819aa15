"""Mails that are written, and a person's address: drafts, what waits to be sent, what was sent or could not be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from beleg.ignore import IgnoreList
from beleg.keys import address_key
from beleg.message import Limits, mailboxes, parse
from beleg.privacy.mail import Unmaskable, masked, mentions
from beleg.privacy.person import Person
from beleg.store.erasing import Written

_TEXTS = ("sender", "subject", "body", "said", "message_id")


def is_to(each: Written, person: Person) -> bool:
    """Whether it goes, or went, to the address."""
    return person.is_in(each.recipients)


def names(each: Written, person: Person, limits: Limits) -> bool:
    """Whether the address stands anywhere in it."""
    texts = (each.recipients, *(getattr(each, name) or "" for name in _TEXTS))
    if any(map(person.may_be_in, texts)) or any(_in_file(*file, person) for file in each.files):
        return True
    return each.raw is not None and mentions(each.raw, parse(each.raw, limits), person)


def without(each: Written, person: Person, ignored: IgnoreList, limits: Limits) -> dict[str, Any] | None:
    """What is to be stored in its place, by column: he is no recipient any more, and elsewhere a stand-in has his
    place. None where it goes: it is to nobody else but addresses of one's own, an attachment names him, or a stand-in
    can't be proven to be all that is left of him."""
    if any(_in_file(*file, person) for file in each.files):
        return None
    recipients, dropped = _without_him(each.recipients, person)
    if dropped and all(ignored.entry_for(key) for key in _addresses(recipients)):
        return None
    found: dict[str, Any] = {name: person.masked(getattr(each, name) or "") for name in _TEXTS[:4]}
    found["message_id"] = person.masked(each.message_id) if each.message_id else None
    found["recipients"] = person.masked(json.dumps(recipients, ensure_ascii=False))
    if each.raw is not None:
        try:
            found["raw"] = masked(each.raw, person, limits)[0]
        except Unmaskable:
            return None
    return found


def _without_him(stored: str, person: Person) -> tuple[dict[str, list[Any]], bool]:
    """The recipients by field, without him, and whether he was one."""
    fields: dict[str, list[Any]] = json.loads(stored or "{}")
    kept = {
        field: [one for one in some if not person.is_in(json.dumps(one, ensure_ascii=False))]
        for field, some in fields.items()
    }
    return kept, kept != fields


def _addresses(recipients: dict[str, list[Any]]) -> Iterator[str]:
    for some in recipients.values():
        for one in some:
            for box in mailboxes(str(one)):
                if box.address:
                    yield address_key(box.address)


def _in_file(name: str, data: bytes, person: Person) -> bool:
    return person.is_in(name) or person.is_in(data.decode("utf-8", "ignore"))
