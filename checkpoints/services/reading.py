"""Reads one Logstore from the service with as few calls as can be; touches no database.

Shared by all groups: ListShards, ListConsumerGroup and GetCursor(end) per shard. One GetCheckPoint per
group. Times only for shards that are behind, and never twice for the same position: the time of a position
does not change while it is retained (docs/sls-protocol.md, Lag).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from checkpoints import sls
from checkpoints.domain import positions
from checkpoints.domain.lag import ShardFacts
from checkpoints.services import parallel


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


@dataclass
class ShardSeen:
    """One shard while it is being read."""

    shard: sls.Shard
    begin: int | None = None
    end: int | None = None
    errors: dict[str, sls.SLSError] = field(default_factory=dict)  # of its begin and its end
    gone: set[int] = field(default_factory=set)  # positions whose time the service says is out of range
    failed: dict[int, sls.SLSError] = field(default_factory=dict)


def position_of(checkpoint: str | None) -> int | None:
    """Return the position inside a checkpoint, or None when it is unknown, unsaved or not decodable."""
    try:
        return positions.decode(checkpoint) if checkpoint else None
    except positions.Undecodable:
        return None


def read(
    client: sls.Client,
    project: str,
    logstore: str,
    *,
    only: str | None,
    known: Known,
    refresh_begins: bool,
    retention: timedelta | None,
) -> LogstoreSeen:
    """Read every group of a Logstore, or only the one named; raises SLSError when the lists cannot be had."""
    return _Reader(client, project, logstore, known, refresh_begins, retention).read(only)


class _Reader:
    """The steps of one reading; answers are handled as they arrive, so that no thread waits for a phase."""

    def __init__(
        self,
        client: sls.Client,
        project: str,
        logstore: str,
        known: Known,
        refresh_begins: bool,
        retention: timedelta | None,
    ) -> None:
        self.client, self.project, self.logstore = client, project, logstore
        self.pool = parallel.pool(client)
        self.known, self.refresh_begins, self.retention = known, refresh_begins, retention
        self.shards: dict[int, ShardSeen] = {}
        self.checkpoints: dict[str, list[sls.Checkpoint] | sls.SLSError] = {}
        self.handlers: dict[Future[Any], Callable[[Any, sls.SLSError | None], None]] = {}
        self.asked: set[tuple[int, int]] = set()
        self.server_time: datetime | None = None

    def read(self, only: str | None) -> LogstoreSeen:
        start = self.pool.submit
        listing = start(self.client.list_shards, self.project, self.logstore)
        groups = start(self.client.list_consumer_groups, self.project, self.logstore)
        if only is not None:
            self._ask_checkpoints(only)
        try:
            shards = listing.result()
            self.server_time = shards.server_time
            self._ask_ends(shards.value)
            existing = groups.result().value
        except sls.SLSError:
            self._abandon([listing, groups])
            raise
        wanted = [group for group in existing if only in (None, group.name)]
        for group in wanted if only is None else ():
            self._ask_checkpoints(group.name)
        self._drain()
        self._ask_ends_again()
        self._ask_times()
        self._drain()
        self._ask_begins_of_expired()
        self._drain()
        return LogstoreSeen(existing, [self._seen(group) for group in wanted], self.server_time)

    def _abandon(self, futures: list[Future[Any]]) -> None:
        for future in [*futures, *self.handlers]:
            future.cancel()

    def _ask(self, handler: Callable[[Any, sls.SLSError | None], None], call: Any, *args: object) -> None:
        self.handlers[self.pool.submit(call, self.project, self.logstore, *args)] = handler

    def _drain(self) -> None:
        """Handle answers until none is outstanding; a handler may ask for more."""
        while self.handlers:
            waiting, self.handlers = self.handlers, {}
            for future in as_completed(waiting):
                error = future.exception()
                if error is not None and not isinstance(error, sls.SLSError):
                    raise error
                waiting[future](None if error else future.result().value, error)

    def _ask_checkpoints(self, group: str) -> None:
        def arrived(found: list[sls.Checkpoint] | None, error: sls.SLSError | None) -> None:
            self.checkpoints[group] = error or found or []

        self._ask(arrived, self.client.get_checkpoints, group)

    def _ask_ends(self, shards: list[sls.Shard]) -> None:
        for shard in shards:
            seen = self.shards[shard.id] = ShardSeen(shard, begin=self.known.begins.get(shard.id))
            self._ask(self._end_arrived(seen), self.client.get_cursor, shard.id, "end")
            if self.refresh_begins or seen.begin is None:
                self._ask_begin(seen)

    def _end_arrived(self, seen: ShardSeen) -> Callable[[str | None, sls.SLSError | None], None]:
        def arrived(cursor: str | None, error: sls.SLSError | None) -> None:
            seen.end = position_of(cursor)
            _note(seen, "end", error)

        return arrived

    def _ask_ends_again(self) -> None:
        """Read the end anew where a consumer committed past the one we read a moment before."""
        overtaken = {
            seen.shard.id: seen for seen, position in self._pairs() if position > (seen.end or position)
        }
        for seen in overtaken.values():
            self._ask(self._end_arrived(seen), self.client.get_cursor, seen.shard.id, "end")
        if overtaken:
            self._drain()

    def _pairs(self) -> Iterator[tuple[ShardSeen, int]]:
        """Each shard with the position of each group that has one there."""
        for checkpoints in self.checkpoints.values():
            for found in checkpoints if isinstance(checkpoints, list) else ():
                seen, position = self.shards.get(found.shard), position_of(found.checkpoint)
                if seen and position is not None:
                    yield seen, position

    def _ask_begin(self, seen: ShardSeen) -> None:
        def arrived(cursor: str | None, error: sls.SLSError | None) -> None:
            _note(seen, "begin", error)
            if (position := position_of(cursor)) is not None:
                seen.begin = position

        self._ask(arrived, self.client.get_cursor, seen.shard.id, "begin")

    def _ask_times(self) -> None:
        for seen, position in self._pairs():
            self._ask_times_of(seen, position)

    def _ask_times_of(self, seen: ShardSeen, position: int) -> None:
        """Ask for t(e-1), t(c-1) and t(c) of a shard that is behind, as far as they are not known."""
        begin, end = seen.begin, seen.end
        if end is None or position >= end or begin == end:
            return
        self._ask_time(seen, end - 1)
        if begin is None or position > begin:
            self._ask_time(seen, position - 1)
        if begin is None or position >= begin:
            self._ask_time(seen, position)
        if begin is not None and position <= begin:
            self._ask_time(seen, begin)

    def _ask_time(self, seen: ShardSeen, position: int) -> None:
        key = (seen.shard.id, position)
        if key in self.known.times or key in self.asked:
            return
        self.asked.add(key)

        def arrived(at: datetime | None, error: sls.SLSError | None) -> None:
            if at is not None:
                self.known.times[key] = at
            elif isinstance(error, sls.ApiError) and error.is_invalid_cursor:
                seen.gone.add(position)
            elif error is not None:
                seen.failed[position] = error

        self._ask(arrived, self.client.get_cursor_time, seen.shard.id, positions.encode(position))

    def _ask_begins_of_expired(self) -> None:
        """Read the begin again where a time was refused or a checkpoint is older than the retention."""
        for seen, position in self._pairs():
            if self._looks_expired(seen, position):
                self._reread_begin(seen, position)

    def _looks_expired(self, seen: ShardSeen, position: int) -> bool:
        if seen.begin is not None and position < seen.begin:
            return False  # known to be expired
        at = self.known.times.get((seen.shard.id, position))
        too_old = bool(at and self.retention and self.server_time and at + self.retention < self.server_time)
        return too_old or bool(seen.gone & {position, position - 1} and position != seen.begin)

    def _reread_begin(self, seen: ShardSeen, position: int) -> None:
        def arrived(cursor: str | None, error: sls.SLSError | None) -> None:
            _note(seen, "begin", error)
            if (begin := position_of(cursor)) is not None:
                seen.begin = begin
                self._ask_times_of(seen, position)

        self._ask(arrived, self.client.get_cursor, seen.shard.id, "begin")

    def _seen(self, group: sls.ConsumerGroup) -> GroupSeen:
        found = self.checkpoints.get(group.name, [])
        if isinstance(found, sls.SLSError):
            return GroupSeen(group, None, found)
        by_shard = {checkpoint.shard: checkpoint for checkpoint in found}
        facts = [facts_of(seen, by_shard.get(shard), self.known.times) for shard, seen in self.shards.items()]
        gone = [facts_of_gone(left) for shard, left in by_shard.items() if shard not in self.shards]
        return GroupSeen(group, [*facts, *gone], None)


def _note(seen: ShardSeen, what: str, error: sls.SLSError | None) -> None:
    """Remember that a cursor could not be read, or forget it after a later answer."""
    if error is None:
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
    )


def facts_of_gone(left: sls.Checkpoint) -> ShardFacts:
    """Return the facts of a checkpoint whose shard is no longer listed: nothing is left to consume there."""
    position = position_of(left.checkpoint)
    return ShardFacts(
        shard=left.shard,
        readonly=True,
        checkpoint=left.checkpoint,
        consumer=left.consumer,
        updated_at=left.updated_at,
        begin=position,
        end=position,
        error="ListShards: this shard no longer exists",
    )


def in_words(error: sls.SLSError) -> str:
    """Return the error of one shard as a line: the operation, what happened, the request id."""
    code = f" {error.code}" if isinstance(error, sls.ApiError) else ""
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{error.operation}{code}: {error.message}{request}"
