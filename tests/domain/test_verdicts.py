"""The word for a group, from its history and its lag."""

from dataclasses import replace
from datetime import timedelta

import pytest

from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.thresholds import Thresholds
from checkpoints.domain.verdicts import WORST_FIRST, Verdict, severity
from tests.domain.judging import (
    GROWING,
    MINUTE,
    NOW,
    OLD,
    SAME,
    STILL,
    done,
    history,
    judged,
    late,
    own,
    together,
    told,
)


def test_nothing_saved_while_log_groups_arrive_is_stopped():
    verdict = judged(history(STILL, GROWING), late())
    assert (verdict.verdict, verdict.complete) == (Verdict.STOPPED, True)
    assert "Nothing saved for 3h while log groups arrive (shards 0)" in told(verdict)


def test_nothing_saved_and_nothing_new_is_stopped_too():
    verdict = judged(history(STILL, SAME), late())
    assert verdict.verdict is Verdict.STOPPED
    assert "nothing new arrives" in told(verdict)


def test_saving_the_same_place_again_is_stalled():
    saved = [NOW - MINUTE * number for number in range(9, -1, -1)]
    verdict = judged(history(STILL, GROWING, saved=saved), late())
    assert verdict.verdict is Verdict.STALLED
    assert "at the same place" in told(verdict)


def test_one_shard_without_progress_in_a_group_that_saves_is_stalled():
    samples = together(history(STILL, GROWING), history(GROWING, GROWING, shard=1))
    verdict = judged(samples, late(0), done(1))
    assert verdict.per_shard == {0: Verdict.STALLED, 1: Verdict.OK}
    assert verdict.verdict is Verdict.STALLED


def test_a_shard_that_nobody_owns_is_stopped_although_the_group_saves():
    samples = together(history(STILL, GROWING, consumer=""), history(GROWING, GROWING, shard=1))
    assert judged(samples, late(0), done(1)).per_shard[0] is Verdict.STOPPED


def test_our_own_reset_does_not_make_a_stopped_group_look_alive():
    reset = NOW - 8.5 * MINUTE
    samples = history([900, *STILL[1:]], GROWING, saved=[OLD, *[reset] * 9])
    limits = Thresholds(flush=timedelta(seconds=160))
    verdict = judged(samples, late(), own_writes=own(0, reset, 100), thresholds=limits)
    assert verdict.verdict is Verdict.STOPPED
    assert "Nothing saved for 3h" in told(verdict)
    assert verdict.rhythm == {}


@pytest.mark.parametrize(("position", "word"), [(50, Verdict.STALLED), (290, Verdict.STOPPED)])
def test_a_save_is_ours_only_at_the_place_we_wrote(position, word):
    samples = together(history(STILL, GROWING), history(GROWING, GROWING, shard=1))
    written = own(1, NOW - timedelta(seconds=3), position)
    assert judged(samples, late(0), done(1), own_writes=written).per_shard[0] is word


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_little_history_is_told_and_never_called_stopped_or_stalled(count):
    verdict = judged(history(STILL[:count], GROWING[:count]), late())
    assert (verdict.verdict, verdict.complete) == (Verdict.BEHIND, False)
    assert "Too little history" in told(verdict)


def test_history_from_before_our_reset_does_not_count():
    verdict = judged(history(STILL, GROWING), late(), own_writes=own(0, NOW - 90 * timedelta(seconds=1), 100))
    assert (verdict.verdict, verdict.complete) == (Verdict.BEHIND, False)


def test_a_shrinking_backlog_is_catching_up_with_its_time():
    samples = history([100, 200, 300, 400, 500], [1000] * 5)
    verdict = judged(samples, late(backlog=500))
    assert (verdict.verdict, verdict.eta) == (Verdict.CATCHING_UP, timedelta(minutes=5))


def test_a_backlog_that_nobody_consumed_is_not_called_consuming():
    assert "Consuming" not in told(judged(history([100] * 3, [200, 300, 400]), late()))


