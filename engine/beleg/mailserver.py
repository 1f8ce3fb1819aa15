"""What a plugin for mail servers supplies: the ways in (POP3), the ways out (SMTP), whole servers (GREYHOUND).

A protocol knows one server's language and nothing of Beleg: no database, no accounts, no rules. What is stored, when
something is deleted and what is tried again is decided by `beleg.accounts`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self

from pydantic import SecretStr

Security = Literal["plain", "starttls", "tls"]
"""How a connection is protected: not at all, by TLS that the server is asked for, by TLS from the first byte."""
Auth = Literal["none", "login", "apop", "oauth2"]
"""How one signs in: not at all, by name and password, by a digest of the password (RFC 1939), by a token."""
Fault = Literal[
    "unreachable", "tls", "sign_in", "busy", "temporary", "account", "refused", "protocol", "unclear", "unsupported"
]
"""What is wrong, as far as it matters for what happens next:

`unreachable`, `busy`, `temporary`, `protocol`: tried again later (no connection or one that broke; another session has
the mailbox; the server says so itself; an answer that is none). `tls`, `sign_in`, `account`, `unsupported`: a person
must do something (a certificate that is not trusted or TLS that is missing; the password or the link; unique ids that
can't be relied on; what the server or the protocol lacks). `refused`: a mail or a recipient was refused for good.
`unclear`: the connection was lost after the mail was handed over: it may have been sent.
"""


class Sentence(NamedTuple):
    """A sentence in each language, `{name}` in place of values: a plugin brings its own."""

    en: str
    de: str

    def say(self, language: str, values: Mapping[str, object] = MappingProxyType({})) -> str:
        """The sentence in a language (English where it is neither), with its values."""
        text = self.de if language == "de" else self.en
        return text.format_map({name: str(value) for name, value in values.items()}) if values else text


class MailServerError(Exception):
    """Something with a mail server went wrong: the kind of fault, a sentence with its values that says what was wrong
    and what to do, and the server's own words, if it had any. Never holds a secret."""

    def __init__(self, fault: Fault, sentence: Sentence, server: str = "", /, **values: object) -> None:
        self.fault = fault
        self.sentence = sentence
        self.server = server
        self.values = values
        super().__init__(self.say("en"))

    def say(self, language: str) -> str:
        """All of it in one text."""
        said = self.sentence.say(language, self.values)
        return f"{said} ({self.server})" if self.server else said


NO_SECRET = SecretStr("")


@dataclass(frozen=True)
class Endpoint:
    """A server, and how to sign in there. `secret` is the password or, with `oauth2`, the access token; `authorities`
    are certificates in PEM that are trusted besides the system's; `server_name` is the name that the certificate must
    have, where it is another than `host`; `seconds` is the limit on each wait for the server."""

    host: str
    port: int
    security: Security = "tls"
    auth: Auth = "login"
    user: str = ""
    secret: SecretStr = NO_SECRET
    authorities: str = ""
    server_name: str = ""
    seconds: float = 60.0

    def with_secret(self, secret: SecretStr) -> Self:
        """The same, signed in to with another secret."""
        return replace(self, secret=secret)


@dataclass(frozen=True)
class CheckStep:
    """One thing that "check settings" looked at, in order: `what` is its name (`reach`, `tls`, `sign_in`, `count`,
    `version`), `title` how it is called, `said` what was found there. The last one may have failed."""

    what: str
    title: Sentence
    ok: bool
    said: Sentence
    values: Mapping[str, object] = field(default_factory=dict)
    server: str = ""


class Listed(NamedTuple):
    """A mail on the server: its unique id, and its size in bytes."""

    uid: str
    size: int


_UID = re.compile(r"[!-~]{1,70}")
_BAD_IDS = Sentence(
    "The server gives unique ids that can't be relied on ({fault}), so nothing is fetched and nothing is deleted; its "
    "administrator must repair that.",
    "Der Server vergibt Kennungen, auf die kein Verlass ist ({fault}); darum wird nichts abgerufen und nichts "
    "gelöscht. Sein Administrator muss das beheben.",
)


def unreliable(listing: Iterable[Listed]) -> MailServerError | None:
    """What is wrong with the unique ids of a listing: 1 to 70 characters from 0x21 to 0x7E, and each once (RFC 1939
    section 7, which lets identical copies share one: which of them would be deleted can't be told then)."""
    seen: set[str] = set()
    for uid, _ in listing:
        if not _UID.fullmatch(uid) or uid in seen:
            return MailServerError("account", _BAD_IDS, fault=repr(uid[:70]))
        seen.add(uid)
    return None


class MailboxSession(ABC):
    """A session with a mailbox that is signed in to. After any error it can't be used further; nothing that was marked
    is deleted then."""

    @abstractmethod
    def listing(self) -> Sequence[Listed]:
        """What lies there now. Unique ids are given as they come, faulty and repeated ones too: the caller judges."""

    @abstractmethod
    def fetch(self, uid: str) -> bytes:
        """A whole mail, byte for byte, with CRLF line ends."""

    @abstractmethod
    def delete(self, uid: str) -> None:
        """Mark a mail; it is deleted by `commit` alone."""

    @abstractmethod
    def commit(self) -> None:
        """End the session, and delete what is marked. Returns only where the server said that it did."""


class Protocol(ABC):
    """A language of mail servers. `name` is how accounts name it, `ports` the usual port by security, `auths` how one
    can sign in (the usual first)."""

    name: str
    title: Sentence
    ports: Mapping[Security, int]
    auths: Sequence[Auth]

    @abstractmethod
    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        """Connect, sign in, and look, step by step; changes nothing on the server. Ends with the first that failed;
        raises nothing for what a server does."""


class IncomingProtocol(Protocol):
    """A language in which mail is fetched. All methods of a session raise MailServerError."""

    @abstractmethod
    def open(self, endpoint: Endpoint) -> AbstractContextManager[MailboxSession]:
        """A session; leaving it without `commit` closes the connection, and nothing is deleted."""


class Envelope(NamedTuple):
    """A mail to send: from whom, to whom (addresses alone), and its bytes with CRLF line ends."""

    sender: str
    recipients: Sequence[str]
    raw: bytes


class Delivery(NamedTuple):
    """What became of a mail that the server took: its words, and the recipients that it refused, with its words."""

    said: str
    refused: Mapping[str, str]


class OutgoingProtocol(Protocol):
    """A language in which mail is sent."""

    @abstractmethod
    def send(self, endpoint: Endpoint, envelope: Envelope) -> Delivery:
        """Hand over a mail. Raises MailServerError: `refused` where it was not taken for any recipient, `unclear` where
        it may have been taken, else it surely was not."""


# --- servers that keep accounts of their own -----------------------------------------------------------------------


@dataclass(frozen=True)
class ServerSettings:
    """How a mail server of another make is reached. `address` is a host or an https URL; `client_id` names this
    installation to the server; `authorities` and `server_name` as in `Endpoint`. Redirects, and private and link-local
    addresses, are followed only where it is allowed."""

    address: str
    user: str
    secret: SecretStr
    client_id: str = ""
    server_name: str = ""
    authorities: str = ""
    allow_private: bool = False
    allow_redirects: bool = False
    seconds: float = 30.0


class ServerItem(NamedTuple):
    """Something that the server keeps (an account, a group, a signature, a filter): its id there, its name, and the
    fields that Beleg understands, under the names that this module gives them."""

    id: str
    name: str
    fields: Mapping[str, Any]


class ServerMail(NamedTuple):
    """A mail that the server has: its id there, the id of its group, and the marks that the server put on it:
    `deleted`, `failed` (what it says is wrong), `done`, `spam`; `unfinished`: it is still being written, and not to be
    read yet."""

    id: str
    group: str | None
    deleted: bool = False
    failed: str = ""
    done: bool = False
    spam: bool = False
    unfinished: bool = False


class ServerLink(NamedTuple):
    """A sign-in at a provider that the server has begun: where the person goes, and what it is asked by later."""

    identifier: str
    kind: str
    url: str


LinkState = Literal["none", "pending", "finished", "failed"]
ItemKind = Literal["incoming", "outgoing", "group", "signature", "filter"]
"""What such a server keeps. The fields of each, all of them optional (`secret` is never given back):

`incoming`: name, protocol (`pop3`), host, port, security, auth, user, secret, active, after (`keep`, `delete`,
`later`), days, delete_too; read alone: error (the server's words), failures. `outgoing`: name, host, port, security,
auth, user, secret, active, senders (a list); read alone: error. `group`: name, address. `signature`: name, text, html,
group (the id of the group whose default it is). `filter`: name, shows (as `beleg.accounts.model.Role`), group, parent
(ids).
"""


class ServerSession(ABC):
    """A session with such a server. All methods raise MailServerError; `unsupported` for what it does not offer."""

    @abstractmethod
    def items(self, kind: ItemKind) -> Sequence[ServerItem]:
        """All that it keeps of a kind."""

    @abstractmethod
    def create(self, kind: ItemKind, fields: Mapping[str, Any]) -> str:
        """Make one; returns its id."""

    @abstractmethod
    def change(self, kind: ItemKind, id: str, fields: Mapping[str, Any]) -> None:
        """Change these fields of one; what the server keeps besides stays."""

    @abstractmethod
    def remove(self, kind: ItemKind, id: str) -> None:
        """Delete one."""

    @abstractmethod
    def check_account(self, kind: ItemKind, fields: Mapping[str, Any]) -> Sequence[CheckStep]:
        """Let the server try an account's settings."""

    @abstractmethod
    def begin_link(self, kind: ItemKind, host: str, redirect_url: str, language: str) -> ServerLink:
        """Begin to link an account with its provider."""

    @abstractmethod
    def link_state(self, kind: ItemKind, link: ServerLink) -> LinkState:
        """How far that is."""

    @abstractmethod
    def mails(self, groups: Collection[str], offset: int) -> Sequence[ServerMail]:
        """A page of mails of these groups (none: of all), the newest (by id) first, from the offset on; empty at the
        end. Where a server does not keep to that order, the caller sees it by the ids."""

    @abstractmethod
    def raw(self, id: str) -> bytes:
        """A mail's bytes."""

    @abstractmethod
    def thread(self, id: str) -> Sequence[str]:
        """The ids of the mails that the server ties to this one."""

    @abstractmethod
    def write_contact(self, id: str, contact: str, remark: str) -> None:
        """Write on a mail that it is about a contact, by the id that the contact has on that server."""


class ServerProtocol(ABC):
    """A mail server with accounts, groups and mail of its own. `reference` is the kind of reference under which a
    contact record carries its id on that server; `limits` say what can't be done there through Beleg, `requirements`
    what it takes."""

    name: str
    title: Sentence
    reference: str
    limits: Sequence[Sentence]
    requirements: Sequence[Sentence]

    @abstractmethod
    def check(self, settings: ServerSettings) -> Iterator[CheckStep]:
        """As `Protocol.check`: reachable, TLS, version, sign-in."""

    @abstractmethod
    def open(self, settings: ServerSettings) -> AbstractContextManager[ServerSession]:
        """A session."""


MailServer = IncomingProtocol | OutgoingProtocol | ServerProtocol
