"""POP3 as Beleg asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from beleg import (
    Auth,
    CheckStep,
    Endpoint,
    IncomingProtocol,
    Listed,
    MailboxSession,
    MailServerError,
    Security,
    Sentence,
    unreliable,
)
from beleg_pop3 import words

if TYPE_CHECKING:  # `poplib` and `ssl` are loaded by who speaks POP3, not by every command
    from beleg_pop3.connection import Connection

Step = Literal["reach", "tls", "sign_in"]


class Pop3(IncomingProtocol):
    """POP3 (RFC 1939) with STLS, TLS, APOP and XOAUTH2."""

    name = "pop3"
    title = words.POP3
    ports: Mapping[Security, int] = {"tls": 995, "starttls": 110, "plain": 110}
    auths: Sequence[Auth] = ("login", "apop", "oauth2")

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator[MailboxSession]:
        """A session; left without `commit` it ends without QUIT, and nothing is deleted."""
        with _connected(endpoint) as connection:
            for _ in _signed_in(connection, endpoint):
                pass
            yield Session(connection)

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        """Connect, sign in, count, and say goodbye."""
        titles: dict[str, Sentence] = {"reach": words.REACH, "tls": words.TLS, "sign_in": words.SIGN_IN}
        steps = ["reach", *(["tls"] if endpoint.security != "plain" else []), "sign_in"]
        done = 0
        try:
            with _connected(endpoint) as connection:
                for step, said in _signed_in(connection, endpoint):
                    values = {"host": endpoint.host, "port": endpoint.port, "user": endpoint.user, **said}
                    yield CheckStep(step, titles[step], True, _FOUND[step], values)
                    done += 1
                session = Session(connection)
                listed = session.listing()
                if fault := unreliable(listed):
                    raise fault
                size = sum(each.size for each in listed)
                session.commit()
                yield CheckStep("count", words.COUNT, True, words.COUNTED, {"count": len(listed), "size": size})
        except MailServerError as error:
            failed = steps[done] if done < len(steps) else "count"
            if not done and error.fault in ("sign_in", "unsupported"):  # what can't be sent is refused first of all
                failed = "sign_in"
            title = titles.get(failed, words.COUNT)
            yield CheckStep(failed, title, False, error.sentence, error.values, error.server)


_SIZE = re.compile(r"[0-9]{1,15}")
_FOUND: Mapping[str, Sentence] = {"reach": words.REACHED, "tls": words.ENCRYPTED, "sign_in": words.SIGNED_IN}


@contextmanager
def _connected(endpoint: Endpoint) -> Iterator[Connection]:
    from beleg_pop3.connection import Connection, sendable

    sendable(endpoint)
    connection = Connection(endpoint)
    try:
        yield connection
    finally:
        connection.close()


def _signed_in(connection: Connection, endpoint: Endpoint) -> Iterator[tuple[Step, dict[str, str]]]:
    """Go on to the sign-in; each step that is done, and what was found there."""
    if endpoint.security == "tls":
        yield "reach", {}
        yield "tls", {"version": connection.secure()}
        connection.greet()
    else:
        connection.greet()
        yield "reach", {}
        if endpoint.security == "starttls":
            yield "tls", {"version": connection.start_tls()}
    connection.sign_in()
    yield "sign_in", {}


class Session(MailboxSession):
    """A mailbox. After any fault it says nothing more, above all no QUIT."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, tuple[int, int]] = {}
        self._broken = False

    def listing(self) -> Sequence[Listed]:
        """What UIDL and LIST both name. What is in one of them alone came or went between them, and waits."""
        with self._talking():
            ids = dict(self._rows("UIDL"))
            sizes = dict(self._rows("LIST"))
            found = []
            for number in sorted(ids.keys() & sizes.keys()):
                if not _SIZE.fullmatch(sizes[number]):
                    raise self._nonsense()
                found.append(Listed(ids[number], int(sizes[number])))
                self._numbers[ids[number]] = number, int(sizes[number])
            return found

    def fetch(self, uid: str) -> bytes:
        """RETR."""
        with self._talking(words.NOT_GIVEN, uid=uid):
            number, size = self._number(uid)
            return self._connection.retr(number, size)

    def delete(self, uid: str) -> None:
        """DELE."""
        with self._talking(words.NOT_DELETED):
            self._connection.dele(self._number(uid)[0])

    def commit(self) -> None:
        """QUIT, which alone deletes; RFC 1939 lets a server delete a part and answer -ERR."""
        with self._talking(words.NOT_DELETED):
            self._connection.quit()
        self._broken = True

    def _rows(self, command: Literal["UIDL", "LIST"]) -> Iterator[tuple[int, str]]:
        from beleg_pop3.connection import Refused

        connection = self._connection
        try:
            lines = (connection.uidl() if command == "UIDL" else connection.list())[1]
        except Refused as refused:
            if command == "UIDL":
                raise connection.refusal(refused, "unsupported", words.NO_UIDL) from None
            raise
        seen = set()
        for line in lines:
            number, _, rest = line.decode("latin-1").strip(" ").partition(" ")
            if not (number.isascii() and number.isdigit() and len(number) < 10) or int(number) in seen:
                raise self._nonsense()
            seen.add(int(number))
            yield int(number), rest.strip(" ").partition(" ")[0] if command == "LIST" else rest.strip(" ")

    def _number(self, uid: str) -> tuple[int, int]:
        if uid not in self._numbers:
            raise MailServerError("protocol", words.NOT_THERE, uid=uid, host=self._connection.host)
        return self._numbers[uid]

    def _nonsense(self) -> MailServerError:
        where = {"host": self._connection.host, "port": self._connection.port}
        return MailServerError("protocol", words.NO_POP3, **where)

    @contextmanager
    def _talking(self, refusal: Sentence = words.TEMPORARY, **values: object) -> Iterator[None]:
        from beleg_pop3.connection import Refused

        if self._broken:
            raise MailServerError("protocol", words.ENDED, host=self._connection.host)
        try:
            yield
        except Refused as refused:
            self._broken = True
            raise self._connection.refusal(refused, "temporary", refusal, **values) from None
        except BaseException:
            self._broken = True
            raise
