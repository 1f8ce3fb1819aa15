"""POP3: fetching mail (RFC 1939 and what extends it)."""

from collections.abc import Sequence

from beleg import IncomingProtocol, hookimpl


@hookimpl
def beleg_mail_servers() -> Sequence[IncomingProtocol]:
    """The protocol."""
    return []
