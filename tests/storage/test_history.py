"""The history on PostgreSQL: packed, rolled up and shown as on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.test_scaled_out import product


@pytest.mark.postgres
def test_postgresql_packs_and_shows_the_history(own_postgres: str, tmp_path: Path) -> None:
    done = product(
        tmp_path,
        """
        from datetime import UTC, datetime, timedelta
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        from checkpoints.domain.series import SPANS
        from checkpoints.models import ConsumerGroup, HistoryChunk, Reading
        from checkpoints.models.facts import dump
        from checkpoints.queries import history as queries
        from checkpoints.services import history, summaries
        from tests.views.lagging import facts, group
        start = datetime(2026, 11, 23, tzinfo=UTC)  # no week of the hourly level ends within the test
        made = group("cg")
        for step in range(0, 1560, 10):
            at = start + timedelta(minutes=step)
            seen = dump([facts("behind", end=1010000 + step)])
            Reading.objects.create(group=made, taken_at=at, shards=seen)
        ConsumerGroup.objects.update(read_at=at, lag_seconds=9, backlog=5)
        now = at
        for minute in range(240):
            now = at + timedelta(minutes=minute)
            assert history.roll_up(now)
        print(sorted({(chunk.level, chunk.samples) for chunk in HistoryChunk.objects.all()}))
        found = ConsumerGroup.objects.select_related("history").get()
        for span in SPANS[2:]:
            view = queries.view(found, span, now=now, zone=UTC)
            assert len(view.series.points) > 2, span
            assert queries.view(found, span, now=now, zone=UTC, shard=0).lag == view.lag
        assert queries.sparks_of([found.pk], now=now)[found.pk].path
        summaries.prune([found], now=now + timedelta(hours=2))
        print(Reading.objects.count(), "left")
        """,
        DATABASE_URL=own_postgres,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[(0, 1), (0, 2), (1, 144)]", "0 left"]
