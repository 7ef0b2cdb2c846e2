from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain.watching import Watch, watch, watch_until

WRITTEN = datetime(2026, 11, 20, 8, tzinfo=UTC)


def seconds(count):
    return timedelta(seconds=count)


def look(before, target, seen, *, after=10, **more):
    known = {"updated_at": WRITTEN + seconds(after), "consumer": "c-1", "until": WRITTEN + seconds(120)}
    return watch(before, target, seen, written_at=WRITTEN, now=WRITTEN + seconds(after), **(known | more))


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ((1000, 500, 500), Watch.WATCHING),
        ((1000, 500, None), Watch.WATCHING),
        ((1000, 500, 700), Watch.TAKEN_UP),
        ((1000, 500, 1010), Watch.TAKEN_UP),
        ((1000, 500, 400), Watch.OVERWRITTEN),
        ((500, 1000, 510), Watch.OVERWRITTEN),
        ((500, 1000, 1010), Watch.TAKEN_UP),
        ((None, 500, 600), Watch.TAKEN_UP),
        ((None, 500, 400), Watch.OVERWRITTEN),
        ((10**6, 500, 10**6 + 3), Watch.OVERWRITTEN),
        ((10**6, 500, 10**6 - 900), Watch.OVERWRITTEN),
        ((10**6, 500, 10**6 - 1_100), Watch.TAKEN_UP),
    ],
)
def test_a_move_after_the_reset_is_told_by_where_it_goes(case, verdict):
    assert look(*case).verdict is verdict


@pytest.mark.parametrize(("seen", "verdict"), [(500, Watch.HELD), (None, Watch.UNKNOWN)])
def test_the_end_of_the_watch_settles_it(seen, verdict):
    assert look(1000, 500, seen, after=120).verdict is verdict


def test_a_return_to_the_old_line_under_a_running_consumer_is_overwritten():
    found = look(1000, 500, 1010, was_active=True)
    assert found.verdict is Watch.OVERWRITTEN
    assert "somebody was consuming" in str(found.reasons[0])
    assert "c-1" in str(found.reasons[1])


def test_a_running_consumer_that_goes_on_from_the_target_has_taken_up():
    assert look(1000, 500, 700, was_active=True).verdict is Watch.TAKEN_UP


def test_a_return_too_fast_to_be_consumed_is_told_with_its_figures():
    assert "999503 log groups cannot be consumed in 10s" in str(look(10**6, 500, 10**6 + 3).reasons[0])


def test_a_faster_reader_may_have_consumed_it():
    assert look(10**6, 500, 10**6 + 3, max_rate=200_000).verdict is Watch.TAKEN_UP


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"updated_at": None}, "not known"),
        ({"updated_at": WRITTEN - seconds(1)}, "not known"),
        ({"consumer": ""}, "without a consumer's name 10s after"),
    ],
)
def test_the_evidence_names_the_writer_as_far_as_it_is_known(more, words):
    assert words in str(look(1000, 500, 700, **more).reasons[1])


@pytest.mark.parametrize(("timeout", "length"), [(20, 120), (60, 120), (100, 160)])
def test_the_watch_outlasts_the_groups_timeout(timeout, length):
    assert watch_until(WRITTEN, seconds(timeout)) == WRITTEN + seconds(length)


def test_a_consumer_that_came_after_the_plan_took_the_target_up_even_at_the_old_line():
    found = look(100, 90, 100, consumer="c-2", was_active=True, consumers_before=frozenset({"c-1"}))
    assert found.verdict is Watch.TAKEN_UP


def test_the_same_consumer_back_at_the_old_line_has_overwritten():
    found = look(100, 90, 100, was_active=True, consumers_before=frozenset({"c-1"}))
    assert found.verdict is Watch.OVERWRITTEN
