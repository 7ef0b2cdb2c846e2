"""Which moves of a checkpoint no consumer of its group can have made."""

import pytest

from checkpoints.domain.moves import LEAST, PULLED_PER_SECOND, Move, OwnWrite, Place, Watcher, is_plain

MINUTE = 60.0


def place(minute, position, *, end=10**9, owner="c-1", saved=None):
    at = minute * MINUTE
    backlog = None if position is None else end - position
    return Place(at, position, backlog, owner, at - 5 if saved is None else saved)


def moves(*places, own=(), timeout=60.0):
    watcher = Watcher(own, timeout=timeout)
    return [watcher.see(one) for one in places]


def walk(*positions, **more):
    return [place(minute, position, **more) for minute, position in enumerate(positions)]


def test_consuming_is_nobody_elses_move():
    assert moves(*walk(100, 150, 150, 900, 1000)) == [None] * 5


def test_going_back_is():
    assert moves(*walk(100, 150, 20, 30)) == [None, None, Move.BACK, None]


def test_one_that_loses_its_shard_may_save_its_old_place_after_the_new_one():
    walked = walk(100, 150, 200)
    assert moves(*walked, place(3, 160, owner="c-old"))[-1] is None
    assert moves(*walked, place(3, 99, owner="c-old"))[-1] is Move.BACK
    assert moves(*walked, place(3, 160))[-1] is Move.BACK
    assert moves(*walked, place(5, 160, owner="c-old"))[-1] is Move.BACK


def test_going_back_to_no_checkpoint_and_starting_again_is_a_new_group():
    assert moves(*walk(100, None, 20)) == [None] * 3


@pytest.mark.parametrize(("seconds", "found"), [(0, None), (125, None), (126, Move.BACK), (999, Move.BACK)])
def test_a_consumer_may_save_an_old_place_for_a_while_after_our_write(seconds, found):
    own = [OwnWrite(0, 2 * MINUTE - seconds, 100)]
    assert moves(*walk(100, 150, 150, 20), own=own)[3] is found


def test_a_write_of_ours_between_the_readings_is_ours():
    assert moves(*walk(100, 150, 20), own=[OwnWrite(0, 1.5 * MINUTE, 20)]) == [None] * 3


def test_more_than_a_shard_gives_is_a_jump_whatever_was_seen_before():
    most = int(PULLED_PER_SECOND * MINUTE)
    assert moves(*walk(0, most)) == [None, None]
    assert moves(*walk(0, most + 1)) == [None, Move.TOO_FAST]


def test_ten_times_as_fast_as_it_was_with_more_to_read_is_a_jump():
    assert moves(*walk(0, 50, 100, 150, 650))[-1] is None
    assert moves(*walk(0, 50, 100, 150, 651))[-1] is Move.TOO_FAST


def test_a_few_log_groups_are_never_a_jump():
    assert moves(*walk(0, 1, 2, 3, 3 + LEAST - 1))[-1] is None
    assert moves(*walk(0, 1, 2, 3, 3 + LEAST))[-1] is Move.TOO_FAST


def test_a_consumer_that_had_read_all_there_was_may_be_faster_than_ever_seen():
    at_end = [place(minute, 50 * minute, end=50 * minute) for minute in range(5)]
    assert moves(*at_end, place(5, 100_000, end=200_000))[-1] is None


def test_a_consumer_that_stood_still_may_be_faster_than_ever_seen():
    assert moves(*walk(0, 50, 100, 100, 150, 9_000))[-1] is None


def test_another_consumer_may_be_faster():
    slow = walk(0, 50, 100, 150)
    assert moves(*slow, place(4, 9_000, owner="c-2"))[-1] is None


def test_after_a_jump_the_pace_is_learned_anew():
    assert moves(*walk(0, 50, 100, 150, 9_000, 18_000, 27_000))[4:] == [Move.TOO_FAST, None, None]


def test_a_save_without_a_name_where_there_was_one_is_a_tool():
    assert moves(place(0, 100), place(1, 200, owner=""))[-1] is Move.NAMELESS
    assert moves(place(0, 100), place(1, 100, owner=""))[-1] is None
    assert moves(place(0, 100, owner=""), place(1, 200, owner=""))[-1] is None


def test_a_name_that_may_have_been_dropped_after_the_timeout_proves_nothing():
    assert moves(place(0, 100), place(2, 200, owner="", saved=59.0))[-1] is None
    assert moves(place(0, 100), place(2, 200, owner="", saved=61.0))[-1] is Move.NAMELESS


def test_places_of_the_same_moment_are_not_compared():
    assert moves(place(1, 100), place(1, 20)) == [None, None]


@pytest.mark.parametrize(
    ("before", "after", "named", "plain"),
    [
        (100, 100, True, True),
        (100, 99 + LEAST, True, True),
        (100, 100 + LEAST, True, False),
        (100, 99, True, False),
        (100, 101, False, False),
        (None, 5, False, True),
        (5, None, False, True),
    ],
)
def test_a_step_that_can_be_no_move_of_others_is_known_at_once(before, after, named, plain):
    assert is_plain(before, after, named=named) is plain
