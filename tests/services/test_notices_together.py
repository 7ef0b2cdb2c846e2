"""What one rule finds of many groups at once: people get one notice of it, a program one for each group."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from checkpoints.models import Alert, Channel, ConsumerGroup, Notice
from checkpoints.services import alert_rules, alerts, channels, notice_text, notices
from checkpoints.services.audit import SYSTEM
from tests.services import alerting as the
from tests.services.alerting import at
from tests.services.at_once import together

OK = (200, '{"errcode": 0, "code": 0}')


@pytest.fixture
def heard(settings, heard):
    settings.PUBLIC_URL = "https://sls.example.com"
    heard.usual = OK
    return heard


def fire(url, *, groups=3, kind="dingtalk"):
    """Have groups fire at minute 1."""
    rule = the.rule(the.channel(url, kind=kind))
    for number in reversed(range(groups)):
        the.group(f"g-{number:02}", read_at=at(1), lag_seconds=3600, backlog=9)
    alerts.evaluate(at(1))
    return rule


def look(minute, seconds, *names):
    """Read a lag of all groups, or of these, and look."""
    rows = ConsumerGroup.objects.filter(name__in=names) if names else ConsumerGroup.objects.all()
    rows.update(read_at=at(minute), lag_seconds=seconds, backlog=9)
    alerts.evaluate(at(minute))


def said(one):
    return one["body"]["text"]["content"].splitlines()


@pytest.mark.django_db
def test_people_get_one_notice_of_many_groups_and_another_when_they_are_resolved(heard):
    fire(heard.url, groups=25)
    assert notices.deliver(at(1)) == 1
    title, *lines = said(heard[0])
    assert title == "Warning: slow, 25 groups"
    assert lines[0] == "prod / pay / store / g-00: The lag is 1h, the limit 10m."
    assert [line.split(":")[0][-4:] for line in lines[:20]] == [f"g-{n:02}" for n in range(20)]
    assert lines[20:] == [
        "and 5 more", "2026-11-20 11:01:00 Asia/Shanghai", "https://sls.example.com/alerts/?rule=slow",
    ]  # fmt: skip
    look(2, 0.0)
    assert notices.deliver(at(2)) == 1
    assert said(heard[1])[0] == "Resolved: slow, 25 groups"
    assert said(heard[1])[-1] == "https://sls.example.com/alerts/?rule=slow&state=resolved"
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert Notice.objects.values("sent_at").distinct().count() == 2


@pytest.mark.django_db
def test_one_group_is_told_as_before(heard):
    fire(heard.url, groups=1)
    notices.deliver(at(1))
    assert said(heard[0])[:2] == ["Warning: slow, g-00", "prod / pay / store / g-00"]


@pytest.mark.django_db
def test_a_program_is_told_of_each_group_by_itself(heard):
    fire(heard.url, kind="webhook")
    assert notices.deliver(at(1)) == 3
    assert [one["body"]["consumer_group"] for one in heard] == ["g-00", "g-01", "g-02"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "words"),
    [("slack", lambda body: body["text"]), ("feishu", lambda body: body["content"]["text"])],
)
def test_other_chats_get_one_as_well(heard, kind, words):
    fire(heard.url, kind=kind)
    notices.deliver(at(1))
    (one,) = heard
    assert [name in words(one["body"]) for name in ("g-00", "g-01", "g-02")] == [True] * 3


@pytest.mark.django_db
def test_one_mail_has_all_groups(settings):
    settings.EMAIL_HOST = "mail.example.com"
    fields = channels.Fields(name="team", kind="email", addresses="ops@example.com")
    the.rule(channels.add(fields, actor=SYSTEM, now=at(0)))
    for name in ("a", "b"):
        the.group(name, read_at=at(1), lag_seconds=3600, backlog=9)
    alerts.evaluate(at(1))
    notices.deliver(at(1))
    (letter,) = mail.outbox
    assert letter.subject == "Warning: slow, 2 groups"
    assert "/ a: The lag is 1h" in letter.body
    assert "/ b: The lag is 1h" in letter.body


@pytest.mark.django_db
def test_what_is_told_together_is_tried_again_together_and_never_overtakes(heard):
    fire(heard.url)
    heard.answers = [(500, "")]
    assert notices.deliver(at(1)) == 0
    look(1.5, 0.0)
    assert notices.deliver(at(1.5)) == 0  # all wait for what was not taken
    fired = Notice.objects.filter(body__event="fired")
    assert fired.values("attempts", "due_at").distinct().count() == 1
    assert notices.deliver(at(2.1)) == 1
    assert notices.deliver(at(2.1)) == 1
    assert [said(one)[0] for one in heard[1:]] == ["Warning: slow, 3 groups", "Resolved: slow, 3 groups"]
    assert said(heard[0]) == said(heard[1])


@pytest.mark.django_db
def test_one_group_that_waits_holds_up_what_tells_of_it_but_no_other(heard):
    fire(heard.url)
    look(2, 0.0, "g-01", "g-02")
    notice = Notice.objects.get(alert__group__name="g-02", body__event="fired")
    notices.deliver(at(2))
    assert len(heard) == 1
    Notice.objects.filter(pk=notice.pk).update(state="waiting", due_at=at(9))
    assert notices.deliver(at(2)) == 0  # of g-02, though g-01 leads
    look(3, 0.0, "g-00")
    assert notices.deliver(at(3)) == 1
    assert said(heard[1])[0] == "Resolved: slow, g-00"


@pytest.mark.django_db
def test_what_is_told_together_does_not_overtake_when_the_rule_was_removed(heard):
    rule = fire(heard.url)
    heard.answers = [(500, "")]
    notices.deliver(at(1))
    alert_rules.remove(rule, actor=SYSTEM, now=at(1.5))
    assert notices.deliver(at(1.5)) == 0
    assert notices.deliver(at(2.1)) == 1
    assert notices.deliver(at(2.1)) == 1
    assert [said(one)[0].split(":")[0] for one in heard] == ["Warning", "Warning", "Resolved"]


@pytest.mark.django_db
def test_a_channel_that_becomes_one_of_a_program_is_told_of_each_that_waits(heard):
    fire(heard.url)
    fields = channels.Fields(name="ops", kind="webhook", url=heard.url)
    channels.edit(Channel.objects.get(), fields, actor=SYSTEM, now=at(1))
    assert notices.deliver(at(1)) == 3


@pytest.mark.django_db
def test_each_group_keeps_its_notices_and_the_list_has_one_line_of_all(heard, signed_in):
    fire(heard.url)
    viewer = signed_in("viewer")
    assert "and 2 more" in viewer.get("/alerts/").content.decode()
    for found in Alert.objects.all():
        assert "not sent yet" in viewer.get(f"/alerts/{found.pk}/").content.decode()


def test_eight_workers_send_what_is_told_together_once(real_db, heard):
    fire(heard.url, groups=30)
    assert sum(together(*[lambda: notices.deliver(at(1))] * 8)) == len(heard) == 1
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}


@pytest.mark.django_db
def test_a_lease_that_was_lost_settles_none_of_them(heard):
    fire(heard.url)
    taken = Notice.objects.select_related("channel").get(lead=None)
    assert notices._take(taken, at(1))
    assert notices.deliver(at(1) + notices.LEASE) == 1
    notices._settle(taken, state="given_up")
    notices.prune(at(1) + timedelta(days=29))
    assert list(Notice.objects.values_list("state", flat=True)) == ["sent"] * 3


def test_a_link_to_many_is_left_out_without_an_address_of_this_site(settings):
    settings.PUBLIC_URL = ""
    body = {
        "event": "fired", "rule": "slow", "severity": "info", "endpoint": "e", "project": "p",
        "logstore": "l", "consumer_group": "g", "at": "2026-11-20T03:00:00Z", "link": "",
        "words": {"text": "Nothing is unread.", "values": {}},
    }  # fmt: skip
    assert notice_text.text(body, body).lines[-1] == "2026-11-20 11:00:00 Asia/Shanghai"
