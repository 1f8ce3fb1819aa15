"""What GREYHOUND keeps, in Beleg's words and back: accounts, groups, signatures, filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from beleg import ItemKind, MailServerError, Sentence
from beleg_greyhound.fields import Record, flag, id_of, ids, number, number_for, one_of, records, text
from beleg_greyhound.undocumented import NotDocumented

SERVICES: Mapping[ItemKind, str] = {
    "incoming": "RpcPop3Accounts",
    "outgoing": "RpcSmtpAccounts",
    "group": "RpcGroups",
    "signature": "RpcSignatures",
    "filter": "RpcFilters",
}
DELETED, SPAM, FAILURE, UNSENT = 2, 8, 16, 64
"""Flags."""
OPEN, DONE, DRAFT = 1, 16, 64
"""States."""

_ENCRYPT = {0: "plain", 1: "tls", 2: "starttls"}
_PROTOCOL = {0: "pop3", 1: "imap4"}
_AUTH_IN = {0: "login", 1: "apop", 2: "oauth2"}
_AUTH_OUT = {0: "none", 1: "login", 2: "oauth2"}
_AFTER = {0: "delete", 1: "keep", 2: "later"}
_SHOWS: Mapping[str, Mapping[str, int]] = {
    "all": {"NegativeFlags": DELETED},
    "open": {"States": OPEN, "NegativeFlags": DELETED | SPAM},
    "done": {"States": DONE, "NegativeFlags": DELETED},
    "drafts": {"States": DRAFT, "NegativeFlags": DELETED},
    "failed": {"PositiveFlags": FAILURE, "NegativeFlags": DELETED},
    "deleted": {"PositiveFlags": DELETED},
    "spam": {"PositiveFlags": SPAM, "NegativeFlags": DELETED},
}
"""The documented fields of the filters that can be made of them."""
_CRITERIA = ("States", "PositiveFlags", "NegativeFlags")


def read(kind: ItemKind, record: Record) -> dict[str, Any]:
    """The fields of one; those that the server does not say in a form that is known are not there."""
    found = _READ[kind](record)
    return {name: value for name, value in found.items() if value is not None}


def write(kind: ItemKind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The server's fields for these. Raises MailServerError where it has none for a value."""
    written: dict[str, Any] = {}
    for name, value in fields.items():
        if (way := _WRITE[kind].get(name)) is None:
            raise MailServerError("unsupported", _NO_FIELD, field=name)
        written |= way(value)
    return written


# --- reading


def _account(record: Record) -> dict[str, Any]:
    state = number(record, "State", 0)
    return {
        "name": text(record, "Name"),
        "host": text(record, "Host"),
        "port": number(record, "Port", 0),
        "user": text(record, "Username"),
        "security": one_of(_ENCRYPT, record, "Encrypt"),
        "active": None if state is None else state == 1,
        "error": text(record, "Message"),
    }


def _incoming(record: Record) -> dict[str, Any]:
    return {
        **_account(record),
        "protocol": one_of(_PROTOCOL, record, "Protocol"),
        "auth": one_of(_AUTH_IN, record, "Authenticate"),
        "after": one_of(_AFTER, record, "Delete"),
        "days": number(record, "DeleteAge", 0),
        "delete_too": flag(record, "DeleteSync"),
        "failures": number(record, "ErrorCount", 0),
    }


def _outgoing(record: Record) -> dict[str, Any]:
    return {
        **_account(record),
        "auth": one_of(_AUTH_OUT, record, "Authenticate"),
        "senders": NotDocumented.senders(text(record, "Filter")),
    }


def _group(record: Record) -> dict[str, Any]:
    return {"name": text(record, "Name"), "address": text(record, "Email").strip()}


def _signature(record: Record) -> dict[str, Any]:
    groups = [each for each in records(record.get("Groups")) if number(each, "DefaultKinds", 0)]
    group = next((id_ for each in groups if (id_ := id_of(each, "GroupRef"))), 0)
    return {
        "name": text(record, "Name"),
        "text": text(record, "TextData"),
        "html": text(record, "HtmlData"),
        "group": str(group) if group else None,
    }


