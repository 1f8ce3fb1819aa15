"""The plugin for POP3: against a real Dovecot, and against a server that does what none should do."""

from __future__ import annotations

import base64
import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from beleg import Endpoint, IncomingProtocol, Listed, MailServerError, unreliable
from beleg.plugins import Installed
from beleg_pop3.protocol import Pop3
from mailservers.authority import Certificate, certificate
from mailservers.dovecot import PASSWORD, Dovecot
from mailservers.scripted import Maildrop, serving, ticket

POP3 = Pop3()
FIRST = b"From: a@x.example\r\nSubject: eins\r\n\r\n.\r\n..zwei\r\n.drei\r\n"
ODD = b"Subject: odd\r\n\r\nbare\rCR, bare\nLF, \n.\nNUL \0 and \xff\r\n.\r\r\n\r\n"
LONG = b"Subject: long\r\n\r\n" + b"x" * 1_000_000 + b"\r\n" + b"y\n" * 700_000 + b"\r\n"


def endpoint(drop: Maildrop, **more: Any) -> Endpoint:
    values: dict[str, Any] = {"security": "plain", "user": drop.user, "secret": SecretStr(drop.password), "seconds": 5}
    return Endpoint("127.0.0.1", drop.port, **{**values, **more})


def fetched(drop: Maildrop, **more: Any) -> list[bytes]:
    """All mails of it, and a goodbye."""
    with POP3.open(endpoint(drop, **more)) as session:
        found = [session.fetch(each.uid) for each in session.listing()]
        session.commit()
    return found


def fault(drop: Maildrop, **more: Any) -> MailServerError:
    """What goes wrong on the way there."""
    with pytest.raises(MailServerError) as caught:
        fetched(drop, **more)
    return caught.value


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("own"))


# --- the real one


@pytest.fixture
def anna(dovecot: Dovecot) -> str:
    return dovecot.new_user()


def at(server: Dovecot, user: str, **more: Any) -> Endpoint:
    values: dict[str, Any] = {"user": user, "secret": SecretStr(PASSWORD), "authorities": server.certificate.pem}
    port = server.pop3s if more.get("security", "tls") == "tls" else server.pop3
    return Endpoint("127.0.0.1", port, **{**values, **more})


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("auth", ["login", "apop", "oauth2"])
def test_every_way_to_sign_in(dovecot: Dovecot, anna: str, security: Any, auth: Any) -> None:
    dovecot.deliver(anna, FIRST)
    dovecot.tokens[f"token of {anna}"] = anna
    secret = SecretStr(f"token of {anna}" if auth == "oauth2" else PASSWORD)
    steps = list(POP3.check(at(dovecot, anna, security=security, auth=auth, secret=secret)))
    assert [(each.what, each.ok) for each in steps] == [
        ("reach", True), *([("tls", True)] if security != "plain" else []), ("sign_in", True), ("count", True)
    ]  # fmt: skip
    assert steps[-1].values == {"count": 1, "size": len(FIRST)}
    assert steps[-1].said.say("de", steps[-1].values).startswith("E-Mails, die dort liegen: 1, mit ")
    with POP3.open(at(dovecot, anna, security=security, auth=auth, secret=secret)) as session:
        (listed,) = session.listing()
        assert session.fetch(listed.uid) == FIRST
        session.delete(listed.uid)
        session.commit()
    assert dovecot.mails(anna) == []


def test_mail_comes_as_it_lies_there(dovecot: Dovecot, anna: str) -> None:
    """But for NUL, which Dovecot itself makes another character, and bare LF, which it makes CRLF."""
    raw = b"Subject: x\r\n\r\n.\r\n..\r\nbare\rCR \xff\r\n" + b"x" * 1_000_000 + b"\r\n"
    dovecot.deliver(anna, raw)
    with POP3.open(at(dovecot, anna)) as session:
        assert session.fetch(session.listing()[0].uid) == raw


def test_a_check_changes_nothing(dovecot: Dovecot, anna: str) -> None:
    dovecot.deliver(anna, FIRST)
    before = sorted(path.name for path in dovecot.maildir(anna).glob("new/*"))
    for _ in range(2):
        assert all(each.ok for each in POP3.check(at(dovecot, anna)))
    after = sorted(
        path.name.partition(":")[0] for part in ("new", "cur") for path in dovecot.maildir(anna).glob(f"{part}/*")
    )
    assert after == before


