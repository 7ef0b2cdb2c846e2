"""The outbox: sent once by several workers, again after a failure, given up after a day, never overtaken."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from checkpoints.domain.messages import say
from checkpoints.models import Alert, AlertRule, Channel, Notice
from checkpoints.services import alert_rules, alert_states, alerts, notices, posting
from checkpoints.services.audit import SYSTEM
from tests.services import alerting as the
from tests.services.alerting import at
from tests.services.at_once import together


def fire(heard, *, groups=1, **rule):
    """Have groups fire at minute 1."""
    the.rule(the.channel(heard.url), **rule)
    found = [the.group(f"g-{n}", read_at=at(1), lag_seconds=3600, backlog=9) for n in range(groups)]
    alerts.evaluate(at(1))
    return found


def rows():
    return list(Notice.objects.order_by("number").values_list("state", "attempts"))


def test_eight_workers_send_each_notice_once(real_db, heard):
    fire(heard, groups=25)
    sent = together(*[lambda: notices.deliver(at(1))] * 8)
    assert [one for one in sent if isinstance(one, Exception)] == []
    assert len(heard) == 25
    assert len({one["body"]["id"] for one in heard}) == 25
    assert sum(sent) == 25
    assert set(rows()) == {("sent", 1)}


@pytest.mark.django_db
def test_a_notice_leased_by_a_clock_that_was_ahead_is_sent(heard):
    fire(heard)
    for ahead, sent in ((timedelta(minutes=60), 0), (timedelta(hours=8), 1)):
        Notice.objects.update(due_at=at(2) + ahead)
        assert notices.deliver(at(2)) == sent
    assert len(heard) == 1


def test_eight_workers_that_look_at_once_make_each_notice_once(real_db, heard):
    the.rule(the.channel(heard.url))
    for number in range(25):
        the.group(f"g-{number}", read_at=at(1), lag_seconds=3600, backlog=9)

    def work():
        alerts.evaluate(at(1))
        return notices.deliver(at(1))

    for _ in range(2):
        assert [one for one in together(*[work] * 8) if isinstance(one, Exception)] == []
    assert Notice.objects.count() == len(heard) == 25
    assert {one["body"]["event"] for one in heard} == {"fired"}


def test_two_evaluations_past_each_others_lease_make_one_notice(real_db, heard):
    fire(heard)
    Alert.objects.update(state="resolved", sampled_at=None, told_at=None)
    Notice.objects.all().delete()
    (rule,) = AlertRule.objects.all()
    looks = list(alerts._looks(rule, alerts._seen(at(1)), at(1)))  # all looked before any stored
    assert together(*[lambda: alert_states.store(rule, looks, at(1))] * 4) == [None] * 4
    assert Notice.objects.count() == 1


@pytest.mark.django_db
def test_a_notice_that_is_being_sent_is_not_sent_by_another(heard):
    fire(heard)
    Notice.objects.update(due_at=at(1) + notices.LEASE)
    assert notices.deliver(at(2)) == 0
    assert heard == []


@pytest.mark.django_db
def test_a_worker_that_died_while_sending_leaves_the_notice_to_another(heard):
    fire(heard)
    taken = Notice.objects.select_related("channel").get()
    assert notices._take(taken, at(1))
    assert notices.deliver(at(1) + notices.LEASE - timedelta(seconds=1)) == 0
    assert notices.deliver(at(1) + notices.LEASE) == 1
    notices._settle(taken, state="given_up")  # the dead one comes back: its lease is another's now
    assert rows() == [("sent", 2)]


@pytest.mark.django_db
def test_a_lease_that_came_too_late_is_left_to_run_out(heard, monkeypatch):
    fire(heard)
    notice = Notice.objects.select_related("channel").get()
    passing = iter([0.0, 61.0])
    monkeypatch.setattr(notices, "time", SimpleNamespace(monotonic=lambda: next(passing)))
    assert notices._take(notice, at(1)) is False
    monkeypatch.undo()
    assert Notice.objects.get().due_at == at(1) + notices.LEASE


@pytest.mark.django_db
def test_a_failure_is_tried_again_after_1_5_15_and_then_every_60_minutes(heard):
    fire(heard)
    heard.usual = (500, "no")
    waits, now = [], at(1)
    for _ in range(6):
        assert notices.deliver(now) == 0
        following = Notice.objects.get().due_at
        assert notices.deliver(following - timedelta(seconds=2)) == 0
        waits.append(round((following - now).total_seconds() / 60))
        now = following
    assert waits == [1, 5, 15, 60, 60, 60]
    assert len(heard) == 6
    assert len({one["body"]["id"] for one in heard}) == 1
    assert Notice.objects.get().problem["values"] == {"status": 500}
    heard.usual = (200, "ok")
    assert notices.deliver(now) == 1
    assert rows() == [("sent", 7)]
    assert Notice.objects.get().problem is None


@pytest.mark.django_db
def test_after_a_day_it_is_given_up_and_says_so(heard):
    fire(heard)
    heard.usual = (500, "no")
    assert notices.deliver(at(1) + timedelta(hours=24)) == 0
    assert rows() == [("given_up", 1)]
    assert notices.deliver(at(1) + timedelta(hours=48)) == 0
    assert len(heard) == 1


@pytest.mark.django_db
def test_a_channel_that_refuses_costs_three_attempts_and_delays_no_other(heard):
    with the.listening() as other:
        fire(heard, groups=5)
        the.rule(the.channel(other.url, "other"), name="second")
        alerts.evaluate(at(1))
        heard.usual = (503, "")
        assert notices.deliver(at(1)) == 5
        assert (len(heard), len(other)) == (3, 5)
        assert notices.deliver(at(1.5)) == 0
        assert len(heard) == 3
        heard.usual = (200, "")
        assert notices.deliver(at(2.1)) == 5


@pytest.mark.django_db
def test_a_channel_that_does_not_answer_costs_one_attempt(heard, monkeypatch):
    fire(heard, groups=5)
    tried = []

    def hangs(channel, text, body, *, now):
        tried.append(body["id"])
        raise posting.Undelivered(say("The channel was not reached: %(words)s", words="-"), answered=False)

    monkeypatch.setattr(posting, "post", hangs)
    assert notices.deliver(at(1)) == 0
    assert notices.deliver(at(1.9)) == 0
    assert len(tried) == 1


@pytest.mark.django_db
def test_a_channel_that_refuses_now_and_then_is_told_the_rest(heard):
    fire(heard, groups=7)
    heard.answers = [(500, ""), (500, ""), (200, "")] * 3
    assert notices.deliver(at(1)) == 2
    assert rows().count(("waiting", 1)) == 5


@pytest.mark.django_db
def test_a_notice_that_its_channel_never_takes_holds_up_no_other(heard):
    fire(heard, groups=3)
    heard.refused = "g-0"
    assert notices.deliver(at(1)) == 2
    now = at(2.1)
    assert notices.deliver(now) == 0
    assert set(rows()) == {("sent", 1), ("waiting", 2)}
    the.group("late", read_at=now, lag_seconds=3600, backlog=9)
    alerts.evaluate(now)
    Notice.objects.filter(state="waiting").update(due_at=now)
    assert notices.deliver(now) == 1
    assert heard[-2]["body"]["consumer_group"] == "late"


@pytest.mark.django_db
def test_what_waits_because_its_channel_fails_says_why(heard):
    fire(heard, groups=5)
    heard.usual = (503, "")
    notices.deliver(at(1))
    assert len(heard) == 3
    assert {notice.problem["values"]["status"] for notice in Notice.objects.all()} == {503}


@pytest.mark.django_db
def test_nothing_overtakes_when_the_rule_was_removed_meanwhile(heard):
    fire(heard, groups=2)
    heard.answers = [(500, "")] * 2
    notices.deliver(at(1))
    alert_rules.remove(Alert.objects.first().rule, actor=SYSTEM, now=at(1.5))
    assert notices.deliver(at(1.5)) == 0
    assert notices.deliver(at(2.1)) == 2
    assert notices.deliver(at(2.1)) == 2
    told = [(one["body"]["consumer_group"], one["body"]["event"]) for one in heard]
    assert sorted(told[2:4]) == [("g-0", "fired"), ("g-1", "fired")]
    assert sorted(told[4:]) == [("g-0", "resolved"), ("g-1", "resolved")]


@pytest.mark.django_db
def test_a_mail_is_leased_for_as_long_as_a_slow_mail_server_may_take(heard):
    fire(heard)
    Channel.objects.update(kind="email")
    notice = Notice.objects.select_related("channel").get()
    assert notices._take(notice, at(1))
    assert Notice.objects.get().due_at == at(11)


@pytest.mark.django_db
def test_nothing_is_told_to_be_resolved_before_it_was_told_to_fire(heard):
    (group,) = fire(heard)
    heard.answers = [(500, "")]
    notices.deliver(at(1))
    the.lagging(group, [1.5], seconds=0)
    assert notices.deliver(at(1.5)) == 0
    assert notices.deliver(at(2.1)) == 1
    assert notices.deliver(at(2.2)) == 1
    assert [one["body"]["event"] for one in heard] == ["fired", "fired", "resolved"]


@pytest.mark.django_db
def test_what_waits_for_a_channel_that_is_switched_off_is_given_up(heard):
    fire(heard)
    Channel.objects.update(enabled=False)
    notices.deliver(at(1))
    assert (rows(), len(heard)) == ([("given_up", 1)], 0)
    assert "switched off" in Notice.objects.get().problem["text"]


@pytest.mark.django_db
def test_a_fault_of_ours_with_one_notice_does_not_stop_the_others(heard):
    fire(heard, groups=2)
    with the.listening() as other:
        the.rule(the.channel(other.url, "other"), name="second")
        alerts.evaluate(at(1))
        Notice.objects.filter(channel__name="ops").update(body={"event": "fired"})
        assert notices.deliver(at(1)) == 2
        assert len(other) == 2


@pytest.mark.django_db
def test_settled_notices_are_kept_for_a_month(heard):
    fire(heard, groups=2)
    notices.deliver(at(1))
    Notice.objects.filter(pk=Notice.objects.first().pk).update(state="waiting")
    notices.prune(at(1) + timedelta(days=29))
    assert Notice.objects.count() == 2
    notices.prune(at(1) + timedelta(days=31))
    assert list(Notice.objects.values_list("state", flat=True)) == ["waiting"]
