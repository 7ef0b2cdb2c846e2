"""Every kind of target means the same typed into the page, given to the command, and made again as bound."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from checkpoints.domain import positions
from checkpoints.models import ConsumerGroup, Plan, ShardReset, Snapshot
from checkpoints.services import plans
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
WHERE = ["--endpoint=test", "--project=proj", "--logstore=store", "--group=cg-0", "--actor=the-operator"]


@pytest.fixture
def placed(emu, group):
    """20 log groups per shard, one every 3 minutes; checkpoints after 15, 5, all and none of them."""
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


@pytest.fixture
def by_page(signed_in, placed):
    """Make a plan by the form of the page; returns it."""
    browser = signed_in("operator")

    def make(**fields):
        response = browser.post(reverse("group-reset", args=[placed.pk]), fields)
        assert response.status_code == 303, response.content.decode()
        return Plan.objects.get(pk=response["Location"].split("/")[2])

    return make


@pytest.fixture
def by_command(capsys, placed):
    """Make a plan by the command; returns it."""

    def make(to, *words):
        call_command("reset", "plan", *WHERE, f"--to={to}", "--format=json", *words)
        return Plan.objects.get(pk=json.loads(capsys.readouterr().out)["id"])

    return make


def cursors(plan):
    return {line["shard"]: line["after"]["cursor"] for line in plan.body["shards"]}


def bound(plan):
    """Return the targets that are bound; which shards are kept stands in the list of shards already."""
    each = plan.body["bound"]["each"]
    return plan.body["bound"]["target"], {shard: text for shard, text in each.items() if text != "keep"}


def assert_the_same(people, page, command):
    """Compare both plans, and each with the plan that is made again from what is bound into it."""
    operator = people["operator"]
    assert cursors(page)
    assert cursors(page) == cursors(command)
    for plan in (page, command):
        again = plans.again(plan, user=operator, now=the.now(), actor=Actor.of(operator))
        assert (cursors(again), bound(again)) == (cursors(plan), bound(plan))
        assert again.body["target"] == plan.body["target"] or "ago" in plan.body["target"]


@pytest.fixture
def texts(emu, placed, people):
    """A text for every kind of target that needs something else to exist."""
    emu.add_group(
        "proj", "store", "other", checkpoints={"0": the.begin(emu, 0) + 2, "1": the.begin(emu, 1) + 2}
    )
    store = emu.world.add_logstore("proj", "store-b", shards=1, age=3600)
    now = emu.world.now()
    store.all_shards[0].fill([now - 1900, now - 700])
    emu.add_group("proj", "store-b", "far", checkpoints={"0": "begin"})
    rows = [
        {
            "shard": shard,
            "position": str(the.begin(emu, shard) + 3),
            "cursor": "",
            "read_at": None,
            "unread_at": None,
        }
        for shard in (0, 1)
    ]
    kept = Snapshot.objects.create(group=placed, name="kept", taken_at=the.now(), shards=rows)
    reset = the.apply(the.make(placed, people["operator"], "-3groups", [0, 1]), people["operator"])
    part = the.apply(the.make(placed, people["operator"], "-1groups", [0, 1]), people["operator"])
    part.shards.update(outcome=ShardReset.Outcome.NOT_ATTEMPTED)
    part.plan.group.refresh_from_db()
    the.place(emu, {0: 15, 1: 5})
    return {
        "exact": f"cursor:{positions.encode(the.begin(emu, 0) + 4)}",
        "snapshot": f"snapshot:{kept.pk}",
        "undo": f"undo:{reset.pk}",
        "rest": f"rest:{part.pk}",
    }


@pytest.mark.parametrize(
    ("text", "shards"),
    [
        ("earliest", "0-1,3"),
        ("latest", "0-3"),
        ("{iso}", "0-3"),
        ("@{epoch}", "0-3"),
        ("@{epoch}000", "0-3"),
        ("{epoch}", "0-3"),
        ("31m ago", "0-3"),
        ("-7m", "0-2"),
        ("+7m", "0-1"),
        ("-4groups", "0-2"),
        ("+2 log groups", "0-1"),
        ("exact", "0"),
        ("group:other", "0-1"),
        ("group:store-b/far", "0-3"),
        ("group:test/proj/store-b/far~1h", "0-3"),
        ("snapshot", "0-1"),
        ("undo", "0-1"),
        ("rest", "0-1"),
    ],
)
def test_a_typed_target_means_the_same_everywhere(people, texts, by_page, by_command, text, shards):
    moment = (the.now() - timedelta(minutes=31)).replace(microsecond=0)
    iso = moment.isoformat().replace("+00:00", "Z")
    typed = texts.get(text) or text.format(iso=iso, epoch=int(moment.timestamp()))
    page = by_page(to="text", text=typed, shards_text=shards)
    command = by_command(typed, f"--shards={shards}")
    assert bound(page)[1] == bound(command)[1] == {}
    assert_the_same(people, page, command)


@pytest.mark.parametrize("text", ["snapshot", "undo", "rest"])
def test_what_names_its_shards_itself_means_the_same_without_any_chosen(
    people, texts, by_page, by_command, text
):
    page, command = by_page(to="text", text=texts[text]), by_command(texts[text])
    assert list(cursors(page)) == [0, 1]
    assert_the_same(people, page, command)


def test_a_local_time_with_its_zone_means_the_same(people, by_page, by_command):
    zone = "Asia/Shanghai"
    local = (the.now() + timedelta(hours=8) - timedelta(minutes=31)).strftime("%Y-%m-%dT%H:%M:%S")
    page = by_page(to="time", when=local, zone=zone, shards_text="0-3")
    command = by_command(local, f"--zone={zone}", "--shards=0-3")
    assert bound(page) == bound(command)
    assert_the_same(people, page, command)


def test_choosing_from_the_lists_means_the_same_as_typing(people, placed, texts, by_page, by_command):
    ConsumerGroup.objects.create(logstore=placed.logstore, name="other")
    page = by_page(to="group", group="other", shards_text="0-1")
    assert_the_same(people, page, by_command("group:other", "--shards=0-1"))
    name = texts["snapshot"].partition(":")[2]
    assert_the_same(people, by_page(to="snapshot", snapshot=name), by_command(texts["snapshot"]))


def test_a_file_means_the_same_sent_to_the_page_or_read_by_the_command(
    people, capsys, tmp_path, by_page, by_command
):
    call_command("reset", "plan", *WHERE, "--to=-4groups", "--shards=0-2", "--csv")
    text = capsys.readouterr().out
    file = tmp_path / "cursors.csv"
    file.write_text(text)
    page = by_page(to="file", file=SimpleUploadedFile("cursors.csv", text.encode()))
    command = by_command(f"file:{file}")
    assert page.body["target"] == command.body["target"] == "file: cursors.csv"
    assert bound(page) == bound(command)
    assert_the_same(people, page, command)


def test_targets_of_single_shards_mean_the_same(people, texts, by_page, by_command):
    own = {0: texts["exact"], 1: "-2groups", 2: "keep", 3: "31m ago"}
    fields = {f"target-{shard}": text for shard, text in own.items()}
    words = [f"--each={shard}={text}" for shard, text in own.items()]
    page = by_page(to="latest", shards_text="0-3", **fields)
    assert list(cursors(page)) == [0, 1, 3]
    assert_the_same(people, page, by_command("latest", "--shards=0-3", *words))
    kept = by_page(to="text", text="keep", **fields)
    assert cursors(kept) == cursors(page)
    assert_the_same(people, kept, by_command("keep", *words))
