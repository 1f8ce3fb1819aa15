"""What arguments name: a stored message or a mail file, a record."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Frame
from beleg.record import RecordRef

if TYPE_CHECKING:
    from beleg.case import Case
    from beleg.orchestrator import Engine
    from beleg.store.mails import StoredMessage

MESSAGE = "A row number, a Message-ID, or the beginning of a sha256."
MessageOrFile = Annotated[str, typer.Argument(metavar="MESSAGE|FILE", help=f"{MESSAGE} Or a mail file.")]
Erp = Annotated[
    list[Path] | None,
    typer.Option("--erp", metavar="FILE", help="ERP file to decide a mail file by, instead of the database."),
]


def mail_file(message: str, erp: list[Path] | None) -> bytes | None:
    """The mail in the file that an argument names; None when it names a stored message. Raises InputError."""
    from beleg.errors import InputError, Where

    if os.path.isfile(message):  # unlike Path.is_file, of a Message-ID too long for a file name it says no
        try:
            return Path(message).read_bytes()
        except OSError as error:
            raise InputError(f"the file can't be read: {error.strerror}", Where(message)) from None
    if erp:
        raise InputError(f"--erp goes with a mail file, and there is no file {message!r}")
    return None


def stored_message(one: Frame, name: str) -> StoredMessage:
    """The stored message of an argument that could have been a file, too. Raises NotFound."""
    from beleg.errors import NotFound

    try:
        return one.workspace.find_message(name)
    except NotFound as error:
        raise error if name.isdigit() else NotFound(f"there is no file {name!r}, and {error}") from None


def case_of(one: Frame, raw: bytes, erp: list[Path] | None, near: Collection[RecordRef] = ()) -> tuple[Case, Engine]:
    """The mail of a file as a case, and what decides it: in the world of the database, with what is `near` these
    records, or in that of ERP files. Raises InputError, StepFailed."""
    if not erp:
        return one.workspace.case(raw, near), one.workspace.engine
    from beleg.case import Case
    from beleg.directory import MemoryDirectory
    from beleg.importer import read_files
    from beleg.message import parse
    from beleg.orchestrator import Engine

    engine = Engine(one.installed, one.settings.rules())
    directory = MemoryDirectory(read_files(erp, one.installed.types), one.installed.types)
    return Case.alone(parse(raw, engine.settings.limits), directory, engine), engine


def record_ref(text: str) -> RecordRef:
    """The record that an argument names. Raises InputError."""
    from beleg.errors import InputError

    try:
        return RecordRef.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from None
