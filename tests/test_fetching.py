"""Fetching: nothing lost, nothing doubled, nothing deleted early, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, text

from beleg.accounts import Accounts, AccountSettings
from beleg.accounts.fetching import DAY, Fetcher, FetchReport
from beleg.accounts.runner import Fetching, Runner, Task
from beleg.errors import InputError
from beleg.mailserver import MailServerError, Sentence
from beleg.message import Limits
from beleg.plugins import Installed
from beleg.privacy import erase
from beleg.step import RuleSettings
from beleg.store import Database
from beleg.store.exclusive import only_one
from beleg.store.mails import Mails
from beleg.vault import Vault, new_key
from beleg.workspace import Workspace
from mailservers.dovecot import PASSWORD, Dovecot
from mailservers.scripted import Maildrop, serving, wait_for
from serving import accounts_on
from worlds import contact, order
from writing import day, mail

WORLD = [contact("K-5", "anna@kunde.example"), order("O-81", customer="K-5", number="AB-1042")]


def letter(number: int, body: str = "Guten Tag", **more: Any) -> bytes:
    raw = mail(f"Nr. {number}", body, id_=f"{number}@x", date=day(number), **more)
    return raw.replace(b"\n", b"\r\n")


class Clock:
    """Time that passes as a test says: by what the machine measures, not by what its clock shows."""

    def __init__(self) -> None:
        self.boot = "one"
        self.seconds = 1000.0

    def __call__(self) -> tuple[str, float]:
        return self.boot, self.seconds

    def pass_by(self, days: float) -> None:
        self.seconds += days * DAY


class Office:
    """One account that fetches from a maildrop, and what came of it."""

    def __init__(self, accounts: Accounts, drop: Maildrop, **fields: Any) -> None:
        self.accounts = accounts
        self.drop = drop
        self.clock = Clock()
        values = {
            "name": "Shop", "host": "127.0.0.1", "port": drop.port, "security": "plain", "user": drop.user,
            "password": SecretStr(drop.password), "active": True, "group_address": "shop@firma.example", **fields,
        }  # fmt: skip
        self.account = accounts.add("in", "Ada", **values)
        self.fetcher = Fetcher(accounts, measure=self.clock)

    def fetch(self, **more: Any) -> FetchReport:
        return self.fetcher.fetch(self.account.id, **more)

    def well(self) -> FetchReport:
        """Fetch, where all must go well."""
        report = self.fetch()
        assert report.error is None, report.error
        assert not report.failed
        return report

    def ill(self) -> MailServerError:
        """Fetch, where something must go wrong."""
        report = self.fetch()
        assert report.error
        now = self.accounts.account(self.account.id)
        assert (now.fault, now.error) == (report.error.fault, {each: report.error.say(each) for each in ("en", "de")})
        return report.error

    @property
    def stored(self) -> list[bytes]:
        return stored(self.accounts.database)

    def states(self) -> dict[str, str]:
        with self.accounts.database.begin(write=False) as connection:
            return dict(list(connection.execute(text("SELECT uid, state FROM seen ORDER BY uid"))))

    def change(self, **fields: Any) -> None:
        self.accounts.change(self.account.id, "Ada", **fields)


def stored(database: Database) -> list[bytes]:
    """The bytes of all stored mails, in the order in which they were stored."""
    with database.begin(write=False) as connection:
        mails = Mails(connection)
        raws = mails.raw(mails.rows())
    return [raws[row] for row in sorted(raws)]


@pytest.fixture
def accounts(database: Database, installed: Installed) -> Accounts:
    return accounts_on(Workspace(database, installed))


@pytest.fixture
def drop() -> Iterator[Maildrop]:
    with serving(Maildrop({"a": letter(1), "b": letter(2)})) as found:
        yield found


@pytest.fixture
def office(accounts: Accounts, drop: Maildrop) -> Office:
    return Office(accounts, drop)


@pytest.fixture
def small(sqlite: Database, installed: Installed, drop: Maildrop) -> Office:
    """The same on SQLite, for what has nothing to do with the database."""
    return Office(accounts_on(Workspace(sqlite, installed)), drop)


# --- what it does


def test_mail_is_stored_once_and_stays(office: Office) -> None:
    report = office.well()
    assert (report.new, report.known, report.deleted, report.decided) == (2, 0, 0, 2)
    assert office.stored == list(office.drop.mails.values())
    assert office.well().new == 0
    assert office.drop.commands.count("RETR") == 2
    assert "DELE" not in office.drop.commands
    account = office.accounts.account("Shop")
    assert account.fault is None
    assert account.succeeded
    assert account.due
    assert account.due >= account.succeeded + 59


def test_mail_arrives_as_the_accounts_rule_says(office: Office) -> None:
    (group,) = office.accounts.groups()
    office.drop.mails["spam"] = b"X-Spam-Flag: YES\r\n" + letter(3)
    office.drop.mails["ham"] = b"Subject: x\r\n\r\nX-Spam-Flag: YES\r\n"
    office.well()
    with office.accounts.database.begin(write=False) as connection:
        rows = connection.execute(
            text("SELECT account, mail_group, work, owner, spam, folder FROM message ORDER BY id")
        )
        wanted = [(office.account.id, group.id, "open", None, spam, "Shop") for spam in (0, 0, 1, 0)]
        assert [tuple(row) for row in rows] == wanted


def test_an_answer_that_lies_before_its_question_inherits(accounts: Accounts, drop: Maildrop) -> None:
    accounts.workspace.import_records(WORLD)
    drop.mails = {
        "a": mail("Re:", id_="2@x", reply_to="1@x", sender="shop@firma.example", date=day(2)).replace(b"\n", b"\r\n"),
        "q": mail("Frage zu AB-1042", id_="1@x", date=day(1)).replace(b"\n", b"\r\n"),
    }
    assert Office(accounts, drop).well().decided == 2
    standing = {each.message_id: list(map(str, refs)) for each, refs in accounts.workspace.newest(9)}
    assert standing == {"1@x": ["order:O-81", "contact:K-5"], "2@x": ["order:O-81", "contact:K-5"]}


def test_at_opening_where_it_is_so_set(database: Database, installed: Installed, drop: Maildrop) -> None:
    accounts = accounts_on(Workspace(database, installed), AccountSettings(decide=False))
    assert Office(accounts, drop).well().decided == 0
    assert len(accounts.workspace.undecided()) == 2


def test_what_a_process_left_undecided_is_decided_by_the_next(office: Office) -> None:
    office.accounts.settings = AccountSettings(decide=False)
    office.well()
    office.accounts.settings = AccountSettings()
    assert office.well().decided == 2


def test_deleted_at_once(office: Office) -> None:
    office.change(after="delete")
    assert office.well().deleted == 2
    assert office.drop.mails == {}
    assert office.states() == {"a": "deleted", "b": "deleted"}
    assert len(office.stored) == 2


def test_deleted_after_days(office: Office) -> None:
    office.change(after="later", days=3)
    office.well()
    office.clock.pass_by(2.9)
    office.drop.mails["c"] = letter(3)
    assert office.well().deleted == 0
    office.clock.pass_by(0.2)
    assert office.well().deleted == 2
    assert list(office.drop.mails) == ["c"]


@pytest.mark.parametrize("after", ["keep", "later"])
def test_deleted_there_because_it_was_deleted_here(office: Office, after: str) -> None:
    office.change(after=after, days=30, delete_too=True)
    office.well()
    with office.accounts.database.begin() as connection:
        connection.execute(text("UPDATE message SET deleted = true WHERE message_id = '1@x'"))
    assert office.well().deleted == 1
    assert list(office.drop.mails) == ["b"]
    office.change(delete_too=False)
    with office.accounts.database.begin() as connection:
        connection.execute(text("UPDATE message SET deleted = true"))
    assert office.well().deleted == 0


def test_a_mail_that_is_known_from_elsewhere(office: Office) -> None:
    office.accounts.workspace.import_mail([(letter(1).replace(b"\r\n", b"\n"), "")])
    report = office.well()
    assert (report.new, report.known, report.decided) == (1, 1, 1)
    assert len(office.stored) == 2


def test_two_accounts_with_one_mail(accounts: Accounts, drop: Maildrop) -> None:
    Office(accounts, drop).well()
    other = Office(accounts, drop, name="Info", group_address="info@firma.example")
    assert (other.well().known, len(other.stored)) == (2, 2)


def test_same_message_id_with_other_bytes(office: Office) -> None:
    office.drop.mails = {"a": letter(1, "eins"), "b": letter(1, "zwei")}
    assert office.well().new == 2
    assert office.stored == [letter(1, "eins"), letter(1, "zwei")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header\r\n",
        b"Subject: NUL \0\r\n\r\n\0\r\n",
        b"Subject: CR\rCR\r\n\r\nbare\rCR and\nLF\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 3000,
        b"Subject: long\r\n\r\n" + b"x" * 1_000_000 + b"\r\n",
    ],
    ids=["empty", "end", "no header", "NUL", "bare CR", "multiparts", "1 MB line"],
)
def test_whatever_it_is_it_is_stored_and_seen(office: Office, raw: bytes) -> None:
    office.change(after="delete")
    office.drop.mails = {"a": raw, "b": letter(2)}
    assert office.well().new == 2
    assert office.stored[0] == raw
    assert office.drop.mails == {}
    assert len(office.accounts.workspace.inbox().rows) == 2


def test_a_mail_beyond_the_limit_is_stored(database: Database, installed: Installed, drop: Maildrop) -> None:
    workspace = Workspace(database, installed, RuleSettings(limits=Limits(message_bytes=100)))
    office = Office(accounts_on(workspace), drop)
    assert office.well().new == 2
    assert office.stored == list(drop.mails.values())


def test_an_erased_mail_stays_away(office: Office) -> None:
    drop = office.drop
    drop.mails = {"a": letter(1), "b": letter(2, sender="Bodo <bodo@anders.example>")}
    office.well()
    erase(office.accounts.workspace, "anna@kunde.example", by="Ada")
    assert len(office.stored) == 1
    with office.accounts.database.begin(write=False) as connection:
        # Another message may get its number.
        assert connection.execute(text("SELECT message FROM seen WHERE uid = 'a'")).scalar_one() is None
    drop.mails = {"new": letter(1), "b": drop.mails["b"]}  # and the server lost its index
    report = office.well()
    assert (report.new, report.known, len(office.stored)) == (0, 1, 1)
    assert "new" in drop.mails
    office.change(delete_too=True)
    assert office.well().deleted == 1
    assert list(drop.mails) == ["b"]


def test_an_account_that_is_not_active(office: Office) -> None:
    office.change(active=False)
    with pytest.raises(InputError, match="not active"):
        office.fetch()
    assert office.fetcher.due() == []
    assert office.drop.sessions == 0


def test_another_mailbox_is_begun_anew(accounts: Accounts, office: Office) -> None:
    """There, the same unique ids name other mails."""
    office.change(after="delete")
    office.drop.answers["QUIT"] = b"-ERR\r\n"  # so that they stay
    office.ill()
    del office.drop.answers["QUIT"]
    with serving(Maildrop({"a": letter(11), "b": letter(12)}, user="berta")) as other:
        office.change(port=other.port, user="berta", password=SecretStr(other.password))
        report = office.well()
        assert (report.new, report.deleted, len(office.stored)) == (2, 2, 4)


# --- what goes wrong


def test_cut_at_every_byte_of_the_servers(sqlite: Database, installed: Installed) -> None:
    every_byte(sqlite, installed, "out")


def test_cut_at_every_byte_of_the_clients(sqlite: Database, installed: Installed) -> None:
    every_byte(sqlite, installed, "into")


def every_byte(database: Database, installed: Installed, way: str) -> None:
    """Each time another mail lies there. What was cut leaves it either on the server or stored, and the next session
    gets it, once."""
    accounts = accounts_on(Workspace(database, installed), AccountSettings(decide=False))
    with serving(Maildrop()) as drop:
        office = Office(accounts, drop, after="delete")
        drop.mails = {"u0": b"Subject: 0000\r\n\r\n..\r\n"}
        office.well()
        length = drop.sent if way == "out" else drop.got
        cuts = 0
        for cut in range(length):
            raw = b"Subject: %04d\r\n\r\n.\r\n" % (cut + 1)
            drop.mails = {f"u{cut}" if way == "out" else f"i{cut}": raw}
            drop.deleted = 0
            setattr(drop, way, cut)
            report = office.fetch()
            setattr(drop, way, None)
            cuts += report.error is not None
            assert drop.deleted == 0 or raw in office.stored, cut
            assert report.deleted <= drop.deleted, cut
            office.well()
            assert drop.mails == {}
            assert office.stored.count(raw) == 1, cut
        assert cuts > length - 5
        assert len(office.stored) == length + 1


STEPS = {
    "before RETR": ("fetch", "before"),
    "in the transaction": ("in transaction", ""),
    "after commit": ("after commit", ""),
    "before DELE": ("delete", "before"),
    "after DELE": ("delete", "after"),
    "before QUIT's answer": ("commit", "sent"),
    "after QUIT's answer": ("commit", "after"),
}
CHILD = """
import os, signal, sys
from cryptography.fernet import Fernet
from beleg.accounts import Accounts
from beleg.accounts.fetching import Fetcher
from beleg.plugins import installed
from beleg.store import Database, seen
from beleg.vault import Vault
from beleg.workspace import Workspace
from beleg_pop3.connection import Connection
from beleg_pop3.protocol import Session

