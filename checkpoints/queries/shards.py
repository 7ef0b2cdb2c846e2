"""The rows of the shard table of one group, from the facts of a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checkpoints.domain import lag, lateness, lineage, rhythm, verdicts
from checkpoints.domain.lag import ShardFacts, ShardLag, State
from checkpoints.domain.thresholds import Thresholds
from checkpoints.domain.tide import Tide, tide
from checkpoints.domain.verdicts import Verdict
from checkpoints.models import ConsumerGroup
from checkpoints.queries.risk import risk

WAITING = (State.NEVER_SAVED, State.AT_BEGIN)
"""States of a shard of which nothing was consumed yet."""


@dataclass(frozen=True)
class ShardRow:
    """A shard as the table shows it; `tone` colours the unread part of its bar.

    `word` is that of templatetags.wording.SHARDS. `kept_for` is the age of the oldest log group, `lost_for`
    how much time was lost; both when known. `waits_for` are the parents that are consumed first.
    """

    facts: ShardFacts
    lag: ShardLag
    word: str
    is_late: bool
    tide: Tide | None
    tone: str
    risk: str
    last_known: ShardLag | None
    last_known_at: datetime | None
    kept_for: timedelta | None
    lost_for: timedelta | None
    parents: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    waits_for: list[int] = field(default_factory=list)


def rows(
    group: ConsumerGroup, facts: Sequence[ShardFacts], *, now: datetime, as_of: datetime, limits: Thresholds
) -> list[ShardRow]:
    """Return a row for each shard that was read `as_of`, as it is `now`."""
    retention = group.logstore.retention
    lags = [lag.assess(fact, now=now, retention=retention) for fact in facts]
    parents = lineage.nearest({fact.shard: fact.parents for fact in facts})
    table = _Table(
        group=group,
        now=now,
        as_of=as_of,
        retention=retention,
        limits=limits,
        late_word=_late_word(group),
        parents=parents,
        children=lineage.children(parents),
        unread={one.shard for one in lags if one.state is not State.FINISHED},
    )
    return [table.row(fact, found) for fact, found in zip(facts, lags, strict=True)]


def _late_word(group: ConsumerGroup) -> str:
    """Return the verdict of late shards when there is only one, else the word that is true of all of them."""
    late = sorted(verdicts.LATE.intersection(group.words))
    return late[0] if len(late) == 1 else State.BEHIND.value


@dataclass(frozen=True)
class _Table:
    """What all rows of a group have in common."""

    group: ConsumerGroup
    now: datetime
    as_of: datetime
    retention: timedelta | None
    limits: Thresholds
    late_word: str
    parents: Mapping[int, list[int]]
    children: Mapping[int, list[int]]
    unread: set[int]

    def row(self, fact: ShardFacts, found: ShardLag) -> ShardRow:
        near = risk(found.data_loss_in, retention=self.retention, limits=self.limits)
        late, word = self._judged(found)
        known = self._last_known(found, fact.before)
        return ShardRow(
            facts=fact,
            lag=found,
            word=word,
            is_late=late,
            tide=tide(fact.begin, fact.end, found.position, lost=found.lost),
            tone="bad" if found.state is State.EXPIRED or near == "bad" else "" if late else "calm",
            risk=near,
            last_known=known,
            last_known_at=fact.before_at if known else None,
            kept_for=None if fact.begin_at is None else max(timedelta(0), self.now - fact.begin_at),
            lost_for=_lost_for(fact, found),
            parents=self.parents.get(fact.shard, []),
            children=self.children.get(fact.shard, []),
            waits_for=self._waits_for(found),
        )

    def _judged(self, found: ShardLag) -> tuple[bool, str]:
        """Return whether a shard is late, and its word; one saved rarely is not late between two saves."""
        limit = self.limits.late_from(was_late=self.group.verdict in verdicts.LATE)
        late = lateness.is_late(found, limit=limit, since=self.now - self.as_of)
        if late and found.state is State.BEHIND and self._saves_rarely(found.shard):
            return False, Verdict.RARELY_SAVES.value
        return late, lateness.word(found, late=late, late_word=self.late_word)

    def _saves_rarely(self, shard: int) -> bool:
        visits = rhythm.load(self.group.rhythm.get(str(shard), []))
        return rhythm.saves_rarely(visits, int(self.as_of.timestamp()), late=self.limits.late)

    def _last_known(self, found: ShardLag, before: ShardFacts | None) -> ShardLag | None:
        if found.state is not State.UNKNOWN or before is None:
            return None
        return lag.assess(before, now=self.now, retention=self.retention)

    def _waits_for(self, found: ShardLag) -> list[int]:
        """Return the parents that an in-order group consumes before it begins with a shard."""
        if not self.group.in_order or found.state not in WAITING:
            return []
        return [one for one in self.parents.get(found.shard, []) if one in self.unread]


def _lost_for(fact: ShardFacts, found: ShardLag) -> timedelta | None:
    """Return from when to when all was lost; the time of the checkpoint is known if it was read in time."""
    if found.state is not State.EXPIRED or fact.unread_at is None or fact.begin_at is None:
        return None
    return max(timedelta(0), fact.begin_at - fact.unread_at)
