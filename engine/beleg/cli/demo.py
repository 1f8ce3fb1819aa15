"""`demo`: the whole way on a shipped world, ending in an explanation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from beleg.cli.frame import Frame, Lang, frame, say, say_lines, say_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the database in this folder, with a beleg.toml beside it.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Take in the mail and the ERP records that come with Beleg, decide, and explain one decision."""
    one = frame(context)
    if keep:
        _fresh(keep)
        _demo(one, keep, lang)
        say(f"The database is kept; go on with: cd {keep} && beleg mail list")
    else:
        with tempfile.TemporaryDirectory(prefix="beleg-demo-") as folder:
            try:
                _demo(one, Path(folder), lang)
            finally:
                one.close()


def _fresh(folder: Path) -> None:
    from beleg.errors import InputError

    for name in ("beleg.toml", "beleg.db"):
        if (folder / name).exists():
            raise InputError(f"{folder / name} is there already; name a folder that holds no data of Beleg's")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} can't be made: {error.strerror}") from None


def _demo(one: Frame, folder: Path, lang: str | None) -> None:
    from beleg import demo as world
    from beleg.explain import what_if_line
    from beleg.settings import template
    from beleg.workspace import Workspace

    explainer = one.explainer(lang)
    database = one.open(f"sqlite:///{folder / 'beleg.db'}", create=True)
    database.upgrade()
    (folder / "beleg.toml").write_text(template(), encoding="utf-8")
    workspace = Workspace(database, one.installed, one.settings.rules())
    imported, taken = world.fill(workspace)
    say(f"A lamp shop: {imported.total} ERP records.")
    say(f"Its mail: {taken.new} messages, {taken.decided} decided.")
    say()
    rows = []
    for message, records in reversed(workspace.newest(20)):
        names = ", ".join(explainer.phrases.record(str(record)) for record in records)
        rows.append((str(message.row), message.sender, message.subject, names or "–"))
    say_table(("row", "from", "subject", "assigned"), rows)
    say()
    main = workspace.find_message(parse_id(world.MAIN))
    trace, mark = workspace.open(main.row)
    without = workspace.what_if(main, mark)
    say_lines(explainer.lines(trace, mark, what_if=what_if_line(explainer, without) if without else None))


def parse_id(path: Path) -> str:
    """The identity of a mail file."""
    from beleg.message import content_identity

    return content_identity(path.read_bytes())
