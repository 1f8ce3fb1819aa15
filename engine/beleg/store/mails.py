"""Stored mail: taking it in once, its threads, what stands on it, and its decisions.

Identity is the sha256 of the bytes with line ends made CRLF, never the Message-ID. Every message carries the
number of its thread; taking one in that ties two threads makes them one.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import zstandard
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text, update

from beleg.assignment import Assignment, Origin, Removal, ThreadMessage
from beleg.message import Message
from beleg.orchestrator import Decision
from beleg.orchestrator.inputs import encode
from beleg.orchestrator.ruleset import RuleSet
from beleg.orchestrator.ruleset import decode as decode_ruleset
from beleg.outcome import State, state_of
from beleg.record import RecordRef
from beleg.store import words
from beleg.store.batch import Statement
from beleg.store.database import alone, alone_on, moving, unmoved
from beleg.store.tables import NO_DATE, assignment, decision, message, ruleset
from beleg.trace import Outcome, Trace, decode, encode_with_digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 500
"""How many values one statement is given where they are parameters of their own."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A row of the mailbox: its number, identity, and what a list shows. `state` is what came of it
    (`beleg.outcome.State`; None before it is decided), `corrected`: a person set or removed something on it."""

    row: int
    sha256: str
    message_id: str | None
    date: datetime | None
    subject: str
    sender: str
    thread: int
    decided: bool
    bytes_sha256: str
    sender_name: str = ""
    state: State | None = None
    corrected: bool = False

    @property
    def name(self) -> str:
        """How people are told of it."""
        return self.message_id or f"sha256:{self.sha256[:12]}"


class Selection(NamedTuple):
    """Some stored messages: those with a date from `since` up to, but not at, `until` (a message without a date is the
    newest), of a mailbox, of a folder or one below it. None selects all."""

    since: datetime | None = None
    until: datetime | None = None
    mailbox: str | None = None
    folder: str | None = None


class StoredDecision(NamedTuple):
    """A decision's row without its trace; `inputs` is JSON, None where an older Beleg decided."""

    id: int
    digest: str
    ruleset: str
    inputs: str | None


class PastDecision(NamedTuple):
    """A decision on a message: its number, when and by which rule set it was made, the digest of its trace, and what
    stood on the message then."""

    id: int
    at: str
    ruleset: str
    digest: str
    assigned: tuple[Outcome, ...]


_LISTED = [
    message.c.id, message.c.sha256, message.c.message_id, message.c.date, message.c.subject, message.c.sender,
    message.c.thread, message.c.decided, message.c.bytes_sha256, message.c.sender_name, message.c.state,
    message.c.corrected,
]  # fmt: skip


StepTypes = Mapping[str, str | None]
"""The record type that each step assigns, by the step's name; None where it has none of its own."""
NO_TYPES: StepTypes = MappingProxyType({})
Thread = dict[int, tuple[StoredMessage, tuple[Assignment, ...]]]
"""The messages of one thread by row number, with what stands on each and was removed from it."""
StoredThreadMessage = tuple[StoredMessage, ThreadMessage]


def member(stored: StoredMessage, assigned: tuple[Assignment, ...]) -> StoredThreadMessage:
    """A stored message as the history step sees it, beside its row."""
    return stored, ThreadMessage(
        stored.sha256, stored.message_id, stored.date, stored.subject, assigned, stored.bytes_sha256
    )


_row_number = attrgetter("id")


_LOCAL = threading.local()


def _zstd() -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
    """A compressor and a decompressor for each thread: they are costly to make and not safe to share."""
    if not hasattr(_LOCAL, "zstd"):
        _LOCAL.zstd = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
    found: tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor] = _LOCAL.zstd
    return found


def packed(data: bytes) -> bytes:
    """As mails and traces are stored."""
    return _zstd()[0].compress(data)


def unpacked(data: bytes) -> bytes:
    """Back from that."""
    return _zstd()[1].decompress(data)