def test_without_commit_nothing_is_deleted(dovecot: Dovecot, anna: str) -> None:
    dovecot.deliver(anna, FIRST)
    with POP3.open(at(dovecot, anna)) as session:
        session.delete(session.listing()[0].uid)
    assert dovecot.mails(anna) == [FIRST]


def test_a_wrong_password(dovecot: Dovecot, anna: str) -> None:
    *_, last = POP3.check(at(dovecot, anna, secret=SecretStr("falsches Passwort")))
    assert (last.what, last.ok) == ("sign_in", False)
    assert "falsches" not in last.said.say("en", last.values) + last.server
    assert "[AUTH]" in last.server


def test_an_expired_token(dovecot: Dovecot, anna: str) -> None:
    with (
        pytest.raises(MailServerError) as caught,
        POP3.open(at(dovecot, anna, auth="oauth2", secret=SecretStr("old!"))),
    ):
        pass
    assert caught.value.fault == "sign_in"
    assert "Link the account again" in str(caught.value)
    assert "old!" not in str(caught.value)


def test_an_untrusted_certificate(dovecot: Dovecot, anna: str, own: Certificate) -> None:
    for security in ("tls", "starttls"):
        for authorities in ("", own.pem):
            steps = list(POP3.check(at(dovecot, anna, security=security, authorities=authorities)))
            assert [(each.what, each.ok) for each in steps] == [("reach", True), ("tls", False)]
            assert "nothing was sent" in steps[-1].said.en


def test_a_certificate_of_another_name(dovecot: Dovecot, anna: str) -> None:
    for name, ok in (("pop.example.com", False), ("localhost", True)):
        assert all(each.ok for each in POP3.check(at(dovecot, anna, server_name=name))) is ok


def test_authorities_that_are_none(dovecot: Dovecot, anna: str) -> None:
    for text in ("Zertifikat?", "Zertifikät", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        *_, last = POP3.check(at(dovecot, anna, authorities=text))
        assert (last.what, last.ok) == ("tls", False)


@pytest.mark.slow  # Dovecot waits ten seconds before it says so
def test_a_mailbox_that_another_session_has(dovecot: Dovecot, anna: str) -> None:
    dovecot.deliver(anna, FIRST)
    with POP3.open(at(dovecot, anna)), pytest.raises(MailServerError) as caught, POP3.open(at(dovecot, anna)):
        pass
    assert caught.value.fault == "busy"


# --- our own: bytes


def test_bytes_as_they_came() -> None:
    mails = {"1": FIRST, "2": ODD, "3": b"", "4": b".\r\n", "5": b"..\r\n.\r\n", "6": b"\r\n", "7": LONG}
    with serving(Maildrop(mails)) as drop:
        assert fetched(drop) == list(mails.values())


lines = st.lists(st.sampled_from([b".", b"..", b"", b"x", b"\r", b"\n", b"\0", b".\n", b"\n.", b"\xff."]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(lines, min_size=1, max_size=20))
def test_bytes_as_they_came_whatever_they_are(mails: list[list[bytes]]) -> None:
    # A bare CR before CRLF can't be told from a longer line end by any client, so lines don't end in CR.
    raws = [b"".join(line.rstrip(b"\r") + b"\r\n" for line in each) for each in mails]
    with serving(Maildrop({str(number): raw for number, raw in enumerate(raws)})) as drop:
        assert fetched(drop) == raws


def test_a_connection_cut_at_every_byte_gives_no_half_mail() -> None:
    whole = {"a": FIRST, "b": b"Subject: 2\r\n\r\n..\r\n.\r\nx\r\n"}
    drop = Maildrop(dict(whole))
    with serving(drop):
        assert fetched(drop) == list(whole.values())
        length = drop.sent
        for cut in range(length):
            drop.out = cut
            got: list[bytes] = []
            assert _broken_off(drop, got).fault == "unreachable", cut
            assert got == list(whole.values())[: len(got)]


def _broken_off(drop: Maildrop, got: list[bytes]) -> MailServerError:
    try:
        with POP3.open(endpoint(drop)) as session:
            got += (session.fetch(each.uid) for each in session.listing())
            session.commit()
    except MailServerError as error:
        return error
    pytest.fail("a session that was cut off was taken for a whole one")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RETR", b"+OK\r\nx\r\n.\n"),
        ("UIDL", b"+OK\n1 a\n.\n"),
        ("UIDL", b"+OK\r\n1 a\r\n1 b\r\n.\r\n"),
        ("UIDL", b"+OK\r\nx a\r\n.\r\n"),
        ("UIDL", b"+OK\r\n1 " + b"a" * 2_000_000 + b"\r\n.\r\n"),
        ("LIST", b"+OK\r\n1 viel\r\n.\r\n"),
        ("LIST", b"+OK\r\n1\r\n.\r\n"),
        ("QUIT", b"OK\r\n"),
        ("QUIT", b"+ go on\r\n"),
        ("QUIT", b"+OKAY\r\n"),
        ("PASS", b"220 hello\r\n"),
        ("GREETING", b"220 smtp.example.com ESMTP\r\n"),
        ("GREETING", b"\x16\x03\x01\r\n"),
    ],
)
def test_what_is_no_pop3_ends_the_session_without_quit(command: str, answer: bytes) -> None:
    with serving(Maildrop({"a": FIRST}, answers={command: answer})) as drop:
        assert fault(drop, seconds=0.3).fault in ("protocol", "unreachable")
        assert drop.commands[-1:] != ["QUIT"] or command == "QUIT"


