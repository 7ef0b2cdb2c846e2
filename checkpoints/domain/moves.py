"""Moves of a checkpoint that no consumer of its group can have made, seen from one reading to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

SKEW_SECONDS = 5.0
"""How far our clock and that of SLS may differ when two times are taken for the same event."""
READING_SECONDS = 60.0
"""How long a reading may take: it is stamped with its beginning."""
PULLED_PER_SECOND = 100 * 1000
"""What one shard gives at most: 100 reads a second of 1,000 log groups (docs/sls-protocol.md, Limits)."""
STEPS, TIMES, LEAST = 3, 10, 100
"""A jump is TIMES as fast as the fastest of the last STEPS steps, and LEAST log groups at least."""


def grace(timeout: float) -> float:
    """Return for how many seconds after a reset of ours a consumer may still save an old place."""
    return max(120.0, timeout + 60)


def is_ours(own: Iterable[float], since: float, until: float) -> bool:
    """Whether we wrote between two readings, given when we wrote."""
    return any(since - SKEW_SECONDS <= at <= until + READING_SECONDS for at in own)


class OwnWrite(NamedTuple):
    """A checkpoint that this product wrote: to which shard, when in epoch seconds, which position."""

    shard: int
    at: float
    position: int


class Move(StrEnum):
    """How a checkpoint moved without its consumer."""

    BACK = "back"
    TOO_FAST = "too_fast"
    NAMELESS = "nameless"


class Place(NamedTuple):
    """Where a checkpoint was seen; times are epoch seconds, None is not known."""

    at: float
    position: int | None
    backlog: int | None
    owner: str
    saved_at: float | None


def is_plain(before: int | None, after: int | None, *, named: bool) -> bool:
    """Whether a step cannot be a move that a Watcher tells of; `named` is False where a name was dropped."""
    return before is None or after is None or (0 <= after - before < LEAST and named)


class Watcher:
    """Is shown the places of one shard, oldest first, and tells which moves were nobody's of the group.

    Back: a consumer only moves ahead. Too fast: more than a shard gives, or many times what the same
    consumer did while it had more to read than it could. Nameless: a consumer signs with its name, tools do
    not; told only while the timeout of the group has not passed since, after which SLS may drop the name.
    A consumer may save an old place for a while after a write of ours, and one that loses its shard after the
    new one has saved: those are nobody else's moves.
    """

    def __init__(self, own: Iterable[OwnWrite], *, timeout: float) -> None:
        self._own = [one.at for one in own]
        self._timeout, self._grace = timeout, grace(timeout)
        self._last: Place | None = None
        self._lately: deque[Place] = deque()
        self._pace: deque[float] = deque(maxlen=STEPS)

    def see(self, place: Place) -> Move | None:
        """Take in the next place; returns how it came to be there if that was somebody else's doing."""
        last, self._last = self._last, place
        self._remember(place)
        if last is None or last.position is None or place.position is None or place.at <= last.at:
            self._pace.clear()
            return None
        if is_ours(self._own, last.at - self._grace, place.at):
            self._pace.clear()
            return None
        return self._judge(last, place, place.position - last.position)

    def _judge(self, last: Place, place: Place, moved: int) -> Move | None:
        if moved < 0:
            self._pace.clear()
            return None if self._is_late_flush(last, place) else Move.BACK
        if moved and last.owner and not place.owner and self._is_fresh(place):
            return Move.NAMELESS
        speed = moved / (place.at - last.at)
        if speed > PULLED_PER_SECOND or self._is_out_of_character(last, place, moved, speed):
            self._pace.clear()
            return Move.TOO_FAST
        if moved and place.backlog and last.owner == place.owner:
            self._pace.append(speed)
        else:
            self._pace.clear()  # it had read all there was, so its own speed is not known
        return None

    def _remember(self, place: Place) -> None:
        self._lately.append(place)
        while place.at - self._lately[0].at > self._grace:
            self._lately.popleft()

    def _is_late_flush(self, last: Place, place: Place) -> bool:
        """Whether another owner saved a place not older than one that was seen a moment ago."""
        *seen, now = (one.position for one in self._lately if one.position is not None)
        return last.owner != place.owner and bool(seen) and now >= min(seen)

    def _is_fresh(self, place: Place) -> bool:
        return place.saved_at is not None and place.at - place.saved_at < self._timeout

    def _is_out_of_character(self, last: Place, place: Place, moved: int, speed: float) -> bool:
        known = len(self._pace) == STEPS and last.owner == place.owner
        return known and moved >= LEAST and speed > TIMES * max(self._pace)
