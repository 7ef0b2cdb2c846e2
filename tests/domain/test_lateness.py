"""Which shards are late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.lateness import is_late, word
from checkpoints.domain.thresholds import Thresholds

LIMIT, SECOND = timedelta(minutes=5), timedelta(seconds=1)


@pytest.mark.parametrize("state", State)
def test_without_an_age_only_what_is_unread_or_broken_is_late(state):
    broken = (State.EXPIRED, State.INVALID, State.BEHIND, State.AT_BEGIN)
    assert is_late(ShardLag(0, state), limit=LIMIT) is (state in broken)


@pytest.mark.parametrize(
    ("age", "lag", "since", "late"),
    [
        (LIMIT, None, 0, False),
        (LIMIT + SECOND, None, 0, True),
        (LIMIT + SECOND, None, 2, False),
        (SECOND, 2 * LIMIT, 0, False),
        (None, 2 * LIMIT, 0, True),
    ],
)
def test_a_shard_is_late_from_the_limit_on_when_it_was_read(age, lag, since, late):
    found = ShardLag(0, State.BEHIND, unread_age=age, lag=lag)
    assert is_late(found, limit=LIMIT, since=since * SECOND) is late


@pytest.mark.parametrize(
    ("state", "late", "expected"),
    [
        (State.BEHIND, False, "in_time"),
        (State.BEHIND, True, "stopped"),
        (State.AT_BEGIN, False, "at_begin_in_time"),
        (State.AT_BEGIN, True, "at_begin"),
        (State.EXPIRED, True, "expired"),
        (State.CAUGHT_UP, False, "caught_up"),
    ],
)
def test_a_shard_has_the_verdict_of_its_group_when_it_is_late(state, late, expected):
    assert word(ShardLag(0, state), late=late, late_word="stopped") == expected


def test_what_was_late_stays_late_for_a_while():
    limits = Thresholds()
    assert limits.late_from(was_late=True) < limits.late_from(was_late=False) == limits.late
