"""`demo`: the whole way on a shipped world, ending in an explanation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from beleg.cli.frame import Frame, Lang, frame, say, say_lines, say_table
from beleg.cli.serve import HOST, PORT, Port, background, run, site_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the database in this folder, with a beleg.toml beside it.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Start the support page on this world.")] = False,
    port: Port = PORT,
    lang: Lang = None,
) -> None:
    """Take in the mail and the ERP records that come with Beleg, decide, and explain one decision; or look at it all in
    the browser."""
    one = frame(context)
    if keep:
        _fresh(keep)
        _demo(one, keep, lang)
        if serve:
            _serve(one, keep, port)
        say(f"The database is kept; go on with: cd {keep} && beleg mail list")
    else:
        with tempfile.TemporaryDirectory(prefix="beleg-demo-") as folder:
            try:
                _demo(one, Path(folder), lang)
                if serve:
                    _serve(one, Path(folder), port)
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


def _serve(one: Frame, folder: Path, port: int) -> None:
    """The page, with two people who may sign in: the world is nobody's secret, and is served to this machine alone."""
    from beleg import demo as world
    from beleg.vault import add_key
    from beleg.workspace import Workspace

    key_file = folder / one.settings.key_file
    add_key(key_file)
    workspace = Workspace(one.open(f"sqlite:///{folder / 'beleg.db'}"), one.installed, one.settings.rules())
    accounts = one.accounts_on(workspace, key_file)
    site = site_of(accounts, one.settings)
    for name, address, role in world.PEOPLE:
        site.people.add(name, world.PASSWORD, address=address, role=role, by="demo")
    world.add_account(accounts)
    say()
    who = " or ".join(f"{name} ({role})" for name, _, role in world.PEOPLE)
    say(f"Sign in as {who}, with the password {world.PASSWORD}.")
    run(site, HOST, port, runner=background(accounts, one.settings))


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
