"""All real mails that there are, taken in and decided in one run, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beleg.mailbox import Skipped, mails
from beleg.message import Message, parse
from beleg.plugins import Installed
from beleg.record import Record
from beleg.store import Database
from beleg.workspace import Workspace
from worlds import contact, order

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def raws(shared: Path) -> list[tuple[bytes, str]]:
    folder = shared / "mails"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return [(each.raw, each.folder) for each in mails([folder], Skipped([]))]


def records(messages: list[Message]) -> Iterator[Record]:
    """A world that fits: a contact for each sender, and an order for every third, so that much is assigned."""
    senders = sorted({p.key for m in messages for p in m.participants if p.field == "From"})
    for number, address in enumerate(senders):
        yield contact(f"K-{number}", address, status="inactive" if number % 7 == 0 else None)
        if number % 3 == 0:
            yield order(f"O-{number}", customer=f"K-{number}", number=f"AB-{100_000 + number}")


def test_all_real_mails(database: Database, installed: Installed, raws: list[tuple[bytes, str]]) -> None:
    workspace = Workspace(database, installed)
    workspace.import_records(records([parse(raw) for raw, _ in raws]))
    report = workspace.import_mail(raws)
    assert report.failed == []
    assert report.new + report.known == len(raws)
    assert report.new > 3_200
    assert report.decided == report.new
    again = workspace.assign(workspace.everything())
    assert again.failed == []
    assert again.decided == report.new
    assert again.assigned > 2_000
    assert workspace.undecided() == []