class Mails:
    """The mailbox on one connection; the caller owns the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._pack, self._unpack = _zstd()

    # --- taking in -----------------------------------------------------------------------------------------

    def known(self, hashes: Collection[str]) -> set[str]:
        """Which of these sha256 are stored already, or were erased and must not come back."""
        return {row.sha256 for row in _KNOWN.run(self._db, hashes=[(each,) for each in hashes])}

    def add(self, parsed: Message, raw: bytes, folder: str = "", mailbox: str = "") -> int:
        """Store a mail that is not stored yet; returns its row number. Ties its threads."""
        alone(self._db, "mailbox")  # of two messages taken in at once, each must find the other
        threads = self._tied_threads(parsed)
        thread = min(threads, default=0)
        sender, name = sender_of(parsed)
        row = self._db.execute(
            _ADD[self._db.dialect.name],
            {
                "sha256": parsed.sha256,
                "bytes_sha256": parsed.bytes_sha256,
                "message_id": parsed.message_id,
                "date": to_number(parsed.date),
                "subject": parsed.subject,
                "sender": sender,
                "sender_name": name,
                "folder": folder,
                "mailbox": mailbox,
                "thread": thread,
                "decided": False,
                "raw": self._pack.compress(raw),
            },
        ).scalar_one()
        words.write(self._db, [(row, words.words_of(parsed))])
        if parsed.references:
            _ADD_NAMES.run(self._db, names=_each_once(parsed.references), message=row)
        if len(threads) > 1:
            moving(self._db)
        if not threads:
            self._db.execute(_SET_THREAD, {"b_id": row, "b_thread": row})
        for others in _chunks(sorted(threads - {thread})):
            self._db.execute(update(message).where(message.c.thread.in_(others)).values(thread=thread))
        return int(row)

    def _tied_threads(self, parsed: Message) -> set[int]:
        """The threads of the stored messages that it names, or that name it."""
        tied: set[int] = set()
        if parsed.references:
            tied.update(_CARRIED.run(self._db, names=_each_once(parsed.references)).scalars())
        if parsed.message_id:
            tied.update(self._db.scalars(_NAMED, {"name": parsed.message_id}))
        return tied

    def hold(self, rows: Collection[int]) -> None:
        """Keep others from deciding and correcting the threads of these messages until the transaction ends: of two who
        open a message at once the second one finds it decided. Once a transaction, and before what it reads of them."""
        if self._db.dialect.name == "postgresql":
            unmoved(self._db)
            alone_on(self._db, self.thread_numbers(rows))

    # --- reading -------------------------------------------------------------------------------------------

    def find(self, name: str) -> list[StoredMessage]:
        """The messages that a person's word names: a row number, a Message-ID, or the start of a sha256."""
        bare = name.strip().removeprefix("<").removesuffix(">")
        hash_ = bare.removeprefix("sha256:").lower()
        ways = [message.c.message_id == bare]
        if bare.isascii() and bare.isdigit() and len(bare) < 18:
            ways.append(message.c.id == int(bare))
        found = self._listed(or_(*ways))
        if not found and len(hash_) >= 6 and all(letter in "0123456789abcdef" for letter in hash_):
            beyond = hash_ + "g"  # behind every digit
            found = self._listed((message.c.sha256 >= hash_) & (message.c.sha256 < beyond))
        return found

    def get(self, rows: Sequence[int]) -> list[StoredMessage]:
        """The messages with these row numbers, in this order."""
        chunks = (self._listed(message.c.id.in_(chunk)) for chunk in _chunks(rows))
        found = {each.row: each for chunk in chunks for each in chunk}
        return [found[row] for row in rows if row in found]

    def rows(self, *, undecided: bool = False) -> list[int]:
        """The row numbers of all messages, or of those never decided; by date, those without one last."""
        query = select(message.c.id).order_by(message.c.date, message.c.id)
        return list(self._db.scalars(query.where(~message.c.decided) if undecided else query))

    def selected(self, selection: Selection) -> list[tuple[int, int]]:
        """Row number and thread of the messages of a selection, by date, those without one last."""
        where = [message.c.date >= to_number(selection.since)] if selection.since else []
        if selection.until:
            where.append(message.c.date < to_number(selection.until))
        if selection.mailbox is not None:
            where.append(message.c.mailbox == selection.mailbox)
        if selection.folder is not None:
            below = message.c.folder.startswith(selection.folder.rstrip("/") + "/", autoescape=True)
            where.append(or_(message.c.folder == selection.folder, below))
        query = select(message.c.id, message.c.thread).where(*where).order_by(message.c.date, message.c.id)
        return [(row, thread) for row, thread in self._db.execute(query)]

    def places(self) -> tuple[list[str], list[str]]:
        """The mailboxes and the folders that messages are of."""
        columns = message.c.mailbox, message.c.folder
        mailboxes, folders = (list(self._db.scalars(select(each).distinct().order_by(each))) for each in columns)
        return mailboxes, folders

    def oldest_first(self, rows: Sequence[int]) -> list[int]:
        """These rows by date."""
        wanted = set(rows)
        return [row for row in self.rows(undecided=True) if row in wanted]

    def newest(self, count: int) -> list[tuple[StoredMessage, list[RecordRef]]]:
        """The newest messages, the latest first, with the records that stand on each."""
        query = select(*_LISTED).order_by(message.c.date.desc(), message.c.id.desc()).limit(count)
        found = [_row(row) for row in self._db.execute(query)]
        standing = defaultdict(list)
        for chunk in _chunks([each.row for each in found]):
            rows = self._db.execute(
                select(assignment.c.message, assignment.c.record_type, assignment.c.record_id)
                .where(assignment.c.message.in_(chunk), assignment.c.removed_by.is_(None))
                .order_by(assignment.c.id)
            )
            for row in rows:
                standing[row.message].append(RecordRef(row.record_type, row.record_id))
        return [(each, standing[each.row]) for each in found]

    def count(self, *, undecided: bool = False) -> int:
        """How many messages there are."""
        query = select(func.count()).select_from(message)
        return int(self._db.scalar(query.where(~message.c.decided) if undecided else query) or 0)

    def _listed(self, where: Any) -> list[StoredMessage]:
        rows = self._db.execute(select(*_LISTED).where(where).order_by(message.c.id))
        return [_row(row) for row in rows]

    def raw(self, rows: Sequence[int]) -> dict[int, bytes]:
        """The bytes of some messages, by row number. One round trip."""
        found = _RAW.run(self._db, rows=[(str(row),) for row in rows])
        return {row: self._unpack.decompress(packed) for row, packed in found}

    def thread_numbers(self, rows: Collection[int]) -> list[int]:
        """The threads of some messages. One round trip."""
        return list(_NUMBERS.run(self._db, rows=[(str(row),) for row in rows]).scalars())

    def threads(self, numbers: Collection[int]) -> dict[int, Thread]:
        """The messages of some threads by thread and row number, with what stands on each. One round trip."""
        rows = _THREAD.run(self._db, threads=[(str(number),) for number in numbers]).fetchall()
        threads: dict[int, Thread] = {number: {} for number in numbers}
        for stored, found in groupby(rows, key=_row_number):
            first, *more = found
            assigned = tuple(_assignment(row) for row in (first, *more) if row.record_type is not None)
            threads[first.thread][stored] = (_row(first), assigned)
        return threads

    def around(self, stored: StoredMessage) -> tuple[list[StoredThreadMessage], tuple[Assignment, ...]]:
        """The other messages of the thread with what stands on them, and what stands on the message."""
        thread = self.threads([stored.thread])[stored.thread]
        own = thread[stored.row][1]
        return [member(*each) for row, each in thread.items() if row != stored.row], own

    def thread_of(self, parsed: Message) -> list[StoredThreadMessage]:
        """The stored messages that a message is tied to, without itself, whether it is stored or not."""
        numbers = sorted(self._tied_threads(parsed))
        threads = self.threads(numbers).values() if numbers else ()
        found = [member(*each) for thread in threads for each in thread.values()]
        return [each for each in found if each[0].sha256 != parsed.sha256]

    def settle(self, rows: Collection[int], step_types: StepTypes) -> None:
        """Work out anew the state of some messages, and whether a person corrected them: from their newest traces and
        what stands on them now. Three round trips to read, and one to write."""
        tied = self.assignments_of(rows)
        decisions = self.decisions(rows)
        traces = self.traces(decisions.values())
        values = []
        for row in rows:
            made = tied[row]
            trace = traces[decisions[row].id] if row in decisions else None
            standing = {str(each.record) for each in made if each.stands}
            values.append(
                {
                    "b_id": row,
                    "b_state": state_of(trace, standing, step_types) if trace else None,
                    "b_corrected": any(each.removed or each.origin == "manual" for each in made),
                }
            )
        if values:
            self._db.execute(_SETTLE, values)

    def assignments_of(self, rows: Collection[int]) -> dict[int, list[Assignment]]:
        """What stands on some messages and was removed from them, by row number. One round trip."""
        tied: dict[int, list[Assignment]] = {row: [] for row in rows}
        for each in _TIED.run(self._db, rows=[(str(row),) for row in rows]):
            tied[each.message].append(_assignment(each))
        return tied

    def assignments(self, row: int) -> tuple[Assignment, ...]:
        """What stands on a message and was removed from it."""
        rows = self._db.execute(select(*_ASSIGNED).where(assignment.c.message == row).order_by(assignment.c.id))
        return tuple(_assignment(each) for each in rows)

    def set_by(self, row: int) -> dict[RecordRef, str]:
        """Who set the records that stand on a message by hand."""
        query = select(assignment.c.record_type, assignment.c.record_id, assignment.c.made_by).where(
            assignment.c.message == row, assignment.c.origin == "manual", assignment.c.removed_by.is_(None)
        )
        return {RecordRef(type_, id_): by for type_, id_, by in self._db.execute(query) if by}

    def communication(self, ref: RecordRef) -> list[tuple[StoredMessage, Assignment]]:
        """The messages that a record stands on, oldest first: its *Kommunikation*."""
        rows = self._db.execute(
            select(*_LISTED, *_ASSIGNED)
            .join(assignment, assignment.c.message == message.c.id)
            .where(
                assignment.c.record_type == ref.type,
                assignment.c.record_id == ref.id,
                assignment.c.removed_by.is_(None),
            )
            .order_by(message.c.date, message.c.id, assignment.c.id)
        )
        return [(_row(row), _assignment(row)) for row in rows]

    # --- decisions -----------------------------------------------------------------------------------------

    def store(
        self,
        decisions: Iterable[tuple[int, Decision]],
        clean: Collection[int] = (),
        step_types: StepTypes = NO_TYPES,
    ) -> None:
        """Store decisions: what earlier runs made goes, what these made comes, each with its trace and its state.
        `clean` are rows of messages known to have no assignment yet."""
        decided, made, traces = [], [], []
        for row, each in decisions:
            standing = {outcome.record for outcome in each.trace.assigned}
            decided.append({"b_id": row, "b_state": state_of(each.trace, standing, step_types)})
            run = each.trace.run
            data, mark = encode_with_digest(each.trace)
            traces.append(
                {
                    "message": row,
                    "at": run.time if run else "",
                    "digest": mark,
                    "ruleset": run.ruleset if run else "",
                    "trace": self._pack.compress(data),
                    "inputs": encode(each.seen.inputs()) if each.seen else None,
                    "clauses": clauses_of(each.trace),
                }
            )
            made += [_new_assignment(row, one) for one in each.made]
        if not decided:
            return
        if stale := [{"b_id": each["b_id"]} for each in decided if each["b_id"] not in clean]:
            self._db.execute(_FORGET, stale)
        if made:
            self._db.execute(insert(assignment), made)
        self._db.execute(insert(decision), traces)
        self._db.execute(_DECIDED, decided)

    def describe(self, made_by: RuleSet) -> None:
        """Store what is behind the id of a rule set, unless it is stored."""
        _DESCRIBE.run(self._db, rulesets=[(made_by.id, made_by.encoded.decode())])

    def rulesets(self) -> dict[str, RuleSet]:
        """The rule sets that are stored, by id, as far as this Beleg can read them."""
        found = {}
        for id_, description in self._db.execute(select(ruleset.c.id, ruleset.c.description)):
            with suppress(ValueError):
                found[id_] = decode_ruleset(description)
        return found

    def decisions(self, rows: Collection[int]) -> dict[int, StoredDecision]:
        """The newest decision of each of these messages, by row number, without its trace. One round trip."""
        found = _DECISIONS.run(self._db, rows=[(str(row),) for row in rows])
        return {row: StoredDecision(*more) for row, *more in found}

    def traces(self, decisions: Collection[StoredDecision]) -> dict[int, Trace]:
        """The traces of some decisions, by their ids. One round trip."""
        return self.traces_of([each.id for each in decisions])

    def traces_of(self, ids: Collection[int]) -> dict[int, Trace]:
        """The same, given the ids of the decisions."""
        found = _TRACES.run(self._db, rows=[(str(id_),) for id_ in ids])
        return {id_: decode(self._unpack.decompress(packed)) for id_, packed in found}

    def decision(self, row: int) -> tuple[Trace, str] | None:
        """The newest trace of a message and its digest; None when it was never decided."""
        found = self._db.execute(
            select(decision.c.trace, decision.c.digest)
            .where(decision.c.message == row)
            .order_by(decision.c.id.desc())
            .limit(1)
        ).first()
        return (decode(self._unpack.decompress(found.trace)), found.digest) if found else None

    def past(self, row: int) -> list[PastDecision]:
        """All decisions of a message, in order. One round trip."""
        query = select(decision.c.id, decision.c.at, decision.c.ruleset, decision.c.digest, decision.c.trace)
        rows = self._db.execute(query.where(decision.c.message == row).order_by(decision.c.id))
        return [
            PastDecision(id_, at, made_by, mark, decode(self._unpack.decompress(packed)).assigned)
            for id_, at, made_by, mark, packed in rows
        ]

    def decision_at(self, id_: int) -> tuple[Trace, str] | None:
        """The trace of a decision and its digest; None where there is none of this number."""
        found = self._db.execute(select(decision.c.trace, decision.c.digest).where(decision.c.id == id_)).first()
        return (decode(self._unpack.decompress(found.trace)), found.digest) if found else None

    def clause_counts(self, since: str) -> dict[str, Counter[str]]:
        """Of each day (`2026-03-01`) since a time, how many of the decisions that count today held each clause. One
        round trip."""
        days: dict[str, Counter[str]] = {}
        for day, clauses, times in self._db.execute(_CLAUSES, {"since": since}):
            counted = days.setdefault(day, Counter())
            for clause in clauses.split():
                counted[clause] += times
        return dict(sorted(days.items()))

    def forget(self, row: int, ref: RecordRef) -> None:
        """Take away a standing assignment that a person is about to make his own."""
        self._db.execute(
            delete(assignment).where(
                assignment.c.message == row,
                assignment.c.record_type == ref.type,
                assignment.c.record_id == ref.id,
                assignment.c.removed_by.is_(None),
            )
        )

    # --- a person's corrections ----------------------------------------------------------------------------

    def assign(self, row: int, made: Iterable[Assignment], by: str) -> None:
        """Add assignments that a person made, or that follow from one."""
        if values := [{**_new_assignment(row, one), "made_by": by} for one in made]:
            self._db.execute(insert(assignment), values)

    def remove(self, row: int, refs: Collection[RecordRef], by: str, at: str) -> None:
        """Mark the standing assignments of these records as removed by a person."""
        for ref in refs:
            self._db.execute(
                update(assignment)
                .where(
                    assignment.c.message == row,
                    assignment.c.record_type == ref.type,
                    assignment.c.record_id == ref.id,
                    assignment.c.removed_by.is_(None),
                )
                .values(removed_by=by, removed_at=at)
            )


