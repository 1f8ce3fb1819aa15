"""Rows of topics and tags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from beleg.store.account_tables import arrival_rule, message_tag, tag, topic
from beleg.store.tables import message

Rows = list[Row[Any]]


def topics(connection: Connection) -> Rows:
    """All topics, by name."""
    return list(connection.execute(select(topic).order_by(topic.c.key, topic.c.id)))


def add_topic(connection: Connection, parent: int | None, key: str, name: str) -> int:
    """Store a topic; returns its number."""
    made = insert(topic).values(parent=parent, key=key, name=name).returning(topic.c.id)
    return int(connection.execute(made).scalar_one())


def change_topic(connection: Connection, id_: int, parent: int | None, key: str, name: str) -> None:
    """Give a topic another name and place."""
    connection.execute(update(topic).where(topic.c.id == id_).values(parent=parent, key=key, name=name))


def remove_topic(connection: Connection, id_: int, parent: int | None) -> None:
    """Drop a topic: those below it go up, messages and arrival rules lose it."""
    connection.execute(update(topic).where(topic.c.parent == id_).values(parent=parent))
    for table in (message, arrival_rule):
        connection.execute(update(table).where(table.c.topic == id_).values(topic=None))
    connection.execute(delete(topic).where(topic.c.id == id_))


def tags(connection: Connection) -> Rows:
    """All tags, by name."""
    return list(connection.execute(select(tag).order_by(tag.c.key)))


def add_tag(connection: Connection, key: str, name: str) -> int:
    """Store a tag; returns its number."""
    return int(connection.execute(insert(tag).values(key=key, name=name).returning(tag.c.id)).scalar_one())


def change_tag(connection: Connection, id_: int, key: str, name: str) -> None:
    """Give a tag another name."""
    connection.execute(update(tag).where(tag.c.id == id_).values(key=key, name=name))


def remove_tag(connection: Connection, id_: int) -> None:
    """Drop a tag; messages lose it."""
    connection.execute(delete(message_tag).where(message_tag.c.tag == id_))
    connection.execute(delete(tag).where(tag.c.id == id_))
