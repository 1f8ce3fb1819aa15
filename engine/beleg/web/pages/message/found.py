"""Records that a person looks for by name, number or address."""

from __future__ import annotations

from dataclasses import dataclass

from beleg.web.listing import Named, named
from beleg.web.sessions import Visitor
from beleg.web.site import Site

MOST = 20


@dataclass(frozen=True)
class Found:
    """The records that were found, at most `MOST`; `more`: there are others."""

    choices: tuple[Named, ...] = ()
    more: bool = False

    @property
    def only(self) -> Named | None:
        """The one that was found, if it is one."""
        return self.choices[0] if len(self.choices) == 1 and not self.more else None


def find(site: Site, visitor: Visitor, text: str) -> Found:
    """The records that a text may mean."""
    explainer = site.explainers[visitor.language.code]
    hits = site.workspace.search_records(text, limit=MOST + 1)
    choices = (named(explainer, each.record.ref, each.record, each.gone) for each in hits[:MOST])
    return Found(tuple(choices), len(hits) > MOST)


def chosen(found: Found, text: str) -> Named | None:
    """The one that the text names, or the only one."""
    exact = [each for each in found.choices if each.record == text.strip()]
    return exact[0] if exact else found.only
