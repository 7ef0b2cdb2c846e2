from datetime import timedelta

import pytest

from checkpoints.domain.series import SPANS, eta, find_span, series
from tests.domain.past import NOON, total

HOUR_SPAN, DAY = SPANS[0], SPANS[2]


def test_a_span_that_is_not_known_is_the_default():
    assert find_span("6h") is SPANS[1]
    assert find_span("'--") is DAY


@pytest.mark.parametrize("span", SPANS, ids=lambda span: span.name)
def test_a_span_has_some_three_hundred_points_at_most(span):
    points = [total(minute) for minute in range(-span.seconds // 60, 0, max(1, span.width // 120))]
    assert len(series(points, span, now=NOON).points) <= 340


def test_only_what_lies_within_the_span_is_shown():
    shown = series([total(-70), total(-10), total(5)], HOUR_SPAN, now=NOON)
    assert [point.at for point in shown.points] == [NOON - 600]


def test_the_greatest_of_a_point_survives():
    points = [total(minute, lag=9000 if minute == -201 else 1) for minute in range(-300, 0)]
    shown = series(points, SPANS[3], now=NOON)
    assert max(point.lag for point in shown.points) == 9000
    assert shown.newest.lag == 1


def test_a_line_ends_where_nothing_is_known_and_where_no_reading_is():
    points = [total(-50), total(-49), total(-48, lag=None), total(-47), total(-30), total(-29)]
    shown = series(points, HOUR_SPAN, now=NOON)
    runs = [[(NOON - at) // 60 for at, _ in run] for run in shown.runs(point.lag for point in shown.points)]
    assert runs == [[50, 49], [47], [30, 29]]


def test_readings_made_every_five_minutes_are_one_line():
    shown = series([total(minute) for minute in range(-50, 0, 5)], HOUR_SPAN, now=NOON)
    assert len(list(shown.runs(point.lag for point in shown.points))) == 1


def test_a_table_has_at_most_about_a_hundred_rows_newest_first():
    shown = series([total(minute) for minute in range(-1440, 0)], DAY, now=NOON)
    assert len(shown.points) == 288
    assert 90 <= len(shown.rows()) <= 101
    assert shown.rows()[0].at == NOON - 60


def falling(*backlogs):
    return [(NOON - 60 * (len(backlogs) - place), left) for place, left in enumerate(backlogs)]


def test_an_even_pace_has_one_answer():
    found = eta(falling(6000, 5000, 4000, 3000, 2000, 1000), now=NOON)
    assert (found.low, found.high) == (timedelta(minutes=1), timedelta(minutes=1))
    assert str(found.words) == "about 1m"


def test_an_uneven_pace_has_a_range():
    found = eta(falling(9000, 8500, 7000, 6500, 5000, 4500, 3000), now=NOON)
    assert found.low < timedelta(minutes=3) < found.high
    assert str(found.words) == "2m to 6m"


def test_a_pace_that_now_and_then_stands_still_has_no_latest_time():
    found = eta(falling(9000, 8000, 8000, 7000, 7000, 6000, 6200, 5000), now=NOON)
    assert found.high is None
    assert str(found.words).endswith(" or more")


@pytest.mark.parametrize(
    "backlogs",
    [[], [(NOON, None)], falling(5, 4, 3), falling(100, 200, 300, 400, 500, 600), falling(*[100] * 9)],
)
def test_a_backlog_that_does_not_shrink_or_is_hardly_known_has_no_answer(backlogs):
    assert eta(backlogs, now=NOON) is None


@pytest.mark.parametrize("least", [10**15, 10**40, 10**400])
def test_what_would_take_longer_than_ten_years_has_no_answer(least):
    assert eta(falling(*[least - step for step in range(8)]), now=NOON) is None


def test_a_latest_time_beyond_ten_years_is_perhaps_never():
    found = eta(falling(*[10**9 + left for left in (9000, 8999, 8998, 7000, 6000, 5000, 4999)]), now=NOON)
    assert found.high is None
    assert found.low < timedelta(days=3650)


def test_a_pace_that_is_only_dust_has_no_answer():
    backlogs = [(NOON - 60 * step, 5 + (step == 9)) for step in range(10, 0, -1)]
    found = eta(backlogs, now=NOON)
    assert found is None or found.high is None


def test_what_lies_more_than_an_hour_back_does_not_count():
    old = [(NOON - 7200 + 60 * step, 9000 - 1000 * step) for step in range(8)]
    assert eta(old, now=NOON) is None


def test_nothing_left_is_told():
    assert str(eta(falling(3, 2, 0), now=NOON).words) == "about 0s"


def rates(points, now=NOON, span=HOUR_SPAN):
    shown = series(points, span, now=now)
    return [(point.write_rate, point.drain_rate) for point in shown.points]


def test_the_newest_point_tells_no_rate_while_it_is_shorter_than_the_others():
    steady, begun = {"written": 60, "drained": 60}, {"written": 0, "drained": 0}
    seconds = {"written_in": 15, "drained_in": 15}
    unfinished = total(0, **begun, **seconds)
    assert rates([total(-1, **steady), unfinished], NOON + 20) == [(1, 1), (None, None)]
    assert rates([total(-1, **steady), unfinished], NOON + 70) == [(1, 1), (0, 0)]
    assert rates([total(-1, **steady), total(0, **steady)], NOON + 20) == [(1, 1), (1, 1)]
    assert rates([unfinished], NOON + 20) == [(0, 0)]


def test_the_lag_of_the_newest_point_is_shown_at_once():
    shown = series([total(-1), total(0, lag=9, drained=0, drained_in=15)], HOUR_SPAN, now=NOON + 20)
    assert [point.lag for point in shown.points] == [60, 9]
