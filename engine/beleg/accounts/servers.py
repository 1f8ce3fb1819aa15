"""Mail servers of another make: which one serves the company, how it is reached, and what it keeps there.

How its mail is read is `beleg.accounts.reading`.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack
from urllib.parse import urlsplit

from pydantic import SecretStr

from beleg.accounts import entered
from beleg.accounts.creating import OF_GROUP
from beleg.accounts.model import ARRIVAL, ROLES, Role
from beleg.accounts.reading import HALTING, ReadReport, mirror, read_mail
from beleg.errors import InputError, NotFound
from beleg.mailserver import (
    NO_SECRET,
    CheckStep,
    Fault,
    ItemKind,
    LinkState,
    MailServerError,
    Sentence,
    ServerItem,
    ServerLink,
    ServerProtocol,
    ServerSession,
    ServerSettings,
)
from beleg.store import DatabaseError
from beleg.store import servers as store
from beleg.store.exclusive import only_one

if TYPE_CHECKING:
    from beleg.accounts import Accounts

LONGEST_WAIT = 60 * 60
"""Seconds between two tries after many failures."""
_log = logging.getLogger(__name__)


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
    there, what is wrong with it, and the records (`contact:K-5`) that Beleg wrote on it, or that the server refused."""

    server: Sentence
    item: str
    deleted: bool
    error: str
    written: Sequence[str]
    refused: Sequence[str]


