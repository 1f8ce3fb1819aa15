"""Directories for tests: one that counts how often it is asked, one that is never there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from beleg.directory import Directory, Group, Pair, Shared
from beleg.record import Record, RecordRef


class Counting:
    """Passes every question on, and notes it: each is a round trip."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.asked: list[str] = []

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """See `Directory.find`."""
        self.asked.append("find")
        return self._directory.find(entries, groups)

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """See `Directory.share`."""
        self.asked.append("share")
        return self._directory.share(pairs)

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """See `Directory.records`."""
        self.asked.append("records")
        return self._directory.records(refs)


class Down(Exception):
    """The directory can't be reached."""


class Unreachable:
    """A directory whose database is down."""

    def find(self, entries: Collection[str], groups: Sequence[Group]) -> Mapping[str, Mapping[Group, Sequence[str]]]:
        """Raises Down."""
        raise Down("the database can't be reached")

    def share(self, pairs: Sequence[Pair]) -> Mapping[Pair, Shared]:
        """Raises Down."""
        raise Down("the database can't be reached")

    def records(self, refs: Collection[RecordRef]) -> Mapping[RecordRef, Record]:
        """Raises Down."""
        raise Down("the database can't be reached")
