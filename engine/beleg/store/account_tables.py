"""The schema of mail accounts and what belongs to them. Times are in seconds since 1970 UTC unless said otherwise;
`key` is a name as it is compared; secrets are stored encrypted (`beleg.vault`), and only so."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from beleg.store.tables import BigInt, Bytewise, Table, table_of


class GroupRow(Table, table=True):
    """A group: who receives and sends under one address, which is an ignored address (RULES.md section 2). `remote` is
    its id on a mail server of another make."""

    __tablename__ = "mail_group"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, sa_type=Bytewise)
    name: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    signature: int | None = Field(default=None, foreign_key="signature.id")
    remote: str | None = Field(default=None, sa_type=Bytewise)


class SignatureRow(Table, table=True):
    """A signature, plain text."""

    __tablename__ = "signature"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, sa_type=Bytewise)
    name: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class AccountRow(Table, table=True):
    """A mail account. `direction`: `in` or `out`; `protocol`: the plugin's name for it; `secret`: the password,
    encrypted, empty where there is none; `provider`: whose link it signs in with (OAuth2). `after`: what happens on the
    server after fetching (`keep`, `delete`, `later`: after `days`), `delete_too`: a mail that is deleted in Beleg is
    deleted there. `senders`: whose mail goes out here, one a line, or `*`.

    What happened: `fault` (a word of `beleg.mailserver.Fault`, empty: none), `error` as JSON {en, de}, `failed` and
    `succeeded`: when last, `failures` in a row, `due`: when next; `halted`: not tried again until a person did
    something."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("direction", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    direction: str = Field(sa_type=Bytewise)
    key: str = Field(sa_type=Bytewise)
    name: str = Field(sa_type=Text)
    protocol: str = Field(sa_type=Bytewise)
    host: str = Field(sa_type=Text)
    port: int
    security: str = Field(sa_type=Bytewise)
    auth: str = Field(sa_type=Bytewise)
    user_name: str = Field(sa_type=Text)
    secret: str = Field(sa_type=Text)
    provider: str = Field(sa_type=Bytewise)
    active: bool
    after: str = Field(sa_type=Bytewise)
    days: int
    delete_too: bool
    senders: str = Field(sa_type=Text)
    mail_group: int | None = Field(default=None, foreign_key="mail_group.id")
    fault: str = Field(sa_type=Bytewise)
    error: str = Field(sa_type=Text)
    failed: int | None = Field(default=None, sa_type=BigInteger)
    succeeded: int | None = Field(default=None, sa_type=BigInteger)
    failures: int
    due: int | None = Field(default=None, sa_type=BigInteger)
    halted: bool


class SeenRow(Table, table=True):
    """A mail that an account has fetched: its unique id there, its identity (`beleg.message.content_identity`), the
    size that the server says it has, the message that it is (null where it was erased), when it was first seen (by
    Beleg's own clock, `beleg.store.clock`), and what became of it on the server: `there`, `marked` (DELE was sent, and
    whether it was carried out is not known), `deleted`."""

    __tablename__ = "seen"
    __table_args__ = (
        Index("seen_message", "message"),
        Index("seen_state", "account", "state"),
        {"sqlite_with_rowid": False},
    )
    account: int = Field(primary_key=True, foreign_key="account.id")
    uid: str = Field(primary_key=True, sa_type=Bytewise)
    sha256: str = Field(sa_type=Bytewise)
    size: int = Field(sa_type=BigInteger)
    message: int | None = Field(default=None, sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Bytewise)


class ClockRow(Table, table=True):
    """Beleg's own clock (`beleg.store.clock`): what it stood at when a machine last looked at it, and how many seconds
    that machine had been running then. `boot` names the machine's start."""

    __tablename__ = "clock"
    boot: str = Field(primary_key=True, sa_type=Bytewise)
    running: int = Field(sa_type=BigInteger)
    stands: int = Field(sa_type=BigInteger)


