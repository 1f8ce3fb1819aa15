"""Mail accounts: what fetches mail, and what sends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, SecretStr, StringConstraints

from beleg.accounts import Account, Direction, Link
from beleg.accounts.model import After
from beleg.accounts.providers import preset as preset_of
from beleg.errors import InputError
from beleg.mailserver import Auth, CheckStep, Fault, MailServerError, Security
from beleg.web.api.access import Administering
from beleg.web.api.fields import LARGEST, TEXT, Given, Lang, Number
from beleg.web.api.groups import GroupSeen
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import Site, site_of

router = APIRouter(tags=["accounts"])

AccountNumber = Annotated[Number, Path(description="Number of the account.", examples=[1])]
_Number = Annotated[int, Field(ge=1, le=LARGEST)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]
_Word = Annotated[str, StringConstraints(max_length=40, pattern=TEXT)]
_Host = Annotated[str, StringConstraints(max_length=255, pattern=TEXT)]
_Port = Annotated[int, Field(ge=1, le=65_535)]
_Line = Annotated[str, StringConstraints(max_length=1000, pattern=TEXT)]
_Days = Annotated[int, Field(ge=0, le=3650)]
_Senders = Annotated[
    list[Annotated[str, StringConstraints(max_length=320, pattern=TEXT)]],
    Field(max_length=1000, description="addresses whose mail it sends, or `*` for all"),
]
_Password = Annotated[
    SecretStr,
    Field(max_length=1000, description="never given back; left out or null it stays, empty it is taken away"),
]


class LinkSeen(Answer):
    """The OAuth2 link that an account signs in with, without its tokens."""

    provider: str
    state: Literal["none", "linked", "again", "consent"]
    """`again`: it must be made again; `consent`: an administrator at the provider must agree first."""
    error: str | None
    linked: datetime | None
    ends: datetime | None
    """When it ends unless it is renewed; null: that is not known."""


class Trouble(Answer):
    """What went wrong when it was last tried."""

    fault: Fault
    text: str
    at: datetime | None


class AccountSeen(Answer):
    """A mail account, without its password."""

    id: int
    direction: Direction
    """`in`: it fetches mail; `out`: it sends mail."""
    name: str
    protocol: str
    host: str
    port: int
    security: Security
    auth: Auth
    user: str
    has_password: bool
    provider: str
    """Whose link it signs in with; empty where it signs in otherwise."""
    active: bool
    after: After
    """What happens on the server after fetching: it is kept, deleted at once, or `later`: after `days`."""
    days: int
    delete_too: bool
    """A mail that is deleted in Beleg is deleted on the server."""
    senders: list[str]
    group: int | None
    link: LinkSeen | None
    error: Trouble | None
    succeeded: datetime | None
    """When it last went well."""
    due: datetime | None
    """When it is tried next."""
    halted: bool
    """It is not tried again before a person did something."""


class AccountList(Answer):
    """All accounts, by direction and name."""

    items: list[AccountSeen]
    missing: list[Direction]
    """Of which directions there is none yet, though a company needs one of each."""
    limit: int
    """How many there can be of a direction."""


class Made(Answer):
    """A new account, and what was made with it."""

    account: AccountSeen
    sending: AccountSeen | None
    """The account of its name that sends; null where the new one sends itself."""
    group: GroupSeen | None


class Several(Answer):
    """The accounts that were changed, or removed."""

    items: list[AccountSeen]


class TriedStep(Answer):
    """One thing that was looked at."""

    what: str
    title: str
    ok: bool
    text: str


class Checked(Answer):
    """How far a check came."""

    ok: bool
    """All went well."""
    steps: list[TriedStep]


class _Settings(Given):
    """What can be said of any account."""

    protocol: _Word | None = Field(None, description="what it speaks, if not `pop3` or `smtp`")
    host: _Host | None = Field(None, examples=["pop.example.com"])
    port: _Port | None = Field(None, description="left out: the usual one of the connection")
    security: Security | None = None
    auth: Auth | None = None
    user: _Line | None = Field(None, examples=["shop@example.com"])
    password: _Password | None = None
    provider: _Word | None = Field(None, description="with `oauth2`: whose link it signs in with")


class _Fields(_Settings):
    active: bool | None = None
    after: After | None = None
    days: _Days | None = None
    delete_too: bool | None = None
    senders: _Senders | None = None


class Sends(_Settings):
    """What is not guessed of the account that sends beside a new one that fetches."""


class NewAccount(_Fields):
    """An account to be."""

    direction: Direction
    name: _Name = Field(examples=["Shop"])
    preset: _Word | None = Field(None, description="take server and sign-in of `google` or `microsoft`")
    group_address: Annotated[str, StringConstraints(max_length=320, pattern=TEXT)] | None = Field(
        None, description="`in`: the address of its group, where the user name is none"
    )
    sends: Sends | None = None


class ChangedAccount(_Fields):
    """What is to change of an account; what is left out or null stays."""

    name: _Name | None = None


class ChangedAccounts(_Fields):
    """What is to change of several accounts, in the same way."""

    ids: Annotated[list[_Number], Field(min_length=1, max_length=1000)] = Field(examples=[[1, 2]])


class ToCheck(_Settings):
    """Settings to try: those of a stored account, with what is given otherwise, or all of a new one."""

    account: _Number | None = Field(None, description="number of a stored account")
    direction: Direction | None = Field(None, description="needed where no `account` is given")


@router.get("/accounts", operation_id="listAccounts", summary="List mail accounts")
def list_(request: Request, caller: Administering, lang: Lang) -> AccountList:
    """All accounts, with what went wrong last, and the state of their links."""
    accounts = site_of(request).accounts
    seen = _seen(site_of(request), accounts.accounts(), lang.code(caller))
    return AccountList(items=seen, missing=accounts.missing(), limit=accounts.settings.limit)


@router.post("/accounts", operation_id="addAccount", summary="Add a mail account", status_code=201)
def add(request: Request, body: NewAccount, caller: Administering, lang: Lang) -> Made:
    """A new account, inactive unless it is said to be active. With one that fetches are made, all or nothing: its
    group, a signature, filters, the rule for what arrives, and an account of its name that sends. 400 where there are
    as many as are allowed."""
    site = site_of(request)
    given = _given(body)
    sends = _given(body.sends) if body.sends else {}
    if body.preset:
        here, there = preset_of(body.preset, body.direction)
        given, sends = {**here, **given}, {**there, **sends}
    for name in ("direction", "preset", "group_address", "sends"):
        given.pop(name, None)
    # mypy can't tell which fields `given` has; the body was checked.
    made = site.accounts.add(
        body.direction, caller.name, group_address=body.group_address, sends=sends, **given  # type: ignore[arg-type]
    )  # fmt: skip
    language = lang.code(caller)
    sending = _seen(site, [site.accounts.account(made.name, "out")], language)[0] if made.direction == "in" else None
    group = GroupSeen.of(site.accounts.group(made.group)) if made.group is not None else None
    return Made(account=_seen(site, [made], language)[0], sending=sending, group=group)


@router.patch(
    "/accounts", operation_id="changeAccounts", summary="Change several mail accounts", responses=responses(404)
)
def change_several(request: Request, body: ChangedAccounts, caller: Administering, lang: Lang) -> Several:
    """Change several accounts in the same way, all or none."""
    given = _given(body)
    changed = site_of(request).accounts.change_many(given.pop("ids"), caller.name, **_some(given))
    return Several(items=_seen(site_of(request), changed, lang.code(caller)))


@router.delete(
    "/accounts", operation_id="removeAccounts", summary="Remove several mail accounts", responses=responses(404)
)
def remove_several(
    request: Request,
    caller: Administering,
    lang: Lang,
    id: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST)]],
        Query(min_length=1, max_length=1000, description="Numbers of the accounts."),
    ],
) -> Several:
    """Remove accounts, and with one that fetches that of its name that sends; what was removed. Their mail, groups and
    filters stay."""
    site = site_of(request)
    language = lang.code(caller)
    return Several(items=_seen(site, site.accounts.remove(id, caller.name), language))


@router.post("/accounts/check", operation_id="checkAccount", summary="Check the settings of a mail account",
             responses=responses(404))  # fmt: skip
def check(request: Request, body: ToCheck, caller: Administering, lang: Lang) -> Checked:
    """Connect, sign in and look, step by step. Changes no settings, and nothing on the server; a stored account that
    waited for a person is tried again where all is well."""
    site = site_of(request)
    given = _given(body)
    number, direction = given.pop("account", None), given.pop("direction", None)
    if number is not None:
        direction = site.accounts.account(number).direction
    elif direction is None:
        raise InputError("give the number of an account, or the direction of a new one")
    else:
        given["name"] = "new"
    language = lang.code(caller)
    steps = []
    try:
        steps = [step_seen(each, language) for each in site.accounts.check(direction, number, **given)]
    except MailServerError as error:
        steps.append(TriedStep(what="sign_in", title="OAuth2", ok=False, text=error.say(language)))
    return Checked(ok=all(each.ok for each in steps), steps=steps)


@router.get("/accounts/{account}", operation_id="showAccount", summary="Show a mail account")
def show(request: Request, account: AccountNumber, caller: Administering, lang: Lang) -> AccountSeen:
    """An account."""
    site = site_of(request)
    return _seen(site, [site.accounts.account(account)], lang.code(caller))[0]


@router.patch("/accounts/{account}", operation_id="changeAccount", summary="Change a mail account")
def change(
    request: Request, account: AccountNumber, body: ChangedAccount, caller: Administering, lang: Lang
) -> AccountSeen:
    """Change an account; what is left out stays. What went wrong with it before is forgotten: it is tried again."""
    site = site_of(request)
    changed = site.accounts.change_many([account], caller.name, **_some(_given(body)))
    return _seen(site, changed, lang.code(caller))[0]


@router.delete("/accounts/{account}", operation_id="removeAccount", summary="Remove a mail account")
def remove(request: Request, account: AccountNumber, caller: Administering, lang: Lang) -> Several:
    """Remove an account, and with one that fetches that of its name that sends; what was removed. Its mail, group and
    filters stay."""
    site = site_of(request)
    return Several(items=_seen(site, site.accounts.remove([account], caller.name), lang.code(caller)))


def moment(at: int | None) -> datetime | None:
    """A time as an answer has it."""
    return datetime.fromtimestamp(at, UTC) if at is not None else None


def step_seen(step: CheckStep, language: str) -> TriedStep:
    """A step of a check, in a language."""
    said = step.said.say(language, step.values)
    text = f"{said} ({step.server})" if step.server else said
    return TriedStep(what=step.what, title=step.title.say(language), ok=step.ok, text=text)


def link_seen(link: Link, language: str) -> LinkSeen:
    """A link, in a language."""
    return LinkSeen(
        provider=link.provider, state=link.state, error=link.error[language] if link.error else None,
        linked=moment(link.linked), ends=moment(link.ends),
    )  # fmt: skip


def _seen(site: Site, accounts: list[Account], language: str) -> list[AccountSeen]:
    links = site.accounts.links
    states = links.states() if any(each.auth == "oauth2" for each in accounts) else {}

    def told(account: Account) -> AccountSeen:
        link = None
        if account.auth == "oauth2":
            found = states.get(links.whose(account)) or Link(account.provider, account.user)
            link = link_seen(found, language)
        return AccountSeen(
            id=account.id, direction=account.direction, name=account.name, protocol=account.protocol, host=account.host,
            port=account.port, security=account.security, auth=account.auth, user=account.user,
            has_password=account.has_secret, provider=account.provider, active=account.active, after=account.after,
            days=account.days, delete_too=account.delete_too, senders=list(account.senders), group=account.group,
            link=link, error=_trouble(account, language), succeeded=moment(account.succeeded),
            due=moment(account.due), halted=account.halted,
        )  # fmt: skip

    return list(map(told, accounts))


def _trouble(account: Account, language: str) -> Trouble | None:
    if account.fault is None or account.error is None:
        return None
    return Trouble(fault=account.fault, text=account.error[language], at=moment(account.failed))


def _given(body: Given) -> dict[str, Any]:
    """What was given, without what is null."""
    return {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}


def _some(given: Mapping[str, Any]) -> Any:
    if not given:
        raise InputError("nothing to change was given")
    return given
