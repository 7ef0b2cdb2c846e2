"""When a reading says nothing of now any more, by what is set for its endpoint and its Logstore."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from checkpoints.domain import schedule


def interval(seconds: int | None) -> timedelta:
    """Return the usual time between two readings, from what an endpoint has of its own."""
    return timedelta(seconds=seconds or settings.COLLECT_INTERVAL)


def planned(every: int | None, seconds: int | None) -> timedelta:
    """Return how often a Logstore is read just now: as planned, else as its endpoint usually is."""
    return interval(seconds) if every is None else timedelta(seconds=every)


def stale_after(every: int | None, seconds: int | None) -> timedelta:
    """Return the greatest age of a reading that says something of now."""
    return schedule.stale_after(interval(seconds), planned(every, seconds))


def is_stale(read_at: datetime | None, now: datetime, *, every: int | None, seconds: int | None) -> bool:
    """Tell whether a reading is too old; `every` is of the Logstore, `seconds` of the endpoint."""
    return schedule.is_stale(read_at, now, interval=interval(seconds), planned=planned(every, seconds))
