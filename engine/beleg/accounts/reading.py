"""Reading the mail of a server of another make: each mail once, whatever happens meanwhile.

- A mail and its id there are stored in one transaction; a mail whose bytes are stored already (under another id there,
  or fetched elsewhere) is that message. Nothing is ever deleted on the server, so whatever is cut off is read again.
- The newest pages are read each time, until one has nothing new; and some more, further down each time, so that what
  was changed, passed over or cut off before is found, too.
- Where ids are given anew (a server that was set up again), a known id names another mail: one known mail is looked at
  each time, and if it is another one, all ids are forgotten and all mails looked at again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from beleg.accounts import entered
from beleg.errors import InputError
from beleg.mailserver import Fault, MailServerError, ServerItem, ServerMail, ServerSession
from beleg.message import content_identity, parse
from beleg.store import DatabaseError
from beleg.store import accounts as account_store
from beleg.store import servers as store
from beleg.store.database import alone
from beleg.store.mails import Handling, Mails
from beleg.workspace.ignoring import ITSELF

if TYPE_CHECKING:
    from sqlalchemy import Row

    from beleg.accounts import Accounts

HALTING: frozenset[Fault] = frozenset({"sign_in", "tls", "account", "unsupported"})
"""Faults that only a person can end."""
OF_ONE_MAIL: frozenset[Fault] = frozenset({"refused", "protocol", "temporary", "unreachable"})
"""Faults that may be of one mail alone: also one that is so large that its time runs out must not keep the others."""
OF_THE_SERVER: frozenset[Fault] = frozenset({"temporary", "unreachable"})
"""Those of them that are the server's where they come again and again."""
SICK = 3
"""So many mails in a row that can't be had are passed over, before the server is left alone."""
SWEEP = 5
"""How many older pages are looked at again each time."""
WRITTEN = 200
"""On how many mails contacts are written at a time."""


@dataclass
class ReadReport:
    """What reading did: `busy`: another is at it, so nothing; how many mails were `new`, how many had been stored
    before (`known`), how many marks of the server changed (`marked`), how many groups are mirrored, how many messages
    were `decided`, on how many mails a contact was `written`; `skipped`: what went wrong with single mails, by their
    ids there (they are tried again), `failed`: with deciding; `error`: why it was broken off."""

    busy: bool = False
    groups: int = 0
    new: int = 0
    known: int = 0
    marked: int = 0
    decided: int = 0
    written: int = 0
    skipped: dict[str, MailServerError] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    error: MailServerError | None = None


def read_mail(
    accounts: Accounts, name: str, reference: str, session: ServerSession, report: ReadReport, stop: threading.Event
) -> None:
    """Read a server's groups and mails, decide what is new, and write back the contacts whose records have a reference
    of this kind, until it is done or is to `stop`. What was done is in the report, whatever is raised. Raises
    MailServerError, DatabaseError."""
    reader = _Reader(accounts, name, session, report, stop)
    try:
        reader.groups()
        reader.mails()
    finally:
        reader.decide()
    reader.write_back(reference)


def mirror(accounts: Accounts, server: str, groups: Sequence[ServerItem]) -> dict[str, int]:
    """Have each of these groups of a server as one of Beleg's, so that its address never counts as evidence; their
    numbers, by their ids there. One of Beleg's own with the same name and address is that group."""
    numbers = {}
    with accounts.writing() as connection:
        for each in groups:
            rows = account_store.groups(connection)
            address, remote = _address(each), f"{server}:{each.id}"
            row = next((row for row in rows if row.remote == remote), None)
            if row is None:
                row = next((row for row in rows if row.remote is None and _same(row, each.name, address)), None)
            values = {"address": address, "remote": remote}
            if row is None:
                name = _free_name(server, each, {row.key for row in rows})
                numbers[each.id] = account_store.add_group(connection, key=entered.key(name), name=name, **values)
                accounts.note(connection, ITSELF, "group.mirror", name, after={"address": address})
                continue
            numbers[each.id] = row.id
            if (row.address, row.remote) != (address, remote):
                account_store.change_group(connection, row.id, values)
                before = {"address": row.address}
                accounts.note(connection, ITSELF, "group.mirror", row.name, before=before, after={"address": address})
    return numbers


