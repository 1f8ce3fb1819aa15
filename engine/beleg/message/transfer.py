"""Content-Transfer-Encoding: RFC 2045 section 6, and of broken encodings what decodes."""

from __future__ import annotations

import binascii
import re

_BASE64_WORD = re.compile(rb"[A-Za-z0-9+/]++={0,2}")
_BASE64_JUNK = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDED_BREAK = re.compile(rb"=[ \t]++\n")
_UU_LINE = re.compile(rb"[\x20-\x60]*")
_UU_NAMES = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})


def decode_transfer(payload: bytes, encoding: str) -> tuple[bytes, bool]:
    """The bytes that `payload` stands for, and whether the encoding was sound. Unknown encodings: as is."""
    if encoding == "base64":
        return decode_base64(payload)
    if encoding == "quoted-printable":
        return decode_quoted_printable(payload), True
    if encoding in _UU_NAMES:
        return _decode_uu(payload)
    return payload, True


def decode_quoted_printable(payload: bytes) -> bytes:
    if b"= " in payload or b"=\t" in payload:
        payload = _PADDED_BREAK.sub(b"=\n", payload)  # blanks that a relay put behind a soft break
    return binascii.a2b_qp(payload)


def decode_base64(payload: bytes) -> tuple[bytes, bool]:
    """Characters outside the alphabet are skipped, missing padding is made up for.

    Behind padding, where base64 ends, only words that are whole base64 are read on: several encodings
    one after the other do, the footer of a mailing list does not.
    """
    first, _, rest = payload.partition(b"=")
    rest = rest.lstrip(b"= \t\n\r")
    if not rest:
        try:
            return binascii.a2b_base64(payload), True
        except binascii.Error:
            return _quads(first), False
    found = [_quads(first)]
    for word in rest.split():
        if len(word) % 4 == 0 and _BASE64_WORD.fullmatch(word):
            found.append(binascii.a2b_base64(word))
    return b"".join(found), False


def _quads(letters: bytes) -> bytes:
    letters = _BASE64_JUNK.sub(b"", letters)
    if len(letters) % 4 == 1:  # six bits are no byte
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def decoded_size(payload: bytes, encoding: str) -> int:
    """How many bytes `decode_transfer` would give, without decoding base64."""
    if encoding == "base64":
        letters = len(payload) - payload.count(b"\n") - payload.count(b" ") - payload.count(b"=")
        return letters * 3 // 4
    return len(decode_transfer(payload, encoding)[0])


def _decode_uu(payload: bytes) -> tuple[bytes, bool]:
    lines = payload.split(b"\n")
    start = next((i for i, line in enumerate(lines) if line.startswith(b"begin ")), None)
    if start is None:
        return payload, False
    found, sound = [], False
    for line in lines[start + 1 :]:
        if line.rstrip() == b"end":
            sound = True
            break
        if not line:
            continue
        try:
            found.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders write more than the length says, or drop blanks at the end of the line.
            length = (line[0] - 32) & 63
            letters = _UU_LINE.match(line[: 1 + (length * 4 + 2) // 3])
            try:
                found.append(binascii.a2b_uu(letters[0] if letters else b""))
            except binascii.Error:
                continue
    return b"".join(found), sound
