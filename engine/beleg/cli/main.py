"""The entry: global options, the commands, and how every error becomes one clear line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from copy import copy
from typing import Annotated

import typer

from beleg.cli import (
    account,
    capture,
    correct,
    decide,
    demo,
    fetch,
    group,
    handling,
    key,
    link,
    mail,
    new_plugin,
    outbox,
    privacy,
    records,
    replay,
    scenarios,
    serve,
    server,
    setup,
    user,
)
from beleg.cli.frame import Frame, complain
from beleg.errors import InputError
from beleg.version import __version__

app = typer.Typer(
    name="beleg",
    help="Ties every e-mail to the ERP records it is about, and proves each decision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    demo, setup, records, mail, handling, account, group, fetch, outbox, decide, capture, scenarios,
    replay, correct, serve, server, user, link, key, privacy, new_plugin,
):  # fmt: skip
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"beleg {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    database: Annotated[str | None, typer.Option("--database", help="Database URL, instead of the settings'.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    frame = context.obj
    frame.database_url = database
    frame.debug = debug


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. The console script exits with it."""
    frame = Frame()
    try:
        code = _run(frame, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone; there is no one to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        frame.close()
    return code


def _run(frame: Frame, arguments: list[str] | None) -> int:
    try:
        command = typer.main.get_command(_narrowed(sys.argv[1:] if arguments is None else arguments))
        code = command.main(args=arguments, prog_name="beleg", standalone_mode=False, obj=frame)
    except SystemExit as end:
        # Typer's way to end when whoever read our output has gone; nothing else raises it here.
        raise BrokenPipeError from end
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return _fail(frame, "interrupted", 3, None)
    except Exception as error:
        return _explain_failure(frame, error)
    if code == _INTERRUPTED:
        return _fail(frame, "interrupted", 3, None)
    return code if isinstance(code, int) else 0


def _narrowed(arguments: Sequence[str]) -> typer.Typer:
    """The commands without those that are surely not meant: making the options of all of them takes longer than many a
    command does."""
    words = iter(arguments)
    for word in words:
        if word == "--database":
            next(words, None)
        elif not word.startswith("-"):
            break
        elif word not in ("--debug",) and not word.startswith("--database="):
            return app
    else:
        return app
    one = copy(app)
    one.registered_groups = [each for each in app.registered_groups if each.name == word]
    one.registered_commands = [each for each in app.registered_commands if _name(each) == word]
    return one if one.registered_groups or one.registered_commands else app


def _name(command: typer.models.CommandInfo) -> str:
    assert command.callback is not None
    return command.name or command.callback.__name__.replace("_", "-")


_INTERRUPTED = 130
"""What some versions of Typer make of Ctrl-C, without a word."""


def _explain_failure(frame: Frame, error: Exception) -> int:
    if isinstance(error, InputError):
        return _fail(frame, str(error), 2, error)
    # Typer brings a click of its own in some versions and uses the installed one in others; both look like this.
    if hasattr(error, "format_message"):
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return 2
        return _fail(frame, error.format_message(), 2, error)
    if type(error).__name__ == "Abort":
        return _fail(frame, "interrupted", 3, None)
    # Imported here: what a command never used need not be loaded to say that it did not fail.
    from beleg.clause import ClauseError
    from beleg.errors import NotFound
    from beleg.mailserver import MailServerError
    from beleg.orchestrator import StepFailed
    from beleg.plugins import PluginError
    from beleg.store import DatabaseError

    if isinstance(error, NotFound):
        return _fail(frame, str(error), 2, error)
    if isinstance(error, PluginError | ClauseError | DatabaseError | StepFailed | MailServerError):
        return _fail(frame, str(error), 3, error)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return _fail(frame, f"{error.object!a} is no text in the encoding of this terminal", 2, error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(frame, f"{place}{error.strerror}", 3, error)
    fault = f"internal error: {type(error).__name__}: {error}; --debug shows where (beleg --debug …)"
    return _fail(frame, fault, 3, error)


def _fail(frame: Frame, text: str, code: int, error: Exception | None) -> int:
    if frame.debug and error is not None:
        traceback.print_exception(error)
    complain(text)
    return code