class _Reader:
    """One go at a server."""

    def __init__(
        self, accounts: Accounts, name: str, session: ServerSession, report: ReadReport, stop: threading.Event
    ) -> None:
        self._accounts = accounts
        self._database = accounts.database
        self._name = name
        self._session = session
        self._report = report
        self._stop = stop
        self._groups: dict[str, int] = {}
        self._no_groups: set[str] = set()
        self._seen: set[str] = set()
        self._sick = 0

    # --- groups ------------------------------------------------------------------------------------------------------

    def groups(self) -> None:
        """Have each group of the server as one of Beleg's."""
        self._groups = mirror(self._accounts, self._name, self._session.items("group"))
        self._report.groups = len(self._groups)

    # --- mails -------------------------------------------------------------------------------------------------------

    def mails(self) -> None:
        """The newest pages until one has nothing new, and some older ones."""
        offset = 0
        while page := self._page(offset):
            if offset == 0 and self._given_anew(page):
                with self._database.begin(durable=True) as connection:
                    store.forget(connection, self._name)
            new = self._take(page)
            offset += len(page)
            # Where a server does not keep to the order, any page may have something new.
            if not new and _descending(page):
                return self._older(offset)
        return self._read_to(0)

    def _older(self, behind: int) -> None:
        """So many pages, from where the last time ended, and on as long as there is something new."""
        with self._database.begin(write=False) as connection:
            row = store.one_server(connection, self._name)
        offset = max(behind, row.read_to if row else 0)
        left = SWEEP
        while left and (page := self._page(offset)):
            left = SWEEP if self._take(page) else left - 1
            offset += len(page)
        self._read_to(offset if not left else 0)

    def _read_to(self, offset: int) -> None:
        with self._database.begin() as connection:
            store.set_server(connection, self._name, {"read_to": offset})

    def _page(self, offset: int) -> Sequence[ServerMail]:
        """A page; none where it has nothing but what earlier ones had (such a server would give pages without end)."""
        if self._stop.is_set():
            return ()
        page = self._session.mails((), offset)
        ids = {each.id for each in page}
        if ids <= self._seen:
            return ()
        self._seen |= ids
        if unknown := {each.group for each in page if each.group} - self._groups.keys() - self._no_groups:
            self.groups()
            self._no_groups |= unknown - self._groups.keys()
        return page

    def _given_anew(self, page: Sequence[ServerMail]) -> bool:
        """Whether a known id is of another mail now."""
        with self._database.begin(write=False) as connection:
            known = store.read(connection, self._name, [each.id for each in page])
            found = next(((id_, row) for id_, row in known.items() if row.message is not None), None)
            was = store.message_id(connection, found[1].message) if found and found[1].message else None
        if found is None or was is None:
            return False
        try:
            raw = self._session.raw(found[0])
        except MailServerError as error:
            if error.fault in OF_ONE_MAIL:
                return False
            raise
        # Not by its bytes: whether a server gives a mail in the same bytes each time is its own affair.
        now = parse(raw, self._accounts.workspace.rules.limits).message_id
        return now is not None and now != was

    def _take(self, page: Sequence[ServerMail]) -> int:
        """Read what is new on a page, and write down what the server says of the rest. How much was new."""
        with self._database.begin(write=False) as connection:
            known = store.read(connection, self._name, [each.id for each in page])
        changed = [
            each
            for each in page
            if (row := known.get(each.id)) and (row.deleted, row.error) != (each.deleted, each.failed)
        ]
        if changed:
            with self._database.begin() as connection:
                for each in changed:
                    store.mark(connection, self._name, each)
            self._report.marked += len(changed)
        new = 0
        for each in reversed(page):
            if each.id not in known and not each.unfinished and not self._stop.is_set():
                new += self._read(each)
        return new

    def _read(self, mail: ServerMail) -> bool:
        """Read a mail and store it with its id, on disk at the end. False where it can't be had."""
        try:
            raw = self._session.raw(mail.id)
            ties = self._ties(mail)
        except MailServerError as error:
            self._sick += 1
            if error.fault not in OF_ONE_MAIL or (self._sick > SICK and error.fault in OF_THE_SERVER):
                raise
            self._report.skipped[mail.id] = error
            return False
        self._sick = 0
        identity = content_identity(raw)
        with self._database.begin(durable=True) as connection:
            alone(connection, "mailbox")  # an account may have got the same mail
            mails = Mails(connection)
            if identity in mails.known([identity]):
                row = store.stored(connection, identity)  # none where it was erased
                self._report.known += 1
            else:
                parsed = parse(raw, self._accounts.workspace.rules.limits)
                tied = [each.message for each in store.read(connection, self._name, ties).values() if each.message]
                row = mails.add(parsed, raw, self._name, handling=self._handling(mail), tied=tied)
                self._report.new += 1
            store.add(connection, self._name, mail, identity, row)
        return True

    def _ties(self, mail: ServerMail) -> Sequence[str]:
        try:
            return self._session.thread(mail.id)
        except MailServerError as error:
            if error.fault not in ("refused", "protocol", "unsupported"):
                raise
            self._report.skipped[mail.id] = error  # it is read, without what the server ties it to
            return ()

    def _handling(self, mail: ServerMail) -> Handling:
        group = self._groups.get(mail.group) if mail.group else None
        return Handling(work="done" if mail.done else "open", spam=int(mail.spam), mail_group=group)

    # --- afterwards --------------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Decide what is new, and what an earlier go left undecided; oldest first."""
        if not self._accounts.settings.decide:
            return
        try:
            with self._database.begin(write=False) as connection:
                rows = store.undecided(connection, self._name)
            outcome = self._accounts.workspace.assign(rows)
            self._report.decided, self._report.failed = outcome.decided, outcome.failed
        except DatabaseError as error:  # it is stored, and is decided when it is opened
            self._report.failed.append(str(error))

    def write_back(self, reference: str) -> None:
        """Write on mails which contacts they are about."""
        with self._database.begin(write=False) as connection:
            waiting = store.unwritten(connection, self._name, reference, WRITTEN)
        for item, record in waiting:
            if self._stop.is_set():
                return
            number = next(each.number for each in record.references if each.kind == reference)
            try:
                self._session.write_contact(item, number.strip(), f"Beleg: {record.ref}")
                refused = False
                self._report.written += 1
            except MailServerError as error:
                if error.fault not in ("refused", "protocol"):
                    raise
                self._report.skipped[item] = error
                refused = True
            with self._database.begin() as connection:
                store.wrote(connection, self._name, item, record.ref, refused=refused)


def _address(group: ServerItem) -> str:
    """The address of a group; empty where the server has none for it."""
    try:
        return entered.address(str(group.fields.get("address", "")))
    except InputError:
        return ""


def _free_name(server: str, group: ServerItem, taken: set[str]) -> str:
    try:
        name = entered.name(group.name)[: entered.LONGEST - 40]
    except InputError:
        name = group.id
    return next(each for each in (name, f"{name} ({server} {group.id})") if entered.key(each) not in taken)


def _same(row: Row[Any], name: str, address: str) -> bool:
    """Whether a group of Beleg's own is this one."""
    return bool(row.key == entered.key(name) and row.address.casefold() == address.casefold())


def _descending(page: Sequence[ServerMail]) -> bool:
    order = [(len(each.id), each.id) for each in page]
    return order == sorted(order, reverse=True)
