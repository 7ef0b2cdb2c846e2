"""One group with a row per shard, from its last reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from checkpoints.domain import lag
from checkpoints.domain.lag import GroupLag, ShardFacts, ShardLag, State
from checkpoints.domain.tide import Tide, tide
from checkpoints.models import ConsumerGroup, Reset
from checkpoints.queries.risk import risk

LATE = {State.BEHIND, State.AT_BEGIN, State.EXPIRED, State.INVALID, State.UNKNOWN, State.NEVER_SAVED}


@dataclass(frozen=True)
class ShardRow:
    """A shard as the table shows it; `tone` colours the unread part of its bar."""

    facts: ShardFacts
    lag: ShardLag
    tide: Tide | None
    tone: str
    risk: str
    last_known: ShardLag | None
    last_known_at: datetime | None

    @property
    def is_late(self) -> bool:
        return self.lag.state in LATE


@dataclass(frozen=True)
class GroupView:
    """A group with its shards; `as_of` is None when it was never read."""

    group: ConsumerGroup
    as_of: datetime | None
    total: GroupLag
    shards: list[ShardRow]
    late: int
    finished: list[ShardRow]
    consumers: list[str]
    resets: list[Reset]


def find() -> QuerySet[ConsumerGroup]:
    """Return groups with all they belong to; those of a removed endpoint are not shown."""
    return ConsumerGroup.objects.select_related("logstore__project__endpoint").filter(
        logstore__project__endpoint__removed_at=None
    )


def view(group: ConsumerGroup, *, now: datetime, only_late: bool = False) -> GroupView:
    """Return the page of a group from its last readings; nothing is asked of the service."""
    readings = list(group.readings.order_by("-taken_at")[:2])
    retention = _retention(group)
    earlier = {fact.shard: fact for fact in readings[1].facts()} if len(readings) > 1 else {}
    facts = readings[0].facts() if readings else []
    lags = [lag.assess(fact, now=now, retention=retention) for fact in facts]
    rows = [
        _row(
            fact,
            found,
            retention,
            _before(found, earlier.get(fact.shard), now, retention),
            readings[-1].taken_at,
        )
        for fact, found in zip(facts, lags, strict=True)
    ]
    done = [row for row in rows if row.lag.state is State.FINISHED]
    open_ones = [row for row in rows if row.lag.state is not State.FINISHED]
    return GroupView(
        group=group,
        as_of=readings[0].taken_at if readings else None,
        total=lag.total(lags),
        shards=[row for row in open_ones if row.is_late or not only_late],
        late=sum(row.is_late for row in open_ones),
        finished=done,
        consumers=sorted({row.facts.consumer for row in rows if row.facts.consumer}),
        resets=list(group.resets.order_by("-started_at")[:5]),
    )


def _retention(group: ConsumerGroup) -> timedelta | None:
    days = group.logstore.retention_days
    return None if days is None else timedelta(days=days)


def _before(
    found: ShardLag, earlier: ShardFacts | None, now: datetime, retention: timedelta | None
) -> ShardLag | None:
    """Return what was last known of a shard that could not be read this time."""
    if found.state is not State.UNKNOWN or earlier is None:
        return None
    known = lag.assess(earlier, now=now, retention=retention)
    return None if known.state is State.UNKNOWN else known


def _row(
    fact: ShardFacts, found: ShardLag, retention: timedelta | None, known: ShardLag | None, known_at: datetime
) -> ShardRow:
    near = risk(found.data_loss_in, retention=retention)
    bad = found.state is State.EXPIRED or near == "bad"
    bar = tide(fact.begin, fact.end, found.position, lost=found.lost)
    return ShardRow(fact, found, bar, "bad" if bad else "", near, known, known_at if known else None)
