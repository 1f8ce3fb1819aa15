"""SMTP: sending mail (RFC 5321, RFC 4954)."""

from collections.abc import Sequence

from beleg import OutgoingProtocol, hookimpl
from beleg_smtp.protocol import Smtp


@hookimpl
def beleg_mail_servers() -> Sequence[OutgoingProtocol]:
    """The protocol."""
    return [Smtp()]
