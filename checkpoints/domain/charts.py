"""Geometry of line charts: places in per cent across and in pixels down, ticks at round values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil

from checkpoints.domain.durations import in_words
from checkpoints.domain.history import Total
from checkpoints.domain.messages import Message
from checkpoints.domain.series import Series

HEIGHT = 132
SCALE = 1000
"""Paths are drawn in a box this wide, which the page stretches to the room there is."""
MOST_Y, MOST_X = 4, 8
LEAST_TOP = {"duration": 60.0}
"""What an axis reaches at least: a lag of seconds is none, and should not look like a mountain."""
NEAR = 2.5
"""Per cent: the width of a letter on a narrow screen."""
_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 86_400,
    2 * 86_400, 5 * 86_400, 10 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400, 1825 * 86_400,
)  # fmt: skip
_MINUTES = (5, 10, 15, 30, 60, 120, 180, 240, 360, 720)
_DAYS = (1, 2, 5, 7, 15, 30)
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")

Value = Callable[[Total], float | None]


@dataclass(frozen=True)
class Line:
    """One line: `path`, the `area` below it, and the `band` between its greatest and least, as SVG.

    `values` are those of the points in order for the script of the page: "" for not known, ">" before a lower
    bound. `newest` is how it stood last.
    """

    name: str
    label: Message
    path: str
    area: str
    band: str
    values: str
    newest: float | None
    newest_is_lower_bound: bool


@dataclass(frozen=True)
class YTick:
    """A line across at a value, and what it says."""

    y: float
    text: str


@dataclass(frozen=True)
class XTick:
    """A time on the axis; at the start of a day its date is said; every second one is `is_minor`."""

    x: float
    at: datetime
    is_day: bool
    is_minor: bool

    @property
    def anchor(self) -> str:
        """Which part of its text lies at the place."""
        return _anchor(self.x)


@dataclass(frozen=True)
class Flag:
    """Letters above marks that lie so near to each other that single letters would cover each other."""

    x: float
    kinds: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Which part of its text lies at the place."""
        return _anchor(self.x)


@dataclass(frozen=True)
class Chart:
    """A chart in a box of SCALE x HEIGHT; `unit` is "duration", "count" or "rate"."""

    unit: str
    lines: tuple[Line, ...]
    y_ticks: tuple[YTick, ...]
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not any(line.path for line in self.lines)


@dataclass(frozen=True)
class Wanted:
    """A line to be drawn: its name, what it is called, its value, and the least of a point if it has one.

    `is_bounded` says that a value may be a lower bound, `is_rate` that it is one over some time.
    """

    name: str
    label: Message
    value: Value
    low: Value | None = None
    is_bounded: bool = False
    is_rate: bool = False


def chart(series: Series, unit: str, wanted: Sequence[Wanted]) -> Chart:
    """Return the chart of some values of a series, all on one scale that begins at 0."""
    values = [[one.value(point) for point in series.points] for one in wanted]
    known = [value for some in values for value in some if value is not None]
    top = max([LEAST_TOP.get(unit, 0.0), *known])
    step = _step(top, unit)
    count = max(1, ceil(top / step))
    lines = tuple(_line(series, one, some, step * count) for one, some in zip(wanted, values, strict=True))
    ticks = (YTick(round(HEIGHT * (1 - n / count), 1), words(n * step, unit)) for n in range(count + 1))
    return Chart(unit, lines, tuple(ticks))


def words(value: float, unit: str) -> str:
    """Return a value of an axis in few letters: "6h", "1.5k", "20/s"."""
    if unit == "duration":
        return in_words(timedelta(seconds=value)) if value else "0"
    number, power = float(value), 0
    while number >= 1000 and power < len(_PREFIXES) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.4g}{_PREFIXES[power]}" + ("/s" if unit == "rate" and value else "")


def x_of(at: float, series: Series) -> float:
    """Return a time as per cent of the span, to a hundredth."""
    return round(100 * (at - series.start) / (series.end - series.start), 2)


def _step(top: float, unit: str) -> float:
    """Return the least round distance that leaves at most MOST_Y of them below the top."""
    if unit == "duration":
        return next((step for step in _SECONDS if top <= MOST_Y * step), _SECONDS[-1] * 2)
    least = 1 if unit == "count" else 0.001
    return next(step for step in _decimal(least) if top <= MOST_Y * step)


