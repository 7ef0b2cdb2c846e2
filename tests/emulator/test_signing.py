"""The twelve signature vectors, and what the gate refuses."""

import base64
import hashlib
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from emulator.errors import ServiceError
from emulator.signing import Gate, v1_signature, v1_text, v4_signature, v4_text

SECRET = "testAccessKeySecret"
GROUP_PATH = "/logstores/logstore-4/consumergroups/consumer_group_test"
HOST = "my-project.cn-hangzhou.log.aliyuncs.com"
CHECKPOINT = b'{"shard": 0, "checkpoint": "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="}'
JSON = {"content-type": "application/json"}
NOW = datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC).timestamp()

REQUESTS = {
    "A": ("GET", GROUP_PATH, {"shard": "0"}, {}, b""),
    "B": (
        "POST",
        GROUP_PATH,
        {"type": "checkpoint", "consumer": "", "forceSuccess": "True"},
        JSON,
        CHECKPOINT,
    ),
    "C": (
        "GET",
        "/logstores/logstore-4/shards/0",
        {"type": "cursor_time", "cursor": "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="},
        JSON,
        b"",
    ),
    "D": (
        "GET",
        "/",
        {"offset": "0", "size": "100", "resourceGroupId": ""},
        {"host": "cn-hangzhou.log.aliyuncs.com", "x-acs-security-token": "testStsToken"},
        b"",
    ),
    "E": ("POST", GROUP_PATH, {"type": "heartbeat", "consumer": "消费者 1"}, JSON, b"[0, 1]"),
    "F": ("GET", "/logstores/logstore-4/shards", {}, {}, b""),
}
VECTORS = [
    ("A", "hU8o92GAKcVR8U2wNwTBvdDr2YA=", "dc0a1e8bb19aa5b183c04253bdd8c81e5d77c975c6fff810f4ac9baaa403e958"),
    ("B", "gtobAOSgP6+ihztzOiDBjwMzEiU=", "54f241f96ada91348919426976465cee830a025315c35ed5377024848a599a5e"),
    ("C", "kj6xF0277Bx9akclLEpE/FjZGg8=", "41e0328d70075a57dc9f436de41ee8d565866b28c038316ef8adf696d197b0f7"),
    ("D", "5FwmVkmfEW7ayhacYltjNKVuuZ0=", "289ee81019e62da2ac911d16f365e16bc07f2158756e9a70de50675af92d8c53"),
    ("E", "f7qZ+hVOfRb1TTvGcLLwr8F0vyI=", "c658f9df796d7a5cb3cbc3877ada408f92cb70c1684dbaac5325b21f5e68e407"),
    ("F", "Or8YnO521lgCOpFxahqTm4XUjwM=", "a080b08f7cccb0ee1cd95eb2d6d3fe559d31b13ae74749c16488e4469044db8a"),
]


def headers_v1(
    extra: dict[str, str], body: bytes, *, moment: float = NOW, method: str = "hmac-sha1"
) -> dict[str, str]:
    common = {
        "host": HOST,
        "x-log-apiversion": "0.6.0",
        "x-log-signaturemethod": method,
        "date": formatdate(moment, usegmt=True),
    }
    size = {"content-md5": hashlib.md5(body).hexdigest().upper()} if body else {"x-log-bodyrawsize": "0"}  # noqa: S324
    return common | size | extra


def headers_v4(extra: dict[str, str], body: bytes) -> dict[str, str]:
    digest = hashlib.sha256(body).hexdigest()
    common = {
        "host": HOST,
        "x-log-apiversion": "0.6.0",
        "x-log-date": "20180506T091453Z",
        "x-log-content-sha256": digest,
    }
    return common | ({} if body else {"x-log-bodyrawsize": "0"}) | extra


@pytest.mark.parametrize(("name", "v1", "v4"), VECTORS)
def test_v1_vectors_match(name: str, v1: str, v4: str) -> None:
    method, path, params, extra, body = REQUESTS[name]
    assert v1_signature(SECRET, v1_text(method, path, params, headers_v1(extra, body))) == v1


@pytest.mark.parametrize(("name", "v1", "v4"), VECTORS)
def test_v4_vectors_match(name: str, v1: str, v4: str) -> None:
    method, path, params, extra, body = REQUESTS[name]
    text = v4_text(method, path, params, headers_v4(extra, body))
    assert v4_signature(SECRET, text, moment="20180506T091453Z", region="cn-hangzhou") == v4


