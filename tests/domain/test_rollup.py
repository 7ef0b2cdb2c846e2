from datetime import timedelta

import pytest

from checkpoints.domain import lag, rollup
from checkpoints.domain.history import Mark
from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.moves import OwnWrite
from tests.domain.past import NOON, sample, seen, total

UNKNOWN = seen(None, None, state=State.UNKNOWN, owner="")
NEVER = seen(None, 150, state=State.NEVER_SAVED, backlog=None, lag=None, owner="")


def totals(*samples, own=(), before=None):
    return rollup.totals(samples, before=before, own=own, gap=1800)


def marks(*samples, own=(), before=()):
    return rollup.marks(samples, before=before, own=own, timeout=60)


SHARDS = {
    "behind": seen(),
    "no time": seen(lag=None),
    "caught up": seen(150, state=State.CAUGHT_UP),
    "at begin": seen(state=State.AT_BEGIN),
    "expired": seen(state=State.EXPIRED, backlog=None),
    "invalid": seen(state=State.INVALID, backlog=None, lag=None),
    "never": NEVER,
    "finished": seen(150, state=State.FINISHED),
    "unknown": UNKNOWN,
}


@pytest.mark.parametrize("second", SHARDS)
@pytest.mark.parametrize("first", SHARDS)
def test_a_group_is_summed_up_by_the_rules_of_the_page(first, second):
    shards = [SHARDS[first], SHARDS[second]]
    [point] = totals(sample(0, s0=shards[0], s1=shards[1]))
    same = lag.total(
        [
            ShardLag(
                number,
                one.state,
                backlog=one.backlog,
                lag=None if one.lag is None else timedelta(seconds=one.lag),
                lag_is_lower_bound=one.lag is not None and one.state in (State.AT_BEGIN, State.EXPIRED),
            )
            for number, one in enumerate(shards)
        ]
    )
    assert point.lag == (None if same.lag is None else same.lag.total_seconds())
    assert bool(point.at_least) == same.lag_is_lower_bound
    assert point.backlog == (same.backlog if same.complete else None)


def test_rates_are_told_between_two_readings():
    first, second = totals(
        sample(0, s0=seen(100, 150), s1=seen(0, 10)), sample(1, s0=seen(130, 210), s1=seen(4, 16))
    )
    assert (first.written, first.drained, first.drained_in) == (None, None, 0)
    assert (second.written, second.written_in, second.drained, second.drained_in) == (66, 60, 34, 60)


def test_the_reading_before_the_first_counts():
    [point] = totals(sample(1, s0=seen(130, 210)), before=sample(0, s0=seen(100, 150)))
    assert (point.written, point.drained) == (60, 30)


def test_nothing_is_told_over_a_gap():
    assert totals(sample(0, s0=seen()), sample(31, s0=seen(130, 210)))[1].written is None


@pytest.mark.parametrize(
    ("before", "after", "drained"),
    [
        (seen(100), seen(90), None),  # it went back
        (seen(100), UNKNOWN, None),
        (NEVER, NEVER, 0),
        (NEVER, seen(100), None),
        (seen(100, state=State.EXPIRED), seen(140), None),
        (seen(100), seen(100), 0),
    ],
)
def test_a_move_that_is_no_consumption_is_not_told_as_one(before, after, drained):
    assert totals(sample(0, s0=before), sample(1, s0=after))[1].drained == drained


def test_a_reset_of_ours_is_not_consumption_but_the_other_shards_go_on():
    samples = sample(0, s0=seen(100), s1=seen(100)), sample(1, s0=seen(150), s1=seen(110))
    assert totals(*samples, own=[OwnWrite(0, NOON + 30, 150)])[1].drained == 10
    assert totals(*samples, own=[OwnWrite(0, NOON - 90, 100)])[1].drained == 60


def test_an_end_that_is_not_known_leaves_the_rate_unknown():
    samples = sample(0, s0=seen(), s1=seen()), sample(1, s0=seen(110, 170), s1=seen(100, None))
    assert totals(*samples)[1].written is None


def test_a_new_shard_counts_from_its_second_reading():
    samples = sample(0, s0=seen(0, 10)), sample(1, s0=seen(5, 20), s1=seen(0, 500))
    assert totals(*samples)[1].written == 10


def test_going_back_is_a_foreign_move_and_names_the_owner():
    found = marks(sample(0, s0=seen(100), s1=seen(5)), sample(1, s0=seen(90, owner="worker-1"), s1=seen(6)))
    assert found == [Mark(NOON + 60, "foreign", (0,), "worker-1")]


