"""What one reading saw, and how it is joined into the facts of a group's shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checkpoints import sls
from checkpoints.domain import positions
from checkpoints.domain.lag import ShardFacts


@dataclass
class Known:
    """What earlier readings of this Logstore tell: begin positions and immutable times of positions."""

    begins: dict[int, int] = field(default_factory=dict)
    times: dict[tuple[int, int], datetime] = field(default_factory=dict)

    def learn(self, facts: Iterable[ShardFacts]) -> None:
        """Take over the positions and times of a stored reading."""
        for fact in facts:
            if fact.begin is not None:
                self.begins[fact.shard] = max(fact.begin, self.begins.get(fact.shard, 0))
                self._keep(fact.shard, fact.begin, fact.begin_at)
            if fact.end is not None:
                self._keep(fact.shard, fact.end - 1, fact.newest_at)
            if (position := position_of(fact.checkpoint)) is not None:
                self._keep(fact.shard, position - 1, fact.read_at)
                self._keep(fact.shard, position, fact.unread_at)

    def _keep(self, shard: int, position: int, at: datetime | None) -> None:
        if at is not None:
            self.times[shard, position] = at


@dataclass(frozen=True)
class GroupSeen:
    """One group as seen: its settings, and its facts per shard or the error that hid them."""

    group: sls.ConsumerGroup
    facts: list[ShardFacts] | None
    error: sls.SLSError | None


@dataclass(frozen=True)
class LogstoreSeen:
    """A Logstore as seen at one instant: the groups that exist, and those that were read."""

    existing: list[sls.ConsumerGroup]
    groups: list[GroupSeen]
    server_time: datetime
    trouble: sls.SLSError | None = None  # every call about a shard failed: one of the errors


@dataclass
class ShardSeen:
    """One shard while it is being read."""

    shard: sls.Shard
    begin: int | None = None
    end: int | None = None
    parents: tuple[int, ...] = ()
    answered: bool = False  # its end or its begin was told
    errors: dict[str, sls.SLSError] = field(default_factory=dict)  # of its begin and its end
    gone: set[int] = field(default_factory=set)  # positions whose time the service says is out of range
    failed: dict[int, sls.SLSError] = field(default_factory=dict)


def position_of(checkpoint: str | None) -> int | None:
    """Return the position inside a checkpoint, or None when it is unknown, unsaved or not decodable."""
    try:
        return positions.decode(checkpoint) if checkpoint else None
    except positions.Undecodable:
        return None


def note(seen: ShardSeen, what: str, error: sls.SLSError | None) -> None:
    """Remember that a cursor could not be read, or forget it after a later answer."""
    if error is None:
        seen.answered = True
        seen.errors.pop(what, None)
    else:
        seen.errors[what] = error


def facts_of(
    seen: ShardSeen, found: sls.Checkpoint | None, times: Mapping[tuple[int, int], datetime]
) -> ShardFacts:
    """Join a shard with the checkpoint of a group; a shard that the answer leaves out was never saved."""
    shard, checkpoint = seen.shard.id, found.checkpoint if found else ""
    position = position_of(checkpoint)

    def at(where: int | None, offset: int = 0) -> datetime | None:
        return None if where is None else times.get((shard, where + offset))

    failed = None if position is None else seen.failed.get(position, seen.failed.get(position - 1))
    error = seen.errors.get("end") or seen.errors.get("begin") or failed
    return ShardFacts(
        shard=shard,
        readonly=seen.shard.status == "readonly",
        checkpoint=checkpoint,
        consumer=found.consumer if found else "",
        updated_at=found.updated_at if found else None,
        begin=seen.begin,
        end=seen.end,
        begin_at=at(seen.begin),
        newest_at=at(seen.end, -1),
        read_at=at(position, -1),
        unread_at=at(position) if position != seen.end else None,
        error=in_words(error) if error else None,
        time_expired=position in seen.gone,
        previous_expired=position is not None and position - 1 in seen.gone,
        parents=seen.parents,
    )


def facts_of_gone(left: sls.Checkpoint) -> ShardFacts:
    """Return the facts of a checkpoint whose shard is no longer listed: nothing is left to consume there."""
    position = position_of(left.checkpoint)
    last = position if left.checkpoint else 0  # never saved, and now there is nothing
    return ShardFacts(
        shard=left.shard,
        readonly=True,
        checkpoint=left.checkpoint,
        consumer=left.consumer,
        updated_at=left.updated_at,
        begin=last,
        end=last,
        error="ListShards: this shard no longer exists",
    )


def in_words(error: sls.SLSError) -> str:
    """Return the error of one shard as a line: the operation, what happened, the request id."""
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{error.operation}: {error.message}{request}"  # the message begins with the code
