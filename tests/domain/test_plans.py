from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.domain import positions
from checkpoints.domain.cautions import Circumstances
from checkpoints.domain.lineage import Lineage
from checkpoints.domain.plans import Resolved, ShardBefore, canonical, clamp, digest, move, totals

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
TTL = timedelta(days=30)
BEFORE = ShardBefore(
    0, False, positions.encode(150), 150, NOW - HOUR, 100, 200, begin_at=NOW - 20 * 24 * HOUR, newest_at=NOW
)


def to(position, time=NOW - HOUR, **more):
    return Resolved(positions.encode(position), position, time, **more)


def line(before=BEFORE, after=None, retention=TTL, **more):
    return move(before, "asked", after or to(120), Circumstances(NOW, retention, **more))


def told(shard_move):
    return " ".join(str(warning) for warning in shard_move.warnings)


@pytest.mark.parametrize(
    ("position", "clamped"),
    [(99, (100, "begin")), (100, (100, None)), (200, (200, None)), (201, (200, "end"))],
)
def test_positions_are_pulled_into_the_retained_range(position, clamped):
    assert clamp(position, 100, 200) == clamped


def test_without_a_known_range_nothing_is_clamped():
    assert clamp(5, None, None) == (5, None)


def test_a_rewind_counts_what_is_consumed_again():
    back = line()
    assert (back.direction, back.log_groups, back.clamped, back.warnings, back.changes) == (
        "rewind",
        30,
        None,
        (),
        True,
    )


def test_a_skip_counts_what_is_never_consumed_and_warns():
    ahead = line(after=to(180))
    assert (ahead.direction, ahead.log_groups) == ("skip", 30)
    assert "30 log groups will never be consumed" in told(ahead)


def test_a_checkpoint_that_is_there_already_has_nothing_to_move():
    same = line(after=to(150))
    assert (same.direction, same.log_groups, same.changes) == ("none", 0, False)
    assert "Nothing to move" in told(same)


@pytest.mark.parametrize(
    ("asked", "position", "clamped", "words"),
    [(50, 100, "begin", "no longer retained"), (250, 200, "end", "after the newest")],
)
def test_a_cursor_outside_the_range_is_replaced_and_told(asked, position, clamped, words):
    pulled = line(after=to(asked))
    assert (pulled.after.position, pulled.after.cursor) == (position, positions.encode(position))
    assert pulled.clamped == clamped
    assert words in told(pulled)


def test_a_time_before_retention_is_told_with_how_much_is_gone_although_sls_moved_it_silently():
    begin_at = NOW - TTL + timedelta(minutes=42)
    pulled = line(replace(BEFORE, begin_at=begin_at), to(100), asked_at=NOW - TTL - timedelta(seconds=1))
    assert pulled.clamped == "begin"
    assert "no longer retained: 42m 1s are already gone" in told(pulled)


def test_a_time_within_retention_before_the_oldest_log_group_lost_nothing():
    pulled = line(after=to(100), asked_at=NOW - 25 * 24 * HOUR)
    assert pulled.clamped == "begin"
    assert "holds nothing as old as that: its oldest log group came 5d later" in told(pulled)


def test_with_an_unknown_retention_what_was_before_the_oldest_log_group_may_be_gone():
    assert "5d are already gone" in told(line(after=to(100), asked_at=NOW - 25 * 24 * HOUR, retention=None))


CHILD = Lineage(NOW - HOUR, parents_in_plan=(1,), parents_outside=(2, 3))


@pytest.mark.parametrize("retention", [TTL, None])
def test_a_time_before_a_child_was_made_names_the_parents_inside_and_outside_the_plan(retention):
    young = replace(BEFORE, begin_at=NOW - HOUR)
    said = told(line(young, to(100), asked_at=NOW - 2 * HOUR, lineage=CHILD, retention=retention))
    assert "made by a split or merge at 2026-11-20 07:00:00 UTC, after the time asked for" in said
    assert "its parents in this plan: 1." in said
    assert "its parents, which are not in this plan: 2, 3." in said
    assert "gone" not in said
    assert "no longer retained" not in said


@pytest.mark.parametrize(
    ("asked_at", "lineage"),
    [(NOW - HOUR, CHILD), (None, CHILD), (NOW - 2 * HOUR, Lineage(NOW - HOUR)), (NOW - HOUR, Lineage())],
)
def test_parents_are_not_told_where_nothing_asked_for_lies_in_them(asked_at, lineage):
    assert "parents" not in told(line(asked_at=asked_at, lineage=lineage))


def test_a_child_whose_own_begin_has_expired_says_both():
    old = Lineage(NOW - TTL - HOUR, parents_outside=(2,))
    said = told(line(after=to(100), asked_at=NOW - TTL - 2 * HOUR, lineage=old))
    assert "are not in this plan: 2" in said
    assert "already gone" in said


def test_an_in_order_child_waits_for_its_parents():
    assert "waits until its parents are consumed: 1, 4." in told(line(lineage=Lineage(waits_for=(1, 4))))


