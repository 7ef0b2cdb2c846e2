"""The background work: what is put into the queue, and what a task does when its turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.utils import timezone

from checkpoints import tasks
from checkpoints.models import ConsumerGroup, Endpoint, Lease
from checkpoints.services import collector, discovery, pruning, resets, snapshots
from checkpoints.services import waiting as waits
from dashboard import memory
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue() -> Iterator[Any]:
    site.HUEY.flush()
    yield site.HUEY
    site.HUEY.flush()


def waiting(queue: Any) -> Counter[tuple[str, Any]]:
    return Counter((task.name, task.args) for task in queue.scheduled() + queue.pending())


def test_a_tick_asks_for_a_collection_every_five_seconds(queue: Any) -> None:
    tasks.tick.call_local()
    assert waiting(queue) == {("collect", ()): 12}


def test_a_collection_finds_and_reads_the_groups(endpoint: Endpoint) -> None:
    tasks.collect.call_local()
    assert ConsumerGroup.objects.get(name="cg-0").read_at is not None


def test_a_process_collects_once_at_the_same_time(emu: Any, endpoint: Endpoint) -> None:
    with collector._running:
        tasks.collect.call_local()
    assert emu.stats()["total"] == 0


def test_a_collection_that_is_asked_to_stop_takes_no_more(
    emu: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = discovery.keep

    def kept_then_stopped(*args: Any, **how: Any) -> None:
        keep(*args, **how)
        tasks.stop_collecting()

    monkeypatch.setattr(discovery, "keep", kept_then_stopped)
    tasks.collect.call_local()
    assert ConsumerGroup.objects.get(name="cg-0").read_at is None
    monkeypatch.undo()
    tasks.collect.call_local()
    assert ConsumerGroup.objects.get(name="cg-0").read_at is not None


def test_settling_asks_for_a_look_every_ten_seconds(queue: Any) -> None:
    tasks.settle.call_local()
    assert waiting(queue) == {("look", ()): 6}


def test_a_look_ends_a_watch_that_nobodys_page_follows(emu: Any, group: Any, people: Any) -> None:
    the.place(emu, {0: 5, 1: 5, 2: 5, 3: 5})
    reset = the.apply(the.make(group, people["operator"], "earliest"), people["operator"])
    assert set(the.watches(reset).values()) == {"watching"}
    type(reset).objects.filter(pk=reset.pk).update(watch_until=timezone.now())
    tasks.look.call_local()
    assert "watching" not in the.watches(reset).values()


def test_the_start_settles_what_an_earlier_process_left_open(
    emu: Any, group: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checkpoints.models import Reset

    the.place(emu, {0: 5, 1: 5, 2: 5, 3: 5})
    reset = the.apply(the.make(group, people["operator"], "earliest"), people["operator"])
    Reset.objects.filter(pk=reset.pk).update(outcome=Reset.Outcome.SENDING)
    tasks.settle_at_start.call_local()
    reset.refresh_from_db()
    assert reset.outcome != Reset.Outcome.SENDING


def test_scheduled_snapshots_are_taken_when_they_are_due(group: Any) -> None:
    ConsumerGroup.objects.filter(pk=group.pk).update(snapshot_hours=6)
    tasks.take_snapshots.call_local()
    tasks.take_snapshots.call_local()
    assert group.snapshots.count() == 1


TASKS = [
    (tasks.settle, "settling", resets, "settle"),
    (tasks.look, "waits", waits, "look_at_open"),
    (tasks.look, "watches", resets, "look_at_open"),
    (tasks.take_snapshots, "snapshots", snapshots, "take_due"),
    (tasks.prune, "pruning", pruning, "prune"),
]


@pytest.mark.parametrize(("task", "name", "service", "does"), TASKS, ids=[row[1] for row in TASKS])
def test_work_is_done_by_one_process_and_one_thread_at_a_time(
    task: Any, name: str, service: Any, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def work(now: Any) -> None:
        done.append(now)
        task.call_local()  # as by another worker of this process

    monkeypatch.setattr(service, does, work)
    lease = Lease.objects.create(name=name, until=timezone.now() + timedelta(seconds=30))
    task.call_local()
    assert done == [], "another process is at it"
    lease.delete()
    task.call_local()
    task.call_local()
    assert len(done) == 2


def test_every_night_what_nobody_needs_of_signing_in_is_dropped(people: dict[str, Any]) -> None:
    now = timezone.now()
    for days in (-1, 1):
        Session.objects.create(session_key=f"{days}", session_data="", expire_date=now + timedelta(days=days))
    for days in (29, 31):
        row = AccessAttempt.objects.create(username=f"{days}", failures_since_start=5)
        AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=now - timedelta(days=days))
        log = AccessLog.objects.create(username=f"{days}")
        AccessLog.objects.filter(pk=log.pk).update(attempt_time=now - timedelta(days=days))
    tasks.prune.call_local()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["1"]
    for model in (AccessAttempt, AccessLog):
        assert list(model.objects.values_list("username", flat=True)) == ["29"]


def test_a_worker_sets_the_garbage_collector_as_the_web_server_does(monkeypatch: Any) -> None:
    settled: list[int] = []
    monkeypatch.setattr(memory, "settle", lambda: settled.append(1))
    site.HUEY.create_consumer(workers=1)
    assert settled == [1]
