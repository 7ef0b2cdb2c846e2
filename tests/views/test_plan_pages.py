"""What the page of a plan offers beside applying it: wait, ask who consumes, make it again; and progress."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from checkpoints.models import Plan, Reset, ShardReset, Wait
from checkpoints.services import waiting
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def busy(emu, group):
    the.place(emu, {0: 15, 1: 12}, seconds_ago=5, consumer="worker-1")
    return group


@pytest.fixture
def plan(busy, people):
    return the.make(busy, people["operator"], "earliest", [0, 1])


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def url(name, thing):
    return reverse(name, args=[thing.pk])


def test_a_busy_group_offers_to_wait_and_names_who_to_stop(browser, plan):
    html = page(browser.get(url("plan", plan)))
    assert "Wait until quiet, then apply" in html
    assert "Stop <b>worker-1</b>" in html
    assert url("plan-activity", plan) in html


def test_a_quiet_group_does_not(emu, browser, group, people):
    the.place(emu, {0: 15})
    html = page(browser.get(url("plan", the.make(group, people["operator"], "earliest", [0]))))
    assert "Wait until quiet" not in html
    assert url("plan-activity", Plan.objects.get()) not in html


def test_who_is_consuming_is_read_again_but_not_by_every_request(emu, browser, plan):
    emu.reset_stats()
    for _ in range(3):
        html = page(browser.get(url("plan-activity", plan), headers=HTMX))
    assert "worker-1" in html
    assert "data-countdown" in html
    assert emu.count("GetCheckPoint") == 1


def test_who_is_consuming_may_not_be_readable(emu, browser, plan):
    emu.fault("GetCheckPoint", status=403, code="Unauthorized")
    html = page(browser.get(url("plan-activity", plan), headers=HTMX))
    assert "cannot be read just now" in html
    assert "Quiet" not in html


def test_waiting_is_asked_for_shown_and_cancelled(emu, browser, plan):
    fields = {"reason": "bad deploy", "minutes": "60"}
    assert browser.post(url("plan-wait", plan), fields).status_code == 303
    wait = Wait.objects.get()
    assert wait.deadline - wait.asked_at == timedelta(hours=1)
    html = page(browser.get(url("plan", plan)))
    assert "Stop waiting" in html
    assert "btn danger" not in html
    waiting.look_at_open(the.now())
    emu.reset_stats()
    assert "worker-1" in page(browser.get(url("plan-wait", plan), headers=HTMX))
    assert emu.stats()["requests"] == {}, "a GET only tells what was seen"
    assert browser.post(url("plan-wait-cancel", plan)).status_code == 303
    html = page(browser.get(url("plan", plan)))
    assert "Cancelled by the-operator" in html
    assert "btn danger" in html
    assert the.sent(emu) == []


def test_waiting_without_a_reason_is_a_sentence_on_the_plan(browser, plan):
    response = browser.post(url("plan-wait", plan), {"minutes": "60"})
    assert (response.status_code, "Say why" in page(response)) == (422, True)
    assert not Wait.objects.exists()


def test_what_was_applied_after_waiting_is_one_link_away(browser, plan):
    browser.post(url("plan-wait", plan), {"reason": "bad deploy"})
    for seconds in (80, 90):
        waiting.look_at_open(the.later(seconds))
    answer = browser.get(url("plan-wait", plan), headers=HTMX)
    assert (answer.headers["HX-Refresh"], url("reset", Reset.objects.get()) in page(answer)) == ("true", True)


def test_a_wait_without_script_leads_back_to_the_plan(browser, plan):
    browser.post(url("plan-wait", plan), {"reason": "bad deploy"})
    assert browser.get(url("plan-wait", plan)).headers["Location"] == url("plan", plan)


def test_the_same_plan_is_made_again_from_how_things_are_now(emu, browser, plan):
    the.place(emu, {0: 17}, consumer="worker-1")
    answer = browser.post(url("plan-again", plan))
    new = Plan.objects.exclude(pk=plan.pk).get()
    assert answer.headers["Location"] == url("plan", new)
    assert {line["shard"]: line["log_groups"] for line in new.body["shards"]} == {0: 17, 1: 12}
    assert new.body["target"] == plan.body["target"]


def test_somebody_elses_plan_is_not_made_again_waited_with_or_asked_about(signed_in, people, plan):
    people["admin"].groups.set(people["operator"].groups.all())
    other = signed_in("admin")
    for name in ("plan-again", "plan-wait", "plan-wait-cancel"):
        assert other.post(url(name, plan), {"reason": "x"}).status_code == 404
    assert other.get(url("plan-activity", plan)).status_code == 404


def test_a_reset_being_sent_shows_how_far_it_is(browser, busy, people):
    reset = the.apply(
        the.make(busy, people["operator"], "earliest", [0, 1]), people["operator"], override_active=True
    )
    Reset.objects.update(outcome="sending", finished_at=None, watch_until=None)
    ShardReset.objects.filter(shard=1).update(outcome="sending", settled_at=None)
    html = page(browser.get(url("reset", reset)))
    assert "1 of 2 answered, 2 sent" in html
    assert 'value="1"' in html
    assert 'hx-trigger="every 1s"' in html


def test_what_was_not_attempted_can_be_finished(emu, browser, busy, people):
    reset = the.apply(
        the.make(busy, people["operator"], "earliest", [0, 1]), people["operator"], override_active=True
    )
    ShardReset.objects.filter(shard=1).update(outcome="not_attempted")
    the.place(emu, {1: 12})
    html = page(browser.get(url("reset", reset)))
    assert "Shard 1 was not attempted." in html
    answer = browser.post(url("group-reset", busy), {"to": "text", "text": f"rest:{reset.pk}"})
    plan = Plan.objects.get(pk=answer.headers["Location"].split("/")[2])
    assert list(the.moves(plan)) == [1]


def test_a_watch_is_ended_by_hand(browser, busy, people):
    reset = the.apply(
        the.make(busy, people["operator"], "earliest", [0, 1]), people["operator"], override_active=True
    )
    assert browser.post(url("reset-end-watch", reset)).status_code == 303
    assert "The watch was ended by the-operator" in page(browser.get(url("reset", reset)))


def test_a_plan_asks_for_a_fresh_sign_in_on_all_its_addresses(browser, plan):
    session = browser.session
    session["signed_in_at"] = time.time() - 3600
    session.save()
    for name in ("plan-again", "plan-wait", "plan-wait-cancel"):
        assert "/confirm-password/" in browser.post(url(name, plan)).headers["Location"]
    assert "/confirm-password/" in browser.get(url("plan-activity", plan)).headers["Location"]
