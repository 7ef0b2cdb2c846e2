"""When a Logstore is read next: hot, usual, idle, and spread over the interval."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints.domain.schedule import Heat, every, heat, is_late, is_stale, next_at
from checkpoints.domain.verdicts import Verdict

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def heat_of(**changes: Any) -> Heat:
    calm: dict[str, Any] = {"late": False, "caught_up": True, "watched_at": None, "moved_at": NOW - 2 * HOUR}
    return heat(NOW, **(calm | changes))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, Heat.IDLE),
        ({"moved_at": NOW - HOUR}, Heat.IDLE),
        ({"moved_at": NOW - 59 * MINUTE}, Heat.USUAL),
        ({"moved_at": None}, Heat.USUAL),
        ({"caught_up": False}, Heat.USUAL),
        ({"late": True}, Heat.HOT),
        ({"watched_at": NOW - MINUTE}, Heat.HOT),
        ({"watched_at": NOW - 3 * MINUTE}, Heat.IDLE),
    ],
)
def test_heat(changes: dict[str, Any], found: Heat) -> None:
    assert heat_of(**changes) is found


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_is_late_or_at_risk_is_hot(verdict: Verdict) -> None:
    calm = {
        Verdict.OK,
        Verdict.IDLE,
        Verdict.RARELY_SAVES,
        Verdict.NOT_STARTED,
        Verdict.PROGRESS_ONLY,
        Verdict.UNKNOWN,
    }
    assert is_late(verdict, NOW - MINUTE, NOW) is (verdict not in calm)


@pytest.mark.parametrize("saved", [None, NOW - 61 * MINUTE])
def test_a_group_that_was_abandoned_is_not_hot(saved: datetime | None) -> None:
    assert not is_late(Verdict.STOPPED, saved, NOW)


@pytest.mark.parametrize(
    ("heat", "interval", "seconds"),
    [
        (Heat.USUAL, 60, 60),
        (Heat.HOT, 60, 30),
        (Heat.HOT, 5, 5),
        (Heat.IDLE, 30, 150),
        (Heat.IDLE, 60, 300),
        (Heat.IDLE, 120, 300),
        (Heat.IDLE, 900, 900),
    ],
)
def test_periods(heat: Heat, interval: int, seconds: int) -> None:
    assert every(heat, timedelta(seconds=interval)).total_seconds() == seconds


@pytest.mark.parametrize("number", [1, 2, 77, 10**9])
def test_a_logstore_keeps_its_moment_whatever_the_readings_take(number: int) -> None:
    first = next_at(NOW, MINUTE, number)
    late = timedelta(seconds=13.7)
    assert [next_at(first + late, MINUTE, number), next_at(first, MINUTE, number)] == [first + MINUTE] * 2


@pytest.mark.parametrize("number", range(50))
def test_the_next_reading_is_half_to_one_and_a_half_periods_ahead(number: int) -> None:
    ahead = next_at(NOW, MINUTE, number) - NOW
    assert timedelta(seconds=30) <= ahead < timedelta(seconds=90)


def test_a_thousand_logstores_read_at_once_are_spread_evenly_afterwards() -> None:
    due = Counter(int((next_at(NOW, MINUTE, n) - NOW).total_seconds() % 60) for n in range(1, 1001))
    assert len(due) == 60
    assert max(due.values()) <= 20


@pytest.mark.parametrize(
    ("age", "planned", "stale"),
    [
        (None, 60, True),
        (300, 60, False),
        (301, 60, True),
        (301, 300, False),
        (600, 300, False),
        (601, 300, True),
        (-3600, 60, True),
    ],
)
def test_a_reading_is_stale_after_five_intervals_or_two_of_its_own_and_from_the_future(
    age: int | None, planned: int, stale: bool
) -> None:
    at = None if age is None else NOW - timedelta(seconds=age)
    assert is_stale(at, NOW, interval=MINUTE, planned=timedelta(seconds=planned)) is stale
