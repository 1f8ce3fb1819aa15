"""How mails and traces are stored: compressed."""

from __future__ import annotations

import threading

import zstandard

_LOCAL = threading.local()


def _zstd() -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
    """A compressor and a decompressor for each thread: they are costly to make and not safe to share."""
    if not hasattr(_LOCAL, "zstd"):
        _LOCAL.zstd = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
    found: tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor] = _LOCAL.zstd
    return found


def packed(data: bytes) -> bytes:
    """As mails and traces are stored."""
    return _zstd()[0].compress(data)


def unpacked(data: bytes) -> bytes:
    """Back from that."""
    return _zstd()[1].decompress(data)
