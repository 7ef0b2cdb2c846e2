"""Hosts, headers, answers, refusals, checkpoints."""

import json

import pytest

from emulator.routes import project_of
from emulator.testing import Emulator
from tests.emulator.wire import GROUP, SHARD, STORE, call

FORCED = f"{GROUP}?type=checkpoint&consumer=&forceSuccess=True"
UNFORCED = f"{GROUP}?type=checkpoint&consumer=x&forceSuccess=false"
EXISTING = b'{"consumerGroup":"cg-0","timeout":9,"order":false}'
GROUPS = f"{STORE}/consumergroups"


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


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"consumerGroup": "a", "timeout": ' + b"9" * 5000 + b"}", b"\xff\xfe"]
)
def test_hostile_json_is_refused_with_words(shared: Emulator, body: bytes) -> None:
    reply = call(shared, "POST", GROUPS, body)
    assert (reply.status, reply.json["errorCode"]) == (400, "JsonInfoInvalid")


def test_half_a_surrogate_in_a_name_does_no_harm(emu: Emulator) -> None:
    call(emu, "POST", GROUPS, b'{"consumerGroup": "a\\ud800", "timeout": 9}')
    assert call(emu, "GET", GROUPS).status == 200
