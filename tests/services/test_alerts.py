"""Alerts over stored readings: which groups a rule looks at, states, what people do, notices."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from checkpoints.models import (
    Alert,
    AlertRule,
    AuditRow,
    ConsumerGroup,
    Endpoint,
    Lease,
    Logstore,
    Notice,
    Plan,
    Reset,
)
from checkpoints.services import alert_rules, alerts
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.services.endpoint_fields import Invalid
from checkpoints.services.refusals import BadReason
from tests.services import alerting as the
from tests.services.alerting import at

pytestmark = pytest.mark.django_db
MEI = Actor("7", "mei")
PUBLIC = "https://hooks.example.com/x"


def told():
    return [(notice.body["event"], notice.number) for notice in Notice.objects.order_by("number")]


def test_three_readings_in_a_row_fire_and_three_resolve_and_each_is_told_once():
    group = the.group()
    the.rule(the.channel(PUBLIC), samples=3)
    the.lagging(group, [1, 2])
    assert (the.states(), told()) == ({"orders": "pending"}, [])
    the.lagging(group, [3, 4])
    assert (the.states(), told()) == ({"orders": "firing"}, [("fired", 1)])
    the.lagging(group, [5, 6], seconds=0)
    assert the.states() == {"orders": "firing"}
    the.lagging(group, [7], seconds=0)
    assert (the.states(), told()) == ({"orders": "resolved"}, [("fired", 1), ("resolved", 2)])
    body = Notice.objects.get(number=1).body
    assert (body["rule"], body["consumer_group"], body["at"]) == ("slow", "orders", "2026-11-20T03:03:00Z")
    assert body["words"]["values"] == {"value": "1h", "limit": "10m"}


def test_a_group_without_trouble_has_no_row():
    the.group()
    the.rule()
    alerts.evaluate(at(0))
    assert not Alert.objects.exists()


def test_a_reading_that_was_counted_does_not_count_again():
    group = the.group()
    the.rule(samples=2)
    the.lagging(group, [1])
    alerts.evaluate(at(2))
    alerts.evaluate(at(3))
    assert the.states() == {"orders": "pending"}


def test_what_is_not_known_neither_fires_nor_resolves():
    group = the.group()
    the.rule()
    the.read(group, 1, lag_seconds=None, backlog=None, verdict="unknown")
    alerts.evaluate(at(1))
    assert the.states() == {}
    the.lagging(group, [2])
    the.read(group, 3, lag_seconds=None, backlog=None)
    alerts.evaluate(at(3))
    assert the.states() == {"orders": "firing"}


def test_an_old_reading_says_nothing_of_now():
    group = the.group()
    the.rule()
    the.read(group, 1, lag_seconds=3600)
    alerts.evaluate(at(30))
    assert the.states() == {}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*", {"orders", "bills"}), ("ord*", {"orders"}), ("pay/store/b*", {"bills"}), ("other/*", set())],
)
def test_a_rule_looks_at_the_groups_its_pattern_means(pattern, expected):
    for name in ("orders", "bills"):
        the.group(name, read_at=at(1), lag_seconds=3600)
    the.rule(pattern=pattern)
    alerts.evaluate(at(1))
    assert set(the.states()) == expected


def test_a_rule_of_another_endpoint_looks_at_nothing_here():
    the.group(read_at=at(1), lag_seconds=3600)
    the.rule(endpoint=Endpoint.objects.create(name="other", host="other.example:1"))
    alerts.evaluate(at(1))
    assert the.states() == {}


@pytest.mark.parametrize(
    ("condition", "limit", "known"),
    [
        ("unread", "10m", {"oldest_unread_at": at(-20), "backlog": 9}),
        ("backlog", "100", {"backlog": 101}),
        ("data_loss", "6h", {"data_loss_at": at(60), "backlog": 9}),
        ("stalled", "", {"verdict": "losing_data", "words": ["losing_data", "stopped"]}),
        ("foreign_move", "", {"verdict": "stopped", "words": ["foreign_move", "stopped"]}),
    ],
)
def test_every_figure_of_a_reading_can_fire(condition, limit, known):
    the.group(read_at=at(1), **known)
    the.group("fine", read_at=at(1))
    the.rule(condition=condition, limit=limit)
    alerts.evaluate(at(1))
    assert the.states() == {"orders": "firing"}


def test_no_reading_fires_by_the_clock_and_is_resolved_by_a_reading():
    group = the.group()
    the.rule(condition="no_reading", limit="10m", samples=2)
    for minute in (10, 11):
        alerts.evaluate(at(minute))
    assert the.states() == {"orders": "pending"}
    alerts.evaluate(at(12))
    assert the.states() == {"orders": "firing"}
    the.read(group, 13)
    alerts.evaluate(at(13))
    alerts.evaluate(at(14))
    assert the.states() == {"orders": "resolved"}


def test_no_reading_waits_for_a_logstore_that_is_read_rarely():
    group = the.group()
    Logstore.objects.filter(pk=group.logstore_id).update(read_every=900)
    the.rule(condition="no_reading", limit="10m")
    alerts.evaluate(at(30))
    assert the.states() == {}
    alerts.evaluate(at(31))
    assert the.states() == {"orders": "firing"}


def test_several_looks_in_one_minute_are_one_sample_of_what_goes_by_the_clock():
    the.group()
    the.rule(condition="no_reading", limit="10m", samples=2)
    for minute in (10.1, 10.5, 10.9):
        alerts.evaluate(at(minute))
    assert the.states() == {"orders": "pending"}
    alerts.evaluate(at(11.1))
    assert the.states() == {"orders": "firing"}


def test_an_overwritten_reset_fires_and_ends_with_its_time(people):
    group = the.group()
    plan = Plan.objects.create(
        group=group, maker=people["operator"], made_at=at(0), expires_at=at(5), body={}, hash="", signature=""
    )
    reset = Reset.objects.create(plan=plan, group=group, reason="r", started_at=at(0), looked_at=at(2))
    reset.shards.create(shard=0, before={}, after={}, watch="overwritten")
    the.rule(condition="overwritten", limit="10m")
    alerts.evaluate(at(3))
    assert the.states() == {"orders": "firing"}
    alerts.evaluate(at(13))
    assert the.states() == {"orders": "resolved"}


@pytest.mark.parametrize(
    "gone",
    [
        lambda rule: alert_rules.edit(
            rule,
            alert_rules.Fields("slow", "other-*", "lag", "10m", channels=rule.channels.all()),
            actor=SYSTEM,
            now=at(2),
        ),
        lambda rule: type(rule).objects.update(enabled=False),
        lambda _: ConsumerGroup.objects.update(vanished_at=at(2)),
        lambda _: Endpoint.objects.update(enabled=False),
    ],
    ids=["pattern", "rule off", "group gone", "endpoint off"],
)
def test_what_nobody_looks_at_any_more_is_resolved_and_told(gone):
    group = the.group()
    rule = the.rule(the.channel(PUBLIC))
    the.lagging(group, [1])
    gone(rule)
    alerts.evaluate(at(3))
    assert (the.states(), told()) == ({"orders": "resolved"}, [("fired", 1), ("resolved", 2)])
    assert "Nobody looks" in Alert.objects.get().words["text"]


def test_a_rule_that_is_removed_resolves_what_was_told_and_its_notices_stay():
    group = the.group()
    rule = the.rule(the.channel(PUBLIC))
    the.lagging(group, [1])
    alert_rules.remove(rule, actor=SYSTEM, now=at(2))
    assert (the.states(), told()) == ({}, [("fired", 1), ("resolved", 2)])
    assert set(Notice.objects.values_list("state", "alert")) == {("waiting", None)}


def test_each_channel_that_is_on_is_told():
    group = the.group()
    the.rule(the.channel(PUBLIC), the.channel(PUBLIC, "two"), the.channel(PUBLIC, "off", enabled=False))
    the.lagging(group, [1])
    assert set(Notice.objects.values_list("channel__name", flat=True)) == {"ops", "two"}


def test_a_state_is_not_stored_without_its_notices(monkeypatch):
    group = the.group()
    the.rule(the.channel(PUBLIC))

    def broken(made):
        raise OSError("disk full")

    monkeypatch.setattr("checkpoints.services.notices.store", broken)
    the.read(group, 1, lag_seconds=3600)
    assert alerts.evaluate(at(1)) is True
    assert the.states() == {}
    monkeypatch.undo()
    assert alerts.evaluate(at(1.5)) is True  # the lease was given back
    assert (the.states(), told()) == ({"orders": "firing"}, [("fired", 1)])


def test_a_rule_that_is_broken_says_so_keeps_its_alerts_and_holds_up_no_other():
    group = the.group()
    broken = the.rule(the.channel(PUBLIC), name="a broken one")
    the.lagging(group, [1])
    AlertRule.objects.update(condition="mood")  # as an older version may leave it
    the.rule(name="sound")
    the.lagging(group, [2, 3])
    rows = Alert.objects.order_by("rule__name").values_list("rule__name", "state")
    assert list(rows) == [("a broken one", "firing"), ("sound", "firing")]
    broken.refresh_from_db()
    assert (broken.problem["values"], broken.problem_at) == ({"error": "ValueError"}, at(2))
    AlertRule.objects.update(condition="lag")
    the.lagging(group, [4])
    broken.refresh_from_db()
    assert (broken.problem, broken.problem_at) == (None, None)


def test_a_rule_that_is_changed_has_no_problem_until_it_is_looked_at_again():
    rule = the.rule()
    AlertRule.objects.update(problem={"text": "x", "values": {}}, problem_at=at(0))
    alert_rules.edit(rule, alert_rules.Fields("slow", "*", "lag", "1h"), actor=SYSTEM, now=at(1))
    assert AlertRule.objects.get().problem is None


def writes(minute, **known):
    """Look again after a reading of all groups; returns the statements that write alerts or notices."""
    ConsumerGroup.objects.update(read_at=at(minute), **known)
    with CaptureQueriesContext(connection) as asked:
        alerts.evaluate(at(minute))
    assert len(asked) <= 16  # however many groups
    return [one["sql"] for one in asked if re.match(r"(INSERT|UPDATE)\W.*_(alert|notice)\b", one["sql"])]


@pytest.mark.parametrize("groups", [3, 40])
def test_a_steady_evaluation_does_not_grow_in_writes_with_the_groups(groups):
    for number in range(groups):
        the.group(f"g-{number}", verdict="stopped", words=["stopped"])
    the.rule(the.channel(PUBLIC), condition="stalled", limit="")
    the.rule(name="lag", limit="10m")
    alerts.evaluate(at(0))
    assert Alert.objects.filter(state="firing").count() == groups
    assert writes(1) == []  # nothing changed but the time of the samples
    writes(2, lag_seconds=3600.0)
    assert len(writes(3, lag_seconds=7200.0)) == 1  # the words of all alerts of the second rule


def test_of_a_silenced_alert_each_sample_is_noted_so_that_only_a_further_one_is_told():
    group = the.group()
    the.rule(the.channel(PUBLIC))
    the.lagging(group, [1])
    alerts.silence(Alert.objects.get(), reason="deploy", span=timedelta(minutes=5), actor=MEI, now=at(1))
    the.lagging(group, [2, 5])
    alerts.evaluate(at(7))  # the silence is over, and the reading was counted during it
    assert told() == [("fired", 1)]
    the.lagging(group, [8])
    assert told() == [("fired", 1), ("fired", 2)]


def test_while_one_process_looks_another_does_not():
    the.group(read_at=at(1), lag_seconds=3600)
    the.rule()
    Lease.objects.create(name="alerts", until=at(2))
    assert alerts.evaluate(at(1)) is False
    assert the.states() == {}
    assert alerts.evaluate(at(2)) is True


def test_acknowledging_says_who_and_is_audited():
    group = the.group()
    the.rule()
    the.lagging(group, [1])
    alerts.acknowledge(Alert.objects.get(), actor=MEI, now=at(2))
    found = Alert.objects.get()
    assert (found.state, found.acknowledged_by, found.acknowledged_at) == ("acknowledged", "mei", at(2))
    row = AuditRow.objects.get(action="alert.acknowledged")
    assert (row.actor_name, row.consumer_group, row.before["state"], row.after["state"]) == (
        "mei", "orders", "firing", "acknowledged",
    )  # fmt: skip
    the.lagging(group, [3], seconds=0)
    assert Alert.objects.get().acknowledged_by == ""


def test_who_acknowledges_after_somebody_else_changes_nothing():
    group = the.group()
    the.rule()
    the.lagging(group, [1])
    found = Alert.objects.get()
    alerts.acknowledge(found, actor=MEI, now=at(2))
    alerts.acknowledge(found, actor=Actor("8", "li"), now=at(2.1))
    found.refresh_from_db()
    assert (found.acknowledged_by, found.acknowledged_at) == ("mei", at(2))
    assert AuditRow.objects.filter(action="alert.acknowledged").count() == 1


def test_what_does_not_fire_is_not_acknowledged_and_nothing_is_audited():
    group = the.group()
    the.rule(samples=2)
    the.lagging(group, [1])
    with pytest.raises(alerts.BadAlert):
        alerts.acknowledge(Alert.objects.get(), actor=MEI, now=at(2))
    assert not AuditRow.objects.filter(action__startswith="alert.").exists()


def test_a_silence_says_who_why_and_until_when_and_is_told_when_it_ends():
    group = the.group()
    the.rule(the.channel(PUBLIC), samples=2)
    the.lagging(group, [1])
    found = Alert.objects.get()
    alerts.silence(found, reason=" deploy ", span=timedelta(minutes=10), actor=MEI, now=at(1))
    the.lagging(group, [2, 3])
    found.refresh_from_db()
    assert (found.state, found.silenced_by, found.silence_reason) == ("silenced", "mei", "deploy")
    assert told() == []
    row = AuditRow.objects.get(action="alert.silenced")
    assert (row.reason, row.after["silenced_until"]) == ("deploy", "2026-11-20T03:11:00.000000Z")
    the.lagging(group, [12])
    assert (the.states(), told()) == ({"orders": "firing"}, [("fired", 1)])


def silenced(minute, minutes):
    found = Alert.objects.get()
    alerts.silence(found, reason="deploy", span=timedelta(minutes=minutes), actor=MEI, now=at(minute))


def test_who_was_told_is_told_of_the_end_at_once_though_it_is_silenced():
    group = the.group()
    the.rule(the.channel(PUBLIC))
    the.lagging(group, [1])
    silenced(2, minutes=60)
    the.lagging(group, [3], seconds=0)
    assert (the.states(), told()) == ({"orders": "resolved"}, [("fired", 1), ("resolved", 2)])
    the.lagging(group, [4])  # it comes and goes within the silence
    assert the.states() == {"orders": "silenced"}
    the.lagging(group, [5], seconds=0)
    assert told() == [("fired", 1), ("resolved", 2)]


def test_nobody_is_told_of_the_end_of_what_nobody_was_told_of():
    group = the.group()
    rule = the.rule(the.channel(PUBLIC), samples=2)
    the.lagging(group, [1])
    silenced(1, minutes=60)
    the.lagging(group, [2])
    assert the.states() == {"orders": "silenced"}
    alert_rules.remove(rule, actor=SYSTEM, now=at(3))
    assert (the.states(), told()) == ({}, [])


def test_a_silence_is_ended_by_hand_and_audited():
    group = the.group()
    the.rule()
    the.lagging(group, [1])
    alerts.silence(Alert.objects.get(), reason="deploy", span=timedelta(hours=2), actor=MEI, now=at(1))
    alerts.unsilence(Alert.objects.get(), actor=MEI, now=at(2))
    found = Alert.objects.get()
    assert (found.state, found.silenced_until, found.silenced_by) == ("firing", None, "")
    alerts.unsilence(found, actor=Actor("8", "li"), now=at(2.1))
    assert AuditRow.objects.filter(action="alert.unsilenced").count() == 1


@pytest.mark.parametrize(
    ("reason", "span", "error"),
    [
        (" ", timedelta(hours=1), BadReason),
        ("deploy", timedelta(days=31), alerts.BadAlert),
        ("deploy", timedelta(seconds=1), alerts.BadAlert),
    ],
)
def test_a_silence_wants_a_reason_and_a_sensible_end(reason, span, error):
    group = the.group()
    the.rule()
    the.lagging(group, [1])
    with pytest.raises(error):
        alerts.silence(Alert.objects.get(), reason=reason, span=span, actor=MEI, now=at(1))
    assert the.states() == {"orders": "firing"}


def test_rules_are_audited_with_before_and_after():
    rule = the.rule(the.channel(PUBLIC))
    first = AuditRow.objects.get(action="alert_rule.added").after
    assert (first["condition"], first["limit"], first["channels"]) == ("lag", "10m", ["ops"])
    wanted = alert_rules.Fields("slow", "pay-*", "backlog", "500", samples=2, severity="critical")
    alert_rules.edit(rule, wanted, actor=MEI, now=at(1))
    row = AuditRow.objects.get(action="alert_rule.changed")
    assert (row.before, row.after["limit"], row.after["channels"]) == (first, "500", [])
    alert_rules.remove(rule, actor=MEI, now=at(2))
    assert AuditRow.objects.get(action="alert_rule.removed").before == row.after


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "taken"}, "name"),
        ({"pattern": "a b"}, "pattern"),
        ({"condition": "mood"}, "condition"),
        ({"limit": "soon"}, "limit"),
        ({"condition": "backlog", "limit": "10m"}, "limit"),
        ({"samples": 0}, "samples"),
        ({"severity": "dire"}, "severity"),
    ],
)
def test_what_makes_no_rule_is_refused_at_its_field(changes, field):
    the.rule(name="taken")
    with pytest.raises(Invalid) as refused:
        the.rule(**changes)
    assert list(refused.value.errors) == [field]
    assert AuditRow.objects.count() == 1


def test_1500_groups_and_ten_rules_are_looked_at_with_few_queries(django_assert_max_num_queries):
    first = the.group()
    ConsumerGroup.objects.bulk_create(
        ConsumerGroup(logstore=first.logstore, name=f"g-{n}", read_at=at(1), lag_seconds=0.0, backlog=0)
        for n in range(1499)
    )
    for number in range(10):
        the.rule(name=f"rule {number}", pattern=f"g-*{number}")
    with django_assert_max_num_queries(9):
        alerts.evaluate(at(1))
