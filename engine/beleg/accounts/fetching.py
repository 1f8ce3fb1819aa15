"""Fetching mail: stored before it is deleted, stored once, and deleted no earlier than the account says.

- A mail and its unique id are stored in one transaction that is on disk before DELE is sent; what QUIT did not say yes
  to is `marked`, and the next session's listing says what became of it.
- A mail is known by account and unique id, and by its bytes: a server that lost its index, or that gives a unique id
  again, neither doubles a mail nor has one deleted that was never fetched.
- Days are counted by a clock that can't be set (`beleg.store.clock`).
- After any fault the session is dropped; what it marked the server keeps.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beleg.accounts.model import Account
from beleg.errors import InputError
from beleg.mailserver import Fault, IncomingProtocol, Listed, MailboxSession, MailServerError, Sentence, unreliable
from beleg.message import content_identity, parse
from beleg.store import DatabaseError, clock, seen
from beleg.store.database import alone
from beleg.store.exclusive import only_one
from beleg.store.mails import Handling, Mails

if TYPE_CHECKING:
    from beleg.accounts import Accounts

HALTING: frozenset[Fault] = frozenset({"sign_in", "tls", "account", "unsupported"})
"""Faults that only a person can end: trying again would lock the mailbox, or tell a password to the wrong server."""
LONGEST_WAIT = 60 * 60
"""Seconds between two tries after many failures."""
MAILS, SECONDS = 500, 300
"""After so many new mails, or so long, a session is ended and another one begun, so that what it deletes is deleted."""
SICK = 3
"""How many mails that can't be had are passed over, each with a session of its own, before the account is left."""
DAY = 24 * 60 * 60

