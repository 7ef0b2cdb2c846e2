"""What a reset would do to each shard, worked out before anything is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from checkpoints.domain import cautions, positions
from checkpoints.domain.cautions import Circumstances
from checkpoints.domain.lag import State
from checkpoints.domain.messages import Message, say

Clamped = Literal["begin", "end"] | None
Direction = Literal["rewind", "skip", "none"]


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
    """One line of a plan; `log_groups` are those consumed again (rewind) or never consumed (skip).

    None is not known: the present checkpoint cannot be read.
    """

    shard: int
    before: ShardBefore
    asked: str
    after: Resolved
    direction: Direction
    log_groups: int | None
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


def move(before: ShardBefore, asked: str, resolved: Resolved, around: Circumstances) -> ShardMove:
    """Return the move of one shard with its warnings."""
    after = _inside(before, resolved, around)
    direction, log_groups = _distance(before, after.position)
    warnings = (
        *cautions.about(before, after, around),
        *_about_distance(before, after, direction, log_groups),
    )
    return ShardMove(before.shard, before, asked, after, direction, log_groups, after.clamped, warnings)


def _inside(before: ShardBefore, resolved: Resolved, around: Circumstances) -> Resolved:
    asked_at = around.asked_at
    position, clamped = clamp(resolved.position, before.begin, before.end)
    if clamped is not None:
        time = before.begin_at if clamped == "begin" else None
        return Resolved(positions.encode(position), position, time, clamped)
    if resolved.clamped is None and asked_at is not None:
        if position == before.begin and before.begin_at is not None and asked_at < before.begin_at:
            return replace(resolved, clamped="begin")
        if position == before.end and asked_at > around.now:
            return replace(resolved, clamped="end")
    return resolved


def _distance(before: ShardBefore, after: int) -> tuple[Direction, int | None]:
    """Return direction and log groups; an unsaved checkpoint counts from begin, where it may start."""
    if before.position is None and before.cursor != positions.UNSAVED:
        return "none", None
    if before.position is None:
        start = before.begin
        if start is None or after <= start:
            return "none", 0
        return "skip", after - start
    if before.position == after:
        return "none", 0
    start = clamp(before.position, before.begin, before.end)[0]
    return ("rewind" if after < before.position else "skip"), abs(after - start)


def _about_distance(
    before: ShardBefore, after: Resolved, direction: Direction, log_groups: int | None
) -> Iterator[Message]:
    if before.position == after.position:
        yield say("Nothing to move: the checkpoint is there already.")
    if direction == "skip" and log_groups:
        yield say("%(count)d log groups will never be consumed by this group.", count=log_groups)


def totals(moves: Iterable[ShardMove]) -> PlanTotals:
    """Add up a plan."""
    lines = list(moves)
    return PlanTotals(
        consumed_again=sum(line.log_groups or 0 for line in lines if line.direction == "rewind"),
        never_consumed=sum(line.log_groups or 0 for line in lines if line.direction == "skip"),
        shards=sum(line.changes for line in lines),
    )


def canonical(plan: Mapping[str, object]) -> bytes:
    """Return the one JSON form of a plan: sorted keys, no blanks, UTF-8; raises TypeError or ValueError."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(plan: Mapping[str, object]) -> str:
    """Return the hash a plan is known by: SHA-256 of its canonical form, in hex."""
    return hashlib.sha256(canonical(plan)).hexdigest()
