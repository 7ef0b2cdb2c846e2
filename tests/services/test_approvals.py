"""The second person: who may ask and answer, what an approval opens, and what closes it again."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from checkpoints.domain.plans import digest
from checkpoints.models import Approval, AuditRow, ConsumerGroup, Endpoint, GroupRule, Plan, Reset
from checkpoints.services import approvals, discovery, plans, resets
from checkpoints.services.audit import Actor
from tests.conftest import make_user, store_endpoint
from tests.services import resetting as the

HOUR = timedelta(hours=1)


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5})
    Endpoint.objects.update(protection="two-person")
    return ConsumerGroup.objects.get(pk=group.pk)


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def approver(people):
    return people["approver"]


@pytest.fixture
def plan(placed, operator):
    return the.make(placed, operator, "earliest", [0])


def somebody(name, *roles, **more):
    user = User.objects.create_user(name, password="x", **more)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def ask(plan, user, **changes):
    words = {"reason": "bad deploy", "ticket": "INC-7", "override_active": False, "now": the.now()}
    return approvals.ask(plan, user=user, actor=Actor.of(user), **(words | changes))


def approve(asked, user, **changes):
    return approvals.approve(asked, user=user, actor=Actor.of(user), **({"now": the.now()} | changes))


def deny(asked, user, words="not now", **changes):
    return approvals.deny(
        asked, user=user, actor=Actor.of(user), words=words, **({"now": the.now()} | changes)
    )


def closed(plan, user, sentence, **changes):
    """An approval opens nothing: neither check nor apply lets the plan pass."""
    with pytest.raises(resets.NeedsApproval, match=sentence):
        approvals.check(plan, user=user, **({"now": the.now()} | changes))


# Asking


def test_asking_stores_the_hash_the_words_and_the_expiry_and_is_audited(settings, plan, operator):
    settings.APPROVAL_LIFETIME_SECONDS = 600
    now = the.now()
    asked = ask(plan, operator, reason=" bad deploy ", now=now, override_active=True)
    assert (asked.plan_hash, asked.state, asked.expires_at) == (
        plan.hash,
        "asked",
        now + timedelta(seconds=600),
    )
    assert (asked.reason, asked.ticket, asked.override_active) == ("bad deploy", "INC-7", True)
    row = AuditRow.objects.get(action="approval.asked")
    assert (row.actor_name, row.reason, row.ticket) == ("the-operator", "bad deploy", "INC-7")
    assert (row.object_id, row.plan_hash, row.consumer_group) == (str(plan.pk), plan.hash, "cg-0")


def test_asking_again_is_the_same_request_also_after_a_denial(plan, operator, approver):
    first = ask(plan, operator)
    assert ask(plan, operator, now=plan.expires_at + HOUR) == first
    for changed in ({"reason": "other"}, {"override_active": True}):
        with pytest.raises(resets.NotAllowed, match="with other words"):
            ask(plan, operator, **changed)
    deny(first, approver)
    assert ask(plan, operator).state == "denied"
    assert Approval.objects.get().reason == "bad deploy"
    assert AuditRow.objects.filter(action="approval.asked").count() == 1


def test_only_the_maker_asks(plan, approver):
    other = somebody("other", "operator")
    for user in (other, approver):
        with pytest.raises(resets.NotAllowed):
            ask(plan, user)
    assert not Approval.objects.exists()


def test_an_override_is_asked_for_by_those_who_may_override(plan, operator):
    from django.contrib.auth.models import Permission

    operator.groups.clear()
    operator.user_permissions.add(Permission.objects.get(codename="reset_checkpoint"))
    weaker = User.objects.get(pk=operator.pk)
    with pytest.raises(resets.NotAllowed):
        ask(plan, weaker, override_active=True)
    assert ask(plan, weaker).state == "asked"


@pytest.mark.parametrize(
    ("protection", "kind"),
    [
        ("none", resets.PlanInvalid),
        ("reason", resets.PlanInvalid),
        ("read-only", resets.ReadOnly),
        ("four-person", resets.ReadOnly),
    ],
)
def test_a_second_person_is_asked_only_where_one_is_wanted(plan, operator, protection, kind):
    Endpoint.objects.update(protection=protection)
    with pytest.raises(kind):
        ask(plan, operator)


def test_a_rule_wants_the_second_person_as_an_endpoint_does(plan, operator):
    Endpoint.objects.update(protection="reason")
    GroupRule.objects.create(pattern="proj/store/cg-?", protection="two-person")
    assert ask(plan, operator).state == "asked"


@pytest.mark.parametrize("changes", [{"reason": " "}, {"reason": "x" * 501}, {"ticket": "x" * 101}])
def test_asking_needs_words_that_can_be_kept(plan, operator, changes):
    with pytest.raises(resets.BadReason):
        ask(plan, operator, **changes)


def test_an_expired_a_changed_and_a_used_plan_are_not_asked_for(placed, plan, operator):
    with pytest.raises(resets.PlanExpired):
        ask(plan, operator, now=plan.expires_at)
    Endpoint.objects.update(protection="none")
    the.apply(plan, operator)
    with pytest.raises(resets.PlanUsed):
        ask(plan, operator)
    other = the.make(placed, operator, "earliest", [1])
    Endpoint.objects.update(protection="two-person", config_version=99)
    with pytest.raises(resets.PlanInvalid, match="endpoint was changed"):
        ask(other, operator)
    other.body["shards"][0]["after"]["cursor"] = "MQ=="
    with pytest.raises(resets.PlanInvalid, match="changed after it was made"):
        ask(other, operator)


# Answering


def test_an_approval_opens_the_plan_and_is_audited(plan, operator, approver):
    asked = ask(plan, operator)
    closed(plan, operator, "still waits")
    approve(asked, approver, words="looks right")
    found = approvals.check(plan, user=operator, now=the.now())
    assert (found.state, found.decided_by, found.decided_by_name) == ("approved", approver, "the-approver")
    row = AuditRow.objects.get(action="approval.approved")
    assert (row.actor_name, row.outcome, row.reason, row.plan_hash) == (
        "the-approver", "approved", "looks right", plan.hash,
    )  # fmt: skip


def test_an_approved_plan_is_applied_once_also_after_its_own_five_minutes(emu, plan, operator, approver):
    approve(ask(plan, operator), approver)
    reset = the.apply(plan, operator, now=plan.expires_at + timedelta(minutes=1))
    assert (reset.outcome, reset.approved_by, len(the.sent(emu))) == ("confirmed", "the-approver", 1)


def test_without_an_approval_nothing_is_sent(emu, plan, operator, approver):
    for sentence in ("wants the approval", "still waits"):
        with pytest.raises(resets.NeedsApproval, match=sentence):
            the.apply(plan, operator)
        ask(plan, operator)
    assert (the.sent(emu), Reset.objects.count()) == ([], 0)


@pytest.mark.parametrize("is_superuser", [False, True])
def test_nobody_decides_on_a_request_of_their_own(placed, is_superuser):
    both = somebody("both", "operator", "approver", is_superuser=is_superuser)
    plan = the.make(placed, both, "earliest", [0])
    asked = ask(plan, both)
    for answer in (approve, deny):
        with pytest.raises(resets.NotAllowed, match="of their own"):
            answer(asked, both)
    closed(plan, both, "still waits")


def test_an_approval_by_the_maker_written_into_the_database_opens_nothing(placed):
    both = somebody("both", "operator", "approver", is_superuser=True)
    plan = the.make(placed, both, "earliest", [0])
    ask(plan, both)
    Approval.objects.update(state="approved", decided_by=both, decided_by_name="both", decided_at=the.now())
    closed(plan, both, "both, who approved this plan, may not approve it")


@pytest.mark.parametrize("role", ["viewer", "peeker", "operator", "admin", "auditor"])
def test_only_an_approver_decides(plan, operator, role):
    asked, other = ask(plan, operator), somebody("other", role)
    for answer in (approve, deny):
        with pytest.raises(resets.NotAllowed):
            answer(asked, other)


def test_a_disabled_approver_does_not_decide(plan, operator):
    asked, gone = ask(plan, operator), somebody("gone", "approver", is_active=False)
    with pytest.raises(resets.NotAllowed):
        approve(asked, gone)


def test_a_denial_says_why_and_closes_the_plan_for_good(plan, operator, approver, people):
    asked = ask(plan, operator)
    with pytest.raises(resets.BadReason):
        deny(asked, approver, words="  ")
    deny(asked, approver, words="not during the sale")
    closed(plan, operator, "the-approver denied this plan: not during the sale")
    second = somebody("second", "approver")
    for user in (approver, second):
        with pytest.raises(resets.NotAllowed, match="decided before, by the-approver"):
            approve(asked, user)
    row = AuditRow.objects.get(action="approval.denied")
    assert (row.outcome, row.reason) == ("denied", "not during the sale")


def test_the_same_answer_twice_is_one(plan, operator, approver):
    asked = ask(plan, operator)
    assert approve(asked, approver) == approve(asked, approver)
    with pytest.raises(resets.NotAllowed, match="decided before"):
        deny(asked, approver)
    assert AuditRow.objects.filter(action__startswith="approval.").count() == 2


def test_a_request_expires(plan, operator, approver):
    asked = ask(plan, operator)
    for answer in (approve, deny):
        with pytest.raises(resets.PlanExpired):
            answer(asked, approver, now=asked.expires_at)
    assert approve(asked, approver, now=asked.expires_at - timedelta(microseconds=1)).state == "approved"
    closed(plan, operator, "has expired", now=asked.expires_at)


def test_an_approval_opens_no_other_plan(placed, plan, operator, approver):
    approve(ask(plan, operator), approver)
    other = the.make(placed, operator, "earliest", [0])
    closed(other, operator, "wants the approval of a second person")


def change_body(plan):
    plan.body["shards"][0]["after"]["cursor"] = "MQ=="


def change_and_sign(plan):
    """Change it as somebody would who has the key of the signature but not the approval."""
    change_body(plan)
    plan.hash = digest(plan.body)
    plan.signature = plans.sign(plan)


@pytest.mark.parametrize("change", [change_body, change_and_sign])
def test_a_plan_changed_after_it_was_asked_for_is_refused(emu, plan, operator, approver, change):
    asked = ask(plan, operator)
    change(plan)
    plan.save()
    for answer in (approve, deny):
        with pytest.raises(resets.PlanInvalid):
            answer(asked, approver)
    assert Approval.objects.get().state == "asked"


@pytest.mark.parametrize(
    ("change", "sentence"), [(change_body, "changed after it was made"), (change_and_sign, "Another plan")]
)
def test_a_plan_changed_after_it_was_approved_is_closed(emu, plan, operator, approver, change, sentence):
    approve(ask(plan, operator), approver)
    change(plan)
    plan.save()
    closed(Plan.objects.get(pk=plan.pk), operator, sentence)
    with pytest.raises(resets.Refused):
        the.apply(plan, operator)
    assert the.sent(emu) == []


def disable(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def take_role(user):
    user.groups.clear()


def remove(user):
    User.objects.get(pk=user.pk).delete()


@pytest.mark.parametrize("change", [disable, take_role, remove])
def test_an_approver_who_no_longer_may_approve_closes_the_plan(emu, plan, operator, approver, change):
    approve(ask(plan, operator), approver)
    change(approver)
    closed(plan, operator, "the-approver, who approved this plan, may not approve it")
    with pytest.raises(resets.NeedsApproval):
        the.apply(plan, operator)
    assert the.sent(emu) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"config_version": 99}, "endpoint was changed"), ({"enabled": False}, "endpoint is disabled")],
)
def test_a_changed_endpoint_closes_an_approved_plan(plan, operator, approver, fields, sentence):
    asked = ask(plan, operator)
    Endpoint.objects.update(**fields)
    with pytest.raises(resets.PlanInvalid, match=sentence):
        approve(asked, approver)
    Endpoint.objects.update(config_version=plan.body["bound"]["config_version"], enabled=True)
    approve(asked, approver)
    Endpoint.objects.update(**fields)
    closed(plan, operator, sentence)


# What waits


def test_an_approver_sees_what_others_asked_for_and_still_can_be_answered(placed, operator, approver):
    both = somebody("both", "operator", "approver")
    plans_of = [the.make(placed, user, "earliest", [0]) for user in (operator, operator, operator, both)]
    now = the.now()
    first, second, third, own = [ask(one, one.maker, now=now) for one in plans_of]
    late = first.expires_at
    deny(second, approver)
    assert approvals.open_for(approver) == [first, third, own]
    assert approvals.open_for(both) == [first, third]
    assert approvals.open_for(operator) == []
    assert approvals.open_for(approver, now=late) == []


def test_a_plan_applied_through_broken_glass_waits_no_longer(plan, operator, approver):
    asked = ask(plan, operator)
    Endpoint.objects.update(protection="none")
    the.apply(plan, operator)
    assert approvals.open_for(approver) == []
    with pytest.raises(resets.PlanUsed):
        approve(asked, approver)


@pytest.mark.parametrize(
    ("setting", "role", "expected"),
    [(True, "operator", True), (False, "operator", False), (True, "approver", False), (True, "admin", False)],
)
def test_the_glass_is_broken_by_setting_and_permission(settings, people, setting, role, expected):
    settings.BREAK_GLASS = setting
    assert approvals.may_break_glass(people[role]) is expected


# At once


def test_of_two_approvers_at_once_one_decides(real_db, emu, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    discovery.discover(store_endpoint(emu, protection="two-person"), now=the.now())
    group, operator = ConsumerGroup.objects.get(name="cg-0"), make_user("operator")
    the.place(emu, {0: 15})
    asked = ask(the.make(group, operator, "earliest", [0]), operator)
    deciders = [somebody(f"approver-{number}", "approver") for number in range(6)]
    results: list[object] = []
    together = threading.Barrier(len(deciders))

    def decide(number, user):
        together.wait()
        try:
            answer = approve if number % 2 else deny
            results.append(answer(asked, user).decided_by_id)
        except resets.NotAllowed as refusal:
            results.append(refusal)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            results.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=pair) for pair in enumerate(deciders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    winners = [one for one in results if not isinstance(one, resets.NotAllowed)]
    assert (len(results), winners) == (6, [Approval.objects.get().decided_by_id])
    assert AuditRow.objects.filter(action__in=["approval.approved", "approval.denied"]).count() == 1
