"""Bodies in transit: raw LZ4 blocks, zlib, or plain (docs/sls-protocol.md, section Log bodies)."""

import zlib

import lz4.block

from emulator.errors import ServiceError

BIGGEST_BODY = 64 * 1024 * 1024


def choose(accept_encoding: str) -> str:
    """Pick the compression of an answer: lz4, deflate or none (an empty word)."""
    asked = accept_encoding.lower()
    if "lz4" in asked:
        return "lz4"
    return "deflate" if "deflate" in asked or "gzip" in asked else ""


def compress(body: bytes, kind: str) -> bytes:
    if kind == "lz4":
        packed: bytes = lz4.block.compress(body, store_size=False)
        return packed
    return zlib.compress(body) if kind == "deflate" else body


def decompress(body: bytes, kind: str, raw_size: int) -> bytes:
    """Unpack a PutLogs body of raw_size bytes; raise 400 with the service's codes."""
    if kind not in {"", "lz4", "deflate", "gzip"}:
        raise ServiceError(400, "InvalidCompressType", f"compress type {kind} is not supported")
    if not 0 <= raw_size <= BIGGEST_BODY:
        raise ServiceError(400, "InvalidBodyRawSize", f"x-log-bodyrawsize {raw_size} is invalid")
    try:
        plain = _unpacked(body, kind, raw_size)
    except (lz4.block.LZ4BlockError, zlib.error, ValueError) as error:
        raise ServiceError(400, "PostBodyUncompressError", f"{kind}: {error}") from error
    if len(plain) != raw_size:
        raise ServiceError(400, "PostBodyUncompressError", f"{len(plain)} bytes instead of {raw_size}")
    return plain


def _unpacked(body: bytes, kind: str, raw_size: int) -> bytes:
    if kind == "lz4":
        plain: bytes = lz4.block.decompress(body, uncompressed_size=raw_size)
        return plain
    return zlib.decompressobj().decompress(body, raw_size + 1) if kind else body
