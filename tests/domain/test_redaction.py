"""What is hidden in log lines, and what is not."""

from __future__ import annotations

import base64
import random
import string
import time
import uuid

import pytest

from checkpoints.domain.redaction import HIDDEN, redact

SECRET = "s3cr3t-Value"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYz9f4mQ1kEY"
HEX = "4bf92f3577b34da6a3ce929d0e0e4736"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "PASSWORD", "userPassword", "db.password", "passwd", "pwd", "secret",
        "client_secret", "AccessKeySecret", "token", "accessToken", "refresh-token", "authorization",
        "Proxy-Authorization", "cookie", "Set-Cookie", "api_key", "apiKey", "X-API-Key", "API key",
        "access_key", "accesskeyid", "credential", "aws-credentials", "private_key", "session", "sessionId",
        "JSESSIONID", "HTTPToken", "x-acs-security-token", "sk", "otp", "数据库密码",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter", "123456", "a b c", '{"a": 1}'])
def test_a_field_named_like_a_secret_is_hidden_whole(key, value):
    assert redact(key, value) == "•••• (secret)"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_count", "12"), ("max_tokens", "4096"), ("tokens", "153"), ("session_timeout", "30"),
        ("password_expired", "yes"), ("token_type", "Bearer"), ("keyword", "cheap shoes"),
        ("author", "li.wei"), ("task", "copy"), ("risk", "low"), ("tokenizer", "cl100k"),
        ("passenger", "Ann"), ("password", ""), ("password", "******"), ("token", "null"),
        ("session", "-"), ("cookie", "None"), ("key", "value"), ("", ""),
    ],
)  # fmt: skip
def test_a_field_that_tells_nothing_secret_is_shown(key, value):
    assert redact(key, value) == value


