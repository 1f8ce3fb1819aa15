"""The answer as the terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from beleg.explain.lines import Line, line
from beleg.explain.render import WIDTH, Explainer
from beleg.explain.why_not.model import WhyNotSeen
from beleg.explain.why_not.tell import told, what_if_said
from beleg.explain.why_not.words import TEXTS

if TYPE_CHECKING:
    from beleg.why_not import WhatIf, WhyNot

SHOWN_CHANGES = 10
"""How many changes the text shows; the JSON has them all."""


def why_not_lines(explainer: Explainer, answer: WhyNot) -> list[Line]:
    """The answer as styled lines."""
    return list(_lines(explainer, answer, told(explainer, answer)))


def what_if_line(explainer: Explainer, found: WhatIf) -> Line:
    """One line: what comes out of the mail without the evidence that decided."""
    return line((what_if_said(explainer, found), "dim"))


def _lines(explainer: Explainer, answer: WhyNot, seen: WhyNotSeen) -> Iterator[Line]:
    mark = f"trace {answer.trace[:12]}"
    yield line((seen.title, "head"), " " * max(2, WIDTH - len(seen.title) - len(mark)), (mark, "dim"))
    yield line(explainer.mail(answer.message))
    yield line((seen.verdict.upper(), "good" if seen.assigned else "bad"), "  ", (seen.clause, "dim"))
    yield from (line((said, "strong")) for said in seen.story)
    if seen.stored:
        yield line((seen.stored, "dim"))
    if seen.evidence:
        yield line()
    yield from _evidence(seen)
    if seen.hurdles:
        yield line()
    yield from _hurdles(seen)
    if seen.changes_head:
        yield line()
        yield from _changes(TEXTS[explainer.language], seen)


def _evidence(seen: WhyNotSeen) -> Iterator[Line]:
    rows = [(each.kind, each.text, each.via) for each in seen.evidence]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row, each in zip(rows, seen.evidence, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield line("  ", ("  ".join((*cells, each.state)), "" if each.in_mail else "dim"))
    if seen.more_evidence:
        yield line("  ", (seen.more_evidence, "dim"))


def _hurdles(seen: WhyNotSeen) -> Iterator[Line]:
    for each in seen.hurdles:
        yield line((f"  {each.head}", "dim"))
        width = max(map(len, each.stages), default=0)
        for stage, rules in each.stages.items():
            yield line((f"    {stage.ljust(width)}  {', '.join(rules)}", "dim"))


def _changes(texts: dict[str, str], seen: WhyNotSeen) -> Iterator[Line]:
    yield line((seen.changes_head, "strong"))
    for number, change in enumerate(seen.changes[:SHOWN_CHANGES], 1):
        yield line(f"  {number:>2}  ", texts["and"].join(change.edits))
        yield line((f"      → {change.then}", "dim"))
    if len(seen.changes) > SHOWN_CHANGES:
        yield line((texts["more"].format(count=len(seen.changes) - SHOWN_CHANGES), "dim"))
    yield line((seen.tried + ("." if seen.complete else texts["stopped"]), "dim"))
