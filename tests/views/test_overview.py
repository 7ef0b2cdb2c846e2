"""The overview: worst first, searched and filtered in the address, honest about what is not known."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.domain import sparks
from checkpoints.domain.messages import Message
from checkpoints.domain.packing import pack
from checkpoints.domain.unread import NOT_READ_WHY
from checkpoints.models import Alert, AlertRule, ConsumerGroup, Endpoint, GroupHistory, Label, Pin
from checkpoints.queries import asking, overview
from checkpoints.services import staleness
from tests.views.lagging import HOUR, NOW, PROBLEM, group, store, words

pytestmark = pytest.mark.django_db
BEHIND: dict[str, Any] = {
    "verdict": "behind", "severity": 5, "backlog": 1204, "lag_seconds": 11520.0, "read_at": NOW,
    "oldest_unread_at": NOW - 3 * HOUR, "shard_count": 12, "consumer_count": 3, "last_commit_at": NOW,
}  # fmt: skip
OK: dict[str, Any] = BEHIND | {
    "verdict": "ok", "severity": 11, "backlog": 0, "lag_seconds": 0.0, "oldest_unread_at": NOW,
}  # fmt: skip


@pytest.fixture
def browser(signed_in):
    return signed_in("viewer")


def names(response: Any) -> list[str]:
    return [row.group.name for row in response.context["view"].rows]


def test_the_worst_group_comes_first_and_the_laggier_of_two_alike(browser):
    group("fine", **OK)
    group("late", **BEHIND)
    group("later", **(BEHIND | {"lag_seconds": 99999.0}))
    assert names(browser.get("/")) == ["later", "late", "fine"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("?q=pay", ["orders-reader"]),
        ("?q=ORDERS", ["orders-reader"]),
        ("?q=prod+orders", ["orders-reader"]),
        ("?q=staging", ["other"]),
        ("?verdict=behind", ["orders-reader"]),
        ("?endpoint=staging", ["other"]),
        ("?order=name", ["orders-reader", "other"]),
        ("?order=nonsense&verdict=nonsense&page=-1", ["orders-reader", "other"]),
        ("?page=999", ["orders-reader", "other"]),
        ("?page=٣", ["orders-reader", "other"]),
    ],
)
def test_the_address_searches_filters_and_orders(browser, address, expected):
    group("orders-reader", at=store(project="pay-core"), **BEHIND)
    group("other", at=store(endpoint="staging"), **OK)
    assert names(browser.get(f"/{address}")) == expected


def test_a_figure_that_is_not_known_is_a_dash_and_never_0(browser):
    group("never-read")
    html = words(browser.get("/"))
    row = html[html.index("<tbody>") : html.index("</tbody>")]
    assert "—" in row
    assert "never read" in row
    assert ">0" not in row
    assert "0s" not in row


def test_a_row_tells_lag_backlog_and_unread_age(browser):
    group("late", **BEHIND)
    html = words(browser.get("/"))
    for text in ("3h 12m", "1,204", "Behind", "3 / 12"):
        assert text in html


def test_the_unread_age_of_a_group_without_backlog_does_not_grow_with_the_age_of_the_reading():
    group("fine", **OK)
    view = overview.view(asking.ask({}), now=NOW + 2 * HOUR)
    assert view.rows[0].unread_age == timedelta(0)


def test_the_unread_age_of_a_late_group_goes_on_growing():
    group("late", **BEHIND)
    view = overview.view(asking.ask({}), now=NOW + 2 * HOUR)
    assert view.rows[0].unread_age == 5 * HOUR


def test_a_tile_filters_by_its_verdict_and_lets_the_filter_go_again(browser):
    group("late", **BEHIND)
    assert 'href="?verdict=behind"' in words(browser.get("/?q="))
    chosen = words(browser.get("/?q=late&verdict=behind"))
    assert 'id="tile-behind" href="?q=late" aria-current="true"' in chosen


def test_the_trouble_of_an_endpoint_is_told_with_its_request_id(browser):
    group("late", **BEHIND)
    Endpoint.objects.update(problem=PROBLEM, problem_at=NOW)
    html = words(browser.get("/"))
    for text in ("prod: The key is not accepted.", "Enter the secret again.", "5AEC275D1FFC036AB254B20C"):
        assert text in html


def test_the_trouble_of_a_group_stands_below_its_row(browser):
    group("late", **BEHIND, problem=PROBLEM, problem_at=NOW)
    html = words(browser.get("/"))
    assert "The key is not accepted." in html
    assert html.count("5AEC275D1FFC036AB254B20C") == 1


@pytest.mark.parametrize(
    ("role", "text"), [("admin", "/endpoints/add/"), ("viewer", "An administrator can add one.")]
)
def test_without_any_endpoint_the_page_says_what_to_do(signed_in, role, text):
    html = words(signed_in(role).get("/"))
    assert "There is no endpoint yet." in html
    assert text in html


def test_without_a_match_the_filters_can_be_cleared(browser):
    group("late", **BEHIND)
    html = words(browser.get("/?q=nothing-like-it"))
    assert "No group matches." in html
    assert 'href="/"> Clear filters' in html or 'href="/">Clear filters' in html


def test_groups_are_paged_by_fifty_with_links(browser):
    for number in range(51):
        group(f"g-{number:02}", **BEHIND)
    assert len(names(browser.get("/"))) == 50
    assert 'href="?page=2"' in words(browser.get("/"))
    assert len(names(browser.get("/?page=2"))) == 1


def test_a_vanished_group_is_not_listed(browser):
    group("gone", vanished_at=NOW, **BEHIND)
    assert names(browser.get("/")) == []


def test_the_number_of_queries_does_not_grow_with_the_groups(django_assert_num_queries):
    def look():
        view = overview.view(asking.ask({}), now=NOW)
        return [(row.group.endpoint.name, row.group.project) for row in view.rows]

    group("one", **BEHIND)
    with django_assert_num_queries(4):
        look()
    for number in range(30):
        group(f"g-{number}", **BEHIND)
    with django_assert_num_queries(4):
        assert len(look()) == 31


def test_htmx_gets_the_fragment_alone(browser):
    group("late", **BEHIND)
    html = browser.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert 'id="groups"' in html
    assert 'id="refresh"' in html


def test_a_hostile_name_is_text(browser):
    group("<img src=x onerror=alert(1)>", **BEHIND)
    html = browser.get("/").content.decode()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_group_of_a_removed_endpoint_is_not_listed(browser):
    group("gone", **BEHIND)
    Endpoint.objects.update(removed_at=NOW)
    assert names(browser.get("/")) == []
    assert browser.get(f"/groups/{ConsumerGroup.objects.get().pk}/").status_code == 404


def test_the_columns_stand_in_the_address_and_stay_in_every_link(browser):
    group("late", **BEHIND)
    html = words(browser.get("/?cols=lag&cols=eta&cols=nonsense"))
    heads = html[html.index("<thead>") : html.index("</thead>")]
    assert "Caught up in" in heads
    assert "Backlog" not in heads
    assert "?order=name&amp;cols=lag%2Ceta" in heads
    assert words(browser.get("/?cols=lag,eta")).count('data-label="Caught up in"') == 1


def test_without_any_known_column_all_are_shown(browser):
    group("late", **BEHIND)
    html = words(browser.get("/?cols=nonsense"))
    for word in (
        "Lag",
        "Unread age",
        "Backlog",
        "Lag, 6 h",
        "Caught up in",
        "Data loss in",
        "Consumers",
        "Read",
    ):
        assert f'data-label="{word}"' in html


def history(found: Any, *points: tuple[int | None, int | None]) -> None:
    """Store the last steps of five minutes: (lag, backlog) each, the newest now."""
    newest = int(NOW.timestamp()) // sparks.STEP
    first = newest - len(points) + 1
    recent = [sparks.Recent(first + place, *point) for place, point in enumerate(points)]
    times = dict.fromkeys(["begins_at", "raw_until", "five_until", "hourly_until"], NOW)
    packed = pack(list(zip(*recent, strict=True)))
    GroupHistory.objects.create(group=found, recent=packed, recent_at=NOW, **times)


def test_a_row_draws_the_last_six_hours_and_says_where_they_go(browser):
    history(group("late", **BEHIND), *((1000 * step, 9) for step in range(13)))
    html = words(browser.get("/"))
    assert '<title>lag of the last 6 h, at most 3h 20m, rising</title><path d="M' in html
    assert '<span class="trend rising">rising</span>' in html


def test_without_history_the_trend_is_a_dash(browser):
    group("late", **BEHIND)
    html = words(browser.get("/"))
    assert '<span class="none" title="no lag known in the last 6 h">—</span>' in html


@pytest.mark.parametrize(
    ("backlogs", "expected"),
    [
        ([11_000, 10_000, 9_000, 8_000, 7_000, 6_000], "about 30m"),
        ([11_000, 10_500, 8_500, 8_000, 6_000, 5_000], "12m 30s to 50m"),
        ([5_000, 5_100, 5_200, 5_300, 5_400, 5_500], "not at this rate"),
        ([6_000, 5_000], None),
    ],
)
def test_a_late_group_tells_when_it_will_have_caught_up(backlogs, expected):
    history(group("late", **BEHIND), *((9000, backlog) for backlog in backlogs))
    row = overview.view(asking.ask({}), now=NOW).rows[0]
    assert (row.caught_up and str(row.caught_up)) == expected


def test_a_group_that_keeps_up_has_nothing_to_catch_up():
    history(group("fine", **OK), *((3, backlog) for backlog in (9, 8, 7, 6, 5, 4)))
    assert overview.view(asking.ask({}), now=NOW).rows[0].caught_up is None


def test_a_hundred_groups_take_no_more_queries_than_one(browser, people, django_assert_max_num_queries):
    made = [group(f"g-{number}", at=store(endpoint=f"e-{number % 5}"), **BEHIND) for number in range(100)]
    for one in made:
        history(one, (1, 1))
        Label.objects.create(group=one, name=f"label-{one.pk % 7}")
    Pin.objects.bulk_create(Pin(user=people["viewer"], group=one) for one in made[:9])
    browser.get("/")
    with django_assert_max_num_queries(11):
        assert len(names(browser.get("/"))) == 59
    with django_assert_max_num_queries(8):
        browser.get("/", headers={"HX-Request": "true"})


def test_a_group_that_was_not_read_for_long_is_unknown_and_says_when_it_was(browser):
    group("gone quiet", **(BEHIND | {"read_at": NOW - 3 * HOUR}))
    html = words(browser.get("/"))
    row = html[html.index("<tbody>") : html.index("</tbody>")]
    assert row.startswith('<tbody><tr class="stale">')
    assert '<span class="badge ">Unknown</span><small>Last read <time' in row
    assert "3 h ago" in row
    assert "Behind" not in row


def test_the_groups_of_a_disabled_endpoint_grow_old_like_others(browser):
    group("off", **(OK | {"read_at": NOW - HOUR}))
    Endpoint.objects.update(enabled=False)
    assert browser.get("/").context["view"].rows[0].verdict == "unknown"


def test_a_marked_group_counts_as_unknown_and_is_found_as_such(browser):
    group("old", **(OK | {"read_at": NOW - HOUR}))
    group("fine", **OK)
    staleness.mark(NOW)
    view = browser.get("/?verdict=unknown").context["view"]
    assert [(tile.verdict, tile.count) for tile in view.tiles] == [("unknown", 1), ("ok", 1)]
    assert [row.group.name for row in view.rows] == ["old"]


def test_the_page_says_how_old_the_oldest_and_the_newest_reading_are(browser):
    group("one", **OK)
    assert "as of" in words(browser.get("/"))
    group("two", **(OK | {"read_at": NOW - 2 * HOUR}))
    view = browser.get("/").context["view"]
    assert (view.as_of, view.newest) == (NOW - 2 * HOUR, NOW)
    html = words(browser.get("/"))
    assert re.search(r"read <time[^>]*>[^<]+</time> to <time[^>]*>2h[^<]*</time> ago", html)


def test_shards_that_were_not_read_are_told_below_the_row_and_figures_are_bounds(browser):
    reason = Message(
        NOT_READ_WHY.text, {"count": 2, "total": 8, "why": "GetCursor: timed out (request 5AEE)"}
    )
    known = {"is_partial": True, "lag_is_lower_bound": True, "reasons": [reason.dump()], "lost": None}
    group("late", **(BEHIND | known | {"data_loss_at": NOW + 9 * HOUR}))
    html = words(browser.get("/"))
    assert "2 of 8 shards not read: GetCursor: timed out (request 5AEE)" in html
    row = html[html.index("<tbody>") : html.index("</tbody>")]
    assert row.count("≥ ") == 3  # lag, unread age, backlog
    assert row.count("≤ ") == 1  # the time until data loss


def test_lost_data_has_a_unit(browser):
    group("late", **BEHIND, lost=1204)
    assert '<span class="badge bad">1,204 lost</span><small>log groups</small>' in words(browser.get("/"))


@pytest.mark.parametrize(
    ("order", "other", "sort", "expected"),
    [
        ("lag", "-lag", "descending", ["b", "a", "none"]),
        ("-lag", "lag", "ascending", ["a", "b", "none"]),
        ("unread", "-unread", "descending", ["b", "a", "none"]),
        ("-unread", "unread", "ascending", ["a", "b", "none"]),
        ("backlog", "-backlog", "descending", ["b", "a", "none"]),
        ("-backlog", "backlog", "ascending", ["a", "b", "none"]),
        ("loss", "-loss", "ascending", ["b", "a", "none"]),
        ("-loss", "loss", "descending", ["a", "b", "none"]),
        ("commit", "-commit", "descending", ["b", "a", "none"]),
        ("-commit", "commit", "ascending", ["a", "b", "none"]),
        ("name", "-name", "ascending", ["a", "b", "none"]),
        ("-name", "name", "descending", ["none", "b", "a"]),
        ("-worst", None, "ascending", ["none", "a", "b"]),
    ],
)
def test_a_head_orders_by_its_column_and_again_the_other_way(browser, order, other, sort, expected):
    times = {"oldest_unread_at": NOW - HOUR, "last_commit_at": NOW - HOUR, "data_loss_at": NOW + 2 * HOUR}
    group("a", verdict="behind", severity=5, read_at=NOW, lag_seconds=600.0, backlog=5, **times)
    times = {"oldest_unread_at": NOW - 2 * HOUR, "last_commit_at": NOW, "data_loss_at": NOW + HOUR}
    group("b", verdict="behind", severity=5, read_at=NOW, lag_seconds=900.0, backlog=9, **times)
    group("none", verdict="unknown", severity=6, read_at=NOW)
    answer = browser.get(f"/?order={order}")
    assert names(answer) == expected
    link = f"?order={other}" if other else "/"
    assert f'aria-sort="{sort}"><a id="by-{order.removeprefix("-")}"' in words(answer)
    assert f'id="by-{order.removeprefix("-")}" href="{link if other else "?"}"' in words(answer)


def test_a_group_with_a_firing_alert_links_to_it(browser):
    made, fine = group("late", **BEHIND), group("fine", **OK)
    rule = AlertRule.objects.create(name="slow", pattern="*", condition="lag", limit=600)
    Alert.objects.create(rule=rule, group=made, state="firing", since=NOW)
    Alert.objects.create(rule=rule, group=fine, state="resolved", since=NOW)
    html = words(browser.get("/"))
    assert html.count('class="alert"') == 1
    address = "/alerts/?q=late+store+proj&amp;state=firing"
    assert f'<a class="alert" href="{address}">Alert</a>' in html
    found = browser.get(address.replace("&amp;", "&")).context["view"].page
    assert [alert.group.name for alert in found] == ["late"]


def test_while_no_worker_marks_old_readings_a_refresh_does(browser, django_assert_max_num_queries):
    group("old", **(OK | {"read_at": NOW - HOUR}))
    browser.get("/")
    assert ConsumerGroup.objects.get().verdict == "ok"
    with django_assert_max_num_queries(12):
        browser.get("/", headers={"HX-Request": "true"})
    view = browser.get("/", headers={"HX-Request": "true"}).context["view"]
    assert [(tile.verdict, tile.count) for tile in view.tiles] == [("unknown", 1)]
    assert not view.is_late
