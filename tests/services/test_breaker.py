"""The breaker in the database: what counts, what closes it, and what the endpoint's problem then is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints import sls
from checkpoints.domain.breaker import PAUSE, State
from checkpoints.domain.messages import say
from checkpoints.models import Endpoint
from checkpoints.services import breaker
from checkpoints.services.sealing import Locked

pytestmark = pytest.mark.django_db

DENIED = sls.Forbidden("Unauthorized: denied by sts or ram", status=403, code="Unauthorized")
COUNTED = [
    sls.ConnectionFailed("no connection"),
    sls.Timeout("no answer"),
    sls.ServerFault("x", status=500, code="InternalServerError"),
    sls.Unauthenticated("x", status=401, code="InvalidAccessKeyId"),
    sls.Throttled("x", status=403, code="ReadQuotaExceed"),
    sls.ApiError("x", status=400, code="RequestTimeTooSkewed"),
    sls.BadAnswer("no SLS"),
    sls.HostRefused("not this host"),
    Locked(say("no key")),
]
NOT_COUNTED = [DENIED, sls.NotFound("x", status=404, code="LogStoreNotExist"), sls.ArgumentRefused("x")]


def stored(now: Any, **values: Any) -> Endpoint:
    return Endpoint.objects.create(name="e", host="h", **({"last_success_at": now} | values))


def fail(endpoint: Endpoint, error: Exception, now: Any, times: int = 5) -> Endpoint:
    for _ in range(times):
        breaker.note_failure(endpoint, error, now)
    endpoint.refresh_from_db()
    return endpoint


@pytest.mark.parametrize("error", COUNTED, ids=lambda error: type(error).__name__)
def test_failures_that_mean_the_endpoint_open_it(now: Any, error: Exception) -> None:
    endpoint = stored(now)
    assert breaker.of(fail(endpoint, error, now, 4)).state(now) is State.CLOSED
    assert endpoint.problem is None
    assert breaker.of(fail(endpoint, error, now, 1)).state(now) is State.OPEN
    assert endpoint.problem is not None
    assert endpoint.retry_at == now + PAUSE


@pytest.mark.parametrize("error", NOT_COUNTED, ids=lambda error: type(error).__name__)
def test_failures_of_one_logstore_do_not(now: Any, error: Exception) -> None:
    endpoint = fail(stored(now), error, now, 20)
    assert (endpoint.failures, endpoint.problem) == (0, None)


def test_an_answer_about_one_logstore_shows_that_the_endpoint_answers(now: Any) -> None:
    endpoint = fail(stored(now), COUNTED[0], now)
    breaker.note_failure(endpoint, DENIED, now)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.opened_at, endpoint.retry_at) == (0, None, None)


def test_a_success_closes_it_and_ends_the_problem(now: Any) -> None:
    endpoint = fail(stored(now - timedelta(hours=1)), COUNTED[0], now)
    breaker.note_success(endpoint, now)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.retry_at, endpoint.problem) == (0, None, None)
    assert endpoint.last_success_at == now


@pytest.mark.parametrize("last_success", [None, timedelta(minutes=3)])
def test_what_is_wrong_with_the_only_logstore_is_the_problem_of_the_endpoint(
    now: Any, last_success: timedelta | None
) -> None:
    endpoint = stored(now, last_success_at=last_success and now - last_success)
    assert fail(endpoint, DENIED, now, 1).problem["code"] == "Unauthorized"


def test_only_one_may_probe(now: Any) -> None:
    endpoint = fail(stored(now), COUNTED[0], now)
    then = now + PAUSE
    assert not breaker.may_probe(endpoint, now)
    assert [breaker.may_probe(endpoint, then), breaker.may_probe(endpoint, then)] == [True, False]
