"""The closed vocabulary of changes to a message's world, and how each is made on a copy of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from beleg.assignment import Assignment, ThreadMessage, earlier, removals
from beleg.case import Case
from beleg.directory import address_entry, reference_entry
from beleg.evidence import Evidence, FoundNumber, Span, extract
from beleg.keys import reference_key
from beleg.lookup import entries_of
from beleg.message import Message, TextPart
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.whynot.answer import Edit

ADDED = "+"
"""The part of the mail that a number which the mail does not name is written into: the last of its content."""


def vocabulary(case: Case, target: Record, installed: Installed, max_edits: int) -> list[Edit]:
    """Every edit that could have to do with assigning the record, the likelier ones first.

    Left out is the absence of one of a crowd: of so many records by one address that taking away `max_edits` of them
    changes no count that a rule asks for.
    """
    addresses = _addresses(case.evidence)
    named = {number.key: number for number in numbers_of(case)}
    return [
        *_names(case, target, named),
        *(Edit("carries", str(target.ref), address=text) for text in _not_carried(case, target, addresses)),
        *(Edit("names_not", number=number.text) for number in named.values()),
        *_thread_edits(case),
        *_not_ignored(case, addresses),
        *_rivals(case, target, installed, max_edits),
    ]


def numbers_of(case: Case) -> list[FoundNumber]:
    """The numbers that the mail names, each once, at its first place."""
    first: dict[str, FoundNumber] = {}
    for number in _occurrences(case):
        first.setdefault(number.key, number)
    return list(first.values())


def _occurrences(case: Case) -> tuple[FoundNumber, ...]:
    keys = case.evidence.possible_keys()
    known = case.directory.find([reference_entry(key) for key in keys], ())
    return case.evidence.numbers({key for key in keys if reference_entry(key) in known})


def written(message: Message, number: str, shortest: int) -> tuple[TextPart, tuple[Span, ...]] | None:
    """A part that names the number, and the numbers in it; None where a text can't name it (it is too short, or has no
    digit)."""
    part = TextPart(ADDED, "text/plain", number)
    blank = TextPart("subject", "subject", "")
    alone = replace(message, participants=(), subject_part=blank, content=(part,), limit=None)
    key = reference_key(number)
    for found, spans in extract(alone, min_reference_length=shortest).spans:
        if any(span.key == key for span in spans):
            return found, spans
    return None


def conflicting(one: Edit, other: Edit) -> bool:
    """Whether two edits can't both be made, or one makes the other idle: they are about the same thing."""
    if one.record and one.kind in ("status", "absent"):
        return one.record == other.record and other.kind in ("status", "absent")
    return bool(one.sha256) and one.sha256 == other.sha256 and "unassigned" in (one.kind, other.kind)


def apply(case: Case, edit: Edit) -> Case:
    """The case with the edit made."""
    if edit.kind in ("names", "names_not"):
        return replace(case, evidence=_evidence(case, edit))
    if edit.kind in ("carries", "status", "absent"):
        ref = RecordRef.parse(edit.record)
        return replace(case, directory=case.directory.changed({ref: _record(case, ref, edit)}))
    if edit.kind == "not_ignored":
        return replace(case, ignored=case.ignored.without(edit.entry_kind, edit.entry))
    if not edit.sha256:
        return replace(case, own=tuple(_taken_back(each, edit) for each in case.own))
    thread = tuple(_in_thread(each, edit) if each.sha256 == edit.sha256 else each for each in case.thread)
    return replace(case, thread=thread)


# --- the mail ------------------------------------------------------------------------------------------------


def _names(case: Case, target: Record, named: Collection[str]) -> Iterator[Edit]:
    tried = set(named)
    for number in (target.number or "", *(reference.number for reference in target.references)):
        if (key := reference_key(number)) and key not in tried:
            tried.add(key)
            if written(case.message, number, case.settings.min_reference_length):
                yield Edit("names", number=number)


def _evidence(case: Case, edit: Edit) -> Evidence:
    evidence = case.evidence
    if edit.kind == "names":
        added = written(case.message, edit.number, case.settings.min_reference_length)
        return replace(evidence, spans=(*evidence.spans, added)) if added else evidence
    return without_numbers(case, {reference_key(edit.number)})