url, key, step, when = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def around(owner, name):
    real = getattr(owner, name)
    def wrapped(*arguments, **more):
        if when == "before":
            die()
        real(*arguments, **more)
        die()
    setattr(owner, name, wrapped)

if step == "in transaction":
    around(seen, "add")
elif step == "after commit":
    take = Fetcher._take
    Fetcher._take = lambda *arguments: (take(*arguments), die())
elif when == "sent":
    sent = Connection._putline
    def putline(self, line):
        sent(self, line)
        if line == b"QUIT":
            die()
    Connection._putline = putline
else:
    around(Session, step)
vault = Vault([key])
accounts = Accounts(Workspace(Database(url), installed()), lambda: vault)
Fetcher(accounts).fetch(accounts.account("Shop").id)
print("alive")
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_killed_at_each_step(kind: str, request: pytest.FixtureRequest, installed: Installed, dovecot: Dovecot) -> None:
    """A child that fetches from a real Dovecot is killed there; then another fetches."""
    database: Database = request.getfixturevalue(kind)
    key = new_key()
    vault = Vault([key])
    accounts = Accounts(Workspace(database, installed), lambda: vault, AccountSettings(decide=False))
    user = dovecot.new_user()
    account = accounts.add(
        "in", "Ada", name="Shop", host="127.0.0.1", port=dovecot.pop3, security="plain", user=user,
        password=SecretStr(PASSWORD), active=True, after="delete",
    )  # fmt: skip
    url = database.url.render_as_string(hide_password=False)
    raws = []
    for number, (name, (step, when)) in enumerate(STEPS.items(), 1):
        raws.append(letter(number))
        dovecot.deliver(user, raws[-1])
        child = subprocess.run([sys.executable, "-c", CHILD, url, key, step, when], capture_output=True, text=True)
        assert (child.returncode, child.stdout) == (-signal.SIGKILL, ""), (name, child.stderr)
        gone = [raw for raw in raws if raw not in dovecot.mails(user)]
        assert set(gone) <= set(stored(database)), name
        report = Fetcher(accounts).fetch(account.id)
        assert report.error is None, (name, report.error)
        wait_for(lambda: dovecot.mails(user) == [])
        assert stored(database) == raws, name
    with database.begin(write=False) as connection:
        assert set(connection.execute(text("SELECT state FROM seen")).scalars()) == {"deleted"}


