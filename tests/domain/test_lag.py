from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.domain import positions
from checkpoints.domain.lag import ShardFacts, ShardLag, State, assess, total, waiting

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = timedelta(days=1)
TTL = 30 * DAY


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def facts(checkpoint, begin, end, **more):
    text = positions.encode(checkpoint) if isinstance(checkpoint, int) else checkpoint
    known = {
        "readonly": False,
        "consumer": "c",
        "updated_at": ago(5),
        "begin_at": ago(1000),
        "newest_at": ago(10),
        "read_at": ago(300),
        "unread_at": ago(290),
    }
    return ShardFacts(shard=0, checkpoint=text, begin=begin, end=end, **(known | more))


def seconds(span):
    return None if span is None else span.total_seconds()


# (checkpoint, begin, end, more) -> state, backlog, lost, lag, at least, unread age
TABLE = {
    "caught up": ((200, 100, 200, {}), (State.CAUGHT_UP, 0, None, 0, False, 0)),
    "caught up, begin not read": ((200, None, 200, {}), (State.CAUGHT_UP, 0, None, 0, False, 0)),
    "behind": ((150, 100, 200, {}), (State.BEHIND, 50, None, 290, False, 290)),
    "behind, begin not read": ((150, None, 200, {}), (State.BEHIND, 50, None, 290, False, 290)),
    "behind, no times": (
        (150, 100, 200, {"newest_at": None, "unread_at": None}),
        (State.BEHIND, 50, None, None, False, None),
    ),
    "at begin": (
        (100, 100, 200, {"read_at": None, "unread_at": None}),
        (State.AT_BEGIN, 100, None, 990, True, 1000),
    ),
    "at begin, told by the error": (
        (100, None, 200, {"previous_expired": True, "read_at": None, "begin_at": None}),
        (State.AT_BEGIN, 100, None, 280, True, 290),
    ),
    "expired": ((40, 100, 200, {}), (State.EXPIRED, 100, 60, 990, True, TTL.total_seconds())),
    "expired, told by the error": (
        (40, None, 200, {"time_expired": True}),
        (State.EXPIRED, None, None, None, True, TTL.total_seconds()),
    ),
    "expired, begin read too early": (
        (120, 100, 200, {"time_expired": True}),
        (State.EXPIRED, None, None, None, True, TTL.total_seconds()),
    ),
    "expired and nothing left": ((40, 100, 100, {}), (State.EXPIRED, 0, 60, 990, True, TTL.total_seconds())),
    "expired, begin read after the end": (
        (40, 100, 90, {}),
        (State.EXPIRED, None, 60, 990, True, TTL.total_seconds()),
    ),
    "after the end": ((201, 100, 200, {}), (State.INVALID, None, None, None, False, None)),
    "not decodable": (("!!!", 100, 200, {}), (State.INVALID, None, None, None, False, None)),
    "never saved": (("", 100, 200, {}), (State.NEVER_SAVED, None, None, None, False, None)),
    "never saved, begin not read": (("", None, 200, {}), (State.NEVER_SAVED, None, None, None, False, None)),
    "empty": ((100, 100, 100, {}), (State.EMPTY, 0, None, 0, False, 0)),
    "empty, never saved": (("", 100, 100, {}), (State.EMPTY, 0, None, 0, False, 0)),
    "finished": ((200, 100, 200, {"readonly": True}), (State.FINISHED, 0, None, 0, False, 0)),
    "empty readonly": (("", 100, 100, {"readonly": True}), (State.EMPTY, 0, None, 0, False, 0)),
    "readonly, behind": ((150, 100, 200, {"readonly": True}), (State.BEHIND, 50, None, 290, False, 290)),
    "end unknown": ((150, 100, None, {}), (State.UNKNOWN, None, None, None, False, None)),
    "checkpoint unknown": ((None, 100, 200, {}), (State.UNKNOWN, None, None, None, False, None)),
    "never saved, end unknown": (("", None, None, {}), (State.UNKNOWN, None, None, None, False, None)),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_row_of_the_lag_table_gives_its_state_and_figures(case):
    (checkpoint, begin, end, more), expected = TABLE[case]
    lag = assess(facts(checkpoint, begin, end, **more), now=NOW, retention=TTL)
    assert (
        lag.state,
        lag.backlog,
        lag.lost,
        seconds(lag.lag),
        lag.lag_is_lower_bound,
        seconds(lag.unread_age),
    ) == expected


def test_times_shown_for_a_shard_that_is_behind():
    lag = assess(facts(150, 100, 200), now=NOW, retention=TTL)
    assert (lag.consumed_until, lag.oldest_unread_at, lag.newest_at) == (ago(300), ago(290), ago(10))
    assert (lag.position, lag.retained) == (150, 100)


def test_a_caught_up_shard_was_consumed_until_its_newest_log_group():
    assert assess(facts(200, 100, 200), now=NOW, retention=TTL).consumed_until == ago(10)


def test_an_unsaved_checkpoint_has_consumed_until_nothing():
    assert assess(facts("", 100, 100), now=NOW, retention=TTL).consumed_until is None


def test_an_unknown_shard_keeps_the_times_that_are_still_true():
    assert assess(facts(150, 100, None), now=NOW, retention=TTL).consumed_until == ago(300)


@pytest.mark.parametrize(
    ("unread", "retention", "left"),
    [
        (290, TTL, TTL.total_seconds() - 290),
        (290, None, None),
        (290, timedelta(days=3650), None),
        (2 * 86_400, DAY, 0),
    ],
)
def test_time_until_data_loss_counts_from_the_oldest_unread_log_group(unread, retention, left):
    lag = assess(facts(150, 100, 200, unread_at=ago(unread)), now=NOW, retention=retention)
    assert seconds(lag.data_loss_in) == left


def test_an_expired_checkpoint_is_losing_data_now():
    lag = assess(facts(40, 100, 200), now=NOW, retention=None)
    assert (lag.data_loss_in, lag.unread_age) == (timedelta(0), timedelta(seconds=1000))


def test_clocks_that_disagree_never_make_lag_negative():
    lag = assess(facts(150, 100, 200, newest_at=ago(400), unread_at=ago(-5)), now=NOW, retention=TTL)
    assert (lag.lag, lag.unread_age) == (timedelta(0), timedelta(0))


positions_or_none = st.none() | st.integers(0, 30)
times = st.none() | st.integers(-10, 5000).map(ago)


@given(
    checkpoint=st.none() | st.just("") | st.just("?") | st.integers(0, 30),
    begin=positions_or_none,
    end=positions_or_none,
    readonly=st.booleans(),
    times=st.tuples(times, times, times, times),
    flags=st.tuples(st.booleans(), st.booleans()),
    retention=st.none() | st.integers(1, 3650).map(lambda days: timedelta(days=days)),
)
def test_no_reading_ever_turns_what_is_unknown_into_zero(
    checkpoint, begin, end, readonly, times, flags, retention
):
    names = ("begin_at", "newest_at", "read_at", "unread_at")
    more = dict(zip(names, times, strict=True)) | {"time_expired": flags[0], "previous_expired": flags[1]}
    lag = assess(facts(checkpoint, begin, end, readonly=readonly, **more), now=NOW, retention=retention)
    if checkpoint is None or (end is None and checkpoint != "?"):
        assert lag.state is State.UNKNOWN
    if lag.state in (State.UNKNOWN, State.INVALID, State.NEVER_SAVED):
        assert (lag.backlog, lag.lag, lag.unread_age, lag.data_loss_in) == (None,) * 4
    if lag.state in (State.BEHIND, State.AT_BEGIN):
        assert lag.backlog == end - checkpoint > 0
    if lag.backlog == 0:
        assert end in (checkpoint, begin)


def line(shard, state, **more):
    return ShardLag(shard, state, **more)


def span(value):
    return timedelta(seconds=value)


BEHIND = line(
    1, State.BEHIND, backlog=5, lag=span(60), unread_age=span(50), data_loss_in=span(900), position=1
)
DONE = line(2, State.CAUGHT_UP, backlog=0, lag=span(0), unread_age=span(0))
FINISHED = line(3, State.FINISHED, backlog=0, lag=span(0), unread_age=span(0))
UNKNOWN = line(4, State.UNKNOWN)
EXPIRED = line(
    5, State.EXPIRED, backlog=7, lost=3, lag=span(9), lag_is_lower_bound=True, data_loss_in=span(0)
)


def test_group_backlog_is_the_sum_and_group_lag_the_worst():
    group = total([DONE, BEHIND, line(6, State.BEHIND, backlog=2, lag=span(70), unread_age=span(1))])
    assert (group.backlog, group.lag, group.unread_age, group.worst_shard) == (7, span(70), span(50), 6)
    assert (group.complete, group.lag_is_lower_bound, group.data_loss_in) == (True, False, span(900))


def test_one_unknown_shard_leaves_the_sum_of_the_known_and_says_so():
    group = total([BEHIND, UNKNOWN])
    assert (group.backlog, group.complete, group.lag_is_lower_bound) == (5, False, True)
    assert group.counts == {State.BEHIND: 1, State.UNKNOWN: 1}


def test_an_unknown_shard_beside_shards_that_have_read_all_leaves_nothing_known():
    group = total([DONE, UNKNOWN])
    assert (group.backlog, group.lag, group.unread_age, group.lag_is_lower_bound) == (None, None, None, True)
    assert total([DONE, line(6, State.BEHIND, backlog=1)]).lag is None


@pytest.mark.parametrize(("state", "waits"), [(State.FINISHED, False), (State.BEHIND, True), (None, False)])
def test_a_child_of_an_in_order_group_waits_for_its_parents(state, waits):
    parent = [] if state is None else [(facts(5, 1, 9), line(0, state))]
    child = (replace(facts("", 1, 9), shard=2, parents=(0,)), line(2, State.NEVER_SAVED))
    read, lags = zip(*parent, child, strict=True)
    assert waiting(read, lags)[-1].waits is waits


def test_nothing_known_is_not_zero():
    group = total([UNKNOWN])
    assert (group.backlog, group.lag, group.unread_age, group.complete) == (None, None, None, False)


def test_a_group_without_shards_is_not_known():
    group = total([])
    assert (group.backlog, group.lag, group.complete, group.worst_shard) == (None, None, False, None)


def test_finished_shards_do_not_count():
    assert total([FINISHED, line(1, State.NEVER_SAVED)]).backlog is None


def test_a_group_that_has_finished_every_shard_has_no_lag():
    group = total([FINISHED])
    assert (group.backlog, group.lag, group.unread_age, group.complete) == (0, span(0), span(0), True)


def test_an_expired_shard_is_worst_whatever_the_lag_of_others():
    group = total([BEHIND, EXPIRED])
    assert (group.worst_shard, group.lost, group.data_loss_in, group.lag_is_lower_bound) == (
        5,
        3,
        span(0),
        True,
    )


def test_lag_is_at_least_when_the_time_of_a_late_shard_is_missing():
    assert total([BEHIND, line(6, State.BEHIND, backlog=1)]).lag_is_lower_bound
