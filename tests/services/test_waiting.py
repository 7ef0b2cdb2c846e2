"""Wait until nobody consumes, then apply the confirmed cursors; judged by what the service was sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.domain import positions
from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, Plan, Reset, Wait
from checkpoints.services import resets, waiting
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def busy(emu, group):
    """Somebody saved shard 0 a moment ago and shard 1 long ago."""
    the.place(emu, {0: 15, 1: 12}, seconds_ago=5, consumer="worker-1")
    return group


def ask(plan, user, **changes):
    words = {"reason": "bad deploy", "within": timedelta(minutes=15), "now": the.now()}
    return waiting.ask(plan, user=user, actor=Actor.of(user), **(words | changes))


def looks(wait, seconds):
    """Look at these seconds from now, one after the other; return the states."""
    return [waiting.look(wait, now=the.later(second)).state for second in seconds]


def cursors(plan):
    return sorted((line["shard"], line["after"]["cursor"]) for line in plan.body["shards"])


def test_nothing_is_sent_while_somebody_consumes_and_all_once_it_is_quiet(emu, busy, operator):
    plan = the.make(busy, operator, "earliest", [0, 1])
    wait = ask(plan, operator)
    assert looks(wait, [1, 20]) == ["waiting", "waiting"]
    the.place(emu, {0: 17}, seconds_ago=0, consumer="worker-1")  # it goes on consuming while we wait
    assert looks(wait, [40]) == ["waiting"]
    assert the.sent(emu) == []
    assert looks(wait, [90]) == ["waiting"], "quiet once is not enough"
    assert looks(wait, [100]) == ["applied"]
    assert sorted(the.sent(emu)) == cursors(plan)
    wait.refresh_from_db()
    reset = Reset.objects.get()
    assert (reset.plan, the.outcomes(reset)) == (wait.applied_plan, {0: "confirmed", 1: "confirmed"})
    assert Plan.objects.get(pk=plan.pk).used_at is None
    shown = AuditRow.objects.filter(action__startswith="wait.").order_by("seq")
    assert list(shown.values_list("action", "outcome")) == [
        ("wait.asked", "waiting"),
        ("wait.ended", "applied"),
    ]


def test_a_consumer_that_comes_back_starts_the_quiet_anew(emu, busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    assert looks(wait, [80]) == ["waiting"]
    the.place(emu, {0: 16}, seconds_ago=-85, consumer="worker-1")
    assert looks(wait, [90, 100]) == ["waiting", "waiting"]
    assert the.sent(emu) == []


def test_two_looks_at_once_are_one(busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    assert looks(wait, [80, 81]) == ["waiting", "waiting"]
    assert looks(wait, [88]) == ["applied"]


def test_the_deadline_ends_it_with_nothing_sent(emu, busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator, within=timedelta(minutes=1))
    assert looks(wait, [61, 120]) == ["expired", "expired"]
    assert the.sent(emu) == []
    assert AuditRow.objects.get(action="wait.ended").outcome == "expired"


def test_a_shard_that_would_turn_round_is_refused(emu, busy, operator):
    plan = the.make(busy, operator, "cursor:" + positions.encode(the.begin(emu, 0) + 16), [0])
    assert the.moves(plan)[0][0] == "skip"
    wait = ask(plan, operator)
    the.place(emu, {0: 19}, seconds_ago=3600, consumer="worker-1")
    assert looks(wait, [80, 90])[-1] == "refused"
    wait.refresh_from_db()
    assert "other way" in wait.words["text"]
    assert the.sent(emu) == []


def test_cancelled_is_cancelled(emu, busy, operator, people):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    with pytest.raises(resets.NotAllowed):
        waiting.cancel(wait, user=people["viewer"], actor=Actor.of(people["viewer"]), now=the.now())
    assert waiting.cancel(wait, user=operator, actor=Actor.of(operator), now=the.now())
    assert not waiting.cancel(wait, user=operator, actor=Actor.of(operator), now=the.now())
    assert looks(wait, [80, 90]) == ["cancelled", "cancelled"]
    assert the.sent(emu) == []


def test_a_plan_that_waits_is_not_applied_beside_and_not_once_more(emu, busy, operator):
    plan = the.make(busy, operator, "earliest", [0])
    wait = ask(plan, operator)
    with pytest.raises(resets.PlanInvalid, match="waits until nobody"):
        the.apply(plan, operator, override_active=True)
    assert looks(wait, [80, 90]) == ["waiting", "applied"]
    the.place(emu, {0: 15})  # a consumer throws it back to where it was when the plan was made
    with pytest.raises(resets.PlanUsed) as used:
        the.apply(plan, operator, override_active=True)
    assert (used.value.reset, len(the.sent(emu))) == (Reset.objects.get(), 1)


def test_a_group_that_somebody_else_reset_meanwhile_is_left_alone(emu, busy, operator, people):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    people["admin"].groups.set(operator.groups.all())
    the.apply(the.make(busy, people["admin"], "-3groups", [0]), people["admin"], override_active=True)
    assert looks(wait, [80, 90])[-1] == "refused"
    assert len(the.sent(emu)) == 1


def test_one_group_waits_for_one_plan(busy, operator):
    ask(the.make(busy, operator, "earliest", [0]), operator)
    with pytest.raises(resets.BadPlan, match="waits already"):
        ask(the.make(busy, operator, "latest", [0]), operator)


@pytest.mark.parametrize("change", ["endpoint", "cursor"])
def test_what_changed_since_the_confirmation_is_refused(emu, busy, operator, change):
    plan = the.make(busy, operator, "earliest", [0])
    wait = ask(plan, operator)
    if change == "endpoint":
        Endpoint.objects.update(config_version=99)
    else:
        plan.body["shards"][0]["after"]["cursor"] = positions.encode(the.begin(emu, 0) + 3)
        Plan.objects.filter(pk=plan.pk).update(body=plan.body)
    assert looks(wait, [80, 90])[-1] == "refused"
    assert the.sent(emu) == []


def test_a_shard_that_was_to_stay_stays(emu, busy, operator):
    the.place(emu, {1: 0}, seconds_ago=5, consumer="worker-1")
    plan = the.make(busy, operator, "earliest", [0, 1])
    assert the.moves(plan)[1][:2] == ("none", 0)
    wait = ask(plan, operator)
    the.place(emu, {1: 9}, seconds_ago=3600, consumer="worker-1")
    assert looks(wait, [80, 90])[-1] == "applied"
    assert [shard for shard, _ in the.sent(emu)] == [0]


def test_stopping_while_it_is_being_applied_counts_when_that_is_refused(busy, operator, monkeypatch):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    real = waiting.applying.apply

    def refused(plan, **words):
        assert not waiting.cancel(wait, user=operator, actor=Actor.of(operator), now=the.now())
        raise resets.Moved(None, [0])

    monkeypatch.setattr(waiting.applying, "apply", refused)
    assert looks(wait, [80, 90])[-1] == "cancelled"
    monkeypatch.setattr(waiting.applying, "apply", real)
    assert looks(wait, [100, 110])[-1] == "cancelled"


def test_a_process_that_died_before_the_intent_ends_the_wait_with_nothing_sent(
    emu, busy, operator, monkeypatch
):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)

    def died(plan, **words):
        raise RuntimeError("killed")

    monkeypatch.setattr(waiting.applying, "apply", died)
    waiting.look(wait, now=the.later(80))
    with pytest.raises(RuntimeError):
        waiting.look(wait, now=the.later(90))
    assert looks(wait, [100, 600]) == ["applying", "refused"]
    wait.refresh_from_db()
    assert "Nothing was sent" in wait.words["text"]
    assert the.sent(emu) == []


def test_a_deadline_passed_without_an_answer_claims_no_consumer(emu, busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator, within=timedelta(minutes=1))
    emu.fault("GetCheckPoint", status=403, code="Unauthorized")
    assert looks(wait, [30, 61]) == ["waiting", "expired"]
    wait.refresh_from_db()
    assert "could not be read" in wait.words["text"]


def test_what_was_meant_by_2h_ago_keeps_its_time(busy, operator):
    wait = ask(the.make(busy, operator, "2h ago", [0]), operator)
    assert looks(wait, [80, 90])[-1] == "applied"
    wait.refresh_from_db()
    assert wait.applied_plan.body["target"] == wait.plan.body["bound"]["target"]


def test_whoever_lost_the_right_meanwhile_applies_nothing(emu, busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    operator.groups.clear()
    assert looks(wait, [80, 90])[-1] == "refused"
    assert the.sent(emu) == []


def test_trouble_upstream_is_told_and_waited_through(emu, busy, operator):
    wait = ask(the.make(busy, operator, "earliest", [0]), operator)
    assert looks(wait, [80]) == ["waiting"]
    emu.fault("GetCheckPoint", status=403, code="Unauthorized", times=1)
    assert looks(wait, [90]) == ["waiting"]
    wait.refresh_from_db()
    assert wait.words
    assert looks(wait, [100, 110]) == ["waiting", "applied"]


def test_asking_twice_is_one_wait(busy, operator):
    plan = the.make(busy, operator, "earliest", [0])
    assert ask(plan, operator).pk == ask(plan, operator).pk
    assert Wait.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"within": timedelta(seconds=59)}, resets.BadPlan),
        ({"within": timedelta(hours=7)}, resets.BadPlan),
        ({"reason": " "}, resets.BadReason),
    ],
)
def test_what_makes_no_wait_is_refused(busy, operator, changed, kind):
    with pytest.raises(kind):
        ask(the.make(busy, operator, "earliest", [0]), operator, **changed)


def test_only_the_maker_waits_with_a_plan(busy, operator, people):
    plan = the.make(busy, operator, "earliest", [0])
    people["admin"].groups.set(operator.groups.all())
    with pytest.raises(resets.NotAllowed):
        ask(plan, people["admin"])


def test_a_protected_group_does_not_wait(busy, operator):
    plan = the.make(busy, operator, "earliest", [0])
    Endpoint.objects.update(protection="two-person")
    with pytest.raises(resets.NeedsApproval):
        ask(Plan.objects.get(pk=plan.pk), operator)
    Endpoint.objects.update(protection="read-only")
    with pytest.raises(resets.ReadOnly):
        ask(Plan.objects.get(pk=plan.pk), operator)


def test_one_wait_that_fails_leaves_the_others_looked_at(emu, busy, operator, monkeypatch):
    elsewhere = ConsumerGroup.objects.create(logstore=busy.logstore, name="cg-1")
    first = ask(the.make(busy, operator, "earliest", [0]), operator)
    Wait.objects.update(state="cancelled")
    second = ask(the.make(busy, operator, "earliest", [1]), operator)
    Wait.objects.filter(pk=first.pk).update(state="waiting", group=elsewhere.pk)
    real = waiting._look

    def broken(wait, now):
        if wait.pk == first.pk:
            raise RuntimeError("broken on purpose")
        real(wait, now)

    monkeypatch.setattr(waiting, "_look", broken)
    assert waiting.look_at_open(the.later(80)) == 2
    waiting.look_at_open(the.later(90))
    second.refresh_from_db()
    assert second.state == "applied"
