"""The outbox: from a draft to a sent mail that is stored and decided, and what becomes of one that goes wrong."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from beleg.accounts import Accounts, AccountSettings
from beleg.accounts.outbox import Draft, NewFile, Outbox, Writer
from beleg.accounts.sending import FIRST_WAIT, LONGEST_WAIT, MOST_TRIES
from beleg.errors import InputError, NotFound
from beleg.importer import read_files
from beleg.message import Limits, parse
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.step import RuleSettings
from beleg.store import Database, journal
from beleg.store.exclusive import only_one
from beleg.store.tables import message
from beleg.vault import unlock
from beleg.workspace import Workspace
from commands import ERP, QUESTION, Cli
from mailservers.smtp import SmtpServer, listening, smtp_server
from serving import accounts_on

ADA = Writer("Ada")
SHOP = "shop@firma.example"


class Shop(NamedTuple):
    """A shop with a server that takes its mail."""

    outbox: Outbox
    server: SmtpServer
    group: int
    account: int

    @property
    def accounts(self) -> Accounts:
        return self.outbox.accounts

    def queued(self, **fields: Any) -> int:
        """A new mail in the outbox."""
        draft = Draft(
            **{
                "to": "anna@kunde.example",
                "subject": "Ihre Lampe",
                "text": "Sie ist da.",
                "group": self.group,
                **fields,
            }
        )
        id_ = self.outbox.save(draft, ADA)
        self.outbox.queue(id_, "Ada")
        return id_

    def handling(self, row: int) -> Any:
        """What is stored beside a message."""
        with self.outbox.database.begin(write=False) as connection:
            return connection.execute(message.select().where(message.c.id == row)).one()


@pytest.fixture
def shop(database: Database, installed: Installed) -> Iterator[Shop]:
    with smtp_server() as server:
        yield shop_on(database, installed, server)


def shop_on(database: Database, installed: Installed, server: SmtpServer, **settings: Any) -> Shop:
    accounts = accounts_on(
        Workspace(database, installed, RuleSettings(limits=Limits(message_bytes=200_000))), AccountSettings(**settings)
    )
    sends = {"host": "127.0.0.1", "port": server.port, "security": "plain", "password": SecretStr(server.password)}
    accounts.add("in", "Ada", name="Shop", host="pop.firma.example", user=SHOP, active=True, sends=sends)
    group = accounts.group("Shop")
    accounts.save_signature(group.signature, "Shop", "Firma GmbH\nHofgasse 1", "Ada")
    return Shop(Outbox(accounts), server, group.id, accounts.account("Shop", "out").id)


def states(outbox: Outbox, *ids: int) -> list[str]:
    return [outbox.get(each).state for each in ids]


# --- the whole way


def test_a_reply_is_sent_stored_decided_and_inherits(shop: Shop, tmp_path: Path, installed: Installed) -> None:
    (tmp_path / "erp.yaml").write_text(ERP)
    workspace = shop.outbox.workspace
    workspace.import_records(read_files([tmp_path / "erp.yaml"], installed.types))
    workspace.import_mail([(QUESTION, "")])
    question = workspace.find_message("frage@kunde.example")
    order = RecordRef("order", "O-81")
    assert order in workspace.standing(question.row)

    # An answer that names nothing inherits from what it answers.
    draft = shop.outbox.reply_to(question.row, ADA)
    assert (draft.to, draft.subject, draft.group) == (
        "Anna Kunde <anna@kunde.example>",
        "Re: Frage zu AB-1042",
        shop.group,
    )
    assert draft.text.startswith("\n\n-- \nFirma GmbH\nHofgasse 1\n\nOn 2 March 2026 ")
    written = Draft(
        **{**vars(draft), "subject": "Ihre Frage", "text": "Morgen.", "to": draft.to, "bcc": "chefin@firma.example"}
    )
    id_ = shop.outbox.save(written, ADA)
    queued = shop.outbox.queue(id_, "Ada")
    assert (queued.state, queued.sender, queued.account) == ("queued", SHOP, shop.account)
    raw = shop.outbox.raw(id_)

    assert shop.outbox.send_due().sent == [id_]
    (arrived,) = shop.server.stored
    assert (arrived.sender, arrived.recipients, arrived.raw) == (
        SHOP,
        ["anna@kunde.example", "chefin@firma.example"],
        raw,
    )
    assert b"chefin" not in arrived.raw
    sent = shop.outbox.get(id_)
    assert (sent.state, sent.message_id, sent.said["en"]) == ("sent", queued.message_id, "2.0.0 queued as 4711")
    assert sent.message is not None
    row = shop.handling(sent.message)
    assert (row.work, row.mail_group, row.account, row.owner) == ("sent", shop.group, shop.account, None)
    assert workspace.mail(sent.message)[1] == raw
    assert order in workspace.standing(sent.message)
    letters = workspace.communication(order).rows
    assert [(each.message.row, each.direction) for each in letters] == [(question.row, "in"), (sent.message, "out")]
    # It is done, and stays so.
    assert shop.outbox.send_due().sent == []
    assert len(shop.server.stored) == 1


def test_what_is_sent_is_decided_whatever_the_setting_says_of_what_arrives(
    sqlite: Database, installed: Installed
) -> None:
    with smtp_server() as server:
        shop = shop_on(sqlite, installed, server, decide=False)
        id_ = shop.queued()
        shop.outbox.send_due()
        assert shop.outbox.workspace.message(shop.outbox.get(id_).message or 0).decided


def test_a_reply_is_of_the_thread_though_the_question_has_no_message_id(shop: Shop) -> None:
    shop.outbox.workspace.import_mail([(b"From: anna@kunde.example\nSubject: Frage\n\nWo?\n", "")])
    id_ = shop.outbox.save(shop.outbox.reply_to(1, ADA), ADA)
    shop.outbox.queue(id_, "Ada")
    shop.outbox.send_due()
    found = shop.outbox.workspace.look(shop.outbox.get(id_).message or 0)
    assert [each.message.row for each in found.earlier + found.later] == [1]


def test_many_go_in_the_order_in_which_they_were_queued(shop: Shop) -> None:
    ids = [shop.queued(subject=str(number)) for number in range(5)]
    assert shop.outbox.send_due().sent == ids
    assert [parse(each.raw).subject for each in shop.server.stored] == ["0", "1", "2", "3", "4"]


# --- what can't be queued


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to": ""}, "at least one recipient"),
        ({"to": "anna"}, "'anna' in To is no e-mail address"),
        ({"cc": "a@b.example\r\nBcc: x@y.example"}, "Cc has a line break"),
        ({"bcc": "a@b.example\x00, @"}, "in Bcc is no e-mail address"),
        ({"group": None}, "choose the group"),
    ],
)
def test_what_can_t_be_sent_stays_a_draft_and_says_why(shop: Shop, fields: dict[str, Any], said: str) -> None:
    draft = Draft(**{"to": "anna@kunde.example", "group": shop.group, **fields})
    id_ = shop.outbox.save(draft, ADA)
    with pytest.raises(InputError, match=said):
        shop.outbox.queue(id_, "Ada")
    assert states(shop.outbox, id_) == ["draft"]
    assert shop.outbox.raw(id_) is None
    assert shop.outbox.send_due().sent == []


def test_what_is_too_large_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="too large"):
        shop.outbox.save(Draft(files=(NewFile("a", "a/b", bytes(200_000)),)), ADA)
    id_ = shop.outbox.save(Draft(to="a@b.example", group=shop.group, files=(NewFile("a", "a/b", bytes(100_000)),)), ADA)
    with pytest.raises(InputError, match="too large"):
        shop.outbox.attach(id_, NewFile("b", "a/b", bytes(100_000)))
    shop.outbox.change(id_, Draft(to="a@b.example", group=shop.group, text="ö" * 100_000))
    with pytest.raises(InputError, match="the mail is too large"):
        shop.outbox.queue(id_, "Ada")
    with pytest.raises(InputError, match="1,000,000"):
        shop.outbox.save(Draft(text="x" * 1_000_001), ADA)


def test_the_account_is_the_one_that_names_the_sender(shop: Shop) -> None:
    outbox, accounts = shop.outbox, shop.accounts
    other: Any = {"host": "127.0.0.1", "port": shop.server.port, "security": "plain", "auth": "none", "active": True}
    everybody = accounts.add("out", "Ada", name="All", senders=["*"], **other)
    assert outbox.get(shop.queued()).account == shop.account
    accounts.change(shop.account, "Ada", senders=["other@firma.example"])
    assert outbox.get(shop.queued()).account == everybody.id
    accounts.change(shop.account, "Ada", senders=["SHOP@Firma.example"])
    assert outbox.get(shop.queued()).account == shop.account
    accounts.change(shop.account, "Ada", active=False)
    assert outbox.get(shop.queued()).account == everybody.id
    accounts.change(everybody.id, "Ada", active=False)
    with pytest.raises(InputError, match="which sends for"):
        shop.queued()
    accounts.change_many([shop.account, everybody.id], "Ada", senders=["other@firma.example"], active=True)
    with pytest.raises(InputError, match="none names it"):
        shop.queued()
    accounts.remove([shop.account, everybody.id], "Ada")
    with pytest.raises(InputError, match="no SMTP account"):
        shop.queued()


def test_an_account_that_is_gone_when_its_turn_comes(shop: Shop) -> None:
    id_ = shop.queued()
    shop.accounts.change(shop.account, "Ada", active=False)
    assert shop.outbox.send_due().failed == [id_]
    assert SHOP in shop.outbox.get(id_).say("de")
    shop.accounts.change(shop.account, "Ada", active=True)
    shop.outbox.resend(id_, "Ada")
    assert shop.outbox.send_due().sent == [id_]


# --- what goes wrong while sending


def test_later_is_tried_again_and_not_for_ever(shop: Shop) -> None:
    shop.server.at["DATA"] = "451 4.3.0 not now"
    start = 1_772_000_000.0
    with time_machine.travel(start, tick=False) as clock:
        id_ = shop.queued()
        waits = []
        for number in range(1, MOST_TRIES):
            assert shop.outbox.send_due().waiting == [id_]
            mail = shop.outbox.get(id_)
            assert (mail.state, mail.tries) == ("queued", number)
            assert "451 4.3.0 not now" in mail.say("de")
            assert mail.due is not None
            waits.append(mail.due - int(time.time()))
            clock.move_to(float(mail.due - 1))
            assert shop.outbox.send_due().waiting == []
            clock.move_to(float(mail.due))
        assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
        assert max(waits) == LONGEST_WAIT
        assert shop.outbox.send_due().failed == [id_]
        assert str(MOST_TRIES) in shop.outbox.get(id_).say("en")
        assert shop.server.stored == []
        del shop.server.at["DATA"]
        clock.shift(30 * 86_400)
        assert shop.outbox.send_due().sent == []
        shop.outbox.resend(id_, "Ada")
        assert shop.outbox.send_due().sent == [id_]


def test_a_clock_that_is_set_back_keeps_nothing_waiting(shop: Shop) -> None:
    with time_machine.travel(2_000_000_000.0, tick=False):
        id_ = shop.queued()
    with time_machine.travel(1_772_000_000.0, tick=False):
        assert shop.outbox.send_due().sent == [id_]


def test_what_is_refused_failed_with_the_server_s_words(shop: Shop) -> None:
    shop.server.at["DATA"] = "554 5.7.1 looks like spam"
    id_ = shop.queued()
    assert shop.outbox.send_due().failed == [id_]
    assert "554 5.7.1 looks like spam" in shop.outbox.get(id_).say("en")
    assert shop.accounts.account(shop.account).fault is None
    assert shop.outbox.send_due().failed == []


def test_a_recipient_that_is_refused_is_named(shop: Shop) -> None:
    shop.server.refused["bodo@kunde.example"] = "550 5.1.1 unknown"
    id_ = shop.queued(cc="bodo@kunde.example")
    assert shop.outbox.send_due().sent == [id_]
    assert shop.outbox.get(id_).said == {
        "en": "Sent, but not to bodo@kunde.example (5.1.1 unknown)",
        "de": "Gesendet, aber nicht an bodo@kunde.example (5.1.1 unknown)",
    }


@pytest.mark.parametrize("step", ["STORED", "DATA"])
def test_smtp_250_lost_is_unclear_and_never_sent_again_by_itself(shop: Shop, step: str) -> None:
    shop.server.at[step] = "drop"
    with time_machine.travel(1_772_000_000.0, tick=False) as clock:
        id_ = shop.queued()
        assert shop.outbox.send_due().unclear == [id_]
        taken = len(shop.server.stored)
        shop.server.at.clear()
        clock.shift(365 * 86_400)
        assert shop.outbox.send_due().sent == []
        assert len(shop.server.stored) == taken
        mail = shop.outbox.get(id_)
        assert (mail.state, mail.message) == ("unclear", None)
        assert "may have been sent" in mail.say("en")
        # A person has it sent again: the same bytes.
        shop.outbox.resend(id_, "Ada")
        assert shop.outbox.send_due().sent == [id_]
        assert len({each.raw for each in shop.server.stored}) == 1
        assert parse(shop.server.stored[-1].raw).message_id == mail.message_id


def test_an_unclear_mail_that_somebody_found_is_stored(shop: Shop) -> None:
    shop.server.at["STORED"] = "drop"
    id_ = shop.queued()
    shop.outbox.send_due()
    found = shop.outbox.mark_sent(id_, "Bert")
    assert found.state == "sent"
    assert "Bert" in found.say("de")
    assert found.message is not None
    assert shop.outbox.workspace.mail(found.message)[1] == shop.server.stored[0].raw
    assert shop.outbox.workspace.message(found.message).decided
    assert shop.outbox.send_due().sent == []


def test_a_mail_that_is_stored_already_is_not_stored_twice(shop: Shop) -> None:
    id_ = shop.queued()
    raw = shop.outbox.raw(id_)
    assert raw is not None
    shop.outbox.workspace.import_mail([(raw, "")])
    shop.outbox.send_due()
    assert shop.outbox.get(id_).message == 1


def test_a_password_that_is_refused_waits_for_a_person(shop: Shop) -> None:
    shop.server.password = "anders"
    ids = [shop.queued(), shop.queued()]
    assert shop.outbox.send_due().waiting == ids
    account = shop.accounts.account(shop.account)
    assert (account.fault, account.halted, account.failures) == ("sign_in", True, 1)
    for each in ids:
        mail = shop.outbox.get(each)
        assert (mail.state, mail.tries) == ("queued", 0)
        assert "Shop" in mail.say("de")
        assert "5.7.8" in mail.say("de")
    # Nobody tries the password again and again.
    assert shop.outbox.send_due().waiting == ids
    assert shop.accounts.account(shop.account).failures == 1
    shop.accounts.change(shop.account, "Ada", password=SecretStr("anders"))
    assert shop.outbox.send_due().sent == ids
    account = shop.accounts.account(shop.account)
    assert (account.fault, account.halted) == (None, False)
    assert account.succeeded is not None


def test_an_expired_token_waits_for_a_person(shop: Shop) -> None:
    """Without a link there is no token: the mail is not lost, and nothing loops."""
    shop.accounts.change(shop.account, "Ada", auth="oauth2", provider="google")
    id_ = shop.queued()
    assert shop.outbox.send_due().waiting == [id_]
    assert shop.accounts.account(shop.account).halted
    assert shop.outbox.get(id_).tries == 0


def test_a_server_that_is_not_there_is_asked_once_a_run(shop: Shop) -> None:
    with listening() as listener:
        port = listener.getsockname()[1]
    shop.accounts.change(shop.account, "Ada", port=port, password=SecretStr(shop.server.password))
    ids = [shop.queued(), shop.queued()]
    assert shop.outbox.send_due().waiting == ids
    assert [shop.outbox.get(each).tries for each in ids] == [1, 0]
    account = shop.accounts.account(shop.account)
    assert (account.fault, account.halted, account.failures) == ("unreachable", False, 1)
    shop.accounts.change(shop.account, "Ada", port=shop.server.port, password=SecretStr(shop.server.password))
    with time_machine.travel(time.time() + 2 * FIRST_WAIT):
        assert sorted(shop.outbox.send_due().sent) == ids


def test_without_a_key_nothing_is_lost(database: Database, installed: Installed) -> None:
    with smtp_server() as server:
        shop = shop_on(database, installed, server)
        id_ = shop.queued()
        other = Outbox(accounts_on(shop.outbox.workspace))  # with another key
        assert other.send_due().waiting == [id_]
        assert "no key" in other.get(id_).say("en")
        assert not shop.accounts.account(shop.account).halted
        assert shop.outbox.send_due().sent == [id_]


# --- one at a time, and killed


def test_one_sends_at_a_time(shop: Shop) -> None:
    shop.server.at["DATA"] = "stall"
    shop.queued()
    sending = threading.Thread(target=shop.outbox.send_due, daemon=True)
    sending.start()
    assert shop.server.stalled.wait(10)
    report = Outbox(shop.accounts).send_due()
    assert report.busy
    assert report.unclear == []
    with pytest.raises(InputError, match="being sent at this moment"):
        shop.outbox.discard(1, "Ada")
    shop.server.at.clear()
    sending.join(10)
    assert states(shop.outbox, 1) == ["sent"]


KILLED = {
    "reach": ("unclear", 0),
    "MAIL": ("unclear", 0),
    "DATA": ("unclear", 0),
    "STORED": ("unclear", 1),
    "QUIT": ("unclear", 1),
}
"""Where a process is killed: what the mail is then, and how often the server has it."""


@pytest.mark.parametrize(
    "step", [each if each in ("DATA", "STORED") else pytest.param(each, marks=pytest.mark.slow) for each in KILLED]
)
def test_killed_at_each_step_nothing_is_lost_and_nothing_sent_twice(cli: Cli, installed: Installed, step: str) -> None:
    state, taken = KILLED[step]
    database = Database(f"sqlite:///{cli.folder}/beleg.db")
    database.upgrade()
    kill_and_look(cli, database, installed, step, state, taken)
    database.close()


def test_killed_on_postgresql(
    cli: Cli, postgres: Database, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELEG_DATABASE_URL", postgres.url.render_as_string(hide_password=False))
    kill_and_look(cli, postgres, installed, "STORED", "unclear", 1)


def kill_and_look(cli: Cli, database: Database, installed: Installed, step: str, state: str, taken: int) -> None:
    cli("key", "new")
    with smtp_server() as server, listening() as silent:
        port = silent.getsockname()[1] if step == "reach" else server.port
        cli.write("beleg.toml", "")
        workspace = Workspace(database, installed)
        accounts = Accounts(workspace, lambda: unlock(Path("beleg.key")))
        sends: Any = {"host": "127.0.0.1", "port": port, "security": "plain"}
        accounts.add(
            "in", "Ada", name="Shop", host="x.example", user=SHOP, password=SecretStr(server.password), active=True,
            sends=sends,
        )  # fmt: skip
        server.at[step] = "stall"
        cli("write", "--to", "anna@kunde.example", "--subject", "Lampe", "--by", "Ada")
        outbox = Outbox(accounts)
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from beleg.cli import main; sys.exit(main(['outbox', 'send']))"]
        )
        connections = []
        try:
            if step == "reach":
                silent.settimeout(20)
                connections.append(silent.accept()[0])
            else:
                assert server.stalled.wait(20)
            assert states(outbox, 1) == ["sending"]
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            for each in connections:
                each.close()
        assert len(server.stored) == taken
        report = after_the_kill(outbox)
        assert (report.unclear, report.sent) == ([1], [])
        assert states(outbox, 1) == [state]
        assert len(server.stored) == taken
        assert outbox.raw(1)
        # A person decides.
        server.at.clear()
        secret = SecretStr(server.password)
        accounts.change(accounts.account("Shop", "out").id, "Ada", port=server.port, password=secret)
        if taken:
            outbox.mark_sent(1, "Ada")
        else:
            outbox.resend(1, "Ada")
            assert outbox.send_due().sent == [1]
        assert states(outbox, 1) == ["sent"]
        assert len(server.stored) == 1
        assert workspace.mail(outbox.get(1).message or 0)[1] == server.stored[0].raw


def after_the_kill(outbox: Outbox) -> Any:
    """The next run: PostgreSQL takes a moment to notice that the one who had the lock is gone."""
    until = time.monotonic() + 10
    while (report := outbox.send_due()).busy and time.monotonic() < until:
        time.sleep(0.05)
    return report


def test_killed_before_and_after_nothing_changes(shop: Shop) -> None:
    """What another process finds before the first byte, and behind the last commit."""
    id_ = shop.queued()
    again = Outbox(shop.accounts)
    assert again.get(id_).state == "queued"
    again.send_due()
    assert Outbox(shop.accounts).send_due().sent == []
    assert len(shop.server.stored) == 1


FAULTS = st.sampled_from(["", "drop MAIL", "drop DATA", "drop STORED", "451 DATA", "554 DATA", "535 sign in"])
PERSON = st.sampled_from(["", "resend", "mark_sent", "unqueue"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FAULTS, PERSON), min_size=1, max_size=5))
def test_whatever_happens_nothing_is_lost_and_nothing_is_sent_twice_by_itself(
    sqlite_shop: Shop, steps: list[tuple[str, str]]
) -> None:
    shop = sqlite_shop
    shop.server.stored.clear()
    by_hand = 0
    with time_machine.travel(time.time(), tick=False) as clock:
        id_ = shop.queued()
        for fault, hand in steps:
            shop.server.at = (
                {fault.split()[1]: fault if fault[0].isdigit() else "drop"}
                if fault[:1] not in ("", "5") or "554" in fault
                else {}
            )
            shop.server.password = "anders" if fault == "535 sign in" else "geheim"
            before = len(shop.server.stored)
            shop.outbox.send_due()
            state = shop.outbox.get(id_).state
            taken = len(shop.server.stored) - before
            assert state in ("queued", "failed", "unclear", "sent")
            assert taken == 0 or state in ("unclear", "sent")
            shop.accounts.change(shop.account, "Ada")
            clock.shift(LONGEST_WAIT)
            try:
                getattr(shop.outbox, hand)(id_, "Ada") if hand else None
                by_hand += hand == "resend"
                if hand == "unqueue":
                    shop.outbox.queue(id_, "Ada")
            except InputError:
                pass
        assert len(shop.server.stored) <= 1 + by_hand
        mail = shop.outbox.get(id_)
        raw = shop.outbox.raw(id_)
        assert raw
        if mail.state == "sent":
            assert shop.outbox.workspace.mail(mail.message or 0)[1] == raw
        shop.server.at, shop.server.password = {}, "geheim"
        while shop.outbox.get(id_).state == "queued":
            shop.outbox.send_due()


@pytest.fixture
def sqlite_shop(sqlite: Database, installed: Installed) -> Iterator[Shop]:
    with smtp_server() as server:
        yield shop_on(sqlite, installed, server)


# --- drafts


def test_a_draft_is_kept_as_it_is_typed(shop: Shop) -> None:
    outbox = shop.outbox
    draft = Draft(
        to="anna@kun",
        cc=";;",
        subject="a\tb",
        text="Hallo\r\nDu",
        group=shop.group,
        files=(NewFile("C:\\x\\a.pdf", "application/pdf", b"\0\1"),),
    )
    id_ = outbox.save(draft, ADA)
    found = outbox.get(id_)
    assert (found.state, found.draft.to, found.draft.cc, found.draft.text) == ("draft", "anna@kun", ";;", "Hallo\nDu")
    assert [(each.name, each.type, each.size) for each in found.files] == [("a.pdf", "application/pdf", 2)]
    assert outbox.file(id_, found.files[0].id) == NewFile("a.pdf", "application/pdf", b"\0\1")
    outbox.change(id_, Draft(to="anna@kunde.example", text="x", group=shop.group))
    added = outbox.attach(id_, NewFile("b.txt", "text/plain", b"b"))
    outbox.detach(id_, found.files[0].id)
    found = outbox.get(id_)
    assert (found.draft.to, found.files) == ("anna@kunde.example", (added,))
    for number in (found.files[0].id + 1, 0, -1, 2**80):
        with pytest.raises(NotFound):
            outbox.detach(id_, number)
        with pytest.raises(NotFound):
            outbox.file(id_, number)
    outbox.queue(id_, "Ada")
    outbox.send_due()
    assert [each.name for each in parse(shop.server.stored[0].raw).attachments] == ["b.txt"]


def test_what_there_is_not_is_told(shop: Shop) -> None:
    outbox = shop.outbox
    for number in (1, 0, -1, 2**70):
        for act in (outbox.get, outbox.raw):
            with pytest.raises(NotFound, match="no outgoing mail"):
                act(number)
        for deed in (outbox.queue, outbox.resend, outbox.mark_sent, outbox.unqueue, outbox.discard, outbox.restore):
            with pytest.raises(NotFound, match="no outgoing mail"):
                deed(number, "Ada")
        with pytest.raises(NotFound):
            outbox.reply_to(number, ADA)
        with pytest.raises(NotFound):
            outbox.forward(number, ADA)
    with pytest.raises(NotFound, match="no group 77"):
        outbox.save(Draft(group=77), ADA)
    with pytest.raises(NotFound, match="no message 77"):
        outbox.save(Draft(answers=77), ADA)


ACTS = {"queue": "draft", "unqueue": "queued failed", "resend": "failed unclear", "mark_sent": "unclear"}


def test_each_act_is_for_some_states(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    outbox = shop.outbox

    def made(state: str) -> int:
        if state == "draft":
            return outbox.save(Draft(to="anna@kunde.example", group=shop.group), ADA)
        id_ = shop.queued()
        shop.server.at = {"failed": {"DATA": "554 no"}, "unclear": {"DATA": "drop"}}.get(state, {})
        if state != "queued":
            outbox.send_due()
        assert states(outbox, id_) == [state]
        return id_

    for act, allowed in ACTS.items():
        for state in ("draft", "sent", "failed", "unclear", "queued"):
            id_ = made(state)
            if state in allowed.split():
                getattr(outbox, act)(id_, "Ada")
            else:
                with pytest.raises(InputError):
                    getattr(outbox, act)(id_, "Ada")
                assert states(outbox, id_) == [state]
            if states(outbox, id_) == ["queued"]:
                outbox.unqueue(id_, "Ada")
    for state in ("sent", "failed", "unclear", "queued"):
        id_ = made(state)
        with pytest.raises(InputError):
            outbox.change(id_, Draft())
        with pytest.raises(InputError):
            outbox.attach(id_, NewFile("a", "a/b", b""))
        with pytest.raises(InputError):
            outbox.detach(id_, 1)


def test_what_is_discarded_is_not_sent_and_can_be_had_back(shop: Shop) -> None:
    outbox = shop.outbox
    id_ = shop.queued()
    outbox.discard(id_, "Bert")
    assert outbox.send_due().sent == []
    assert outbox.listed().rows == ()
    assert [each.id for each in outbox.listed(deleted=True).rows] == [id_]
    for deed in (outbox.queue, outbox.resend, outbox.unqueue):
        with pytest.raises(InputError, match="discarded"):
            deed(id_, "Ada")
    outbox.restore(id_, "Ada")
    assert states(outbox, id_) == ["draft"]
    outbox.queue(id_, "Ada")
    assert outbox.send_due().sent == [id_]
    with pytest.raises(InputError, match="sent already"):
        outbox.discard(id_, "Ada")


def test_what_failed_can_be_changed_and_sent_as_a_new_mail(shop: Shop) -> None:
    shop.server.refused["anna@kunde.example"] = "550 unknown"
    id_ = shop.queued()
    shop.outbox.send_due()
    first = shop.outbox.get(id_).message_id
    shop.outbox.unqueue(id_, "Ada")
    shop.outbox.change(id_, Draft(to="anna@neu.example", group=shop.group))
    assert shop.outbox.queue(id_, "Ada").message_id != first
    assert shop.outbox.send_due().sent == [id_]


def test_they_are_listed_and_counted(shop: Shop) -> None:
    outbox = shop.outbox
    with time_machine.travel(1_772_000_000.0, tick=False) as clock:
        for number in range(7):
            outbox.save(Draft(subject=str(number), text="x" * 1000, group=shop.group if number % 2 else None), ADA)
            clock.shift(1)
        shop.queued(subject="sent")
        outbox.send_due()
    first = outbox.listed(limit=3)
    assert [each.draft.subject for each in first.rows] == ["sent", "6", "5"]
    second = outbox.listed(limit=3, cursor=first.after)
    assert [each.draft.subject for each in second.rows] == ["4", "3", "2"]
    assert [each.draft.subject for each in outbox.listed(limit=3, cursor=second.before).rows] == ["sent", "6", "5"]
    assert max(len(each.draft.text) for each in first.rows) < 1000
    assert [each.draft.subject for each in outbox.listed(["sent"]).rows] == ["sent"]
    assert len(outbox.listed(["draft"], group=shop.group).rows) == 3
    assert outbox.listed(person=1).rows == ()
    assert {state: count for state, count in outbox.counts().items() if count} == {"draft": 7, "sent": 1}
    with pytest.raises(InputError):
        outbox.listed(cursor="x")


def test_another_group_brings_its_signature(shop: Shop) -> None:
    outbox, accounts = shop.outbox, shop.accounts
    accounts.add("in", "Ada", name="Hilfe", host="pop.firma.example", user="hilfe@firma.example")
    group = accounts.group("Hilfe")
    accounts.save_signature(group.signature, "Hilfe", "Ihre Hilfe", "Ada")
    assert outbox.compose().group is None  # there are two
    draft = outbox.compose(shop.group)
    assert draft.text == "\n\n-- \nFirma GmbH\nHofgasse 1"
    other = outbox.with_group(draft, group.id)
    assert (other.text, other.group) == ("\n\n-- \nIhre Hilfe", group.id)
    assert outbox.with_group(other, shop.group) == draft
    assert outbox.with_group(draft, None).text == ""
    # A reply is for the group that got the question.
    outbox.workspace.import_mail([(b"From: a@b.example\nTo: HILFE@firma.example\nSubject: x\n\nx\n", "")])
    assert outbox.reply_to(1, ADA).group == group.id


def test_the_journal_says_who_did_it_and_names_nobody(shop: Shop) -> None:
    shop.server.at["STORED"] = "drop"
    id_ = shop.queued(subject="Geheim")
    shop.outbox.send_due()
    shop.outbox.resend(id_, "Bert")
    shop.outbox.send_due()
    shop.outbox.mark_sent(id_, "Carl")
    with shop.outbox.database.begin(write=False) as connection:
        entries = [each for each in journal.newest(connection) if each.act.startswith("outgoing.")]
    assert [(each.who, each.act) for each in reversed(entries)] == [
        ("Ada", "outgoing.queue"), ("Bert", "outgoing.resend"), ("Carl", "outgoing.mark_sent")
    ]  # fmt: skip
    assert not re.search("anna|Geheim", str(entries))
    assert entries[0].message == shop.outbox.get(id_).message


# --- the command line


def test_a_mail_is_written_and_sent_on_the_command_line(cli: Cli, installed: Installed) -> None:
    cli("init")
    if not Path("beleg.key").exists():
        cli("key", "new")
    cli.write("q.eml", QUESTION)
    cli("mail", "import", "q.eml")
    cli.write("text.txt", "Guten Tag,\nmorgen.\n")
    cli.write("Grüße.pdf", b"\0pdf\xff")
    assert "no group 'x'" in cli.refused("write", "--to", "a@b.example", "--group", "x")
    with smtp_server() as server:
        database = Database(f"sqlite:///{cli.folder}/beleg.db")
        accounts = Accounts(Workspace(database, installed), lambda: unlock(Path("beleg.key")))
        sends: Any = {"host": "127.0.0.1", "port": server.port, "security": "plain"}
        accounts.add(
            "in", "Ada", name="Shop", host="x.example", user=SHOP, password=SecretStr("geheim"), active=True,
            sends=sends,
        )  # fmt: skip
        said = cli(
            "write",
            "--reply-to",
            "frage@kunde.example",
            "--text-file",
            "text.txt",
            "--attach",
            "Grüße.pdf",
            "--cc",
            "b@c.example",
        )
        assert said == "mail 1 is in the outbox\n"
        (listed,) = cli.json("outbox", "list", "--json")
        assert (listed["state"], listed["draft"]["to"]) == ("queued", "Anna Kunde <anna@kunde.example>")
        assert cli("outbox", "send") == "1 sent, 0 waiting, 0 failed, 0 unclear\n"
        parsed = parse(server.stored[0].raw)
        assert parsed.content[0].text.startswith("Guten Tag,\nmorgen.")
        assert [each.name for each in parsed.attachments] == ["Grüße.pdf"]
        shown = cli("outbox", "show", "1")
        assert "state:       sent" in shown
        assert "> " in shown
        assert "sent" in cli("outbox", "list", "--state", "sent")
        server.at["STORED"] = "drop"
        cli("write", "--to", "a@b.example", "--subject", "x")
        result = cli.run("outbox", "send")
        assert (result.code, result.out) == (3, "0 sent, 0 waiting, 0 failed, 1 unclear\n")
        assert "mail 2 (unclear)" in result.err
        assert cli("outbox", "mark-sent", "2") == "mail 2 was sent; it is message 3\n"
        assert "sent already" in cli.refused("outbox", "discard", "2")
        assert cli("write", "--draft", "--to", "nobody") == "mail 3 is kept as a draft\n"
        assert cli("outbox", "discard", "3") == "mail 3 is discarded\n"
        assert "no e-mail address" in cli.refused("write", "--to", "nobody")
        assert [each["id"] for each in cli.json("outbox", "list", "--json")] == [2, 1]
        assert "--all goes with" in cli.refused("write", "--all", "--to", "a@b.example")
        assert "no text in UTF-8" in cli.refused("write", "--to", "a@b.example", "--text-file", "Grüße.pdf")
        assert "--state is one of" in cli.refused("outbox", "list", "--state", "x")
        assert cli("outbox", "send", "--json") == '{"sent":[],"failed":[],"unclear":[],"waiting":[],"busy":false}\n'
        accounts.add("in", "Ada", name="Hilfe", host="x.example", user="hilfe@firma.example", sends=sends)
        assert "choose the group" in cli.refused("write", "--to", "a@b.example")
        with only_one(database, "outbox"):
            assert cli("outbox", "send") == "another process sends at this moment\n"
        database.close()
