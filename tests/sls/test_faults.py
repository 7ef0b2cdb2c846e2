"""Every kind of error answer becomes one class, with code, request id and words."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from checkpoints.sls import (
    ApiError,
    BadAnswer,
    Forbidden,
    NotFound,
    ServerFault,
    Throttled,
    Unauthenticated,
)
from checkpoints.sls.faults import normal_code, plain, wait_asked

from .server import error, reply

KINDS = [
    (400, "RequestTimeTooSkewed", "", ApiError),
    (400, "ParameterInvalid", "", ApiError),
    (400, "InvalidCursor", "", ApiError),
    (400, "ShardNotExist", "", NotFound),
    (400, "Whatever", "Logstore x dose not exist", NotFound),
    (401, "SignatureNotMatch", "signature abc not match", Unauthenticated),
    (401, "Unauthorized", "The security token you provided has expired.", Unauthenticated),
    (400, "SecurityTokenExpired", "", Unauthenticated),
    (400, "SecurityToken.Expired", "", Unauthenticated),
    (403, "InvalidAccessKeyId", "", Unauthenticated),
    (401, "Unauthorized", "denied by sts or ram, action: log:ListProject", Forbidden),
    (403, "Unauthorized", "denied by sts or ram", Forbidden),
    (403, "ProjectForbidden", "", Forbidden),
    (401, "Unauthorized", "No permission to access this resource", Forbidden),
    (403, "ReadQuotaExceed", "", Throttled),
    (403, "ShardReadQuotaExceed", "", Throttled),
    (403, "WriteQuotaExceed", "", Throttled),
    (403, "Forbidden", "Project Read QPS Exceed", Throttled),
    (403, "Forbidden", "project quota exceed", Throttled),
    (429, "TooManyRequests", "", Throttled),
    (400, "ConsumerGroupQuotaExceed", "", ApiError),
    (404, "ProjectNotExist", "", NotFound),
    (404, "ConsumerGroupNotExist", "", NotFound),
    (404, "Odd", "", NotFound),
    (500, "InternalServerError", "", ServerFault),
    (503, "ServerBusy", "", ServerFault),
    (400, "RequestTimeout", "", ServerFault),
    (418, "Teapot", "", ApiError),
]


def failure(serve, *scripts, **options):
    client, server = serve(*scripts, **options)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the tests look at the class
        client.list_shards("proj", "store")
    return caught.value, server


@pytest.mark.parametrize(("status", "code", "message", "kind"), KINDS)
def test_an_error_answer_has_its_class(serve, status, code, message, kind):
    problem, _ = failure(serve, error(status, code, message))
    assert (type(problem), problem.status, problem.raw_code) == (kind, status, code)


def test_an_error_tells_operation_request_id_code_and_message(serve):
    problem, _ = failure(serve, error(404, "LogStoreNotExist", "logstore store\ndose not exist"))
    assert (problem.operation, problem.request_id, problem.label, problem.message, str(problem)) == (
        "ListShards",
        "5AEEC8DD3F5A1B2C4D5E6F70",
        "LogStoreNotExist",
        "LogStoreNotExist: logstore store dose not exist",
        "LogStoreNotExist: logstore store dose not exist",
    )


@pytest.mark.parametrize(
    ("received", "code"),
    [
        ("ShardNotExsit", "ShardNotExist"),
        ("ConsumerNotExsit", "ConsumerNotExist"),
        ("ProjectNotExists", "ProjectNotExist"),
        ("shardnotexist", "ShardNotExist"),
        ("LogStoreNotExist", "LogStoreNotExist"),
        ("logstorenotexist", "LogStoreNotExist"),
        ("invalidcursor", "InvalidCursor"),
        ("unauthorized", "Unauthorized"),
        ("ConsumerNotMatch", "ConsumerNotMatch"),
        ("", ""),
    ],
)
def test_a_code_has_one_spelling(received, code):
    assert normal_code(received) == code


@pytest.mark.parametrize("code", ["InvalidCursor", "INVALIDCURSOR"])
def test_a_cursor_outside_the_shard_is_recognised(serve, code):
    problem, _ = failure(serve, error(400, code))
    assert problem.is_invalid_cursor


def test_other_errors_are_not_about_the_cursor(serve):
    problem, _ = failure(serve, error(400, "ParameterInvalid"))
    assert not problem.is_invalid_cursor


@pytest.mark.parametrize(
    ("code", "skewed"),
    [("RequestTimeTooSkewed", True), ("RequestTimeExpired", True), ("MissingDate", False)],
)
def test_a_wrong_clock_is_recognised(serve, code, skewed):
    problem, _ = failure(serve, error(400, code))
    assert problem.is_clock_skew is skewed


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        (b"<html><h1>404</h1></html>", 404, BadAnswer, "Status 404"),
        (b"<html>", 403, BadAnswer, "Status 403"),
        (b"", 401, BadAnswer, "Status 401"),
        (b"[]", 400, BadAnswer, "Status 400"),
        (b"null", 400, BadAnswer, "Status 400"),
        (b'{"errorCode": 7}', 400, BadAnswer, "Status 400"),
        (b'{"errorMessage": "x"}', 400, BadAnswer, "Status 400"),
        (b"", 201, BadAnswer, "Status 201"),
        (b"", 301, BadAnswer, "redirects"),
        (b"\xff\xfe", 400, BadAnswer, "Status 400"),
        (b"<html>", 502, ServerFault, "Status 502"),
        (b"<html>", 429, Throttled, "Too many"),
    ],
)
def test_an_error_page_that_is_not_of_sls_gives_words(serve, body, status, kind, words):
    problem, _ = failure(serve, reply(body, status))
    assert type(problem) is kind
    assert words in problem.message


def test_a_redirect_is_not_followed(serve):
    _, server = failure(serve, reply("", 302, Location="http://169.254.169.254/"))
    assert len(server.received) == 1


def test_a_code_without_a_message_stands_alone(serve):
    problem, _ = failure(serve, error(400, "MissingDate", ""))
    assert problem.message == "MissingDate"


def test_a_secret_in_a_message_is_hidden(serve):
    problem, _ = failure(serve, error(400, "Odd", "the key testAccessKeySecret"))
    assert (problem.message, str(problem)) == ("Odd: the key ***", "Odd: the key ***")


def test_an_error_without_a_code_is_labelled_by_its_class(serve):
    problem, _ = failure(serve, reply(b"<html>", 502))
    assert problem.label == "ServerFault"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("", None), ("soon", None), ("-1", None), ("٣", None)],
)
def test_retry_after_is_seconds(value, seconds):
    assert wait_asked({"retry-after": value}) == seconds


def test_retry_after_may_be_a_date():
    assert (
        55 < wait_asked({"retry-after": formatdate(usegmt=True, timeval=__import__("time").time() + 60)}) < 61
    )


def test_retry_after_in_the_past_is_now():
    assert wait_asked({"retry-after": "Sun, 06 May 2018 09:14:53 GMT"}) == 0.0


def test_words_have_no_control_characters_and_an_end():
    assert plain("a\x00b\r\n c" + "d" * 50, 10) == "a b cddddd"


def test_a_very_long_word_has_an_end():
    assert plain("d" * 50, 10) == "d" * 10
