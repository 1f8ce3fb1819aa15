"""The report of a replay as one page to send around: nothing is loaded from outside, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beleg.printable import printable
from beleg.replay.change import KINDS
from beleg.replay.report import Report
from beleg.replay.text import STYLES, Wording

SHOWN = 50
"""How many mails of a group the page lists."""
_TEMPLATE = Path(__file__).with_name("page.html")


def page(report: Report, wording: Wording) -> str:
    """The HTML. Whatever a mail says is text in it, never markup."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_printable
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        language=wording.language,
        report=report,
        wording=wording,
        say=wording.say,
        kinds=[(kind, report.counts[kind], STYLES.get(kind, "")) for kind in KINDS if report.counts[kind]],
        groups=list(_groups(report, wording)),
        shown=SHOWN,
    )


def _printable(value: Any) -> Any:
    """What a page can hold of a value that a template prints."""
    return printable(value) if isinstance(value, str) else value


def _groups(report: Report, wording: Wording) -> Iterator[dict[str, Any]]:
    for group in report.groups:
        yield {
            "kind": group.kind,
            "style": STYLES[group.kind],
            "from": wording.clause(group.from_),
            "to": wording.clause(group.to),
            "count": len(group.changes),
            "causes": [(wording.causes(causes), count) for causes, count in group.causes],
            "changes": group.changes[:SHOWN],
            "more": len(group.changes) - SHOWN,
        }
