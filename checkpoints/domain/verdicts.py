"""One word for the health of a group, with the evidence beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain import rhythm
from checkpoints.domain.evidence import Finding, Kind, reasons_of
from checkpoints.domain.examining import Group, examine
from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.messages import Message
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.rhythm import Visits
from checkpoints.domain.thresholds import Thresholds
from checkpoints.domain.trails import Sample, ShardSample, Trail, follow

__all__ = [
    "LATE",
    "WORST_FIRST",
    "GroupVerdict",
    "Sample",
    "ShardSample",
    "Thresholds",
    "Verdict",
    "judge",
    "severity",
    "worst",
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
    Kind.LEFT_OUT: Verdict.STALLED,
    Kind.WENT_BACK: Verdict.FOREIGN_MOVE,
    Kind.JUMPED: Verdict.FOREIGN_MOVE,
    Kind.MOVED_NAMELESS: Verdict.FOREIGN_MOVE,
    Kind.FALLING_BEHIND: Verdict.BEHIND,
    Kind.SILENT: Verdict.BEHIND,
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
LATE = {Verdict.STOPPED, Verdict.STALLED, Verdict.BEHIND, Verdict.CATCHING_UP}
_NEAR_LOSS = {Verdict.AT_RISK, Verdict.LOSING_DATA}


def severity(verdict: Verdict) -> int:
    """Return 0 for the worst verdict and more for each better one: a sort key."""
    return WORST_FIRST.index(verdict)


def worst(words: Iterable[str]) -> Verdict:
    """Return what a group was called of which these words are true; without any it is unknown."""
    found = {Verdict(word) for word in words}
    known = found - {Verdict.UNKNOWN, Verdict.NOT_STARTED} or found
    return min(known, key=severity, default=Verdict.UNKNOWN)


@dataclass(frozen=True)
class Before:
    """What the verdict before said: its word, near a limit it stays, and the visits of each shard."""

    verdict: Verdict | None = None
    rhythm: Mapping[int, Visits] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupVerdict:
    """The word for a group, why, and the word for each shard; `words` are all that are true of some shard.

    `complete` is False when the history is too short or something could not be read. `eta` is the time until
    the group has caught up, known when every late shard is catching up. `rhythm` are the visits of each
    shard, to be given to the next verdict.
    """

    verdict: Verdict
    words: frozenset[Verdict]
    reasons: tuple[Message, ...]
    complete: bool
    per_shard: dict[int, Verdict]
    eta: timedelta | None
    rhythm: dict[int, Visits]


def judge(
    samples: Sequence[Sample],
    lags: Sequence[ShardLag],
    *,
    now: datetime,
    group_timeout: timedelta,
    retention: timedelta | None,
    own_writes: Sequence[OwnWrite] = (),
    thresholds: Thresholds | None = None,
    before: Before | None = None,
) -> GroupVerdict:
    """Judge a group from its history (oldest first, present last) and its present lag.

    With too little history the word is never stalled or stopped, `complete` is False, and a reason says so.
    """
    limits, before = thresholds or Thresholds(), before or Before()
    trails = follow(samples, [lag.shard for lag in lags], own_writes, now - limits.look_back(group_timeout))
    visits = {shard: _visits(trail, before, limits) for shard, trail in trails.items()}
    moves = {shard: trail.foreign(group_timeout) for shard, trail in trails.items()}
    silence = limits.silence(group_timeout)
    group = Group(
        now=now,
        timeout=group_timeout,
        silence=silence,
        retention=retention,
        limits=limits,
        was_late=before.verdict in LATE,
        was_near_loss=before.verdict in _NEAR_LOSS,
        was_catching_up=before.verdict is Verdict.CATCHING_UP,
        alive=any(trail.saved_lately(now, silence) and not moves[shard] for shard, trail in trails.items()),
        nameless=not any(trail.points and trail.points[-1].seen.consumer for trail in trails.values()),
        often=any(rhythm.is_often(one, flush=limits.flush) for one in visits.values()),
        rhythm=visits,
        moves=moves,
    )
    findings = {lag.shard: examine(lag, trails[lag.shard], group) for lag in lags}
    per_shard = {shard: _worst(found) for shard, found in findings.items()}
    blinks = {lag.shard for lag in lags if _blinks(lag, trails[lag.shard], group)}
    verdict = _of_group(per_shard, blinks)
    short = not lags or any(_short(lag, trails[lag.shard], group) for lag in lags)
    flat = sorted((one for found in findings.values() for one in found), key=_rank)
    return GroupVerdict(
        verdict=verdict,
        words=frozenset(_VERDICTS[one.kind] for one in flat),
        reasons=reasons_of(flat, short=silence if short else None),
        complete=not short and not any(one.kind in _NOT_SURE for one in flat),
        per_shard=per_shard,
        eta=_eta(flat) if verdict is Verdict.CATCHING_UP else None,
        rhythm={shard: one for shard, one in visits.items() if one},
    )


_NOT_SURE = (Kind.UNREAD, Kind.NO_TIMES, Kind.SILENT)


def _visits(trail: Trail, before: Before, limits: Thresholds) -> Visits:
    step, earlier = trail.step(limits.late, limits.apart), before.rhythm.get(trail.shard, ())
    return earlier if step is None else rhythm.follow(earlier, step, apart=limits.apart)


def _rank(finding: Finding) -> int:
    return severity(_VERDICTS[finding.kind])


def _worst(found: Sequence[Finding]) -> Verdict:
    return _VERDICTS[min(found, key=_rank).kind]


def _of_group(per_shard: dict[int, Verdict], blinks: set[int]) -> Verdict:
    """Return the worst; a shard without checkpoint speaks for the group only when no other shard has one.

    A shard that could just not be read does not speak for the others either: shards are away for a minute
    when the service is upgraded.
    """
    words = {word for shard, word in per_shard.items() if shard not in blinks} or set(per_shard.values())
    if words - {Verdict.NOT_STARTED, Verdict.IDLE}:
        words.discard(Verdict.NOT_STARTED)
    return min(words, key=severity, default=Verdict.UNKNOWN)


def _eta(findings: Sequence[Finding]) -> timedelta | None:
    return max(one.span for one in findings if one.kind is Kind.SHRINKING)


def _short(lag: ShardLag, trail: Trail, group: Group) -> bool:
    if lag.state in (State.FINISHED, State.UNKNOWN):
        return False
    return not trail.covers(group.silence, group.limits.min_samples)


def _blinks(lag: ShardLag, trail: Trail, group: Group) -> bool:
    """Whether a shard could just not be read, and was a moment ago."""
    return (
        lag.state is State.UNKNOWN and bool(trail.known) and group.now - trail.known[-1].at <= group.silence
    )
