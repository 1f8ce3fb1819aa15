"""POP3: fetching mail (RFC 1939 and what extends it)."""

from collections.abc import Sequence

from beleg import IncomingProtocol, hookimpl
from beleg_pop3.protocol import Pop3


@hookimpl
def beleg_mail_servers() -> Sequence[IncomingProtocol]:
    """The protocol."""
    return [Pop3()]
