"""How near the loss of unread data is."""

from __future__ import annotations

from datetime import timedelta

from checkpoints.domain.thresholds import Thresholds


def risk(left: timedelta | None, *, retention: timedelta | None, limits: Thresholds) -> str:
    """Return "bad" where a verdict says so too, "warn" below half of the retention, else ""."""
    if left is None or retention is None:
        return ""
    if left < limits.near_loss(retention):
        return "bad"
    return "warn" if left < retention / 2 else ""
