"""A person by his address: every spelling of it in a text, his names, and what stands in their place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import idna

from beleg.errors import InputError
from beleg.keys import address_key
from beleg.message import is_addr_spec

NAMELESS = "[erased]"
"""Stands in place of a name or a subject."""
_AT = r"(?:@|%40|=40|&#0*64;|&#[xX]0*40;|&commat;)"
# Behind %3D or =3D an address begins, behind a letter or a dot it would be another one; but some mail programs make
# Message-IDs of a long number, a dot and the sender's address.
_BEFORE = r"(?:(?<![\w.+-])|(?<=%[0-9A-Fa-f]{2})|(?<==[0-9A-F]{2})|(?<=[A-Z0-9]{16}\.))"
_AFTER = r"(?!\w|-\w|\.\w)"


class Person:
    """One address. `names` are display names that are his alone; those of at least two words count in running text,
    `stand_in` is an address that stands where his stood."""

    def __init__(self, address: str, names: Iterable[str] = (), stand_in: str = "erased@erased.invalid") -> None:
        self.key = person_key(address)
        self.stand_in = stand_in
        self.names = sorted({_one_line(name) for name in names if len(name.split()) > 1 and "@" not in name})
        self._domains = _domains(self.key)
        self._address = _spellings(self.key, self._domains)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The address and the names."""
        names = [*map(_name, self.names), *(_name(f"{words[1]}, {words[0]}") for words in _pairs(self.names))]
        either = f"|(?<!\\w)(?P<name>{'|'.join(names)})(?!\\w)" if names else "|(?P<name>(?!))"
        return re.compile(self._address + either, re.IGNORECASE)

    @cached_property
    def address(self) -> re.Pattern[str]:
        """The address alone."""
        return re.compile(self._address, re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """Whether the address stands in a text."""
        return self.domain_is_in(text) and self.address.search(text) is not None

    def domain_is_in(self, text: str) -> bool:
        """Whether the domain stands in a text: quickly told, and not so of most texts."""
        lowered = text.lower()
        return any(domain in lowered for domain in self._domains)

    def may_be_in(self, text: str) -> bool:
        """Whether masking may change a text: quickly told, and not so of most texts."""
        lowered = text.lower()
        hints = (*self._domains, *(name.split()[0].lower() for name in self.names))
        return any(hint in lowered for hint in hints) and self.pattern.search(text) is not None

    def may_hide_in(self, text: str) -> bool:
        """Whether the address may stand in a text once characters are taken out that nobody sees."""
        if text.isascii():
            return False
        bare = text.encode("ascii", "ignore").decode()
        return self.domain_is_in(bare) or not all(domain.isascii() for domain in self._domains)

    def masked(self, text: str) -> str:
        """The text with stand-ins for address and names."""
        return self.pattern.sub(lambda match: self._image(match), text)

    def moved(self, text: str) -> list[tuple[int, int, int]]:
        """What masking does to offsets: start and end of each piece that is replaced, and how much longer it gets."""
        return [(m.start(), m.end(), len(self._image(m)) - len(m[0])) for m in self.pattern.finditer(text)]

    def masked_in(self, value: Any) -> Any:
        """A JSON value with every text in it masked, keys too."""
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, dict):
            return {self.masked(key): self.masked_in(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked_in(each) for each in value]
        return value

    def _image(self, match: re.Match[str]) -> str:
        return self.stand_in if match["name"] is None else NAMELESS


def person_key(address: str) -> str:
    """The form in which an address is compared. Raises InputError where it is none."""
    text = unicodedata.normalize("NFC", address.strip())
    if not is_addr_spec(text):
        raise InputError(f"{address!r} is no address; write one, for example anna@example.com")
    return address_key(text)


def _domains(key: str) -> list[str]:
    """The domain in IDNA's two forms, and each in Unicode's two normal forms."""
    domain = key.rpartition("@")[2]
    shown = ".".join(map(_unicode_label, domain.split(".")))
    return list(dict.fromkeys(unicodedata.normalize(form, each) for each in (domain, shown) for form in ("NFC", "NFD")))


def _spellings(key: str, domains: Iterable[str]) -> str:
    """A pattern for the spellings of an address: letter case (by the flag), quotes, the forms of its domain, and how
    links, HTML and quoted-printable write some letters."""
    local = key.rpartition("@")[0]
    locals_ = dict.fromkeys(unicodedata.normalize(form, local) for form in ("NFC", "NFD"))
    written = "|".join("".join(map(_letter, form)) for form in locals_)
    return rf'{_BEFORE}(?:"(?:{written})"|(?:{written})){_AT}(?:{"|".join(map(re.escape, domains))}){_AFTER}'


def _letter(letter: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in "._-"):
        return re.escape(letter)
    escaped = "".join(f"%{byte:02X}" for byte in letter.encode())
    return f"(?:{re.escape(letter)}|{escaped})"


def _unicode_label(label: str) -> str:
    try:
        return idna.ulabel(label)
    except UnicodeError:
        return label


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _name(name: str) -> str:
    return r"\s+".join(map(re.escape, name.split()))


def _pairs(names: Iterable[str]) -> list[list[str]]:
    return [words for name in names if len(words := name.split()) == 2]