def _filter(record: Record) -> dict[str, Any]:
    said = {name: number(record, name, 0) for name in _CRITERIA}
    shows = next((each for each, wanted in _SHOWS.items() if said == {**dict.fromkeys(_CRITERIA, 0), **wanted}), None)
    groups = ids(record, "GroupRefs")
    parent = id_of(record, "ParentRef")
    return {
        "name": text(record, "Name"),
        "shows": shows,
        "group": str(groups[0]) if groups else None,
        "parent": str(parent) if parent else None,
    }


_READ: Mapping[ItemKind, Callable[[Record], dict[str, Any]]] = {
    "incoming": _incoming,
    "outgoing": _outgoing,
    "group": _group,
    "signature": _signature,
    "filter": _filter,
}


# --- writing

Way = Callable[[Any], dict[str, Any]]


def _as(name: str) -> Way:
    return lambda value: {name: value}


def _chosen(name: str, values: Mapping[int, str], what: Sentence) -> Way:
    def way(value: Any) -> dict[str, Any]:
        found = number_for(values, str(value))
        if found is None:
            raise MailServerError("unsupported", what, value=value)
        return {name: found}

    return way


def _shown(value: str) -> dict[str, Any]:
    if value not in _SHOWS:
        raise MailServerError("unsupported", _NO_FILTER, shows=value)
    # Without the two -1, only mails without an assignment would match.
    empty = dict.fromkeys(_CRITERIA, 0)
    return {**empty, **_SHOWS[value], "Kinds": NotDocumented.EMAILS, "MinClassified": -1, "MaxClassified": -1}


def _default_of(group: str | None) -> dict[str, Any]:
    if not group:
        return {"Groups": []}
    return {"Groups": [{"GroupRef": NotDocumented.id_of(group), "DefaultKinds": NotDocumented.EMAILS}]}


def _secret(value: Any) -> dict[str, Any]:
    return {"Password": value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)}


_NO_AUTH = Sentence(
    "GREYHOUND has no sign-in of the kind {value} there.",
    "Eine Anmeldung der Art {value} gibt es in GREYHOUND dort nicht.",
)
_NO_VALUE = Sentence("GREYHOUND has nothing for {value} there.", "Für {value} hat GREYHOUND dort nichts.")
_NO_FIELD = Sentence(
    "GREYHOUND has no documented field for {field}.", "Für {field} hat GREYHOUND kein dokumentiertes Feld."
)
_NO_FILTER = Sentence(
    "A filter of this kind ({shows}) can't be made of the fields that are documented; make it in GREYHOUND.",
    "Ein Filter dieser Art ({shows}) lässt sich aus den dokumentierten Feldern nicht bilden; legen Sie ihn in "
    "GREYHOUND an.",
)
_ACCOUNT: dict[str, Way] = {
    "name": _as("Name"),
    "host": _as("Host"),
    "port": _as("Port"),
    "user": _as("Username"),
    "secret": _secret,
    "security": _chosen("Encrypt", _ENCRYPT, _NO_VALUE),
    "active": lambda value: {"State": int(bool(value))},
}
_WRITE: Mapping[ItemKind, Mapping[str, Way]] = {
    "incoming": {
        **_ACCOUNT,
        "protocol": _chosen("Protocol", _PROTOCOL, _NO_VALUE),
        "auth": _chosen("Authenticate", _AUTH_IN, _NO_AUTH),
        "after": _chosen("Delete", _AFTER, _NO_VALUE),
        "days": _as("DeleteAge"),
        "delete_too": lambda value: {"DeleteSync": bool(value)},
    },
    "outgoing": {
        **_ACCOUNT,
        "auth": _chosen("Authenticate", _AUTH_OUT, _NO_AUTH),
        "senders": lambda value: {"Filter": "\n".join(value)},
    },
    "group": {"name": _as("Name"), "address": _as("Email")},
    "signature": {"name": _as("Name"), "text": _as("TextData"), "html": _as("HtmlData"), "group": _default_of},
    "filter": {
        "name": _as("Name"),
        "shows": _shown,
        "group": lambda value: {"GroupRefs": [NotDocumented.id_of(value)] if value else []},
        "parent": lambda value: {"ParentRef": NotDocumented.id_of(value) if value else 0},
    },
}