def test_after_a_fault_nothing_more_is_said() -> None:
    with serving(Maildrop({"a": FIRST}, answers={"RETR": b"-ERR sorry\r\n"})) as drop:
        with POP3.open(endpoint(drop)) as session:
            session.listing()
            with pytest.raises(MailServerError, match="did not hand over"):
                session.fetch("a")
            for act in (session.listing, lambda: session.delete("a"), session.commit):
                with pytest.raises(MailServerError, match="has ended"):
                    act()
        assert drop.commands == ["USER", "PASS", "UIDL", "LIST", "RETR"]


def test_answers_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beleg_pop3.connection.MOST_MAIL", 10_000)
    monkeypatch.setattr("beleg_pop3.connection.MOST_ANSWER", 10_000)
    with serving(Maildrop({"a": FIRST}, answers={"RETR": b"+OK\r\n" + b"x\r\n" * 50_000})) as drop:
        assert "longer than it can be" in str(fault(drop))
    with serving(Maildrop({"a": FIRST}, answers={"UIDL": b"+OK\r\n" + b"1 x\r\n" * 50_000})) as drop:
        assert "longer than it can be" in str(fault(drop))


def test_sizes_that_no_mail_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for digits in (16, 5000):
        sizes = b"+OK\r\n1 " + b"9" * digits + b"\r\n.\r\n"
        with serving(Maildrop({"a": FIRST}, answers={"LIST": sizes})) as drop:
            assert fault(drop).fault == "protocol"
    monkeypatch.setattr("beleg_pop3.connection.MOST_MAIL", 10_000)
    monkeypatch.setattr("beleg_pop3.connection.MOST_EVER", 20_000)
    answers = {"LIST": b"+OK\r\n1 999999999999\r\n.\r\n", "RETR": b"+OK\r\n" + b"x\r\n" * 50_000}
    with serving(Maildrop({"a": FIRST}, answers=answers)) as drop:
        assert "longer than it can be" in str(fault(drop))


def test_unique_ids_are_given_as_they_come() -> None:
    uidl = b"+OK\r\n1 a\r\n2 a\r\n3\r\n4 \r\n5 " + b"x" * 10_000 + b"\r\n6 with blank\r\n7 \xe4\r\n.\r\n"
    sizes = b"+OK\r\n" + b"".join(b"%d 5\r\n" % n for n in range(1, 8)) + b".\r\n"
    with serving(Maildrop({"a": FIRST}, answers={"UIDL": uidl, "LIST": sizes})) as drop, POP3.open(endpoint(drop)) as s:
        assert [each.uid for each in s.listing()] == ["a", "a", "", "", "x" * 10_000, "with blank", "ä"]
    with serving(Maildrop({"a": FIRST}, answers={"UIDL": uidl, "LIST": sizes})) as drop:
        *_, last = POP3.check(endpoint(drop))
        assert (last.what, last.ok) == ("count", False)


