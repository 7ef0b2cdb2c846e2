"""Samples made up for tests: shards in a state of their own, a minute apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from checkpoints.domain.history import Sample, Seen, Total
from checkpoints.domain.lag import State

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())


def seen(position: int | None = 100, end: int | None = 150, **changes: Any) -> Seen:
    """Make one shard: behind, with a backlog of what lies between, a lag of a second per log group."""
    left = None if position is None or end is None else end - position
    values: dict[str, Any] = {
        "state": State.BEHIND,
        "end": end,
        "position": position,
        "backlog": left,
        "lag": left,
        "newest_at": NOON,
        "read_at": NOON - 60,
        "unread_at": NOON - 59,
        "saved_at": NOON - 5,
        "owner": "worker-1",
    }
    return Seen(**(values | changes))


def sample(minute: float = 0, **shards: Seen) -> Sample:
    """Make a sample so many minutes after noon; shards are named s0, s1 and so on."""
    return Sample(NOON + int(60 * minute), {int(name[1:]): one for name, one in shards.items()})


def total(minute: float = 0, **changes: Any) -> Total:
    """Make the total of a group, with a lag of a minute."""
    values: dict[str, Any] = {
        "lag": 60, "lag_low": 60, "at_least": 0, "backlog": 100, "backlog_low": 100,
        "written": 60, "written_in": 60, "drained": 30, "drained_in": 60,
    }  # fmt: skip
    return Total(NOON + int(60 * minute), **(values | changes))
