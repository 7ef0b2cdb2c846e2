"""A month in the life of a few groups, packed as the product does it: what a whole fleet is made of.

Each kind of group is played once per width and seed, in minutes for the last two days and coarser before;
all groups of that kind are given the same past. Playing 1,500 of them would take hours for the same pages.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import pi, sin
from typing import Any

from checkpoints.domain import history, rollup, sparks
from checkpoints.domain.history import FIVE, HOURLY, RAW, Level, Sample, Total
from checkpoints.domain.lag import ShardFacts, assess
from checkpoints.domain.positions import encode
from checkpoints.models.facts import dump

FIRST = 1_547_470_682_376_513_446
RETENTION = timedelta(days=30)
RAW_KEPT, FIVE_KEPT = timedelta(hours=48), timedelta(days=14)
READINGS = 75
"""Minutes of which readings are kept as JSON: what the product keeps for verdicts."""
GAP = 1800
CAPACITY = 1.1
"""How much faster than the usual pace a consumer of the kind "bursty" reads at most."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STOPPED_FOR = 3 * HOUR
PER_MILLE = {
    "steady": 620, "busy": 80, "idle": 120, "bursty": 80,
    "stopped": 30, "losing": 15, "never": 40, "silent": 15,
}  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """A row of the history without its group."""

    level: int
    starts_at: datetime
    samples: int
    marks: list[Any]
    totals: bytes
    shards: bytes


@dataclass(frozen=True)
class Life:
    """A kind of group at one width: chunks, last readings, small line, and how far it is packed."""

    kind: str
    chunks: list[Chunk]
    readings: list[tuple[datetime, list[dict[str, Any]]]]
    facts: list[ShardFacts]
    recent: bytes
    untils: dict[str, datetime]


def kind_of(number: int) -> str:
    """Return the kind of a group by a number that looks like chance."""
    left = number % 1000
    for kind, share in PER_MILLE.items():
        if left < share:
            return kind
        left -= share
    return "steady"


def play(kind: str, shards: int, *, now: datetime, days: int, seed: int) -> Life:
    """Return the life of a group of a kind that was read until now."""
    begin = now - timedelta(days=days)
    seen = list(_readings(kind, shards, _times(begin, now), random.Random(f"{kind}{shards}{seed}")))
    samples = [
        history.sample(at, facts, [assess(fact, now=at, retention=None) for fact in facts])
        for at, facts in seen
    ]
    points = rollup.totals(samples, before=None, own=[], gap=GAP)
    raw_until = _start(RAW, now - timedelta(minutes=5))
    five_until = _start(FIVE, raw_until)
    hourly_until = _start(HOURLY, five_until)
    chunks = [
        *_chunks(RAW, samples, points, now - RAW_KEPT, raw_until),
        *_chunks(FIVE, samples, points, now - FIVE_KEPT, five_until),
        *_chunks(HOURLY, samples, points, begin, hourly_until),
    ]
    kept = [(at, dump(facts)) for at, facts in seen[-READINGS:]]
    untils = {
        "begins_at": begin,
        "raw_until": raw_until,
        "five_until": five_until,
        "hourly_until": hourly_until,
    }
    return Life(kind, chunks, kept, seen[-1][1], _recent(points), untils)


def _times(begin: datetime, now: datetime) -> Iterator[datetime]:
    at = now - timedelta(days=(now - begin).days)
    while at <= now:
        yield at
        age = now - at
        at += timedelta(minutes=1 if age <= RAW_KEPT + HOUR else 5 if age <= FIVE_KEPT + DAY else 20)


def _readings(
    kind: str, shards: int, times: Iterable[datetime], dice: random.Random
) -> Iterator[tuple[datetime, list[ShardFacts]]]:
    moments = list(times)
    group = [_Shard(kind, number, dice) for number in range(shards)]
    before = moments[0]
    for at in moments:
        for shard in group:
            shard.live(at, (at - before).total_seconds() / 60, moments[-1])
        before = at
        yield at, [shard.facts(at, moments[-1]) for shard in group]


