"""The connection: which addresses may be connected to, how long it may take, how large an answer may be.

An address is checked where it is connected to: the name is resolved once, and the socket goes to an address that was
looked at, so that a name that changes its address between two look-ups (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from beleg import MailServerError, Sentence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Deadline:
    """How long the request that is under way may still take."""

    def __init__(self) -> None:
        self.start(0.0)

    def start(self, seconds: float) -> None:
        """A request begins."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; 0.0: none."""
        return max(0.0, self._end - time.monotonic())

    def within(self, timeout: float | None) -> float:
        """A wait that ends no later."""
        left = self.left()
        if not left:
            raise httpcore.ReadTimeout("the whole request took too long")
        return left if timeout is None else min(left, timeout)


class Transport(httpx.BaseTransport):
    """Requests over TLS that is always verified. `host` is the server's name or address, for which the certificate may
    have another name; `most` bytes an answer may have."""

    def __init__(
        self,
        context: ssl.SSLContext,
        deadline: Deadline,
        host: str,
        *,
        server_name: str = "",
        allow_private: bool = False,
    ) -> None:
        self._names = {host.lower(): server_name} if server_name else {}
        self._deadline = deadline
        self.most = 0
        backend = _Guarded(deadline, allow_private)
        self._pool = httpcore.ConnectionPool(context, max_connections=2, keepalive_expiry=30.0, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and read the whole answer. Raises MailServerError, and what httpcore raises."""
        if request.url.scheme != "https":
            raise MailServerError("unsupported", _UNENCRYPTED, address=str(request.url.copy_with(query=None)))
        extensions = {**request.extensions, "sni_hostname": self._names.get(request.url.host.lower(), "")}
        if not extensions["sni_hostname"]:
            del extensions["sni_hostname"]
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        body = bytearray()
        with self._pool.stream(
            request.method, target, headers=request.headers.raw, content=request.read(), extensions=extensions
        ) as answer:
            names = {name.lower(): value.lower() for name, value in answer.headers}
            if names.get(b"content-encoding", b"identity") != b"identity":  # what it becomes would have no limit
                raise MailServerError("protocol", _PACKED)
            for chunk in answer.iter_stream():
                body += chunk
                if len(body) > self.most:
                    raise MailServerError("protocol", _TOO_LARGE, most=self.most // 2**20)
        # One that ends with its connection alone may be half of an answer.
        whole = {"whole": b"content-length" in names or b"transfer-encoding" in names}
        return httpx.Response(
            answer.status, headers=answer.headers, content=bytes(body), request=request, extensions=whole
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses that are allowed, in the order in which they are found."""

    def __init__(self, deadline: Deadline, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first allowed address that takes it."""
        found = _addresses(host, port)
        allowed = [each for each in found if may_be_reached(each, self._allow_private)]
        if not allowed:
            raise MailServerError("unsupported", _NOT_ALLOWED, host=host, address=found[0])
        failed: Exception | None = None
        for index, each in enumerate(allowed):
            # One that does not answer at all leaves time for the others.
            wait = self._deadline.within(timeout) / (len(allowed) - index)
            try:
                stream = self._plain.connect_tcp(str(each), port, wait, local_address, socket_options)
                return _Limited(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        """There is no such way to a server."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class _Limited(httpcore.NetworkStream):
    """A connection whose every wait ends with the request's time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _Limited(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def may_be_reached(address: Address, allow_private: bool) -> bool:
    """Whether an address is one of the public network, or a private, link-local or loopback one that is allowed."""
    inner = _inner(address)
    if inner.is_multicast or inner.is_unspecified:
        return False
    local = isinstance(inner, ipaddress.IPv6Address) and any(inner in each for each in _LOCAL)
    return allow_private or (inner.is_global and not local)


def _inner(address: Address) -> Address:
    """The IPv4 address within an IPv6 address that stands for one (RFC 4291, 3056, 6052), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address.sixtofour:
            return address.ipv4_mapped or address.sixtofour or address
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    names = dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found)
    return [ipaddress.ip_address(each) for each in names]


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What Python calls global, and no public server has: IPv4-compatible (RFC 4291 section 2.5.5.1), IPv4-translated
# (RFC 2765), NAT64 of one's own (RFC 8215), site-local (RFC 3879).
_LOCAL = [ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10")]
_UNENCRYPTED = Sentence(
    "The server leads to {address}, which is not encrypted.", "Der Server leitet auf {address} um, unverschlüsselt."
)
_TOO_LARGE = Sentence(
    "The server's answer is larger than {most} MiB.", "Die Antwort des Servers ist größer als {most} MiB."
)
_PACKED = Sentence(
    "The server's answer is compressed, though it was not asked for.",
    "Die Antwort des Servers ist komprimiert, obwohl nicht darum gebeten wurde.",
)
_NOT_ALLOWED = Sentence(
    "{host} is the address {address} of a private network or of this machine; allow such addresses in the settings if "
    "the server is there.",
    "{host} ist die Adresse {address} eines privaten Netzes oder dieses Rechners; steht der Server dort, erlauben Sie "
    "solche Adressen in den Einstellungen.",
)