def without_numbers(case: Case, keys: Collection[str]) -> Evidence:
    """The evidence of the mail when what names these numbers is not in it."""
    places = [number.place for number in _occurrences(case) if number.key in keys]
    spans = []
    for part, possible in case.evidence.spans:
        gone = [place for place in places if place.part == part.part]
        left = tuple(s for s in possible if not any(s.start < p.end and p.start < s.end for p in gone))
        if left:
            spans.append((part, left))
    return replace(case.evidence, spans=tuple(spans))


def _addresses(evidence: Evidence) -> dict[str, str]:
    """Key and text of each address of the mail."""
    return {found.key: found.text for found in (*evidence.participants, *evidence.content)}


# --- the ERP -------------------------------------------------------------------------------------------------


def _not_carried(case: Case, target: Record, addresses: dict[str, str]) -> Iterator[str]:
    carried = case.directory.entries(target)
    yield from (text for key, text in addresses.items() if address_entry(key) not in carried)


def _record(case: Case, ref: RecordRef, edit: Edit) -> Record | None:
    record = case.directory.all()[ref]
    if edit.kind == "absent":
        return None
    if edit.kind == "status":
        return replace(record, status=edit.status)
    return replace(record, addresses=(*record.addresses, edit.address))


def _rivals(case: Case, target: Record, installed: Installed, max_edits: int) -> Iterator[Edit]:
    standing = {each.record for found in (case.own, *(m.assignments for m in case.thread)) for each in found}
    entries = entries_of(case.evidence) | {reference_entry(key) for key in target.reference_keys()}
    near = case.directory.carrying(entries) | standing
    rivals = sorted(ref for ref in case.directory.records(near) if ref != target.ref)
    for ref in rivals:
        declared = installed.types.get(ref.type)
        has = case.directory.all()[ref].status
        for status in declared.statuses if declared else ():
            if declared and status != declared.facet(has):
                yield Edit("status", str(ref), status=status)
    crowd = set(_crowd(case, rivals, entries, max_edits + _largest_number(installed)))
    yield from (Edit("absent", str(ref)) for ref in rivals if ref not in crowd or ref in standing)


def _crowd(case: Case, rivals: Collection[RecordRef], entries: Collection[str], bound: int) -> Iterator[RecordRef]:
    """Those that bear no number of the mail, that nothing points at, and of whose like there are more than `bound` by
    each address of the mail that they carry."""
    directory, records = case.directory, case.directory.all()
    pointed_at = {link.target for record in records.values() for link in record.links}
    times = Counter(
        (entry, directory.group(records[ref]))
        for ref in directory.carrying(entries)
        for entry in directory.entries(records[ref]).intersection(entries)
    )
    for ref in rivals:
        group = directory.group(records[ref])
        carried = directory.entries(records[ref]).intersection(entries)
        if ref not in pointed_at and all(entry[0] == "@" and times[entry, group] > bound for entry in carried):
            yield ref


def _largest_number(installed: Installed) -> int:
    """The largest count that any rule compares with."""
    conditions = [condition for table in installed.tables.values() for condition in table.conditions()]
    return max((comparison.number for condition in conditions for comparison in condition), default=0)


# --- ignored addresses ---------------------------------------------------------------------------------------


def _not_ignored(case: Case, addresses: dict[str, str]) -> Iterator[Edit]:
    for entry, key in case.ignored.applying(addresses):
        yield Edit("not_ignored", address=addresses[key], entry=entry.text, entry_kind=entry.kind)


# --- the thread, and what a person did -----------------------------------------------------------------------


def _thread_edits(case: Case) -> Iterator[Edit]:
    for ref in sorted(removals(case.own)):
        yield Edit("not_removed", str(ref))
    for message in earlier(case.thread, case.message.date, case.message.sha256):
        if message.assignments:
            yield Edit("unassigned", message=message.name, sha256=message.sha256)
        for ref in dict.fromkeys(each.record for each in message.assignments if each.removed):
            yield Edit("not_removed", str(ref), message=message.name, sha256=message.sha256)


def _in_thread(message: ThreadMessage, edit: Edit) -> ThreadMessage:
    if edit.kind == "unassigned":
        return replace(message, assignments=())
    return replace(message, assignments=tuple(_taken_back(each, edit) for each in message.assignments))


def _taken_back(each: Assignment, edit: Edit) -> Assignment:
    return replace(each, removed=None) if each.removed and str(each.record) == edit.record else each
