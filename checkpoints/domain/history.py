"""The history of a group: each shard at each reading, the group as a whole, and how both are packed.

Here times are epoch seconds and spans are seconds, because that is how they are packed (domain/packing.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from checkpoints.domain.lag import ShardFacts, ShardLag, State
from checkpoints.domain.packing import pack, unpack


@dataclass(frozen=True)
class Level:
    """How fine a history is: a sample per `step` seconds (0: per reading), a chunk per `span` seconds."""

    number: int
    step: int
    span: int

    def start(self, at: int) -> int:
        """Return when the chunk begins that holds a time."""
        return at - at % self.span


def gap(interval: int) -> int:
    """Return over how many seconds without a reading no rate is told, with a reading every `interval`."""
    return max(1800, 5 * interval // 2)


RAW, FIVE, HOURLY = Level(0, 0, 900), Level(1, 300, 86_400), Level(2, 3600, 7 * 86_400)
# Stored by its place: new states go to the end.
_STATES = (
    State.UNKNOWN, State.CAUGHT_UP, State.BEHIND, State.AT_BEGIN, State.EXPIRED, State.INVALID,
    State.NEVER_SAVED, State.EMPTY, State.FINISHED,
)  # fmt: skip
_CODES = {state: code for code, state in enumerate(_STATES)}


class Seen(NamedTuple):
    """One shard at one time; times as in ShardFacts, `saved_at` is that of the last commit."""

    state: State
    end: int | None
    position: int | None
    backlog: int | None
    lag: int | None
    newest_at: int | None
    read_at: int | None
    unread_at: int | None
    saved_at: int | None
    owner: str


class Sample(NamedTuple):
    """All shards of a group at one time."""

    at: int
    shards: Mapping[int, Seen]


class Total(NamedTuple):
    """A group at one time, or over the step that ends then: its greatest and least lag and backlog.

    `at_least` is 1 when the lag is a lower bound. `written` and `drained` are the log groups that arrived and
    that were consumed within `written_in` and `drained_in` seconds.
    """

    at: int
    lag: int | None
    lag_low: int | None
    at_least: int
    backlog: int | None
    backlog_low: int | None
    written: int | None
    written_in: int
    drained: int | None
    drained_in: int

    @property
    def write_rate(self) -> float | None:
        """Log groups a second that arrived."""
        return None if self.written is None else self.written / self.written_in

    @property
    def drain_rate(self) -> float | None:
        """Log groups a second that were consumed."""
        return None if self.drained is None else self.drained / self.drained_in


class Mark(NamedTuple):
    """Something that happened to some shards.

    "foreign": they went back, "ahead": they jumped ahead, both by nobody of the group. "owner": somebody
    took them.
    """

    at: int
    kind: str
    shards: tuple[int, ...]
    who: str


def pack_totals(points: Iterable[Total]) -> bytes:
    """Return the totals of a chunk as bytes."""
    return pack(list(zip(*points, strict=True)))


def unpack_totals(stored: bytes) -> list[Total]:
    """Return what pack_totals() was given."""
    return list(map(Total._make, zip(*unpack(stored).columns(), strict=True)))


def pack_samples(samples: Sequence[Sample]) -> bytes:
    """Return the samples of a chunk as bytes: one column of times, and one for each field of each shard."""
    shards = sorted({shard for one in samples for shard in one.shards})
    owners = sorted({seen.owner for one in samples for seen in one.shards.values()})
    places = {owner: place for place, owner in enumerate(owners)}
    columns: list[Sequence[int | None]] = [[one.at for one in samples]]
    for shard in shards:
        columns += zip(*(_numbers(one.shards.get(shard), places) for one in samples), strict=True)
    return pack(columns, {"shards": shards, "owners": owners})


def unpack_samples(stored: bytes, only: int | None = None) -> list[Sample]:
    """Return what pack_samples() was given, or of it only one shard."""
    packed = unpack(stored)
    times = packed.column(0)
    found: list[dict[int, Seen]] = [{} for _ in times]
    for place, shard in enumerate(packed.about["shards"]):
        if only is not None and shard != only:
            continue
        rows = zip(*(packed.column(1 + place * _FIELDS + field) for field in range(_FIELDS)), strict=True)
        for shards, row in zip(found, rows, strict=True):
            if (state := row[0]) is not None:
                shards[shard] = Seen._make((_STATES[state], *row[1:-1], packed.about["owners"][row[-1]]))
    return [Sample(at or 0, shards) for at, shards in zip(times, found, strict=True)]


_FIELDS = len(Seen._fields)
_ABSENT = (None,) * _FIELDS


def _numbers(seen: Seen | None, places: Mapping[str, int]) -> tuple[int | None, ...]:
    return _ABSENT if seen is None else (_CODES[seen.state], *seen[1:-1], places[seen.owner])


def sample(at: datetime, facts: Sequence[ShardFacts], lags: Sequence[ShardLag]) -> Sample:
    """Return a reading as a sample."""
    pairs = zip(facts, lags, strict=True)
    return Sample(int(at.timestamp()), {fact.shard: _seen(fact, found) for fact, found in pairs})


def _seen(fact: ShardFacts, found: ShardLag) -> Seen:
    return Seen(
        found.state,
        fact.end,
        found.position,
        found.backlog,
        None if found.lag is None else round(found.lag.total_seconds()),
        _epoch(fact.newest_at),
        _epoch(fact.read_at),
        _epoch(fact.unread_at),
        _epoch(fact.updated_at),
        fact.consumer,
    )


def _epoch(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
