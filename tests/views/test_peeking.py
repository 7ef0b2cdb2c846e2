"""Log lines and costs as pages and fragments."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from checkpoints.models import AuditRow, Plan
from checkpoints.services import audit
from emulator import protobuf
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


@pytest.fixture
def plan(placed, people):
    return the.make(placed, people["operator"], "-10groups", [0])


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def look(browser, group, shard=0, headers=None, **fields):
    return browser.post(reverse("peek", args=[group.pk, shard]), fields, headers=headers)


def costs(browser, plan, headers=None):
    return browser.get(reverse("plan-costs", args=[plan.pk]), headers=headers)


def test_a_look_is_a_whole_page_without_script_and_a_fragment_with_it(browser, placed, plan):
    whole, part = page(look(browser, placed)), page(look(browser, placed, headers=HTMX, plan=plan.pk))
    assert "<h1>Log lines of shard 0</h1>" in whole
    assert part.startswith('<section class="peek" id="peek-0"')
    assert "At the target" in part
    assert "At the target" not in whole
    for html in (whole, part):
        assert "At the present checkpoint" in html
        assert "Received" in html
        assert "__time__" in html
        assert "job " in html


def test_the_look_is_recorded_with_who_and_from_where(browser, placed, plan):
    look(browser, placed, plan=plan.pk)
    row = AuditRow.objects.get(action="logs.peeked")
    assert (row.actor_name, row.source_ip, row.object_id) == ("the-operator", "127.0.0.1", str(plan.pk))


def test_asking_for_the_address_alone_looks_at_nothing(emu, browser, placed):
    emu.reset_stats()
    assert browser.get(reverse("peek", args=[placed.pk, 0])).status_code == 405
    assert emu.stats()["requests"] == {}
    assert not AuditRow.objects.filter(action="logs.peeked").exists()


def test_what_a_line_holds_is_text_and_never_markup(emu, browser, placed):
    now = emu.world.now()
    log = protobuf.log(int(now), [("<i>k</i>", "<script>alert(1)</script>"), ("r", "a\u202eb\x1b[0m")])
    body = protobuf.log_group([log], topic="<b>t</b>", source="<u>", tags=[("<s>", "'\"<s>")])
    the.shard_of(emu, 0).write(now, body)
    the.place(emu, {0: 20})
    html = page(look(browser, placed))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    for raw in ("<script>alert", "<i>k", "<b>t", "<u>", "<s>", "\u202e", "\x1b"):
        assert raw not in html


def test_sides_without_lines_say_why(browser, placed):
    assert "This shard never had a checkpoint." in page(look(browser, placed, 3))
    assert "Nothing after: the next log group that arrives." in page(look(browser, placed, 2))


def test_trouble_of_the_service_is_told_with_its_request_id(emu, browser, placed):
    emu.fault("PullLogs", status=403, code="Unauthorized")
    response = look(browser, placed, headers=HTMX)
    assert response.status_code == 200
    assert "Grant log:GetCursorOrData in RAM" in page(response)
    assert "PullLogs · Unauthorized · request <code>" in page(response)


def test_a_refusal_has_an_honest_status_and_is_shown_by_htmx(emu, browser, placed):
    emu.fault("GetCheckPoint", status=404, code="ConsumerGroupNotExist")
    whole, part = look(browser, placed), look(browser, placed, headers=HTMX)
    assert (whole.status_code, part.status_code) == (502, 200)
    for response in (whole, part):
        assert "The consumer group does not exist." in page(response)


def test_a_look_that_cannot_be_recorded_is_refused(emu, browser, placed, monkeypatch):
    from django.db import DatabaseError

    def full(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    response = look(browser, placed)
    assert response.status_code == 503
    assert "no log line was read" in page(response)
    assert emu.count("PullLogs") == 0


@pytest.mark.parametrize("wrong", ["x", str(uuid.UUID(int=7)), "1" * 400])
def test_a_plan_that_does_not_exist_is_not_found(browser, placed, wrong):
    assert look(browser, placed, plan=wrong).status_code == 404


def test_a_shard_that_no_logstore_can_have_is_not_found(browser, placed):
    assert look(browser, placed, 10**12).status_code == 404


def test_the_button_is_for_those_who_may_look(browser, signed_in, placed, plan):
    action = f'action="/groups/{placed.pk}/shards/0/lines/"'
    shown = page(browser.get(f"/plans/{plan.pk}/"))
    assert action in shown
    assert f'name="plan" value="{plan.pk}"' in shown
    assert action not in page(signed_in("approver").get(f"/plans/{plan.pk}/"))


def test_costs_are_a_fragment_and_a_page(browser, plan):
    part, whole = page(costs(browser, plan, HTMX)), page(costs(browser, plan))
    assert part.startswith('<section class="panel" id="costs">')
    assert "Back to the plan" in whole
    for html in (part, whole):
        assert "<dt>Consumed again</dt><dd> <b>10 log groups</b>" in html
        assert "Never consumed" not in html
        assert "<b>not known</b><small>Nothing was seen to be consumed in the last hour" in html
        assert "The setting READ_PRICE tells the price of a GB." in html
        assert "10 log groups, evenly spread" in html


def test_costs_with_a_price_and_a_skip(browser, placed, people, settings):
    from decimal import Decimal

    settings.READ_PRICE = (Decimal("1000000"), "CNY")
    skip = the.make(placed, people["operator"], "latest", [0, 1])
    html = page(costs(browser, skip, HTMX))
    assert "<dt>Never consumed</dt><dd> <b>20 log groups</b>" in html
    assert "0.00 CNY" in html
    again = the.make(placed, people["operator"], "earliest", [0, 1, 2])
    html = page(costs(browser, again, HTMX))
    assert "≈ " in html
    assert " CNY" in html
    assert "READ_PRICE" not in html


def test_what_cannot_be_read_is_not_known_and_never_zero(emu, browser, plan):
    emu.fault("PullLogs", status=403, code="Unauthorized")
    html = page(costs(browser, plan, HTMX))
    assert "Lines and bytes are not known." in html
    assert "10 log groups could not be read for it. The key may not do this (PullLogs)." in html


def test_what_is_lost_is_named(emu, browser, placed, people):
    emu.shard("proj", "store", 1, ttl_seconds=1000)
    html = page(costs(browser, the.make(placed, people["operator"], "2h ago", [1]), HTMX))
    assert "log groups expired unread" in html
    assert "of what was asked for is no longer retained" in html


def test_costs_cost_nothing_a_second_time(emu, browser, plan):
    costs(browser, plan)
    emu.reset_stats()
    costs(browser, plan)
    assert emu.stats()["requests"] == {}


def test_the_costs_of_a_changed_plan_are_refused(browser, plan):
    Plan.objects.update(hash="0" * 64)
    whole, part = costs(browser, plan), costs(browser, plan, HTMX)
    assert (whole.status_code, part.status_code) == (409, 200)
    assert "was changed after it was made" in page(part)


def test_the_plan_page_asks_for_the_costs_once_it_is_shown(browser, plan):
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    assert f'hx-get="/plans/{plan.pk}/costs/" hx-trigger="load"' in html
    assert f'<a href="/plans/{plan.pk}/costs/">' in html
    assert f'action="/groups/{plan.group_id}/shards/0/lines/"' in html
