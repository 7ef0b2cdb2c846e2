"""How fast a group was read and written lately, and how long it would take to catch up at that pace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from checkpoints.domain.messages import Message, say

HISTORY = timedelta(hours=1)
LATE = timedelta(minutes=5)
"""A checkpoint whose next log group waits as long is really behind, and not only saved a little late."""
PART = timedelta(minutes=15)
LEAST = timedelta(minutes=5)
SKEW = timedelta(seconds=5)
LONGEST = timedelta(days=3650)
SPARE = 0.1
"""A caught-up group reads what arrives: without this share to spare its real speed was not seen."""


@dataclass(frozen=True)
class Mark:
    """One shard at one reading; `unread_at` is when the log group at the checkpoint was received."""

    at: datetime
    position: int | None
    begin: int | None
    end: int | None
    unread_at: datetime | None

    @property
    def is_late(self) -> bool:
        """Whether log groups have been waiting for long."""
        return self.unread_at is not None and self.at - self.unread_at >= LATE


@dataclass(frozen=True)
class Pace:
    """Log groups a second of some shards together; None is "not known".

    `drain` is what was consumed: a capacity when every shard was measured while really behind, otherwise a
    lower bound. `slowest` and `fastest` are its quarters of an hour.
    """

    drain: float | None
    ingest: float | None
    drain_is_lower_bound: bool = False
    slowest: float | None = None
    fastest: float | None = None


@dataclass(frozen=True)
class CatchUp:
    """How long until a group has caught up after a reset; `high` None means that it may be for ever."""

    verdict: Literal["done", "estimate", "at_most", "never", "unknown"]
    low: timedelta | None = None
    high: timedelta | None = None
    reasons: tuple[Message, ...] = ()


@dataclass(frozen=True)
class _Step:
    """What happened to one shard between two readings."""

    until: datetime
    seconds: float
    consumed: int
    is_late: bool


@dataclass(frozen=True)
class _Drain:
    """The steps by which one shard is judged."""

    steps: tuple[_Step, ...]
    is_capacity: bool


def pace(tracks: Mapping[int, Sequence[Mark]], resets: Iterable[tuple[int, datetime]]) -> Pace:
    """Return the pace of shards from their marks, oldest first; `resets` of ours are not consumption."""
    moved = list(resets)
    drains = [
        _drain(list(_steps(marks, [at for number, at in moved if number == shard])))
        for shard, marks in tracks.items()
    ]
    ingests = [_ingest(marks) for marks in tracks.values()]
    known = [rate for rate in ingests if rate is not None]
    total = sum(_rate(one.steps) for one in drains)
    parts = list(_parts(drains))
    return Pace(
        drain=total or None,
        ingest=sum(known) if known and len(known) == len(ingests) else None,
        drain_is_lower_bound=not all(one.is_capacity for one in drains),
        slowest=min(parts) if len(parts) > 1 else None,
        fastest=max(parts) if len(parts) > 1 else None,
    )


def _steps(marks: Sequence[Mark], resets: Sequence[datetime]) -> Iterable[_Step]:
    for one, other in pairwise(marks):
        if one.position is None or other.position is None or other.position < one.position:
            continue
        if one.begin is not None and one.position < one.begin:
            continue  # it went on from what is retained: most of that way was not consumed
        if any(one.at - SKEW <= at <= other.at + SKEW for at in resets):
            continue
        consumed = other.position - one.position
        seconds = (other.at - one.at).total_seconds()
        yield _Step(other.at, seconds, consumed, one.is_late and other.is_late)


def _drain(steps: Sequence[_Step]) -> _Drain:
    late = _busy([step for step in steps if step.is_late])
    if _rate(late) and sum(step.seconds for step in late) >= LEAST.total_seconds():
        return _Drain(tuple(late), is_capacity=True)
    return _Drain(tuple(step for step in steps if not step.is_late or step.consumed), is_capacity=False)


def _busy(steps: Sequence[_Step]) -> Sequence[_Step]:
    """Leave out the ends where nothing was consumed: there no consumer was running."""
    moving = [number for number, step in enumerate(steps) if step.consumed]
    return steps[moving[0] : moving[-1] + 1] if moving else []


def _rate(steps: Sequence[_Step]) -> float:
    seconds = sum(step.seconds for step in steps)
    return sum(step.consumed for step in steps) / seconds if seconds else 0.0


def _parts(drains: Sequence[_Drain]) -> Iterable[float]:
    """Yield the drain in each quarter of an hour; a shard not measured in one counts with its own mean."""
    newest = max((step.until for one in drains for step in one.steps), default=None)
    if newest is None:
        return
    for until in (newest - number * PART for number in range(HISTORY // PART)):
        inside = [[step for step in one.steps if until - PART < step.until <= until] for one in drains]
        if max(sum(step.seconds for step in steps) for steps in inside) >= LEAST.total_seconds():
            yield sum(_rate(steps or one.steps) for steps, one in zip(inside, drains, strict=True))


def _ingest(marks: Sequence[Mark]) -> float | None:
    known = [(mark.at, mark.end) for mark in marks if mark.end is not None]
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return None
    return max(0, known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0]).total_seconds()


def catch_up(backlog: int, seen: Pace) -> CatchUp:
    """Return how long it takes to read so many log groups while others arrive."""
    if not backlog:
        return CatchUp("done", timedelta(0), timedelta(0), (say("Nothing is left to be read."),))
    if seen.drain is None or seen.ingest is None:
        words = say("Nothing was seen to be consumed in the last hour, so that the pace is not known.")
        return CatchUp("unknown", reasons=(words,))
    rates = {"drain": _a_minute(seen.drain), "ingest": _a_minute(seen.ingest)}
    if seen.drain_is_lower_bound:
        return _bounded(backlog, seen.drain, seen.ingest, rates)
    words = say("While behind, %(drain)s log groups a minute were consumed; %(ingest)s arrived.", **rates)
    time = _time(backlog, seen.drain - seen.ingest)
    if time is None:
        return CatchUp("never", reasons=(words, say("At this rate the group never catches up.")))
    low = _time(backlog, (seen.fastest or seen.drain) - seen.ingest) or time
    high = _time(backlog, (seen.slowest or seen.drain) - seen.ingest)
    if high is None:
        words_slow = say("At the rate of the slowest quarter of an hour the group never catches up.")
        return CatchUp("estimate", low, None, (words, words_slow))
    return CatchUp("estimate", low, high, (words,))


def _bounded(backlog: int, drain: float, ingest: float, rates: Mapping[str, str]) -> CatchUp:
    words = say("At least %(drain)s log groups a minute were consumed; %(ingest)s arrived.", **rates)
    time = _time(backlog, drain - ingest) if drain - ingest > SPARE * drain else None
    if time is None:
        kept_up = say("The group was not behind for long, so that its full speed was not seen.")
        return CatchUp("unknown", reasons=(words, kept_up))
    return CatchUp("at_most", None, time, (words, say("The full speed may be higher.")))


def _time(backlog: int, spare: float) -> timedelta | None:
    """Return how long it takes; None for never, and for what nobody waits for."""
    seconds = backlog / spare if spare > 0 else float("inf")
    return timedelta(seconds=seconds) if seconds < LONGEST.total_seconds() else None


def _a_minute(rate: float) -> str:
    return f"{rate * 60:,.1f}"
