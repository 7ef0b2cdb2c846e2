"""When a Logstore is read next: hot ones more often, idle ones less, all of them spread over the interval."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from checkpoints.domain import clocks
from checkpoints.domain.messages import say
from checkpoints.domain.verdicts import Verdict

LEAST = timedelta(seconds=5)
IDLE_TIMES = 5
IDLE_MOST = timedelta(minutes=5)
IDLE_AFTER = timedelta(hours=1)
WATCHED_FOR = timedelta(minutes=2)
LIVELY = timedelta(hours=1)
LATE = {
    Verdict.LOSING_DATA,
    Verdict.AT_RISK,
    Verdict.STOPPED,
    Verdict.STALLED,
    Verdict.FOREIGN_MOVE,
    Verdict.BEHIND,
    Verdict.CATCHING_UP,
}
STALE_AFTER_INTERVALS = 5
STALE_AFTER_READINGS = 2
"""A Logstore that is read rarely, because nothing moves, may miss one of its readings."""
TOO_OLD = say("The last reading is too old to say anything of now.")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
GOLDEN = (math.sqrt(5) - 1) / 2


class Heat(StrEnum):
    """How often a Logstore deserves to be read."""

    HOT = "hot"
    USUAL = "usual"
    IDLE = "idle"


def is_late(verdict: str, last_commit_at: datetime | None, now: datetime) -> bool:
    """Whether a group is late and alive; one whose consumers left long ago changes too slowly to be hot."""
    return verdict in LATE and last_commit_at is not None and now - last_commit_at <= LIVELY


def heat(
    now: datetime,
    *,
    late: bool,
    caught_up: bool,
    watched_at: datetime | None,
    moved_at: datetime | None,
) -> Heat:
    """Return how often a Logstore deserves to be read.

    `late`: one of its groups is, see is_late. `caught_up`: all of them are. `watched_at`: when somebody had
    it on a page. `moved_at`: when an end or a checkpoint was last seen to move.
    """
    if late or clocks.is_young(watched_at, now, most=WATCHED_FOR):
        return Heat.HOT
    quiet = moved_at is not None and now - moved_at >= IDLE_AFTER
    return Heat.IDLE if quiet and caught_up else Heat.USUAL


def every(heat: Heat, interval: timedelta) -> timedelta:
    """Return the time between two readings, from the interval of the endpoint."""
    if heat is Heat.HOT:
        return max(LEAST, interval / 2)
    if heat is Heat.IDLE:
        return max(interval, min(IDLE_TIMES * interval, IDLE_MOST))
    return interval


def furthest(interval: timedelta) -> timedelta:
    """Return how far ahead next_at() may be for a Logstore of an endpoint with this interval."""
    return 1.5 * every(Heat.IDLE, interval)


def is_stale(read_at: datetime | None, now: datetime, *, interval: timedelta, planned: timedelta) -> bool:
    """Tell whether a reading is too old to say anything of now, or from the future.

    `planned` is how often the Logstore is read, `interval` how often those of its endpoint usually are.
    """
    return not clocks.is_young(read_at, now, most=stale_after(interval, planned))


def stale_after(interval: timedelta, planned: timedelta) -> timedelta:
    """Return the greatest age of a reading that says something of now."""
    return max(STALE_AFTER_INTERVALS * interval, STALE_AFTER_READINGS * planned)


def next_at(now: datetime, period: timedelta, number: int) -> datetime:
    """Return when to read next: at the Logstore's own moment in each period, at least half a period ahead.

    Moments follow from `number`, by steps of the golden ratio: any thousand Logstores are spread evenly, and
    each keeps its moment whatever the readings themselves take.
    """
    offset = period * (number * GOLDEN % 1.0)
    turns = math.ceil((now + period / 2 - offset - EPOCH) / period)
    return EPOCH + offset + turns * period
