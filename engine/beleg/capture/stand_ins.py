"""Consistent stand-ins for what tells who somebody is: equal stays equal, different stays different.

They are drawn by chance, not computed from what they stand for: who has only the file can't turn them back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random

from beleg.capture.numbers import Alphabet, NoStandIns, Numbers, beginning, composed, dressed, key_of
from beleg.keys import address_key, domain_key, fold
from beleg.record import RecordRef

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_TRIES = 50
SUFFIX = "example"
"""The top-level domain of every stand-in (RFC 2606): no mail ever reaches one."""


class Words:
    """Made-up words, each once, none of which `tells` something."""

    def __init__(self, random: Random, tells: Callable[[str], bool]) -> None:
        self._random = random
        self.tells = tells
        self._used: set[str] = set()

    def new(self) -> str:
        """A word that was not there before: `fabolu`."""
        for syllables in range(2, 9):
            for _ in range(_TRIES):
                word = "".join(
                    self._random.choice(_CONSONANTS) + self._random.choice(_VOWELS) for _ in range(syllables)
                )
                if word not in self._used and not self.tells(word):
                    self._used.add(word)
                    return word
        raise NoStandIns("its names leave no word that holds none of them")


class StandIns:
    """One stand-in for each address, name, id and number. `types` are the record types that plugins declare."""

    def __init__(self, words: Words, numbers: Numbers, alphabet: Alphabet, types: Collection[str]) -> None:
        self.words = words
        self._numbers = numbers
        self._alphabet = alphabet
        self._types = types
        self._known: dict[tuple[str, str], str] = {}
        self._ids: set[str] = set()

    def _once(self, kind: str, text: str, make: Callable[[], str]) -> str:
        if (kind, text) not in self._known:
            self._known[kind, text] = make()
        return self._known[kind, text]

    # --- addresses ---------------------------------------------------------------------------------------------------

    def address(self, text: str) -> str:
        """For an address: a word for its local part, and for each of its tags; its domain label by label."""
        local, at, domain = address_key(text.strip()).rpartition("@")
        if not at:
            return self._part("local", domain)
        tagged = "+".join(self._part("local", each) for each in local.split("+")) if local else ""
        return f"{tagged}@{self.domain(domain)}"

    def domain(self, text: str) -> str:
        """For a domain: a word for each label, so that what is below another stays below it."""
        return ".".join([*(self._part("label", each) for each in domain_key(text).split(".")), SUFFIX])

    def entry(self, text: str) -> str:
        """For an entry of the blacklist: an address, a domain or a wildcard."""
        text = text.strip()
        local, at, domain = text.rpartition("@")
        if local:
            return self.address(text)
        if not at and domain.startswith("*."):
            return f"*.{self.domain(domain[2:])}"
        return at + self.domain(domain)

    def _part(self, kind: str, text: str) -> str:
        return self._once(kind, text, self.words.new)

    # --- names, ids and numbers --------------------------------------------------------------------------------------

    def name(self, text: str) -> str:
        """For a person's or a thing's name: up to three words."""
        return self._once("name", fold(" ".join(text.split())), lambda: self._name(len(text.split())))

    def _name(self, words: int) -> str:
        return " ".join(self.words.new().capitalize() for _ in range(min(max(words, 1), 3)))

    def person(self, text: str) -> str:
        """For who did something: an address, or a name."""
        return self.address(text) if "@" in text else self.name(text) if text.strip() else ""

    def term(self, text: str) -> str:
        """For a word of the ERP's own, on which no decision depends: itself, unless it tells something."""
        return self._once("term", text, self.words.new) if self.words.tells(fold(composed(text))) else text

    def number(self, text: str) -> str:
        """For a reference number."""
        return dressed(text, self._numbers.images.get(key_of(text), ""))

    def record(self, ref: RecordRef) -> RecordRef:
        """For a record: its type stays, unless it is the ERP's own and tells something."""
        return RecordRef(ref.type if ref.type in self._types else self.term(ref.type), self.id(ref.id))

    def id(self, text: str) -> str:
        """For an id: as the number of the same letters and digits, else of the same shape."""
        return self._once("id", text, lambda: self._new_id(text))

    def _new_id(self, text: str) -> str:
        key = key_of(text)
        image = self._numbers.images.get(key)
        for _ in range(_TRIES if key else 0):
            found = dressed(text, image or self._like(key))
            if found not in self._ids and found != composed(text) and not self.words.tells(key_of(found)):
                break
            image = None
        else:
            found = self.words.new().upper()
        self._ids.add(found)
        return found

    def _like(self, key: str) -> str:
        """As the key, the letters that it begins with as those of every other id."""
        letters = beginning(key)
        image = self._once("begins", letters, lambda: "".join(map(self._alphabet.like, letters)))
        return image + "".join(map(self._alphabet.like, key[len(letters) :]))
