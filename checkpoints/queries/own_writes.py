"""What this product wrote itself: no sign of a consumer, and no foreign move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from checkpoints.domain.moves import OwnWrite
from checkpoints.models import ConsumerGroup, ShardReset


def own_writes(groups: Iterable[ConsumerGroup], since: datetime) -> defaultdict[int, list[OwnWrite]]:
    """Return what we wrote, by group id."""
    found: defaultdict[int, list[OwnWrite]] = defaultdict(list)
    rows = sent({group.pk for group in groups}, since)
    for group, shard, *times, after in rows.values_list(
        "reset__group", "shard", "sent_at", "settled_at", "after"
    ):
        found[group] += at_times(shard, times, after)
    return found


def sent(groups: Collection[int], since: datetime) -> QuerySet[ShardReset]:
    """Return the writes that may have changed something."""
    rows = ShardReset.objects.filter(reset__group__in=groups, sent_at__gte=since)
    return rows.exclude(outcome=ShardReset.Outcome.REFUSED)


def at_times(shard: int, times: Iterable[datetime | None], after: Mapping[str, Any]) -> list[OwnWrite]:
    """Return a write for each time it may have happened: when it was sent and, late, when it was settled."""
    return [OwnWrite(shard, at.timestamp(), int(after["position"])) for at in times if at is not None]