def _decimal(least: float) -> Iterator[float]:
    """Yield 1, 2, 5, 10, 20, 50 and so on times `least`."""
    power = 0
    while True:
        yield from (least * factor * 10**power for factor in (1, 2, 5))
        power += 1


def _line(series: Series, wanted: Wanted, values: Sequence[float | None], top: float) -> Line:
    runs = [_places(series, run, top) for run in series.runs(values)]
    lows = (
        [_places(series, run, top) for run in series.runs(map(wanted.low, series.points))]
        if wanted.low
        else []
    )
    newest = _newest(series, wanted, values)
    return Line(
        name=wanted.name,
        label=wanted.label,
        path="".join(_path(run) for run in runs),
        area="".join(f"{_path(run)}V{HEIGHT}H{run[0].partition(' ')[0]}Z" for run in runs if len(run) > 1),
        band="".join(
            f"{_path(high)}L{'L'.join(reversed(low))}Z"
            for high, low in zip(runs, lows, strict=False)
            if len(high) > 1 and high != low
        ),
        values=",".join(_texts(series, wanted, values)),
        newest=newest,
        newest_is_lower_bound=bool(series.newest and wanted.is_bounded and series.newest.at_least),
    )


def _newest(series: Series, wanted: Wanted, values: Sequence[float | None]) -> float | None:
    """Return the newest value; a rate is that of the last point which has one, over all of its time."""
    if wanted.is_rate:
        return next((value for value in reversed(values[-2:]) if value is not None), None)
    return wanted.value(series.newest) if series.newest else None


def _anchor(x: float) -> str:
    """Return which part of a text lies at a place, so that it does not leave the chart."""
    return "start" if x < 3 else "end" if x > 97 else "middle"


def _texts(series: Series, wanted: Wanted, values: Iterable[float | None]) -> Iterator[str]:
    for point, value in zip(series.points, values, strict=True):
        if value is None:
            yield ""
        else:
            yield f">{value:.6g}" if wanted.is_bounded and point.at_least else f"{value:.6g}"


def _places(series: Series, run: Iterable[tuple[int, float]], top: float) -> list[str]:
    """Return the place of each point as SVG writes it: "516.7 66"."""
    start, wide, high = series.start, SCALE / (series.end - series.start), HEIGHT / top
    return [f"{round((at - start) * wide, 1):g} {round(HEIGHT - value * high, 1):g}" for at, value in run]


def _path(run: Sequence[str]) -> str:
    """Join places by a line; a single one is a line of no length, which its round end makes a dot."""
    return f"M{run[0]}h0" if len(run) == 1 else "M" + "L".join(run)


def flags(places: Iterable[tuple[float, str]]) -> list[Flag]:
    """Return the letters above marks from their (per cent, kind)."""
    found: list[Flag] = []
    for x, kind in sorted(places):
        if found and x - found[-1].x < NEAR:
            kinds = found[-1].kinds
            found[-1] = Flag(found[-1].x, kinds if kind in kinds else (*kinds, kind))
        else:
            found.append(Flag(x, (kind,)))
    return found


def time_ticks(series: Series, zone: tzinfo) -> list[XTick]:
    """Return round times of the zone within the span, at most MOST_X of them."""
    start, end = (datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (series.start, series.end))
    minutes = (series.end - series.start) / 60
    by_day = [days for days in _DAYS if minutes / 1440 <= MOST_X * days]
    step = next((step for step in _MINUTES if minutes <= MOST_X * step), None)
    found = _days(start, end, by_day[0]) if step is None else _clock(start, end, step)
    inside = [at for at in found if series.start <= at.timestamp() <= series.end]
    return [
        XTick(x_of(at.timestamp(), series), at, is_day=at.hour == at.minute == 0, is_minor=bool(number % 2))
        for number, at in enumerate(inside)
    ]


def _days(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight <= end:
        if midnight.toordinal() % step == 0:
            yield midnight
        midnight += timedelta(days=1)


def _clock(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    """Yield the multiples of so many minutes since midnight, by the clock of the zone."""
    last = None
    for midnight in _days(start, end, 1):
        for minute in range(0, 1440, step):
            # A clock put forward has no such time; there and back through UTC it becomes one there is.
            at = (midnight + timedelta(minutes=minute)).astimezone(UTC).astimezone(midnight.tzinfo)
            if last is None or at.timestamp() > last:
                yield at
            last = at.timestamp()
