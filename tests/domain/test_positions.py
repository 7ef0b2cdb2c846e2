import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.domain import positions

SEED = "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="
SEED_POSITION = 1524155379373908496


@pytest.mark.parametrize(
    "text",
    [
        SEED,
        SEED.rstrip("="),
        SEED[:-1],
        SEED + "\n",
        f"  {SEED}\r\n",
        base64.b64encode(b"1524155379373908496\n").decode(),
    ],
)
def test_real_spellings_of_one_checkpoint_decode_to_the_same_position(text):
    assert positions.decode(text) == SEED_POSITION


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("A" * 65, "longer than 64"),
        ("not base64!", "not base64"),
        ("MTU y", "not base64"),
        ("MTUyN", "not base64"),
        ("MTIz====", "not base64"),
        ("MTIz=", "not base64"),
        ("检查点", "not base64"),
        (base64.b64encode("１２３".encode()).decode(), "number"),
        (base64.b64encode(b"-12").decode(), "number"),
        (base64.b64encode(b"1" * 21).decode(), "number"),
        (base64.b64encode(b"12\x00").decode(), "number"),
        (base64.b64encode(b"1 2").decode(), "number"),
    ],
)
def test_anything_else_is_refused_in_words(text, reason):
    with pytest.raises(positions.Undecodable, match=reason):
        positions.decode(text)


@given(st.integers(0, 10**20 - 1))
def test_every_position_survives_the_round_trip(position):
    assert positions.decode(positions.encode(position)) == position


@pytest.mark.parametrize("position", [-1, 10**20])
def test_a_number_that_is_no_position_is_not_encoded(position):
    with pytest.raises(ValueError, match="digits"):
        positions.encode(position)


@pytest.mark.parametrize(("text", "short"), [(SEED, "MTUy…ODQ5Ng=="), ("MTIz", "MTIz"), ("", "")])
def test_long_checkpoints_are_shortened_in_the_middle(text, short):
    assert positions.shorten(text) == short


@pytest.mark.parametrize(
    ("shards", "expected"),
    [([], ""), ([3], "3"), ([2, 0, 1, 5], "0-2, 5"), ([7, 8, 10, 11, 12], "7-8, 10-12")],
)
def test_numbers_of_shards_are_told_in_few_letters(shards, expected):
    assert positions.ranges(shards) == expected
