"""How fast a group was read lately, and how long it takes to catch up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain.pace import Mark, Pace, catch_up, pace

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def track(rate, *, minutes=60, backlog=10_000, arriving=100, late=True, start=0):
    """One mark a minute: `rate` log groups a minute are consumed (a number, or one per minute)."""
    rates = rate if isinstance(rate, list) else [rate] * minutes
    position, marks = start, []
    for minute in range(len(rates) + 1):
        at = AT + minute * MINUTE
        unread = at - (timedelta(minutes=20) if late else timedelta(seconds=30))
        marks.append(Mark(at, position, 0, start + backlog + arriving * minute, unread))
        position += rates[minute] if minute < len(rates) else 0
    return marks


def a_minute(rate):
    return rate and round(rate * 60, 6)


def test_a_group_that_is_behind_shows_what_it_can():
    found = pace({0: track(300), 1: track(200)}, [])
    assert (a_minute(found.drain), a_minute(found.ingest)) == (500, 200)
    assert not found.drain_is_lower_bound
    assert (a_minute(found.slowest), a_minute(found.fastest)) == (500, 500)


def test_a_group_that_keeps_up_shows_only_what_arrived():
    found = pace({0: track(100, late=False)}, [])
    assert (a_minute(found.drain), found.drain_is_lower_bound) == (100, True)


def test_one_shard_that_kept_up_makes_the_sum_a_lower_bound():
    found = pace({0: track(300), 1: track(100, late=False)}, [])
    assert (a_minute(found.drain), found.drain_is_lower_bound) == (400, True)


def test_the_time_before_and_after_consumers_ran_does_not_count():
    found = pace({0: track([0] * 15 + [300] * 30 + [0] * 15)}, [])
    assert (a_minute(found.drain), found.drain_is_lower_bound) == (300, False)


def test_rare_saves_are_spread_over_the_time_between_them():
    found = pace({0: track([300, 0, 0] * 20)}, [])
    assert a_minute(found.drain) == pytest.approx(100, rel=0.05)


def test_quarters_of_an_hour_give_the_range():
    found = pace({0: track([100] * 15 + [200] * 15 + [300] * 15 + [400] * 15)}, [])
    assert (a_minute(found.slowest), a_minute(found.fastest), a_minute(found.drain)) == (100, 400, 250)


def test_our_own_reset_is_not_consumption():
    skipped = track([100] * 30 + [90_000] + [100] * 29)
    at = AT + timedelta(minutes=30, seconds=20)
    assert a_minute(pace({0: skipped}, []).drain) > 1000
    assert a_minute(pace({0: skipped}, [(0, at)]).drain) == 100
    assert a_minute(pace({0: skipped}, [(1, at)]).drain) > 1000


def test_going_back_and_unknown_positions_are_left_out():
    marks = track([100] * 30 + [-2000] + [100] * 29)
    marks[50] = Mark(marks[50].at, None, 0, None, None)
    assert a_minute(pace({0: marks}, []).drain) == 100


def test_the_way_across_what_has_expired_was_not_consumed():
    marks = track([100] * 59)
    marks[0] = Mark(AT - MINUTE, -50_000, 0, marks[0].end, AT - timedelta(minutes=30))
    assert a_minute(pace({0: marks}, []).drain) == 100


@pytest.mark.parametrize("marks", [[], track(0), track(0, minutes=1)[:1]])
def test_without_consumption_the_pace_is_not_known(marks):
    found = pace({0: marks}, [])
    assert found.drain is None
    assert catch_up(100, found).verdict == "unknown"


def test_arrivals_are_not_known_when_those_of_one_shard_are_not():
    assert pace({0: track(100), 1: []}, []).ingest is None


@pytest.mark.parametrize(
    ("backlog", "seen", "verdict", "low", "high"),
    [
        (0, Pace(None, None), "done", 0, 0),
        (7200, Pace(3, 1), "estimate", 3600, 3600),
        (7200, Pace(3, 1, False, 2, 5), "estimate", 1800, 7200),
        (7200, Pace(3, 1, False, 0.5, 5), "estimate", 1800, None),
        (7200, Pace(1, 1), "never", None, None),
        (7200, Pace(1, 3), "never", None, None),
        (10**12, Pace(1.0001, 1), "never", None, None),
        (7200, Pace(3, 1, True), "at_most", None, 3600),
        (7200, Pace(1, 1, True), "unknown", None, None),
        (7200, Pace(1.05, 1, True), "unknown", None, None),
        (7200, Pace(None, 1), "unknown", None, None),
        (7200, Pace(3, None), "unknown", None, None),
    ],
)
def test_the_time_to_catch_up(backlog, seen, verdict, low, high):
    found = catch_up(backlog, seen)
    spans = [None if span is None else span.total_seconds() for span in (found.low, found.high)]
    assert (found.verdict, spans) == (verdict, [low, high])
    assert found.reasons


def test_the_reasons_name_both_rates():
    words = " ".join(str(reason) for reason in catch_up(10, Pace(0.5, 20)).reasons)
    assert words == (
        "While behind, 30.0 log groups a minute were consumed; 1,200.0 arrived."
        " At this rate the group never catches up."
    )
