"""The newest history of a group, as costs need it; only selects."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from checkpoints.domain import positions
from checkpoints.domain.pace import Mark
from checkpoints.models import ConsumerGroup, Reading, ShardReset

APART = timedelta(seconds=30)


def tracks(group: ConsumerGroup, shards: Collection[int], *, since: datetime) -> dict[int, list[Mark]]:
    """Return the marks of these shards, oldest first; readings closer than 30 s to another are left out."""
    found: dict[int, list[Mark]] = {shard: [] for shard in shards}
    for reading in Reading.objects.filter(pk__in=_apart(group, since)).order_by("taken_at"):
        for fact in reading.facts():
            if fact.shard in found:
                at = _position(fact.checkpoint)
                mark = Mark(reading.taken_at, at, fact.begin, fact.end, fact.unread_at)
                found[fact.shard].append(mark)
    return found


def resets(group: ConsumerGroup, *, since: datetime) -> list[tuple[int, datetime]]:
    """Return which shards this product moved when."""
    rows = ShardReset.objects.filter(reset__group=group, sent_at__gte=since)
    return [(shard, at) for shard, at in rows.values_list("shard", "sent_at") if at is not None]


def _apart(group: ConsumerGroup, since: datetime) -> list[int]:
    chosen: list[int] = []
    last: datetime | None = None
    rows = group.readings.filter(taken_at__gte=since).order_by("taken_at").values_list("pk", "taken_at")
    for pk, at in rows:
        if last is None or at - last >= APART:
            chosen.append(pk)
            last = at
    return chosen


def _position(checkpoint: str | None) -> int | None:
    try:
        return positions.decode(checkpoint) if checkpoint else None
    except positions.Undecodable:
        return None
