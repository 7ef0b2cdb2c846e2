"""When a late group has caught up: one answer on every page, from what its small line is made of."""

from __future__ import annotations

from datetime import datetime

from checkpoints.domain import sparks
from checkpoints.domain.messages import Message, say
from checkpoints.domain.series import HOUR, LEAST_STEPS, eta
from checkpoints.domain.sparks import STEP, Recent
from checkpoints.models import ConsumerGroup, GroupHistory
from checkpoints.queries.thresholds import thresholds

NEVER = say("not at this rate")


def caught_up(group: ConsumerGroup, *, now: datetime) -> Message | None:
    """Return in how long a group has caught up, None when it is not late or too little is known.

    The group comes best with its history selected as well.
    """
    history: GroupHistory | None = getattr(group, "history", None)
    if history is None or (group.lag_seconds or 0) < thresholds().late.total_seconds():
        return None
    return at_pace(sparks.read(bytes(history.recent)), now=int(now.timestamp()) // STEP * STEP)


def at_pace(recent: list[Recent], *, now: int) -> Message | None:
    """Return in how long a backlog is gone at the pace of the last hour; `now` is the begin of a step."""
    known = [(point.number * STEP, point.backlog) for point in recent if point.backlog is not None]
    hour = [(at, backlog) for at, backlog in known if at >= now - HOUR]
    found = eta(hour, now=now)
    if found:
        return found.words
    return NEVER if len(hour) > LEAST_STEPS else None
