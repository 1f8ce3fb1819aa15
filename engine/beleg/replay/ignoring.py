"""What another blacklist would change, told before it is saved.

Messages are decided twice in memory, with the list of now and with the other one, under the rules and the records of
now. Only those can differ whose stored trace names an address that the lists treat differently, and later messages of
their threads: so whole threads that have such a message are replayed, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from beleg.errors import InputError
from beleg.ignore import NO_ENTRY, IgnoreList
from beleg.orchestrator.ruleset import RuleSet
from beleg.replay.change import OUTCOMES, Change
from beleg.replay.run import Replayer
from beleg.replay.spread import rulesets, whole_threads
from beleg.store.mails import Mails, Selection
from beleg.store.sightings import Sighting, sightings
from beleg.version import __version__
from beleg.workspace import Workspace, uncollected

READ = 500
"""How many traces are read in one transaction."""

Progress = Callable[[str, int, int], None]
"""Is told what is done (`read`, `decide`), and how much of how much. What it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What would change. `changes` are those of decided messages, by date: other records (`OUTCOMES`), another way to
    the same ones (`explanation`), or a step that fails. `messages`: how many there are; `replayed`: how many of them
    could change. `otherwise`: rows of changes whose stored decision is not the one that is made now with the list as
    it is, because rules or records are others since."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    changes: tuple[Change, ...]
    messages: int
    replayed: int
    otherwise: frozenset[int]

    @property
    def outcomes(self) -> tuple[Change, ...]:
        """Those by which other records would stand."""
        return tuple(change for change in self.changes if change.kind in OUTCOMES)

    @property
    def rows(self) -> list[int]:
        """The messages to decide anew once the list is saved, by date."""
        return [change.row for change in self.changes if change.kind != "failed"]


def effect(
    workspace: Workspace,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    progress: Progress = lambda what, done, total: None,
) -> Effect:
    """What adding and removing these entries of the blacklist would change. Writes nothing, and reads in short
    transactions. Raises InputError for what is no entry."""
    now = workspace.ignored()
    try:
        then = now.changed(add, remove)
    except ValueError as error:
        raise InputError(NO_ENTRY, entry=_wrong(now, (*add, *remove))) from error
    messages, threads = _touched(workspace, now, then, progress)
    with workspace.database.begin(write=False) as connection:
        rows = [each for each in Mails(connection).selected(Selection()) if each[1] in threads]
    replayer = Replayer(workspace.assuming(then), workspace.assuming(now))
    changes: list[Change] = []
    otherwise: set[int] = set()
    done = 0
    for batch in whole_threads(rows):
        progress("decide", done, len(rows))
        with uncollected():
            found = replayer.replay(batch)
        with workspace.database.begin(write=False) as connection:
            stored = Mails(connection).decisions([each.row for each in found if each.kind != "same"])
        for change in found:
            if decision := stored.get(change.row):
                changes.append(change)
                if change.digest_before not in (None, decision.digest):
                    otherwise.add(change.row)
        done += len(batch)
    progress("decide", done, len(rows))
    place = {row: number for number, (row, _) in enumerate(rows)}
    changes.sort(key=lambda change: place[change.row])
    return Effect(tuple(add), tuple(remove), tuple(changes), messages, len(rows), frozenset(otherwise))


def _touched(workspace: Workspace, now: IgnoreList, then: IgnoreList, progress: Progress) -> tuple[int, set[int]]:
    """How many messages there are, and the threads in which a stored decision may differ."""
    known = rulesets(workspace)
    # A trace names the addresses that were read out of the mail. Another Beleg, or other limits, may read others.
    alike = {id_ for id_, each in known.items() if _reads_alike(each, workspace.engine.ruleset)}

    @cache
    def differs(key: str) -> bool:
        return now.entry_for(key) != then.entry_for(key)

    touched: set[int] = set()
    decided: set[int] = set()
    undecided: set[int] = set()
    messages = 0
    with workspace.database.begin(write=False) as connection:
        total = Mails(connection).count()
    for batch in _in_batches(workspace):
        for each in batch:
            (undecided if each.ruleset is None else decided).add(each.thread)
            if each.ruleset is not None and (each.ruleset not in alike or any(map(differs, each.keys))):
                touched.add(each.thread)
        messages += len(batch)
        progress("read", messages, max(messages, total))
    # Of a message that was never decided no trace tells; what it comes to, later ones of its thread inherit.
    return messages, touched | (undecided & decided)


def _reads_alike(one: RuleSet, other: RuleSet) -> bool:
    return one.beleg == other.beleg == __version__ and one.question.limits == other.question.limits


def _in_batches(workspace: Workspace) -> Iterator[Sequence[Sighting]]:
    behind = 0
    while True:
        with workspace.database.begin(write=False) as connection:
            batch = sightings(connection, behind, READ)
        if not batch:
            return
        yield batch
        behind = batch[-1].row


def _wrong(now: IgnoreList, entries: Collection[str]) -> str:
    """Which of the entries is none."""
    for entry in entries:
        try:
            now.changed([entry])
        except ValueError:
            return entry
    raise AssertionError("one of them is none")