def test_an_empty_shard_is_told():
    empty = replace(BEFORE, begin=200, position=200, begin_at=None)
    assert "This shard holds no log group" in told(line(empty, to(200)))
    assert "read-only shard holds no log group any more" in told(line(replace(empty, readonly=True), to(200)))


def test_a_readonly_shard_is_told():
    assert "This shard is read-only" in told(line(replace(BEFORE, readonly=True)))


@pytest.mark.parametrize(
    ("present", "target", "words"),
    [
        (160, 120, "40 log groups were consumed since the reset: 40 of them are replayed."),
        (160, 130, "40 log groups were consumed since the reset: 30 of them are replayed."),
        (130, 150, "10 log groups were consumed since the reset: the 20 after them are skipped."),
    ],
)
def test_an_undo_tells_what_was_consumed_since(present, target, words):
    assert words in told(line(replace(BEFORE, position=present), to(target), left_at=120))


@pytest.mark.parametrize("present", [120, 110, None])
def test_an_undo_is_silent_where_nothing_was_consumed_since(present):
    assert "since the reset" not in told(line(replace(BEFORE, position=present), to(150), left_at=120))


def test_a_time_inside_the_range_is_not_clamped():
    assert line(asked_at=NOW - HOUR).clamped is None


def test_a_time_between_the_newest_log_group_and_now_is_not_clamped():
    assert line(after=to(200), asked_at=NOW).clamped is None


def test_a_time_in_the_future_ends_at_the_end_and_is_told():
    ahead = line(after=to(200), asked_at=NOW + HOUR)
    assert ahead.clamped == "end"
    assert "in the future" in told(ahead)


def test_a_clamp_found_earlier_is_kept():
    assert line(after=to(100, clamped="begin"), asked_at=NOW - HOUR).clamped == "begin"


def test_a_target_close_to_its_expiry_is_told_with_the_time_left():
    assert "expires in 5h" in told(line(after=to(100, NOW - TTL + 5 * HOUR)))


def test_a_target_overdue_for_expiry_has_no_time_left():
    assert "expires in 0s" in told(line(after=to(100, NOW - TTL - HOUR)))


@pytest.mark.parametrize(
    ("after", "retention"),
    [
        (to(100, NOW - TTL), None),
        (to(100, NOW - TTL), timedelta(days=3650)),
        (to(100, None), TTL),
        (to(200, NOW - TTL), TTL),
    ],
)
def test_expiry_is_not_told_where_there_is_none(after, retention):
    assert "expires in" not in told(line(after=after, retention=retention))


def test_a_finished_shard_that_is_rewound_comes_alive():
    finished = replace(BEFORE, readonly=True, position=200)
    assert "take it up again" in told(line(finished))


def test_a_skip_from_an_expired_checkpoint_counts_only_what_was_readable():
    ahead = line(replace(BEFORE, position=40))
    assert (ahead.direction, ahead.log_groups) == ("skip", 20)
    assert "60 log groups before the retained range are gone" in told(ahead)


def test_an_expired_checkpoint_moved_to_begin_skips_nothing_but_changes():
    repaired = line(replace(BEFORE, position=40), to(100))
    assert (repaired.direction, repaired.log_groups, repaired.changes) == ("skip", 0, True)
    assert "never be consumed" not in told(repaired)


def test_a_checkpoint_after_the_end_is_rewound_from_the_end():
    back = line(replace(BEFORE, position=999))
    assert (back.direction, back.log_groups) == ("rewind", 80)
    assert "not of this shard" in told(back)


@pytest.mark.parametrize(("target", "expected"), [(100, ("none", 0)), (130, ("skip", 30))])
def test_an_unsaved_checkpoint_counts_from_begin_and_says_so(target, expected):
    first = line(replace(BEFORE, cursor="", position=None), to(target))
    assert (first.direction, first.log_groups) == expected
    assert first.changes
    assert "never had a checkpoint" in told(first)


def test_an_unsaved_checkpoint_without_begin_cannot_be_counted():
    first = line(replace(BEFORE, cursor="", position=None, begin=None))
    assert first.direction == "none"
    assert "not known" in told(first)


def test_an_unreadable_checkpoint_is_told():
    assert "cannot be read" in told(line(replace(BEFORE, cursor="???", position=None)))


def test_totals_tell_both_directions_apart_and_count_what_changes():
    whole = totals([line(), line(after=to(180)), line(after=to(150))])
    assert (whole.consumed_again, whole.never_consumed, whole.shards) == (30, 30, 2)


plans = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(), max_size=6
)


@given(plans)
def test_the_hash_does_not_depend_on_the_order_of_keys(plan):
    assert digest(dict(reversed(plan.items()))) == digest(dict(sorted(plan.items())))


@given(plans, st.text(max_size=5))
def test_the_hash_changes_with_any_value(plan, key):
    assert digest(plan | {key: "one"}) != digest(plan | {key: "other"})


def test_the_canonical_form_is_compact_sorted_utf8():
    assert canonical({"b": "检", "a": 1}) == '{"a":1,"b":"检"}'.encode()


def test_a_plan_with_a_number_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"a": float("nan")})
