"""What is due, and who reads it: a conditional UPDATE in the database, so that nothing is read twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.services import discovery

LEASE = timedelta(seconds=60)
"""Longer than one reading can take; the Logstores of a process that died are read by another after it."""


def interval(endpoint: Endpoint) -> timedelta:
    """Return the usual time between two readings of a Logstore of the endpoint."""
    return timedelta(seconds=endpoint.interval_seconds or settings.COLLECT_INTERVAL)


def readable(now: datetime) -> list[Endpoint]:
    """Return the endpoints that are read: enabled, and their breaker is not open.

    Says to the readiness check that somebody looked for work of all of them.
    """
    enabled = Endpoint.objects.filter(enabled=True, removed_at=None)
    enabled.filter(_due(now)).update(next_read_at=now + timedelta(seconds=settings.COLLECT_INTERVAL))
    return list(enabled.filter(Q(retry_at=None) | Q(retry_at__lte=now)))


def of_endpoint(endpoint: Endpoint) -> QuerySet[Logstore]:
    """Return the Logstores of an endpoint that have groups."""
    living = ConsumerGroup.objects.filter(logstore=OuterRef("pk"), vanished_at=None)
    return Logstore.objects.filter(
        Exists(living), project__endpoint=endpoint, project__vanished_at=None, vanished_at=None
    ).select_related("project")


def due(endpoint: Endpoint, most: int, now: datetime) -> list[Logstore]:
    """Take up to `most` Logstores that are due, the longest overdue first; nobody else gets them."""
    found = of_endpoint(endpoint).filter(_due(now))
    if not found.exists():  # most times: no transaction for that
        return []
    with transaction.atomic():
        # What another worker has just locked is skipped, so each gets others.
        free = found.select_for_update(skip_locked=True, of=("self",))
        mine = list(free.order_by(F("next_read_at").asc(nulls_first=True), "pk")[:most])
        _take((row.pk for row in mine), now)
    return _with(endpoint, mine)


def all_of(endpoint: Endpoint, now: datetime) -> list[Logstore]:
    """Take every Logstore of the endpoint, due or not."""
    found = _with(endpoint, list(of_endpoint(endpoint)))
    _take((row.pk for row in found), now)
    return found


def may_discover(endpoint: Endpoint, now: datetime) -> bool:
    """Take the discovery of the endpoint when it is due."""
    free = Q(next_discovery_at=None) | Q(next_discovery_at__lte=now)
    mine = Endpoint.objects.filter(free, pk=endpoint.pk)
    return bool(mine.update(next_discovery_at=now + discovery.EVERY))


def _due(now: datetime) -> Q:
    return Q(next_read_at=None) | Q(next_read_at__lte=now)


def _take(pks: Iterable[int], now: datetime) -> None:
    Logstore.objects.filter(pk__in=list(pks)).update(next_read_at=now + LEASE)


def _with(endpoint: Endpoint, logstores: Sequence[Logstore]) -> list[Logstore]:
    """Return the Logstores, each knowing the one row of its endpoint."""
    for row in logstores:
        row.project.endpoint = endpoint
    return list(logstores)
