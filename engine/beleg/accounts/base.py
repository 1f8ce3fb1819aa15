"""What all parts of the accounts share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from beleg.accounts.model import Account, ArrivalRule, Group, MailFilter, Signature
from beleg.errors import NotFound
from beleg.store import accounts as store
from beleg.store import journal
from beleg.store.criteria import decode
from beleg.store.database import alone

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from beleg.vault import Vault
    from beleg.workspace import Workspace

LIMIT = 10


@dataclass(frozen=True)
class AccountSettings:
    """What an installation allows: `limit` accounts of a direction; `authorities`: certificates (PEM) that are trusted
    besides the system's; `decide`: mail is decided as soon as it is stored, else at opening."""

    limit: int = LIMIT
    authorities: str = ""
    decide: bool = True


class Base:
    """The accounts of one workspace. `by` is always who does it, for the journal."""

    def __init__(
        self, workspace: Workspace, vault: Callable[[], Vault], settings: AccountSettings = AccountSettings()
    ) -> None:
        self.workspace = workspace
        self.database = workspace.database
        self.installed = workspace.installed
        self.settings = settings
        self._unlock = vault

    @cached_property
    def vault(self) -> Vault:
        """What secrets are sealed with. Raises InputError where there is no key."""
        return self._unlock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with self.database.begin(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One change at a time: what it looks at (names, how many there are) stays so to its end."""
        with self.database.begin(durable=True) as connection:
            alone(connection, "accounts")
            yield connection

    @staticmethod
    def note(connection: Connection, by: str, act: str, about: str, **payload: Any) -> None:
        """Write down what a person did."""
        journal.append(connection, journal.moment(), by, act, None, {"about": about, **payload})


def account_of(row: Row[Any]) -> Account:
    """An account from its row, without its secret."""
    return Account(
        id=row.id,
        direction=row.direction,
        name=row.name,
        protocol=row.protocol,
        host=row.host,
        port=row.port,
        security=row.security,
        auth=row.auth,
        user=row.user_name,
        has_secret=bool(row.secret),
        provider=row.provider,
        active=bool(row.active),
        after=row.after,
        days=row.days,
        delete_too=bool(row.delete_too),
        senders=tuple(row.senders.split("\n")) if row.senders else (),
        group=row.mail_group,
        fault=row.fault or None,
        error=json.loads(row.error) if row.error else None,
        failed=row.failed,
        succeeded=row.succeeded,
        failures=row.failures,
        due=row.due,
        halted=bool(row.halted),
    )


def group_of(row: Row[Any]) -> Group:
    """A group from its row."""
    return Group(row.id, row.name, row.address, row.signature, row.remote)


def signature_of(row: Row[Any]) -> Signature:
    """A signature from its row."""
    return Signature(row.id, row.name, row.text)


def filter_of(row: Row[Any], groups: dict[int, Group]) -> MailFilter:
    """A filter from its row."""
    group = groups.get(row.mail_group)
    return MailFilter(row.id, row.role, row.name, group, row.parent, decode(row.criteria), row.position)


def arrival_of(row: Row[Any]) -> ArrivalRule:
    """An arrival rule from its row."""
    return ArrivalRule(row.account, row.mail_group, row.work, row.owner, row.topic)


def found_account(connection: Connection, id_: int) -> Row[Any]:
    """The row of an account. Raises NotFound."""
    row = store.one_account(connection, id_)
    if row is None:
        raise NotFound("there is no account %(number)s", number=str(id_))
    return row


def found_group(connection: Connection, id_: int) -> Row[Any]:
    """The row of a group. Raises NotFound."""
    row = store.one_group(connection, id_)
    if row is None:
        raise NotFound("there is no group %(number)s", number=str(id_))
    return row
