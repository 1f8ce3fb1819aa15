"""What would change: stored messages decided anew under other rules, plugins or settings, and compared.

`change` compares two decisions; `run` decides and compares some messages; `spread` all of a selection, on several
processes; `report` sums up, `text` and `page` say it to people.
"""

from beleg.replay.change import CAUSES, KINDS, OUTCOMES, Change
from beleg.replay.report import Allowed, Report, sum_up
from beleg.replay.spread import check_jobs, replay, rulesets, select

__all__ = [
    "CAUSES",
    "KINDS",
    "OUTCOMES",
    "Allowed",
    "Change",
    "Report",
    "check_jobs",
    "replay",
    "rulesets",
    "select",
    "sum_up",
]
