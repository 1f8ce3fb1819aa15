"""Mail that is written and sent: its rows. What may follow on what is decided by `beleg.accounts.outbox`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, text, update

from beleg.store.account_tables import outgoing, outgoing_file
from beleg.store.mails import packed, unpacked
from beleg.store.pages import Page, Place, Position, keyset, page
from beleg.store.tables import message

Kind = Literal["new", "reply", "forward"]
OutgoingState = Literal["draft", "queued", "sending", "sent", "failed", "unclear"]
"""`draft`: still written. `queued`: waits for its turn. `sending`: is being handed over at this moment. `sent`: the
server took it, or a person said that it did. `failed`: surely not sent, and not tried again by itself. `unclear`: the
connection was lost after the data, or Beleg was stopped while it sent: it may have been sent."""
DRAFT: OutgoingState = "draft"
SENDING: OutgoingState = "sending"
STATES: tuple[OutgoingState, ...] = ("draft", "queued", "sending", "sent", "failed", "unclear")


class NewFile(NamedTuple):
    """A file to attach: its name as shown, its media type (`application/pdf`), its bytes."""

    name: str
    type: str
    data: bytes


class AttachedFile(NamedTuple):
    """A file that is attached to a mail; `size` in bytes."""

    id: int
    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Draft:
    """What a person writes, as it stands in the editor. `to`, `cc` and `bcc` are address lists as they are typed
    (`Anna Kunde <anna@kunde.example>, bodo@leuchten.example`), of whatever is typed so far; `group` is the number of
    the group that it is sent for; `answers` the row number of the message that it replies to or forwards. `files` are
    to be attached when it is saved for the first time: those that a forwarded mail brings along."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    group: int | None = None
    kind: Kind = "new"
    answers: int | None = None
    files: tuple[NewFile, ...] = ()


@dataclass(frozen=True)
class Outgoing:
    """A mail that is written or sent. `draft` is what stands in the editor (without `files`), `files` what is attached.

    `person` is the number of the user who wrote it. From when it is queued: `account`, the SMTP account that it goes
    (went) out by; `sender`, the From address; `message_id`, without brackets. `message` is the row number of the stored
    message that it became when it was sent. `said` is what is to be told about it, by language: the server's words,
    where there were any, why it failed, what it waits for; empty where there is nothing to tell. `tries`: how often it
    was tried since it was queued; `due`: when it is tried next, `changed`: when it last changed, in seconds since 1970
    UTC. `deleted`: discarded."""

    id: int
    state: OutgoingState
    draft: Draft
    files: tuple[AttachedFile, ...]
    person: int | None
    account: int | None
    sender: str
    message_id: str | None
    message: int | None
    said: Mapping[str, str]
    tries: int
    due: int | None
    changed: int
    deleted: bool

    def say(self, language: str) -> str:
        """What is to be told about it, in a language; empty where there is nothing."""
        return self.said.get(language) or self.said.get("en", "")


# --- writing


def add(connection: Connection, draft: Draft, person: int | None, at: int) -> int:
    """Store a draft with its files; returns its number."""
    values = {
        "state": "draft", "kind": draft.kind, "answers": draft.answers, "person": person, "sender": "", "said": "",
        "tries": 0, "deleted": False, "changed": at, **_columns(draft),
    }  # fmt: skip
    id_ = int(connection.execute(insert(outgoing).values(**values).returning(outgoing.c.id)).scalar_one())
    for file in draft.files:
        add_file(connection, id_, file)
    return id_


def rewrite(connection: Connection, id_: int, draft: Draft, at: int, seen: Draft | None = None) -> bool:
    """Replace what a draft says; False where it is none (any more), or no longer says what was `seen`."""
    return move(connection, id_, (DRAFT,), at, _columns(seen) if seen else None, **_columns(draft))


