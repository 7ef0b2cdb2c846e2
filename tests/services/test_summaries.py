"""What is stored of a reading, and what the next one needs of it, whatever lies in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints.models import ConsumerGroup, Reading
from checkpoints.services import collector, summaries

pytestmark = pytest.mark.django_db
FRESH = timedelta(0)


def moment() -> datetime:
    return datetime.now(UTC)


def test_a_reading_of_another_release_does_not_keep_its_logstore_from_being_read(
    emu: Any, group: ConsumerGroup, caplog: pytest.LogCaptureFixture
) -> None:
    first = collector.read_group(group, max_age=FRESH, now=moment())
    newer = [row | {"invented_later": 1} for row in first.shards]
    Reading.objects.filter(pk=first.pk).update(shards=newer)
    first.refresh_from_db()
    assert [fact.shard for fact in first.facts()] == [0, 1, 2, 3]
    Reading.objects.filter(pk=first.pk).update(shards=[{"shard": 0, "begin": "no number"}])
    collector.read_logstore(group.logstore, now=moment() + timedelta(seconds=30))
    assert "is left out" in caplog.text
    assert group.readings.count() == 2


def test_the_readings_of_vanished_groups_are_not_parsed_again(emu: Any, group: ConsumerGroup) -> None:
    collector.read_group(group, max_age=FRESH, now=moment())
    assert len(summaries.latest_readings([group.logstore])[group.logstore.pk]) == 1
    ConsumerGroup.objects.filter(pk=group.pk).update(vanished_at=moment())
    assert not summaries.latest_readings([group.logstore])


def test_checkpoints_that_are_no_positions_do_not_blind_a_logstore(emu: Any, group: ConsumerGroup) -> None:
    emu.add_group("proj", "store", "cg-0", checkpoints={str(shard): 1_700_000_000 for shard in range(4)})
    ConsumerGroup.objects.filter(pk=group.pk).update(lost=None)
    for _ in range(2):
        collector.read_logstore(group.logstore, now=moment())
    group.refresh_from_db()
    assert (group.verdict, group.problem) == ("losing_data", None)
    assert group.lost is not None
    assert summaries.MOST >= group.lost > 10**18


@pytest.mark.parametrize(("count", "stored"), [(None, None), (7, 7), (2**64, 2**63 - 1)])
def test_a_count_is_stored_as_far_as_the_database_can_hold_it(count: int | None, stored: int | None) -> None:
    assert summaries.storable(count) == stored
