"""The body of PullLogs (docs/sls-protocol.md, section Log bodies)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import lz4.block
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from .errors import BadAnswer
from .model import LogGroup, LogLine, Pulled
from .parsing import EPOCH, Unreadable, plain_cursor


class PullTooLarge(BadAnswer):
    """Log groups came that are larger, unpacked, than was asked for; they were not unpacked."""


FIELD = descriptor_pb2.FieldDescriptorProto
PACKAGE = "checkpoints.sls"
# Texts are read as bytes, so that a wrong UTF-8 byte spoils one character and not the whole answer.
MESSAGES: dict[str, tuple[tuple[str, int, int, str], ...]] = {
    "Pair": (("key", 1, FIELD.TYPE_BYTES, ""), ("value", 2, FIELD.TYPE_BYTES, "")),
    "Line": (
        ("time", 1, FIELD.TYPE_UINT32, ""),
        ("contents", 2, FIELD.TYPE_MESSAGE, "Pair"),
        ("time_ns", 4, FIELD.TYPE_FIXED32, ""),
    ),
    "Group": (
        ("lines", 1, FIELD.TYPE_MESSAGE, "Line"),
        ("topic", 3, FIELD.TYPE_BYTES, ""),
        ("source", 4, FIELD.TYPE_BYTES, ""),
        ("tags", 6, FIELD.TYPE_MESSAGE, "Pair"),
    ),
    "Groups": (("groups", 1, FIELD.TYPE_MESSAGE, "Group"),),
}


def _build() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="checkpoints/sls/groups.proto", package=PACKAGE)
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind, of in fields:
            field = described.field.add(name=name, number=number, type=kind)
            field.label = FIELD.LABEL_REPEATED if of else FIELD.LABEL_OPTIONAL
            if of:
                field.type_name = f".{PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Groups"))


Groups = _build()


def read_pull(headers: Mapping[str, str], body: bytes, max_bytes: int) -> Pulled:
    """Read the log groups of a PullLogs answer; raise Unreadable, or PullTooLarge above `max_bytes`."""
    next_cursor = plain_cursor(headers.get("x-log-cursor", ""))
    size = _number(headers, "x-log-bodyrawsize")
    if size == 0:
        return Pulled((), next_cursor, 0, len(body))
    if size > max_bytes:
        raise PullTooLarge(
            f"The answer unpacks to {size} bytes, more than {max_bytes}; ask for fewer log groups"
        )
    groups = _decode(_unpack(headers.get("x-log-compresstype", ""), body, size))
    if "x-log-count" in headers and _number(headers, "x-log-count") != len(groups):
        raise Unreadable("x-log-count differs from the number of log groups")
    return Pulled(groups, next_cursor, size, len(body))


def _number(headers: Mapping[str, str], name: str) -> int:
    digits = headers.get(name, "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise Unreadable(f"header {name} is not a number")
    return int(digits)


def _unpack(packing: str, body: bytes, size: int) -> bytes:
    if packing.strip().lower() not in {"", "lz4"}:
        raise Unreadable(f"it is packed with {packing[:20]!r}, which was not asked for")
    raw = _unpack_lz4(body, size) if packing.strip() else body
    if len(raw) != size:
        raise Unreadable(f"it unpacks to {len(raw)} bytes instead of {size}")
    return raw


def _unpack_lz4(body: bytes, size: int) -> bytes:
    try:
        raw: bytes = lz4.block.decompress(body, uncompressed_size=size)
    except lz4.block.LZ4BlockError:
        raise Unreadable("it is not an LZ4 block of the size told") from None
    return raw


def _decode(raw: bytes) -> tuple[LogGroup, ...]:
    try:
        message = Groups.FromString(raw)
    except DecodeError:
        raise Unreadable("it is not a list of log groups") from None
    return tuple(_group(group) for group in message.groups)


def _group(group: Any) -> LogGroup:
    return LogGroup(
        topic=_text(group.topic),
        source=_text(group.source),
        tags=_pairs(group.tags),
        lines=tuple(_line(line) for line in group.lines),
    )


def _line(line: Any) -> LogLine:
    when = EPOCH + timedelta(seconds=line.time, microseconds=line.time_ns // 1000)
    return LogLine(when, _pairs(line.contents))


def _pairs(pairs: Any) -> tuple[tuple[str, str], ...]:
    return tuple((_text(pair.key), _text(pair.value)) for pair in pairs)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
