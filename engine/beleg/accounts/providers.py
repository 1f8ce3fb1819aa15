"""Providers that accounts sign in with by OAuth2: what is known of Gmail and Microsoft 365, and how an installation is
known to each. Any other (a company's Keycloak) is given by its addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from beleg.accounts.model import Direction
from beleg.errors import InputError, unknown_key
from beleg.mailserver import NO_SECRET, Security, Sentence

DAY = 86_400
TESTING = 7 * DAY
"""How long a link lasts that was made by an app "in testing" at Google."""
LONGEST = 2_000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}\Z")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")
"""RFC 6749 section 3.3."""
_PLAIN = re.compile(r"[^\x00-\x1f\x7f-\x9f]*\Z")


class Host(NamedTuple):
    """Where a provider's mail server is."""

    host: str
    port: int
    security: Security


class Fields(TypedDict, total=False):
    """How an installation is known to a provider, and what differs from its preset. `testing`: the app is "in testing"
    at Google; `days`: after how many unused days a link ends (0: it does not)."""

    title: str
    client_id: str
    tenant: str
    testing: bool
    days: int
    scopes: str
    authorize: str
    token: str
    revoke: str
    consent: str


@dataclass(frozen=True)
class Provider:
    """A provider. `scopes` parted by blanks; the addresses are those of OAuth2's endpoints (`revoke` and `consent`
    empty where there is none), `{tenant}` in place of the company's directory; `extra`: what the authorisation request
    has besides; `unused`: seconds after the last renewal at which a link ends, 0: it does not; `tips`: what people
    must know. `secret` is the client's (empty in lists, where `has_secret` says whether there is one); `client_id` is
    empty where it is not set up."""

    name: str
    title: str
    scopes: str = ""
    authorize: str = ""
    token: str = ""
    revoke: str = ""
    consent: str = ""
    tenant: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    unused: int = 0
    fetching: Host | None = None
    sending: Host | None = None
    tips: tuple[Sentence, ...] = ()
    client_id: str = ""
    secret: SecretStr = NO_SECRET
    has_secret: bool = False
    testing: bool = False

    @property
    def ready(self) -> bool:
        """Whether accounts can be linked with it."""
        return bool(self.client_id and self.authorize and self.token)

    def address(self, endpoint: str) -> str:
        """The address of an endpoint (`authorize`, `token`, `revoke`, `consent`); empty where there is none."""
        tenant = self.tenant
        if endpoint == "consent" and tenant in ("common", "consumers"):
            tenant = "organizations"  # only a company has an administrator
        address: str = getattr(self, endpoint)
        return address.replace("{tenant}", tenant)

    def ends(self, linked: int, renewed: int) -> int | None:
        """When a link ends that was made and last renewed then; None: never. (Seconds since 1970 UTC.)"""
        if self.testing:
            return linked + TESTING
        return renewed + self.unused if self.unused else None


PRESETS: Mapping[str, Provider] = MappingProxyType(
    {
        "google": Provider(
            "google",
            "Gmail",
            scopes="https://mail.google.com/",
            authorize="https://accounts.google.com/o/oauth2/v2/auth",
            token="https://oauth2.googleapis.com/token",
            revoke="https://oauth2.googleapis.com/revoke",
            extra={"access_type": "offline", "prompt": "consent"},
            unused=180 * DAY,
            fetching=Host("pop.gmail.com", 995, "tls"),
            sending=Host("smtp.gmail.com", 465, "tls"),
            tips=(
                Sentence(
                    "Gmail takes OAuth2 or an app password. “Less secure apps” no longer exists.",
                    "Gmail nimmt OAuth2 oder ein App-Passwort. „Weniger sichere Apps“ gibt es nicht mehr.",
                ),
                Sentence(
                    "A link ends after six months without use, after a change of the password, and after 7 days where "
                    "the app is “in testing” at Google.",
                    "Eine Verknüpfung endet nach sechs Monaten ohne Nutzung, nach einer Änderung des Passworts und "
                    "nach 7 Tagen, wenn die App bei Google „im Test“ ist.",
                ),
            ),
        ),
        "microsoft": Provider(
            "microsoft",
            "Microsoft 365",
            scopes="https://outlook.office.com/POP.AccessAsUser.All https://outlook.office.com/SMTP.Send "
            "offline_access",
            authorize="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
            token="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
            consent="https://login.microsoftonline.com/{tenant}/v2.0/adminconsent",
            tenant="common",
            unused=90 * DAY,
            fetching=Host("outlook.office365.com", 995, "tls"),
            sending=Host("smtp.office365.com", 587, "starttls"),
            tips=(
                Sentence(
                    "Microsoft 365 takes OAuth2. Signing in to SMTP with a password (basic authentication) is being "
                    "switched off there.",
                    "Microsoft 365 nimmt OAuth2. Die Anmeldung an SMTP mit einem Passwort (Basic Authentication) wird "
                    "dort abgeschaltet.",
                ),
                Sentence(
                    "A link ends 90 days after it was last used. It may take an administrator of the company's "
                    "directory to agree first.",
                    "Eine Verknüpfung endet 90 Tage nach ihrer letzten Nutzung. Es kann sein, dass zuerst ein "
                    "Administrator des Verzeichnisses der Firma zustimmen muss.",
                ),
            ),
        ),
    }
)


