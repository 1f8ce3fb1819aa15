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


def user_name(text: str) -> str:
    """The name of a user as it is shown. Raises InputError."""
    return _name(text, "the name of a user is 1 to %(most)s characters, none of them a control character")


def token_name(text: str) -> str:
    """The name of a token as it is shown. Raises InputError."""
    return _name(text, "the name of a token is 1 to %(most)s characters, none of them a control character")


def _name(text: str, fault: str) -> str:
    shown = " ".join(unicodedata.normalize("NFC", text[: _LETTERS * LONGEST_NAME]).split())
    if not name_key(shown) or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise InputError(fault, most=LONGEST_NAME)
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
        raise InputError("%(address)r is no e-mail address; write one like erika@firma.example", address=text)
    return stripped


def role(text: str) -> str:
    """A role. Raises InputError."""
    if text not in ROLES:
        raise InputError("a role is one of %(roles)s, not %(role)r", roles=", ".join(ROLES), role=text)
    return text


def language(text: str | None) -> str | None:
    """A language, or none. Raises InputError."""
    if text is not None and text not in LANGUAGES:
        listed = ", ".join(LANGUAGES)
        raise InputError("a language is one of %(languages)s, not %(language)r", languages=listed, language=text)
    return text


def scopes(wanted: Collection[str]) -> tuple[str, ...]:
    """The scopes of a token, in their order. Raises InputError."""
    if not wanted or set(wanted) - set(SCOPES):
        raise InputError(
            "a token has some of the scopes %(scopes)s, not %(wanted)s",
            scopes=", ".join(SCOPES), wanted=listed(wanted) or "none",
        )  # fmt: skip
    return tuple(each for each in SCOPES if each in wanted)


def new_password(text: str) -> bytes:
    """A password to be set, as it is hashed. Raises InputError, which does not quote it."""
    if not SHORTEST_PASSWORD <= len(_normal(text)) <= LONGEST_PASSWORD:
        raise InputError(
            "a password has %(least)s to %(most)s characters", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD
        )
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
