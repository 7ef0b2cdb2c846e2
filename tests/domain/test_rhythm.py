"""Visits of a consumer, the waits between them, and what follows from both."""

from datetime import timedelta

import pytest

from checkpoints.domain import rhythm
from checkpoints.domain.rhythm import Step, Visit

LATE = timedelta(minutes=5)
FLUSH = timedelta(seconds=60)


def visits(*minutes, to_end=True):
    """Make visits from (begun, ended) in minutes."""
    return tuple(Visit(begun * 60, ended * 60, to_end) for begun, ended in minutes)


def seen(minute, *, moved=True, waited=False, to_end=True):
    return Step(minute * 60, moved, waited, to_end)


def follow(*steps, earlier=()):
    found = earlier
    for step in steps:
        found = rhythm.follow(found, step, apart=LATE / 2)
    return found


def test_moves_near_each_other_are_one_visit():
    assert follow(seen(1), seen(2), seen(5)) == visits((1, 5))


def test_a_move_after_a_wait_with_unread_log_groups_begins_another():
    assert follow(seen(1), seen(11, waited=True)) == visits((1, 1), (11, 11))


def test_a_wait_with_nothing_to_read_is_no_wait():
    assert follow(seen(1), seen(60)) == visits((1, 60))


def test_a_slow_consumer_that_is_always_late_does_not_wait():
    assert follow(*(seen(minute, waited=True, to_end=False) for minute in range(1, 9))) == visits(
        (1, 8), to_end=False
    )


def test_standing_still_changes_nothing():
    assert follow(seen(9, moved=False, waited=True), earlier=visits((1, 1))) == visits((1, 1))


def test_the_last_move_of_a_visit_tells_whether_it_read_to_the_end():
    assert follow(seen(1, to_end=False), seen(2)) == visits((1, 2))


def test_only_the_last_visits_are_kept_and_none_older_than_two_days():
    four = follow(*(seen(10 * number, waited=True) for number in range(1, 5)))
    assert four == visits((20, 20), (30, 30), (40, 40))
    assert follow(seen(3000, waited=True), earlier=visits((100, 100))) == visits((3000, 3000))


@pytest.mark.parametrize(
    ("found", "minutes"),
    [
        ((), None),
        (visits((0, 0)), None),
        (visits((0, 0), (10, 10)), 10),
        (visits((0, 1), (10, 12), (30, 30)), 18),
        (visits((0, 60), (120, 121)), None),  # it ran for an hour, was dead for an hour, and runs again
        (visits((0, 10), (60, 70)), None),  # two long ones are no habit yet
        (visits((0, 10), (60, 70), (120, 130)), 50),  # a job of ten minutes every hour
        (visits((0, 10), (25, 35), (50, 60)), None),  # it saves for most of the time it is there
    ],
)
def test_the_usual_wait(found, minutes):
    assert rhythm.wait(found, late=LATE) == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(("now", "rarely"), [(10, True), (21, True), (25, True), (26, False)])
def test_a_consumer_that_comes_and_reads_to_the_end_saves_rarely_until_it_is_overdue(now, rarely):
    assert rhythm.saves_rarely(visits((0, 0), (10, 10)), now * 60, late=LATE) is rarely


@pytest.mark.parametrize(("minutes", "rarely"), [(3, False), (4, True)])
def test_waits_that_never_make_it_late_are_nothing_special(minutes, rarely):
    assert rhythm.saves_rarely(visits((0, 0), (minutes, minutes)), minutes * 60, late=LATE) is rarely


def test_one_that_leaves_old_log_groups_unread_is_late_however_rarely_it_comes():
    assert not rhythm.saves_rarely(visits((0, 0), (10, 10), to_end=False), 16 * 60, late=LATE)


def test_a_visit_that_goes_on_may_not_have_reached_the_end_yet():
    going_on = (*visits((0, 0)), *visits((10, 10), to_end=False))
    assert rhythm.saves_rarely(going_on, 11 * 60, late=LATE)
    assert not rhythm.saves_rarely(going_on, 15 * 60, late=LATE)


def test_more_than_one_save_in_a_row_is_often():
    assert not rhythm.is_often((), flush=FLUSH)
    assert not rhythm.is_often(visits((0, 1)), flush=FLUSH)
    assert rhythm.is_often(visits((0, 2)), flush=FLUSH)


def test_visits_are_stored_as_numbers():
    found = (*visits((0, 1)), *visits((10, 11), to_end=False))
    assert rhythm.dump(found) == [[0, 60, 1], [600, 660, 0]]
    assert rhythm.load(rhythm.dump(found)) == found
