"""Which stored messages are one thread (RULES.md section 1).

Two messages are tied when one of them names the other's Message-ID in In-Reply-To or References; the thread is all
that is reached that way through stored messages. An id that no stored message has ties nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from beleg.message import Message


def thread_of(message: Message, stored: Iterable[Message]) -> frozenset[str]:
    """The sha256 of each stored message of the thread of `message` (without its own)."""
    named_by: dict[str, list[Message]] = defaultdict(list)
    carried_by: dict[str, list[Message]] = defaultdict(list)
    for each in stored:
        if each.message_id:
            carried_by[each.message_id].append(each)
        for name in each.references:
            named_by[name].append(each)
    reached: set[str] = {message.sha256}
    waiting = [message]
    while waiting:
        current = waiting.pop()
        tied = [each for name in current.references for each in carried_by[name]]
        if current.message_id:
            tied += named_by[current.message_id]
        for each in tied:
            if each.sha256 not in reached:
                reached.add(each.sha256)
                waiting.append(each)
    return frozenset(reached - {message.sha256})


def newcomers(senders: Iterable[str], earlier: Iterable[Collection[str]]) -> tuple[str, ...]:
    """Of the senders of a message, those that none of the earlier messages of its thread has among its participants.
    All are address keys (`Participant.key`). Where there is no earlier message, nobody is new to the thread."""
    known = {key for keys in earlier for key in keys}
    return tuple(dict.fromkeys(key for key in senders if key not in known)) if known else ()
