"""When an endpoint that keeps failing is left alone, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain import clocks

FAILURES = 5
"""So many failures in a row open the breaker."""
PAUSE = timedelta(seconds=20)
"""How long nothing is read. Twice this, and what one reading may take, is less than a minute: an endpoint
that answers again is read again within 60 s."""
PROBE = timedelta(seconds=30)
"""How long one reading may take to tell whether the endpoint answers again; longer than a reading can."""


class State(StrEnum):
    """What may be read: everything, nothing, or one Logstore as a probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Breaker:
    """Failures in a row that mean the endpoint and not one Logstore; `retry_at` is None while closed."""

    failures: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Return what may be read now."""
        if self.retry_at is None:
            return State.CLOSED
        return State.HALF_OPEN if clocks.has_come(self.retry_at, now, furthest=PROBE) else State.OPEN

    def failed(self, now: datetime) -> Breaker:
        """Return the breaker after one more failure."""
        failures = self.failures + 1
        if failures < FAILURES:
            return replace(self, failures=failures)
        return Breaker(failures, self.opened_at or now, now + PAUSE)

    def probing(self, now: datetime) -> Breaker:
        """Return the breaker while somebody probes: everybody else waits for the answer."""
        return replace(self, retry_at=now + PROBE)
