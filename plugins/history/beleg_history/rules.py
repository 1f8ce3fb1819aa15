"""The decision table of the step history, for one earlier message of the thread.

Counts:
  standing   assignments that stand on it, of any origin
  removed    assignments that were made automatically (automatic, inherited, derived) and removed by hand
"""

from beleg import Rule, Table

MESSAGE = Table(
    "history.message",
    ("standing", "removed"),
    (
        Rule("assigned", "standing >= 1", "adopt", "beleg_history"),
        Rule("removed", "removed >= 1", "adopt_removal", "beleg_history"),
        Rule("next", "otherwise", "next", "beleg_history"),
    ),
)
