"""Linking accounts with their providers: OAuth2's code with PKCE (RFC 6749, RFC 7636, RFC 9700), and fresh tokens.

A link is of a user name with a provider, and serves all accounts that sign in with both: a mailbox's POP3 and SMTP.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Unpack
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from beleg.accounts.model import Account
from beleg.accounts.providers import PRESETS, Fields, Provider, checked, decode, encode, provider_name, provider_of
from beleg.errors import InputError, NotFound
from beleg.keys import address_key
from beleg.mailserver import MailServerError, Sentence
from beleg.store import accounts as account_store
from beleg.store import links as store
from beleg.store.exclusive import only_one

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from beleg.accounts.accounts import Managing
    from beleg.accounts.token_endpoint import Refusal, Tokens

REQUEST_SECONDS = 600
"""How long a person may take at the provider."""
MARGIN = 120
"""How many seconds before its end an access token is renewed, but not before half of its time."""
WAIT = 45.0
"""For how many seconds we wait while another renews a link; longer than a provider can keep him waiting."""
SOON = 14 * 86_400
"""How many seconds before a link ends people are reminded of it."""

State = Literal["none", "linked", "again", "consent"]
"""How a link is: there is none; it serves; it must be made again; an administrator must agree first."""

ASK_AGAIN = Sentence(
    "{provider} gives no more access to {user}: link the account again.",
    "{provider} gibt keinen Zugang mehr zu {user}: Verknüpfen Sie das Konto erneut.",
)
NOT_LINKED = Sentence(
    "{user} is not linked with {provider}: link the account.",
    "{user} ist nicht mit {provider} verknüpft: Verknüpfen Sie das Konto.",
)
NOT_KNOWN = Sentence(
    "{provider} does not take Beleg's client id, secret or scopes: correct the provider's settings.",
    "{provider} akzeptiert Client-ID, Geheimnis oder Scopes von Beleg nicht: Berichtigen Sie die Einstellungen des "
    "Anbieters.",
)
CONSENT = Sentence(
    "An administrator at {provider} must agree first that Beleg may use mail. Then link the account again.",
    "Zuerst muss ein Administrator bei {provider} zustimmen, dass Beleg E-Mails nutzen darf. Verknüpfen Sie danach das "
    "Konto erneut.",
)
DENIED = Sentence(
    "{provider} did not link {user}: the sign-in was cancelled or refused there.",
    "{provider} hat {user} nicht verknüpft: Die Anmeldung wurde dort abgebrochen oder abgelehnt.",
)
NOT_LASTING = Sentence(
    "{provider} gave access for a short time only (no refresh token): allow Beleg lasting access (offline), and link "
    "again.",
    "{provider} gab nur für kurze Zeit Zugang (kein Refresh-Token): Erlauben Sie Beleg dauerhaften Zugang (offline), "
    "und verknüpfen Sie erneut.",
)
TOO_LITTLE = Sentence(
    "{provider} did not allow all that Beleg needs: link again, and leave the access to mail ticked.",
    "{provider} hat nicht alles erlaubt, was Beleg braucht: Verknüpfen Sie erneut, und lassen Sie den Zugriff auf "
    "E-Mails angekreuzt.",
)
BUSY = Sentence(
    "The link of {user} is being renewed by another process.", "Die Verknüpfung von {user} wird gerade erneuert."
)
LINKED = Sentence("{user} is linked with {provider}.", "{user} ist mit {provider} verknüpft.")
NOT_REVOKED = Sentence(
    "{provider} offers no way to take the access back from here: remove Beleg there, too, among the account's apps.",
    "{provider} bietet keinen Weg, den Zugang von hier aus zu widerrufen: Entfernen Sie Beleg auch dort, bei den Apps "
    "des Kontos.",
)


@dataclass(frozen=True)
class Link:
    """How the link of a user name with a provider is, without its tokens. `error`: what went wrong, by language;
    `linked`: since when, `ends`: until when unless it is renewed (seconds since 1970 UTC; None: it does not say)."""

    provider: str
    user: str
    state: State = "none"
    error: Mapping[str, str] | None = None
    linked: int | None = None
    ends: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a sign-in at a provider: `linked`, `consent` (an administrator must open `url` first, empty where
    the provider has no such page), or `refused`; the account that it was for; and how to say it."""

    what: Literal["linked", "consent", "refused"]
    account: int
    told: MailServerError
    url: str = ""

    def say(self, language: str) -> str:
        """A sentence for people, with the provider's own words."""
        return self.told.say(language)


