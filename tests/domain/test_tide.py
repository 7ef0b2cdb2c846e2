import pytest

from checkpoints.domain.tide import tide


def test_the_bar_is_true_to_scale():
    bar = tide(100, 200, 150, to=125)
    assert (bar.kept_x, bar.kept_w, bar.at_x, bar.unread_x, bar.unread_w) == (2, 186, 95, 95, 93)
    assert (bar.to_x, bar.lost_w) == (48.5, 0)
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
    bar = tide(100, 200, 40)
    assert (bar.at_x, bar.unread_w, bar.lost_w) == (2, 186, 3)


def test_a_loss_that_is_known_otherwise_is_marked_too():
    assert tide(100, 200, 150, lost=1).lost_w == 3


def test_a_target_outside_the_range_is_drawn_at_its_edge():
    assert tide(100, 200, 150, to=999).to_x == 188
