"""Whether a reset held, told from what is read afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain.activity import FLUSH
from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say

_RATE = 2_000
IDLE_LIMIT = timedelta(hours=24)
"""How long a watch goes on for consumers that may be running with nothing to read."""


class Watch(StrEnum):
    """What the watch of one shard says so far."""

    WATCHING = "watching"
    HELD = "held"
    TAKEN_UP = "taken_up"
    OVERWRITTEN = "overwritten"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WatchVerdict:
    """The word and the evidence beside it."""

    verdict: Watch
    reasons: tuple[Message, ...]


def watch_until(written_at: datetime, group_timeout: timedelta) -> datetime:
    """Return when a watch ends: 120 s after the write, or the group's timeout + 60 s when that is longer."""
    return written_at + max(timedelta(seconds=120), group_timeout + timedelta(seconds=60))


def proves_nothing(
    *, written_at: datetime, flowed_at: datetime | None, group_timeout: timedelta, now: datetime
) -> bool:
    """Whether silence on a shard whose consumers had nothing to read still says nothing about them.

    They save again only after log groups arrived (`flowed_at`), and then within the time of a watch.
    """
    if now - written_at >= IDLE_LIMIT:
        return False
    return flowed_at is None or now < watch_until(flowed_at, group_timeout)


def watch(  # noqa: PLR0913 - each is one piece of evidence
    before: int | None,
    target: int,
    seen: int | None,
    *,
    written_at: datetime,
    updated_at: datetime | None,
    consumer: str,
    now: datetime,
    until: datetime,
    was_active: bool | None = None,
    consumers_before: frozenset[str] = frozenset(),
    is_idle: bool = False,
    was_idle: bool = False,
    at_target_at: datetime | None = None,
    max_rate: int = _RATE,
) -> WatchVerdict:
    """Return what became of a written target.

    `seen` is the position now, None when the read failed or nothing is saved. `was_active` says whether
    somebody was consuming when the reset was written, None when not known; `max_rate` is the most log groups
    a second that one consumer can read. `consumers_before` are the names seen when the plan was made: another
    name took the shard since, and so read the target (docs/sls-protocol.md, section Consumers). `is_idle`:
    silence proves nothing (see proves_nothing), so the watch goes on after its end. `was_idle`: the shard was
    consumed to its end before. `at_target_at` is when it was last seen at the target.
    A checkpoint that returned to the old line counts as overwritten unless the way there could have been
    consumed since.
    """
    if seen is None:
        return _unseen(now, until)
    if seen == target:
        return _still_there(now, until, written_at, is_idle=is_idle)
    who = _who(consumer, updated_at, written_at)
    if seen < target:
        back = say("The checkpoint is %(count)d log groups before the target.", count=target - seen)
        return WatchVerdict(Watch.OVERWRITTEN, (back, who))
    gone = seen - target
    moved = say("The checkpoint moved on from the target by %(count)d log groups.", count=gone)
    taken_up = WatchVerdict(Watch.TAKEN_UP, (moved, who))
    if before is None or before <= target or seen < _old_line(before, target):
        return taken_up
    if consumers_before and consumer and consumer not in consumers_before:
        other = say("This consumer took the shard after the plan was made.")
        return WatchVerdict(Watch.TAKEN_UP, (moved, who, other))
    elapsed = _time_to_consume(updated_at or now, written_at, at_target_at)
    thrown_back = _thrown_back(gone, elapsed, was_active=was_active, max_rate=max_rate)
    if thrown_back is not None:
        return WatchVerdict(Watch.OVERWRITTEN, (thrown_back, who))
    if was_idle and seen > before and consumer in consumers_before:
        return WatchVerdict(Watch.UNKNOWN, (_either(gone), who))
    return taken_up


def _thrown_back(gone: int, elapsed: timedelta, *, was_active: bool | None, max_rate: int) -> Message | None:
    """Return why a checkpoint at its old line was written back there, None when it can have been consumed."""
    if was_active:
        return say("The checkpoint is back at its old line, and somebody was consuming during the reset.")
    if gone <= elapsed.total_seconds() * max_rate:
        return None
    return say(
        "The checkpoint is back at its old line: %(count)d log groups cannot be consumed in %(span)s.",
        count=gone,
        span=in_words(elapsed),
    )


def _either(gone: int) -> Message:
    return say(
        "The same consumer as before is past its old line: either it started again and consumed"
        " %(count)d log groups, or it was idle and wrote its own place back. Look at what it consumed.",
        count=gone,
    )


def _time_to_consume(saved: datetime, written_at: datetime, at_target_at: datetime | None) -> timedelta:
    """Return how long the way from the target can have taken.

    Who was seen there may have been under way already, by as long as clients wait before they save.
    """
    begun = written_at if at_target_at is None else max(written_at, at_target_at - FLUSH)
    return max(timedelta(0), saved - begun)


def _old_line(before: int, target: int) -> int:
    """Return where the old line begins: the last twentieth of the way back, at most 1,000 log groups."""
    return before - min(1_000, (before - target) // 20)


def _unseen(now: datetime, until: datetime) -> WatchVerdict:
    reason = say("The checkpoint could not be read.")
    return WatchVerdict(Watch.WATCHING if now < until else Watch.UNKNOWN, (reason,))


def _still_there(now: datetime, until: datetime, written_at: datetime, *, is_idle: bool) -> WatchVerdict:
    if is_idle:
        idle = say(
            "Still at the target, but consumers that had nothing to read save nothing: watched until log "
            "groups arrived and were left alone, or until somebody ends the watch."
        )
        return WatchVerdict(Watch.WATCHING, (idle,))
    if now < until:
        left = say("Still at the target; watched for %(span)s more.", span=in_words(until - now))
        return WatchVerdict(Watch.WATCHING, (left,))
    held = say("Still at the target after %(span)s.", span=in_words(now - written_at))
    return WatchVerdict(Watch.HELD, (held,))


def _who(consumer: str, updated_at: datetime | None, written_at: datetime) -> Message:
    if updated_at is None or updated_at < written_at:
        return say("When it was written is not known.")
    span = in_words(updated_at - written_at)
    if not consumer:
        return say("Written without a consumer's name %(span)s after the reset.", span=span)
    return say(
        "Written %(span)s after the reset; the owner's name is %(consumer)s.", span=span, consumer=consumer
    )
