"""Makes a captured scenario shareable: stand-ins for addresses, names, ids, numbers and texts.

The decision stays: the same clauses hold, and the records that are assigned are the stand-ins of those that were. Dates
stay, and so do the words of the ERP (types, statuses, roles of links, kinds of numbers) that tell nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from random import Random

from beleg.assignment import Assignment, Removal
from beleg.capture.numbers import Alphabet, NoStandIns, Numbers, key_of
from beleg.capture.originals import Originals
from beleg.capture.rebuild import Rebuilder
from beleg.capture.save import CaptureFailed
from beleg.capture.stand_ins import StandIns, Words
from beleg.capture.world import expectation
from beleg.case import StoredMail
from beleg.ignore import IgnoreList
from beleg.message import Message, parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import Installed
from beleg.record import CUSTOMER, Link, Record, RecordRef, Reference, role_types
from beleg.scenario import Scenario, case
from beleg.trace import Trace

_TRIES = 10


def masked(
    scenario: Scenario,
    decision: Decision,
    installed: Installed,
    *,
    title: str | None = None,
    seed: int | None = None,
) -> tuple[Scenario, Decision]:
    """The scenario of a decision with stand-ins, and what is decided in it. The stand-ins are drawn by chance, anew on
    every call; with a `seed` they are the same on every call.
    Raises CaptureFailed where the decision would be another, or something would be told."""
    random = Random(secrets.randbits(128) if seed is None else seed)
    engine = Engine(installed, scenario.settings)
    mask = _Mask(scenario, engine)
    if title and (told := next(mask.originals.told_by_title(title), None)):
        raise CaptureFailed(f"the title tells {told!r}; give another one, or none")
    for _ in range(_TRIES):
        try:
            made = mask.made(random, decision.trace, title)
        except NoStandIns as error:
            raise CaptureFailed(f"this can't be masked: {error}") from None
        if not (told := next(mask.originals.told(_texts(made.scenario)), None)):
            break
    else:
        raise CaptureFailed(f"this can't be masked: {told!r} is still told by the file")
    after = case(made.scenario, installed).decide(engine)
    _compare(decision.trace, after.trace, made.stand_ins)
    return replace(made.scenario, expect=expectation(after.trace)), after


@dataclass(frozen=True)
class _Made:
    scenario: Scenario
    stand_ins: StandIns


class _Mask:
    """One scenario, read once; masked as often as it takes."""

    def __init__(self, scenario: Scenario, engine: Engine) -> None:
        self._scenario = scenario
        self._types = engine.installed.types
        self._roles = {CUSTOMER, *role_types(self._types.values())}
        self._message = parse(scenario.raw)
        self._others = [parse(mail.raw) for mail in scenario.mailbox]
        self._evidence = engine.read(self._message)
        self._keys = list(map(key_of, _numbers(scenario.records)))
        self.originals = Originals(scenario, [self._message, *self._others])

    def made(self, random: Random, trace: Trace, title: str | None) -> _Made:
        """The scenario with stand-ins drawn anew. Raises NoStandIns."""
        originals = self.originals
        alphabet = Alphabet(random, [*originals.words, *map(key_of, originals.numbers)])
        found = {part.part: spans for part, spans in self._evidence.spans}
        parts = [(part, found.get(part.part, ())) for part in (self._message.subject_part, *self._message.content)]
        shortest = self._scenario.settings.min_reference_length
        numbers = Numbers(self._keys, parts, shortest, alphabet, originals.tells)
        stand_ins = StandIns(Words(random, originals.tells), numbers, alphabet, self._types)
        ids = [each.message_id for each in (self._message, *self._others) if each.message_id]
        rebuilder = Rebuilder(stand_ins, numbers, alphabet, ids)
        title = title or f"{_headline(trace)} ({stand_ins.words.new()})"
        return _Made(self._with(stand_ins, rebuilder, title), stand_ins)

    def _with(self, stand_ins: StandIns, rebuilder: Rebuilder, title: str) -> Scenario:
        scenario = self._scenario
        ignored = scenario.ignored
        beyond = self._message.limit or self._evidence.limit
        return replace(
            scenario,
            title=title,
            records=tuple(sorted((self._record(each, stand_ins) for each in scenario.records), key=lambda r: r.ref)),
            ignored=IgnoreList(
                map(stand_ins.address, ignored.users),
                map(stand_ins.address, ignored.groups),
                map(stand_ins.entry, ignored.blacklist),
            ),
            mailbox=tuple(self._mailbox(rebuilder, stand_ins)),
            assignments=tuple(_assignment(each, stand_ins, rebuilder) for each in scenario.assignments),
            raw=rebuilder.beyond_limits(self._message) if beyond else rebuilder.mail(self._message),
        )

    def _record(self, record: Record, stand_ins: StandIns) -> Record:
        declared = self._types.get(record.ref.type)
        status = record.status
        if status and not (declared and status in declared.statuses):
            status = stand_ins.term(status)  # nothing depends on it
        return Record(
            stand_ins.record(record.ref),
            stand_ins.number(record.number) if record.number else None,
            stand_ins.name(record.label) if record.label else None,
            status,
            tuple(map(stand_ins.address, record.addresses)),
            tuple(Reference(stand_ins.term(kind), stand_ins.number(number)) for kind, number in record.references),
            tuple(
                Link(role if role in self._roles else stand_ins.term(role), stand_ins.record(target))
                for role, target in record.links
            ),
        )

    def _mailbox(self, rebuilder: Rebuilder, stand_ins: StandIns) -> Iterator[StoredMail]:
        ties: dict[tuple[datetime | None, str | None], list[str]] = {}
        for each in self._others:
            ties.setdefault((each.date, each.message_id), []).append(each.bytes_sha256)
        for stored, message in zip(self._scenario.mailbox, self._others, strict=True):
            tied = sorted(ties[message.date, message.message_id])
            raw = _in_place(rebuilder, message, tied.index(message.bytes_sha256), len(tied))
            yield StoredMail(raw, tuple(_assignment(each, stand_ins, rebuilder) for each in stored.assignments))


def _in_place(rebuilder: Rebuilder, message: Message, place: int, count: int) -> bytes:
    """The mail anew. Where several share a date and an id, the sha256 of their bytes is their order (RULES.md section
    4): that of these bytes lies in the `place`th of `count` equal ranges."""
    raw = rebuilder.other(message)
    tie = 0
    while count > 1 and int(sha256(raw).hexdigest()[:8], 16) * count >> 32 != place:
        tie += 1
        raw = rebuilder.other(message, str(tie))
    return raw


def _numbers(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        yield record.number or ""
        yield from (reference.number for reference in record.references)


def _assignment(each: Assignment, stand_ins: StandIns, rebuilder: Rebuilder) -> Assignment:
    source = None
    if each.source and each.origin == "derived" and ":" in each.source:
        source = str(stand_ins.record(RecordRef.parse(each.source)))
    elif each.source:
        source = rebuilder.id(each.source)
    removed = Removal(stand_ins.person(each.removed.by), _time(each.removed.at)) if each.removed else None
    return Assignment(stand_ins.record(each.record), each.origin, source, removed)


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _headline(trace: Trace) -> str:
    """The clauses that assigned something, or the last one that held."""
    held = [rule.clause for check in trace.checks() if check.assigned for rule in check.rules if rule.result == "held"]
    return ", ".join(dict.fromkeys(held)) or ", ".join(trace.held()[-1:]) or "no clause"


def _texts(scenario: Scenario) -> Iterator[str]:
    """All that stands in the file in place of an original."""
    for record in scenario.records:
        yield from (record.ref.id, record.number or "", record.label or "", *record.addresses)
        yield from (text for reference in record.references for text in reference)
        yield from (link.target.id for link in record.links)
    yield from (*scenario.ignored.users, *scenario.ignored.groups, *scenario.ignored.blacklist)
    for each in (*scenario.assignments, *(each for mail in scenario.mailbox for each in mail.assignments)):
        yield from (each.record.id, each.source or "", each.removed.by if each.removed else "")
    for raw in (scenario.raw, *(mail.raw for mail in scenario.mailbox)):
        message = parse(raw)
        yield from (message.message_id or "", *message.references, message.subject)
        yield from (text for participant in message.participants for text in (participant.name, participant.address))
        yield from (part.text for part in message.content)
        yield from (span.address or "" for part in message.content for span in part.spans)


def _compare(before: Trace, after: Trace, stand_ins: StandIns) -> None:
    expected = {str(stand_ins.record(RecordRef.parse(one.record))): one.origin for one in before.assigned}
    found = {one.record: one.origin for one in after.assigned}
    if before.held() != after.held() or expected != found:
        raise CaptureFailed(
            f"masked, the mail is decided otherwise: {_listed(before.held())} became {_listed(after.held())}, "
            f"{_listed(expected)} became {_listed(found)}"
        )


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items) or "(nothing)"
