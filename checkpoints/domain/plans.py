"""What a reset would do to each shard, worked out before anything is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from checkpoints.domain import positions
from checkpoints.domain.durations import in_words
from checkpoints.domain.lag import FOR_EVER, State
from checkpoints.domain.messages import Message, say

Clamped = Literal["begin", "end"] | None
Direction = Literal["rewind", "skip", "none"]
EDGE = timedelta(hours=6)
"""A target closer than this to the end of its retention may be gone before a consumer starts."""


@dataclass(frozen=True)
class ShardBefore:
    """One shard as it was when the plan was made; `position` is None when nothing readable was saved."""

    shard: int
    readonly: bool
    cursor: str
    position: int | None
    time: datetime | None
    begin: int | None
    end: int | None
    begin_at: datetime | None = None
    newest_at: datetime | None = None
    state: State = State.UNKNOWN


@dataclass(frozen=True)
class Resolved:
    """The cursor a target stands for on one shard; `clamped` when it was pulled into the retained range."""

    cursor: str
    position: int
    time: datetime | None = None
    clamped: Clamped = None


@dataclass(frozen=True)
class ShardMove:
    """One line of a plan; `log_groups` are those consumed again (rewind) or never consumed (skip)."""

    shard: int
    before: ShardBefore
    asked: str
    after: Resolved
    direction: Direction
    log_groups: int
    clamped: Clamped
    warnings: tuple[Message, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to send."""
        return self.before.position != self.after.position


@dataclass(frozen=True)
class PlanTotals:
    """Log groups of a whole plan, and the number of shards it changes."""

    consumed_again: int
    never_consumed: int
    shards: int


def clamp(position: int, begin: int | None, end: int | None) -> tuple[int, Clamped]:
    """Pull a position into begin..end; the end itself is allowed, it is where a caught-up group stands."""
    if begin is not None and position < begin:
        return begin, "begin"
    if end is not None and position > end:
        return end, "end"
    return position, None


def move(
    before: ShardBefore,
    asked: str,
    resolved: Resolved,
    *,
    now: datetime,
    retention: timedelta | None,
    asked_at: datetime | None = None,
) -> ShardMove:
    """Return the move of one shard with its warnings; `asked_at` is the time asked for, if it was a time."""
    after = _inside(before, resolved, asked_at, now)
    direction, log_groups = _distance(before, after.position)
    warnings = (
        *_about_target(before, after, now, retention, asked_at),
        *_about_before(before, after),
        *_about_distance(before, after, direction, log_groups),
    )
    return ShardMove(before.shard, before, asked, after, direction, log_groups, after.clamped, warnings)


def _inside(before: ShardBefore, resolved: Resolved, asked_at: datetime | None, now: datetime) -> Resolved:
    position, clamped = clamp(resolved.position, before.begin, before.end)
    if clamped is not None:
        time = before.begin_at if clamped == "begin" else None
        return Resolved(positions.encode(position), position, time, clamped)
    if resolved.clamped is None and asked_at is not None:
        if position == before.begin and before.begin_at is not None and asked_at < before.begin_at:
            return replace(resolved, clamped="begin")
        if position == before.end and asked_at > now:
            return replace(resolved, clamped="end")
    return resolved


def _distance(before: ShardBefore, after: int) -> tuple[Direction, int]:
    """Return direction and log groups; an unsaved checkpoint counts from begin, where it may start."""
    if before.position is None:
        start = before.begin
        if start is None or after <= start:
            return "none", 0
        return "skip", after - start
    if before.position == after:
        return "none", 0
    start = clamp(before.position, before.begin, before.end)[0]
    return ("rewind" if after < before.position else "skip"), abs(after - start)


def _about_target(
    before: ShardBefore,
    after: Resolved,
    now: datetime,
    retention: timedelta | None,
    asked_at: datetime | None,
) -> Iterator[Message]:
    if asked_at is not None and asked_at > now:
        yield say("The time asked for lies in the future.")
    if after.clamped == "begin":
        yield say("What was asked for is no longer retained: the oldest log group is taken instead.")
    if after.clamped == "end":
        yield say("What was asked for lies after the newest log group: the end is taken instead.")
    if retention is None or retention >= FOR_EVER or after.time is None or after.position == before.end:
        return
    left = after.time + retention - now
    if left < EDGE:
        yield say(
            "The target expires in %(span)s and may be gone before a consumer starts.",
            span=in_words(max(left, timedelta(0))),
        )


def _about_before(before: ShardBefore, after: Resolved) -> Iterator[Message]:
    if before.position is None:
        if before.cursor == positions.UNSAVED:
            yield say(
                "This shard never had a checkpoint: consumers will start here, not at their own setting."
            )
        else:
            yield say("The present checkpoint cannot be read, so there is nothing to compare with.")
        if before.begin is None:
            yield say("How many log groups are skipped is not known.")
        return
    if before.begin is not None and before.position < before.begin:
        yield say(
            "The present checkpoint has expired: %(count)d log groups before the retained range are gone.",
            count=before.begin - before.position,
        )
    if before.end is not None and before.position > before.end:
        yield say("The present checkpoint lies after the end of this shard, so it is not of this shard.")
    if before.readonly and before.position == before.end and after.position < before.position:
        yield say("This read-only shard was finished: running consumers will take it up again by themselves.")


def _about_distance(
    before: ShardBefore, after: Resolved, direction: Direction, log_groups: int
) -> Iterator[Message]:
    if before.position == after.position:
        yield say("Nothing to move: the checkpoint is there already.")
    if direction == "skip" and log_groups:
        yield say("%(count)d log groups will never be consumed by this group.", count=log_groups)


def totals(moves: Iterable[ShardMove]) -> PlanTotals:
    """Add up a plan."""
    lines = list(moves)
    return PlanTotals(
        consumed_again=sum(line.log_groups for line in lines if line.direction == "rewind"),
        never_consumed=sum(line.log_groups for line in lines if line.direction == "skip"),
        shards=sum(line.changes for line in lines),
    )


def canonical(plan: Mapping[str, object]) -> bytes:
    """Return the one JSON form of a plan: sorted keys, no blanks, UTF-8; raises TypeError or ValueError."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(plan: Mapping[str, object]) -> str:
    """Return the hash a plan is known by: SHA-256 of its canonical form, in hex."""
    return hashlib.sha256(canonical(plan)).hexdigest()
