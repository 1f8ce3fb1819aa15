"""Settings that are tried while a page waits, and not longer than it should: the steps are shown as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from beleg.errors import NotFound
from beleg.mailserver import CheckStep, MailServerError, Sentence
from beleg.web.jobs import Job, Progress
from beleg.web.sessions import Visitor
from beleg.web.site import Site

KIND = "settings.check"
PATIENCE = 2.0
"""For how many seconds the answer waits for the end, before it shows how far the check is."""
LONGEST = 60.0
"""After how many seconds a page waits no longer."""
SIGN_IN = Sentence("Sign in", "Anmelden")


@dataclass
class Check:
    """One check: of which page, with what was typed there, since when, and the steps so far. What was typed may hold a
    password, which is never shown: a page that was sent again without one is told it."""

    path: str
    entered: Any
    steps: list[CheckStep] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Shown:
    """A check as the page shows it. `told`: why it could not be made."""

    id: str
    steps: list[CheckStep]
    under_way: bool
    late: bool
    told: str | None

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not (self.under_way or self.late or self.told) and all(each.ok for each in self.steps)


def begin(site: Site, visitor: Visitor, path: str, entered: Any, steps: Callable[[], Iterable[CheckStep]]) -> str:
    """Try the settings, and wait for the end a little; returns the number of the check. Raises InputError where too
    much is tried already."""
    check = Check(path, entered)

    def work(progress: Progress) -> None:
        try:
            for step in steps():
                check.steps.append(step)
                progress("", len(check.steps), 0)
        except MailServerError as error:  # its link must be made again
            check.steps.append(CheckStep("sign_in", SIGN_IN, False, error.sentence, error.values, error.server))

    job = site.checks.start(visitor.id, KIND, check, work)
    while job.under_way and time.monotonic() < check.began + PATIENCE:
        time.sleep(0.02)
    return job.id


def found(site: Site, visitor: Visitor, path: str, id_: str) -> tuple[Shown, Any] | None:
    """A check of this page, and what was typed for it; None where there is none. Raises NotFound where it is no longer
    kept."""
    if not id_:
        return None
    job = _job(site, visitor, path, id_)
    check: Check = job.about
    late = job.under_way and time.monotonic() > check.began + LONGEST
    if late:
        job.cancel()
    told = None
    if job.state == "failed":
        error = job.error
        told = visitor.language.tell(error) if error else visitor.language.say(_OURS)
    return Shown(id_, list(check.steps), job.under_way and not late, late, told), check.entered


def typed(site: Site, visitor: Visitor, path: str, id_: str) -> Any:
    """What was typed for a check; None where there was none. Raises NotFound."""
    return _job(site, visitor, path, id_).about.entered if id_ else None


def _job(site: Site, visitor: Visitor, path: str, id_: str) -> Job:
    job = site.checks.find(id_, visitor.id, KIND)
    if job.about.path != path:
        raise NotFound("This result is no longer kept. Ask for it anew.")
    return job


_OURS = "Beleg met an error of its own; the server's log says which."
