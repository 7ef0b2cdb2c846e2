"""Background work on huey: the collector's tick, settling what a dead process left open, watching resets."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from checkpoints.models import Endpoint
from checkpoints.services import collector, resets, snapshots, waiting

LOOK_EVERY = 10
log = logging.getLogger(__name__)


@db_periodic_task(crontab(minute="*"))
def tick() -> None:
    """Once a minute: ask for the collections of the next minute, one task per endpoint and interval.

    Several hosts may tick; collect_due takes a lease in the database, so each reading is made once.
    """
    for pk in Endpoint.objects.filter(enabled=True, removed_at=None).values_list("pk", flat=True):
        for delay in range(0, 60, settings.COLLECT_INTERVAL):
            collect_endpoint.schedule(args=(str(pk),), delay=delay)


@db_task()
def collect_endpoint(pk: str) -> None:
    """Collect one endpoint when its interval has passed; a slow one holds up one worker, not the others."""
    endpoint = Endpoint.objects.filter(pk=UUID(pk), enabled=True, removed_at=None).first()
    if endpoint is None:
        return
    try:
        collector.collect_due(endpoint, now=timezone.now())
    except Exception:  # the loop must go on whatever one endpoint does
        log.exception("collecting %s failed", endpoint.name)


@db_periodic_task(crontab(minute="*"))
def settle() -> None:
    """Settle, by reading, resets that were left open a minute ago; ask for the looks of the next minute."""
    resets.settle(now=timezone.now())
    for delay in range(0, 60, LOOK_EVERY):
        look.schedule(delay=delay)


@db_task()
def settle_at_start() -> None:
    """Settle at once what the process before this one left open: nobody else sends in this size."""
    resets.settle(now=timezone.now(), quiet_for=timedelta(0))


@db_task()
def look() -> None:
    """Look at every reset still watched and every wait still open, also with nobody's page open."""
    waiting.look_at_open(timezone.now())
    resets.look_at_open(timezone.now())


@db_periodic_task(crontab(minute="*"))
def take_snapshots() -> None:
    """Take the scheduled snapshots that are due; several hosts may ask, each is taken once."""
    snapshots.take_due(timezone.now())
