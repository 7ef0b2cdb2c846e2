"""One group with a row per shard, from its last reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import BigIntegerField, QuerySet, Value

from checkpoints.domain import lag, last_known
from checkpoints.domain.alerting import OPEN
from checkpoints.domain.lag import GroupLag, ShardFacts, State
from checkpoints.domain.skew import Skew, skew
from checkpoints.models import Alert, ConsumerGroup, Label, Pin, Reading
from checkpoints.queries.prepared import Prepared
from checkpoints.queries.shards import ShardRow, rows
from checkpoints.queries.thresholds import thresholds


@dataclass(frozen=True)
class Consumer:
    """A consumer and the shards it holds; `name` is "" for the shards that nobody holds."""

    name: str
    shards: list[int]
    backlog: int | None
    last_commit_at: datetime | None


@dataclass(frozen=True)
class GroupView:
    """A group with its shards; `as_of` is None when it was never read.

    `is_old`: nobody knows whether it still is so. `is_silent`: no shard can be read any more, and `failing`
    is why.
    """

    group: ConsumerGroup
    as_of: datetime | None
    is_old: bool
    is_silent: bool
    failing: str
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


class OpenAlert(NamedTuple):
    """An alert of a group that is not over."""

    pk: int
    rule: str
    state: str


class Trouble(NamedTuple):
    """The JSON of the problem that keeps a group from being read, None when it is not known, and its time."""

    problem: dict[str, Any] | None
    at: datetime | None


@dataclass(frozen=True)
class Kept:
    """The labels of a group, which all share, whether one user has pinned it, and its open alerts."""

    labels: list[str]
    is_pinned: bool
    alerts: list[OpenAlert]


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
    found = [OpenAlert._make(row) for row in _KEPT.rows(group.pk, user.pk or 0)]
    alerts = [one for state in OPEN for one in sorted(found) if one.state == state]
    others = [one.rule for one in found if not one.state]
    return Kept(sorted(filter(None, others)), "" in others, alerts)


def _kept_of(group: int, user: int) -> QuerySet[Any, Any]:
    """Return the open alerts of a group, its labels, and "" when the user has pinned it."""
    none, text = Value(0, output_field=BigIntegerField()), Value("")
    alerts = Alert.objects.filter(group=group, state__in=OPEN).order_by()
    labels = Label.objects.filter(group=group).order_by().values_list(none, "name", text)
    pins = Pin.objects.filter(group=group, user=user).order_by().values_list(none, text, text)
    return alerts.values_list("pk", "rule__name", "state").union(labels, pins, all=True)


_KEPT = Prepared(_kept_of)


def view(
    group: ConsumerGroup, *, now: datetime, only_late: bool = False, is_stale: bool = False
) -> GroupView:
    """Return the page of a group from its last readings; nothing is asked of the service.

    What is too old to say anything of now (`is_stale`), and what is left while nothing can be read, is told
    as it was when it was read: nobody knows how it went on.
    """
    seen = _seen(list(group.readings.order_by("-taken_at")[:2]), now)
    limits, then = thresholds(), seen.as_of if is_stale or seen.is_silent else now
    found = rows(group, seen.facts, now=then, as_of=seen.as_of, limits=limits)
    done = [row for row in found if row.lag.state is State.FINISHED]
    open_ones = [row for row in found if row.lag.state is not State.FINISHED]
    late = [row for row in open_ones if row.is_late]
    return GroupView(
        group=group,
        as_of=seen.as_of if seen.is_there else None,
        is_old=seen.is_there and (is_stale or seen.is_silent),
        is_silent=seen.is_silent,
        failing=seen.failing,
        total=lag.total([row.lag for row in found]),
        shards=late if only_late else open_ones,
        late=len(late),
        finished=done,
        consumers=_consumers(open_ones),
        unread_skew=skew(_backlogs(open_ones)) if late else None,
        written_skew=skew(_written(open_ones, seen.earlier)),
        lost_for=max((row.lost_for for row in found if row.lost_for is not None), default=None),
    )


def trouble(view: GroupView) -> Trouble | None:
    """Return why the group was not read lately: its own problem, else that of what it belongs to.

    None when it was, and of a group that is gone: that is reason enough.
    """
    group, endpoint = view.group, view.group.endpoint
    if group.vanished_at:
        return None
    if group.problem:
        return Trouble(group.problem, group.problem_at)
    if not view.is_old:
        return None
    if endpoint.problem:
        return Trouble(endpoint.problem, endpoint.problem_at)
    return Trouble(group.logstore.problem, None)


@dataclass(frozen=True)
class _Seen:
    """What the last readings tell; `is_silent`: nothing of the newest could be read, `failing` is why."""

    facts: Sequence[ShardFacts]
    as_of: datetime
    is_there: bool = False
    earlier: Mapping[int, ShardFacts] = field(default_factory=dict)
    is_silent: bool = False
    failing: str = ""


def _seen(readings: Sequence[Reading], now: datetime) -> _Seen:
    if not readings:
        return _Seen([], now)
    facts, before = readings[0].facts(), readings[-1].facts() if len(readings) > 1 else []
    facts = last_known.keep(facts, before, readings[-1].taken_at)
    if not last_known.nothing_is(facts):
        return _Seen(facts, readings[0].taken_at, True, {fact.shard: fact for fact in before})
    return _Seen(
        last_known.as_they_were(facts),
        as_of=min(fact.before_at for fact in facts if fact.before_at is not None),
        is_there=True,
        is_silent=True,
        failing=next((fact.error for fact in facts if fact.error), ""),
    )


def _consumers(shards: Sequence[ShardRow]) -> list[Consumer]:
    """Return who holds which shards, nobody last; shards whose owner could not be read are left out."""
    held = defaultdict(list)
    for row in shards:
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


def _backlogs(rows: Sequence[ShardRow]) -> dict[int, int]:
    return {row.facts.shard: row.lag.backlog for row in rows if row.lag.backlog is not None}


def _written(rows: Sequence[ShardRow], earlier: Mapping[int, ShardFacts]) -> dict[int, int]:
    """Return the log groups written to each shard between the last two readings."""
    ends = [(row.facts, earlier.get(row.facts.shard)) for row in rows]
    return {
        now.shard: max(0, now.end - before.end)
        for now, before in ends
        if before is not None and now.end is not None and before.end is not None
    }