def test_a_tool_that_writes_elsewhere_does_not_make_a_stopped_group_look_alive():
    samples = together(history(STILL, GROWING), history([500] * 9 + [20], [900] * 10, shard=1))
    verdict = judged(samples, late(0), late(1))
    assert (verdict.verdict, verdict.per_shard[1]) == (Verdict.STOPPED, Verdict.FOREIGN_MOVE)


def test_a_growing_backlog_is_behind():
    verdict = judged(history([100, 110, 120, 130, 140], [200, 300, 400, 500, 600]), late())
    assert (verdict.verdict, verdict.eta) == (Verdict.BEHIND, None)
    assert "does not shrink" in told(verdict)


def test_history_without_backlog_gives_no_trend():
    samples = history([100, 110, 120, 130, 140], [200] * 5)
    blank = [replace(one, shards=(replace(one.shards[0], backlog=None),)) for one in samples]
    assert "lie unread" in told(judged(blank, late()))


def test_unread_data_close_to_its_expiry_is_at_risk():
    verdict = judged(history(STILL, GROWING), late(data_loss_in=timedelta(hours=70)))
    assert verdict.verdict is Verdict.AT_RISK
    assert "expires in 2d 22h" in told(verdict)
    assert "Nothing saved" in told(verdict)


def test_six_hours_are_close_whatever_the_retention():
    near = late(data_loss_in=timedelta(hours=5))
    assert judged([], near, retention=None).verdict is Verdict.AT_RISK


@pytest.mark.parametrize(
    ("lost", "words"), [(7, "7 log groups on shards 0 expired"), (None, "older than what is retained")]
)
def test_an_expired_checkpoint_is_losing_data(lost, words):
    verdict = judged([], ShardLag(0, State.EXPIRED, position=1, lost=lost))
    assert verdict.verdict is Verdict.LOSING_DATA
    assert words in told(verdict)


def test_a_checkpoint_of_another_shard_is_at_risk():
    assert judged([], ShardLag(0, State.INVALID)).verdict is Verdict.AT_RISK


def test_a_checkpoint_that_went_back_without_our_reset_is_a_foreign_move():
    samples = history([500, 500, 500, 100, 300, 480], [510] * 6)
    verdict = judged(samples, done())
    assert verdict.verdict is Verdict.FOREIGN_MOVE
    assert "went back without a reset of ours" in told(verdict)


def test_our_own_rewind_is_not_foreign():
    samples = history([500, 500, 500, 100, 300, 480], [510] * 6)
    assert judged(samples, done(), own_writes=own(0, NOW - 2 * MINUTE, 100)).verdict is Verdict.OK
    assert judged(samples, done(), own_writes=own(1, NOW - 2 * MINUTE, 100)).verdict is Verdict.FOREIGN_MOVE


def test_a_jump_ahead_without_our_reset_is_a_foreign_move():
    verdict = judged(history([0, 50, 100, 150, 90_000, 90_050], [10**6] * 6), late(age=20))
    assert verdict.verdict is Verdict.FOREIGN_MOVE
    assert "jumped over 89850 log groups" in told(verdict)


def test_a_save_without_a_name_between_saves_with_one_is_a_foreign_move():
    samples = history([0, 50, 100], [10**6] * 3)
    tool = replace(samples[-1].shards[0], consumer="", updated_at=NOW - timedelta(seconds=9))
    verdict = judged([*samples[:-1], replace(samples[-1], shards=(tool,))], late(age=20))
    assert verdict.verdict is Verdict.FOREIGN_MOVE
    assert "without a consumer's name, as tools do" in told(verdict)


def test_saves_without_a_name_are_progress_only():
    verdict = judged(history(GROWING, GROWING, consumer=""), done())
    assert verdict.verdict is Verdict.PROGRESS_ONLY
    assert "Flink" in told(verdict)


def test_our_own_write_without_a_name_is_not_progress_only():
    reset = NOW - timedelta(seconds=2)
    samples = history([100] * 9 + [50], SAME, consumer="", saved=[OLD] * 9 + [reset])
    assert (
        Verdict.PROGRESS_ONLY not in judged(samples, done(), own_writes=own(0, reset, 50)).per_shard.values()
    )