def provider_of(
    name: str, fields: Fields, secret: SecretStr = NO_SECRET, has_secret: bool | None = None
) -> Provider:  # fmt: skip
    """A provider as it is set up: its preset, if there is one, with what the fields say otherwise."""
    preset = PRESETS.get(name) or Provider(name, fields.get("title") or name)
    values: dict[str, Any] = {key: value for key, value in fields.items() if value or key == "testing"}
    days = values.pop("days", None)
    if days is not None:
        values["unused"] = days * DAY
    known = preset.__dataclass_fields__
    whole = {each: getattr(preset, each) for each in known}
    whole |= {key: value for key, value in values.items() if key in known}
    there = bool(secret.get_secret_value()) if has_secret is None else has_secret
    return Provider(**{**whole, "secret": secret, "has_secret": there})


def preset(name: str, direction: Direction) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an account that signs in with a provider takes from its preset, and what the account that sends beside it
    does. Raises InputError where there is none of this name."""
    found = PRESETS.get(name)
    if found is None or found.fetching is None or found.sending is None:
        raise InputError(unknown_key(name, PRESETS, "there is no preset"))
    here = found.fetching if direction == "in" else found.sending
    return {**here._asdict(), "auth": "oauth2", "provider": name}, found.sending._asdict()


def decode(text: str) -> Fields:
    """Fields as they are stored."""
    return cast(Fields, json.loads(text))


def encode(fields: Fields) -> str:
    """Fields to store."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True)


def provider_name(text: str) -> str:
    """The name of a provider. Raises InputError."""
    if not _NAME.match(text):
        raise InputError("the name of a provider is small letters, digits and hyphens, such as keycloak; not %(name)r",
                         name=text[:LONGEST])  # fmt: skip
    return text


def checked(name: str, fields: Fields) -> Fields:
    """Fields as they are stored; empty ones are not there. Raises InputError."""
    values: dict[str, Any] = {}
    for key, value in fields.items():
        given = value.strip() if isinstance(value, str) else value
        if isinstance(given, str) and (len(given) > LONGEST or not _PLAIN.match(given)):
            raise InputError("what is said of a provider has no control characters and at most %(most)s characters",
                             most=LONGEST)  # fmt: skip
        if given:
            values[key] = given
    found = cast(Fields, values)
    if not found.get("client_id"):
        raise InputError("enter the client id that the provider gave to Beleg")
    if not _TENANT.match(found.get("tenant", "t")):
        raise InputError("%(tenant)r is no directory (tenant): write its id or a name such as firma.example",
                         tenant=found.get("tenant"))  # fmt: skip
    if not _SCOPE.match(found.get("scopes", "s")):
        raise InputError("scopes are parted by single blanks, and have no quotes")
    if not 0 <= found.get("days", 0) <= 3_650:
        raise InputError("a link ends after at most %(most)s unused days", most=3_650)
    for endpoint in ("authorize", "token", "revoke", "consent"):
        if address := values.get(endpoint):
            _address(address)
    whole = provider_of(name, found)
    if not (whole.authorize and whole.token and whole.scopes):
        raise InputError("a provider that Beleg does not know needs the addresses to authorise and for tokens, and the "
                         "scopes")  # fmt: skip
    return found


def _address(text: str) -> None:
    """An endpoint's address: https, or on this machine. Raises InputError."""
    try:
        parts = urlsplit(text)
        there = bool(parts.hostname) and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:
        there = False
    if not there or " " in text or not (parts.scheme == "https" or (parts.scheme == "http" and on_loopback(text))):
        raise InputError("%(address)r is no address of a provider: it begins with https://", address=text)


def on_loopback(address: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