def test_v1_leaves_the_unsigned_date_of_the_python_sdk_out() -> None:
    method, path, params, extra, body = REQUESTS["A"]
    with_date = headers_v1(extra, body) | {"x-log-date": "Sun, 06 May 2018 09:14:53 GMT"}
    assert v1_signature(SECRET, v1_text(method, path, params, with_date)) == VECTORS[0][1]


def check(headers: dict[str, str], *, body: bytes = b"", now: float = NOW, name: str = "F") -> None:
    method, path, params, _, _ = REQUESTS[name]
    Gate("testAccessKeyId", SECRET).check(method, path, params, headers, body, now)


def authorized(headers: dict[str, str], *, name: str = "F", key: str = "testAccessKeyId") -> dict[str, str]:
    method, path, params, _, _ = REQUESTS[name]
    sha256 = headers["x-log-signaturemethod"] == "hmac-sha256"
    signature = v1_signature(SECRET, v1_text(method, path, params, headers), sha256=sha256)
    return headers | {"authorization": f"LOG {key}:{signature}"}


@pytest.mark.parametrize("method", ["hmac-sha1", "hmac-sha256"])
def test_the_gate_lets_both_digests_of_v1_pass(method: str) -> None:
    check(authorized(headers_v1({}, b"", method=method)))


def test_the_gate_lets_v4_pass() -> None:
    credential = "SLS4-HMAC-SHA256 Credential=testAccessKeyId/20180506/cn-hangzhou/sls/aliyun_v4_request"
    check(headers_v4({}, b"") | {"authorization": f"{credential},Signature={VECTORS[5][2]}"})


def refused(headers: dict[str, str], **how: object) -> tuple[int, str]:
    with pytest.raises(ServiceError) as refusal:
        check(headers, **how)  # type: ignore[arg-type]
    return refusal.value.status, refusal.value.code


GOOD = authorized(headers_v1({}, b""))
REFUSALS = [
    ({"authorization": ""}, (400, "MissAccessKeyId")),
    ({"authorization": "LOG testAccessKeyId:d3Jvbmc="}, (401, "SignatureNotMatch")),
    ({"authorization": "LOG somebody:d3Jvbmc="}, (401, "Unauthorized")),
    ({"authorization": "SLS4-HMAC-SHA256 nonsense"}, (401, "SignatureNotMatch")),
    ({"authorization": "LOG testAccessKeyId:ü"}, (401, "SignatureNotMatch")),
    ({"date": ""}, (400, "MissingDate")),
    ({"date": "yesterday"}, (400, "InvalidDateFormat")),
    ({"x-log-signaturemethod": "md5"}, (400, "InvalidSignatureMethod")),
    ({"x-log-apiversion": "0.1"}, (400, "InvalidAPIVersion")),
]


@pytest.mark.parametrize(("change", "expected"), REFUSALS)
def test_the_gate_refuses_in_the_services_codes(change: dict[str, str], expected: tuple[int, str]) -> None:
    assert refused(GOOD | change) == expected


@pytest.mark.parametrize(("offset", "passes"), [(899, True), (-899, True), (901, False), (-901, False)])
def test_the_clock_may_be_fifteen_minutes_off(offset: int, passes: bool) -> None:
    if passes:
        check(GOOD, now=NOW + offset)
    else:
        assert refused(GOOD, now=NOW + offset) == (400, "RequestTimeTooSkewed")


def test_a_body_that_does_not_match_its_md5_is_refused() -> None:
    headers = authorized(headers_v1(JSON, b"[0, 1]"), name="E")
    check(headers, body=b"[0, 1]", name="E")
    assert refused(headers, body=b"[0, 2]", name="E") == (400, "PostBodyInvalid")


def test_an_expired_token_is_refused_and_another_is_accepted() -> None:
    check(authorized(headers_v1({"x-acs-security-token": "anything"}, b"")))
    assert refused(authorized(headers_v1({"x-acs-security-token": "expired"}, b""))) == (401, "Unauthorized")


def test_the_refusal_names_the_signature_it_was_given() -> None:
    wrong = base64.b64encode(b"wrong").decode()
    with pytest.raises(ServiceError, match=f"signature {wrong} not match"):
        check(GOOD | {"authorization": f"LOG testAccessKeyId:{wrong}"})
