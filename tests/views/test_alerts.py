"""The pages of alerts: the list, one alert and what is done about it, rules, channels."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from checkpoints.models import Alert, AlertRule, AuditRow, Notice
from checkpoints.services import alerts, notices
from checkpoints.services.audit import SYSTEM
from tests.services import alerting as the
from tests.views.lagging import words

pytestmark = pytest.mark.django_db


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


def test_the_list_without_rules_says_so_and_only_who_may_is_sent_to_them(signed_in):
    html = page(signed_in("viewer").get("/alerts/"))
    assert "there is no rule yet" in html
    assert "/alerts/rules/" not in html
    assert 'href="/alerts/rules/">Add rules</a>' in page(signed_in("admin").get("/alerts/"))


def test_the_list_without_alerts_says_so_and_one_that_a_filter_emptied_lets_it_go(signed_in):
    the.rule()
    html = page(signed_in("viewer").get("/alerts/"))
    assert "No alert fires, and none is about to." in html
    assert "No notice was made yet." in html
    html = page(signed_in("viewer").get("/alerts/?q=nothing"))
    assert "No alert matches." in html
    assert '<a class="btn" href="/alerts/">Clear filters</a>' in html


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
    now = timezone.now()
    for name in ("was-firing", "was-pending"):
        fire(name=name)
    Alert.objects.update(state="resolved", since=now - timedelta(hours=3), resolved_at=now)
    Alert.objects.filter(group__name="was-pending").update(events=0)
    viewer = signed_in("viewer")
    assert 'href="/alerts/?state=resolved">See 1 that is resolved</a>' in page(viewer.get("/alerts/"))
    html = page(viewer.get("/alerts/?state=resolved"))
    assert "was-firing" in html
    assert "was-pending" not in html
    assert "it lasted 3h" in html


def listed(response):
    """Return the groups of the alerts in the list, in its order."""
    return re.findall(r'id="group-\d+" href="/groups/\d+/" title="[^"]*">([^<]+)</a>', page(response))


@pytest.fixture
def many(db):
    """Three alerts: "slow" fires for pay-in and is acknowledged for pay-out; "full" is pending for ship."""
    now = timezone.now()
    the.rule(name="slow", severity="critical", samples=1)
    the.rule(name="full", severity="info", condition="backlog", limit="100", samples=3)
    for name, seconds, backlog in (("pay-in", 7200.0, 9), ("pay-out", 7200.0, 9), ("ship", 1.0, 900)):
        the.group(name, read_at=now, lag_seconds=seconds, backlog=backlog)
    alerts.evaluate(now)
    alerts.acknowledge(Alert.objects.get(group__name="pay-out"), actor=SYSTEM, now=now)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["pay-in", "ship", "pay-out"]),
        ("?state=firing", ["pay-in"]),
        ("?state=pending", ["ship"]),
        ("?severity=critical", ["pay-in", "pay-out"]),
        ("?rule=full", ["ship"]),
        ("?q=pay", ["pay-in", "ship", "pay-out"]),
        ("?q=SLOW+out", ["pay-out"]),
        ("?q=ship&severity=critical", []),
        ("?state=mood&severity=mood&page=x", ["pay-in", "ship", "pay-out"]),
    ],
)
def test_filters_stand_in_the_address(signed_in, many, query, expected):
    assert listed(signed_in("viewer").get(f"/alerts/{query}")) == expected


def test_a_tile_filters_by_its_state_keeps_the_other_filters_and_lets_go(signed_in, many):
    html = page(signed_in("viewer").get("/alerts/?severity=critical"))
    assert 'href="/alerts/?state=firing&amp;severity=critical"' in html
    html = page(signed_in("viewer").get("/alerts/?severity=critical&state=firing"))
    assert 'id="tile-firing" href="/alerts/?severity=critical" aria-current="true"' in html


def test_the_list_has_pages_of_fifty(signed_in):
    now = timezone.now()
    the.rule(samples=1)
    for number in range(51):
        the.group(f"g-{number:02}", read_at=now, lag_seconds=7200.0, backlog=9)
    alerts.evaluate(now)
    viewer = signed_in("viewer")
    first, second = viewer.get("/alerts/?severity=warning"), viewer.get("/alerts/?severity=warning&page=2")
    assert "Page 1 of 2" in page(first)
    assert 'href="?severity=warning&amp;page=2"' in page(first)
    assert (len(listed(first)), len(listed(second))) == (50, 1)


def test_a_refresh_is_answered_with_the_list_alone_and_says_how_old_it_is(signed_in, many):
    response = signed_in("viewer").get("/alerts/", headers={"HX-Request": "true"})
    html = page(response)
    assert "<nav aria-label" not in html
    assert "as of" in html
    assert html.lstrip().startswith('<div id="alerts"')
    assert '<span id="firing" class="badge bad" hx-swap-oob="true"' in html
    assert 'data-news="Firing: 1, Pending: 1, Acknowledged: 1"' in html
    assert "HX-Request" in response["Vary"]


def test_as_of_is_when_the_rules_were_last_looked_at(signed_in):
    the.rule()
    assert "never looked at" in page(signed_in("viewer").get("/alerts/"))
    alerts.evaluate(timezone.now() - timedelta(minutes=7))
    assert "7 min ago" in page(signed_in("viewer").get("/alerts/"))


def test_a_pending_alert_says_how_far_it_is_and_since_when(signed_in, many):
    html = words(signed_in("viewer").get("/alerts/?state=pending"))
    assert "1 of 3 samples" in html
    assert "for 0s" in html


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("backlog", "Back within the limit for 1 of 3 samples."),
        ("stalled", "No longer so for 1 of 3 samples."),
    ],
)
def test_one_that_fires_although_it_is_no_longer_so_says_for_how_many_samples(signed_in, condition, expected):
    found = fire()
    AlertRule.objects.update(condition=condition, samples=3)
    Alert.objects.update(streak=1)
    for path in ("/alerts/", f"/alerts/{found.pk}/"):
        assert expected in page(signed_in("viewer").get(path))


def test_an_alert_leads_to_its_group_its_history_and_for_those_who_may_its_rule(signed_in):
    found = fire()
    for path in ("/alerts/", f"/alerts/{found.pk}/"):
        html = page(signed_in("viewer").get(path))
        assert f'href="/groups/{found.group_id}/"' in html
        assert f'href="/groups/{found.group_id}/history/"' in html
        assert "/alerts/rules/" not in html
        assert f'href="/alerts/rules/{found.rule_id}/"' in page(signed_in("admin").get(path))


def test_how_many_fire_stands_in_the_navigation_until_somebody_is_at_them(signed_in):
    viewer = signed_in("viewer")
    assert '<span id="firing" class="badge bad" hidden></span>' in page(viewer.get("/"))
    found, _ = fire(name="a"), fire(name="b")
    assert 'title="2 alerts fire, and nobody is at them">2</span>' in page(viewer.get("/"))
    alerts.acknowledge(found, actor=SYSTEM, now=timezone.now())
    assert 'title="1 alert fires, and nobody is at it">1</span>' in page(viewer.get("/resets/"))


def test_counting_what_fires_is_one_query_by_an_index_and_none_for_a_fragment(signed_in):
    fire()
    viewer = signed_in("viewer")

    def counted(**headers):
        with CaptureQueriesContext(connection) as asked:
            viewer.get("/", headers=headers)
        return [query["sql"] for query in asked if 'AS "place"' in query["sql"]]

    assert counted(**{"HX-Request": "true"}) == []
    (sql,) = counted()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}" if connection.vendor == "sqlite" else f"EXPLAIN {sql}")
        plan = str(cursor.fetchall())
    assert connection.vendor != "sqlite" or "INDEX alerts_by_state" in plan


def test_what_is_held_back_because_its_channel_fails_says_so(signed_in):
    channel = the.channel("https://hooks.example.com/x")
    for name in ("a", "b"):
        fire(channel, name=name)
    problem = {"text": "The channel answered with status %(status)d.", "values": {"status": 500}}
    tried = Notice.objects.first()
    Notice.objects.filter(pk=tried.pk).update(attempts=1, problem=problem)
    html = words(signed_in("viewer").get("/alerts/"))
    assert html.count("Held back") == 1
    assert "not tried: the channel fails; next attempt" in html
    assert html.count("The channel answered with status 500.") == 2
    assert "not sent yet" not in html


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


@pytest.mark.parametrize(
    ("path", "most"),
    [("/alerts/", 12), ("/alerts/?state=firing", 12), ("/alerts/rules/", 12), ("/alerts/channels/", 12)],
)
def test_a_page_takes_few_queries_however_many_rows(signed_in, path, most):
    channel = the.channel("https://hooks.example.com/x")
    for number in range(12):
        fire(channel, name=f"g-{number}")
    admin = signed_in("admin")
    with CaptureQueriesContext(connection) as asked:
        assert admin.get(path).status_code == 200
    selects = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert 3 < len(selects) <= most


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
