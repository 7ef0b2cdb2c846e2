"""What the history of one shard shows: moves, pauses, saves, and moves that were not ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from checkpoints.domain.lag import State

SKEW = timedelta(seconds=5)
"""How far our clock and that of SLS may differ when two times are taken for the same event."""


@dataclass(frozen=True, slots=True)
class ShardSample:
    """One shard of a group at one instant, as kept in the history."""

    shard: int
    state: State
    position: int | None
    end: int | None
    updated_at: datetime | None
    consumer: str
    backlog: int | None
    lag_seconds: float | None


@dataclass(frozen=True)
class Sample:
    """All shards of a group at one instant."""

    at: datetime
    shards: tuple[ShardSample, ...]


@dataclass(frozen=True)
class Thresholds:
    """Where words begin.

    `late`: the unread age from which a shard counts as behind. `window`: how far back a trend looks.
    `min_samples`: how many readings a trend needs. `flush`: the longest any client waits before it saves.
    Data loss is near below `loss_share` of the retention or below `loss_floor`.
    """

    late: timedelta = timedelta(seconds=300)
    window: timedelta = timedelta(minutes=15)
    min_samples: int = 3
    flush: timedelta = timedelta(seconds=60)
    loss_share: float = 0.1
    loss_floor: timedelta = timedelta(hours=6)

    def silence(self, group_timeout: timedelta) -> timedelta:
        """Return how long nothing may be saved before that means something."""
        return max(2 * group_timeout, 3 * self.flush)


class Point(NamedTuple):
    """One shard at one time."""

    at: datetime
    seen: ShardSample

    @property
    def position(self) -> int | None:
        """The checkpoint's position."""
        return self.seen.position


@dataclass(frozen=True)
class Trail:
    """The known points of one shard, oldest first.

    `points`: in the window and after our last reset. `whole`: in the window. `history`: after our last reset.
    """

    points: tuple[Point, ...]
    whole: tuple[Point, ...]
    history: tuple[Point, ...]
    resets: tuple[datetime, ...]

    def covers(self, span: timedelta, least: int) -> bool:
        """Whether there are `least` points and they reach over `span`."""
        return len(self.points) >= max(least, 1) and self.points[-1].at - self.points[0].at >= span

    def saved_at(self) -> datetime | None:
        """Return when the checkpoint was last saved."""
        return self.points[-1].seen.updated_at if self.points else None

    def pause(self) -> tuple[Point, ...]:
        """Return the newest run of points during which the checkpoint did not move."""
        run: list[Point] = []
        for point in reversed(self.points):
            if run and point.position != run[0].position:
                break
            run.append(point)
        return tuple(reversed(run))

    def saved_within(self, run: Sequence[Point]) -> bool:
        """Whether something was saved during a run of points."""
        return len({point.seen.updated_at for point in run}) > 1

    def end_moved(self, run: Sequence[Point]) -> bool:
        """Whether log groups arrived during a run of points."""
        return len({point.seen.end for point in run}) > 1

    def drain(self) -> float | None:
        """Return by how many log groups a second the backlog shrinks; negative when it grows."""
        known = [point for point in self.points if point.seen.backlog is not None]
        if len(known) < 2 or known[-1].at <= known[0].at:
            return None
        fallen = (known[0].seen.backlog or 0) - (known[-1].seen.backlog or 0)
        return fallen / (known[-1].at - known[0].at).total_seconds()

    def own(self, updated_at: datetime | None) -> bool:
        """Whether the last save was ours."""
        return updated_at is not None and any(abs(updated_at - reset) <= SKEW for reset in self.resets)

    def moved_by_others(self, grace: timedelta) -> bool:
        """Whether the checkpoint went back without a reset of ours at most `grace` earlier."""
        return any(
            not any(before.at - SKEW - grace <= reset <= after.at + SKEW for reset in self.resets)
            for before, after in pairwise(self.whole)
            if _went_back(before, after)
        )

    def saves_rarely(self, late: timedelta, now: datetime) -> bool:
        """Whether the checkpoint moves in steps, each to the end, with waits of at least `late` between."""
        jumps = list(self._jumps())
        if len(jumps) < 2 or not all(_near_end(point, late) for point in jumps):
            return False
        widest = max(after.at - before.at for before, after in pairwise(jumps))
        between = [point for point in self.history if jumps[0].at < point.at < jumps[-1].at]
        waiting = sum(bool(point.seen.backlog) for point in between)
        return widest >= late and now - jumps[-1].at <= 1.5 * widest and 2 * waiting > len(between)

    def _jumps(self) -> Iterator[Point]:
        for before, after in pairwise(self.history):
            if _went_back(after, before):
                yield after


def follow(
    samples: Sequence[Sample],
    shards: Iterable[int],
    resets: Sequence[tuple[int, datetime]],
    since: datetime,
) -> dict[int, Trail]:
    """Return the trail of each shard, its window from `since` on, without the readings that failed."""
    known: dict[int, list[Point]] = {shard: [] for shard in shards}
    for sample in samples:
        for seen in sample.shards:
            if seen.state is not State.UNKNOWN and seen.shard in known:
                known[seen.shard].append(Point(sample.at, seen))
    return {shard: _trail(points, shard, resets, since) for shard, points in known.items()}


def _trail(
    known: Sequence[Point], shard: int, resets: Sequence[tuple[int, datetime]], since: datetime
) -> Trail:
    ours = tuple(sorted(at for number, at in resets if number == shard))
    whole = tuple(point for point in known if point.at >= since)
    if not ours:
        return Trail(whole, whole, tuple(known), ours)
    history = tuple(point for point in known if point.at > ours[-1])
    points = tuple(point for point in history if point.at >= since)
    return Trail(points, whole, history, ours)


def _went_back(before: Point, after: Point) -> bool:
    old, new = before.seen.position, after.seen.position
    return old is not None and new is not None and new < old


def _near_end(point: Point, late: timedelta) -> bool:
    if point.seen.state in (State.CAUGHT_UP, State.FINISHED, State.EMPTY):
        return True
    return point.seen.lag_seconds is not None and point.seen.lag_seconds <= late.total_seconds()
