"""One group with a row per shard, from its last reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet, Value

from checkpoints.domain import lag, lineage
from checkpoints.domain.lag import GroupLag, ShardFacts, ShardLag, State
from checkpoints.domain.skew import Skew, skew
from checkpoints.domain.tide import Tide, tide
from checkpoints.models import ConsumerGroup, Label, Pin
from checkpoints.queries.prepared import Prepared
from checkpoints.queries.risk import risk
from checkpoints.queries.thresholds import thresholds

LATE = {State.BEHIND, State.AT_BEGIN, State.EXPIRED, State.INVALID, State.UNKNOWN, State.NEVER_SAVED}


@dataclass(frozen=True)
class ShardRow:
    """A shard as the table shows it; `tone` colours the unread part of its bar.

    `kept_for` is the age of the oldest log group, `lost_for` how much time was lost; both when known.
    """

    facts: ShardFacts
    lag: ShardLag
    tide: Tide | None
    tone: str
    risk: str
    last_known: ShardLag | None
    last_known_at: datetime | None
    kept_for: timedelta | None
    lost_for: timedelta | None
    parents: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)

    @property
    def is_late(self) -> bool:
        return self.lag.state in LATE


@dataclass(frozen=True)
class Consumer:
    """A consumer and the shards it holds; `name` is "" for the shards that nobody holds."""

    name: str
    shards: list[int]
    backlog: int | None
    last_commit_at: datetime | None


@dataclass(frozen=True)
class GroupView:
    """A group with its shards; `as_of` is None when it was never read."""

    group: ConsumerGroup
    as_of: datetime | None
    total: GroupLag
    shards: list[ShardRow]
    late: int
    finished: list[ShardRow]
    consumers: list[Consumer]
    unread_skew: Skew | None
    written_skew: Skew | None
    lost_for: timedelta | None

    @property
    def names(self) -> list[str]:
        """The names of the consumers."""
        return [one.name for one in self.consumers if one.name]


@dataclass(frozen=True)
class Kept:
    """The labels of a group, which all share, and whether one user has pinned it."""

    labels: list[str]
    is_pinned: bool


def find() -> QuerySet[ConsumerGroup]:
    """Return groups with all they belong to; those of a removed endpoint are not shown."""
    return ConsumerGroup.objects.select_related("logstore__project__endpoint").filter(
        logstore__project__endpoint__removed_at=None
    )


def is_as_stored(group: ConsumerGroup) -> bool:
    """Say whether the group was neither read nor failed to be since it was loaded."""
    same = ConsumerGroup.objects.filter(pk=group.pk, read_at=group.read_at, problem_at=group.problem_at)
    return same.exists()


def kept(group: ConsumerGroup, user: User | AnonymousUser) -> Kept:
    """Return what people keep of a group."""
    rows = _KEPT.rows(group.pk, user.pk or 0)
    return Kept(sorted(name for name in (row[0] for row in rows) if name), any(not row[0] for row in rows))


def _kept_of(group: int, user: int) -> QuerySet[Any, Any]:
    """Return the labels of a group, and "" when the user has pinned it."""
    labels = Label.objects.filter(group=group).order_by().values_list("name")
    return labels.union(Pin.objects.filter(group=group, user=user).values_list(Value("")), all=True)


_KEPT = Prepared(_kept_of)


def view(group: ConsumerGroup, *, now: datetime, only_late: bool = False) -> GroupView:
    """Return the page of a group from its last readings; nothing is asked of the service."""
    readings = list(group.readings.order_by("-taken_at")[:2])
    retention = _retention(group)
    earlier = {fact.shard: fact for fact in readings[1].facts()} if len(readings) > 1 else {}
    facts = readings[0].facts() if readings else []
    lags = [lag.assess(fact, now=now, retention=retention) for fact in facts]
    family, limits = _Family.of(facts), thresholds()
    rows = [
        _row(
            fact,
            found,
            now,
            risk(found.data_loss_in, retention=retention, limits=limits),
            _before(found, earlier.get(fact.shard), now, retention),
            readings[-1].taken_at,
            family,
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
        consumers=_consumers(open_ones),
        unread_skew=skew(
            {row.facts.shard: row.lag.backlog for row in open_ones if row.lag.backlog is not None}
        ),
        written_skew=skew(_written(open_ones, earlier)),
        lost_for=max((row.lost_for for row in rows if row.lost_for is not None), default=None),
    )


@dataclass(frozen=True)
class _Family:
    """Parents and children of the shards that came from others or became others."""

    parents: Mapping[int, list[int]]
    children: Mapping[int, list[int]]

    @classmethod
    def of(cls, facts: Sequence[ShardFacts]) -> _Family:
        parents = lineage.nearest({fact.shard: fact.parents for fact in facts})
        children = defaultdict(list)
        for shard, above in parents.items():
            for one in above:
                children[one].append(shard)
        return cls(parents, children)


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
    fact: ShardFacts,
    found: ShardLag,
    now: datetime,
    near: str,
    known: ShardLag | None,
    known_at: datetime,
    family: _Family,
) -> ShardRow:
    bad = found.state is State.EXPIRED or near == "bad"
    return ShardRow(
        facts=fact,
        lag=found,
        tide=tide(fact.begin, fact.end, found.position, lost=found.lost),
        tone="bad" if bad else "",
        risk=near,
        last_known=known,
        last_known_at=known_at if known else None,
        kept_for=None if fact.begin_at is None else max(timedelta(0), now - fact.begin_at),
        lost_for=_lost_for(fact, found),
        parents=family.parents.get(fact.shard, []),
        children=family.children.get(fact.shard, []),
    )


def _lost_for(fact: ShardFacts, found: ShardLag) -> timedelta | None:
    """Return from when to when all was lost; the time of the checkpoint is known if it was read in time."""
    if found.state is not State.EXPIRED or fact.unread_at is None or fact.begin_at is None:
        return None
    return max(timedelta(0), fact.begin_at - fact.unread_at)


def _consumers(rows: Sequence[ShardRow]) -> list[Consumer]:
    """Return who holds which shards, nobody last; shards whose owner could not be read are left out."""
    held = defaultdict(list)
    for row in rows:
        if row.facts.checkpoint is not None:
            held[row.facts.consumer].append(row)
    return [_consumer(name, held[name]) for name in sorted(held, key=lambda name: (not name, name))]


def _consumer(name: str, rows: Sequence[ShardRow]) -> Consumer:
    backlogs = [row.lag.backlog for row in rows if row.lag.backlog is not None]
    commits = [row.facts.updated_at for row in rows if row.facts.updated_at is not None]
    return Consumer(
        name=name,
        shards=[row.facts.shard for row in rows],
        backlog=sum(backlogs) if backlogs else None,
        last_commit_at=max(commits, default=None),
    )


def _written(rows: Sequence[ShardRow], earlier: Mapping[int, ShardFacts]) -> dict[int, int]:
    """Return the log groups written to each shard between the last two readings."""
    ends = [(row.facts, earlier.get(row.facts.shard)) for row in rows]
    return {
        now.shard: max(0, now.end - before.end)
        for now, before in ends
        if before is not None and now.end is not None and before.end is not None
    }
