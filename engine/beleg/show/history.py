"""Quoted history in the text of a mail: what a person has read before, and would rather have folded."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 500_000
"""A text of more characters is no correspondence, and is not searched."""
_MOST = 500

_QUOTE = r"(?:[ \t]{0,3}>[^\n]*+(?:\n|\Z)(?:[ \t]*+\n)*+)"
_WROTE = r"(?:wrote|writes|schrieb|a [ée]crit)\b[^\n]{0,200}?:[ \t]*+(?:\n|\Z)"
# `On …, Anna <anna@…> wrote:` and `Am … schrieb Anna:`, on up to three lines.
_INTRODUCTION = rf"(?:(?:On|Am|Le)[ ,][^\n]{{0,300}}?(?:\n[^\n>][^\n]{{0,200}}?){{0,2}}?{_WROTE})"
_NAMED = rf"(?:[^\n>][^\n]{{0,200}}?{_WROTE})"  # `Anna Kunde schrieb:`, too weak without a quotation behind it
_DIVIDER = (
    r"(?:[ \t]*+-{2,}[ \t]*+(?:Original[ -](?:Message|Appointment|Nachricht)|Originalnachricht|Ursprüngliche Nachricht"
    r"|Ursprünglicher Termin|Forwarded message|Weitergeleitete Nachricht|Message (?:d'origine|transféré))"
    r"[^\n]{0,100}--[ \t]*+(?:\n|\Z)"
    r"|(?:Begin forwarded message|Anfang der weitergeleiteten Nachricht):[ \t]*+(?:\n|\Z))"
)
_FIELDS = r"Sent|Gesendet|Date|Datum|To|An|Cc|Subject|Betreff|Reply-To|Antwort an|Importance|Wichtigkeit|Envoyé|À|Objet"
_HEADER = (
    r"(?:(?:_{5,}[ \t]*+\n(?:[ \t]*+\n)*+)?\*?(?:From|Von|De)[ \t]?:\*?[^\n]{1,1000}\n"
    rf"(?:\*?(?:{_FIELDS})[ \t]?:\*?[^\n]*+(?:\n|\Z)){{2,}})"
)
_HISTORY = re.compile(
    rf"^(?:(?:(?:{_INTRODUCTION}|{_NAMED})(?:[ \t]*+\n)*+)?{_QUOTE}++"
    rf"|(?P<rest>{_DIVIDER}|{_HEADER}|(?=[^\n]*[0-9@]){_INTRODUCTION}))",
    re.MULTILINE | re.IGNORECASE,
)


def blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start and end of the pieces of a text, in order and without a gap, and whether it is quoted history.

    History are lines that begin with `>`, with the line that introduces them; and all from a divider
    (`-----Original Message-----`), from Outlook's block (`From:`, `Sent:`, …), or from an introduction with a date or
    an address on.
    """
    end = 0
    matches = _HISTORY.finditer(text) if len(text) <= _LONGEST else iter(())
    for count, match in enumerate(matches):
        if count == _MOST:
            break
        start, stop = match.span()
        if match["rest"]:
            stop = len(text)
        if start > end:
            yield end, start, False
        yield start, stop, True
        end = stop
        if end == len(text):
            return
    if end < len(text):
        yield end, len(text), False