@dataclass(frozen=True)
class NewAccount:
    """A new account there, and what it brings: `incoming` and `outgoing` are the fields of the two accounts (see
    `beleg.mailserver.ItemKind`; both get this `name`), `address` is that of the group, `language` that of the filters'
    names."""

    name: str
    address: str
    incoming: Mapping[str, Any]
    outgoing: Mapping[str, Any]
    signature: str = ""
    language: str = "en"


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
        found = self.accounts.installed.mail_servers
        return {name: each for name, each in found.items() if isinstance(each, ServerProtocol)}

    def active(self) -> str | None:
        """The name of the one that serves the company; None: Beleg's own accounts do."""
        with self.accounts.reading() as connection:
            row = store.active_server(connection)
        return row.name if row else None

    def settings_view(self, name: str) -> ServerView:
        """How one is set up; the defaults where nothing is saved yet. Never a secret. Raises NotFound."""
        protocol = self._protocol(name)
        with self.accounts.reading() as connection:
            row = store.one_server(connection, name)
            mails = store.count(connection, name) if row else 0
        view: dict[str, Any] = {
            "name": name,
            "title": protocol.title,
            "limits": protocol.limits,
            "requirements": protocol.requirements,
        }
        if row is None:
            return ServerView(**view)
        fields = json.loads(row.fields)
        return ServerView(
            **view,
            **{each: fields[each] for each in _DEFAULTS if each in fields},
            saved=True,
            active=bool(row.active),
            managed=bool(row.managed),
            has_secret=bool(row.secret),
            fault=row.fault or None,
            error=json.loads(row.error) if row.error else None,
            failed=row.failed,
            succeeded=row.succeeded,
            failures=row.failures,
            due=row.due,
            halted=bool(row.halted),
            mails=mails,
        )

    def save(self, name: str, by: str, *, unlocked: bool = False, **fields: Unpack[ServerFields]) -> ServerView:
        """Store settings; what is not given stays. What went wrong before is forgotten, so that it is tried again. A
        client id is made where there is none. Raises NotFound; InputError, also where another user name or password is
        given though the provider manages the account (unless `unlocked`), and where the address changes and the
        password is not given again (it is for the server that it was stored for)."""
        self._protocol(name)
        with self.accounts.writing() as connection:
            row = store.one_server(connection, name)
            before = {**_DEFAULTS, **(json.loads(row.fields) if row else {})}
            given = _checked(fields)
            password = given.pop("password", None)
            managed = given.pop("managed", bool(row and row.managed))
            after = {**before, **given}
            if not after["address"] or not after["user"]:
                raise InputError("a mail server needs an address and a user name")
            touched = after["user"] != before["user"] or password is not None or not managed
            if row is not None and row.managed and touched and not unlocked:
                raise InputError(
                    "the provider manages this account: changing its user name or password may cut the connection; "
                    "unlock it first"
                )
            _told_again(row, before, after, password)
            after["client_id"] = after["client_id"] or secrets.token_hex(16)
            values = {
                "fields": json.dumps(after, ensure_ascii=False), "managed": managed,
                "fault": "", "error": "", "failures": 0, "due": None, "halted": False,
            }  # fmt: skip
            if password is not None:
                values["secret"] = self.accounts.vault.seal(password)
            store.set_server(connection, name, values)
            changed = [each for each in after if after[each] != before[each]]
            if changed or password is not None or row is None or managed != row.managed:
                self.accounts.note(
                    connection, by, "mailserver.change", name,
                    before={each: before[each] for each in changed}, after={each: after[each] for each in changed},
                )  # fmt: skip
        return self.settings_view(name)

    def use(self, name: str | None, by: str) -> None:
        """Let this one serve the company, and no other; None: Beleg's own. Raises NotFound; InputError where it is not
        set up yet."""
        if name is not None:
            self._protocol(name)
        with self.accounts.writing() as connection:
            row = store.active_server(connection)
            before = row.name if row else None
            if name is not None and store.one_server(connection, name) is None:
                raise InputError("%(server)s is not set up yet: enter its address and user name first", server=name)
            store.use(connection, name)
            if before != name:
                self.accounts.note(connection, by, "mailserver.use", name or "beleg", before=before, after=name)

    def check(self, name: str, **fields: Unpack[ServerFields]) -> Iterator[CheckStep]:
        """Try the stored settings, with what the fields say otherwise, step by step; stores nothing. Raises NotFound,
        InputError."""
        protocol = self._protocol(name)
        with self.accounts.reading() as connection:
            row = store.one_server(connection, name)
        before = {**_DEFAULTS, **(json.loads(row.fields) if row else {})}
        given = _checked(fields)
        password = given.pop("password", None)
        given.pop("managed", None)
        after = {**before, **given}
        if not after["address"] or not after["user"]:
            raise InputError("a mail server needs an address and a user name")
        _told_again(row, before, after, password)
        if password is None:
            password = self.accounts.vault.open(row.secret) if row and row.secret else NO_SECRET
        after["client_id"] = after["client_id"] or secrets.token_hex(16)
        return protocol.check(ServerSettings(secret=password, **after))

    # --- reading ---------------------------------------------------------------------------------------------------

    def due(self, now: float) -> bool:
        """Whether there is an active one that is to be read now."""
        with self.accounts.reading() as connection:
            row = store.active_server(connection)
        # What is due later than any wait was due before the clock was set.
        return row is not None and not row.halted and not (row.due and now < row.due <= now + LONGEST_WAIT)

    def read(self, now: float, stop: threading.Event | None = None) -> ReadReport:
        """Read what is new on the active one: groups, mails, marks; decide the mails (as the settings say) and write
        contacts back, until it is done or is to `stop`. How it went is written down. One at a time. Raises NotFound
        where none is active."""
        name = self._active()
        report = ReadReport()
        with only_one(self.database, f"server:{name}") as mine:
            if not mine:
                report.busy = True
                return report
            try:
                with self.session(name) as session:
                    reference = self._protocol(name).reference
                    read_mail(self.accounts, name, reference, session, report, stop or threading.Event())
            except MailServerError as error:
                report.error = error
            except DatabaseError as error:
                report.error = MailServerError("temporary", _NOT_STORED, str(error))
            except InputError as error:  # no key, or no plugin
                report.error = MailServerError("temporary", _NOT_READY, fault=str(error))
            except Exception as error:
                _log.exception("reading the mail server %r failed", name)
                report.error = MailServerError("temporary", _INTERNAL, fault=type(error).__name__)
            with suppress(DatabaseError):
                self._settled(name, report, int(now))
        return report

    def read_due(self, stop: threading.Event) -> None:
        """Read the active one, if it is time; for work in the background: what goes wrong is in the log."""
        now = time.time()
        if self.due(now):
            report = self.read(now, stop)
            for fault in (report.error, *report.skipped.values(), *report.failed):
                if fault:
                    _log.warning("mail server: %s", fault)

    def marks(self, rows: Collection[int]) -> dict[int, list[Mark]]:
        """What mail servers say of some messages, by row number."""
        titles = {name: each.title for name, each in self.available().items()}
        found: dict[int, list[Mark]] = {}
        with self.accounts.reading() as connection:
            for row in store.marks(connection, rows):
                title = titles.get(row.server, Sentence(row.server, row.server))
                mark = Mark(title, row.item, bool(row.deleted), row.error, *store.written(row.contact))
                found.setdefault(row.message, []).append(mark)
        return found

    # --- what the active one keeps ---------------------------------------------------------------------------------
    # All raise NotFound where none is active, and MailServerError.

    def items(self, kind: ItemKind) -> list[ServerItem]:
        """All that it keeps of a kind."""
        with self.session(self._active()) as session:
            return list(session.items(kind))

    def accounts_there(self, seconds: float) -> dict[ItemKind, list[ServerItem]]:
        """Its accounts, where each answer takes no longer than these seconds: for a page that someone waits for."""
        with self.session(self._active(), seconds) as session:
            kinds: tuple[ItemKind, ...] = ("incoming", "outgoing")
            return {kind: list(session.items(kind)) for kind in kinds}

    def new_account(self, account: NewAccount, by: str) -> Created:
        """Make an account that fetches, one that sends, a group, a signature and filters there. That can't be one
        transaction: where something fails, what was made is deleted again, as far as that server can."""
        name, address = entered.name(account.name), entered.address(account.address)
        server = self._active()
        with self.session(server) as session:
            created = _Making(self.accounts, server, session).all_of(name, address, account)
        with self.accounts.writing() as connection:
            there = [f"{kind} {id_}" for kind, id_, _ in created.made]
            self.accounts.note(connection, by, "mailserver.create", f"{server}: {name}", after=there)
        return created

    def change_item(self, kind: ItemKind, id: str, by: str, fields: Mapping[str, Any]) -> None:
        """Change these fields of one; the rest stays."""
        server = self._active()
        with self.session(server) as session:
            session.change(kind, id, fields)
        with self.accounts.writing() as connection:
            told = {name: value for name, value in fields.items() if name != "secret"}
            self.accounts.note(connection, by, "mailserver.item", f"{server}: {kind} {id}", after=told)

    def remove_item(self, kind: ItemKind, id: str, by: str) -> None:
        """Delete one."""
        server = self._active()
        with self.session(server) as session:
            session.remove(kind, id)
        with self.accounts.writing() as connection:
            self.accounts.note(connection, by, "mailserver.remove", f"{server}: {kind} {id}")

    def check_account(self, kind: ItemKind, fields: Mapping[str, Any]) -> list[CheckStep]:
        """Let it try the settings of an account."""
        with self.session(self._active()) as session:
            return list(session.check_account(kind, fields))

    def begin_link(self, kind: ItemKind, host: str, redirect_url: str, language: str) -> ServerLink:
        """Begin to link an account with its provider (OAuth2)."""
        with self.session(self._active()) as session:
            return session.begin_link(kind, host, redirect_url, language)

    def link_state(self, kind: ItemKind, link: ServerLink) -> LinkState:
        """How far that is."""
        with self.session(self._active()) as session:
            return session.link_state(kind, link)

    # --- within ----------------------------------------------------------------------------------------------------

    @contextmanager
    def session(self, name: str, seconds: float | None = None) -> Iterator[ServerSession]:
        """A session with one that is set up, where an answer may take `seconds` at most (None: as it is set up). Raises
        NotFound, MailServerError; InputError where no key fits."""
        protocol = self._protocol(name)
        with self.accounts.reading() as connection:
            row = store.one_server(connection, name)
        if row is None:
            raise NotFound("%(server)s is not set up yet", server=name)
        secret = self.accounts.vault.open(row.secret) if row.secret else NO_SECRET
        settings = ServerSettings(secret=secret, **{**_DEFAULTS, **json.loads(row.fields)})
        if seconds is not None:
            settings = replace(settings, seconds=min(seconds, settings.seconds))
        with protocol.open(settings) as session:
            yield session

    def _protocol(self, name: str) -> ServerProtocol:
        found = self.available().get(name)
        if found is None:
            raise NotFound("no plugin that is installed and switched on knows a mail server %(name)r", name=name)
        return found

    def _active(self) -> str:
        found = self.active()
        if found is None:
            raise NotFound("no mail server of another make serves the company: Beleg's own accounts do")
        return found

    def _settled(self, name: str, report: ReadReport, now: int) -> None:
        """Write down how reading went. Single mails that failed are told of, though the rest went well."""
        with self.database.begin() as connection:
            row = store.one_server(connection, name)
            assert row is not None
            values: dict[str, Any] = {"due": None, "halted": False, "fault": "", "error": "", "failures": 0}
            told = report.error or next(iter(report.skipped.values()), None)
            if told is not None:
                said = {language: told.say(language) for language in ("en", "de")}
                values |= {"fault": told.fault, "error": json.dumps(said, ensure_ascii=False), "failed": now}
            if report.error is None:
                values["succeeded"] = now
            else:
                values["failures"] = row.failures + 1
                values["due"] = now + min(60 * 2 ** min(row.failures, 20), LONGEST_WAIT)
                values["halted"] = report.error.fault in HALTING
            store.set_server(connection, name, values)


