"""The client for GREYHOUND, against the fake of it (tests/mailservers/greyhound.py), over real HTTPS."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from beleg import MailServerError, ServerProtocol, ServerSession, ServerSettings
from beleg.plugins import Installed
from beleg_greyhound import items
from beleg_greyhound.transport import may_be_reached
from mailservers import greyhound
from mailservers.authority import Authority
from mailservers.greyhound import LOGIN, PASSWORD, FakeGreyhound

CLIENT_ID = "0123456789abcdef0123456789abcdef"
MAIL = b"From: kunde@example.org\r\nTo: info@brunner.example\r\nSubject: Frage\r\n\r\nHallo\r\n"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGreyhound]:
    files = authority.issue(tmp_path_factory.mktemp("greyhound"))
    with greyhound.running(files.certificate, files.key, authority.pem) as running:
        yield running


@pytest.fixture
def fake(server: FakeGreyhound, monkeypatch: pytest.MonkeyPatch) -> FakeGreyhound:
    """The running fake, empty and healthy; what is tried again is so at once."""
    monkeypatch.setattr("beleg_greyhound.client._PAUSE", 0.01)
    server.control("reset")
    return server


@pytest.fixture
def protocol(installed: Installed) -> ServerProtocol:
    found = installed.mail_servers["greyhound"]
    assert isinstance(found, ServerProtocol)
    return found


def reached(fake: FakeGreyhound, **other: Any) -> ServerSettings:
    """How the fake is reached."""
    usual = ServerSettings(
        fake.address,
        LOGIN,
        SecretStr(PASSWORD),
        CLIENT_ID,
        authorities=fake.authorities,
        allow_private=True,
        seconds=5.0,
    )
    return replace(usual, **other)


@pytest.fixture
def session(protocol: ServerProtocol, fake: FakeGreyhound) -> Iterator[ServerSession]:
    with protocol.open(reached(fake)) as found:
        yield found


def refused(protocol: ServerProtocol, settings: ServerSettings) -> MailServerError:
    """What listing mail with these settings ends with."""
    with pytest.raises(MailServerError) as caught, protocol.open(settings) as session:
        session.mails((), 0)
    return caught.value


# --- checking the settings


class TestCheck:
    def test_all_is_well(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        steps = list(protocol.check(reached(fake)))
        assert [(each.what, each.ok) for each in steps] == [
            ("reach", True), ("tls", True), ("version", True), ("sign_in", True),
        ]  # fmt: skip
        assert steps[2].said.say("de", steps[2].values) == "Version 5.5.300"
        assert fake.methods() == ["RpcInfo.GetServerInfo", "RpcPop3Accounts.GetList"]

    def outcome(self, protocol: ServerProtocol, settings: ServerSettings) -> tuple[str, bool, int]:
        steps = list(protocol.check(settings))
        for each in steps:
            for language in ("en", "de"):
                assert "{" not in each.said.say(language, each.values)
        assert all(each.ok for each in steps[:-1])
        return steps[-1].what, steps[-1].ok, len(steps)

    def test_nobody_answers(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, address="127.0.0.1:1")) == ("reach", False, 1)

    def test_no_such_name(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, address="nowhere.invalid", seconds=1.0)) == ("reach", False, 1)

    def test_untrusted_certificate(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, authorities="")) == ("tls", False, 2)
        assert self.outcome(protocol, reached(fake, authorities=Authority().pem)) == ("tls", False, 2)

    def test_authorities_that_are_none(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, authorities="no PEM")) == ("tls", False, 1)

    def test_a_name_for_an_address(self, protocol: ServerProtocol, authority: Authority, tmp_path: Path) -> None:
        files = authority.issue(tmp_path, ["greyhound.brunner.example"])
        with greyhound.running(files.certificate, files.key, authority.pem) as fake:
            assert self.outcome(protocol, reached(fake)) == ("tls", False, 2)
            named = reached(fake, server_name="greyhound.brunner.example")
            assert self.outcome(protocol, named) == ("sign_in", True, 4)

    def test_an_expired_certificate(self, protocol: ServerProtocol, authority: Authority, tmp_path: Path) -> None:
        files = authority.issue(tmp_path, expired=True)
        with greyhound.running(files.certificate, files.key, authority.pem) as fake:
            assert self.outcome(protocol, reached(fake)) == ("tls", False, 2)

    def test_wrong_password(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, secret=SecretStr("falsch"))) == ("sign_in", False, 3)

    @pytest.mark.parametrize("version", ["4.9.9", "", "neu"])
    def test_old_and_unknown_versions(self, protocol: ServerProtocol, fake: FakeGreyhound, version: str) -> None:
        fake.control("set", version=version)
        assert self.outcome(protocol, reached(fake)) == ("version", False, 3)

    @pytest.mark.parametrize("version", ["5", "5.0.1 build 3", "10.2"])
    def test_new_versions(self, protocol: ServerProtocol, fake: FakeGreyhound, version: str) -> None:
        fake.control("set", version=version)
        assert self.outcome(protocol, reached(fake)) == ("sign_in", True, 4)

    def test_something_else_answers(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "html")
        assert self.outcome(protocol, reached(fake)) == ("version", False, 3)

    def test_a_user_without_rights(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcPop3Accounts.GetList", "error")
        assert self.outcome(protocol, reached(fake)) == ("sign_in", False, 4)

    @pytest.mark.parametrize(
        "address", ["http://x.example", "ftp://x.example", "", "https://", "https://a:b@x.example"]
    )
    def test_addresses_that_are_none(self, protocol: ServerProtocol, fake: FakeGreyhound, address: str) -> None:
        assert self.outcome(protocol, reached(fake, address=address)) == ("reach", False, 1)

    def test_a_client_id_that_is_none(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, client_id="kurz")) == ("reach", False, 1)

    def test_a_host_alone(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        assert self.outcome(protocol, reached(fake, address=f"localhost:{fake.port}")) == ("sign_in", True, 4)
        assert self.outcome(protocol, reached(fake, address=f"{fake.address}/json/")) == ("sign_in", True, 4)


# --- where it connects to


class TestAddresses:
    def test_private_ones_only_when_allowed(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        for address in (fake.address, f"localhost:{fake.port}"):
            error = refused(protocol, reached(fake, address=address, allow_private=False))
            assert error.fault == "unsupported"
            assert "127.0.0.1" in str(error) or "::1" in str(error)
        assert fake.methods() == []

    @pytest.mark.parametrize(
        ("address", "public"),
        [
            ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
            ("169.254.169.254", False), ("100.64.0.1", False), ("192.168.1.1", False), ("::1", False),
            ("fe80::1", False), ("fd00::1", False), ("::ffff:127.0.0.1", False), ("::ffff:93.184.216.34", True),
            ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("0.0.0.0", False), ("224.0.0.1", False),
            ("::10.0.0.1", False), ("::ffff:0:7f00:1", False), ("64:ff9b:1::7f00:1", False), ("fec0::1", False),
        ],
    )  # fmt: skip
    def test_which_are_private(self, address: str, public: bool) -> None:
        assert may_be_reached(ipaddress.ip_address(address), False) is public

    def test_some_are_never_reached(self) -> None:
        assert not may_be_reached(ipaddress.ip_address("0.0.0.0"), True)
        assert not may_be_reached(ipaddress.ip_address("ff02::1"), True)

    def test_a_name_that_changes_its_address(
        self, protocol: ServerProtocol, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is connected to is what was looked at: a second look-up would lead to this machine."""
        asked: list[str] = []

        def resolve(host: str, port: int, *more: Any, **options: Any) -> list[Any]:
            asked.append(host)
            public = host == "rebound.example" and len(asked) == 1
            return [(2, 1, 6, "", ("203.0.113.1" if public else "127.0.0.1", port))]

        monkeypatch.setattr("socket.getaddrinfo", resolve)
        error = refused(
            protocol, reached(fake, address=f"rebound.example:{fake.port}", allow_private=False, seconds=0.5)
        )
        assert error.fault == "unsupported"  # 203.0.113.0/24 is for documentation, and no public network
        assert asked == ["rebound.example"]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_only_when_allowed(self, protocol: ServerProtocol, fake: FakeGreyhound, status: int) -> None:
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=status, to="https://elsewhere.example/json?x=1")
        error = refused(protocol, reached(fake))
        assert error.fault == "unsupported"
        assert "https://elsewhere.example/json" in str(error)

    def test_a_redirect_that_keeps_the_call(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=307, to="/json")
        with protocol.open(reached(fake, allow_redirects=True)) as session:
            assert session.mails((), 0) == []

    def test_a_redirect_that_loses_the_call(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=302, to="/json")
        assert refused(protocol, reached(fake, allow_redirects=True)).fault == "protocol"

    def test_a_redirect_in_a_circle(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=307, to="/json", times=50)
        assert refused(protocol, reached(fake, allow_redirects=True)).fault == "unsupported"

    def test_a_redirect_out_of_tls(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=307, to=f"http://127.0.0.1:{fake.port}/json")
        error = refused(protocol, reached(fake, allow_redirects=True))
        assert error.fault == "unsupported"
        assert "not encrypted" in str(error)

    def test_no_password_goes_elsewhere(
        self, protocol: ServerProtocol, fake: FakeGreyhound, authority: Authority, tmp_path: Path
    ) -> None:
        files = authority.issue(tmp_path)
        with greyhound.running(files.certificate, files.key, authority.pem) as other:
            fake.fail("RpcInfo.GetServerInfo", "redirect", status=307, to=f"{other.address}/json")
            assert refused(protocol, reached(fake, allow_redirects=True)).fault == "sign_in"
            assert other.methods() == []

    def test_a_redirect_to_a_private_address(
        self, protocol: ServerProtocol, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first host is made to count as public, what it leads to is not."""
        import beleg_greyhound.transport as transport

        allowed = transport.may_be_reached
        first = [True]

        def but_the_first(address: Any, private: bool) -> bool:
            return first.pop() if first else allowed(address, private)

        monkeypatch.setattr(transport, "may_be_reached", but_the_first)
        fake.fail("RpcInfo.GetServerInfo", "redirect", status=307, to="https://169.254.169.254/json")
        error = refused(protocol, reached(fake, allow_private=False, allow_redirects=True))
        assert error.fault == "unsupported"
        assert "169.254.169.254" in str(error)


# --- time, size, and broken connections


class TestFaults:
    @pytest.mark.parametrize("fault", ["drip", "drip_head"])
    def test_the_whole_request_has_a_limit(self, protocol: ServerProtocol, fake: FakeGreyhound, fault: Any) -> None:
        fake.fail("RpcInfo.GetServerInfo", fault, times=9)
        began = time.monotonic()
        assert refused(protocol, reached(fake, seconds=0.6)).fault == "unreachable"
        assert time.monotonic() - began < 2

    def test_a_server_that_is_too_slow(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        fake.fail("RpcInfo.GetServerInfo", "slow", seconds=1.5)
        began = time.monotonic()
        error = refused(protocol, reached(fake, seconds=0.5))
        assert (error.fault, time.monotonic() - began < 1.4) == ("unreachable", True)

    def test_an_answer_is_not_read_without_end(
        self, protocol: ServerProtocol, fake: FakeGreyhound, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("beleg_greyhound.client.LARGEST_ANSWER", 2**20)
        fake.fail("RpcInfo.GetServerInfo", "huge")
        error = refused(protocol, reached(fake))
        assert (error.fault, "1 MiB" in str(error)) == ("protocol", True)

    @pytest.mark.parametrize("fault", ["cut", "half"])
    def test_reading_is_tried_again(self, session: ServerSession, fake: FakeGreyhound, fault: Any) -> None:
        fake.mail(MAIL)
        fake.fail("RpcItems.GetList", fault, times=2)
        assert len(session.mails((), 0)) == 1
        assert fake.methods().count("RpcItems.GetList") == 3

    def test_but_not_for_ever(self, session: ServerSession, fake: FakeGreyhound) -> None:
        fake.fail("RpcItems.GetList", "cut", times=9)
        with pytest.raises(MailServerError) as caught:
            session.mails((), 0)
        assert caught.value.fault == "unreachable"
        assert fake.methods().count("RpcItems.GetList") == 3

    @pytest.mark.parametrize("fault", ["status", "error", "html", "text", "gzip"])
    def test_an_answer_is_none_to_try_again(self, session: ServerSession, fake: FakeGreyhound, fault: Any) -> None:
        fake.fail("RpcItems.GetList", fault, status=500)
        with pytest.raises(MailServerError) as caught:
            session.mails((), 0)
        assert caught.value.fault in ("temporary", "refused", "protocol")
        assert fake.methods().count("RpcItems.GetList") == 1

    def test_a_change_is_never_made_twice(self, session: ServerSession, fake: FakeGreyhound) -> None:
        fake.fail("RpcGroups.New", "cut_after")
        with pytest.raises(MailServerError) as caught:
            session.create("group", {"name": "Support", "address": "support@brunner.example"})
        assert caught.value.fault == "unclear"
        assert [each["Name"] for each in fake.kept("RpcGroups")] == ["Support"]

    @pytest.mark.parametrize("fault", ["half", "no_length", "empty", "html", "status"])
    def test_no_half_mail(self, session: ServerSession, fake: FakeGreyhound, fault: Any) -> None:
        item = fake.mail(MAIL)
        fake.fail("raw", fault, times=9, status=503)
        with pytest.raises(MailServerError):
            session.raw(item)
        fake.control("healthy")
        assert session.raw(item) == MAIL

    def test_errors_are_shown_with_their_native_code(self, session: ServerSession, fake: FakeGreyhound) -> None:
        fake.fail("RpcItems.GetList", "error", code=1234, message=f"so nicht,\n{PASSWORD}")
        with pytest.raises(MailServerError) as caught:
            session.mails((), 0)
        assert caught.value.say("de").startswith("GREYHOUND lehnt den Aufruf ab: Fehler 534 (über JSON 1234).")
        assert caught.value.server == "so nicht, …"

    def test_no_secret_is_said(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        for fault in ("error", "html", "half", "status"):
            fake.control("healthy")
            fake.fail("RpcInfo.GetServerInfo", fault, times=9, status=500, message=PASSWORD)
            error = refused(protocol, reached(fake, seconds=1.5))
            assert PASSWORD not in repr(error) + str(error) + error.say("de")
        assert PASSWORD not in repr(reached(fake))


# --- what it keeps

INCOMING = {
    "name": "Support", "protocol": "pop3", "host": "pop.brunner.example", "port": 995, "security": "tls",
    "auth": "login", "user": "support@brunner.example", "active": True, "after": "later", "days": 14,
    "delete_too": True,
}  # fmt: skip
OUTGOING = {
    "name": "Support", "host": "smtp.brunner.example", "port": 587, "security": "starttls", "auth": "oauth2",
    "user": "support@brunner.example", "active": False, "senders": ["support@brunner.example", "info@brunner.example"],
}  # fmt: skip


class TestItems:
    @pytest.mark.parametrize(("kind", "fields"), [("incoming", INCOMING), ("outgoing", OUTGOING)])
    def test_an_account(self, session: ServerSession, fake: FakeGreyhound, kind: Any, fields: dict[str, Any]) -> None:
        id_ = session.create(kind, {**fields, "secret": SecretStr("richtig")})
        (found,) = session.items(kind)
        assert (found.id, found.name) == (id_, "Support")
        assert found.fields.items() >= fields.items()
        assert "secret" not in found.fields
        assert "richtig" not in repr(found)

        session.change(kind, id_, {"active": not fields["active"], "host": "neu.brunner.example"})
        (after,) = session.items(kind)
        assert after.fields == {**found.fields, "active": not fields["active"], "host": "neu.brunner.example"}
        session.remove(kind, id_)
        assert session.items(kind) == []

    def test_what_beleg_does_not_know_stays(self, session: ServerSession, fake: FakeGreyhound) -> None:
        id_ = fake.keep("RpcPop3Accounts", Name="Alt", Host="alt.example", SslKind=3, Interval=7, Zusatz={"a": [1]})
        session.change("incoming", id_, {"host": "neu.example"})
        (kept,) = fake.kept("RpcPop3Accounts")
        assert kept == {
            "ID": int(id_), "Name": "Alt", "Host": "neu.example", "SslKind": 3, "Interval": 7, "Zusatz": {"a": [1]},
        }  # fmt: skip
        assert fake.methods() == ["RpcPop3Accounts.Get", "RpcPop3Accounts.Put"]

    def test_apop_is_for_fetching_alone(self, session: ServerSession) -> None:
        assert session.create("incoming", {**INCOMING, "auth": "apop"})
        with pytest.raises(MailServerError) as caught:
            session.create("outgoing", {**OUTGOING, "auth": "apop"})
        assert caught.value.fault == "unsupported"

    def test_checking_an_account(self, session: ServerSession) -> None:
        (step,) = session.check_account("incoming", {**INCOMING, "secret": SecretStr("richtig")})
        assert step.ok
        (step,) = session.check_account("outgoing", {**OUTGOING, "secret": SecretStr("falsch")})
        assert not step.ok
        assert step.server.startswith("sign-in failed")

    def test_linking_an_account(self, session: ServerSession, fake: FakeGreyhound) -> None:
        link = session.begin_link("incoming", "outlook.office365.com", "https://beleg.example/back", "de")
        assert link.url.startswith("https://login.example/")
        assert session.link_state("incoming", link) == "pending"
        for state, said in enumerate(("none", "pending", "finished", "failed")):
            fake.control("link", identifier=link.identifier, state=state)
            assert session.link_state("incoming", link) == said
        with pytest.raises(MailServerError):
            session.begin_link("filter", "x.example", "https://beleg.example/back", "de")

    def test_groups_are_found_where_they_are_named(self, session: ServerSession, fake: FakeGreyhound) -> None:
        above = fake.keep("RpcGroups", Name="Firma", Email="info@brunner.example")
        by_signature = fake.keep("RpcGroups", Name="Support", Email="support@brunner.example", ParentRef=int(above))
        by_filter = fake.keep("RpcGroups", Name="Einkauf", Email="einkauf@brunner.example")
        by_mail = fake.keep("RpcGroups", Name="Rechnung", Email="rechnung@brunner.example")
        fake.keep("RpcGroups", Name="Niemand", Email="niemand@brunner.example")
        fake.keep("RpcSignatures", Name="S", Groups=[{"GroupRef": int(by_signature), "DefaultKinds": 1}])
        fake.keep("RpcFilters", Name="F", GroupRefs=[int(by_filter), 99999])
        fake.mail(MAIL, GroupRef=int(by_mail))
        session.mails((), 0)
        groups = session.items("group")
        assert {each.id for each in groups} == {above, by_signature, by_filter, by_mail}
        assert groups[0].fields == {"name": "Firma", "address": "info@brunner.example"}
        assert "RpcGroups.GetList" not in fake.methods()

    def test_a_group_can_be_made_and_changed_but_not_deleted(self, session: ServerSession, fake: FakeGreyhound) -> None:
        id_ = session.create("group", {"name": "Support", "address": "support@brunner.example"})
        session.change("group", id_, {"address": "hilfe@brunner.example"})
        assert fake.kept("RpcGroups") == [{"ID": int(id_), "Name": "Support", "Email": "hilfe@brunner.example"}]
        with pytest.raises(MailServerError) as caught:
            session.remove("group", id_)
        assert caught.value.fault == "unsupported"

    def test_a_signature(self, session: ServerSession, fake: FakeGreyhound) -> None:
        one, other = (session.create("group", {"name": name}) for name in ("Eins", "Zwei"))
        id_ = session.create("signature", {"name": "Support", "text": "Grüße\nSupport", "group": one})
        assert session.items("signature")[0].fields["group"] == one
        session.change("signature", id_, {"group": other})
        assert [each["GroupRef"] for each in fake.kept("RpcSignatures")[0]["Groups"]] == [int(one), int(other)]

    @pytest.mark.parametrize("shows", ["all", "open", "done", "drafts", "failed", "deleted", "spam"])
    def test_filters(self, session: ServerSession, fake: FakeGreyhound, shows: str) -> None:
        group = session.create("group", {"name": "Eins"})
        id_ = session.create("filter", {"name": "F", "shows": shows, "group": group})
        (found,) = session.items("filter")
        assert (found.id, found.fields) == (id_, {"name": "F", "shows": shows, "group": group})
        (kept,) = fake.kept("RpcFilters")
        assert (kept["MinClassified"], kept["MaxClassified"]) == (-1, -1)

    @pytest.mark.parametrize("shows", ["pool", "mine", "sent", "checked"])
    def test_filters_that_no_documented_field_makes(self, session: ServerSession, shows: str) -> None:
        with pytest.raises(MailServerError) as caught:
            session.create("filter", {"name": "F", "shows": shows})
        assert caught.value.fault == "unsupported"


# --- mail


class TestMail:
    def test_pages_the_newest_first(self, session: ServerSession, fake: FakeGreyhound) -> None:
        ids = [fake.mail(MAIL, GroupRef=7) for _ in range(7)]
        fake.mail(MAIL, Kind=8)
        found: list[str] = []
        while page := session.mails((), len(found)):
            assert len(page) <= 3
            found += [each.id for each in page]
        assert found == ids[::-1]
        assert all(each.group == "7" for each in session.mails((), 0))

    def test_of_some_groups(self, session: ServerSession, fake: FakeGreyhound) -> None:
        wanted = fake.mail(MAIL, GroupRef=7)
        fake.mail(MAIL, GroupRef=8)
        assert [each.id for each in session.mails(["7"], 0)] == [wanted]

    def test_marks(self, session: ServerSession, fake: FakeGreyhound) -> None:
        fake.control("set", page=10)
        marks = [
            {}, {"Flags": 2}, {"Flags": 16 | 1}, {"State": 16}, {"Flags": 8}, {"State": 64}, {"Flags": 64},
        ]  # fmt: skip
        for each in marks:
            fake.mail(MAIL, **each)
        plain, deleted, failed, done, spam, draft, unsent = session.mails((), 0)[::-1]
        assert not any((plain.deleted, plain.failed, plain.done, plain.spam, plain.unfinished))
        assert (deleted.deleted, failed.failed, done.done, spam.spam) == (True, "failure", True, True)
        assert (draft.unfinished, unsent.unfinished) == (True, True)

    @pytest.mark.parametrize(("version", "count", "order"), [("5.5.300", 8, 15), ("5.5.100", 8, 11), ("5.0", 7, 11)])
    def test_older_versions_are_asked_otherwise(
        self, session: ServerSession, fake: FakeGreyhound, version: str, count: int, order: int
    ) -> None:
        fake.control("set", version=version)
        session.mails((), 0)
        (params,) = (params for name, params in fake.calls() if name == "RpcItems.GetList")
        assert (len(params), params[1]) == (count, order)

    def test_raw_is_byte_for_byte(self, session: ServerSession, fake: FakeGreyhound) -> None:
        raw = b"Subject: \xff\x00\r\n\r\n.\n..\r\n" + bytes(range(256)) * 300
        assert session.raw(fake.mail(raw)) == raw
        with pytest.raises(MailServerError) as caught:
            session.raw("424242")
        assert "301" in str(caught.value)

    @pytest.mark.parametrize("id_", ["0", "-1", "1/../../x", "١", "", "9" * 30])
    def test_ids_that_are_none(self, session: ServerSession, fake: FakeGreyhound, id_: str) -> None:
        with pytest.raises(MailServerError) as caught:
            session.raw(id_)
        assert caught.value.fault == "refused"
        assert fake.methods() == []

    def test_threads(self, session: ServerSession, fake: FakeGreyhound) -> None:
        one, other, alone = (fake.mail(MAIL) for _ in range(3))
        fake.control("tie", ids=[int(one), int(other)])
        assert session.thread(one) == [other]
        assert session.thread(alone) == []

    def test_a_contact_is_written_once(self, session: ServerSession, fake: FakeGreyhound) -> None:
        item = fake.mail(MAIL)
        contact = fake.mail(MAIL, Kind=8)
        fake.fail("RpcItems.AddClassified", "cut_after")
        with pytest.raises(MailServerError) as caught:
            session.write_contact(item, contact, "by Beleg")
        assert caught.value.fault == "unclear"
        session.write_contact(item, contact, "by Beleg")
        (written,) = [each for each in fake.kept("RpcItems") if each["ID"] == int(item)]
        assert written["Classified"] == [{"ItemRef": int(contact), "Remark": "by Beleg"}]


# --- answers of another shape


class TestTolerance:
    def full(self, fake: FakeGreyhound) -> None:
        group = int(fake.keep("RpcGroups", Name="Support", Email="support@brunner.example"))
        fake.keep("RpcPop3Accounts", Name="P", Host="h", Port=995, Username="u", Authenticate=2, Encrypt=1, State=1,
                  Delete=2, DeleteAge=3, DeleteSync=True, Message="m", ErrorCount=1, Protocol=1)  # fmt: skip
        fake.keep("RpcSmtpAccounts", Name="S", Host="h", Port=25, Filter="*", Authenticate=1)
        fake.keep("RpcSignatures", Name="S", TextData="t", Groups=[{"GroupRef": group, "DefaultKinds": 1}])
        fake.keep("RpcFilters", Name="F", GroupRefs=[group], States=1)
        fake.mail(MAIL, GroupRef=group, State=1, Flags=1)

    def everything(self, session: ServerSession) -> list[Any]:
        kinds: Any = ("incoming", "outgoing", "group", "signature", "filter")
        return [session.mails((), 0), *(session.items(kind) for kind in kinds), session.thread("106")]

    def test_unknown_fields_change_nothing(self, protocol: ServerProtocol, fake: FakeGreyhound) -> None:
        self.full(fake)
        with protocol.open(reached(fake)) as session:
            before = self.everything(session)
        fake.fail("*", "unknown", times=99)
        with protocol.open(reached(fake)) as session:
            assert self.everything(session) == before

    @pytest.mark.parametrize("value", [None, "x", -1, 1.5, True, [], [[]], {"a": 1}, "9" * 5000])
    def test_wrong_types_are_fields_less(self, protocol: ServerProtocol, fake: FakeGreyhound, value: Any) -> None:
        self.full(fake)
        fake.fail("*", "wrong", times=99, value=value)
        fake.fail("RpcInfo.GetServerInfo", "unknown")
        with protocol.open(reached(fake)) as session:
            found = self.everything(session)
        assert [len(each) for each in found[:3]] == [1, 1, 1]

    @pytest.mark.parametrize("fault", ["nothing", "html", "text", "empty"])
    def test_no_answer_at_all(self, session: ServerSession, fake: FakeGreyhound, fault: Any) -> None:
        fake.mail(MAIL)
        session.mails((), 0)
        fake.fail("RpcItems.GetList", fault)
        if fault == "nothing":  # what is empty may be left out
            assert session.mails((), 0) == []
        else:
            with pytest.raises(MailServerError):
                session.mails((), 0)

    json = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    names = st.sampled_from(
        [
            "ID", "Name", "Host", "Port", "Username", "Authenticate", "Encrypt", "State", "Filter", "Delete",
            "DeleteAge", "DeleteSync", "Message", "ErrorCount", "Protocol", "Email", "Groups", "GroupRef", "GroupRefs",
            "ParentRef", "TextData", "HtmlData", "States", "PositiveFlags", "NegativeFlags",
        ]
    )  # fmt: skip

    @settings(max_examples=150, deadline=None)
    @given(record=st.dictionaries(names, json, max_size=8), kind=st.sampled_from(list(items.SERVICES)))
    def test_any_record_can_be_read(self, record: dict[str, Any], kind: Any) -> None:
        found = items.read(kind, record)
        shapes = {
            "name": str, "host": str, "user": str, "error": str, "address": str, "text": str, "html": str, "group": str,
            "parent": str, "shows": str, "security": str, "auth": str, "after": str, "protocol": str, "port": int,
            "days": int, "failures": int, "active": bool, "delete_too": bool, "senders": list,
        }  # fmt: skip
        assert all(isinstance(value, shapes[name]) for name, value in found.items())

    @settings(max_examples=100, deadline=None)
    @given(answer=json, wrapped=st.booleans())
    def test_any_answer_is_a_result_or_an_error(self, answer: Any, wrapped: bool) -> None:
        from beleg_greyhound.undocumented import NotDocumented

        error = NotDocumented.error({"error": answer} if wrapped else answer)
        if error is not None:
            code, words = NotDocumented.words(error)
            assert (code is None or isinstance(code, int), isinstance(words, str)) == (True, True)
        for read in (NotDocumented.list_of, NotDocumented.one, NotDocumented.new_id):
            with suppress(MailServerError):
                read(answer)
        assert isinstance(NotDocumented.checked(answer)[0], bool)
        NotDocumented.progress(answer), NotDocumented.version(answer)


def test_sentences_in_both_languages(protocol: ServerProtocol) -> None:
    for each in (*protocol.limits, *protocol.requirements):
        assert each.en
        assert each.de
        assert each.en != each.de
