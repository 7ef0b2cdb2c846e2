"""What each user keeps of the overview: pins and saved views; and the labels that all share."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.models import AuditRow, Label, Pin, SavedView
from checkpoints.services import personal
from tests.views.lagging import group, words
from tests.views.test_overview import BEHIND, OK, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


def pin(browser: Any, found: Any, how: str = "pin") -> Any:
    return browser.post("/pins/", {how: found.pk, "next": "/?order=name"})


def test_a_pinned_group_stands_first_for_its_user_only(signed_in, browser):
    group("late", **BEHIND)
    answer = pin(browser, group("fine", **OK))
    assert (answer.status_code, answer["Location"]) == (303, "/?order=name")
    assert names(browser.get("/")) == ["fine", "late"]
    assert names(signed_in("viewer").get("/")) == ["late", "fine"]


def test_an_unpinned_group_stands_where_it_belongs(browser):
    group("late", **BEHIND)
    fine = group("fine", **OK)
    pin(browser, fine)
    pin(browser, fine, "unpin")
    assert names(browser.get("/")) == ["late", "fine"]


def test_a_filter_leaves_out_pinned_groups_too(browser):
    group("late", **BEHIND)
    pin(browser, group("fine", **OK))
    assert names(browser.get("/?verdict=behind")) == ["late"]


def test_pinned_groups_stand_above_the_first_page_and_on_no_other(browser):
    for number in range(51):
        group(f"g-{number:02}", **BEHIND)
    pin(browser, group("pinned", **OK))
    first, second = browser.get("/"), browser.get("/?page=2")
    assert names(first)[0] == "pinned"
    assert len(names(first)) == 51
    assert "52 groups" in words(first)
    assert len(names(second)) == 1
    assert "pinned" not in names(second)


def test_only_so_many_groups_can_be_pinned(browser, people):
    kept = [group(f"g-{number}", **OK) for number in range(personal.MOST_PINS)]
    Pin.objects.bulk_create(Pin(user=people["operator"], group=one) for one in kept)
    pin(browser, group("one more", **OK))
    assert "At most 30 groups can be pinned." in words(browser.get("/"))
    assert Pin.objects.count() == 30


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30, "999999", "١"])
def test_what_is_no_group_cannot_be_pinned(browser, number):
    assert browser.post("/pins/", {"pin": number}).status_code == 404


def test_after_pinning_nobody_is_sent_to_another_site(browser):
    answer = browser.post("/pins/", {"pin": group().pk, "next": "https://example.com/"})
    assert answer["Location"] == "/"


def test_a_saved_view_is_a_link_to_its_filters_order_and_columns(browser):
    sent = {"name": " Late  ones ", "query": "verdict=behind&order=lag&cols=lag&page=3&evil=1"}
    answer = browser.post("/views/", sent)
    assert (answer.status_code, answer["Location"]) == (303, "/?verdict=behind&order=lag&cols=lag")
    html = words(browser.get("/"))
    assert 'href="/?verdict=behind&amp;order=lag&amp;cols=lag">Late ones</a>' in html


def test_a_saved_view_is_seen_by_its_user_only(signed_in, browser):
    browser.post("/views/", {"name": "Mine", "query": "q=pay"})
    assert "Mine" not in words(signed_in("viewer").get("/"))


def test_a_view_of_the_same_name_is_replaced(browser):
    for query in ("q=one", "q=two"):
        browser.post("/views/", {"name": "Mine", "query": query})
    assert SavedView.objects.get().query == "q=two"


def test_the_view_that_is_shown_is_marked(browser):
    browser.post("/views/", {"name": "Mine", "query": "q=one"})
    assert 'aria-current="true">Mine' in words(browser.get("/?q=one"))
    assert 'aria-current="true">Mine' not in words(browser.get("/?q=two"))


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_view_without_a_usable_name_is_refused_with_a_sentence(browser, name):
    browser.post("/views/", {"name": name, "query": "q=one"})
    assert "A name is one line of 1 to 60 characters." in words(browser.get("/"))
    assert not SavedView.objects.exists()


def test_only_so_many_views_can_be_saved(browser, people):
    kept = (SavedView(user=people["operator"], name=f"v{number}") for number in range(personal.MOST_VIEWS))
    SavedView.objects.bulk_create(kept)
    browser.post("/views/", {"name": "one more", "query": ""})
    assert SavedView.objects.count() == 30


def test_a_view_is_removed_by_its_user_and_by_nobody_else(signed_in, browser):
    browser.post("/views/", {"name": "Mine", "query": "q=one"})
    saved = SavedView.objects.get()
    signed_in("viewer").post(f"/views/{saved.pk}/remove/")
    assert SavedView.objects.exists()
    browser.post(f"/views/{saved.pk}/remove/")
    assert not SavedView.objects.exists()


def label(browser: Any, found: Any, text: str) -> Any:
    return browser.post(f"/groups/{found.pk}/labels/", {"labels": text})


def test_labels_are_shown_filtered_by_and_audited(browser):
    late = group("late", **BEHIND)
    group("fine", **OK)
    assert label(browser, late, "payments, Night  shift,payments,").status_code == 303
    html = words(browser.get("/"))
    assert 'href="?label=Night+shift">Night shift</a>' in html
    assert "<option>payments</option>" in html
    assert names(browser.get("/?label=payments")) == ["late"]
    row = AuditRow.objects.get(action="group.labelled")
    assert (row.consumer_group, row.actor_name) == ("late", "the-operator")
    assert (row.before, row.after) == ([], ["Night shift", "payments"])


def test_labels_that_stay_the_same_leave_no_trace(browser):
    late = group("late", **BEHIND)
    label(browser, late, "a,b")
    label(browser, late, "b,a")
    assert AuditRow.objects.filter(action="group.labelled").count() == 1


def test_what_is_typed_replaces_the_labels(browser):
    late = group("late", **BEHIND)
    label(browser, late, "a,b")
    label(browser, late, "b,c")
    assert list(Label.objects.values_list("name", flat=True)) == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (",".join("abcdefghi"), "A group has at most 8 labels."),
        ("x" * 41, "A label has at most 40 characters, on one line."),
    ],
)
def test_labels_that_are_too_many_or_too_long_are_refused(browser, text, sentence):
    late = group("late", **BEHIND)
    label(browser, late, text)
    assert sentence in words(browser.get(f"/groups/{late.pk}/"))
    assert not Label.objects.exists()


def test_a_viewer_sees_labels_and_cannot_change_them(signed_in, browser):
    late = group("late", **BEHIND)
    label(browser, late, "payments")
    viewer = signed_in("viewer")
    assert label(viewer, late, "mine").status_code == 403
    html = words(viewer.get(f"/groups/{late.pk}/"))
    assert "payments" in html
    assert 'name="labels"' not in html


def test_a_hostile_label_is_text(browser):
    late = group("late", **BEHIND)
    label(browser, late, '<img src=x>" onload=1')
    for page in ("/", f"/groups/{late.pk}/", "/?label=<img src=x>"):
        assert "<img src=x>" not in browser.get(page).content.decode()
