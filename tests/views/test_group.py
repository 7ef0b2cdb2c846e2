"""The page of a group: every state in its words, from the database at once, fresh on demand."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints.domain.positions import encode, shorten
from checkpoints.models import Alert, AlertRule, ConsumerGroup, Endpoint, Plan, Reading, Reset, ShardReset
from checkpoints.models.facts import dump
from checkpoints.queries import groups
from checkpoints.services import audit, collector, group_changes
from checkpoints.services.audit import Actor
from checkpoints.templatetags.deeds import DEEDS, deed
from tests.views.lagging import CHANGES, END, HOUR, NOW, PROBLEM, facts, group, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(signed_in):
    return signed_in("operator")


def url(found: Any) -> str:
    return f"/groups/{found.pk}/"


def row_of(html: str, shard: int = 0) -> str:
    return html[html.index(f'id="shard-{shard}"') :].partition("</tr>")[0]


WORDS = {
    "behind": ["Behind", "2h 59m|3h", "3,000", "worker-1", "29d 20h|29d 21h"],
    "caught_up": ["Caught up", "0s"],
    "at_begin": ["At the oldest", "≥", "before what is kept", "10,000"],
    "expired": ["Expired", "1,204 lost", "before what is kept", "≥", "10,000"],
    "invalid": ["Invalid", "not of this shard", "—"],
    "never_saved": ["Never saved", "never saved", "nobody", "never", "none", "—"],
    "empty": ["Empty", "nothing to read", "0s"],
    "finished": ["Finished", "read-only", "0s"],
    "unknown": ["Unknown", "unknown", "—"],
}


@pytest.mark.parametrize("state", sorted(CHANGES))
def test_a_state_is_shown_in_its_words(browser, state):
    row = row_of(words(browser.get(url(group(shards=[facts(state)])))))
    for choice in WORDS[state]:
        assert any(text in row for text in choice.split("|")), choice


@pytest.mark.parametrize("state", ["invalid", "never_saved", "unknown"])
def test_what_is_not_known_is_never_0(browser, state):
    row = row_of(words(browser.get(url(group(shards=[facts(state, 7)])))), 7)
    assert not re.search(r">\s*(≥ )?0(s)?\s*<", row)
    assert row.count("—") >= 4


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("expired", "jumps to the end: all that is still kept is skipped"),
        ("invalid", "1 checkpoint is not of its shard."),
        ("at_begin", "lower bound"),
    ],
)
def test_a_state_that_wants_action_is_explained(browser, state, sentence):
    assert sentence in words(browser.get(url(group(shards=[facts(state)]))))
    assert sentence not in words(browser.get(url(group("other", shards=[facts("behind")]))))


def test_the_error_of_one_shard_leaves_the_others_shown(browser):
    html = words(browser.get(url(group(shards=[facts("unknown"), facts("behind", 1)]))))
    assert "ShardNotExist (request 5AEE)" in html
    assert "3,000" in row_of(html, 1)


def test_a_shard_that_cannot_be_read_keeps_its_last_known_figures(browser):
    made = group(shards=[facts("unknown"), facts("behind", 1)])
    Reading.objects.create(group=made, taken_at=NOW - HOUR, shards=dump([facts("behind")]))
    assert "Last known: Behind, backlog 3,000" in words(browser.get(url(made)))


def test_while_no_shard_can_be_read_the_last_known_table_stays_with_its_age(browser):
    failing = facts("unknown", before=facts("behind"), before_at=NOW - 5 * HOUR)
    made = group(shards=[failing])
    Reading.objects.create(group=made, taken_at=NOW - HOUR, shards=dump([failing]))
    html = words(browser.get(url(made)))
    assert "3,000" in row_of(html)
    assert html.count('role="alert"') == 1
    banner = html[html.index('role="alert"') :].partition("</div>")[0]
    assert ">5 h ago</time>." in banner
    assert "No shard can be read." in banner
    assert "ShardNotExist (request 5AEE)" in banner
    assert "how it is now is not known" in banner
    assert html.count('<small class="then">') >= 5


def test_an_old_reading_says_so_at_each_figure_and_is_not_made_older_than_it_was(browser):
    made = group(shards=[facts("behind")], verdict="behind")
    fresh = words(browser.get(url(made)))
    assert "Last read" not in fresh
    assert 'class="then"' not in fresh
    ConsumerGroup.objects.update(read_at=NOW - 9 * HOUR, problem=PROBLEM, problem_at=NOW)
    late = facts("behind", unread_at=NOW - 9 * HOUR - timedelta(seconds=9))
    Reading.objects.update(taken_at=NOW - 9 * HOUR, shards=dump([late]))
    html = words(browser.get(url(made)))
    assert re.search(r"Last read <time[^>]*>9 h ago</time>\. The key is not accepted\.", html)
    assert html.count('<small class="then">') >= 5
    assert 'data-label="Unread age">9s<' in row_of(html)
    assert "In time" in row_of(html)
    head = html.partition("</h1>")[0]
    assert re.search(r'>Unknown</span> <small class="then">Behind</small> .*9 h ago', head)


def test_an_old_reading_of_a_disabled_endpoint_says_why(browser):
    made = group(shards=[facts("behind")])
    ConsumerGroup.objects.update(read_at=NOW - HOUR)
    assert "No worker reads it." in words(browser.get(url(made)))
    Endpoint.objects.update(enabled=False)
    assert "The endpoint is disabled: nothing of it is read." in words(browser.get(url(made)))


def test_a_group_that_is_gone_says_so_once_and_how_old_its_figures_are(browser):
    made = group(shards=[facts("behind")], vanished_at=NOW)
    ConsumerGroup.objects.update(read_at=NOW - HOUR, problem=PROBLEM)
    html = words(browser.get(url(made)))
    assert "This group no longer exists." in html
    assert 'role="alert"' not in html
    assert html.count('<small class="then">') >= 5


SECONDS = {"read_at": NOW - timedelta(seconds=9), "unread_at": NOW - timedelta(seconds=9)}


def test_a_few_seconds_are_no_lag_to_speak_of(browser):
    made = group(shards=[facts("behind", **SECONDS), facts("behind", 1)], words=["stopped", "ok"])
    html = words(browser.get(url(made)))
    assert '<span class="badge ok">In time</span>' in row_of(html)
    assert '<span class="badge bad">Stopped</span>' in row_of(html, 1)
    assert "Only lagging (1)" in html
    assert 'id="shard-0"' not in words(browser.get(url(made) + "?only=late"))


def test_late_shards_of_several_verdicts_are_behind(browser):
    made = group(shards=[facts("behind")], words=["stopped", "catching_up"])
    assert '<span class="badge warn">Behind</span>' in row_of(words(browser.get(url(made))))


def test_what_is_saved_rarely_is_not_late_between_two_saves(browser):
    at = int(NOW.timestamp())
    visits = [[at - 7200, at - 7200, 1], [at - 3600, at - 3600, 1], [at - 600, at - 600, 1]]
    made = group(shards=[facts("behind")], rhythm={"0": visits})
    html = words(browser.get(url(made)))
    assert "Rarely saves" in row_of(html)
    assert "Only lagging (0)" in html


def test_a_tiny_or_timely_backlog_is_no_skew(browser):
    late = facts("behind", checkpoint=encode(END - 9))
    assert "Most loaded" not in words(browser.get(url(group(shards=[late, facts("caught_up", 1)]))))
    timely = group("timely", shards=[facts("behind", **SECONDS), facts("caught_up", 1)])
    assert "Most loaded" not in words(browser.get(url(timely)))


def test_a_child_waits_for_its_parents_in_words(browser):
    shards = [facts("behind", 0, readonly=True), facts("never_saved", 1, parents=(0,))]
    made = group(shards=shards, in_order=True)
    assert "waits for shard 0" in row_of(words(browser.get(url(made))), 1)
    for other in (
        group("unordered", shards=shards),
        group("done", shards=[facts("finished"), shards[1]], in_order=True),
        group("begun", shards=[shards[0], facts("behind", 1, parents=(0,))], in_order=True),
    ):
        assert "waits for shard" not in words(browser.get(url(other)))
    two = [facts("behind", 0), facts("behind", 1), facts("never_saved", 2, parents=(0, 1))]
    merged = group("merged", shards=two, in_order=True)
    assert "waits for shards 0, 1" in row_of(words(browser.get(url(merged))), 2)


def test_what_was_lost_is_a_piece_of_the_bar_with_its_words(browser):
    row = row_of(words(browser.get(url(group(shards=[facts("expired")])))))
    assert '<title>1,204 log groups lost: deleted before they were consumed</title><rect class="lost"' in row
    assert '<small class="lost">lost</small>' in row
    assert 'class="lost"' not in row_of(words(browser.get(url(group("fine", shards=[facts("behind")])))))


@pytest.mark.parametrize("state", ["firing", "acknowledged", "silenced", "pending", "resolved"])
def test_an_open_alert_stands_in_the_head_with_its_state(browser, state):
    made = group(shards=[facts("behind")])
    rule = AlertRule.objects.create(name="slow", pattern="*", condition="lag", limit=600)
    alert = Alert.objects.create(rule=rule, group=made, state=state, since=NOW)
    head = words(browser.get(url(made))).partition("<dl")[0]
    assert (f'href="/alerts/{alert.pk}/">slow</a>' in head) is (state not in ("pending", "resolved"))
    assert (f">{state.title()}</span>" in head) is (state not in ("pending", "resolved"))


def test_the_bar_is_drawn_to_scale_with_a_text(browser):
    row = row_of(words(browser.get(url(group(shards=[facts("behind")])))))
    assert "10,000 log groups retained, 7,000 before the checkpoint, 3,000 unread" in row
    kept, unread = (
        float(re.search(rf'class="{name} ?"[^>]* width="([0-9.]+)"', row)[1]) for name in ("kept", "unread")
    )  # type: ignore[index]
    assert unread / kept == pytest.approx(0.3, abs=0.01)


def test_times_are_shown_in_the_chosen_zone_with_utc_beside(browser):
    browser.cookies["zone"] = "Asia/Tokyo"
    row = row_of(words(browser.get(url(group(shards=[facts("behind")])))))
    utc, tokyo = NOW - 3 * HOUR, NOW + 6 * HOUR
    assert f'title="{utc:%Y-%m-%d %H:%M:%S} UTC"' in row
    assert f"{tokyo:%Y-%m-%d %H:%M:%S}" in row
    assert f"{utc:%H:%M:%S} UTC ·" in row


def test_the_checkpoint_is_short_and_can_be_copied_whole(browser):
    checkpoint = encode(END - 3000)
    row = row_of(words(browser.get(url(group(shards=[facts("behind")])))))
    assert f'data-copy="{checkpoint}"' in row
    assert f">{shorten(checkpoint)}<" in row
    assert str(END - 3000) in row


def test_a_group_that_was_never_read_says_so_and_offers_to_read(browser):
    html = words(browser.get(url(group())))
    assert "This group was never read." in html
    assert 'href="?fresh=1"' in html
    assert ">0<" not in html


def test_only_those_who_may_reset_can_choose_shards(signed_in):
    made = group(shards=[facts("behind")])
    assert 'name="shard"' in words(signed_in("operator").get(url(made)))
    assert 'name="shard"' not in words(signed_in("viewer").get(url(made)))


def test_no_shard_is_chosen_beforehand_and_the_form_goes_to_the_reset(browser):
    made = group(shards=[facts("behind"), facts("behind", 1)])
    html = words(browser.get(url(made)))
    assert html.count('name="shard"') == 2
    assert " checked" not in html
    assert f'method="get" action="/groups/{made.pk}/reset/"' in html


def test_on_a_read_only_endpoint_the_button_is_off_and_tells_why(browser):
    made = group(shards=[facts("behind")])
    Endpoint.objects.update(protection="read-only")
    assert '<button class="btn" disabled title="This endpoint is read-only' in words(browser.get(url(made)))


def test_only_lagging_leaves_out_shards_without_lag(browser):
    made = group(shards=[facts("behind"), facts("caught_up", 1)])
    html = words(browser.get(url(made) + "?only=late"))
    assert 'id="shard-0"' in html
    assert 'id="shard-1"' not in html
    assert "Only lagging (1)" in words(browser.get(url(made)))


def test_finished_shards_are_folded_and_not_counted_in_the_lag(browser):
    made = group(shards=[facts("behind"), facts("finished", 1)])
    html = words(browser.get(url(made)))
    fold = html[html.index('id="finished"') :]
    assert 'id="shard-1"' in fold
    assert 'id="shard-0"' not in fold
    assert "1 finished shard:" in html


def test_trouble_is_a_banner_above_the_last_known_table(browser):
    made = group(shards=[facts("behind")], problem=PROBLEM, problem_at=NOW)
    html = words(browser.get(url(made)))
    assert html.index("The key is not accepted.") < html.index('id="shard-0"')
    assert "5AEC275D1FFC036AB254B20C" in html


def test_a_visit_does_not_call_the_service(browser, emu, group_read):
    Reading.objects.update(taken_at=NOW - timedelta(minutes=5))
    before = emu.stats()
    browser.get(url(group_read))
    assert emu.stats() == before


def test_a_refresh_reads_anew_when_the_reading_is_old(browser, group_read):
    Reading.objects.update(taken_at=NOW - timedelta(minutes=5))
    ConsumerGroup.objects.update(read_at=NOW - timedelta(minutes=5))
    html = browser.get(url(group_read) + "?fresh=1", headers={"HX-Request": "true"}).content.decode()
    assert Reading.objects.count() == 2
    assert "<html" not in html
    assert 'id="shard-3"' in html


def test_a_refresh_that_fails_keeps_the_table(browser, emu, group_read):
    Reading.objects.update(taken_at=NOW - timedelta(minutes=5))
    ConsumerGroup.objects.update(read_at=NOW - timedelta(minutes=5))
    for _ in range(20):
        emu.fault("ListShards", status=403, code="Unauthorized", message="denied")
    response = browser.get(url(group_read) + "?fresh=1", headers={"HX-Request": "true"})
    html = words(response)
    assert response.status_code == 200
    assert "note bad" in html
    assert 'id="shard-3"' in html
    assert ConsumerGroup.objects.get().problem["code"]


def test_however_long_no_shard_can_be_read_the_last_figures_stay(browser, emu, group_read):
    before = words(browser.get(url(group_read)))
    emu.fault("GetCursor", status=403, code="Unauthorized", message="denied", times=999)
    for minutes in (1, 2, 3):
        collector.read_group(group_read, max_age=timedelta(0), now=NOW + timedelta(minutes=minutes))
    html = words(browser.get(url(group_read)))
    assert Reading.objects.count() == 4
    assert "No shard can be read." in html
    assert "GetCursor: Unauthorized" in html
    assert [row_of(html, shard).count("badge") for shard in range(4)] == [1] * 4
    assert 'data-label="Backlog">' in html
    backlogs = [re.findall(r'data-label="Backlog">([^<]*)<', page) for page in (before, html)]
    assert backlogs[0] == backlogs[1]
    emu.clear_faults()
    collector.read_group(group_read, max_age=timedelta(0), now=NOW + timedelta(minutes=4))
    assert "No shard can be read." not in words(browser.get(url(group_read)))


@pytest.fixture
def group_read(group_of_emulator):
    collector.read_group(group_of_emulator, max_age=timedelta(0), now=NOW)
    return group_of_emulator


@pytest.fixture
def group_of_emulator(endpoint):
    from checkpoints.services import discovery

    discovery.discover(endpoint, now=NOW)
    return ConsumerGroup.objects.get(name="cg-0")


def test_three_hundred_shards_take_as_many_queries_as_one(browser, django_assert_max_num_queries):
    made = group(shards=[facts("behind", number) for number in range(300)])
    browser.get(url(made))
    with django_assert_max_num_queries(11):
        html = browser.get(url(made)).content.decode()
    assert html.count('id="shard-') == 300


def test_the_query_of_a_group_takes_one_look(django_assert_num_queries):
    made = groups.find().get(pk=group(shards=[facts("behind")]).pk)
    with django_assert_num_queries(1):
        groups.view(made, now=NOW)


def test_the_links_to_resets_and_audit_follow_the_permissions(signed_in):
    made = group(shards=[facts("behind")])
    auditor = words(signed_in("auditor").get(url(made)))
    assert "/audit/?group=cg" in auditor
    assert f"/resets/?group={made.pk}" in auditor
    assert "/audit/?group=cg" not in words(signed_in("viewer").get(url(made)))


def test_hostile_names_are_text(browser):
    made = group(
        '"><script>alert(1)</script>', shards=[facts("behind", consumer="<b>x</b>", error="<i>e</i>")]
    )
    html = browser.get(url(made)).content.decode()
    for bad in ("<script>alert", "<b>x</b>", "<i>e</i>"):
        assert bad not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html


def test_what_was_lost_is_told_in_time_when_that_is_known(browser):
    lost = facts("expired", unread_at=NOW - 50 * HOUR, begin_at=NOW - 48 * HOUR)
    html = words(browser.get(url(group(shards=[lost]))))
    assert "2h lost" in row_of(html)
    assert "2h of data is already lost." in html
    assert "oldest kept: 2d" in row_of(html)


@pytest.mark.parametrize("library", ["Python library", "Java library", "Go library", "Flink connector"])
def test_lost_data_tells_what_each_client_does(browser, library):
    assert library in words(browser.get(url(group(shards=[facts("expired")]))))
    assert library not in words(browser.get(url(group("fine", shards=[facts("behind")]))))


def test_data_at_risk_tells_so_before_it_is_lost(browser):
    assert "Python library" in words(browser.get(url(group(verdict="at_risk", shards=[facts("behind")]))))


def test_parents_and_children_of_a_split_are_told(browser):
    shards = [facts("finished", 0), facts("behind", 1, parents=(0,)), facts("behind", 2, parents=(0,))]
    html = words(browser.get(url(group(shards=shards))))
    assert "now 1, 2" in row_of(html, 0)
    assert "from 0" in row_of(html, 1)


def test_a_split_in_the_service_is_read_as_lineage(browser, emu, group_of_emulator):
    emu.world.logstore("proj", "store").split(0, "", NOW.timestamp())
    collector.read_group(group_of_emulator, max_age=timedelta(0), now=NOW)
    html = words(browser.get(url(group_of_emulator)))
    assert "now 4, 5" in row_of(html, 0)
    assert "from 0" in row_of(html, 4)
    assert "from" not in row_of(html, 1)


def test_consumers_are_listed_with_their_shards_and_nobody_last(browser):
    shards = [
        facts("behind", 0, consumer="b"),
        facts("behind", 1, consumer="a"),
        facts("behind", 3, consumer="b"),
    ]
    html = words(browser.get(url(group(shards=[*shards, facts("behind", 2, consumer="")]))))
    part = html[html.index('id="consumers"') :]
    assert [part.index(text) for text in (">a<", ">b<", "nobody<")] == sorted(
        part.index(text) for text in (">a<", ">b<", "nobody<")
    )
    assert "2 shards <small>0, 3<" in part
    assert "1 shard <small>1<" in part
    assert ">6,000<" in part


def test_the_most_loaded_shard_is_told_by_backlog_and_by_writes(browser):
    made = group(shards=[facts("behind", 0), facts("behind", 1, checkpoint=encode(END - 1000))])
    before = [facts("behind", 0, end=END - 10), facts("behind", 1, end=END - 30)]
    Reading.objects.create(group=made, taken_at=NOW - HOUR, shards=dump(before))
    html = words(browser.get(url(made)))
    assert "75 %<small>of the backlog: shard 0; evenly 50 %" in html
    assert "75 % of what is written: shard 1" in html


def test_the_timeline_has_audit_rows_for_those_who_may_read_them(signed_in):
    made = group(shards=[facts("behind")])
    group("other", shards=[facts("behind")])
    audit.record("snapshot.taken", actor=Actor("", "mei"), outcome="taken", group=made, reason="why not")
    html = words(signed_in("auditor").get(url(made)))
    assert "Took a snapshot" in html
    assert "snapshot.taken" not in html
    assert "why not" in html
    assert "Took a snapshot" not in words(signed_in("operator").get(url(made)))


@pytest.mark.parametrize("role", ["auditor", "operator"])
def test_a_reset_is_one_row_with_what_came_of_its_shards(signed_in, people, role):
    made = group(shards=[facts("behind")])
    plan = Plan.objects.create(group=made, maker=people["operator"], made_at=NOW, expires_at=NOW, body={})
    reset = Reset.objects.create(
        plan=plan, group=made, actor_name="mei", reason="deploy", started_at=NOW, outcome="partial"
    )
    for shard, outcome, watch in ((0, "confirmed", "held"), (1, "confirmed", "held"), (2, "refused", "")):
        ShardReset.objects.create(reset=reset, shard=shard, before={}, after={}, outcome=outcome, watch=watch)
        audit.record("reset.shard", actor=Actor("", "mei"), group=made, shard=shard, object_id=reset.pk)
    for action in ("reset.requested", "reset.finished"):
        audit.record(action, actor=Actor("", "mei"), group=made, object_id=reset.pk)
    html = words(signed_in(role).get(url(made)))
    part = html[html.index('id="timeline"') :].partition("</section>")[0]
    assert part.count("<tr><td>") == 1
    assert f'<a href="/resets/{reset.pk}/">Reset</a>' in part
    for text in ("Partial", "Confirmed: 0-1", "Held: 0-1", "Refused: 2", "deploy"):
        assert text in part


def test_every_deed_at_a_group_has_words():
    """The actions of services that name a group; those of approvals end in their state."""
    text = "".join(path.read_text() for path in Path("checkpoints/services").glob("*.py"))
    found = set(re.findall(r'"((?:plan|approval|wait|snapshot|logs|group|alert|access)\.[a-z_]+)"', text))
    assert len(found) >= 10
    assert found <= set(DEEDS)
    assert all(
        deed(action) != "Something else" for action in (*found, "approval.approved", "approval.denied")
    )


def test_settings_are_told_with_their_changes(browser):
    made = group(shards=[facts("behind")], timeout_seconds=60, in_order=True)
    assert "No change of them was seen." in words(browser.get(url(made)))
    group_changes.note(made, {"timeout_seconds": 30, "in_order": True})
    html = words(browser.get(url(made)))
    assert "<td>Timeout</td><td>1m</td><td>30s</td>" in html


@pytest.mark.parametrize(("role", "count"), [("viewer", 0), ("peeker", 2), ("operator", 2)])
def test_log_lines_of_each_open_shard_are_a_click_away_for_those_who_may(signed_in, role, count):
    made = group(shards=[facts("behind", 0), facts("caught_up", 1), facts("finished", 2)])
    assert words(signed_in(role).get(url(made))).count('/lines/" hx-post') == count


def test_a_group_is_pinned_from_its_page(browser):
    made = group(shards=[facts("behind")])
    assert f'name="pin" value="{made.pk}" aria-pressed="false"' in words(browser.get(url(made)))
    browser.post("/pins/", {"pin": made.pk})
    assert f'name="unpin" value="{made.pk}" aria-pressed="true"' in words(browser.get(url(made)))


def test_a_refresh_asks_for_nothing_that_stands_outside_the_table(browser, django_assert_max_num_queries):
    made = group(shards=[facts("behind")])
    fragment = {"headers": {"HX-Request": "true"}}
    browser.get(url(made), **fragment)
    with django_assert_max_num_queries(7):
        browser.get(url(made), **fragment)
