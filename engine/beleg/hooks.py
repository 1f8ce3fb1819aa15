"""The whole plugin interface on one page.

A plugin is a module (or any object) with functions of these names, each marked `@hookimpl`, announced as an entry
point of the group `beleg`:

    [project.entry-points.beleg]
    invoice = "my_package.beleg_invoice"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pluggy

from beleg.clause import Clause
from beleg.mailserver import MailServer
from beleg.record import RecordType
from beleg.rulebook import Rule
from beleg.step import Step

PROJECT = "beleg"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class RuleChange(NamedTuple):
    """A rule for a table of another step: added, or with `Rule(replaces=True)` put in another's place."""

    table: str
    rule: Rule


class Hooks:
    """What a plugin may supply. Every hook is optional."""

    @hookspec
    def beleg_record_types(self) -> Sequence[RecordType]:
        """The record types that this plugin brings (they stay when its step is switched off)."""
        raise NotImplementedError

    @hookspec
    def beleg_steps(self) -> Sequence[Step]:
        """The steps that this plugin brings, each with a name and a priority that no other step has."""
        raise NotImplementedError

    @hookspec
    def beleg_rules(self) -> Sequence[RuleChange]:
        """Rules for decision tables of other steps."""
        raise NotImplementedError

    @hookspec
    def beleg_mail_servers(self) -> Sequence[MailServer]:
        """The mail protocols and mail servers that this plugin speaks, each with a name that no other has."""
        raise NotImplementedError

    @hookspec
    def beleg_clauses(self) -> Sequence[Clause]:
        """Sentences for clauses that this plugin's rules add to other steps."""
        raise NotImplementedError
