"""Verdicts that remember: how a consumer usually saves, and what the word was before."""

from datetime import timedelta

import pytest

from checkpoints.domain.rhythm import Visit
from checkpoints.domain.verdicts import Before, Verdict
from tests.domain.judging import GROWING, MINUTE, NOW, STILL, done, history, judged, late, told

HABIT = (Visit(int((NOW - 25 * MINUTE).timestamp()), int((NOW - 25 * MINUTE).timestamp()), True),
         Visit(int((NOW - 13 * MINUTE).timestamp()), int((NOW - 13 * MINUTE).timestamp()), True))  # fmt: skip


def test_a_consumer_that_comes_seldom_and_reads_to_the_end_saves_rarely():
    verdict = judged(history(STILL, GROWING), late(age=780), before=Before(rhythm={0: HABIT}))
    assert verdict.verdict is Verdict.RARELY_SAVES
    assert "what looks like lag between is not" in told(verdict)


def test_one_that_comes_seldom_and_leaves_some_unread_is_behind_not_stopped():
    habit = tuple(one._replace(to_end=False) for one in HABIT)
    samples = history(STILL, GROWING, saved=[NOW - 13 * MINUTE] * 10)
    verdict = judged(samples, late(age=780), before=Before(rhythm={0: habit}))
    assert (verdict.verdict, verdict.complete) == (Verdict.BEHIND, True)


def test_one_that_comes_seldom_and_is_overdue_has_stopped():
    habit = tuple(one._replace(begun=one.begun - 900, ended=one.ended - 900) for one in HABIT)
    verdict = judged(history(STILL, GROWING), late(age=1680), before=Before(rhythm={0: habit}))
    assert verdict.verdict is Verdict.STOPPED


@pytest.mark.parametrize(("minutes", "word"), [(20, Verdict.BEHIND), (31, Verdict.STOPPED)])
def test_one_whose_habits_are_not_known_is_given_half_an_hour(minutes, word):
    saved = [NOW - minutes * MINUTE] * 10
    verdict = judged(history(STILL, GROWING, saved=saved), late())
    assert (verdict.verdict, verdict.complete) == (word, word is Verdict.STOPPED)
    assert ("saves rarely or has stopped" in told(verdict)) is (word is Verdict.BEHIND)


def test_one_that_saved_often_has_stopped_after_three_minutes():
    often = (Visit(int((NOW - 20 * MINUTE).timestamp()), int((NOW - 4 * MINUTE).timestamp()), True),)
    saved = [NOW - 4 * MINUTE] * 5
    verdict = judged(history(STILL[:5], GROWING[:5], saved=saved), late(), before=Before(rhythm={0: often}))
    assert verdict.verdict is Verdict.STOPPED
    assert "Nothing saved for 4m" in told(verdict)


def test_the_visits_of_a_shard_go_on_with_each_reading():
    known = (Visit(int((NOW - 20 * MINUTE).timestamp()), int((NOW - 4 * MINUTE).timestamp()), True),)
    samples = history([100, 100, 110], [110] * 3)
    going_on = judged(samples, done(), before=Before(rhythm={0: known})).rhythm
    assert going_on == {0: (Visit(known[0].begun, int(NOW.timestamp()), False),)}


@pytest.mark.parametrize(
    ("age", "before", "word"),
    [
        (290, Verdict.OK, Verdict.OK),
        (310, Verdict.OK, Verdict.BEHIND),
        (290, Verdict.BEHIND, Verdict.BEHIND),
        (210, Verdict.CATCHING_UP, Verdict.BEHIND),
        (199, Verdict.BEHIND, Verdict.OK),
    ],
)
def test_what_was_late_stays_late_until_it_is_well_below_the_limit(age, before, word):
    assert judged([], late(age=age), before=Before(before)).verdict is word


@pytest.mark.parametrize(
    ("hours", "before", "word"),
    [
        (73, Verdict.OK, Verdict.OK),
        (71, Verdict.OK, Verdict.AT_RISK),
        (73, Verdict.AT_RISK, Verdict.AT_RISK),
        (107, Verdict.LOSING_DATA, Verdict.AT_RISK),
        (109, Verdict.AT_RISK, Verdict.OK),
    ],
)
def test_what_was_at_risk_stays_so_until_it_is_well_above_the_limit(hours, before, word):
    near = late(age=20, data_loss_in=timedelta(hours=hours))
    assert judged([], near, before=Before(before)).verdict is word


@pytest.mark.parametrize(
    ("consumed", "before", "word"),
    [
        (104, Verdict.BEHIND, Verdict.BEHIND),
        (106, Verdict.BEHIND, Verdict.CATCHING_UP),
        (101, Verdict.CATCHING_UP, Verdict.CATCHING_UP),
        (100, Verdict.CATCHING_UP, Verdict.BEHIND),
    ],
)
def test_a_backlog_has_to_shrink_clearly_before_it_is_said_to(consumed, before, word):
    positions = [consumed * number for number in range(5)]
    ends = [10_000 + 100 * number for number in range(5)]
    assert judged(history(positions, ends), late(), before=Before(before)).verdict is word
