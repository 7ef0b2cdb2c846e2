"""Places, times and sentences as plans and resets store them, ready for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.domain.messages import Message, load


@dataclass(frozen=True)
class Point:
    """A place in a shard; `at_end` says that no log group lies there yet, so that it has no time."""

    cursor: str
    position: str | None
    time: datetime | None
    at_end: bool = False


def point(stored: dict[str, Any], end: str) -> Point:
    """Return a stored place."""
    return Point(stored["cursor"], stored["position"], moment(stored["time"]), stored["position"] == end)


def moment(text: str | None) -> datetime | None:
    """Return a stored time."""
    return None if text is None else datetime.fromisoformat(text)


def messages(stored: Sequence[dict[str, Any]]) -> list[Message]:
    """Return stored sentences."""
    return [load(one) for one in stored]
