"""The keys that passwords and tokens are encrypted with: `key new`, `key rotate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from beleg.cli.frame import frame, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    key = typer.Typer(help="The key that passwords and tokens are encrypted with.", no_args_is_help=True)
    key.command("new")(new)
    key.command("rotate")(rotate)
    app.add_typer(key, name="key")


def new(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--print", help="Print it, for BELEG_KEY, and write no file.")] = False,
) -> None:
    """Make the key file (setting key_file), readable by you alone. Keep a copy of it, apart from the database's."""
    from beleg.errors import InputError, Where
    from beleg.vault import new_key, write_keys

    if show:
        say(new_key())
        return
    file = Path(frame(context).settings.key_file)
    if file.exists() and file.read_bytes().strip():
        raise InputError("there is a key already; for another one: beleg key rotate", Where(str(file)))
    write_keys(file, [new_key()])
    say(f"{file} written; keep a copy of it, apart from those of the database")


def rotate(context: typer.Context) -> None:
    """Encrypt all passwords and tokens with a new key, and drop the old ones. A server that runs goes on. With
    BELEG_KEY: put a new key before the old one first; the old one can go afterwards."""
    from beleg.accounts import keys
    from beleg.vault import VARIABLE

    one = frame(context)
    file = Path(one.settings.key_file)
    count = keys.rotate(one.open(), file)
    if os.environ.get(VARIABLE, "").split():
        say(f"{count} secrets are encrypted with the first key of {VARIABLE}; the others are not needed any more")
    else:
        say(f"{count} secrets are encrypted with a new key, and {file} holds that one alone")
