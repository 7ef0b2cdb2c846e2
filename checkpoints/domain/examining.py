"""What can be said about one shard, from its lag now, its trail and the habits of its consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkpoints.domain import rhythm
from checkpoints.domain.evidence import Finding, Kind
from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.moves import Move
from checkpoints.domain.rhythm import Visits
from checkpoints.domain.thresholds import LESS, Thresholds
from checkpoints.domain.trails import Trail

_MOVES = {Move.BACK: Kind.WENT_BACK, Move.TOO_FAST: Kind.JUMPED, Move.NAMELESS: Kind.MOVED_NAMELESS}
_DONE = (State.CAUGHT_UP, State.EMPTY)
ENTER = 1.05
"""A backlog shrinks when so many times as much is consumed as arrives; a word once said needs less."""


@dataclass(frozen=True)
class Group:
    """What the shards of one group are judged by; `was_...` is what the verdict before said.

    `alive`: a consumer saved lately. `nameless`: no shard has an owner. `often`: some shard is saved often.
    `moves`: those of nobody of the group.
    """

    now: datetime
    timeout: timedelta
    silence: timedelta
    retention: timedelta | None
    limits: Thresholds
    was_late: bool
    was_near_loss: bool
    was_catching_up: bool
    alive: bool
    nameless: bool
    often: bool
    rhythm: Mapping[int, Visits]
    moves: Mapping[int, Sequence[tuple[Move, int]]]

    @property
    def late(self) -> timedelta:
        """From which unread age a shard is late."""
        return self.limits.late_from(was_late=self.was_late)

    @property
    def near_loss(self) -> timedelta:
        """Below which time until data loss unread data is in danger."""
        return self.limits.near_loss(self.retention) / (LESS if self.was_near_loss else 1)

    def patience(self, shard: int) -> timedelta:
        """Return how long the consumer of a shard may save nothing, by what is known of its habits."""
        visits = self.rhythm[shard]
        usual = rhythm.wait(visits, late=self.limits.late)
        if usual is not None:
            return max(self.silence, rhythm.TOLERANCE * usual)
        often = rhythm.is_often(visits, flush=self.limits.flush) or (self.often and not visits)
        return self.silence if often else max(self.silence, self.limits.patience)


def examine(lag: ShardLag, trail: Trail, group: Group) -> list[Finding]:
    """Return everything that can be said about one shard, at least one finding."""
    match lag.state:
        case State.UNKNOWN:
            return [Finding(Kind.UNREAD, lag.shard)]
        case State.FINISHED:
            return [Finding(Kind.FINISHED, lag.shard)]
        case State.NEVER_SAVED:
            return [
                Finding(Kind.LEFT_OUT if _is_left_out(lag, trail, group) else Kind.NEVER_SAVED, lag.shard)
            ]
    found = [Finding(_MOVES[move], lag.shard, count=count) for move, count in group.moves[lag.shard]]
    if group.nameless and not trail.is_ours() and _saves(trail, group.rhythm[lag.shard]):
        found.append(Finding(Kind.NAMELESS, lag.shard))
    return [*found, *_by_state(lag, trail, group)]


def _is_left_out(lag: ShardLag, trail: Trail, group: Group) -> bool:
    """Whether log groups came long ago to a shard that should have been saved like the others of its group.

    What was there before proves nothing: a consumer may start at the end.
    """
    long_ago = group.now - group.silence - group.limits.late
    return group.often and group.alive and not lag.waits and trail.end_moved(trail.until(long_ago))


def _saves(trail: Trail, visits: Visits) -> bool:
    return trail.saved_within(trail.points) or bool(visits)


def _by_state(lag: ShardLag, trail: Trail, group: Group) -> list[Finding]:
    if lag.state is State.INVALID:
        return [Finding(Kind.NOT_OF_SHARD, lag.shard)]
    if lag.state is State.EXPIRED:
        return [Finding(Kind.LOST, lag.shard, count=lag.lost or 0)]
    visits, now = group.rhythm[lag.shard], int(group.now.timestamp())
    if rhythm.saves_rarely(visits, now, late=group.limits.late):
        found = [Finding(Kind.STEPS, lag.shard)]
    elif lag.state in _DONE:
        return [_without_backlog(lag, trail, group)]
    else:
        found = [_with_backlog(lag, trail, group)]
    if lag.data_loss_in is not None and lag.data_loss_in < group.near_loss:
        found.append(Finding(Kind.NEAR_LOSS, lag.shard, span=lag.data_loss_in))
    return found


def _without_backlog(lag: ShardLag, trail: Trail, group: Group) -> Finding:
    """Tell idle from ok: without new log groups nothing is saved."""
    last = lag.newest_at or trail.saved_at()
    quiet = last is None or group.now - last > group.limits.idle
    return Finding(Kind.NOTHING_NEW if lag.position is None or quiet else Kind.IN_TIME, lag.shard)


def _with_backlog(lag: ShardLag, trail: Trail, group: Group) -> Finding:
    age = lag.unread_age if lag.unread_age is not None else lag.lag
    if age is None:
        return Finding(Kind.NO_TIMES, lag.shard, count=lag.backlog or 0)
    if age <= group.late:
        return Finding(Kind.IN_TIME, lag.shard, span=age)
    pause = trail.pause()
    still = pause[-1].at - pause[0].at if pause else timedelta(0)
    if len(pause) >= group.limits.min_samples and still >= group.silence:
        return _standing_still(lag.shard, trail, group, still)
    flow = trail.flow() if len(trail.points) >= group.limits.min_samples else None
    if flow is None or flow.consumed <= 0:
        return Finding(Kind.LATE, lag.shard, span=age)
    enough = 1 if group.was_catching_up else ENTER
    if flow.consumed > enough * flow.written:
        return Finding(Kind.SHRINKING, lag.shard, span=timedelta(seconds=(lag.backlog or 0) / flow.drain))
    return Finding(Kind.FALLING_BEHIND, lag.shard, span=age)


def _standing_still(shard: int, trail: Trail, group: Group, still: timedelta) -> Finding:
    pause = trail.pause()
    if trail.saved_within(pause):
        return Finding(Kind.SAVES_SAME, shard, span=still)
    saved = trail.saved_by_others_at()
    silent = still if saved is None else max(still, group.now - saved)
    if silent < group.patience(shard):
        is_known = rhythm.wait(group.rhythm[shard], late=group.limits.late) is not None
        return Finding(Kind.LATE if is_known else Kind.SILENT, shard, span=silent)
    if group.alive and pause[-1].seen.consumer:
        return Finding(Kind.STUCK_ALONE, shard, span=silent)
    return Finding(Kind.NO_SAVES if trail.end_moved(pause) else Kind.NO_SAVES_NO_DATA, shard, span=silent)
