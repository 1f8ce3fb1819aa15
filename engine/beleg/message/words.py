"""Encoded words in headers: RFC 2047, with RFC 2231's language suffix."""

from __future__ import annotations

import binascii
import re

from .text import decode
from .transfer import decode_base64

# The text holds no `=?`, so a search for the end never runs past the next beginning: linear.
ENCODED_WORD = re.compile(r"=\?([^?\s*]++)(?:\*[^?\s]*+)?\?([bBqQ])\?((?:[^?=]++|=(?!\?(?!=))|\?(?!=))*+)\?=")


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded; what is no whole encoded word stays as it is.

    Blanks between two encoded words fall away, and neighbours of one charset are joined as bytes
    first: senders part a letter of several bytes between two words.
    """
    if "=?" not in text:
        return text
    found: list[str] = []
    joined: list[bytes] = []
    charset = ""
    end = 0
    for match in ENCODED_WORD.finditer(text):
        data = _bytes(match[2], match[3])
        if data is None:
            continue
        gap = text[end : match.start()]
        follows = bool(joined) and (not gap or gap.isspace())
        if not follows or match[1].lower() != charset:
            if joined:
                found.append(decode(b"".join(joined), charset))
                joined = []
            if not follows:
                found.append(gap)
            charset = match[1].lower()
        joined.append(data)
        end = match.end()
    if joined:
        found.append(decode(b"".join(joined), charset))
    found.append(text[end:])
    return " ".join("".join(found).split("\n"))


def _bytes(encoding: str, text: str) -> bytes | None:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    data, _ = decode_base64(raw)
    return data if data or not raw.strip() else None
