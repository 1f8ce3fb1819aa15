"""The walk through real servers: written in Beleg, signed in to Postfix by OAuth2, delivered into Dovecot's Maildir,
fetched by POP3, stored, assigned; and the answer inherits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from beleg.accounts import Accounts, AccountSettings
from beleg.accounts.fetching import Fetcher
from beleg.accounts.outbox import Draft, Outbox, Writer
from beleg.importer import read_files
from beleg.mailserver import Endpoint, Envelope, OutgoingProtocol
from beleg.message import parse
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.store import Database
from beleg.workspace import Workspace
from linked import BACK, BROWSER, answered, at_provider
from mailservers.dovecot import PASSWORD, Dovecot
from mailservers.oauth import SECRET, authorising
from mailservers.postfix import Postfix
from serving import accounts_on
from writing import mail

CLARA = Writer("Clara")
ERP = """
contacts:
  - {id: K-5, name: Anna Kunde, addresses: [%s]}
orders:
  - {id: O-81, number: AB-1042, customer: K-5}
"""
ORDER = RecordRef("order", "O-81")


def test_from_writing_to_the_answer_that_inherits(
    sqlite: Database, installed: Installed, dovecot: Dovecot, postfix: Postfix, tmp_path: Path
) -> None:
    shop, customer = dovecot.new_user(), dovecot.new_user()
    (tmp_path / "erp.yaml").write_text(ERP % customer)
    workspace = Workspace(sqlite, installed)
    workspace.import_records(read_files([tmp_path / "erp.yaml"], installed.types))
    accounts = accounts_on(workspace, AccountSettings(authorities=dovecot.certificate.pem))
    outbox, fetcher = Outbox(accounts), Fetcher(accounts, 60)
    with authorising() as provider:
        provider.user = shop
        accounts.links.set_provider("house", "Ada", SecretStr(SECRET), **provider.fields)
        account = set_up(accounts, dovecot, postfix, shop)
        answered(accounts, at_provider(accounts.links.begin(account, BACK, BROWSER, "Ada")))
        dovecot.tokens.update(dict.fromkeys(provider.access, shop))

        # The customer asks; the mail comes by Postfix, as it would from anywhere.
        customers = Customer(installed, postfix, customer)
        customers.sends(to=shop, subject="Frage zu AB-1042", text="Wann kommt sie?")
        fetch(fetcher, account, postfix)
        (question,) = [each for each, _ in workspace.newest(1)]
        assert ORDER in workspace.standing(question.row)

        # The shop answers, and says nothing that would be evidence.
        draft = outbox.reply_to(question.row, CLARA)
        assert draft.to == customer
        id_ = outbox.save(Draft(**{**vars(draft), "subject": "Ihre Frage", "text": "Morgen."}), CLARA)
        outbox.queue(id_, "Clara")
        report = outbox.send_due()
        assert report.sent == [id_], (outbox.get(id_).say("en"), postfix.log())
        sent = outbox.get(id_).message or 0
        assert ORDER in workspace.standing(sent)

        # It arrives at the customer, byte for byte behind what Postfix puts before it.
        (arrived,) = wait_for(lambda: dovecot.mails(customer))
        raw = outbox.raw(id_) or b""
        assert arrived.endswith((raw, raw.replace(b"\r\n", b"\n")))
        assert b"Authenticated sender: " + shop.encode() in arrived or b"ESMTPSA" in arrived

        # He answers that, naming no order; fetched over POP3 it inherits.
        message = parse(arrived)
        customers.sends(to=shop, subject="Danke", text="Gut.", answers=message.message_id)
        fetch(fetcher, account, postfix)
        answer = next(each for each, _ in workspace.newest(5) if each.subject == "Danke")
        assert ORDER in workspace.standing(answer.row)
        letters = workspace.communication(ORDER).rows
        assert [(each.message.row, each.direction) for each in letters] == [
            (question.row, "in"), (sent, "out"), (answer.row, "in")
        ]  # fmt: skip


def set_up(accounts: Accounts, dovecot: Dovecot, postfix: Postfix, user: str) -> int:
    """An account that is fetched from Dovecot and sent by Postfix, both by one link."""
    common: Any = {"auth": "oauth2", "provider": "house"}
    sends: Any = {"host": "127.0.0.1", "port": postfix.submission, "security": "starttls", **common}
    made = accounts.add(
        "in", "Ada", name="Shop", host="127.0.0.1", port=dovecot.pop3s, security="tls", user=user, active=True,
        sends=sends, **common,
    )  # fmt: skip
    return made.id


class Customer:
    """Somebody elsewhere, who sends by the same server."""

    def __init__(self, installed: Installed, postfix: Postfix, address: str) -> None:
        protocol = installed.mail_servers["smtp"]
        assert isinstance(protocol, OutgoingProtocol)
        self._protocol = protocol
        self._address = address
        self._at = Endpoint(
            "127.0.0.1", postfix.submissions, "tls", "login", address, SecretStr(PASSWORD), postfix.certificate.pem
        )

    def sends(self, *, to: str, subject: str, text: str, answers: str | None = None) -> None:
        """Send a mail."""
        raw = mail(
            subject, text, sender=self._address, to=to, id_=f"{subject.split()[0]}@kunde.example", reply_to=answers,
            date=time.strftime("%d %b %Y %H:%M:%S +0000", time.gmtime()),
        )  # fmt: skip
        self._protocol.send(self._at, Envelope(self._address, [to], raw.replace(b"\n", b"\r\n")))


def fetch(fetcher: Fetcher, account: int, postfix: Postfix) -> None:
    """Fetch until a new mail has come."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        report = fetcher.fetch(account)
        assert report.error is None, report.error
        if report.new:
            assert report.new == 1
            return
        time.sleep(0.1)
    pytest.fail(f"the mail did not come:\n{postfix.log()}")


def wait_for(look: Any) -> Any:
    """What is seen as soon as there is something."""
    until = time.monotonic() + 20
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return found
