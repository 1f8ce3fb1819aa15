"""Bytes to the characters that a person reads: charsets and clean-up (RULES.md section 2, Content)."""

from __future__ import annotations

import codecs
import encodings
import encodings.aliases
import pkgutil
import re
import unicodedata
from functools import lru_cache

# Looking an unknown name up makes Python search the disk, so only names that exist are looked up.
_CODECS = frozenset(encodings.aliases.aliases) | frozenset(
    module.name for module in pkgutil.iter_modules(encodings.__path__)
)
# Text encodings by Python's book, but no charsets; the last two exist on Windows only.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_CHARSET_NAME = re.compile(r"[A-Za-z0-9._:+ -]{1,60}")


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    if not _CHARSET_NAME.fullmatch(charset):
        return None
    name = encodings.normalize_encoding(charset.strip()).lower()
    if name not in _CODECS and name.replace(".", "_") not in _CODECS:
        return None
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError, ImportError):
        return None
    canonical = found.name.replace("-", "_")
    if canonical in _NO_CHARSETS or not getattr(found, "_is_text_encoding", True):
        return None
    return found.name


def is_known_charset(charset: str) -> bool:
    """Whether `charset` names a character set that can be decoded."""
    return _codec(charset) is not None


def decode(data: bytes, charset: str | None = None) -> str:
    """`data` in `charset`, with `\\n` as line end, without NUL and lone surrogates.

    Without a charset, with an unknown one or `us-ascii`: UTF-8, where that fails Windows-1252. Bytes
    that a known charset refuses become U+FFFD.
    """
    codec = _codec(charset) if charset else None
    if codec is None or codec == "ascii":
        text = _guess(data)
    else:
        try:
            text = data.decode(codec, "replace")
        except (UnicodeError, ValueError, LookupError):  # a decoder that does not know "replace"
            text = _guess(data)
        if codec == "utf-7":  # the only charset that can spell a lone surrogate
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\0" in text:
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _guess(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


# Category Cf without the prepended marks that are seen (U+0600-0605, 06DD, 070F, 0890, 0891, 08E2, 110BD,
# 110CD), the variation selectors, and U+034F. Fixed here so that every Python version reads the same.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
_INVISIBLES = re.compile(f"[{_INVISIBLE}]+")
_ASCII = bytes(range(128))
_PLAIN, _UNSEEN, _COMBINES, _MARK = range(4)
_GRAPHEME_JOINER = "\u034f"
_LONGEST_RUN = 30


def clean(text: str) -> str:
    """`text` without soft hyphens and characters of no width, in NFC."""
    if text.isascii():
        return text
    # Most texts need nothing; to see that, only their few different non-ASCII letters are looked at.
    letters = text.encode("utf-8", "replace").translate(None, _ASCII).decode("utf-8")
    distinct = set(letters)
    kinds = set(map(_kind, distinct))
    if kinds == {_PLAIN}:
        return text
    if _UNSEEN in kinds:
        text = _INVISIBLES.sub("", text)
        letters = _INVISIBLES.sub("", letters)
    if _MARK in kinds:
        text = _break_up(text, letters, "".join(sorted(c for c in distinct if _kind(c) == _MARK)))
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=8192)
def _kind(letter: str) -> int:
    if _INVISIBLES.match(letter):
        return _UNSEEN
    if unicodedata.combining(unicodedata.normalize("NFKD", letter)[0]):
        return _MARK
    if (
        unicodedata.category(letter)[0] == "M"
        or "\u1160" <= letter <= "\u11ff"
        or not unicodedata.is_normalized("NFC", letter)
    ):
        return _COMBINES
    return _PLAIN


def _break_up(text: str, letters: str, marks: str) -> str:
    """Part runs of more than 30 marks as UAX 15 does (Stream-Safe): NFC takes quadratic time on a run."""
    run = re.compile(f"[{re.escape(marks)}]{{{_LONGEST_RUN + 1},}}")
    if not run.search(letters):
        return text

    def parted(match: re.Match[str]) -> str:
        found = match[0]
        pieces = (found[i : i + _LONGEST_RUN] for i in range(0, len(found), _LONGEST_RUN))
        return _GRAPHEME_JOINER.join(pieces)

    return run.sub(parted, text)
