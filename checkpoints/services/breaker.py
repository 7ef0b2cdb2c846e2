"""The breaker of an endpoint as stored: every worker sees the same one (rules in domain.breaker)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from checkpoints import sls
from checkpoints.domain.breaker import PROBE, Breaker, State
from checkpoints.domain.clocks import is_young
from checkpoints.models import Endpoint
from checkpoints.queries import clocks
from checkpoints.services.intervals import interval
from checkpoints.services.problems import explain
from checkpoints.services.sealing import Locked

ABOUT_THE_ENDPOINT = (
    sls.ConnectionFailed,
    sls.ServerFault,
    sls.Unauthenticated,
    sls.Throttled,
    sls.HostRefused,
    sls.BadAnswer,
    Locked,
)
"""Failures that the next Logstore would meet as well; a missing right or name is about one Logstore."""


def of(endpoint: Endpoint) -> Breaker:
    """Return the breaker of the row as it was loaded."""
    return Breaker(endpoint.failures, endpoint.opened_at, endpoint.retry_at)


def is_about_endpoint(error: Exception) -> bool:
    """Whether an error means the endpoint or its credentials, and not one Logstore."""
    return isinstance(error, ABOUT_THE_ENDPOINT) or (isinstance(error, sls.ApiError) and error.is_clock_skew)


def lets_through(endpoint: str, now: datetime) -> Q:
    """Match rows of endpoints whose breaker is not open; `endpoint` is the path to theirs."""
    return clocks.has_come(f"{endpoint}__retry_at", now, furthest=PROBE)


def is_open(endpoint: Endpoint, now: datetime) -> bool:
    """Whether nothing of the endpoint is read just now, by the row as it was loaded."""
    return of(endpoint).state(now) is State.OPEN


def may_probe(endpoint: Endpoint, now: datetime) -> bool:
    """Take the one probe of a half-open breaker; False when somebody else has it."""
    mine = Endpoint.objects.filter(pk=endpoint.pk, retry_at=endpoint.retry_at)
    return of(endpoint).state(now) is State.HALF_OPEN and bool(
        mine.update(retry_at=of(endpoint).probing(now).retry_at)
    )


def note_success(endpoint: Endpoint, now: datetime) -> None:
    """Remember that something of the endpoint was read: that closes the breaker and ends its problem."""
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failures=0, opened_at=None, retry_at=None, problem=None, problem_at=None, last_success_at=now
    )


@transaction.atomic
def note_failure(endpoint: Endpoint, error: Exception, now: datetime) -> Breaker:
    """Remember a failure; it becomes the endpoint's problem when nothing else succeeds. Returns the breaker.

    An answer about one Logstore shows that the endpoint itself works, and closes the breaker.
    """
    row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    after = of(row).failed(now) if is_about_endpoint(error) else Breaker()
    row.failures, row.opened_at, row.retry_at = after.failures, after.opened_at, after.retry_at
    lately = is_young(row.last_success_at, now, most=2 * interval(row))
    if after.retry_at is not None or not lately:
        row.problem, row.problem_at = explain(error).as_json(), now
    row.save(update_fields=["failures", "opened_at", "retry_at", "problem", "problem_at"])
    return after
