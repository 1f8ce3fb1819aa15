"""Taking mail in, finding it, and its threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, text, update

from beleg.assignment import Assignment
from beleg.message import Message
from beleg.record import RecordRef
from beleg.store import words
from beleg.store.batch import Statement
from beleg.store.database import alone, alone_on, moving, unmoved
from beleg.store.mails.model import Handling, Selection, StoredMessage, StoredThreadMessage, Thread, member
from beleg.store.mails.packing import packed, unpacked
from beleg.store.mails.rows import LISTED, assignment_of, chunks, message_of, sender_of, to_number
from beleg.store.tables import assignment, message

_row_number = attrgetter("id")
NEW = Handling()
"""How mail is that was taken in from files."""


class Mailbox:
    """The mailbox on one connection; the caller owns the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # --- taking in -----------------------------------------------------------------------------------------

    def known(self, hashes: Collection[str]) -> set[str]:
        """Which of these sha256 are stored already, or were erased and must not come back."""
        return {row.sha256 for row in _KNOWN.run(self._db, hashes=[(each,) for each in hashes])}

    def add(
        self,
        parsed: Message,
        raw: bytes,
        folder: str = "",
        mailbox: str = "",
        *,
        handling: Handling = NEW,
        tied: Collection[int] = (),
    ) -> int:
        """Store a mail that is not stored yet; returns its row number. Ties its threads: `tied` are the row numbers of
        stored messages that the mail server says it belongs to (RULES.md section 1)."""
        alone(self._db, "mailbox")  # of two messages taken in at once, each must find the other
        threads = self._tied_threads(parsed) | (set(self.thread_numbers(tied)) if tied else set())
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
                "raw": packed(raw),
                **handling._asdict(),
            },
        ).scalar_one()
        words.write(self._db, [(row, words.words_of(parsed))])
        if parsed.references:
            _ADD_NAMES.run(self._db, names=_each_once(parsed.references), message=row)
        if len(threads) > 1:
            moving(self._db)
        if not threads:
            self._db.execute(_SET_THREAD, {"b_id": row, "b_thread": row})
        for others in chunks(sorted(threads - {thread})):
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

    # --- finding -------------------------------------------------------------------------------------------

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
        found_in = (self._listed(message.c.id.in_(chunk)) for chunk in chunks(rows))
        found = {each.row: each for some in found_in for each in some}
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
        """The newest messages that are not deleted, the latest first, with the records that stand on each."""
        query = (
            select(*LISTED).where(~message.c.deleted).order_by(message.c.date.desc(), message.c.id.desc()).limit(count)
        )
        found = [message_of(row) for row in self._db.execute(query)]
        standing = defaultdict(list)
        for chunk in chunks([each.row for each in found]):
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
        rows = self._db.execute(select(*LISTED).where(where).order_by(message.c.id))
        return [message_of(row) for row in rows]

    def raw(self, rows: Sequence[int]) -> dict[int, bytes]:
        """The bytes of some messages, by row number. One round trip."""
        found = _RAW.run(self._db, rows=[(str(row),) for row in rows])
        return {row: unpacked(data) for row, data in found}

    # --- threads -------------------------------------------------------------------------------------------

    def thread_numbers(self, rows: Collection[int]) -> list[int]:
        """The threads of some messages. One round trip."""
        return list(_NUMBERS.run(self._db, rows=[(str(row),) for row in rows]).scalars())

    def threads(self, numbers: Collection[int]) -> dict[int, Thread]:
        """The messages of some threads by thread and row number, with what stands on each. One round trip."""
        rows = _THREAD.run(self._db, threads=[(str(number),) for number in numbers]).fetchall()
        threads: dict[int, Thread] = {number: {} for number in numbers}
        for stored, found in groupby(rows, key=_row_number):
            first, *more = found
            assigned = tuple(assignment_of(row) for row in (first, *more) if row.record_type is not None)
            threads[first.thread][stored] = (message_of(first), assigned)
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


_RAW = Statement("SELECT m.id, m.raw FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)", rows="row")
_NUMBERS = Statement(
    "SELECT DISTINCT m.thread FROM {rows} r {cross} message m ON m.id = CAST(r.row AS BIGINT)", rows="row"
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


def _each_once(names: Iterable[str]) -> list[tuple[str]]:
    return [(name,) for name in dict.fromkeys(names)]
