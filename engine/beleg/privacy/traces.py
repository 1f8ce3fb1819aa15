"""A stored decision without a person: its trace and inputs with stand-ins, offsets moved to where things stand now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from beleg.message import Message
from beleg.privacy.person import NAMELESS, Person
from beleg.trace import Trace

Moves = Mapping[str, Sequence[tuple[int, int, int]]]
"""By part of a mail: start and end of each piece that is replaced, and how much longer it gets."""


@dataclass
class Rewriting:
    """What is rewritten in all decisions: the person, the messages that go (by the names that traces give them), and
    the identities that change."""

    person: Person
    gone: Collection[str] = ()
    identities: dict[str, str] = field(default_factory=dict)

    def trace(self, trace: Trace, moves: Moves) -> Trace:
        """The trace as it is stored from now on; an equal one where it names neither the person nor what goes. `moves`
        are those of the message, where that is masked."""
        value = self._value(msgspec.to_builtins(trace), moves)
        return msgspec.convert(value, Trace)

    def inputs(self, data: str) -> str:
        """The inputs of a decision, as JSON."""
        value = msgspec.json.decode(data)
        changed = self.person.masked_in(value)
        return data if changed == value else msgspec.json.encode(changed).decode()

    def source(self, name: str) -> str:
        """What an inherited assignment names."""
        return self.identities.get(name, self.person.masked(name))

    def _value(self, value: Any, moves: Moves) -> Any:
        if isinstance(value, str):
            return self.identities.get(value, self.person.masked(value))
        if isinstance(value, list | tuple):
            return [self._value(each, moves) for each in value]
        if not isinstance(value, dict):
            return value
        if moves and value.keys() >= {"part"} and value.keys() <= {"part", "start", "end"}:
            value = _place(value, moves.get(value["part"], ()))
        if value.get("key") == self.person.key:
            value = {**value, "address": self.person.stand_in, "key": self.person.stand_in}
        if value.get("about") in self.gone and "subject" in value.get("facts", {}):
            value = {**value, "facts": {**value["facts"], "subject": NAMELESS}}
        return {self.person.masked(key): self._value(each, moves) for key, each in value.items()}


def moved(message: Message, person: Person) -> Moves:
    """What masking a mail does to the offsets in its texts."""
    return {part.part: person.moved(part.text) for part in (message.subject_part, *message.content)}


def _place(at: dict[str, Any], moves: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """A place in a part, where its text got longer or shorter before it."""
    if not at.get("end"):
        return at
    start, end = at.get("start", 0), at["end"]
    before = sum(longer for _, last, longer in moves if last <= start)
    within = sum(longer for first, last, longer in moves if first < end and last > start)
    return {**at, "start": start + before, "end": end + before + within}
