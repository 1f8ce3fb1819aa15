"""What the page shows of a message, put together from what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from beleg.accounts import HANDLED
from beleg.assignment import Assignment
from beleg.explain import Explainer
from beleg.explain.ladder import Ladder, Linked, Span, ladder, pieces
from beleg.message import Message
from beleg.record import RecordRef
from beleg.show import File, Mark, ShownHeader, ShownHtml, ShownText, files, shown_header, shown_html, shown_text
from beleg.store.journal import Entry
from beleg.store.mails import PastDecision, StoredMessage
from beleg.trace import At
from beleg.web.listing import Named, named, why
from beleg.workspace import Opened
from beleg.workspace.corrections import ADDED, REMOVED


@dataclass(frozen=True)
class LinkedRow:
    """A record that stands: its explanation, its sentence in pieces (those that the mail cites marked), who set it by
    hand, when and why, and the records that were derived from it."""

    seen: Linked
    pieces: tuple[tuple[str, bool], ...]
    who: str = ""
    when: str = ""
    note: str = ""
    derived: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemovedRow:
    """A record that a person took off."""

    choice: Named
    who: str
    when: str


@dataclass(frozen=True)
class OpenChoice:
    """What a step left open: which records it could be, and how many there are in all, in words."""

    label: str
    total: str
    choices: tuple[Named, ...]
    more: int


@dataclass(frozen=True)
class Event:
    """Something that happened to the message. `kind` is `decision`, `add`, `remove`, or the name of another act;
    `changes`: how people handled it before and after, by what."""

    at: str
    kind: str
    who: str = ""
    records: str = ""
    note: str = ""
    made: PastDecision | None = None
    changes: tuple[Mapping[str, object], Mapping[str, object]] | None = None


@dataclass(frozen=True)
class View:
    """The page's content. `seen` is None where the message is not decided yet."""

    opened: Opened
    explainer: Explainer
    seen: Ladder | None
    header: ShownHeader
    text: ShownText
    spans: Mapping[str, Span]
    html: ShownHtml | None
    files: tuple[File, ...]
    linked: tuple[LinkedRow, ...]
    removed: tuple[RemovedRow, ...]
    open: tuple[OpenChoice, ...]
    since: tuple[str, ...]
    events: tuple[Event, ...]

    def names(self, refs: Iterable[RecordRef]) -> list[str]:
        """Records as people call them."""
        return [self.explainer.phrases.record(str(ref)) for ref in refs]

    def still_inherited(self, link: LinkedRow) -> StoredMessage | None:
        """The earlier mail from which later replies take a record over, also when it is removed here: the oldest on
        which something stands decides for the thread (RULES.md section 4)."""
        oldest = next((each for each in self.opened.earlier if each.records), None)
        if oldest is None or link.seen.record not in map(str, oldest.records):
            return None
        return oldest.message


def view_of(opened: Opened, explainer: Explainer) -> View:
    """Put it together in the explainer's language."""
    trace = opened.trace
    seen = (
        ladder(explainer, trace, newcomers=opened.newcomers, participants=opened.parsed.participants) if trace else None
    )
    text, spans = _text(opened.raw, opened.parsed, seen)
    live = opened.is_newest
    return View(
        opened,
        explainer,
        seen,
        shown_header(opened.raw, opened.parsed),
        text,
        spans,
        shown_html(opened.raw),
        files(opened.raw),
        tuple(_linked(opened, seen, explainer)) if live else tuple(map(_as_decided, seen.linked if seen else ())),
        tuple(_removed(opened, explainer)) if live else (),
        tuple(_open(opened, explainer)) if live else (),
        tuple(_since(opened, explainer)),
        tuple(_events(opened, explainer)),
    )


# --- the mail ----------------------------------------------------------------------------------------------------


def _text(raw: bytes, parsed: Message, seen: Ladder | None) -> tuple[ShownText, dict[str, Span]]:
    """The text with its highlights, and what each highlight says, by its key."""
    spans = {
        f"{part}-{span.start}": (part, span) for part, found in (seen.spans if seen else {}).items() for span in found
    }
    marks = [Mark(At(part, span.start, span.end), key) for key, (part, span) in spans.items()]
    return shown_text(raw, parsed, marks), {key: span for key, (_, span) in spans.items()}


