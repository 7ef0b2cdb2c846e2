"""Times written by a clock that was ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain import clocks

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seconds", "has_come"),
    [
        (None, True),
        (-1, True),
        (0, True),
        (1, False),
        (60, False),
        (120, False),
        (121, True),
        (8 * 3600, True),
    ],
)
def test_a_time_at_most_a_minute_ahead_has_come_when_it_lies_further_ahead_than_that_and_one_more(
    seconds: int | None, has_come: bool
) -> None:
    at = None if seconds is None else NOW + seconds * SECOND
    assert clocks.has_come(at, NOW, furthest=60 * SECOND) is has_come


@pytest.mark.parametrize(
    ("age", "is_young"),
    [(None, False), (11, False), (10, True), (0, True), (-60, True), (-61, False), (-8 * 3600, False)],
)
def test_what_was_seen_in_the_future_is_not_young(age: int | None, is_young: bool) -> None:
    at = None if age is None else NOW - age * SECOND
    assert clocks.is_young(at, NOW, most=10 * SECOND) is is_young
