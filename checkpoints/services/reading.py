"""Reads one Logstore from the service with as few calls as can be; touches no database.

Shared by all groups: ListShards, ListConsumerGroup and GetCursor(end) per shard. One GetCheckPoint per
group. Times only for shards that are behind, and never twice for the same position: the time of a position
does not change while it is retained (docs/sls-protocol.md, Lag).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from checkpoints import sls
from checkpoints.domain import lineage, positions
from checkpoints.services import parallel
from checkpoints.services.seen import (
    GroupSeen,
    Known,
    LogstoreSeen,
    ShardSeen,
    facts_of,
    facts_of_gone,
    note,
    position_of,
)

SECONDS = 20.0
"""How long one reading may take in all, however many calls it makes one after the other."""


def read(  # noqa: PLR0913 -- what one reading depends on
    client: sls.Client,
    project: str,
    logstore: str,
    *,
    only: str | None,
    left_out: frozenset[str] = frozenset(),
    known: Known,
    refresh_begins: bool,
    retention: timedelta | None,
    ages: bool = False,
    seconds: float = SECONDS,
) -> LogstoreSeen:
    """Read every group of a Logstore but some, or only the one named; raises SLSError without the lists.

    With `ages` the time of each begin is asked for as well, which only somebody who looks needs to know.
    What has not arrived after `seconds`, the rest of SECONDS, counts as not answered: those shards or groups
    carry the error.
    """
    reader = _Reader(client, project, logstore, known, refresh_begins, retention, seconds)
    return reader.read(only, left_out, ages=ages)


class _Reader:
    """The steps of one reading: what is asked for at once, what after that, and what each answer is for."""

    def __init__(
        self,
        client: sls.Client,
        project: str,
        logstore: str,
        known: Known,
        refresh_begins: bool,
        retention: timedelta | None,
        seconds: float,
    ) -> None:
        self.client, self.project, self.logstore = client, project, logstore
        self.pool = parallel.pool(client)
        self.known, self.refresh_begins, self.retention = known, refresh_begins, retention
        self.shards: dict[int, ShardSeen] = {}
        self.checkpoints: dict[str, list[sls.Checkpoint] | sls.SLSError] = {}
        self.handlers: dict[Future[Any], Callable[[Any, sls.SLSError | None], None]] = {}
        self.asked: set[tuple[int, int]] = set()
        self.server_time: datetime | None = None
        self.deadline = monotonic() + seconds

    def read(self, only: str | None, left_out: frozenset[str], *, ages: bool) -> LogstoreSeen:
        start = self.pool.submit
        listing = start(self.client.list_shards, self.project, self.logstore)
        groups = start(self.client.list_consumer_groups, self.project, self.logstore)
        if only is not None:
            self._ask_checkpoints(only)
        try:
            shards = listing.result(self._left())
            self.server_time = shards.server_time
            self._ask_ends(shards.value)
            existing = groups.result(self._left()).value
        except sls.SLSError:
            self._abandon([listing, groups])
            raise
        except TimeoutError:
            self._abandon([listing, groups])
            operation = "ListShards" if self.server_time is None else "ListConsumerGroup"
            words = f"The service did not answer within {SECONDS:g} seconds"
            raise sls.Timeout(words, operation=operation) from None
        wanted = [group for group in existing if only in (None, group.name) and group.name not in left_out]
        for group in wanted if only is None else ():
            self._ask_checkpoints(group.name)
        self._drain()
        self._ask_ends_again()
        self._ask_times()
        if ages:
            self._ask_ages()
        self._drain()
        self._ask_begins_of_expired()
        self._drain()
        groups_seen = [self._seen(group) for group in wanted]
        return LogstoreSeen(existing, groups_seen, self.server_time, self._trouble())

    def _trouble(self) -> sls.SLSError | None:
        if any(seen.answered for seen in self.shards.values()):
            return None
        return next((error for seen in self.shards.values() for error in seen.errors.values()), None)

    def _abandon(self, futures: list[Future[Any]]) -> None:
        for future in [*futures, *self.handlers]:
            future.cancel()

    def _ask(self, handler: Callable[[Any, sls.SLSError | None], None], call: Any, *args: object) -> None:
        self.handlers[self.pool.submit(call, self.project, self.logstore, *args)] = handler

    def _drain(self) -> None:
        """Handle answers until none is outstanding; a handler may ask for more."""
        while self.handlers:
            waiting, self.handlers = self.handlers, {}
            arrived = wait(waiting, timeout=self._left()).done  # one waking for all of them
            for future, handler in waiting.items():
                if future in arrived:
                    self._handle(future, handler)
                else:
                    future.cancel()
                    handler(None, self._late())

    def _handle(self, future: Future[Any], handler: Callable[[Any, sls.SLSError | None], None]) -> None:
        error = future.exception()
        if error is not None and not isinstance(error, sls.SLSError):
            raise error
        handler(None if error else future.result().value, error)

    def _left(self) -> float:
        return max(0.0, self.deadline - monotonic())

    @staticmethod
    def _late() -> sls.Timeout:
        return sls.Timeout(f"Not everything was read within {SECONDS:g} seconds", operation="Reading")

    def _ask_checkpoints(self, group: str) -> None:
        def arrived(found: list[sls.Checkpoint] | None, error: sls.SLSError | None) -> None:
            self.checkpoints[group] = error or found or []

        self._ask(arrived, self.client.get_checkpoints, group)

    def _ask_ends(self, shards: list[sls.Shard]) -> None:
        older = lineage.parents(shards)
        for shard in shards:
            begin = self.known.begins.get(shard.id)
            seen = self.shards[shard.id] = ShardSeen(shard, begin=begin, parents=tuple(older[shard.id]))
            self._ask(self._end_arrived(seen), self.client.get_cursor, shard.id, "end")
            if self.refresh_begins or seen.begin is None:
                self._ask_begin(seen)

    def _end_arrived(self, seen: ShardSeen) -> Callable[[str | None, sls.SLSError | None], None]:
        def arrived(cursor: str | None, error: sls.SLSError | None) -> None:
            seen.end = position_of(cursor)
            note(seen, "end", error)

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
            note(seen, "begin", error)
            if (position := position_of(cursor)) is not None:
                seen.begin = position

        self._ask(arrived, self.client.get_cursor, seen.shard.id, "begin")

    def _ask_times(self) -> None:
        for seen, position in self._pairs():
            self._ask_times_of(seen, position)

    def _ask_ages(self) -> None:
        """Ask for t(b) of each shard with data, when it is not known: since when data is kept."""
        for seen in self.shards.values():
            if seen.begin is not None and seen.end is not None and seen.begin < seen.end:
                self._ask_time(seen, seen.begin)

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
            note(seen, "begin", error)
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
