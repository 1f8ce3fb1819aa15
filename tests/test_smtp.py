"""SMTP: signing in, handing over a mail, and knowing whether it was sent."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from beleg import CheckStep, Endpoint, Envelope, MailServerError, OutgoingProtocol, Security
from beleg.plugins import Installed
from mailservers.authority import Certificate, certificate
from mailservers.smtp import SmtpServer, line_to, listening, script, smtp_server

RAW = b"From: shop@firma.example\r\nSubject: Ihre Frage\r\n\r\nGuten Tag\r\n.\r\n..\r\n.Punkt\r\n"
SHOP, ANNA, BODO = "shop@firma.example", "anna@kunde.example", "bodo@leuchten.example"
ENVELOPE = Envelope(SHOP, [ANNA, BODO], RAW)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for another name."""
    return certificate(tmp_path_factory.mktemp("certificates"), "smtp.provider.example")


@pytest.fixture
def smtp(installed: Installed) -> OutgoingProtocol:
    found = installed.mail_servers["smtp"]
    assert isinstance(found, OutgoingProtocol)
    return found


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """One that protects nothing."""
    with smtp_server() as running:
        yield running


def at(port: int, secret: str = "geheim", **fields: object) -> Endpoint:
    values = {"security": "plain", "auth": "login", "user": SHOP, "seconds": 5.0, **fields}
    return Endpoint("127.0.0.1", port, secret=SecretStr(secret), **values)


def refused(smtp: OutgoingProtocol, endpoint: Endpoint, envelope: Envelope = ENVELOPE) -> MailServerError:
    """How it was not sent."""
    with pytest.raises(MailServerError) as raised:
        smtp.send(endpoint, envelope)
    for language in ("en", "de"):
        assert "{" not in raised.value.say(language)
    return raised.value


def checked(smtp: OutgoingProtocol, endpoint: Endpoint) -> list[CheckStep]:
    steps = list(smtp.check(endpoint))
    for each in steps:
        for language in ("en", "de"):
            assert "{" not in each.said.say(language, each.values)
    return steps


def seen(steps: list[CheckStep]) -> list[tuple[str, bool]]:
    return [(each.what, each.ok) for each in steps]


# --- sending


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize(("auth", "secret"), [("none", ""), ("login", "geheim"), ("oauth2", "frisch")])
def test_a_mail_arrives_as_it_is(
    smtp: OutgoingProtocol, trusted: Certificate, security: Security, auth: str, secret: str
) -> None:
    with smtp_server(**({} if security == "plain" else {security: trusted})) as server:
        delivery = smtp.send(at(server.port, secret, security=security, auth=auth, authorities=trusted.pem), ENVELOPE)
        assert [(each.sender, each.recipients, each.raw) for each in server.stored] == [(SHOP, [ANNA, BODO], RAW)]
        assert server.signed_in == {"none": [], "login": ["PLAIN"], "oauth2": ["XOAUTH2"]}[auth]
    assert delivery == ("2.0.0 queued as 4711", {})


def test_who_offers_login_alone_is_signed_in_to_by_it(smtp: OutgoingProtocol) -> None:
    with smtp_server(auth_exclude_mechanism=["PLAIN"]) as server:
        smtp.send(at(server.port), ENVELOPE)
        assert server.signed_in == ["LOGIN"]


@pytest.mark.parametrize("excluded", ["LOGIN", "PLAIN"])
def test_credentials_have_any_letters(smtp: OutgoingProtocol, excluded: str) -> None:
    with smtp_server(auth_exclude_mechanism=[excluded]) as server:
        server.user, server.password = "läden@firma.example", "grün 🔑"
        smtp.send(at(server.port, server.password, user=server.user), ENVELOPE)
        assert len(server.signed_in) == 1