def test_reset_of_unique_ids(database: Database, installed: Installed, dovecot: Dovecot) -> None:
    """Dovecot loses its index, so that all old mails are new to who goes by unique ids alone."""
    accounts = accounts_on(Workspace(database, installed))
    user = dovecot.new_user()
    for number in (1, 2):
        dovecot.deliver(user, letter(number))
    account = accounts.add(
        "in", "Ada", name="Shop", host="127.0.0.1", port=dovecot.pop3, security="plain", user=user,
        password=SecretStr(PASSWORD), active=True, after="later", days=3,
    )  # fmt: skip
    clock = Clock()
    fetcher = Fetcher(accounts, measure=clock)
    assert fetcher.fetch(account.id).new == 2
    decisions = count(database, "decision")
    clock.pass_by(2)
    dovecot.lose_index(user)
    report = fetcher.fetch(account.id)
    assert (report.error, report.new, report.known, report.decided, report.deleted) == (None, 0, 2, 0, 0)
    assert (count(database, "message"), count(database, "decision"), count(database, "seen")) == (2, decisions, 4)
    clock.pass_by(1.1)  # the first sight counts, not that of the new unique id
    assert fetcher.fetch(account.id).deleted == 2
    wait_for(lambda: dovecot.mails(user) == [])


def count(database: Database, table: str) -> int:
    with database.begin(write=False) as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_a_unique_id_that_names_another_mail_now(office: Office) -> None:
    """As of a server that counts anew: the mail was never fetched, and must not be deleted for the old one's sake."""
    office.change(after="later", days=1)
    office.well()
    office.clock.pass_by(2)
    office.drop.mails = {"a": letter(3, "ein anderer, längerer Brief")}
    report = office.well()
    assert (report.new, report.deleted) == (1, 0)
    assert len(office.stored) == 3
    office.clock.pass_by(1.1)
    assert office.well().deleted == 1


