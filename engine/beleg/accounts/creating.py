"""What saving a new account that fetches creates with it, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beleg.accounts import entered
from beleg.accounts.base import group_of
from beleg.accounts.model import Group, Role, criteria_of
from beleg.errors import InputError
from beleg.store import accounts as store
from beleg.store.criteria import encode

if TYPE_CHECKING:
    from sqlalchemy import Connection

OF_GROUP: tuple[Role, ...] = ("open", "pool", "mine", "sent", "failed", "deleted", "done", "drafts", "spam")


def group_for(connection: Connection, name: str, user: str, address: str | None) -> Group:
    """The group of this name, made where there is none; its address is the one that is given, else the user name.
    Raises InputError where that is no address."""
    row = store.group_named(connection, entered.key(name))
    if row is not None:
        if address:
            store.change_group(connection, row.id, {"address": entered.address(address)})
            row = store.one_group(connection, row.id)
            assert row is not None
        _with_signature(connection, group_of(row))
        return group_of(row)
    if not address and not _is_address(user):
        raise InputError("the user name is no e-mail address: enter the address of the group %(name)r", name=name)
    values = {"key": entered.key(name), "name": name, "address": entered.address(address or user)}
    group = Group(store.add_group(connection, **values), name, values["address"])
    _with_signature(connection, group)
    return group


def filters_for(connection: Connection, group: Group) -> None:
    """The filters of a group, and "All e-mails"; those that are there stay."""
    there: dict[tuple[str, int | None], int] = {
        (row.role, row.mail_group): row.id for row in store.filters(connection) if row.role
    }

    def filter_(role: Role, of: int | None, parent: int | None = None) -> int:
        found = there.get((role, of))
        if found is None:
            criteria = encode(criteria_of(role, of))
            found = store.add_filter(connection, role=role, mail_group=of, parent=parent, criteria=criteria)
        return found

    filter_("all", None)
    for role in OF_GROUP:
        id_ = filter_(role, group.id)
        if role == "spam":
            filter_("checked", group.id, id_)


def arrival_for(connection: Connection, account: int, group: Group) -> None:
    """The rule "Incoming: [name]": to this group, open, to the pool."""
    store.set_arrival_rule(connection, account, {"mail_group": group.id, "work": "open", "owner": None, "topic": None})


def twin_of(values: dict[str, Any], group: Group, given: dict[str, Any]) -> dict[str, Any]:
    """The account that sends for a new one that fetches: what was `given` of it, else what is likely."""
    host = values["host"]
    for start, other in (("pop.", "smtp."), ("pop3.", "smtp.")):
        if host.lower().startswith(start):
            host = other + host[len(start) :]
    return {
        "name": values["name"],
        "host": host,
        "security": values["security"],
        "auth": "oauth2" if values["auth"] == "oauth2" else "login",
        "user": values["user"],
        "provider": values["provider"],
        "senders": [group.address],
        **given,
    }


def _with_signature(connection: Connection, group: Group) -> None:
    if group.signature is not None:
        return
    row = store.signature_named(connection, entered.key(group.name))
    id_ = row.id if row else store.add_signature(connection, key=entered.key(group.name), name=group.name, text="")
    store.change_group(connection, group.id, {"signature": id_})


def _is_address(text: str) -> bool:
    try:
        return bool(entered.address(text))
    except InputError:
        return False