@pytest.mark.parametrize("length", [10, 300, 340, 345, 350, 5000])
def test_a_token_of_any_length_fits_the_lines(smtp: OutgoingProtocol, server: SmtpServer, length: int) -> None:
    server.token = "t" * length
    with line_to(server.port) as line:
        smtp.send(at(line.port, server.token, auth="oauth2"), ENVELOPE)
        assert max(len(each) for each in line.said.split(b"\r\n") if each.startswith(b"AUTH")) <= 510
    assert server.signed_in == ["XOAUTH2"]


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.translate(None, b"\0\r\n")), max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
@example([b".", b"..", b". x", b""])
def test_any_lines_arrive_byte_for_byte(smtp: OutgoingProtocol, server: SmtpServer, lines: list[bytes]) -> None:
    raw = b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
    smtp.send(at(server.port), Envelope(SHOP, [ANNA], raw))
    assert server.stored.pop().raw == raw


def test_recipients_that_are_refused_are_named_while_the_others_get_it(
    smtp: OutgoingProtocol, server: SmtpServer
) -> None:
    server.refused[BODO] = "550 5.1.1 No such user"
    assert smtp.send(at(server.port), ENVELOPE).refused == {BODO: "5.1.1 No such user"}
    assert [each.recipients for each in server.stored] == [[ANNA]]


