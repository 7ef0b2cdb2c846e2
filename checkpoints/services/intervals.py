"""How often things are read, and when a reading says nothing of now any more: for metrics as for alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from checkpoints.domain import schedule
from checkpoints.models import ConsumerGroup, Endpoint


def interval(endpoint: Endpoint) -> timedelta:
    """Return the usual time between two readings of a Logstore of the endpoint."""
    return timedelta(seconds=endpoint.interval_seconds or settings.COLLECT_INTERVAL)


def read_every(group: ConsumerGroup) -> timedelta:
    """Return how often the Logstore of a group is read just now."""
    planned = group.logstore.read_every
    return interval(group.endpoint) if planned is None else timedelta(seconds=planned)


def is_stale(group: ConsumerGroup, now: datetime) -> bool:
    """Tell whether the last reading of a group is too old: it would look like that of a quiet group."""
    return schedule.is_stale(group.read_at, now, interval=interval(group.endpoint), planned=read_every(group))
