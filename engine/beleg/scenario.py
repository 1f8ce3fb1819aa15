"""Scenarios: one small world, one message, and the decision that must come out (docs/scenarios.md).

Loading names file, line and the nearest known key for whatever is wrong. Running decides the message in memory with
the same engine that decides real mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from beleg import yamltext
from beleg.assignment import ORIGINS, Assignment, Origin, Removal, ThreadMessage
from beleg.case import Case, StoredMail
from beleg.directory import Directory, MemoryDirectory
from beleg.errors import InputError, Where, unknown_key
from beleg.evidence import extract
from beleg.ignore import ENTRY_LISTS, IgnoreList
from beleg.importer.rows import RowReader
from beleg.message import parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import Installed
from beleg.record import GENERIC, Record, RecordRef
from beleg.step import ON_CONFLICT, RuleSettings
from beleg.thread import thread_of

SUFFIXES = (".yaml", ".yml")
EQUIVALENT = "equivalent.yaml"
"""The name of the list of equivalent mutants in a folder of scenarios (`beleg.ruletest`): no scenario."""
KEYS = (
    "title", "erp", "ignored", "settings", "mailbox", "assignments", "message", "message_file", "expect",
)  # fmt: skip
EXPECT = ("assigned", "origins", "clauses", "not_clauses")
SETTINGS = ("on_conflict", "min_reference_length")


@dataclass(frozen=True)
class Expectation:
    """What must come out; None where the scenario leaves a part out."""

    assigned: frozenset[str] | None = None
    origins: dict[str, str] = field(default_factory=dict)
    clauses: tuple[str, ...] | None = None
    not_clauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One world and one message."""

    file: str
    line: int
    title: str
    records: tuple[Record, ...]
    ignored: IgnoreList
    settings: RuleSettings
    mailbox: tuple[StoredMail, ...]
    assignments: tuple[Assignment, ...]
    raw: bytes
    expect: Expectation


@dataclass(frozen=True)
class Outcome:
    """A scenario that ran: what came out, and each thing that differs from what was expected."""

    scenario: Scenario
    decision: Decision
    faults: tuple[str, ...]

    @property
    def assigned(self) -> list[str]:
        """The records that stand, sorted."""
        return sorted({outcome.record for outcome in self.decision.trace.assigned})

    @property
    def clauses(self) -> list[str]:
        """Every clause that held, in order."""
        return self.decision.trace.held()

    def failure(self, explanation: str) -> list[str]:
        """What is said of one with faults: where it stands, what was expected and came out, and why."""
        where = f"{self.scenario.file}, line {self.scenario.line}"
        return [where, *self.faults, *(f"  {line}".rstrip() for line in explanation.splitlines())]


def find(paths: Sequence[Path]) -> list[Path]:
    """The scenario files that the paths name: files as they are, folders searched (but for a list of equivalent
    mutants). Raises InputError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.name != EQUIVALENT and p.is_file())
        elif path.exists():
            found.append(path)
        else:
            raise InputError("there is no such file or folder", Where(str(path)))
    return list(dict.fromkeys(found))


def load(path: Path, installed: Installed) -> Iterator[Scenario]:
    """The scenarios of one file. Raises InputError."""
    for document in yamltext.file_documents(path):
        if document is not None:
            yield _Reader(path, installed).scenario(document)


def load_all(paths: Sequence[Path], installed: Installed) -> list[Scenario]:
    """The scenarios of all files that the paths name (see `find`). Raises InputError."""
    return [each for path in find(paths) for each in load(path, installed)]


def case(scenario: Scenario, installed: Installed) -> Case:
    """The scenario's message in its world, ready to be decided."""
    settings = scenario.settings
    message = parse(scenario.raw, settings.limits)
    stored = [(mail, parse(mail.raw, settings.limits)) for mail in scenario.mailbox]
    tied = thread_of(message, [m for _, m in stored])
    return Case(
        message,
        extract(message, min_reference_length=settings.min_reference_length, limits=settings.limits),
        tuple(
            ThreadMessage(m.sha256, m.message_id, m.date, m.subject, mail.assignments, m.bytes_sha256)
            for mail, m in stored
            if m.sha256 in tied
        ),
        scenario.assignments,
        MemoryDirectory(scenario.records, installed.types),
        scenario.ignored,
        settings,
    )


