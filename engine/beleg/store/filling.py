"""What an older Beleg stored, brought up to what a newer one keeps: in batches, each a transaction of its own, so that
it goes on where it was broken off."""

from __future__ import annotations

from typing import cast

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal, select, tuple_, update

from beleg.message import Limits, parse
from beleg.store import words
from beleg.store.database import alone
from beleg.store.directory import load
from beleg.store.mails import Mails, StepTypes, clauses_of, sender_of
from beleg.store.records import index_labels
from beleg.store.tables import decision, filling, message, record

MESSAGES, RECORDS = 100, 1_000
"""How many are filled in in one transaction."""
_READ_TOGETHER = 10  # mails, of which each may have 50 MB


def left(connection: Connection) -> int:
    """How many messages and records are to be filled in."""
    todo = connection.execute(select(filling.c.work, filling.c.done)).fetchall()
    counts = (select(func.count()).select_from(_OF[work]).where(_behind(work, done)) for work, done in todo)
    return sum(connection.execute(count).scalar_one() for count in counts)


def batch(connection: Connection, step_types: StepTypes, limits: Limits) -> int:
    """Fill in some; returns how many, 0 when all is done."""
    alone(connection, "filling")
    for work, done in connection.execute(select(filling.c.work, filling.c.done)).fetchall():
        fill = _fill_messages(connection, done, step_types, limits) if work == "messages" else _index(connection, done)
        count, last = fill
        if count:
            connection.execute(update(filling).where(filling.c.work == work).values(done=last))
            return count
        connection.execute(delete(filling).where(filling.c.work == work))
    return 0


def _behind(work: str, done: str) -> ColumnElement[bool]:
    if work == "messages":
        return cast("ColumnElement[bool]", message.c.id > int(done or 0))
    type_, _, id_ = done.partition(":")
    return tuple_(record.c.type, record.c.id) > tuple_(literal(type_), literal(id_))


def _index(connection: Connection, done: str) -> tuple[int, str]:
    """Write the words of labels into the index, for records."""
    query = select(record.c.type, record.c.id, record.c.facet, record.c.data, record.c.retired)
    rows = connection.execute(
        query.where(_behind("records", done)).order_by(record.c.type, record.c.id).limit(RECORDS)
    ).fetchall()
    index_labels(connection, [(load(row.data), row.facet) for row in rows if not row.retired])
    return len(rows), f"{rows[-1].type}:{rows[-1].id}" if rows else done


def _fill_messages(connection: Connection, done: str, step_types: StepTypes, limits: Limits) -> tuple[int, str]:
    query = select(message.c.id).where(_behind("messages", done)).order_by(message.c.id).limit(MESSAGES)
    rows = list(connection.scalars(query))
    if not rows:
        return 0, done
    mails = Mails(connection)
    mails.hold(rows)
    known = words.known(connection, rows)
    for start in range(0, len(rows), _READ_TOGETHER):
        names, found = [], []
        for row, raw in mails.raw(rows[start : start + _READ_TOGETHER]).items():
            parsed = parse(raw, limits)
            names.append({"b_id": row, "b_name": sender_of(parsed)[1]})
            if row not in known:
                found.append((row, words.words_of(parsed)))
        connection.execute(_NAME, names)
        words.write(connection, found)
    mails.settle(rows, step_types)
    without = select(decision.c.id).where(decision.c.message.in_(rows), decision.c.clauses.is_(None))
    ids = list(connection.scalars(without))
    for start in range(0, len(ids), MESSAGES):
        traces = mails.traces_of(ids[start : start + MESSAGES])
        values = [{"b_id": id_, "b_clauses": clauses_of(trace)} for id_, trace in traces.items()]
        connection.execute(_CLAUSES, values)
    return len(rows), str(rows[-1])


_OF = {"messages": message, "records": record}
_NAME = update(message).where(message.c.id == bindparam("b_id")).values(sender_name=bindparam("b_name"))
_CLAUSES = update(decision).where(decision.c.id == bindparam("b_id")).values(clauses=bindparam("b_clauses"))
