"""Why a record is not assigned to a message: where it was lost, and the smallest changes that would have assigned it.

Every change is executed on a copy of the message's world (`beleg.case`) before it is told. The vocabulary of changes
is closed (`edits`), so what is found can be compared with an exhaustive search.
"""

from beleg.why_not.answer import SCHEMA, Carried, Change, Edit, Gate, Lost, Numbered, WhatIf, WhyNot
from beleg.why_not.ask import MAX_EDITS, SECONDS, what_if, why_not
from beleg.why_not.edits import apply, vocabulary

__all__ = [
    "MAX_EDITS",
    "SCHEMA",
    "SECONDS",
    "Carried",
    "Change",
    "Edit",
    "Gate",
    "Lost",
    "Numbered",
    "WhatIf",
    "WhyNot",
    "apply",
    "vocabulary",
    "what_if",
    "why_not",
]