@pytest.mark.parametrize(
    "uidl",
    [
        b"1 a\r\n2 a\r\n",
        b"1 a\r\n2 \r\n",
        b"1 a\r\n2\r\n",
        b"1 a\r\n2 " + b"x" * 10_000 + b"\r\n",
        b"1 a\r\n2 \xe4\r\n",
    ],
    ids=["duplicate", "empty", "missing", "10 kB", "not ASCII"],
)
def test_unique_ids_that_cannot_be_relied_on(small: Office, uidl: bytes) -> None:
    small.change(after="delete")
    small.drop.answers["UIDL"] = b"+OK\r\n" + uidl + b".\r\n"
    assert small.ill().fault == "account"
    assert small.drop.commands[-2:] == ["UIDL", "LIST"]
    assert len(small.drop.mails) == 2
    assert small.accounts.account("Shop").halted
    assert small.fetcher.due() == []


def test_mail_that_comes_between_uidl_and_list(small: Office) -> None:
    small.change(after="delete")
    small.drop.late = {"c": letter(3)}
    assert small.well().new == 2
    small.drop.mails |= small.drop.late
    small.drop.late = {}
    assert small.well().new == 1
    assert small.drop.mails == {}


def test_quit_without_yes_leaves_it_pending(small: Office) -> None:
    small.change(after="delete")
    small.drop.answers["QUIT"] = b"-ERR some messages were not removed\r\n"
    assert small.ill().fault == "temporary"
    assert small.states() == {"a": "marked", "b": "marked"}
    del small.drop.mails["b"]  # one of them was
    del small.drop.answers["QUIT"]
    small.change(after="keep")
    assert small.well().new == 0
    assert small.states() == {"a": "there", "b": "deleted"}


