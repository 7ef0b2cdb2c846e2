"""Is this process able to do its work? One word per check, nothing that helps a stranger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from checkpoints.domain.clocks import APART
from checkpoints.models import ConsumerGroup, Endpoint
from checkpoints.services import sealing, triggers

log = logging.getLogger(__name__)
GRACE = timedelta(seconds=60)


def readiness(*, now: datetime) -> dict[str, bool]:
    """Return which checks pass: database takes writes, key opens, triggers guard, collector runs."""
    checks: dict[str, Callable[[], bool]] = {
        "database": _database_takes_writes,
        "keys": lambda: sealing.state() == "open",
        "triggers": lambda: not triggers.missing(),
        "collector": lambda: not _overdue(now),
    }
    return {name: _works(name, check) for name, check in checks.items()}


def _works(name: str, check: Callable[[], bool]) -> bool:
    try:
        good = check()
    except DatabaseError as problem:
        log.error("readiness check %s: %s", name, problem)
        return False
    if not good:
        log.warning("readiness check %s failed", name)
    return good


def _database_takes_writes() -> bool:
    # A full disk or a read-only copy refuses this.
    Session.objects.filter(session_key="not a session").delete()
    return True


def _overdue(now: datetime) -> bool:
    """Say whether nobody looks for work of an endpoint, or somebody looks and nothing of it is read."""
    limit = now - timedelta(seconds=3 * settings.COLLECT_INTERVAL) - GRACE
    enabled = Endpoint.objects.filter(enabled=True, removed_at=None)
    looked = enabled.annotate(due=Coalesce("next_read_at", "created_at"))
    ahead = now + timedelta(seconds=settings.COLLECT_INTERVAL) + APART  # noted by a clock that was wrong
    return looked.filter(Q(due__lt=limit) | Q(due__gt=ahead)).exists() or _nothing_is_read(
        enabled, limit, now
    )


def _nothing_is_read(enabled: QuerySet[Endpoint], limit: datetime, now: datetime) -> bool:
    """Say whether the newest real reading of an endpoint is too old although Logstores were due before.

    Of one that is in trouble nothing is read either; that is told as its own problem.
    """
    living = {"vanished_at": None, "logstore__vanished_at": None, "logstore__project__vanished_at": None}
    groups = ConsumerGroup.objects.filter(
        logstore__project__endpoint__in=enabled.filter(failures=0, problem__isnull=True), **living
    ).order_by()
    waiting = groups.filter(logstore__next_read_at__lt=limit)
    read = groups.filter(read_at__gte=limit, read_at__lte=now + APART)
    endpoint = "logstore__project__endpoint"
    return waiting.exclude(**{f"{endpoint}__in": read.values(endpoint)}).exists()