class Unlinked(NamedTuple):
    """What became of a link that was removed: whether the provider took the access back; if not, why."""

    revoked: bool
    told: MailServerError | None = None


@dataclass(frozen=True)
class _Held:
    """What is stored of a link: its tokens, when the access token is to be renewed, and when the refresh token ends
    where the provider said that."""

    access: SecretStr
    refresh: SecretStr
    renew: int
    until: int | None = None

    @classmethod
    def of(cls, tokens: Tokens, now: int, before: _Held | None = None) -> _Held:
        refresh = SecretStr(tokens.refresh) if tokens.refresh or before is None else before.refresh
        until = before.until if before and not tokens.refresh else None
        if tokens.refresh_seconds:
            until = now + tokens.refresh_seconds
        renew = now + tokens.seconds - min(MARGIN, tokens.seconds // 2)
        return cls(SecretStr(tokens.access), refresh, renew, until)

    def json(self) -> SecretStr:
        values = {
            "access": self.access.get_secret_value(), "refresh": self.refresh.get_secret_value(), "renew": self.renew,
            "until": self.until,
        }  # fmt: skip
        return SecretStr(json.dumps(values))

    @classmethod
    def read(cls, opened: SecretStr) -> _Held:
        found = json.loads(opened.get_secret_value())
        return cls(SecretStr(found["access"]), SecretStr(found["refresh"]), found["renew"], found["until"])


class Links:
    """The links of the accounts. `by` is always who does it, for the journal."""

    def __init__(self, accounts: Managing) -> None:
        self.accounts = accounts

    # --- providers -----------------------------------------------------------------------------------------------

    def providers(self) -> list[Provider]:
        """Those that Beleg knows, set up or not, and others that are set up; without their secrets, so that they are
        listed where no key fits, too."""
        with self.accounts.reading() as connection:
            rows = store.providers(connection)
        found = {row.name: provider_of(row.name, decode(row.fields), has_secret=bool(row.secret)) for row in rows}
        return list({**PRESETS, **found}.values())

    def provider(self, name: str) -> Provider:
        """The provider of this name. Raises NotFound, and InputError where no key fits."""
        with self.accounts.reading() as connection:
            return self._known(connection, name)

    def fields(self, name: str) -> Fields:
        """What was entered of a provider; nothing where it is not set up."""
        with self.accounts.reading() as connection:
            row = store.provider(connection, name)
        return decode(row.fields) if row else Fields()

    def set_provider(self, name: str, by: str, secret: SecretStr | None = None, **fields: Unpack[Fields]) -> Provider:
        """Set a provider up; what is not given stays, a `secret` of None too. Links of it that its settings kept from
        being renewed are tried again. Raises InputError, also where tokens are asked for at another host and the secret
        is not given again (it is for the host that it was stored for)."""
        provider_name(name)
        with self.accounts.writing() as connection:
            row = store.provider(connection, name)
            values = checked(name, Fields(**{**(decode(row.fields) if row else {}), **fields}))
            sealed = row.secret if row and secret is None else ""
            if row and sealed and _told_to(name, decode(row.fields)) != _told_to(name, values):
                raise InputError("tokens are asked for at another host: enter the client secret again, which was "
                                 "stored for the old one")  # fmt: skip
            if secret is not None:
                sealed = self.accounts.vault.seal(SecretStr(secret.get_secret_value().strip()))
            store.set_provider(connection, name, encode(values), sealed)
            store.revive_links(connection, name)
            for link in store.links(connection):
                if link.provider == name and link.state == "linked":
                    self._serve_again(connection, name, link.key)
            found = self._known(connection, name)
            self.accounts.note(connection, by, "provider.set", name, after=dict(values))
        return found

    def remove_provider(self, name: str, by: str) -> None:
        """Forget how Beleg is known to a provider. Raises NotFound, and InputError where an account signs in with
        it."""
        with self.accounts.writing() as connection:
            if store.provider(connection, name) is None:
                raise NotFound("the provider %(name)r is not set up", name=name)
            if store.linked_accounts(connection, name):
                raise InputError("accounts sign in with %(name)r: remove these, or have them sign in in another way",
                                 name=name)  # fmt: skip
            store.remove_provider(connection, name)
            self.accounts.note(connection, by, "provider.remove", name)

    # --- how links are -------------------------------------------------------------------------------------------

    def state(self, account: Account) -> Link:
        """How the link of an account is."""
        return self.states().get(_whose(account)) or Link(account.provider, account.user)

    def states(self) -> dict[tuple[str, str], Link]:
        """All links, by provider and user name as it is compared (`whose`)."""
        with self.accounts.reading() as connection:
            return {(row.provider, row.key): _link(row) for row in store.links(connection)}

    @staticmethod
    def whose(account: Account) -> tuple[str, str]:
        """By what `states` has the link of an account."""
        return _whose(account)

    def reminders(self, now: float | None = None) -> list[Link]:
        """The links that end within 14 days or have ended, the first first."""
        until = (time.time() if now is None else now) + SOON
        ending = [each for each in self.states().values() if each.state == "linked" and each.ends is not None]
        return sorted((each for each in ending if (each.ends or 0) <= until), key=lambda each: each.ends or 0)

    # --- linking -------------------------------------------------------------------------------------------------

    def begin(self, account_id: int, redirect_url: str, browser: str, by: str, person: int | None = None) -> str:
        """The address at the provider where a person signs in; the answer comes to `redirect_url`, and counts for ten
        minutes, once, in this `browser` (its session's secret, or another that nobody else knows). Raises NotFound,
        InputError."""
        from beleg.accounts.token_endpoint import authorisation

        account = self.accounts.account(account_id)
        provider = self._ready(account)
        verifier = _random()
        state = self._ask(account.id, _whose(account), redirect_url, browser, person, SecretStr(verifier))
        return authorisation(provider, state, verifier, redirect_url, account.user)

    def finish(
        self, state: str, browser: str, by: str, *, code: str = "", error: str = "", said: str = "",
        person: int | None = None,
    ) -> Outcome:  # fmt: skip
        """Take the provider's answer: a code, or an error with its words. Raises InputError where it belongs to no
        sign-in that this browser began, or too late, or a second time."""
        from beleg.accounts.token_endpoint import Endpoints, Refusal, clean

        asked = self._taken(state, browser, person)
        if not asked.verifier:
            raise _unasked()
        provider = self.provider(asked.provider)
        values = {"provider": provider.title, "user": asked.key}
        try:
            if error or not code:
                raise Refusal(clean(error or "no code"), clean(said))
            verifier = self.accounts.vault.open(asked.verifier).get_secret_value()
            tokens = Endpoints(provider, self.accounts.settings.authorities).exchange(code, verifier, asked.redirect)
        except Refusal as refusal:
            return self._refused(asked, provider, refusal, browser)
        except MailServerError as fault:
            return self._failed(asked, "refused", fault)
        if not tokens.refresh:
            return self._failed(asked, "refused", MailServerError("sign_in", NOT_LASTING, **values))
        if tokens.scopes is not None and not _covers(tokens.scopes, provider.scopes):
            return self._failed(asked, "refused", MailServerError("sign_in", TOO_LITTLE, **values))
        now = int(time.time())
        held = _Held.of(tokens, now)
        with self.accounts.writing() as connection:
            fresh = self._columns(provider, held, now, now, tokens.seconds)
            store.set_link(connection, asked.provider, asked.key, {**fresh, "linked": now})
            self._serve_again(connection, asked.provider, asked.key)
            self.accounts.note(connection, by, "account.link", asked.key, after={"provider": asked.provider})
        return Outcome("linked", asked.account, MailServerError("sign_in", LINKED, **values))

    def consented(self, state: str, browser: str, person: int | None = None) -> int:
        """The account to link now, after an administrator has agreed at the provider. Raises InputError as `finish`
        does; nothing depends on it, for the provider alone knows who agreed."""
        asked = self._taken(state, browser, person)
        if asked.verifier:
            raise _unasked()
        return int(asked.account)

    def unlink(self, account_id: int, by: str) -> Unlinked:
        """Remove the link of an account, and have the provider take the access back if it can. Where it does not, the
        link is removed all the same. Raises NotFound."""
        account = self.accounts.account(account_id)
        return self._remove(*_whose(account), by)

    def renew(
        self, account_id: int, redirect_url: str, browser: str, by: str, person: int | None = None
    ) -> tuple[Unlinked, str]:
        """Unlink, and begin to link again. Raises as `begin` does, before anything is removed."""
        self._ready(self.accounts.account(account_id))
        return self.unlink(account_id, by), self.begin(account_id, redirect_url, browser, by, person)

    def prune(self, by: str) -> None:
        """Remove the links that no account signs in with any longer."""
        with self.accounts.reading() as connection:
            used = {(row.provider, address_key(row.user_name)) for row in store.linked_accounts(connection)}
            left = [(row.provider, row.key) for row in store.links(connection)]
        for each in left:
            if each not in used:
                self._remove(*each, by)

    # --- tokens --------------------------------------------------------------------------------------------------

    def token(self, account: Account) -> SecretStr:
        """The access token that an account signs in with, renewed if it ends soon: once, whoever else asks. Raises
        MailServerError: `sign_in` where the account must be linked (again), else it is tried later; and InputError
        where no key fits."""
        row, held = self._serving(account)
        if held.renew > time.time():
            return held.access
        with only_one(self.accounts.database, f"link:{row.id}", WAIT) as ours:
            row, held = self._serving(account)  # meanwhile another may have renewed it
            if held.renew > time.time():
                return held.access
            if not ours:
                raise MailServerError("temporary", BUSY, user=account.user)
            return self._renewed(account, row, held)

    def _renewed(self, account: Account, row: Row[Any], held: _Held) -> SecretStr:
        from beleg.accounts.token_endpoint import Endpoints, Refusal

        try:
            provider = self.provider(account.provider)
        except NotFound:
            raise MailServerError("sign_in", NOT_KNOWN, provider=account.provider) from None
        try:
            tokens = Endpoints(provider, self.accounts.settings.authorities).refresh(held.refresh)
        except Refusal as refusal:
            raise self._ended(row, provider, refusal, account) from None
        except MailServerError:
            if row.expires is not None and row.expires > time.time() + 10:
                return held.access  # it still counts; the next one tries again
            raise
        now = int(time.time())
        fresh = _Held.of(tokens, now, held)
        with self.accounts.writing() as connection:
            columns = self._columns(provider, fresh, row.linked or now, now, tokens.seconds)
            stored = store.change_link(connection, row.id, row.tokens, columns)
        # Used only once it is stored: the old refresh token may count no longer.
        return fresh.access if stored else self._serving(account)[1].access

    def _ended(self, row: Row[Any], provider: Provider, refusal: Refusal, account: Account) -> MailServerError:
        """The provider refused to renew a link: it is not asked again before a person did something."""
        state: State = "consent" if refusal.consent else "again"
        gone = refusal.consent or refusal.again
        sentence = CONSENT if refusal.consent else ASK_AGAIN if gone else NOT_KNOWN
        told = MailServerError("sign_in", sentence, refusal.said or refusal.error, provider=provider.title,
                               user=account.user)  # fmt: skip
        values = {"state": state, "error": _in_both(told), **({"tokens": "", "expires": None} if gone else {})}
        with self.accounts.writing() as connection:
            if store.change_link(connection, row.id, row.tokens, values):
                self._halt(connection, row.provider, row.key, told)
        return told

    # --- within --------------------------------------------------------------------------------------------------

    def _provider(self, row: Row[Any]) -> Provider:
        secret = self.accounts.vault.open(row.secret) if row.secret else SecretStr("")
        return provider_of(row.name, decode(row.fields), secret)

    def _known(self, connection: Connection, name: str) -> Provider:
        row = store.provider(connection, name)
        if row is None and name not in PRESETS:
            raise NotFound("the provider %(name)r is not set up", name=name)
        return self._provider(row) if row else PRESETS[name]

    def _ready(self, account: Account) -> Provider:
        """The provider that an account can be linked with. Raises InputError."""
        if account.auth != "oauth2" or not account.provider:
            raise InputError("%(name)r does not sign in by OAuth2; change its authentication first", name=account.name)
        provider = self.provider(account.provider)
        if not provider.ready:
            raise InputError("the provider %(provider)s is not set up yet: enter the client id that it gave to Beleg",
                             provider=provider.title)  # fmt: skip
        return provider

    def _ask(
        self, account: int, whose: tuple[str, str], redirect: str, browser: str, person: int | None,
        verifier: SecretStr,
    ) -> str:  # fmt: skip
        """Remember that something was asked of the provider; returns the state that its answer must have."""
        state, now = _random(), int(time.time())
        with self.accounts.writing() as connection:
            store.forget_requests(connection, now - REQUEST_SECONDS)
            store.add_request(
                connection, state=_hashed(state), account=account, person=person, provider=whose[0], key=whose[1],
                redirect=redirect, browser=_hashed(browser), verifier=self.accounts.vault.seal(verifier), at=now,
            )  # fmt: skip
        return state

    def _taken(self, state: str, browser: str, person: int | None) -> Row[Any]:
        """What was asked with this state, which counts no longer. Raises InputError."""
        now = int(time.time())
        with self.accounts.writing() as connection:
            asked = store.take_request(connection, _hashed(state))
        if asked is None or (asked.browser, asked.person) != (_hashed(browser), person):
            raise _unasked()
        if not now - REQUEST_SECONDS < asked.at <= now:
            raise InputError("that took more than ten minutes: link the account again")
        return asked

    def _refused(self, asked: Row[Any], provider: Provider, refusal: Refusal, browser: str) -> Outcome:
        values = {"provider": provider.title, "user": asked.key}
        said = refusal.said or refusal.error
        if not refusal.consent:
            ours = refusal.error in ("invalid_client", "unauthorized_client", "invalid_scope", "invalid_request")
            told = MailServerError("sign_in", NOT_KNOWN if ours else DENIED, said, **values)
            return self._failed(asked, "refused", told)
        outcome = self._failed(asked, "consent", MailServerError("sign_in", CONSENT, said, **values))
        address = provider.address("consent")
        if not address:
            return outcome
        back = asked.redirect.rpartition("/")[0] + "/consent"
        whose = asked.provider, asked.key
        state = self._ask(asked.account, whose, back, browser, asked.person, SecretStr(""))
        query = {"client_id": provider.client_id, "scope": provider.scopes, "redirect_uri": back, "state": state}
        return Outcome("consent", asked.account, outcome.told, f"{address}?{urlencode(query)}")

    def _failed(self, asked: Row[Any], what: Literal["consent", "refused"], told: MailServerError) -> Outcome:
        """Nothing was linked; a link that serves stays as it is, any other says why it does not."""
        with self.accounts.writing() as connection:
            there = store.link(connection, asked.provider, asked.key)
            if there is None or there.state != "linked":
                values: dict[str, Any] = {"state": "consent" if what == "consent" else "again", "error": _in_both(told)}
                if there is None:
                    values |= {"tokens": "", "linked": None, "expires": None, "ends": None}
                store.set_link(connection, asked.provider, asked.key, values)
        return Outcome(what, asked.account, told)

    def _columns(self, provider: Provider, held: _Held, linked: int, now: int, seconds: int) -> dict[str, Any]:
        ends = held.until if held.until is not None else provider.ends(linked, now)
        tokens = self.accounts.vault.seal(held.json())
        return {"tokens": tokens, "state": "linked", "error": "", "expires": now + seconds, "ends": ends}

    def _serving(self, account: Account) -> tuple[Row[Any], _Held]:
        """The link of an account, and its tokens. Raises MailServerError where it must be made (again)."""
        with self.accounts.reading() as connection:
            row = store.link(connection, *_whose(account))
        if row is None:
            raise MailServerError("sign_in", NOT_LINKED, provider=_title(account.provider), user=account.user)
        if row.state != "linked":
            error = json.loads(row.error)
            raise MailServerError("sign_in", Sentence(error["en"], error["de"]))
        return row, _Held.read(self.accounts.vault.open(row.tokens))

    def _remove(self, name: str, key: str, by: str) -> Unlinked:
        from beleg.accounts.token_endpoint import Endpoints, Refusal

        with self.accounts.reading() as connection:
            row = store.link(connection, name, key)
        if row is None:
            return Unlinked(True)
        # Not while it is renewed: what is stored then would not be what is revoked.
        with only_one(self.accounts.database, f"link:{row.id}", WAIT), self.accounts.writing() as connection:
            row = store.link(connection, name, key)
            if row is None:
                return Unlinked(True)
            store.remove_link(connection, row.id)
            self.accounts.note(connection, by, "account.unlink", key, before={"provider": name})
        if not row.tokens:
            return Unlinked(True)
        title = _title(name)
        try:
            provider = self.provider(name)
            if not provider.revoke:
                return Unlinked(False, MailServerError("unsupported", NOT_REVOKED, provider=title))
            held = _Held.read(self.accounts.vault.open(row.tokens))
            Endpoints(provider, self.accounts.settings.authorities).revoke(held.refresh)
        except MailServerError as error:
            return Unlinked(False, error)
        except Refusal as refusal:
            told = MailServerError("unsupported", NOT_REVOKED, refusal.said or refusal.error, provider=title)
            return Unlinked(False, told)
        except (InputError, NotFound):  # no key fits, or it is not set up any more
            return Unlinked(False, MailServerError("unsupported", NOT_REVOKED, provider=title))
        return Unlinked(True)

    @staticmethod
    def _of(connection: Connection, provider: str, key: str) -> list[Row[Any]]:
        """The accounts that a link serves."""
        return [r for r in store.linked_accounts(connection, provider) if address_key(r.user_name) == key]

    def _halt(self, connection: Connection, provider: str, key: str, told: MailServerError) -> None:
        """None of the accounts of a link is tried before a person did something."""
        values = {"fault": "sign_in", "error": _in_both(told), "failed": int(time.time()), "due": None, "halted": True}
        for row in self._of(connection, provider, key):
            account_store.change_account(connection, row.id, values)

    def _serve_again(self, connection: Connection, provider: str, key: str) -> None:
        """What kept the accounts of a link from signing in is forgotten."""
        values = {"fault": "", "error": "", "failures": 0, "due": None, "halted": False}
        for row in self._of(connection, provider, key):
            if row.fault == "sign_in":
                account_store.change_account(connection, row.id, values)


def _whose(account: Account) -> tuple[str, str]:
    return account.provider, address_key(account.user)


def _told_to(name: str, fields: Fields) -> list[tuple[str, str]]:
    """The hosts that get the client's secret."""
    provider = provider_of(name, fields)
    return [urlsplit(provider.address(each))[:2] for each in ("token", "revoke")]


def _title(provider: str) -> str:
    return PRESETS[provider].title if provider in PRESETS else provider


def _link(row: Row[Any]) -> Link:
    error = json.loads(row.error) if row.error else None
    return Link(row.provider, row.key, row.state, error, row.linked, row.ends)


def _in_both(told: MailServerError) -> str:
    return json.dumps({language: told.say(language) for language in ("en", "de")}, ensure_ascii=False)


def _unasked() -> InputError:
    return InputError("this answer belongs to no sign-in that was begun here: link the account again")


def _covers(given: str, wanted: str) -> bool:
    """Whether the scopes that were granted are what mail needs. Providers name them with and without the address in
    front; those that are about something else than access are not always named."""
    names = {each.rstrip("/").rpartition("/")[2].casefold() for each in given.split()}
    needed = {each.rstrip("/").rpartition("/")[2].casefold() for each in wanted.split()}
    return needed - {"offline_access", "openid", "profile", "email"} <= names


def _random() -> str:
    return secrets.token_urlsafe(32)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