def test_one_sick_mail_holds_up_no_other(small: Office) -> None:
    """The server can't read it; the others are fetched and deleted, and the account says what is wrong."""
    small.change(after="delete")
    small.drop.mails = {"sick": letter(1), **{f"{n}": letter(n) for n in range(2, 5)}}
    small.drop.refuse = {"sick"}
    error = small.ill()
    assert (error.fault, "sick" in str(error)) == ("temporary", True)
    assert list(small.drop.mails) == ["sick"]
    assert len(small.stored) == 3
    small.drop.refuse = set()
    assert small.well().new == 1
    assert small.drop.mails == {}


@contextmanager
def disk_full(database: Database) -> Iterator[None]:
    """At commit on PostgreSQL; where the next page is needed on SQLite."""
    if database.sqlite:

        def limit(connection: Any, *_: Any) -> None:
            connection.execute("PRAGMA max_page_count=1")  # no fewer than there are

        database.engine.dispose()
        event.listen(database.engine, "connect", limit)
        yield
        event.remove(database.engine, "connect", limit)
        database.engine.dispose()
        return
    with database.begin() as connection:
        connection.execute(text(
            "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE disk_full USING MESSAGE = 'No space left on device'; END $$"
        ))  # fmt: skip
        connection.execute(text(
            "CREATE CONSTRAINT TRIGGER full_up AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION full_up()"
        ))  # fmt: skip
    yield
    with database.begin() as connection:
        connection.execute(text("DROP FUNCTION full_up CASCADE"))


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another has what is written to, and does not let go."""
    database.engine.dispose()
    other = Database(database.url.render_as_string(hide_password=False))

    def impatient(connection: Any, *_: Any) -> None:
        if database.sqlite:
            connection.execute("PRAGMA busy_timeout=50")
        else:
            connection.execute("SET lock_timeout = '50ms'")
            connection.commit()

    event.listen(database.engine, "connect", impatient)
    with other.begin() as connection:
        if not database.sqlite:
            connection.execute(text("LOCK TABLE message IN EXCLUSIVE MODE"))
        yield
    event.remove(database.engine, "connect", impatient)
    database.engine.dispose()
    other.close()


@pytest.mark.parametrize("trouble", [disk_full, locked])
def test_the_database_takes_nothing(office: Office, trouble: Callable[[Database], Any]) -> None:
    office.change(after="delete")
    big = mail("groß", os.urandom(200_000).hex(), id_="big@x", date=day(3)).replace(b"\n", b"\r\n")
    office.drop.mails["a"] = big
    with trouble(office.accounts.database):
        report = office.fetch()
        assert report.error
        assert report.error.fault == "temporary"
        assert "nothing was deleted" in report.error.say("en")
        assert (report.new, report.deleted, office.drop.deleted) == (0, 0, 0)
        assert not {"DELE", "QUIT"} & set(office.drop.commands)
    assert len(office.drop.mails) == 2
    assert office.stored == []
    assert office.well().new == 2
    assert sorted(office.stored) == sorted([big, letter(2)])
    assert office.drop.mails == {}


def test_a_second_fetcher_waits(office: Office) -> None:
    with only_one(office.accounts.database, f"fetch:{office.account.id}") as mine:
        assert mine
        report = office.fetch()
    assert (report.idle, report.new, office.drop.sessions) == (True, 0, 0)
    assert office.well().new == 2


def test_two_fetchers_at_once(office: Office) -> None:
    office.change(after="delete")
    barrier = threading.Barrier(4)
    reports = []

    def fetch() -> None:
        barrier.wait(20)
        reports.append(Fetcher(office.accounts).fetch(office.account.id, only_due=True))

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sum(each.new for each in reports) == 2
    assert [each.error for each in reports] == [None] * 4
    assert office.drop.sessions == 1
    assert len(office.stored) == 2


@pytest.mark.parametrize("jump", [-20, 20])
def test_the_clock_jumps(small: Office, jump: int, time_machine: Any) -> None:
    """Years forwards or backwards: what was seen three hours ago is not deleted after a day, and is after a day."""
    small.change(after="later", days=1)
    small.well()
    small.clock.pass_by(0.1)
    time_machine.move_to(time.time() + jump * 365 * DAY)
    assert small.fetcher.due()
    assert small.well().deleted == 0
    small.clock.pass_by(0.8)
    small.drop.mails["c"] = letter(3)
    assert small.well().deleted == 0
    small.clock.pass_by(0.2)
    assert small.well().deleted == 2


def test_what_passed_while_the_machine_was_off_is_not_counted(small: Office) -> None:
    small.change(after="later", days=1)
    small.well()
    small.clock.pass_by(0.6)
    small.well()
    small.clock.boot, small.clock.seconds = "two", 90 * DAY
    assert small.well().deleted == 0
    small.clock.pass_by(0.3)
    assert small.well().deleted == 0
    small.clock.pass_by(0.2)
    assert small.well().deleted == 2


def test_machines_that_take_turns_count_together(small: Office) -> None:
    small.change(after="later", days=1)
    for hour in range(0, 30, 3):
        for number, boot in enumerate(("one", "two")):
            small.clock.boot = boot
            small.clock.seconds = number * 400 * DAY + hour * 3600
            assert small.well().deleted == (2 if (hour, boot) == (24, "one") else 0), hour
    assert small.drop.mails == {}


def test_faults_wait_longer_each_time_and_some_for_a_person(small: Office) -> None:
    small.drop.answers["PASS"] = b"-ERR [IN-USE] locked\r\n"
    waits = []
    for _ in range(9):
        small.fetch(now=1_000_000)
        account = small.accounts.account("Shop")
        assert account.due
        waits.append(account.due - 1_000_000)
        assert (account.halted, account.fault) == (False, "busy")
        assert small.fetcher.due(account.due - 1) == []
        assert [each.id for each in small.fetcher.due(account.due)] == [account.id]
    assert waits == [120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]
    small.drop.answers["PASS"] = b"-ERR [AUTH] wrong\r\n"
    assert small.ill().fault == "sign_in"
    assert small.accounts.account("Shop").halted
    assert small.fetcher.due() == []
    assert small.fetch(only_due=True).idle
    del small.drop.answers["PASS"]
    small.change(password=SecretStr("geheim"))
    assert len(small.fetcher.due()) == 1
    small.well()
    account = small.accounts.account("Shop")
    assert (account.failures, account.fault, account.error, account.halted) == (0, None, None, False)


def test_a_check_that_goes_well_has_it_tried_again(small: Office) -> None:
    small.drop.password = "anderes"
    assert small.ill().fault == "sign_in"
    check = small.accounts.check
    assert not list(check("in", small.account.id))[-1].ok
    assert list(check("in", small.account.id, password=SecretStr("anderes")))[-1].ok  # that is not what is stored
    assert small.fetcher.due() == []
    small.drop.password = "geheim"
    assert list(check("in", small.account.id))[-1].ok
    assert len(small.fetcher.due()) == 1


def test_a_link_that_must_be_made_again(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise MailServerError("sign_in", Sentence("Link again.", "Neu verknüpfen."))

    monkeypatch.setattr(small.accounts, "endpoint", refused)
    assert small.ill().fault == "sign_in"
    assert small.accounts.account("Shop").halted
    assert small.drop.sessions == 0


def test_an_installation_that_has_lost_its_key(small: Office) -> None:
    small.accounts.vault = Vault([new_key()])
    assert "no key" in str(small.ill())
    assert not small.accounts.account("Shop").halted
    assert small.drop.sessions == 0


def test_many_mails_take_several_sessions(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session deletes is deleted at its end, so it must not go on for hours."""
    monkeypatch.setattr("beleg.accounts.fetching.MAILS", 3)
    small.change(after="delete")
    small.drop.mails = {f"{n}": letter(n + 1) for n in range(8)}
    assert small.well().deleted == 8
    assert small.drop.sessions == 3
    assert len(small.stored) == 8


