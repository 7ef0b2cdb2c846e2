"""What a plan would cost: few log groups read, once, and honest about what is not known."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from checkpoints.domain import plans as rules
from checkpoints.domain import positions
from checkpoints.models import AuditRow, Endpoint, Plan, Reading, ShardReset
from checkpoints.services import costing, plans, resets
from emulator import protobuf
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    """20 log groups per shard, one every 3 minutes; checkpoints after 15, 5 and all of them."""
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


def fill(emu, shard, sizes):
    """Put log groups at the end of a shard, each with one line of so many letters."""
    now = emu.world.now()
    for size in sizes:
        log = protobuf.log(int(now), [("m", "x" * size)])
        the.shard_of(emu, shard).write(now, protobuf.log_group([log], topic="", source="", tags=[]))


def costs(plan, **changes):
    return costing.estimate(plan, **({"now": the.now()} | changes))


def read(group, at, shards, *, unread=timedelta(minutes=30)):
    """Store a reading; by shard: the positions of checkpoint and end."""
    facts = [
        {
            "shard": shard, "readonly": False, "checkpoint": positions.encode(position), "consumer": "",
            "updated_at": None, "begin": "0", "end": str(end), "unread_at": (at - unread).isoformat(),
        }
        for shard, (position, end) in shards.items()
    ]  # fmt: skip
    Reading.objects.create(group=group, taken_at=at, shards=facts)


def history(group, rates, *, minutes=40):
    """Store one reading a minute until now; by shard: consumed and arrived a minute."""
    now = the.now()
    for passed in range(minutes + 1):
        places = {
            shard: (1000 + one * passed, 6000 + other * passed) for shard, (one, other) in rates.items()
        }
        read(group, now - timedelta(minutes=minutes - passed), places)


def test_few_log_groups_are_measured_whole(emu, placed, operator):
    fill(emu, 3, [100, 200, 300])
    the.place(emu, {3: 23})
    plan = the.make(placed, operator, "-3groups", [3])
    emu.reset_stats()
    found = costs(plan)
    assert emu.count("PullLogs") == 3
    assert (found.again.log_groups, found.again.samples, found.failed) == (3, 3, 0)
    assert (found.again.lines.counts, found.again.lines.is_exact) == ((3, 3, 3), True)
    assert 600 < found.again.raw_bytes.mean < 750
    assert 0 < found.traffic.mean < 200  # as it was sent, in LZ4
    assert found.never.log_groups == 0


def test_at_most_24_log_groups_are_read_and_once(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0, 1, 2])
    emu.reset_stats()
    found = costs(plan)
    assert (emu.count("PullLogs"), found.again.samples, found.again.log_groups) == (24, 24, 40)
    assert found.again.lines.low <= found.again.lines.mean <= found.again.lines.high
    assert costs(Plan.objects.get()) == found
    assert emu.stats()["requests"] == {"PullLogs": {"200": 24}}


def test_rewinds_and_skips_are_told_apart(emu, placed, operator):
    plan = the.make(placed, operator, "-3groups", [0, 1])
    skip = the.make(placed, operator, "latest", [0, 1])
    assert (costs(plan).again.log_groups, costs(plan).never.log_groups) == (6, 0)
    emu.reset_stats()
    found = costs(skip)
    assert (found.again.log_groups, found.never.log_groups, found.never.samples) == (0, 20, 20)
    assert found.traffic.mean == 0


def test_both_directions_share_the_samples(emu, placed, operator):
    the.place(emu, {0: 20, 1: 0})
    plan = the.make(placed, operator, "-10groups", [0])
    body = the.make(placed, operator, "latest", [1]).body
    plan.body["shards"] += body["shards"]
    emu.reset_stats()
    with pytest.raises(resets.PlanInvalid):
        costs(plan)
    assert emu.stats()["requests"] == {}
    plan.hash = rules.digest(plan.body)
    plan.signature = plans.sign(plan)
    found = costs(plan)
    assert (found.again.samples, found.never.samples, emu.count("PullLogs")) == (10, 12, 22)


def test_nothing_is_asked_when_nothing_moves(emu, placed, operator):
    plan = the.make(placed, operator, "+0groups", [0])
    emu.reset_stats()
    found = costs(plan)
    assert emu.stats()["requests"] == {}
    assert (found.again.log_groups, found.again.lines.counts) == (0, (0, 0, 0))


def test_a_sample_that_fails_is_left_out_and_counted(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("PullLogs", status=404, code="ShardNotExist", every=5)
    found = costs(plan)
    assert (found.again.samples, found.failed) == (12, 3)
    assert found.problem.code == "ShardNotExist"
    assert not found.again.lines.is_exact


def test_without_any_sample_volumes_are_not_known_and_soon_tried_again(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("PullLogs", status=403, code="Unauthorized")
    found = costs(plan)
    assert (found.again.log_groups, found.again.lines, found.traffic, found.price) == (15, None, None, None)
    assert (found.failed, found.problem.operation) == (15, "PullLogs")
    emu.clear_faults()
    assert costs(plan) == found
    cache.clear()
    assert costs(plan).again.samples == 15


def test_a_huge_log_group_is_not_unpacked(emu, placed, operator):
    fill(emu, 3, [5 * 1024 * 1024])
    the.place(emu, {3: 21})
    found = costs(the.make(placed, operator, "-1groups", [3]))
    assert (found.again.samples, found.failed, found.again.raw_bytes) == (0, 1, None)


def test_read_traffic_has_a_price_when_one_is_set(placed, operator, settings):
    settings.READ_PRICE = (Decimal("1000000"), "CNY")
    found = costs(the.make(placed, operator, "earliest", [0]))
    assert found.price.currency == "CNY"
    assert found.price.amount.mean == pytest.approx(found.traffic.mean * 1_000_000 / 2**30)
    settings.READ_PRICE = None
    assert costs(the.make(placed, operator, "earliest", [1])).price is None


def test_the_time_to_catch_up_comes_from_the_history(placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    history(placed, {0: (3, 1), 1: (1000, 1000)})
    found = costs(plan, now=the.now()).catch_up
    assert found.verdict == "estimate"
    assert found.low.total_seconds() == pytest.approx(600, rel=0.01)  # 20 log groups, 2 a minute to spare


def test_a_group_that_falls_behind_never_catches_up(placed, operator):
    history(placed, {0: (1, 3)})
    assert costs(the.make(placed, operator, "earliest", [0])).catch_up.verdict == "never"


def test_our_own_reset_does_not_count_as_consumption(emu, placed, operator):
    begin, end = the.begin(emu, 0), the.end(emu, 0)
    the.apply(the.make(placed, operator, "latest", [0]), operator)
    read(placed, the.later(-60), {0: (begin + 15, end)})
    read(placed, the.later(60), {0: (end, end)}, unread=timedelta(0))
    plan = the.make(placed, operator, "earliest", [0])
    assert costs(plan, now=the.later(61)).catch_up.verdict == "unknown"
    ShardReset.objects.update(sent_at=None)
    cache.clear()
    assert costs(plan, now=the.later(61)).catch_up.verdict == "at_most"


def test_without_a_history_the_pace_is_not_known(placed, operator):
    assert costs(the.make(placed, operator, "earliest", [0])).catch_up.verdict == "unknown"


def test_what_is_already_lost_is_told(emu, placed, operator):
    emu.shard("proj", "store", 1, ttl_seconds=1000)
    plan = the.make(placed, operator, "2h ago", [1])
    found = costs(plan).lost
    line = plan.body["shards"][0]
    assert found.log_groups == int(line["begin"]) - int(line["before"]["position"]) > 0
    assert (found.shards, found.asked_shards) == ((1,), (1,))
    assert timedelta(minutes=100) < found.asked_span < timedelta(minutes=120)


def test_sampling_is_no_look_on_record(placed, operator):
    costs(the.make(placed, operator, "earliest", [0]))
    assert not AuditRow.objects.filter(action="logs.peeked").exists()


def test_a_plan_for_an_endpoint_that_was_changed_reads_nothing(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    Endpoint.objects.update(config_version=7)
    emu.reset_stats()
    with pytest.raises(resets.PlanInvalid, match="endpoint was changed"):
        costs(Plan.objects.get(pk=plan.pk))
    assert emu.stats()["requests"] == {}


def test_as_json_nothing_unknown_is_zero(emu, placed, operator, settings):
    settings.READ_PRICE = (Decimal("1000000"), "CNY")
    emu.fault("PullLogs", status=403, code="Unauthorized")
    value = costing.as_json(costs(the.make(placed, operator, "earliest", [0])))
    assert value["consumed_again"] == {"log_groups": 15, "samples": 0, "lines": None, "bytes": None}
    assert (value["read_traffic_bytes"], value["price"], value["samples_failed"]) == (None, None, 15)
    assert value["catch_up"]["verdict"] == "unknown"
    assert (value["catch_up"]["low_seconds"], value["catch_up"]["high_seconds"]) == (None, None)
    assert value["already_lost"] == {
        "log_groups": 0, "shards": [], "asked_seconds": None, "asked_shards": [],
    }  # fmt: skip


def test_as_json_has_ranges(placed, operator, settings):
    settings.READ_PRICE = (Decimal("1000000"), "CNY")
    value = costing.as_json(costs(the.make(placed, operator, "earliest", [0, 1, 2])))
    again = value["consumed_again"]
    assert again["bytes"]["low"] < again["bytes"]["mean"] < again["bytes"]["high"]
    assert list(value["price"]) == ["currency", "mean", "low", "high"]
    assert 0 < value["price"]["low"] < value["price"]["high"]
