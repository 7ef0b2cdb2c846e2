"""Plans: where each target leads on each shard, and what makes no plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain import positions, targets
from checkpoints.models import AuditRow, Plan
from checkpoints.services import aims, resets
from checkpoints.services.audit import Actor
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


@pytest.mark.parametrize(
    ("target", "shards", "moves"),
    [
        ("earliest", [0, 1], {0: ("rewind", 15, None), 1: ("rewind", 5, None)}),
        ("latest", [0, 2], {0: ("skip", 5, None), 2: ("none", 0, None)}),
        ("-10groups", [0, 1], {0: ("rewind", 10, None), 1: ("rewind", 5, "begin")}),
        ("+10groups", [0, 1], {0: ("skip", 5, "end"), 1: ("skip", 10, None)}),
        ("-9m", [0, 2], {0: ("rewind", 4, None), 2: ("rewind", 4, None)}),
        ("+9m", [1], {1: ("skip", 2, None)}),
        ("-2h", [0], {0: ("rewind", 15, "begin")}),
        ("2030-01-01T00:00:00Z", [1], {1: ("skip", 15, "end")}),
        ("1971-01-01T00:00:00Z", [1], {1: ("rewind", 5, "begin")}),
        ("latest", [3], {3: ("skip", 20, None)}),
        ("earliest", [3], {3: ("none", 0, None)}),
    ],
)
def test_a_target_leads_to_these_moves(placed, operator, target, shards, moves):
    assert the.moves(the.make(placed, operator, target, shards)) == moves


def test_a_time_leads_to_the_first_log_group_received_from_then_on(placed, operator):
    first = the.make(placed, operator, "-9m", [0]).body["shards"][0]
    when = datetime.fromisoformat(first["after"]["time"])
    plan = the.make(placed, operator, f"@{int(when.timestamp())}", [0, 1])
    for line in plan.body["shards"]:
        assert when <= datetime.fromisoformat(line["after"]["time"]) < when + timedelta(minutes=3)
    assert plan.body["shards"][0]["after"] == first["after"]


def test_a_plan_writes_nothing_and_is_audited(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    assert the.sent(emu) == []
    row = AuditRow.objects.get(action="plan.made")
    assert (row.actor_name, row.object_id, row.plan_hash) == ("the-operator", str(plan.pk), plan.hash)


def test_only_the_chosen_shards_are_resolved(emu, placed, operator):
    emu.reset_stats()
    the.make(placed, operator, "earliest", [1])
    assert (emu.count("GetCheckPoint"), emu.count("GetCursor")) == (2, 2)


def test_the_plan_as_json_has_the_names_of_the_contract(placed, operator):
    value = resets.plan_as_json(the.make(placed, operator, "earliest", [0]))
    assert list(value) == [
        "id", "hash", "expires_at", "endpoint", "project", "logstore", "group", "target", "activity",
        "warnings", "shards",
    ]  # fmt: skip
    assert list(value["shards"][0]) == [
        "shard", "before", "asked", "after", "direction", "log_groups", "clamped", "warnings",
    ]  # fmt: skip
    assert value["activity"]["verdict"] == "quiet"


def test_an_expired_checkpoint_is_told_and_counted_from_what_is_left(emu, group, operator):
    the.place(emu, {0: -7})
    line = the.make(group, operator, "latest", [0]).body["shards"][0]
    assert (line["state"], line["direction"], line["log_groups"], line["before"]["time"]) == (
        "expired",
        "skip",
        20,
        None,
    )
    assert line["warnings"][0]["values"] == {"count": 7}


def test_an_unreadable_checkpoint_can_be_replaced(emu, group, operator):
    the.place(emu, {0: "bm90IGEgbnVtYmVy"})
    line = the.make(group, operator, "earliest", [0]).body["shards"][0]
    assert (line["before"]["position"], line["before"]["cursor"]) == (None, "bm90IGEgbnVtYmVy")


def test_a_readonly_shard_that_was_finished_is_told_to_be_taken_up_again(emu, placed, operator):
    emu.shard("proj", "store", 2, status="readonly")
    line = the.make(placed, operator, "earliest", [2]).body["shards"][0]
    assert line["state"] == "finished"
    assert "taken" in str(line["warnings"]) or "take it up again" in str(line["warnings"])


def test_readonly_shards_left_out_are_named(emu, placed, operator):
    emu.shard("proj", "store", 2, status="readonly")
    plan = the.make(placed, operator, "earliest", [0])
    assert [warning["values"] for warning in plan.body["warnings"]] == [{"shards": "2"}]


def test_an_exact_cursor_is_taken_for_its_shard(emu, placed, operator):
    cursor = positions.encode(the.begin(emu, 0) + 3)
    plan = the.make(placed, operator, f"cursor:{cursor}", [0])
    assert plan.body["shards"][0]["after"]["cursor"] == cursor


def test_a_cursor_of_another_shard_is_refused(emu, placed, operator):
    cursor = positions.encode(the.begin(emu, 1) + 3)
    with pytest.raises(resets.BadPlan, match="not one of shard 0"):
        the.make(placed, operator, f"cursor:{cursor}", [0])


def test_a_cursor_for_two_shards_is_refused(emu, placed, operator):
    with pytest.raises(resets.BadPlan, match="choose exactly one"):
        the.make(placed, operator, f"cursor:{positions.encode(5)}", [0, 1])


@pytest.mark.parametrize(
    ("target", "shards", "words"),
    [
        ("earliest", [0, 9], "do not exist in this Logstore: 9"),
        ("earliest", [], "at least one shard"),
        ("-2h", [3], "Shard 3 has no readable checkpoint"),
        ("-5groups", [3], "Shard 3 has no readable checkpoint"),
        ("snapshot:abc", [0], "snapshot abc is not available"),
        ("snapshot:00000000-0000-0000-0000-000000000000", [0], "is not available"),
        ("keep", [0, 1], "at least one shard"),
        ("keep", None, "at least one shard"),
        ("rest:abc", None, "no reset with the id"),
        ("undo:abc", None, "no reset with the id"),
        ("undo:00000000-0000-0000-0000-000000000000", None, "no reset with the id"),
        ("file:/etc/hostname", None, "A file is read by the command"),
        ("group:nowhere/store/other/g", [0], "no enabled endpoint named nowhere"),
    ],
)
def test_what_makes_no_plan_is_said(placed, operator, target, shards, words):
    with pytest.raises(resets.BadPlan, match=words):
        the.make(placed, operator, target, shards)
    assert not Plan.objects.exists()


def test_another_group_that_does_not_exist_is_an_error_with_its_request_id(placed, operator):
    with pytest.raises(resets.UpstreamFailed) as refused:
        the.make(placed, operator, "group:nobody", [0])
    assert refused.value.problem.request_id


def test_checkpoints_of_another_group_are_taken_over(emu, placed, operator):
    emu.add_group("proj", "store", "other", checkpoints={"0": the.begin(emu, 0) + 2})
    plan = the.make(placed, operator, "group:other")
    assert the.moves(plan) == {0: ("rewind", 13, None)}


@pytest.mark.parametrize("role", ["viewer", "peeker", "approver", "admin", "auditor"])
def test_only_an_operator_makes_plans(placed, people, role):
    with pytest.raises(resets.NotAllowed):
        the.make(placed, people[role], "earliest", [0])


def test_no_plan_is_made_through_a_disabled_endpoint(placed, operator):
    placed.endpoint.enabled = False
    with pytest.raises(resets.BadPlan, match="disabled"):
        the.make(placed, operator, "earliest", [0])


def test_trouble_upstream_is_a_refusal_with_code_and_request_id(emu, placed, operator):
    emu.fault("GetCursor", status=403, code="Unauthorized")
    with pytest.raises(resets.UpstreamFailed) as refused:
        the.make(placed, operator, "earliest", [0])
    assert (refused.value.problem.operation, bool(refused.value.problem.request_id)) == ("GetCursor", True)


def test_a_group_saved_a_moment_ago_is_active(emu, group, operator):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    assert plan.body["activity"]["verdict"] == "active"
    assert plan.body["activity"]["consumers"] == ["worker-1"]
    assert "stop all consumers first" in str(plan.body["warnings"])


def test_an_idle_group_with_a_name_on_a_shard_may_be_active(emu, group, operator):
    the.place(emu, {0: 20}, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    assert plan.body["activity"]["verdict"] == "probably_active"
    assert "all are stopped" in str(plan.body["warnings"])


def test_a_group_that_never_saved_is_never_active(group, operator):
    assert the.make(group, operator, "latest", [0]).body["activity"]["verdict"] == "never"


def test_our_own_write_is_no_sign_of_a_consumer(placed, operator):
    the.apply(the.make(placed, operator, "earliest", [0]), operator)
    assert the.make(placed, operator, "latest", [0]).body["activity"]["verdict"] == "quiet"


def test_a_stored_reading_that_differs_shows_movement(emu, placed, operator):
    from checkpoints.models import Reading
    from checkpoints.services import collector

    collector.read_group(placed, max_age=timedelta(0), now=the.now())
    Reading.objects.update(taken_at=the.now() - timedelta(seconds=20))
    the.place(emu, {0: 16})
    assert the.make(placed, operator, "earliest", [0]).body["activity"]["verdict"] == "active"


def test_the_typed_target_is_kept_beside_the_exact_one(placed, operator):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    body = the.make(placed, operator, "2h ago", [0], now=now).body
    assert (body["target"], body["bound"]["target"]) == ("2h ago", "2026-01-02T01:04:05Z")


def test_a_progress_only_group_is_told_so(placed, operator):
    placed.verdict = "progress_only"
    told = str(the.make(placed, operator, "earliest", [0]).body["warnings"])
    assert "has no effect unless the job starts without its own state" in told


def test_the_actor_is_the_one_given(placed, operator):
    the.make(placed, operator, "earliest", [0])
    assert AuditRow.objects.get(action="plan.made").roles == Actor.of(operator).roles == "operator"


@pytest.mark.parametrize(
    "text",
    [
        "earliest", "latest", "2026-01-02T01:04:05Z", "-7200s", "+60s", "+10groups", "-10groups",
        "cursor:NQ==", "group:g", "group:l/g", "group:p/l/g~600s", "group:my e/p/l/g", "file:/tmp/x.csv",
        "snapshot:s-1", "snapshot:s-1~0s", "undo:r-1", "rest:r-1", "keep",
    ],
)  # fmt: skip
def test_the_text_of_a_target_reads_as_the_same_target(text):
    target = targets.parse(text, zone=None, now=the.now())
    assert targets.parse(aims.text_of(target), zone=None, now=the.now()) == target


def test_a_time_that_expires_between_two_calls_is_not_known(emu, placed, operator):
    emu.fault("GetCursorTime", status=400, code="InvalidCursor")
    line = the.make(placed, operator, "earliest", [0]).body["shards"][0]
    assert (line["before"]["time"], line["after"]["time"], line["log_groups"]) == (None, None, 15)


def test_a_failing_time_is_an_error(emu, placed, operator):
    emu.fault("GetCursorTime", status=403, code="Unauthorized")
    with pytest.raises(resets.UpstreamFailed):
        the.make(placed, operator, "earliest", [0])


def test_a_distance_from_after_the_end_is_refused(emu, group, operator):
    the.place(emu, {0: 99})
    with pytest.raises(resets.BadPlan, match="lies after its end"):
        the.make(group, operator, "-2h", [0])


def test_a_distance_in_time_on_a_shard_that_holds_nothing_is_refused(emu, placed, operator):
    emu.shard("proj", "store", 0, ttl_seconds=1)
    with pytest.raises(resets.BadPlan, match="holds no log group"):
        the.make(placed, operator, "-2h", [0])


def test_a_distance_out_of_the_calendar_is_refused(placed, operator):
    with pytest.raises(resets.BadPlan):
        resets.plan(
            placed,
            target=targets.Shift(timedelta(days=999_999_999)),
            shards=[0],
            maker=operator,
            now=the.now(),
            actor=Actor.of(operator),
        )


def test_another_group_without_checkpoints_is_refused(emu, placed, operator):
    emu.add_group("proj", "store", "other")
    with pytest.raises(resets.BadPlan, match="has no checkpoint"):
        the.make(placed, operator, "group:other")
