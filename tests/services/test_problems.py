"""Problems: every error has words, advice and the request id, and survives being stored."""

from __future__ import annotations

import json

import pytest

from checkpoints import sls
from checkpoints.services.problems import Problem, explain
from checkpoints.services.sealing import Locked


def api(kind: type[sls.ApiError], status: int, code: str, operation: str = "GetCursor") -> sls.ApiError:
    return kind("words of the service", status=status, code=code, operation=operation, request_id="5AEEC78E")


CASES = [
    (api(sls.NotFound, 404, "ProjectNotExist"), "ProjectNotExist", "does not exist here", "region"),
    (api(sls.NotFound, 404, "LogStoreNotExist"), "LogStoreNotExist", "Logstore does not exist", "deleted"),
    (api(sls.NotFound, 404, "ConsumerGroupNotExist"), "ConsumerGroupNotExist", "consumer group", "deleted"),
    (api(sls.NotFound, 400, "ShardNotExist"), "ShardNotExist", "shard does not exist", "merged"),
    (api(sls.NotFound, 404, "ConsumerNotExist"), "ConsumerNotExist", "(ConsumerNotExist)", "names"),
    (api(sls.ApiError, 400, "InvalidCursor"), "InvalidCursor", "outside", "expired"),
    (api(sls.ApiError, 400, "RequestTimeTooSkewed"), "RequestTimeTooSkewed", "15 minutes", "NTP"),
    (api(sls.ApiError, 400, "RequestTimeExpired"), "RequestTimeExpired", "15 minutes", "NTP"),
    (
        api(sls.ApiError, 400, "SomethingNew"),
        "SomethingNew",
        "refused GetCursor with the code SomethingNew",
        "support",
    ),
    (api(sls.Unauthenticated, 401, "SignatureNotMatch"), "SignatureNotMatch", "signature", "secret is wrong"),
    (api(sls.Unauthenticated, 401, "InvalidAccessKeyId"), "InvalidAccessKeyId", "not known", "mistyped"),
    (api(sls.Unauthenticated, 401, "SecurityTokenExpired"), "SecurityTokenExpired", "expired", "fresh"),
    (api(sls.Unauthenticated, 401, "Unauthorized"), "Unauthorized", "does not accept the key", "AccessKey"),
    (api(sls.Forbidden, 403, "Unauthorized"), "Unauthorized", "may not do this", "Grant log:GetCursorOrData"),
    (api(sls.Forbidden, 403, "Unauthorized", "Other"), "Unauthorized", "may not", "missing permission"),
    (api(sls.Throttled, 403, "ReadQuotaExceed"), "ReadQuotaExceed", "throttling", "SLS_CONCURRENCY"),
    (
        api(sls.ServerFault, 500, "InternalServerError"),
        "InternalServerError",
        "trouble of its own",
        "support",
    ),
    (api(sls.ServerFault, 502, ""), "ServerFault", "trouble of its own", "support"),
    (sls.Timeout("h did not answer in time"), "Timeout", "No answer came in time", "firewall"),
    (sls.ConnectionFailed("refuses"), "ConnectionFailed", "not reached: refuses", "network"),
    (sls.BadAnswer("not JSON"), "BadAnswer", "cannot be read: not JSON", "proxy"),
    (sls.HostRefused("h is not a host of SLS"), "HostRefused", "may not be called", "SLS_ALLOWED_HOSTS"),
    (sls.WriteRefused("read-only"), "WriteRefused", "read-only; nothing was sent", "protection"),
    (sls.ArgumentRefused("needs the region"), "ArgumentRefused", "cannot be made: needs the region", "names"),
    (Locked("The sealing key is missing."), "Locked", "The sealing key is missing.", "nothing is read"),
    (KeyError("secret-name"), "KeyError", "unexpected error happened: KeyError", "log of the server"),
]


@pytest.mark.parametrize(("error", "code", "message", "advice"), CASES)
def test_every_error_has_a_code_words_and_advice(
    error: Exception, code: str, message: str, advice: str
) -> None:
    problem = explain(error)
    assert problem.code == code
    assert message in str(problem.message)
    assert advice in str(problem.advice)
    assert "secret-name" not in f"{problem.message} {problem.advice}"


def test_the_request_id_and_operation_are_kept() -> None:
    problem = explain(api(sls.NotFound, 404, "ProjectNotExist"))
    assert (problem.request_id, problem.operation) == ("5AEEC78E", "GetCursor")


@pytest.mark.parametrize("error", [case[0] for case in CASES])
def test_a_problem_comes_back_from_json_as_it_was(error: Exception) -> None:
    problem = explain(error)
    assert Problem.from_json(json.loads(json.dumps(problem.as_json()))) == problem
