"""What is entered about accounts: what it must be, and the form in which it is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from beleg.accounts.model import After, Direction
from beleg.errors import InputError
from beleg.mailserver import Auth, Protocol, Security
from beleg.message import is_addr_spec

LONGEST = 200
MOST_DAYS = 3650
ANY_SENDER = "*"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOST = re.compile(r"[^\s/@:\\?#\[\]]{1,253}\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}\Z")


def name(text: str) -> str:
    """The name of an account, group, signature, filter, topic or tag. Raises InputError."""
    found = " ".join(text.split())
    if not 0 < len(found) <= LONGEST or _CONTROL.search(found):
        raise InputError("a name is 1 to %(most)s characters, none of them a control character", most=LONGEST)
    return found


def key(text: str) -> str:
    """What names are compared by."""
    return text.casefold()


def host(text: str) -> str:
    """The name or address of a server. Raises InputError."""
    found = text.strip().removeprefix("[").removesuffix("]")
    if not (_HOST.match(found) or (found.count(":") > 1 and _IPV6.match(found))) or _CONTROL.search(found):
        raise InputError("%(host)r is not the name or the address of a server, such as mail.example.com", host=text)
    return found


def port(number: int) -> int:
    """A port. Raises InputError."""
    if not 1 <= number <= 65_535:
        raise InputError("a port is a number from 1 to 65,535, not %(port)s", port=str(number))
    return number


def address(text: str) -> str:
    """An e-mail address. Raises InputError."""
    found = text.strip()
    if not is_addr_spec(found) or len(found) > 320 or _CONTROL.search(found):
        raise InputError("%(address)r is no e-mail address", address=text)
    return found


def plain(text: str, fault: str) -> str:
    """A user name or a password, which goes to a server in one line. Raises InputError, which says the fault."""
    if len(text) > 10_000 or _CONTROL.search(text):
        raise InputError(fault)
    return text


def senders(lines: Iterable[str]) -> tuple[str, ...]:
    """Whose mail an account sends: addresses, or `*` for all. Raises InputError."""
    found = dict.fromkeys(each.strip() for each in lines if each.strip())
    return tuple(each if each == ANY_SENDER else address(each) for each in found)


def checked(fields: dict[str, Any], direction: Direction, protocol: Protocol) -> dict[str, Any]:
    """The fields of an account as they are stored; those that are not given are not there. Raises InputError."""
    values = dict(fields)
    for field, check in _CHECKS.items():
        if field in values:
            values[field] = check(values[field])
    if "security" in values:
        _one_of(values["security"], get_args(Security), "the connection is one of %(allowed)s")
    if "after" in values:
        _one_of(values["after"], get_args(After), "what happens on the server after fetching is one of %(allowed)s")
    if "auth" in values:
        if direction == "out" and values["auth"] == "apop":
            raise InputError("APOP does not exist for SMTP; choose login or OAuth2")
        usual = [each for each in get_args(Auth) if each in protocol.auths]
        _one_of(values["auth"], usual, "the authentication is one of %(allowed)s")
    if "password" in values and values["password"] is not None:
        plain(values["password"].get_secret_value(), "a password can't have control characters or line breaks")
    if "senders" in values:
        values["senders"] = senders(values["senders"])
    return values


def _one_of(value: object, allowed: Sequence[str], fault: str) -> None:
    if value not in allowed:
        raise InputError(fault, allowed=", ".join(allowed))


def _days(number: int) -> int:
    if not 0 <= number <= MOST_DAYS:
        raise InputError("mail is deleted after 1 to %(most)s days", most=MOST_DAYS)
    return number


_CHECKS: dict[str, Any] = {
    "name": name,
    "host": host,
    "port": port,
    "user": lambda text: plain(text.strip(), "a user name can't have control characters or line breaks"),
    "days": _days,
}
