"""Accounts that sign in by OAuth2, and a person's browser at the provider: what the tests of linking share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import SecretStr

from beleg import hookimpl
from beleg.accounts import Account, Accounts, Outcome
from beleg.mailserver import (
    CheckStep,
    Delivery,
    Endpoint,
    Envelope,
    IncomingProtocol,
    MailboxSession,
    OutgoingProtocol,
    Sentence,
)
from mailservers.oauth import SECRET, AuthorisationServer

BACK = "http://127.0.0.1:8000/oauth2/callback"
USER = "erika@firma.example"
BROWSER = "the-secret-of-a-session"


class Fetching(IncomingProtocol):
    """Takes whatever it is given."""

    name, title = "linked-in", Sentence("Linked", "Verknüpft")
    ports: ClassVar = {"plain": 110, "starttls": 110, "tls": 995}
    auths = ("login", "oauth2")

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        yield from ()

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator[MailboxSession]:
        raise NotImplementedError
        yield


class Sending(OutgoingProtocol):
    name, title = "linked-out", Sentence("Linked", "Verknüpft")
    ports: ClassVar = {"plain": 25, "starttls": 587, "tls": 465}
    auths = ("login", "none", "oauth2")

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        yield from ()

    def send(self, endpoint: Endpoint, envelope: Envelope) -> Delivery:
        raise NotImplementedError


class Plugin:
    """Protocols, where the real ones do not matter."""

    @hookimpl
    def beleg_mail_servers(self) -> Sequence[object]:
        return [Fetching(), Sending()]


def set_up(accounts: Accounts, server: AuthorisationServer, name: str = "house", **fields: Any) -> None:
    """Tell Beleg of the provider."""
    accounts.links.set_provider(name, "Ada", SecretStr(SECRET), **{**server.fields, **fields})


def mailbox(accounts: Accounts, user: str = USER, provider: str = "house", name: str = "Shop") -> Account:
    """An account that fetches, and the one of its name that sends."""
    return accounts.add(
        "in", "Ada", sends={"protocol": "linked-out"}, name=name, protocol="linked-in", host="pop.firma.example",
        user=user, auth="oauth2", provider=provider, active=True,
    )  # fmt: skip


def at_provider(url: str) -> dict[str, str]:
    """Sign in there; what the provider's answer brings back."""
    answer = httpx.get(url, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: each[0] for name, each in query.items()}


def answered(accounts: Accounts, back: dict[str, str], browser: str = BROWSER) -> Outcome:
    """Hand the provider's answer to Beleg."""
    return accounts.links.finish(
        back["state"], browser, "Ada", code=back.get("code", ""), error=back.get("error", ""),
        said=back.get("error_description", ""),
    )  # fmt: skip


def link(accounts: Accounts, account: Account) -> Outcome:
    """The whole way."""
    return answered(accounts, at_provider(accounts.links.begin(account.id, BACK, BROWSER, "Ada")))
