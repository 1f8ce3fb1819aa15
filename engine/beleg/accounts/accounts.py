"""The accounts: what fetches mail, and what sends it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from pydantic import SecretStr

from beleg.accounts import creating, entered
from beleg.accounts.base import Base, account_of, found_account
from beleg.accounts.model import Account, After, Direction
from beleg.errors import InputError, NotFound
from beleg.mailserver import (
    NO_SECRET,
    Auth,
    CheckStep,
    Endpoint,
    IncomingProtocol,
    MailServerError,
    OutgoingProtocol,
    Security,
)
from beleg.store import accounts as store
from beleg.store import seen

if TYPE_CHECKING:
    from sqlalchemy import Connection

USUAL: Mapping[Direction, str] = {"in": "pop3", "out": "smtp"}
"""The protocol of accounts that name none."""


class Fields(TypedDict, total=False):
    """What can be said of an account. `password` None leaves it as it is, an empty one takes it away. `provider` is
    whose OAuth2 link it signs in with. `after`, `days`, `delete_too` are of accounts that fetch, `senders` of those
    that send."""

    name: str
    protocol: str
    host: str
    port: int
    security: Security
    auth: Auth
    user: str
    password: SecretStr | None
    provider: str
    active: bool
    after: After
    days: int
    delete_too: bool
    senders: Collection[str]


class Managing(Base):
    """Managing accounts."""

    # --- finding -------------------------------------------------------------------------------------------------

    def accounts(self, direction: Direction | None = None) -> list[Account]:
        """All accounts, or those of a direction, by name."""
        with self.reading() as connection:
            return [account_of(row) for row in store.accounts(connection, direction)]

    def account(self, id_or_name: int | str, direction: Direction = "in") -> Account:
        """The account of this number, or of this name and direction. Raises NotFound."""
        with self.reading() as connection:
            if isinstance(id_or_name, int):
                return account_of(found_account(connection, id_or_name))
            row = store.account_named(connection, direction, entered.key(" ".join(id_or_name.split())))
        if row is None:
            raise NotFound("there is no account %(name)r", name=id_or_name)
        return account_of(row)

    def missing(self) -> list[Direction]:
        """Of which directions an account is still missing, for a company needs one of each."""
        there = {each.direction for each in self.accounts()}
        return [each for each in USUAL if each not in there]

    # --- changing ------------------------------------------------------------------------------------------------

    def add(
        self,
        direction: Direction,
        by: str,
        *,
        group_address: str | None = None,
        sends: Fields | None = None,
        **fields: Unpack[Fields],
    ) -> Account:
        """A new account, inactive unless it is said to be active. With one that fetches are made, in the same
        transaction, its group (whose address is the user name, unless another is given), signature, filters, arrival
        rule, and an account of its name that sends (`sends` says what is not guessed of it), active if the new one is.
        Raises InputError, also where there are as many as are allowed."""
        values = self._values(direction, fields)
        with self.writing() as connection:
            self._room(connection, direction)
            self._free(connection, direction, values["name"])
            group = None
            if direction == "in":
                group = creating.group_for(connection, values["name"], values["user"], group_address)
                values["group"] = group.id
            id_ = self._store(connection, direction, values)
            if group is not None:
                creating.filters_for(connection, group)
                creating.arrival_for(connection, id_, group)
                given = {"active": values["active"], "password": values["password"], **(sends or {})}
                self._add_twin(connection, creating.twin_of(values, group, given), by)
            account = account_of(found_account(connection, id_))
            self.note(connection, by, "account.add", account.name, after=told(account))
        return account

    def change(self, id: int, by: str, **fields: Unpack[Fields]) -> Account:
        """Change an account; what went wrong with it before is forgotten, so that it is tried again. Raises NotFound;
        InputError, also where another server or user name is given and the password is not given again (it is for
        those that it was stored for)."""
        return self.change_many([id], by, **fields)[0]

    def change_many(self, ids: Collection[int], by: str, **fields: Unpack[Fields]) -> list[Account]:
        """Change several accounts in the same way, all or none. Raises NotFound, InputError."""
        changed = []
        with self.writing() as connection:
            for id_ in dict.fromkeys(ids):
                before = account_of(found_account(connection, id_))
                given = entered.checked(dict(fields), before.direction, self.protocol(before))
                if "name" in given and entered.key(given["name"]) != entered.key(before.name):
                    if len(ids) > 1:
                        raise InputError("several accounts can't have one name")
                    self._free(connection, before.direction, given["name"])
                whole = {**_fields(before), **given}
                self._consistent(whole)
                columns = self._columns(given)
                if not _told_again(before, whole, given.get("password")):
                    columns["secret"] = ""
                store.change_account(connection, id_, {**columns, **_ANEW})
                if any(each in given and given[each] != getattr(before, each) for each in _MAILBOX):
                    seen.forget(connection, id_)  # unique ids of another mailbox mean other mails
                after = account_of(found_account(connection, id_))
                was, now = told(before), told(after)
                different = [name for name in was if was[name] != now[name]]
                if different or given.get("password") is not None:
                    self.note(
                        connection, by, "account.change", before.name,
                        before={name: was[name] for name in different}, after={name: now[name] for name in different},
                    )  # fmt: skip
                changed.append(after)
        return changed

    def remove(self, ids: Collection[int], by: str) -> list[Account]:
        """Remove accounts, and with one that fetches that of its name that sends; returns what was removed. Their mail,
        groups and filters stay. Raises NotFound."""
        with self.writing() as connection:
            gone = {id_: account_of(found_account(connection, id_)) for id_ in ids}
            for each in [each for each in gone.values() if each.direction == "in"]:
                if twin := store.account_named(connection, "out", entered.key(each.name)):
                    gone.setdefault(twin.id, account_of(twin))
            store.remove_accounts(connection, list(gone))
            for each in gone.values():
                self.note(connection, by, "account.remove", each.name, before=told(each))
        return list(gone.values())

    # --- signing in ----------------------------------------------------------------------------------------------

    def protocol(self, account: Account) -> IncomingProtocol | OutgoingProtocol:
        """What an account speaks. Raises InputError where that is not installed."""
        return self.spoken(account.direction, account.protocol)

    def spoken(self, direction: Direction, name: str) -> IncomingProtocol | OutgoingProtocol:
        """The protocol of this name and direction. Raises InputError."""
        found = self.installed.mail_servers.get(name)
        if isinstance(found, IncomingProtocol if direction == "in" else OutgoingProtocol):
            return found
        raise InputError("no plugin that is installed and switched on speaks %(protocol)r", protocol=name)

    def endpoint(self, account: Account) -> Endpoint:
        """Where and how an account signs in, with its password or a fresh token. Raises MailServerError where its link
        must be made again, InputError where there is no key that fits."""
        with self.reading() as connection:
            sealed = found_account(connection, account.id).secret
        if account.auth == "oauth2":
            return self._endpoint(_fields(account), self.token(account))
        secret = self.vault.open(sealed) if sealed else NO_SECRET
        return self._endpoint(_fields(account), secret)

    def token(self, account: Account) -> SecretStr:
        """The access token that an account signs in with. Raises MailServerError."""
        raise NotImplementedError  # by linking

    def check(self, direction: Direction, account: int | None = None, **fields: Unpack[Fields]) -> Iterator[CheckStep]:
        """Try settings, step by step, and change nothing: those of a stored account, with what the fields say
        otherwise. Where those of an account that waits for a person go well, it is tried again from then on. Raises
        NotFound, InputError; MailServerError where its link must be made again."""
        before = self.account(account) if account is not None else None
        values = self._values(direction, fields, before)
        secret = values["password"]
        if secret is None and before is not None:
            _told_again(before, values, None)
            secret = self.endpoint(replace(before, **{name: values[name] for name in _REACHED_BY})).secret
        steps = self.spoken(direction, values["protocol"]).check(self._endpoint(values, secret or NO_SECRET))
        if before is None or not before.halted or values["password"] is not None:
            return steps
        return self._resumed(before.id, steps) if all(values[e] == getattr(before, e) for e in _REACHED_BY) else steps

    def _resumed(self, id: int, steps: Iterator[CheckStep]) -> Iterator[CheckStep]:
        well = True
        for step in steps:
            well = well and step.ok
            yield step
        if well:
            with self.database.begin() as connection:
                store.change_account(connection, id, _ANEW)

    def settled(self, id: int, error: MailServerError | None, due: int | None = None, *, halted: bool = False) -> None:
        """Write down how a try went: well, or with an error; and when the next one is due."""
        now = int(time.time())
        with self.database.begin() as connection:
            row = store.one_account(connection, id)
            if row is None:  # it was removed meanwhile
                return
            values: dict[str, Any] = {"due": due, "halted": halted}
            if error is None:
                values |= {"fault": "", "error": "", "failures": 0, "succeeded": now}
            else:
                said = {language: error.say(language) for language in ("en", "de")}
                values |= {
                    "fault": error.fault, "error": json.dumps(said, ensure_ascii=False), "failed": now,
                    "failures": row.failures + 1,
                }  # fmt: skip
            store.change_account(connection, id, values)

    # --- within --------------------------------------------------------------------------------------------------

    def _values(self, direction: Direction, fields: Fields, before: Account | None = None) -> dict[str, Any]:
        """All fields of an account, as they are stored but for the password. Raises InputError."""
        name = fields.get("protocol") or (before.protocol if before else USUAL[direction])
        protocol = self.spoken(direction, name)
        given = entered.checked(dict(fields), direction, protocol)
        defaults: dict[str, Any] = {
            "security": "tls", "auth": protocol.auths[0], "user": "", "password": None, "provider": "", "active": False,
            "after": "keep", "days": 0, "delete_too": False, "senders": (),
        }  # fmt: skip
        values = {**(_fields(before) if before else defaults), "password": None, **given, "protocol": name}
        values.setdefault("port", protocol.ports[values["security"]])
        if "name" not in values:
            raise InputError("an account needs a name")
        if "host" not in values:
            raise InputError("an account needs the host that it signs in to")
        self._consistent(values)
        return values

    @staticmethod
    def _consistent(values: Mapping[str, Any]) -> None:
        """What several fields say together. Raises InputError."""
        if values["auth"] != "none" and not values["user"]:
            raise InputError("enter the user name that the server is signed in to with")
        if values["after"] == "later" and not values["days"]:
            raise InputError("enter after how many days mail is deleted on the server")
        if values["auth"] == "oauth2" and not values["provider"]:
            raise InputError("for OAuth2, choose the provider that the account is linked with")

    def _room(self, connection: Connection, direction: Direction) -> None:
        if store.count_accounts(connection, direction) < self.settings.limit:
            return
        said = {
            "in": "there can be %(limit)s accounts that fetch mail, and all of them are there: remove one, or allow "
            "more by the setting account_limit",
            "out": "there can be %(limit)s accounts that send mail, and all of them are there: remove one, or allow "
            "more by the setting account_limit",
        }
        raise InputError(said[direction], limit=self.settings.limit)

    @staticmethod
    def _free(connection: Connection, direction: Direction, name: str) -> None:
        if taken := store.account_named(connection, direction, entered.key(name)):
            raise InputError("there is an account %(name)r already; choose another name", name=taken.name)

    def _store(self, connection: Connection, direction: Direction, values: dict[str, Any]) -> int:
        columns = self._columns(values)
        columns.setdefault("secret", "")
        return store.add_account(connection, direction=direction, **columns)

    def _add_twin(self, connection: Connection, fields: dict[str, Any], by: str) -> None:
        """The account that sends; one of this name that is there already stays as it is."""
        if store.account_named(connection, "out", entered.key(fields["name"])) is not None:
            return
        self._room(connection, "out")
        id_ = self._store(connection, "out", self._values("out", Fields(**fields)))  # type: ignore[typeddict-item]  # checked there
        twin = account_of(found_account(connection, id_))
        self.note(connection, by, "account.add", twin.name, after=told(twin))

    def _columns(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Columns for these fields."""
        columns = {_COLUMNS.get(name, name): value for name, value in given.items() if name != "password"}
        if "name" in given:
            columns["key"] = entered.key(given["name"])
        if "senders" in given:
            columns["senders"] = "\n".join(given["senders"])
        if given.get("password") is not None:
            columns["secret"] = self.vault.seal(given["password"])
        return columns

    def _endpoint(self, values: Mapping[str, Any], secret: SecretStr) -> Endpoint:
        return Endpoint(
            values["host"], values["port"], values["security"], values["auth"], values["user"], secret,
            authorities=self.settings.authorities,
        )  # fmt: skip


