"""Odd answers: read where the service is known to vary, refused with words otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from checkpoints.sls import BadAnswer, Checkpoint, ConsumerGroup, Logstore, Page, Project, Shard, parsing
from checkpoints.sls.parsing import Unreadable, instant, plain_cursor, read_json

from .server import reply

WHEN = datetime(2018, 4, 20, 11, 49, 44, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"{", "not JSON"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "deeply"),
        (b"[" * 33 + b"]" * 33, "deeply"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeply"),
        (b"1" * 5000, "digits"),
        (b'{"a": ' + b"9" * 22 + b"}", "digits"),
    ],
)
def test_a_body_that_is_not_sane_json_is_unreadable(body, words):
    with pytest.raises(Unreadable, match=words):
        read_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[" * 31 + b"]" * 31, None),
        (b"[" + b"{}," * 40 + b"{}]", [{}] * 41),
        (b"-99999999999999999999", -99999999999999999999),
    ],
)
def test_sane_json_is_read(body, value):
    assert read_json(body) == value or value is None


@pytest.mark.parametrize(
    ("number", "when"),
    [
        (0, None),
        (-1, None),
        (1524224984, WHEN),
        (1524224984000, WHEN),
        (1524224984800922, WHEN.replace(microsecond=800922)),
        (1524224984800922 * 10**6, None),
        (10**11, datetime(5138, 11, 16, 9, 46, 40, tzinfo=UTC)),
        (10**11 + 1, datetime(1973, 3, 3, 9, 46, 40, 1000, tzinfo=UTC)),
        (10**14, datetime(5138, 11, 16, 9, 46, 40, tzinfo=UTC)),
        (10**14 + 1, datetime(1973, 3, 3, 9, 46, 40, 1, tzinfo=UTC)),
        (10**30, None),
    ],
)
def test_the_unit_of_a_time_is_told_by_its_size(number, when):
    assert instant(number) == when


@pytest.mark.parametrize("text", ["MTIzNA==", "MTIzNA", " MTIzNA==\n", "MTIzNA=", "MTIzNA\r\n"])
def test_a_cursor_is_read_without_padding_and_with_a_newline(text):
    assert plain_cursor(text) == "MTIzNA=="


@pytest.mark.parametrize(
    "text", ["", "\n", "====", "MTI z", "M", "MTIzN", "MT-_", "MTI=z", "消息", "MTIz\x00"]
)
def test_other_texts_are_no_cursors(text):
    with pytest.raises(Unreadable, match="not a cursor"):
        plain_cursor(text)


@pytest.mark.parametrize("value", [1554260243, "1554260243", " 1554260243 "])
def test_a_cursor_time_may_be_a_text(value):
    assert parsing.cursor_time({"cursor_time": value}) == datetime(2019, 4, 3, 2, 57, 23, tzinfo=UTC)


def test_a_project_is_read():
    page = {
        "total": 7,
        "projects": [{"projectName": "p", "region": "cn-x", "status": "Normal", "description": None}],
    }
    assert parsing.projects(page, 5) == Page((Project("p", "cn-x", "Normal", ""),), 5, 7)


def test_a_total_may_be_missing():
    assert parsing.projects({"projects": [{"projectName": "p"}]}, 5).next_offset is None


def test_a_page_tells_where_the_next_one_starts():
    assert parsing.logstore_names({"total": 7, "logstores": ["a", "b"]}, 3).next_offset == 5


def test_an_empty_page_is_the_last_one():
    assert parsing.logstore_names({"total": 7, "logstores": []}, 3).next_offset is None


def test_a_logstore_is_read():
    item = {
        "logstoreName": "s", "ttl": 30, "shardCount": "4", "autoSplit": True, "maxSplitShard": 64,
        "mode": "standard", "createTime": 1524224984,
    }  # fmt: skip
    assert parsing.logstore(item) == Logstore("s", 30, 4, True, 64, "standard", WHEN)


def test_a_shard_is_read():
    item = {
        "shardID": 3, "status": "readonly", "inclusiveBeginKey": "00", "exclusiveEndKey": "ff",
        "createTime": "1524224984", "serverIp": "x",
    }  # fmt: skip
    assert parsing.shards([item]) == [Shard(3, "readonly", "00", "ff", WHEN)]


def test_a_shard_without_keys_and_time_is_read():
    assert parsing.shards([{"shardID": 0, "status": "ReadWrite"}]) == [Shard(0, "readwrite", "", "", None)]


@pytest.mark.parametrize(("order", "value"), [(True, True), ("true", True), ("False", False), (None, False)])
def test_a_consumer_group_is_read(order, value):
    item = {"name": "g", "timeout": 60, "order": order}
    assert parsing.consumer_groups([item]) == [ConsumerGroup("g", 60, value)]


def test_a_checkpoint_is_read_and_stripped():
    item = {"shard": 0, "checkpoint": " not base64!\n", "updateTime": 1524224984800922, "consumer": "c"}
    assert parsing.checkpoints([item]) == [
        Checkpoint(0, "not base64!", WHEN.replace(microsecond=800922), "c"),
    ]


@pytest.mark.parametrize(
    "rest", [{}, {"checkpoint": "", "updateTime": 0}, {"updateTime": None, "consumer": None}]
)
def test_a_checkpoint_never_saved_is_read(rest):
    assert parsing.checkpoints([{"shard": 0} | rest]) == [Checkpoint(0, "", None, "")]


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (parsing.cursor, [], "an object was expected, not a list"),
        (parsing.cursor, None, "not null"),
        (parsing.cursor, 3, "not a number"),
        (parsing.cursor, {}, "cursor should be a text, not null"),
        (parsing.cursor, {"cursor": 5}, "not a number"),
        (parsing.cursor, {"cursor": ""}, "not a cursor"),
        (parsing.cursor_time, {}, "whole number, not null"),
        (parsing.cursor_time, {"cursor_time": ""}, "not a text"),
        (parsing.cursor_time, {"cursor_time": "٣"}, "not a text"),
        (parsing.cursor_time, {"cursor_time": "1_0"}, "not a text"),
        (parsing.cursor_time, {"cursor_time": True}, "not true or false"),
        (parsing.cursor_time, {"cursor_time": 1.5}, "not a number"),
        (parsing.cursor_time, {"cursor_time": 0}, "not a time"),
        (parsing.cursor_time, {"cursor_time": {}}, "not an object"),
        (parsing.shards, {"shards": []}, "a list was expected, not an object"),
        (parsing.shards, [[]], "an object was expected"),
        (parsing.shards, [{"shardID": -1, "status": "readonly"}], "negative"),
        (parsing.shards, [{"shardID": 1, "status": "gone"}], "'gone' is not the status"),
        (parsing.shards, [{}] * 10_001, "more than 10000"),
        (parsing.checkpoints, None, "not null"),
        (parsing.checkpoints, [{"shard": 0, "checkpoint": 7}], "checkpoint should be a text"),
        (parsing.checkpoints, [{"checkpoint": ""}], "shard should be"),
        (parsing.consumer_groups, [{"name": "g", "order": "yes"}], "order should be true or false"),
        (parsing.consumer_groups, [{"name": "g", "order": 1}], "not a number"),
        (parsing.consumer_groups, [{"timeout": 5}], "name should be a text"),
        (parsing.logstore, {"logstoreName": "s"}, "ttl should be"),
        (lambda value: parsing.logstore_names(value, 0), {"logstores": [1]}, "list of names"),
        (lambda value: parsing.logstore_names(value, 0), {}, "a list was expected"),
        (lambda value: parsing.projects(value, 0), {"projects": [{}]}, "projectName"),
    ],
)
def test_a_wrong_form_is_unreadable_with_words(read, value, words):
    with pytest.raises(Unreadable, match=words):
        read(value)


@pytest.mark.parametrize("body", [b"null", b"<html>", b'{"a": NaN}', b"[1]", b"[" * 50_000, b""])
def test_a_client_turns_the_unreadable_into_an_error_with_the_request_id(serve, body):
    client, _ = serve(reply(body))
    with pytest.raises(BadAnswer, match="cannot be read") as caught:
        client.list_shards("proj", "store")
    assert (caught.value.request_id, caught.value.operation) == ("5AEEC8DD3F5A1B2C4D5E6F70", "ListShards")
