"""What opens the way to a protected group when a plan is applied: a second person, or broken glass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.models import Approval, AuditRow, Endpoint, GroupRule, Plan, Reset
from checkpoints.services import approvals, resets, sending
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def plan(emu, group, operator):
    the.place(emu, {0: 15})
    Endpoint.objects.update(protection="two-person")
    return the.make(group, operator, "earliest", [0])


def approved(plan, people, **asked):
    words = {"reason": "bad deploy", "ticket": "", "override_active": False, "now": the.now()} | asked
    operator, approver = people["operator"], people["approver"]
    asked = approvals.ask(plan, user=operator, actor=Actor.of(operator), **words)
    return approvals.approve(asked, user=approver, actor=Actor.of(approver), now=the.now())


def refused(emu, plan, user, kind, **changes):
    with pytest.raises(kind) as caught:
        the.apply(plan, user, **changes)
    assert the.sent(emu) == []
    assert not Reset.objects.exists()
    return caught.value


def test_without_a_second_person_nothing_is_sent(emu, plan, operator):
    refused(emu, plan, operator, resets.NeedsApproval)
    assert AuditRow.objects.get(action="reset.refused").outcome == "needs_approval"


def test_with_one_it_is_sent_and_says_who_approved(emu, plan, people):
    approved(plan, people)
    reset = the.apply(plan, people["operator"])
    assert (the.outcomes(reset), reset.approved_by) == ({0: "confirmed"}, "the-approver")
    assert AuditRow.objects.get(action="reset.requested").details["approved_by"] == "the-approver"


def test_an_approved_plan_lives_as_long_as_its_approval(emu, plan, people, settings):
    approval = approved(plan, people)
    assert approval.expires_at > plan.expires_at
    refused(emu, plan, people["operator"], resets.Refused, now=approval.expires_at + timedelta(seconds=1))
    reset = the.apply(plan, people["operator"], now=plan.expires_at + timedelta(seconds=60))
    assert the.outcomes(reset) == {0: "confirmed"}


def test_drift_is_checked_again_in_spite_of_an_approval(emu, plan, people):
    approved(plan, people)
    the.place(emu, {0: 16})
    moved = refused(emu, plan, people["operator"], resets.Moved)
    assert moved.new_plan is not None
    refused(emu, moved.new_plan, people["operator"], resets.NeedsApproval)


def test_an_approval_for_a_quiet_group_does_not_cover_running_consumers(emu, plan, people):
    approved(plan, people)
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    refused(emu, plan, people["operator"], resets.NeedsApproval, override_active=True)


def test_one_asked_with_the_override_does(emu, plan, people):
    approved(plan, people, override_active=True)
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    reset = the.apply(plan, people["operator"], override_active=True)
    assert reset.overrode_active


def test_an_approval_that_ends_while_the_checks_run_is_refused(emu, plan, people):
    approval = approved(plan, people)
    wanted = sending.Wanted(people["operator"], Actor.of(people["operator"]), "bad deploy")
    people["approver"].groups.clear()
    with pytest.raises(resets.NeedsApproval):
        sending.commit_intent(Plan.objects.get(pk=plan.pk), wanted, now=the.now())
    assert Approval.objects.get(pk=approval.pk).state == "approved"
    assert not Reset.objects.exists()


def test_a_rule_for_the_group_protects_like_the_endpoint(emu, group, operator):
    the.place(emu, {0: 15})
    plan = the.make(group, operator, "earliest", [0])
    GroupRule.objects.create(pattern="cg-*", protection="two-person")
    refused(emu, plan, operator, resets.NeedsApproval)
    GroupRule.objects.create(pattern="proj/store/*", protection="read-only")
    refused(emu, plan, operator, resets.ReadOnly)


def test_glass_breaks_only_where_the_setting_allows_it(emu, plan, people, settings, caplog):
    refused(emu, plan, people["operator"], resets.NotAllowed, break_glass=True)
    settings.BREAK_GLASS = True
    people["operator"].groups.first().permissions.remove(
        *people["operator"].groups.first().permissions.filter(codename="override_active")
    )
    user = type(people["operator"]).objects.get(pk=people["operator"].pk)
    refused(emu, plan, user, resets.NotAllowed, break_glass=True)
    assert "second person" not in caplog.text


def test_broken_glass_is_loud(emu, plan, people, settings, caplog):
    settings.BREAK_GLASS = True
    reset = the.apply(plan, people["operator"], break_glass=True)
    assert (reset.broke_glass, the.outcomes(reset)) == (True, {0: "confirmed"})
    row = AuditRow.objects.get(action="reset.broke_glass")
    assert (row.actor_name, row.object_id, row.reason) == ("the-operator", str(reset.pk), "bad deploy")
    assert "without the second person" in caplog.text


def test_broken_glass_does_not_open_what_is_read_only(emu, plan, operator, settings):
    settings.BREAK_GLASS = True
    Endpoint.objects.update(protection="read-only")
    refused(emu, plan, operator, resets.ReadOnly, break_glass=True)


def test_nothing_is_broken_where_no_second_person_is_wanted(emu, group, operator, settings):
    settings.BREAK_GLASS = True
    the.place(emu, {0: 15})
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator, break_glass=True)
    assert not reset.broke_glass
    assert not AuditRow.objects.filter(action="reset.broke_glass").exists()