@pytest.mark.parametrize("uid", ["", "x" * 71, "a b", "ä", "\x7f", "a\n"])
def test_unique_ids_that_cannot_be_relied_on(uid: str) -> None:
    error = unreliable([Listed("a", 1), Listed(uid, 1)])
    assert error
    assert error.fault == "account"


def test_unique_ids_that_can() -> None:
    assert unreliable([Listed("!", 1), Listed("~" * 70, 1)]) is None
    assert unreliable([Listed("a", 1), Listed("b", 1), Listed("a", 1)])


def test_mail_that_comes_between_uidl_and_list_waits() -> None:
    with serving(Maildrop({"a": FIRST}, late={"b": ODD})) as drop, POP3.open(endpoint(drop)) as session:
        assert session.listing() == [Listed("a", len(FIRST))]


# --- our own: signing in


@pytest.mark.parametrize("auth", ["login", "apop", "oauth2"])
@pytest.mark.parametrize("bad", ["a\r\nDELE 1", "a\n", "a\r", "a\0b", "\ud800"])
@pytest.mark.parametrize("place", ["user", "secret"])
def test_line_breaks_in_credentials_are_refused_before_a_byte_is_sent(auth: Any, bad: str, place: str) -> None:
    with serving(Maildrop({"a": FIRST})) as drop:
        more: dict[str, Any] = {place: bad if place == "user" else SecretStr(bad)}
        assert fault(drop, auth=auth, **more).fault == "sign_in"
        assert [each.what for each in POP3.check(endpoint(drop, auth=auth, **more))] == ["sign_in"]
        assert (drop.sessions, drop.said) == (0, [])


def test_nothing_to_sign_in_with() -> None:
    with serving(Maildrop()) as drop:
        assert fault(drop, user="").fault == fault(drop, secret=SecretStr("")).fault == "sign_in"
        assert fault(drop, auth="none").fault == "unsupported"
        assert drop.sessions == 0


def test_missing_stls_no_password_is_sent() -> None:
    with serving(Maildrop({"a": FIRST})) as drop:
        assert fault(drop, security="starttls").fault == "tls"
        assert drop.said == [b"STLS"]
        steps = list(POP3.check(endpoint(drop, security="starttls")))
        assert [(each.what, each.ok) for each in steps] == [("reach", True), ("tls", False)]


def test_what_comes_unencrypted_behind_stls_does_not_count(own: Certificate) -> None:
    with serving(Maildrop({"a": FIRST}, answers={"STLS": b"+OK\r\n+OK injected\r\n"}, tls=own)) as drop:
        assert fault(drop, security="starttls", authorities=own.pem).fault == "tls"
        assert drop.said == [b"STLS"]


def test_tls_where_none_is_spoken() -> None:
    with serving(Maildrop({"a": FIRST})) as drop:
        assert fault(drop, security="tls").fault == "tls"
        assert b"PASS" not in b"".join(drop.said)


@pytest.mark.parametrize(
    "greeting",
    [
        b"+OK ready\r\n",
        b"+OK <>\r\n",
        b"+OK <a>\r\n",
        b"+OK <a@>\r\n",
        b"+OK <@b>\r\n",
        b"+OK <a b@c>\r\n",
        b"+OK <\xe4@c>\r\n",
        b"+OK <a@b\x01>\r\n",
        b"+OK <a@b> <c@d>\r\n",
        b"+OK <a@b<c@d>\r\n",
    ],
)
def test_an_apop_greeting_that_is_no_message_id(greeting: bytes) -> None:
    with serving(Maildrop({"a": FIRST}, answers={"GREETING": greeting})) as drop:
        assert fault(drop, auth="apop").fault == "unsupported"
        assert drop.said == []


def test_apop_sends_no_password() -> None:
    with serving(Maildrop({"a": FIRST})) as drop:
        assert fetched(drop, auth="apop") == [FIRST]
        assert b"geheim" not in b"".join(drop.said)