class ArrivalRuleRow(Table, table=True):
    """The rule "Incoming: [name]": what arrives on an account goes to this group, with this state of work, to this
    person (null: the pool), with this topic."""

    __tablename__ = "arrival_rule"
    account: int = Field(primary_key=True, foreign_key="account.id")
    mail_group: int = Field(foreign_key="mail_group.id")
    work: str = Field(sa_type=Bytewise)
    owner: int | None = Field(default=None, foreign_key="person.id")
    topic: int | None = Field(default=None, foreign_key="topic.id")


class FilterRow(Table, table=True):
    """A saved search, shown at the inbox's side. `role` is what a filter that Beleg made shows (`beleg.accounts`), for
    it is named in the reader's language then; `criteria` is JSON; `position` orders them among those of one parent."""

    __tablename__ = "mail_filter"
    id: int | None = Field(default=None, primary_key=True)
    role: str | None = Field(default=None, sa_type=Bytewise)
    name: str = Field(sa_type=Text)
    mail_group: int | None = Field(default=None, foreign_key="mail_group.id")
    parent: int | None = Field(default=None, foreign_key="mail_filter.id")
    criteria: str = Field(sa_type=Text)
    position: int


class TopicRow(Table, table=True):
    """A topic in the tree of topics."""

    __tablename__ = "topic"
    id: int | None = Field(default=None, primary_key=True)
    parent: int | None = Field(default=None, foreign_key="topic.id")
    key: str = Field(sa_type=Bytewise)
    name: str = Field(sa_type=Text)


class TagRow(Table, table=True):
    """A tag."""

    __tablename__ = "tag"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, sa_type=Bytewise)
    name: str = Field(sa_type=Text)


class MessageTagRow(Table, table=True):
    """A tag on a message."""

    __tablename__ = "message_tag"
    __table_args__ = (Index("message_tag_tag", "tag", "message"), {"sqlite_with_rowid": False})
    message: int = Field(primary_key=True, foreign_key="message.id", sa_type=BigInteger)
    tag: int = Field(primary_key=True, foreign_key="tag.id")


