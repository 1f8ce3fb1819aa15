"""Where a person's address stands among the stored mails, and which names are his."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    """All of them, by row number; the display names that stand with this address, and those that stand with others;
    and the highest row number that was looked at."""

    mails: tuple[FoundMail, ...] = ()
    his: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    last: int = 0

    @property
    def names(self) -> frozenset[str]:
        """The display names that are his alone."""
        taken = set(map(fold, self.others))
        return frozenset(name for name in self.his if fold(name) not in taken)


NONE_YET = FoundMails()


def find_mails(
    mails: Mails,
    person: Person,
    ignored: IgnoreList,
    limits: Limits,
    progress: Callable[[int], None],
    known: FoundMails = NONE_YET,
) -> FoundMails:
    """Look through every stored mail: an encoded address is found by decoding only. What an earlier look found is
    `known`, and only what came in since is looked through; a stored mail changes by erasing alone."""
    stored = {each.row: each for each in mails.get([each.stored.row for each in known.mails])}
    found = [replace(each, stored=stored[each.stored.row]) for each in known.mails if each.stored.row in stored]
    his, others = set(known.his), set(known.others)
    rows = [row for row in mails.rows() if row > known.last]
    for each, raw in read(mails, rows):
        message = parse(raw, limits)
        for participant in message.participants:
            if participant.name:
                (his if participant.key == person.key else others).add(participant.name)
        if mentions(raw, message, person):
            found.append(FoundMail(each, _role(message, person, ignored)))
        progress(1)
    found.sort(key=lambda each: each.stored.row)
    return FoundMails(tuple(found), frozenset(his), frozenset(others), max([known.last, *rows]))


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
