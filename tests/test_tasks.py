"""The background work: what is put into the queue, and what a task does when its turn comes."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.utils import timezone

from checkpoints import tasks
from checkpoints.models import ConsumerGroup, Endpoint
from checkpoints.services import collector
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue() -> Iterator[Any]:
    site.HUEY.flush()
    yield site.HUEY
    site.HUEY.flush()


def store(name: str, **values: Any) -> Endpoint:
    return Endpoint.objects.create(name=name, host="127.0.0.1:1", scheme="http", protection="none", **values)


def waiting(queue: Any) -> Counter[tuple[str, Any]]:
    return Counter((task.name, task.args) for task in queue.scheduled() + queue.pending())


def test_a_tick_asks_for_the_collections_of_one_minute(queue: Any, settings: Any) -> None:
    settings.COLLECT_INTERVAL = 15
    one, two = store("one"), store("two")
    tasks.tick.call_local()
    assert waiting(queue) == {
        ("collect_endpoint", (str(one.pk),)): 4,
        ("collect_endpoint", (str(two.pk),)): 4,
    }


def test_an_interval_of_an_hour_is_still_looked_at_every_minute(queue: Any, settings: Any) -> None:
    settings.COLLECT_INTERVAL = 3600
    one = store("one")
    tasks.tick.call_local()
    assert waiting(queue) == {("collect_endpoint", (str(one.pk),)): 1}


@pytest.mark.parametrize("state", [{"enabled": False}, {"removed_at": timezone.now()}])
def test_a_tick_leaves_out_what_is_disabled_or_removed(queue: Any, state: dict[str, Any]) -> None:
    store("gone", **state)
    tasks.tick.call_local()
    assert waiting(queue) == {}


def test_a_collection_finds_and_reads_the_groups(endpoint: Endpoint) -> None:
    tasks.collect_endpoint.call_local(str(endpoint.pk))
    assert ConsumerGroup.objects.get(name="cg-0").read_at is not None


def test_an_endpoint_removed_while_its_task_waited_is_left_alone() -> None:
    gone = store("gone", removed_at=timezone.now())
    tasks.collect_endpoint.call_local(str(gone.pk))
    gone.refresh_from_db()
    assert gone.next_read_at is None


def test_an_endpoint_that_never_was_is_left_alone() -> None:
    assert tasks.collect_endpoint.call_local(str(uuid.uuid4())) is None


def test_a_fault_of_ours_is_logged_and_does_not_stop_the_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(collector, "collect_due", fail)
    with caplog.at_level(logging.ERROR, logger="checkpoints.tasks"):
        tasks.collect_endpoint.call_local(str(store("broken").pk))
    assert [record.getMessage() for record in caplog.records] == ["collecting broken failed"]
    assert "a fault of ours" in caplog.text


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
