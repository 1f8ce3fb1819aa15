"""The mail server GREYHOUND."""

from collections.abc import Sequence

from beleg import ServerProtocol, hookimpl


@hookimpl
def beleg_mail_servers() -> Sequence[ServerProtocol]:
    """The server."""
    return []