# --- what is linked ----------------------------------------------------------------------------------------------


def _as_decided(seen: Linked) -> LinkedRow:
    return LinkedRow(seen, tuple(pieces(seen.because, seen.cites)))


def _linked(opened: Opened, seen: Ladder | None, explainer: Explainer) -> Iterator[LinkedRow]:
    """The records that stand now: those that the decision left, and those that a person put there since."""
    acts = {each.payload.get("about"): each for each in opened.journal if each.act == ADDED}
    for each in _standing(opened.own):
        name = str(each.record)
        found = why(explainer, each, seen.linked if seen else (), opened.records.get(each.record))
        act = acts.get(name) if each.origin == "manual" else None
        yield LinkedRow(
            found,
            tuple(pieces(found.because, found.cites)),
            opened.by.get(each.record, "") if each.origin == "manual" else "",
            act.at if act else "",
            str(act.payload.get("note") or "") if act else "",
            tuple(
                explainer.phrases.record(str(other.record))
                for other in _standing(opened.own)
                if other.origin == "derived" and other.source == name
            ),
        )


def _standing(own: Sequence[Assignment]) -> list[Assignment]:
    return list({each.record: each for each in reversed(own) if each.stands}.values())[::-1]


def _removed(opened: Opened, explainer: Explainer) -> Iterator[RemovedRow]:
    standing = {each.record for each in opened.own if each.stands}
    latest = {each.record: each for each in opened.own if each.removed and each.record not in standing}
    for ref, each in latest.items():
        if each.removed:
            yield RemovedRow(named(explainer, ref, opened.records.get(ref)), each.removed.by, each.removed.at)


def _open(opened: Opened, explainer: Explainer) -> Iterator[OpenChoice]:
    standing = set(opened.standing)
    for each in opened.open_steps:
        refs = [RecordRef.parse(name) for name in each.candidates if name not in standing]
        choices = tuple(named(explainer, ref, opened.records.get(ref)) for ref in refs)
        yield OpenChoice(
            explainer.label(each.step),
            explainer.phrases.count(each.total, each.type),
            choices,
            max(0, each.total - len(each.candidates)),
        )


def _since(opened: Opened, explainer: Explainer) -> Iterator[str]:
    """What people changed since the decision."""
    if opened.trace is None or not opened.is_newest:
        return
    then, now = [each.record for each in opened.trace.assigned], opened.standing
    for key, one, other in (("since_removed", then, now), ("since_set", now, then)):
        if records := [record for record in one if record not in other]:
            yield explainer.texts[key].format(records=", ".join(map(explainer.phrases.record, records)))


# --- what happened -----------------------------------------------------------------------------------------------


def _events(opened: Opened, explainer: Explainer) -> list[Event]:
    """Decisions and what people did, the newest first."""
    phrases = explainer.phrases
    found = [
        Event(each.at, "decision", records=", ".join(phrases.record(o.record) for o in each.assigned), made=each)
        for each in opened.decisions
    ]
    found += [_act(each, explainer) for each in opened.journal]
    told = {(event.kind, event.records) for event in found}
    for each in opened.own:
        name = explainer.phrases.record(str(each.record))
        if each.removed and ("remove", name) not in told:
            found.append(Event(each.removed.at, "remove", each.removed.by, name))
    return sorted(found, key=lambda event: _moment(event.at), reverse=True)


def _act(each: Entry, explainer: Explainer) -> Event:
    kinds = {ADDED: "add", REMOVED: "remove"}
    before, after = each.payload.get("before"), each.payload.get("after")
    if each.act == HANDLED and isinstance(before, dict) and isinstance(after, dict):
        return Event(each.at, each.act, each.who, changes=(before, after))
    about = each.payload.get("about")
    try:
        records = explainer.phrases.record(str(about)) if about else ""
    except ValueError:
        records = str(about)
    return Event(each.at, kinds.get(each.act, each.act), each.who, records, str(each.payload.get("note") or ""))


def _moment(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
