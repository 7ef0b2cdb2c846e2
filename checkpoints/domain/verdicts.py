"""One word for the health of a group, with the evidence beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain.evidence import Finding, Kind, reasons_of
from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.messages import Message
from checkpoints.domain.trails import Sample, ShardSample, Thresholds, Trail, follow

__all__ = [
    "WORST_FIRST",
    "GroupVerdict",
    "Sample",
    "ShardSample",
    "Thresholds",
    "Verdict",
    "judge",
    "severity",
]


class Verdict(StrEnum):
    """The health of a group or a shard."""

    OK = "ok"
    CATCHING_UP = "catching_up"
    BEHIND = "behind"
    STALLED = "stalled"
    STOPPED = "stopped"
    RARELY_SAVES = "rarely_saves"
    AT_RISK = "at_risk"
    LOSING_DATA = "losing_data"
    NOT_STARTED = "not_started"
    IDLE = "idle"
    PROGRESS_ONLY = "progress_only"
    FOREIGN_MOVE = "foreign_move"
    UNKNOWN = "unknown"


WORST_FIRST = (
    Verdict.LOSING_DATA,
    Verdict.AT_RISK,
    Verdict.STOPPED,
    Verdict.STALLED,
    Verdict.FOREIGN_MOVE,
    Verdict.BEHIND,
    Verdict.UNKNOWN,
    Verdict.CATCHING_UP,
    Verdict.RARELY_SAVES,
    Verdict.NOT_STARTED,
    Verdict.PROGRESS_ONLY,
    Verdict.OK,
    Verdict.IDLE,
)

_VERDICTS = {
    Kind.LOST: Verdict.LOSING_DATA,
    Kind.NEAR_LOSS: Verdict.AT_RISK,
    Kind.NOT_OF_SHARD: Verdict.AT_RISK,
    Kind.NO_SAVES: Verdict.STOPPED,
    Kind.NO_SAVES_NO_DATA: Verdict.STOPPED,
    Kind.SAVES_SAME: Verdict.STALLED,
    Kind.STUCK_ALONE: Verdict.STALLED,
    Kind.WENT_BACK: Verdict.FOREIGN_MOVE,
    Kind.FALLING_BEHIND: Verdict.BEHIND,
    Kind.LATE: Verdict.BEHIND,
    Kind.UNREAD: Verdict.UNKNOWN,
    Kind.NO_TIMES: Verdict.UNKNOWN,
    Kind.SHRINKING: Verdict.CATCHING_UP,
    Kind.STEPS: Verdict.RARELY_SAVES,
    Kind.NEVER_SAVED: Verdict.NOT_STARTED,
    Kind.NAMELESS: Verdict.PROGRESS_ONLY,
    Kind.IN_TIME: Verdict.OK,
    Kind.NOTHING_NEW: Verdict.IDLE,
    Kind.FINISHED: Verdict.IDLE,
}
_DONE = (State.CAUGHT_UP, State.EMPTY)


def severity(verdict: Verdict) -> int:
    """Return 0 for the worst verdict and more for each better one: a sort key."""
    return WORST_FIRST.index(verdict)


@dataclass(frozen=True)
class GroupVerdict:
    """The word for a group, why, and the word for each shard.

    `complete` is False when the history is too short or something could not be read. `eta` is the time until
    the group has caught up, known when every late shard is catching up.
    """

    verdict: Verdict
    reasons: tuple[Message, ...]
    complete: bool
    per_shard: dict[int, Verdict]
    eta: timedelta | None


@dataclass(frozen=True)
class _Group:
    """What the shards of one group are judged by."""

    now: datetime
    silence: timedelta
    grace: timedelta
    retention: timedelta | None
    limits: Thresholds
    alive: bool
    nameless: bool


def judge(
    samples: Sequence[Sample],
    lags: Sequence[ShardLag],
    *,
    now: datetime,
    group_timeout: timedelta,
    retention: timedelta | None,
    own_resets: Sequence[tuple[int, datetime]] = (),
    thresholds: Thresholds | None = None,
) -> GroupVerdict:
    """Judge a group from its history (oldest first, present last) and its present lag.

    `own_resets` are the (shard, time) this product wrote. With too little history the verdict is never
    stalled or stopped, `complete` is False, and a reason says so.
    """
    limits = thresholds or Thresholds()
    silence = limits.silence(group_timeout)
    since = now - max(limits.window, 2 * silence)
    trails = follow(samples, [lag.shard for lag in lags], own_resets, since)
    named = any(trail.points and trail.points[-1].seen.consumer for trail in trails.values())
    group = _Group(
        now=now,
        silence=silence,
        grace=max(timedelta(seconds=120), group_timeout + timedelta(seconds=60)),
        retention=retention,
        limits=limits,
        alive=any(_saved_lately(trail, now, silence) for trail in trails.values()),
        nameless=not named,
    )
    findings = {lag.shard: _examine(lag, trails[lag.shard], group) for lag in lags}
    per_shard = {shard: _worst(found) for shard, found in findings.items()}
    verdict = _of_group(per_shard)
    short = not lags or any(_short(lag, trails[lag.shard], group) for lag in lags)
    flat = sorted((one for found in findings.values() for one in found), key=_rank)
    return GroupVerdict(
        verdict=verdict,
        reasons=reasons_of(flat, short=silence if short else None),
        complete=not short and not any(one.kind in (Kind.UNREAD, Kind.NO_TIMES) for one in flat),
        per_shard=per_shard,
        eta=_eta(flat) if verdict is Verdict.CATCHING_UP else None,
    )


def _rank(finding: Finding) -> int:
    return severity(_VERDICTS[finding.kind])


def _worst(found: Sequence[Finding]) -> Verdict:
    return _VERDICTS[min(found, key=_rank).kind]


def _of_group(per_shard: dict[int, Verdict]) -> Verdict:
    """Return the worst; a shard without checkpoint speaks for the group only when no other shard has one."""
    words = set(per_shard.values())
    if words - {Verdict.NOT_STARTED, Verdict.IDLE}:
        words.discard(Verdict.NOT_STARTED)
    return min(words, key=severity, default=Verdict.UNKNOWN)


def _eta(findings: Sequence[Finding]) -> timedelta | None:
    return max(one.span for one in findings if one.kind is Kind.SHRINKING)


def _short(lag: ShardLag, trail: Trail, group: _Group) -> bool:
    if lag.state in (State.FINISHED, State.UNKNOWN):
        return False
    return not trail.covers(group.silence, group.limits.min_samples)


def _saved_lately(trail: Trail, now: datetime, silence: timedelta) -> bool:
    saved = trail.saved_at()
    return saved is not None and now - saved <= silence and not trail.own(saved)


def _examine(lag: ShardLag, trail: Trail, group: _Group) -> list[Finding]:
    """Return everything that can be said about one shard, at least one finding."""
    match lag.state:
        case State.UNKNOWN:
            return [Finding(Kind.UNREAD, lag.shard)]
        case State.FINISHED:
            return [Finding(Kind.FINISHED, lag.shard)]
        case State.NEVER_SAVED:
            return [Finding(Kind.NEVER_SAVED, lag.shard)]
    found = []
    if trail.moved_by_others(group.grace):
        found.append(Finding(Kind.WENT_BACK, lag.shard))
    if group.nameless and trail.saved_within(trail.points) and not trail.own(trail.saved_at()):
        found.append(Finding(Kind.NAMELESS, lag.shard))
    return [*found, *_by_state(lag, trail, group)]


def _by_state(lag: ShardLag, trail: Trail, group: _Group) -> list[Finding]:
    if lag.state is State.INVALID:
        return [Finding(Kind.NOT_OF_SHARD, lag.shard)]
    if lag.state is State.EXPIRED:
        return [Finding(Kind.LOST, lag.shard, count=lag.lost or 0)]
    if trail.saves_rarely(group.limits.late, group.now):
        found = [Finding(Kind.STEPS, lag.shard)]
    elif lag.state in _DONE:
        return [_without_backlog(lag, trail, group)]
    else:
        found = [_with_backlog(lag, trail, group)]
    if lag.data_loss_in is not None and lag.data_loss_in < _near(group):
        found.append(Finding(Kind.NEAR_LOSS, lag.shard, span=lag.data_loss_in))
    return found


def _near(group: _Group) -> timedelta:
    share = (group.retention or timedelta(0)) * group.limits.loss_share
    return max(share, group.limits.loss_floor)


def _without_backlog(lag: ShardLag, trail: Trail, group: _Group) -> Finding:
    """Tell idle from ok: without new log groups nothing is saved."""
    saved = trail.saved_at()
    long_ago = saved is not None and group.now - saved > group.silence
    if lag.position is None or long_ago:
        return Finding(Kind.NOTHING_NEW, lag.shard)
    quiet = trail.covers(group.silence, group.limits.min_samples) and not trail.end_moved(trail.points)
    return Finding(Kind.NOTHING_NEW if quiet else Kind.IN_TIME, lag.shard)


def _with_backlog(lag: ShardLag, trail: Trail, group: _Group) -> Finding:
    age = lag.unread_age if lag.unread_age is not None else lag.lag
    if age is None:
        return Finding(Kind.NO_TIMES, lag.shard, count=lag.backlog or 0)
    if age <= group.limits.late:
        return Finding(Kind.IN_TIME, lag.shard, span=age)
    pause = trail.pause()
    still = pause[-1].at - pause[0].at if pause else timedelta(0)
    if len(pause) >= group.limits.min_samples and still >= group.silence:
        return Finding(_why_still(trail, group), lag.shard, span=still)
    drain = trail.drain() if len(trail.points) >= group.limits.min_samples else None
    if drain is None:
        return Finding(Kind.LATE, lag.shard, span=age)
    if drain > 0:
        return Finding(Kind.SHRINKING, lag.shard, span=timedelta(seconds=(lag.backlog or 0) / drain))
    return Finding(Kind.FALLING_BEHIND, lag.shard, span=age)


def _why_still(trail: Trail, group: _Group) -> Kind:
    pause = trail.pause()
    if trail.saved_within(pause):
        return Kind.SAVES_SAME
    if group.alive and pause[-1].seen.consumer:
        return Kind.STUCK_ALONE
    return Kind.NO_SAVES if trail.end_moved(pause) else Kind.NO_SAVES_NO_DATA
