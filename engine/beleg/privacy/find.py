"""Where a person's address stands among the stored mails, and which names are his."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from beleg.ignore import IgnoreList
from beleg.keys import fold
from beleg.message import Limits, Message, parse
from beleg.privacy.mail import mentions
from beleg.privacy.person import Person
from beleg.store.mails import Mails, StoredMessage

Role = Literal["sender", "only_outsider", "participant", "mentioned"]
"""What an address is to a mail: it is From him; all other participants are ignored addresses; he is one of several; it
names him elsewhere."""
_TOGETHER = 10


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A stored mail in which the address stands."""

    stored: StoredMessage
    role: Role


@dataclass(frozen=True, slots=True)
class FoundMails:
    """All of them, by row number, and the display names that stand with this address and with no other."""

    mails: tuple[FoundMail, ...]
    names: frozenset[str]


def find_mails(
    mails: Mails,
    person: Person,
    ignored: IgnoreList,
    limits: Limits,
    progress: Callable[[int], None] = lambda count: None,
) -> FoundMails:
    """Look through every stored mail: an encoded address is found by decoding only."""
    found = []
    his: set[str] = set()
    others: set[str] = set()
    for stored, raw in read(mails, mails.rows()):
        message = parse(raw, limits)
        for each in message.participants:
            if each.name:
                (his if each.key == person.key else others).add(each.name)
        if mentions(raw, message, person):
            found.append(FoundMail(stored, _role(message, person, ignored)))
        progress(1)
    found.sort(key=lambda each: each.stored.row)
    taken = {fold(name) for name in others}
    return FoundMails(tuple(found), frozenset(name for name in his if fold(name) not in taken))


def read(mails: Mails, rows: Sequence[int]) -> Iterator[tuple[StoredMessage, bytes]]:
    """Messages with their bytes, few at a time, for each may have 50 MB."""
    source = iter(rows)
    while few := list(islice(source, _TOGETHER)):
        raws = mails.raw(few)
        for stored in mails.get(few):
            yield stored, raws[stored.row]


def _role(message: Message, person: Person, ignored: IgnoreList) -> Role:
    own = [each for each in message.participants if each.key == person.key]
    if not own:
        return "mentioned"
    if any(each.field == "From" for each in own):
        return "sender"
    if all(each.key == person.key or ignored.entry_for(each.key) for each in message.participants):
        return "only_outsider"
    return "participant"