class _Making:
    """A new account on a server, and undoing it."""

    def __init__(self, accounts: Accounts, server: str, session: ServerSession) -> None:
        self._accounts = accounts
        self._server = server
        self._session = session
        self._made: list[tuple[ItemKind, str, str]] = []
        self._by_hand: list[Sentence] = []
        self._unsure: list[Sentence] = []

    def all_of(self, name: str, address: str, account: NewAccount) -> Created:
        """Make it all. What is likeliest to be refused comes first, and the group, which may not be deleted again, as
        late as can be."""
        try:
            self._make("incoming", name, {**account.incoming, "name": name})
            self._make("outgoing", name, {**account.outgoing, "name": name})
            group = self._group(name, address)
            self._make("signature", name, {"name": name, "text": account.signature, "group": group})
            self._filters(name, group, account.language)
        except MailServerError as error:
            return self._undone(error)
        return Created(self._made, [*self._by_hand, _said(_RULE, name=ARRIVAL, of=name)])

    def _make(self, kind: ItemKind, name: str, fields: Mapping[str, Any]) -> str:
        try:
            id_ = self._session.create(kind, fields)
        except MailServerError as error:
            if error.fault == "unclear":
                self._unsure.append(_said(_PERHAPS, kind=_KINDS[kind], name=name))
            raise
        self._made.append((kind, id_, name))
        return id_

    def _group(self, name: str, address: str) -> str:
        """The group of this name and address. It is mirrored at once: where nothing else there names it, nobody else
        knows of it. One that an earlier try left is taken."""
        mirror(self._accounts, self._server, self._session.items("group"))
        for each in self._accounts.groups():
            server, _, id_ = (each.remote or "").partition(":")
            if server == self._server and entered.key(each.name) == entered.key(name) and each.address == address:
                return id_
        id_ = self._make("group", name, {"name": name, "address": address})
        mirror(self._accounts, self._server, [ServerItem(id_, name, {"address": address})])
        return id_

    def _filters(self, name: str, group: str, language: str) -> None:
        there = {each.fields.get("shows") for each in self._session.items("filter") if not each.fields.get("group")}
        if "all" not in there:
            self._filter("all", ROLES["all"].say(language), None)
        for role in (*OF_GROUP, "checked"):
            title = ROLES[role].say(language, {"name": name})
            self._filter(role, title if name in title else f"{name} ({title})", group)

    def _filter(self, role: Role, title: str, group: str | None) -> None:
        try:
            self._make("filter", title, {"name": title, "shows": role, "group": group})
        except MailServerError as error:
            if error.fault != "unsupported":
                raise
            self._by_hand.append(_said(_FILTER, name=title))

    def _undone(self, error: MailServerError) -> Created:
        left: list[tuple[ItemKind, str, str]] = []
        for kind, id_, name in reversed(self._made):
            try:
                self._session.remove(kind, id_)
            except MailServerError:
                left.insert(0, (kind, id_, name))
        still = (_said(_STILL, kind=_KINDS[kind], name=name) for kind, _, name in left)
        return Created(left, [*self._unsure, *still], error)


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are stored. Raises InputError."""
    values = dict(fields)
    for name, fault in _PLAIN.items():
        if name in values:
            values[name] = entered.plain(values[name].strip(), fault)
    if "address" in values:
        values["address"] = _address(values["address"])
    if values.get("password") is not None:
        fault = "a password can't have control characters or line breaks"
        entered.plain(values["password"].get_secret_value(), fault)
    if values.get("authorities", "").strip() and "BEGIN CERTIFICATE" not in values["authorities"]:
        raise InputError("a certificate authority is entered as a certificate in PEM form, from BEGIN CERTIFICATE on")
    least, most = _SECONDS
    if not least <= values.get("seconds", least) <= most:
        raise InputError("a request may take %(least)s to %(most)s seconds", least=int(least), most=int(most))
    return values


def _address(text: str) -> str:
    """A host, or an https URL. Raises InputError."""
    found = text.strip()
    try:
        parts = urlsplit(found if "://" in found else f"https://{found}")
        good = parts.scheme == "https" and parts.hostname and parts.username is None and not parts.query
    except ValueError:
        good = False
    if not good or len(found) > 500 or re.search(r"[\s\x00-\x1f\x7f-\x9f]", found):
        raise InputError("%(address)r is neither a host nor an https URL", address=text)
    return found


def _told_again(row: Any, before: Mapping[str, Any], after: Mapping[str, Any], password: SecretStr | None) -> None:
    """A password goes to the server that it was stored for. Raises InputError where another one would get it."""
    if row is not None and row.secret and password is None and before["address"] != after["address"]:
        raise InputError("the address is another one: enter the password again, which was stored for the old one")


def _said(sentence: Sentence, **values: str | Sentence) -> Sentence:
    """A sentence with its values, in each language."""

    def say(language: str) -> str:
        told = {name: each if isinstance(each, str) else each.say(language, told_of) for name, each in values.items()}
        return sentence.say(language, told)

    told_of = {"name": values.get("of", "")}
    return Sentence(say("en"), say("de"))


_DEFAULTS: Mapping[str, Any] = {
    "address": "", "user": "", "client_id": "", "server_name": "", "authorities": "", "allow_private": False,
    "allow_redirects": False, "seconds": 30.0,
}  # fmt: skip
_SECONDS = (1.0, 600.0)
_PLAIN = {
    "user": "a user name can't have control characters or line breaks",
    "client_id": "a client id can't have control characters or line breaks",
    "server_name": "a server name can't have control characters or line breaks",
}
_NOT_STORED = Sentence(
    "Mail could not be stored; it is tried again.",
    "E-Mails konnten nicht gespeichert werden; es wird erneut versucht.",
)
_NOT_READY = Sentence(
    "This installation can't sign in: {fault}.", "Diese Installation kann sich nicht anmelden: {fault}."
)
_INTERNAL = Sentence(
    "Beleg met an error of its own ({fault}); its log says more.",
    "Beleg ist auf einen eigenen Fehler gestoßen ({fault}); Näheres steht im Protokoll.",
)
_KINDS: Mapping[ItemKind, Sentence] = {
    "incoming": Sentence("the account that fetches", "das abholende Konto"),
    "outgoing": Sentence("the account that sends", "das sendende Konto"),
    "group": Sentence("the group", "die Gruppe"),
    "signature": Sentence("the signature", "die Signatur"),
    "filter": Sentence("the filter", "den Filter"),
}
_STILL = Sentence(
    "{kind} “{name}” is still there; delete it on that server.",
    "Auf dem Server bleibt {kind} „{name}“ zurück; löschen Sie dort.",
)
_PERHAPS = Sentence(
    "Whether {kind} “{name}” was made is not known; look on that server.",
    "Ob {kind} „{name}“ angelegt wurde, ist nicht bekannt; sehen Sie auf dem Server nach.",
)
_FILTER = Sentence(
    "The filter “{name}” has to be made on that server.", "Der Filter „{name}“ muss auf dem Server angelegt werden."
)
_RULE = Sentence(
    "The rule “{name}” has to be made on that server: what arrives on this account goes to its group.",
    "Die Regel „{name}“ muss auf dem Server angelegt werden: Was auf diesem Konto eingeht, geht an seine Gruppe.",
)
