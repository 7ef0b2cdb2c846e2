"""The limit of calls a second: even pace, small bursts, slower while the service throttles."""

from __future__ import annotations

import pytest

from checkpoints.services.limits import Limit


class Clock:
    """Seconds that pass when we say so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passed(limit: Limit, clock: Clock, seconds: float) -> int:
    """Return how many calls one caller that always waits for its turn makes in so many seconds."""
    until, calls = clock.now + seconds, 0
    while clock.now < until:
        clock.now += limit.wait()
        calls += 1
    return calls


def test_so_many_calls_pass_in_a_second_and_no_more(clock: Clock) -> None:
    limit = Limit(100, clock)
    passed(limit, clock, 1)
    assert passed(limit, clock, 1) == pytest.approx(100, abs=1)


def test_after_a_pause_a_small_burst_passes_at_once(clock: Clock) -> None:
    limit = Limit(100, clock)
    clock.now += 60
    waits = [limit.wait() for _ in range(30)]
    assert waits[:20] == [0.0] * 20
    assert waits[-1] == pytest.approx(0.09, abs=0.02)


def test_each_throttled_answer_halves_the_rate(clock: Clock) -> None:
    limit = Limit(100, clock)
    passed(limit, clock, 1)
    limit.refused()
    assert passed(limit, clock, 1) == pytest.approx(50, abs=3)


def test_many_throttled_answers_at_once_count_as_one(clock: Clock) -> None:
    limit = Limit(100, clock)
    passed(limit, clock, 1)
    for _ in range(32):
        limit.refused()
    assert passed(limit, clock, 1) == pytest.approx(50, abs=3)


def test_it_never_stops_and_is_back_after_a_minute(clock: Clock) -> None:
    limit = Limit(100, clock)
    for _ in range(20):
        limit.refused()
        clock.now += 1
    assert passed(limit, clock, 1) >= 5
    clock.now += 60
    passed(limit, clock, 1)
    assert passed(limit, clock, 1) == pytest.approx(100, abs=1)
