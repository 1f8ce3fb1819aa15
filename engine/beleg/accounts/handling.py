"""Handling messages: done or open, whose they are, spam, deletion, group, topic and tags. No decision knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from msgspec import UNSET, UnsetType

from beleg.accounts.base import Base
from beleg.accounts.model import Work
from beleg.accounts.topics import tags_of, topics_of
from beleg.errors import InputError, NotFound
from beleg.store import accounts as store
from beleg.store import handling, journal, people
from beleg.store.mails import Mails

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from beleg.store.handling import Handled

HANDLED = "mail.handle"
"""The act in the journal: what was so before and after, in words."""
MOST = 1_000
"""How many messages are handled at once."""


class Handling(Base):
    """What people do with messages."""

    def handled(self, rows: Collection[int]) -> dict[int, Handled]:
        """How some messages stand, by row number; those that are not there are left out."""
        with self.reading() as connection:
            return handling.handled(connection, rows)

    def handle(
        self,
        rows: Collection[int],
        by: str,
        person: int | None = None,
        *,
        work: Work | None = None,
        owner: int | Literal["me"] | UnsetType | None = UNSET,
        spam: Literal[0, 1, 2] | None = None,
        deleted: bool | None = None,
        group: int | UnsetType | None = UNSET,
        topic: int | UnsetType | None = UNSET,
        tags_add: Collection[int] = (),
        tags_remove: Collection[int] = (),
    ) -> list[int]:
        """Change how messages stand, all or none, in one transaction; what is not given stays. `person` is the number
        of who does it. `owner` is a user, `me` or None: the pool; `deleted` hides them, and can be undone. Mail of our
        own stays sent, whatever `work` says. Returns the row numbers of those that were changed. Raises NotFound,
        InputError."""
        wanted = _wanted(work, owner, spam, deleted, group, topic, person)
        rows = list(dict.fromkeys(rows))
        if len(rows) > MOST:
            raise InputError("at most %(most)s messages can be handled at once", most=MOST)
        with self.writing() as connection:
            names = _Names(connection)
            names.check(wanted, [*tags_add, *tags_remove])
            if any(not 0 < row < 2**62 for row in rows):
                raise NotFound("there is no message %(row)s", row=str(next(r for r in rows if not 0 < r < 2**62)))
            Mails(connection).hold(rows)
            there = handling.handled(connection, rows)
            for row in rows:
                if row not in there:
                    raise NotFound("there is no message %(row)s", row=str(row))
            after = {row: _after(there[row], wanted, set(tags_add), set(tags_remove)) for row in rows}
            changed = [row for row in rows if after[row] != there[row]]
            columns = {_COLUMNS.get(name, name): value for name, value in wanted.items() if name != "work"}
            handling.change(connection, changed, columns)
            if work is not None:
                handling.change(connection, [row for row in changed if after[row].work == work], {"work": work})
            for tag in dict.fromkeys(tags_add):
                handling.add_tag(connection, changed, tag)
            for tag in set(tags_remove) - set(tags_add):
                handling.remove_tag(connection, changed, tag)
            told = {row: names.told(there[row], after[row]) for row in changed}
            journal.append_each(connection, journal.moment(), by, HANDLED, told)
        return changed


def _wanted(
    work: str | None,
    owner: int | str | UnsetType | None,
    spam: int | None,
    deleted: bool | None,
    group: int | UnsetType | None,
    topic: int | UnsetType | None,
    person: int | None,
) -> dict[str, Any]:
    """The fields of `Handled` that get another value. Raises InputError."""
    if work not in (None, *get_args(Work)):
        raise InputError("a message is open or done, not %(work)r", work=work)
    if spam not in (None, 0, 1, 2):
        raise InputError("spam is 0 (none), 1 (suspected) or 2 (checked), not %(spam)r", spam=str(spam))
    if owner == "me":
        if person is None:
            raise InputError("only someone who is a user can take a message")
        owner = person
    given = {"work": work, "spam": spam, "deleted": deleted}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    kept = {"owner": owner, "group": group, "topic": topic}
    return found | {name: value for name, value in kept.items() if not isinstance(value, UnsetType)}


def _after(before: Handled, wanted: dict[str, Any], add: set[int], remove: set[int]) -> Handled:
    values = dict(wanted)
    if before.work == "sent":
        values.pop("work", None)
    return before._replace(**values, tags=tuple(sorted((set(before.tags) - remove) | add)))


class _Names:
    """What messages can be given, and how people call it. Four round trips."""

    def __init__(self, connection: Connection) -> None:
        self._users = people.users(connection)
        self._names: dict[str, dict[int, str]] = {
            "owner": {each.id: each.name for each in self._users},
            "group": {row.id: row.name for row in store.groups(connection)},
            "topic": {each.id: each.title for each in topics_of(connection)},
            "tags": {each.id: each.name for each in tags_of(connection)},
        }

    def check(self, wanted: dict[str, Any], tags: Collection[int]) -> None:
        """What is given is there. Raises NotFound."""
        for field in ("group", "topic", "owner"):
            self._check(field, wanted.get(field))
        for each in tags:
            self._check("tags", each)
        owner = wanted.get("owner")
        if owner is not None and not any(each.id == owner and each.active and each.mail for each in self._users):
            raise InputError("%(name)r may not use mail", name=self._names["owner"][owner])

    def _check(self, field: str, id_: int | None) -> None:
        if id_ is not None and id_ not in self._names[field]:
            raise NotFound(_NONE[field], name=str(id_))

    def told(self, before: Handled, after: Handled) -> journal.Payload:
        """What was changed, as it was and as it is, in words."""
        was, now = {}, {}
        for field in ("work", "owner", "spam", "deleted", "group", "topic", "tags"):
            one, other = getattr(before, field), getattr(after, field)
            if one != other:
                was[field], now[field] = self._say(field, one), self._say(field, other)
        return {"before": was, "after": now}

    def _say(self, field: str, value: Any) -> Any:
        if value is None or field not in self._names:
            return value
        if field == "tags":
            return [self._name(field, each) for each in value]
        return self._name(field, value)

    def _name(self, field: str, id_: int) -> str:
        return self._names[field].get(id_, str(id_))


_NONE = {
    "group": "there is no group %(name)s",
    "topic": "there is no topic %(name)s",
    "owner": "there is no user %(name)s",
    "tags": "there is no tag %(name)s",
}
_COLUMNS = {"group": "mail_group"}
