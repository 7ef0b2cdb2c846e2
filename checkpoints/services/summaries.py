"""Stores a reading and the summary of its group that pages sort by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from checkpoints.domain import lag, verdicts
from checkpoints.domain.lag import GroupLag, ShardFacts, ShardLag
from checkpoints.domain.verdicts import GroupVerdict, Sample, ShardSample
from checkpoints.models import ConsumerGroup, Logstore, Reading, ShardReset
from checkpoints.models.facts import dump

# What a verdict looks back on, and so what is kept for now.
HISTORY = timedelta(hours=1)
LOOK_BACK = timedelta(minutes=20)
DEFAULT_TIMEOUT = timedelta(seconds=60)


def retention(logstore: Logstore) -> timedelta | None:
    """Return how long the Logstore keeps data, None when that is not known."""
    return None if logstore.retention_days is None else timedelta(days=logstore.retention_days)


def latest_readings(logstore: Logstore) -> dict[int, Reading]:
    """Return the latest reading of each group of the Logstore, by group id."""
    newest = (
        Reading.objects.filter(group__logstore=logstore)
        .values("group")
        .annotate(at=Max("taken_at"))
        .order_by()
    )
    wanted = {row["group"]: row["at"] for row in newest}
    found = Reading.objects.filter(group__in=wanted, taken_at__in=set(wanted.values()))
    return {row.group_id: row for row in found if row.taken_at == wanted[row.group_id]}


def keep(group: ConsumerGroup, facts: Sequence[ShardFacts], *, now: datetime) -> Reading:
    """Store a reading of the group and judge the group by it and by the readings before it."""
    stored = Reading.objects.create(group=group, taken_at=now, shards=dump(facts))
    lags = [lag.assess(fact, now=now, retention=retention(group.logstore)) for fact in facts]
    history = group.readings.filter(taken_at__gte=now - LOOK_BACK).order_by("taken_at")
    samples = [sample_of(group, reading) for reading in history]
    verdict = verdicts.judge(
        samples,
        lags,
        now=now,
        group_timeout=timeout_of(group),
        retention=retention(group.logstore),
        own_resets=own_resets(group, now - LOOK_BACK),
    )
    _summarise(group, facts, lag.total(lags), verdict, now)
    return stored


def sample_of(group: ConsumerGroup, reading: Reading) -> Sample:
    """Return a stored reading as one point of the history that verdicts look at."""
    assessed = [
        (fact, lag.assess(fact, now=reading.taken_at, retention=retention(group.logstore)))
        for fact in reading.facts()
    ]
    return Sample(reading.taken_at, tuple(_shard_sample(fact, found) for fact, found in assessed))


def timeout_of(group: ConsumerGroup) -> timedelta:
    """Return after how long without a heartbeat the service drops a consumer of this group."""
    return timedelta(seconds=group.timeout_seconds) if group.timeout_seconds else DEFAULT_TIMEOUT


def own_resets(group: ConsumerGroup, since: datetime) -> list[tuple[int, datetime]]:
    """Return (shard, when) of what we wrote ourselves, so that it is not taken for a foreign move."""
    sent = ShardReset.objects.filter(reset__group=group, sent_at__gte=since)
    return [(shard, at) for shard, at in sent.values_list("shard", "sent_at") if at is not None]


def prune(logstore: Logstore, *, now: datetime) -> None:
    """Delete readings older than verdicts need, but never the latest of a group."""
    latest = [reading.pk for reading in latest_readings(logstore).values()]
    old = Reading.objects.filter(group__logstore=logstore, taken_at__lt=now - HISTORY)
    old.exclude(pk__in=latest).delete()


def _shard_sample(fact: ShardFacts, found: ShardLag) -> ShardSample:
    return ShardSample(
        shard=fact.shard,
        state=found.state,
        position=found.position,
        end=fact.end,
        updated_at=fact.updated_at,
        consumer=fact.consumer,
        backlog=found.backlog,
        lag_seconds=None if found.lag is None else found.lag.total_seconds(),
    )


def _summarise(
    group: ConsumerGroup, facts: Iterable[ShardFacts], total: GroupLag, verdict: GroupVerdict, now: datetime
) -> None:
    facts = list(facts)
    commits = [fact.updated_at for fact in facts if fact.updated_at is not None]
    summary: dict[str, Any] = {
        "read_at": now,
        "verdict": verdict.verdict.value,
        "severity": verdicts.severity(verdict.verdict),
        "reasons": [reason.dump() for reason in verdict.reasons],
        "verdict_complete": verdict.complete,
        "backlog": total.backlog,
        "lag_seconds": None if total.lag is None else total.lag.total_seconds(),
        "lag_is_lower_bound": total.lag_is_lower_bound,
        "oldest_unread_at": None if total.unread_age is None else now - total.unread_age,
        "data_loss_at": None if total.data_loss_in is None else now + total.data_loss_in,
        "lost": total.lost,
        "shard_count": len(facts),
        "consumer_count": len({fact.consumer for fact in facts if fact.consumer}),
        "last_commit_at": max(commits, default=None),
        "problem": None,
        "problem_at": None,
    }
    ConsumerGroup.objects.filter(pk=group.pk).update(**summary)
    for name, value in summary.items():
        setattr(group, name, value)
