"""The pages of rules and channels: what is listed, suggested, stored, and what bad input does."""

from __future__ import annotations

import re

import pytest

from checkpoints.domain.conditions import Condition
from checkpoints.forms import suggested_rules
from checkpoints.models import AlertRule, AuditRow, Channel, Notice
from tests.services import alerting as the
from tests.views.lagging import words

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


def page(response):
    return response.content.decode()


def test_an_empty_page_of_rules_offers_one_of_each_condition_and_one_click_adds_it(signed_in):
    admin = signed_in("admin")
    html = page(admin.get("/alerts/rules/"))
    forms = re.findall(r'<form class="inline" method="post" action="/alerts/rules/add/">(.*?)</form>', html)
    assert len(forms) == len(Condition)
    for form in forms:
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        fields.pop("csrfmiddlewaretoken", None)
        assert admin.post("/alerts/rules/add/", fields).status_code == 303, fields
    assert set(AlertRule.objects.values_list("condition", flat=True)) == set(Condition)
    assert AuditRow.objects.filter(action="alert_rule.added", actor_name="the-admin").count() == len(forms)
    assert "Suggested rules" not in page(admin.get("/alerts/rules/"))


def test_a_rule_that_cannot_be_looked_at_says_why(signed_in):
    group = the.group()
    the.rule()
    AlertRule.objects.update(limit=float(10**300))
    the.lagging(group, [1])
    html = page(signed_in("admin").get("/alerts/rules/"))
    assert "Not looked at" in html
    assert "could not be looked at (OverflowError)" in html


def test_what_no_rule_looks_for_is_still_offered_when_there_are_rules(signed_in):
    the.rule(condition="lag")
    html = page(signed_in("admin").get("/alerts/rules/"))
    assert "What no rule looks for yet" in html
    assert "?like=lag" not in html
    assert "?like=stalled" in html


@pytest.mark.parametrize("one", suggested_rules.SUGGESTIONS, ids=lambda one: one.condition)
def test_a_suggestion_can_be_changed_before_it_is_added(signed_in, one):
    html = page(signed_in("admin").get(f"/alerts/rules/add/?like={one.condition}"))
    assert f'value="{one.name}"' in html
    assert f'<option value="{one.condition}" selected>' in html
    assert not one.limit or f'name="limit" value="{one.limit}"' in html


def test_a_form_filled_in_for_no_condition_is_an_empty_one(signed_in):
    response = signed_in("admin").get("/alerts/rules/add/?like=mood")
    assert (response.status_code, 'value="mood"' in page(response)) == (200, False)


def test_the_form_says_of_each_condition_what_it_means_and_which_have_a_limit(signed_in):
    html = page(signed_in("admin").get("/alerts/rules/add/"))
    for one in suggested_rules.SUGGESTIONS:
        assert (
            f'<li data-when="condition:{one.condition}"><b data-noscript>{one.label}</b> {one.meaning}</li>'
            in html
        )
    limited = re.search(r'class="field" data-when="condition:([a-z_ ]+)"><label for="id_limit">', html)
    assert set(limited[1].split()) == set(Condition) - {"stalled", "foreign_move"}


def test_labels_have_no_colon(signed_in):
    for path in ("/alerts/rules/add/", "/alerts/channels/add/", "/rules/", "/endpoints/add/"):
        assert not re.search(r":</(label|legend)>", page(signed_in("admin").get(path))), path


def test_a_channel_whose_notices_fail_says_so_in_the_list(signed_in):
    channel = the.channel("https://hooks.example.com/x")
    problem = {"text": "The channel answered with status %(status)d.", "values": {"status": 500}}
    Notice.objects.create(
        channel=channel, number=1, body={}, made_at=the.START, due_at=the.at(5), attempts=1, problem=problem
    )
    html = words(signed_in("admin").get("/alerts/channels/"))
    assert "Fails" in html
    assert "The channel answered with status 500. · next attempt" in html


def test_a_rule_is_added_listed_edited_and_removed(signed_in):
    admin = signed_in("admin")
    assert "There is no rule yet. Begin with these" in page(admin.get("/alerts/rules/"))
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
        '<td class="num" data-label="Groups">1</td>',
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
