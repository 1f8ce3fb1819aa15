"""The closed vocabulary of changes to a message's world, and how each is made on a copy of it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

from beleg.assignment import Assignment, ThreadMessage, earlier, records_of, removals
from beleg.case import Case
from beleg.directory import LISTED, reference_entry
from beleg.evidence import Evidence, FoundNumber, Span, extract
from beleg.keys import reference_key
from beleg.lookup import entries_of
from beleg.message import TextPart, parse
from beleg.plugins import Installed
from beleg.record import Record, RecordRef
from beleg.why_not.answer import Edit

ADDED = "+"
"""The part of the mail that a number which the mail does not name is written into: the last of its content."""


def vocabulary(case: Case, target: Record, installed: Installed, max_edits: int) -> list[Edit]:
    """Every edit that could have to do with assigning the record, the likelier ones first.

    Left out is the absence of one of a crowd: of so many records by one address that taking away `max_edits` of them
    changes no count that a rule asks for.
    """
    addresses = {found.key: found.text for found in (*case.evidence.participants, *case.evidence.content)}
    named = numbers_of(case)
    nameable = _nameable(case, target, installed, {number.key for number in named})
    return [
        *(Edit("names", number=number) for number in nameable),
        *(Edit("carries", str(target.ref), address=text) for text in _not_carried(target, addresses)),
        *(Edit("names_not", number=number.text) for number in named),
        *_thread_edits(case),
        *_not_ignored(case, addresses),
        *_rivals(case, target, installed, nameable, max_edits),
    ]


def relevant(case: Case) -> Case:
    """The case without what no edit makes count: ignored entries that take no address of the mail out, and possible
    numbers that the ERP does not know."""
    keys = {found.key for found in (*case.evidence.participants, *case.evidence.content)}
    known = _known(case)
    kept = [(part, tuple(span for span in spans if span.key in known)) for part, spans in case.evidence.spans]
    return replace(
        case,
        evidence=replace(case.evidence, spans=tuple((part, spans) for part, spans in kept if spans)),
        ignored=case.ignored.only(entry for entry, _ in case.ignored.applying(keys)),
    )


def numbers_of(case: Case) -> list[FoundNumber]:
    """The numbers that the mail names, each once, at its first place."""
    first: dict[str, FoundNumber] = {}
    for number in occurrences(case):
        first.setdefault(number.key, number)
    return list(first.values())


def occurrences(case: Case) -> tuple[FoundNumber, ...]:
    """Every place where the mail names a number that the ERP knows."""
    return case.evidence.numbers(_known(case))


def _known(case: Case) -> set[str]:
    keys = case.evidence.possible_keys()
    known = case.directory.find([reference_entry(key) for key in keys], ())
    return {key for key in keys if reference_entry(key) in known}


def conflicting(one: Edit, other: Edit) -> bool:
    """Whether two edits can't both be made, or one makes the other idle: they are about the same thing."""
    if one.record and one.kind in ("status", "absent"):
        return one.record == other.record and other.kind in ("status", "absent")
    return bool(one.sha256) and one.sha256 == other.sha256 and "unassigned" in (one.kind, other.kind)


def apply(case: Case, edits: Iterable[Edit]) -> Case:
    """The case with the edits made; those of the mail last, for what it names is what the ERP then knows."""
    edits = list(edits)
    for edit in edits:
        if not edit.in_mail:
            case = apply_to_world(case, edit)
    return apply_to_mail(case, [edit for edit in edits if edit.in_mail])


def apply_to_world(case: Case, edit: Edit) -> Case:
    """The case with one edit made that is not of the mail."""
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


def apply_to_mail(case: Case, edits: Sequence[Edit]) -> Case:
    """The case with edits of the mail made."""
    if not edits:
        return case
    gone = {reference_key(edit.number) for edit in edits if edit.kind == "names_not"}
    evidence = without_numbers(case, gone) if gone else case.evidence
    shortest = case.settings.min_reference_length
    added = [written(edit.number, shortest) for edit in edits if edit.kind == "names"]
    return replace(case, evidence=replace(evidence, spans=(*evidence.spans, *filter(None, added))))


def without_numbers(case: Case, keys: Collection[str]) -> Evidence:
    """The evidence of the mail when what names these numbers is not in it."""
    places = [number.place for number in occurrences(case) if number.key in keys]
    spans = []
    for part, possible in case.evidence.spans:
        gone = [place for place in places if place.part == part.part]
        left = tuple(s for s in possible if not any(s.start < p.end and p.start < s.end for p in gone))
        if left:
            spans.append((part, left))
    return replace(case.evidence, spans=tuple(spans))


