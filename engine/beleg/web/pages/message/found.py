"""Records that a person looks for by name, number or address."""

from __future__ import annotations

from dataclasses import dataclass

from beleg.record import RecordRef
from beleg.web.pages.message.view import Choice, choice
from beleg.web.sessions import Visitor
from beleg.web.site import Site

MOST = 20


@dataclass(frozen=True)
class Found:
    """The records that were found, at most `MOST`; `more`: there are others."""

    choices: tuple[Choice, ...] = ()
    more: bool = False

    @property
    def only(self) -> Choice | None:
        """The one that was found, if it is one."""
        return self.choices[0] if len(self.choices) == 1 and not self.more else None


def find(site: Site, visitor: Visitor, text: str) -> Found:
    """The records that a text may mean."""
    explainer = site.explainers[visitor.language.code]
    hits = site.workspace.search_records(text, limit=MOST + 1)
    choices = (choice(explainer, each.record.ref, each.record, gone=each.gone) for each in hits[:MOST])
    return Found(tuple(choices), len(hits) > MOST)


def chosen(found: Found, text: str) -> Choice | None:
    """The one that the text names, or the only one."""
    exact = [each for each in found.choices if each.record == text.strip()]
    return exact[0] if exact else found.only


def ref(choice_: Choice) -> RecordRef:
    """What the engine calls it."""
    return RecordRef(choice_.type, choice_.id)
