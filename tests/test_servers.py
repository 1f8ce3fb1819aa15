"""A mail server of another make serves the company: the engine's side, against the fake GREYHOUND."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from beleg.accounts import AccountSettings
from beleg.accounts.servers import NewAccount, Servers
from beleg.errors import InputError, NotFound
from beleg.plugins import Installed
from beleg.record import Link, Record, RecordRef, Reference
from beleg.store import Database, journal
from beleg.store.account_tables import mail_server
from beleg.store.records import import_records
from beleg.store.tables import erased, message
from beleg.workspace import Workspace
from commands import Cli
from mailservers import greyhound
from mailservers.authority import Authority
from mailservers.greyhound import LOGIN, PASSWORD, FakeGreyhound
from serving import accounts_on, serving, site_on
from writing import day, mail

CONTACT = RecordRef("contact", "K-5")
ORDER = RecordRef("order", "O-81")
NOW = 1_790_000_000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGreyhound]:
    authority = Authority()
    files = authority.issue(tmp_path_factory.mktemp("greyhound"))
    with greyhound.running(files.certificate, files.key, authority.pem) as running:
        yield running


@pytest.fixture
def fake(server: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> FakeGreyhound:
    monkeypatch.setattr("beleg_greyhound.client._PAUSE", 0.01)
    server.control("reset")
    return server


def servers_on(database: Database, installed: Installed, fake: FakeGreyhound, **settings: Any) -> Servers:
    """A workspace that the fake serves, with an order of a contact whose id on that server is 900."""
    workspace = Workspace(database, installed)
    with database.begin() as connection:
        records = [
            Record(CONTACT, label="Anna Kunde", addresses=("anna@kunde.example",),
                   references=(Reference("greyhound", "900"),)),
            Record(ORDER, number="AB-1042", links=(Link("customer", CONTACT),)),
        ]  # fmt: skip
        import_records(connection, records, installed.types)
    servers = Servers(accounts_on(workspace, AccountSettings(**settings)))
    servers.save(
        "greyhound", "test", address=fake.address, user=LOGIN, password=SecretStr(PASSWORD),
        authorities=fake.authorities, allow_private=True, seconds=5.0,
    )  # fmt: skip
    servers.use("greyhound", "test")
    return servers


@pytest.fixture
def servers(database: Database, installed: Installed, fake: FakeGreyhound) -> Servers:
    """On both databases."""
    return servers_on(database, installed, fake)


@pytest.fixture
def on_sqlite(sqlite: Database, installed: Installed, fake: FakeGreyhound) -> Servers:
    """For what the database has no part in."""
    return servers_on(sqlite, installed, fake)


def letter(number: int, subject: str = "Frage", **more: Any) -> bytes:
    return mail(subject, id_=f"m{number}@kunde.example", date=day(number), **more)


def messages(servers: Servers) -> dict[str, Any]:
    """What is stored, by Message-ID."""
    with servers.database.begin(write=False) as connection:
        rows = connection.execute(select(message).order_by(message.c.id)).all()
    assert len({row.message_id for row in rows}) == len(rows)
    return {row.message_id: row for row in rows}


def read(servers: Servers) -> Any:
    """Read, and all goes well."""
    report = servers.read(time.time())
    assert report.error is None
    return report


# --- settings


class TestSettings:
    def test_nothing_is_set_up_at_first(self, sqlite: Database, installed: Installed) -> None:
        servers = Servers(accounts_on(Workspace(sqlite, installed)))
        assert servers.active() is None
        view = servers.settings_view("greyhound")
        assert (view.saved, view.active, view.address, view.mails) == (False, False, "", 0)
        assert view.limits
        assert not servers.due(NOW)
        with pytest.raises(NotFound):
            servers.read(NOW)
        with pytest.raises(NotFound):
            servers.settings_view("nobody")

    def test_no_secret_shows(self, on_sqlite: Servers) -> None:
        view = on_sqlite.settings_view("greyhound")
        assert (view.saved, view.active, view.has_secret) == (True, True, True)
        assert len(view.client_id) == 32
        with on_sqlite.database.begin(write=False) as connection:
            stored = repr(connection.execute(select(mail_server)).all())
            told = repr(journal.newest(connection, 100))
        for text in (repr(view), stored, told):
            assert PASSWORD not in text

    def test_the_client_id_stays(self, on_sqlite: Servers) -> None:
        before = on_sqlite.settings_view("greyhound").client_id
        assert on_sqlite.save("greyhound", "test", seconds=9.0).client_id == before
        assert on_sqlite.save("greyhound", "test", client_id="a" * 32).client_id == "a" * 32

    def test_what_is_not_given_stays(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        view = on_sqlite.save("greyhound", "test", server_name="greyhound.brunner.example")
        assert (view.address, view.user, view.allow_private, view.seconds) == (fake.address, LOGIN, True, 5.0)
        assert read(on_sqlite.__class__(on_sqlite.accounts)) if view.server_name == "" else True

    def test_a_managed_account_is_locked(self, on_sqlite: Servers) -> None:
        on_sqlite.save("greyhound", "test", managed=True)
        for fields in ({"user": "other"}, {"password": SecretStr("other")}, {"managed": False}):
            with pytest.raises(InputError, match="unlock it first"):
                on_sqlite.save("greyhound", "test", **fields)
        assert on_sqlite.save("greyhound", "test", seconds=7.0).managed  # the rest is free
        assert on_sqlite.save("greyhound", "test", user=LOGIN).managed  # the same is no change
        view = on_sqlite.save("greyhound", "test", unlocked=True, user="other", password=SecretStr("other"))
        assert (view.user, view.managed) == ("other", True)
        assert not on_sqlite.save("greyhound", "test", unlocked=True, managed=False).managed

    def test_a_password_goes_to_its_server_alone(self, on_sqlite: Servers) -> None:
        with pytest.raises(InputError, match="enter the password again"):
            on_sqlite.save("greyhound", "test", address="elsewhere.example")
        with pytest.raises(InputError, match="enter the password again"):
            on_sqlite.check("greyhound", address="elsewhere.example")
        assert on_sqlite.save("greyhound", "test", address="elsewhere.example", password=SecretStr("x"))

    @pytest.mark.parametrize(
        "fields",
        [
            {"address": "http://x.example"}, {"address": "x y"}, {"address": "https://a:b@x.example"}, {"address": ""},
            {"address": "https://[::1"}, {"user": ""}, {"user": "a\nb"}, {"password": SecretStr("a\r\nb")},
            {"authorities": "no PEM"}, {"seconds": 0.0}, {"seconds": 1e9}, {"seconds": float("nan")},
        ],
    )  # fmt: skip
    def test_what_can_not_be(self, on_sqlite: Servers, fields: Any) -> None:
        with pytest.raises(InputError):
            on_sqlite.save("greyhound", "test", **{"password": SecretStr(PASSWORD), **fields})

    def test_one_serves_the_company(self, on_sqlite: Servers) -> None:
        on_sqlite.use(None, "test")
        assert on_sqlite.active() is None
        on_sqlite.use("greyhound", "test")
        assert on_sqlite.active() == "greyhound"
        with pytest.raises(NotFound):
            on_sqlite.use("nobody", "test")

    def test_what_is_not_set_up_can_not_serve(self, sqlite: Database, installed: Installed) -> None:
        servers = Servers(accounts_on(Workspace(sqlite, installed)))
        with pytest.raises(InputError, match="not set up"):
            servers.use("greyhound", "test")

    def test_checking(self, on_sqlite: Servers) -> None:
        assert [each.ok for each in on_sqlite.check("greyhound")] == [True] * 4
        steps = list(on_sqlite.check("greyhound", password=SecretStr("falsch")))
        assert (steps[-1].what, steps[-1].ok) == ("sign_in", False)
        assert [each.ok for each in on_sqlite.check("greyhound")] == [True] * 4


# --- reading


class TestReading:
    def test_each_mail_once(self, servers: Servers, fake: FakeGreyhound) -> None:
        group = fake.keep("RpcGroups", Name="Support", Email="support@firma.example")
        for number in range(1, 8):
            fake.mail(letter(number), GroupRef=int(group), State=1)
        report = read(servers)
        assert (report.new, report.decided, report.groups) == (7, 7, 1)
        fake.calls()
        assert read(servers).new == 0
        assert "raw" not in {name for name, _ in fake.calls()[:-1] if name == "RpcItems.Get"}
        stored = messages(servers)
        assert len(stored) == 7
        assert servers.settings_view("greyhound").mails == 7
        (mirrored,) = servers.accounts.groups()
        assert (mirrored.name, mirrored.address) == ("Support", "support@firma.example")
        assert {row.mail_group for row in stored.values()} == {mirrored.id}
        assert "support@firma.example" in servers.accounts.workspace.ignored().groups

    def test_new_mail_costs_few_calls(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        for number in range(1, 25):
            fake.mail(letter(number))
        read(on_sqlite)
        fake.mail(letter(25))
        fake.calls()
        assert read(on_sqlite).new == 1
        names = fake.methods()
        assert names.count("RpcItems.GetList") == 2 + 5  # the newest until one has nothing new, and five older ones
        assert names.count("raw") == 2  # one to see whether ids are still the same

    def test_marks_are_the_servers_own(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        one = fake.mail(letter(1))
        fake.mail(letter(2), State=16)
        fake.mail(letter(3), Flags=8)
        draft = fake.mail(letter(4), State=64)
        read(on_sqlite)
        stored = messages(on_sqlite)
        assert {id_[:2]: (row.work, row.spam) for id_, row in stored.items()} == {
            "m1": ("open", 0), "m2": ("done", 0), "m3": ("open", 1),
        }  # fmt: skip

        fake.mail(letter(1), id=int(one), Flags=2 | 16)
        fake.mail(letter(4), id=int(draft), State=1)
        report = read(on_sqlite)
        assert (report.new, report.marked) == (1, 1)
        row = messages(on_sqlite)["m1@kunde.example"]
        assert not row.deleted
        (mark,) = on_sqlite.marks([row.id])[row.id]
        assert (mark.server.en, mark.item, mark.deleted, mark.error) == ("GREYHOUND", one, True, "failure")
        fake.mail(letter(1), id=int(one))
        assert read(on_sqlite).marked == 1

    def test_marks_are_shown_as_the_servers_own(
        self, sqlite: Database, installed: Installed, fake: FakeGreyhound
    ) -> None:
        site = site_on(sqlite, installed)
        servers = servers_on(sqlite, installed, fake)
        item = fake.mail(letter(1))
        read(servers)
        fake.mail(letter(1), id=int(item), Flags=2 | 16)
        assert read(servers).marked == 1
        (row,) = messages(servers).values()
        servers.accounts.workspace.import_mail([(letter(2), "")])
        with serving(site) as served:
            page = served.client("Bert", lang="de").get(f"/messages/{row.id}").text
            for said in (
                "Auf GREYHOUND",
                f"Nummer dort: {item}",
                "dort gelöscht",
                "dort fehlerhaft",
                "Dort eingetragen: Kontakt K-5",
            ):
                assert said in page, said
            assert "GREYHOUND" not in served.client("Bert").get(f"/messages/{row.id + 1}").text

    def test_marks_of_old_mail_are_found_in_turn(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        ids = [fake.mail(letter(number)) for number in range(1, 26)]
        for _ in range(2):
            read(on_sqlite)
        fake.mail(letter(1), id=int(ids[0]), Flags=2)
        assert sum(read(on_sqlite).marked for _ in range(4)) == 1

    def test_the_same_mail_twice(self, servers: Servers, fake: FakeGreyhound) -> None:
        fake.mail(letter(1))
        fake.mail(letter(1).replace(b"\n", b"\r\n"))
        report = read(servers)
        assert (report.new, report.known) == (1, 1)
        assert len(messages(servers)) == 1
        (row,) = messages(servers).values()
        assert len(servers.marks([row.id])[row.id]) == 2

    def test_mail_that_came_another_way(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        on_sqlite.accounts.workspace.import_mail([(letter(1), "")])
        fake.mail(letter(1))
        assert (read(on_sqlite).known, len(messages(on_sqlite))) == (1, 1)

    def test_the_same_message_id_with_other_bytes(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.mail(letter(1, "Erste"))
        fake.mail(letter(1, "Zweite"))
        assert read(on_sqlite).new == 2

    def test_erased_mail_stays_erased(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        from beleg.message import content_identity

        with on_sqlite.database.begin() as connection:
            connection.execute(erased.insert().values(sha256=content_identity(letter(1))))
        fake.mail(letter(1))
        assert (read(on_sqlite).new, messages(on_sqlite)) == (0, {})
        assert read(on_sqlite).known == 0  # and is not asked for again

    def test_new_ids_for_old_mail(self, servers: Servers, fake: FakeGreyhound) -> None:
        ids = [fake.mail(letter(number)) for number in range(1, 6)]
        read(servers)
        with servers.database.begin(write=False) as connection:
            decided = connection.exec_driver_sql("SELECT count(*) FROM decision").scalar()
        for number, id_ in enumerate(ids, 1):
            fake.control("drop", id=int(id_))
            fake.mail(letter(number))
        report = read(servers)
        assert (report.new, report.known, report.decided) == (0, 5, 0)
        with servers.database.begin(write=False) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM decision").scalar() == decided
        assert len(messages(servers)) == 5

    def test_old_ids_for_new_mail(self, servers: Servers, fake: FakeGreyhound) -> None:
        """The server was set up again: what it calls 101 is another mail."""
        for number in range(1, 6):
            fake.mail(letter(number), id=number)
        read(servers)
        for number in range(1, 6):
            fake.mail(letter(number + 10), id=number)
        fake.mail(letter(3), id=6)
        report = read(servers)
        assert (report.new, report.known) == (5, 1)
        assert len(messages(servers)) == 10
        assert (read(servers).new, len(messages(servers))) == (0, 10)

    def test_a_server_without_order(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.control("set", keep_order=False)
        for number in range(1, 11):
            fake.mail(letter(number))
        assert read(on_sqlite).new == 10
        fake.mail(letter(11))
        assert read(on_sqlite).new == 1

    def test_a_server_that_gives_one_page_without_end(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.control("set", keep_offset=False)
        for number in range(1, 6):
            fake.mail(letter(number))
        assert read(on_sqlite).new == 3

    def test_mail_that_can_not_be_parsed(self, servers: Servers, fake: FakeGreyhound) -> None:
        for raw in (b"\x00\xff\x00", b"\r\n" * 10, b"Subject: \x00\r\n\r\n", b"a" * 100_000):
            fake.mail(raw)
        assert read(servers).new == 4
        with servers.database.begin(write=False) as connection:
            assert connection.execute(select(message.c.id)).all()

    def test_decided_at_opening_where_so_set(self, sqlite: Database, installed: Installed, fake: FakeGreyhound) -> None:
        servers = servers_on(sqlite, installed, fake, decide=False)
        fake.mail(letter(1))
        assert (read(servers).decided, [row.decided for row in messages(servers).values()]) == (0, [False])

    def test_ties_of_the_server(self, servers: Servers, fake: FakeGreyhound) -> None:
        """Nothing in the answer names the question, but the server does; so it inherits."""
        question = fake.mail(letter(1, "AB-1042"))
        answer = fake.mail(letter(2, "Nachtrag", sender="wer@anders.example"))
        fake.control("tie", ids=[int(question), int(answer)])
        read(servers)
        stored = messages(servers)
        assert len({row.thread for row in stored.values()}) == 1
        standing = servers.accounts.workspace.standing(stored["m2@kunde.example"].id)
        assert ORDER in standing

    def test_without_ties_where_the_server_refuses(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1))
        fake.fail("RpcItems.GetThreadList", "error")
        report = read(on_sqlite)
        assert (report.new, list(report.skipped)) == (1, [item])


class TestGroups:
    def test_a_group_of_belegs_own_is_taken(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        from beleg.store import accounts as store

        with on_sqlite.database.begin() as connection:
            for name, address in (("Support", "support@firma.example"), ("Einkauf", "alt@firma.example")):
                store.add_group(connection, key=name.lower(), name=name, address=address)
        groups = [("Support", "Support@firma.example"), ("Einkauf", "neu@firma.example"), ("Leer", ""), ("", "x")]
        ids = [int(fake.keep("RpcGroups", Name=name, Email=address)) for name, address in groups]
        fake.keep("RpcFilters", Name="F", GroupRefs=ids)
        for _ in range(2):
            read(on_sqlite)
        found = {each.name: (each.address, each.remote) for each in on_sqlite.accounts.groups()}
        assert found == {
            "Support": ("Support@firma.example", f"greyhound:{ids[0]}"),
            "Einkauf": ("alt@firma.example", None),
            f"Einkauf (greyhound {ids[1]})": ("neu@firma.example", f"greyhound:{ids[1]}"),
            "Leer": ("", f"greyhound:{ids[2]}"),
            f"{ids[3]}": ("", f"greyhound:{ids[3]}"),
        }

    def test_an_address_that_changes(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        id_ = int(fake.keep("RpcGroups", Name="Support", Email="alt@firma.example"))
        fake.keep("RpcFilters", Name="F", GroupRefs=[id_])
        read(on_sqlite)
        fake.keep("RpcGroups", ID=id_, Name="Support", Email="neu@firma.example")
        read(on_sqlite)
        assert set(on_sqlite.accounts.workspace.ignored().groups) == {"neu@firma.example"}

    def test_groups_that_only_mail_names(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        group = int(fake.keep("RpcGroups", Name="Nur Mail", Email="nur@firma.example"))
        fake.mail(letter(1), GroupRef=group)
        fake.mail(letter(2), GroupRef=99_999)
        read(on_sqlite)
        assert [each.name for each in on_sqlite.accounts.groups()] == ["Nur Mail"]
        stored = messages(on_sqlite)
        assert stored["m1@kunde.example"].mail_group is not None
        assert stored["m2@kunde.example"].mail_group is None


class TestFaults:
    @pytest.mark.parametrize("fault", ["status", "error", "half", "no_length", "html", "empty"])
    def test_one_mail_that_can_not_be_had(self, on_sqlite: Servers, fake: FakeGreyhound, fault: Any) -> None:
        ids = [fake.mail(letter(number)) for number in range(1, 6)]
        times = 3 if fault == "half" else 1  # each read is tried three times
        fake.fail("raw", fault, status=500, skip=1, times=times)
        report = on_sqlite.read(NOW)
        assert (report.new, list(report.skipped)) == (4, [ids[3]])
        view = on_sqlite.settings_view("greyhound")
        assert view.error
        assert (view.failures, view.succeeded) == (0, int(NOW))
        read(on_sqlite)
        assert len(messages(on_sqlite)) == 5
        assert on_sqlite.settings_view("greyhound").error is None

    def test_a_server_that_is_out_of_order(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        for number in range(1, 10):
            fake.mail(letter(number))
        fake.fail("raw", "status", status=503, times=99)
        report = on_sqlite.read(NOW)
        assert (report.error is not None, len(report.skipped)) == (True, 3)

    def test_it_is_left_alone_for_longer_and_longer(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.fail("RpcPop3Accounts.GetList", "cut", times=99)
        waits = []
        now = NOW
        for _ in range(9):
            assert on_sqlite.due(now)
            assert on_sqlite.read(now).error is not None
            view = on_sqlite.settings_view("greyhound")
            assert view.due is not None
            assert not on_sqlite.due(now)
            waits.append(view.due - int(now))
            now = view.due
        assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
        assert view.fault == "unreachable"
        assert set(view.error or {}) == {"en", "de"}
        assert not view.halted
        assert on_sqlite.due(NOW - 10_000_000)  # the clock was set back
        fake.control("healthy")
        read(on_sqlite)
        view = on_sqlite.settings_view("greyhound")
        assert (view.fault, view.error, view.due, view.failures) == (None, None, None, 0)

    def test_a_person_has_to_do_something(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        on_sqlite.save("greyhound", "test", password=SecretStr("falsch"))
        report = on_sqlite.read(NOW)
        assert report.error is not None
        assert report.error.fault == "sign_in"
        assert on_sqlite.settings_view("greyhound").halted
        assert not on_sqlite.due(NOW + 10_000_000)
        on_sqlite.save("greyhound", "test", password=SecretStr(PASSWORD))
        assert on_sqlite.due(NOW)

    def test_what_was_read_before_it_broke_is_kept_and_decided(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        for number in range(1, 10):
            fake.mail(letter(number))
        fake.fail("raw", "cut", skip=2, times=99)
        report = on_sqlite.read(NOW)
        assert report.error is not None
        assert (report.new, report.decided) == (2, 2)
        fake.control("healthy")
        assert read(on_sqlite).new == 7

    def test_a_mail_that_takes_too_long(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        on_sqlite.save("greyhound", "test", seconds=1.0)
        ids = [fake.mail(letter(number)) for number in range(1, 4)]
        fake.fail("raw", "slow", seconds=1.4, skip=1)
        report = read(on_sqlite)
        assert (report.new, list(report.skipped)) == (2, [ids[1]])

    def test_only_one_reads(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.mail(letter(1))
        fake.fail("raw", "slow", seconds=0.7)
        reports = []
        reading = threading.Thread(target=lambda: reports.append(on_sqlite.read(time.time())))
        reading.start()
        while "raw" not in fake.methods():
            time.sleep(0.02)
        assert on_sqlite.read(time.time()).busy
        reading.join()
        assert (reports[0].new, len(messages(on_sqlite))) == (1, 1)

    def test_in_the_background(self, on_sqlite: Servers, fake: FakeGreyhound, caplog: pytest.LogCaptureFixture) -> None:
        item = fake.mail(letter(1))
        fake.fail("raw", "error")
        on_sqlite.read_due(threading.Event())
        assert "made to fail" in caplog.text
        on_sqlite.read_due(threading.Event())
        assert [each.message_id for each in messages(on_sqlite).values()] == ["m1@kunde.example"]
        fake.control("drop", id=int(item))
        on_sqlite.use(None, "test")
        fake.calls()
        on_sqlite.read_due(threading.Event())
        assert fake.calls() == []

    def test_it_can_be_stopped(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.mail(letter(1))
        stop = threading.Event()
        stop.set()
        assert on_sqlite.read(NOW, stop).new == 0
        assert read(on_sqlite).new == 1

    @pytest.mark.parametrize(
        ("on", "skip"),
        [
            ("raw", 4),
            pytest.param("RpcItems.GetThreadList", 2, marks=pytest.mark.slow),
            pytest.param("RpcItems.GetList", 1, marks=pytest.mark.slow),
            pytest.param("raw", 0, marks=pytest.mark.slow),
        ],
    )
    def test_killed(
        self, sqlite: Database, installed: Installed, fake: FakeGreyhound, folder: Path, on: str, skip: int
    ) -> None:
        """The process that reads is killed while it waits for the server."""
        for number in range(1, 9):
            fake.mail(letter(number))
        servers = servers_on(sqlite, installed, fake)
        from beleg.vault import add_key

        add_key(folder / "beleg.key")
        environment = {**os.environ, "BELEG_DATABASE_URL": f"sqlite:///{sqlite.url.database}"}
        arguments = [sys.executable, "-c", "import sys; from beleg.cli import main; sys.exit(main())", "server"]
        subprocess.run(
            [*arguments, "set", "greyhound", "--password-stdin"],
            input=PASSWORD, text=True, check=True, env=environment, capture_output=True,
        )  # fmt: skip
        fake.fail(on, "slow", seconds=20, skip=skip)
        fake.calls()
        process = subprocess.Popen(
            [*arguments, "read"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        names: list[str] = []
        until = time.monotonic() + 20
        while names.count(on) <= skip and time.monotonic() < until:
            time.sleep(0.02)
            names += fake.methods()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGKILL
        before = len(messages(servers))
        assert before < 8
        servers.save("greyhound", "test", password=SecretStr(PASSWORD))  # sealed with this process's key
        report = read(servers)
        assert (report.new, report.known, len(messages(servers))) == (8 - before, 0, 8)
        assert all(row.decided for row in messages(servers).values())


# --- contacts


class TestWritingBack:
    def classified(self, fake: FakeGreyhound, item: str) -> list[int]:
        (found,) = [each for each in fake.kept("RpcItems") if each["ID"] == int(item)]
        return [each["ItemRef"] for each in found.get("Classified", [])]

    def test_a_contact_is_written_once(self, servers: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1))
        other = fake.mail(letter(2, sender="fremd@nirgends.example"))
        assert read(servers).written == 1
        assert read(servers).written == 0
        assert (self.classified(fake, item), self.classified(fake, other)) == ([900], [])
        row = messages(servers)["m1@kunde.example"].id
        assert servers.marks([row])[row][0].written == ["contact:K-5"]

    def test_one_that_a_person_sets(self, servers: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1, sender="fremd@nirgends.example"))
        assert read(servers).written == 0
        servers.accounts.workspace.add(messages(servers)["m1@kunde.example"].id, CONTACT, "test")
        assert read(servers).written == 1
        assert self.classified(fake, item) == [900]

    def test_one_that_a_person_removed(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1))
        fake.fail("RpcItems.AddClassified", "cut")
        assert on_sqlite.read(NOW).error is not None
        on_sqlite.accounts.workspace.remove(messages(on_sqlite)["m1@kunde.example"].id, CONTACT, "test")
        assert read(on_sqlite).written == 0
        assert self.classified(fake, item) == []

    def test_an_answer_that_is_lost(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1))
        fake.fail("RpcItems.AddClassified", "cut_after")
        report = on_sqlite.read(NOW)
        assert report.error is not None
        assert report.error.fault == "unclear"
        read(on_sqlite)
        assert self.classified(fake, item) == [900]

    def test_what_the_server_refuses_is_said_once(self, servers: Servers, fake: FakeGreyhound) -> None:
        item = fake.mail(letter(1))
        fake.fail("RpcItems.AddClassified", "error")
        report = read(servers)
        assert (report.written, list(report.skipped)) == (0, [item])
        assert not read(servers).skipped
        row = messages(servers)["m1@kunde.example"].id
        assert servers.marks([row])[row][0].refused == ["contact:K-5"]

    def test_an_id_that_is_none(self, on_sqlite: Servers, fake: FakeGreyhound, installed: Installed) -> None:
        with on_sqlite.database.begin() as connection:
            bad = Record(CONTACT, addresses=("anna@kunde.example",), references=(Reference("greyhound", "x!"),))
            import_records(connection, [bad], installed.types)
        item = fake.mail(letter(1))
        assert list(read(on_sqlite).skipped) == [item]
        assert not read(on_sqlite).skipped

    def test_not_on_what_is_deleted_there(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.mail(letter(1), Flags=2)
        assert read(on_sqlite).written == 0


# --- accounts there

NEW = NewAccount(
    "Support", "support@firma.example",
    incoming={"protocol": "pop3", "host": "pop.firma.example", "port": 995, "security": "tls", "auth": "login",
              "user": "support@firma.example", "secret": SecretStr("richtig"), "active": False, "after": "keep"},
    outgoing={"host": "smtp.firma.example", "port": 465, "security": "tls", "auth": "login",
              "user": "support@firma.example", "secret": SecretStr("richtig"), "senders": ["support@firma.example"]},
    signature="Grüße", language="de",
)  # fmt: skip
MADE = ("RpcPop3Accounts", "RpcSmtpAccounts", "RpcGroups", "RpcSignatures", "RpcFilters")


class TestNewAccount:
    def test_it_brings_all_that_can_be_made(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        created = on_sqlite.new_account(NEW, "test")
        assert created.error is None
        assert [each["Name"] for each in fake.kept("RpcFilters")] == [
            "Alle E-Mails", "Support (Offene Mails)", "Support (Fehlgeschlagen)", "Support (Gelöschte Elemente)",
            "Support (Erledigt)", "Support (Entwürfe)", "Support (Spamverdacht)",
        ]  # fmt: skip
        left = " ".join(each.de for each in created.left)
        for name in ("Support (Pool)", "Support (Meine Mails)", "Support (Gesendete Elemente)", "Support (Geprüft)",
                     "Eingangsverarbeitung: Support"):  # fmt: skip
            assert name in left
        (group,) = fake.kept("RpcGroups")
        (signature,) = fake.kept("RpcSignatures")
        assert signature["Groups"][0]["GroupRef"] == group["ID"]
        assert [each.name for each in on_sqlite.items("incoming")] == ["Support"]
        assert on_sqlite.items("outgoing")[0].fields["senders"] == ["support@firma.example"]
        with on_sqlite.database.begin(write=False) as connection:
            assert "richtig" not in repr(journal.newest(connection, 20))

    def test_a_second_one_shares_all_emails(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        on_sqlite.new_account(NEW, "test")
        other = NewAccount("Einkauf", "einkauf@firma.example", NEW.incoming, NEW.outgoing)
        assert on_sqlite.new_account(other, "test").error is None
        assert [each["Name"] for each in fake.kept("RpcFilters")].count("Alle E-Mails") == 1

    @pytest.mark.parametrize(
        ("method", "skip", "group_left"),
        [
            ("RpcPop3Accounts.New", 0, False), ("RpcSmtpAccounts.New", 0, False), ("RpcGroups.New", 0, False),
            ("RpcSignatures.New", 0, True), ("RpcFilters.New", 0, True), ("RpcFilters.New", 4, True),
        ],
    )  # fmt: skip
    def test_it_is_undone(
        self, on_sqlite: Servers, fake: FakeGreyhound, method: str, skip: int, group_left: bool
    ) -> None:
        fake.fail(method, "error", skip=skip, message="voll")
        created = on_sqlite.new_account(NEW, "test")
        assert created.error is not None
        assert "voll" in created.error.say("de")
        there = {service: len(fake.kept(service)) for service in MADE}
        assert there == {**dict.fromkeys(MADE, 0), "RpcGroups": int(group_left)}
        assert [kind for kind, *_ in created.made] == (["group"] if group_left else [])
        assert any("Gruppe" in each.de and "bleibt" in each.de for each in created.left) == group_left
        # The group that was left is taken when it is tried again.
        assert on_sqlite.new_account(NEW, "test").error is None
        assert len(fake.kept("RpcGroups")) == 1

    def test_what_can_not_be_undone_is_said(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        fake.fail("RpcSignatures.New", "cut_after")
        fake.fail("RpcSmtpAccounts.Delete", "error")
        created = on_sqlite.new_account(NEW, "test")
        assert created.error is not None
        assert created.error.fault == "unclear"
        assert [kind for kind, *_ in created.made] == ["outgoing", "group"]
        said = [each.en for each in created.left]
        assert any("the signature “Support” was made is not known" in each for each in said)
        assert any("the account that sends “Support” is still there" in each for each in said)
        assert not any("not known" in each for each in said[1:])

    def test_changing_checking_linking(self, on_sqlite: Servers, fake: FakeGreyhound) -> None:
        on_sqlite.new_account(NEW, "test")
        (account,) = on_sqlite.items("incoming")
        on_sqlite.change_item("incoming", account.id, "test", {"active": True, "secret": SecretStr("neu-4711")})
        assert on_sqlite.items("incoming")[0].fields["active"]
        assert [each.ok for each in on_sqlite.check_account("incoming", NEW.incoming)] == [True]
        link = on_sqlite.begin_link("incoming", "outlook.office365.com", "https://beleg.example/back", "en")
        assert on_sqlite.link_state("incoming", link) == "pending"
        on_sqlite.remove_item("incoming", account.id, "test")
        assert on_sqlite.items("incoming") == []
        with on_sqlite.database.begin(write=False) as connection:
            told = journal.newest(connection, 20)
        assert {"mailserver.create", "mailserver.item", "mailserver.remove"} <= {each.act for each in told}
        assert "neu-4711" not in repr(told)


# --- the command line


class TestCommands:
    def test_the_whole_walk(
        self, cli: Cli, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        cli("init")
        (cli.folder / "ca.pem").write_text(fake.authorities)
        assert "Beleg's own accounts" in cli("server", "show")
        from beleg.vault import add_key

        add_key(cli.folder / "beleg.key")
        assert "not set up" in cli.refused("server", "use", "greyhound")
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        said = cli(
            "server", "set", "greyhound", "--address", fake.address, "--user", LOGIN, "--authorities", "ca.pem",
            "--allow-private", "--managed", "--password-stdin",
        )  # fmt: skip
        assert PASSWORD not in said
        assert "unlock it first" in cli.refused("server", "set", "greyhound", "--user", "other")
        cli("server", "use", "greyhound")
        steps = cli.json("server", "check", "greyhound", "--json")
        assert [each["step"] for each in steps] == ["reach", "tls", "version", "sign_in"]
        fake.mail(letter(1))
        assert cli("server", "read").startswith("1 new, 0 known")
        (shown,) = cli.json("server", "show", "--json", "--lang", "de")
        assert (shown["active"], shown["managed"], shown["mails"]) == (True, True, 1)
        assert PASSWORD not in json.dumps(shown)
        assert len(cli.json("mail", "list", "--json")) == 1
        assert "Beleg's own" in cli("server", "use", "beleg")
        cli.refused("server", "read")

    def test_what_fails(self, cli: Cli, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> None:
        cli("init")
        from beleg.vault import add_key

        add_key(cli.folder / "beleg.key")
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        cli("server", "set", "greyhound", "--address", fake.address, "--user", LOGIN, "--allow-private",
            "--password-stdin")  # fmt: skip
        cli("server", "use", "greyhound")
        checked = cli.run("server", "check", "greyhound", "--lang", "de")
        assert (checked.code, "FAIL  Zertifikat: Dem Zertifikat" in checked.out) == (1, True)
        assert cli.run("server", "read").code == 3
        assert "no such file" in cli.refused("server", "set", "greyhound", "--authorities", "nowhere.pem")
        assert "nobody" in cli.refused("server", "check", "nobody")

    @pytest.fixture
    def serving_cli(self, cli: Cli, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> Cli:
        """GREYHOUND serves the company."""
        cli("init")
        (cli.folder / "ca.pem").write_text(fake.authorities)
        from beleg.vault import add_key

        add_key(cli.folder / "beleg.key")
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        cli("server", "set", "greyhound", "--address", fake.address, "--user", LOGIN, "--authorities", "ca.pem",
            "--allow-private", "--password-stdin")  # fmt: skip
        cli("server", "use", "greyhound")
        return cli

    def test_accounts_there(self, serving_cli: Cli, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> None:
        cli = serving_cli
        monkeypatch.setattr("sys.stdin", io.StringIO("richtig\n"))
        new = ("server", "add", "Support", "--host", "pop.firma.example", "--user", "support@firma.example",
               "--out-host", "smtp.firma.example", "--password-stdin")  # fmt: skip
        said = cli(*new)
        assert "made: incoming" in said
        assert "made: group" in said
        assert "by hand: The filter “Support (Pool)” has to be made on that server." in said
        (account,) = cli.json("server", "list", "incoming", "--json")
        assert (account["port"], account["active"]) == (995, False)
        cli("server", "change", "incoming", account["id"], "active=yes", "port=1995")
        (record,) = fake.kept("RpcPop3Accounts")
        assert (record["State"], record["Port"], record["Password"]) == (1, 1995, "richtig")
        assert "active=yes" in cli("server", "list", "incoming")
        assert "richtig" not in cli("server", "list", "outgoing")
        asked = cli.run("server", "remove", "incoming", account["id"])
        assert (asked.code, "--yes removes it" in asked.err, len(fake.kept("RpcPop3Accounts"))) == (2, True, 1)
        cli("server", "remove", "incoming", account["id"], "--yes")
        assert fake.kept("RpcPop3Accounts") == []
        assert "keeps no incoming" in cli.refused("server", "remove", "incoming", account["id"], "--yes")
        (group,) = cli.json("server", "list", "group", "--json")
        assert cli.run("server", "remove", "group", group["id"], "--yes").code == 3
        monkeypatch.setattr("sys.stdin", io.StringIO("richtig\n"))
        again = cli.run(*new)  # the account that sends is there already
        assert (again.code, "the name is taken" in again.err, "made:" in again.out) == (3, True, False)

    def test_trying_and_linking(self, serving_cli: Cli, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> None:
        cli = serving_cli
        for password, code, mark in (("richtig", 0, "✓"), ("falsch", 1, "✗")):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
            tried = cli.run("server", "try", "incoming", "host=pop.firma.example", "port=995", "--password-stdin")
            assert (tried.code, tried.out[0]) == (code, mark)
        waited = cli.run("server", "link", "outlook.office365.com", "--wait", "1")
        assert (waited.code, "https://login.example/" in waited.out) == (1, True)
        assert "not linked after 1 seconds" in waited.err
        start = Servers.begin_link

        def finished(self: Servers, *arguments: Any) -> Any:
            begun = start(self, *arguments)
            fake.control("link", identifier=begun.identifier, state=2)
            return begun

        monkeypatch.setattr(Servers, "begin_link", finished)
        assert cli("server", "link", "outlook.office365.com", "--kind", "outgoing").endswith("linked\n")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("list", "people"), "is one of incoming"), (("change", "group", "1"), "nothing to change"),
            (("change", "incoming", "1", "secret=x"), "--password-stdin"), (("try", "incoming", "port=x"), "number"),
            (("try", "incoming", "active=maybe"), "yes or no"), (("change", "group", "1", "port=1"), "FIELD=VALUE"),
        ],
    )  # fmt: skip
    def test_what_no_server_is_asked(self, cli: Cli, arguments: tuple[str, ...], said: str) -> None:
        cli("init")
        assert said in cli.refused("server", *arguments)

    def test_fetch_reads_it_too(self, serving_cli: Cli, fake: FakeGreyhound) -> None:
        fake.mail(letter(1))
        assert serving_cli("fetch") == "greyhound: 1 new, 0 were stored already, 1 decided\n"
        assert len(serving_cli.json("mail", "list", "--json")) == 1
        fake.fail("RpcItems.GetList", "error", times=9)
        failed = serving_cli.run("fetch")
        assert (failed.code, "greyhound: " in failed.err) == (3, True)
