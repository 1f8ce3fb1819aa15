"""Stand-ins for reference numbers, of the same shape: letters stay letters, digits digits, joiners where they are.

Which numbers of a mail count depends on how they lie in it: one within another, or two that share a segment. So every
character of every number is a variable of its own; those that one and the same place of the mail shows are one
variable, and each variable is given a letter or a digit by chance. What two numbers share in the mail they share after
it, and nothing else of them can be told. No stand-in has the letter and the digit that fill the rest of the text, so
that filler never makes a number.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from random import Random
from string import ascii_lowercase, digits

from beleg.evidence import Span
from beleg.keys import reference_key
from beleg.message import TextPart

Node = tuple[object, int]
"""A character of a number (its key), of a part (its place among the parts), or of the letters that a number begins
with."""

_ROUNDS = 1000


class NoStandIns(Exception):
    """There are more numbers of one shape than stand-ins for them."""


class Alphabet:
    """The letters and digits of stand-ins, and the two that fill texts instead: two of which alone no original is
    made."""

    def __init__(self, random: Random, originals: Iterable[str]) -> None:
        self._random = random
        poor = {made_of for each in originals if len(made_of := frozenset(each)) <= 2}
        pairs = [(letter, digit) for letter in ascii_lowercase for digit in digits]
        good = [pair for pair in pairs if not any(each <= set(pair) for each in poor)]
        self.letter, self.digit = random.choice(good or pairs)
        self._letters = ascii_lowercase.replace(self.letter, "")
        self._digits = digits.replace(self.digit, "")

    def like(self, letter: str) -> str:
        """A stand-in for one letter or digit."""
        return self._random.choice(self._letters if letter.isalpha() else self._digits)


class Numbers:
    """The stand-ins of the reference numbers of some records, as a mail shows them in its parts."""

    def __init__(
        self,
        keys: Iterable[str],
        parts: Sequence[tuple[TextPart, Sequence[Span]]],
        shortest: int,
        alphabet: Alphabet,
        tells: Callable[[str], bool],
    ) -> None:
        self._keys = list(dict.fromkeys(filter(None, keys)))
        self._shortest = shortest
        self._alphabet = alphabet
        self._tells = tells
        self._leader: dict[Node, Node] = {}
        self._tie(parts)
        self._nodes = {key: [self._find((key, i)) for i in range(len(key))] for key in self._keys}
        self._value: dict[Node, str] = {}
        for key, nodes in self._nodes.items():
            for node, letter in zip(nodes, key, strict=True):
                self._value.setdefault(node, alphabet.like(letter))
        self.images = self._settle([*self._unknown(parts)])
        """The stand-in of each key."""
        self._shown: dict[object, dict[int, str]] = defaultdict(dict)
        for owner, place in list(self._leader):
            if isinstance(owner, int):
                self._shown[owner][place] = self._value[self._find((owner, place))]

    def shown(self, part: int) -> dict[int, str]:
        """What stands in place of the letters and digits of one part that belong to known numbers, by their place."""
        return self._shown.get(part, {})

    # --- what is one -------------------------------------------------------------------------------------------------

    def _tie(self, parts: Sequence[tuple[TextPart, Sequence[Span]]]) -> None:
        known = set(self._keys)
        for key in self._keys:
            letters = beginning(key)
            for i in range(len(letters)):
                self._join((key, i), (("begins", letters), i))
        for index, (part, spans) in enumerate(parts):
            for span in spans:
                if span.key in known:
                    for i, place in enumerate(_places(part.text, span)):
                        self._join((index, place), (span.key, i))

    def _find(self, node: Node) -> Node:
        leader = self._leader.setdefault(node, node)
        while leader != self._leader[leader]:
            self._leader[node] = leader = self._leader[leader]
        return leader

    def _join(self, one: Node, other: Node) -> None:
        self._leader[self._find(one)] = self._find(other)

    def _unknown(self, parts: Sequence[tuple[TextPart, Sequence[Span]]]) -> Iterator[list[Node]]:
        """What could be a number of the mail, is none that the ERP knows, and has no character of the filler."""
        known = set(self._keys)
        for index, (part, spans) in enumerate(parts):
            for span in spans:
                if span.key not in known:
                    nodes = [(index, place) for place in _places(part.text, span)]
                    if all(node in self._leader for node in nodes):
                        yield [self._find(node) for node in nodes]

    # --- by chance ---------------------------------------------------------------------------------------------------

    def _settle(self, unknown: Sequence[list[Node]]) -> Mapping[str, str]:
        """Draw again what is wrong, until nothing is."""
        holders: dict[Node, list[str]] = defaultdict(list)
        for key, nodes in self._nodes.items():
            for node in nodes:
                holders[node].append(key)
        images: dict[str, str] = {}
        telling: dict[str, bool] = {}
        changed: Iterable[str] = self._keys
        for _ in range(_ROUNDS):
            for key in changed:
                images[key] = self._text(self._nodes[key])
                telling[key] = self._tells(images[key])
            times = Counter(images.values())
            wrong = [
                key for key in self._keys if telling[key] or (len(key) >= self._shortest and times[images[key]] > 1)
            ]
            again = [self._nodes[key] for key in wrong] + [nodes for nodes in unknown if self._text(nodes) in times]
            if not again:
                return images
            drawn = dict.fromkeys(node for nodes in again for node in nodes)
            for node in drawn:
                self._value[node] = self._alphabet.like(self._value[node])
            changed = dict.fromkeys(key for node in drawn for key in holders[node])
        raise NoStandIns("there are too many short numbers of one shape to find another one for each")

    def _text(self, nodes: Iterable[Node]) -> str:
        return "".join([self._value[node] for node in nodes])


def beginning(key: str) -> str:
    """The letters that a key begins with: `ab` of `ab1042`."""
    return "".join(takewhile(str.isalpha, key))


def _places(text: str, span: Span) -> list[int]:
    """Where the letters and digits of a span stand."""
    return [i for i in range(span.start, span.end) if text[i].isalpha() or text[i].isdecimal()]


def dressed(text: str, image: str) -> str:
    """A number as it is written, with these letters and digits in place of its own."""
    rest = iter(image)
    return "".join(_as(letter, next(rest)) if in_number(letter) else mark(letter) for letter in composed(text))


def composed(text: str) -> str:
    """The form in which a number's letters and digits are counted."""
    return unicodedata.normalize("NFC", text)


def in_number(letter: str) -> bool:
    """Whether it is part of a number's key."""
    return letter.isalpha() or letter.isdecimal()


def _as(letter: str, image: str) -> str:
    return image.upper() if letter.isupper() else image


def mark(letter: str) -> str:
    """What stands for a character that is neither letter nor digit: itself, where it parts or joins segments."""
    usual = letter.isascii() and letter.isprintable()
    return letter if usual or letter == "\u00a0" or unicodedata.category(letter) == "Pd" else "*"


def key_of(text: str) -> str:
    """The letters and digits of a text, as numbers are compared."""
    return reference_key(text)
