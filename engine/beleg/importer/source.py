"""What all readers share of a file: its bytes, counted as they are read, its text, and where it is faulty."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from beleg.errors import InputError, Where

CHUNK = 1 << 18
OnBytes = Callable[[int], None]


class Counted(io.RawIOBase):
    """A file read from its beginning that tells how many bytes were read."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", Where(str(path))) from None
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a wider Buffer
        """Fill the buffer, and report."""
        count = self._file.readinto(buffer)
        if count:
            self._on_bytes(count)
        return count or 0

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self._file.close()
        super().close()


def open_bytes(path: Path, on_bytes: OnBytes) -> io.BufferedReader:
    """A file's bytes."""
    return io.BufferedReader(Counted(path, on_bytes), CHUNK)


def open_text(path: Path, encoding: str, on_bytes: OnBytes) -> TextIO:
    """A file's text with its line ends as they are."""
    return io.TextIOWrapper(open_bytes(path, on_bytes), encoding, newline="")


def shown_encoding(encoding: str) -> str:
    """An encoding's name as people write it."""
    return "UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding


def undecodable(path: Path, encoding: str, hint: str) -> InputError:
    """The error for a file that is no text in its encoding, with the line of the first byte that is not."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    reason = "the file changed while it was read"
    with open(path, "rb") as file:
        while True:
            chunk = file.read(4096)
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                good = error.object[: error.start]
                line += good.decode(encoding, "replace").count("\n")
                reason = error.reason
                break
            if not chunk:
                break
    return InputError(f"this is no text in {shown_encoding(encoding)} ({reason}); {hint}", Where(str(path), line))
