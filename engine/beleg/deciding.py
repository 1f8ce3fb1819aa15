"""Decisions on some stored messages, on one connection: what assigning and replaying share.

The threads are read at once and followed in memory, so that a decision reaches the later messages of its thread; the
mails are read, and the directory asked, for many at a time. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from beleg.assignment import Assignment, ThreadMessage, earlier, kept_on_rerun
from beleg.directory import AskedAhead
from beleg.evidence import Evidence
from beleg.ignore import IgnoreList
from beleg.lookup import entries_of
from beleg.message import Message, parse
from beleg.orchestrator import Decision, Engine, StepFailed
from beleg.store import SqlDirectory
from beleg.store.mails import Mails, StoredMessage, member

BATCH = 100
"""How many messages are decided in one transaction."""
READ_AHEAD = 16 * 1024 * 1024
"""Bytes of mail that are held parsed at a time, about."""
READ_TOGETHER = 10
"""How many mails are read from the database at once: few, for each may have 50 MB."""


class Decided(NamedTuple):
    """A decision, the message that it is about, and what stood on that and was removed from it before."""

    stored: StoredMessage
    message: Message
    evidence: Evidence
    before: tuple[Assignment, ...]
    decision: Decision


class Turn(NamedTuple):
    """What came of one message: the decisions, on earlier messages of its thread that had never been decided and on
    itself; or why there is none on itself."""

    stored: StoredMessage
    decided: Sequence[Decided]
    failed: StepFailed | None = None


class Deciding:
    """Decides messages in the order given."""

    def __init__(self, connection: Connection, engine: Engine, ignored: IgnoreList, rows: Sequence[int]) -> None:
        self._engine = engine
        self._mails = Mails(connection)
        self._directory = AskedAhead(SqlDirectory(connection), engine.groups)
        self._ignored = ignored
        self._threads = self._mails.threads(self._mails.thread_numbers(rows))
        known = {row: stored for thread in self._threads.values() for row, (stored, _) in thread.items()}
        self._messages = [known[row] for row in rows if row in known]
        self._members: dict[int, dict[int, ThreadMessage]] = {}
        self._decided: set[int] = set()
        self._parsed: dict[int, tuple[Message, Evidence]] = {}

    def turns(self) -> Iterator[Turn]:
        """Decide the messages, one turn each."""
        for chunk in self._read():
            for message in chunk:
                decided: list[Decided] = []
                failed = None
                try:
                    for each in self._with_earlier(message):
                        decided.append(each)
                except StepFailed as error:
                    failed = error
                yield Turn(message, decided, failed)

    def _read(self) -> Iterator[list[StoredMessage]]:
        """Read the messages, and ask the directory for the evidence of many at once; of no more than fit in memory."""
        chunk: list[StoredMessage] = []
        size = 0
        for start in range(0, len(self._messages), READ_TOGETHER):
            few = self._messages[start : start + READ_TOGETHER]
            size += self._parse(few)
            chunk += few
            if size > READ_AHEAD or len(chunk) >= BATCH:
                yield self._asked(chunk)
                chunk, size = [], 0
        if chunk:
            yield self._asked(chunk)

    def _asked(self, chunk: list[StoredMessage]) -> list[StoredMessage]:
        if len(chunk) > 1:
            self._directory.ask(set().union(*(entries_of(evidence) for _, evidence in self._parsed.values())))
        return chunk

    def _parse(self, messages: Sequence[StoredMessage]) -> int:
        size = 0
        for row, raw in self._mails.raw([message.row for message in messages]).items():
            parsed = parse(raw, self._engine.settings.limits)
            self._parsed[row] = parsed, self._engine.read(parsed)
            size += len(raw)
        return size

    def _with_earlier(self, message: StoredMessage) -> Iterator[Decided]:
        """Decide a message; the earlier ones of its thread that were never decided first, oldest first."""
        thread = self._threads[message.thread]
        waiting = {each.sha256: each for each, _ in thread.values() if not each.decided}
        if len(waiting) > (not message.decided):
            for each in earlier(self._others(message), message.date, message.sha256):
                if each.sha256 in waiting:
                    yield from self._one(waiting[each.sha256])
        yield from self._one(message)

    def _others(self, message: StoredMessage) -> list[ThreadMessage]:
        members = self._members.get(message.thread)
        if members is None:
            thread = self._threads[message.thread]
            members = self._members[message.thread] = {row: member(*each)[1] for row, each in thread.items()}
        return [each for row, each in members.items() if row != message.row]

    def _one(self, message: StoredMessage) -> Iterator[Decided]:
        if message.row in self._decided:
            return
        thread = self._threads[message.thread]
        own = thread[message.row][1]
        if message.row not in self._parsed:
            self._parse([message])
        parsed, evidence = self._parsed.pop(message.row)
        decision = self._engine.decide(
            parsed, self._directory, self._ignored, self._others(message), own, evidence=evidence
        )
        self._decided.add(message.row)
        known = thread[message.row] = (replace(message, decided=True), (*kept_on_rerun(own), *decision.made))
        self._members[message.thread][message.row] = member(*known)[1]
        yield Decided(message, parsed, evidence, own, decision)
