"""The pages of the second person: asking and answering on the page of the plan, and the list."""

from __future__ import annotations

import re
import time

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from checkpoints.models import Approval, AuditRow, ConsumerGroup, Endpoint, Reset
from checkpoints.services import approvals
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5})
    Endpoint.objects.update(protection="two-person")
    return ConsumerGroup.objects.get(pk=group.pk)


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def plan(placed, operator):
    return the.make(placed, operator, "earliest", [0])


@pytest.fixture
def asked(plan, operator):
    return approvals.ask(
        plan,
        user=operator,
        actor=Actor.of(operator),
        reason="bad <b>deploy</b>",
        ticket="INC-7",
        override_active=True,
        now=the.now(),
    )


def page(response):
    return response.content.decode()


def see(client, plan):
    return page(client.get(reverse("plan", args=[plan.pk])))


def ask(client, plan, **fields):
    return client.post(reverse("plan-ask", args=[plan.pk]), {"reason": "bad deploy"} | fields)


def decide(client, plan, decision, **fields):
    return client.post(reverse("plan-decide", args=[plan.pk]), {"decision": decision} | fields)


def grow_old(client):
    session = client.session
    session["signed_in_at"] = time.time() - 1000
    session.save()


def test_the_maker_asks_on_the_page_of_the_plan_and_sees_that_it_waits(signed_in, plan):
    browser = signed_in("operator")
    assert "Ask for approval" in see(browser, plan)
    response = ask(browser, plan, ticket="INC-7")
    assert (response.status_code, response["Location"]) == (303, reverse("plan", args=[plan.pk]))
    html = see(browser, plan)
    assert "The approval was asked for." in html
    assert "Waiting for approval" in html
    assert "Ask for approval" not in html
    assert AuditRow.objects.get(action="approval.asked").source_ip == "127.0.0.1"


def test_the_approver_sees_the_very_plan_with_the_words_escaped_and_approves(signed_in, plan, asked):
    browser = signed_in("approver")
    html = see(browser, plan)
    for text in (plan.hash, "the-operator", "bad &lt;b&gt;deploy&lt;/b&gt;", "INC-7", 'value="deny"'):
        assert text in html
    assert "<b>deploy" not in html
    response = decide(browser, plan, "approve", words="fine")
    assert (response.status_code, response["Location"]) == (303, reverse("plan", args=[plan.pk]))
    assert (Approval.objects.get().state, Approval.objects.get().words) == ("approved", "fine")
    html = see(signed_in("operator"), plan)
    assert "Approved by" in html
    assert "the-approver" in html


def test_what_was_approved_is_applied_from_the_page(emu, signed_in, plan, asked):
    decide(signed_in("approver"), plan, "approve")
    browser = signed_in("operator")
    response = browser.post(reverse("plan", args=[plan.pk]), {"reason": "bad deploy"})
    assert response["Location"] == reverse("reset", args=[Reset.objects.get().pk])
    assert (Reset.objects.get().approved_by, len(the.sent(emu))) == ("the-approver", 1)


def test_a_denial_tells_why(signed_in, plan, asked):
    approver = signed_in("approver")
    silent = decide(approver, plan, "deny")
    assert (silent.status_code, Approval.objects.get().state) == (422, "asked")
    assert "Say why" in page(silent)
    assert decide(approver, plan, "deny", words="not during the sale").status_code == 303
    html = see(signed_in("operator"), plan)
    for text in (
        "Denied by",
        "the-approver",
        "Because",
        "not during the sale",
        "Make it again to ask once more",
    ):
        assert text in html


@pytest.mark.parametrize("decision", ["", "maybe"])
def test_an_answer_is_yes_or_no(signed_in, plan, asked, decision):
    assert decide(signed_in("approver"), plan, decision).status_code == 422
    assert Approval.objects.get().state == "asked"


def test_nobody_decides_on_their_own_request_on_a_page_either(signed_in, plan, asked, operator):
    operator.groups.add(Group.objects.get(name="approver"))
    browser = signed_in("operator")
    html = see(browser, plan)
    assert "Nobody decides on a request of their own." in html
    assert 'name="decision"' not in html
    response = decide(browser, plan, "approve")
    assert (response.status_code, Approval.objects.get().state) == (409, "asked")
    assert "Nothing was sent." in page(response)


@pytest.mark.parametrize(
    "fields",
    [{"reason": ""}, {"reason": "x" * 501}, {"override": "on"}, {"override": "on", "typed_name": "cg-1"}],
)
def test_asking_without_what_is_needed_is_422(signed_in, plan, fields):
    assert ask(signed_in("operator"), plan, **fields).status_code == 422
    assert not Approval.objects.exists()