@pytest.mark.parametrize(
    ("shard", "minute", "kinds"),
    [
        (0, 0.5, []),
        (0, -1.5, []),
        (0, 1.9, []),
        (0, -10, ["foreign"]),
        (1, 0.5, ["foreign"]),
        (0, 2.1, ["foreign"]),
    ],
)
def test_going_back_by_a_reset_of_ours_is_none(shard, minute, kinds):
    own = [OwnWrite(shard, NOON + int(60 * minute), 90)]
    found = marks(sample(0, s0=seen(100)), sample(1, s0=seen(90)), own=own)
    assert [mark.kind for mark in found] == kinds


def test_going_back_is_seen_across_a_reading_that_failed():
    found = marks(sample(0, s0=seen(100)), sample(1, s0=UNKNOWN), sample(2, s0=seen(90)))
    assert [(mark.at, mark.kind) for mark in found] == [(NOON + 120, "foreign")]


def test_a_change_of_owner_is_marked_with_the_new_one():
    one = sample(0, s0=seen(), s1=seen(), s2=seen())
    two = sample(1, s0=seen(owner="b"), s1=seen(owner="a"), s2=seen())
    assert marks(one, two) == [Mark(NOON + 60, "owner", (0, 1), "a, b")]
    assert marks(two, before=[one]) == marks(one, two)


def test_a_jump_ahead_is_marked_by_what_the_group_did_before():
    before = [sample(minute, s0=seen(100 + 10 * minute, 5000)) for minute in range(4)]
    jumped = sample(4, s0=seen(4000, 5000))
    assert [mark.kind for mark in marks(*before, jumped)] == ["ahead"]
    assert [mark.kind for mark in marks(jumped, before=before)] == ["ahead"]
    assert marks(jumped, before=before[3:]) == []


def test_what_somebody_else_jumped_over_was_not_consumed():
    steady = [sample(minute, s0=seen(100 + 10 * minute, 5000), s1=seen(minute, 9)) for minute in range(4)]
    jumped = sample(4, s0=seen(4000, 5000), s1=seen(4, 9))
    found = rollup.totals([*steady, jumped], before=None, own=(), gap=1800, moved=marks(*steady, jumped))
    assert [point.drained for point in found] == [None, 11, 11, 11, 1]


def test_nobody_is_an_owner_too():
    assert marks(sample(0, s0=seen()), sample(1, s0=seen(owner=""))) == [Mark(NOON + 60, "owner", (0,), "")]


def test_a_step_keeps_the_greatest_and_the_least_and_sums_what_moved():
    points = [total(0), total(1, lag=300, lag_low=300, backlog=5, backlog_low=5, at_least=1), total(4, lag=9)]
    [joined] = rollup.roll_totals(points, 300)
    assert joined == total(
        4, lag=300, at_least=1, backlog=100, backlog_low=5, written=180, written_in=180, drained=90,
        drained_in=180,
    )  # fmt: skip


def test_what_is_not_known_in_a_whole_step_stays_not_known():
    nothing = {"lag": None, "lag_low": None, "backlog": None, "backlog_low": None}
    [joined] = rollup.roll_totals([total(0, **nothing), total(1, **nothing)], 300)
    assert (joined.lag, joined.backlog) == (None, None)
    [joined] = rollup.roll_totals([total(0, **nothing), total(1)], 300)
    assert joined.lag == 60


def test_rolling_up_in_two_steps_gives_the_same_as_in_one():
    points = [total(minute, lag=minute * 7 % 50, written=minute) for minute in range(180)]
    assert rollup.roll_totals(rollup.roll_totals(points, 300), 3600) == rollup.roll_totals(points, 3600)


def test_a_step_keeps_the_last_place_of_a_shard_and_its_greatest_lag():
    [rolled] = rollup.roll_samples(
        [sample(0, s0=seen(100, 190)), sample(1, s0=seen(150, 200)), sample(2, s0=UNKNOWN)], 300
    )
    assert rolled.at == NOON + 120
    assert rolled.shards[0] == seen(150, 200, lag=90, backlog=90)


def test_marks_of_a_step_become_one_of_each_kind():
    found = rollup.roll_marks(
        [
            Mark(NOON, "owner", (3,), "a"),
            Mark(NOON + 9, "foreign", (0,), ""),
            Mark(NOON + 60, "owner", (1,), "b"),
        ],
        300,
    )
    assert found == [Mark(NOON + 60, "owner", (1, 3), "b"), Mark(NOON + 9, "foreign", (0,), "")]
