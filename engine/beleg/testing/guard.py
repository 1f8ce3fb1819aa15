"""Watches a decision for what it must not do: reach the network, write, start a process or a thread.

Python tells audit hooks of each such act before it happens, whatever library does it (of a thread: from Python 3.12).
A hook can't be taken out again, so there is one, and it looks away but for the time of a decision, and from the threads
that ran before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import enumerate as threads
from threading import get_ident
from types import FrameType
from typing import Any

NETWORK = "reached for the network"
WRITING = "wrote"
PROCESS = "started a process or a thread"
ACTS = {
    **dict.fromkeys(
        (
            "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
            "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "urllib.Request",
        ),
        NETWORK,
    ),
    **dict.fromkeys(
        (
            "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
            "os.chown", "os.utime", "os.putenv", "os.unsetenv", "sqlite3.connect", "tempfile.mkstemp",
            "tempfile.mkdtemp",
        ),
        WRITING,
    ),
    **dict.fromkeys(
        (
            "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
            "os.startfile", "pty.spawn", "_thread.start_new_thread", "_thread.start_joinable_thread",
        ),
        PROCESS,
    ),
}  # fmt: skip
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_COMPILED = "__pycache__"  # importing a module for the first time writes there


class Forbidden(Exception):
    """What a decision must not do; raised in place of doing it."""


@dataclass
class Watch:
    """What was done while watching, each act in a sentence."""

    others: frozenset[int | None] = field(
        default_factory=lambda: frozenset(each.ident for each in threads()) - {get_ident()}
    )
    seen: list[str] = field(default_factory=list)


_watch: Watch | None = None


@contextmanager
def watching() -> Iterator[Watch]:
    """Note, and prevent by Forbidden, what this thread must not do in the meantime."""
    global _watch
    _install()
    before, _watch = _watch, Watch()
    try:
        yield _watch
    finally:
        _watch = before


@cache
def _install() -> None:
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    global _watch
    watch = _watch
    if watch is None or get_ident() in watch.others or not (act := _act(event, args)):
        return
    about = next((repr(each) for each in args if isinstance(each, str | bytes | os.PathLike)), "")
    _watch = None  # finding the place must not be watched
    try:
        said = f"{act}: {event}{f' {about}' if about else ''} ({_place(sys._getframe(1))})"
        watch.seen.append(said)
    finally:
        _watch = watch
    raise Forbidden(said)


def _act(event: str, args: tuple[Any, ...]) -> str | None:
    if event == "open":
        path, _, flags = args
        return WRITING if flags & _FOR_WRITING and _COMPILED not in str(path) else None
    if event in ("os.mkdir", "os.rename", "os.remove", "os.utime") and _COMPILED in str(args):
        return None
    return ACTS.get(event) or (WRITING if event.startswith("shutil.") else None)


def _place(frame: FrameType) -> str:
    """The line of the innermost code that is no library of Python's own."""
    innermost = frame
    while frame.f_globals.get("__name__", "").partition(".")[0] in sys.stdlib_module_names and frame.f_back:
        frame = frame.f_back
    if frame.f_back is None:
        frame = innermost
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
