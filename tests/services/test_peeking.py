"""Log lines around a checkpoint and a target: which ones, how much of them, and on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError

from checkpoints.domain import positions
from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, Plan
from checkpoints.services import audit, connections, neighbours, peeking, resets
from checkpoints.services.aims import Probe
from checkpoints.services.audit import Actor
from emulator import protobuf
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    """20 log groups per shard, one every 3 minutes; checkpoints after 15, none and all of them; 3 unsaved."""
    the.place(emu, {0: 15, 1: 0, 2: 20})
    return group


def look(group, user, shard=0, **changes):
    return peeking.peek(group, shard, user=user, actor=Actor.of(user), now=the.now(), **changes)


def write(emu, shard, *lines, **about):
    """Put one log group at the end of a shard; a line is its fields."""
    now = emu.world.now()
    logs = [protobuf.log(int(now) - 60, line) for line in lines]
    body = protobuf.log_group(logs, **({"topic": "t", "source": "10.0.0.1", "tags": []} | about))
    return the.shard_of(emu, shard).write(now, body)


def notes(place):
    return [side.note and str(side.note) for side in (place.before, place.after)]


def test_both_sides_of_target_and_checkpoint_are_shown(emu, placed, operator):
    plan = the.make(placed, operator, "-10groups", [0])
    target, present = look(placed, operator, plan=plan).places
    begin = the.begin(emu, 0)
    assert (target.is_target, present.is_target) == (True, False)
    assert [side.position - begin for side in (target.before, target.after)] == [4, 5]
    assert [side.position - begin for side in (present.before, present.after)] == [14, 15]
    stored = the.shard_of(emu, 0).times
    assert target.after.received_at == datetime.fromtimestamp(int(stored[5]), UTC)
    assert timedelta(0) <= target.after.received_at - target.after.lines[0].time < timedelta(seconds=3)
    assert dict(target.after.lines[0].fields)["message"].startswith("job ")
    assert (target.after.topic, target.after.tags[0][0]) == ("app", "__hostname__")
    assert notes(target) == notes(present) == [None, None]


def test_without_a_plan_the_checkpoint_is_read(emu, placed, operator):
    emu.reset_stats()
    (present,) = look(placed, operator).places
    assert present.position == the.begin(emu, 0) + 15
    assert [emu.count(name) for name in ("GetCheckPoint", "PullLogs", "GetCursorTime")] == [1, 2, 2]


def test_a_plan_is_not_read_again_and_nothing_is_written(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.reset_stats()
    look(placed, operator, plan=plan)
    assert (emu.count("GetCheckPoint"), emu.count("PullLogs") <= 4, the.sent(emu)) == (0, True, [])


def test_a_target_that_moves_nothing_is_looked_at_once(placed, operator):
    plan = the.make(placed, operator, "+0groups", [0])
    assert [place.is_target for place in look(placed, operator, plan=plan).places] == [False]


@pytest.mark.parametrize(
    ("shard", "words"),
    [
        (1, ["Nothing before: this is the oldest log group that is retained.", None]),
        (2, [None, "Nothing after: the next log group that arrives."]),
        (3, ["This shard never had a checkpoint."] * 2),
    ],
)
def test_a_side_without_log_groups_says_why(placed, operator, shard, words):
    assert notes(look(placed, operator, shard).places[0]) == words


@pytest.mark.parametrize("clamps", ["error", "clamp"])
@pytest.mark.parametrize("ttl_seconds", [10, 500])
def test_an_expired_checkpoint_is_told(emu, placed, operator, clamps, ttl_seconds):
    emu.options(expired_pull=clamps)
    emu.shard("proj", "store", 0, ttl_seconds=ttl_seconds)
    assert notes(look(placed, operator).places[0]) == [str(neighbours.EXPIRED)] * 2


def test_a_checkpoint_of_another_shard_is_told(emu, placed, operator):
    the.place(emu, {0: 1000, 1: "bm90IGEgbnVtYmVy"})
    assert notes(look(placed, operator).places[0]) == [str(neighbours.NOT_OF_SHARD)] * 2
    assert notes(look(placed, operator, 1).places[0]) == [str(peeking.UNREADABLE)] * 2


def test_an_empty_shard_has_nothing_on_either_side(emu, placed, operator):
    emu.shard("proj", "store", 0, ttl_seconds=10)
    the.place(emu, {0: 0})
    assert notes(look(placed, operator).places[0]) == [
        str(neighbours.NOTHING_BEFORE),
        str(neighbours.NOTHING_AFTER),
    ]


def test_time_leads_to_the_log_group_before_when_its_cursor_is_not_accepted(emu, placed):
    client = connections.connect(placed.endpoint)
    probe, begin = Probe(client, "proj", "store", 0), the.begin(emu, 0)
    emu.fault("PullLogs", status=400, code="InvalidCursor", times=1)
    side = neighbours.last_before(probe, begin + 15)
    assert (side.position, side.note) == (begin + 12, neighbours.FOUND_BY_TIME)
    emu.fault("PullLogs", status=400, code="InvalidCursor", times=9)
    assert neighbours.last_before(probe, begin + 15).note == neighbours.NOTHING_BEFORE


def test_five_lines_next_to_the_place_are_shown(emu, placed, operator):
    lines = [[("n", str(number))] for number in range(8)]
    at = write(emu, 0, *lines)
    the.place(emu, {0: at - the.begin(emu, 0)})
    after = look(placed, operator).places[0].after
    assert ([line.fields for line in after.lines], after.more_lines) == (
        [(("n", str(number)),) for number in range(5)],
        3,
    )
    the.place(emu, {0: 21})
    before = look(placed, operator).places[0].before
    assert [line.fields[0][1] for line in before.lines] == ["3", "4", "5", "6", "7"]
    assert before.received_at - before.lines[0].time >= timedelta(seconds=59)


def test_secrets_are_hidden_everywhere_and_long_values_cut(emu, placed, operator):
    fields = [("password", "hunter"), ("m", "token=abc12345"), ("long", "x " * 400), ("rtl", "a\u202eb")]
    write(emu, 0, fields, topic="Bearer abc123456789", source="k=AKIAIOSFODNN7EXAMPLE", tags=[("token", "t")])
    the.place(emu, {0: 20})
    after = look(placed, operator).places[0].after
    assert after.lines[0].fields == (
        ("password", "•••• (secret)"),
        ("m", "token=•••• (secret)"),
        ("long", "x " * 250 + "…"),
        ("rtl", "a⟨U+202E⟩b"),
    )
    assert (after.topic, after.source) == ("Bearer •••• (credentials)", "k=•••• (access key)")
    assert after.tags == (("token", "•••• (secret)"),)


def test_a_log_group_above_the_cap_is_told_and_not_shown(emu, placed, operator):
    write(emu, 0, [("m", "x" * 257 * 1024)])
    the.place(emu, {0: 20})
    after = look(placed, operator).places[0].after
    assert (after.lines, str(after.note)) == ((), "This log group is larger than 256 KB and is not shown.")
    assert after.received_at is not None


def test_trouble_on_one_side_leaves_the_other(emu, placed, operator):
    the.place(emu, {0: 0})
    emu.fault("PullLogs", status=403, code="Unauthorized", times=1)
    place = look(placed, operator).places[0]
    assert str(place.before.note) == str(neighbours.NOTHING_BEFORE)
    assert place.after.problem.operation == "PullLogs"
    assert place.after.problem.request_id


def test_each_look_is_on_record_without_the_lines(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    look(placed, operator, plan=plan)
    row = AuditRow.objects.get(action="logs.peeked")
    begin = the.begin(emu, 0)
    assert (row.actor_name, row.consumer_group, row.shard) == ("the-operator", "cg-0", 0)
    assert (row.object_id, row.plan_hash) == (str(plan.pk), plan.hash)
    assert row.details == {"positions": {"target": str(begin), "present": str(begin + 15)}}
    assert "job" not in str(audit.as_dict(row))


def test_no_record_no_look(emu, placed, operator, monkeypatch):
    def full(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    emu.reset_stats()
    with pytest.raises(peeking.LookNotRecorded, match="no log line was read"):
        look(placed, operator)
    assert emu.count("PullLogs") == 0


@pytest.mark.parametrize("role", ["viewer", "approver", "admin", "auditor"])
def test_the_right_to_see_log_lines_is_one_of_its_own(emu, placed, people, role):
    emu.reset_stats()
    with pytest.raises(resets.NotAllowed, match="may not see log lines"):
        look(placed, people[role])
    assert emu.stats()["requests"] == {}
    assert not AuditRow.objects.filter(action="logs.peeked").exists()


def test_a_peeker_may_look_at_the_plan_of_somebody_else(placed, people, operator):
    plan = the.make(placed, operator, "earliest", [0])
    assert len(look(placed, people["peeker"], plan=plan).places) == 2


def test_a_plan_that_does_not_fit_is_refused(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.reset_stats()
    with pytest.raises(resets.BadPlan, match="says nothing about shard 1"):
        look(placed, operator, 1, plan=plan)
    other = ConsumerGroup.objects.create(logstore=placed.logstore, name="other")
    with pytest.raises(resets.BadPlan, match="another group"):
        look(other, operator, plan=plan)
    changed = Plan.objects.get()
    changed.body["shards"][0]["after"]["cursor"] = positions.encode(1)
    with pytest.raises(resets.PlanInvalid):
        look(placed, operator, plan=changed)
    Endpoint.objects.update(config_version=7)
    with pytest.raises(resets.PlanInvalid, match="endpoint was changed"):
        look(ConsumerGroup.objects.get(pk=placed.pk), operator, plan=plan)
    assert emu.stats()["requests"] == {}


def test_a_disabled_endpoint_is_not_asked(placed, operator):
    Endpoint.objects.update(enabled=False)
    with pytest.raises(resets.BadPlan, match="disabled"):
        look(ConsumerGroup.objects.get(pk=placed.pk), operator)


def test_a_checkpoint_that_cannot_be_read_is_a_refusal_with_the_problem(emu, placed, operator):
    emu.fault("GetCheckPoint", status=404, code="ConsumerGroupNotExist", times=1)
    with pytest.raises(resets.UpstreamFailed) as caught:
        look(placed, User.objects.get(pk=operator.pk))
    assert caught.value.problem.code == "ConsumerGroupNotExist"
