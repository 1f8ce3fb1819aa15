"""The step history: an answer belongs where the mail it answers belongs (RULES.md section 4)."""

from collections.abc import Sequence

from beleg import Step, hookimpl
from beleg_history.step import HistoryStep


@hookimpl
def beleg_steps() -> Sequence[Step]:
    """The step."""
    return [HistoryStep()]
