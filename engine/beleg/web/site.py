"""What all requests share: the workspace, the people, the languages, and what is made of them once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fastapi import Request

from beleg.accounts import Accounts
from beleg.accounts.outbox import Outbox
from beleg.clause import LANGUAGES
from beleg.explain import Explainer
from beleg.people import People
from beleg.web.jobs import Job, Jobs
from beleg.web.language import Language
from beleg.web.room import Room
from beleg.web.sessions import Signer
from beleg.workspace import Workspace


@dataclass
class Site:
    """One Beleg as it is served. `language` is the one of visitors whose own is not known; `scenarios` the folder of
    the scenarios whose coverage the rules page shows; `time_zone` an IANA name, None: that of this machine."""

    accounts: Accounts
    people: People
    language: str = "en"
    scenarios: Path | None = None
    time_zone: str | None = None
    languages: dict[str, Language] = field(init=False)
    explainers: dict[str, Explainer] = field(init=False)
    jobs: Jobs = field(default_factory=Jobs)
    checks: Jobs = field(default_factory=Jobs)
    """Mail servers that are tried; a slow one keeps no other work waiting."""
    room: Room = field(default_factory=Room)
    coverage: Job | None = field(default=None, init=False)
    """Which clauses the scenarios reach; started by the first who looks at the rules."""

    def __post_init__(self) -> None:
        installed = self.workspace.installed
        self.languages = {each: Language.load(each, self.time_zone) for each in LANGUAGES}
        self.explainers = {
            each: Explainer.of(installed, each, moment=self.languages[each].date, by_subject=True) for each in LANGUAGES
        }

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self.accounts.workspace

    @cached_property
    def outbox(self) -> Outbox:
        """The mail that is written and sent."""
        return Outbox(self.accounts)

    @cached_property
    def signer(self) -> Signer:
        """Signs the cookies of sessions."""
        return Signer(self.people.secret("session"))


def site_of(request: Request) -> Site:
    """The site that a request is made to."""
    found: Site = request.app.state.site
    return found
