"""The last six hours of a group for a table of many: a small line and a word for its trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say
from checkpoints.domain.packing import Unreadable, pack, unpack

STEP = 300
KEPT = 72
WIDTH, HEIGHT = 84, 22
_TREND = 12
"""How many steps a trend looks back: one hour."""
_LEAST = timedelta(minutes=1).total_seconds()


class Recent(NamedTuple):
    """Five minutes that begin at `number * STEP`: the greatest lag in seconds, the last backlog."""

    number: int
    lag: int | None
    backlog: int | None


class Trend(StrEnum):
    """Where a lag goes."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"
    UNKNOWN = "unknown"


_WORDS = {
    Trend.RISING: say("rising"),
    Trend.FALLING: say("falling"),
    Trend.STEADY: say("steady"),
    Trend.UNKNOWN: say("no trend yet"),
}


@dataclass(frozen=True)
class Spark:
    """A small line: `path` in a box of WIDTH x HEIGHT, empty when nothing is known."""

    path: str
    trend: Trend
    word: Message
    title: Message
    points: tuple[Recent, ...]
    width: int = WIDTH
    height: int = HEIGHT


def read(stored: bytes) -> list[Recent]:
    """Return what note() stored, oldest first; what another version stored counts for nothing."""
    try:
        return list(map(Recent._make, zip(*unpack(stored).columns(), strict=True)))
    except Unreadable:
        return []


def note(stored: bytes, *, at: int, lag: int | None, backlog: int | None) -> bytes:
    """Return what was stored with one more reading, and without what is older than six hours."""
    number = at // STEP
    points = [point for point in read(stored) if number - KEPT < point.number <= number]
    if points and points[-1].number == number:
        known = [one for one in (points.pop().lag, lag) if one is not None]
        lag = max(known, default=None)
    return pack(list(zip(*points, Recent(number, lag, backlog), strict=True)))


def trend(points: Sequence[Recent], *, now: int) -> Trend:
    """Compare the lag of the last half hour with that of the half hour before."""
    newest = now // STEP
    ages = [(newest - point.number, point.lag) for point in points if point.lag is not None]
    after = [lag for age, lag in ages if 0 <= age < _TREND // 2]
    before = [lag for age, lag in ages if _TREND // 2 <= age < _TREND]
    if len(after) < 2 or len(before) < 2:
        return Trend.UNKNOWN
    was, is_now = median(before), median(after)
    if abs(is_now - was) <= max(_LEAST, 0.1 * max(was, is_now)):
        return Trend.STEADY
    return Trend.RISING if is_now > was else Trend.FALLING


def sparkline(points: Sequence[Recent], *, now: int) -> Spark:
    """Return the line of the last six hours; it breaks where nothing is known."""
    newest = now // STEP
    shown = [point for point in points if newest - KEPT < point.number <= newest]
    known = [point.lag for point in shown if point.lag is not None]
    way = trend(shown, now=now)
    path = _path(shown, newest - KEPT + 1, max(known, default=0))
    return Spark(path, way, _WORDS[way], _title(known, way), tuple(shown))


def _path(points: Sequence[Recent], first: int, top: int) -> str:
    """Draw each run of known steps; one alone is a dot, which the round end of a line makes visible."""
    parts = []
    last = None
    for point in points:
        if point.lag is None:
            continue
        x = 1 + (WIDTH - 2) * (point.number - first) / (KEPT - 1)
        y = HEIGHT - 2 - (HEIGHT - 4) * point.lag / max(top, _LEAST)
        joined = last is not None and point.number - last <= 3
        parts.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}" + ("" if joined else "h0"))
        last = point.number
    return "".join(parts)


def _title(known: Sequence[int], way: Trend) -> Message:
    if not known:
        return say("no lag known in the last 6 h")
    most = in_words(timedelta(seconds=max(known)))
    match way:
        case Trend.RISING:
            return say("lag of the last 6 h, at most %(most)s, rising", most=most)
        case Trend.FALLING:
            return say("lag of the last 6 h, at most %(most)s, falling", most=most)
        case Trend.STEADY:
            return say("lag of the last 6 h, at most %(most)s, steady", most=most)
    return say("lag of the last 6 h, at most %(most)s, trend not known yet", most=most)
