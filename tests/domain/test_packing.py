import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.domain.packing import Unreadable, pack, unpack

NUMBERS = st.none() | st.integers(-(10**20), 10**20)


@given(st.integers(0, 20).flatmap(lambda rows: st.lists(st.lists(NUMBERS, min_size=rows, max_size=rows))))
def test_what_is_packed_comes_back(columns):
    assert unpack(pack(columns)).columns() == columns


def test_not_known_stays_not_known_and_is_never_0():
    assert unpack(pack([[None, 0, None]])).columns() == [[None, 0, None]]


def test_one_column_can_be_read_alone_and_names_come_along():
    packed = unpack(pack([[1, 2], [10**20, -5]], {"owners": ["消费者", ""]}))
    assert packed.column(1) == [10**20, -5]
    assert packed.about == {"owners": ["消费者", ""]}


def test_a_position_that_moves_evenly_costs_a_fraction_of_a_byte():
    start = 1_547_470_682_376_513_446
    assert len(pack([[start + 40 * step for step in range(1000)]])) < 40


@pytest.mark.parametrize(
    "stored", [b"", b"\x02" + pack([[1]])[1:], b"\x01nonsense", pack([[1, 2]])[:-3], b"\x01"]
)
def test_bytes_of_another_kind_are_refused(stored):
    with pytest.raises(Unreadable):
        unpack(stored)
