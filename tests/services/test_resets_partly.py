"""A write without an answer: stop or go on, as chosen, and then finish the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from checkpoints.models import ConsumerGroup
from checkpoints.services import discovery, resets, sending
from emulator.testing import running
from tests.conftest import KEYS
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
SHARDS = 24


@pytest.fixture
def emu() -> Iterator[Any]:
    with running(
        projects=1, logstores=1, shards=SHARDS, groups=1, prefill=20, span=3600, keys=KEYS
    ) as emulator:
        yield emulator


@pytest.fixture
def placed(emu, add_endpoint):
    discovery.discover(add_endpoint(emu), now=the.now())
    the.place(emu, dict.fromkeys(range(SHARDS), 15))
    return ConsumerGroup.objects.get(name="cg-0")


@pytest.fixture
def operator(people):
    return people["operator"]


def test_the_first_write_without_an_answer_stops_the_rest(emu, placed, operator):
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    reset = the.apply(the.make(placed, operator, "earliest"), operator)
    words = Counter(the.outcomes(reset).values())
    assert words["unchanged"] == 1
    assert words["not_attempted"] >= SHARDS - 2 * sending.WIDTH
    assert words["confirmed"] == len(the.sent(emu)) == SHARDS - 1 - words["not_attempted"]
    assert reset.outcome == "partial"


def test_who_chose_to_go_on_has_all_others_sent(emu, placed, operator):
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    reset = the.apply(the.make(placed, operator, "earliest"), operator, stop_at_unknown=False)
    assert Counter(the.outcomes(reset).values()) == {"unchanged": 1, "confirmed": SHARDS - 1}


def test_a_refusal_is_an_answer_and_does_not_stop_the_rest(emu, placed, operator):
    emu.fault("UpdateCheckPoint", status=404, code="ShardNotExist", times=1)
    reset = the.apply(the.make(placed, operator, "earliest"), operator)
    assert Counter(the.outcomes(reset).values()) == {"refused": 1, "confirmed": SHARDS - 1}


def test_going_on_ends_when_nothing_is_answered_at_all(emu, placed, operator):
    emu.fault("UpdateCheckPoint", status=-1, times=100)
    reset = the.apply(the.make(placed, operator, "earliest"), operator, stop_at_unknown=False)
    words = Counter(the.outcomes(reset).values())
    assert words["unchanged"] >= sending.WIDTH
    assert words["not_attempted"] > 0


def test_finishing_the_rest_plans_exactly_what_was_not_attempted(emu, placed, operator):
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    first = the.apply(the.make(placed, operator, "-5groups"), operator)
    rest = {shard for shard, word in the.outcomes(first).items() if word == "not_attempted"}
    planned = {line["shard"]: line["after"]["cursor"] for line in first.plan.body["shards"]}
    again = the.make(placed, operator, f"rest:{first.pk}")
    assert {line["shard"]: line["after"]["cursor"] for line in again.body["shards"]} == {
        shard: planned[shard] for shard in rest
    }
    second = the.apply(again, operator)
    assert set(the.outcomes(second).values()) == {"confirmed"}
    with pytest.raises(resets.BadPlan):
        the.make(placed, operator, f"rest:{second.pk}")
