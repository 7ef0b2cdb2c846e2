"""Pieces of work that one process at a time does, by a lease in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from checkpoints.models import Lease
from checkpoints.queries import clocks

_here: defaultdict[str, Lock] = defaultdict(Lock)


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


def once(name: str, lease: timedelta, work: Callable[[datetime], object], *, now: datetime) -> bool:
    """Do some work unless another process is at it, or a thread of this one, however long that takes."""
    lock = _here[name]
    if not lock.acquire(blocking=False):
        return False
    try:
        with alone(name, lease, now=now) as mine:
            if mine:
                work(now)
    finally:
        lock.release()
    return mine