_ASSIGNED = [
    assignment.c.record_type, assignment.c.record_id, assignment.c.origin, assignment.c.source,
    assignment.c.clause, assignment.c.removed_by, assignment.c.removed_at,
]  # fmt: skip
_RAW = Statement("SELECT m.id, m.raw FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)", rows="row")
_NUMBERS = Statement(
    "SELECT DISTINCT m.thread FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)", rows="row"
)
_DECISIONS = Statement(
    """
    SELECT d.message, d.id, d.digest, d.ruleset, d.inputs
    FROM {rows} r {cross} decision d ON d.id = (
      SELECT max(n.id) FROM decision n WHERE n.message = CAST(r.row AS BIGINT))
    """,
    rows="row",
)
_TRACES = Statement("SELECT d.id, d.trace FROM {rows} r {cross} decision d ON d.id = CAST(r.row AS BIGINT)", rows="row")
_CLAUSES = text(
    """
    SELECT substr(d.at, 1, 10), d.clauses, count(*) FROM decision d
    WHERE d.at >= :since AND d.clauses IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM decision newer WHERE newer.message = d.message AND newer.id > d.id)
    GROUP BY 1, 2
    """
)
_DESCRIBE = Statement(
    "INSERT INTO ruleset (id, description) SELECT id, description FROM {rulesets} b WHERE true ON CONFLICT DO NOTHING",
    rulesets="id description",
)
# SQLite would give the number of the newest message again once that is erased, and the journal still has it.
_UNUSED = text(
    "(SELECT max(n) + 1 FROM (SELECT 0 AS n UNION ALL SELECT max(id) FROM message "
    "UNION ALL SELECT max(message) FROM journal))"
)
_ADD = {
    "sqlite": insert(message).values(id=_UNUSED).returning(message.c.id),
    "postgresql": insert(message).returning(message.c.id),
}
_ADD_NAMES = Statement("INSERT INTO message_name (name, message) SELECT name, :message FROM {names} n", names="name")
_SET_THREAD = update(message).where(message.c.id == bindparam("b_id")).values(thread=bindparam("b_thread"))
_KNOWN = Statement(
    """
    SELECT sha256 FROM message WHERE sha256 IN (SELECT sha256 FROM {hashes} h)
    UNION ALL SELECT sha256 FROM erased WHERE sha256 IN (SELECT sha256 FROM {hashes} h)
    """,
    hashes="sha256",
)
_CARRIED = Statement("SELECT DISTINCT m.thread FROM {names} n {cross} message m ON m.message_id = n.name", names="name")
_NAMED = text("SELECT DISTINCT m.thread FROM message_name n JOIN message m ON m.id = n.message WHERE n.name = :name")
_THREAD = Statement(
    """
    SELECT m.id, m.sha256, m.message_id, m.date, m.subject, m.sender, m.thread, m.decided, m.bytes_sha256,
      m.sender_name, m.state, m.corrected,
      a.record_type, a.record_id, a.origin, a.source, a.clause, a.removed_by, a.removed_at
    FROM {threads} t {cross} message m ON m.thread = CAST(t.thread AS BIGINT)
    LEFT JOIN assignment a ON a.message = m.id
    ORDER BY m.id, a.id
    """,
    threads="thread",
)
# What an earlier run made: automatic, inherited, and what was derived from a record that no person set.
_FORGET = text(
    """
    DELETE FROM assignment WHERE message = :b_id AND removed_by IS NULL AND (
      origin IN ('automatic', 'inherited') OR (origin = 'derived' AND NOT EXISTS (
        SELECT 1 FROM assignment set_by_hand WHERE set_by_hand.message = assignment.message
          AND set_by_hand.origin = 'manual'
          AND set_by_hand.record_type || ':' || set_by_hand.record_id = assignment.source)))
    """
)
_TIED = Statement(
    """
    SELECT a.message, a.record_type, a.record_id, a.origin, a.source, a.clause, a.removed_by, a.removed_at
    FROM {rows} r {cross} assignment a ON a.message = CAST(r.row AS BIGINT) ORDER BY a.id
    """,
    rows="row",
)
_STATED = update(message).where(message.c.id == bindparam("b_id"))
_DECIDED = _STATED.values(decided=True, state=bindparam("b_state"))
_SETTLE = _STATED.values(state=bindparam("b_state"), corrected=bindparam("b_corrected"))