@pytest.mark.parametrize(
    "value",
    [
        "job 123456 finished", "17", "-3.25e10", "1732182345", "20261121094500123456789012345678901234",
        "2026-11-21T09:45:00.123456Z", "[21/Nov/2026:09:45:00 +0000]", "10.0.0.1", "2001:db8::ff00:42:8329",
        "aa:bb:cc:dd:ee:ff", str(uuid.UUID(int=0x5AEEC78E1FFC0366B24F1C63AAAABBBB)),
        "5AEEC78E1FFC0366B24F1C63",
        "da39a3ee5e6b4b0d3255bfef", "/usr/local/lib/python3.11/site-packages/checkpoints/domain/redaction.py",
        "/opt/App2/MyService/src/main/java/com/example/orders/OrderServiceImpl",
        "com.example.orders.AbstractTransactionalRepository2Factory",
        "org/apache/commons/lang3/builder/ToStringBuilder", "getUserByIdentifierAndOrganisation2Factory",
        "checkout-service-deployment-7d9f8b6c5d-x2x9z", "SOME_LONG_CONSTANT_NAME_WITH_MANY_WORDS_2",
        "https://example.com/a/long/path/to/some/resource?page=2&size=50", "http://host:8080/x?mail=a@b.c",
        "user li.wei@example.com logged in", "Failed password for root from 10.0.0.1 port 22",
        "basic authentication is required", "Basic information about bearer tokens", "the bearer certificate",
        "error: invalid token: unexpected end", "session: opened for user root", "pass: 12, fail: 3",
        '{"tokens": 153, "sessions": 2}', "token=null&password=&secret=***", "MTUyNDE1NTM3OTM3MzkwODQ5Ng==",
        "key=value&cookie_count=3", "<status>ready</status>", "用户登录成功，耗时 12 毫秒",
        "密码错误次数已达上限",
        "-----BEGIN CERTIFICATE-----", "keywords: a, b", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        f"trace_id={HEX} ok", f'{{"request-id": "{HEX}"}}', "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "========================================", "----------------------------------------",
    ],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(value):
    assert redact("message", value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("id LTAI5tExampleKey1234 used", "id •••• (access key) used"),
        ("LOG LTAIexample12345:yFpWq0aA3kX9z0VbVv2sZxw5b8k=", "LOG •••• (access key)"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key •••• (access key)."),
        ("by STS.NUgYrLnoC37mZZCNnAbez", "by •••• (access key)"),
        (f"sent {JWT}!", "sent •••• (JWT)!"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", "•••• (JWT)"),
        ("curl with Bearer mF_9.B5f-4.1JqM", "curl with Bearer •••• (credentials)"),
        ("Basic " + base64.b64encode(b"mei:hunter").decode(), "Basic •••• (credentials)"),
        (f"a {PEM} b", "a •••• (private key) b"),
        (PEM[:50], "•••• (private key)"),
        ("-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----", "•••• (private key)"),
        ("mysql://root:p@ss#1@db:3306/x", "mysql://root:•••• (password)@db:3306/x"),
        ("redis://:hunter@cache", "redis://:•••• (password)@cache"),
        ("a=1&token=abc123&b=2", "a=1&token=•••• (secret)&b=2"),
        ("/login?access_token=abcdef", "/login?access_token=•••• (secret)"),
        ("pin=****&password=hunter", "pin=****&password=•••• (secret)"),
        ("password: hunter2, user: x", "password: •••• (secret), user: x"),
        ("spring.datasource.password=P@ss(w0rd)!", "spring.datasource.password=•••• (secret)"),
        ("Server=x;Pwd=abc;User=me", "Server=x;Pwd=•••• (secret);User=me"),
        ('{"password":"x","b":1}', '{"password":•••• (secret),"b":1}'),
        (r'{"password":"a\"b","b":1}', '{"password":•••• (secret),"b":1}'),
        (r'"{\"password\":\"hunter\",\"b\":1}"', r'"{\"password\":•••• (secret),\"b\":1}"'),
        ('{"password":"cut off', '{"password":•••• (secret)'),
        ("{'secret': 'x y', 'b': 1}", "{'secret': •••• (secret), 'b': 1}"),
        ("{'secret': b'xy'}", "{'secret': •••• (secret)}"),
        ('{"credentials": {"id": "a", "key": "b"}, "c": 1}', '{"credentials": •••• (secret), "c": 1}'),
        ('{"token":"abc"}', '{"token":•••• (secret)}'),
        ("msg=\"password=hunter\"", "msg=\"password=•••• (secret)\""),
        ("{:password=>hunter}", "{:password=>•••• (secret)"),
        ("run --password hunter --verbose", "run --password •••• (secret) --verbose"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: •••• (secret)\nHost: x"),
        ("-H 'Authorization: LOG a:b' https://x", "-H 'Authorization: •••• (secret)' https://x"),
        ("<password>hunter</password>", "<password>•••• (secret)</password>"),
        ("密码：hunter", "密码：•••• (secret)"),
        (f"aws {AWS} end", "aws •••• (long token) end"),
        (f"key {HEX} end", "key •••• (long token) end"),
        ("/docker/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "•••• (long token)"),
        ("••••, password=hunter", "••••, password=•••• (secret)"),
    ],
)  # fmt: skip
def test_a_secret_in_running_text_is_hidden(value, shown):
    assert redact("message", value) == shown


def test_hex_under_the_name_of_an_id_is_shown():
    assert redact("trace_id", HEX) == HEX
    assert redact("sha256", HEX * 2) == HEX * 2
    assert redact("image", HEX) == HEX
    assert HEX not in redact("value", HEX)


@pytest.mark.parametrize(
    "alphabet", [string.ascii_letters + string.digits + "+/", string.ascii_lowercase + string.digits]
)
@pytest.mark.parametrize("length", [40, 64])
def test_random_keys_are_nearly_always_found(alphabet, length):
    dice = random.Random(7)
    keys = ["".join(dice.choices(alphabet, k=length)) for _ in range(500)]
    assert sum(key in redact("message", f"got {key} back") for key in keys) <= 10


@pytest.mark.parametrize(
    "piece",
    ["a", "a=", '"', "password=", "\\", '\\"', "-----BEGIN PRIVATE KEY-----", "a://b:", "eyJaaaaaa.", "<a>",
     "Bearer ", "password:'", "{", "--token ", "0aA", "password\\\"=\\\"", "LTAI", " ", "密码："],
)  # fmt: skip
def test_time_grows_with_the_length_only(piece):
    text = piece * (20_000 // len(piece))
    started = time.process_time()
    redact("message", text)
    assert time.process_time() - started < 2


def test_what_is_hidden_is_marked():
    assert redact("a", f"token={SECRET}").count(HIDDEN) == 1


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (
            'client.New("LTAI5tQnKxExample", "Zk3vR8sTq1LmN7pXw2YbC5dFgH9jKe")',
            "Zk3vR8sTq1LmN7pXw2YbC5dFgH9jKe",
        ),
        ("AccessKeySecret Zk3vR8sTq1LmN7pXw2YbC5dFgH9jKe", "Zk3vR8sTq1LmN7pXw2YbC5dFgH9jKe"),
        ("login with password hunter22x failed", "hunter22x"),
    ],
)
def test_a_secret_of_an_access_key_is_hidden_without_a_sign_before_it(text, secret):
    assert secret not in redact("message", text)


@pytest.mark.parametrize("text", ["password is wrong", "the password expired yesterday", "secret santa list"])
def test_words_after_a_blank_are_no_secret(text):
    assert redact("message", text) == text
