"""The pages of alerts: the list, one alert and what is done about it, rules, channels."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from checkpoints.models import Alert, AlertRule, AuditRow, Channel, Notice
from checkpoints.services import alerts, notices
from checkpoints.services.audit import SYSTEM
from tests.services import alerting as the

pytestmark = pytest.mark.django_db
RULE = {
    "name": "slow", "endpoint": "", "pattern": "pay-*", "condition": "lag", "limit": "10m", "samples": "2",
    "severity": "critical", "enabled": "on",
}  # fmt: skip
CHANNEL = {
    "name": "ops",
    "kind": "slack",
    "url": "https://hooks.slack.com/services/T0/B0/c4n4ry",
    "enabled": "on",
}


@pytest.fixture
def heard(settings):
    settings.ALERT_ALLOWED_HOSTS = ("127.0.0.1",)
    with the.listening() as found:
        yield found


def page(response):
    return response.content.decode()


def fire(*channels, name="orders", **rule):
    """Have a group fire just now."""
    now = timezone.now()
    group = the.group(name, read_at=now, lag_seconds=7200.0, backlog=9)
    if not AlertRule.objects.exists():
        the.rule(*channels, **rule)
    alerts.evaluate(now)
    return Alert.objects.get(group=group)


def test_the_list_without_anything_says_so(signed_in):
    html = page(signed_in("viewer").get("/alerts/"))
    assert "No alert fires, and none is about to." in html
    assert "No alert has fired yet." in html
    assert "No notice was made yet." in html
    assert "/alerts/rules/" not in html


def test_firing_comes_first_then_pending_then_what_somebody_is_at(signed_in):
    found = fire(name="a-acknowledged")
    alerts.acknowledge(found, actor=SYSTEM, now=timezone.now())
    fire(name="b-pending")
    Alert.objects.filter(group__name="b-pending").update(state="pending")
    fire(name="c-firing")
    html = page(signed_in("viewer").get("/alerts/"))
    order = [html.index(name) for name in ("c-firing", "b-pending", "a-acknowledged")]
    assert order == sorted(order)
    assert "The lag is 2h, the limit 10m." in html
    assert '<span class="badge bad">Firing</span>' in html


def test_what_was_resolved_is_listed_apart_unless_it_never_fired(signed_in):
    for name in ("was-firing", "was-pending"):
        fire(name=name)
    Alert.objects.update(state="resolved", resolved_at=timezone.now())
    Alert.objects.filter(group__name="was-pending").update(events=0)
    html = page(signed_in("viewer").get("/alerts/"))
    assert "was-firing" in html
    assert "was-pending" not in html


def test_notices_say_what_became_of_them(signed_in, heard):
    heard.usual = (500, "")
    fire(the.channel(heard.url))
    notices.deliver(timezone.now())
    for address in ("/alerts/", f"/alerts/{Alert.objects.get().pk}/"):
        html = page(signed_in("viewer").get(address))
        assert "next attempt" in html
        assert "The channel answered with status 500." in html
    Notice.objects.update(state="given_up")
    assert "Given up" in page(signed_in("viewer").get("/alerts/"))


def test_the_page_of_an_alert_offers_to_act_to_those_who_may(signed_in):
    address = f"/alerts/{fire().pk}/"
    for role, may in {"viewer": False, "approver": False, "operator": True, "admin": True}.items():
        html = page(signed_in(role).get(address))
        assert "The lag is 2h, the limit 10m." in html
        assert ("Acknowledge</button>" in html) is may, role
        assert ("Silence the alert" in html) is may, role


def test_an_alert_is_acknowledged(signed_in):
    found = fire()
    operator = signed_in("operator")
    response = operator.post(f"/alerts/{found.pk}/acknowledge/")
    assert (response.status_code, response["Location"]) == (303, f"/alerts/{found.pk}/")
    html = page(operator.get(f"/alerts/{found.pk}/"))
    assert "Acknowledged by" in html
    assert "the-operator" in html
    assert "Acknowledge</button>" not in html
    assert AuditRow.objects.get(action="alert.acknowledged").source_ip == "127.0.0.1"


def test_what_does_not_fire_is_422_with_a_sentence(signed_in):
    found = fire()
    Alert.objects.update(state="resolved")
    response = signed_in("operator").post(f"/alerts/{found.pk}/acknowledge/")
    assert response.status_code == 422
    assert "Only an alert that fires can be acknowledged." in page(response)


def test_an_alert_is_silenced_and_no_longer(signed_in):
    found = fire()
    operator = signed_in("operator")
    response = operator.post(f"/alerts/{found.pk}/silence/", {"reason": "deploy <1>", "seconds": "7200"})
    assert response.status_code == 303
    found.refresh_from_db()
    assert found.state == "silenced"
    assert timedelta(minutes=119) < found.silenced_until - timezone.now() <= timedelta(hours=2)
    for address in ("/alerts/", f"/alerts/{found.pk}/"):
        assert "deploy &lt;1&gt;" in page(operator.get(address))
    assert operator.post(f"/alerts/{found.pk}/unsilence/").status_code == 303
    found.refresh_from_db()
    assert found.state == "firing"


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"seconds": "7200"}, "This field is required"),
        ({"reason": " ", "seconds": "7200"}, "This field is required"),
        ({"reason": "r", "seconds": "1"}, "Select a valid choice"),
        ({"reason": "a\u200bb", "seconds": "7200"}, "control characters"),
    ],
)
def test_a_silence_without_a_reason_is_422_with_a_sentence(signed_in, form, sentence):
    found = fire()
    response = signed_in("operator").post(f"/alerts/{found.pk}/silence/", form)
    assert (response.status_code, Alert.objects.get().state) == (422, "firing")
    assert sentence in page(response)


def test_a_rule_is_added_listed_edited_and_removed(signed_in):
    admin = signed_in("admin")
    assert "There is no rule yet." in page(admin.get("/alerts/rules/"))
    channel = the.channel("https://hooks.example.com/x")
    the.group("pay-in")
    response = admin.post("/alerts/rules/add/", RULE | {"channels": [str(channel.pk)]})
    assert (response.status_code, response["Location"]) == (303, "/alerts/rules/")
    html = page(admin.get("/alerts/rules/"))
    for text in (
        "slow",
        "pay-*",
        "Lag is more than 10m",
        "All endpoints",
        "Critical",
        '<td class="num">1</td>',
    ):
        assert text in html
    rule = AlertRule.objects.get()
    html = page(admin.get(f"/alerts/rules/{rule.pk}/"))
    assert 'value="10m"' in html
    assert f'value="{channel.pk}"' in html
    response = admin.post(f"/alerts/rules/{rule.pk}/", RULE | {"condition": "stalled", "limit": ""})
    rule.refresh_from_db()
    assert (response.status_code, rule.condition, rule.limit, rule.channels.count()) == (
        303,
        "stalled",
        None,
        0,
    )
    assert "Remove slow?" in page(admin.get(f"/alerts/rules/{rule.pk}/remove/"))
    assert admin.post(f"/alerts/rules/{rule.pk}/remove/").status_code == 303
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"limit": "soon"}, "Write a duration"),
        ({"limit": ""}, "Write a duration"),
        ({"pattern": "pay-["}, "A [ needs its ]"),
        ({"samples": "0"}, "greater than or equal to 1"),
        ({"condition": "mood"}, "Select a valid choice"),
        ({"channels": ["x"]}, "not a valid"),
    ],
)
def test_a_rule_that_cannot_be_is_422_with_a_sentence(signed_in, changes, sentence):
    response = signed_in("admin").post("/alerts/rules/add/", RULE | changes)
    assert (response.status_code, AlertRule.objects.count()) == (422, 0)
    assert sentence in page(response)


def test_a_channel_is_added_listed_edited_and_removed_and_its_address_is_never_shown(signed_in):
    admin = signed_in("admin")
    assert "There is no channel yet." in page(admin.get("/alerts/channels/"))
    assert admin.post("/alerts/channels/add/", CHANNEL).status_code == 303
    channel = Channel.objects.get()
    pages = [page(admin.get(path)) for path in ("/alerts/channels/", f"/alerts/channels/{channel.pk}/")]
    for html in pages:
        assert "https://hooks.slack.com" in html
        assert "c4n4ry" not in html
    changes = {"name": "renamed", "kind": "slack"}
    assert admin.post(f"/alerts/channels/{channel.pk}/", changes).status_code == 303
    channel.refresh_from_db()
    assert (channel.name, channel.enabled, channel.place) == ("renamed", False, "https://hooks.slack.com")
    assert "switched off" in page(admin.get("/alerts/channels/"))
    assert "Remove renamed?" in page(admin.get(f"/alerts/channels/{channel.pk}/remove/"))
    assert admin.post(f"/alerts/channels/{channel.pk}/remove/").status_code == 303
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": ""}, "This is empty; it is needed."),
        ({"url": "https://10.0.0.1/c4n4ry"}, "private address"),
        ({"name": ""}, "This field is required"),
        ({"kind": "email", "addresses": "a@x.org"}, "no mail server"),
        ({"secret": "c4n4ry with blank"}, "plain ASCII"),
    ],
)
def test_a_channel_that_cannot_be_is_422_and_nothing_secret_is_sent_back(signed_in, changes, sentence):
    response = signed_in("admin").post("/alerts/channels/add/", CHANNEL | changes)
    assert (response.status_code, Channel.objects.count()) == (422, 0)
    assert sentence in page(response)
    assert "c4n4ry" not in page(response)


def test_a_locked_key_is_told_and_nothing_is_stored(signed_in, settings):
    admin = signed_in("admin")
    settings.SEALING_KEY = "AAAA"
    response = admin.post("/alerts/channels/add/", CHANNEL)
    assert (response.status_code, Channel.objects.count()) == (422, 0)
    assert "The sealing key is not 32 random bytes" in page(response)


def test_a_test_says_in_words_what_became_of_it(signed_in, heard):
    admin = signed_in("admin")
    channel = the.channel(heard.url)
    answer = admin.post(f"/alerts/channels/{channel.pk}/test/", follow=True)
    assert "ops took the test." in page(answer)
    heard.usual = (404, "")
    answer = admin.post(f"/alerts/channels/{channel.pk}/test/", follow=True)
    assert "The test of ops failed. The channel answered with status 404." in page(answer)
    assert len(heard) == 2


@pytest.mark.parametrize("path", ["/alerts/", "/alerts/rules/", "/alerts/channels/"])
def test_a_page_takes_few_queries_however_many_rows(signed_in, path):
    channel = the.channel("https://hooks.example.com/x")
    for number in range(12):
        fire(channel, name=f"g-{number}")
    admin = signed_in("admin")
    with CaptureQueriesContext(connection) as asked:
        assert admin.get(path).status_code == 200
    selects = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert 3 < len(selects) <= 12


def test_nothing_is_inline_and_names_are_escaped(signed_in):
    found = fire(name="<b>x", pattern="*")
    AlertRule.objects.update(name="<i>rule")
    admin = signed_in("admin")
    rule = AlertRule.objects.get().pk
    for path in ("/alerts/", f"/alerts/{found.pk}/", "/alerts/rules/", f"/alerts/rules/{rule}/remove/"):
        html = page(admin.get(path))
        assert "<i>rule" not in html
        assert "<b>x" not in html
        assert "style=" not in html