class _Shard:
    """A shard and the checkpoint of its group while they are played."""

    def __init__(self, kind: str, number: int, dice: random.Random) -> None:
        self.kind, self.number, self.dice = kind, number, dice
        self.end = self.place = FIRST + dice.randrange(10**9)
        self.first = self.end
        self.pace = dice.uniform(2, 40) * (5 if kind == "busy" else 1)
        self.newest = self.saved = datetime.min.replace(tzinfo=UTC)

    def live(self, at: datetime, minutes: float, until: datetime) -> None:
        """Let log groups arrive and be consumed for some minutes."""
        day = (at - until).total_seconds() / 86_400
        pace = self.pace * (1 + 0.6 * sin(2 * pi * (day + 0.3))) if self.kind == "bursty" else self.pace
        if self.kind != "idle" or self.dice.random() < 0.01:
            self.end += max(0, int(self.dice.gauss(pace, pace / 5) * minutes))
            self.newest = at - timedelta(seconds=self.dice.randrange(3))
        if self._rests(at, until):
            return
        wanted = self.end - self.place
        most = CAPACITY * self.pace * minutes if self.kind == "bursty" else wanted
        self.place += min(wanted, int(most)) if self.dice.random() < 0.9 else int(0.8 * min(wanted, most))
        self.saved = at - timedelta(seconds=self.dice.randrange(5))

    def _rests(self, at: datetime, until: datetime) -> bool:
        if self.kind == "never":
            return True
        if self.kind == "losing":
            return self.number % 3 == 0
        return self.kind == "stopped" and until - at < STOPPED_FOR

    def facts(self, at: datetime, until: datetime) -> ShardFacts:
        """Return what a reading sees at this moment."""
        is_lost = self.kind == "losing" and self.number % 3 == 0
        is_silent = self.kind == "silent" and self.number == 0 and until - at < timedelta(minutes=20)
        begin = self.first + 5000 if is_lost else self.first
        left = self.end - self.place
        read = self.newest - timedelta(seconds=left / self.pace * 60) if left else None
        known = self.kind != "never"
        return ShardFacts(
            shard=self.number,
            readonly=False,
            checkpoint=encode(self.place) if known else "",
            consumer=f"consumer-{self.number % 4}-7f9c" if known else "",
            updated_at=self.saved if known else None,
            begin=begin,
            end=None if is_silent else max(self.end, begin + 100),
            begin_at=at - RETENTION + HOUR,
            newest_at=self.newest,
            read_at=read if known and not is_lost else None,
            unread_at=read + timedelta(seconds=1) if read and known and not is_lost else None,
            error="GetCursor: InternalServerError: try again (request 5AEEC78E1FFC0366B24F1C63)"
            if is_silent
            else None,
            time_expired=is_lost,
        )


def _chunks(
    level: Level, samples: Sequence[Sample], points: Sequence[Total], since: datetime, until: datetime
) -> Iterator[Chunk]:
    """Yield the chunks of a level, each made as the product makes it."""
    inside: dict[int, tuple[list[Sample], list[Total]]] = {}
    first, last = level.start(int(since.timestamp())), int(until.timestamp())
    for sample, point in zip(samples, points, strict=True):
        if first <= sample.at < last:
            part = inside.setdefault(level.start(sample.at), ([], []))
            part[0].append(sample)
            part[1].append(point)
    step = max(level.step, 1)  # a second: readings stay as they are
    for start, (seen, counted) in inside.items():
        marks = rollup.roll_marks(rollup.marks(seen, before=[], own=[], timeout=60), step)
        yield Chunk(
            level=level.number,
            starts_at=datetime.fromtimestamp(start, UTC),
            samples=len(rolled := rollup.roll_totals(counted, step)),
            marks=[list(mark) for mark in marks],
            totals=history.pack_totals(rolled),
            shards=history.pack_samples(rollup.roll_samples(seen, step)),
        )


def _recent(points: Sequence[Total]) -> bytes:
    stored = b""
    for point in points[-6 * 60 :: 5]:
        stored = sparks.note(stored, at=point.at, lag=point.lag, backlog=point.backlog)
    return stored


def _start(level: Level, at: datetime) -> datetime:
    return datetime.fromtimestamp(level.start(int(at.timestamp())), UTC)
