"""Applying: what is checked, that it is sent once, and what is told of each shard."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from checkpoints.domain import positions
from checkpoints.models import AuditRow, Endpoint, Plan, Reset
from checkpoints.services import resets, sending
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


def test_exactly_the_planned_cursors_are_sent_and_confirmed(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0, 1])
    reset = the.apply(plan, operator, ticket="INC-7")
    assert sorted(the.sent(emu)) == [(shard, positions.encode(the.begin(emu, shard))) for shard in (0, 1)]
    assert (reset.outcome, the.outcomes(reset)) == ("confirmed", {0: "confirmed", 1: "confirmed"})
    assert (reset.reason, reset.ticket, reset.actor_name, reset.overrode_active) == (
        "bad deploy", "INC-7", "the-operator", False,
    )  # fmt: skip


def test_the_write_is_forced_and_without_a_consumer(emu, placed, operator):
    the.apply(the.make(placed, operator, "earliest", [0]), operator)
    assert (emu.writes()[-1]["force"], emu.writes()[-1]["consumer"]) == (True, "")


def test_every_step_is_audited_with_who_why_before_after_and_request_id(placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    reset = the.apply(plan, operator)
    rows = {row.action: row for row in AuditRow.objects.filter(object_id=str(reset.pk))}
    assert set(rows) == {"reset.requested", "reset.shard", "reset.finished"}
    shard = rows["reset.shard"]
    line = reset.shards.get()
    assert (shard.actor_name, shard.reason, shard.outcome, shard.shard) == (
        "the-operator",
        "bad deploy",
        "confirmed",
        0,
    )
    assert (shard.before, shard.after, shard.plan_hash) == (line.before, line.after, plan.hash)
    assert shard.request_id == line.request_id != ""
    assert rows["reset.finished"].outcome == "confirmed"


def test_a_shard_that_is_there_already_is_not_sent_and_confirmed(emu, placed, operator):
    reset = the.apply(the.make(placed, operator, "latest", [0, 2]), operator)
    assert [shard for shard, _ in the.sent(emu)] == [0]
    assert the.outcomes(reset) == {0: "confirmed", 2: "confirmed"}


def test_a_plan_is_used_once_and_names_its_reset(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    reset = the.apply(plan, operator)
    with pytest.raises(resets.PlanUsed) as used:
        the.apply(plan, operator)
    assert (used.value.reset, len(the.sent(emu))) == (reset, 1)


def test_a_used_plan_names_its_reset_also_after_it_expired(placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    the.apply(plan, operator)
    with pytest.raises(resets.PlanUsed):
        the.apply(plan, operator, now=the.later(600))


def refused(emu, kind, plan, user, **changes):
    """Apply in vain: nothing is sent, no reset is stored, the refusal is audited."""
    with pytest.raises(kind) as caught:
        the.apply(plan, user, **changes)
    assert (the.sent(emu), Reset.objects.count()) == ([], 0)
    assert AuditRow.objects.get(action="reset.refused").outcome == kind.code
    return caught.value


def test_an_expired_plan_is_refused(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    refused(emu, resets.PlanExpired, plan, operator, now=plan.expires_at + timedelta(milliseconds=1))


def test_the_plan_of_another_user_is_refused(emu, placed, operator, people):
    plan = the.make(placed, operator, "earliest", [0])
    people["viewer"].groups.set(operator.groups.all())
    refused(emu, resets.NotAllowed, plan, people["viewer"])


def test_a_user_without_the_right_is_refused(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    operator.groups.clear()
    stripped = type(operator).objects.get(pk=operator.pk)
    refused(emu, resets.NotAllowed, plan, stripped)


def test_an_override_without_the_right_to_it_is_refused(emu, placed, operator):
    from django.contrib.auth.models import Permission

    plan = the.make(placed, operator, "earliest", [0])
    operator.groups.clear()
    operator.user_permissions.add(Permission.objects.get(codename="reset_checkpoint"))
    weaker = type(operator).objects.get(pk=operator.pk)
    refused(emu, resets.NotAllowed, plan, weaker, override_active=True)


def tamper_body(plan):
    plan.body["shards"][0]["after"]["cursor"] = positions.encode(1)


def tamper_both(plan):
    from checkpoints.domain.plans import digest

    tamper_body(plan)
    plan.hash = digest(plan.body)


def tamper_expiry(plan):
    plan.expires_at += timedelta(days=1)


@pytest.mark.parametrize("tamper", [tamper_body, tamper_both, tamper_expiry])
def test_a_plan_changed_in_the_database_is_refused(emu, placed, operator, tamper):
    plan = the.make(placed, operator, "earliest", [0])
    tamper(plan)
    plan.save()
    refused(emu, resets.PlanInvalid, plan, operator)


def change(**fields):
    def apply_to(endpoint):
        Endpoint.objects.filter(pk=endpoint.pk).update(**fields)

    return apply_to


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        (change(config_version=2), resets.PlanInvalid),
        (change(enabled=False), resets.PlanInvalid),
        (change(protection="read-only"), resets.ReadOnly),
        (change(protection="two-person"), resets.NeedsApproval),
    ],
)
def test_a_changed_or_protected_endpoint_is_refused(emu, placed, operator, changed, kind):
    plan = the.make(placed, operator, "earliest", [0])
    changed(placed.endpoint)
    refused(emu, kind, plan, operator)


@pytest.mark.parametrize(
    "words",
    [{"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": "a\x00b"}, {"ticket": "x" * 101}],
)
def test_a_missing_or_unreadable_reason_is_refused(emu, placed, operator, words):
    refused(emu, resets.BadReason, the.make(placed, operator, "earliest", [0]), operator, **words)


def test_a_checkpoint_that_moved_is_refused_with_a_fresh_plan(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0, 1])
    the.place(emu, {1: 6})
    moved = refused(emu, resets.Moved, plan, operator)
    assert moved.shards == (1,)
    assert the.moves(moved.new_plan)[1] == ("rewind", 6, None)


def test_a_checkpoint_that_moved_is_refused_in_spite_of_an_override(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    the.place(emu, {0: 16}, seconds_ago=1, consumer="worker-1")
    refused(emu, resets.Moved, plan, operator, override_active=True)


def test_a_first_checkpoint_since_the_plan_counts_as_moved(emu, placed, operator):
    plan = the.make(placed, operator, "latest", [3])
    the.place(emu, {3: 1})
    refused(emu, resets.Moved, plan, operator)


def test_moved_without_a_way_to_plan_again_says_so(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    the.place(emu, {0: 3})
    emu.fault("GetCursor", status=403, code="Unauthorized")
    assert refused(emu, resets.Moved, plan, operator).new_plan is None


def test_active_consumers_are_refused_with_the_evidence(emu, group, operator):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    activity = refused(emu, resets.ConsumersActive, plan, operator).activity
    assert activity.consumers == ("worker-1",)
    assert "ago" in str(activity.reasons[0])


def test_a_plan_made_under_consumers_that_move_on_is_refused_for_these(emu, group, operator):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    the.place(emu, {0: 6}, seconds_ago=0, consumer="worker-1")
    refused(emu, resets.ConsumersActive, plan, operator)


def test_an_override_is_applied_and_remembered(emu, group, operator):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator, override_active=True)
    assert (reset.outcome, reset.overrode_active, len(the.sent(emu))) == ("confirmed", True, 1)


def test_an_override_where_nobody_consumes_overrides_nothing(placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator, override_active=True)
    assert not reset.overrode_active


def test_a_group_that_cannot_be_read_again_is_refused(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("GetCheckPoint", status=403, code="Unauthorized")
    assert refused(emu, resets.UpstreamFailed, plan, operator).problem.request_id


def test_another_reset_of_the_group_being_sent_is_refused(emu, placed, operator):
    first, second = (the.make(placed, operator, "earliest", [0]) for _ in range(2))
    the.apply(first, operator)
    Reset.objects.update(outcome="sending")
    the.place(emu, {0: 15})
    with pytest.raises(resets.Busy):
        the.apply(second, operator)
    assert Plan.objects.get(pk=second.pk).used_at is None


def test_an_endpoint_protected_while_the_checks_ran_is_refused(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    wanted = sending.Wanted(operator, Actor.of(operator), "bad deploy", "", override_active=False)
    assert plan.group.endpoint.protection == "none"
    Endpoint.objects.update(protection="read-only")
    with pytest.raises(resets.ReadOnly):
        sending.commit_intent(plan, wanted, now=the.now())
    assert (Plan.objects.get().used_at, Reset.objects.count()) == (None, 0)


def test_no_audit_no_reset(emu, placed, operator, monkeypatch):
    from django.db import DatabaseError

    from checkpoints.services import audit

    plan = the.make(placed, operator, "earliest", [0])

    def full(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(resets.NotRecorded, match="could not record"):
        the.apply(plan, operator)
    assert (the.sent(emu), Reset.objects.count()) == ([], 0)


def test_outcomes_that_cannot_be_stored_leave_an_open_reset_that_settles_by_reading(
    emu, placed, operator, monkeypatch
):
    from django.db import DatabaseError

    from checkpoints.services import settling

    plan = the.make(placed, operator, "earliest", [0])
    with monkeypatch.context() as broken:

        def full(*args, **kwargs):
            raise DatabaseError("disk full")

        broken.setattr(settling, "finish", full)
        reset = the.apply(plan, operator)
    assert (reset.outcome, resets.as_json(reset)["outcome"]) == ("sending", "unknown")
    assert len(the.sent(emu)) == 1
    resets.settle(the.now() + timedelta(minutes=5))
    assert Reset.objects.get().outcome == "confirmed"
    assert len(the.sent(emu)) == 1


def test_a_refusal_of_the_service_is_told_with_code_and_request_id(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint", times=1)
    reset = the.apply(plan, operator)
    line = reset.shards.get()
    assert (reset.outcome, line.outcome, line.error["code"]) == (
        "refused",
        "refused",
        "InvalidShardCheckPoint",
    )
    assert line.request_id
    assert line.read_back["position"] == line.before["position"]


def test_one_refused_shard_makes_a_partial_reset(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0, 1])
    emu.fault("UpdateCheckPoint", status=403, code="Unauthorized", times=1)
    reset = the.apply(plan, operator)
    assert (reset.outcome, sorted(the.outcomes(reset).values())) == ("partial", ["confirmed", "refused"])


def test_a_write_that_landed_without_an_answer_is_confirmed_by_reading(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=-1, after_effect=True, times=1)
    reset = the.apply(plan, operator)
    assert (the.outcomes(reset), len(the.sent(emu))) == ({0: "confirmed"}, 1)
    assert reset.shards.get().error["operation"] == "UpdateCheckPoint"


def test_a_write_that_was_lost_is_unchanged_and_never_sent_again(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    emu.reset_stats()
    reset = the.apply(plan, operator)
    assert (reset.outcome, the.outcomes(reset), the.sent(emu)) == ("refused", {0: "unchanged"}, [])


def test_a_lost_first_checkpoint_is_unchanged(emu, placed, operator):
    plan = the.make(placed, operator, "latest", [3])
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    assert the.outcomes(the.apply(plan, operator)) == {3: "unchanged"}


def test_after_many_failures_in_a_row_the_rest_is_not_attempted(emu, placed, operator, monkeypatch):
    monkeypatch.setattr(sending, "WIDTH", 2)
    the.place(emu, {3: 3})
    plan = the.make(placed, operator, "earliest", [0, 1, 2, 3])
    emu.fault("UpdateCheckPoint", status=403, code="Unauthorized")
    reset = the.apply(plan, operator)
    assert set(the.outcomes(reset).values()) == {"refused", "not_attempted"}
    assert reset.shards.get(shard=3).outcome == "not_attempted"


def test_what_never_left_this_machine_is_not_attempted(placed, operator, monkeypatch):
    from checkpoints import sls

    def closed(*args, **kwargs):
        raise sls.ConnectionFailed("refused", operation="UpdateCheckPoint")

    plan = the.make(placed, operator, "earliest", [0])
    monkeypatch.setattr(sls.Client, "update_checkpoint", closed)
    line = the.apply(plan, operator).shards.get()
    assert (line.outcome, line.sent_at, bool(line.error)) == ("not_attempted", None, True)


def test_an_undo_goes_back_to_what_was_there(emu, placed, operator):
    first = the.apply(the.make(placed, operator, "earliest", [0, 1]), operator)
    plan = the.make(placed, operator, f"undo:{first.pk}")
    assert the.moves(plan) == {0: ("skip", 15, None), 1: ("skip", 5, None)}
    assert the.apply(plan, operator).outcome == "confirmed"
    assert the.sent(emu)[-1][1] in {line.before["cursor"] for line in first.shards.all()}


def test_an_undo_leaves_out_what_had_no_checkpoint(placed, operator):
    first = the.apply(the.make(placed, operator, "latest", [0, 3]), operator)
    plan = the.make(placed, operator, f"undo:{first.pk}")
    assert list(the.moves(plan)) == [0]
    assert "cannot be cleared" in str(plan.body["warnings"])


def test_an_undo_of_first_checkpoints_alone_is_refused(placed, operator):
    first = the.apply(the.make(placed, operator, "latest", [3]), operator)
    with pytest.raises(resets.BadPlan, match="Nothing was saved there that could be gone back to"):
        the.make(placed, operator, f"undo:{first.pk}")


def test_an_undo_of_shards_it_did_not_touch_is_refused(placed, operator):
    first = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    with pytest.raises(resets.BadPlan, match="says nothing about these shards: 1"):
        the.make(placed, operator, f"undo:{first.pk}", [1])


def test_the_json_has_the_names_of_the_contract(placed, operator):
    value = resets.as_json(the.apply(the.make(placed, operator, "earliest", [0]), operator))
    assert list(value) == ["id", "plan", "outcome", "shards"]
    assert list(value["shards"][0]) == [
        "shard", "outcome", "before", "after", "read_back", "request_id", "error", "watch",
    ]  # fmt: skip
    assert (value["shards"][0]["error"], value["shards"][0]["watch"]) == (None, "watching")


def test_only_the_intent_makes_receipts():
    with pytest.raises(TypeError, match="commit_intent"):
        sending.IntentReceipt(object(), Reset(), ())


def test_one_function_alone_calls_the_write():
    callers = []
    for file in Path(sending.__file__).parents[1].rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                named = [node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)]
                callers += [(file.name, function.name)] * named.count("update_checkpoint")
    assert callers == [("sending.py", "_write")]
