"""Is anyone consuming? The evidence comes from stored readings, fresh checkpoints and our own writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from checkpoints import sls
from checkpoints.domain.activity import FLUSH, Activity, ActivitySample, activity
from checkpoints.models import ConsumerGroup, ShardReset
from checkpoints.services.aims import position_of

TIMEOUT = timedelta(seconds=60)
"""The timeout of a group whose own is not known: the longest default of the client libraries."""
Look = tuple[datetime, Sequence[sls.Checkpoint]]


def timeout_of(group: ConsumerGroup) -> timedelta:
    """Return how long the service waits for a silent consumer of this group."""
    return TIMEOUT if group.timeout_seconds is None else timedelta(seconds=group.timeout_seconds)


def judge(group: ConsumerGroup, looks: Sequence[Look], ends: Mapping[int, int], *, now: datetime) -> Activity:
    """Return whether anybody consumes the group; `looks` are fresh, `ends` are the ends just read."""
    window = now - max(timeout_of(group), FLUSH)
    samples = [*_stored(group, window, now)]
    unread = {(one.shard, one.position): one.unread_since for one in samples}
    behind = {one.shard: one.position for one in samples if one.at_end is False}
    for at, checkpoints in looks:
        for found in checkpoints:
            position = position_of(found.checkpoint)
            at_end = None
            if found.shard in ends:
                at_end = position is not None and position >= ends[found.shard]
            elif position is not None and behind.get(found.shard) == position:
                at_end = False
            since = unread.get((found.shard, position))
            samples.append(
                ActivitySample(at, found.shard, found.updated_at, position, found.consumer, at_end, since)
            )
    return activity(samples, now=now, group_timeout=timeout_of(group), own_writes=_own(group, now))


def _stored(group: ConsumerGroup, since: datetime, now: datetime) -> Iterable[ActivitySample]:
    for reading in group.readings.filter(taken_at__gte=since, taken_at__lt=now).order_by("taken_at"):
        for fact in reading.facts():
            position = position_of(fact.checkpoint or "")
            at_end = None if position is None or fact.end is None else position >= fact.end
            yield ActivitySample(
                at=reading.taken_at,
                shard=fact.shard,
                updated_at=fact.updated_at,
                position=position,
                consumer=fact.consumer,
                at_end=at_end,
                unread_since=fact.unread_at,
            )


def _own(group: ConsumerGroup, now: datetime) -> list[tuple[int, datetime]]:
    """Return when this product wrote to which shard lately: those saves are no sign of a consumer."""
    since = now - timedelta(hours=1)
    rows = ShardReset.objects.filter(reset__group=group, sent_at__gte=since)
    return [
        (shard, at)
        for shard, sent, settled in rows.values_list("shard", "sent_at", "settled_at")
        for at in (sent, settled)
        if at is not None
    ]
