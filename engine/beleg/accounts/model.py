"""What there is: accounts, groups, signatures, filters, topics, tags. None of it holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from beleg.mailserver import Auth, Fault, Security, Sentence
from beleg.store.criteria import Criteria

Direction = Literal["in", "out"]
After = Literal["keep", "delete", "later"]
"""What happens on the server after fetching: nothing, deletion at once, deletion after some days."""
Work = Literal["open", "done"]
Role = Literal["all", "open", "pool", "mine", "sent", "failed", "deleted", "done", "drafts", "spam", "checked"]
"""What a filter that Beleg made shows."""

SEPARATOR = " / "
"""Stands between the names of a topic's path."""


@dataclass(frozen=True)
class Account:
    """A mail account. `has_secret`: a password is stored; `after`, `days`, `delete_too` and `group` are of accounts
    that fetch, `senders` (addresses, or `*`) of those that send. What happened: `fault` and `error` (by language) of
    the last try, None and empty where it went well; `failed`, `succeeded`, `due`: when last and when next (seconds
    since 1970 UTC); `halted`: not tried again before a person did something."""

    id: int
    direction: Direction
    name: str
    protocol: str
    host: str
    port: int
    security: Security
    auth: Auth
    user: str
    has_secret: bool
    provider: str
    active: bool
    after: After = "keep"
    days: int = 0
    delete_too: bool = False
    senders: tuple[str, ...] = ()
    group: int | None = None
    fault: Fault | None = None
    error: Mapping[str, str] | None = None
    failed: int | None = None
    succeeded: int | None = None
    failures: int = 0
    due: int | None = None
    halted: bool = False


@dataclass(frozen=True)
class Group:
    """A group: its address is the From of what is sent for it, and never counts as evidence. `signature` is the number
    of its default; `remote` its id on a mail server of another make."""

    id: int
    name: str
    address: str
    signature: int | None = None
    remote: str | None = None


@dataclass(frozen=True)
class Signature:
    """A signature, plain text."""

    id: int
    name: str
    text: str


@dataclass(frozen=True)
class MailFilter:
    """A saved search. One that Beleg made has a `role`, and a name in the reader's language, unless a person gave it
    another (`name`)."""

    id: int
    role: Role | None
    name: str
    group: Group | None
    parent: int | None
    criteria: Criteria
    position: int

    def title(self, language: str) -> str:
        """How it is called."""
        if self.name or self.role is None:
            return self.name
        return ROLES[self.role].say(language, {"name": self.group.name if self.group else ""})


@dataclass(frozen=True)
class Topic:
    """A topic; `path` are the names from the topmost one down to its own."""

    id: int
    parent: int | None
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]

    @property
    def depth(self) -> int:
        """How many topics are above it."""
        return len(self.path) - 1

    @property
    def title(self) -> str:
        """Its name with those above it: `Returns / Damaged`."""
        return SEPARATOR.join(self.path)


@dataclass(frozen=True)
class Tag:
    """A tag."""

    id: int
    name: str


class ArrivalRule(NamedTuple):
    """The rule "Incoming: [name]": where mail that arrives on an account goes; no `owner` is the pool."""

    account: int
    group: int
    work: Work
    owner: int | None
    topic: int | None


ROLES: Mapping[Role, Sentence] = {
    "all": Sentence("All e-mails", "Alle E-Mails"),
    "open": Sentence("{name} (Open mails)", "{name} (Offene Mails)"),
    "pool": Sentence("{name} (Pool)", "{name} (Pool)"),
    "mine": Sentence("{name} (My mails)", "{name} (Meine Mails)"),
    "sent": Sentence("Sent", "Gesendete Elemente"),
    "failed": Sentence("Failed", "Fehlgeschlagen"),
    "deleted": Sentence("Deleted", "Gelöschte Elemente"),
    "done": Sentence("Done", "Erledigt"),
    "drafts": Sentence("Drafts", "Entwürfe"),
    "spam": Sentence("Spam", "Spamverdacht"),
    "checked": Sentence("Checked", "Geprüft"),
}
ARRIVAL = Sentence("Incoming: {name}", "Eingangsverarbeitung: {name}")
"""What an arrival rule is called."""


def criteria_of(role: Role, group: int | None) -> Criteria:
    """What a filter of this role asks for."""
    match role:
        case "open":
            return Criteria(group=group, work="open", spam=0)
        case "pool":
            return Criteria(group=group, work="open", spam=0, owner="pool")
        case "mine":
            return Criteria(group=group, work="open", spam=0, owner="me")
        case "sent" | "done":
            return Criteria(group=group, work=role)
        case "failed":
            return Criteria(group=group, outgoing="failed")
        case "drafts":
            return Criteria(group=group, outgoing="draft")
        case "deleted":
            return Criteria(group=group, deleted=True)
        case "spam":
            return Criteria(group=group, spam=1)
        case "checked":
            return Criteria(group=group, spam=2)
        case "all":
            return Criteria()
