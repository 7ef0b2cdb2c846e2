from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from checkpoints.domain import charts
from checkpoints.domain.charts import Flag, Wanted
from checkpoints.domain.messages import say
from checkpoints.domain.series import SPANS, series
from tests.domain.past import NOON, total

LAG = Wanted("lag", say("Lag"), lambda point: point.lag, lambda point: point.lag_low, is_bounded=True)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def chart(*points, unit="duration", span=SPANS[0], wanted=LAG):
    return charts.chart(series(points, span, now=NOON), unit, [wanted])


@pytest.mark.parametrize(
    ("lag", "ticks"),
    [
        (0, ["0", "15s", "30s", "45s", "1m"]),
        (55, ["0", "15s", "30s", "45s", "1m"]),
        (660, ["0", "5m", "10m", "15m"]),
        (3 * 3600 + 60, ["0", "1h", "2h", "3h", "4h"]),
        (20 * 86400, ["0", "5d", "10d", "15d", "20d"]),
    ],
)
def test_a_lag_has_round_ticks(lag, ticks):
    found = chart(total(-1, lag=lag))
    assert [tick.text for tick in found.y_ticks] == ticks
    assert (found.y_ticks[0].y, found.y_ticks[-1].y) == (charts.HEIGHT, 0)


@pytest.mark.parametrize(
    ("backlog", "top"),
    [(1, "1"), (3, "3"), (90, "100"), (5100, "6k"), (1_204_118, "1.5M"), (7 * 10**9, "8G")],
)
def test_counts_have_round_ticks_with_prefixes(backlog, top):
    wanted = Wanted("backlog", say("Backlog"), lambda point: point.backlog)
    assert chart(total(-1, backlog=backlog), unit="count", wanted=wanted).y_ticks[-1].text == top


def test_rates_have_a_unit():
    wanted = Wanted("drained", say("Consumed"), lambda point: point.drain_rate)
    found = chart(total(-1, drained=90), unit="rate", wanted=wanted)
    assert [tick.text for tick in found.y_ticks] == ["0", "0.5/s", "1/s", "1.5/s"]


def test_a_line_is_true_to_scale():
    line = chart(total(-30, lag=0, lag_low=0), total(-29, lag=3600, lag_low=3600), unit="duration").lines[0]
    assert line.path == f"M500 {charts.HEIGHT}L516.7 0"
    assert line.area == f"M500 {charts.HEIGHT}L516.7 0V{charts.HEIGHT}H500Z"
    assert line.band == ""


def test_the_least_of_each_point_is_a_band():
    line = chart(total(-30, lag=60, lag_low=0), total(-29, lag=60, lag_low=30)).lines[0]
    assert line.band == "M500 0L516.7 0L516.7 66L500 132Z"


def test_a_point_alone_is_a_dot_and_a_gap_stays_open():
    line = chart(total(-50), total(-49), total(-10)).lines[0]
    assert line.path.count("M") == 2
    assert line.path.endswith("h0")


def test_values_for_the_script_tell_the_unknown_and_the_lower_bound():
    line = chart(total(-3), total(-2, lag=None, lag_low=None), total(-1, lag=90, at_least=1)).lines[0]
    assert line.values == "60,,>90"
    assert (line.newest, line.newest_is_lower_bound) == (90, True)


def test_a_rate_is_that_of_the_last_point_which_has_one():
    wanted = Wanted("drained", say("Consumed"), lambda point: point.drain_rate, is_rate=True)
    unfinished = total(0, drained=0, drained_in=15, written=0, written_in=15)
    line = chart(total(-2), total(-1, drained=90), unfinished, unit="rate", wanted=wanted).lines[0]
    assert (line.newest, line.values) == (1.5, "0.5,1.5,")


def test_nothing_known_is_empty():
    assert chart().is_empty
    assert chart(total(-1, lag=None, lag_low=None)).is_empty
    assert not chart(total(-1)).is_empty


def labels(span, zone=UTC, now=NOON):
    ticks = charts.time_ticks(series([], span, now=now), zone)
    return [f"{tick.at:%d}." if tick.is_day else f"{tick.at:%H:%M}" for tick in ticks]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, ["11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "12:00"]),
        (1, ["06:00", "07:00", "08:00", "09:00", "10:00", "11:00", "12:00"]),
        (2, ["12:00", "15:00", "18:00", "21:00", "20.", "03:00", "06:00", "09:00", "12:00"]),
        (3, ["14.", "15.", "16.", "17.", "18.", "19.", "20."]),
    ],
)
def test_times_are_round(span, expected):
    assert labels(SPANS[span]) == expected


@pytest.mark.parametrize("span", SPANS, ids=lambda span: span.name)
def test_there_are_enough_times_and_not_too_many(span):
    assert 4 <= len(labels(span, SHANGHAI)) <= charts.MOST_X + 1


def test_times_are_round_in_the_zone_that_is_shown():
    assert labels(SPANS[2], ZoneInfo("Asia/Kolkata"))[:2] == ["18:00", "21:00"]


def test_a_day_with_a_clock_put_forward_or_back_has_each_time_once():
    for day in (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)):
        found = labels(SPANS[2], ZoneInfo("Europe/Berlin"), int(day.timestamp()))
        assert len(found) == len(set(found)) or found[0] == found[-1]


def test_letters_that_would_cover_each_other_stand_together():
    found = charts.flags([(50, "reset"), (51, "foreign"), (51.5, "reset"), (80, "owner"), (99, "owner")])
    assert found == [Flag(50, ("reset", "foreign")), Flag(80, ("owner",)), Flag(99, ("owner",))]
    assert [flag.anchor for flag in found] == ["middle", "middle", "end"]
