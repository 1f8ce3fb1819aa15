"""SMTP as Beleg uses it: checking settings, and handing over a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from beleg import (
    Auth,
    CheckStep,
    Delivery,
    Endpoint,
    Envelope,
    MailServerError,
    OutgoingProtocol,
    Security,
)
from beleg_smtp import sentences as say

if TYPE_CHECKING:
    from beleg_smtp.session import Session

_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"'
_ADDRESS = re.compile(rf"(?:{_QUOTED}|[^\x00-\x20\x7f<>@\"]+)@[^\x00-\x20\x7f<>@\"]+")
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 4
_BAD_BYTES = re.compile(rb"\0|(?<!\r)\n|\r(?!\n)")
_SIGN_IN_FIRST = (530, 534, 535, 538)
"""What a server answers to who should have signed in (RFC 4954 section 6)."""


class Smtp(OutgoingProtocol):
    """SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS (RFC 8314), AUTH (RFC 4954), SIZE (RFC 1870), SMTPUTF8 (RFC
    6531)."""

    name = "smtp"
    title = say.TITLE
    ports: Mapping[Security, int] = MappingProxyType({"starttls": 587, "tls": 465, "plain": 25})
    auths: Sequence[Auth] = ("login", "oauth2", "none")

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        """Connect, sign in, NOOP, QUIT: nothing is sent."""
        from beleg_smtp.session import Session

        at = {"host": endpoint.host, "port": endpoint.port}
        what, title = "reach", say.REACH
        session = Session(endpoint)
        try:
            session.reach()
            yield CheckStep("reach", say.REACH, True, say.REACHED, at, session.greeting)
            if endpoint.security != "plain":
                what, title = "tls", say.TLS
                session.protect()
                yield CheckStep("tls", say.TLS, True, say.PROTECTED, {"version": session.version})
            what, title = "sign_in", say.SIGN_IN
            _check_credentials(endpoint)
            session.sign_in()
            session.expect(2, session.command("NOOP"), say.TURNED_AWAY)
            said = say.NOBODY if endpoint.auth == "none" else say.SIGNED_IN
            yield CheckStep("sign_in", say.SIGN_IN, True, said, {"user": endpoint.user})
            session.quit()
        except MailServerError as error:
            yield CheckStep(what, title, False, error.sentence, error.values, error.server)
        finally:
            session.close()

    def send(self, endpoint: Endpoint, envelope: Envelope) -> Delivery:
        """Hand over a mail: `Delivery.refused` are the recipients that the server did not take while it took others.
        What can't be said to a server (line breaks in credentials and addresses) is refused before a connection."""
        from beleg_smtp.session import Session

        _check_credentials(endpoint)
        _check_envelope(envelope)
        session = Session(endpoint)
        try:
            session.reach()
            session.protect()
            session.sign_in()
            refused = self._hand_over_envelope(session, envelope)
            words = session.data(envelope.raw)
            session.quit()
        finally:
            session.close()
        return Delivery(words, refused)

    @staticmethod
    def _hand_over_envelope(session: Session, envelope: Envelope) -> dict[str, str]:
        """Say who sends and who receives; gives the recipients that were refused, with the server's words."""
        code, words = session.command(f"MAIL FROM:<{envelope.sender}>{_parameters(session, envelope)}")
        if code in _SIGN_IN_FIRST:
            raise session.error("sign_in", say.NOT_SIGNED_IN, words)
        session.expect(2, (code, words), say.SENDER_REFUSED, sender=envelope.sender)
        refused: dict[str, str] = {}
        later = False
        for recipient in envelope.recipients:
            code, words = session.command(f"RCPT TO:<{recipient}>")
            if code == 421:
                raise session.error("temporary", say.LATER, words)
            if code // 100 != 2:
                refused[recipient] = words
                later = later or code // 100 == 4
        if len(refused) == len(envelope.recipients):
            told = "; ".join(f"{recipient}: {words}" for recipient, words in refused.items())
            raise session.error("temporary" if later else "refused", say.RECIPIENTS_REFUSED, told)
        return refused


def _parameters(session: Session, envelope: Envelope) -> str:
    """What follows MAIL FROM, as far as the server offers it. Raises MailServerError where it lacks what this mail
    needs."""
    found = ""
    size = len(envelope.raw)
    if (most := session.offers("SIZE")) is not None:
        if _SIZE.fullmatch(most) and 0 < int(most) < size:
            raise session.error("refused", say.TOO_LARGE, size=size, most=most)
        found += f" SIZE={size}"
    addresses = [envelope.sender, *envelope.recipients]
    head, _, _ = envelope.raw.partition(b"\r\n\r\n")
    if not (all(each.isascii() for each in addresses) and head.isascii()):
        if session.offers("SMTPUTF8") is None:
            raise session.error("refused", say.NO_SMTPUTF8)
        session.speak_utf8()
        found += " SMTPUTF8 BODY=8BITMIME"  # which every server offers that offers SMTPUTF8 (RFC 6531 section 3.1)
    elif not envelope.raw.isascii():
        if session.offers("8BITMIME") is None:
            raise session.error("refused", say.NO_8BITMIME)
        found += " BODY=8BITMIME"
    return found


def _check_credentials(endpoint: Endpoint) -> None:
    """Raises MailServerError for what a line of the protocol can't hold."""
    if endpoint.auth == "apop":
        raise MailServerError("unsupported", say.NO_APOP)
    if endpoint.auth != "none" and re.search(r"[\r\n\0\x01]", endpoint.user + endpoint.secret.get_secret_value()):
        raise MailServerError("sign_in", say.BAD_CREDENTIALS)


def _check_envelope(envelope: Envelope) -> None:
    """Raises MailServerError for what a line of the protocol can't hold."""
    for address in (envelope.sender, *envelope.recipients):
        if not _ADDRESS.fullmatch(address) or _has_surrogate(address):
            raise MailServerError("refused", say.BAD_ADDRESS, address=ascii(address))
    if not envelope.recipients:
        raise MailServerError("refused", say.NO_RECIPIENTS)
    if _BAD_BYTES.search(envelope.raw):
        raise MailServerError("refused", say.BAD_BYTES)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