def test_a_group_that_never_saved_has_not_started():
    verdict = judged([], ShardLag(0, State.NEVER_SAVED), ShardLag(1, State.EMPTY, backlog=0))
    assert verdict.verdict is Verdict.NOT_STARTED


def test_one_shard_that_was_never_saved_does_not_speak_for_a_running_group():
    samples = history(GROWING, GROWING, shard=1)
    verdict = judged(samples, ShardLag(0, State.NEVER_SAVED), done(1))
    assert verdict.verdict is Verdict.OK
    assert verdict.per_shard[0] is Verdict.NOT_STARTED
    assert "Never saved a checkpoint on shards 0" in told(verdict)


def test_small_delays_are_ok():
    assert judged(history(GROWING, GROWING), late(age=20)).verdict is Verdict.OK


def test_one_new_log_group_after_a_quiet_day_is_ok():
    assert (
        judged([], late(backlog=1, lag=timedelta(days=1), unread_age=timedelta(seconds=1))).verdict
        is Verdict.OK
    )


def test_without_an_unread_age_the_lag_decides():
    assert judged([], late(unread_age=None)).verdict is Verdict.BEHIND


def test_a_backlog_without_any_time_is_unknown():
    verdict = judged(history(STILL, GROWING), late(lag=None, unread_age=None, data_loss_in=None))
    assert (verdict.verdict, verdict.complete) == (Verdict.UNKNOWN, False)
    assert "100 log groups are unread" in told(verdict)


def test_a_shard_that_could_not_be_read_makes_the_group_unknown_and_incomplete():
    samples = together(
        history(GROWING, GROWING), history(GROWING, GROWING, shard=1, states=[State.UNKNOWN] * 10)
    )
    verdict = judged(samples, done(0), ShardLag(1, State.UNKNOWN))
    assert (verdict.verdict, verdict.complete) == (Verdict.UNKNOWN, False)
    assert "Shards 1 could not be read" in told(verdict)


def test_one_shard_that_just_cannot_be_read_does_not_speak_for_the_others():
    samples = together(
        history(GROWING, GROWING),
        history(GROWING, GROWING, shard=1, states=[State.BEHIND] * 8 + [State.UNKNOWN] * 2),
    )
    verdict = judged(samples, done(0), ShardLag(1, State.UNKNOWN))
    assert (verdict.verdict, verdict.complete) == (Verdict.OK, False)
    assert verdict.per_shard == {0: Verdict.OK, 1: Verdict.UNKNOWN}
    assert "Shards 1 could not be read" in told(verdict)
    alone = history(GROWING, GROWING, states=[State.BEHIND] * 8 + [State.UNKNOWN] * 2)
    assert judged(alone, ShardLag(0, State.UNKNOWN)).verdict is Verdict.UNKNOWN


def test_a_group_without_shards_is_unknown():
    verdict = judged([])
    assert (verdict.verdict, verdict.complete, verdict.per_shard) == (Verdict.UNKNOWN, False, {})


def test_a_caught_up_group_with_old_saves_is_idle():
    assert judged(history([200], [200]), done()).verdict is Verdict.IDLE


def test_a_caught_up_group_is_idle_an_hour_after_the_last_log_group():
    samples = history([200] * 10, [200] * 10, saved=[NOW - 59 * MINUTE] * 10)
    assert judged(samples, done()).verdict is Verdict.OK
    samples = history([200] * 10, [200] * 10, saved=[NOW - 61 * MINUTE] * 10)
    assert judged(samples, done()).verdict is Verdict.IDLE
    assert judged(samples, replace(done(), newest_at=NOW - 59 * MINUTE)).verdict is Verdict.OK


def test_a_group_that_finished_everything_is_idle_and_complete():
    verdict = judged([], done(state=State.FINISHED))
    assert (verdict.verdict, verdict.complete) == (Verdict.IDLE, True)


def test_severity_sorts_every_verdict_worst_first():
    assert set(WORST_FIRST) == set(Verdict)
    assert sorted([Verdict.OK, Verdict.LOSING_DATA, Verdict.STOPPED], key=severity) == [
        Verdict.LOSING_DATA,
        Verdict.STOPPED,
        Verdict.OK,
    ]
