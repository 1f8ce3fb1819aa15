"""Mail accounts, groups, signatures, filters, topics and tags, what people do with messages, and the mail that is
written: data and use cases.

No protocol is known here: what a plugin speaks (`beleg.mailserver`) is found by its name among what is installed.
"""

from __future__ import annotations

from beleg.accounts.accounts import Fields, Managing
from beleg.accounts.base import AccountSettings
from beleg.accounts.filters import Filtering, PlacedFilter
from beleg.accounts.groups import Grouping
from beleg.accounts.handling import HANDLED, Handling
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
    "MailFilter",
    "PlacedFilter",
    "Signature",
    "Tag",
    "Topic",
]


class Accounts(Managing, Grouping, Filtering, Sorting, Handling):
    """The mail accounts of one workspace, and what belongs to them."""
