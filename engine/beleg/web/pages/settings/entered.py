"""What is typed into the form of an account: shown again as it was, and what is stored of it."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import BaseModel, SecretStr, StringConstraints

from beleg.accounts import Account, Accounts, Direction, Fields
from beleg.accounts.accounts import USUAL
from beleg.accounts.entered import MOST_DAYS
from beleg.accounts.providers import PRESETS, Host
from beleg.errors import InputError
from beleg.mailserver import NO_SECRET, IncomingProtocol, OutgoingProtocol

Line = Annotated[str, StringConstraints(max_length=2_000)]
Lines = Annotated[str, StringConstraints(max_length=20_000)]


class AccountForm(BaseModel):
    """The form. `address` is that of the group of a new account; `sends_…` is what is not guessed of the account that
    sends for it. `act`: the button; `check`: the check (`checking`) that knows the password that was typed before."""

    name: Line = ""
    protocol: Line = ""
    host: Line = ""
    port: Line = ""
    security: Line = "tls"
    auth: Line = "login"
    user: Line = ""
    password: SecretStr = NO_SECRET
    provider: Line = ""
    active: bool = False
    after: Line = "keep"
    days: Line = ""
    delete_too: bool = False
    senders: Lines = ""
    address: Line = ""
    sends_host: Line = ""
    sends_port: Line = ""
    sends_security: Line = ""
    act: Line = "save"
    check: Line = ""

    @classmethod
    def of(cls, account: Account) -> AccountForm:
        """What is stored, without its password."""
        return cls(
            name=account.name, protocol=account.protocol, host=account.host, port=str(account.port),
            security=account.security, auth=account.auth, user=account.user, provider=account.provider,
            active=account.active, after=account.after, days=str(account.days or ""), delete_too=account.delete_too,
            senders="\n".join(account.senders),
        )  # fmt: skip

    def preset(self, name: str, direction: Direction) -> AccountForm:
        """The same with what is known of a provider's servers; as it is where the provider is not known."""
        known = PRESETS.get(name)
        if known is None or known.fetching is None or known.sending is None:
            return self
        here = _server(known.fetching if direction == "in" else known.sending)
        there = {f"sends_{name}": value for name, value in _server(known.sending).items()}
        return self.model_copy(update={**here, **there, "auth": "oauth2", "provider": name})

    def fields(self, accounts: Accounts, direction: Direction) -> Fields:
        """All that is said of the account; a password that is left empty stays as it is. Raises InputError."""
        names = ["name", "host", "port", "security", "auth", "user", "password", "provider", "active"]
        names += ["after", "days", "delete_too"] if direction == "in" else ["senders"]
        return self.some(names, accounts, direction)

    def some(self, names: list[str], accounts: Accounts, direction: Direction) -> Fields:
        """These fields alone. Raises InputError."""
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.protocol:
            values["protocol"] = self.protocol
        if "port" in values:
            port = _port(self.port)
            values["port"] = self._usual_port(accounts, direction) if port is None else port
            if values["port"] is None:  # the connection is none that is known, which is told
                del values["port"]
        if "days" in values:
            values["days"] = _days(self.days)
        if "senders" in values:
            values["senders"] = self.senders.splitlines()
        if "password" in values and not self.password.get_secret_value():
            values["password"] = None
        return cast(Fields, values)

    def sends(self, accounts: Accounts) -> Fields:
        """What was typed of the account that sends for a new one. Raises InputError."""
        values: dict[str, Any] = {"host": self.sends_host, "security": self.sends_security}
        values = {name: value for name, value in values.items() if value}
        port = _port(self.sends_port)
        if port is not None:
            values["port"] = port
        return cast(Fields, values)

    def _usual_port(self, accounts: Accounts, direction: Direction) -> int | None:
        ports = accounts.spoken(direction, self.protocol or USUAL[direction]).ports
        return {str(each): port for each, port in ports.items()}.get(self.security)


def spoken(accounts: Accounts, direction: Direction) -> list[IncomingProtocol | OutgoingProtocol]:
    """What accounts of a direction can speak, the usual first."""
    kind = IncomingProtocol if direction == "in" else OutgoingProtocol
    found = [each for each in accounts.installed.mail_servers.values() if isinstance(each, kind)]
    return sorted(found, key=lambda each: (each.name != USUAL[direction], each.name))


def _server(host: Host) -> dict[str, str]:
    return {"host": host.host, "port": str(host.port), "security": host.security}


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _port(text: str) -> int | None:
    """A port; None: the usual one."""
    if not text.strip():
        return None
    number = _number(text)
    if number is None:
        raise InputError("a port is a number from 1 to 65,535, not %(port)s", port=text)
    return number


def _days(text: str) -> int:
    number = _number(text or "0")
    if number is None:
        raise InputError("mail is deleted after 1 to %(most)s days", most=MOST_DAYS)
    return number