def test_xoauth2_takes_two_lines_and_a_refusal_an_empty_one() -> None:
    token = "t" * 4000
    why = base64.b64encode(b'{"status":"400"}')
    answers = {"AUTH": b"+ \r\n", ticket("anna", token).decode(): b"+ " + why + b"\r\n", "": b"-ERR [AUTH] no\r\n"}
    with serving(Maildrop({"a": FIRST}, answers=answers)) as drop:
        error = fault(drop, auth="oauth2", secret=SecretStr(token))
        assert (error.fault, error.server) == ("sign_in", '[AUTH] no {"status":"400"}')
        assert drop.said == [b"AUTH XOAUTH2", ticket("anna", token), b""]
        drop.answers |= {ticket("anna", token).decode(): b"+OK\r\n"}
        assert fetched(drop, auth="oauth2", secret=SecretStr(token)) == [FIRST]
        drop.answers |= {"AUTH": b"-ERR what?\r\n"}
        assert fault(drop, auth="oauth2", secret=SecretStr(token)).fault == "unsupported"


def test_a_server_that_repeats_the_secret() -> None:
    with serving(Maildrop(answers={"PASS": b"-ERR no user anna with geheim\x1b[31m\r\n"})) as drop:
        error = fault(drop)
        assert "geheim" not in str(error) + error.say("de")
        assert "\x1b" not in str(error)


@pytest.mark.parametrize(
    ("command", "answer", "wanted"),
    [
        ("PASS", "-ERR [AUTH] no", "sign_in"),
        ("PASS", "-ERR no", "sign_in"),
        ("PASS", "-ERR [IN-USE] locked", "busy"),
        ("PASS", "-ERR [in-use] locked", "busy"),
        ("PASS", "-ERR maildrop is locked by another session", "busy"),
        ("PASS", "-ERR Temporary failure, try again later", "temporary"),
        ("PASS", "-ERR [LOGIN-DELAY] wait", "busy"),
        ("PASS", "-ERR [SYS/TEMP] oh", "temporary"),
        ("PASS", "-ERR [SYS/PERM] oh", "account"),
        ("USER", "-ERR [SYS/TEMP] oh", "temporary"),
        ("GREETING", "-ERR [SYS/TEMP] oh", "temporary"),
        ("GREETING", "-ERR go away", "temporary"),
        ("UIDL", "-ERR unknown command", "unsupported"),
        ("LIST", "-ERR oh", "temporary"),
        ("RETR", "-ERR oh", "temporary"),
        ("QUIT", "-ERR some messages were not removed", "temporary"),
    ],
)
def test_what_a_refusal_means(command: str, answer: str, wanted: str) -> None:
    with serving(Maildrop({"a": FIRST}, answers={command: f"{answer}\r\n".encode()})) as drop:
        error = fault(drop)
        assert error.fault == wanted
        assert error.server == answer.removeprefix("-ERR ")
        assert "{" not in error.say("en") + error.say("de")


# --- our own: time


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        where = Endpoint("127.0.0.1", listening.getsockname()[1], "plain", user="a", secret=SecretStr("b"), seconds=0.2)
        for security in ("plain", "tls"):
            begun = time.monotonic()
            *_, last = POP3.check(replace(where, security=security))
            assert not last.ok
            assert time.monotonic() - begun < 2


def test_a_server_that_drips() -> None:
    """Each byte comes within the limit, and it would take hours."""
    with serving(Maildrop({"a": FIRST}, slow=0.08)) as drop:
        begun = time.monotonic()
        error = fault(drop, seconds=0.1)
        assert error.fault == "unreachable"
        assert 0.5 < time.monotonic() - begun < 3


@pytest.mark.parametrize("host", ["nowhere.invalid", "", "a..b", "x" * 300, "a\0b", "bücher.invalid"])
def test_hosts_that_are_none(host: str) -> None:
    (step,) = POP3.check(Endpoint(host, 110, "plain", user="a", secret=SecretStr("b"), seconds=1))
    assert (step.what, step.ok) == ("reach", False)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    (step,) = POP3.check(Endpoint("127.0.0.1", port, "plain", user="a", secret=SecretStr("b"), seconds=1))
    assert (step.what, step.ok) == ("reach", False)


def test_it_is_installed(installed: Installed) -> None:
    found = installed.mail_servers["pop3"]
    assert isinstance(found, IncomingProtocol)
    assert found.ports["tls"] == 995
