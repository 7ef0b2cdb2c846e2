"""Every warning of a plan as the service makes it: what the shards are and where they come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.models import GroupRule
from checkpoints.services import plans
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    """20 log groups per shard, one every 3 minutes; checkpoints after 15, 5, all and none of them."""
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


@pytest.fixture
def split(emu, placed):
    """Shard 0 was split 10 minutes ago into 4 and 5, which got 3 log groups each since."""
    store, ago = emu.world.logstore("proj", "store"), emu.world.now() - 600
    for child in store.split(0, "", ago)[1:]:
        child.fill([ago + 60, ago + 120, ago + 180])
    return placed


def told(plan):
    return " ".join(plans.sentences(plan.body["warnings"]))


def told_of(plan, shard):
    (line,) = [line for line in plan.body["shards"] if line["shard"] == shard]
    return " ".join(plans.sentences(line["warnings"]))


def retain(group, days):
    group.logstore.retention_days = days
    group.logstore.save()


def test_a_child_names_the_parent_that_is_in_the_plan(split, operator):
    plan = the.make(split, operator, "30m ago", [0, 4, 5])
    for child in (4, 5):
        assert "made by a split or merge at" in told_of(plan, child)
        assert "lies in its parents in this plan: 0." in told_of(plan, child)
        assert "no longer retained" not in told_of(plan, child)
    assert "parents" not in told_of(plan, 0)


def test_a_child_names_the_parent_that_is_not_in_the_plan(split, operator):
    plan = the.make(split, operator, "30m ago", [4, 1])
    assert "parents, which are not in this plan: 0." in told_of(plan, 4)
    assert "parents" not in told_of(plan, 1)
    assert "read-only shards not chosen here: 0." in told(plan)


def test_a_time_after_the_split_needs_no_parent(split, operator):
    assert "parents" not in told_of(the.make(split, operator, "5m ago", [4]), 4)


def test_children_of_an_in_order_group_wait_for_parents_that_are_not_at_their_end(split, operator):
    split.in_order = True
    both = the.make(split, operator, "30m ago", [0, 4])
    assert "waits until its parents are consumed: 0." in told_of(both, 4)
    assert "waits" not in told_of(both, 0)
    assert "waits" not in told_of(the.make(split, operator, "latest", [0, 4]), 4)


def test_a_group_that_is_not_in_order_waits_for_nothing(split, operator):
    assert "waits" not in told_of(the.make(split, operator, "earliest", [4]), 4)


def test_an_empty_shard_is_told(emu, placed, operator):
    emu.shard("proj", "store", 3, ttl_seconds=1)
    plan = the.make(placed, operator, "earliest", [3])
    assert "This shard holds no log group" in told_of(plan, 3)
    assert plan.body["shards"][0]["state"] == "empty"


def test_a_readonly_shard_that_is_not_finished_is_told(emu, placed, operator):
    emu.shard("proj", "store", 1, status="readonly")
    assert "This shard is read-only" in told_of(the.make(placed, operator, "earliest", [1]), 1)


def test_how_much_is_gone_is_told(emu, placed, operator):
    """The shard keeps one day, and holds the 20 log groups of its last hour."""
    retain(placed, 1)
    emu.clock(offset_seconds=86_400 - 1800)
    emu.shard("proj", "store", 0, ttl_seconds=86_400)
    now = datetime.fromtimestamp(emu.world.now(), UTC)
    plan = the.make(placed, operator, "1d 42m ago", [0], now=now)
    assert plan.body["shards"][0]["clamped"] == "begin"
    assert "are already gone, the oldest log group is taken instead" in told_of(plan, 0)
    begin_at = datetime.fromisoformat(plan.body["shards"][0]["after"]["time"])
    minutes = (begin_at - (now - timedelta(days=1, minutes=42))) // timedelta(minutes=1)
    assert f"{minutes}m" in told_of(plan, 0)
    emu.clock(offset_seconds=0)


def test_a_group_of_the_service_itself_is_told(placed, operator):
    GroupRule.objects.all().delete()
    assert "belongs to the service itself" not in told(the.make(placed, operator, "earliest", [0]))
    GroupRule.objects.create(pattern="cg-*", service_owned=True)
    assert "Restart its job instead." in told(the.make(placed, operator, "earliest", [0]))
