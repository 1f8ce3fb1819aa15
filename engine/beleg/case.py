"""A case: everything that one decision depends on but the plugins, held in memory and cheap to change.

The decision is a pure function of it (RULES.md section 3), so a case can be decided again and again: as it is, on a
changed copy of its world (`dataclasses.replace`, `MemoryDirectory.changed`), under other rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from beleg.assignment import Assignment, ThreadMessage, records_of
from beleg.directory import COUNTED, LISTED, Directory, Group, MemoryDirectory, Pair, Shared
from beleg.evidence import Evidence
from beleg.ignore import IgnoreList
from beleg.lookup import entries_of
from beleg.message import Message
from beleg.orchestrator import Decision, Engine
from beleg.record import Record, RecordRef
from beleg.step import RuleSettings
from beleg.trace import Trace


@dataclass(frozen=True)
class StoredMail:
    """Another message of the mailbox, as its bytes, with what stands on it or was removed from it."""

    raw: bytes
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """A stored message with all that its decision depends on, for a fixture: the stored decision's trace, the case, the
    mail's bytes, the other mails of its thread (oldest first), and how many earlier ones were never decided."""

    trace: Trace
    case: Case
    raw: bytes
    thread: tuple[StoredMail, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class Case:
    """One message with its evidence, the stored messages that it is tied to, what stands on it and was removed from
    it, the ERP records that matter to it, the ignored addresses, and the settings."""

    message: Message
    evidence: Evidence
    thread: tuple[ThreadMessage, ...]
    own: tuple[Assignment, ...]
    directory: MemoryDirectory
    ignored: IgnoreList
    settings: RuleSettings

    @classmethod
    def alone(cls, message: Message, directory: MemoryDirectory, engine: Engine) -> Case:
        """A message that is tied to no other and on which nothing stands, in a world where no address is ignored."""
        return cls(message, engine.read(message), (), (), directory, IgnoreList(), engine.settings)

    def decide(self, engine: Engine, directory: Directory | None = None, *, trace: bool = True) -> Decision:
        """Decide it; `directory` takes the place of its own. `trace` False leaves the trace empty, where only the
        assignments made are wanted. Raises StepFailed."""
        return engine.decide(
            self.message,
            directory or self.directory,
            self.ignored,
            self.thread,
            self.own,
            evidence=self.evidence,
            trace=trace,
        )

    def reduced(self, engine: Engine) -> Case:
        """The case with those of its records only that the decision touches or could touch. Raises StepFailed."""
        seen = Recorder(self.directory)
        self.decide(engine, seen)
        carrying = self.directory.carrying(entries_of(self.evidence), COUNTED + 1)
        records = self.directory.records(seen.named | records_of(self.own, self.thread) | carrying)
        directory = MemoryDirectory((records[ref] for ref in sorted(records)), engine.installed.types)
        return replace(self, directory=directory)


@dataclass(slots=True)
class Recorder:
    """A directory that notes which records its answers named, which entries some record carries, and which lead to
    more records of a group than are listed."""

    directory: Directory
    named: set[RecordRef] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    crowded: set[tuple[str, Group]] = field(default_factory=set)

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        found = self.directory.find(entries, groups)
        self.known.update(found)
        for entry, by_group in found.items():
            for group, ids in by_group.items():
                self._note(group, ids)
                if len(ids) > LISTED:
                    self.crowded.add((entry, group))
        return found

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        shared = self.directory.share(pairs)
        for pair, answer in shared.items():
            self._note(pair.group, answer.ids)
        return shared

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        found = self.directory.records(refs)
        self.named.update(found)
        return found

    def _note(self, group: Group, ids: Iterable[str]) -> None:
        self.named.update(RecordRef(group.type, id_) for id_ in ids)