def run(scenario: Scenario, installed: Installed, directory: Directory | None = None) -> Outcome:
    """Decide the scenario's message in its world and compare with what it expects. `directory` takes the place of the
    one over the scenario's records. Raises StepFailed."""
    decision = case(scenario, installed).decide(Engine(installed, scenario.settings), directory)
    return Outcome(scenario, decision, tuple(faults(scenario.expect, decision)))


def faults(expect: Expectation, decision: Decision) -> Iterator[str]:
    """Each thing in which a decision differs from what is expected, as a sentence."""
    standing = {outcome.record: outcome.origin for outcome in decision.trace.assigned}
    held = decision.trace.held()
    if expect.assigned is not None and expect.assigned != set(standing):
        yield f"expected to be assigned: {_listed(sorted(expect.assigned))}; came out: {_listed(sorted(standing))}"
    for record, origin in expect.origins.items():
        if standing.get(record) != origin:
            yield f"expected {record} to be {origin}; it is {standing.get(record, 'not assigned')}"
    if expect.clauses is not None:
        rest = iter(held)
        for clause in expect.clauses:
            if clause not in rest:
                yield f"expected {clause} to hold (in this order); these held: {_listed(held)}"
                break
    for clause in expect.not_clauses:
        if clause in held:
            yield f"expected {clause} not to hold; it did"


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items) or "nothing"


