"""How near the loss of unread data is."""

from __future__ import annotations

from datetime import timedelta


def risk(left: timedelta | None, *, retention: timedelta | None) -> str:
    """Return "bad" below a tenth of the retention or six hours, "warn" below half of it, else ""."""
    if left is None or retention is None:
        return ""
    if left < max(retention / 10, timedelta(hours=6)):
        return "bad"
    return "warn" if left < retention / 2 else ""
