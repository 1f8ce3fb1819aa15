"""The report of a replay in words: what the terminal prints, and the phrases that the page shares with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from beleg.explain import Line
from beleg.explain.lines import line
from beleg.explain.phrases import Phrases
from beleg.orchestrator.ruleset import Difference
from beleg.replay.change import KINDS, Cause, Change, Kind
from beleg.replay.report import Group, OtherRules, Report
from beleg.replay.words import TEXTS

STYLES: dict[Kind, str] = {"gained": "good", "lost": "bad", "other": "bad", "failed": "bad"}


class Wording:
    """The phrases of a report in one language."""

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases
        self.language = phrases.language
        self.texts = TEXTS[phrases.language]

    def clause(self, name: str) -> str:
        """A clause, or what stands in its place."""
        return self.texts.get(name, name)

    def causes(self, causes: Sequence[Cause]) -> str:
        """`rules, records`."""
        return ", ".join(self.texts[cause] for cause in causes)

    def records(self, names: Sequence[str]) -> str:
        """`order O-81, contact K-5`, or that there is none."""
        return self._phrases.names(names, "") if names else self.texts["no_record"]

    def subject(self, change: Change) -> str:
        """The subject of the mail, in quotes."""
        return f'"{change.subject}"' if change.subject else self.texts["no_subject"]

    def head(self, report: Report) -> str:
        """What was compared with what."""
        key = "against_baseline" if report.two_configurations else "against_stored"
        return self.texts[key].format(total=report.total)

    def rule_set(self, other: OtherRules, report: Report) -> str:
        """Which rule set is compared with which."""
        return self.texts["rule_set_other"].format(id=other.id, count=other.decisions, now=report.ruleset)

    def difference(self, each: Difference) -> tuple[str, str, str]:
        """What differs between two rule sets: which thing, before, now."""
        absent = self.texts["absent"]
        return f"{self.texts[each.kind]} {each.name}", each.before or absent, each.after or absent

    def say(self, key: str, **values: object) -> str:
        """A text by its key."""
        return self.texts[key].format(**values)


def lines(report: Report, wording: Wording) -> Iterator[Line]:
    """The report as styled lines."""
    say = wording.say
    if not report.total:
        yield line(say("nothing_selected"))
        return
    yield line((wording.head(report), "head"))
    width = max(len(str(count)) for count in report.counts.values())
    for kind in KINDS:
        if count := report.counts[kind]:
            more = report.other_clauses if kind == "explanation" else 0
            note = f" ({say('other_clauses', count=more)})" if more else ""
            yield line(f"  {count:>{width}}  ", (say(kind), STYLES.get(kind, "")), note)
    compared = report.total - report.counts["undecided"] - report.counts["failed"]
    if compared and compared == report.counts["same"]:
        yield line((say("nothing_changed"), "strong"))
    elif compared and not report.groups:
        yield line((say("no_outcome"), "strong"))
    yield from _groups(report, wording)
    yield from _rule_sets(report, wording)
    for each in report.failed[:10]:
        yield line((f"{say('failed')}: ", "bad"), f"{each.row} {wording.subject(each)}: {each.error}")
    if len(report.failed) > 10:
        yield line(say("more", count=len(report.failed) - 10))


def _groups(report: Report, wording: Wording) -> Iterator[Line]:
    if not report.groups:
        return
    yield line()
    yield line((wording.say("outcomes"), "head"))
    width = max(len(str(len(group.changes))) for group in report.groups)
    for group in report.groups:
        count = f"  {len(group.changes):>{width}}  "
        clauses = f"{wording.clause(group.from_)} → {wording.clause(group.to)}"
        yield line(count, (wording.say(group.kind), STYLES[group.kind]), f": {clauses}")
        yield from _detail(group, wording, " " * len(count))
    if report.covered:
        yield line("  ", wording.say("covered", covered=report.covered, outcomes=report.outcomes))


def _detail(group: Group, wording: Wording, indent: str) -> Iterator[Line]:
    split = "; ".join(f"{wording.causes(causes)} ({count})" for causes, count in group.causes)
    yield line(f"{indent}{wording.say('because')}: {split}")
    first = group.changes[0]
    yield line(f"{indent}{wording.say('example')} {first.row} {wording.subject(first)}")
    yield line(f"{indent}  {wording.records(first.before)} → {wording.records(first.after)}")
    if first.changed:
        yield line(f"{indent}  {wording.say('changed')}: {', '.join(first.changed[:8])}")


def _rule_sets(report: Report, wording: Wording) -> Iterator[Line]:
    if report.others:
        yield line()
    for other in report.others:
        yield line((wording.rule_set(other, report), "head"))
        if other.differences is None:
            yield line("  ", wording.say("rule_set_unknown"))
        for each in other.differences or ():
            what, before, after = wording.difference(each)
            yield line(f"  {what}: {before} → {after}")