def sender_of(parsed: Message) -> tuple[str, str]:
    """The address of the first sender and his display name; empty where there is none."""
    return next(((p.address, p.name) for p in parsed.participants if p.field == "From"), ("", ""))


def clauses_of(trace: Trace) -> str:
    """The clauses that held, each once, as they are stored."""
    return " ".join(dict.fromkeys(trace.held()))


def to_number(date: datetime | None) -> int:
    """A date as microseconds since 1970 UTC."""
    return NO_DATE if date is None else (date - _EPOCH) // timedelta(microseconds=1)


def to_date(number: int) -> datetime | None:
    """The date of such a number."""
    return None if number == NO_DATE else _EPOCH + timedelta(microseconds=number)


def _each_once(names: Iterable[str]) -> list[tuple[str]]:
    return [(name,) for name in dict.fromkeys(names)]


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _row(row: Any) -> StoredMessage:
    return StoredMessage(
        row.id,
        row.sha256,
        row.message_id,
        to_date(row.date),
        row.subject,
        row.sender,
        row.thread,
        bool(row.decided),
        row.bytes_sha256,
        row.sender_name,
        row.state,
        bool(row.corrected),
    )


def _assignment(row: Any) -> Assignment:
    origin: Origin = row.origin
    removal = Removal(row.removed_by, row.removed_at or "") if row.removed_by is not None else None
    return Assignment(RecordRef(row.record_type, row.record_id), origin, row.source, removal, row.clause)


def _new_assignment(row: int, each: Assignment) -> dict[str, Any]:
    return {
        "message": row,
        "record_type": each.record.type,
        "record_id": each.record.id,
        "origin": each.origin,
        "source": each.source,
        "clause": each.clause,
        "made_by": None,
    }
