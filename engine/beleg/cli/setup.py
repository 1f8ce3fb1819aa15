"""Setting up: `init`, `db upgrade`, and what is installed: `plugins`, `rules`, `trace schema`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from beleg.cli.frame import Json, Lang, frame, progress, say, say_json, say_table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    database = typer.Typer(help="The database.", no_args_is_help=True)
    database.command("upgrade")(upgrade)
    app.add_typer(database, name="db")
    app.command("plugins")(list_plugins)
    app.command("rules")(list_rules)
    trace = typer.Typer(help="The trace format.", no_args_is_help=True)
    trace.command("schema")(trace_schema)
    app.add_typer(trace, name="trace")


def init(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option("--database-url", help="Where the database is; written into the settings.")
    ] = None,
) -> None:
    """Write the settings file beleg.toml (unless there is one), make the key that passwords are encrypted with (unless
    there is one), and create the database."""
    from beleg.settings import config_path, template
    from beleg.vault import VARIABLE, new_key, write_keys

    path = config_path()
    if path.exists():
        say(f"{path} is there already and stays as it is")
    else:
        path.write_text(template(database_url), encoding="utf-8")
        say(f"{path} written")
    one = frame(context)
    key = Path(one.settings.key_file)
    if not key.exists() and not os.environ.get(VARIABLE, "").strip():
        write_keys(key, [new_key()])
        say(f"{key} written; keep a copy of it, apart from those of the database")
    database = one.open(database_url, create=True)
    revision = database.upgrade()
    say(f"database {database.shown} is ready (schema {revision})")


def upgrade(context: typer.Context) -> None:
    """Create the database's schema, or bring it up to date."""
    from beleg.workspace import Workspace

    one = frame(context)
    database = one.open(create=True)
    revision = database.upgrade()
    workspace = Workspace(database, one.installed, one.settings.rules())
    if left := workspace.unfilled():
        with progress("filling in", left) as advance:
            workspace.fill_in(advance)
    say(f"database {database.shown} is at schema {revision}")


def list_plugins(context: typer.Context, as_json: Json = False) -> None:
    """List the installed plugins and what each brings."""
    from dataclasses import asdict

    installed = frame(context).installed
    if as_json:
        for plugin in installed.plugins:
            say_json(asdict(plugin))
        return
    priorities = {step.name: step.priority for step in installed.steps}
    rows = [
        (
            plugin.name,
            f"{plugin.distribution} {plugin.version}".strip() or "-",
            ", ".join(f"{step} ({priorities[step]})" for step in plugin.steps) or "-",
            ", ".join(plugin.types) or "-",
            ", ".join(plugin.rules) or "-",
            ", ".join(plugin.mail_servers) or "-",
        )
        for plugin in installed.plugins
    ]
    say_table(("plugin", "from", "steps (priority)", "record types", "rules for others", "mail servers"), rows)
    for name in installed.disabled:
        say(f"{name}  switched off in the settings")
    for name in installed.disabled_steps:
        say(f"{name}  step, switched off in the settings")


def list_rules(
    context: typer.Context,
    step: Annotated[str | None, typer.Argument(metavar="STEP", help="Only this step's tables.")] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show the steps in order and their decision tables."""
    from beleg.errors import InputError, unknown_key

    one = frame(context)
    steps = [each for each in one.installed.steps if step in (None, each.name)]
    if not steps:
        names = [each.name for each in one.installed.steps]
        raise InputError(unknown_key(step or "", names, "there is no step"))
    explainer = one.explainer(lang)
    for each in steps:
        tables = [one.installed.tables[table.name] for table in each.tables]
        if as_json:
            say_json(
                {
                    "step": each.name,
                    "priority": each.priority,
                    "type": each.type,
                    "skipped_by": each.skipped_by,
                    "follow_ups": [{"role": f.role, "when": f.when} for f in each.follow_ups],
                    "tables": [
                        {
                            "table": t.name,
                            "facts": t.facts,
                            "rules": [
                                {"name": r.name, "when": r.when, "then": r.then, "source": r.source} for r in t.rules
                            ],
                        }
                        for t in tables
                    ],
                }
            )
            continue
        say(f"{each.priority} {each.name}")
        if each.skipped_by:
            say(f"  skipped when the message has: {', '.join(each.skipped_by)}")
        for table in tables:
            say(f"  table {table.name}, counts: {', '.join(table.facts)}; the first rule that holds decides")
            width = max(len(rule.name) for rule in table.rules)
            whens = max(len(rule.when) for rule in table.rules)
            for rule in table.rules:
                say(f"    {rule.name.ljust(width)}  {rule.when.ljust(whens)}  → {rule.then.ljust(18)} {rule.source}")
        if each.follow_ups:
            follow = ", ".join(f"{explainer.phrases.role(f.role)} ({f.when})" for f in each.follow_ups)
            say(f"  follows an assigned record: {follow}")
        say()


def trace_schema() -> None:
    """Print the JSON Schema of a trace."""
    import json

    from beleg.trace import json_schema

    say(json.dumps(json_schema(), indent=2))
