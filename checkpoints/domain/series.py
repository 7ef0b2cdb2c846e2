"""What a page shows of the history: some hundred points over a span, and when a backlog will be gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median_low, quantiles

from checkpoints.domain.durations import in_words
from checkpoints.domain.history import Total
from checkpoints.domain.messages import Message, say
from checkpoints.domain.rollup import roll_totals

HOUR = 3600
MOST_ROWS = 100
FARTHEST = timedelta(days=3650)
"""Later than this is not told: it is perhaps never, and far more than this is no time at all."""
LEAST_STEPS = 4
"""From how many changes of a backlog its pace is told."""


@dataclass(frozen=True)
class Span:
    """How far back a page looks, and how many seconds one point stands for."""

    name: str
    seconds: int
    width: int

    words: Message


SPANS = (
    Span("1h", HOUR, 60, say("1 hour")),
    Span("6h", 6 * HOUR, 120, say("6 hours")),
    Span("24h", 24 * HOUR, 300, say("24 hours")),
    Span("7d", 7 * 24 * HOUR, 1800, say("7 days")),
    Span("30d", 30 * 24 * HOUR, 3 * HOUR, say("30 days")),
    Span("90d", 90 * 24 * HOUR, 8 * HOUR, say("90 days")),
)
DEFAULT = SPANS[2]


def find_span(name: str) -> Span:
    """Return the span of a name, the default for any other text."""
    return next((span for span in SPANS if span.name == name), DEFAULT)


@dataclass(frozen=True)
class Series:
    """A group over a span, from `start` to `end` in epoch seconds, oldest point first.

    `newest` is how it stood last: the last point may stand for hours.
    """

    span: Span
    start: int
    end: int
    points: tuple[Total, ...]
    newest: Total | None

    def rows(self) -> list[Total]:
        """Return the same points as at most about MOST_ROWS rows of a table, newest first."""
        fold = -(-len(self.points) // MOST_ROWS)
        return roll_totals(self.points, self.span.width * max(1, fold))[::-1]

    def runs(self, values: Iterable[float | None]) -> Iterator[list[tuple[int, float]]]:
        """Yield the (time, value) of points that belong together; a line ends where nothing is known.

        `values` are those of the points, in order.
        """
        limit = self._gap
        run: list[tuple[int, float]] = []
        for point, found in zip(self.points, values, strict=True):
            if run and (found is None or point.at - run[-1][0] > limit):
                yield run
                run = []
            if found is not None:
                run.append((point.at, found))
        if run:
            yield run

    @cached_property
    def _gap(self) -> float:
        """Return how far two points may be apart: readings are not made at the same pace everywhere."""
        steps = [after.at - before.at for before, after in pairwise(self.points)]
        return 2.5 * max(median_low(steps) if steps else 0, self.span.width)


def series(points: Iterable[Total], span: Span, *, now: int) -> Series:
    """Return the points of the span that ends now, one per width, each with its greatest and least."""
    start = now - span.seconds
    inside = [point for point in points if start <= point.at <= now]
    newest = inside[-1] if inside else None
    return Series(span, start, now, tuple(_without_haste(roll_totals(inside, span.width), span, now)), newest)


def _without_haste(points: list[Total], span: Span, now: int) -> list[Total]:
    """Leave out the rates of the newest point while it stands for less time than the others.

    A consumer that saves once a minute would seem to stand still, or to rush, in the seconds since.
    """
    if len(points) < 2 or points[-1].at // span.width != now // span.width:
        return points
    last = points[-1]
    if last.written_in < span.width:
        last = last._replace(written=None, written_in=0)
    if last.drained_in < span.width:
        last = last._replace(drained=None, drained_in=0)
    return [*points[:-1], last]


@dataclass(frozen=True)
class Eta:
    """When a backlog will be gone at the pace of the last hour; `high` None means perhaps never."""

    low: timedelta
    high: timedelta | None

    @property
    def words(self) -> Message:
        """The same words on every page, below "Caught up in"."""
        low = in_words(self.low)
        if self.high is None:
            return say("%(low)s or more", low=low)
        high = in_words(self.high)
        return (
            say("about %(low)s", low=low) if low == high else say("%(low)s to %(high)s", low=low, high=high)
        )


def eta(backlogs: Sequence[tuple[int, int | None]], *, now: int) -> Eta | None:
    """Return when a backlog will be gone, from its (time, log groups) of the last hour, oldest first.

    None when it does not shrink, would take ten years, or too little is known. The range is that of the
    middle half of the steps.
    """
    known = [(at, left) for at, left in backlogs if left is not None and at >= now - HOUR]
    if known and not known[-1][1]:
        return Eta(timedelta(0), timedelta(0))
    paces = [(one[1] - other[1]) / (other[0] - one[0]) for one, other in pairwise(known) if other[0] > one[0]]
    if len(paces) < LEAST_STEPS:
        return None
    slow, middle, fast = quantiles(paces, n=4)
    if middle <= 0:
        return None
    low, high = _after(known[-1][1], fast), _after(known[-1][1], slow)
    return None if low is None else Eta(low, high)


def _after(left: int, pace: float) -> timedelta | None:
    """Return how long so many log groups take at a pace; None for perhaps never, also at one that is dust."""
    if pace <= 0 or left > pace * FARTHEST.total_seconds():
        return None
    return timedelta(seconds=left / pace)
