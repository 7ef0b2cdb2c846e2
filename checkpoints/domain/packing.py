"""Columns of whole numbers in few bytes: differences as varints, deflated; not known stays not known."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Column = Sequence[int | None]

VERSION = 1
"""The first byte: what is stored outlives the program that wrote it."""


class Unreadable(ValueError):  # noqa: N818 - the name says what the bytes are
    """Bytes that this version did not write."""


@dataclass(frozen=True)
class Packed:
    """What was packed: `about` as it was given, and columns, each read when it is asked for."""

    about: Any
    parts: list[bytes]

    def column(self, place: int) -> list[int | None]:
        """Return one column."""
        found: list[int | None] = []
        before = number = shift = 0
        for byte in self.parts[place]:  # one loop, because a page reads tens of thousands of numbers
            if byte > 127:
                number |= (byte & 127) << shift
                shift += 7
                continue
            token = number | byte << shift
            if token:
                before += token >> 1 if token & 1 else -(token >> 1)
                found.append(before)
                number = shift = 0
            else:
                found.append(None)
        return found

    def columns(self) -> list[list[int | None]]:
        """Return all columns."""
        return [self.column(place) for place in range(len(self.parts))]


def pack(columns: Sequence[Column], about: object = None) -> bytes:
    """Return columns as bytes; numbers may have any size and sign, `about` is plain JSON."""
    body = bytearray()
    for part in (json.dumps(about, separators=(",", ":")).encode(), *map(_part, columns)):
        body += _varint(len(part)) + part
    return bytes([VERSION]) + zlib.compress(body, 6)


def unpack(stored: bytes) -> Packed:
    """Return what pack() was given; raises Unreadable."""
    if not stored or stored[0] != VERSION:
        raise Unreadable(f"packed by another version: {stored[:1].hex() or 'empty'}")
    try:
        about, *parts = _split(zlib.decompress(stored[1:]))
        return Packed(json.loads(about), parts)
    except (zlib.error, IndexError, ValueError) as error:
        raise Unreadable("damaged") from error


def _part(column: Column) -> bytes:
    """Write each number as the difference to the last known one; 0 is "not known"."""
    part = bytearray()
    before = 0
    for value in column:
        if value is None:
            part.append(0)
            continue
        step = value - before
        before = value
        token = 2 * step + 1 if step >= 0 else -2 * step
        if token < 128:
            part.append(token)
        else:
            part += _varint(token)
    return bytes(part)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def _split(body: bytes) -> Iterator[bytes]:
    """Yield the parts, each behind its length; raises IndexError when the last is cut off."""
    at, end = 0, len(body)
    while at < end:
        length, shift = body[at], 7
        if length > 127:
            length &= 127
            while body[at := at + 1] > 127:
                length |= (body[at] & 127) << shift
                shift += 7
            length |= body[at] << shift
        start = at + 1
        at = start + length
        if at > end:
            raise IndexError
        yield body[start:at]
