"""For plugin authors: `new-plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beleg.cli.frame import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(new_plugin)


def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name; its package is called beleg-NAME.")],
    type_: Annotated[str, typer.Option("--type", help="The record type that it brings, such as return.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to write it; ./beleg-NAME if left out.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", help="The place of its step: lower runs first (order 200, offer 300).")
    ] = None,
    words: Annotated[
        str | None, typer.Option("--words", help="English words for one and many, such as 'return,returns'.")
    ] = None,
    words_de: Annotated[str | None, typer.Option("--words-de", help="German ones, such as 'Retoure,Retouren'.")] = None,
) -> None:
    """Write the package of a new plugin, which installs and passes its tests as it is (docs/plugins.md)."""
    from beleg.new_plugin import plan, write

    wanted = plan(name, type_, priority, words, words_de)
    target = folder or Path(wanted.distribution)
    for path in write(wanted, target):
        say(str(path))
    say()
    say(f"Go on with: cd {target} && pip install --editable '.[test]' && pytest")