_COLUMNS = {"user": "user_name", "group": "mail_group"}
_ANEW = {"fault": "", "error": "", "failures": 0, "due": None, "halted": False}
_REACHED_BY = ("protocol", "host", "port", "security", "auth", "user", "provider")
_MAILBOX = ("protocol", "host", "user")
_STORED_FOR = ("protocol", "host", "port", "security", "user")
_BY_PASSWORD = ("login", "apop")
_OWN = (
    "name", "protocol", "host", "port", "security", "auth", "user", "provider", "active", "after", "days", "delete_too",
    "senders",
)  # fmt: skip


def _told_again(before: Account, after: Mapping[str, Any], password: SecretStr | None) -> bool:
    """Whether the stored password may stay: one that nothing signs in with goes with the server that it is for. Raises
    InputError where it would go to another server, less protected, or with another user name."""
    same = all(after[name] == getattr(before, name) for name in _STORED_FOR)
    if same or password is not None or not before.has_secret:
        return True
    if after["auth"] in _BY_PASSWORD:
        raise InputError(
            "host, port, connection or user name of %(name)r changes: enter the password again, which was stored for "
            "the old ones",
            name=before.name,
        )
    return False


def _fields(account: Account) -> dict[str, Any]:
    values = asdict(account)
    return {name: values[name] for name in _OWN}


def told(account: Account) -> dict[str, Any]:
    """What the journal says of an account."""
    return {**_fields(account), "direction": account.direction, "senders": list(account.senders)}
