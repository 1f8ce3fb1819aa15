"""What a masked file must not tell: the addresses, names and numbers of the original, and whether one is left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from beleg.capture.numbers import composed, in_number, key_of
from beleg.capture.stand_ins import SUFFIX
from beleg.evidence import addresses_in
from beleg.keys import address_key, fold
from beleg.message import Message
from beleg.scenario import Scenario

_SEGMENT = re.compile(r"[^\W_]+")
SHORTEST = 4
"""Letters and digits of what tells something: shorter words and numbers come about by chance."""


class Originals:
    """The originals, in lower case, each of at least 4 letters and digits: `words` (of names, labels and addresses) and
    `numbers` (ids too), and as `wholes` addresses, domains and Message-IDs of any length.

    `example`, which is no one's, is none, and neither is a piece of it."""

    def __init__(self, scenario: Scenario, messages: Iterable[Message]) -> None:
        self.words: set[str] = set()
        self.wholes: set[str] = set()
        self.numbers: set[str] = set()
        for record in scenario.records:
            for id_ in (record.ref.id, *(link.target.id for link in record.links)):
                self._number(id_)
            for number in record.numbers():
                self._number(number)
            self._name(record.label or "")
            for address in record.addresses:
                self._address(address)
        for entry, _ in scenario.ignored.entries():
            self._address(entry.text.strip().removeprefix("*."))
        for assignment in (*scenario.assignments, *(each for mail in scenario.mailbox for each in mail.assignments)):
            self._number(assignment.record.id)
            if assignment.removed:
                by = assignment.removed.by
                self._address(by) if "@" in by else self._name(by)
        for message in messages:
            self._message(message)
        self._short = self.words | set(map(key_of, self.numbers))
        self._lengths = sorted(set(map(len, self._short)))

    def _message(self, message: Message) -> None:
        for participant in message.participants:
            self._name(participant.name)
            self._address(participant.address)
        for part in (message.subject_part, *message.content):
            for _, _, address in addresses_in(part):
                self._address(address)
        for name in (message.message_id, *message.references):
            self._whole(name or "")

    def _name(self, text: str) -> None:
        for segment in _SEGMENT.findall(fold(composed(text))):
            if segment.isdecimal():
                self._number(segment)
            elif len(segment) >= SHORTEST and segment not in SUFFIX:
                self.words.add(segment)

    def _number(self, text: str) -> None:
        if len(key_of(text)) >= SHORTEST:
            self.numbers.add(fold(composed(text)))

    def _address(self, text: str) -> None:
        key = address_key(text.strip())
        local, _, domain = key.rpartition("@")
        if local and domain:
            self._whole(key)
        if "." in domain:
            self._whole(domain)
        self._name(local)
        self._name(domain)

    def _whole(self, text: str) -> None:
        if key_of(text):
            self.wholes.add(fold(text))

    def tells(self, text: str) -> bool:
        """Whether a short text, in lower case, holds a word, or the letters and digits of a number."""
        return any(
            text[start : start + length] in self._short
            for length in self._lengths
            if length <= len(text)
            for start in range(len(text) - length + 1)
        )

    def told(self, texts: Iterable[str]) -> Iterator[str]:
        """Each original that some of the texts tell."""
        text = "\n".join(map(fold, texts))
        yield from (secret for secret in sorted(self.words) if secret in text)
        yield from (
            secret for secret in sorted(self.wholes | self.numbers) if secret in text and _stands_alone(secret, text)
        )

    def told_by_title(self, title: str) -> Iterator[str]:
        """Each original that a title, written by a person, tells as a word of its own."""
        text = fold(title)
        yield from (
            each
            for each in sorted(self.words | self.wholes | self.numbers)
            if each in text and _stands_alone(each, text)
        )


def _stands_alone(secret: str, text: str) -> bool:
    """Whether it stands there, and not within a longer word or number."""
    begins = r"(?<![^\W_])" if in_number(secret[0]) else ""
    ends = r"(?![^\W_])" if in_number(secret[-1]) else ""
    return re.search(f"{begins}{re.escape(secret)}{ends}", text) is not None
