import pytest

from checkpoints.domain.outcomes import ResetOutcome, ShardOutcome, overall, settle

YES, SAME, NO, WHO, NOT = (
    ShardOutcome.CONFIRMED,
    ShardOutcome.UNCHANGED,
    ShardOutcome.REFUSED,
    ShardOutcome.UNKNOWN,
    ShardOutcome.NOT_ATTEMPTED,
)


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ([YES, YES], ResetOutcome.CONFIRMED),
        ([YES, SAME], ResetOutcome.PARTIAL),
        ([YES, WHO, NOT], ResetOutcome.PARTIAL),
        ([NO, WHO], ResetOutcome.UNKNOWN),
        ([NO, SAME, NOT], ResetOutcome.REFUSED),
        ([], ResetOutcome.REFUSED),
    ],
)
def test_a_reset_is_called_confirmed_only_when_every_shard_is(outcomes, whole):
    assert overall(outcomes) is whole


@pytest.mark.parametrize(
    ("before", "target", "seen", "outcome"),
    [
        (5, 3, 3, YES),
        (3, 3, 3, YES),
        (5, 3, 5, SAME),
        (None, 3, None, WHO),
        (5, 3, None, WHO),
        (5, 3, 6, WHO),
    ],
)
def test_reading_back_settles_a_shard(before, target, seen, outcome):
    assert settle(before, target, seen) is outcome
