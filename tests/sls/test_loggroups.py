"""The protobuf and LZ4 body of PullLogs, made here by hand, byte by byte."""

from __future__ import annotations

from datetime import UTC, datetime

import lz4.block
import pytest

from checkpoints.sls import LogGroup, LogLine, Pulled
from checkpoints.sls.loggroups import PullTooLarge, read_pull
from checkpoints.sls.parsing import Unreadable


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def varint(number, value):
    out = bytes([number << 3])
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def pair(key, value):
    return field(1, key) + field(2, value)


LINE = varint(1, 1525598093) + field(2, pair("消息".encode(), b"a")) + field(2, pair(b"k", b"\xff"))
PRECISE = varint(1, 1525598093) + bytes([4 << 3 | 5]) + (500_000_000).to_bytes(4, "little")
GROUP = (
    field(1, LINE) + field(1, PRECISE) + field(2, b"old") + field(3, b"topic") + field(4, b"10.0.0.1")
    + field(6, pair(b"host", b"h1"))
)  # fmt: skip
RAW = field(1, GROUP) + field(1, b"")
WHEN = datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC)
READ = (
    LogGroup(
        "topic",
        "10.0.0.1",
        (("host", "h1"),),
        (LogLine(WHEN, (("消息", "a"), ("k", "�"))), LogLine(WHEN.replace(microsecond=500_000), ())),
    ),
    LogGroup("", "", (), ()),
)


def headers(**changes):
    told = {
        "x-log-cursor": "MTIz",
        "x-log-count": "2",
        "x-log-bodyrawsize": str(len(RAW)),
        "x-log-compresstype": "lz4",
    }
    told |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in told.items() if value is not None}


PACKED = lz4.block.compress(RAW, store_size=False)


def test_log_groups_are_unpacked_from_lz4():
    assert read_pull(headers(), PACKED, 10_000) == Pulled(READ, "MTIz", len(RAW), len(PACKED))


@pytest.mark.parametrize("packing", [None, ""])
def test_log_groups_may_come_unpacked(packing):
    assert read_pull(headers(x_log_compresstype=packing), RAW, 10_000).groups == READ


def test_the_count_may_be_missing():
    assert len(read_pull(headers(x_log_count=None), PACKED, 10_000).groups) == 2


def test_nothing_to_read_gives_no_log_groups():
    assert read_pull(headers(x_log_bodyrawsize="0", x_log_count="0"), b"", 10) == Pulled((), "MTIz", 0, 0)


@pytest.mark.parametrize(
    ("told", "body", "words"),
    [
        ({"x_log_cursor": None}, PACKED, "cursor"),
        ({"x_log_cursor": "!!"}, PACKED, "cursor"),
        ({"x_log_bodyrawsize": None}, PACKED, "x-log-bodyrawsize"),
        ({"x_log_bodyrawsize": "-5"}, PACKED, "x-log-bodyrawsize"),
        ({"x_log_bodyrawsize": "٣"}, PACKED, "x-log-bodyrawsize"),
        ({"x_log_bodyrawsize": "9" * 21}, PACKED, "x-log-bodyrawsize"),
        ({"x_log_bodyrawsize": "5"}, PACKED, "LZ4"),
        ({"x_log_bodyrawsize": "9999"}, PACKED, "instead of 9999"),
        ({"x_log_bodyrawsize": "9999", "x_log_compresstype": None}, RAW, "instead of 9999"),
        ({}, b"\xff\xff\xff", "LZ4"),
        ({"x_log_compresstype": "zstd"}, PACKED, "zstd"),
        ({"x_log_compresstype": None}, b"\xff" * len(RAW), "log groups"),
        ({"x_log_count": "3"}, PACKED, "x-log-count"),
        ({"x_log_count": "many"}, PACKED, "x-log-count"),
    ],
)
def test_an_unreadable_pull_gives_words(told, body, words):
    with pytest.raises(Unreadable, match=words):
        read_pull(headers(**told), body, 10_000)


def test_more_than_was_asked_for_is_not_unpacked():
    with pytest.raises(PullTooLarge, match="ask for fewer"):
        read_pull(headers(x_log_bodyrawsize="10001"), PACKED, 10_000)


def test_a_bomb_is_not_unpacked():
    bomb = lz4.block.compress(bytes(5_000_000), store_size=False)
    with pytest.raises(Unreadable, match="LZ4"):
        read_pull(headers(x_log_bodyrawsize="1000"), bomb, 10_000)