class _Reader:
    """Reads one document; every error names the file and the line."""

    def __init__(self, path: Path, installed: Installed) -> None:
        self.path = path
        self.installed = installed
        self.rows = RowReader(installed.types)

    def scenario(self, document: Any) -> Scenario:
        world = self._mapping(document, KEYS, 1, "a scenario")
        title = self._text(world, "title")
        if not title:
            raise self._error("the scenario has no title", world.line)
        erp = self._part(world, "erp", self.rows.plurals())
        return Scenario(
            str(self.path),
            world.line,
            title,
            tuple(self._records(erp)),
            self._ignored(self._part(world, "ignored", ENTRY_LISTS)),
            self._settings(self._part(world, "settings", SETTINGS)),
            tuple(self._mail(item, line) for item, line in self._items(world, "mailbox")),
            tuple(self._assignments(world)),
            self._raw(world),
            self._expect(self._part(world, "expect", EXPECT)),
        )

    def _records(self, erp: yamltext.Mapping) -> Iterator[Record]:
        seen: dict[RecordRef, int] = {}
        for plural in erp:
            declared = None if plural == GENERIC else self.rows.type_of(plural)
            for row, line in self._items(erp, plural):

                def where(key: str | None, row: Any = row, line: int = line) -> Where:
                    lines = row.lines if isinstance(row, yamltext.Mapping) else {}
                    return Where(str(self.path), lines.get(key or "", line))

                record = self.rows.read(declared, row, where)
                if record.ref in seen:
                    raise self._error(f"{record.ref} stands here twice, first in line {seen[record.ref]}", line)
                seen[record.ref] = line
                yield record

    def _ignored(self, part: yamltext.Mapping) -> IgnoreList:
        lists = {name: self._strings(part, name) for name in ENTRY_LISTS}
        try:
            return IgnoreList(**lists)
        except ValueError as error:
            raise self._error(str(error), part.line) from None

    def _settings(self, part: yamltext.Mapping) -> RuleSettings:
        on_conflict = self._text(part, "on_conflict") or "first"
        if on_conflict not in ON_CONFLICT:
            raise self._error(f"on_conflict is one of {', '.join(ON_CONFLICT)}", part.lines["on_conflict"])
        length = self._text(part, "min_reference_length") or "4"
        if not length.isdecimal() or int(length) < 1:
            raise self._error("min_reference_length is a whole number from 1", part.lines["min_reference_length"])
        return RuleSettings(next(v for v in ON_CONFLICT if v == on_conflict), int(length))

    def _mail(self, item: Any, line: int) -> StoredMail:
        mail = self._mapping(item, ("message", "message_file", "assignments"), line, "a message of the mailbox")
        return StoredMail(self._raw(mail), tuple(self._assignments(mail)))

    def _assignments(self, owner: yamltext.Mapping) -> Iterator[Assignment]:
        for item, line in self._items(owner, "assignments"):
            found = self._mapping(item, ("record", "origin", "from", "removed"), line, "an assignment")
            record = self._record(self._text(found, "record") or "", line)
            origin = self._text(found, "origin") or "automatic"
            if origin not in ORIGINS:
                raise self._error(f"origin is one of {', '.join(ORIGINS)}", found.lines["origin"])
            removal = None
            if found.get("removed") is not None:
                part = self._part(found, "removed", ("by", "at"))
                removal = Removal(self._text(part, "by") or "", self._text(part, "at") or "")
            known: Origin = next(each for each in get_args(Origin) if each == origin)
            yield Assignment(record, known, self._text(found, "from"), removal)

    def _raw(self, owner: yamltext.Mapping) -> bytes:
        text, file = self._text(owner, "message"), self._text(owner, "message_file")
        if (text is None) == (file is None):
            raise self._error("give either message or message_file", owner.line)
        if text is not None:
            return text.encode("utf-8", "surrogatepass")
        try:
            return (self.path.parent / str(file)).read_bytes()
        except OSError as error:
            raise self._error(f"{file} can't be read: {error.strerror}", owner.lines["message_file"]) from None

    def _expect(self, part: yamltext.Mapping) -> Expectation:
        assigned = self._strings(part, "assigned") if part.get("assigned") is not None else None
        for name in assigned or ():
            self._record(name, part.lines["assigned"])
        origins = self._mapping(part.get("origins"), None, part.line, "origins") if part.get("origins") else {}
        clauses = self._strings(part, "clauses") if part.get("clauses") is not None else None
        not_clauses = self._strings(part, "not_clauses")
        for key, names in (("clauses", clauses or ()), ("not_clauses", not_clauses)):
            for name in names:
                if name not in self.installed.clauses:
                    fault = unknown_key(name, self.installed.clauses, "there is no clause")
                    raise self._error(fault.partition("; known here")[0], part.lines[key])
        return Expectation(
            frozenset(assigned) if assigned is not None else None,
            {str(key): str(value) for key, value in origins.items()},
            tuple(clauses) if clauses is not None else None,
            tuple(not_clauses),
        )

    def _record(self, text: str, line: int) -> RecordRef:
        try:
            return RecordRef.parse(text)
        except ValueError as error:
            raise self._error(str(error), line) from None

    # --- shapes ------------------------------------------------------------------------------------------------

    def _part(self, owner: yamltext.Mapping, key: str, keys: Sequence[str]) -> yamltext.Mapping:
        if owner.get(key) is None:
            return yamltext.Mapping(owner.line)
        return self._mapping(owner[key], keys, owner.lines[key], key)

    def _mapping(self, value: Any, keys: Sequence[str] | None, line: int, what: str) -> yamltext.Mapping:
        if not isinstance(value, yamltext.Mapping):
            raise self._error(f"{what} must be a mapping", line)
        for key in value:
            if keys is not None and key not in keys:
                raise self._error(unknown_key(key, keys), value.lines[key])
        return value

    def _items(self, owner: yamltext.Mapping, key: str) -> Iterator[tuple[Any, int]]:
        value = owner.get(key)
        if value is None:
            return
        if not isinstance(value, yamltext.Sequence):
            raise self._error(f"{key} must be a list", owner.lines[key])
        yield from zip(value, value.lines, strict=True)

    def _strings(self, owner: yamltext.Mapping, key: str) -> list[str]:
        found = []
        for item, line in self._items(owner, key):
            if not isinstance(item, str):
                raise self._error(f"{key} must be a list of texts", line)
            found.append(item)
        return found

    def _text(self, owner: yamltext.Mapping, key: str) -> str | None:
        value = owner.get(key)
        if value is not None and not isinstance(value, str):
            raise self._error(f"{key} must be a text", owner.lines[key])
        return value

    def _error(self, fault: str, line: int) -> InputError:
        return InputError(fault, Where(str(self.path), line))
