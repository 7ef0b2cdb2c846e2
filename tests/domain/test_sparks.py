import pytest

from checkpoints.domain import sparks
from checkpoints.domain.sparks import Trend
from tests.domain.past import NOON


def noted(*lags, every=300):
    """Note lags that end just before noon."""
    stored = b""
    for place, lag in enumerate(lags):
        at = NOON - every * (len(lags) - place)
        stored = sparks.note(stored, at=at, lag=lag, backlog=None if lag is None else 10 * lag)
    return stored


def spark(*lags):
    return sparks.sparkline(sparks.read(noted(*lags)), now=NOON)


def test_five_minutes_keep_their_greatest_lag_and_last_backlog():
    stored = noted(5, 90, None, 7, 6, every=60)
    assert [(point.lag, point.backlog) for point in sparks.read(stored)] == [(90, 60)]


def test_six_hours_are_kept():
    points = sparks.read(noted(*range(100)))
    assert (len(points), points[0].lag, points[-1].lag) == (72, 28, 99)
    assert len(noted(*range(100))) < 300


def test_not_known_is_kept_as_that():
    assert [point.lag for point in sparks.read(noted(5, None, 0))] == [5, None, 0]


@pytest.mark.parametrize(
    ("lags", "trend"),
    [
        ([60] * 12, Trend.STEADY),
        ([0] * 12, Trend.STEADY),
        ([600] * 6 + [640] * 6, Trend.STEADY),
        ([600] * 6 + [900] * 6, Trend.RISING),
        ([900] * 6 + [600] * 6, Trend.FALLING),
        ([900] * 3, Trend.UNKNOWN),
        ([None] * 12, Trend.UNKNOWN),
        ([600] * 6 + [None] * 6, Trend.UNKNOWN),
    ],
)
def test_a_trend_compares_the_last_half_hour_with_the_one_before(lags, trend):
    assert spark(*lags).trend == trend


def test_the_line_is_true_to_scale_and_its_top_is_the_greatest():
    path = spark(0, 100).path
    assert path == "M80.7 20.0h0L81.8 2.0"


def test_the_line_breaks_where_nothing_is_known_for_a_while():
    assert spark(60, 60, *[None] * 6, 60).path.count("M") == 2
    assert spark(60, None, 60).path.count("M") == 1


def test_what_is_old_is_not_drawn():
    points = sparks.read(noted(*[60] * 12))
    later = sparks.sparkline(points, now=NOON + 7 * 3600)
    assert (later.path, str(later.title)) == ("", "no lag known in the last 6 h")


def test_the_title_tells_the_greatest_lag_and_the_trend():
    assert str(spark(*[600] * 6, *[900] * 6).title) == "lag of the last 6 h, at most 15m, rising"
    assert str(spark(5).title) == "lag of the last 6 h, at most 5s, trend not known yet"
    assert str(spark().title) == "no lag known in the last 6 h"
