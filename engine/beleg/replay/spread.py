"""Replaying a selection of messages, thread by thread, on as many processes as asked for. The result does not depend on
how many they are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from beleg.deciding import BATCH
from beleg.errors import InputError, unknown_key
from beleg.orchestrator.ruleset import RuleSet
from beleg.plugins import installed
from beleg.replay.change import Change
from beleg.replay.run import Replayer
from beleg.step import RuleSettings
from beleg.store import Database
from beleg.store.mails import Mails, Selection
from beleg.workspace import Workspace, uncollected

MOST_JOBS = 64


class Rules(NamedTuple):
    """How a process makes the same rules as another one has: its settings, and the rule set that must come of them."""

    disabled: tuple[str, ...]
    disabled_steps: tuple[str, ...]
    settings: RuleSettings
    ruleset: str

    @classmethod
    def of(cls, workspace: Workspace) -> Rules:
        """Those of a workspace."""
        found = workspace.installed
        return cls(found.disabled, found.disabled_steps, workspace.rules, workspace.engine.ruleset.id)

    def workspace(self, database: Database) -> Workspace:
        """A workspace under these rules. Raises InputError where other plugins are installed than before."""
        found = Workspace(database, installed(self.disabled, disabled_steps=self.disabled_steps), self.settings)
        if found.engine.ruleset.id != self.ruleset:
            raise InputError("the plugins are not the same in another process; --jobs 1 needs no other one")
        return found


class Work(NamedTuple):
    """What a process needs to replay messages."""

    url: str
    candidate: Rules
    baseline: Rules | None
    words: tuple[str, ...]


def select(workspace: Workspace, selection: Selection) -> list[tuple[int, int]]:
    """Row number and thread of the messages of a selection, by date. Raises InputError where there is no such mailbox
    or folder."""
    with workspace.database.begin(write=False) as connection:
        mails = Mails(connection)
        rows = mails.selected(selection)
        if not rows:
            mailboxes, folders = mails.places()
            if selection.mailbox is not None and selection.mailbox not in mailboxes:
                raise _no_such("mailbox", selection.mailbox, mailboxes)
            place = selection.folder
            if place is not None and not any(f"{each}/".startswith(f"{place}/") for each in folders):
                raise _no_such("folder", place, folders)
        return rows


def _no_such(kind: str, name: str, known: Sequence[str]) -> InputError:
    known = list(filter(None, known))
    if not known:
        return InputError(f"no stored mail is of the {kind} {name!r}: of none is it known where it came from")
    return InputError(unknown_key(name, known, f"no stored mail is of the {kind}"))


def check_jobs(database: Database, jobs: int) -> None:
    """Raise InputError where so many processes can't be, or can't reach the database."""
    if not 1 <= jobs <= MOST_JOBS:
        raise InputError(f"--jobs is a number of processes from 1 to {MOST_JOBS}, not {jobs}")
    if jobs > 1 and database.sqlite and database.url.database in (None, "", ":memory:"):
        raise InputError("other processes can't reach a database in memory; leave out --jobs")


def rulesets(workspace: Workspace) -> dict[str, RuleSet]:
    """The rule sets that are stored, by id."""
    with workspace.database.begin(write=False) as connection:
        return Mails(connection).rulesets()


def replay(
    candidate: Workspace,
    rows: Sequence[tuple[int, int]],
    baseline: Workspace | None = None,
    words: Sequence[str] = (),
    *,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Change]:
    """What becomes of the messages of these rows and threads (see `select`) under the rules of `candidate`, against
    their stored decisions or those of `baseline`; in this order, without those that lack one of the `words`. Nothing
    is written. Raises InputError where so many `jobs` (processes) can't be, or can't reach the database.
    """
    database = candidate.database
    check_jobs(database, jobs)
    # Small enough that all processes have some.
    batches = whole_threads(rows, max(1, min(BATCH, len(rows) // (4 * jobs))) if jobs > 1 else BATCH)
    jobs = min(jobs, len(batches))
    if jobs > 1:
        work = Work(
            database.url.render_as_string(hide_password=False),
            Rules.of(candidate),
            Rules.of(baseline) if baseline else None,
            tuple(words),
        )
        done = _spread(work, batches, jobs)
    else:
        replayer = Replayer(candidate, baseline, words)
        done = (replayer.replay(batch) for batch in batches)
    changes = []
    with uncollected(), closing(done):
        for batch, found in zip(batches, done, strict=True):
            changes += found
            progress(len(batch))
    place = {row: number for number, (row, _) in enumerate(rows)}
    return sorted(changes, key=lambda change: place[change.row])


def whole_threads(rows: Sequence[tuple[int, int]], size: int = BATCH) -> list[list[int]]:
    """Rows with their threads, in batches of whole threads: of about `size` rows, more where a thread has more."""
    threads: dict[int, list[int]] = {}
    for row, thread in rows:
        threads.setdefault(thread, []).append(row)
    batches: list[list[list[int]]] = []
    held = size
    for thread_rows in threads.values():
        if held + len(thread_rows) > size:
            batches.append([])
            held = 0
        batches[-1].append(thread_rows)
        held += len(thread_rows)
    return [list(chain.from_iterable(batch)) for batch in batches]


def _spread(work: Work, batches: Sequence[Sequence[int]], jobs: int) -> Generator[list[Change], None, None]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = {*active_children()}
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_undisturbed)
    try:
        with _uninterrupted():  # else Ctrl-C would reach processes that are just starting
            futures = [pool.submit(_work, work, batch) for batch in batches]
        for future in futures:
            yield future.result()
    except BaseException:
        for ours in {*active_children()} - others:
            ours.terminate()  # they only read, so nothing is lost, and no one has to wait for a long thread
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _undisturbed() -> None:
    """Leave Ctrl-C to the process that started us: it ends us in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(work: Work, rows: Sequence[int]) -> list[Change]:
    with uncollected():
        return _replayer(work).replay(rows)


@lru_cache(maxsize=1)
def _replayer(work: Work) -> Replayer:
    database = Database(work.url)
    baseline = work.baseline.workspace(database) if work.baseline else None
    return Replayer(work.candidate.workspace(database), baseline, work.words)
