"""The ignored addresses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from typing import Self

from sqlalchemy import Connection, delete, insert, select

from beleg.errors import InputError
from beleg.ignore import ENTRY_LISTS, NO_ENTRY, IgnoreList, classify
from beleg.keys import address_key
from beleg.store import accounts, journal, people
from beleg.store.tables import ignored
from beleg.workspace.base import Base

ITSELF = "beleg"
"""Who does what no person does."""
ADDED, REMOVED = "ignored.add", "ignored.remove"
"""The acts in the journal: `about` the list, the entries that came `after`, or that were there `before`."""

# The address of a user or group is read from its row, not copied: it is ignored as long as he has it, and no longer.
_IGNORED = """
SELECT list, entry FROM ignored UNION SELECT 'users', address FROM person WHERE address <> ''
UNION SELECT 'groups', address FROM mail_group WHERE address <> '' ORDER BY entry
"""


class Ignoring(Base):
    """Whose addresses never count as evidence."""

    def ignore_list(self, connection: Connection) -> IgnoreList:
        """The ignored addresses that are stored."""
        if self._assumed is not None:
            return self._assumed
        rows = tuple(map(tuple, connection.exec_driver_sql(_IGNORED)))
        if self._ignored is None or self._ignored[0] != rows:
            lists = {name: [entry for list_, entry in rows if list_ == name] for name in ENTRY_LISTS}
            self._ignored = rows, IgnoreList(**lists)
        return self._ignored[1]

    def assuming(self, ignored: IgnoreList) -> Self:
        """The same workspace, as if these were the ignored addresses: to ask what would be."""
        found = copy(self)
        found._assumed = ignored
        return found

    def ignored(self) -> IgnoreList:
        """The same, in a transaction of its own."""
        with self.database.begin(write=False) as connection:
            return self.ignore_list(connection)

    def ignore(self, list_: str, entries: Sequence[str], by: str = ITSELF) -> list[str]:
        """Add entries to `users`, `groups` or `blacklist`; returns those that were new. Raises InputError."""
        added = []
        with self.database.begin() as connection:
            for entry in entries:
                key = entry_key(list_, entry)
                if not self._has_entry(connection, list_, key):
                    connection.execute(insert(ignored).values(list=list_, key=key, entry=entry.strip()))
                    added.append(entry)
            if added:
                payload = {"about": list_, "after": added}
                journal.append(connection, journal.moment(), by, ADDED, payload=payload)
        return added

    def unignore(self, list_: str, entries: Sequence[str], by: str = ITSELF) -> list[str]:
        """Take entries off a list; returns those that were on it. Raises InputError, also for an address that a user
        or a group has: it is ignored as long as they have it."""
        gone = []
        with self.database.begin() as connection:
            for entry in entries:
                key = entry_key(list_, entry)
                if self._has_entry(connection, list_, key):
                    connection.execute(delete(ignored).where(ignored.c.list == list_, ignored.c.key == key))
                    gone.append(entry)
                elif list_ == "users" and (user := people.having_address(connection, address_key(entry.strip()))):
                    raise InputError(
                        f"{entry!r} is the address of the user {user.name!r}, which is ignored as long as he has it; "
                        "beleg user set --address gives him another"
                    )
                elif list_ == "groups" and (group := accounts.group_having(connection, address_key(entry.strip()))):
                    raise InputError(
                        f"{entry!r} is the address of the group {group.name!r}, which is ignored as long as it has it; "
                        "beleg group set --address gives it another"
                    )
            if gone:
                payload = {"about": list_, "before": gone}
                journal.append(connection, journal.moment(), by, REMOVED, payload=payload)
        return gone

    def ignored_since(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Who put an entry on a list, and when (UTC, ISO 8601), as far as the journal knows: by list and key (see
        `entry_key`)."""
        known = {}
        with self.database.begin(write=False) as connection:
            for each in journal.of_act(connection, ADDED):
                for entry in each.payload.get("after", ()):
                    with suppress(InputError):  # what was erased in it is no entry
                        list_ = str(each.payload.get("about"))
                        known[list_, entry_key(list_, entry)] = each.who, each.at
        return known

    @staticmethod
    def _has_entry(connection: Connection, list_: str, key: str) -> bool:
        query = select(ignored.c.key).where(ignored.c.list == list_, ignored.c.key == key)
        return connection.execute(query).first() is not None


def entry_key(list_: str, entry: str) -> str:
    """What an entry of a list is compared by, with its kind. Raises InputError where it is none, or not one for this
    list."""
    try:
        kind, key = classify(entry)
    except ValueError:
        raise InputError(NO_ENTRY, entry=entry) from None
    if list_ != "blacklist" and kind != "address":
        raise InputError("%(entry)r is no address; %(list)s holds addresses only", entry=entry, list=list_)
    return f"{kind}:{key}"
