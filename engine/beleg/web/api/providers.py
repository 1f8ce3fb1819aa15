"""OAuth2 providers, and the links of accounts with them."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, SecretStr, StringConstraints

from beleg.accounts.providers import Provider
from beleg.errors import InputError
from beleg.web.api.access import Administering
from beleg.web.api.accounts import AccountNumber, LinkSeen, link_seen
from beleg.web.api.fields import TEXT, Given, Lang
from beleg.web.api.problem import responses
from beleg.web.api.shapes import Answer
from beleg.web.site import site_of

router = APIRouter(tags=["accounts"])

ProviderName = Annotated[
    str, Path(min_length=1, max_length=40, pattern=TEXT, description="Its name.", examples=["microsoft"])
]
_Line = Annotated[str, StringConstraints(max_length=2000, pattern=TEXT)]
_Secret = Annotated[SecretStr, Field(max_length=2000)]


class ProviderSeen(Answer):
    """An OAuth2 provider, without the client's secret."""

    name: str
    title: str
    ready: bool
    """Accounts can be linked with it."""
    client_id: str
    """Empty where it is not set up."""
    has_secret: bool
    tenant: str
    testing: bool
    """The app is "in testing" at Google: links last seven days."""
    days: int
    """After how many unused days a link ends; 0: it does not."""
    scopes: str
    authorize: str
    token: str
    revoke: str
    consent: str
    tips: list[str]
    """What people must know."""


class Providers(Answer):
    """Those that Beleg knows, set up or not, and others that are set up."""

    items: list[ProviderSeen]


class ChangedProvider(Given):
    """How Beleg is known to a provider, and what differs from its preset; what is left out or null stays."""

    title: Annotated[str, StringConstraints(max_length=200, pattern=TEXT)] | None = None
    client_id: _Line | None = None
    secret: _Secret | None = Field(None, description="never given back; empty it is taken away")
    tenant: _Line | None = None
    testing: bool | None = None
    days: Annotated[int, Field(ge=0, le=3650)] | None = None
    scopes: _Line | None = None
    authorize: _Line | None = None
    token: _Line | None = None
    revoke: _Line | None = None
    consent: _Line | None = None


class Begin(Given):
    """A link to be."""

    redirect_url: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^https?://[^\x00\s]+$")] = (
        Field(description="where the provider sends the browser back to", examples=["http://127.0.0.1:9000/callback"])
    )


class Begun(Answer):
    """A link that has begun. It counts for ten minutes."""

    url: str
    """Where a person signs in, in a browser."""
    browser: str
    """To be given with what the browser brings back."""


class Finish(Given):
    """What the browser brought back from the provider, in the query of `redirect_url`."""

    browser: _Secret
    state: _Secret
    code: _Secret | None = None
    error: _Line | None = None
    error_description: _Line | None = None


class LinkOutcome(Answer):
    """What became of it."""

    what: Literal["linked", "consent", "refused"]
    """`consent`: an administrator at the provider must agree first, at `url`; then it is linked again."""
    text: str
    url: str


class Unlinked(Answer):
    """A link that was removed."""

    revoked: bool
    """The provider took the access back."""
    text: str
    """Why it did not; empty where it did."""


@router.get("/providers", operation_id="listProviders", summary="List OAuth2 providers")
def list_(request: Request, caller: Administering, lang: Lang) -> Providers:
    """Those that Beleg knows, set up or not, and others that are set up."""
    return Providers(items=[_told(each, lang.code(caller)) for each in site_of(request).accounts.links.providers()])


@router.patch("/providers/{provider}", operation_id="changeProvider", summary="Set an OAuth2 provider up")
def change(
    request: Request, provider: ProviderName, body: ChangedProvider, caller: Administering, lang: Lang
) -> ProviderSeen:
    """Say how Beleg is known to a provider: one that Beleg knows, or another by its addresses."""
    given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    if not given:
        raise InputError("nothing to change was given")
    made = site_of(request).accounts.links.set_provider(provider, caller.name, given.pop("secret", None), **given)
    return _told(made, lang.code(caller))


@router.delete(
    "/providers/{provider}", operation_id="removeProvider", summary="Forget an OAuth2 provider", status_code=204,
    response_class=Response,
)  # fmt: skip
def remove(request: Request, provider: ProviderName, caller: Administering) -> None:
    """Forget how Beleg is known to a provider. 400 where an account signs in with it."""
    site_of(request).accounts.links.remove_provider(provider, caller.name)


@router.get("/accounts/{account}/link", operation_id="showLink", summary="Show the link of an account")
def show_link(request: Request, account: AccountNumber, caller: Administering, lang: Lang) -> LinkSeen:
    """How the OAuth2 link of an account is."""
    accounts = site_of(request).accounts
    return link_seen(accounts.links.state(accounts.account(account)), lang.code(caller))


@router.post("/accounts/{account}/link", operation_id="beginLink", summary="Begin to link an account")
def begin(request: Request, account: AccountNumber, body: Begin, caller: Administering) -> Begun:
    """The address where a person signs in at the provider. What the browser brings back to `redirect_url` goes to
    `POST /links`. On the support page all of that is one button."""
    browser = secrets.token_urlsafe(32)
    links = site_of(request).accounts.links
    url = links.begin(account, body.redirect_url, browser, caller.name, caller.user.id)
    return Begun(url=url, browser=browser)


@router.delete("/accounts/{account}/link", operation_id="removeLink", summary="Unlink an account")
def unlink(request: Request, account: AccountNumber, caller: Administering, lang: Lang) -> Unlinked:
    """Remove the link, and have the provider take the access back where it can."""
    found = site_of(request).accounts.links.unlink(account, caller.name)
    return Unlinked(revoked=found.revoked, text=found.told.say(lang.code(caller)) if found.told else "")


@router.post("/links", operation_id="finishLink", summary="Finish linking an account", responses=responses(404))
def finish(request: Request, body: Finish, caller: Administering, lang: Lang) -> LinkOutcome:
    """Take what the browser brought back from the provider. 400 where that was not begun by this person, is too late,
    or was taken already."""
    code = body.code.get_secret_value() if body.code else ""
    outcome = site_of(request).accounts.links.finish(
        body.state.get_secret_value(), body.browser.get_secret_value(), caller.name, code=code,
        error=body.error or "", said=body.error_description or "", person=caller.user.id,
    )  # fmt: skip
    return LinkOutcome(what=outcome.what, text=outcome.say(lang.code(caller)), url=outcome.url)


def _told(provider: Provider, language: str) -> ProviderSeen:
    return ProviderSeen(
        name=provider.name, title=provider.title, ready=provider.ready, client_id=provider.client_id,
        has_secret=bool(provider.secret.get_secret_value()), tenant=provider.tenant, testing=provider.testing,
        days=provider.unused // 86_400, scopes=provider.scopes, authorize=provider.authorize, token=provider.token,
        revoke=provider.revoke, consent=provider.consent, tips=[each.say(language) for each in provider.tips],
    )  # fmt: skip
