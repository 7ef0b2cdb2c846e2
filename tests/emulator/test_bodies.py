"""PullLogs and PutLogs: counts, cursors, packing."""

import zlib

import lz4.block
import pytest

from emulator import cursors, protobuf
from emulator.testing import Emulator
from tests.emulator.wire import SHARD, STORE, call


def cursor(emu: Emulator, where: str) -> str:
    text: str = call(emu, "GET", f"{SHARD}?type=cursor&from={where}").json["cursor"]
    return text.replace("=", "%3D")


@pytest.mark.parametrize(
    ("accepted", "kind"), [("lz4", "lz4"), ("gzip, deflate", "deflate"), ("", None), ("zstd", None)]
)
def test_pulled_logs_are_packed_as_asked(shared: Emulator, accepted: str, kind: str | None) -> None:
    path = f"{SHARD}?type=log&cursor={cursor(shared, 'begin')}&count=3"
    reply = call(
        shared, "GET", path, headers={"Accept-Encoding": accepted, "Accept": "application/x-protobuf"}
    )
    size = int(reply.headers["x-log-bodyrawsize"])
    unpack = {
        "lz4": lambda body: lz4.block.decompress(body, uncompressed_size=size),
        "deflate": zlib.decompress,
    }
    plain = unpack[kind](reply.body) if kind else reply.body
    assert reply.headers.get("x-log-compresstype") == kind
    assert len(plain) == size
    assert [number for number, _ in protobuf.fields(plain)] == [1, 1, 1]


def test_a_pull_tells_count_next_cursor_and_last_position(shared: Emulator) -> None:
    begin = cursors.decode(cursor(shared, "begin").replace("%3D", "=")) or 0
    headers = call(shared, "GET", f"{SHARD}?type=logs&cursor={cursor(shared, 'begin')}&count=3").headers
    assert headers["x-log-count"] == "3"
    assert cursors.decode(headers["x-log-cursor"]) == begin + 3
    assert headers["x-log-read-last-cursor"] == str(begin + 2)
    assert headers["x-log-end-of-cursor"] == "0"


def test_an_empty_pull_stays_where_it_is(shared: Emulator) -> None:
    end = cursor(shared, "end")
    reply = call(shared, "GET", f"{SHARD}?type=log&cursor={end}&count=10")
    assert reply.headers["x-log-cursor"] == end.replace("%3D", "=")
    assert (reply.headers["x-log-count"], reply.headers["x-log-bodyrawsize"], reply.body) == ("0", "0", b"")
    assert reply.headers["x-log-end-of-cursor"] == "1"


def test_a_pull_stops_at_its_end_cursor(shared: Emulator) -> None:
    begin = cursors.decode(cursor(shared, "begin").replace("%3D", "=")) or 0
    stop = cursors.encode(begin + 2).replace("=", "%3D")
    reply = call(
        shared, "GET", f"{SHARD}?type=log&cursor={cursor(shared, 'begin')}&count=10&end_cursor={stop}"
    )
    assert reply.headers["x-log-count"] == "2"


def test_an_expired_pull_is_refused_or_clamped_as_chosen(emu: Emulator) -> None:
    begin = cursor(emu, "begin")
    emu.shard("proj", "store", 0, ttl_seconds=1800)
    path = f"{SHARD}?type=log&cursor={begin}&count=1"
    assert call(emu, "GET", path).json["errorCode"] == "InvalidCursor"
    emu.options(expired_pull="clamp")
    assert call(emu, "GET", path).headers["x-log-count"] == "1"


LINE = protobuf.log_group([protobuf.log(1, [("k", "v" * 500)])], topic="t", source="s")
PACKED = lz4.block.compress(LINE, store_size=False)
PUTS = [
    (f"{STORE}/shards/lb", PACKED, "lz4", len(LINE), 200, None),
    (STORE, zlib.compress(LINE), "deflate", len(LINE), 200, None),
    (f"{STORE}/shards/route?key={'0' * 32}", LINE, None, len(LINE), 200, None),
    (f"{STORE}/shards/route?key={'f' * 32}", LINE, None, len(LINE), 200, None),
    (f"{STORE}/shards/route?key=zz", LINE, None, len(LINE), 400, "ParameterInvalid"),
    (f"{STORE}/shards/lb", PACKED, "brotli", len(LINE), 400, "InvalidCompressType"),
    (f"{STORE}/shards/lb", PACKED, "lz4", len(LINE) + 1, 400, "PostBodyUncompressError"),
    (f"{STORE}/shards/lb", LINE, "deflate", len(LINE), 400, "PostBodyUncompressError"),
    (f"{STORE}/shards/lb", PACKED, "lz4", "ten", 400, "InvalidBodyRawSize"),
    (f"{STORE}/shards/lb", LINE[:-1], None, len(LINE) - 1, 400, "PostBodyInvalid"),
]


@pytest.mark.parametrize(("path", "body", "kind", "size", "status", "code"), PUTS)
def test_logs_are_put_or_refused(
    emu: Emulator, path: str, body: bytes, kind: str | None, size: object, status: int, code: str | None
) -> None:
    headers = {"x-log-bodyrawsize": str(size), "Content-Type": "application/x-protobuf"}
    reply = call(emu, "POST", path, body, headers=headers | ({"x-log-compresstype": kind} if kind else {}))
    now = emu.world.now()
    written = (
        sum(one.end(now) - one.base for one in emu.world.logstore("proj", "store").all_shards.values()) - 80
    )
    assert reply.status == status
    assert (reply.json["errorCode"] if code else None) == code
    assert written == (1 if status == 200 else 0)
