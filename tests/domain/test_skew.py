"""How unevenly a load lies on shards."""

from __future__ import annotations

import pytest

from checkpoints.domain.skew import Skew, skew


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ({0: 90, 1: 10}, Skew(0, 90, 50)),
        ({3: 50, 7: 50, 8: 50, 9: 50}, Skew(3, 25, 25)),
        ({0: 0, 1: 20}, Skew(1, 100, 50)),
        ({0: 0, 1: 19}, None),
        ({0: 0, 1: 0}, None),
        ({0: 8}, None),
        ({}, None),
    ],
)
def test_the_most_loaded_shard_is_told_with_its_share_and_the_even_one(loads, expected):
    assert skew(loads) == expected
