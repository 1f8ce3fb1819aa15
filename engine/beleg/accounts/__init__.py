"""Mail accounts, groups, signatures, filters, topics and tags, what people do with messages, and the mail that is
written: data and use cases.

No protocol is known here: what a plugin speaks (`beleg.mailserver`) is found by its name among what is installed.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Unpack

from pydantic import SecretStr

from beleg.accounts.accounts import Fields, Managing
from beleg.accounts.base import AccountSettings
from beleg.accounts.filters import Filtering, PlacedFilter
from beleg.accounts.groups import Grouping
from beleg.accounts.handling import HANDLED, Handling
from beleg.accounts.linking import Link, Links, Outcome, Unlinked
from beleg.accounts.model import (
    ARRIVAL,
    ROLES,
    Account,
    ArrivalRule,
    Direction,
    Group,
    MailFilter,
    Signature,
    Tag,
    Topic,
)
from beleg.accounts.topics import Sorting

__all__ = [
    "ARRIVAL",
    "HANDLED",
    "ROLES",
    "Account",
    "AccountSettings",
    "Accounts",
    "ArrivalRule",
    "Direction",
    "Fields",
    "Group",
    "Link",
    "Links",
    "MailFilter",
    "Outcome",
    "PlacedFilter",
    "Signature",
    "Tag",
    "Topic",
    "Unlinked",
]


class Accounts(Managing, Grouping, Filtering, Sorting, Handling):
    """The mail accounts of one workspace, and what belongs to them."""

    @cached_property
    def links(self) -> Links:
        """How accounts are linked with their providers."""
        return Links(self)

    def token(self, account: Account) -> SecretStr:
        """See `Links.token`."""
        return self.links.token(account)

    def change_many(self, ids: Collection[int], by: str, **fields: Unpack[Fields]) -> list[Account]:
        """See `Managing.change_many`. A link that serves no account any longer is removed."""
        changed = super().change_many(ids, by, **fields)
        if fields.keys() & {"user", "provider", "auth"}:
            self.links.prune(by)
        return changed

    def remove(self, ids: Collection[int], by: str) -> list[Account]:
        """See `Managing.remove`. Links that served the removed accounts alone are removed, too, and revoked."""
        removed = super().remove(ids, by)
        self.links.prune(by)
        return removed
