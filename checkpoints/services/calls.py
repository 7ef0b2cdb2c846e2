"""Calls to SLS by operation and answer: counted in the process, added up in the database for all of them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from threading import Lock

from django.db import DatabaseError, transaction

from checkpoints.models import CallTotal

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
LONGEST = 64


@dataclass
class Tally:
    """Calls not added to the database yet; `within` counts those of each bucket by itself."""

    calls: int = 0
    seconds: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))

    def add(self, other: Tally) -> None:
        """Take another tally in."""
        self.calls += other.calls
        self.seconds += other.seconds
        self.within = [one + more for one, more in zip(self.within, other.within, strict=True)]


_lock = Lock()
_counted: dict[tuple[str, str], Tally] = {}


def count(operation: str, code: str, seconds: float) -> None:
    """Count one call; costs no query."""
    place = bisect_left(BUCKETS, seconds)
    with _lock:
        tally = _counted.setdefault((operation[:LONGEST], code[:LONGEST]), Tally())
        tally.calls += 1
        tally.seconds += seconds
        if place < len(BUCKETS):
            tally.within[place] += 1


def flush() -> None:
    """Add what was counted to the database; what cannot be stored now is kept for the next time."""
    with _lock:
        counted = dict(_counted)
        _counted.clear()
    try:
        with transaction.atomic():
            for (operation, code), tally in sorted(counted.items()):  # in one order: nobody waits in a circle
                _store(operation, code, tally)
    except DatabaseError:
        _put(counted)
        raise


def _put(counted: dict[tuple[str, str], Tally]) -> None:
    with _lock:
        for key, tally in counted.items():
            _counted.setdefault(key, Tally()).add(tally)


def _store(operation: str, code: str, tally: Tally) -> None:
    CallTotal.objects.get_or_create(operation=operation, code=code)
    row = CallTotal.objects.select_for_update().get(operation=operation, code=code)
    stored = row.within or [0] * len(BUCKETS)
    row.calls, row.seconds = row.calls + tally.calls, row.seconds + tally.seconds
    row.within = [one + more for one, more in zip(stored, tally.within, strict=True)]
    row.save()
