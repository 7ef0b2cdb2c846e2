import pytest

from checkpoints.domain.tide import tide


def test_the_bar_is_true_to_scale():
    bar = tide(100, 200, 150, to=125)
    assert (bar.kept_x, bar.kept_w, bar.at_x, bar.unread_x, bar.unread_w) == (2, 186, 95, 95, 93)
    assert (bar.to_x, bar.lost_w, bar.lost_title) == (48.5, 0, None)
    assert str(bar.title) == "100 log groups retained, 50 before the checkpoint, 50 unread"


@pytest.mark.parametrize(("begin", "end"), [(None, 5), (5, None), (5, 5), (6, 5)])
def test_nothing_is_drawn_without_a_retained_range(begin, end):
    assert tide(begin, end, 5) is None


@pytest.mark.parametrize("position", [None, 201])
def test_a_checkpoint_that_is_not_in_sight_has_no_mark(position):
    bar = tide(100, 200, position)
    assert (bar.at_x, bar.unread_w) == (None, 0)
    assert "no checkpoint" in str(bar.title)


def test_lost_log_groups_are_marked_left_of_an_unread_bar():
    bar = tide(100, 200, 75)
    assert (bar.lost_x, bar.lost_w, bar.kept_x, bar.kept_w) == (2, 37.2, 41.2, 146.8)
    assert (bar.at_x, bar.unread_x, bar.unread_w) == (2, 41.2, 146.8)
    assert str(bar.lost_title) == "25 log groups lost: deleted before they were consumed"


@pytest.mark.parametrize(("position", "width"), [(99, 8), (-(10**9), 74.4)])
def test_a_loss_is_neither_too_small_to_be_seen_nor_hides_what_is_left(position, width):
    assert tide(100, 200, position).lost_w == width


def test_a_loss_that_is_known_otherwise_is_marked_too():
    bar = tide(100, 200, 150, lost=1)
    assert (bar.lost_w, bar.kept_x, bar.at_x) == (8, 12, 100)


def test_a_target_outside_the_range_is_drawn_at_its_edge():
    assert tide(100, 200, 150, to=999).to_x == 188
