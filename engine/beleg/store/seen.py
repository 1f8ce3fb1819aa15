"""What accounts have fetched, and what became of it on their servers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from beleg.store.account_tables import arrival_rule, seen
from beleg.store.batch import Statement
from beleg.store.mails import Handling
from beleg.store.tables import message

State = Literal["there", "marked", "deleted"]


class Seen(NamedTuple):
    """A mail that was fetched and may still lie on the server. `deleted`: it was deleted in Beleg, or erased."""

    uid: str
    size: int
    message: int | None
    at: int
    state: State
    deleted: bool


def of(connection: Connection, account: int) -> dict[str, Seen]:
    """What an account has fetched and may still lie on its server, by unique id."""
    query = (
        select(seen.c.uid, seen.c.size, seen.c.message, seen.c.at, seen.c.state, message.c.id, message.c.deleted)
        .outerjoin(message, message.c.id == seen.c.message)
        .where(seen.c.account == account, seen.c.state.in_(("there", "marked")))
    )
    return {
        row.uid: Seen(row.uid, row.size, row.message, row.at, row.state, row.id is None or bool(row.deleted))
        for row in connection.execute(query)
    }


def add(connection: Connection, account: int, uid: str, sha256: str, size: int, stored: int | None, clock: int) -> None:
    """Write down that a mail was fetched. A server that lost its index gives a new unique id: the first sight of the
    message on this account counts. A unique id that named another mail before names this one from now on."""
    first = None
    if stored is not None:
        of_it = seen.c.account == account, seen.c.message == stored
        first = connection.execute(select(func.min(seen.c.at)).where(*of_it)).scalar()
    connection.execute(delete(seen).where(seen.c.account == account, seen.c.uid == uid))
    connection.execute(
        insert(seen).values(
            account=account,
            uid=uid,
            sha256=sha256,
            size=size,
            message=stored,
            at=clock if first is None else min(first, clock),
            state="there",
        )
    )


def become(connection: Connection, account: int, uids: Collection[str], state: State) -> None:
    """Write down what became of some of them on the server."""
    if uids:
        _BECOME.run(connection, uids=[(uid,) for uid in uids], account=account, state=state)


def forget(connection: Connection, account: int) -> None:
    """Forget what an account has fetched: it looks into another mailbox now."""
    connection.execute(delete(seen).where(seen.c.account == account))


def stored(connection: Connection, sha256: str) -> int | None:
    """The row number of the message with this identity."""
    found = connection.execute(select(message.c.id).where(message.c.sha256 == sha256)).scalar()
    return None if found is None else int(found)


def undecided(connection: Connection, account: int) -> list[int]:
    """The messages of an account that were never decided, oldest first."""
    query = select(message.c.id).where(~message.c.decided, message.c.account == account)
    return list(connection.scalars(query.order_by(message.c.date, message.c.id)))


def arrival(connection: Connection, account: int, group: int | None) -> Handling:
    """How mail of an account arrives: as its arrival rule says, else open, for the pool, in this group."""
    row = connection.execute(select(arrival_rule).where(arrival_rule.c.account == account)).first()
    if row is None:
        return Handling(mail_group=group, account=account)
    return Handling(row.work, row.owner, mail_group=row.mail_group, account=account, topic=row.topic)


_BECOME = Statement(
    "UPDATE seen SET state = :state WHERE account = :account AND uid IN (SELECT uid FROM {uids} u)", uids="uid"
)
