"""The one form in which addresses, and the one in which reference numbers, are compared.

RULES.md section 2. Both sides of every comparison (what a mail says, what the ERP holds, what the
blacklist names) go through here, so two spellings are the same exactly when their keys are equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

_DOT_ATOM = re.compile(r"[^\s\x00-\x20\"(),:;<>@\[\\\].]+(?:\.[^\s\x00-\x20\"(),:;<>@\[\\\].]+)*")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def fold(text: str) -> str:
    """Take the case out of `text`, letter for letter.

    Unicode's simple case folding: unlike `str.casefold` it never makes one letter into two, so that
    `straße` and `strasse` stay two names (RULES.md: look-alike letters are never folded).
    """
    if text.isascii():
        return text.lower()
    return "".join(_fold_letter(letter) for letter in text)


@lru_cache(maxsize=4096)
def _fold_letter(letter: str) -> str:
    return next((form for form in (letter.casefold(), letter.lower()) if len(form) == 1), letter)  # İ has neither


@lru_cache(maxsize=16384)
def address_key(address: str) -> str:
    """The canonical form of an addr-spec: `Max@BÜCHER.example` becomes `max@xn--bcher-kva.example`.

    The text is split at its last `@`; a text without one is folded and returned as it is.
    """
    if '"' not in address and address.isascii():
        return address.lower()
    address = unicodedata.normalize("NFC", address)
    local, at, domain = address.rpartition("@")
    if not at:
        return fold(address)
    return f"{fold(_unquote(local))}@{domain_key(domain)}"


def _unquote(local: str) -> str:
    """Drop the quotes of a quoted local part where they were not needed (RFC 5321 section 4.1.2)."""
    if len(local) < 2 or local[0] != '"' or local[-1] != '"':
        return local
    inner = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    if _DOT_ATOM.fullmatch(inner):
        return inner
    return '"' + inner.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=16384)
def domain_key(domain: str) -> str:
    """The canonical form of a domain: lower case, each label in its IDNA 2008 A-form where it has one."""
    if domain.isascii():
        return domain.lower()
    return ".".join(_label_key(label) for label in unicodedata.normalize("NFC", domain).split("."))


def _label_key(label: str) -> str:
    lowered = fold(label)
    if lowered.isascii():
        return lowered
    try:
        return idna.alabel(lowered).decode("ascii")
    except UnicodeError:  # idna.IDNAError is one: this label has no A-form and is compared as it stands
        return lowered


def reference_key(number: str) -> str:
    """The letters (case ignored) and decimal digits of a reference number, in NFC: `AB-2024/00123` → `ab202400123`.

    Empty when the text holds neither. See `beleg.evidence` for what counts as a number in running text.
    """
    if number.isascii():
        return "".join(filter(str.isalnum, number)).lower()
    letters = unicodedata.normalize("NFC", number)
    return fold("".join(letter for letter in letters if letter.isalpha() or letter.isdecimal()))
