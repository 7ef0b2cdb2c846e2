"""Whether anybody is consuming, told from checkpoints alone: nothing in SLS lists live consumers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say

FLUSH = timedelta(seconds=60)
"""The longest any client library waits before it saves (docs/sls-protocol.md, section Consumers)."""
_SKEW = timedelta(seconds=5)


class ActivityVerdict(StrEnum):
    """Is anyone consuming?"""

    ACTIVE = "active"
    PROBABLY_ACTIVE = "probably_active"
    QUIET = "quiet"
    NEVER = "never"


@dataclass(frozen=True)
class ActivitySample:
    """One shard at one look; `at_end` None is not known, `unread_since` is when the oldest unread came in."""

    at: datetime
    shard: int
    updated_at: datetime | None
    position: int | None
    consumer: str
    at_end: bool | None
    unread_since: datetime | None = None


@dataclass(frozen=True)
class Activity:
    """The verdict, its evidence, the names consumers left, and when it is quiet if nobody saves again."""

    verdict: ActivityVerdict
    reasons: tuple[Message, ...]
    consumers: tuple[str, ...]
    quiet_at: datetime | None = None


def quiet_after(group_timeout: timedelta, flush: timedelta = FLUSH) -> timedelta:
    """Return how long nobody may save until a group counts as quiet."""
    return max(group_timeout, flush)


def activity(
    samples: Sequence[ActivitySample],
    *,
    now: datetime,
    group_timeout: timedelta,
    own_writes: Sequence[tuple[int, datetime, int]] = (),
    flush: timedelta = FLUSH,
) -> Activity:
    """Judge whether a group is being consumed.

    `own_writes` are the (shard, time, position) this product wrote: they are no evidence. An idle consumer at
    the end saves nothing, so silence there proves nothing and is called probably active while a name is on
    the shard.
    """
    latest = _latest(samples)
    names = tuple(sorted({sample.consumer for sample in latest if sample.consumer}))
    silence = quiet_after(group_timeout, flush)

    saves = [one.updated_at for one in latest if one.updated_at is not None and not _own(one, own_writes)]

    def made(verdict: ActivityVerdict, *reasons: Message) -> Activity:
        is_active = verdict is ActivityVerdict.ACTIVE
        quiet_at = max(saves) + silence if is_active and saves else None
        return Activity(verdict, reasons, names, quiet_at)

    if moving := _moving(samples, own_writes):
        return made(
            ActivityVerdict.ACTIVE, say("Saved while we looked, on shards %(shards)s.", shards=moving)
        )
    ages = [now - saved for saved in saves]
    if ages and min(ages) <= silence:
        span = in_words(max(min(ages), timedelta(0)))
        return made(ActivityVerdict.ACTIVE, say("The last checkpoint was saved %(span)s ago.", span=span))
    last = (
        say("The last checkpoint was saved %(span)s ago.", span=in_words(min(ages)))
        if ages
        else say("No consumer has saved a checkpoint.")
    )
    if not names and all(sample.updated_at is None and sample.position is None for sample in latest):
        return made(ActivityVerdict.NEVER, say("No consumer has saved a checkpoint."))
    if waiting := _shards(sample for sample in latest if _left_lying(sample, now, silence)):
        lying = say("Log groups lie unread on shards %(shards)s and nobody saves.", shards=waiting)
        return made(ActivityVerdict.QUIET, last, lying)
    if names:
        idle = say("Consumers that have nothing to read save nothing, so they may still be running.")
        return made(ActivityVerdict.PROBABLY_ACTIVE, last, idle)
    return made(ActivityVerdict.QUIET, last, say("No consumer's name is on any shard."))


def _latest(samples: Iterable[ActivitySample]) -> list[ActivitySample]:
    by_shard: dict[int, ActivitySample] = {}
    for sample in sorted(samples, key=lambda sample: sample.at):
        by_shard[sample.shard] = sample
    return list(by_shard.values())


def _moving(samples: Sequence[ActivitySample], own: Sequence[tuple[int, datetime, int]]) -> str:
    moved = []
    for last in _latest(samples):
        earlier = [sample for sample in samples if sample.shard == last.shard and sample.at < last.at]
        vanished = last.updated_at is None and last.position is None  # made anew: nobody saves "nothing"
        if not vanished and not _own(last, own) and any(_differs(sample, last) for sample in earlier):
            moved.append(last)
    return _shards(moved)


def _differs(one: ActivitySample, other: ActivitySample) -> bool:
    return (one.updated_at, one.position) != (other.updated_at, other.position)


def _own(sample: ActivitySample, own: Sequence[tuple[int, datetime, int]]) -> bool:
    saved = sample.updated_at
    return saved is not None and any(
        (shard, position) == (sample.shard, sample.position) and abs(saved - written) <= _SKEW
        for shard, written, position in own
    )


def _left_lying(sample: ActivitySample, now: datetime, silence: timedelta) -> bool:
    if sample.at_end is not False:
        return False
    return sample.unread_since is None or now - sample.unread_since > silence


def _shards(samples: Iterable[ActivitySample]) -> str:
    return ", ".join(str(shard) for shard in sorted(sample.shard for sample in samples))
