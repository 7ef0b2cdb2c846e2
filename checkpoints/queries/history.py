"""The history of a group as charts with their marks, and the small lines of many groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from checkpoints.domain import charts, sparks
from checkpoints.domain.charts import Chart, Flag, Wanted, XTick
from checkpoints.domain.history import Mark, Total
from checkpoints.domain.messages import Message, say
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.rollup import roll_marks
from checkpoints.domain.series import Series, Span, eta, series
from checkpoints.domain.sparks import Spark
from checkpoints.models import ConsumerGroup, GroupHistory
from checkpoints.queries import own_writes, pace
from checkpoints.queries.past import past
from checkpoints.queries.prepared import Prepared, aware, from_json, uuid
from checkpoints.queries.thresholds import thresholds

NEWEST, MOST = 6, 60
BEFORE = timedelta(hours=1)
"""How long before a span our resets still matter to what is seen in it."""


@dataclass(frozen=True)
class Event:
    """Something marked on the charts; `x` is in per cent, `reset` is set when it was ours."""

    at: datetime
    x: float
    kind: str
    words: Message
    reset: UUID | None = None


@dataclass(frozen=True)
class Row:
    """A row of the table that says the same as the charts."""

    at: datetime
    point: Total


@dataclass(frozen=True)
class HistoryView:
    """A group, or one of its shards, over a span; `begins_at` is set when its history is shorter."""

    span: Span
    shard: int | None
    shards: list[int]
    series: Series
    ticks: list[XTick]
    events: list[Event]
    caught_up: Message | None
    begins_at: datetime | None
    as_of: datetime | None

    # Each chart is drawn when it is shown: the page of a group shows only the first.

    @cached_property
    def lag(self) -> Chart:
        """The greatest and the least lag."""
        return charts.chart(self.series, "duration", [_LAG])

    @cached_property
    def backlog(self) -> Chart:
        """The greatest and the least backlog."""
        return charts.chart(self.series, "count", [_BACKLOG])

    @cached_property
    def rates(self) -> Chart:
        """What was written and what was consumed."""
        return charts.chart(self.series, "rate", [_DRAINED, _WRITTEN])

    @property
    def query(self) -> str:
        """The query of the address of this view."""
        return f"?span={self.span.name}" + ("" if self.shard is None else f"&shard={self.shard}")

    @property
    def lag_now(self) -> timedelta | None:
        """The newest lag."""
        newest = self.series.newest
        return None if newest is None or newest.lag is None else timedelta(seconds=newest.lag)

    @property
    def offsets(self) -> str:
        """The seconds of each point since the start of the span, as text for the script of the page."""
        return ",".join(str(point.at - self.series.start) for point in self.series.points)

    @property
    def newest(self) -> list[Event]:
        """The events that are told at once."""
        return self.events[:NEWEST]

    @property
    def older(self) -> list[Event]:
        """The events that are folded away; those before them are only drawn."""
        return self.events[NEWEST:MOST]

    @property
    def flags(self) -> list[Flag]:
        """The letters above the marks of the charts."""
        return charts.flags((event.x, event.kind) for event in self.events)

    @property
    def kinds(self) -> list[str]:
        """The kinds of events there are."""
        return sorted({event.kind for event in self.events})

    @property
    def rows(self) -> list[Row]:
        """The rows of the table, newest first."""
        return [Row(_time(point.at), point) for point in self.series.rows()]


class _Own(NamedTuple):
    """A reset of ours: when it was first sent, to which shards, by whom, and each write."""

    reset: UUID
    at: int
    shards: tuple[int, ...]
    who: str
    writes: tuple[OwnWrite, ...]


def view(
    group: ConsumerGroup, span: Span, *, now: datetime, zone: tzinfo, shard: int | None = None
) -> HistoryView:
    """Return the charts of a group, or of one shard, over a span that ends now; its ticks lie in the zone."""
    own = _own(group, now - timedelta(seconds=span.seconds) - BEFORE)
    stored = past(group, span, now=now, own=[write for one in own for write in one.writes], shard=shard)
    until = int(now.timestamp())
    found = series(stored.points, span, now=until)
    begins_at = stored.begins_at
    return HistoryView(
        span=span,
        shard=shard,
        shards=stored.shards,
        series=found,
        ticks=charts.time_ticks(found, zone),
        events=_events(
            found,
            roll_marks(stored.marks, span.width),
            [one for one in own if shard is None or shard in one.shards],
        ),
        caught_up=pace.caught_up(group, now=now) if shard is None else _caught_up(stored.points, until),
        begins_at=begins_at if begins_at and begins_at.timestamp() > found.start else None,
        as_of=_time(found.newest.at) if found.newest else None,
    )


_LAG = Wanted("lag", say("Lag"), lambda point: point.lag, lambda point: point.lag_low, is_bounded=True)
_BACKLOG = Wanted("backlog", say("Backlog"), lambda point: point.backlog, lambda point: point.backlog_low)
_DRAINED = Wanted("drained", say("Consumed"), lambda point: point.drain_rate, is_rate=True)
_WRITTEN = Wanted("written", say("Written"), lambda point: point.write_rate, is_rate=True)


def _caught_up(points: Sequence[Total], now: int) -> Message | None:
    """Tell when a late shard has caught up; the backlog of one that keeps up only goes up and down."""
    if not points or (points[-1].lag or 0) < thresholds().late.total_seconds():
        return None
    found = eta([(point.at, point.backlog) for point in points], now=now)
    return found.words if found else None


def sparks_of(groups: Collection[int], *, now: datetime) -> dict[int, Spark]:
    """Return the small line of each group, in one query; that of a group without history is empty."""
    stored = GroupHistory.objects.filter(pk__in=groups).values_list("pk", "recent")
    found = {pk: sparks.read(bytes(recent)) for pk, recent in stored}
    return {pk: sparks.sparkline(found.get(pk, []), now=int(now.timestamp())) for pk in groups}


def _own(group: ConsumerGroup, since: datetime) -> list[_Own]:
    found: dict[UUID, _Own] = {}
    for row in _SENT.rows(group.pk, since):
        pk, who, shard, after = uuid(row[0]), row[1], row[2], from_json(row[5])
        writes = own_writes.at_times(shard, map(aware, row[3:5]), after)
        one = found.get(pk) or _Own(pk, int(writes[0].at), (), who, ())
        found[pk] = one._replace(shards=(*one.shards, shard), writes=(*one.writes, *writes))
    return list(found.values())


def _sent(group: int, since: datetime) -> QuerySet[Any, Any]:
    rows = own_writes.sent([group], since).order_by("sent_at")
    return rows.values_list("reset", "reset__actor_name", "shard", "sent_at", "settled_at", "after")


_SENT = Prepared(_sent)
_KINDS = {"ahead": "foreign"}


def _events(found: Series, marks: Sequence[Mark], own: Sequence[_Own]) -> list[Event]:
    """Return all that is marked within the span, newest first."""
    events = [_event(found, mark.at, _KINDS.get(mark.kind, mark.kind), _words(mark)) for mark in marks]
    events += [_event(found, one.at, "reset", _by(one), one.reset) for one in own]
    return sorted((one for one in events if 0 <= one.x <= 100), key=lambda one: one.at, reverse=True)


def _event(found: Series, at: int, kind: str, words: Message, reset: UUID | None = None) -> Event:
    return Event(_time(at), charts.x_of(at, found), kind, words, reset)


def _by(one: _Own) -> Message:
    return say("Reset by %(who)s, shards: %(shards)s", who=one.who, shards=_list(one.shards))


def _words(mark: Mark) -> Message:
    shards, who = _list(mark.shards), mark.who
    if mark.kind == "foreign" and who:
        return say("Went back by no reset of ours, owner %(who)s, shards: %(shards)s", who=who, shards=shards)
    if mark.kind == "foreign":
        return say("Went back by no reset of ours, owner unknown, shards: %(shards)s", shards=shards)
    if mark.kind == "ahead":
        return say("Jumped ahead by no reset of ours, shards: %(shards)s", shards=shards)
    if who:
        return say("New owner %(who)s, shards: %(shards)s", who=who, shards=shards)
    return say("No owner any more, shards: %(shards)s", shards=shards)


def _list(shards: Sequence[int]) -> str:
    """Return "0, 2, 5", shortened."""
    some = ", ".join(str(shard) for shard in sorted(shards)[:8])
    return f"{some} …" if len(shards) > 8 else some


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
