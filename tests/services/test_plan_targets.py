"""Targets that bring positions along, and targets of single shards: what the plan makes of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from checkpoints.domain import positions, targets
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Plan, ShardReset, Snapshot
from checkpoints.services import plans, resets
from checkpoints.services.audit import Actor
from tests.conftest import KEYS
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
STEP = timedelta(minutes=3)


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    """20 log groups per shard, one every 3 minutes; checkpoints after 15, 5, all and none of them."""
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


def told(plan):
    return " ".join(plans.sentences(plan.body["warnings"]))


def told_of(plan, shard):
    return " ".join(plans.sentences(line_of(plan, shard)["warnings"]))


def line_of(plan, shard):
    return next(line for line in plan.body["shards"] if line["shard"] == shard)


def cursor(emu, shard, at):
    position = the.begin(emu, shard) + at
    return targets.Exact(positions.encode(position), position)


def received(emu, at, shard=0, store="store"):
    """Return when the log group at an offset from the begin was received, in whole seconds."""
    found = emu.world.logstore("proj", store).all_shards[shard]
    return datetime.fromtimestamp(
        int(found.times[found.begin(emu.world.now()) - found.first + at]), tz=the.now().tzinfo
    )


class TestEach:
    def test_single_shards_may_differ_and_keep_leaves_one_out(self, placed, operator):
        each = {1: targets.Latest(), 2: targets.Keep()}
        plan = the.make(placed, operator, "earliest", [0, 1, 2], each=each)
        assert the.moves(plan) == {0: ("rewind", 15, None), 1: ("skip", 15, None)}

    def test_keep_for_all_plans_only_the_shards_with_a_target_of_their_own(self, placed, operator):
        plan = the.make(placed, operator, "keep", each={1: targets.Groups(-2)})
        assert the.moves(plan) == {1: ("rewind", 2, None)}

    def test_without_chosen_shards_all_are_planned_and_single_ones_differ(self, placed, operator):
        plan = the.make(placed, operator, "latest", each={0: targets.Keep(), 1: targets.Earliest()})
        assert {shard: move[0] for shard, move in the.moves(plan).items()} == {
            1: "rewind",
            2: "none",
            3: "skip",
        }

    def test_a_shard_with_its_own_target_has_to_be_chosen(self, placed, operator):
        with pytest.raises(resets.BadPlan, match="but are not chosen: 1"):
            the.make(placed, operator, "earliest", [0], each={1: targets.Latest(), 2: targets.Keep()})

    def test_a_shard_that_does_not_exist_cannot_be_kept_either(self, placed, operator):
        with pytest.raises(resets.BadPlan, match="do not exist in this Logstore: 9"):
            the.make(placed, operator, "earliest", [0], each={9: targets.Keep()})

    def test_cursors_of_a_file_are_exact_and_never_pulled_into_the_range(self, emu, placed, operator):
        good = the.make(placed, operator, "keep", each={0: cursor(emu, 0, 1), 1: cursor(emu, 1, 1)})
        assert the.moves(good) == {0: ("rewind", 14, None), 1: ("rewind", 4, None)}
        with pytest.raises(resets.BadPlan, match="not one of shard 1"):
            the.make(placed, operator, "keep", each={0: cursor(emu, 0, 1), 1: cursor(emu, 1, -1)})

    def test_every_target_is_bound_so_that_the_plan_can_be_made_again(self, emu, placed, operator):
        each = {1: targets.Groups(-2), 3: targets.Keep()}
        plan = the.make(placed, operator, "-4groups", [0, 1, 3], each=each)
        bound = plan.body["bound"]
        assert (bound["target"], bound["each"]) == ("-4groups", {"1": "-2groups", "3": "keep"})
        the.place(emu, {0: 14})
        again = plans.again(plan, user=operator, now=the.now(), actor=Actor.of(operator))
        assert the.moves(again) == {0: ("rewind", 4, None), 1: ("rewind", 2, None)}
        assert line_of(again, 0)["after"] != line_of(plan, 0)["after"]
        assert line_of(again, 1)["after"] == line_of(plan, 1)["after"]
        assert again.body["target"] == plan.body["target"]

    def test_a_relative_time_stays_the_time_it_stood_for(self, placed, operator):
        plan = the.make(placed, operator, "31m ago", [0])
        again = plans.again(plan, user=operator, now=the.later(120), actor=Actor.of(operator))
        assert again.body["target"] == again.body["bound"]["target"] == plan.body["bound"]["target"]

    def test_a_plan_of_an_older_version_can_be_made_again(self, placed, operator):
        plan = the.make(placed, operator, "earliest", [0])
        del plan.body["bound"]["each"]
        again = plans.again(plan, user=operator, now=the.now(), actor=Actor.of(operator))
        assert the.moves(again) == the.moves(plan)

    def test_a_plan_that_names_a_file_cannot_be_made_again(self, placed, operator):
        plan = the.make(placed, operator, "earliest", [0])
        plan.body["bound"]["target"] = "file:/tmp/x.csv"
        with pytest.raises(resets.BadPlan, match="A file is read by the command"):
            plans.again(plan, user=operator, now=the.now(), actor=Actor.of(operator))

    def test_targets_of_single_shards_cost_no_further_calls(self, emu, placed, operator):
        emu.reset_stats()
        the.make(placed, operator, "earliest", [0, 1, 2])
        plain = emu.stats()["requests"]
        emu.reset_stats()
        the.make(placed, operator, "keep", each={shard: targets.Earliest() for shard in (0, 1, 2)})
        assert emu.stats()["requests"] == plain


class TestUndo:
    @pytest.fixture
    def reset(self, placed, operator):
        return the.apply(the.make(placed, operator, "earliest", [0, 1, 3]), operator)

    def test_shards_that_had_no_checkpoint_stay(self, placed, operator, reset):
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert the.moves(plan) == {0: ("skip", 15, None), 1: ("skip", 5, None)}
        assert "Shards 3 had no checkpoint before" in told(plan)

    def test_what_was_consumed_since_is_told_per_shard(self, emu, placed, operator, reset):
        the.place(emu, {0: 4})
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert "4 log groups were consumed since the reset: the 11 after them are skipped." in told_of(
            plan, 0
        )
        assert "since the reset" not in told_of(plan, 1)

    def test_after_a_skip_what_was_consumed_since_is_replayed(self, emu, placed, operator):
        reset = the.apply(the.make(placed, operator, "latest", [1]), operator)
        emu.put("proj", "store", 1, 3)
        the.place(emu, {1: 22})
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert "2 log groups were consumed since the reset: 2 of them are replayed." in told_of(plan, 1)

    def test_what_was_consumed_after_an_overwritten_reset_is_not_guessed(self, emu, placed, operator, reset):
        reset.shards.filter(shard=0).update(watch=ShardReset.Watch.OVERWRITTEN)
        the.place(emu, {0: 16, 1: 1})
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert "overwritten on shards 0" in told(plan)
        assert "since the reset" not in told_of(plan, 0)
        assert "1 log groups were consumed since the reset" in told_of(plan, 1)

    def test_what_has_expired_is_left_out_and_never_pulled_into_the_range(self, emu, placed, operator, reset):
        emu.shard("proj", "store", 1, ttl_seconds=1800)
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert the.moves(plan) == {0: ("skip", 15, None)}
        assert "has expired on shards 1: they are left out" in told(plan)

    def test_nothing_left_is_no_plan(self, emu, placed, operator, reset):
        for shard in (0, 1):
            emu.shard("proj", "store", shard, ttl_seconds=1)
        with pytest.raises(resets.BadPlan, match="has expired on shards 0, 1"):
            the.make(placed, operator, f"undo:{reset.pk}")

    def test_a_checkpoint_from_after_the_end_is_left_out(self, emu, placed, operator, reset):
        line = reset.shards.get(shard=0)
        line.before["position"] = str(the.end(emu, 0) + 5)
        line.save()
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert list(the.moves(plan)) == [1]
        assert "lies after the end of shards 0: they are left out" in told(plan)

    def test_a_shard_that_is_gone_is_left_out(self, emu, placed, operator, reset):
        del emu.world.logstore("proj", "store").all_shards[1]
        plan = the.make(placed, operator, f"undo:{reset.pk}")
        assert list(the.moves(plan)) == [0]
        assert "no longer exist and are left out: 1" in told(plan)

    def test_a_reset_of_shards_without_checkpoints_cannot_be_undone(self, placed, operator):
        reset = the.apply(the.make(placed, operator, "latest", [3]), operator)
        with pytest.raises(resets.BadPlan, match="Nothing was saved there"):
            the.make(placed, operator, f"undo:{reset.pk}")


class TestRest:
    def test_what_was_not_attempted_is_planned_with_the_planned_cursors(self, emu, placed, operator):
        first = the.make(placed, operator, "-2groups", [0, 1])
        reset = the.apply(first, operator)
        reset.shards.filter(shard=1).update(outcome=ShardReset.Outcome.NOT_ATTEMPTED)
        the.place(emu, {1: 9})
        plan = the.make(placed, operator, f"rest:{reset.pk}")
        assert the.moves(plan) == {1: ("rewind", 6, None)}
        assert line_of(plan, 1)["after"]["cursor"] == line_of(first, 1)["after"]["cursor"]

    def test_nothing_left_is_said(self, placed, operator):
        reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
        with pytest.raises(resets.BadPlan, match="left no shard unattempted"):
            the.make(placed, operator, f"rest:{reset.pk}")


class TestSnapshots:
    def keep(self, emu, group, ats, **more):
        """Keep a snapshot with these offsets from the begin; None for a shard without a checkpoint."""
        rows = [row(shard, None if at is None else the.begin(emu, shard) + at) for shard, at in ats.items()]
        return Snapshot.objects.create(group=group, name="before", taken_at=the.now(), shards=rows, **more)

    def test_the_cursors_are_those_that_were_kept(self, emu, placed, operator):
        kept = self.keep(emu, placed, {0: 3, 1: 7, 3: None})
        plan = the.make(placed, operator, f"snapshot:{kept.pk}")
        assert the.moves(plan) == {0: ("rewind", 12, None), 1: ("skip", 2, None)}
        assert "Shards 3 had no checkpoint before" in told(plan)

    def test_what_has_expired_is_pulled_to_the_oldest_and_told(self, emu, placed, operator):
        kept = self.keep(emu, placed, {0: 3})
        emu.shard("proj", "store", 0, ttl_seconds=1800)
        plan = the.make(placed, operator, f"snapshot:{kept.pk}")
        assert line_of(plan, 0)["clamped"] == "begin"
        assert "no longer retained" in told_of(plan, 0)

    def test_a_snapshot_of_another_group_of_the_logstore_is_copied(self, emu, placed, operator):
        other = ConsumerGroup.objects.create(logstore=placed.logstore, name="other")
        kept = self.keep(emu, other, {0: 3})
        assert the.moves(the.make(placed, operator, f"snapshot:{kept.pk}")) == {0: ("rewind", 12, None)}

    def test_a_snapshot_of_another_logstore_is_carried_over_by_time(self, emu, placed, operator):
        other = elsewhere_group(placed)
        slowest = received(emu, 8)
        kept = Snapshot.objects.create(
            group=other,
            name="before",
            taken_at=the.now(),
            shards=[
                row(0, 111, unread_at=slowest.isoformat()),
                row(1, 222, unread_at=the.now().isoformat()),
                row(5, None),
            ],
        )
        plan = the.make(placed, operator, f"snapshot:{kept.pk}~0s", [0, 2])
        assert the.moves(plan) == {0: ("rewind", 7, None), 2: ("rewind", 12, None)}
        assert "The slowest shard of store-b/cg-9 is 0" in told(plan)
        assert "store-b/cg-9 has no checkpoint on shards 5" in told(plan)
        assert "Cursors of another Logstore mean nothing here" in told(plan)

    def test_shards_without_an_unread_log_group_are_looked_up(self, emu, placed, operator):
        """A snapshot does not tell a shard at its end from one that had expired: the service does."""
        store = emu.world.add_logstore("proj", "store-b", shards=2, age=3600)
        now = emu.world.now()
        for shard in store.all_shards.values():
            shard.fill([now - 1200, now - 600], expired=5)
        base = {number: shard.base for number, shard in store.all_shards.items()}
        other = elsewhere_group(placed)
        kept = Snapshot.objects.create(
            group=other, name="b", taken_at=the.now(), shards=[row(0, base[0] + 2), row(1, base[1] + 7)]
        )
        plan = the.make(placed, operator, f"snapshot:{kept.pk}~0s", [2])
        assert "expired: the time of the oldest log group counts there" in told(plan)
        assert the.moves(plan) == {2: ("rewind", 6, None)}

    def test_a_snapshot_of_a_logstore_that_cannot_be_asked_counts_from_when_it_was_taken(
        self, emu, placed, operator
    ):
        kept = Snapshot.objects.create(
            group=elsewhere_group(placed),
            name="b",
            taken_at=received(emu, 10),
            shards=[row(0, 5)],
        )
        plan = the.make(placed, operator, f"snapshot:{kept.pk}~0s", [2])
        assert "could not be looked at: they count as consumed until the snapshot was taken" in told(plan)
        assert the.moves(plan) == {2: ("rewind", 10, None)}

    def test_a_snapshot_that_knows_nothing_makes_no_plan(self, emu, placed, operator):
        for group in (placed, elsewhere_group(placed)):
            kept = Snapshot.objects.create(group=group, name="b", taken_at=the.now(), shards=[row(0, None)])
            with pytest.raises(resets.BadPlan, match=r"Nothing was saved|tells no time"):
                the.make(placed, operator, f"snapshot:{kept.pk}", [0])


class TestOtherLogstores:
    """Another Logstore with 3 shards: caught up, behind, and never saved; 4 log groups, 10 minutes apart."""

    @pytest.fixture
    def other(self, emu, placed):
        store = emu.world.add_logstore("proj", "store-b", shards=3, age=3600)
        now = emu.world.now()
        for shard in store.all_shards.values():
            shard.fill([now - 2400, now - 1800, now - 1200, now - 600], expired=5)
        base = {number: shard.base + 5 for number, shard in store.all_shards.items()}
        emu.add_group("proj", "store-b", "cg-9", checkpoints={"0": base[0] + 4, "1": base[1] + 2})
        return store

    def test_the_slowest_shard_gives_the_time_for_every_chosen_shard(self, emu, other, placed, operator):
        plan = the.make(placed, operator, "group:store-b/cg-9", [0, 2])
        when = received(emu, 2, shard=1, store="store-b") - timedelta(minutes=5)
        assert {line["asked"] for line in plan.body["shards"]} == {when.isoformat().replace("+00:00", "Z")}
        words = told(plan)
        assert "The slowest shard of store-b/cg-9 is 1" in words
        assert f"less a margin of 5m the time is {when:%Y-%m-%d %H:%M:%S} UTC." in words
        assert "Cursors of another Logstore mean nothing here" in words
        assert "store-b/cg-9 has no checkpoint on shards 2: they do not count." in words

    def test_the_margin_is_what_was_said(self, emu, other, placed, operator):
        default, wide = (
            line_of(the.make(placed, operator, f"group:proj/store-b/cg-9{text}", [2]), 2)["asked"]
            for text in ("", "~20m")
        )
        assert datetime.fromisoformat(default) - datetime.fromisoformat(wide) == timedelta(minutes=15)

    def test_an_expired_shard_counts_from_its_oldest_log_group_and_is_told(
        self, emu, other, placed, operator
    ):
        base = other.all_shards[0].base
        emu.add_group("proj", "store-b", "cg-9", checkpoints={"0": base + 1})
        plan = the.make(placed, operator, "group:store-b/cg-9~0s", [2])
        assert "on shards 0 have expired: the time of the oldest log group counts there" in told(plan)
        assert line_of(plan, 2)["asked"] == received(emu, 0, store="store-b").isoformat().replace(
            "+00:00", "Z"
        )

    def test_a_group_that_is_caught_up_gives_the_present(self, emu, other, placed, operator):
        base = other.all_shards[1].base
        emu.add_group("proj", "store-b", "cg-9", checkpoints={"1": base + 9})
        plan = the.make(placed, operator, "group:store-b/cg-9~8m", [2])
        assert "store-b/cg-9 has consumed everything until" in told(plan)
        assert the.moves(plan) == {2: ("rewind", 2, None)}

    def test_finished_read_only_shards_do_not_count(self, emu, other, placed, operator):
        base = other.all_shards[2].base
        emu.shard("proj", "store-b", 2, status="readonly")
        emu.add_group("proj", "store-b", "cg-9", checkpoints={"2": base + 9})
        plan = the.make(placed, operator, "group:store-b/cg-9", [0])
        assert "is 1" in told(plan)
        assert "do not count" not in told(plan)

    def test_a_group_without_checkpoints_tells_no_time(self, emu, other, placed, operator):
        emu.add_group("proj", "store-b", "cg-8")
        with pytest.raises(resets.BadPlan, match="store-b/cg-8 tells no time"):
            the.make(placed, operator, "group:store-b/cg-8", [0])

    def test_a_margin_out_of_the_calendar_is_refused(self, emu, other, placed, operator):
        other.all_shards[1].fill([200.0], expired=5)
        emu.shard("proj", "store-b", 1, ttl_seconds=3650 * 86400)
        base = other.all_shards[1].base
        emu.add_group("proj", "store-b", "cg-9", checkpoints={"1": base + 5})
        with pytest.raises(resets.BadPlan, match="1970"):
            the.make(placed, operator, "group:store-b/cg-9", [0])

    def test_the_own_logstore_named_in_full_is_copied_and_with_a_margin_taken_by_time(
        self, emu, placed, operator
    ):
        emu.add_group("proj", "store", "other", checkpoints={"0": the.begin(emu, 0) + 2})
        copied = the.make(placed, operator, "group:test/proj/store/other")
        assert the.moves(copied) == {0: ("rewind", 13, None)}
        by_time = the.make(placed, operator, "group:store/other~0s", [0, 2])
        assert the.moves(by_time) == {0: ("rewind", 13, None), 2: ("rewind", 18, None)}
        assert "Cursors of another Logstore" not in told(by_time)

    def test_another_endpoint_is_found_by_its_name(self, emu, placed, operator, add_endpoint):
        from emulator.testing import running

        with running(keys=KEYS, prefill=20, span=3600) as far:
            add_endpoint(far, "far away")
            at = far.world.logstore("proj", "store").all_shards[0]
            far.set_checkpoint("proj", "store", "cg-0", 0, at.begin(far.world.now()) + 10)
            plan = the.make(placed, operator, "group:far away/proj/store/cg-0~1s", [2])
            assert "The slowest shard of far away/proj/store/cg-0 is 0" in told(plan)
            assert the.moves(plan)[2][:1] == ("rewind",)
            assert line_of(plan, 2)["log_groups"] in (10, 11)
            Endpoint.objects.filter(name="far away").update(enabled=False)
            with pytest.raises(resets.BadPlan, match="no enabled endpoint named far away"):
                the.make(placed, operator, "group:far away/proj/store/cg-0", [2])
        assert Plan.objects.count() == 1


def row(shard, position, unread_at=None):
    text = None if position is None else str(position)
    cursor_ = "" if position is None else positions.encode(position)
    return {"shard": shard, "cursor": cursor_, "position": text, "read_at": None, "unread_at": unread_at}


def elsewhere_group(group):
    store = Logstore.objects.create(project=group.project, name="store-b")
    return ConsumerGroup.objects.create(logstore=store, name="cg-9")
