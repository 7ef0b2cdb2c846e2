"""Samples of readings: parsed once, and never trusted more than the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints.models import ConsumerGroup, Reading
from checkpoints.services import collector, recent

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def nothing_kept(now: Any) -> None:
    recent.forget(now + timedelta(days=1))


def times(group: ConsumerGroup, since: Any) -> list[Any]:
    return [
        sample.at for sample in recent.samples([group], since=since, until=since + 1440 * MINUTE)[group.pk]
    ]


def test_a_reading_is_parsed_once(emu: Any, group: ConsumerGroup, now: Any, monkeypatch: Any) -> None:
    for minutes in (2, 1, 0):
        collector.read_logstore(group.logstore, now=now - minutes * MINUTE)
    parsed: list[Reading] = []
    monkeypatch.setattr(Reading, "facts", parsed.append)
    assert times(group, now - 9 * MINUTE) == [now - 2 * MINUTE, now - MINUTE, now]
    assert parsed == []


def test_after_a_restart_they_are_parsed_from_the_database(emu: Any, group: ConsumerGroup, now: Any) -> None:
    for minutes in (1, 0):
        collector.read_logstore(group.logstore, now=now - minutes * MINUTE)
    before = recent.samples([group], since=now - 9 * MINUTE, until=now)
    recent.forget(now + MINUTE)
    assert recent.samples([group], since=now - 9 * MINUTE, until=now) == before


def test_what_another_process_stored_or_pruned_counts(emu: Any, group: ConsumerGroup, now: Any) -> None:
    for minutes in (2, 1):
        collector.read_logstore(group.logstore, now=now - minutes * MINUTE)
    first = group.readings.order_by("taken_at")[0]
    Reading.objects.create(group=group, taken_at=now, shards=first.shards)
    first.delete()
    assert times(group, now - 9 * MINUTE) == [now - MINUTE, now]


def test_what_nobody_asks_for_is_forgotten(emu: Any, group: ConsumerGroup, now: Any) -> None:
    collector.read_logstore(group.logstore, now=now)
    assert len(recent._kept) == 1
    recent.samples([group], since=now + MINUTE, until=now + 2 * MINUTE)
    assert recent._kept == {}
