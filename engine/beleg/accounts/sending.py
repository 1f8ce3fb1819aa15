"""The outbox at work: what is due is handed over to servers, and what became of it is written down."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from beleg.accounts.base import account_of
from beleg.accounts.drafts import Drafts, now
from beleg.accounts.entered import ANY_SENDER
from beleg.accounts.model import Account
from beleg.accounts.writing import recipients
from beleg.errors import InputError
from beleg.keys import address_key
from beleg.mailserver import Envelope, Fault, MailServerError, OutgoingProtocol, Sentence
from beleg.message import parse
from beleg.store import accounts as account_store
from beleg.store import outgoing as store
from beleg.store.exclusive import only_one
from beleg.store.mails import Handling, Mails
from beleg.store.outgoing import Outgoing, OutgoingState

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)
MOST_TRIES = 24
FIRST_WAIT, LONGEST_WAIT = 60, 3600
"""Seconds before a mail is tried again: twice as long each time, an hour at most. After 24 tries, most of a day later,
it has failed."""
_FOR_A_PERSON: frozenset[Fault] = frozenset({"tls", "sign_in", "account", "unsupported"})
_OF_THE_ACCOUNT: frozenset[Fault] = _FOR_A_PERSON | {"unreachable", "busy", "protocol"}
_INTERRUPTED = Sentence(
    "Beleg was stopped while it sent this mail: it may have been sent. Ask a recipient, or look into the provider's "
    "folder of sent mail, before you send it again",
    "Beleg wurde beim Senden dieser E-Mail beendet: Sie kann gesendet worden sein. Fragen Sie einen Empfänger oder "
    "sehen Sie beim Anbieter unter den gesendeten Nachrichten nach, bevor Sie sie erneut senden",
)
_BROKEN = Sentence(
    "Something went wrong in Beleg while it sent this mail: it may have been sent",
    "In Beleg ist beim Senden dieser E-Mail etwas schiefgegangen: Sie kann gesendet worden sein",
)
_NO_ACCOUNT = Sentence(
    "No SMTP account that is switched on sends for {address} any more",
    "Kein eingeschaltetes SMTP-Konto sendet noch für {address}",
)
_REFUSED = Sentence("Sent, but not to {refused}", "Gesendet, aber nicht an {refused}")
_GIVEN_UP = Sentence("Given up after {tries} tries. {last}", "Nach {tries} Versuchen aufgegeben. {last}")
_NOT_READY = Sentence("{why}", "{why}")
_WAITS = Sentence("Waits for the account {name}. {last}", "Wartet auf das Konto {name}. {last}")


@dataclass
class SendReport:
    """What a run of the outbox did: the numbers of the mails that were sent, that failed, that are unclear, and that
    wait (for their next try, or until their account can be used again). `busy`: another process has the outbox, so
    nothing was done here."""

    sent: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    busy: bool = False

    def of(self, state: OutgoingState) -> list[int]:
        """Those that are in a state now."""
        return {"sent": self.sent, "failed": self.failed, "unclear": self.unclear}.get(state, self.waiting)


class Sending(Drafts):
    """Sending what is due."""

    def send_due(self) -> SendReport:
        """Send what is due, oldest first. One at a time does so over the whole database; another finds it busy. Never
        raises for what a server does: what became of each mail is stored with it, and what is wrong with an account
        with that."""
        report = SendReport()
        with only_one(self.database, "outbox") as alone:
            if not alone:
                report.busy = True
                return report
            with self.writing() as connection:
                report.unclear += store.interrupted(connection, now(), said_in_all(_INTERRUPTED))
                waiting = store.due(connection, now(), LONGEST_WAIT)
            down: set[int] = set()
            for id_ in waiting:
                state = self._send(id_, down)
                if state is not None:
                    report.of(state).append(id_)
        return report

    def _send(self, id_: int, down: set[int]) -> OutgoingState | None:
        """Send one mail, unless its account can't be used (those that are `down` were tried in this run); what it is
        then. None where it is not queued any more."""
        with self.reading() as connection:
            mail = self.found(connection, id_)
            raw = store.raw(connection, id_)
            account = next(iter(_fitting(connection, mail.sender)[0]), None)
        if raw is None or mail.state != "queued":
            return None
        if account is None:
            said = said_in_all(_NO_ACCOUNT, address=mail.sender)
            return self._settle(id_, ("queued",), state="failed", said=said, due=None)
        if account.halted or account.id in down:
            return self._wait(mail, account)
        try:
            endpoint = self.accounts.endpoint(account)
            protocol = self.accounts.protocol(account)
        except MailServerError as error:
            return self._account_fault(mail, account, error, down)
        except InputError as error:  # no key fits, or the protocol is not installed: the account may be right
            return self._account_fault(mail, account, MailServerError("temporary", _NOT_READY, why=str(error)), down)
        assert isinstance(protocol, OutgoingProtocol)
        envelope = Envelope(mail.sender, self._recipients(mail), raw)
        # From here on it is on disk that it may have been sent.
        if not self._settle(id_, ("queued",), state="sending", account=account.id, tries=mail.tries + 1, due=None):
            return None
        mail = replace(mail, state="sending", account=account.id, tries=mail.tries + 1)
        try:
            delivery = protocol.send(endpoint, envelope)
        except MailServerError as error:
            return self._not_sent(mail, account, error, down)
        except Exception:  # a plugin's fault; the others go out all the same
            _log.exception("sending the mail %s failed", id_)
            return self._settle(id_, ("sending",), state="unclear", said=said_in_all(_BROKEN))
        refused = "; ".join(f"{address} ({words})" for address, words in delivery.refused.items())
        said = said_in_all(_REFUSED, refused=refused) if refused else {"en": delivery.said, "de": delivery.said}
        with self.writing() as connection:
            store.move(connection, id_, ("sending",), now(), said=said)
            row = self.keep(connection, mail, ("sending",))
        self.accounts.settled(account.id, None)
        self.decide(row)
        return "sent"

    def _not_sent(
        self, mail: Outgoing, account: Account, error: MailServerError, down: set[int]
    ) -> OutgoingState | None:
        """What becomes of a mail that the server did not say it took."""
        said = _words(error)
        if error.fault == "unclear":
            return self._settle(mail.id, ("sending",), state="unclear", said=said)
        if error.fault == "refused":
            self.accounts.settled(account.id, None)  # it is the mail that is wrong
            return self._settle(mail.id, ("sending",), state="failed", said=said)
        if error.fault in _FOR_A_PERSON:
            return self._account_fault(replace(mail, tries=mail.tries - 1), account, error, down)
        if error.fault in _OF_THE_ACCOUNT:
            down.add(account.id)
        if mail.tries >= MOST_TRIES:
            self.accounts.settled(account.id, error)
            told = {
                language: _GIVEN_UP.say(language, {"tries": mail.tries, "last": said[language]}) for language in said
            }
            return self._settle(mail.id, ("sending",), state="failed", said=told)
        due = now() + min(FIRST_WAIT * 2 ** (mail.tries - 1), LONGEST_WAIT)
        self.accounts.settled(account.id, error, due)
        return self._settle(mail.id, ("sending",), state="queued", said=said, due=due)

    def _account_fault(
        self, mail: Outgoing, account: Account, error: MailServerError, down: set[int]
    ) -> OutgoingState | None:
        """The mail waits until a person has seen to its account: it is not its fault, and no try of it counts."""
        down.add(account.id)
        self.accounts.settled(account.id, error, halted=error.fault in _FOR_A_PERSON)
        return self._wait(mail, replace(account, error=_words(error)))

    def _wait(self, mail: Outgoing, account: Account) -> OutgoingState | None:
        last = account.error or {}
        said = {
            language: _WAITS.say(language, {"name": account.name, "last": last.get(language, "")}).strip()
            for language in ("en", "de")
        }
        if mail.state == "queued" and mail.said == said:
            return "queued"
        due = now() if mail.due is None else mail.due
        return self._settle(mail.id, (mail.state,), state="queued", said=said, tries=mail.tries, due=due)

    def _settle(self, id_: int, states: tuple[OutgoingState, ...], **values: object) -> OutgoingState | None:
        """Write down what a mail is now; None where somebody else changed it meanwhile."""
        with self.writing() as connection:
            moved = store.move(connection, id_, states, now(), **values)
        state: OutgoingState = values["state"]  # type: ignore[assignment]  # one of the states, by its callers
        return state if moved else None

    def keep(self, connection: Connection, mail: Outgoing, states: tuple[OutgoingState, ...]) -> int | None:
        """Make a mail a stored message, in one transaction with its being sent; the row number, None where it was
        erased."""
        raw = store.raw(connection, mail.id)
        if raw is None:  # it was erased meanwhile
            return None
        store.move(connection, mail.id, states, now(), state="sent", due=None)
        parsed = parse(raw, self.workspace.rules.limits)
        mails = Mails(connection)
        if mails.known([parsed.sha256]):
            row = next((each.row for each in mails.find(f"sha256:{parsed.sha256}")), None)
        else:
            handling = Handling("sent", mail.person, mail_group=mail.draft.group, account=mail.account)
            tied = [mail.draft.answers] if mail.draft.answers is not None else []
            row = mails.add(parsed, raw, handling=handling, tied=tied)
        store.move(connection, mail.id, ("sent",), now(), message=row)
        return row

    def decide(self, row: int | None) -> None:
        """Decide what was sent, whatever the setting says of mail that arrives. A step that fails is told of when the
        message is opened."""
        if row is not None:
            self.workspace.assign([row])

    def _recipients(self, mail: Outgoing) -> list[str]:
        lists = {"to": mail.draft.to, "cc": mail.draft.cc, "bcc": mail.draft.bcc}
        found = {
            address_key(box.address or ""): box.address or ""
            for name, text in lists.items()
            for box in recipients(text, name)
        }
        return list(found.values())

    def account_for(self, connection: Connection, sender: str) -> Account:
        """The account that sends for an address: the one that names it, else the one that sends for all. Raises
        InputError with the reason why there is none."""
        active, switched_off, any_ = _fitting(connection, sender)
        if active:
            return active[0]
        if switched_off:
            raise InputError(
                "the account %(name)r, which sends for %(address)s, is switched off",
                name=switched_off[0].name, address=sender,
            )  # fmt: skip
        if any_:
            raise InputError("no SMTP account sends for %(address)s: none names it among its senders", address=sender)
        raise InputError("there is no SMTP account yet, so nothing can be sent")


def _fitting(connection: Connection, sender: str) -> tuple[list[Account], list[Account], bool]:
    """The accounts that send for an address, the best first: those that are active, those that are not; and whether
    there is any account at all."""
    accounts = [account_of(row) for row in account_store.accounts(connection, "out")]
    key = address_key(sender)
    naming = [each for each in accounts if key in map(address_key, each.senders)]
    fitting = naming + [each for each in accounts if ANY_SENDER in each.senders and each not in naming]
    return [each for each in fitting if each.active], [each for each in fitting if not each.active], bool(accounts)


def said_in_all(sentence: Sentence, **values: object) -> dict[str, str]:
    """A sentence in each language."""
    return {language: sentence.say(language, values) for language in ("en", "de")}


def _words(error: MailServerError) -> dict[str, str]:
    return {language: error.say(language) for language in ("en", "de")}
