"""The mail server GREYHOUND."""

from __future__ import annotations

from collections.abc import Sequence

from beleg import ServerProtocol, hookimpl
from beleg_greyhound.protocol import Greyhound


@hookimpl
def beleg_mail_servers() -> Sequence[ServerProtocol]:
    """The server."""
    return [Greyhound()]
