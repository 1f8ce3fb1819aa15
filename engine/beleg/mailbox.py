"""Mails on disk: single files, folders of them, mbox files, Maildirs. Yields bytes; parses nothing but boundaries."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beleg.errors import InputError, Where

MBOX_SUFFIXES = (".mbox", ".mbx")
MAIL_SUFFIXES = (".eml", ".msg", ".email", ".mail")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_FROM_LINE = re.compile(rb"^From [^\r\n]*?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .{5,40}\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FoundMail:
    """One mail on disk: its bytes, the folder or mbox that it was found in, and the path that was named for it."""

    raw: bytes
    folder: str
    name: str
    mailbox: str = ""


@dataclass(slots=True)
class Skipped:
    """Files of a folder that are no mail (they do not begin with a header)."""

    files: list[str]


def mails(paths: Sequence[Path], skipped: Skipped) -> Iterator[FoundMail]:
    """Every mail under the paths. A file that is named is taken whatever it holds; in a folder, one that does not
    begin as a mail does is skipped and noted. Raises InputError for a path that can't be read."""
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or folder", Where(_name(path)))
    for path in paths:
        found = _folder(path, skipped) if path.is_dir() else _file(path, _name(path.parent))
        for each in found:
            yield replace(each, mailbox=_name(path))


def _name(path: Path) -> str:
    """The path as a text that can be stored and printed, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "replace")


def count(paths: Sequence[Path]) -> int:
    """About how many files there are: for a progress bar."""
    return sum(sum(1 for _ in _files(path)) if path.is_dir() else 1 for path in paths)


def _files(folder: Path) -> Iterator[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=_unreadable):
        # Hidden folders are left out, but for those of a Maildir, where every folder within begins with a dot.
        folders[:] = [name for name in folders if name[0] != "." or Path(root, name, "cur").is_dir()]
        found += [Path(root, name) for name in files if name[0] != "."]
    yield from (path for path in sorted(found) if path.is_file())


def _unreadable(error: OSError) -> None:
    raise InputError(f"the folder can't be read: {error.strerror}", Where(str(error.filename)))


def _folder(folder: Path, skipped: Skipped) -> Iterator[FoundMail]:
    for path in _files(folder):
        if path.parent.name == "tmp" and (path.parent.parent / "cur").is_dir():
            continue  # a Maildir's tmp holds mails that are not delivered yet
        if path.suffix.lower() in MAIL_SUFFIXES + MBOX_SUFFIXES or _begins_like_mail(path):
            yield from _file(path, _name(path.parent))
        else:
            skipped.files.append(_name(path))


def _begins_like_mail(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(_name(path))) from None
    lines = start.removeprefix(b"\xef\xbb\xbf").splitlines()
    if lines and (lines[0].startswith(b"From ") or not lines[0].strip()):
        lines = lines[1:]
    fields = [line for line in lines[:20] if _FIELD.match(line)]
    return bool(lines and _FIELD.match(lines[0]) and len(fields) > 1)


def _file(path: Path, folder: str) -> Iterator[FoundMail]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(_name(path))) from None
    starts = _mbox_starts(raw)
    if len(starts) > 1 or (starts and path.suffix.lower() in MBOX_SUFFIXES):
        yield from _mbox(raw, starts, path)
    else:
        yield FoundMail(raw, folder, _name(path))


def _mbox_starts(raw: bytes) -> list[tuple[int, int]]:
    """Start and end of each line that parts the mails of an mbox: `From `, a date, and an empty line before it (or the
    file's start). A sentence of a mail that begins with "From " has neither."""
    if not raw.startswith(b"From "):
        return []
    return [
        (match.start(), match.end())
        for match in _FROM_LINE.finditer(raw)
        if match.start() == 0 or raw[max(0, match.start() - 4) : match.start()].endswith((b"\n\n", b"\r\n\r\n"))
    ]


def _mbox(raw: bytes, starts: list[tuple[int, int]], path: Path) -> Iterator[FoundMail]:
    ends = [start for start, _ in starts[1:]] + [len(raw)]
    for number, ((_, begin), end) in enumerate(zip(starts, ends, strict=True), 1):
        mail = raw[begin:end]
        # The empty line before the next "From " belongs to the mbox, not to the mail.
        mail = mail.removesuffix(b"\r\n") if mail.endswith(b"\r\n\r\n") else mail
        mail = mail.removesuffix(b"\n") if mail.endswith(b"\n\n") else mail
        yield FoundMail(mail, _name(path), f"{_name(path)}, mail {number}")
