"""Mail accounts, groups, signatures, filters, and the mail that is written: data and use cases.

No protocol is known here: what a plugin speaks (`beleg.mailserver`) is found by its name among what is installed.
"""

from __future__ import annotations

from beleg.accounts.accounts import Fields, Managing
from beleg.accounts.base import AccountSettings
from beleg.accounts.groups import Grouping
from beleg.accounts.model import ARRIVAL, ROLES, Account, ArrivalRule, Direction, Group, MailFilter, Signature

__all__ = [
    "ARRIVAL",
    "ROLES",
    "Account",
    "AccountSettings",
    "Accounts",
    "ArrivalRule",
    "Direction",
    "Fields",
    "Group",
    "MailFilter",
    "Signature",
]


class Accounts(Managing, Grouping):
    """The mail accounts of one workspace, and what belongs to them."""