def test_it_ends_after_the_mail_that_it_is_at(accounts: Accounts, drop: Maildrop) -> None:
    office = Office(accounts, drop, after="delete")
    stop = threading.Event()
    stop.set()
    report = Fetcher(accounts, stop=stop).fetch(office.account.id)
    assert (report.error, report.new, report.deleted) == (None, 0, 0)
    assert office.well().new == 2


# --- in the background


def test_the_background_fetches_what_is_due(office: Office) -> None:
    stop = threading.Event()
    fetching = Fetching(Fetcher(office.accounts, 1, stop=stop))
    failing = Task("failing", 0.01, lambda: 1 / 0)
    runner = Runner([failing, Task("fetch", 0.02, fetching.run, fetching.join)], stop)
    runner.start()
    try:
        wait_for(lambda: len(office.stored) == 2)
        office.drop.mails["c"] = letter(3)
        wait_for(lambda: len(office.stored) == 3)
    finally:
        runner.stop()
    assert not [each for each in threading.enumerate() if each.name.startswith("beleg-f")]


def test_several_servers_double_nothing(office: Office) -> None:
    office.change(after="delete")
    office.drop.mails = {f"{n}": letter(n + 1) for n in range(10)}
    runners = []
    for _ in range(3):
        stop = threading.Event()
        fetching = Fetching(Fetcher(office.accounts, 60, stop=stop))
        runners.append(Runner([Task("fetch", 0.01, fetching.run, fetching.join)], stop))
    for each in runners:
        each.start()
    try:
        wait_for(lambda: not office.drop.mails)
        time.sleep(0.2)
    finally:
        for each in runners:
            each.stop()
    assert len(office.stored) == 10
    assert office.drop.sessions == 1
