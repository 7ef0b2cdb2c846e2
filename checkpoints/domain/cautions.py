"""What has to be known about one move before it is confirmed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from checkpoints.domain import moments, positions
from checkpoints.domain.durations import in_words
from checkpoints.domain.lag import FOR_EVER
from checkpoints.domain.lineage import Lineage
from checkpoints.domain.messages import Message, say

if TYPE_CHECKING:
    from checkpoints.domain.plans import Resolved, ShardBefore

EDGE = timedelta(hours=6)
"""A target closer than this to the end of its retention may be gone before a consumer starts."""


@dataclass(frozen=True)
class Circumstances:
    """What a move depends on beside its two ends.

    `asked_at` is the time asked for, if it was a time; `retention` None is not known. `left_at` is where an
    earlier reset left the shard, when this move undoes it.
    """

    now: datetime
    retention: timedelta | None = None
    asked_at: datetime | None = None
    lineage: Lineage = field(default_factory=Lineage)
    left_at: int | None = None

    @property
    def is_made_later(self) -> bool:
        """Whether a split or merge made the shard after the time asked for."""
        made_at = self.lineage.created_at
        return bool(self.asked_at and made_at and self.asked_at < made_at and self.lineage.parents)

    @property
    def is_past_retention(self) -> bool:
        """Whether log groups of the time asked for may have been deleted."""
        if self.asked_at is None or self.retention is None:
            return self.asked_at is not None and not self.is_made_later
        return self.asked_at < self.now - self.retention


def about(before: ShardBefore, after: Resolved, around: Circumstances) -> Iterator[Message]:
    """Yield what to know about target, shard and present checkpoint, in this order."""
    yield from _about_time(around)
    yield from _about_clamp(before, after, around)
    yield from _about_expiry(before, after, around)
    yield from _about_shard(before, after, around.lineage)
    yield from _about_checkpoint(before)
    if around.left_at is not None:
        yield from _since_reset(before, after, around.left_at)


def _about_time(around: Circumstances) -> Iterator[Message]:
    if around.asked_at is None:
        return
    if around.asked_at > around.now:
        yield say("The time asked for lies in the future.")
    if around.is_made_later and around.lineage.created_at:
        yield say(
            "This shard was made by a split or merge at %(time)s, after the time asked for.",
            time=moments.utc(around.lineage.created_at),
        )
        yield from _about_parents(around.lineage)


def _about_parents(lineage: Lineage) -> Iterator[Message]:
    if inside := lineage.parents_in_plan:
        yield say("What came before lies in its parents in this plan: %(shards)s.", shards=_named(inside))
    if outside := lineage.parents_outside:
        yield say(
            "What came before lies in its parents, which are not in this plan: %(shards)s.",
            shards=_named(outside),
        )


def _about_clamp(before: ShardBefore, after: Resolved, around: Circumstances) -> Iterator[Message]:
    if after.clamped == "end":
        yield say("What was asked for lies after the newest log group: the end is taken instead.")
    if after.clamped != "begin":
        return
    if around.asked_at is None or before.begin_at is None:
        yield say("What was asked for is no longer retained: the oldest log group is taken instead.")
    elif around.is_past_retention:
        yield say(
            "What was asked for is no longer retained: %(span)s are already gone, the oldest log group is"
            " taken instead.",
            span=in_words(before.begin_at - around.asked_at),
        )
    elif not around.is_made_later:
        yield say(
            "This shard holds nothing as old as that: its oldest log group came %(span)s later and is taken"
            " instead.",
            span=in_words(before.begin_at - around.asked_at),
        )


def _about_expiry(before: ShardBefore, after: Resolved, around: Circumstances) -> Iterator[Message]:
    retention = around.retention
    if retention is None or retention >= FOR_EVER or after.time is None or after.position == before.end:
        return
    left = after.time + retention - around.now
    if left < EDGE:
        yield say(
            "The target expires in %(span)s and may be gone before a consumer starts.",
            span=in_words(max(left, timedelta(0))),
        )


def _about_shard(before: ShardBefore, after: Resolved, lineage: Lineage) -> Iterator[Message]:
    is_empty = before.begin is not None and before.begin == before.end
    was_finished = before.position is not None and before.position == before.end
    if is_empty and before.readonly:
        yield say("This read-only shard holds no log group any more: there is nothing left to consume.")
    elif is_empty:
        yield say("This shard holds no log group: there is nothing to consume before the next one arrives.")
    elif before.readonly and was_finished and after.position != before.position:
        yield say("This read-only shard was finished: running consumers will take it up again by themselves.")
    elif before.readonly:
        yield say("This shard is read-only: nothing is added to it since it was split or merged.")
    if lineage.waits_for:
        yield say(
            "This group consumes in order: this shard waits until its parents are consumed: %(shards)s.",
            shards=_named(lineage.waits_for),
        )


def _about_checkpoint(before: ShardBefore) -> Iterator[Message]:
    if before.position is None:
        yield from _about_no_position(before)
        return
    if before.begin is not None and before.position < before.begin:
        yield say(
            "The present checkpoint has expired: %(count)d log groups before the retained range are gone.",
            count=before.begin - before.position,
        )
    if before.end is not None and before.position > before.end:
        yield say("The present checkpoint lies after the end of this shard, so it is not of this shard.")


def _about_no_position(before: ShardBefore) -> Iterator[Message]:
    if before.cursor == positions.UNSAVED:
        yield say("This shard never had a checkpoint: consumers will start here, not at their own setting.")
    else:
        yield say("The present checkpoint cannot be read, so there is nothing to compare with.")
    if before.begin is None:
        yield say("How many log groups are skipped is not known.")


def _since_reset(before: ShardBefore, after: Resolved, left_at: int) -> Iterator[Message]:
    """Say what going back means for what was consumed after the reset."""
    if before.position is None or before.position <= left_at:
        return
    count = before.position - left_at
    if after.position < before.position:
        again = before.position - max(after.position, left_at)
        yield say(
            "%(count)d log groups were consumed since the reset: %(again)d of them are replayed.",
            count=count,
            again=again,
        )
    else:
        yield say(
            "%(count)d log groups were consumed since the reset: the %(skipped)d after them are skipped.",
            count=count,
            skipped=after.position - before.position,
        )


def _named(shards: tuple[int, ...]) -> str:
    return ", ".join(str(shard) for shard in shards)
