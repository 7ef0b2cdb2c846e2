"""Pages of resets: choose, plan, apply, watch; every bad input is a sentence."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from checkpoints.domain import positions
from checkpoints.models import Plan, Reset
from checkpoints.services import collector, resets
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5, 2: 20})
    collector.read_group(group, max_age=timedelta(0), now=the.now())
    return group


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


@pytest.fixture
def operator(people):
    return people["operator"]


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def post_start(browser, group, **fields):
    form = {"shard": ["0", "1"], "to": "earliest"}
    return browser.post(reverse("group-reset", args=[group.pk]), form | fields)


def confirm(browser, plan, **fields):
    return browser.post(reverse("plan", args=[plan.pk]), {"reason": "bad deploy"} | fields)


def test_nothing_is_chosen_beforehand(browser, placed):
    html = page(browser.get(reverse("group-reset", args=[placed.pk])))
    assert html.count('name="shard"') == 4
    assert "checked" not in html


def test_the_shards_chosen_on_the_group_page_are_ticked(browser, placed):
    html = page(browser.get(reverse("group-reset", args=[placed.pk]) + "?shard=0&shard=2&shard=x"))
    assert html.count("checked") == 2


def test_a_group_without_a_reading_takes_shards_by_number(emu, browser, group):
    the.place(emu, {0: 15})
    assert "name the shards by number" in page(browser.get(reverse("group-reset", args=[group.pk])))
    made = post_start(browser, group, shard=[], shards_text="0")
    assert list(the.moves(Plan.objects.get())) == [0]
    assert made.status_code == 303


def test_a_target_makes_a_plan_and_leads_to_it(emu, browser, placed, operator):
    response = post_start(browser, placed)
    plan = Plan.objects.get()
    assert (response.status_code, response.headers["Location"]) == (303, f"/plans/{plan.pk}/")
    assert (plan.maker, the.moves(plan)[0]) == (operator, ("rewind", 15, None))
    assert the.sent(emu) == []


def test_ticked_and_typed_shards_count_together(browser, placed):
    post_start(browser, placed, shard=["0"], shards_text="1-2")
    assert list(the.moves(Plan.objects.get())) == [0, 1, 2]


def test_a_time_is_taken_in_the_zone_beside_it(browser, placed):
    post_start(browser, placed, to="time", when="2026-01-02T09:04:05", zone="Asia/Shanghai")
    body = Plan.objects.get().body
    assert body["bound"]["target"] == "2026-01-02T01:04:05Z"
    assert body["target"] == "2026-01-02 09:04:05 Asia/Shanghai"


def test_a_typed_target_is_understood(browser, placed):
    post_start(browser, placed, to="text", text="-10groups")
    assert the.moves(Plan.objects.get()) == {0: ("rewind", 10, None), 1: ("rewind", 5, "begin")}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"shard": []}, "Choose at least one shard."),
        ({"shard": ["x"]}, "Write shards as numbers and ranges"),
        ({"shard": ["٣"]}, "Write shards as numbers and ranges"),
        ({"shard": ["9"]}, "do not exist in this Logstore: 9"),
        ({"shards_text": "5-2"}, "from low to high"),
        ({"shards_text": "0-99999999"}, "At most 4096 shards"),
        ({"shards_text": "1" * 20_001}, "at most 20000 characters"),
        ({"to": ""}, "Choose where the checkpoints should go."),
        ({"to": "nowhere"}, "not one of the available choices"),
        ({"to": "time"}, "Choose the time."),
        ({"to": "time", "when": "soon"}, "This is not a target"),
        ({"to": "time", "when": "2026-13-01T00:00"}, "There is no such date or time."),
        ({"to": "time", "when": "２０２６-01-01T00:00"}, "Write numbers with the digits 0 to 9."),
        (
            {"to": "time", "when": "2026-01-01T00:00", "zone": "Mars/Base"},
            "There is no time zone named Mars/Base.",
        ),
        ({"to": "text"}, "Say where to go"),
        ({"to": "text", "text": "x" * 300}, "at most 200 characters"),
        ({"to": "text", "text": "cursor:???"}, "not base64"),
        ({"to": "text", "text": "cursor:" + positions.encode(7), "shard": ["0"]}, "not one of shard 0"),
        ({"to": "text", "text": "cursor:" + positions.encode(7)}, "choose exactly one"),
        ({"to": "text", "text": "file:/etc/passwd"}, "A file is only read by the command"),
        ({"to": "text", "text": "snapshot:x"}, "not available"),
        ({"to": "text", "text": "undo:nothing", "shard": []}, "no reset with the id"),
        ({"to": "text", "text": "-99999999999h"}, "Write a duration"),
        ({"to": "text", "text": "@99999999999999999999"}, "not a target"),
        ({"to": "text", "text": "0099-01-01T00:00:00Z"}, "The year must lie between"),
    ],
)
def test_bad_input_is_a_sentence_on_the_form(browser, placed, fields, sentence):
    response = post_start(browser, placed, **fields)
    assert response.status_code == 422
    assert sentence in page(response)
    assert not Plan.objects.exists()


def test_a_time_in_the_future_makes_a_plan_that_says_so(browser, placed):
    post_start(browser, placed, to="text", text="2030-01-01T00:00:00Z")
    html = page(browser.get(reverse("plan", args=[Plan.objects.get().pk])))
    assert "The time asked for lies in the future." in html


def test_trouble_upstream_is_told_on_the_form_with_its_request_id(emu, browser, placed):
    emu.fault("GetCursor", status=403, code="Unauthorized")
    response = post_start(browser, placed)
    assert response.status_code == 422
    assert "GetCursor" in page(response)
    assert "Request ID" in page(response)


def test_the_plan_tells_what_it_will_do(browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0, 1])
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    assert "Rewind 2 shards: 20 log groups will be consumed again" in html
    assert "20 log groups consumed again · 0 never consumed" in html
    assert html.count("<svg") >= 2
    assert plan.body["shards"][0]["after"]["cursor"] in html


def test_a_typed_distance_is_echoed_as_the_time_it_stands_for(browser, placed, operator):
    now = the.now()
    plan = the.make(placed, operator, "30m ago", [0], now=now)
    stands_for = now - timedelta(minutes=30)
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    shanghai = stands_for.astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"30m ago = {stands_for:%a %d %b %H:%M:%S} UTC, " in html
    assert f"{shanghai:%H:%M:%S} Asia/Shanghai" in html


def test_skips_and_both_directions_are_named(browser, placed, operator):
    skip = the.make(placed, operator, "latest", [0])
    assert "Skip on 1 shard: 5 log groups will never be consumed" in page(
        browser.get(reverse("plan", args=[skip.pk]))
    )
    first = skip.body["shards"][0]["consumed_until"]
    both = the.make(placed, operator, first.replace("Z", "+00:00"), [1, 2])
    assert "Rewind on 1, skip on 1" in page(browser.get(reverse("plan", args=[both.pk])))


def test_a_plan_that_moves_nothing_has_no_button(browser, placed, operator):
    html = page(browser.get(reverse("plan", args=[the.make(placed, operator, "latest", [2]).pk])))
    assert "There is nothing to move" in html
    assert 'name="reason"' not in html


def test_the_command_lines_do_and_undo_the_plan(browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    line = plan.body["shards"][0]
    for place in ("before", "after"):
        cursor = line[place]["cursor"]
        assert f"--consumer_group=cg-0 --shard=0 --check_point={cursor} --force_success=true" in html


def test_confirming_resets_and_leads_to_the_result(emu, browser, placed, operator):
    response = confirm(browser, the.make(placed, operator, "earliest", [0]), ticket="INC-7")
    reset = Reset.objects.get()
    assert (response.status_code, response.headers["Location"]) == (303, f"/resets/{reset.pk}/")
    assert (reset.outcome, reset.ticket, len(the.sent(emu))) == ("confirmed", "INC-7", 1)


def test_a_second_confirmation_leads_to_the_same_result(emu, browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    first, second = confirm(browser, plan), confirm(browser, plan)
    assert (first.headers["Location"], len(the.sent(emu))) == (second.headers["Location"], 1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": ""}, "Say why"),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"ticket": "x" * 101}, "at most 100 characters"),
        ({"override": "on", "typed_name": "another"}, "This is not the name of the group."),
    ],
)
def test_a_bad_confirmation_is_a_sentence(emu, browser, group, operator, fields, sentence):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    response = confirm(browser, plan, **fields)
    assert (response.status_code, the.sent(emu)) == (422, [])
    assert sentence in page(response)


def test_active_consumers_stop_a_reset_until_the_name_is_typed(emu, browser, group, operator):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    plan = the.make(group, operator, "earliest", [0])
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    assert "Somebody is consuming: worker-1" in html
    refused = confirm(browser, plan)
    assert (refused.status_code, the.sent(emu)) == (409, [])
    assert "Nothing was sent." in page(refused)
    assert confirm(browser, plan, override="on", typed_name="cg-0").status_code == 303
    assert len(the.sent(emu)) == 1


def test_a_database_that_cannot_record_a_reset_is_503_and_nothing_is_sent(
    emu, browser, placed, operator, monkeypatch
):
    from django.db import OperationalError

    from checkpoints.services import audit

    def full(*args, **kwargs):
        raise OperationalError("disk full")

    plan = the.make(placed, operator, "earliest", [0])
    monkeypatch.setattr(audit, "record", full)
    response = confirm(browser, plan)
    assert response.status_code == 503
    assert "could not record the reset" in page(response)
    assert (the.sent(emu), Reset.objects.count()) == ([], 0)


def test_a_checkpoint_that_moved_is_409_with_a_link_to_the_new_plan(emu, browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    the.place(emu, {0: 16})
    response = confirm(browser, plan)
    new = Plan.objects.exclude(pk=plan.pk).get()
    assert response.status_code == 409
    assert f"/plans/{new.pk}/" in page(response)
    assert "on shards 0" in page(response)


def test_an_expired_plan_offers_to_make_it_again(browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0], now=the.now() - timedelta(minutes=6))
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    assert "This plan has expired" in html
    assert "Make it again" in html
    assert confirm(browser, plan).status_code == 409


@pytest.mark.parametrize(
    ("protection", "sentence"),
    [
        ("read-only", "This group is read-only"),
        ("two-person", "A second person has to approve this plan first"),
    ],
)
def test_a_protected_endpoint_takes_the_place_of_the_button(browser, placed, operator, protection, sentence):
    plan = the.make(placed, operator, "earliest", [0])
    endpoint = placed.endpoint
    endpoint.protection = protection
    endpoint.save()
    html = page(browser.get(reverse("plan", args=[plan.pk])))
    assert sentence in html
    assert "btn danger" not in html
    assert confirm(browser, plan).status_code == 409


def test_the_plan_of_somebody_else_is_not_found(people, signed_in, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    people["viewer"].groups.set(operator.groups.all())
    assert signed_in("viewer").get(reverse("plan", args=[plan.pk])).status_code == 404


def test_an_old_sign_in_has_to_be_confirmed_before_the_plan(browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    session = browser.session
    session["signed_in_at"] = time.time() - 1000
    session.save()
    for response in (browser.get(reverse("plan", args=[plan.pk])), confirm(browser, plan)):
        assert response.status_code == 302
        assert response.headers["Location"] == f"/confirm-password/?next=%2Fplans%2F{plan.pk}%2F"


def test_the_result_shows_outcome_request_id_and_the_way_back(browser, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    html = page(browser.get(reverse("reset", args=[reset.pk])))
    assert "1 of 1 confirmed by reading back" in html
    assert reset.shards.get().request_id in html
    assert f"undo:{reset.pk}" in html
    assert 'hx-trigger="every 3s"' in html


def test_the_fragment_looks_and_says_overwritten(emu, browser, group, operator):
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator, override_active=True)
    the.place(emu, {0: 16}, seconds_ago=0, consumer="worker-1")
    html = page(browser.get(reverse("reset", args=[reset.pk]), headers={"HX-Request": "true"}))
    assert "<html" not in html
    assert "Overwritten on shards 0." in html
    assert "worker-1" in html


def test_without_javascript_a_link_looks(emu, browser, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    emu.reset_stats()
    browser.get(reverse("reset", args=[reset.pk]))
    assert emu.count("GetCheckPoint") == 0
    browser.get(reverse("reset", args=[reset.pk]) + "?look=now")
    assert emu.count("GetCheckPoint") == 1


def test_a_watch_that_is_over_asks_no_more(browser, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    resets.look(reset, now=reset.watch_until)
    html = page(browser.get(reverse("reset", args=[reset.pk])))
    assert "The watch is over." in html
    assert "hx-get" not in html


def test_a_refusal_of_the_service_is_shown_on_the_result(emu, browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint")
    reset = the.apply(plan, operator)
    assert "InvalidShardCheckPoint" in page(browser.get(reverse("reset", args=[reset.pk])))


def test_the_undo_button_makes_a_plan_back(browser, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0, 1]), operator)
    post_start(browser, placed, shard=[], to="text", text=f"undo:{reset.pk}")
    assert the.moves(Plan.objects.latest("made_at")) == {0: ("skip", 15, None), 1: ("skip", 5, None)}


def test_the_list_names_resets_and_filters_by_group(browser, placed, operator):
    the.apply(the.make(placed, operator, "earliest", [0]), operator)
    assert "bad deploy" in page(browser.get("/resets/"))
    assert "bad deploy" in page(browser.get(f"/resets/?group={placed.pk}"))
    assert "Nothing was reset yet" in page(browser.get(f"/resets/?group={placed.pk + 1}"))
    assert "bad deploy" in page(browser.get("/resets/?group=x"))


def test_unknown_addresses_are_404(browser, placed):
    for path in (f"/plans/{uuid.uuid4()}/", f"/resets/{uuid.uuid4()}/", f"/groups/{placed.pk + 1}/reset/"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("role", "plans", "sees"),
    [
        ("viewer", 403, 200),
        ("peeker", 403, 200),
        ("operator", 200, 200),
        ("approver", 403, 200),
        ("admin", 403, 200),
    ],
)
def test_who_may_plan_and_who_may_see(signed_in, placed, operator, role, plans, sees):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    client = signed_in(role)
    assert client.get(reverse("group-reset", args=[placed.pk])).status_code == plans
    assert client.get(reverse("reset", args=[reset.pk])).status_code == sees
    assert client.get("/resets/").status_code == sees


def test_a_viewer_sees_no_undo(signed_in, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    assert f"undo:{reset.pk}" not in page(signed_in("viewer").get(reverse("reset", args=[reset.pk])))


def test_nothing_is_inline(browser, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    reset = the.apply(the.make(placed, operator, "earliest", [1]), operator)
    for path in (f"/groups/{placed.pk}/reset/", f"/plans/{plan.pk}/", f"/resets/{reset.pk}/", "/resets/"):
        html = page(browser.get(path))
        assert "style=" not in html
        assert "<script>" not in html
        assert " onclick" not in html
