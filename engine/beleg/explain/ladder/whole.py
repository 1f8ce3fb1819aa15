"""The whole explanation of one decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from beleg.explain.ladder.build import linked, rungs
from beleg.explain.ladder.evidence import evidence, spans
from beleg.explain.ladder.model import Ladder
from beleg.explain.ladder.notes import short_reason, warnings
from beleg.explain.ladder.words import TEXTS
from beleg.explain.render import Explainer
from beleg.message import Participant
from beleg.trace import Trace


def ladder(
    explainer: Explainer,
    trace: Trace,
    *,
    newcomers: Collection[str] = (),
    participants: Iterable[Participant] = (),
) -> Ladder:
    """Explain a decision in the explainer's language. `newcomers` and `participants`: see `warnings`."""
    seen = evidence(explainer, trace)
    beyond = len(trace.addresses) + len(trace.numbers) - len(seen)
    return Ladder(
        explainer.language,
        trace.message,
        short_reason(explainer, trace),
        tuple(explainer.summary(trace)),
        warnings(explainer, trace, newcomers, participants),
        linked(explainer, trace),
        rungs(explainer, trace),
        seen,
        dict(spans(seen)),
        TEXTS[explainer.language]["more_evidence"].format(count=beyond) if beyond else "",
    )
