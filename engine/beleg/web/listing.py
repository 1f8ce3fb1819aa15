"""What lists of mail show of each one: the records as chips, and why the mail is where it is, in a line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from beleg.assignment import Assignment
from beleg.explain import Explainer
from beleg.explain.ladder import Linked, linked_since, short_reason
from beleg.outcome import open_steps
from beleg.record import Record, RecordRef
from beleg.store.inbox import InboxRow, Standing
from beleg.trace import Trace
from beleg.web.language import Language

Types = Mapping[str, str | None]
"""The record type that each step assigns, by the step's name."""


@dataclass(frozen=True)
class Named:
    """A record as lists name it: what people call it (`Order O-81`), what tells it from others (its number, its label),
    and where its page is. `gone`: the ERP no longer has it."""

    ref: RecordRef
    name: str
    number: str = ""
    label: str = ""
    status: str = ""
    gone: bool = False

    @property
    def record(self) -> str:
        """`order:O-81`, as forms say it."""
        return str(self.ref)

    @property
    def type(self) -> str:
        """Its type."""
        return self.ref.type

    @property
    def id(self) -> str:
        """Its id in the ERP."""
        return self.ref.id

    @property
    def path(self) -> str:
        """The address of its page."""
        return f"/records/{quote(self.ref.type, safe='')}/{quote(self.ref.id)}"

    @property
    def about(self) -> str:
        """What fits beside the name in a line."""
        return self.number or self.label


def named(explainer: Explainer, ref: RecordRef, record: Record | None, gone: bool = False) -> Named:
    """A record in the explainer's language; None where the ERP never had it."""
    name = _capital(explainer.phrases.record(str(ref)))
    if record is None:
        return Named(ref, name, gone=True)
    status = explainer.phrases.shown_status(record.status)
    return Named(ref, name, _other(record.number, ref), record.label or "", status, gone)


def chip(explainer: Explainer, each: Standing) -> Named:
    """A record that stands on a mail."""
    name = _capital(explainer.phrases.record(str(each.ref)))
    return Named(each.ref, name, _other(each.number, each.ref), each.label or "", gone=each.gone)


def _other(number: str | None, ref: RecordRef) -> str:
    return number if number and number != ref.id else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason(explainer: Explainer, language: Language, row: InboxRow, types: Types) -> str:
    """Why a mail is where it is: what a person changed since the decision, or else the short reason of the decision;
    and what it left open. Empty before the decision."""
    if row.trace is None:
        return ""
    standing = [str(each.ref) for each in row.records]
    by_hand = " ".join(_by_hand(explainer, language, row.trace, standing))
    said = by_hand or _capital(short_reason(explainer, row.trace))
    return " ".join((said, *_open(explainer, language, row.trace, standing, types)))


def _by_hand(explainer: Explainer, language: Language, trace: Trace, standing: Collection[str]) -> Iterator[str]:
    then = [each.record for each in trace.assigned]
    gone = [each for each in then if each not in standing]
    come = [each for each in standing if each not in then]
    if gone:
        yield language.say("Removed by hand: %(records)s.", records=_names(explainer, gone))
    if come:
        yield language.say("Linked by hand: %(records)s.", records=_names(explainer, come))


def _open(
    explainer: Explainer, language: Language, trace: Trace, standing: Collection[str], types: Types
) -> Iterator[str]:
    phrases = explainer.phrases
    for each in open_steps(trace, standing, types):
        yield language.say(
            "Left open: %(count)s (%(records)s).",
            count=phrases.count(each.total, each.type),
            records=phrases.names(each.candidates, each.type, each.total),
        )


def _names(explainer: Explainer, records: Collection[str]) -> str:
    return ", ".join(map(explainer.phrases.record, records))


def why(explainer: Explainer, assignment: Assignment, decided: Iterable[Linked], record: Record | None) -> Linked:
    """How a record came to stand on a mail, with its one sentence: that of the decision, which linked what is
    `decided`, or that a person set it since."""
    name = str(assignment.record)
    for each in decided:
        if each.record == name and (each.origin == "manual") == (assignment.origin == "manual"):
            return each
    if assignment.origin == "derived" and assignment.source:
        said = explainer.texts["because_hand_follows"].format(source=explainer.phrases.record(assignment.source))
    else:
        said = explainer.texts["because_hand"]
    return linked_since(explainer, assignment.record, assignment.origin, said, record)


def address(path: str, **parameters: str | None) -> str:
    """The address of a page with those parameters that have a value."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path
