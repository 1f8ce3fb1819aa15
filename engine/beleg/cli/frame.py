"""What every command shares: settings, plugins and database on demand, and how results are printed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from beleg.printable import UNPRINTABLE, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from beleg.accounts import Accounts
    from beleg.explain import Explainer, Line
    from beleg.people import People
    from beleg.plugins import Installed
    from beleg.settings import Settings
    from beleg.store import Database
    from beleg.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lang = Annotated[str | None, typer.Option("--lang", help="Language of explanations: en or de.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it; the user who is signed in, if left out.")]

STYLES = {"head": "bold", "good": "green", "bad": "red", "dim": "dim", "strong": "bold"}


@dataclass
class Frame:
    """One run of the command line. What a command does not need is never loaded."""

    database_url: str | None = None
    debug: bool = False
    _opened: list[Database] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        """The settings."""
        from beleg.settings import load

        return load()

    @cached_property
    def installed(self) -> Installed:
        """The plugins."""
        from beleg.plugins import installed

        return installed(self.settings.disabled_plugins, disabled_steps=self.settings.disabled_steps)

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or self.settings.database_url

    def open(self, url: str | None = None, *, create: bool = False) -> Database:
        """The database. Raises DatabaseError where a SQLite file does not exist, unless `create`."""
        from beleg.store import Database, DatabaseError

        database = Database(url or self.url)
        name = database.url.database
        if database.sqlite and not create and name and name != ":memory:" and not Path(name).exists():
            raise DatabaseError(f"there is no database {name} yet; run: beleg init")
        self._opened.append(database)
        return database

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace on the database."""
        from beleg.workspace import Workspace

        return Workspace(self.open(), self.installed, self.settings.rules())

    @cached_property
    def people(self) -> People:
        """The people who may sign in."""
        from beleg.people import People

        return People(self.open())

    @cached_property
    def accounts(self) -> Accounts:
        """The mail accounts."""
        return self.accounts_on(self.workspace, Path(self.settings.key_file))

    def accounts_on(self, workspace: Workspace, key_file: Path) -> Accounts:
        """The mail accounts of a workspace, whose secrets are sealed with the keys of a file."""
        from beleg.accounts import Accounts, AccountSettings
        from beleg.vault import unlock

        values = self.settings.account_limit, self.settings.authorities(), self.settings.decide_on_arrival
        return Accounts(workspace, lambda: unlock(key_file), AccountSettings(*values))

    def language(self, wanted: str | None) -> str:
        """The language that is wanted, or that of the settings."""
        from beleg.clause import LANGUAGES
        from beleg.errors import InputError

        language = wanted or self.settings.language
        if language not in LANGUAGES:
            raise InputError(f"--lang is one of {', '.join(LANGUAGES)}, not {language!r}")
        return language

    def explainer(self, language: str | None) -> Explainer:
        """The explanations in a language, or in that of the settings."""
        from beleg.explain import Explainer

        found = self.language(language)
        return Explainer.of(self.installed, found)

    def close(self) -> None:
        """Close what was opened."""
        for database in self._opened:
            database.close()


def frame(context: typer.Context) -> Frame:
    """The frame of the running command."""
    found = context.find_object(Frame)
    assert found is not None
    return found


def person(by: str | None) -> str:
    """Who makes a correction."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def say(text: str = "") -> None:
    """Print one text, replacing what the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(printable(text).encode(encoding, "replace").decode(encoding) + "\n")


def complain(text: str) -> None:
    """Say on standard error, in one line, what went wrong."""
    print("beleg: " + printable(" ".join(text.split())), file=sys.stderr)


def say_json(value: Any) -> None:
    """Print one JSON document on one line; what a terminal must not get is escaped in it, so that data stays data."""
    text = msgspec.json.encode(value).decode()
    say(UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def say_lines(lines: Iterable[Line]) -> None:
    """Print styled lines: coloured on a terminal, plain in a pipe."""
    from beleg.explain import plain

    if not sys.stdout.isatty():
        say(plain(lines).rstrip("\n"))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for each in lines:
        console.print(Text.assemble(*((printable(text), STYLES.get(style, "")) for text, style in each)))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under columns, each as wide as its widest cell."""
    table = [columns, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    for row in table:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error when that is a terminal; nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)
