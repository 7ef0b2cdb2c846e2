"""The history page: charts from chunks and readings alike, marks in words, and a table that says the same."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.domain import sparks
from checkpoints.domain.packing import pack
from checkpoints.domain.positions import encode
from checkpoints.domain.series import SPANS
from checkpoints.models import ConsumerGroup, GroupHistory, HistoryChunk, Plan, Reading, Reset, ShardReset
from checkpoints.models.facts import dump
from checkpoints.queries import history as queries
from checkpoints.services import history
from tests.views.lagging import END, HOUR, NOW, facts, group, words

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


def url(found: Any, **asked: object) -> str:
    return f"/groups/{found.pk}/history/?" + "&".join(f"{name}={value}" for name, value in asked.items())


def read(made: Any, minutes_ago: int, **changes: Any) -> None:
    """Store a reading with two shards, one 20 minutes behind; the ends move by 60 log groups a minute."""
    at = NOW - minutes_ago * MINUTE
    moved = -60 * minutes_ago
    late = {"newest_at": at, "read_at": at - 20 * MINUTE, "unread_at": at - 20 * MINUTE, "end": END + moved}
    shards = [
        facts("behind", 0, **(late | {"checkpoint": encode(END + moved - 1200)} | changes)),
        facts("caught_up", 1, end=END + moved, checkpoint=encode(END + moved)),
    ]
    Reading.objects.create(group=made, taken_at=at, shards=dump(shards))
    ConsumerGroup.objects.filter(pk=made.pk).update(read_at=at, lag_seconds=1200, backlog=1200)


@pytest.fixture
def read_often() -> Any:
    """A group read every minute for 50 minutes, up to now."""
    made = group("cg")
    for minutes_ago in range(50, -1, -1):
        read(made, minutes_ago)
    return made


def figures(html: str) -> list[str]:
    """Return what stands beside the names of the lines: how it is now."""
    return re.findall(r'<b data-values="[^"]*">(?:≥ )?([^<]*)</b>', html)


def test_the_charts_tell_how_it_is_now(browser, read_often):
    html = words(browser.get(url(read_often, span="1h")))
    assert figures(html) == ["20m", "1,200", "2.0/s", "2.0/s"]
    assert html.count('<svg class="plot"') == 3


def test_packed_or_not_the_page_is_the_same(browser, read_often):
    before = queries.view(read_often, SPANS[0], now=NOW, zone=NOW.tzinfo)
    for minutes_ago in range(40, -1, -1):
        history.roll_up(NOW - minutes_ago * MINUTE)
    assert HistoryChunk.objects.count() >= 1
    Reading.objects.filter(taken_at__lt=GroupHistory.objects.get().raw_until - 5 * MINUTE).delete()
    packed = ConsumerGroup.objects.get()
    assert queries.view(packed, SPANS[0], now=NOW, zone=NOW.tzinfo) == before


def test_a_chunk_that_cannot_be_read_is_a_gap_and_not_the_end_of_the_page(browser, read_often, caplog):
    for minutes_ago in range(40, -1, -1):
        history.roll_up(NOW - minutes_ago * MINUTE)
    HistoryChunk.objects.update(totals=b"\x09", shards=b"\x09")
    GroupHistory.objects.update(recent=b"\x09")
    for shard in ("", 0):
        assert figures(words(browser.get(url(read_often, span="1h", shard=shard))))[0] == "20m"
    assert "left out" in caplog.text
    assert queries.sparks_of([read_often.pk], now=NOW)[read_often.pk].path == ""


def test_one_shard_can_be_looked_at_alone(browser, read_often):
    for minutes_ago in range(40, -1, -1):
        history.roll_up(NOW - minutes_ago * MINUTE)
    alone = words(browser.get(url(read_often, span="1h", shard=1)))
    assert figures(alone) == ["0s", "0", "1.0/s", "1.0/s"]
    assert '<option value="1" selected>' in alone


@pytest.mark.parametrize("asked", [{"span": "x"}, {"shard": "x"}, {"shard": "-1"}, {"shard": 10**12}])
def test_what_is_not_known_in_the_address_is_left_out(browser, read_often, asked):
    assert browser.get(url(read_often, **asked)).status_code == 200


def test_the_table_says_the_same(browser, read_often):
    html = words(browser.get(url(read_often, span="1h")))
    rows = re.findall(r"<tr><td>[^<]*</td><td class=\"num\">20m</td><td class=\"num\">1,200</td>", html)
    assert len(rows) == 51


def test_a_lower_bound_is_marked(browser):
    made = group("cg")
    for minutes_ago in (3, 2, 1):
        read(made, minutes_ago, checkpoint=encode(1_000_000), read_at=None)
    html = words(browser.get(url(made, span="1h")))
    assert re.search(r'<b data-values=">\d+,>\d+,>\d+">≥ ', html.replace("&gt;", ">"))
    assert '<td class="num">≥ ' in html


def test_a_group_never_read_has_empty_charts_with_words(browser):
    html = words(browser.get(url(group("cg"))))
    assert "There is no reading in this span." in html
    assert html.count("Nothing is known here.") == 3
    assert ">0<" not in html


def test_a_short_history_tells_where_it_begins(browser, read_often):
    assert "The history begins at" in words(browser.get(url(read_often, span="1h")))


def test_a_reset_is_marked_and_leads_to_its_page(browser, read_often, people):
    plan = Plan.objects.create(
        group=read_often, maker=people["operator"], made_at=NOW, expires_at=NOW, body={}
    )
    reset = Reset.objects.create(
        plan=plan, group=read_often, actor_name="mei", reason="r", started_at=NOW - HOUR / 2
    )
    for shard in (0, 1):
        ShardReset.objects.create(
            reset=reset, shard=shard, before={}, after={"position": "5"}, sent_at=NOW - HOUR / 2
        )
    html = words(browser.get(url(read_often, span="1h")))
    assert f'<a href="/resets/{reset.pk}/">Reset by mei, shards: 0, 1</a>' in html
    assert html.count('<line class="flag reset"') == 3
    assert "a reset from here" in html


def test_a_foreign_move_and_a_change_of_owner_are_marked_with_words(browser):
    made = group("cg")
    for minutes_ago in range(9, 5, -1):
        read(made, minutes_ago)
    read(made, 4, checkpoint=encode(END - 5000), consumer="intruder")
    html = words(browser.get(url(made, span="1h")))
    assert "Went back by no reset of ours, owner intruder, shards: 0" in html
    assert "New owner intruder, shards: 0" in html
    assert "back by no reset of ours" in html
    assert "a change of owner" in html


def paced(made: Any, *backlogs: int) -> None:
    """Store the last steps of five minutes, late all the time, the newest now."""
    first = int(NOW.timestamp()) // sparks.STEP - len(backlogs) + 1
    recent = [sparks.Recent(first + place, 9000, backlog) for place, backlog in enumerate(backlogs)]
    packed, times = pack(list(zip(*recent, strict=True))), dict.fromkeys(UNTILS, NOW)
    GroupHistory.objects.create(group=made, recent=packed, recent_at=NOW, **times)


UNTILS = ("begins_at", "raw_until", "five_until", "hourly_until")


@pytest.mark.parametrize(
    ("backlogs", "expected"),
    [
        ((11_000, 10_000, 9_000, 8_000, 7_000, 6_000), "about 30m"),
        ((5_000, 5_100, 5_200, 5_300, 5_400, 5_500), "not at this rate"),
    ],
)
def test_every_page_tells_in_the_same_words_when_a_group_has_caught_up(browser, backlogs, expected):
    made = group("cg", shards=[facts("behind")], lag_seconds=9000.0, backlog=9)
    paced(made, *backlogs)
    for address in ("/?cols=eta", f"/groups/{made.pk}/", url(made, span="1h"), url(made, panel=1)):
        html = words(browser.get(address))
        assert "Caught up in" in html
        assert expected in html


def test_one_shard_tells_when_it_has_caught_up(browser):
    made = group("cg")
    for minutes_ago in range(30, 0, -1):
        read(made, minutes_ago, checkpoint=encode(END - 60 * minutes_ago - 1200 - 30 * minutes_ago))
    assert "Caught up in:</span> <b>about 41m" in words(browser.get(url(made, span="1h", shard=0)))


def test_a_jump_by_somebody_else_is_no_consumption(browser):
    made = group("cg")
    for minutes_ago in range(9, 0, -1):
        read(made, minutes_ago, checkpoint=encode(END - 60 * minutes_ago - 6000))
    read(made, 0, checkpoint=encode(END - 60))
    for shard in (None, 0):
        found = queries.view(made, SPANS[0], now=NOW, zone=NOW.tzinfo, shard=shard)
        assert "Jumped ahead" in str(found.events[0].words)
        assert max(point.drain_rate or 0 for point in found.series.points) <= 2


@pytest.mark.parametrize(("language", "day"), [("en", r"[A-Z][a-z]{2} \d+"), ("zh-hans", r"\d+月\d+日")])
def test_a_day_on_the_axis_is_written_as_the_language_does(browser, read_often, language, day):
    html = words(browser.get(url(read_often, span="7d"), headers={"Accept-Language": language}))
    assert re.search(rf">{day}</text>", html)


def test_the_caption_of_the_chart_is_in_the_language_of_the_page(browser, read_often):
    chinese = {"HX-Request": "true", "Accept-Language": "zh-hans"}
    html = words(browser.get(url(read_often, panel=1), headers=chinese))
    assert "24 hours" not in html
    assert "<b>24 小时</b>" in html


def test_the_chosen_span_is_marked_on_the_page_of_the_group_too(browser, read_often):
    html = words(browser.get(url(read_often, span="6h", panel=1), headers={"HX-Request": "true"}))
    assert re.findall(r'id="span-(\w+)"[^>]* aria-current="true"', html) == ["6h"]
    assert 'name="span" value="6h"' in html


def test_the_chart_stands_above_the_shards(browser):
    html = words(browser.get(f"/groups/{group('cg', shards=[facts('behind')]).pk}/"))
    assert html.index('id="history"') < html.index('id="shards"')


def test_the_fragment_of_the_group_page_has_the_lag_alone(browser, read_often):
    html = words(browser.get(url(read_often, span="6h", panel=1), headers={"HX-Request": "true"}))
    assert "<html" not in html
    assert html.count('<svg class="plot"') == 1
    assert f'href="/groups/{read_often.pk}/history/?span=24h"' in html


def test_times_on_the_axis_are_those_of_the_chosen_zone(browser, read_often):
    browser.cookies["zone"] = "Asia/Kolkata"
    html = words(browser.get(url(read_often, span="1h")))
    local = NOW + timedelta(hours=5, minutes=30)
    tens = local.replace(minute=local.minute // 10 * 10)
    assert f">{tens:%H:%M}</text>" in html or tens.hour == tens.minute == 0


def test_the_page_has_no_inline_style_and_no_script(browser, read_often):
    html = words(browser.get(url(read_often)))
    main = html[html.index("<main") :]
    assert "style=" not in main
    assert "<script" not in main


@pytest.mark.parametrize("span", [span.name for span in SPANS])
def test_the_history_takes_five_looks_however_long_it_is(read_often, django_assert_num_queries, span):
    for minutes_ago in range(40, -1, -1):
        history.roll_up(NOW - minutes_ago * MINUTE)
    wanted = next(one for one in SPANS if one.name == span)
    with django_assert_num_queries(5):
        loaded = ConsumerGroup.objects.select_related("history").get()
        queries.view(loaded, wanted, now=NOW, zone=NOW.tzinfo)


def test_readings_that_were_parsed_before_are_not_loaded_again(read_often, django_assert_num_queries):
    found = ConsumerGroup.objects.get()
    first = queries.view(found, SPANS[0], now=NOW, zone=NOW.tzinfo)
    with django_assert_num_queries(2):  # our writes, and which readings there are
        assert queries.view(found, SPANS[0], now=NOW, zone=NOW.tzinfo) == first


def test_a_reading_that_was_pruned_is_shown_no_longer(read_often):
    found = ConsumerGroup.objects.get()
    before = queries.view(found, SPANS[0], now=NOW, zone=NOW.tzinfo)
    Reading.objects.filter(taken_at__lt=NOW - 20 * MINUTE).delete()
    after = queries.view(found, SPANS[0], now=NOW, zone=NOW.tzinfo)
    assert (len(before.series.points), len(after.series.points)) == (51, 21)


def test_the_small_lines_of_a_page_take_one_look(read_often, django_assert_num_queries):
    history.roll_up(NOW)
    other = group("other")
    with django_assert_num_queries(1):
        found = queries.sparks_of([read_often.pk, other.pk], now=NOW)
    assert (bool(found[read_often.pk].path), found[other.pk].path) == (True, "")


def test_a_small_line_has_a_word_for_its_trend(read_often, rf):
    from django.template.loader import render_to_string

    history.roll_up(NOW)
    spark = queries.sparks_of([read_often.pk], now=NOW)[read_often.pk]
    html = render_to_string("history/_spark.html", {"spark": spark})
    assert "lag of the last 6 h, at most 20m, trend not known yet" in html
    assert "no trend yet" in html
    assert "—" in render_to_string("history/_spark.html", {"spark": queries.sparks_of([0], now=NOW)[0]})
