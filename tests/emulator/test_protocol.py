"""Requests as bytes on a socket: hosts, headers, answers, errors, bodies."""

import http.client
import json
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import lz4.block
import pytest

from emulator import cursors, protobuf
from emulator.routes import project_of
from emulator.testing import Emulator, running

STORE = "/logstores/store"
GROUP = f"{STORE}/consumergroups/cg-0"
SHARD = f"{STORE}/shards/0"
FORCED = f"{GROUP}?type=checkpoint&consumer=&forceSuccess=True"
UNFORCED = f"{GROUP}?type=checkpoint&consumer=x&forceSuccess=false"
EXISTING = b'{"consumerGroup":"cg-0","timeout":9,"order":false}'
GROUPS = f"{STORE}/consumergroups"


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    with running(keys=None) as emulator:
        yield emulator


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with running(keys=None) as emulator:
        yield emulator


class Reply:
    """Status, headers by lower-case name, and body of one answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.names = [name for name, _ in response.getheaders()]
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    emu: Emulator,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    host: str = "proj.127.0.0.1",
    headers: dict[str, str] | None = None,
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", emu.port, timeout=10)
    try:
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def raw(emu: Emulator, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", emu.port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


@pytest.mark.parametrize(
    ("host", "project"),
    [
        ("proj.127.0.0.1:8089", "proj"),
        ("proj.127.0.0.1", "proj"),
        ("proj.x@127.0.0.1:8089", "proj"),
        ("proj.x@127.0.0.1", "proj"),
        ("x@127.0.0.1", None),
        ("127.0.0.1:8089", None),
        ("127.0.0.1", None),
        ("localhost:8089", None),
        ("proj.localhost:8089", "proj"),
        ("proj.sls.test", "proj"),
        ("sls.test:8089", None),
        ("cn-hangzhou.log.aliyuncs.com", None),
        ("my-project.cn-hangzhou.log.aliyuncs.com", "my-project"),
        ("", None),
    ],
)
def test_host_names_the_project_or_the_account(host: str, project: str | None) -> None:
    assert project_of(host) == project


@pytest.mark.parametrize(
    "path", ["/logstores", "http://proj.sls.test/logstores", "http://proj.127.0.0.1:1/logstores"]
)
def test_absolute_form_targets_are_accepted(shared: Emulator, path: str) -> None:
    assert call(shared, "GET", path).json["logstores"] == ["store"]


def test_every_answer_has_lower_case_headers_a_request_id_and_the_date(shared: Emulator) -> None:
    for path in ("/logstores", "/logstores/none"):
        reply = call(shared, "GET", path)
        assert reply.names == [name.lower() for name in reply.names]
        assert len(reply.headers["x-log-requestid"]) == 24
        assert set(reply.headers["x-log-requestid"]) <= set("0123456789ABCDEF")
        assert reply.headers["date"].endswith(" GMT")
        assert reply.headers["content-type"] == "application/json"


READS = [
    ("/logstores", {"count": 1, "total": 1, "logstores": ["store"]}),
    ("/logstores?logstoreName=tor&offset=0&size=1", {"count": 1, "total": 1, "logstores": ["store"]}),
    ("/logstores?logstoreName=none", {"count": 0, "total": 0, "logstores": []}),
    ("/logstores?offset=5", {"count": 0, "total": 1, "logstores": []}),
    (GROUPS, [{"name": "cg-0", "timeout": 60, "order": False}]),
    (f"{GROUP}?shard=2", [{"shard": 2, "checkpoint": "", "updateTime": 0, "consumer": ""}]),
    (f"{GROUP}?shard=99", []),
]


@pytest.mark.parametrize(("path", "expected"), READS)
def test_reads_answer_the_documented_json(shared: Emulator, path: str, expected: object) -> None:
    reply = call(shared, "GET", path)
    assert (reply.status, reply.json) == (200, expected)


def test_the_account_lists_its_projects(shared: Emulator) -> None:
    reply = call(shared, "GET", "/?offset=0&size=100&resourceGroupId=&projectName=ro", host="127.0.0.1")
    assert [project["projectName"] for project in reply.json["projects"]] == ["proj"]


ERRORS = [
    ("GET", "/logstores", "nobody.127.0.0.1", b"", 404, "ProjectNotExist"),
    ("GET", "/logstores", "127.0.0.1", b"", 400, "MissingHost"),
    ("GET", "/logstores?size=501", None, b"", 400, "ParameterInvalid"),
    ("GET", "/logstores/none", None, b"", 404, "LogStoreNotExist"),
    ("GET", "/logstores/none/shards", None, b"", 404, "LogStoreNotExist"),
    ("GET", f"{STORE}/consumergroups/none", None, b"", 404, "ConsumerGroupNotExist"),
    ("PUT", f"{STORE}/consumergroups/none", None, b"{}", 404, "ConsumerGroupNotExist"),
    ("DELETE", f"{STORE}/consumergroups/none", None, b"", 404, "ConsumerGroupNotExist"),
    ("POST", GROUPS, None, EXISTING, 400, "ConsumerGroupAlreadyExist"),
    ("POST", GROUPS, None, b'{"consumerGroup":"n","timeout":0}', 400, "JsonInfoInvalid"),
    ("POST", GROUPS, None, b"nonsense", 400, "JsonInfoInvalid"),
    ("GET", f"{STORE}/shards/9?type=cursor&from=begin", None, b"", 400, "ShardNotExist"),
    ("GET", f"{SHARD}?type=cursor&from=soon", None, b"", 400, "ParameterInvalid"),
    ("GET", f"{SHARD}?type=cursor_time&cursor=MQ%3D%3D", None, b"", 400, "InvalidCursor"),
    ("GET", f"{SHARD}?type=cursor_time&cursor=%21", None, b"", 400, "InvalidCursor"),
    ("GET", f"{SHARD}?type=log&cursor=%21&count=1", None, b"", 400, "ParameterInvalid"),
    ("GET", f"{SHARD}?type=log&cursor=MQ%3D%3D&count=1", None, b"", 400, "InvalidCursor"),
    ("GET", f"{SHARD}?type=nothing", None, b"", 404, "InvalidAPI"),
    ("POST", FORCED, None, b'{"shard":9,"checkpoint":"MQ=="}', 404, "ShardNotExist"),
    ("POST", FORCED, None, b'{"shard":0,"checkpoint":"!"}', 400, "InvalidShardCheckPoint"),
    ("POST", FORCED, None, b'{"shard":"0"}', 400, "JsonInfoInvalid"),
    ("POST", UNFORCED, None, b'{"shard":0,"checkpoint":"MQ=="}', 404, "ConsumerNotExist"),
    ("POST", f"{GROUP}?type=heartbeat&consumer=a", None, b'{"shards":[]}', 400, "JsonInfoInvalid"),
    ("POST", f"{GROUP}?type=heartbeat&consumer=", None, b"[]", 400, "ParameterInvalid"),
    ("POST", f"{STORE}/shards/lb", None, b"", 400, "MissingBodyRawSize"),
]


@pytest.mark.parametrize(("method", "path", "host", "body", "status", "code"), ERRORS)
def test_refusals_have_the_documented_status_and_code(
    shared: Emulator, method: str, path: str, host: str | None, body: bytes, status: int, code: str
) -> None:
    reply = call(shared, method, path, body, host=host or "proj.127.0.0.1")
    assert (reply.status, reply.json["errorCode"]) == (status, code)
    assert reply.json["errorMessage"]


@pytest.mark.parametrize("count", ["0", "1001", "", "x", "-1"])
def test_a_wrong_pull_count_is_refused_in_the_services_words(shared: Emulator, count: str) -> None:
    reply = call(shared, "GET", f"{SHARD}?type=log&cursor=MQ%3D%3D&count={count}")
    assert reply.json == {"errorCode": "ParameterInvalid", "errorMessage": "Invalid loggroup count, (0,1000]"}


def test_a_forced_checkpoint_is_stored_and_witnessed(emu: Emulator) -> None:
    body = b'{"shard": 1, "checkpoint": "MTIz"}'
    reply = call(emu, "POST", FORCED, body)
    assert (reply.status, reply.body) == (200, b"")
    written = emu.writes()
    assert [(one["shard"], one["cursor"], one["force"]) for one in written] == [(1, "MTIz", True)]
    assert written[0]["request_id"] == reply.headers["x-log-requestid"]
    assert emu.group("proj", "store", "cg-0")["checkpoints"]["1"]["checkpoint"] == "MTIz"


def test_a_refused_checkpoint_is_not_witnessed(emu: Emulator) -> None:
    call(emu, "POST", f"{GROUP}?type=checkpoint&consumer=x", b'{"shard": 1, "checkpoint": "MTIz"}')
    assert emu.writes() == []


def test_groups_are_made_changed_and_deleted(emu: Emulator) -> None:
    made = call(
        emu,
        "POST",
        GROUPS,
        '{"consumerGroup": "组 a", "timeout": 9, "order": true}'.encode(),
    )
    path = f"{STORE}/consumergroups/%E7%BB%84%20a"
    changed = call(emu, "PUT", path, b'{"timeout": 7}')
    assert (made.status, changed.status) == (200, 200)
    assert {"name": "组 a", "timeout": 7, "order": True} in call(emu, "GET", GROUPS).json
    assert call(emu, "DELETE", path).status == 200
    assert call(emu, "GET", path).status == 404


def test_a_logstore_takes_no_more_than_thirty_groups(emu: Emulator) -> None:
    bodies = [
        json.dumps({"consumerGroup": f"g{turn}", "timeout": 9, "order": False}).encode() for turn in range(30)
    ]
    statuses = [call(emu, "POST", GROUPS, body).status for body in bodies]
    assert statuses == [200] * 29 + [400]


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


def test_two_requests_in_one_packet_are_answered_in_turn(shared: Emulator) -> None:
    one = b"GET /logstores HTTP/1.1\r\nHost: proj.127.0.0.1\r\n\r\n"
    two = b"GET /logstores/none HTTP/1.1\r\nHost: proj.127.0.0.1\r\nConnection: close\r\n\r\n"
    answered = raw(shared, one + two)
    assert answered.index(b"HTTP/1.1 200 OK") < answered.index(b"HTTP/1.1 404 Not Found")


def test_a_request_may_arrive_byte_by_byte(shared: Emulator) -> None:
    sent = b"POST /logstores/store/consumergroups HTTP/1.1\r\nHost: proj.x@127.0.0.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as wire:
        for at in range(len(sent)):
            wire.sendall(sent[at : at + 1])
        assert wire.recv(65536).startswith(b"HTTP/1.1 400")


def test_a_connection_is_kept_alive(shared: Emulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/logstores", headers={"Host": "proj.127.0.0.1"})
        ports.add(connection.sock.getsockname()[1])
        connection.getresponse().read()
    connection.close()
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: p.x\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET /" + b"a" * 70_000, 400),
    ],
)
def test_bytes_that_are_no_request_are_refused(shared: Emulator, sent: bytes, status: int) -> None:
    assert raw(shared, sent).startswith(b"HTTP/1.1 %d" % status)


def test_a_client_that_asks_to_continue_is_told_to(shared: Emulator) -> None:
    head = b"POST /logstores HTTP/1.1\r\nHost: proj.x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as wire:
        wire.sendall(head)
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(b"{}")
        assert wire.recv(1000).startswith(b"HTTP/1.1 404")
