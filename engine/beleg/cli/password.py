"""Passwords: asked for on the terminal, or read from standard input; never an argument, which others could see."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


def given_password(from_stdin: bool, *, twice: bool = False) -> str:
    """A password from standard input, or asked for on the terminal without an echo. Raises InputError."""
    from beleg.errors import InputError

    if from_stdin:
        try:
            return sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError("the password on standard input is no text in UTF-8") from None
    if not sys.stdin.isatty():
        raise InputError("no terminal is there to ask for the password on; give it with --password-stdin")
    first = getpass.getpass("Password: ")
    if twice and getpass.getpass("Once more: ") != first:
        raise InputError("these were two different passwords; nothing was changed")
    return first
