"""Is anyone consuming? The evidence comes from stored readings, fresh checkpoints and our own writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache

from checkpoints import sls
from checkpoints.domain.activity import Activity, ActivitySample, activity, quiet_after
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.queries.own_writes import own_writes
from checkpoints.services.aims import iso, position_of
from checkpoints.services.connections import connect
from checkpoints.services.problems import explain
from checkpoints.services.sealing import Locked

JUST_NOW = timedelta(seconds=4)
Look = tuple[datetime, Sequence[sls.Checkpoint]]


def look(
    client: sls.Client, group: ConsumerGroup, body: Mapping[str, Any], clock: Callable[[], datetime]
) -> tuple[list[sls.Checkpoint], Activity]:
    """Read the checkpoints of a group now and judge by the ends of a plan; raises SLSError."""
    found = client.get_checkpoints(group.project.name, group.logstore.name, group.name).value
    ends = {line["shard"]: int(line["end"]) for line in body["shards"]}
    return found, judge(group, [(clock(), found)], ends, now=clock())


def just_now(plan: Plan, *, now: datetime) -> dict[str, Any]:
    """Return who consumes the group of a plan now, as stored evidence with "problem"; read once in 4 s."""
    key = f"activity:{plan.pk}"
    kept: dict[str, Any] | None = cache.get(key)
    if kept is None:
        try:
            _, seen = look(connect(plan.group.endpoint), plan.group, plan.body, lambda: now)
            kept = as_json(seen) | {"problem": None}
        except (sls.SLSError, Locked) as error:
            kept = {"problem": explain(error).as_json()}
        cache.set(key, kept, JUST_NOW.total_seconds())
    return kept


def as_json(seen: Activity) -> dict[str, Any]:
    """Return a verdict with its evidence as it is stored."""
    return {
        "verdict": seen.verdict.value,
        "reasons": [reason.dump() for reason in seen.reasons],
        "consumers": list(seen.consumers),
        "quiet_at": None if seen.quiet_at is None else iso(seen.quiet_at),
    }


def judge(group: ConsumerGroup, looks: Sequence[Look], ends: Mapping[int, int], *, now: datetime) -> Activity:
    """Return whether anybody consumes the group; `looks` are fresh, `ends` are the ends just read."""
    window = now - quiet_after(group.timeout)
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
    return activity(samples, now=now, group_timeout=group.timeout, own_writes=_own(group, now))


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


def _own(group: ConsumerGroup, now: datetime) -> list[tuple[int, datetime, int]]:
    """Return when this product wrote what to which shard lately: those saves are no sign of a consumer."""
    written = own_writes([group], now - timedelta(hours=1))[group.pk]
    return [(one.shard, datetime.fromtimestamp(one.at, UTC), one.position) for one in written]