def test_beside_the_broken_glass_every_id_is_there_once(signed_in, settings, emu, placed, operator):
    settings.BREAK_GLASS = True
    the.place(emu, {0: 15}, seconds_ago=1, consumer="worker-1")
    plan = the.make(placed, operator, "earliest", [0])
    for response in (
        signed_in("operator").get(reverse("plan", args=[plan.pk])),
        ask(signed_in("operator"), plan, override="on", reason=""),
    ):
        html = page(response)
        ids = re.findall(r' id="([^"]+)"', html)
        assert [one for one in ids if ids.count(one) > 1] == []
        assert {"ask_reason", "ask_typed_name", "id_reason"} <= set(ids)
    assert "This is not the name of the group." in html


def test_asking_with_an_override_needs_the_name_of_the_group(signed_in, plan):
    assert ask(signed_in("operator"), plan, override="on", typed_name="cg-0").status_code == 303
    assert Approval.objects.get().override_active


def test_a_refusal_to_ask_is_409_with_its_sentence(signed_in, plan):
    Endpoint.objects.update(protection="reason")
    response = ask(signed_in("operator"), plan)
    assert response.status_code == 409
    assert "This group needs no second person" in page(response)


def test_a_used_plan_leads_to_its_reset(signed_in, plan, asked, operator):
    Endpoint.objects.update(protection="none")
    reset = the.apply(plan, operator)
    for response in (ask(signed_in("operator"), plan), decide(signed_in("approver"), plan, "approve")):
        assert (response.status_code, response["Location"]) == (303, reverse("reset", args=[reset.pk]))


def test_an_expired_request_says_so_and_offers_no_answer(signed_in, plan, asked):
    Approval.objects.update(expires_at=the.now())
    html = see(signed_in("approver"), plan)
    assert "Too late" in html
    assert 'name="decision"' not in html
    assert decide(signed_in("approver"), plan, "approve").status_code == 409


def test_an_old_sign_in_has_to_be_confirmed_before_asking_and_answering(signed_in, plan, asked):
    for role, send in (("operator", ask), ("approver", lambda client, one: decide(client, one, "approve"))):
        browser = signed_in(role)
        grow_old(browser)
        response = send(browser, plan)
        assert response.status_code == 302
        assert response["Location"] == f"/confirm-password/?next=%2Fplans%2F{plan.pk}%2F"
    assert Approval.objects.get().state == "asked"


def test_the_plan_of_somebody_else_cannot_be_asked_for(signed_in, people, plan):
    people["viewer"].groups.set(Group.objects.filter(name="operator"))
    assert ask(signed_in("viewer"), plan).status_code == 404


def test_a_plan_that_nobody_asked_about_cannot_be_decided(signed_in, people, plan):
    assert decide(signed_in("approver"), plan, "approve").status_code in {403, 404}
    assert not Approval.objects.exists()


def test_the_list_shows_an_approver_what_waits_and_a_maker_how_it_stands(signed_in, plan, asked):
    html = page(signed_in("approver").get("/approvals/"))
    assert f"/plans/{plan.pk}/" in html
    assert "Asked by you" not in html
    html = page(signed_in("operator").get("/approvals/"))
    assert f"/plans/{plan.pk}/" in html
    assert "Waiting for you" not in html
    decide(signed_in("approver"), plan, "deny", words="not during the sale")
    assert "Nothing waits for you." in page(signed_in("approver").get("/approvals/"))
    html = page(signed_in("operator").get("/approvals/"))
    assert "Denied" in html
    assert "not during the sale" in html


def test_a_maker_without_requests_is_told_so(signed_in):
    assert "You have asked for nothing." in page(signed_in("operator").get("/approvals/"))


def test_the_list_asks_the_database_as_often_for_many_requests_as_for_one(
    signed_in, placed, operator, plan, asked, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = signed_in("approver")
    browser.get("/approvals/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        browser.get("/approvals/")
    for _ in range(3):
        other = the.make(placed, operator, "earliest", [1])
        approvals.ask(
            other,
            user=operator,
            actor=Actor.of(operator),
            reason="r",
            ticket="",
            override_active=False,
            now=the.now(),
        )
    with django_assert_num_queries(len(one)):
        browser.get("/approvals/")


def test_nothing_is_inline(signed_in, plan, asked):
    for role in ("operator", "approver"):
        for path in ("/approvals/", f"/plans/{plan.pk}/"):
            html = page(signed_in(role).get(path))
            assert "style=" not in html
            assert " onclick" not in html


def test_a_removed_user_leaves_the_name(signed_in, plan, asked, people):
    decide(signed_in("approver"), plan, "approve")
    User.objects.get(pk=people["approver"].pk).delete()
    assert "the-approver" in see(signed_in("operator"), plan)
