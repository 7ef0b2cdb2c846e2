"""Readings as samples of the history; those that are looked at again are not parsed again.

Only the database tells which readings there are. A stored reading never changes, so its sample may be kept:
the chart of a group on somebody's page asks for the same twenty readings every minute.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from django.db.models import QuerySet

from checkpoints.domain import history, lag, rollup
from checkpoints.domain.history import Sample
from checkpoints.models import ConsumerGroup, Reading
from checkpoints.queries.prepared import Prepared, aware

MOST_SHARDS = 50_000
"""How many shards all kept samples have together: some 20 MB."""
Key = tuple[int, datetime]  # reading, and when it was taken


class _Kept:
    """The samples asked for last, as many as have MOST_SHARDS shards."""

    def __init__(self) -> None:
        self._samples: OrderedDict[Key, Sample] = OrderedDict()
        self._shards = 0
        self._lock = Lock()

    def get(self, key: Key) -> Sample | None:
        with self._lock:
            if (sample := self._samples.get(key)) is not None:
                self._samples.move_to_end(key)
            return sample

    def clear(self) -> None:
        with self._lock:
            self._samples.clear()
            self._shards = 0

    def put(self, key: Key, sample: Sample) -> None:
        with self._lock:
            if key in self._samples:
                return
            self._samples[key] = sample
            self._shards += len(sample.shards)
            while self._shards > MOST_SHARDS:
                _, oldest = self._samples.popitem(last=False)
                self._shards -= len(oldest.shards)


_kept = _Kept()


def forget() -> None:
    """Keep nothing any more: a database that was put in the place of another may use the same numbers."""
    _kept.clear()


def sample_of(reading: Reading) -> Sample:
    """Return a reading as a sample; nothing that is kept depends on the retention."""
    facts = reading.facts()
    lags = [lag.assess(fact, now=reading.taken_at, retention=None) for fact in facts]
    return history.sample(reading.taken_at, facts, lags)


def samples_of(group: ConsumerGroup, start: datetime) -> tuple[list[Sample], list[Sample]]:
    """Return the readings of a group from a time on, and up to rollup.BEFORE ahead of them, oldest first.

    All that are stored are looked through, in their index: they are those of an hour, or of a day at most.
    """
    keys: list[Key] = [(pk, aware(at)) for pk, at in _KEYS.rows(group.pk)]
    first = next((place for place, (_, at) in enumerate(keys) if at >= start), len(keys))
    found = _found(keys[max(0, first - rollup.BEFORE) :])
    return [found[key] for key in keys[:first] if key in found], [
        found[key] for key in keys[first:] if key in found
    ]


def _keys(group: int) -> QuerySet[Any, Any]:
    return Reading.objects.filter(group=group).order_by("taken_at").values_list("pk", "taken_at")


_KEYS = Prepared(_keys)


def _found(keys: Sequence[Key]) -> dict[Key, Sample]:
    """Return the samples of readings; one may have been pruned meanwhile."""
    found = {key: sample for key in keys if (sample := _kept.get(key)) is not None}
    missing = [pk for pk, at in keys if (pk, at) not in found]
    for reading in Reading.objects.filter(pk__in=missing) if missing else ():
        key = reading.pk, reading.taken_at
        found[key] = sample_of(reading)
        _kept.put(key, found[key])
    return found
