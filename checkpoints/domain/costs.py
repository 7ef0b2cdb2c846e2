"""What a plan would cost: log groups exactly, lines and bytes by sampling, and the price of reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from statistics import fmean, stdev
from typing import Any

GIGABYTE = 2**30
"""The GB of the bill."""
FEW = 5


@dataclass(frozen=True)
class Span:
    """Log groups of one shard that a plan moves across: `count` of them from position `first` on."""

    shard: int
    first: int
    count: int


@dataclass(frozen=True)
class Sample:
    """The size of one log group: bytes unpacked, bytes as sent over the wire, lines."""

    raw_bytes: int
    packed_bytes: int
    lines: int


@dataclass(frozen=True)
class Estimate:
    """A sum for many log groups; `low` and `high` are None when one sample alone tells nothing of a range."""

    mean: float
    low: float | None
    high: float | None

    @property
    def is_exact(self) -> bool:
        """Whether everything was measured."""
        return self.low == self.mean == self.high

    @property
    def counts(self) -> tuple[int, int | None, int | None]:
        """Return mean, low and high as whole numbers."""
        low, high = (None if bound is None else round(bound) for bound in (self.low, self.high))
        return round(self.mean), low, high

    def times(self, factor: float) -> Estimate:
        """Return the same in another unit."""
        low, high = (None if bound is None else bound * factor for bound in (self.low, self.high))
        return Estimate(self.mean * factor, low, high)


@dataclass(frozen=True)
class Volume:
    """Log groups that a plan consumes again or never; the estimates are None when nothing could be sampled.

    `packed_bytes` is each log group packed by itself, as the bill counts read traffic: many read at once pack
    a little better.
    """

    log_groups: int
    samples: int
    lines: Estimate | None
    raw_bytes: Estimate | None
    packed_bytes: Estimate | None


@dataclass(frozen=True)
class Price:
    """What read traffic costs, in a currency."""

    amount: Estimate
    currency: str

    @property
    def amounts(self) -> tuple[str, str | None, str | None]:
        """Return mean, low and high as people write them."""
        low, high = (
            None if bound is None else _money(bound) for bound in (self.amount.low, self.amount.high)
        )
        return _money(self.amount.mean), low, high


@dataclass(frozen=True)
class Lost:
    """What no reset brings back: unread log groups that are gone, and the part asked for that is not kept.

    `asked_span` is the longest distance from the time asked for to the oldest log group; `asked_shards` are
    those where what was asked for is no longer retained.
    """

    log_groups: int
    shards: tuple[int, ...]
    asked_span: timedelta | None
    asked_shards: tuple[int, ...]


def spans(lines: Iterable[Mapping[str, Any]], direction: str) -> list[Span]:
    """Return what the shards of a stored plan move across in one direction, "rewind" or "skip"."""
    return [
        Span(
            line["shard"], after if direction == "rewind" else after - line["log_groups"], line["log_groups"]
        )
        for line in lines
        if line["direction"] == direction and line["log_groups"]
        for after in [int(line["after"]["position"])]
    ]


def spread(parts: Sequence[Span], most: int) -> list[tuple[int, int]]:
    """Return up to `most` places (shard, position), evenly over all parts and always the same."""
    total = sum(part.count for part in parts)
    number = min(most, total)
    wanted = [(2 * turn + 1) * total // (2 * number) for turn in range(number)]
    places, passed = [], 0
    for part in parts:
        inside = [at - passed for at in wanted if passed <= at < passed + part.count]
        places += [(part.shard, part.first + at) for at in inside]
        passed += part.count
    return places


def volume(log_groups: int, samples: Sequence[Sample]) -> Volume:
    """Return what so many log groups hold, judged by samples of them."""
    return Volume(
        log_groups=log_groups,
        samples=len(samples),
        lines=estimate([sample.lines for sample in samples], log_groups),
        raw_bytes=estimate([sample.raw_bytes for sample in samples], log_groups),
        packed_bytes=estimate([sample.packed_bytes for sample in samples], log_groups),
    )


def estimate(values: Sequence[int], number: int) -> Estimate | None:
    """Return the sum of `number` things of which some were measured; None without any.

    The range is the mean plus and minus two standard errors, with fewer than five samples at least from the
    smallest to the largest of them; none is needed when all were measured.
    """
    if number == 0 or len(values) >= number:
        total = float(sum(values[:number]))
        return Estimate(total, total, total)
    if not values:
        return None
    mean = fmean(values)
    if len(values) == 1:
        return Estimate(mean * number, None, None)
    error = 2 * stdev(values) / sqrt(len(values))
    low, high = max(0.0, mean - error), mean + error
    if len(values) < FEW:
        low, high = min(low, *values), max(high, *values)
    return Estimate(mean * number, low * number, high * number)


def price(packed_bytes: Estimate | None, per_gb: tuple[Decimal, str] | None) -> Price | None:
    """Return what reading costs; None when the price or the volume is not known."""
    if packed_bytes is None or per_gb is None:
        return None
    return Price(packed_bytes.times(float(per_gb[0]) / GIGABYTE), per_gb[1])


def _money(amount: float) -> str:
    return "< 0.01" if 0 < amount < 0.005 else f"{amount:,.2f}"


def lost(lines: Iterable[Mapping[str, Any]]) -> Lost:
    """Return what a stored plan cannot bring back."""
    rows = list(lines)
    gone = {line["shard"]: _gone(line) for line in rows}
    cut = [line for line in rows if line["clamped"] == "begin"]
    spans_cut = [span for line in cut if (span := _asked_before(line)) is not None]
    return Lost(
        log_groups=sum(gone.values()),
        shards=tuple(shard for shard, count in gone.items() if count),
        asked_span=max(spans_cut, default=None),
        asked_shards=tuple(line["shard"] for line in cut),
    )


def _gone(line: Mapping[str, Any]) -> int:
    position = line["before"]["position"]
    return 0 if position is None else max(0, int(line["begin"]) - int(position))


def _asked_before(line: Mapping[str, Any]) -> timedelta | None:
    """Return how long before the oldest log group the time asked for lies; None without such a time."""
    try:
        asked, kept = (datetime.fromisoformat(text) for text in (line["asked"], line["after"]["time"] or ""))
    except ValueError:
        return None
    return kept - asked if kept.tzinfo and asked.tzinfo and kept > asked else None
