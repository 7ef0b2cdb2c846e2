"""A consumer's save shortly before or after a write of our own is still the save of a consumer."""

from __future__ import annotations

import pytest

from checkpoints.services import resets
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


def test_a_save_right_after_a_write_of_ours_counts_as_consuming(emu, group, operator):
    the.place(emu, {0: 15})
    the.apply(the.make(group, operator, "earliest", [0]), operator)
    the.place(emu, {0: 16}, seconds_ago=0, consumer="worker-1")
    with pytest.raises(resets.ConsumersActive):
        the.apply(the.make(group, operator, "earliest", [0]), operator)


def test_a_save_right_after_a_write_that_was_refused_counts_as_consuming(emu, group, operator):
    the.place(emu, {0: 15})
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint", times=1)
    the.apply(the.make(group, operator, "earliest", [0]), operator)
    the.place(emu, {0: 16}, seconds_ago=0, consumer="worker-1")
    with pytest.raises(resets.ConsumersActive):
        the.apply(the.make(group, operator, "earliest", [0]), operator)


def test_our_own_write_does_not_count_as_consuming(emu, group, operator):
    the.place(emu, {0: 15})
    the.apply(the.make(group, operator, "earliest", [0]), operator)
    again = the.apply(the.make(group, operator, "latest", [0]), operator)
    assert the.outcomes(again) == {0: "confirmed"}
