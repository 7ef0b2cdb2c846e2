"""The few protobuf messages of log bodies (docs/sls-protocol.md, section Log bodies)."""

from collections.abc import Iterable, Iterator

from emulator.errors import ServiceError


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def chunk(field: int, body: bytes) -> bytes:
    """Encode a length-delimited field."""
    return bytes((field << 3 | 2,)) + varint(len(body)) + body


def pair(field: int, key: str, value: str) -> bytes:
    return chunk(field, chunk(1, key.encode()) + chunk(2, value.encode()))


def log(time: int, contents: Iterable[tuple[str, str]]) -> bytes:
    return b"\x08" + varint(time) + b"".join(pair(2, key, value) for key, value in contents)


def log_group(
    logs: Iterable[bytes], *, topic: str, source: str, tags: Iterable[tuple[str, str]] = ()
) -> bytes:
    return (
        b"".join(chunk(1, body) for body in logs)
        + chunk(3, topic.encode())
        + chunk(4, source.encode())
        + b"".join(pair(6, key, value) for key, value in tags)
    )


def log_group_list(groups: Iterable[bytes]) -> bytes:
    return b"".join(chunk(1, body) for body in groups)


def check_log_group(body: bytes) -> None:
    """Raise 400 PostBodyInvalid unless the bytes are a LogGroup with well-formed logs."""
    try:
        for field, value in fields(body):
            if (
                field == 1
                and isinstance(value, bytes)
                and not any(number == 1 for number, _ in fields(value))
            ):
                raise ValueError("a log without time")
    except (ValueError, IndexError) as error:
        raise ServiceError(
            400, "PostBodyInvalid", f"Protobuffer content cannot be parsed: {error}"
        ) from error


def fields(body: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield field numbers and raw values; raise ValueError or IndexError when the bytes are cut short."""
    at = 0
    while at < len(body):
        key, at = _read_varint(body, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _read_varint(body, at)
            yield number, value
            continue
        size, at = _read_varint(body, at) if kind == 2 else ({1: 8, 5: 4}.get(kind, -1), at)
        if number == 0 or size < 0 or at + size > len(body):
            raise ValueError("wrong field")
        yield number, body[at : at + size]
        at += size


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = body[at]
        number |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("number too long")
