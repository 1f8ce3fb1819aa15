"""What `beleg serve` says is true when it says it."""

from __future__ import annotations

import socket

import pytest

import beleg.cli.serve as serve
from beleg.plugins import Installed
from beleg.store import Database
from serving import site_on


class Said(Exception):
    """Ends the command once it has said where it listens."""


def test_who_reads_the_line_can_connect_at_once(
    sqlite: Database, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(line: str) -> None:
        port = int(line.split("http://127.0.0.1:")[1].split()[0])
        socket.create_connection(("127.0.0.1", port), 5).close()
        raise Said

    monkeypatch.setattr(serve, "say", say)
    with pytest.raises(Said):
        serve.run(site_on(sqlite, installed), "127.0.0.1", 0)
