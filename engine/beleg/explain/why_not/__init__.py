"""The answer to "why not this record?" as a person reads it: where it was lost, what would have assigned it. `told`
puts it in words; the terminal's lines and the page are made of that."""

from beleg.explain.why_not.model import ChangeSeen, EvidenceSeen, Hurdles, WhyNotSeen
from beleg.explain.why_not.tell import told, what_if_said
from beleg.explain.why_not.text import what_if_line, why_not_lines

__all__ = [
    "ChangeSeen",
    "EvidenceSeen",
    "Hurdles",
    "WhyNotSeen",
    "told",
    "what_if_line",
    "what_if_said",
    "why_not_lines",
]
