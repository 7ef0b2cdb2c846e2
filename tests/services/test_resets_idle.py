"""Consumers with nothing to read save nothing: the watch goes on until data flows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.models import AuditRow
from checkpoints.services import resets, watching
from checkpoints.services.audit import Actor
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
AT_END = 20


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def idle(emu, group, operator):
    """A reset of shard 0, whose consumer stood at the end an hour ago and may still be running."""
    the.place(emu, {0: AT_END}, consumer="worker-1")
    return the.apply(the.make(group, operator, "earliest", [0]), operator)


def look(reset, seconds):
    """Look this many seconds after the reset was finished."""
    resets.look(reset, now=reset.finished_at + timedelta(seconds=seconds))
    line = reset.shards.get()
    return line.watch


def test_silence_without_data_never_becomes_held(idle):
    assert [look(idle, seconds) for seconds in (10, 120, 150, 3600, 7200)] == ["watching"] * 5
    assert "save nothing" in str(idle.shards.get().watch_reasons)
    assert resets.is_open(idle)


def test_it_held_when_log_groups_arrived_and_were_left_alone(emu, idle):
    assert look(idle, 120) == "watching"
    emu.put("proj", "store", 0, 3)
    assert look(idle, 160) == "watching", "an idle consumer gets the time of a watch to save"
    assert look(idle, 250) == "watching"
    assert look(idle, 300) == "held"
    assert not resets.is_open(idle)


def test_a_consumer_that_wakes_up_past_its_old_line_is_not_called_held_nor_taken_up(emu, idle):
    assert look(idle, 1200) == "watching"
    emu.put("proj", "store", 0, 3)
    the.place(emu, {0: AT_END + 3}, seconds_ago=-1230, consumer="worker-1")
    assert look(idle, 1240) == "unknown"
    assert "same consumer as before" in str(idle.shards.get().watch_reasons)


def test_another_consumer_that_wakes_up_read_the_target(emu, idle):
    look(idle, 1200)
    emu.put("proj", "store", 0, 3)
    the.place(emu, {0: AT_END + 3}, seconds_ago=-1230, consumer="worker-2")
    assert look(idle, 1240) == "taken_up"


def test_a_day_of_silence_is_enough(idle):
    look(idle, 120)
    assert look(idle, 24 * 3600 + 60) == "held"


def test_a_shard_that_had_unread_log_groups_needs_no_longer_watch(emu, group, operator):
    the.place(emu, {0: 15}, consumer="worker-1")
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator)
    assert look(reset, 120) == "held"


def test_a_group_where_nobody_left_a_name_needs_no_longer_watch(emu, group, operator):
    the.place(emu, {0: AT_END})
    reset = the.apply(the.make(group, operator, "earliest", [0]), operator)
    assert look(reset, 120) == "held"


def test_the_end_is_only_asked_for_now_and_then(emu, idle):
    emu.reset_stats()
    for seconds in (10, 120, 123, 126, 129, 151):
        look(idle, seconds)
    assert (emu.count("GetCheckPoint"), emu.count("GetCursor")) == (6, 2)


def test_an_end_that_cannot_be_read_proves_nothing(emu, idle):
    emu.fault("GetCursor", status=403, code="Unauthorized")
    assert look(idle, 120) == "watching"


def test_a_look_that_began_before_the_end_does_not_draw_it_out(idle, operator, monkeypatch):
    look(idle, 120)
    real = watching._store

    def slow(reset, *words, **more):
        monkeypatch.setattr(watching, "_store", real)
        resets.end_watch(type(reset).objects.get(pk=reset.pk), actor=Actor.of(operator), now=the.later(151))
        real(reset, *words, **more)

    monkeypatch.setattr(watching, "_store", slow)
    look(idle, 152)
    idle.refresh_from_db()
    assert (idle.shards.get().watch, resets.is_open(idle)) == ("held", False)
    assert AuditRow.objects.filter(action="reset.watched").count() == 1


def test_somebody_may_end_the_watch(idle, operator):
    look(idle, 120)
    resets.end_watch(idle, actor=Actor.of(operator), now=the.later(130))
    assert (idle.shards.get().watch, idle.watch_ended_by) == ("held", operator.username)
    assert not resets.is_open(idle)
    assert AuditRow.objects.get(action="reset.watch_ended").actor_name == operator.username
    resets.end_watch(idle, actor=Actor.of(operator), now=the.later(140))
    assert AuditRow.objects.filter(action="reset.watch_ended").count() == 1
