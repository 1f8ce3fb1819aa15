"""What is said in a line: the reason that the inbox shows, and what a person should look at."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator

from beleg.evidence import addresses_in
from beleg.explain.ladder.model import Caution
from beleg.explain.ladder.words import TEXTS
from beleg.explain.render import Explainer
from beleg.frame_clauses import LIMIT
from beleg.ignore import OWN_KINDS
from beleg.keys import address_key
from beleg.message import Participant, TextPart
from beleg.trace import Trace

LONGEST = 120
"""Characters of a short reason."""
FEW = 3
_BRACKETS = re.compile(r" \([^()]*\)\.$")


def short_reason(explainer: Explainer, trace: Trace, most: int = LONGEST) -> str:
    """Why the mail is where it is, in one line of at most `most` characters: the first sentence of the summary, or,
    where that is too long, without what stands in brackets at its end, or what the clause says; cut off with … where
    nothing is short enough."""
    first = " ".join(explainer.summary(trace)[0].split())
    if len(first) <= most:
        return first
    bare = _BRACKETS.sub(".", first)
    if len(bare) <= most:
        return bare
    if deciding := next(((s.step, check) for s in trace.steps for check in s.checks if check.assigned), None):
        said = explainer.said(deciding[1], deciding[0])
        if len(said) < most:
            return f"{said}."
    shortened = textwrap.shorten(first, most, placeholder=" …")
    # One word may be longer than the line.
    return shortened if len(shortened) > most // 2 else first[: most - 1] + "…"


def warnings(
    explainer: Explainer,
    trace: Trace,
    newcomers: Collection[str] = (),
    participants: Iterable[Participant] = (),
) -> tuple[Caution, ...]:
    """What a support agent should look at before he relies on the decision.

    `newcomers` are the keys of senders that had no part in the thread so far (`beleg.thread.newcomers`); users and
    groups of the company are none. `participants` are the message's own, for their names.
    """
    return tuple(_warnings(explainer, trace, newcomers, participants))


def _warnings(
    explainer: Explainer, trace: Trace, newcomers: Collection[str], participants: Iterable[Participant]
) -> Iterator[Caution]:
    texts = TEXTS[explainer.language]
    if limit := next(((s.step, c) for s in trace.steps for c in s.checks if c.clause == LIMIT), None):
        said = explainer.said(limit[1], limit[0])
        yield Caution("limit", f"{said[:1].upper()}{said[1:]}.")
    senders = [seen for seen in trace.addresses if seen.at.part == "From"]
    new = [seen.address for seen in senders if seen.key in newcomers and seen.ignored_as not in OWN_KINDS]
    if new:
        inherited = any(outcome.origin == "inherited" for outcome in trace.assigned)
        said = texts["newcomer"].format(address=_few(new, texts))
        yield Caution("newcomer", f"{said} {texts['newcomer_inherited']}" if inherited else said)
    for sender in participants:
        if sender.field == "From" and (name := _another_address(sender)):
            yield Caution("misleading_name", texts["misleading_name"].format(name=name, address=sender.address))
    codes = {notice.code for notice in trace.notices}
    if "several_from" in codes:
        said = _few([seen.address for seen in senders], texts)
        yield Caution("several_from", texts["several_from"].format(addresses=said))
    if any(code.startswith("broken_") or code == "no_boundary" for code in codes):
        yield Caution("broken", texts["broken"])


def _few(addresses: list[str], texts: dict[str, str]) -> str:
    more = len(addresses) - FEW
    said = ", ".join(addresses[:FEW])
    return f"{said} {texts['and_more'].format(count=more)}" if more > 0 else said


def _another_address(sender: Participant) -> str:
    """The name of a sender where it holds another address than his."""
    found = addresses_in(TextPart("name", "header", sender.name))
    return sender.name if any(address_key(text) != sender.key for _, _, text in found) else ""
