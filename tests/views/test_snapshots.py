"""Pages of snapshots: take, list, schedule, look, download."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse

from checkpoints.domain import cursor_files
from checkpoints.models import AuditRow, ConsumerGroup, Plan, Snapshot
from checkpoints.views import snapshots as views
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def at(name: str, thing: Any) -> str:
    return reverse(name, args=[thing.pk])


def take(browser, group, name="before the deploy"):
    return browser.post(at("group-snapshots", group), {"name": name})


def store(group, name="kept", **changes):
    values = {"taken_at": the.now(), "taken_by": "mei", "shards": []}
    return Snapshot.objects.create(group=group, name=name, **(values | changes))


def line(shard, cursor="MTIz", position="123", **changes):
    found = {"shard": shard, "cursor": cursor, "position": position, "read_at": None, "unread_at": None}
    return found | changes


def test_taking_one_leads_to_what_it_keeps(emu, browser, group):
    the.place(emu, {0: 5})
    answer = take(browser, group)
    taken = Snapshot.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/snapshots/{taken.pk}/")
    assert AuditRow.objects.get(action="snapshot.taken").source_ip == "127.0.0.1"
    html = page(browser.get(answer["Location"]))
    assert "Snapshot before the deploy" in html
    assert str(the.begin(emu, 0) + 5) in html
    assert html.count("never saved") == 3


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "Give the snapshot a name."), ("   ", "Give the snapshot a name."), ("x" * 101, "at most 100")],
)
def test_a_bad_name_is_a_sentence_beside_the_field(browser, group, name, sentence):
    answer = take(browser, group, name)
    assert (answer.status_code, Snapshot.objects.count()) == (422, 0)
    assert sentence in page(answer)


def test_a_name_only_the_service_refuses_is_a_sentence_too(browser, group):
    answer = take(browser, group, "a\u202eb")
    assert answer.status_code == 422
    assert "The name holds characters that cannot be shown." in page(answer)


def test_trouble_upstream_is_told_with_what_to_do_and_the_request_id(emu, browser, group):
    emu.fault("ListShards", status=403, code="Unauthorized")
    answer = take(browser, group)
    assert answer.status_code == 422
    html = page(answer)
    assert "Grant log:ListShards in RAM" in html
    assert "request <code>" in html
    assert "No snapshot was taken." in html


def test_the_list_shows_all_of_this_group_newest_first(browser, group):
    store(group, "old", taken_at=the.now() - timedelta(days=1))
    store(group, "new", scheduled=True, shards=[line(0), line(1)])
    other = ConsumerGroup.objects.create(logstore=group.logstore, name="other")
    store(other, "foreign")
    html = page(browser.get(at("group-snapshots", group)))
    assert html.index(">new<") < html.index(">old<")
    assert "by schedule" in html
    assert "foreign" not in html


def test_more_than_a_page_can_be_turned(browser, group):
    for number in range(views.PER_PAGE + 1):
        store(group, f"n{number}", taken_at=the.now() - timedelta(hours=number))
    first = page(browser.get(at("group-snapshots", group)))
    assert "n100" not in first
    assert 'href="?page=2"' in first
    assert "n100" in page(browser.get(at("group-snapshots", group) + "?page=2"))
    assert browser.get(at("group-snapshots", group) + "?page=x").status_code == 200


def test_what_is_shown_is_escaped(browser, group):
    kept = store(group, "<b>x</b>", shards=[line(0, "<i>", None)])
    for html in (page(browser.get(at("group-snapshots", group))), page(browser.get(at("snapshot", kept)))):
        assert "<b>x" not in html
        assert "<i>" not in html


def test_a_schedule_is_kept_shown_and_ended(browser, group):
    url = at("snapshot-schedule", group)
    assert browser.post(url, {"hours": "6"}).status_code == 303
    html = page(browser.get(at("group-snapshots", group)))
    assert 'value="6"' in html
    assert "next within a minute" in html
    assert browser.post(url, {"hours": ""}).status_code == 303
    group.refresh_from_db()
    assert group.snapshot_hours is None


@pytest.mark.parametrize("hours", ["0", "169", "-1", "x", "1.5", "9" * 5000])
def test_a_schedule_that_is_none_is_refused_at_its_field(browser, group, hours):
    answer = browser.post(at("snapshot-schedule", group), {"hours": hours})
    group.refresh_from_db()
    assert (answer.status_code, group.snapshot_hours) == (422, None)
    assert "errorlist" in page(answer)


def test_the_restore_is_planned_by_a_form(browser, group):
    kept = store(group, shards=[line(0)])
    html = page(browser.get(at("snapshot", kept)))
    assert f'name="text" value="snapshot:{kept.pk}"' in html
    assert f'action="{at("group-reset", group)}"' in html


def test_the_form_of_the_restore_makes_a_plan_of_all_it_keeps(emu, browser, group):
    the.place(emu, {0: 5, 2: 7})
    take(browser, group)
    the.place(emu, {0: 1, 2: 1})
    sent = {"to": "text", "text": f"snapshot:{Snapshot.objects.get().pk}"}
    assert browser.post(at("group-reset", group), sent).status_code == 303
    assert the.moves(Plan.objects.get()) == {0: ("skip", 4, None), 2: ("skip", 6, None)}


def test_a_viewer_looks_and_downloads_but_plans_and_takes_nothing(signed_in, group):
    kept = store(group, shards=[line(0)])
    viewer = signed_in("viewer")
    html = page(viewer.get(at("snapshot", kept))) + page(viewer.get(at("group-snapshots", group)))
    assert at("snapshot-csv", kept) in html
    assert "Plan the restore" not in html
    assert "Take a snapshot" not in html


def test_where_nothing_can_be_restored_nothing_is_offered(browser, group):
    html = page(browser.get(at("snapshot", store(group, shards=[line(0, "", None)]))))
    assert "Nothing can be restored from here." in html
    assert "Plan the restore" not in html


def test_a_group_that_is_gone_says_what_comes_first(browser, group):
    ConsumerGroup.objects.update(vanished_at=the.now())
    kept = store(group, shards=[line(0)])
    assert "Make it again upstream" in page(browser.get(at("snapshot", kept)))
    assert "Take a snapshot" not in page(browser.get(at("group-snapshots", group)))


def test_the_file_holds_what_can_be_read_back_and_round_trips(browser, group):
    kept = store(
        group,
        shards=[line(0, "MTIz\n"), line(1, "", None), line(2, 'odd, "one"', None), line(3, "NDU=", "45")],
    )
    answer = browser.get(at("snapshot-csv", kept))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="snapshot-{kept.pk}.csv"'
    assert answer.content == b"shard,cursor\n0,MTIz\n3,NDU=\n"
    found = cursor_files.read(answer.content)
    assert {shard: exact.position for shard, exact in found.items()} == {0: 123, 3: 45}


def test_those_of_a_removed_endpoint_are_not_found(browser, group):
    kept = store(group)
    type(group.endpoint).objects.update(removed_at=the.now())
    for url in (at("snapshot", kept), at("snapshot-csv", kept), at("group-snapshots", group)):
        assert browser.get(url).status_code == 404


def test_the_panel_of_the_group_page_shows_the_newest_five(people, group):
    for number in range(6):
        store(group, f"n{number}", taken_at=the.now() - timedelta(hours=number))
    group.snapshot_hours = 6
    request = RequestFactory().get("/")
    request.user = people["operator"]
    context = views.panel(group) | {"group": group}
    html = render_to_string("groups/_snapshots.html", context, request=request)
    assert "n4" in html
    assert "n5" not in html
    assert "one every 6 hours" in html
    assert f'action="{at("group-snapshots", group)}"' in html


def test_the_panel_asks_the_database_only_when_it_is_shown(group, django_assert_num_queries):
    with django_assert_num_queries(0):
        views.panel(group)
