"""What a decision saw beside the mail, in digests that are stored with it: so that one who decides anew can say
whether the rules differ since, or what they were given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec

from beleg.assignment import Assignment, ThreadMessage
from beleg.directory import Directory, address_entry
from beleg.evidence import FoundAddress
from beleg.ignore import Entry
from beleg.lookup import Lookup
from beleg.record import Record, RecordRef

Part = Literal["late_mail", "thread_correction", "thread_decision", "own_correction", "ignored", "records"]


class Found(NamedTuple):
    """What the ERP said: the lookup (None where none was made), the records that were asked for by name, and those that
    it has of them, with what they point at."""

    lookup: Lookup | None
    asked: Sequence[RecordRef]
    records: Mapping[RecordRef, Record]

    @classmethod
    def by(cls, lookup: Lookup) -> Found:
        """What a lookup was told."""
        return cls(lookup, lookup.asked, lookup.records)

    @classmethod
    def named(cls, refs: Sequence[RecordRef], directory: Directory) -> Found:
        """What the directory says to these names, where no lookup is made."""
        return cls(None, refs, directory.records(refs) if refs else {})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision saw: the earlier messages of the thread, what it kept of the message's own assignments, the
    ignored addresses with the entry of each, and what the ERP said."""

    earlier: Sequence[ThreadMessage]
    own: Sequence[Assignment]
    ignored: Sequence[tuple[FoundAddress, Entry]]
    found: Found

    def inputs(self) -> Inputs:
        """The same, in short."""
        lookup, asked, records = self.found
        thread, by_hand, by_runs = _thread(self.earlier) if self.earlier else ("", "", "")
        return Inputs(
            thread,
            by_hand,
            by_runs,
            _hash(self.own),
            {found.key: entry for found, entry in self.ignored},
            [str(ref) for ref in asked],
            {str(ref): _hash(record) for ref, record in records.items()},
            None if lookup is None else _found(lookup),
            _shared(lookup) if lookup and lookup.shared else {},
        )


class Inputs(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The inputs of a decision as they are stored: short digests, but for what is needed to say what changed.

    `thread`: the earlier messages; `by_hand`, `by_runs`: what persons set and removed on them, and what runs made;
    `own`: what was kept on the message itself. `ignored`: the entry that took out each address. `asked`: the records
    that were asked for by name; `records`: a digest of each that was there, and of each that one of these points at.
    `found`: by index entry and group the ids that the lookup gave, None where none was made; `shared`: the counts of
    hot entries. '' and empty stand for nothing."""

    thread: str = ""
    by_hand: str = ""
    by_runs: str = ""
    own: str = ""
    ignored: dict[str, Entry] = {}
    asked: Sequence[str] = ()
    records: dict[str, str] = {}
    found: dict[str, dict[str, Sequence[str]]] | None = None
    shared: dict[str, str] = {}


class Changed(NamedTuple):
    """A part of the inputs that is not what it was, and which of it: names of records, addresses or numbers."""

    part: Part
    names: tuple[str, ...] = ()


def encode(inputs: Inputs) -> str:
    """The JSON that is stored."""
    return _encode(inputs).decode()


def decode(data: str) -> Inputs:
    """Read it back. Raises ValueError."""
    try:
        return _decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"these are no inputs of a decision: {error}") from error


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Inputs).decode


def _hash(value: Any) -> str:
    return _short(_encode(value)) if value else ""


def _short(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest() if data else ""


def _thread(earlier: Sequence[ThreadMessage]) -> tuple[str, str, str]:
    """Digests of the earlier messages, of what persons set and removed on them, and of what runs made."""
    messages = "".join([message.sha256 for message in earlier])
    by_hand, by_runs = (b"".join(each) for each in zip(*[message.marks for message in earlier], strict=True))
    return _short(messages.encode()), _short(by_hand), _short(by_runs)


def _found(lookup: Lookup) -> dict[str, dict[str, Sequence[str]]]:
    return {
        entry: {f"{type_}/{facet}" if facet else type_: ids for (type_, facet), ids in groups.items()}
        for entry, groups in lookup.found.items()
    }


def _shared(lookup: Lookup) -> dict[str, str]:
    return {
        f"{entry}\n{other or ''}\n{group.type}/{group.facet}": f"{answer.total} {_hash(answer.ids)}"
        for (group, entry, other), answer in lookup.shared.items()
    }


def changed(before: Inputs, now: Seen, found: Found) -> list[Changed]:
    """Which inputs are not what they were when a decision was made. `found` is what the ERP says now to what was asked
    of it then, in the way of then."""
    inputs = now.inputs()
    parts = []
    if before.thread != inputs.thread:
        parts.append(Changed("late_mail"))
    if before.by_hand != inputs.by_hand:
        parts.append(Changed("thread_correction"))
    if before.by_runs != inputs.by_runs and before.thread == inputs.thread:
        parts.append(Changed("thread_decision"))
    if before.own != inputs.own:
        parts.append(Changed("own_correction"))
    apart = {key for key, entry in before.ignored.items() ^ inputs.ignored.items()}
    if apart:
        parts.append(Changed("ignored", tuple(sorted(apart))))
    names = set(_other_records(before, found))
    if before.found is not None and found.lookup is not None:
        counting = before.ignored.keys() ^ inputs.ignored.keys()
        names.update(_other_answers(before, found.lookup, counting))
    if names:
        parts.append(Changed("records", tuple(sorted(names))))
    return parts


def _other_records(before: Inputs, now: Found) -> Iterator[str]:
    """The records that are not as they were. One that is on one side only came or went where both sides asked for it:
    by name, or as what a record points at that both asked for and that is the same."""
    records = {str(ref): record for ref, record in now.records.items()}
    both = before.records.keys() & records.keys()
    same = {name for name in both if before.records[name] == _hash(records[name])}
    yield from both - same
    asked = set(before.asked) & {str(ref) for ref in now.asked}
    targets = {str(link.target) for name in same & asked for link in records[name].links}
    yield from (before.records.keys() ^ records.keys()) & (asked | targets)


def _other_answers(before: Inputs, lookup: Lookup, counting: Collection[str]) -> Iterator[str]:
    """What an address or a number no longer leads to, or leads to now: the records where they are few enough to be
    listed, else the address or number. `counting` are the addresses that count on one side only."""
    was, now = before.found or {}, _found(lookup)
    for entry in was.keys() | now.keys():
        key = entry[1:]
        if entry == address_entry(key) and key in counting:
            continue
        one, other = was.get(entry, {}), now.get(entry, {})
        names = {
            f"{group.partition('/')[0]}:{id_}"
            for group in one.keys() | other.keys()
            for id_ in set(one.get(group, ())) ^ set(other.get(group, ()))
        }
        if names or (entry in was) != (entry in now):
            yield from names or {key}
    shared = _shared(lookup)
    for pair in before.shared.keys() & shared.keys():
        if before.shared[pair] != shared[pair]:
            yield pair.partition("\n")[0][1:]