def test_when_all_are_refused_nothing_is_sent(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    server.refused = {ANNA: "550 No", BODO: "553 Never"}
    error = refused(smtp, at(server.port))
    assert (error.fault, error.server) == ("refused", f"{ANNA}: No; {BODO}: Never")
    server.refused[BODO] = "450 Greylisted"
    assert refused(smtp, at(server.port)).fault == "temporary"
    assert server.stored == []


# --- what is needed and offered


def test_letters_before_the_at_go_where_smtputf8_is_offered(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    envelope = Envelope(SHOP, ["jörg@kunde.example"], "To: jörg@kunde.example\r\n\r\nHallo\r\n".encode())
    smtp.send(at(server.port), envelope)
    assert server.stored[0] == replace(server.stored[0], recipients=["jörg@kunde.example"], raw=envelope.raw)
    with smtp_server(enable_SMTPUTF8=False) as old:
        error = refused(smtp, at(old.port), envelope)
        assert (error.fault, old.stored) == ("refused", [])
        assert "ASCII" in error.say("de")


def test_smtputf8_is_not_asked_for_where_it_is_not_needed(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    with line_to(server.port) as line:
        smtp.send(at(line.port), ENVELOPE)
        assert b"SMTPUTF8" not in line.said
        smtp.send(at(line.port), Envelope(SHOP, [ANNA], "Subject: x\r\n\r\nGrüße\r\n".encode()))
        assert b"BODY=8BITMIME\r\n" in line.said


def test_eight_bits_go_only_where_they_are_offered(smtp: OutgoingProtocol) -> None:
    answers = [b"220 hi\r\n", b"250 old\r\n"]
    with script(answers) as server:
        error = refused(smtp, at(server.port, auth="none"), Envelope(SHOP, [ANNA], "A: b\r\n\r\nß\r\n".encode()))
    assert (error.fault, server.heard[1:]) == ("refused", [])


def test_what_is_too_large_is_not_begun(smtp: OutgoingProtocol) -> None:
    with smtp_server(data_size_limit=100) as server, line_to(server.port) as line:
        error = refused(smtp, at(line.port), Envelope(SHOP, [ANNA], RAW * 3))
        assert error.fault == "refused"
        assert str(len(RAW) * 3) in error.say("en")
        assert b"MAIL" not in line.said


def test_a_size_that_is_no_number_of_bytes_is_passed_over(smtp: OutgoingProtocol) -> None:
    answers = [b"220 hi\r\n", b"250-here\r\n250 SIZE " + b"9" * 5000 + b"\r\n", b"550 not from you\r\n"]
    with script(answers) as server:
        assert refused(smtp, at(server.port, auth="none")).fault == "refused"
        assert server.heard[1].startswith(b"MAIL FROM")


# --- what goes wrong


def test_without_starttls_no_password_is_sent(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    with line_to(server.port) as line:
        error = refused(smtp, at(line.port, security="starttls"))
        assert error.fault == "tls"
        assert b"AUTH" not in line.said
        assert seen(checked(smtp, at(line.port, security="starttls"))) == [("reach", True), ("tls", False)]
        assert line.said.startswith(b"ehlo")
        assert line.said.count(b"\r\n") == 1


def test_starttls_that_is_refused_is_not_gone_without(smtp: OutgoingProtocol) -> None:
    for answer in (b"454 not now\r\n", b"502 no\r\n"):
        with script([b"220 hi\r\n", b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", answer]) as server:
            assert refused(smtp, at(server.port, security="starttls")).fault == "tls"
            assert [each.split()[0] for each in server.heard] == [b"ehlo", b"STARTTLS"]


def test_what_was_said_before_tls_is_forgotten(smtp: OutgoingProtocol, trusted: Certificate) -> None:
    """Answers that someone in between sends ahead of the encryption are not taken for the server's."""
    injected = b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n"
    with script([b"220 hi\r\n", b"250-x\r\n250 STARTTLS\r\n", injected]) as server:
        assert refused(smtp, at(server.port, security="starttls", authorities=trusted.pem)).fault == "tls"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_untrusted_certificate_gets_nothing(
    smtp: OutgoingProtocol, trusted: Certificate, other: Certificate, security: Security
) -> None:
    with smtp_server(**{security: trusted}) as server:
        for authorities in ("", other.pem):
            error = refused(smtp, at(server.port, security=security, authorities=authorities))
            assert error.fault == "tls"
        steps = checked(smtp, at(server.port, security=security))
        assert seen(steps) == [("reach", True), ("tls", False)]
        assert (server.signed_in, server.stored) == ([], [])


def test_a_certificate_is_for_a_name(smtp: OutgoingProtocol, other: Certificate) -> None:
    with smtp_server(tls=other) as server:
        endpoint = at(server.port, security="tls", authorities=other.pem)
        assert refused(smtp, endpoint).fault == "tls"
        smtp.send(replace(endpoint, server_name="smtp.provider.example"), ENVELOPE)
        assert len(server.stored) == 1


def test_an_authority_that_is_none_is_told(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    for text in ("kein Zertifikat", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "größer"):
        assert refused(smtp, at(server.port, security="tls", authorities=text)).fault == "tls"


def test_tls_where_there_is_none(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    error = refused(smtp, at(server.port, security="tls"))
    assert error.fault == "tls"
    assert "465" in error.say("en")


@pytest.mark.parametrize("bad", ["a\r\nMAIL FROM:<x@y>", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("field", ["user", "secret"])
@pytest.mark.parametrize("auth", ["login", "oauth2"])
def test_line_breaks_in_credentials_are_refused_before_a_byte_is_sent(
    smtp: OutgoingProtocol, bad: str, field: str, auth: str
) -> None:
    with listening() as listener:
        endpoint = at(listener.getsockname()[1], bad if field == "secret" else "x", auth=auth)
        if field == "user":
            endpoint = replace(endpoint, user=bad)
        error = refused(smtp, endpoint)
        assert error.fault == "sign_in"
        assert not connected(listener)


@pytest.mark.parametrize(
    "bad",
    [
        "anna@kunde.example\r\nDATA", "anna@kunde.example\n", "\ranna@kunde.example", "an\0na@kunde.example",
        "anna", "", "<anna@kunde.example>", "anna@kunde.example> SIZE=1", "anna kunde@x.example", "a@b@c",
        "anna@\udc80.example",
    ],
)  # fmt: skip
def test_line_breaks_in_sender_and_recipients_are_refused_before_a_byte_is_sent(
    smtp: OutgoingProtocol, bad: str
) -> None:
    with listening() as listener:
        endpoint = at(listener.getsockname()[1])
        for envelope in (Envelope(bad, [ANNA], RAW), Envelope(SHOP, [ANNA, bad], RAW)):
            error = refused(smtp, endpoint, envelope)
            assert error.fault == "refused"
            assert not set("\r\n\0") & set(error.say("en"))
        assert not connected(listener)


@pytest.mark.parametrize("raw", [b"A: b\n\r\n", b"A: b\r\n\r\nx\ry\r\n", b"A: b\r\n\r\nx\n.\ny\r\n", b"A: \0\r\n\r\n"])
def test_bytes_that_could_be_read_as_commands_are_not_sent(smtp: OutgoingProtocol, raw: bytes) -> None:
    with listening() as listener:
        assert refused(smtp, at(listener.getsockname()[1]), Envelope(SHOP, [ANNA], raw)).fault == "refused"
        assert refused(smtp, at(listener.getsockname()[1]), Envelope(SHOP, [], RAW)).fault == "refused"
        assert not connected(listener)


def connected(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except TimeoutError:
        return False
    return True


def test_an_expired_token_is_answered_and_told(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    with line_to(server.port) as line:
        error = refused(smtp, at(line.port, "abgelaufen", auth="oauth2"))
        assert line.said.endswith(b"\r\n\r\n")  # the empty line that the refusal is answered with
    assert error.fault == "sign_in"
    assert "535" not in error.say("en")
    assert "link" in error.say("en")
    assert server.stored == []


def test_a_wrong_password_is_told(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    error = refused(smtp, at(server.port, "falsch"))
    assert (error.fault, error.server) == ("sign_in", "5.7.8 Authentication credentials invalid")


def test_a_server_that_can_t_check_passwords_now_is_asked_later(smtp: OutgoingProtocol) -> None:
    answers = [b"220 hi\r\n", b"250-x\r\n250 AUTH PLAIN\r\n", b"454 4.7.0 try later\r\n"]
    with script(answers) as server:
        assert refused(smtp, at(server.port)).fault == "temporary"


def test_a_secret_that_the_server_repeats_is_not_told(smtp: OutgoingProtocol) -> None:
    secret = "sehr geheim"
    for repeated in (secret.encode(), b64encode(f"\0{SHOP}\0{secret}".encode()), b64encode(secret.encode())):
        answers = [b"220 hi\r\n", b"250-x\r\n250 AUTH PLAIN\r\n", b"500 what is " + repeated + b"?\r\n"]
        if repeated == b64encode(secret.encode()):
            answers[1:2] = [b"250-x\r\n250 AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"]
        with script(answers) as server:
            error = refused(smtp, at(server.port, secret))
        assert error.fault == "sign_in"
        assert repeated.decode() not in error.say("en") + repr(error) + repr(error.values)
    long = "t" * 3000
    answers = [b"220 hi\r\n", b"250-x\r\n250 AUTH XOAUTH2\r\n", b"334 \r\n", b"500 what is " + long.encode() + b"?\r\n"]
    with script(answers) as server:
        assert "ttt" not in refused(smtp, at(server.port, long, auth="oauth2")).say("en")


def test_what_a_server_does_not_offer_is_told(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    with script([b"220 hi\r\n", b"250-x\r\n250 AUTH CRAM-MD5\r\n"]) as old:
        assert refused(smtp, at(old.port)).fault == "unsupported"
    with script([b"220 hi\r\n", b"250 x\r\n"]) as old:
        assert refused(smtp, at(old.port, auth="oauth2")).fault == "unsupported"
    apop = refused(smtp, at(server.port, auth="apop"))
    assert apop.fault == "unsupported"
    assert "APOP" in apop.say("de")
    assert "apop" not in smtp.auths


def test_who_must_sign_in_first_is_told(smtp: OutgoingProtocol, trusted: Certificate) -> None:
    with smtp_server(starttls=trusted, auth_required=True, auth_require_tls=True) as server:
        error = refused(smtp, at(server.port, auth="none", security="starttls", authorities=trusted.pem))
        assert (error.fault, error.server) == ("sign_in", "5.7.0 Authentication required")


def test_a_server_of_old_times_takes_mail(smtp: OutgoingProtocol) -> None:
    answers = [
        b"220 hi\r\n",
        b"502 what?\r\n",
        b"250 x\r\n",
        *[b"250 ok\r\n"] * 3,
        b"354 go\r\n",
        b"250 ok\r\n",
        b"221\r\n",
    ]
    with script(answers) as server:
        smtp.send(at(server.port, auth="none"), ENVELOPE)
    assert [each.split()[0] for each in server.heard] == [
        b"ehlo", b"helo", b"MAIL", b"RCPT", b"RCPT", b"DATA", b"From:", b"QUIT"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "answer", "fault"),
    [
        ("MAIL", "451 4.3.0 later", "temporary"),
        ("MAIL", "550 5.7.60 not your address", "refused"),
        ("MAIL", "drop", "unreachable"),
        ("DATA", "451 4.3.0 later", "temporary"),
        ("DATA", "421 4.3.2 closing", "temporary"),
        ("DATA", "554 5.7.1 spam", "refused"),
    ],
)
def test_what_surely_was_not_sent(
    smtp: OutgoingProtocol, server: SmtpServer, command: str, answer: str, fault: str
) -> None:
    server.at[command] = answer
    error = refused(smtp, at(server.port))
    assert (error.fault, server.stored) == (fault, [])
    if answer != "drop":
        assert error.server == answer


def test_smtp_250_lost(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    server.at["STORED"] = "drop"
    assert refused(smtp, at(server.port)).fault == "unclear"
    assert len(server.stored) == 1


def test_lost_before_it_was_stored_looks_the_same(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    server.at["DATA"] = "drop"
    assert refused(smtp, at(server.port)).fault == "unclear"
    assert server.stored == []


def test_a_250_that_never_comes(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    server.at["STORED"] = "stall"
    assert refused(smtp, at(server.port, seconds=0.05)).fault == "unclear"
    assert len(server.stored) == 1


def test_a_250_is_waited_for_longer_than_for_anything_else(smtp: OutgoingProtocol) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 hi\r\n")
                for line in lines:
                    if line == b".\r\n":
                        time.sleep(0.6)
                    answer = b"354 go\r\n" if line.startswith(b"DATA") else b"250 ok\r\n"
                    if line[:4] in (b"ehlo", b"MAIL", b"RCPT", b"DATA", b"QUIT", b".\r\n"):
                        client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert smtp.send(at(listener.getsockname()[1], auth="none", seconds=0.3), ENVELOPE).said == "ok"
        thread.join(5)


def test_nobody_cares_for_the_answer_to_quit(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    for fault in ("drop", "stall", "500 never"):
        server.at["QUIT"] = fault
        smtp.send(at(server.port, seconds=0.2), ENVELOPE)
    assert len(server.stored) == 3


def test_a_server_that_says_nothing(smtp: OutgoingProtocol) -> None:
    with listening() as listener:
        for security in ("plain", "starttls", "tls"):
            error = refused(smtp, at(listener.getsockname()[1], security=security, seconds=0.1))
            assert error.fault == "unreachable"
            assert "0.1" in error.say("en")


def test_a_server_that_drips_is_not_listened_to_for_ever(smtp: OutgoingProtocol) -> None:
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            client.sendall(b"220-")
            while not ended.wait(0.05):
                client.sendall(b"x")

    with listening() as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        begun = time.monotonic()
        error = refused(smtp, at(listener.getsockname()[1], seconds=0.2))
        ended.set()
        thread.join()
    assert error.fault == "unreachable"
    assert time.monotonic() - begun < 2


def test_a_server_that_is_not_there(smtp: OutgoingProtocol) -> None:
    with listening() as listener:
        port = listener.getsockname()[1]
    error = refused(smtp, at(port))
    assert error.fault == "unreachable"
    assert seen(checked(smtp, at(port))) == [("reach", False)]
    for host in ("nirgends.invalid", "a" * 70 + ".example", "", "a\0b", "xn--\ud800"):
        assert refused(smtp, replace(at(port), host=host)).fault == "unreachable"


@pytest.mark.parametrize(
    "greeting",
    [
        b"+OK POP3 ready\r\n", b"\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"x" * 20_000, b"220-" + b"y" * 9000 + b"\r\n",
        b"220-hi\r\n" * 2000, b"\xff\xfe\r\n", b"22\r\n", b"999 x\r\n", b"354 x\r\n",
    ],
)  # fmt: skip
def test_a_greeting_that_is_no_smtp(smtp: OutgoingProtocol, greeting: bytes) -> None:
    with script([greeting, b""]) as server:
        assert refused(smtp, at(server.port)).fault in ("protocol", "unreachable")


@pytest.mark.parametrize("greeting", [b"421 too busy\r\n", b"554 go away\r\n"])
def test_a_server_that_turns_us_away_is_asked_later(smtp: OutgoingProtocol, greeting: bytes) -> None:
    with script([greeting]) as server:
        error = refused(smtp, at(server.port))
    assert error.fault == "temporary"
    assert error.server == greeting.decode().strip()


def test_words_of_a_server_can_be_shown(smtp: OutgoingProtocol, server: SmtpServer) -> None:
    server.at["MAIL"] = "550-\x1b[31mrot\u202e\r\n550 " + "lang" * 500
    words = refused(smtp, at(server.port)).server
    assert words.isprintable()
    assert len(words) <= 510


@pytest.mark.parametrize("way", ["there", "back"])
def test_cut_at_every_byte(smtp: OutgoingProtocol, server: SmtpServer, way: str) -> None:
    """Whatever is lost of what is said, in either direction: what is then said of the mail is true."""
    server.user, server.password = "a", "b"
    outcomes = {}
    with line_to(server.port) as line:
        smtp.send(at(line.port, "b", user="a"), ENVELOPE)
        whole = len(line.said if way == "there" else line.heard)
        for count in range(whole):
            setattr(line, way, count)
            outcomes[count] = _outcome(smtp, line.port, count)
    deadline = time.monotonic() + 5
    while server.sessions and time.monotonic() < deadline:
        time.sleep(0.01)
    times = Counter(each.raw for each in server.stored)
    for count, outcome in outcomes.items():
        assert times[_numbered(count)] in {"sent": (1,), "unclear": (0, 1)}.get(outcome, (0,)), (count, outcome)
    assert set(outcomes.values()) == {"unreachable", "unclear", "sent"}


def _outcome(smtp: OutgoingProtocol, port: int, count: int) -> str:
    try:
        smtp.send(at(port, "b", user="a"), Envelope(SHOP, [ANNA], _numbered(count)))
    except MailServerError as error:
        return error.fault
    return "sent"


def _numbered(count: int) -> bytes:
    return f"Subject: {count:04}\r\n\r\n.\r\n..\r\n".encode()


# --- checking settings


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_settings_are_checked_step_by_step_and_nothing_is_sent(
    smtp: OutgoingProtocol, trusted: Certificate, security: Security
) -> None:
    with smtp_server(**({} if security == "plain" else {security: trusted})) as server:
        endpoint = at(server.port, security=security, authorities=trusted.pem)
        tls = [] if security == "plain" else [("tls", True)]
        assert seen(checked(smtp, endpoint)) == [("reach", True), *tls, ("sign_in", True)]
        wrong = endpoint.with_secret(SecretStr("falsch"))
        assert seen(checked(smtp, wrong)) == [("reach", True), *tls, ("sign_in", False)]
        bad = endpoint.with_secret(SecretStr("a\r\nb"))
        assert seen(checked(smtp, bad)) == [("reach", True), *tls, ("sign_in", False)]
        assert server.stored == []


def test_loading_the_plugin_loads_no_network(tmp_path: Path) -> None:
    code = "import sys, json, beleg_smtp; print(json.dumps([m for m in ('smtplib', 'ssl') if m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(said.stdout) == []
