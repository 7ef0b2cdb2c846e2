"""How often the consumer of a shard saves: visits, and the waits with unread log groups between them.

A consumer that saves every quarter of an hour looks for most of that time like one that stopped. Only what it
did before tells them apart, and that lies further back than a trend looks; so visits are kept with the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from checkpoints.domain.thresholds import LESS

KEPT = 3
KEPT_SECONDS = 2 * 86_400
TOLERANCE = 1.5
"""A wait may last this much longer than the longest one seen before."""


class Visit(NamedTuple):
    """A time during which the checkpoint moved again and again, as epoch seconds of readings.

    `to_end`: nothing that was old was left unread after the last move.
    """

    begun: int
    ended: int
    to_end: bool

    @property
    def lasted(self) -> int:
        """Seconds from the first to the last move."""
        return self.ended - self.begun


Visits = tuple[Visit, ...]


class Step(NamedTuple):
    """What one reading saw of a shard after the reading before it: did the checkpoint move ahead?

    `waited`: before that something had been unread for some time. `to_end`: nothing old is unread now.
    """

    at: int
    moved: bool
    waited: bool
    to_end: bool


def follow(visits: Visits, step: Step, *, apart: timedelta) -> Visits:
    """Return the visits after one more reading: a move after a wait of at least `apart` begins a new one."""
    if not step.moved:
        return visits
    last = visits[-1] if visits else None
    if last is None or (step.waited and step.at - last.ended >= apart.total_seconds()):
        new = (*visits, Visit(step.at, step.at, step.to_end))
    else:
        new = (*visits[:-1], Visit(last.begun, step.at, step.to_end))
    return tuple(one for one in new[-KEPT:] if step.at - one.ended <= KEPT_SECONDS)


def wait(visits: Visits, *, late: timedelta) -> timedelta | None:
    """Return the longest usual wait, None when the consumer is not known to wait.

    It is known after two visits, or three when they last longer than `late`: a consumer that ran for an hour,
    was dead for another and runs again has no habit yet. Visits are short beside the waits.
    """
    waits = [after.begun - before.ended for before, after in pairwise(visits)]
    if not waits:
        return None
    longest, widest = max(visit.lasted for visit in visits), max(waits)
    known = len(visits) == KEPT or longest <= late.total_seconds()
    return timedelta(seconds=widest) if known and 2 * longest <= widest else None


def is_often(visits: Visits, *, flush: timedelta) -> bool:
    """Whether the last visit lasted so long that the consumer has saved more than once."""
    return bool(visits) and visits[-1].lasted >= 2 * flush.total_seconds()


def saves_rarely(visits: Visits, now: int, *, late: timedelta) -> bool:
    """Whether the consumer comes after long waits, reads to the end each time, and is not overdue.

    Long is what makes it late, or nearly so: at the limit the word would flap.
    """
    usual = wait(visits, late=late)
    if usual is None or usual < late * LESS or now - visits[-1].ended > TOLERANCE * usual.total_seconds():
        return False
    going_on = now - visits[-1].ended < late.total_seconds()
    return all(visit.to_end for visit in (visits[:-1] if going_on else visits))


def dump(visits: Visits) -> list[list[int]]:
    """Return visits as they are stored."""
    return [[one.begun, one.ended, int(one.to_end)] for one in visits]


def load(stored: Sequence[Sequence[int]]) -> Visits:
    """Return what dump() stored."""
    return tuple(Visit(begun, ended, bool(to_end)) for begun, ended, to_end in stored)
