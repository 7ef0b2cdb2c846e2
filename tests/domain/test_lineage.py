from types import SimpleNamespace

from checkpoints.domain.lineage import Lineage, nearest, parents

LOW, MIDDLE, HIGH = "0" * 32, "8" + "0" * 31, "f" * 32


def shard(number, begin, end, status="readwrite"):
    return SimpleNamespace(id=number, begin_key=begin, end_key=end, status=status)


def test_children_of_a_split_share_keys_with_their_read_only_parent():
    listed = [
        shard(0, LOW, MIDDLE, "readonly"),
        shard(1, MIDDLE, HIGH),
        shard(2, LOW, "4" + "0" * 31),
        shard(3, "4" + "0" * 31, MIDDLE),
    ]
    assert parents(listed) == {0: [], 1: [], 2: [0], 3: [0]}


def test_a_merged_shard_has_two_parents_and_their_parent():
    listed = [
        shard(0, LOW, HIGH, "readonly"),
        shard(1, LOW, MIDDLE, "readonly"),
        shard(2, MIDDLE, HIGH, "readonly"),
        shard(3, LOW, HIGH),
    ]
    assert parents(reversed(listed)) == {0: [], 1: [0], 2: [0], 3: [0, 1, 2]}


def test_keys_of_31_digits_are_numbers_too():
    assert parents([shard(0, LOW, MIDDLE, "readonly"), shard(1, "7" * 31, MIDDLE)])[1] == [0]


def test_a_shard_without_keys_has_no_known_parents():
    assert parents([shard(0, LOW, HIGH, "readonly"), shard(1, "", "")]) == {0: [], 1: []}


def test_all_parents_are_those_in_the_plan_and_those_outside():
    assert Lineage(parents_in_plan=(1,), parents_outside=(0,)).parents == (1, 0)


def test_the_nearest_parents_are_told_without_their_own():
    assert nearest({0: [], 1: [0], 2: [0], 3: [0, 1, 2]}) == {0: [], 1: [0], 2: [0], 3: [1, 2]}
