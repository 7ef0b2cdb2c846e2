"""What becomes of a reset afterwards: the watch, and what a dead process left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.models import AuditRow, Reset, ShardReset
from checkpoints.services import audit, resets, sending, settling, watching
from checkpoints.services.audit import Actor
from checkpoints.services.sending import Wanted
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def placed(emu, group):
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


@pytest.fixture
def reset(placed, operator):
    return the.apply(the.make(placed, operator, "earliest", [0]), operator)


@pytest.fixture
def abandoned(placed, operator):
    """A reset whose process died right after the intent."""
    plan = the.make(placed, operator, "earliest", [0, 1])
    wanted = Wanted(operator, Actor.of(operator), "bad deploy", "", override_active=False)
    return sending.commit_intent(plan, wanted, now=the.now())


def test_the_watch_lasts_two_minutes_or_the_timeout_and_one(reset, placed, operator):
    assert reset.watch_until - reset.finished_at == timedelta(seconds=120)
    placed.timeout_seconds = 300
    placed.save()
    longer = the.apply(the.make(placed, operator, "latest", [0]), operator)
    assert longer.watch_until - longer.finished_at == timedelta(seconds=360)


def test_a_checkpoint_still_at_its_target_is_watched_then_held(reset):
    resets.look(reset, now=the.now())
    assert the.watches(reset) == {0: "watching"}
    resets.look(reset, now=reset.watch_until)
    assert the.watches(reset) == {0: "held"}


def test_the_end_of_the_watch_is_audited_once(reset):
    for _ in range(3):
        resets.look(reset, now=reset.watch_until + timedelta(seconds=1))
    row = AuditRow.objects.get(action="reset.watched")
    assert (row.outcome, row.details["0"]["watch"]) == ("held", "held")
    assert not resets.is_open(reset)


def test_a_look_after_the_end_reads_nothing(emu, reset):
    resets.look(reset, now=reset.watch_until)
    emu.reset_stats()
    resets.look(reset, now=reset.watch_until + timedelta(seconds=9))
    assert emu.count("GetCheckPoint") == 0


def test_a_look_younger_than_asked_for_is_not_repeated(emu, reset):
    now = the.now()
    emu.reset_stats()
    for seconds in (0, 1, 3):
        resets.look(reset, now=now + timedelta(seconds=seconds), max_age=timedelta(seconds=2))
    assert emu.count("GetCheckPoint") == 2


def test_a_claimed_look_at_the_end_still_closes_the_watch(reset):
    resets.look(reset, now=reset.watch_until, max_age=timedelta(seconds=2))
    assert the.watches(reset) == {0: "held"}


def test_a_consumer_that_goes_on_from_the_target_has_taken_it_up(emu, reset):
    the.place(emu, {0: 3}, seconds_ago=-5, consumer="worker-2")
    resets.look(reset, now=the.later(10))
    line = reset.shards.get()
    assert (line.watch, line.last_seen["consumer"]) == ("taken_up", "worker-2")


def test_a_running_consumer_that_writes_its_own_place_back_has_overwritten(emu, group, operator):
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator, override_active=True)
    the.place(emu, {0: 16}, seconds_ago=-3, consumer="worker-1")
    resets.look(reset, now=the.later(5))
    line = reset.shards.get()
    assert line.watch == "overwritten"
    assert "worker-1" in str(line.watch_reasons)


def test_overwritten_stays_overwritten(emu, group, operator):
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator, override_active=True)
    the.place(emu, {0: 16}, seconds_ago=-1)
    resets.look(reset, now=the.later(2))
    the.place(emu, {0: 0}, seconds_ago=-1)
    resets.look(reset, now=reset.watch_until)
    assert the.watches(reset) == {0: "overwritten"}
    assert AuditRow.objects.get(action="reset.watched").outcome == "overwritten"


def test_taken_up_may_only_turn_into_overwritten(emu, group, operator):
    the.place(emu, {0: 15})
    reset = the.apply(the.make(group, operator, "-10groups", [0]), operator)
    for at, word in ((7, "taken_up"), (5, "taken_up"), (2, "overwritten")):
        the.place(emu, {0: at}, seconds_ago=-1)
        resets.look(reset, now=the.later(5))
        assert the.watches(reset) == {0: word}


def test_a_look_that_cannot_read_says_so_and_goes_on(emu, reset):
    emu.fault("GetCheckPoint", status=403, code="Unauthorized")
    resets.look(reset, now=the.now())
    line = reset.shards.get()
    assert (line.watch, str(line.watch_reasons[0]["text"])) == (
        "watching",
        "The checkpoint could not be read.",
    )
    resets.look(reset, now=reset.watch_until)
    assert the.watches(reset) == {0: "unknown"}


def test_an_earlier_end_gives_the_verdict_of_that_time(reset):
    now = the.later(3)
    resets.look(reset, now=now, until=now)
    assert (the.watches(reset), resets.is_open(reset)) == ({0: "held"}, True)


def test_a_reset_that_a_later_one_of_ours_replaced_is_not_called_overwritten(emu, placed, operator):
    first = the.apply(the.make(placed, operator, "latest", [0, 1]), operator)
    the.apply(the.make(placed, operator, f"undo:{first.pk}"), operator)
    resets.look(first, now=the.later(5))
    assert the.watches(first) == {0: "held", 1: "held"}
    assert "Replaced by reset" in str(first.shards.first().watch_reasons)


def test_a_target_that_had_moved_before_a_later_reset_is_not_called_held(emu, placed, operator):
    first = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    the.place(emu, {0: 4})
    the.apply(the.make(placed, operator, "latest", [0]), operator)
    resets.look(first, now=the.later(5))
    assert the.watches(first) == {0: "unknown"}


def test_one_watch_that_fails_leaves_the_others_looked_at(emu, placed, operator, monkeypatch):
    first, second = (the.apply(the.make(placed, operator, "earliest", [one]), operator) for one in (0, 1))
    real = watching._store

    def broken(reset, *words, **more):
        if reset.pk == first.pk:
            raise RuntimeError("broken on purpose")
        real(reset, *words, **more)

    monkeypatch.setattr(watching, "_store", broken)
    resets.look_at_open(second.watch_until)
    assert (the.watches(first), the.watches(second)) == ({0: "watching"}, {1: "held"})


def test_all_open_watches_are_looked_at(emu, reset):
    emu.reset_stats()
    assert resets.look_at_open(reset.watch_until) == 1
    assert resets.look_at_open(reset.watch_until) == 0
    assert emu.count("GetCheckPoint") == 1


def test_a_shard_that_was_not_written_is_not_watched(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint")
    reset = the.apply(plan, operator)
    resets.look(reset, now=the.now())
    assert the.watches(reset) == {0: ""}


def test_a_reset_being_sent_is_not_looked_at(emu, abandoned):
    emu.reset_stats()
    resets.look(abandoned.reset, now=the.now())
    assert emu.count("GetCheckPoint") == 0


def test_what_was_never_sent_is_settled_as_not_attempted(emu, abandoned):
    assert resets.settle(the.now(), quiet_for=timedelta(0)) == 1
    reset = Reset.objects.get()
    assert (reset.outcome, the.outcomes(reset)) == ("refused", {0: "not_attempted", 1: "not_attempted"})
    assert the.sent(emu) == []
    assert set(AuditRow.objects.filter(action="reset.shard").values_list("actor_name", flat=True)) == {
        "system"
    }


def test_what_was_sent_is_settled_by_reading(emu, abandoned):
    ShardReset.objects.update(outcome="sending", sent_at=the.now())
    the.place(emu, {0: 0})
    resets.settle(the.later(1), quiet_for=timedelta(0))
    reset = Reset.objects.get()
    assert (reset.outcome, the.outcomes(reset)) == ("partial", {0: "confirmed", 1: "unchanged"})


def test_a_third_value_stays_unknown_and_is_told(emu, abandoned):
    ShardReset.objects.update(outcome="sending", sent_at=the.now())
    the.place(emu, {0: 7, 1: 2})
    resets.settle(the.later(1), quiet_for=timedelta(0))
    reset = Reset.objects.get()
    assert (reset.outcome, the.outcomes(reset)) == ("unknown", {0: "unknown", 1: "unknown"})
    assert reset.shards.first().read_back["position"] == str(the.begin(emu, 0) + 7)


def test_a_reset_that_shows_signs_of_life_is_left_alone(abandoned):
    assert resets.settle(the.later(59)) == 0
    ShardReset.objects.filter(shard=1).update(sent_at=the.later(30))
    assert resets.settle(the.later(61)) == 0
    assert resets.settle(the.later(100)) == 1


def test_a_sender_that_wakes_up_after_it_was_settled_sends_nothing(emu, abandoned):
    resets.settle(the.now(), quiet_for=timedelta(0))
    from checkpoints.services.connections import connect

    sending.send(connect(abandoned.reset.group.endpoint), abandoned, the.now)
    assert the.sent(emu) == []


def test_a_reset_is_finished_once(abandoned):
    for _ in range(2):
        settling.finish(abandoned.reset, settling.Seen(None), actor=audit.SYSTEM, now=the.now())
    assert AuditRow.objects.filter(action="reset.finished").count() == 1


def test_what_could_not_be_read_is_unknown_until_it_can(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=-1, after_effect=True, times=1)
    real, calls = settling.read, []

    def unreadable(group):
        calls.append(group)
        return settling.Seen(None)

    settling.read = unreadable
    try:
        reset = the.apply(plan, operator)
    finally:
        settling.read = real
    assert (reset.outcome, the.outcomes(reset), len(calls)) == ("unknown", {0: "unknown"}, 1)
    assert resets.settle(the.later(1)) == 1
    reset.refresh_from_db()
    assert (reset.outcome, the.outcomes(reset), len(the.sent(emu))) == ("confirmed", {0: "confirmed"}, 1)
    assert resets.settle(the.later(2)) == 0


@pytest.mark.parametrize(("is_over", "watch"), [(True, "unknown"), (False, "watching")])
def test_what_is_settled_after_its_watch_keeps_its_last_word(emu, placed, operator, is_over, watch):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    ShardReset.objects.update(outcome="unknown", read_back=None, watch="unknown")
    Reset.objects.update(outcome="unknown", looked_at=reset.watch_until if is_over else None)
    assert resets.settle(the.later(1)) == 1
    assert (the.outcomes(reset), the.watches(reset)) == ({0: "confirmed"}, {0: watch})


def test_settling_an_unreachable_service_changes_nothing(emu, placed, operator):
    reset = the.apply(the.make(placed, operator, "earliest", [0]), operator)
    ShardReset.objects.update(outcome="unknown", read_back=None)
    emu.fault("GetCheckPoint", status=403, code="Unauthorized")
    resets.settle(the.later(1))
    assert the.outcomes(reset) == {0: "unknown"}


def test_a_lost_write_that_lands_late_is_told_by_the_next_look(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    reset = the.apply(plan, operator)
    assert the.outcomes(reset) == {0: "unchanged"}
    the.place(emu, {0: 0}, seconds_ago=0)
    resets.look(reset, now=the.later(1))
    assert (reset.outcome, the.outcomes(reset)) == ("confirmed", {0: "confirmed"})


def test_a_lost_write_that_stays_lost_stays_unchanged(emu, placed, operator):
    plan = the.make(placed, operator, "earliest", [0])
    emu.fault("UpdateCheckPoint", status=-1, times=1)
    reset = the.apply(plan, operator)
    resets.look(reset, now=the.later(1))
    assert the.outcomes(reset) == {0: "unchanged"}


def test_a_shard_that_was_there_already_but_moved_before_the_reading_is_not_attempted(emu, placed, operator):
    line = ShardReset(before={"position": "5", "cursor": "NQ=="}, after={"position": "5", "cursor": "NQ=="})
    assert settling.outcome_of(line, "Ng==") == "not_attempted"
    assert settling.outcome_of(line, "NQ==") == "confirmed"
