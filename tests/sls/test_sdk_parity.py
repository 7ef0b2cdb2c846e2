"""Each request of ours beside the one the official Python SDK sends for the same call.

Both are captured from the wire at the same frozen instant. What differs on purpose is in REVIEWED, with the
reason, and in docs/sls-protocol.md; everything else, the signature included, must be the same.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import lz4.block
import pytest
import time_machine
from aliyun.log import LogClient

from checkpoints.sls import Client, Credentials, Network, Secret

from .server import Server, reply

pytestmark = pytest.mark.sdk

HOST = "cn-hangzhou.log.aliyuncs.com"
CURSOR = "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="
NOW = datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC)
AT = datetime(2018, 5, 5, 8, 0, 0, tzinfo=UTC)
PULLED = lz4.block.compress(b"", store_size=False)

# header -> why ours may differ from the SDK's or be missing on one side; none of them is signed
REVIEWED = {
    "user-agent": "each client names itself",
    "accept": "the SDK's HTTP library adds */*; ours sends it for PullLogs only",
    "accept-encoding": "the SDK's HTTP library offers gzip; ours asks for plain JSON (PullLogs is compared)",
    "connection": "HTTP/1.1 keeps connections by default",
    "content-length": "the SDK sends 0 on reads; ours sends it with a body only",
    "x-log-date": "v1 only: the SDK repeats Date after signing; it is unsigned there",
}

CALLS = {
    "ListProject": (
        lambda sdk: sdk.list_project(size=500, project_name_pattern="pro"),
        lambda ours: ours.list_projects(name="pro"),
        {"count": 0, "total": 0, "projects": []},
    ),
    "ListProject without a name": (
        lambda sdk: sdk.list_project(offset=100, size=50),
        lambda ours: ours.list_projects(offset=100, size=50),
        {"count": 0, "total": 0, "projects": []},
    ),
    "ListLogStores": (
        lambda sdk: sdk.list_logstore("proj", size=500),
        lambda ours: ours.list_logstores("proj"),
        {"count": 0, "total": 0, "logstores": []},
    ),
    "GetLogStore": (
        lambda sdk: sdk.get_logstore("proj", "store"),
        lambda ours: ours.get_logstore("proj", "store"),
        {
            "logstoreName": "store", "ttl": 1, "shardCount": 2, "enable_tracking": False,
            "appendMeta": False, "autoSplit": False, "maxSplitShard": 0,
        },
    ),
    "ListShards": (
        lambda sdk: sdk.list_shards("proj", "store"),
        lambda ours: ours.list_shards("proj", "store"),
        [],
    ),
    "ListConsumerGroup": (
        lambda sdk: sdk.list_consumer_group("proj", "store"),
        lambda ours: ours.list_consumer_groups("proj", "store"),
        [],
    ),
    "GetCheckPoint": (
        lambda sdk: sdk.get_check_point("proj", "store", "group-1"),
        lambda ours: ours.get_checkpoints("proj", "store", "group-1"),
        [],
    ),
    "GetCheckPoint of a shard": (
        lambda sdk: sdk.get_check_point("proj", "store", "group-1", 3),
        lambda ours: ours.get_checkpoints("proj", "store", "group-1", 3),
        [],
    ),
    "GetCheckPoint of a group with other letters": (
        lambda sdk: sdk.get_check_point("proj", "store", "消费组"),
        lambda ours: ours.get_checkpoints("proj", "store", "消费组"),
        [],
    ),
    "UpdateCheckPoint": (
        lambda sdk: sdk.update_check_point("proj", "store", "group-1", 3, CURSOR),
        lambda ours: ours.update_checkpoint("proj", "store", "group-1", shard=3, checkpoint=CURSOR),
        {},
    ),
    "UpdateCheckPoint of a consumer": (
        lambda sdk: sdk.update_check_point("proj", "store", "group-1", 3, CURSOR, "消费者 1", False),
        lambda ours: ours.update_checkpoint(
            "proj", "store", "group-1", shard=3, checkpoint=CURSOR, consumer="消费者 1", force=False
        ),
        {},
    ),
    "GetCursor of the end": (
        lambda sdk: sdk.get_cursor("proj", "store", 0, "end"),
        lambda ours: ours.get_cursor("proj", "store", 0, "end"),
        {"cursor": CURSOR},
    ),
    "GetCursor of the begin": (
        lambda sdk: sdk.get_cursor("proj", "store", 0, "begin"),
        lambda ours: ours.get_cursor("proj", "store", 0, "begin"),
        {"cursor": CURSOR},
    ),
    "GetCursor of a time": (
        lambda sdk: sdk.get_cursor("proj", "store", 0, int(AT.timestamp())),
        lambda ours: ours.get_cursor("proj", "store", 0, AT),
        {"cursor": CURSOR},
    ),
    "GetCursorTime": (
        lambda sdk: sdk.get_cursor_time("proj", "store", 0, CURSOR),
        lambda ours: ours.get_cursor_time("proj", "store", 0, CURSOR),
        {"cursor_time": 1525508000},
    ),
    "PullLogs": (
        lambda sdk: sdk.pull_logs("proj", "store", 0, CURSOR, 7, CURSOR),
        lambda ours: ours.pull_logs("proj", "store", 0, CURSOR, count=7, end_cursor=CURSOR),
        PULLED,
    ),
}  # fmt: skip


@pytest.fixture
def server(monkeypatch):
    """One server that every name leads to."""
    server = Server([])
    here = ("127.0.0.1", server.port)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", here)]
    )
    monkeypatch.setattr("aliyun.log.util.Util.get_host_ip", lambda _: "127.0.0.1")
    yield server
    server.close()


def sdk_request(server, call, signature, token):
    client = LogClient(HOST, "id", "key", token, auth_version=signature, region="cn-hangzhou")
    with time_machine.travel(NOW, tick=False), client._session:
        call(client)
    return server.received[-1]


def our_request(server, call, signature, token):
    with Client(
        host=HOST,
        scheme="http",
        region="cn-hangzhou",
        signature=signature,
        credentials=Credentials("id", Secret("key"), Secret(token) if token else None),
        network=Network((HOST,), allow_http=True),
        clock=NOW.timestamp,
    ) as client:
        call(client)
    return server.received[-1]


@pytest.mark.parametrize("token", ["", "stsToken"], ids=["key", "token"])
@pytest.mark.parametrize("signature", ["v1", "v4"])
@pytest.mark.parametrize("name", CALLS)
def test_our_request_is_the_one_of_the_official_sdk(server, name, signature, token):
    theirs_call, our_call, body = CALLS[name]
    answer = {"x_log_cursor": CURSOR, "x_log_count": "0", "x_log_bodyrawsize": "0"}
    server.scripts = [reply(body, **(answer if name == "PullLogs" else {}))]
    theirs = sdk_request(server, theirs_call, signature, token or None)
    ours = our_request(server, our_call, signature, token)
    assert comparable(ours, signature) == comparable(theirs, signature)


def comparable(request, signature):
    reviewed = set(REVIEWED)
    if signature == "v4":
        reviewed -= {"x-log-date"}
    if request.params.get("type") == "log":
        reviewed -= {"accept", "accept-encoding"}
    headers = {name: value for name, value in request.headers.items() if name not in reviewed}
    return request.method, request.path, request.params, headers, request.body


def test_the_sdk_repeats_the_date_outside_its_v1_signature(server):
    server.scripts = [reply([])]
    theirs = sdk_request(server, CALLS["ListShards"][0], "v1", None)
    assert theirs.headers["x-log-date"] == theirs.headers["date"]


def test_only_our_reads_have_no_length(server):
    server.scripts = [reply([])]
    theirs = sdk_request(server, CALLS["ListShards"][0], "v4", None)
    ours = our_request(server, CALLS["ListShards"][1], "v4", "")
    assert (theirs.headers.get("content-length"), ours.headers.get("content-length")) == ("0", None)
