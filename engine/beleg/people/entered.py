"""What is entered about people: what it must be, and the form in which it is compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from beleg.clause import LANGUAGES
from beleg.errors import InputError
from beleg.message import is_addr_spec

ROLES = ("support", "admin")
SCOPES = ("read", "correct", "admin")
"""What a token may allow."""
ALLOWED = {"support": frozenset({"read", "correct"}), "admin": frozenset(SCOPES)}
"""The most that a token of a user in this role allows."""
LONGEST_NAME = 100
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1_000
_LETTERS = 4
"""Of how many code points a letter is entered at most. Nothing longer is normalised, which takes its time."""


def name(text: str, of: str) -> str:
    """The name of `of` (a user, a token) as it is shown. Raises InputError."""
    shown = " ".join(unicodedata.normalize("NFC", text[: _LETTERS * LONGEST_NAME]).split())
    if not name_key(shown) or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise InputError(f"the name of {of} is 1 to {LONGEST_NAME} characters, none of them a control character")
    return shown


def name_key(text: str) -> str:
    """A user's name as it is compared: case, width and the number of blanks do not matter. Empty where nobody can have
    it."""
    key = unicodedata.normalize("NFKC", text[: _LETTERS * LONGEST_NAME])
    key = " ".join(unicodedata.normalize("NFKC", key.casefold()).split())
    return key if key.isprintable() else ""


def address(text: str) -> str:
    """An e-mail address, or nothing. Raises InputError."""
    stripped = text.strip()
    if stripped and not (is_addr_spec(stripped) and stripped.isprintable()):
        raise InputError(f"{text!r} is no e-mail address; write one like erika@firma.example")
    return stripped


def role(text: str) -> str:
    """A role. Raises InputError."""
    if text not in ROLES:
        raise InputError(f"a role is one of {', '.join(ROLES)}, not {text!r}")
    return text


def language(text: str | None) -> str | None:
    """A language, or none. Raises InputError."""
    if text is not None and text not in LANGUAGES:
        raise InputError(f"a language is one of {', '.join(LANGUAGES)}, not {text!r}")
    return text


def scopes(wanted: Collection[str]) -> tuple[str, ...]:
    """The scopes of a token, in their order. Raises InputError."""
    if not wanted or set(wanted) - set(SCOPES):
        raise InputError(f"a token has some of the scopes {', '.join(SCOPES)}, not {listed(wanted) or 'none'}")
    return tuple(each for each in SCOPES if each in wanted)


def new_password(text: str) -> bytes:
    """A password to be set, as it is hashed. Raises InputError, which does not quote it."""
    if not SHORTEST_PASSWORD <= len(_normal(text)) <= LONGEST_PASSWORD:
        raise InputError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("the password is no text in UTF-8") from None
    return password(text)


def password(text: str) -> bytes:
    """A password as it is hashed. One that is longer than any can be fits none."""
    return _normal(text)[: LONGEST_PASSWORD + 1].encode("utf-8", "surrogatepass")


def _normal(text: str) -> str:
    """In NFC (RFC 8265 section 4.2): keyboards differ in how they write `ü`."""
    return unicodedata.normalize("NFC", text[: _LETTERS * LONGEST_PASSWORD])


def listed(names: Iterable[str]) -> str:
    """`correct, read`."""
    return ", ".join(sorted(names))
