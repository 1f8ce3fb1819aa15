"""Mail servers of another make: which one serves the company, how it is reached, and reading its mail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from pydantic import SecretStr

from beleg.mailserver import (
    CheckStep,
    Fault,
    ItemKind,
    LinkState,
    MailServerError,
    Sentence,
    ServerItem,
    ServerLink,
    ServerProtocol,
)

if TYPE_CHECKING:
    from beleg.accounts import Accounts


class ServerFields(TypedDict, total=False):
    """What can be said of a mail server: see `beleg.mailserver.ServerSettings`. `password` None leaves it as it is.
    `managed`: the provider manages the account, so user name and password are locked."""

    address: str
    user: str
    password: SecretStr | None
    client_id: str
    server_name: str
    authorities: str
    allow_private: bool
    allow_redirects: bool
    seconds: float
    managed: bool


@dataclass(frozen=True)
class ServerView:
    """A mail server of another make as pages show it, without its secret. `saved`: someone entered settings;
    `has_secret`: a password is stored; `active`: it serves the company; `fault` to `halted` as of an account;
    `mails`: how many of its mails were read; `limits` and `requirements` as of a `ServerProtocol`."""

    name: str
    title: Sentence
    limits: Sequence[Sentence]
    requirements: Sequence[Sentence]
    saved: bool = False
    active: bool = False
    managed: bool = False
    address: str = ""
    user: str = ""
    has_secret: bool = False
    client_id: str = ""
    server_name: str = ""
    authorities: str = ""
    allow_private: bool = False
    allow_redirects: bool = False
    seconds: float = 30.0
    fault: Fault | None = None
    error: Mapping[str, str] | None = None
    failed: int | None = None
    succeeded: int | None = None
    failures: int = 0
    due: int | None = None
    halted: bool = False
    mails: int = 0


class Mark(NamedTuple):
    """What a mail server says of a mail that was read from it: whose word it is, its id there, whether it was deleted
    there, what is wrong with it, and the contact that Beleg wrote on it."""

    server: Sentence
    item: str
    deleted: bool
    error: str
    contact: str


@dataclass
class ReadReport:
    """What reading did: `busy`: another is at it, so nothing; how many mails were `new`, how many had been stored
    before (`known`), how many marks of the server changed (`marked`), how many groups are mirrored, how many messages
    were `decided`, on how many mails a contact was `written`; `skipped`: what went wrong with single mails, by their
    ids there (they are tried again); `error`: why it was broken off."""

    busy: bool = False
    groups: int = 0
    new: int = 0
    known: int = 0
    marked: int = 0
    decided: int = 0
    written: int = 0
    skipped: dict[str, MailServerError] = field(default_factory=dict)
    error: MailServerError | None = None


@dataclass(frozen=True)
class NewAccount:
    """A new account there, and what it brings: `incoming` and `outgoing` are the fields of the two accounts (see
    `beleg.mailserver.ItemKind`; both get this `name`), `address` is that of the group."""

    name: str
    address: str
    incoming: Mapping[str, Any]
    outgoing: Mapping[str, Any]
    signature: str = ""


@dataclass(frozen=True)
class Created:
    """What became of a new account: what was `made` (kind, id, name), and what could not be (`left`): after an `error`,
    what could not be undone; else what a person has to do on that server."""

    made: Sequence[tuple[ItemKind, str, str]]
    left: Sequence[Sentence]
    error: MailServerError | None = None


class Servers:
    """The mail servers of another make that are installed. `by` is always who does it, for the journal."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.database = accounts.database

    # --- which one, and how it is reached --------------------------------------------------------------------------

    def available(self) -> dict[str, ServerProtocol]:
        """What is installed, by name."""
        raise NotImplementedError

    def active(self) -> str | None:
        """The name of the one that serves the company; None: Beleg's own accounts do."""
        raise NotImplementedError

    def settings_view(self, name: str) -> ServerView:
        """How one is set up; the defaults where nothing is saved yet. Never a secret. Raises NotFound."""
        raise NotImplementedError

    def save(self, name: str, by: str, *, unlocked: bool = False, **fields: Unpack[ServerFields]) -> ServerView:
        """Store settings; what is not given stays. What went wrong before is forgotten, so that it is tried again. A
        client id is made where there is none. Raises NotFound; InputError, also where another user name or password is
        given though the provider manages the account (unless `unlocked`), and where the address changes and the
        password is not given again (it is for the server that it was stored for)."""
        raise NotImplementedError

    def use(self, name: str | None, by: str) -> None:
        """Let this one serve the company, and no other; None: Beleg's own. Raises NotFound; InputError where it is not
        set up yet."""
        raise NotImplementedError

    def check(self, name: str, **fields: Unpack[ServerFields]) -> Iterator[CheckStep]:
        """Try the stored settings, with what the fields say otherwise, step by step; stores nothing. Raises NotFound,
        InputError."""
        raise NotImplementedError

    # --- reading ---------------------------------------------------------------------------------------------------

    def due(self, now: float) -> bool:
        """Whether there is an active one that is to be read now."""
        raise NotImplementedError

    def read(self, now: float) -> ReadReport:
        """Read what is new on the active one: groups, mails, marks; decide the mails (as the settings say) and write
        contacts back. How it went is written down. One at a time. Raises NotFound where none is active."""
        raise NotImplementedError

    def marks(self, rows: Collection[int]) -> dict[int, list[Mark]]:
        """What mail servers say of some messages, by row number."""
        raise NotImplementedError

    # --- what the active one keeps ---------------------------------------------------------------------------------
    # All raise NotFound where none is active, and MailServerError.

    def items(self, kind: ItemKind) -> list[ServerItem]:
        """All that it keeps of a kind."""
        raise NotImplementedError

    def new_account(self, account: NewAccount, by: str) -> Created:
        """Make an account that fetches, one that sends, a group, a signature and filters there. That can't be one
        transaction: where something fails, what was made is deleted again, as far as that server can."""
        raise NotImplementedError

    def change_item(self, kind: ItemKind, id: str, by: str, fields: Mapping[str, Any]) -> None:
        """Change these fields of one; the rest stays."""
        raise NotImplementedError

    def remove_item(self, kind: ItemKind, id: str, by: str) -> None:
        """Delete one."""
        raise NotImplementedError

    def check_account(self, kind: ItemKind, fields: Mapping[str, Any]) -> list[CheckStep]:
        """Let it try the settings of an account."""
        raise NotImplementedError

    def begin_link(self, kind: ItemKind, host: str, redirect_url: str, language: str) -> ServerLink:
        """Begin to link an account with its provider (OAuth2)."""
        raise NotImplementedError

    def link_state(self, kind: ItemKind, link: ServerLink) -> LinkState:
        """How far that is."""
        raise NotImplementedError
