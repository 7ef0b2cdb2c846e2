"""Is this process able to do its work? One word per check, nothing that helps a stranger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models.functions import Coalesce

from checkpoints.models import Endpoint
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
    """Say whether an endpoint waits for its reading much longer than it should."""
    limit = now - timedelta(seconds=3 * settings.COLLECT_INTERVAL) - GRACE
    enabled = Endpoint.objects.filter(enabled=True, removed_at=None)
    return enabled.annotate(due=Coalesce("next_read_at", "created_at")).filter(due__lt=limit).exists()