def move(
    connection: Connection,
    id_: int,
    states: tuple[OutgoingState, ...],
    at: int,
    still: Mapping[str, Any] | None = None,
    /,
    **values: Any,
) -> bool:
    """Change a mail that is in one of these states and not discarded (unless `deleted` is changed), and whose columns
    are `still` so; False where it is not, any more: nobody else's change is lost."""
    if not _is_number(id_):
        return False
    where = [outgoing.c.id == id_, outgoing.c.state.in_(states)]
    where += [outgoing.c[name].is_not_distinct_from(value) for name, value in (still or {}).items()]
    if "deleted" not in values:
        where.append(~outgoing.c.deleted)
    if "said" in values:
        values["said"] = json.dumps(values["said"], ensure_ascii=False) if values["said"] else ""
    if values.get("raw") is not None:
        values["raw"] = packed(values["raw"])
    return connection.execute(update(outgoing).where(*where).values(changed=at, **values)).rowcount == 1


def interrupted(connection: Connection, at: int, said: Mapping[str, str]) -> list[int]:
    """Make unclear what is being sent by nobody; returns its numbers. Asked by who alone sends."""
    found = list(connection.scalars(select(outgoing.c.id).where(outgoing.c.state == SENDING)))
    for each in found:
        move(connection, each, (SENDING,), at, state="unclear", said=said)
    return found


def _columns(draft: Draft) -> dict[str, Any]:
    lists = {"to": draft.to, "cc": draft.cc, "bcc": draft.bcc}
    return {
        "recipients": json.dumps(lists, ensure_ascii=False), "subject": draft.subject, "body": draft.text,
        "mail_group": draft.group,
    }  # fmt: skip


# --- files


def add_file(connection: Connection, id_: int, file: NewFile) -> int:
    """Attach a file; returns its number."""
    made = insert(outgoing_file).values(outgoing=id_, **file._asdict()).returning(outgoing_file.c.id)
    return int(connection.execute(made).scalar_one())


def remove_file(connection: Connection, id_: int, file: int) -> bool:
    """Take a file away; False where there is none of that number."""
    where = outgoing_file.c.outgoing == id_, outgoing_file.c.id == file
    return connection.execute(delete(outgoing_file).where(*where)).rowcount == 1


def files(connection: Connection, id_: int, file: int | None = None) -> list[NewFile]:
    """The files of a mail with their bytes, or the one of that number."""
    query = select(outgoing_file.c.name, outgoing_file.c.type, outgoing_file.c.data)
    query = query.where(outgoing_file.c.outgoing == id_).order_by(outgoing_file.c.id)
    rows = connection.execute(query if file is None else query.where(outgoing_file.c.id == file))
    return [NewFile(row.name, row.type, row.data) for row in rows]


def _attached(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[AttachedFile, ...]]:
    columns = outgoing_file.c.outgoing, outgoing_file.c.id, outgoing_file.c.name, outgoing_file.c.type
    size = func.length(outgoing_file.c.data).label("size")
    query = select(*columns, size).where(outgoing_file.c.outgoing.in_(ids)).order_by(outgoing_file.c.id)
    found: dict[int, list[AttachedFile]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.outgoing].append(AttachedFile(row.id, row.name, row.type, row.size))
    return {id_: tuple(found[id_]) for id_ in ids}


# --- reading


def one(connection: Connection, id_: int) -> Outgoing | None:
    """The mail of this number."""
    if not _is_number(id_):
        return None
    row = connection.execute(select(*_LISTED, outgoing.c.body).where(outgoing.c.id == id_)).first()
    return _of(row, _attached(connection, [id_])[id_]) if row else None


def raw(connection: Connection, id_: int) -> bytes | None:
    """Its bytes, where they were made."""
    found = connection.scalar(select(outgoing.c.raw).where(outgoing.c.id == id_))
    return None if found is None else unpacked(found)


def due(connection: Connection, at: int, longest: int) -> list[int]:
    """The numbers of what is to be sent by now, what waits longest first. Nothing waits longer than so many seconds,
    unless the clock was set back: then it is due, too."""
    where = outgoing.c.state == "queued", ~outgoing.c.due.between(at + 1, at + longest), ~outgoing.c.deleted
    return list(connection.scalars(select(outgoing.c.id).where(*where).order_by(outgoing.c.due, outgoing.c.id)))


