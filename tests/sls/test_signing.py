"""The signature vectors were made with the official signer at 2018-05-06T09:14:53Z."""

from __future__ import annotations

import pytest

from checkpoints.sls import Credentials, Secret
from checkpoints.sls.signing import SignerV1, SignerV4, Unsigned, http_date

NOW = 1525598093.0
HOST = "my-project.cn-hangzhou.log.aliyuncs.com"
GROUP = "/logstores/logstore-4/consumergroups/consumer_group_test"
JSON = "application/json"
CHECKPOINT = b'{"shard": 0, "checkpoint": "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="}'
TOKEN = Secret("testStsToken")


def request(method, path, params, kind="", body=b"", host=HOST):
    headers = {"Host": host, "x-log-apiversion": "0.6.0"}
    if kind:
        headers["Content-Type"] = kind
    if not body:
        headers["x-log-bodyrawsize"] = "0"
    return Unsigned(method, path, params, headers, body)


REQUESTS = {
    "A": request("GET", GROUP, {"shard": "0"}),
    "B": request(
        "POST", GROUP, {"type": "checkpoint", "consumer": "", "forceSuccess": "True"}, JSON, CHECKPOINT
    ),
    "C": request(
        "GET",
        "/logstores/logstore-4/shards/0",
        {"type": "cursor_time", "cursor": "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="},
        JSON,
    ),
    "D": request(
        "GET",
        "/",
        {"offset": "0", "size": "100", "resourceGroupId": ""},
        host="cn-hangzhou.log.aliyuncs.com",
    ),
    "E": request("POST", GROUP, {"type": "heartbeat", "consumer": "消费者 1"}, JSON, b"[0, 1]"),
    "F": request("GET", "/logstores/logstore-4/shards", {}),
}
VECTORS = {
    "A": ("hU8o92GAKcVR8U2wNwTBvdDr2YA=", "dc0a1e8bb19aa5b183c04253bdd8c81e5d77c975c6fff810f4ac9baaa403e958"),
    "B": ("gtobAOSgP6+ihztzOiDBjwMzEiU=", "54f241f96ada91348919426976465cee830a025315c35ed5377024848a599a5e"),
    "C": ("kj6xF0277Bx9akclLEpE/FjZGg8=", "41e0328d70075a57dc9f436de41ee8d565866b28c038316ef8adf696d197b0f7"),
    "D": ("5FwmVkmfEW7ayhacYltjNKVuuZ0=", "289ee81019e62da2ac911d16f365e16bc07f2158756e9a70de50675af92d8c53"),
    "E": ("f7qZ+hVOfRb1TTvGcLLwr8F0vyI=", "c658f9df796d7a5cb3cbc3877ada408f92cb70c1684dbaac5325b21f5e68e407"),
    "F": ("Or8YnO521lgCOpFxahqTm4XUjwM=", "a080b08f7cccb0ee1cd95eb2d6d3fe559d31b13ae74749c16488e4469044db8a"),
}


def credentials(case):
    return Credentials("testAccessKeyId", Secret("testAccessKeySecret"), TOKEN if case == "D" else None)


@pytest.mark.parametrize("case", VECTORS)
def test_v1_signature_equals_the_official_one(case):
    headers = SignerV1(credentials(case)).sign(REQUESTS[case], NOW)
    assert headers["Authorization"] == f"LOG testAccessKeyId:{VECTORS[case][0]}"


@pytest.mark.parametrize("case", VECTORS)
def test_v4_signature_equals_the_official_one(case):
    headers = SignerV4(credentials(case), "cn-hangzhou").sign(REQUESTS[case], NOW)
    scope = "testAccessKeyId/20180506/cn-hangzhou/sls/aliyun_v4_request"
    assert headers["Authorization"] == f"SLS4-HMAC-SHA256 Credential={scope},Signature={VECTORS[case][1]}"


def test_v1_tells_the_digest_of_the_body():
    headers = SignerV1(credentials("B")).sign(REQUESTS["B"], NOW)
    assert headers["Content-MD5"] == "2F9A5D6DAEEE93052687135FC0C77D50"


def test_v4_makes_a_new_key_when_the_day_changes():
    kept, fresh = (SignerV4(credentials("A"), "cn-hangzhou") for _ in range(2))
    kept.sign(REQUESTS["A"], NOW)
    assert kept.sign(REQUESTS["A"], NOW + 86400) == fresh.sign(REQUESTS["A"], NOW + 86400)


def test_the_date_does_not_depend_on_the_locale():
    assert http_date(NOW) == "Sun, 06 May 2018 09:14:53 GMT"
