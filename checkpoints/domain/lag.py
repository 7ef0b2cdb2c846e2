"""How far a consumer group is behind on a shard, and what that means (docs/sls-protocol.md, section Lag)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from checkpoints.domain import positions

FOR_EVER = timedelta(days=3650)
"""The retention that SLS reads as "keep for ever"."""
_NONE = timedelta(0)


class State(StrEnum):
    """What one checkpoint is, compared with what its shard holds."""

    CAUGHT_UP = "caught_up"
    BEHIND = "behind"
    AT_BEGIN = "at_begin"
    EXPIRED = "expired"
    INVALID = "invalid"
    NEVER_SAVED = "never_saved"
    EMPTY = "empty"
    FINISHED = "finished"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ShardFacts:
    """What was read about one (group, shard); None is "not known", never zero.

    `checkpoint` is the stored text, "" when never saved. `begin` and `end` are positions; times are receive
    times: `newest_at` of end-1, `read_at` of checkpoint-1, `unread_at` of the checkpoint. The checkpoint has
    to be read before the end, or a consumer that runs looks like an invalid checkpoint.
    `time_expired`: GetCursorTime of the checkpoint said InvalidCursor although it lies before the end.
    `previous_expired`: the same of checkpoint-1. `parents`: the older read-only shards that share its keys.
    `before`: what was last known, at `before_at`, of a shard that could not be read (domain/last_known.py).
    """

    shard: int
    readonly: bool
    checkpoint: str | None
    consumer: str
    updated_at: datetime | None
    begin: int | None
    end: int | None
    begin_at: datetime | None = None
    newest_at: datetime | None = None
    read_at: datetime | None = None
    unread_at: datetime | None = None
    error: str | None = None
    time_expired: bool = False
    previous_expired: bool = False
    parents: tuple[int, ...] = ()
    before: ShardFacts | None = None
    before_at: datetime | None = None


@dataclass(frozen=True)
class ShardLag:
    """The lag of one (group, shard); what is not known is None.

    `backlog`, `lost` and `retained` count log groups; `lost` are those deleted before they were consumed,
    `retained` is all the shard still holds. `lag` is t(end-1) - t(checkpoint-1), `unread_age` is
    now - t(checkpoint). `waits`: in an in-order group, for its parents to be consumed first.
    """

    shard: int
    state: State
    position: int | None = None
    backlog: int | None = None
    lost: int | None = None
    lag: timedelta | None = None
    lag_is_lower_bound: bool = False
    unread_age: timedelta | None = None
    consumed_until: datetime | None = None
    oldest_unread_at: datetime | None = None
    newest_at: datetime | None = None
    data_loss_in: timedelta | None = None
    retained: int | None = None
    waits: bool = False


@dataclass(frozen=True)
class GroupLag:
    """The lag of a group: backlog is the sum, times are the worst; finished shards do not count.

    `complete` is False when a counted shard is unknown: then the figures are bounds by the known shards. A
    lower bound of zero says nothing, so that is None.
    """

    backlog: int | None
    lag: timedelta | None
    lag_is_lower_bound: bool
    unread_age: timedelta | None
    data_loss_in: timedelta | None
    lost: int | None
    worst_shard: int | None
    counts: dict[State, int]
    complete: bool


def assess(facts: ShardFacts, *, now: datetime, retention: timedelta | None) -> ShardLag:
    """Return state and lag of one shard; `retention` None is "not known", 3650 days is "for ever"."""
    position, decodable = _position(facts.checkpoint)
    state = _state(facts, position, decodable=decodable)
    base = ShardLag(facts.shard, state, position, newest_at=facts.newest_at, retained=_retained(facts))
    if retention is not None and retention >= FOR_EVER:
        retention = None
    match state:
        case State.CAUGHT_UP | State.EMPTY | State.FINISHED:
            return _nothing_unread(base, facts)
        case State.BEHIND | State.AT_BEGIN:
            return _unread(base, facts, now, retention)
        case State.EXPIRED:
            return _expired(base, facts, now, retention)
        case State.UNKNOWN:
            return _with(base, consumed_until=facts.read_at, oldest_unread_at=facts.unread_at)
        case _:
            return base


def _with(base: ShardLag, **changes: Any) -> ShardLag:
    """Return a lag with changes; dataclasses.replace takes three times as long, and a page has hundreds."""
    return ShardLag(**(vars(base) | changes))


def _retained(facts: ShardFacts) -> int | None:
    """Return how much the shard holds; a begin that was read later than the end may lie after it."""
    if facts.begin is None or facts.end is None or facts.begin > facts.end:
        return None
    return facts.end - facts.begin


def _position(checkpoint: str | None) -> tuple[int | None, bool]:
    if not checkpoint:
        return None, True
    try:
        return positions.decode(checkpoint), True
    except positions.Undecodable:
        return None, False


def _state(facts: ShardFacts, position: int | None, *, decodable: bool) -> State:
    if not decodable:
        return State.INVALID
    if facts.checkpoint is None or facts.end is None:
        return State.UNKNOWN
    if position is None:
        return State.EMPTY if facts.begin == facts.end else State.NEVER_SAVED
    if position > facts.end:
        return State.INVALID
    if position == facts.end:
        return _state_at_end(facts)
    return _state_before_end(facts, position)


def _state_at_end(facts: ShardFacts) -> State:
    if facts.readonly:
        return State.FINISHED
    return State.EMPTY if facts.begin == facts.end else State.CAUGHT_UP


def _state_before_end(facts: ShardFacts, position: int) -> State:
    if facts.time_expired or (facts.begin is not None and position < facts.begin):
        return State.EXPIRED
    if facts.previous_expired or position == facts.begin:
        return State.AT_BEGIN
    return State.BEHIND


def _nothing_unread(base: ShardLag, facts: ShardFacts) -> ShardLag:
    until = None if base.position is None else facts.newest_at or facts.read_at
    return _with(base, backlog=0, lag=_NONE, unread_age=_NONE, consumed_until=until)


def _unread(base: ShardLag, facts: ShardFacts, now: datetime, retention: timedelta | None) -> ShardLag:
    assert base.position is not None  # noqa: S101 - both states imply it
    assert facts.end is not None  # noqa: S101 - both states imply it
    at_begin = base.state is State.AT_BEGIN
    unread_at = facts.unread_at or (facts.begin_at if at_begin else None)
    age = _since(unread_at, now)
    return _with(
        base,
        backlog=facts.end - base.position,
        lag=_since(unread_at if at_begin else facts.read_at, facts.newest_at),
        lag_is_lower_bound=at_begin,
        unread_age=age,
        consumed_until=None if at_begin else facts.read_at,
        oldest_unread_at=unread_at,
        data_loss_in=None if age is None or retention is None else max(_NONE, retention - age),
    )


def _expired(base: ShardLag, facts: ShardFacts, now: datetime, retention: timedelta | None) -> ShardLag:
    assert base.position is not None  # noqa: S101 - the state implies it
    begin = facts.begin if facts.begin is not None and facts.begin > base.position else None
    begin_at = facts.begin_at if begin is not None else None
    return _with(
        base,
        backlog=None if begin is None else base.retained,
        lost=None if begin is None else begin - base.position,
        lag=_since(begin_at, facts.newest_at),
        lag_is_lower_bound=True,
        unread_age=retention if retention is not None else _since(begin_at, now),
        oldest_unread_at=begin_at,
        data_loss_in=_NONE,
    )


def _since(then: datetime | None, until: datetime | None) -> timedelta | None:
    """Return the span between two times; clocks that disagree never make it negative."""
    return None if then is None or until is None else max(_NONE, until - then)


def waiting(facts: Sequence[ShardFacts], lags: Sequence[ShardLag]) -> list[ShardLag]:
    """Return the lags of an in-order group: one that was never saved waits until its parents are finished."""
    unread = {one.shard for one in lags if one.state is not State.FINISHED}
    pairs = zip(facts, lags, strict=True)
    return [_with(one, waits=not unread.isdisjoint(fact.parents)) for fact, one in pairs]


def total(shards: Sequence[ShardLag]) -> GroupLag:
    """Return the lag of a group from those of its shards; without any shard nothing is known."""
    counted = [shard for shard in shards if shard.state is not State.FINISHED]
    finished = bool(shards) and not counted
    lags = [shard.lag for shard in counted if shard.lag is not None]
    backlogs = [shard.backlog for shard in counted if shard.backlog is not None]
    lost = [shard.lost for shard in counted if shard.lost is not None]
    ages = [shard.unread_age for shard in counted if shard.unread_age is not None]
    complete = bool(shards) and all(shard.state is not State.UNKNOWN for shard in counted)
    backlog = sum(backlogs) if backlogs or finished else None
    lag = max(lags, default=_NONE if finished else None)
    unread_age = max(ages, default=_NONE if finished else None)
    is_lower_bound = bool(lags) and any(_at_least(shard) for shard in counted)
    return GroupLag(
        backlog=backlog if complete else backlog or None,
        lag=(lag or None) if is_lower_bound else lag,
        lag_is_lower_bound=is_lower_bound,
        unread_age=unread_age if complete else unread_age or None,
        data_loss_in=min(
            (shard.data_loss_in for shard in counted if shard.data_loss_in is not None), default=None
        ),
        lost=sum(lost) if lost else None,
        worst_shard=_worst(counted),
        counts=dict(Counter(shard.state for shard in shards)),
        complete=complete,
    )


_LATE = (State.UNKNOWN, State.BEHIND, State.AT_BEGIN, State.INVALID, State.EXPIRED)


def _at_least(shard: ShardLag) -> bool:
    return shard.lag_is_lower_bound or (
        shard.lag is None and shard.state in (State.BEHIND, State.AT_BEGIN, State.UNKNOWN)
    )


def _worst(counted: Sequence[ShardLag]) -> int | None:
    late = [shard for shard in counted if shard.state in _LATE]
    return max(late, key=_badness).shard if late else None


def _badness(shard: ShardLag) -> tuple[int, timedelta, int, int]:
    rank = {State.EXPIRED: 3, State.INVALID: 2, State.BEHIND: 1, State.AT_BEGIN: 1}.get(shard.state, 0)
    return rank, shard.lag or _NONE, shard.backlog or 0, -shard.shard