def listed(
    connection: Connection,
    states: Collection[str],
    person: int | None,
    group: int | None,
    deleted: bool,
    cursor: str | None,
    limit: int,
) -> Page[Outgoing]:
    """See `Outbox.listed`."""
    where = _where(person, group, deleted)
    if states:
        where.append(outgoing.c.state.in_(states))
    found = select(outgoing.c.id, outgoing.c.changed.label("date")).where(*where).subquery()

    def read(place: Place, count: int) -> list[Position]:
        condition, order, parameters = keyset(place)
        query = select(found.c.date, found.c.id).where(text(condition)).order_by(text(order)).limit(count)
        return [Position(*row) for row in connection.execute(query, parameters)]

    positions = page(read, cursor, limit)
    ids = [each.row for each in positions.rows]
    rows = connection.execute(select(*_LISTED, _BEGINNING).where(outgoing.c.id.in_(ids)))
    by_id = {row.id: row for row in rows}
    attached = _attached(connection, ids)
    return positions.of([_of(by_id[id_], attached[id_]) for id_ in ids])


def about(connection: Connection, row: int, limit: int) -> list[Outgoing]:
    """The newest mails that answer a stored message or pass it on, in order, without the discarded ones and with the
    beginning of their texts."""
    where = outgoing.c.answers == row, ~outgoing.c.deleted
    found = connection.execute(select(*_LISTED, _BEGINNING).where(*where).order_by(outgoing.c.id.desc()).limit(limit))
    return [_of(each, ()) for each in found][::-1]


def sent_to(connection: Connection, rows: Collection[int]) -> dict[int, str]:
    """To whom stored messages went that were written here, as typed, by row number. One round trip."""
    found = select(outgoing.c.message, outgoing.c.recipients).where(outgoing.c.message.in_(rows))
    lists = {row.message: json.loads(row.recipients) for row in connection.execute(found)}
    return {row: ", ".join(filter(None, (each["to"], each["cc"], each["bcc"]))) for row, each in lists.items()}


def counts(connection: Connection, person: int | None, group: int | None) -> dict[str, int]:
    """How many are in each state, of those that are not discarded."""
    query = select(outgoing.c.state, func.count()).where(*_where(person, group, False)).group_by(outgoing.c.state)
    return {state: int(count) for state, count in connection.execute(query)}


def group_of_message(connection: Connection, row: int) -> int | None:
    """The group that a stored message belongs to."""
    found: int | None = connection.scalar(select(message.c.mail_group).where(message.c.id == row))
    return found


def _is_number(id_: int) -> bool:
    """Whether the databases can hold it."""
    return 0 < id_ < 2**62


def _where(person: int | None, group: int | None, deleted: bool) -> list[Any]:
    where = [outgoing.c.deleted if deleted else ~outgoing.c.deleted]
    if person is not None:
        where.append(outgoing.c.person == person)
    if group is not None:
        where.append(outgoing.c.mail_group == group)
    return where


def _of(row: Any, attached: tuple[AttachedFile, ...]) -> Outgoing:
    lists = json.loads(row.recipients)
    draft = Draft(lists["to"], lists["cc"], lists["bcc"], row.subject, row.body, row.mail_group, row.kind, row.answers)
    return Outgoing(
        id=row.id, state=row.state, draft=draft, files=attached, person=row.person, account=row.account,
        sender=row.sender, message_id=row.message_id, message=row.message,
        said=json.loads(row.said) if row.said else {}, tries=row.tries, due=row.due, changed=row.changed,
        deleted=bool(row.deleted),
    )  # fmt: skip


BEGINNING = 300
"""Characters of a text in a list."""
_LISTED = [
    outgoing.c.id, outgoing.c.state, outgoing.c.kind, outgoing.c.answers, outgoing.c.recipients, outgoing.c.subject,
    outgoing.c.mail_group, outgoing.c.person, outgoing.c.account, outgoing.c.sender, outgoing.c.message_id,
    outgoing.c.message, outgoing.c.said, outgoing.c.tries, outgoing.c.due, outgoing.c.changed, outgoing.c.deleted,
]  # fmt: skip
_BEGINNING = func.substr(outgoing.c.body, 1, BEGINNING).label("body")
