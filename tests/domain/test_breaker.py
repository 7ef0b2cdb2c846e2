"""The breaker: opens at the fifth failure in a row, lets one probe through, and is back within a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checkpoints.domain.breaker import FAILURES, PAUSE, PROBE, Breaker, State

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened() -> Breaker:
    breaker = Breaker()
    for number in range(FAILURES):
        breaker = breaker.failed(NOW + number * SECOND)
    return breaker


def test_it_opens_at_the_fifth_failure_and_not_before() -> None:
    breaker = Breaker()
    states = []
    for _ in range(5):
        breaker = breaker.failed(NOW)
        states.append(breaker.state(NOW))
    assert states == [State.CLOSED] * 4 + [State.OPEN]


def test_it_remembers_since_when_it_is_open() -> None:
    breaker = opened()
    again = breaker.failed(NOW + timedelta(minutes=9))
    assert again.opened_at == breaker.opened_at == NOW + 4 * SECOND
    assert again.failures == 6


def test_after_the_pause_one_may_probe_and_the_others_wait() -> None:
    breaker = opened()
    then = NOW + 4 * SECOND + PAUSE
    assert breaker.state(then - SECOND) is State.OPEN
    assert breaker.state(then) is State.HALF_OPEN
    assert breaker.probing(then).state(then + PROBE - SECOND) is State.OPEN


def test_a_probe_that_fails_opens_it_again() -> None:
    then = NOW + PAUSE + 4 * SECOND
    assert opened().probing(then).failed(then + SECOND).state(then + 2 * SECOND) is State.OPEN


def test_a_probe_that_nobody_finishes_is_made_again() -> None:
    assert opened().probing(NOW).state(NOW + PROBE) is State.HALF_OPEN


def test_an_endpoint_that_answers_again_is_read_within_a_minute() -> None:
    longest_reading, longest_tick = timedelta(seconds=20), timedelta(seconds=6)
    assert longest_reading + PAUSE + longest_tick <= timedelta(seconds=60)
    assert longest_reading < PROBE
