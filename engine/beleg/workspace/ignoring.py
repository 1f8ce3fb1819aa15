"""The ignored addresses."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from beleg.errors import InputError
from beleg.ignore import ENTRY_LISTS, IgnoreList, classify
from beleg.keys import address_key
from beleg.store import journal, people
from beleg.store.tables import ignored
from beleg.workspace.base import Base

ITSELF = "beleg"
"""Who does what no person does."""
# A user's address is read from his row, not copied: it is ignored as long as he has it, and no longer.
_IGNORED = """
SELECT list, entry FROM ignored UNION SELECT 'users', address FROM person WHERE address <> '' ORDER BY entry
"""


class Ignoring(Base):
    """Whose addresses never count as evidence."""

    def ignore_list(self, connection: Connection) -> IgnoreList:
        """The ignored addresses that are stored."""
        rows = tuple(map(tuple, connection.exec_driver_sql(_IGNORED)))
        if self._ignored is None or self._ignored[0] != rows:
            lists = {name: [entry for list_, entry in rows if list_ == name] for name in ENTRY_LISTS}
            self._ignored = rows, IgnoreList(**lists)
        return self._ignored[1]

    def ignored(self) -> IgnoreList:
        """The same, in a transaction of its own."""
        with self.database.begin(write=False) as connection:
            return self.ignore_list(connection)

    def ignore(self, list_: str, entries: Sequence[str], by: str = ITSELF) -> list[str]:
        """Add entries to `users`, `groups` or `blacklist`; returns those that were new. Raises InputError."""
        added = []
        with self.database.begin() as connection:
            for entry in entries:
                key = self._entry_key(list_, entry)
                if not self._has_entry(connection, list_, key):
                    connection.execute(insert(ignored).values(list=list_, key=key, entry=entry.strip()))
                    added.append(entry)
            if added:
                payload = {"about": list_, "after": added}
                journal.append(connection, journal.moment(), by, "ignored.add", payload=payload)
        return added

    def unignore(self, list_: str, entries: Sequence[str], by: str = ITSELF) -> list[str]:
        """Take entries off a list; returns those that were on it. Raises InputError, also for the address that a user
        has: it is ignored as long as he has it."""
        gone = []
        with self.database.begin() as connection:
            for entry in entries:
                key = self._entry_key(list_, entry)
                if self._has_entry(connection, list_, key):
                    connection.execute(delete(ignored).where(ignored.c.list == list_, ignored.c.key == key))
                    gone.append(entry)
                elif list_ == "users" and (user := people.having_address(connection, address_key(entry.strip()))):
                    raise InputError(
                        f"{entry!r} is the address of the user {user.name!r}, which is ignored as long as he has it; "
                        "beleg user set --address gives him another"
                    )
            if gone:
                payload = {"about": list_, "before": gone}
                journal.append(connection, journal.moment(), by, "ignored.remove", payload=payload)
        return gone

    @staticmethod
    def _entry_key(list_: str, entry: str) -> str:
        try:
            kind, key = classify(entry)
        except ValueError as error:
            raise InputError(str(error)) from None
        if list_ != "blacklist" and kind != "address":
            raise InputError(f"{entry!r} is no address; {list_} holds addresses only")
        return f"{kind}:{key}"

    @staticmethod
    def _has_entry(connection: Connection, list_: str, key: str) -> bool:
        query = select(ignored.c.key).where(ignored.c.list == list_, ignored.c.key == key)
        return connection.execute(query).first() is not None
