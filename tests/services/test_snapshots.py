"""Snapshots: what they keep, when they are due, and that a group made anew gets its checkpoints back."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connections

from checkpoints.domain.positions import encode
from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, Snapshot
from checkpoints.services import collector, discovery, snapshots
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.services.refusals import UpstreamFailed
from tests.services import resetting as the

HOUR = timedelta(hours=1)
MEI = Actor("7", "mei", "operator", "10.0.0.1")


def take(group, name="before the deploy", **changes):
    return snapshots.take(group, **({"name": name, "actor": MEI, "now": the.now()} | changes))


def schedule(group, hours):
    snapshots.schedule(group, hours, actor=MEI, now=the.now())


def next_at(group):
    return ConsumerGroup.objects.get(pk=group.pk).next_snapshot_at


def delete_upstream(emu, name="cg-0"):
    del emu.world.projects["proj"].logstores["store"].groups[name]


def discover(endpoint):
    discovery.discover(endpoint, now=the.now(), max_age=timedelta(0))


@pytest.mark.django_db
class TestByHand:
    def test_a_snapshot_keeps_cursor_position_and_times_of_every_shard(self, emu, group):
        the.place(emu, {0: 5, 1: 20})
        taken = take(group)
        assert [line["shard"] for line in taken.shards] == [0, 1, 2, 3]
        at, behind, end = the.begin(emu, 0) + 5, taken.shards[0], taken.shards[1]
        assert (behind["cursor"], behind["position"]) == (encode(at), str(at))
        assert datetime.fromisoformat(behind["read_at"]) < datetime.fromisoformat(behind["unread_at"])
        assert behind["read_at"].endswith("Z")
        assert (end["position"], end["unread_at"]) == (str(the.end(emu, 1)), None)
        assert taken.shards[2] == {
            "shard": 2, "cursor": "", "position": None, "read_at": None, "unread_at": None,
        }  # fmt: skip

    def test_a_checkpoint_that_cannot_be_read_is_kept_as_it_is(self, emu, group):
        the.place(emu, {0: 5})
        emu.world.group("proj", "store", "cg-0").checkpoints[0].text = "not base64!"
        assert (take(group).shards[0]["cursor"], take(group).shards[0]["position"]) == ("not base64!", None)

    def test_it_is_read_fresh_however_young_the_last_reading(self, emu, group):
        the.place(emu, {0: 5})
        collector.read_group(group, max_age=timedelta(0), now=the.now())
        the.place(emu, {0: 6})
        assert take(group).shards[0]["position"] == str(the.begin(emu, 0) + 6)

    def test_it_is_audited_with_who_and_what(self, emu, group):
        the.place(emu, {0: 5})
        taken = take(group, "  before the deploy ")
        row = AuditRow.objects.get(action="snapshot.taken")
        assert (row.actor_name, row.consumer_group, row.object_id) == ("mei", "cg-0", str(taken.pk))
        assert (row.after["0"], row.details["name"]) == (taken.shards[0]["cursor"], "before the deploy")
        assert (taken.name, taken.taken_by, taken.scheduled) == ("before the deploy", "mei", False)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("", "Give the snapshot a name"),
            (" \t", "Give the snapshot a name"),
            ("x" * 101, "longer than 100"),
            ("a\nb", "cannot be shown"),
            ("a\u202eb", "cannot be shown"),
            ("a\0b", "cannot be shown"),
        ],
    )
    def test_a_name_that_is_none_is_refused_with_a_sentence(self, emu, group, name, words):
        emu.reset_stats()
        with pytest.raises(snapshots.BadSnapshot, match=words):
            take(group, name)
        assert (Snapshot.objects.count(), emu.count("GetCheckPoint")) == (0, 0)

    def test_a_name_may_be_as_long_as_its_column_and_in_any_script(self, group):
        assert take(group, "部署之前" * 25).name == "部署之前" * 25

    @pytest.mark.parametrize("operation", ["ListShards", "ListConsumerGroup", "GetCheckPoint"])
    def test_trouble_upstream_is_told_and_nothing_is_kept(self, emu, group, operation):
        take(group)
        emu.fault(operation, status=403, code="Unauthorized")
        with pytest.raises(UpstreamFailed) as refused:
            take(group)
        assert (refused.value.problem.operation, Snapshot.objects.count()) == (operation, 1)
        assert AuditRow.objects.filter(action="snapshot.taken").count() == 1

    def test_a_group_that_is_gone_makes_no_snapshot_of_what_was_known(self, emu, group):
        take(group)
        delete_upstream(emu)
        with pytest.raises((snapshots.BadSnapshot, UpstreamFailed)):
            take(group)
        assert Snapshot.objects.count() == 1

    def test_a_disabled_endpoint_is_not_asked(self, emu, group):
        emu.reset_stats()
        group.endpoint.enabled = False
        with pytest.raises(snapshots.BadSnapshot, match="disabled"):
            take(group)
        assert emu.count("GetCheckPoint") == 0


@pytest.mark.django_db
class TestOnSchedule:
    def test_a_schedule_is_audited_with_what_was_before(self, group):
        schedule(group, 6)
        schedule(group, None)
        rows = AuditRow.objects.filter(action="snapshot.scheduled").order_by("seq")
        assert [(row.outcome, row.before, row.after) for row in rows] == [
            ("on", {"hours": None}, {"hours": 6}),
            ("off", {"hours": 6}, {"hours": None}),
        ]

    @pytest.mark.parametrize("hours", [0, -1, 169])
    def test_hours_out_of_range_are_refused(self, group, hours):
        with pytest.raises(snapshots.BadSnapshot, match="1 to 168"):
            schedule(group, hours)
        assert not AuditRow.objects.filter(action="snapshot.scheduled").exists()

    def test_the_first_is_taken_at_once_and_the_next_after_its_hours(self, emu, group):
        the.place(emu, {0: 5})
        now = the.now()
        schedule(group, 6)
        assert [snapshots.take_due(now), snapshots.take_due(now + 5 * HOUR)] == [1, 0]
        assert next_at(group) == now + 6 * HOUR
        assert snapshots.take_due(now + 6 * HOUR) == 1
        one = Snapshot.objects.earliest("taken_at")
        assert (one.name, one.taken_by, one.scheduled) == ("every 6 h", "system", True)

    def test_a_late_tick_does_not_shift_the_schedule_and_what_was_missed_is_not_made_up_for(self, group):
        now = the.now()
        schedule(group, 6)
        snapshots.take_due(now)
        assert snapshots.take_due(now + 13 * HOUR) == 1
        assert next_at(group) == now + 18 * HOUR

    def test_a_reading_of_the_last_minute_is_not_made_again(self, emu, group):
        now = the.now()
        collector.read_group(group, max_age=timedelta(0), now=now)
        schedule(group, 6)
        emu.reset_stats()
        snapshots.take_due(now + timedelta(seconds=59))
        assert (emu.count("GetCheckPoint"), Snapshot.objects.get().taken_at) == (0, now)
        snapshots.take_due(now + 6 * HOUR + timedelta(minutes=1))
        assert emu.count("GetCheckPoint") == 1

    def test_nothing_is_taken_of_what_has_no_schedule_is_gone_or_disabled(self, group):
        now = the.now()
        assert snapshots.take_due(now) == 0
        schedule(group, 1)
        ConsumerGroup.objects.update(vanished_at=now)
        assert snapshots.take_due(now) == 0
        ConsumerGroup.objects.update(vanished_at=None)
        Endpoint.objects.update(enabled=False)
        assert snapshots.take_due(now) == 0
        Endpoint.objects.update(enabled=True, removed_at=now)
        assert snapshots.take_due(now) == 0
        Endpoint.objects.update(removed_at=None)
        assert snapshots.take_due(now) == 1

    def test_a_failure_is_logged_leaves_the_others_theirs_and_is_tried_again(
        self, emu, group, endpoint, caplog
    ):
        emu.add_group("proj", "store", "cg-1")
        discover(endpoint)
        for one in ConsumerGroup.objects.all():
            schedule(one, 6)
        emu.fault("GetCheckPoint", status=403, code="Unauthorized", times=1)
        now = the.now()
        with caplog.at_level(logging.WARNING, logger="checkpoints.services.snapshots"):
            assert snapshots.take_due(now) == 1
        assert "no snapshot of proj/store/cg-" in caplog.text
        assert snapshots.take_due(now + timedelta(minutes=9)) == 0
        assert snapshots.take_due(now + timedelta(minutes=10)) == 1
        assert set(Snapshot.objects.values_list("group__name", flat=True)) == {"cg-0", "cg-1"}

    def test_a_fault_of_ours_is_logged_and_leaves_the_others_theirs(
        self, emu, group, endpoint, caplog, monkeypatch
    ):
        emu.add_group("proj", "store", "cg-1")
        discover(endpoint)
        for one in ConsumerGroup.objects.all():
            schedule(one, 6)
        read = collector.read_group

        def broken(group, **how):
            if group.name == "cg-0":
                raise RuntimeError("a fault of ours")
            return read(group, **how)

        monkeypatch.setattr(collector, "read_group", broken)
        assert snapshots.take_due(the.now()) == 1
        assert "a fault of ours" in caplog.text

    def test_the_newest_sixty_are_kept_and_those_by_hand_for_ever(self, group):
        now = the.now()
        old = [
            Snapshot(group=group, name="old", taken_at=now - n * HOUR, scheduled=n > 3, shards=[])
            for n in range(1, 71)
        ]
        Snapshot.objects.bulk_create(old)
        schedule(group, 1)
        snapshots.take_due(now)
        kept = Snapshot.objects.filter(scheduled=True).order_by("-taken_at")
        assert (kept.count(), kept.first().name) == (60, "every 1 h")
        assert kept.last().taken_at == now - 62 * HOUR
        assert Snapshot.objects.filter(scheduled=False).count() == 3

    def test_a_snapshot_is_kept_together_with_when_the_next_is_due(self, group, monkeypatch):
        schedule(group, 6)
        now = the.now()

        def broken(*_):
            raise RuntimeError("a fault of ours")

        with monkeypatch.context() as spoiled:
            spoiled.setattr(snapshots, "_prune", broken)
            assert snapshots.take_due(now) == 0
        assert (Snapshot.objects.count(), next_at(group)) == (0, now + snapshots.LEASE)
        assert not AuditRow.objects.filter(action="snapshot.taken").exists()
        assert snapshots.take_due(now + snapshots.LEASE) == 1

    def test_an_endpoint_whose_breaker_is_open_is_not_asked(self, emu, group):
        schedule(group, 6)
        now = the.now()
        Endpoint.objects.update(retry_at=now + timedelta(seconds=20))
        emu.reset_stats()
        assert snapshots.take_due(now) == 0
        assert (emu.stats()["total"], next_at(group)) == (0, None)
        assert snapshots.take_due(now + timedelta(seconds=20)) == 1

    def test_a_schedule_changed_meanwhile_stays_as_it_was_changed(self, group, monkeypatch):
        schedule(group, 6)
        read = snapshots._reading

        def changed(*args, **how):
            schedule(group, 2)
            return read(*args, **how)

        monkeypatch.setattr(snapshots, "_reading", changed)
        snapshots.take_due(the.now())
        assert next_at(group) is None


def test_two_workers_take_one(emu, real_db):
    from tests.conftest import store_endpoint

    endpoint = store_endpoint(emu)
    discover(endpoint)
    group = ConsumerGroup.objects.get(name="cg-0")
    schedule(group, 6)
    emu.latency(50, "GetCheckPoint")
    now = the.now()

    def work(_):
        try:
            return snapshots.take_due(now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 1
    assert Snapshot.objects.count() == 1


@pytest.mark.django_db
def test_a_group_deleted_and_made_again_gets_its_checkpoints_back(emu, group, endpoint, people):
    the.place(emu, {0: 5, 1: 20, 2: 7})
    kept = {str(line["shard"]): line["cursor"] for line in take(group).shards}
    snapshot = Snapshot.objects.get()
    delete_upstream(emu)
    discover(endpoint)
    group.refresh_from_db()
    assert group.vanished_at is not None
    emu.add_group("proj", "store", "cg-0")
    discover(endpoint)
    group.refresh_from_db()
    assert (group.vanished_at, snapshot.group_id) == (None, group.pk)
    quiet = {"now": the.later(120)}  # the reading before the deletion no longer says that somebody saves
    plan = the.make(group, people["operator"], f"snapshot:{snapshot.pk}", **quiet)
    reset = the.apply(plan, people["operator"], **quiet)
    assert the.outcomes(reset) == {0: "confirmed", 1: "confirmed", 2: "confirmed"}
    found = emu.group("proj", "store", "cg-0")["checkpoints"]
    assert {shard: row["checkpoint"] for shard, row in found.items()} == kept


@pytest.mark.django_db
def test_the_system_takes_those_on_schedule(group):
    schedule(group, 1)
    snapshots.take_due(the.now())
    assert AuditRow.objects.get(action="snapshot.taken").actor_name == SYSTEM.name
