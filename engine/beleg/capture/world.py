"""A scenario of a case: the smallest world in which the mail is decided as it was."""

from __future__ import annotations

from collections.abc import Iterable

from beleg.assignment import earlier, kept_on_rerun
from beleg.case import Case, StoredMail
from beleg.ignore import IgnoreList
from beleg.message import Message, parse
from beleg.orchestrator import Decision
from beleg.scenario import Expectation, Scenario
from beleg.step import RuleSettings
from beleg.thread import thread_of
from beleg.trace import Trace

_LONGEST_SUBJECT = 60


def scenario_of(
    case: Case, raw: bytes, mailbox: Iterable[StoredMail], decision: Decision, title: str | None = None
) -> Scenario:
    """The case as a scenario that expects what was decided: with the records of the case, of its thread (`mailbox`) the
    earlier mails and what ties them to this one, of the ignored entries those that took an address of this mail out,
    and of what stands on the mail that which a run leaves there."""
    return Scenario(
        "",
        0,
        title or title_of(case.message, decision.trace),
        tuple(case.directory.all().values()),
        _applied(case.ignored, decision.trace),
        RuleSettings(case.settings.on_conflict, case.settings.min_reference_length),
        _thread(case, tuple(mailbox)),
        kept_on_rerun(case.own),
        raw,
        expectation(decision.trace),
    )


def _thread(case: Case, mailbox: tuple[StoredMail, ...]) -> tuple[StoredMail, ...]:
    """The earlier mails; all, where some of them are tied to this one through a later one only."""
    before = {each.sha256 for each in earlier(case.thread, case.message.date, case.message.sha256)}
    parsed = [(mail, message) for mail in mailbox if (message := parse(mail.raw)).sha256 in before]
    tied = thread_of(case.message, [message for _, message in parsed])
    return tuple(mail for mail, _ in parsed) if tied == before else mailbox


def expectation(trace: Trace) -> Expectation:
    """All that can be expected of this decision: the records, how each came to stand, and every clause that held."""
    origins = {outcome.record: outcome.origin for outcome in trace.assigned}
    return Expectation(frozenset(origins), dict(origins), tuple(trace.held()))


def title_of(message: Message, trace: Trace) -> str:
    """`Frage zu AB-1042: order:O-81, contact:K-5 (3f2a9c01)`. The end is the mail's own, so that titles differ."""
    subject = message.subject or "(no subject)"
    if len(subject) > _LONGEST_SUBJECT:
        subject = subject[: _LONGEST_SUBJECT - 1] + "…"
    return f"{subject}: {outcome_of(trace)} ({message.sha256[:8]})"


def outcome_of(trace: Trace) -> str:
    """The records that stand, in a few words."""
    records = [outcome.record for outcome in trace.assigned]
    more = f" and {len(records) - 4} more" if len(records) > 4 else ""
    return ", ".join(records[:4]) + more if records else "nothing assigned"


def _applied(ignored: IgnoreList, trace: Trace) -> IgnoreList:
    applied = {(seen.ignored_as, seen.ignored) for seen in trace.addresses}
    return ignored.only(dict.fromkeys(entry for entry, _ in ignored.entries() if entry in applied))