_SPAM = re.compile(rb"^X-Spam-Flag:[ \t]*([A-Za-z]*)", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_NOT_STORED = Sentence(
    "Mail could not be stored, so nothing was deleted on the server. It is tried again.",
    "E-Mails konnten nicht gespeichert werden; auf dem Server wurde nichts gelöscht. Es wird erneut versucht.",
)
_NOT_READY = Sentence(
    "This installation can't sign in: {fault}.", "Diese Installation kann sich nicht anmelden: {fault}."
)
_INTERNAL = Sentence(
    "Beleg met an error of its own ({fault}); its log says more. Nothing was deleted on the server.",
    "Beleg ist auf einen eigenen Fehler gestoßen ({fault}); Näheres steht im Protokoll. Auf dem Server wurde nichts "
    "gelöscht.",
)
_log = logging.getLogger(__name__)


@dataclass
class FetchReport:
    """What fetching an account did: mails that are `new`, that were `known` already though their unique id was new,
    that the server said were `deleted`, that were `decided`; what `failed` to be decided; the `error` that ended it.
    `idle`: nothing was done, for another process is at it, or it is not due."""

    account: Account
    new: int = 0
    known: int = 0
    deleted: int = 0
    decided: int = 0
    failed: list[str] = field(default_factory=list)
    error: MailServerError | None = None
    idle: bool = False


@dataclass
class _Run:
    """One go at an account: the mails that are new, and those that can't be had."""

    account: Account
    report: FetchReport
    rows: list[int] = field(default_factory=list)
    sick: set[str] = field(default_factory=set)


class _Sick(Exception):
    """A mail can't be had; others perhaps can."""

    def __init__(self, uid: str, error: MailServerError) -> None:
        self.uid = uid
        self.error = error


class Fetcher:
    """Fetches accounts, `every` so many seconds where all goes well. `stop` ends what is under way after the mail that
    it is at; `measure` is what the days are counted by."""

    def __init__(
        self,
        accounts: Accounts,
        every: int = 60,
        *,
        stop: threading.Event | None = None,
        measure: clock.Measure = clock.running,
    ) -> None:
        self._accounts = accounts
        self._database = accounts.database
        self._every = every
        self._stop = stop or threading.Event()
        self._measure = measure
        self._last: dict[int, set[str]] = {}
        """Unique ids by account that are fetched last: they made trouble before."""
        self._caught_up: set[int] = set()

    def due(self, now: float | None = None) -> list[Account]:
        """The accounts that are to be fetched now; who waited longest is first."""
        found = [each for each in self._accounts.accounts("in") if self._is_due(each, now)]
        return sorted(found, key=lambda each: each.due or 0)

    def fetch(self, account_id: int, now: float | None = None, *, only_due: bool = False) -> FetchReport:
        """Fetch an account, and decide what is new where that is to be done on arrival; with `only_due` not before its
        time. What goes wrong with the server or the database is in the report and on the account. Raises NotFound, and
        InputError where the account is not active."""
        account = self._accounts.account(account_id)
        if account.direction != "in":
            raise InputError("%(name)s sends mail and fetches none", name=account.name)
        if not account.active and not only_due:
            raise InputError("%(name)s is not active; switch it on first", name=account.name)
        report = FetchReport(account)
        with only_one(self._database, f"fetch:{account_id}") as mine:
            # Read behind the lock: another process may just have been done.
            report.account = account = self._accounts.account(account_id)
            if not mine or (only_due and not self._is_due(account, now)):
                report.idle = True
                return report
            run = _Run(account, report)
            try:
                self._sessions(run)
            except MailServerError as error:
                report.error = error
            except DatabaseError as error:
                report.error = MailServerError("temporary", _NOT_STORED, str(error))
            except InputError as error:  # no key, or no plugin
                report.error = MailServerError("temporary", _NOT_READY, fault=str(error))
            except Exception as error:
                _log.exception("fetching the account %r failed", account.name)
                report.error = MailServerError("temporary", _INTERNAL, fault=type(error).__name__)
            self._settle(report, time.time() if now is None else now)
        self._decide(run)
        return report

    def _is_due(self, account: Account, now: float | None) -> bool:
        moment = time.time() if now is None else now
        longest = moment + max(self._every, LONGEST_WAIT)  # nothing is due later, unless the clock was set back
        waiting = account.due is not None and moment < account.due <= longest
        return account.active and not account.halted and not waiting

    # --- sessions ----------------------------------------------------------------------------------------------------

    def _sessions(self, run: _Run) -> None:
        """Sessions until nothing is left. A mail that can't be had ends its session; the others are fetched all the
        same, and then the account has its error."""
        trouble: MailServerError | None = None
        while True:
            try:
                if not self._session(run):
                    break
            except _Sick as sick:
                trouble = sick.error
                run.sick.add(sick.uid)
                self._last.setdefault(run.account.id, set()).add(sick.uid)
                if len(run.sick) > SICK or self._stop.is_set():
                    break
        if trouble:
            raise trouble
        self._last.pop(run.account.id, None)

    def _session(self, run: _Run) -> bool:
        """One session; whether there is more to fetch."""
        account = run.account
        protocol = self._accounts.protocol(account)
        assert isinstance(protocol, IncomingProtocol)
        with protocol.open(self._accounts.endpoint(account)) as session:
            listing = session.listing()
            if error := unreliable(listing):
                raise error
            now, wanted = self._compare(account.id, listing)
            wanted = [each for each in wanted if each.uid not in run.sick]
            last = self._last.get(account.id, set())
            wanted.sort(key=lambda each: each.uid in last)
            handling = self._arrival(account)
            until = time.monotonic() + SECONDS
            more = False
            for count, each in enumerate(wanted):
                if more := count >= MAILS or time.monotonic() > until or self._stop.is_set():
                    break
                self._take(run, session, each, handling, now)
            marked = [] if self._stop.is_set() else self._mark(account.id, listing, now)
            for uid in marked:
                session.delete(uid)
            session.commit()
        if marked:
            with self._database.begin(durable=True) as connection:
                seen.become(connection, account.id, marked, "deleted")
            run.report.deleted += len(marked)
        return more and not self._stop.is_set()

    def _compare(self, account: int, listing: Sequence[Listed]) -> tuple[int, list[Listed]]:
        """Compare what lies on the server with what was seen: what is no longer there was deleted, what was marked and
        still lies there was not. Returns the time, and what is new: a unique id of another size names another mail."""
        listed = {each.uid: each.size for each in listing}
        with self._database.begin() as connection:
            known = seen.of(connection, account)
            seen.become(connection, account, known.keys() - listed.keys(), "deleted")
            kept = [each.uid for each in known.values() if each.state == "marked" and each.uid in listed]
            seen.become(connection, account, kept, "there")
            now = clock.look(connection, self._measure)
        return now, [each for each in listing if each.uid not in known or known[each.uid].size != each.size]

    def _arrival(self, account: Account) -> Handling:
        with self._database.begin(write=False) as connection:
            return seen.arrival(connection, account.id, account.group)

    def _take(self, run: _Run, session: MailboxSession, listed: Listed, handling: Handling, now: int) -> None:
        """Fetch a mail and store it with its unique id. On disk at the end."""
        try:
            raw = session.fetch(listed.uid)
        except MailServerError as error:
            raise _Sick(listed.uid, error) from error
        account = run.account
        identity = content_identity(raw)
        self._last.setdefault(account.id, set()).add(listed.uid)  # for now: it may be what can't be stored
        with self._database.begin(durable=True) as connection:
            alone(connection, "mailbox")  # another account may have got the same mail
            mails = Mails(connection)
            row = None
            if known := identity in mails.known([identity]):
                row = seen.stored(connection, identity)  # none where it was erased
            else:
                parsed = parse(raw, self._accounts.workspace.rules.limits)
                row = mails.add(parsed, raw, account.name, handling=handling._replace(spam=int(_is_spam(raw))))
            seen.add(connection, account.id, listed.uid, identity, listed.size, row, now)
        self._last[account.id].discard(listed.uid)
        if known:
            run.report.known += 1
        elif row is not None:
            run.rows.append(row)
            run.report.new += 1

    def _mark(self, account: int, listing: Sequence[Listed], now: int) -> list[str]:
        """What is to be deleted on the server, as the account says at this moment. It is written down before the first
        DELE is sent."""
        listed = {each.uid: each.size for each in listing}
        says = self._accounts.account(account)
        with self._database.begin(durable=True) as connection:
            marked = [
                each.uid
                for each in seen.of(connection, account).values()
                if listed.get(each.uid) == each.size and _is_to_go(says, each, now)
            ]
            seen.become(connection, account, marked, "marked")
        return marked

    # --- afterwards --------------------------------------------------------------------------------------------------

    def _settle(self, report: FetchReport, now: float) -> None:
        wait = self._every
        if report.error:
            wait = max(wait, min(self._every * 2 ** min(report.account.failures + 1, 20), LONGEST_WAIT))
        halted = report.error is not None and report.error.fault in HALTING
        try:
            self._accounts.settled(report.account.id, report.error, int(now) + wait, halted=halted)
        except DatabaseError as error:
            if not report.error:
                report.error = MailServerError("temporary", _NOT_STORED, str(error))

    def _decide(self, run: _Run) -> None:
        """Decide what is new, and at the first time what an earlier process left undecided; oldest first."""
        if not self._accounts.settings.decide:
            return
        account, new = run.account.id, set(run.rows)
        try:
            rows: list[int] = []
            if new or account not in self._caught_up:
                with self._database.begin(write=False) as connection:
                    rows = seen.undecided(connection, account)
            if account in self._caught_up:
                rows = [row for row in rows if row in new]
            if rows:
                outcome = self._accounts.workspace.assign(rows)
                run.report.decided, run.report.failed = outcome.decided, outcome.failed
            self._caught_up.add(account)
        except DatabaseError as error:  # it is stored, and is decided when it is opened
            run.report.failed.append(str(error))


def _is_to_go(account: Account, each: seen.Seen, now: int) -> bool:
    if account.delete_too and each.deleted:
        return True
    return account.after == "delete" or (account.after == "later" and now - each.at >= account.days * DAY)


def _is_spam(raw: bytes) -> bool:
    """Whether the mail server says so."""
    end = _HEADER_END.search(raw)
    found = _SPAM.search(raw, 0, end.start() + 1 if end else len(raw))
    return found is not None and found[1].upper() == b"YES"