@lru_cache(maxsize=4096)
def written(number: str, shortest: int) -> tuple[TextPart, tuple[Span, ...]] | None:
    """A part of a mail that names the number as it is written or, where no text can name it so (`Nr. 77`), by its
    letters and digits alone, and the possible numbers in it; None where it is too short, or has no digit."""
    key = reference_key(number)
    letters = unicodedata.normalize("NFC", number)
    for text in (number, "".join(c for c in letters if c.isalpha() or c.isdecimal())):
        part = TextPart(ADDED, "text/plain", text)
        alone = replace(parse(b""), content=(part,))
        for found, spans in extract(alone, min_reference_length=shortest).spans:
            if any(span.key == key for span in spans):
                return found, spans
    return None


def _nameable(case: Case, target: Record, installed: Installed, named: Collection[str]) -> list[str]:
    """The numbers that the mail could name besides: those of the record, and of the candidates that it follows from
    (the first `LISTED` of them)."""
    sources = [target]
    for ref in sorted(case.directory.carrying(entries_of(case.evidence))):
        step = installed.step_for(ref.type)
        record = case.directory.all()[ref]
        if step and any(target.ref in record.targets(follow_up.role) for follow_up in step.follow_ups):
            sources.append(record)
    found: dict[str, str] = {}
    for record in sources[: LISTED + 1]:
        for number in record.numbers():
            key = reference_key(number)
            if key not in named and (text := written(number, case.settings.min_reference_length)):
                found.setdefault(key, text[0].text)
    return list(found.values())


# --- the ERP -------------------------------------------------------------------------------------------------


def _not_carried(target: Record, addresses: dict[str, str]) -> Iterator[str]:
    # What only its customer carries is among them: he may be a rival, too, who does not exist in the end.
    carried = target.address_keys()
    yield from (text for key, text in addresses.items() if key not in carried)


def _record(case: Case, ref: RecordRef, edit: Edit) -> Record | None:
    record = case.directory.all()[ref]
    if edit.kind == "absent":
        return None
    if edit.kind == "status":
        return replace(record, status=edit.status)
    return replace(record, addresses=(*record.addresses, edit.address))


def _rivals(
    case: Case, target: Record, installed: Installed, nameable: Collection[str], max_edits: int
) -> Iterator[Edit]:
    standing = records_of(case.own, case.thread)
    of_mail = entries_of(case.evidence)
    # A number that the mail could name tells those apart that share it.
    numbers = {reference_entry(reference_key(number)) for number in nameable}
    entries = of_mail | {entry for entry in numbers if len(case.directory.carrying([entry])) > 1}
    # Those of the record as a customer carry what it might carry.
    own = case.directory.documents_of(target.ref)
    near = case.directory.carrying(entries) | standing | own
    rivals = sorted(ref for ref in case.directory.records(near) if ref != target.ref)
    carried = {ref: case.directory.entries(case.directory.all()[ref]).intersection(entries) for ref in rivals}
    for ref in rivals:
        declared = installed.types.get(ref.type)
        has = case.directory.all()[ref].status
        # A status counts where the record is found; what nothing leads to is not looked at.
        for status in declared.statuses if declared and (carried[ref] or ref in own | standing) else ():
            if declared and status != declared.facet(has):
                yield Edit("status", str(ref), status=status)
    crowd = set(_crowd(case, carried, own, max_edits + _largest_number(installed)))
    yield from (Edit("absent", str(ref)) for ref in rivals if ref not in crowd or ref in standing)


def _crowd(
    case: Case, carried: Mapping[RecordRef, Collection[str]], own: Collection[RecordRef], bound: int
) -> Iterator[RecordRef]:
    """Those of which there are more than `bound` alike: by each address and number of the mail that they carry, by
    each two of these and, where they are the record's `own`, by what they might carry. Nothing points at them. And what
    only they point at, where nothing else leads to it."""
    records = case.directory.all()
    groups = {ref: case.directory.group(records[ref]) for ref in carried}
    asked = {ref: _together(entries, ref in own) for ref, entries in carried.items()}
    times = Counter((each, groups[ref]) for ref, together in asked.items() for each in together)
    pointed_at = Counter(target for record in records.values() for target in {link.target for link in record.links})
    crowd = {
        ref
        for ref, together in asked.items()
        if together and not pointed_at[ref] and all(times[each, groups[ref]] > bound for each in together)
    }
    pointed_at -= Counter(target for ref in crowd for target in {link.target for link in records[ref].links})
    yield from crowd
    yield from (ref for ref, together in asked.items() if not together and not pointed_at[ref])


def _together(entries: Collection[str], own: bool) -> list[tuple[str, ...]]:
    """What a record may be asked for by: each entry, and each two of them."""
    found = sorted(entries) + ([""] if own else [])
    return [*((each,) for each in found), *combinations(found, 2)]


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
