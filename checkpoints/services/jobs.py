"""Pieces of work that one process at a time does, by a lease in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from checkpoints.models import Lease
from checkpoints.queries import clocks


@contextmanager
def alone(name: str, lease: timedelta, *, now: datetime) -> Iterator[bool]:
    """Take a piece of work for as long as the block runs, at most for `lease`; gives whether it was free."""
    Lease.objects.get_or_create(name=name, defaults={"until": now})
    free = Lease.objects.filter(clocks.has_come("until", now, furthest=lease), name=name)
    mine = bool(free.update(until=now + lease))
    try:
        yield mine
    finally:
        if mine:
            Lease.objects.filter(name=name, until=now + lease).update(until=now)
