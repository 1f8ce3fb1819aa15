"""Snapshots as text files, one each: a changed explanation is a readable difference in a review."""

from __future__ import annotations

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation


class TextFile(SingleFileSnapshotExtension):
    """One text file a snapshot, named by the test."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        """Whether the file is that of the test. Asked for each pair of them, so it had better be quick."""
        return snapshot_location.endswith(f"{test_location.snapshot_name}.{cls.file_extension}")
