"""What the history of one shard shows: moves, pauses, saves, and moves that were not ours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from checkpoints.domain.lag import State
from checkpoints.domain.moves import SKEW_SECONDS, Move, OwnWrite, Place, Watcher, is_plain
from checkpoints.domain.rhythm import Step


@dataclass(frozen=True, slots=True)
class ShardSample:
    """One shard of a group at one instant, as kept in the history; `unread_at` is of its oldest unread."""

    shard: int
    state: State
    position: int | None
    end: int | None
    updated_at: datetime | None
    consumer: str
    backlog: int | None
    lag_seconds: float | None
    unread_at: datetime | None = None


class Point(NamedTuple):
    """One shard at one time."""

    at: datetime
    seen: ShardSample

    @property
    def position(self) -> int | None:
        """The checkpoint's position."""
        return self.seen.position

    @property
    def unread_for(self) -> timedelta:
        """How long something had been unread then; zero when nothing was, or when that is not known."""
        return timedelta(0) if self.seen.unread_at is None else self.at - self.seen.unread_at


@dataclass(frozen=True)
class Sample:
    """All shards of a group at one instant."""

    at: datetime
    shards: tuple[ShardSample, ...]

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Those that could be read; made once, as each verdict of the next minutes looks at them."""
        return tuple(Point(self.at, seen) for seen in self.shards if seen.state is not State.UNKNOWN)


class Flow(NamedTuple):
    """What went through a shard over some seconds, in log groups."""

    consumed: int
    written: int
    seconds: float

    @property
    def drain(self) -> float:
        """By how many log groups a second the backlog shrinks; negative when it grows."""
        return (self.consumed - self.written) / self.seconds


@dataclass(frozen=True)
class Trail:
    """The known points of one shard, oldest first.

    `points`: in the window and after our last write. `whole`: in the window, and the one before, however long
    ago that was. `known`: all.
    """

    shard: int
    points: tuple[Point, ...]
    whole: tuple[Point, ...]
    known: tuple[Point, ...]
    own: tuple[OwnWrite, ...]

    def covers(self, span: timedelta, least: int) -> bool:
        """Whether there are `least` points and they reach over `span`."""
        return len(self.points) >= max(least, 1) and self.points[-1].at - self.points[0].at >= span

    def saved_at(self) -> datetime | None:
        """Return when the checkpoint was last saved."""
        return self.points[-1].seen.updated_at if self.points else None

    def saved_by_others_at(self) -> datetime | None:
        """Return when the checkpoint was last saved as far as that is known, not counting our writes."""
        others = (point.seen.updated_at for point in reversed(self.known) if not self._is_own(point))
        return next((at for at in others if at is not None), None)

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

    def until(self, at: datetime) -> list[Point]:
        """Return the known points up to a time."""
        return [point for point in self.known if point.at <= at]

    def end_moved(self, run: Sequence[Point]) -> bool:
        """Whether log groups arrived during a run of points."""
        return len({point.seen.end for point in run}) > 1

    def flow(self) -> Flow | None:
        """Return what was consumed and written over the points, None when that is not known."""
        known = [point for point in self.points if point.seen.backlog is not None]
        if len(known) < 2 or known[-1].at <= known[0].at:
            return None
        first, last = known[0].seen, known[-1].seen
        written = (last.end or 0) - (first.end or 0)
        fallen = (first.backlog or 0) - (last.backlog or 0)
        return Flow(fallen + written, written, (known[-1].at - known[0].at).total_seconds())

    def saved_lately(self, now: datetime, silence: timedelta) -> bool:
        """Whether somebody else than we saved within a time."""
        saved = self.saved_at()
        return saved is not None and now - saved <= silence and not self.is_ours()

    def is_ours(self) -> bool:
        """Whether the last save was ours."""
        return bool(self.points) and self._is_own(self.points[-1])

    def foreign(self, timeout: timedelta) -> list[tuple[Move, int]]:
        """Return the moves in the window that were nobody's of the group, each with its log groups."""
        if _are_plain(self.whole):
            return []  # nearly always; the rest takes half of the time of a verdict
        watcher = Watcher(self.own, timeout=timeout.total_seconds())
        found: list[tuple[Move, int]] = []
        before = 0
        for point in self.whole:
            move = watcher.see(_place(point))
            if move is not None:
                found.append((move, abs((point.position or 0) - before)))
            before = point.position or 0
        return found

    def step(self, late: timedelta, apart: timedelta) -> Step | None:
        """Return what the newest reading saw after the one before it, None when there is none before."""
        if len(self.known) < 2:
            return None
        before, after = self.known[-2:]
        moved = (
            before.position is not None and after.position is not None and after.position > before.position
        )
        return Step(
            at=int(after.at.timestamp()),
            moved=moved and not self._is_own(after),
            waited=before.unread_for >= apart,
            to_end=after.seen.state in _DONE or timedelta(0) < after.unread_for <= late,
        )

    def _is_own(self, point: Point) -> bool:
        saved = point.seen.updated_at
        return saved is not None and any(
            one.position == point.position and abs(saved.timestamp() - one.at) <= SKEW_SECONDS
            for one in self.own
        )


_DONE = (State.CAUGHT_UP, State.FINISHED, State.EMPTY)


def follow(
    samples: Sequence[Sample],
    shards: Iterable[int],
    own: Sequence[OwnWrite],
    since: datetime,
) -> dict[int, Trail]:
    """Return the trail of each shard, its window from `since` on, without the readings that failed."""
    known: dict[int, list[Point]] = {shard: [] for shard in shards}
    for sample in samples:
        for point in sample.points:
            if (points := known.get(point.seen.shard)) is not None:
                points.append(point)
    return {shard: _trail(points, shard, own, since) for shard, points in known.items()}


def _trail(known: Sequence[Point], shard: int, own: Sequence[OwnWrite], since: datetime) -> Trail:
    ours = tuple(one for one in own if one.shard == shard)
    earlier = bisect_left(known, since, key=attrgetter("at"))
    points = tuple(known[earlier:])
    if ours:
        last = max(one.at for one in ours)
        points = tuple(point for point in points if point.at.timestamp() > last)
    return Trail(shard, points, tuple(known[max(0, earlier - 1) :]), tuple(known), ours)


def _are_plain(points: Sequence[Point]) -> bool:
    for (_, before), (_, after) in pairwise(points):
        stood_still = before.position == after.position and before.consumer == after.consumer
        if not (stood_still or _is_plain(before, after)):
            return False
    return True


def _is_plain(before: ShardSample, after: ShardSample) -> bool:
    named = before.consumer == after.consumer or not before.consumer or bool(after.consumer)
    return is_plain(before.position, after.position, named=named)


def _place(point: Point) -> Place:
    seen = point.seen
    saved = None if seen.updated_at is None else seen.updated_at.timestamp()
    return Place(point.at.timestamp(), seen.position, seen.backlog, seen.consumer, saved)
