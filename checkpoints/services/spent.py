"""How many calls each endpoint's credentials make: counted in the process, added up in the database."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db.models import F

from checkpoints.models import Endpoint, HourlyCalls
from checkpoints.services import calls as totals

HOUR = 3600
KEPT_FOR = timedelta(days=30)

_lock = Lock()
_flushed = float("-inf")
_counted: Counter[tuple[UUID, int]] = Counter()


def count(endpoint: UUID) -> None:
    """Count one call; costs no query."""
    with _lock:
        _counted[endpoint, int(time.time()) // HOUR] += 1


def flush(every: float = 0) -> None:
    """Add what was counted to the database, unless that was done less than `every` seconds ago.

    What is older than KEPT_FOR is dropped. The totals that /metrics tells are added up with it.
    """
    global _flushed  # noqa: PLW0603 - one per process, like what it counts
    with _lock:
        if time.monotonic() - _flushed < every:
            return
        _flushed = time.monotonic()
        counted = dict(_counted)
        _counted.clear()
    there = set(Endpoint.objects.filter(pk__in={pk for pk, _ in counted}).values_list("pk", flat=True))
    for (pk, hour), calls in counted.items():
        if pk in there:
            begin = datetime.fromtimestamp(hour * HOUR, UTC)
            row, _ = HourlyCalls.objects.get_or_create(endpoint_id=pk, hour=begin)
            HourlyCalls.objects.filter(pk=row.pk).update(calls=F("calls") + calls)
            HourlyCalls.objects.filter(endpoint_id=pk, hour__lt=begin - KEPT_FOR).delete()
    totals.flush()
