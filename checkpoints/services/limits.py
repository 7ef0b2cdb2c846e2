"""How many calls a second one endpoint gets from this process, and fewer while the service throttles."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

BURST_SECONDS = 0.2
RECOVERY_SECONDS = 60.0
LEAST_SHARE = 0.05


class Limit:
    """Gives calls their turn; safe to share between threads.

    `most` calls a second, after a pause up to BURST_SECONDS of them at once. Each throttled answer halves the
    rate, at most once a second and not below LEAST_SHARE; within RECOVERY_SECONDS it is back.
    """

    def __init__(self, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = Lock()
        self._slow = 1.0  # the share of `most` that was left after the last throttled answer
        self._refused_at = float("-inf")
        self._next = float("-inf")

    def wait(self) -> float:
        """Return the seconds until this call may go out; its turn is taken."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - BURST_SECONDS)
            self._next = turn + 1 / self._rate(now)
            return max(0.0, turn - now)

    def refused(self) -> None:
        """Slow down: the service throttled a call."""
        with self._lock:
            now = self._clock()
            if now - self._refused_at >= 1:
                self._slow = max(LEAST_SHARE, self._rate(now) / self._most / 2)
                self._refused_at = now

    def _rate(self, now: float) -> float:
        recovered = (now - self._refused_at) / RECOVERY_SECONDS
        return self._most * min(1.0, self._slow + recovered)