class OutgoingRow(Table, table=True):
    """A mail that is written or sent. `state`: `draft`, `queued`, `sending`, `sent`, `failed`, `unclear`. `recipients`
    is JSON {to, cc, bcc}; `raw` the bytes to send, packed, made once when it is queued; `answers` the message that it
    replies to or forwards (`kind`: `new`, `reply`, `forward`); `said` the server's words, JSON {en, de}; `message` the
    stored message that it became; `tries`, `due`: how often it was tried, and when next."""

    __tablename__ = "outgoing"
    __table_args__ = (Index("outgoing_state", "state", "due"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    state: str = Field(sa_type=Bytewise)
    kind: str = Field(sa_type=Bytewise)
    person: int | None = Field(default=None, foreign_key="person.id", index=True)
    mail_group: int | None = Field(default=None, foreign_key="mail_group.id", index=True)
    account: int | None = Field(default=None)
    sender: str = Field(sa_type=Text)
    recipients: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    answers: int | None = Field(default=None, index=True, sa_type=BigInteger)
    message_id: str | None = Field(default=None, sa_type=Bytewise)
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    message: int | None = Field(default=None, index=True, sa_type=BigInteger)
    said: str = Field(sa_type=Text)
    tries: int
    due: int | None = Field(default=None, sa_type=BigInteger)
    changed: int = Field(sa_type=BigInteger)
    deleted: bool


class OutgoingFileRow(Table, table=True):
    """An attachment of a mail that is written: its name, type and bytes."""

    __tablename__ = "outgoing_file"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    outgoing: int = Field(foreign_key="outgoing.id", index=True, sa_type=BigInt)
    name: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    data: bytes = Field(sa_type=LargeBinary)


class ProviderRow(Table, table=True):
    """How Beleg is known to an OAuth2 provider: `fields` as JSON (client id, tenant, addresses that differ from the
    preset), `secret` the client's secret, encrypted."""

    __tablename__ = "oauth_provider"
    name: str = Field(primary_key=True, sa_type=Bytewise)
    fields: str = Field(sa_type=Text)
    secret: str = Field(sa_type=Text)


class LinkRow(Table, table=True):
    """A mailbox that is linked with a provider, for all accounts that sign in with this user name. `tokens` is JSON,
    encrypted; `state`: `linked`, `again` (it must be linked again), `consent` (an administrator of the provider must
    agree first); `expires`: of the access token; `ends`: when the link ends unless it is renewed, null: never."""

    __tablename__ = "oauth_link"
    __table_args__ = (UniqueConstraint("provider", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    provider: str = Field(sa_type=Bytewise)
    key: str = Field(sa_type=Bytewise)
    tokens: str = Field(sa_type=Text)
    state: str = Field(sa_type=Bytewise)
    error: str = Field(sa_type=Text)
    linked: int | None = Field(default=None, sa_type=BigInteger)
    expires: int | None = Field(default=None, sa_type=BigInteger)
    ends: int | None = Field(default=None, sa_type=BigInteger)


class LinkRequestRow(Table, table=True):
    """A sign-in at a provider that has begun, for the link of `provider` and `key`; it comes back to `account`, at the
    address `redirect`. `state` is the sha256 of OAuth2's state, `verifier` that of PKCE, encrypted (empty: it is an
    administrator who is asked for his consent); `browser` ties it to the session that began it."""

    __tablename__ = "oauth_request"
    state: str = Field(primary_key=True, sa_type=Bytewise)
    account: int = Field(foreign_key="account.id")
    person: int | None = Field(default=None, foreign_key="person.id")
    provider: str = Field(sa_type=Bytewise)
    key: str = Field(sa_type=Bytewise)
    redirect: str = Field(sa_type=Text)
    browser: str = Field(sa_type=Bytewise)
    verifier: str = Field(sa_type=Text)
    at: int = Field(sa_type=BigInteger)


class ServerRow(Table, table=True):
    """A mail server of another make: `fields` as JSON (`beleg.mailserver.ServerSettings` without its secret), `secret`
    the password, encrypted; at most one is active, and none where Beleg's own serves the company. `managed`: the
    provider manages the account; `error`, `failed`, `succeeded`, `failures`, `due`, `halted` as of an account;
    `read_to`: how far its mails are read."""

    __tablename__ = "mail_server"
    name: str = Field(primary_key=True, sa_type=Bytewise)
    active: bool
    managed: bool
    fields: str = Field(sa_type=Text)
    secret: str = Field(sa_type=Text)
    fault: str = Field(sa_type=Bytewise)
    error: str = Field(sa_type=Text)
    failed: int | None = Field(default=None, sa_type=BigInteger)
    succeeded: int | None = Field(default=None, sa_type=BigInteger)
    failures: int
    due: int | None = Field(default=None, sa_type=BigInteger)
    halted: bool
    read_to: int = Field(sa_type=BigInteger)


class ServerMailRow(Table, table=True):
    """A mail of such a server: its id there, the message that it is, whether that server deleted it, what it says is
    wrong with it, and the contact that was written back to it."""

    __tablename__ = "server_mail"
    __table_args__ = (Index("server_mail_message", "message"), {"sqlite_with_rowid": False})
    server: str = Field(primary_key=True, foreign_key="mail_server.name", sa_type=Bytewise)
    item: str = Field(primary_key=True, sa_type=Bytewise)
    sha256: str = Field(sa_type=Bytewise)
    message: int | None = Field(default=None, sa_type=BigInteger)
    deleted: bool
    error: str = Field(sa_type=Text)
    contact: str = Field(sa_type=Text)


mail_group = table_of(GroupRow)
signature = table_of(SignatureRow)
account = table_of(AccountRow)
seen = table_of(SeenRow)
clock = table_of(ClockRow)
arrival_rule = table_of(ArrivalRuleRow)
mail_filter = table_of(FilterRow)
topic = table_of(TopicRow)
tag = table_of(TagRow)
message_tag = table_of(MessageTagRow)
outgoing = table_of(OutgoingRow)
outgoing_file = table_of(OutgoingFileRow)
oauth_provider = table_of(ProviderRow)
oauth_link = table_of(LinkRow)
oauth_request = table_of(LinkRequestRow)
mail_server = table_of(ServerRow)
server_mail = table_of(ServerMailRow)
