"""The page that starts a reset: one target for all shards, others for single ones, and what it echoes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from checkpoints.domain import cursor_files, positions
from checkpoints.models import ConsumerGroup, Plan, Snapshot
from checkpoints.services import collector
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


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def start(browser, group, /, **fields):
    return browser.post(
        reverse("group-reset", args=[group.pk]), {"shard": ["0", "1"], "to": "earliest"} | fields
    )


def echo(browser, group, /, **fields):
    return page(browser.get(reverse("group-reset-echo", args=[group.pk]), fields))


def sent(*lines, name="cursors.csv"):
    return SimpleUploadedFile(name, "\n".join(["shard,cursor", *lines]).encode(), content_type="text/csv")


def moves():
    return the.moves(Plan.objects.get())


def test_single_shards_may_have_targets_of_their_own(browser, placed):
    start(browser, placed, **{"shard": ["0", "1", "2"], "target-1": "-2groups", "target-2": " Keep "})
    assert moves() == {0: ("rewind", 15, None), 1: ("rewind", 2, None)}
    assert Plan.objects.get().body["bound"]["each"] == {"1": "-2groups", "2": "keep"}


def test_what_says_the_same_as_the_target_of_all_is_none_of_its_own(browser, placed):
    """The script writes the target of all into every ticked row."""
    start(browser, placed, **{"to": "text", "text": "2h ago", "target-0": "2h ago", "target-1": "-1groups"})
    assert Plan.objects.get().body["bound"]["each"] == {"1": "-1groups"}


def test_a_time_of_a_single_shard_is_taken_in_the_zone_of_the_form(browser, placed):
    start(browser, placed, **{"zone": "Asia/Shanghai", "target-1": "2026-01-02 08:00"})
    assert Plan.objects.get().body["bound"]["each"] == {"1": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("whenever", "This is not a target"),
        ("cursor:???", "not base64"),
        ("file:/etc/passwd", "A file is only read by the command"),
        ("x" * 500, "at most 200 characters"),
    ],
)
def test_a_bad_target_of_a_single_shard_is_told_in_its_row(browser, placed, text, sentence):
    response = start(browser, placed, **{"target-1": text})
    html = page(response)
    assert response.status_code == 422
    assert sentence in html.partition('id="error-1"')[2].partition("</ul>")[0]
    assert "Look at the targets of these shards: 1." in html
    assert f'value="{text}"' in html
    assert not Plan.objects.exists()


def test_a_target_of_a_shard_that_is_not_ticked_is_not_taken_silently(browser, placed):
    html = page(start(browser, placed, **{"target-3": "latest", "target-2": "keep"}))
    assert "Tick this shard, or clear its target." in html
    assert "Look at the targets of these shards: 3." in html
    assert not Plan.objects.exists()


def test_a_csv_file_names_the_shards_itself(emu, browser, placed):
    lines = [f"{shard},{positions.encode(the.begin(emu, shard) + 1)}" for shard in (0, 1)]
    start(browser, placed, shard=[], to="file", file=sent(*lines, name="my cursors.csv"))
    assert moves() == {0: ("rewind", 14, None), 1: ("rewind", 4, None)}
    assert Plan.objects.get().body["target"] == "file: my cursors.csv"
    assert Plan.objects.get().body["bound"]["target"] == "keep"


def test_of_a_csv_file_only_ticked_shards_are_planned_and_single_ones_may_differ(emu, browser, placed):
    lines = [f"{shard},{positions.encode(the.begin(emu, shard) + 1)}" for shard in (0, 1)]
    start(
        browser, placed, **{"shard": ["1", "2"], "to": "file", "file": sent(*lines), "target-2": "-3groups"}
    )
    assert moves() == {1: ("rewind", 4, None), 2: ("rewind", 3, None)}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"to": "file"}, "Choose the file."),
        ({"to": "file", "file": sent("0,???")}, "Line 2 of the file"),
        ({"to": "file", "file": sent("0,MTIz")}, "The file says nothing about these shards: 1."),
        ({"to": "file", "file": sent("0,MTIz", "1,MTIz")}, "not one of shard 0"),
        ({"to": "file", "file": SimpleUploadedFile("a.csv", b"")}, "The submitted file is empty."),
        ({"to": "file", "file": SimpleUploadedFile("a.csv", b"\xff\xfe")}, "not UTF-8 text"),
        (
            {"to": "file", "file": SimpleUploadedFile("a.csv", b"x" * (cursor_files.LARGEST + 1))},
            "larger than 1 MB",
        ),
        ({"to": "snapshot"}, "not one of the available choices"),
        ({"to": "group"}, "not one of the available choices"),
        ({"zone": "Mars/Base"}, "There is no time zone named Mars/Base."),
    ],
)
def test_bad_input_is_a_sentence(browser, placed, fields, sentence):
    for one in fields.values():
        if hasattr(one, "seek"):
            one.seek(0)
    response = start(browser, placed, **fields)
    assert (response.status_code, Plan.objects.exists()) == (422, False)
    assert sentence in page(response)


def test_a_snapshot_is_chosen_from_the_newest_of_the_group(emu, browser, placed):
    shards = [
        {"shard": 0, "position": str(the.begin(emu, 0) + 3), "cursor": "", "read_at": None, "unread_at": None}
    ]
    for age in range(22):
        kept = Snapshot.objects.create(
            group=placed, name=f"no {age}", taken_at=the.now() - timedelta(hours=age), shards=shards
        )
    html = page(browser.get(reverse("group-reset", args=[placed.pk])))
    assert "no 19 ·" in html
    assert "no 20 ·" not in html
    assert "available choices" in page(start(browser, placed, to="snapshot", snapshot=str(kept.pk)))
    assert "Choose one." in page(start(browser, placed, to="snapshot"))
    newest = placed.snapshots.first()
    start(browser, placed, shard=[], to="snapshot", snapshot=str(newest.pk))
    assert moves() == {0: ("rewind", 12, None)}


def test_another_group_of_the_logstore_is_chosen_by_name(emu, browser, placed):
    emu.add_group("proj", "store", "other", checkpoints={"0": the.begin(emu, 0) + 2})
    ConsumerGroup.objects.create(logstore=placed.logstore, name="other")
    ConsumerGroup.objects.create(logstore=placed.logstore, name="gone", vanished_at=the.now())
    html = page(browser.get(reverse("group-reset", args=[placed.pk])))
    assert '<option value="other">' in html
    assert '<option value="gone">' not in html
    assert '<option value="cg-0">' not in html
    assert "Choose at least one shard." in page(start(browser, placed, shard=[], to="group", group="other"))
    start(browser, placed, shard=["0"], to="group", group="other")
    assert moves() == {0: ("rewind", 13, None)}


def test_quick_picks_are_links_that_keep_the_ticked_shards(browser, placed):
    html = page(browser.get(reverse("group-reset", args=[placed.pk]) + "?shard=2"))
    assert 'href="?text=3h+ago&amp;shard=2"' in html
    picked = page(browser.get(reverse("group-reset", args=[placed.pk]) + "?text=3h+ago&shard=2"))
    assert 'value="3h ago"' in picked
    assert picked.count("checked") == 2
    assert "3h ago = " in picked


def test_a_typed_target_is_echoed_with_both_clocks(browser, placed):
    said = echo(browser, placed, to="text", text="2026-11-20 10:47", zone="Asia/Shanghai")
    assert "2026-11-20 10:47 = Fri 20 Nov" in said
    assert "02:47:00 UTC, 10:47:00 Asia/Shanghai" in said
    assert "<html" not in said


def test_a_chosen_time_is_echoed_in_the_zone_beside_it(browser, placed):
    said = echo(browser, placed, to="time", when="2026-11-20T10:47", zone="Asia/Shanghai")
    assert "2026-11-20 10:47 Asia/Shanghai = Fri 20 Nov" in said


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"to": "earliest"}, "To the oldest log group still retained."),
        ({"to": "text", "text": "-2h"}, "Back by 2h from each shard"),
        ({"to": "text", "text": "whenever"}, "This is not a target"),
        ({"to": "text", "text": "<b>"}, "This is not a target"),
        ({"to": "text", "text": ""}, "Say where to go"),
        ({"to": "text", "text": "2h ago", "zone": "Mars/Base"}, "There is no time zone named Mars/Base."),
        ({"to": "time", "when": ""}, "Choose the time."),
        ({"to": "text", "text": "cursor:MTIz"}, "To the position 123, on one shard."),
    ],
)
def test_every_target_and_every_refusal_is_echoed(browser, placed, fields, sentence):
    assert sentence in echo(browser, placed, **fields)


@pytest.mark.parametrize("fields", [{}, {"text": "2h ago"}, {"to": "file"}, {"to": "nowhere"}])
def test_where_nothing_is_chosen_nothing_is_echoed(browser, placed, fields):
    assert '<p id="echo" class="echo"></p>' in echo(browser, placed, **fields)


def test_what_was_typed_is_escaped_in_the_echo(browser, placed):
    assert "<script" not in echo(browser, placed, to="text", text="group:<script>/p/l/g")


def test_the_checkpoints_of_the_last_reading_come_as_csv(emu, signed_in, placed):
    the.place(emu, {1: "bm90IGEgbnVtYmVy"})
    collector.read_group(placed, max_age=timedelta(0), now=the.now())
    emu.reset_stats()
    response = signed_in("viewer").get(reverse("group-csv", args=[placed.pk]))
    rows = [f"{shard},{positions.encode(the.begin(emu, shard) + at)}\n" for shard, at in ((0, 15), (2, 20))]
    assert response.content.decode() == "shard,cursor\n" + "".join(rows)
    assert response["Content-Disposition"] == 'attachment; filename="store-cg-0.csv"'
    assert emu.stats()["requests"] == {}


def test_a_name_that_is_no_file_name_is_made_one(signed_in, placed):
    ConsumerGroup.objects.update(name='a/../"b\nc')
    response = signed_in("viewer").get(reverse("group-csv", args=[placed.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="store-a_____b_c.csv"'


def test_a_group_that_was_never_read_has_an_empty_csv(signed_in, group):
    assert signed_in("viewer").get(reverse("group-csv", args=[group.pk])).content == b"shard,cursor\n"


def test_the_csv_of_the_page_makes_a_plan_that_moves_nothing(signed_in, browser, placed):
    text = signed_in("viewer").get(reverse("group-csv", args=[placed.pk])).content
    start(browser, placed, shard=[], to="file", file=SimpleUploadedFile("now.csv", text))
    assert {move[0] for move in moves().values()} == {"none"}
