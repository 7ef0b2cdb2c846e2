"""How often things are read, and when a reading says nothing of now any more: for metrics as for alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from checkpoints.models import ConsumerGroup, Endpoint
from checkpoints.queries import freshness


def interval(endpoint: Endpoint) -> timedelta:
    """Return the usual time between two readings of a Logstore of the endpoint."""
    return freshness.interval(endpoint.interval_seconds)


def read_every(group: ConsumerGroup) -> timedelta:
    """Return how often the Logstore of a group is read just now."""
    return freshness.planned(group.logstore.read_every, group.endpoint.interval_seconds)


def is_stale(group: ConsumerGroup, now: datetime) -> bool:
    """Tell whether the last reading of a group is too old: it would look like that of a quiet group."""
    every, seconds = group.logstore.read_every, group.endpoint.interval_seconds
    return freshness.is_stale(group.read_at, now, every=every, seconds=seconds)
