"""What was last known of shards that cannot be read just now, for as long as that lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from checkpoints.domain.lag import ShardFacts


def is_known(fact: ShardFacts) -> bool:
    """Whether both the checkpoint and the end of a shard were read."""
    return fact.checkpoint is not None and fact.end is not None


def keep(facts: Sequence[ShardFacts], earlier: Iterable[ShardFacts], at: datetime) -> list[ShardFacts]:
    """Give each shard that could not be read what was last known of it.

    `earlier` are the facts of the reading before, which was taken `at`; they may tell of older ones.
    """
    before = {fact.shard: fact for fact in earlier}
    return [_with_last(fact, before.get(fact.shard), at) for fact in facts]


def _with_last(fact: ShardFacts, before: ShardFacts | None, at: datetime) -> ShardFacts:
    if before is None or fact.before is not None or is_known(fact):
        return fact
    if is_known(before):
        return replace(fact, before=before, before_at=at)
    return replace(fact, before=before.before, before_at=before.before_at)


def nothing_is(facts: Sequence[ShardFacts]) -> bool:
    """Whether none of the shards could be read, of which some were once."""
    return not any(map(is_known, facts)) and any(fact.before is not None for fact in facts)


def as_they_were(facts: Iterable[ShardFacts]) -> list[ShardFacts]:
    """Return what was last known in the place of what could not be read."""
    return [fact.before or fact for fact in facts]
