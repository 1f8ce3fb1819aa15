"""What several test modules write: mails, and plugins, as objects and as packages that pip would install."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from beleg import Check, Clause, Context, RecordType, RuleSeen, Step, Words, hookimpl

RETURN = RecordType(
    "return",
    "returns",
    {"en": Words("return", "returns"), "de": Words("Retoure", "Retouren")},
    links={"customer": "contact", "order": "order"},
)


def mail(
    subject: str = "Rückfrage",
    body: str = "Guten Tag",
    *,
    sender: str | None = "Anna Kunde <anna@kunde.example>",
    to: str = "shop@firma.example",
    id_: str | None = None,
    reply_to: str | None = None,
    references: str | None = None,
    date: str | None = None,
) -> bytes:
    """A mail in UTF-8. What is None is left out."""
    fields = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Message-ID": id_ and f"<{id_}>",
        "In-Reply-To": reply_to and f"<{reply_to}>",
        "References": references,
        "Date": date,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    return "\n".join([*lines, "", body, ""]).encode()


def day(number: int, hour: int = 10) -> str:
    """A Date in March 2026."""
    return f"{number} Mar 2026 {hour:02}:00:00 +0100"


def publish(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, *, distribution: str | None = None
) -> None:
    """Put a package with one plugin where Python finds it, with an entry point, as pip would."""
    site = folder / f"site-{name}"
    module = f"published_{name}"
    distribution = distribution or f"beleg-{name}"
    info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[beleg]\n{name} = {module}\n")
    (site / f"{module}.py").write_text(dedent(code), encoding="utf-8")
    monkeypatch.syspath_prepend(site)


def plugin(
    *,
    types: Sequence[object] = (),
    steps: Sequence[object] = (),
    rules: Sequence[object] = (),
    clauses: Sequence[object] = (),
) -> SimpleNamespace:
    """A plugin that brings these."""

    def answer(name: str, items: Sequence[object]) -> Callable[[], Sequence[object]]:
        def hook() -> Sequence[object]:
            return items

        hook.__name__ = name
        return hookimpl(hook)

    brought = {
        "beleg_record_types": types,
        "beleg_steps": steps,
        "beleg_rules": rules,
        "beleg_clauses": clauses,
    }
    return SimpleNamespace(**{name: answer(name, items) for name, items in brought.items() if items})


class Failing(Step):
    """Fails on the mails of one sender, while it is told to."""

    name = "failing"
    priority = 150
    on = ""

    def clauses(self) -> Sequence[Clause]:
        return []

    def run(self, context: Context) -> Any:
        if any(each.key == self.on for each in context.participants):
            raise RuntimeError("kaputt")
        yield Check("nothing_found", (RuleSeen("failing.asked", "held"),))
