"""Times that a clock wrote down: one that was ahead for a while stops nothing once it is right again."""

from __future__ import annotations

from datetime import datetime, timedelta

APART = timedelta(minutes=1)
"""By so much the clocks of two hosts may differ before one takes what the other has written for a mistake."""


def has_come(at: datetime | None, now: datetime, *, furthest: timedelta) -> bool:
    """Whether a time has come that is never set more than `furthest` ahead; nothing set has come as well.

    One that lies further ahead was set by a clock that was wrong. It has come, or nobody would do for hours
    what it is the time of.
    """
    return at is None or not now < at <= now + furthest + APART


def is_young(at: datetime | None, now: datetime, *, most: timedelta) -> bool:
    """Whether something was seen at most so long ago; what was seen in the future is of an unknown age."""
    return at is not None and -APART <= now - at <= most
